use std::fmt;

use serde_json::{Map, Value};
use time::Duration;

use super::JoseFault;
use crate::types::Timestamp;

/// How far the clock of whoever made a token may be ahead.
pub(crate) const LEEWAY: Duration = Duration::seconds(30);
/// How long an assertion may live: for so long its use is remembered.
pub(crate) const LONGEST_ASSERTION: Duration = Duration::HOUR;

/// The last second of the year 9999: later times are mistakes or attacks.
const LAST: i64 = 253_402_300_799;

/// The claims of a token that somebody trusted has vouched for: by a signature, which
/// [`Jws::verify`](super::Jws::verify) has checked, or to an introspection.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    pub(crate) fn verified(members: Map<String, Value>) -> Self {
        Self(members)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// A claim that is text, if it is there.
    pub(crate) fn str(&self, name: &'static str) -> Result<Option<&str>, JoseFault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JoseFault::Claims(name)),
        }
    }

    /// A claim that is a time, if it is there: a whole second from 1970 to 9999 ([RFC 7519 §2];
    /// threat JW-12).
    ///
    /// [RFC 7519 §2]: https://www.rfc-editor.org/rfc/rfc7519#section-2
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, JoseFault> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_i64().filter(|seconds| (0..=LAST).contains(seconds));
        seconds.map(|seconds| Some(Timestamp::from_unix(seconds))).ok_or(JoseFault::Claims(name))
    }

    /// Whom the token is for, nobody if it does not say ([RFC 7519 §4.1.3]).
    ///
    /// [RFC 7519 §4.1.3]: https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3
    pub(crate) fn audience(&self) -> Result<Vec<&str>, JoseFault> {
        let mistyped = JoseFault::Claims("aud");
        match self.0.get("aud") {
            None => Ok(Vec::new()),
            Some(Value::String(one)) => Ok(vec![one]),
            Some(Value::Array(all)) => all.iter().map(|one| one.as_str().ok_or(mistyped)).collect(),
            Some(_) => Err(mistyped),
        }
    }

    /// Checks `exp`, `nbf` and `iat` as far as they are there ([RFC 7519 §4.1.4]). Whether they
    /// must be, the caller knows.
    ///
    /// The leeway is for a sender whose clock is ahead; what has expired gets none.
    ///
    /// [RFC 7519 §4.1.4]: https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4
    pub(crate) fn in_time(&self, now: Timestamp, leeway: Duration) -> Result<(), JoseFault> {
        let (expires, issued) = (self.time("exp")?, self.time("iat")?);
        if expires.is_some_and(|expires| expires <= now) {
            return Err(JoseFault::Claims("exp"));
        }
        let latest = now + leeway;
        if self.time("nbf")?.is_some_and(|not_before| latest < not_before) {
            return Err(JoseFault::Claims("nbf"));
        }
        if issued.is_some_and(|issued| latest < issued) {
            return Err(JoseFault::Claims("iat"));
        }
        match (issued, expires) {
            (Some(issued), Some(expires)) if expires < issued => Err(JoseFault::Claims("exp")),
            _ => Ok(()),
        }
    }
}

/// The names only: the values are about people.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims ")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}
