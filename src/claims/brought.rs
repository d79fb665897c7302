//! Claims that a sign-in brings along: kept with it, and said where the host says nothing.

use serde_json::{Map, Value};

use super::{Account, is_reserved, standard::says_something, untagged};
use crate::{
    error::HostError,
    provider::Core,
    types::{Authentication, Subject},
};

/// As JSON; they are a part of sessions and of grants.
const SIZE: usize = 8 * 1024;
/// Deeper than any claim, and far from where what was written could not be read again.
const DEPTH: usize = 16;

/// Those that can be said of somebody, if it is not too much to keep.
pub(crate) fn brought(claims: &Map<String, Value>) -> Result<Map<String, Value>, HostError> {
    let good = |(name, value): &(&String, &Value)| !is_reserved(name) && says_something(value);
    let kept = claims.iter().filter(good).map(|(name, value)| (name.clone(), value.clone()));
    let kept: Map<_, _> = kept.collect();
    if !kept.values().all(|value| is_shallow(value, DEPTH)) {
        return Err("the claims of a login are nested too deeply".into());
    }
    if !kept.is_empty() && serde_json::to_string(&kept)?.len() > SIZE {
        return Err("the claims of a login are larger than 8 KiB".into());
    }
    Ok(kept)
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
    /// The account of a person who signed in so, with the claims that are wanted: as the host knows it now,
    /// and what the sign-in brought along where the host says nothing.
    pub(crate) async fn account_of(
        &self,
        subject: &Subject,
        auth: &Authentication,
        wanted: &[&str],
    ) -> Result<Option<Account>, HostError> {
        let account = self.account(subject, wanted).await?;
        Ok(account.map(|account| account.with_brought(&auth.claims, wanted)))
    }
}

impl Account {
    /// A claim of which the host says something, in whatever language or by reference, is the host's alone.
    fn with_brought(mut self, brought: &Map<String, Value>, wanted: &[&str]) -> Self {
        let is_free = |name: &str| {
            let mut said = self.claims.iter().filter(|(_, value)| says_something(value));
            wanted.contains(&name)
                && !said.any(|(said, _)| untagged(said) == name)
                && !self.sources.claims().any(|said| said == name)
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
            "nickname": "up", "unwanted": 1
        }));
        let mut account = Account::active().claims(map(json!({
            "name#de": "host", "email": "host@example.org", "phone_number": " ", "role": null, "sub": "a"
        })));
        account.sources.add(ClaimSource::aggregated("a.b.c"), ["nickname"]);
        let wanted = ["name", "email", "phone_number", "role", "nickname"];
        assert_eq!(
            account.with_brought(&brought, &wanted).claims,
            map(json!({
                "name#de": "host", "email": "host@example.org", "phone_number": "+1", "role": "up", "sub": "a"
            }))
        );
    }
}
