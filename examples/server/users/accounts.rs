//! What the provider asks about people.

use std::sync::Arc;

use async_trait::async_trait;
use oidc_op::{Account, Accounts, Client, ClientPermissions, HostError, Scope, Subject};

use super::{User, Users};

#[async_trait]
impl Accounts for Users {
    async fn account(
        &self,
        subject: &Subject,
        wanted: &[&str],
    ) -> Result<Option<Account>, HostError> {
        let Some(user) = self.by_subject(subject) else { return Ok(None) };
        let is_wanted = |name: &str| {
            let plain = name.split_once('#').map_or(name, |(plain, _)| plain);
            wanted.contains(&plain)
        };
        let claims = user.claims.iter().filter(|(name, _)| is_wanted(name));
        let claims = claims.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut account = Account::active().claims(claims);
        account.active = !user.disabled;
        account.sources = user.sources.clone();
        Ok(Some(account))
    }
}

#[async_trait]
impl ClientPermissions for Users {
    /// Whether the account is active is asked before.
    async fn permitted(
        &self,
        owner: &Subject,
        _client: &Client,
        scope: &Scope,
    ) -> Result<Scope, HostError> {
        let user = self.by_subject(owner);
        let may = |user: Arc<User>| user.permissions.clone().unwrap_or_else(|| scope.clone());
        Ok(user.map(may).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use oidc_op::ClaimMapping;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::config::Settings;

    /// A mapping finds what the file does not say; with a claim come its languages.
    #[tokio::test]
    async fn claims_come_from_the_file_and_from_documents() {
        let mut entry = Settings::demo().unwrap().users.remove(0);
        entry.claims = Map::from_iter([("name".into(), "Said".into())]);
        entry.document = Some(json!({"n": "Found", "nick": "F"}));
        let rules = json!({"name": "/n", "name#de": "/n", "nickname": "/nick", "gender": "/none"});
        let mapping: ClaimMapping = serde_json::from_value(rules).unwrap();
        let users = Users::new(&[entry], Some(&mapping)).unwrap();
        let subject = Subject::new("248289761001").unwrap();
        let account = users.account(&subject, &["name", "gender"]).await.unwrap().unwrap();
        assert_eq!(Value::Object(account.claims), json!({"name": "Said", "name#de": "Found"}));
    }
}
