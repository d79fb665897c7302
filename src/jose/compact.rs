use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::JoseFault;
use crate::wire;

/// How long a token may be, in bytes (threat JW-02).
pub(super) const MAX_SIZE: usize = 16 * 1024;

/// Whether the text has the five parts of a JWE ([RFC 7516 §9]); it may still be malformed.
///
/// [RFC 7516 §9]: https://www.rfc-editor.org/rfc/rfc7516#section-9
pub(crate) fn is_jwe(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'.').take(5).count() == 4
}

/// Exactly so many parts, of a text that is not too long.
pub(super) fn parts<const N: usize>(text: &str) -> Result<[&str; N], JoseFault> {
    if text.len() > MAX_SIZE {
        return Err(JoseFault::Malformed);
    }
    let mut found = [""; N];
    let mut parts = text.split('.');
    for part in &mut found {
        *part = parts.next().ok_or(JoseFault::Malformed)?;
    }
    if parts.next().is_some() { Err(JoseFault::Malformed) } else { Ok(found) }
}

/// Base64url in its one spelling: no padding, no spare bits, nothing else ([RFC 7515 §2]).
///
/// [RFC 7515 §2]: https://www.rfc-editor.org/rfc/rfc7515#section-2
pub(super) fn decode(part: &str) -> Result<Vec<u8>, JoseFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JoseFault::Malformed)
}

/// A JOSE header without extensions.
pub(super) struct Header(Map<String, Value>);

impl Header {
    /// Reads a header, and refuses what changes how the rest must be read: no extension is known
    /// ([RFC 7515 §4.1.11], [RFC 7797 §6]; threat JW-03).
    ///
    /// [RFC 7515 §4.1.11]: https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11
    /// [RFC 7797 §6]: https://www.rfc-editor.org/rfc/rfc7797#section-6
    pub(super) fn parse(part: &str) -> Result<Self, JoseFault> {
        let members = wire::json_object(&decode(part)?).ok_or(JoseFault::Malformed)?;
        if ["crit", "b64"].iter().any(|name| members.contains_key(*name)) {
            return Err(JoseFault::Malformed);
        }
        Ok(Self(members))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, JoseFault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JoseFault::Malformed),
        }
    }

    /// An algorithm, which must be there.
    pub(super) fn algorithm<T: std::str::FromStr>(&self, name: &str) -> Result<T, JoseFault> {
        let text = self.text(name)?.ok_or(JoseFault::Malformed)?;
        text.parse().map_err(|_| JoseFault::Algorithm)
    }
}
