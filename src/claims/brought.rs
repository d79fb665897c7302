//! Claims that a sign-in brings along: kept with it, and said where the host says nothing.

use serde_json::{Map, Value};

use super::{Account, is_reserved, standard::says_something, untagged};
use crate::{
    error::HostError,
    provider::Core,
    session::InvalidLogin,
    types::{Authentication, Subject},
};

/// As JSON; they are a part of sessions and of grants.
const SIZE: usize = 8 * 1024;
/// Deeper than any claim, and far from where what was written could not be read again.
const DEPTH: usize = 16;

/// Those that can be said of somebody, if it is not too much to keep.
pub(crate) fn brought(claims: &Map<String, Value>) -> Result<Map<String, Value>, InvalidLogin> {
    let good = |(name, value): &(&String, &Value)| !is_reserved(name) && says_something(value);
    let kept = claims.iter().filter(good).map(|(name, value)| (name.clone(), value.clone()));
    let kept: Map<_, _> = kept.collect();
    if !kept.values().all(|value| is_shallow(value, DEPTH)) {
        return Err(InvalidLogin::Depth);
    }
    let fits = |text: String| text.len() <= SIZE;
    if kept.is_empty() || serde_json::to_string(&kept).is_ok_and(fits) {
        return Ok(kept);
    }
    Err(InvalidLogin::Size)
}

fn is_shallow(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => depth > 0 && items.iter().all(|item| is_shallow(item, depth - 1)),
        Value::Object(members) => {
            depth > 0 && members.values().all(|member| is_shallow(member, depth - 1))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

impl Core {
    /// The account of a person who signed in so, with the claims that are wanted, and perhaps others: as the
    /// host knows it now, and what the sign-in brought along where the host says nothing.
    pub(crate) async fn account_of(
        &self,
        subject: &Subject,
        auth: &Authentication,
        wanted: &[&str],
    ) -> Result<Option<Account>, HostError> {
        let account = self.account(subject, &asked(&auth.claims, wanted)).await?;
        Ok(account.map(|account| account.with_brought(&auth.claims, wanted)))
    }
}

/// What the host is asked for: what is wanted, and what must be known before anything else is said of that.
fn asked<'n>(brought: &Map<String, Value>, wanted: &[&'n str]) -> Vec<&'n str> {
    let mut asked = wanted.to_vec();
    let is_brought = |name: &&&str| brought.keys().any(|brought| untagged(brought) == **name);
    for other in wanted.iter().filter(is_brought).filter_map(|name| other_half(name)) {
        if !asked.contains(&other) {
            asked.push(other);
        }
    }
    asked
}

/// The claim that goes with another one. What one source calls verified is not the address that another one
/// knows.
fn other_half(name: &str) -> Option<&'static str> {
    match name {
        "email" => Some("email_verified"),
        "email_verified" => Some("email"),
        "phone_number" => Some("phone_number_verified"),
        "phone_number_verified" => Some("phone_number"),
        _ => None,
    }
}

impl Account {
    /// A claim that the host names, in whatever language or by reference, is the host's alone, though it says
    /// that there is none; and so is the other half of a pair.
    fn with_brought(mut self, brought: &Map<String, Value>, wanted: &[&str]) -> Self {
        let is_hosts = |name: &str| {
            self.claims.keys().any(|said| untagged(said) == name)
                || self.sources.claims().any(|said| untagged(said) == name)
        };
        let is_free = |name: &str| {
            wanted.contains(&name) && !is_hosts(name) && !other_half(name).is_some_and(is_hosts)
        };
        let free = brought.iter().filter(|(name, _)| is_free(untagged(name)));
        let free: Vec<_> = free.map(|(name, value)| (name.clone(), value.clone())).collect();
        self.claims.extend(free);
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ClaimSource;

    fn map(json: Value) -> Map<String, Value> {
        let Value::Object(map) = json else { unreachable!() };
        map
    }

    /// Threat TK-02: no name of the protocol's own, with a language tag or without.
    #[test]
    fn what_is_kept() {
        let kept = brought(&map(json!({
            "name": "A", "name#de": "B", "sub": "mallory", "sub#de": "mallory", "acr": "gold", "aud": ["x"],
            "_claim_names": {}, "email": "", "nickname": null, "address": {}, "groups": ["a"], "n": 0
        })));
        assert_eq!(
            kept.unwrap(),
            map(json!({"name": "A", "name#de": "B", "groups": ["a"], "n": 0}))
        );
    }

    #[test]
    fn what_is_too_much() {
        let nested = |depth| (0..depth).fold(json!("x"), |inner, _| json!([inner]));
        // {"a":"…"}
        for (value, fits) in [
            (json!("x".repeat(SIZE - 8)), true),
            (json!("x".repeat(SIZE - 7)), false),
            (nested(DEPTH), true),
            (nested(DEPTH + 1), false),
            (json!({"b": nested(DEPTH)}), false),
        ] {
            assert_eq!(brought(&map(json!({"a": value}))).is_ok(), fits);
        }
        let reserved = map(json!({"sub": "x".repeat(SIZE)}));
        assert!(brought(&reserved).unwrap().is_empty(), "what is dropped is not counted");
    }

    #[test]
    fn the_host_comes_first() {
        let brought = map(json!({
            "name": "up", "name#fr": "up-fr", "email": "up@example.org", "phone_number": "+1", "role": "up",
            "nickname": "up", "title": "up", "unwanted": 1
        }));
        let mut account = Account::active().claims(map(json!({
            "name#de": "host", "email": "host@example.org", "phone_number": " ", "role": null, "sub": "a"
        })));
        account.sources.add(ClaimSource::aggregated("a.b.c"), ["nickname"]);
        let wanted = ["name", "email", "phone_number", "role", "nickname", "title"];
        assert_eq!(
            account.with_brought(&brought, &wanted).claims,
            map(json!({
                "name#de": "host", "email": "host@example.org", "phone_number": " ", "role": null, "sub": "a",
                "title": "up"
            }))
        );
    }

    /// Nobody's address is verified by somebody who knows another one, or none.
    #[test]
    fn a_pair_comes_from_one_source() {
        let pair = ["email", "email_verified"];
        let up = json!({"email": "up@example.org", "email_verified": true});
        for (host, wanted, free) in [
            (json!({}), &pair[..], &pair[..]),
            (json!({"name": "host"}), &pair, &pair),
            (json!({"phone_number": "+1"}), &pair, &pair),
            (json!({"email": "host@example.org"}), &pair, &[]),
            (json!({"email#de": "host@example.org"}), &pair, &[]),
            (json!({"email": null}), &pair, &[]),
            (json!({"email_verified": false}), &pair, &[]),
            (json!({"email": "host@example.org"}), &pair[1..], &[]),
            (json!({"email_verified": true}), &pair[..1], &[]),
            (json!({}), &pair[1..], &pair[1..]),
        ] {
            let account = Account::active().claims(map(host.clone()));
            let mut expected = map(host.clone());
            expected.extend(free.iter().map(|name| ((*name).into(), up[*name].clone())));
            let said = account.with_brought(&map(up.clone()), wanted).claims;
            assert_eq!(said, expected, "{host} {wanted:?}");
        }
        let mut account = Account::active();
        account.sources.add(ClaimSource::aggregated("a.b.c"), ["phone_number"]);
        let brought = map(json!({"phone_number_verified": true}));
        assert!(account.with_brought(&brought, &["phone_number_verified"]).claims.is_empty());
    }

    /// The host is asked for both, if one of them would be said.
    #[test]
    fn what_the_host_is_asked_for() {
        let up = map(json!({"email#de": "up@example.org", "phone_number_verified": true}));
        for (wanted, expected) in [
            (&[][..], &[][..]),
            (&["name"], &["name"]),
            (&["email"], &["email", "email_verified"]),
            (&["email_verified"], &["email_verified"]),
            (&["phone_number", "name"], &["phone_number", "name"]),
            (
                &["phone_number_verified", "name"],
                &["phone_number_verified", "name", "phone_number"],
            ),
            (&["email_verified", "email"], &["email_verified", "email"]),
        ] {
            assert_eq!(asked(&up, wanted), expected);
        }
    }
}
