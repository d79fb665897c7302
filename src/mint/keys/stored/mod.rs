//! Signing keys that all nodes share by way of the store.

mod error;
mod record;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use time::Duration;

use self::record::Present;
pub use self::{error::StoredKeysError, record::KeyRecord};
use super::{KeyError, KeyRotation, KeySet, change::Fresh};
use crate::{
    error::HostError,
    mint::{PublishedKey, SignError, Signer, SigningKey},
    store::Version,
    types::{SigningAlgorithm, Timestamp},
};

/// Signing keys in the store, sealed with the storage secret: the ready-made [`Signer`] for several
/// nodes, and for rotation without a restart.
///
/// A [`KeyRecord`] opens them. Every change is one conditional write of that one record, so that two
/// nodes which change the keys at once lose nothing; the node that made it holds the new keys then,
/// and each other one from its next [`Provider::work`](crate::Provider::work) on. So a
/// [`KeyRotation::announce`] that is longer than the time from one `work` to the next means that no node
/// ever lacks the key that signs. Cloning is cheap; all clones are the same keys.
///
/// ```
/// # use std::sync::Arc;
/// # use oidc_op::{
/// #     Clock, Issuer, KeyRecord, KeyRotation, Secret, Secrets, Signer, SigningAlgorithm::ES256,
/// #     SystemClock, store::MemoryStore,
/// # };
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), oidc_op::HostError> {
/// # let store = Arc::new(MemoryStore::new());
/// # let issuer = Issuer::new("https://id.example")?;
/// # let mut secrets = Secrets::new(Secret::new([1; 32])?);
/// # secrets.storage.push(Secret::new([2; 32])?);
/// let node = async || KeyRecord::new(store.clone(), &issuer, &secrets)?.open(&[ES256]).await;
/// let (one, other) = (node().await?, node().await?);
/// let now = SystemClock.now();
/// let before = one.active(ES256, now);
/// assert_eq!(other.active(ES256, now), before);
///
/// one.rotate(ES256, KeyRotation::default()).await?;
/// other.follow(now).await?; // `Provider::work` does it
/// assert_eq!(other.published(now).len(), 2, "the successor is announced");
/// assert_eq!(other.active(ES256, now), before, "and does not sign yet");
/// # Ok(())
/// # }
/// ```
///
/// # Security
///
/// Whoever has both the store and the storage secret can sign in as anybody at every client: back them
/// up apart. Whoever can write to the store can bring back keys that lay there before.
#[derive(Clone)]
pub struct StoredKeys(Arc<Inner>);

struct Inner {
    record: KeyRecord,
    present: RwLock<Present>,
}

impl StoredKeys {
    fn new(present: Present, record: KeyRecord) -> Self {
        Self(Arc::new(Inner { record, present: RwLock::new(present) }))
    }

    /// The keys as this node holds them, for a copy in a safe place.
    pub fn keys(&self) -> KeySet {
        self.present().keys
    }

    /// Adds a fresh key that will take over from the one that signs with this algorithm, as
    /// [`KeySet::rotate`] does, and drops the keys that have been removed by now.
    ///
    /// An RSA key takes a good part of a second to make: call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// [`StoredKeysError`]; see [`StoredKeysError::Store`] for whether it may have happened.
    pub async fn rotate(
        &self,
        algorithm: SigningAlgorithm,
        rotation: KeyRotation,
    ) -> Result<(), StoredKeysError> {
        let mut fresh = Fresh::default();
        let rule =
            |keys: &KeySet, now| keys.rotated(algorithm, now, rotation, &mut fresh).map(Some);
        self.change(rule).await.map(drop)
    }

    /// [Rotates](Self::rotate) if no key of the algorithm has been added for so long, and says whether
    /// it did: for a timer, which may run on every node.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub async fn rotate_when_due(
        &self,
        algorithm: SigningAlgorithm,
        every: Duration,
        rotation: KeyRotation,
    ) -> Result<bool, StoredKeysError> {
        let mut fresh = Fresh::default();
        let rule = |keys: &KeySet, now| {
            let due = keys.is_due(algorithm, now, every);
            due.then(|| keys.rotated(algorithm, now, rotation, &mut fresh)).transpose()
        };
        self.change(rule).await
    }

    /// Drops a key that must not be trusted any more, and puts a fresh one in its place at once if
    /// nothing else would sign. A key that is not there is dropped already.
    ///
    /// What it has signed can no longer be checked once clients fetch the keys again; and until a node
    /// has done its next [`work`](crate::Provider::work), it signs with the dropped key.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub async fn without(&self, kid: &str) -> Result<(), StoredKeysError> {
        let mut fresh = Fresh::default();
        self.change(|keys, now| keys.replaced(kid, now, &mut fresh)).await.map(drop)
    }

    /// Drops the keys that have been removed by now.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub async fn prune(&self) -> Result<(), StoredKeysError> {
        self.change(|keys, now| Ok(keys.without_removed(now))).await.map(drop)
    }

    /// Adds keys that were made elsewhere, with their times; those that are there already stay as they
    /// are.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate); [`KeyProblem::DuplicateKid`] and [`KeyProblem::Reused`] for a key
    /// that is like one that is there, but not the same.
    ///
    /// [`KeyProblem::DuplicateKid`]: crate::KeyProblem::DuplicateKid
    /// [`KeyProblem::Reused`]: crate::KeyProblem::Reused
    pub async fn import(&self, others: &KeySet) -> Result<(), StoredKeysError> {
        self.change(|keys, _| keys.joined(others)).await.map(drop)
    }

    async fn change(
        &self,
        rule: impl FnMut(&KeySet, Timestamp) -> Result<Option<KeySet>, KeyError>,
    ) -> Result<bool, StoredKeysError> {
        let before = self.present().version;
        let (present, wrote) = self.0.record.change(rule).await?;
        self.take_up(before, present);
        Ok(wrote)
    }

    fn present(&self) -> Present {
        self.0.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Holds from now on what was read or written, unless somebody in this process has taken up
    /// something newer since it was `before`. If nobody has, even an older one is the store's word: it
    /// was restored from a back-up, say.
    fn take_up(&self, before: Version, found: Present) {
        let mut present = self.0.present.write().unwrap_or_else(PoisonError::into_inner);
        if found.n > present.n || present.version == before {
            *present = found;
        }
    }
}

#[async_trait]
impl Signer for StoredKeys {
    fn active(&self, algorithm: SigningAlgorithm, now: Timestamp) -> Option<SigningKey> {
        self.keys().active(algorithm, now)
    }

    fn published(&self, now: Timestamp) -> Vec<PublishedKey> {
        self.keys().published(now)
    }

    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError> {
        self.keys().sign(key, input).await
    }

    async fn follow(&self, _now: Timestamp) -> Result<(), HostError> {
        let before = self.present();
        let record = &self.0.record;
        let found = match record.load_other_than(&before).await? {
            Some(found) => {
                self.take_up(before.version, found.clone());
                found
            }
            None => before,
        };
        if found.outdated
            && let Some(written) = record.write(Some(&found), found.keys.clone()).await?
        {
            self.take_up(found.version, written);
        }
        Ok(())
    }
}

impl fmt::Debug for StoredKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKeys")
            .field("issuer", &self.0.record.issuer)
            .field("keys", &self.keys())
            .finish_non_exhaustive()
    }
}
