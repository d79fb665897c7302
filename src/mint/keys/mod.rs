//! Signing keys in memory, with their lives.

mod change;
mod error;
mod jwk;
mod key;
mod private_set;
mod rotation;
mod schedule;
mod stored;
#[cfg(test)]
mod tests;
mod thumbprint;

use std::{collections::HashSet, fmt, sync::Arc};

use async_trait::async_trait;
use serde_json::{Map, Value};
use time::Duration;

use self::{key::LocalKey, schedule::Schedule};
use super::{KeyState, PublishedKey, SignError, Signer, SigningKey};
use crate::types::{SigningAlgorithm, Timestamp};

pub use error::{KeyError, KeyProblem};
pub(crate) use jwk::{Shape, bytes as jwk_bytes, kid as jwk_kid};
pub(crate) use private_set::{PrivateKey, private_set};
pub use rotation::KeyRotation;
pub use stored::{KeyRecord, StoredKeys, StoredKeysError};
pub(crate) use thumbprint::jwk_thumbprint;

/// Signing keys in memory: the ready-made [`Signer`].
///
/// Each key has one algorithm and a life: it is announced, so that clients fetch it before its
/// first signature; it is active; it retires, and what it has signed can still be checked; it is
/// removed. All of that follows from the times in the set and the time that is asked about.
///
/// The set is a value without a clock: [`rotate`](Self::rotate), [`pruned`](Self::pruned) and
/// [`without`](Self::without) give a new one, and clones share their keys. Save it with
/// [`expose_json`](Self::expose_json), so that tokens outlive a restart, and load it in every
/// process that signs.
///
/// ```
/// use oidc_op::{KeyRotation, KeySet, Signer, SigningAlgorithm, Timestamp};
///
/// let now = Timestamp::from_unix(1_700_000_000);
/// let keys = KeySet::generate(&[SigningAlgorithm::EdDSA], now)?;
/// let first = keys.active(SigningAlgorithm::EdDSA, now).unwrap();
///
/// let rotation = KeyRotation::default();
/// let keys = keys.rotate(SigningAlgorithm::EdDSA, now, rotation)?;
/// assert_eq!(keys.published(now).len(), 2);
/// assert_eq!(keys.active(SigningAlgorithm::EdDSA, now), Some(first.clone()));
///
/// let later = now + rotation.announce;
/// assert_ne!(keys.active(SigningAlgorithm::EdDSA, later), Some(first));
/// # Ok::<(), oidc_op::KeyError>(())
/// ```
#[derive(Clone)]
pub struct KeySet {
    keys: Arc<[ScheduledKey]>,
}

#[derive(Clone)]
struct ScheduledKey {
    key: Arc<LocalKey>,
    schedule: Schedule,
}

impl ScheduledKey {
    fn algorithm(&self) -> SigningAlgorithm {
        self.key.name.algorithm
    }
}

impl KeySet {
    /// Makes one key for each algorithm, active at once; RSA keys have 2048 bits.
    ///
    /// The `kid` is the key's thumbprint ([RFC 7638]). An RSA key takes a good part of a second, so
    /// do this at the start, or where blocking is allowed.
    ///
    /// ```
    /// use oidc_op::{KeySet, Signer, SigningAlgorithm, Timestamp};
    ///
    /// let now = Timestamp::from_unix(1_700_000_000);
    /// let keys = KeySet::generate(&[SigningAlgorithm::RS256, SigningAlgorithm::ES256], now)?;
    /// assert!(keys.active(SigningAlgorithm::RS256, now).is_some());
    /// # Ok::<(), oidc_op::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`KeyError::Generate`].
    ///
    /// [RFC 7638]: https://www.rfc-editor.org/rfc/rfc7638
    pub fn generate(algorithms: &[SigningAlgorithm], now: Timestamp) -> Result<Self, KeyError> {
        let schedule = Schedule::starting(now, now);
        let mut seen = HashSet::new();
        algorithms
            .iter()
            .filter(|algorithm| seen.insert(**algorithm))
            .map(|algorithm| {
                let key = Arc::new(LocalKey::generate(*algorithm)?);
                Ok(ScheduledKey { key, schedule })
            })
            .collect()
    }

    /// Loads a private JWK Set, or a single private JWK ([RFC 7517]).
    ///
    /// It reads what [`expose_json`](Self::expose_json) wrote, and keys made by other tools: `alg`
    /// is required, `kid` falls back to the thumbprint, members that are not known are dropped. A
    /// key without times always signs; of several that sign with one algorithm, the one that became
    /// active last does, and of those the first in the set.
    ///
    /// ```
    /// use oidc_op::{KeySet, Signer, SigningAlgorithm, Timestamp};
    ///
    /// // The key of RFC 8037 A.1.
    /// let keys = KeySet::from_json(r#"{ "keys": [{
    ///     "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA",
    ///     "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    ///     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    /// }] }"#)?;
    /// let key = keys.active(SigningAlgorithm::EdDSA, Timestamp::from_unix(0)).unwrap();
    /// assert_eq!(&*key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    /// # Ok::<(), oidc_op::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The text is no JWK Set, or one of its keys cannot be used; see [`KeyProblem`].
    ///
    /// [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
    pub fn from_json(json: &str) -> Result<Self, KeyError> {
        Ok(private_set(json)?.into_iter().collect())
    }

    /// The set as a private JWK Set, for storing it where only the host can read.
    ///
    /// The times are further members of each key, in seconds since 1970: `announced_at`,
    /// `active_at`, `retiring_at` and `removed_at`.
    ///
    /// ```
    /// use oidc_op::{KeySet, Signer, SigningAlgorithm, Timestamp};
    ///
    /// let now = Timestamp::from_unix(1_700_000_000);
    /// let keys = KeySet::generate(&[SigningAlgorithm::ES256], now)?;
    /// let same = KeySet::from_json(&keys.expose_json())?;
    /// assert_eq!(same.published(now), keys.published(now));
    /// # Ok::<(), oidc_op::KeyError>(())
    /// ```
    ///
    /// # Security
    ///
    /// Whoever reads it can sign in as anybody at every client.
    pub fn expose_json(&self) -> String {
        let jwks = self.keys.iter().map(|ScheduledKey { key, schedule }| {
            let mut jwk = key.expose_jwk();
            schedule.write(&mut jwk);
            Value::Object(jwk)
        });
        Value::Object(Map::from_iter([("keys".to_owned(), jwks.collect())])).to_string()
    }

    /// Adds a fresh key that will take over from the one that signs with this algorithm.
    ///
    /// The fresh key is announced now and active after `rotation.announce`; the former one retires
    /// at that time and is removed `rotation.retire` later. An algorithm that has no key yet gets
    /// its first one. As with [`generate`](Self::generate), an RSA key takes its time.
    ///
    /// Every process that signs or publishes needs the new set before the fresh key is active.
    ///
    /// # Errors
    ///
    /// [`KeyError::Generate`]; the set is as it was then.
    pub fn rotate(
        &self,
        algorithm: SigningAlgorithm,
        now: Timestamp,
        rotation: KeyRotation,
    ) -> Result<Self, KeyError> {
        let active_at = now + rotation.announce.max(Duration::ZERO);
        let removed_at = active_at + rotation.retire.max(Duration::ZERO);
        let fresh = ScheduledKey {
            key: Arc::new(LocalKey::generate(algorithm)?),
            schedule: Schedule::starting(now, active_at),
        };
        Ok(self.succeeded_by(fresh, removed_at))
    }

    /// The set without the keys that have been removed by now.
    #[must_use]
    pub fn pruned(&self, now: Timestamp) -> Self {
        self.keys.iter().filter(|key| now < key.schedule.removed).cloned().collect()
    }

    /// The set without a key that must not be trusted any more.
    ///
    /// What it has signed can no longer be checked once clients fetch the keys again. If it was the
    /// active one, nothing signs with its algorithm: [`rotate`](Self::rotate) with
    /// [`KeyRotation::AT_ONCE`] puts another in its place.
    ///
    /// ```
    /// use oidc_op::{KeyRotation, KeySet, Signer, SigningAlgorithm::ES256, Timestamp};
    ///
    /// let now = Timestamp::from_unix(1_700_000_000);
    /// let keys = KeySet::generate(&[ES256], now)?;
    /// let stolen = keys.active(ES256, now).unwrap();
    /// let keys = keys.without(&stolen.kid).rotate(ES256, now, KeyRotation::AT_ONCE)?;
    /// assert_eq!(keys.published(now).len(), 1);
    /// assert_ne!(keys.active(ES256, now).unwrap(), stolen);
    /// # Ok::<(), oidc_op::KeyError>(())
    /// ```
    #[must_use]
    pub fn without(&self, kid: &str) -> Self {
        self.keys.iter().filter(|key| key.kid() != kid).cloned().collect()
    }

    fn signing(&self, algorithm: SigningAlgorithm, now: Timestamp) -> Option<&ScheduledKey> {
        self.keys
            .iter()
            .filter(|key| key.algorithm() == algorithm && key.schedule.may_sign(now))
            // `max_by_key` takes the last of equals, which is the first in the set from behind.
            .rev()
            .max_by_key(|key| key.schedule.active)
    }

    fn state(&self, key: &ScheduledKey, now: Timestamp) -> KeyState {
        let name = &key.key.name;
        if key.schedule.is_announced(now) {
            KeyState::Announced
        } else if self.active(name.algorithm, now).as_ref() == Some(name) {
            KeyState::Active
        } else {
            KeyState::Retiring
        }
    }
}

#[async_trait]
impl Signer for KeySet {
    fn active(&self, algorithm: SigningAlgorithm, now: Timestamp) -> Option<SigningKey> {
        self.signing(algorithm, now).map(|key| key.key.name.clone())
    }

    fn published(&self, now: Timestamp) -> Vec<PublishedKey> {
        let keys = self.keys.iter().filter(|key| key.schedule.is_published(now));
        keys.map(|key| {
            let LocalKey { name, public, .. } = &*key.key;
            PublishedKey::new(name.clone(), self.state(key, now), public.clone())
        })
        .collect()
    }

    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError> {
        // Inline: a signature takes 13 to 225 µs, less than a trip to another thread is worth.
        let found = self.keys.iter().find(|candidate| candidate.key.name == *key);
        found.ok_or(SignError::NoKey(key.algorithm))?.key.sign(input)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySet ")?;
        f.debug_list().entries(&*self.keys).finish()
    }
}

impl FromIterator<ScheduledKey> for KeySet {
    fn from_iter<I: IntoIterator<Item = ScheduledKey>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect() }
    }
}

impl PrivateKey for ScheduledKey {
    fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyProblem> {
        let schedule = Schedule::parse(jwk)?;
        Ok(Self { key: Arc::new(LocalKey::from_jwk(jwk)?), schedule })
    }

    fn kid(&self) -> &str {
        &self.key.name.kid
    }

    fn thumbprint(&self) -> &str {
        &self.key.thumbprint
    }
}

impl fmt::Debug for ScheduledKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SigningKey { kid, algorithm } = &self.key.name;
        f.debug_struct("Key")
            .field("kid", kid)
            .field("algorithm", algorithm)
            .field("schedule", &self.schedule)
            .finish()
    }
}
