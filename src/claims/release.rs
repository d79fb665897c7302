//! The one pipeline from what was asked to what is said: scopes and the `claims` parameter become
//! names, the person's refusals and the client's policy take some away, the host answers, and nothing
//! else gets through.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Account, AlwaysClaim, ClaimPlace, ClaimRules, is_reserved, locales, policy::untagged,
    standard::says_something,
};
use crate::{client::Client, types::Scope};

/// The claims that a grant carries besides those of its scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GrantedClaims {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) id_token: Vec<Box<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) userinfo: Vec<Box<str>>,
    /// What the person keeps back, whoever asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) refused: Vec<Box<str>>,
    /// The languages that are preferred, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) locales: Vec<Box<str>>,
}

impl GrantedClaims {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether ID tokens are to say it, because somebody asked for it by name.
    pub(crate) fn asks(&self, name: &str) -> bool {
        self.id_token.iter().any(|asked| **asked == *name)
    }

    /// As if it had been asked for by name, for ID tokens.
    pub(crate) fn ask(&mut self, name: &str) {
        if !self.asks(name) {
            self.id_token.push(name.into());
        }
    }

    /// What another client's token carries of it: not what was asked for singly, but what the person keeps
    /// back.
    pub(crate) fn of_another(&self) -> Self {
        Self { refused: self.refused.clone(), ..Self::default() }
    }
}

/// Where claims are to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target<'t> {
    /// In an ID token; with no access token beside it, what the scope asks for must be there too.
    IdToken {
        /// Whether the client gets an access token, with which it can ask UserInfo.
        access_token: bool,
    },
    /// In an answer of UserInfo.
    UserInfo,
    /// In an access token, or what is said of one at introspection.
    AccessToken {
        /// What the resource servers are to learn.
        claims: Vec<&'t str>,
        /// Whether they learn what the scope asks for.
        by_scope: bool,
    },
}

impl ClaimPlace {
    fn is(self, target: &Target<'_>) -> bool {
        match target {
            Target::IdToken { .. } => matches!(self, Self::Everywhere | Self::IdToken),
            Target::UserInfo => matches!(self, Self::Everywhere | Self::UserInfo),
            Target::AccessToken { .. } => self == Self::AccessToken,
        }
    }
}

/// Whether a client may have a claim if it asks: not one of the protocol's own, not one that nobody
/// knows here, and not against its policy.
pub(crate) fn may_have(rules: &ClaimRules, client: &Client, name: &str) -> bool {
    let name = untagged(name);
    !is_reserved(name) && rules.supports(name) && client.claims.permits(name)
}

/// The claims that one answer may hold. Only [`Wanted::of`] makes one.
#[derive(Debug)]
pub(crate) struct Wanted<'w> {
    /// As asked, with language tags; none twice.
    names: Vec<&'w str>,
    always: Vec<&'w AlwaysClaim>,
    locales: &'w [Box<str>],
}

impl<'w> Wanted<'w> {
    /// requested ∩ supported ∩ consented ∩ policy, and what is given always ([OIDC Core §5.4], [§5.5]).
    ///
    /// [OIDC Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
    /// [§5.5]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter
    pub(crate) fn of(
        rules: &'w ClaimRules,
        client: &'w Client,
        scope: &Scope,
        claims: &'w GrantedClaims,
        target: Target<'w>,
    ) -> Self {
        let place = |claim: &AlwaysClaim| claim.place.is(&target);
        let here = |claim: &&AlwaysClaim| place(claim) && !client.claims.denies(&claim.name);
        let always = rules.always.iter().filter(here).collect();
        let (by_name, by_scope) = match target {
            Target::IdToken { access_token } => {
                let by_scope = client.claims.scopes_in_id_token.unwrap_or(!access_token);
                (&*claims.id_token, by_scope)
            }
            Target::UserInfo => (&*claims.userinfo, true),
            Target::AccessToken { by_scope, .. } => (&[][..], by_scope),
        };
        let for_servers = match target {
            Target::AccessToken { claims, .. } => claims,
            Target::IdToken { .. } | Target::UserInfo => Vec::new(),
        };
        let scoped = by_scope.then(|| rules.claims_of(scope)).into_iter().flatten();
        let single = by_name.iter().map(|name| &**name).chain(for_servers);
        let mut names: Vec<&str> = Vec::with_capacity(24);
        let policy = &client.claims;
        let everything = policy.allow.is_none() && policy.deny.is_empty();
        for name in scoped {
            // What a scope asks for is never one of the protocol's own.
            let refused = claims.refused.iter().any(|refused| **refused == *name);
            if !refused && (everything || policy.permits(name)) && !names.contains(&name) {
                names.push(name);
            }
        }
        for name in single {
            let refused = claims.refused.iter().any(|refused| **refused == *untagged(name));
            if !refused && may_have(rules, client, name) && !names.contains(&name) {
                names.push(name);
            }
        }
        Self { names, always, locales: &claims.locales }
    }

    /// What the host is asked for: names without language tags, none twice.
    pub(crate) fn ask(&self) -> Vec<&'w str> {
        if self.always.is_empty() && !self.names.iter().any(|name| name.contains('#')) {
            return self.names.clone();
        }
        let mut ask: Vec<&str> = Vec::with_capacity(self.names.len());
        let own =
            self.always.iter().filter(|claim| claim.value.is_none()).map(|claim| &*claim.name);
        for name in self.names.iter().map(|name| untagged(name)).chain(own) {
            if !ask.contains(&name) {
                ask.push(name);
            }
        }
        ask
    }

    /// What is said, of what the host answered: nothing that is not known ([OIDC Core §5.3.2]).
    ///
    /// [OIDC Core §5.3.2]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse
    pub(crate) fn select(&self, account: &Account) -> Map<String, Value> {
        let mut said = locales::select(&account.claims, &self.names, self.locales);
        for claim in &self.always {
            let value = claim.value.as_ref().or_else(|| account.claims.get(&*claim.name));
            if let Some(value) = value.filter(|value| says_something(value)) {
                said.insert(claim.name.to_string(), value.clone());
            }
        }
        account.sources.write(&mut said, |name| self.names.contains(&name));
        said
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{ClientId, ClientMetadata, RedirectUri};

    fn names(list: &[&str]) -> Vec<Box<str>> {
        list.iter().map(|name| (*name).into()).collect()
    }

    fn client(policy: &Value) -> Client {
        let mut metadata = ClientMetadata::default();
        metadata.redirect_uris.push(RedirectUri::new("https://c.example/cb").unwrap());
        let mut client = Client::public(ClientId::new("c").unwrap(), metadata).unwrap();
        client.claims = serde_json::from_value(policy.clone()).unwrap();
        client
    }

    const FRONT: Target<'_> = Target::IdToken { access_token: false };
    const BACK: Target<'_> = Target::IdToken { access_token: true };

    /// OIDC Core §5.4, §5.5; property P-03.
    #[test]
    fn requested_and_consented_and_allowed() {
        let rules: ClaimRules =
            serde_json::from_value(json!({"scopes": {"roles": ["role"]}})).unwrap();
        let claims = GrantedClaims {
            id_token: names(&["role", "email#de", "iss", "sub"]),
            userinfo: names(&["name", "name#fr"]),
            ..GrantedClaims::default()
        };
        let free = json!({});
        for (scope, refused, policy, target, asked) in [
            (
                "openid email",
                &[][..],
                &free,
                Target::UserInfo,
                &["email", "email_verified", "name"][..],
            ),
            ("openid email", &["email", "name"], &free, Target::UserInfo, &["email_verified"]),
            ("openid roles", &[], &free, Target::UserInfo, &["role", "name"]),
            ("openid roles", &[], &json!({"deny": ["name"]}), Target::UserInfo, &["role"]),
            ("openid roles", &[], &json!({"allow": ["name"]}), Target::UserInfo, &["name"]),
            ("openid phone", &[], &free, BACK, &["role", "email"]),
            ("openid phone", &[], &json!({"deny": ["email#fr"]}), BACK, &["role"]),
            ("openid phone", &["email"], &free, BACK, &["role"]),
            ("openid email", &[], &free, FRONT, &["email", "email_verified", "role"]),
            (
                "openid phone",
                &[],
                &json!({"scopes_in_id_token": true}),
                BACK,
                &["phone_number", "phone_number_verified", "role", "email"],
            ),
            ("openid phone", &[], &json!({"scopes_in_id_token": false}), FRONT, &["role", "email"]),
        ] {
            let client = client(policy);
            let claims = GrantedClaims { refused: names(refused), ..claims.clone() };
            let scope = Scope::parse(scope).unwrap();
            let wanted = Wanted::of(&rules, &client, &scope, &claims, target.clone());
            assert_eq!(wanted.ask(), asked, "{scope} {refused:?} {policy} {target:?}");
        }
    }

    /// OIDC Core §5.3.2: what is not known is left out; threat IR-08: what was not asked for too.
    #[test]
    fn only_wanted_claims_that_say_something() {
        let rules: ClaimRules = serde_json::from_value(json!({"always": [
            {"name": "managed"}, {"name": "usage", "value": "x", "place": "userinfo"},
            {"name": "kind", "value": 1, "place": "id_token"}
        ]}))
        .unwrap();
        let (client, claims) = (client(&json!({})), GrantedClaims::default());
        let scope = Scope::parse("openid profile email address phone").unwrap();
        let Value::Object(known) = json!({
            "sub": "mallory", "name": "A", "email": "", "nickname": null, "address": {},
            "phone_number": " ", "updated_at": 1, "email_verified": false, "shoe_size": 44,
            "managed": "InternalAzureAD"
        }) else {
            unreachable!()
        };
        let account = Account::active().claims(known);
        let said = |target| {
            let wanted = Wanted::of(&rules, &client, &scope, &claims, target);
            assert!(wanted.ask().contains(&"managed") && !wanted.ask().contains(&"usage"));
            Value::Object(wanted.select(&account))
        };
        assert_eq!(
            said(Target::UserInfo),
            json!({"name": "A", "updated_at": 1, "email_verified": false,
                   "managed": "InternalAzureAD", "usage": "x"})
        );
        assert_eq!(said(BACK), json!({"managed": "InternalAzureAD", "kind": 1}));
    }

    /// OIDC Core §5.2.
    #[test]
    fn the_language_that_was_asked_for() {
        let rules = ClaimRules::default();
        let client = client(&json!({}));
        let claims = GrantedClaims {
            userinfo: names(&["family_name#ja-Kana-JP"]),
            locales: names(&["fr", "ja-Hani-JP"]),
            ..GrantedClaims::default()
        };
        let scope = Scope::parse("openid profile").unwrap();
        let Value::Object(known) = json!({
            "name": "Ada", "name#fr": "Adélaïde", "family_name": "K", "family_name#ja-Kana-JP": "クロサワ",
            "family_name#ja-Hani-JP": "黒澤", "nickname#de": "nie verlangt"
        }) else {
            unreachable!()
        };
        let wanted = Wanted::of(&rules, &client, &scope, &claims, Target::UserInfo);
        assert_eq!(
            Value::Object(wanted.select(&Account::active().claims(known))),
            json!({"name": "Adélaïde", "family_name": "黒澤", "family_name#ja-Kana-JP": "クロサワ"})
        );
    }
}
