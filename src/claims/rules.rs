use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AlwaysClaim, ClaimPlace, is_reserved, scopes::STANDARD_SCOPES};
use crate::types::Scope;

/// What the provider says of people, and when: the claims part of a
/// [`Config`](crate::Config).
///
/// ```
/// let rules: oidc_op::ClaimRules = serde_json::from_str(
///     r#"{
///         "scopes": {"roles": ["role"], "work": ["https://id.example/claims/department"]},
///         "always": [{"name": "managed"}, {"name": "token_usage", "value": "identity"}]
///     }"#,
/// )
/// .unwrap();
/// assert!(rules.contradictions().is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ClaimRules {
    /// Scopes of the host's own and the claims that each asks for. A standard scope listed here asks
    /// for these as well.
    ///
    /// What a scope asks for is read when an answer is made. Of a claim that is added here later,
    /// people are asked at their next sign-in, but tokens that are out carry it at once: put it under
    /// a new scope if that matters.
    pub scopes: BTreeMap<Box<str>, Vec<Box<str>>>,
    /// Claims that are given without being asked for.
    pub always: Vec<AlwaysClaim>,
    /// The claims that the host can answer, for the metadata (`claims_supported`); the standard ones
    /// and those above, if absent.
    pub supported: Option<Vec<Box<str>>>,
    /// The languages of claims, as BCP 47 tags (`claims_locales_supported`).
    pub locales: Vec<Box<str>>,
    /// Whether ID tokens carry `nbf`, the same time as `iat`; no.
    pub not_before: bool,
    /// Whether the host answers with [`ClaimSources`](crate::ClaimSources), for the metadata
    /// (`claim_types_supported`); no.
    pub sources: bool,
}

impl ClaimRules {
    /// Every contradiction, each as a sentence that names the member; none if all is well.
    pub fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (token, claims) in &self.scopes {
            let plain = Scope::parse(token).is_ok_and(|scope| scope.iter().eq([&**token]));
            if !plain {
                found.push(format!("claims.scopes: {token:?} is not one scope token"));
            }
            for claim in claims.iter().filter(|claim| !is_claim(claim)) {
                found.push(format!("claims.scopes.{token}: {claim:?} cannot be a host's claim"));
            }
        }
        let tokens: Vec<_> = self.scopes.keys().map(|token| &**token).collect();
        if found.is_empty() && Scope::parse(&tokens.join(" ")).is_err() {
            found.push("claims.scopes: too many, or too long, to be asked for at once".into());
        }
        for name in self.supported.iter().flatten().filter(|name| !is_claim(name)) {
            found.push(format!("claims.supported: {name:?} cannot be a host's claim"));
        }
        for AlwaysClaim { name, .. } in &self.always {
            if !is_claim(name) {
                found.push(format!("claims.always: {name:?} cannot be a host's claim"));
            }
        }
        found
    }

    /// The claims that a scope asks for ([OIDC Core §5.4]): for a consent page that groups them.
    ///
    /// ```
    /// use oidc_op::{ClaimRules, Scope};
    ///
    /// let rules = ClaimRules::default();
    /// let scope = Scope::parse("openid email").unwrap();
    /// assert_eq!(rules.claims_of(&scope).collect::<Vec<_>>(), ["email", "email_verified"]);
    /// ```
    ///
    /// [OIDC Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
    pub fn claims_of<'r>(&'r self, scope: &Scope) -> impl Iterator<Item = &'r str> {
        let standard = STANDARD_SCOPES.iter().filter(|(token, _)| scope.contains(token));
        let own = self.scopes.iter().filter(|(token, _)| scope.contains(token));
        standard
            .flat_map(|(_, claims)| claims.iter().copied())
            .chain(own.flat_map(|(_, claims)| claims.iter().map(|claim| &**claim)))
    }

    /// Whether a claim is said whether or not it is asked for.
    pub(crate) fn says(&self, name: &str) -> bool {
        let everywhere = |claim: &&AlwaysClaim| claim.place == ClaimPlace::Everywhere;
        self.always.iter().filter(everywhere).any(|claim| *claim.name == *name)
    }

    /// The scope tokens that ask for claims of the host's own.
    pub(crate) fn scope(&self) -> Scope {
        let tokens: Vec<_> = self.scopes.keys().map(|token| &**token).collect();
        // Judged by `contradictions`.
        Scope::parse(&tokens.join(" ")).unwrap_or_default()
    }

    /// The claims that metadata list, each once.
    pub(crate) fn listed(&self) -> Vec<&str> {
        let standard = STANDARD_SCOPES.iter().flat_map(|(_, claims)| claims.iter().copied());
        let mut listed: Vec<&str> = match &self.supported {
            Some(supported) => supported.iter().map(|claim| &**claim).collect(),
            None => standard.chain(self.scopes.values().flatten().map(|claim| &**claim)).collect(),
        };
        listed.extend(self.always.iter().map(|claim| &*claim.name));
        let mut once = Vec::with_capacity(listed.len());
        for claim in listed {
            if !once.contains(&claim) {
                once.push(claim);
            }
        }
        once
    }
}

/// Whether it names a claim of a host's: visible ASCII without a language tag, which is the host's to
/// choose at each answer, and not one of the protocol's own (threat TK-02).
pub(crate) fn is_claim(name: &str) -> bool {
    let plain = name.bytes().all(|b| matches!(b, 0x21..=0x7E) && b != b'#');
    plain && !name.is_empty() && name.len() <= 255 && !is_reserved(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_ask_for_claims() {
        let rules: ClaimRules = serde_json::from_str(
            r#"{"scopes": {"roles": ["role"], "profile": ["role", "title"]}, "always": [{"name": "managed"}]}"#,
        )
        .unwrap();
        let scope = Scope::parse("phone openid roles unknown").unwrap();
        let asked: Vec<_> = rules.claims_of(&scope).collect();
        assert_eq!(asked, ["phone_number", "phone_number_verified", "role"]);
        let listed = rules.listed();
        assert!(listed.contains(&"managed") && listed.contains(&"email"));
        assert_eq!(listed.iter().filter(|claim| **claim == "role").count(), 1);
    }

    /// Threat TK-02.
    #[test]
    fn reserved_claims_are_refused() {
        for json in [
            r#"{"scopes": {"roles": ["sub"]}}"#,
            r#"{"scopes": {"two words": ["role"]}}"#,
            r#"{"always": [{"name": "iss", "value": "x"}]}"#,
            r#"{"always": [{"name": "aud#de"}]}"#,
            r#"{"always": [{"name": ""}]}"#,
            r#"{"supported": ["name", "sub"]}"#,
            r#"{"scopes": {"german": ["name#de"]}}"#,
            r#"{"always": [{"name": "name#de"}]}"#,
        ] {
            let rules: ClaimRules = serde_json::from_str(json).unwrap();
            assert_eq!(rules.contradictions().len(), 1, "{json}");
        }
    }
}
