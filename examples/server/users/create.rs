//! Accounts that people create.

use std::sync::{Arc, PoisonError};

use oidc_op::{ClaimSources, Clock, Entropy, Subject, SystemClock, SystemEntropy};
use serde_json::{Map, Value, json};
use tokio::task;

use super::{Turn, User, Users, passwords::hash};

/// How many accounts people may create, so that nobody fills the memory.
const MOST: usize = 10_000;
/// An account could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotCreated {
    /// Somebody has the user name or the address.
    Taken,
    /// There are too many accounts already, or no randomness.
    Full,
}

/// What somebody filled in to get an account, checked.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) email: String,
}

impl Users {
    /// Creates an account.
    pub(crate) async fn create(
        &self,
        turn: Turn,
        new: NewUser,
        password: &str,
    ) -> Result<Arc<User>, NotCreated> {
        let password = password.to_owned();
        let hash = task::spawn_blocking(move || {
            let Turn(_permit) = turn;
            hash(&password)
        });
        let hash = hash.await.ok().and_then(Result::ok).ok_or(NotCreated::Full)?;
        let mut id = [0; 16];
        SystemEntropy::new().fill(&mut id).map_err(|_| NotCreated::Full)?;
        let subject = format!("{:032x}", u128::from_be_bytes(id));
        let user = Arc::new(User {
            subject: Subject::new(subject).map_err(|_| NotCreated::Full)?,
            hash,
            disabled: false,
            claims: new.claims(),
            sources: ClaimSources::default(),
            second_factor: None,
            permissions: None,
            username: new.username,
        });
        let mut people = self.people.write().unwrap_or_else(PoisonError::into_inner);
        if people.created >= MOST {
            return Err(NotCreated::Full);
        }
        people.insert(Arc::clone(&user)).map_err(|_| NotCreated::Taken)?;
        people.created += 1;
        Ok(user)
    }
}

/// The claims that somebody has who has created an account.
pub(crate) const CREATED_WITH: [&str; 5] =
    ["name", "preferred_username", "email", "email_verified", "updated_at"];

impl NewUser {
    fn claims(&self) -> Map<String, Value> {
        let claims = json!({
            "name": self.name,
            "preferred_username": self.username,
            "email": self.email,
            "email_verified": false,
            "updated_at": SystemClock.now().unix(),
        });
        match claims {
            Value::Object(claims) => claims,
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::tests::{sign_in, users};

    #[test]
    fn created_accounts_have_the_claims_that_are_listed() {
        let text = || "x".to_owned();
        let new = NewUser { username: text(), name: text(), email: text() };
        let claims = new.claims();
        assert_eq!(claims.len(), CREATED_WITH.len());
        assert!(CREATED_WITH.iter().all(|name| claims.contains_key(*name)));
    }

    #[tokio::test]
    async fn nobody_takes_a_name_that_somebody_has() {
        let users = users();
        let new = |username: &str, email: &str| NewUser {
            username: username.into(),
            name: "Eve".into(),
            email: email.into(),
        };
        for (new, created) in [
            (new("Alice", "e@example.com"), false),
            (new("eve", "ALICE@example.com"), false),
            (new("alice@example.com", "e@example.com"), false),
            (new("eve", "eve@example.com"), true),
            (new("eve2", "eve@example.com"), false),
        ] {
            let turn = users.turn().await.unwrap();
            let made = users.create(turn, new.clone(), "long enough").await;
            assert_eq!(made.is_ok(), created, "{new:?}");
        }
        assert_eq!(sign_in(&users, "eve@example.com", "long enough").await.as_deref(), Some("eve"));
    }
}
