use std::{fmt, sync::Arc};

use josekit::{
    JoseError,
    jwe::{
        ECDH_ES, ECDH_ES_A128KW, ECDH_ES_A192KW, ECDH_ES_A256KW, JweDecrypter, RSA_OAEP,
        RSA_OAEP_256,
    },
    jwk::{
        Jwk, KeyPair,
        alg::{
            ec::{EcCurve, EcKeyPair},
            rsa::RsaKeyPair,
        },
    },
};
use serde_json::{Map, Value};

use super::{EncryptTo, Jwe, Jwks, encrypt::encrypt, key_kind::KeyKind, purpose::text};
use crate::{
    mint::{self, KeyError, KeyProblem, PrivateKey},
    types::{ContentEncryption, KeyManagementAlgorithm},
};

/// A key pair that has proven to be one, ready to decrypt.
pub(super) struct DecryptionKey {
    pub(super) kid: Arc<str>,
    pub(super) algorithm: KeyManagementAlgorithm,
    /// Tells whether two keys are the same, whatever they are called.
    thumbprint: Box<str>,
    /// The JWK to publish.
    pub(super) public: Map<String, Value>,
    private: Map<String, Value>,
    kind: KeyKind,
    /// That of josekit has a `Debug` that must not be used.
    decrypter: Box<dyn JweDecrypter>,
}

impl DecryptionKey {
    /// Makes a key; its `kid` is its thumbprint.
    pub(super) fn generate(algorithm: KeyManagementAlgorithm) -> Result<Self, KeyError> {
        let pair = generate_pair(algorithm).map_err(|cause| KeyError::Generate(cause.into()))?;
        let mut jwk: Map<String, Value> = pair.to_jwk_key_pair().into();
        jwk.insert("alg".to_owned(), algorithm.as_str().into());
        Self::from_jwk(&jwk).map_err(|problem| KeyError::Generate(problem.into()))
    }

    /// OpenSSL does not compare the private part with the public one; a round trip tells.
    fn is_a_pair(&self) -> bool {
        let (probe, public) = (b"oidc-op", Jwks::from_keys([self.public.clone()]));
        let (to, encryption) = (EncryptTo::Keys(&public), ContentEncryption::A128Gcm);
        let Ok(token) = encrypt(probe, None, None, self.algorithm, encryption, to) else {
            return false;
        };
        let opened =
            Jwe::parse(&token).ok().and_then(|jwe| jwe.open(self.decrypter(), Some(self.kind)));
        opened.as_deref() == Some(probe)
    }

    pub(super) fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(super) fn decrypter(&self) -> &dyn JweDecrypter {
        &*self.decrypter
    }

    /// The whole key, private members included.
    pub(super) fn expose_jwk(&self) -> Map<String, Value> {
        let mut jwk = self.public.clone();
        jwk.extend(self.private.clone());
        jwk
    }
}

impl PrivateKey for DecryptionKey {
    fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyProblem> {
        let kty = text(jwk, "kty")?.ok_or(KeyProblem::Member("kty"))?;
        if kty == "oct" {
            return Err(KeyProblem::Symmetric);
        }
        let algorithm: KeyManagementAlgorithm =
            text(jwk, "alg")?.and_then(|alg| alg.parse().ok()).ok_or(KeyProblem::Algorithm)?;
        let kind = KeyKind::of(kty, text(jwk, "crv")?).filter(|kind| kind.receives(algorithm));
        let kind = kind.ok_or(KeyProblem::KeyType)?;
        let mut public = kind.shape().public(jwk)?;
        check_use(jwk)?;
        let kid = mint::jwk_kid(jwk)?;
        let private = kind.shape().private(jwk)?;

        let pair =
            Jwk::from_map(public.clone().into_iter().chain(private.clone()).collect::<Map<_, _>>());
        let pair = pair.map_err(|_| KeyProblem::NotAPair)?;
        let decrypter = decrypter(algorithm, &pair).ok_or(KeyProblem::NotAPair)?;
        let thumbprint = mint::jwk_thumbprint(&public).ok_or(KeyProblem::KeyType)?;
        let kid = kid.unwrap_or_else(|| thumbprint.as_str().into());
        public.insert("kid".to_owned(), (&*kid).into());
        public.insert("alg".to_owned(), algorithm.as_str().into());
        public.insert("use".to_owned(), "enc".into());
        let thumbprint = thumbprint.into();
        let key = Self { kid, algorithm, thumbprint, public, private, kind, decrypter };
        if key.is_a_pair() { Ok(key) } else { Err(KeyProblem::NotAPair) }
    }

    fn kid(&self) -> &str {
        &self.kid
    }

    fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

fn check_use(jwk: &Map<String, Value>) -> Result<(), KeyProblem> {
    let operations = ["decrypt", "unwrapKey", "deriveKey", "deriveBits"];
    let decrypts = jwk.get("use").is_none_or(|value| value == "enc")
        && jwk.get("key_ops").is_none_or(|value| {
            value.as_array().is_some_and(|ops| {
                ops.iter().filter_map(Value::as_str).any(|op| operations.contains(&op))
            })
        });
    if decrypts { Ok(()) } else { Err(KeyProblem::Conflict) }
}

fn decrypter(algorithm: KeyManagementAlgorithm, jwk: &Jwk) -> Option<Box<dyn JweDecrypter>> {
    use KeyManagementAlgorithm as A;
    Some(match algorithm {
        A::RsaOaep => Box::new(RSA_OAEP.decrypter_from_jwk(jwk).ok()?),
        A::RsaOaep256 => Box::new(RSA_OAEP_256.decrypter_from_jwk(jwk).ok()?),
        A::EcdhEs => Box::new(ECDH_ES.decrypter_from_jwk(jwk).ok()?),
        A::EcdhEsA128Kw => Box::new(ECDH_ES_A128KW.decrypter_from_jwk(jwk).ok()?),
        A::EcdhEsA192Kw => Box::new(ECDH_ES_A192KW.decrypter_from_jwk(jwk).ok()?),
        A::EcdhEsA256Kw => Box::new(ECDH_ES_A256KW.decrypter_from_jwk(jwk).ok()?),
        _ => return None,
    })
}

fn generate_pair(algorithm: KeyManagementAlgorithm) -> Result<Box<dyn KeyPair>, JoseError> {
    use KeyManagementAlgorithm::{RsaOaep, RsaOaep256};
    Ok(match algorithm {
        RsaOaep | RsaOaep256 => Box::new(RsaKeyPair::generate(2048)?),
        _ => Box::new(EcKeyPair::generate(EcCurve::P256)?),
    })
}
