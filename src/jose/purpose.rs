use serde_json::{Map, Value};

use super::key_kind::KeyKind;
use crate::{mint::KeyProblem, types::JwsAlgorithm};

/// What a key is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Sign,
    Encrypt,
    /// It does not say.
    Any,
}

impl Purpose {
    /// What `use`, `key_ops`, `alg` and `crv` agree on ([RFC 7517 §4.3]); `None` if they name
    /// something unknown.
    ///
    /// [RFC 7517 §4.3]: https://www.rfc-editor.org/rfc/rfc7517#section-4.3
    pub(super) fn of(kind: KeyKind, jwk: &Map<String, Value>) -> Result<Option<Self>, KeyProblem> {
        let mut purposes = Vec::new();
        match text(jwk, "use")? {
            None => {}
            Some("sig") => purposes.push(Self::Sign),
            Some("enc") => purposes.push(Self::Encrypt),
            Some(_) => return Ok(None),
        }
        if let Some(alg) = text(jwk, "alg")? {
            purposes.push(match (alg.parse(), alg.parse()) {
                (Ok(JwsAlgorithm::Signature(signature)), _) if kind.verifies(signature) => {
                    Self::Sign
                }
                (_, Ok(encryption)) if kind.receives(encryption) => Self::Encrypt,
                (Err(_), Err(_)) => return Ok(None),
                _ => return Err(KeyProblem::KeyType),
            });
        }
        purposes.extend(operations(jwk)?);
        match kind {
            KeyKind::Secp256k1 | KeyKind::Ed25519 => purposes.push(Self::Sign),
            KeyKind::X25519 => purposes.push(Self::Encrypt),
            KeyKind::Rsa | KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => {}
        }
        let purpose = purposes.first().copied().unwrap_or(Self::Any);
        if purposes.iter().any(|other| *other != purpose) {
            return Err(KeyProblem::Conflict);
        }
        Ok(Some(purpose))
    }
}

/// What each of `key_ops` is for; none may be there twice ([RFC 7517 §4.3]).
///
/// [RFC 7517 §4.3]: https://www.rfc-editor.org/rfc/rfc7517#section-4.3
fn operations(jwk: &Map<String, Value>) -> Result<Vec<Purpose>, KeyProblem> {
    let malformed = KeyProblem::Member("key_ops");
    let Some(operations) = jwk.get("key_ops") else { return Ok(Vec::new()) };
    let operations = operations.as_array().ok_or(malformed)?;
    let mut purposes = Vec::new();
    for (position, operation) in operations.iter().enumerate() {
        if operations.iter().take(position).any(|earlier| earlier == operation) {
            return Err(malformed);
        }
        match operation.as_str().ok_or(malformed)? {
            "sign" | "verify" => purposes.push(Purpose::Sign),
            "encrypt" | "decrypt" | "wrapKey" | "unwrapKey" | "deriveKey" | "deriveBits" => {
                purposes.push(Purpose::Encrypt);
            }
            _ => {}
        }
    }
    Ok(purposes)
}

/// A member that is text, if it is there.
pub(super) fn text<'k>(
    jwk: &'k Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'k str>, KeyProblem> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeyProblem::Member(name)),
    }
}
