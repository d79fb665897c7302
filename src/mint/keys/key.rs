use std::fmt;

use josekit::{
    JoseError,
    jwk::{
        Jwk, KeyPair,
        alg::{
            ec::{EcCurve, EcKeyPair},
            ed::{EdCurve, EdKeyPair},
            rsa::RsaKeyPair,
        },
    },
    jws::{
        ES256K, ES512, JwsSigner, JwsVerifier, PS256, PS384, PS512, RS256, RS384, RS512,
        alg::{rsassa::RsassaJwsAlgorithm, rsassa_pss::RsassaPssJwsAlgorithm},
    },
};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair,
};
use serde_json::{Map, Value};

use super::{
    KeyError, KeyProblem,
    jwk::{PrivateJwk, bytes},
    jwk_thumbprint,
};
use crate::{
    env::{EntropyError, SystemEntropy},
    mint::{SignError, SigningKey},
    types::SigningAlgorithm,
};

/// A key pair that has proven to be one, ready to sign.
pub(super) struct LocalKey {
    pub(super) name: SigningKey,
    /// Tells whether two keys are the same, whatever they are called.
    pub(super) thumbprint: Box<str>,
    /// The JWK to publish.
    pub(super) public: Map<String, Value>,
    private: Map<String, Value>,
    backend: Backend,
}

impl LocalKey {
    /// Makes a key; its `kid` is its thumbprint.
    pub(super) fn generate(algorithm: SigningAlgorithm) -> Result<Self, KeyError> {
        let pair = generate_pair(algorithm).map_err(|cause| KeyError::Generate(cause.into()))?;
        let mut jwk: Map<String, Value> = pair.to_jwk_key_pair().into();
        jwk.insert("alg".to_owned(), algorithm.as_str().into());
        Self::from_jwk(&jwk).map_err(|problem| KeyError::Generate(problem.into()))
    }

    /// Takes a private JWK.
    pub(super) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyProblem> {
        let jwk = PrivateJwk::parse(jwk)?;
        let backend = Backend::new(&jwk).ok_or(KeyProblem::NotAPair)?;
        let PrivateJwk { algorithm, kid, mut public, private } = jwk;
        let thumbprint = jwk_thumbprint(&public).ok_or(KeyProblem::KeyType)?;
        let kid = kid.unwrap_or_else(|| thumbprint.as_str().into());
        public.insert("kid".to_owned(), (&*kid).into());
        public.insert("alg".to_owned(), algorithm.as_str().into());
        public.insert("use".to_owned(), "sig".into());
        let name = SigningKey::new(kid, algorithm);
        Ok(Self { name, thumbprint: thumbprint.into(), public, private, backend })
    }

    pub(super) fn sign(&self, input: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.backend {
            Backend::OpenSsl(signer) => {
                signer.sign(input).map_err(|cause| SignError::Failed(cause.into()))
            }
            // Only its randomness can fail.
            Backend::Ecdsa(pair, entropy) => match pair.sign(entropy.ring(), input) {
                Ok(signature) => Ok(signature.as_ref().to_vec()),
                Err(_) => Err(SignError::Failed(EntropyError.into())),
            },
            Backend::Ed25519(pair) => Ok(pair.sign(input).as_ref().to_vec()),
        }
    }

    /// The whole key, private members included.
    pub(super) fn expose_jwk(&self) -> Map<String, Value> {
        let mut jwk = self.public.clone();
        jwk.extend(self.private.clone());
        jwk
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What signs: for each algorithm the faster of the two libraries.
///
/// It has no `Debug`: that of a josekit key prints the private part.
enum Backend {
    /// RSA, where OpenSSL takes half of ring's time, and P-521 and secp256k1, which ring lacks.
    OpenSsl(Box<dyn JwsSigner>),
    Ecdsa(EcdsaKeyPair, SystemEntropy),
    Ed25519(Ed25519KeyPair),
}

impl Backend {
    /// `None` when the members do not form a key pair.
    fn new(jwk: &PrivateJwk) -> Option<Self> {
        match jwk.algorithm {
            SigningAlgorithm::RS256 => Self::rsassa(RS256, jwk),
            SigningAlgorithm::RS384 => Self::rsassa(RS384, jwk),
            SigningAlgorithm::RS512 => Self::rsassa(RS512, jwk),
            SigningAlgorithm::PS256 => Self::rsassa_pss(PS256, jwk),
            SigningAlgorithm::PS384 => Self::rsassa_pss(PS384, jwk),
            SigningAlgorithm::PS512 => Self::rsassa_pss(PS512, jwk),
            SigningAlgorithm::ES256 => Self::ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, jwk),
            SigningAlgorithm::ES384 => Self::ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, jwk),
            SigningAlgorithm::ES512 => {
                let jwk = josekit_jwk(jwk)?;
                Self::proven(ES512.signer_from_jwk(&jwk), ES512.verifier_from_jwk(&jwk))
            }
            SigningAlgorithm::ES256K => {
                let jwk = josekit_jwk(jwk)?;
                Self::proven(ES256K.signer_from_jwk(&jwk), ES256K.verifier_from_jwk(&jwk))
            }
            SigningAlgorithm::EdDSA => Self::ed25519(jwk),
        }
    }

    fn rsassa(algorithm: RsassaJwsAlgorithm, jwk: &PrivateJwk) -> Option<Self> {
        let jwk = josekit_jwk(jwk)?;
        Self::proven(algorithm.signer_from_jwk(&jwk), algorithm.verifier_from_jwk(&jwk))
    }

    fn rsassa_pss(algorithm: RsassaPssJwsAlgorithm, jwk: &PrivateJwk) -> Option<Self> {
        let jwk = josekit_jwk(jwk)?;
        Self::proven(algorithm.signer_from_jwk(&jwk), algorithm.verifier_from_jwk(&jwk))
    }

    /// OpenSSL does not compare the private part with the public one; a signature tells.
    fn proven<S: JwsSigner + 'static, V: JwsVerifier>(
        signer: Result<S, JoseError>,
        verifier: Result<V, JoseError>,
    ) -> Option<Self> {
        let (signer, probe) = (signer.ok()?, b"oidc-op");
        let signature = signer.sign(probe).ok()?;
        verifier.ok()?.verify(probe, &signature).ok()?;
        Some(Self::OpenSsl(Box::new(signer)))
    }

    fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, jwk: &PrivateJwk) -> Option<Self> {
        let (x, y) = (bytes(&jwk.public, "x")?, bytes(&jwk.public, "y")?);
        // SEC 1 §2.3.3, uncompressed. Given both parts, ring compares them.
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        let entropy = SystemEntropy::new();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            algorithm,
            &bytes(&jwk.private, "d")?,
            &point,
            entropy.ring(),
        );
        Some(Self::Ecdsa(pair.ok()?, entropy))
    }

    fn ed25519(jwk: &PrivateJwk) -> Option<Self> {
        let (seed, public) = (bytes(&jwk.private, "d")?, bytes(&jwk.public, "x")?);
        Ed25519KeyPair::from_seed_and_public_key(&seed, &public).ok().map(Self::Ed25519)
    }
}

fn josekit_jwk(jwk: &PrivateJwk) -> Option<Jwk> {
    let mut members = jwk.public.clone();
    members.extend(jwk.private.clone());
    Jwk::from_map(members).ok()
}

fn generate_pair(algorithm: SigningAlgorithm) -> Result<Box<dyn KeyPair>, JoseError> {
    use SigningAlgorithm::{ES256, ES256K, ES384, ES512, EdDSA};
    Ok(match algorithm {
        ES256 => Box::new(EcKeyPair::generate(EcCurve::P256)?),
        ES384 => Box::new(EcKeyPair::generate(EcCurve::P384)?),
        ES512 => Box::new(EcKeyPair::generate(EcCurve::P521)?),
        ES256K => Box::new(EcKeyPair::generate(EcCurve::Secp256k1)?),
        EdDSA => Box::new(EdKeyPair::generate(EdCurve::Ed25519)?),
        _ => Box::new(RsaKeyPair::generate(2048)?),
    })
}
