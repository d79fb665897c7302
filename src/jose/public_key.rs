use josekit::{
    jwk::Jwk,
    jws::{ES256, ES256K, ES384, ES512},
};
use serde_json::{Map, Value};

use super::{
    key_kind::KeyKind,
    purpose::{Purpose, text},
    validity::Validity,
};
use crate::{
    mint::{self, KeyProblem},
    types::{KeyManagementAlgorithm, SigningAlgorithm, Timestamp},
};

/// Members that only the owner of a key has ([RFC 7518 §6]).
///
/// [RFC 7518 §6]: https://www.rfc-editor.org/rfc/rfc7518#section-6
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key whose members have been checked, each by itself and together.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    kind: KeyKind,
    purpose: Purpose,
    validity: Validity,
    /// As it came, with the numbers in their one spelling.
    members: Map<String, Value>,
}

impl PublicKey {
    /// Checks a key from outside ([RFC 8725 §3.4]; threat JW-06); `None` is a key to ignore, of a
    /// kind or for an algorithm that is not known ([RFC 7517 §5]).
    ///
    /// [RFC 8725 §3.4]: https://www.rfc-editor.org/rfc/rfc8725#section-3.4
    /// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
    pub(super) fn parse(jwk: &Map<String, Value>) -> Result<Option<Self>, KeyProblem> {
        let Some(key) = Self::typed(jwk)? else { return Ok(None) };
        let point = key.bare();
        let on_curve = match key.kind {
            KeyKind::P256 => ES256.verifier_from_jwk(&point).is_ok(),
            KeyKind::P384 => ES384.verifier_from_jwk(&point).is_ok(),
            KeyKind::P521 => ES512.verifier_from_jwk(&point).is_ok(),
            KeyKind::Secp256k1 => ES256K.verifier_from_jwk(&point).is_ok(),
            KeyKind::Rsa | KeyKind::Ed25519 | KeyKind::X25519 => true,
        };
        if on_curve { Ok(Some(key)) } else { Err(KeyProblem::OffCurve) }
    }

    /// Everything but the arithmetic of a curve.
    pub(super) fn typed(jwk: &Map<String, Value>) -> Result<Option<Self>, KeyProblem> {
        let kty = text(jwk, "kty")?.ok_or(KeyProblem::Member("kty"))?;
        if kty == "oct" {
            return Err(KeyProblem::Symmetric);
        }
        if let Some(name) = PRIVATE.into_iter().find(|name| jwk.contains_key(*name)) {
            return Err(KeyProblem::Private(name));
        }
        mint::jwk_kid(jwk)?;
        let Some(kind) = KeyKind::of(kty, text(jwk, "crv")?) else { return Ok(None) };
        let public = kind.shape().public(jwk)?;
        if kind == KeyKind::Rsa {
            check_size(&public)?;
        }
        let Some(purpose) = Purpose::of(kind, jwk)? else { return Ok(None) };
        let validity = Validity::of(jwk)?;
        let mut members = jwk.clone();
        members.extend(public);
        Ok(Some(Self { kind, purpose, validity, members }))
    }

    pub(super) fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(super) fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.members.get("kid").and_then(Value::as_str)
    }

    /// Whether its owner lets it be used now.
    pub(super) fn is_valid_at(&self, now: Timestamp) -> bool {
        self.validity.holds(now)
    }

    /// Whether it may check signatures of this algorithm, which must be its own if it names one.
    pub(super) fn verifies(&self, algorithm: SigningAlgorithm) -> bool {
        self.kind.verifies(algorithm)
            && self.purpose != Purpose::Encrypt
            && self.is_for(algorithm.as_str(), &["verify"])
    }

    /// Whether one may encrypt to it with this algorithm.
    pub(super) fn receives(&self, algorithm: KeyManagementAlgorithm) -> bool {
        let operations: &[&str] = match self.kind {
            KeyKind::Rsa => &["encrypt", "wrapKey"],
            _ => &["deriveKey", "deriveBits"],
        };
        self.kind.receives(algorithm)
            && self.purpose != Purpose::Sign
            && self.is_for(algorithm.as_str(), operations)
    }

    /// Whether it says that it is for encryption.
    pub(super) fn prefers_encryption(&self) -> bool {
        self.purpose == Purpose::Encrypt
    }

    fn is_for(&self, algorithm: &str, operations: &[&str]) -> bool {
        let allowed = match self.members.get("key_ops").and_then(Value::as_array) {
            // Empty is how browsers export the public half of a Diffie-Hellman key.
            None => true,
            Some(ops) if ops.is_empty() => operations.contains(&"deriveKey"),
            Some(ops) => ops.iter().filter_map(Value::as_str).any(|op| operations.contains(&op)),
        };
        allowed && self.members.get("alg").is_none_or(|alg| alg == algorithm)
    }

    pub(super) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        mint::jwk_bytes(&self.members, name)
    }

    /// An EC point uncompressed (SEC 1 §2.3.3), or an OKP key as it is.
    pub(super) fn point(&self) -> Option<Vec<u8>> {
        let x = self.bytes("x")?;
        Some(match self.bytes("y") {
            Some(y) => [&[4], x.as_slice(), y.as_slice()].concat(),
            None => x,
        })
    }

    /// The key and nothing else, for josekit, whose own ideas of `use` and `key_ops` are out of
    /// the way then.
    pub(super) fn bare(&self) -> Jwk {
        let names = ["kty", "crv", "n", "e", "x", "y"];
        let mut jwk = Jwk::new(self.kind.kty());
        for name in names {
            // Of strings it refuses none.
            let _ = jwk.set_parameter(name, self.members.get(name).cloned());
        }
        jwk
    }
}

/// What [`Shape`](mint::Shape) does not ask of RSA keys of our own.
fn check_size(public: &Map<String, Value>) -> Result<(), KeyProblem> {
    let modulus = mint::jwk_bytes(public, "n").unwrap_or_default();
    if modulus.last().is_none_or(|byte| byte % 2 == 0) {
        return Err(KeyProblem::Member("n"));
    }
    let exponent = mint::jwk_bytes(public, "e").unwrap_or_default();
    if modulus.len() > 8192 / 8 || exponent.len() > 32 / 8 {
        return Err(KeyProblem::TooLong);
    }
    Ok(())
}
