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
    /// The claims that are asked of the host, by scope or singly, and no others; any, if absent. What is
    /// [always](Self::always) said needs no mention, nor what the host is asked only to know whose word counts
    /// ([`Login::claims`](crate::Login::claims)).
    ///
    /// The metadata list them (`claims_supported`); if absent, the standard ones and those of
    /// [`scopes`](Self::scopes). A standard scope of which none is left is not known at all.
    pub supported: Option<Vec<Box<str>>>,
    /// The languages of claims, as BCP 47 tags (`claims_locales_supported`).
    pub locales: Vec<Box<str>>,
    /// Whether ID tokens carry `nbf`, the same time as `iat`; no.
    pub not_before: bool,
    /// Whether ID tokens say of the sign-in itself only what was asked for; no.
    ///
    /// Then `auth_time` needs `max_age`, `acr` needs `acr_values`, or the client's metadata ask for them
    /// (`require_auth_time`, `default_max_age`, `default_acr_values`); `sid` needs `frontchannel_logout_uri` or
    /// `backchannel_logout_uri`, where the client hears which session has ended. These as well as `amr` and
    /// `s_hash` may also be asked for singly, by the `claims` parameter ([OIDC Core §5.5]).
    ///
    /// An ID token without `sid` cannot say which session is to end: at the end of session endpoint the
    /// person is asked. One without `auth_time` cannot be exchanged for an access token.
    ///
    /// [OIDC Core §5.5]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter
    pub lean_id_tokens: bool,
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
            for claim in claims {
                if !is_claim(claim) {
                    found
                        .push(format!("claims.scopes.{token}: {claim:?} cannot be a host's claim"));
                } else if !self.supports(claim) {
                    found.push(format!(
                        "claims.scopes.{token}: {claim:?} is not among claims.supported"
                    ));
                }
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

    /// The claims that a scope asks for ([OIDC Core §5.4]), of those that are
    /// [supported](Self::supported): for a consent page that groups them.
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
            .filter(|claim| self.supports(claim))
    }

    /// Whether the host is asked for a claim, named without a language tag.
    pub(crate) fn supports(&self, name: &str) -> bool {
        let supported = self.supported.as_ref();
        supported.is_none_or(|supported| supported.iter().any(|claim| **claim == *name))
    }

    /// Whether a claim is said whether or not it is asked for.
    pub(crate) fn says(&self, name: &str) -> bool {
        let everywhere = |claim: &&AlwaysClaim| claim.place == ClaimPlace::Everywhere;
        self.always.iter().filter(everywhere).any(|claim| *claim.name == *name)
    }

    /// The standard scope tokens, but those that ask for claims of which none is supported; and those that
    /// ask for claims of the host's own.
    pub(crate) fn scope(&self) -> Scope {
        let supported =
            |claims: &[&str]| claims.is_empty() || claims.iter().any(|claim| self.supports(claim));
        let standard = STANDARD_SCOPES.iter().filter(|(_, claims)| supported(claims));
        let own = self.scopes.keys().map(|token| &**token);
        // Well-formed, and each small enough: judged by `contradictions`.
        let scope = |tokens: Vec<&str>| Scope::parse(&tokens.join(" ")).unwrap_or_default();
        scope(standard.map(|(token, _)| *token).collect()).union(&scope(own.collect()))
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

    /// What is not supported is asked for by no scope, and a scope of which nothing is left is none.
    #[test]
    fn what_is_supported_bounds_scopes() {
        let every = "openid profile email address phone offline_access";
        for (json, known, asked) in [
            (
                r#"{"scopes": {"roles": ["role"]}}"#,
                "openid profile email address phone offline_access roles",
                19,
            ),
            (
                r#"{"scopes": {"roles": ["role"]}, "supported": ["name", "email", "role"]}"#,
                "openid profile email offline_access roles",
                2,
            ),
            (r#"{"supported": []}"#, "openid offline_access", 0),
            (
                r#"{"scopes": {"phone": ["sip"], "plain": []}, "supported": ["sip"], "always": [{"name": "name"}]}"#,
                "openid offline_access phone plain",
                1,
            ),
        ] {
            let rules: ClaimRules = serde_json::from_str(json).unwrap();
            assert_eq!(rules.contradictions(), Vec::<String>::new(), "{json}");
            assert_eq!(rules.scope(), Scope::parse(known).unwrap(), "{json}");
            assert_eq!(rules.claims_of(&Scope::parse(every).unwrap()).count(), asked, "{json}");
        }
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
            r#"{"scopes": {"roles": ["role"]}, "supported": ["name"]}"#,
        ] {
            let rules: ClaimRules = serde_json::from_str(json).unwrap();
            assert_eq!(rules.contradictions().len(), 1, "{json}");
        }
    }
}
