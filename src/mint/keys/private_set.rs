use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{KeyError, KeyProblem};

/// What tells a private key from the others of its set.
pub(crate) trait PrivateKey: Sized {
    fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyProblem>;
    fn kid(&self) -> &str;
    fn thumbprint(&self) -> &str;
}

/// Reads a private JWK Set, or a single private JWK, in which no key and no `kid` stands twice
/// ([RFC 7517 §5], [RFC 8725 §3.1]).
///
/// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
/// [RFC 8725 §3.1]: https://www.rfc-editor.org/rfc/rfc8725#section-3.1
pub(crate) fn private_set<K: PrivateKey>(json: &str) -> Result<Vec<K>, KeyError> {
    // Into a `Value`: the errors of a typed parser quote what they have read.
    let value: Value = serde_json::from_str(json)
        .map_err(|e| KeyError::NotJson { line: e.line(), column: e.column() })?;
    let jwks = match value.get("keys") {
        Some(Value::Array(jwks)) => jwks.as_slice(),
        None if value.get("kty").is_some() => std::slice::from_ref(&value),
        _ => return Err(KeyError::NotAKeySet),
    };
    let (mut kids, mut thumbprints) = (HashSet::new(), HashSet::new());
    let keys = jwks.iter().zip(1..).map(|(jwk, position)| {
        let refused = |problem| KeyError::Refused { position, problem };
        let jwk = jwk.as_object().ok_or(refused(KeyProblem::NotAnObject))?;
        let key = K::from_jwk(jwk).map_err(refused)?;
        if !kids.insert(key.kid().to_owned()) {
            return Err(refused(KeyProblem::DuplicateKid));
        }
        if !thumbprints.insert(key.thumbprint().to_owned()) {
            return Err(refused(KeyProblem::Reused));
        }
        Ok(key)
    });
    keys.collect()
}
