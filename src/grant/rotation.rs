use serde::{Deserialize, Serialize};
use time::Duration;

use crate::client::Client;

/// Whether a client's refresh tokens change at each use, and which clients get any: an administrator's
/// word ([RFC 9700 §4.14.2]).
///
/// ```
/// use oidc_op::{RefreshPolicy, Rotation};
///
/// let policy: RefreshPolicy =
///     serde_json::from_str(r#"{"rotation": {"window": 60}, "online": true}"#).unwrap();
/// assert_eq!(policy.rotation, Some(Rotation::Window(60)));
/// ```
///
/// [RFC 9700 §4.14.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RefreshPolicy {
    /// What becomes of a token that was used. By default a public client's is void at once, and a
    /// confidential client may repeat a request for 30 seconds. A public client is always treated as
    /// `strict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// Whether it gets refresh tokens without the scope `offline_access` too; these end with the
    /// browser session. No by default.
    pub online: bool,
}

/// What becomes of a refresh token that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rotation {
    /// It stays, for clients that authenticate.
    Off,
    /// It is void: using it once more is theft, and ends the grant.
    Strict,
    /// For so many seconds (more than 300 count as 300), using it once more gives the same successor once more, as long
    /// as that has not been used: for lost answers and for several tabs at once. Later it is theft.
    Window(u16),
}

/// How far apart the clocks of two nodes may be: just after its window a token is refused, and nothing
/// else happens.
pub(crate) const SKEW: Duration = Duration::seconds(5);

impl Rotation {
    const LONGEST: u16 = 300;

    /// What holds for a client ([RFC 9700 §4.14.2]: a public client's tokens must rotate).
    ///
    /// [RFC 9700 §4.14.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
    pub(crate) fn of(client: &Client) -> Self {
        if client.is_public() {
            return Self::Strict;
        }
        match client.refresh.rotation.unwrap_or(Self::Window(30)) {
            Self::Window(0) => Self::Strict,
            Self::Window(seconds) => Self::Window(seconds.min(Self::LONGEST)),
            other => other,
        }
    }
}
