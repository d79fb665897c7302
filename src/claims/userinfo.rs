//! The UserInfo endpoint ([OIDC Core §5.3]).
//!
//! [OIDC Core §5.3]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{Account, claims_of};
use crate::{
    error::{BearerError, Reason},
    grant::{Facts, Grant, Standings, Status},
    mint::AccessToken,
    provider::Core,
    types::{Subject, Timestamp},
    wire::{Authorization, Params, Reply, Request},
};

pub(crate) async fn userinfo(core: &Core, request: &Request<'_>) -> Result<Reply, BearerError> {
    let params = presented_params(request)?;
    let text = bearer(request, &params)?;
    let now = core.clock.now();
    let token = AccessToken::open(core, text).ok_or(Reason::BearerInvalid)?;
    if token.expires() <= now {
        return Err(Reason::BearerExpired.into());
    }
    let key = Grant::key(&core.config.issuer, &token.grant);
    let grant = core.load::<Grant>(&key).await?.ok_or(Reason::BearerInvalid)?.body;
    let wanted = check(&grant, &token, now)?;
    let client = core.clients.client(&grant.client).await?.ok_or(Reason::BearerInvalid)?;
    let facts = Facts::load(core, &grant, Standings::Light, &wanted).await?;
    grant.stands(&client, &facts, Standings::Light, now).map_err(|_| Reason::BearerInvalid)?;
    let account = facts.account().ok_or(Reason::BearerInvalid)?;
    Ok(respond(&grant.sub, &account, &wanted))
}

/// Whether the grant carries the token; answers the claims that its scope asks for.
fn check(grant: &Grant, token: &AccessToken, now: Timestamp) -> Result<Vec<&'static str>, Reason> {
    if grant.status != Status::Active || grant.access_epoch != token.epoch || grant.expires <= now {
        return Err(Reason::BearerInvalid);
    }
    if !grant.scope.contains("openid") {
        return Err(Reason::OpenidScopeMissing);
    }
    Ok(claims_of(&grant.scope))
}

fn respond(sub: &Subject, account: &Account, wanted: &[&str]) -> Reply {
    Reply::json(200, &UserInfo { sub, claims: &account.claims, wanted })
}

/// `sub`, then those claims that were wanted and say something.
struct UserInfo<'u> {
    sub: &'u Subject,
    claims: &'u Map<String, Value>,
    wanted: &'u [&'u str],
}

impl Serialize for UserInfo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("sub", self.sub)?;
        for (name, value) in self.claims {
            if self.wanted.contains(&name.as_str()) && says_something(value) {
                members.serialize_entry(name, value)?;
            }
        }
        members.end()
    }
}

/// A claim that is not known is left out, not sent empty (§5.3.2).
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The parameters of the body; one that is no form is refused.
fn presented_params<'r>(request: &Request<'r>) -> Result<Params<'r>, Reason> {
    if Params::parse(&[request.query.as_bytes()]).all("access_token").next().is_some() {
        return Err(Reason::BearerInQuery);
    }
    if request.method != "POST" || request.body.is_empty() {
        return Ok(Params::default());
    }
    request.form()?.bounded()
}

/// The one token of the request, in the header or in the body ([RFC 6750 §2]), never in the query
/// ([RFC 9700 §4.3.2]).
///
/// [RFC 6750 §2]: https://www.rfc-editor.org/rfc/rfc6750#section-2
/// [RFC 9700 §4.3.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.3.2
fn bearer<'p>(request: &Request<'p>, params: &'p Params<'_>) -> Result<&'p str, BearerError> {
    let in_body = params.one("access_token")?;
    match (request.authorization(), in_body) {
        (Authorization::Bearer(_), Some(_)) => Err(Reason::BearerTwice.into()),
        (Authorization::Malformed, _) => Err(Reason::BearerMalformed.into()),
        (Authorization::Bearer(token), None) | (_, Some(token)) => Ok(token),
        // Another scheme is as good as none (§3.1).
        (_, None) => Err(BearerError::ABSENT),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// OIDC Core §5.3.2: what is not known is left out; threat IR-08: what was not asked for too.
    #[test]
    fn only_wanted_claims_that_say_something() {
        let Value::Object(claims) = json!({
            "sub": "mallory", "name": "A", "email": "", "nickname": null, "address": {},
            "phone_number": " ", "updated_at": 1, "email_verified": false, "gender": "x"
        }) else {
            unreachable!()
        };
        let wanted = [
            "name",
            "email",
            "nickname",
            "address",
            "phone_number",
            "updated_at",
            "email_verified",
        ];
        let sub = Subject::new("alice").unwrap();
        let reply = respond(&sub, &Account::active().claims(claims), &wanted);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(
            body,
            json!({"sub": "alice", "name": "A", "updated_at": 1, "email_verified": false})
        );
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}
