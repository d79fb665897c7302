use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which claims a client may have, and where: an administrator's word. Claims are named without
/// language tags.
///
/// ```
/// let policy: oidc_op::ClaimPolicy =
///     serde_json::from_str(r#"{"deny": ["phone_number"], "scopes_in_id_token": true}"#).unwrap();
/// assert!(policy.allow.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ClaimPolicy {
    /// The claims that it may ask for; all, if absent. What is [always said](AlwaysClaim) needs no
    /// asking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<BTreeSet<Box<str>>>,
    /// The claims that it never gets, those that are always said included.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub deny: BTreeSet<Box<str>>,
    /// Whether the claims that scopes ask for are in its ID tokens. If absent, only when no access
    /// token is issued, with which it could ask UserInfo ([OIDC Core §5.4]).
    ///
    /// [OIDC Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes_in_id_token: Option<bool>,
}

impl ClaimPolicy {
    /// Whether the client may ask for a claim, named without a language tag.
    pub(super) fn permits(&self, name: &str) -> bool {
        self.allow.as_ref().is_none_or(|allow| allow.contains(name)) && !self.denies(name)
    }

    /// Whoever denies one language denies them all: that is the safe side.
    pub(super) fn denies(&self, name: &str) -> bool {
        self.deny.iter().any(|denied| untagged(denied) == name)
    }
}

/// A claim that is given without being asked for.
///
/// ```
/// use oidc_op::AlwaysClaim;
///
/// // A constant of the provider's, and something that the host knows of some people.
/// let usage: AlwaysClaim =
///     serde_json::from_str(r#"{"name": "token_usage", "value": "identity"}"#).unwrap();
/// let managed: AlwaysClaim = serde_json::from_str(r#"{"name": "managed"}"#).unwrap();
/// assert!(managed.value.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AlwaysClaim {
    /// Its name.
    pub name: Box<str>,
    /// Its value; what the host says of the person, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Where it stands.
    #[serde(default)]
    pub place: ClaimPlace,
}

impl AlwaysClaim {
    /// What the host says under this name, everywhere.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self { name: name.into(), value: None, place: ClaimPlace::default() }
    }
}

/// Where a claim stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClaimPlace {
    /// In ID tokens and in UserInfo.
    #[default]
    Everywhere,
    /// In ID tokens.
    IdToken,
    /// In UserInfo.
    #[serde(rename = "userinfo")]
    UserInfo,
    /// In access tokens: in the JWT, or at introspection.
    AccessToken,
}

/// The name of a claim without its language tag ([OIDC Core §5.2]).
///
/// [OIDC Core §5.2]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsLanguagesAndScripts
pub(crate) fn untagged(name: &str) -> &str {
    // Nearly all have none, and this finds it out faster than a search for the place.
    if !name.as_bytes().contains(&b'#') {
        return name;
    }
    name.split_once('#').map_or(name, |(name, _)| name)
}
