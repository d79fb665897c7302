use std::{borrow::Cow, collections::HashSet, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error, ser::SerializeMap};
use serde_json::{Map, Value};

use super::public_key::PublicKey;
use crate::{
    mint::{KeyError, KeyProblem},
    types::{KeyManagementAlgorithm, SigningAlgorithm, Timestamp},
    wire,
};

/// More keys than anybody rotates through.
const MAX_KEYS: usize = 32;

/// A client's public keys: a JWK Set ([RFC 7517 §5]).
///
/// Whoever has one knows that every key is public, strong enough and on its curve. Keys of a kind,
/// or for an algorithm, that the crate does not know are left out. A key with `exp` or `nbf` (seconds, as
/// in a JWT) is not used from then on, or until then.
///
/// ```
/// use oidc_op::Jwks;
///
/// // The key of RFC 8037 A.2.
/// let keys = r#"{"keys":[{
///     "kty": "OKP", "crv": "Ed25519", "kid": "2024",
///     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
/// }]}"#;
/// let keys = Jwks::from_json(keys)?;
/// assert_eq!(Jwks::from_json(&serde_json::to_string(&keys).unwrap())?, keys);
///
/// let symmetric = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#;
/// assert!(Jwks::from_json(symmetric).is_err());
/// # Ok::<(), oidc_op::KeyError>(())
/// ```
///
/// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
#[derive(Clone, PartialEq, Eq)]
pub struct Jwks {
    keys: Arc<[PublicKey]>,
}

impl Jwks {
    /// Reads a JWK Set.
    ///
    /// # Errors
    ///
    /// The text is no JWK Set, or one of its keys must not be used; see [`KeyProblem`].
    pub fn from_json(json: &str) -> Result<Self, KeyError> {
        let Some(set) = wire::json_object(json.as_bytes()) else {
            return Err(match serde_json::from_str::<Value>(json) {
                Err(e) => KeyError::NotJson { line: e.line(), column: e.column() },
                // JSON, but no object, or one that two readers read differently.
                Ok(_) => KeyError::NotAKeySet,
            });
        };
        Self::from_members(&set)
    }

    /// The provider's own published keys, which are trusted to be good.
    pub(crate) fn from_keys(keys: impl IntoIterator<Item = Map<String, Value>>) -> Self {
        let typed = keys.into_iter().filter_map(|jwk| PublicKey::typed(&jwk).ok().flatten());
        Self { keys: typed.collect() }
    }

    pub(crate) fn from_members(set: &Map<String, Value>) -> Result<Self, KeyError> {
        let Some(Value::Array(jwks)) = set.get("keys") else { return Err(KeyError::NotAKeySet) };
        if jwks.len() > MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        let (mut kids, mut keys) = (HashSet::new(), Vec::new());
        for (jwk, position) in jwks.iter().zip(1..) {
            let refused = |problem| KeyError::Refused { position, problem };
            let jwk = jwk.as_object().ok_or(refused(KeyProblem::NotAnObject))?;
            let Some(key) = PublicKey::parse(jwk).map_err(refused)? else { continue };
            if key.kid().is_some_and(|kid| !kids.insert(kid.to_owned())) {
                return Err(refused(KeyProblem::DuplicateKid));
            }
            keys.push(key);
        }
        Ok(Self { keys: keys.into() })
    }

    /// Those of the keys that may be used now, as far as their owner says (`nbf`, `exp`).
    pub(crate) fn valid_at(&self, now: Timestamp) -> Cow<'_, Self> {
        if self.keys.iter().all(|key| key.is_valid_at(now)) {
            return Cow::Borrowed(self);
        }
        let valid = self.keys.iter().filter(|key| key.is_valid_at(now));
        Cow::Owned(Self { keys: valid.cloned().collect() })
    }

    /// Whether one of the keys may have made a signature by this algorithm.
    pub(crate) fn verifies(&self, algorithm: SigningAlgorithm) -> bool {
        self.verifying(algorithm, None).next().is_some()
    }

    /// Whether one may encrypt to one of the keys by this algorithm.
    pub(crate) fn receives(&self, algorithm: KeyManagementAlgorithm) -> bool {
        self.receiving(algorithm).is_some()
    }

    /// The keys that may have made a signature: those of this name, as soon as any key has one
    /// ([RFC 7515 §4.1.4]).
    ///
    /// [RFC 7515 §4.1.4]: https://www.rfc-editor.org/rfc/rfc7515#section-4.1.4
    pub(super) fn verifying(
        &self,
        algorithm: SigningAlgorithm,
        kid: Option<&str>,
    ) -> impl Iterator<Item = &PublicKey> {
        let kid = kid.filter(|_| self.keys.iter().any(|key| key.kid().is_some()));
        self.keys
            .iter()
            .filter(move |key| key.verifies(algorithm) && (kid.is_none() || key.kid() == kid))
    }

    /// The key to encrypt to: the first one that is for encryption, or else for anything.
    pub(super) fn receiving(&self, algorithm: KeyManagementAlgorithm) -> Option<&PublicKey> {
        let keys = self.keys.iter().filter(|key| key.receives(algorithm));
        keys.min_by_key(|key| !key.prefers_encryption())
    }
}

impl Serialize for Jwks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys: Vec<_> = self.keys.iter().map(PublicKey::members).collect();
        let mut set = serializer.serialize_map(Some(1))?;
        set.serialize_entry("keys", &keys)?;
        set.end()
    }
}

impl<'de> Deserialize<'de> for Jwks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let set = Map::deserialize(deserializer)?;
        Self::from_members(&set).map_err(D::Error::custom)
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jwks ")?;
        let keys = self.keys.iter().map(|key| (key.kid(), key.kind().kty()));
        f.debug_list().entries(keys).finish()
    }
}
