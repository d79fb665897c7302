use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::KeyProblem;
use crate::types::SigningAlgorithm;

/// A private JWK with every member checked by itself: present, canonical, of the right size.
///
/// Whether the members belong together is for the signing library to say. It has no `Debug`.
pub(super) struct PrivateJwk {
    pub(super) algorithm: SigningAlgorithm,
    pub(super) kid: Option<Arc<str>>,
    /// `kty`, `crv` and the members that everybody may see.
    pub(super) public: Map<String, Value>,
    /// The members that nobody else may see.
    pub(super) private: Map<String, Value>,
}

/// What an algorithm wants of a key ([RFC 7518 §6], [RFC 8037 §2]).
///
/// [RFC 7518 §6]: https://www.rfc-editor.org/rfc/rfc7518#section-6
/// [RFC 8037 §2]: https://www.rfc-editor.org/rfc/rfc8037#section-2
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    kty: &'static str,
    /// The curve, with the length of every member in octets.
    curve: Option<(&'static str, usize)>,
    public: &'static [&'static str],
    private: &'static [&'static str],
}

impl Shape {
    pub(crate) const RSA: Self = Self {
        kty: "RSA",
        curve: None,
        public: &["n", "e"],
        private: &["d", "p", "q", "dp", "dq", "qi"],
    };

    const fn of(algorithm: SigningAlgorithm) -> Self {
        use SigningAlgorithm::{
            ES256, ES256K, ES384, ES512, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512,
        };
        match algorithm {
            RS256 | RS384 | RS512 | PS256 | PS384 | PS512 => Self::RSA,
            ES256 => Self::ec("P-256", 32),
            ES384 => Self::ec("P-384", 48),
            ES512 => Self::ec("P-521", 66),
            ES256K => Self::ec("secp256k1", 32),
            EdDSA => Self::okp("Ed25519"),
        }
    }

    pub(crate) const fn ec(name: &'static str, size: usize) -> Self {
        Self { kty: "EC", curve: Some((name, size)), public: &["x", "y"], private: &["d"] }
    }

    pub(crate) const fn okp(name: &'static str) -> Self {
        Self { kty: "OKP", curve: Some((name, 32)), public: &["x"], private: &["d"] }
    }

    /// `kty`, `crv` and the members that everybody may see, each in its one spelling.
    pub(crate) fn public(
        &self,
        jwk: &Map<String, Value>,
    ) -> Result<Map<String, Value>, KeyProblem> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let crv = self.curve.map(|(crv, _)| crv);
        if text("kty") != Some(self.kty) || (crv.is_some() && text("crv") != crv) {
            return Err(KeyProblem::KeyType);
        }
        let mut public = Map::new();
        public.insert("kty".to_owned(), self.kty.into());
        public.extend(crv.map(|crv| ("crv".to_owned(), crv.into())));
        for name in self.public {
            let member = jwk.get(*name).and_then(|value| self.canonical(value));
            public.insert((*name).to_owned(), member.ok_or(KeyProblem::Member(name))?);
        }
        if self.kty == Self::RSA.kty {
            check_rsa(&public)?;
        }
        Ok(public)
    }

    /// The members that nobody else may see, each in its one spelling.
    pub(crate) fn private(
        &self,
        jwk: &Map<String, Value>,
    ) -> Result<Map<String, Value>, KeyProblem> {
        let mut private = Map::new();
        for name in self.private {
            let value = jwk.get(*name).ok_or(KeyProblem::NotPrivate(name))?;
            let member = self.canonical(value).ok_or(KeyProblem::Member(name))?;
            private.insert((*name).to_owned(), member);
        }
        Ok(private)
    }

    /// A member in its one spelling; `None` when it is malformed.
    fn canonical(&self, value: &Value) -> Option<Value> {
        let bytes = decode(value)?;
        let bytes = match self.curve {
            Some((_, size)) => (bytes.len() == size).then_some(bytes.as_slice())?,
            // Some tools pad the numbers of an RSA key, and the thumbprint would differ.
            None => bytes.get(bytes.iter().position(|byte| *byte != 0)?..)?,
        };
        Some(Value::String(URL_SAFE_NO_PAD.encode(bytes)))
    }
}

impl PrivateJwk {
    /// Checks the members of a JWK; those that are not known are ignored.
    pub(super) fn parse(jwk: &Map<String, Value>) -> Result<Self, KeyProblem> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        if text("kty") == Some("oct") {
            return Err(KeyProblem::Symmetric);
        }
        let algorithm: SigningAlgorithm =
            text("alg").and_then(|alg| alg.parse().ok()).ok_or(KeyProblem::Algorithm)?;
        let shape = Shape::of(algorithm);
        let public = shape.public(jwk)?;
        check_use(jwk)?;
        let kid = kid(jwk)?;
        let private = shape.private(jwk)?;
        Ok(Self { algorithm, kid, public, private })
    }
}

/// The name of the key, if it has one.
pub(crate) fn kid(jwk: &Map<String, Value>) -> Result<Option<Arc<str>>, KeyProblem> {
    match jwk.get("kid") {
        None => Ok(None),
        Some(Value::String(kid)) if !kid.is_empty() => Ok(Some(kid.as_str().into())),
        Some(_) => Err(KeyProblem::Member("kid")),
    }
}

/// The bytes of a member that a [`Shape`] has checked.
pub(crate) fn bytes(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    jwk.get(name).and_then(decode)
}

fn decode(value: &Value) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(value.as_str()?).ok()
}

fn check_use(jwk: &Map<String, Value>) -> Result<(), KeyProblem> {
    let signs = jwk.get("use").is_none_or(|value| value == "sig")
        && jwk.get("key_ops").is_none_or(|value| {
            value.as_array().is_some_and(|ops| ops.iter().any(|op| op == "sign"))
        });
    if signs { Ok(()) } else { Err(KeyProblem::Use) }
}

fn check_rsa(public: &Map<String, Value>) -> Result<(), KeyProblem> {
    let modulus = bytes(public, "n").unwrap_or_default();
    let zeros = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if modulus.len() * 8 - zeros < 2048 {
        return Err(KeyProblem::TooShort);
    }
    let exponent = bytes(public, "e").unwrap_or_default();
    if exponent == [1] || exponent.last().is_none_or(|byte| byte % 2 == 0) {
        return Err(KeyProblem::Exponent);
    }
    Ok(())
}
