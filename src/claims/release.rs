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
}

/// Where claims are to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// In an ID token; with no access token beside it, what the scope asks for must be there too.
    IdToken {
        /// Whether the client gets an access token, with which it can ask UserInfo.
        access_token: bool,
    },
    /// In an answer of UserInfo.
    UserInfo,
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
    /// requested ∩ consented ∩ policy, and what is given always ([OIDC Core §5.4], [§5.5]).
    ///
    /// [OIDC Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
    /// [§5.5]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter
    pub(crate) fn of(
        rules: &'w ClaimRules,
        client: &'w Client,
        scope: &Scope,
        claims: &'w GrantedClaims,
        target: Target,
    ) -> Self {
        let (by_name, by_scope, elsewhere) = match target {
            Target::IdToken { access_token } => {
                let by_scope = client.claims.scopes_in_id_token.unwrap_or(!access_token);
                (&claims.id_token, by_scope, ClaimPlace::UserInfo)
            }
            Target::UserInfo => (&claims.userinfo, true, ClaimPlace::IdToken),
        };
        let scoped = by_scope.then(|| rules.claims_of(scope)).into_iter().flatten();
        let mut names: Vec<&str> = Vec::new();
        for name in scoped.chain(by_name.iter().map(|name| &**name)) {
            let refused = claims.refused.iter().any(|refused| **refused == *untagged(name));
            let may = !refused && !is_reserved(untagged(name)) && client.claims.permits(name);
            if may && !names.contains(&name) {
                names.push(name);
            }
        }
        let here = |claim: &&AlwaysClaim| claim.place != elsewhere;
        let always = rules.always.iter().filter(here).collect();
        Self { names, always, locales: &claims.locales }
    }

    /// What the host is asked for: names without language tags, none twice.
    pub(crate) fn ask(&self) -> Vec<&'w str> {
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
