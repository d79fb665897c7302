use time::Duration;

/// How long the stages of a [rotation](crate::KeySet::rotate) last.
///
/// A negative duration counts as none.
///
/// ```
/// use oidc_op::{Duration, KeyRotation};
///
/// let rotation = KeyRotation::new(Duration::HOUR, Duration::DAY * 30);
/// assert_eq!(rotation.announce, Duration::hours(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRotation {
    /// From the publication of the fresh key to its first signature: longer than anybody caches the
    /// JWK Set. A day unless given.
    pub announce: Duration,
    /// From the last signature of the former key to its removal: at least as long as the
    /// longest-lived token is valid. 7 days unless given.
    pub retire: Duration,
}

impl KeyRotation {
    /// For a key that has been lost or stolen: the fresh one signs now, and the former one is gone.
    ///
    /// Clients that cache the JWK Set refuse tokens until they fetch it again.
    pub const AT_ONCE: Self = Self::new(Duration::ZERO, Duration::ZERO);

    /// Announces for one duration, retires for the other.
    pub const fn new(announce: Duration, retire: Duration) -> Self {
        Self { announce, retire }
    }
}

impl Default for KeyRotation {
    fn default() -> Self {
        Self::new(Duration::DAY, Duration::days(7))
    }
}
