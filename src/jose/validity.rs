use serde_json::{Map, Value};

use crate::{mint::KeyProblem, types::Timestamp};

/// When a key may be used, if its owner says so: the members `nbf` and `exp`, in the sense of
/// [RFC 7519 §4.1] (threat CA-14).
///
/// [RFC 7519 §4.1]: https://www.rfc-editor.org/rfc/rfc7519#section-4.1
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    not_before: Option<Timestamp>,
    expires: Option<Timestamp>,
}

impl Validity {
    /// Parts of a second are on the safe side.
    pub(super) fn of(jwk: &Map<String, Value>) -> Result<Self, KeyProblem> {
        Ok(Self {
            not_before: time(jwk, "nbf", f64::ceil)?,
            expires: time(jwk, "exp", f64::floor)?,
        })
    }

    pub(super) fn holds(self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|not_before| not_before <= now)
            && self.expires.is_none_or(|expires| now < expires)
    }
}

fn time(
    jwk: &Map<String, Value>,
    name: &'static str,
    round: fn(f64) -> f64,
) -> Result<Option<Timestamp>, KeyProblem> {
    let Some(value) = jwk.get(name) else { return Ok(None) };
    let malformed = KeyProblem::Member(name);
    let number = value.as_number().ok_or(malformed)?;
    #[expect(clippy::cast_possible_truncation, reason = "what is out of range is cut off there")]
    let rounded = || number.as_f64().map(|seconds| round(seconds) as i64);
    let seconds = number.as_i64().or_else(rounded).ok_or(malformed)?;
    Ok(Some(Timestamp::from_unix(seconds)))
}
