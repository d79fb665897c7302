use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Timestamp;

/// An Authentication Context Class Reference ([OIDC Core §2], `acr`).
///
/// [OIDC Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acr(Box<str>);

impl Acr {
    /// Takes the name as it is.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// When and how a person proved who they are ([OIDC Core §2]: `auth_time`, `acr`, `amr`).
///
/// Part of a session and of every grant made from it, so that each token tells the same story.
///
/// [OIDC Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Authentication {
    /// When the person was authenticated.
    pub time: Timestamp,
    /// The context class that was satisfied, if the host knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    /// The methods that were used, such as `pwd` or `otp` ([RFC 8176]).
    ///
    /// [RFC 8176]: https://www.rfc-editor.org/rfc/rfc8176
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<Box<str>>,
    /// What the sign-in brought along: [`Login::claims`](crate::Login::claims), without names of the
    /// protocol's own. For pages that show who is signed in, where only the sign-in knows their names.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
}

impl Authentication {
    /// An authentication at this time, by no stated means.
    pub fn at(time: Timestamp) -> Self {
        Self { time, acr: None, amr: Vec::new(), claims: Map::new() }
    }
}

impl fmt::Debug for Authentication {
    /// Claims are personal; only their names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("time", &self.time)
            .field("acr", &self.acr)
            .field("amr", &self.amr)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .finish()
    }
}
