use std::{collections::HashSet, fmt, sync::Arc};

use serde_json::{Map, Value};

use super::decryption_key::DecryptionKey;
use crate::{
    mint::{self, KeyError, KeyProblem},
    types::KeyManagementAlgorithm,
};

/// The provider's private keys for tokens that clients encrypt to it, request objects above all.
///
/// Each key has one algorithm. The set is a value, and clones share their keys. Save it with
/// [`expose_json`](Self::expose_json), and load it in every process that reads such tokens.
///
/// ```
/// use oidc_op::{DecryptionKeys, KeyManagementAlgorithm};
///
/// let keys = DecryptionKeys::generate(&[KeyManagementAlgorithm::EcdhEs])?;
/// let same = DecryptionKeys::from_json(&keys.expose_json())?;
/// assert_eq!(same.expose_json(), keys.expose_json());
/// # Ok::<(), oidc_op::KeyError>(())
/// ```
#[derive(Clone)]
pub struct DecryptionKeys {
    keys: Arc<[DecryptionKey]>,
}

impl DecryptionKeys {
    /// Makes one key for each algorithm: RSA keys have 2048 bits, others are on P-256.
    ///
    /// The `kid` is the key's thumbprint ([RFC 7638]). An RSA key takes a good part of a second, so
    /// do this at the start, or where blocking is allowed.
    ///
    /// # Errors
    ///
    /// [`KeyError::Generate`], or [`KeyProblem::Symmetric`] for an algorithm that takes its key
    /// from the client's secret.
    ///
    /// [RFC 7638]: https://www.rfc-editor.org/rfc/rfc7638
    pub fn generate(algorithms: &[KeyManagementAlgorithm]) -> Result<Self, KeyError> {
        let mut seen = HashSet::new();
        let mut keys = Vec::new();
        for (algorithm, position) in algorithms.iter().copied().zip(1..) {
            if algorithm.is_symmetric() {
                return Err(KeyError::Refused { position, problem: KeyProblem::Symmetric });
            }
            if seen.insert(algorithm) {
                keys.push(DecryptionKey::generate(algorithm)?);
            }
        }
        Ok(Self { keys: keys.into() })
    }

    /// Loads a private JWK Set, or a single private JWK ([RFC 7517]).
    ///
    /// It reads what [`expose_json`](Self::expose_json) wrote, and keys made by other tools: `alg`
    /// is required, `kid` falls back to the thumbprint, members that are not known are dropped. To
    /// replace a key, load the new one and the old one: clients use the first that they find for
    /// an algorithm, and what was encrypted to the other can still be read.
    ///
    /// ```
    /// use oidc_op::{DecryptionKeys, KeyError, KeyProblem};
    ///
    /// // The key of RFC 7517 A.2.
    /// let keys = DecryptionKeys::from_json(r#"{
    ///     "kty": "EC", "crv": "P-256", "alg": "ECDH-ES", "use": "enc", "kid": "1",
    ///     "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    ///     "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    ///     "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"
    /// }"#)?;
    /// assert_eq!(format!("{keys:?}"), r#"DecryptionKeys [Key { kid: "1", algorithm: EcdhEs, .. }]"#);
    ///
    /// let public = r#"{ "kty": "EC", "crv": "P-256", "alg": "ECDH-ES",
    ///     "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    ///     "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM" }"#;
    /// let refused = DecryptionKeys::from_json(public).unwrap_err();
    /// let problem = KeyProblem::NotPrivate("d");
    /// assert!(matches!(refused, KeyError::Refused { position: 1, problem: p } if p == problem));
    /// # Ok::<(), KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The text is no JWK Set, or one of its keys cannot be used; see [`KeyProblem`].
    ///
    /// [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
    pub fn from_json(json: &str) -> Result<Self, KeyError> {
        Ok(Self { keys: mint::private_set(json)?.into() })
    }

    /// The set as a private JWK Set, for storing it where only the host can read.
    ///
    /// # Security
    ///
    /// Whoever reads it can read every token that was encrypted to the provider.
    pub fn expose_json(&self) -> String {
        let jwks = self.keys.iter().map(|key| Value::Object(key.expose_jwk()));
        Value::Object(Map::from_iter([("keys".to_owned(), jwks.collect())])).to_string()
    }

    /// The keys for the provider's JWK Set: public members, `kid`, `alg` and `use`.
    pub(crate) fn published(&self) -> Vec<Map<String, Value>> {
        self.keys.iter().map(|key| key.public.clone()).collect()
    }

    /// What clients may encrypt with, in the order of the keys.
    pub(crate) fn algorithms(&self) -> Vec<KeyManagementAlgorithm> {
        let mut seen = HashSet::new();
        let algorithms = self.keys.iter().map(|key| key.algorithm);
        algorithms.filter(|algorithm| seen.insert(*algorithm)).collect()
    }

    /// The keys that may open a token: those of this algorithm, and of this name if it has one.
    pub(super) fn receiving(
        &self,
        algorithm: KeyManagementAlgorithm,
        kid: Option<&str>,
    ) -> impl Iterator<Item = &DecryptionKey> {
        self.keys
            .iter()
            .filter(move |key| key.algorithm == algorithm && kid.is_none_or(|kid| *key.kid == *kid))
    }
}

impl fmt::Debug for DecryptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptionKeys ")?;
        f.debug_list().entries(&*self.keys).finish()
    }
}
