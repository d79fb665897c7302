use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    super::{KeyError, KeySet, change::Fresh},
    StoredKeys, StoredKeysError,
};
use crate::{
    env::{Clock, Entropy, SystemClock, SystemEntropy},
    secret::{
        Secrets, StorageKeys, random, same_kid,
        storage::{self, AtRest},
    },
    store::{self, Expect, Key, Kind, Loaded, Put, Readable, Step, Store, Stored, Version},
    types::{Issuer, SigningAlgorithm, Timestamp},
};

/// The record in which the signing keys of all nodes lie, sealed: where [`StoredKeys`] come from.
///
/// ```
/// use oidc_op::{
///     Issuer, KeyRecord, Secrets, SigningAlgorithm::{ES256, RS256}, StoredKeys, StoredKeysError,
///     store::Store,
/// };
///
/// async fn keys(
///     store: impl Store,
///     issuer: &Issuer,
///     secrets: &Secrets,
/// ) -> Result<StoredKeys, StoredKeysError> {
///     KeyRecord::new(store, issuer, secrets)?.open(&[RS256, ES256]).await
/// }
/// ```
pub struct KeyRecord {
    store: Arc<dyn Store>,
    pub(super) issuer: Issuer,
    clock: Arc<dyn Clock>,
    key: Key,
    /// The first seals, all open; never empty.
    secrets: Vec<StorageKeys>,
    first: KeySet,
    entropy: Arc<dyn Entropy>,
}

/// The body of the record.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    v: u16,
    /// How often it was written.
    n: u64,
    /// A private JWK Set.
    sealed: String,
}

impl Stored for Body {}

impl Readable for Body {
    fn schema(&self) -> u16 {
        self.v
    }
}

/// The keys as they were read or written, and what the next write must name.
#[derive(Clone)]
pub(super) struct Present {
    pub(super) keys: KeySet,
    pub(super) version: Version,
    pub(super) n: u64,
    /// Whether a secret sealed them that will be dropped some day.
    pub(super) outdated: bool,
}

impl KeyRecord {
    /// Distinguishes the record from others of its kind, and what is sealed in it from theirs.
    const NAME: &[u8] = b"signing";
    /// Each conflict means that somebody else got through.
    const ATTEMPTS: usize = 64;

    /// The record of this issuer in this store, sealed with the first of `secrets.storage`.
    ///
    /// # Errors
    ///
    /// [`StoredKeysError::NoSecret`], [`StoredKeysError::SameName`].
    pub fn new(
        store: impl Store,
        issuer: &Issuer,
        secrets: &Secrets,
    ) -> Result<Self, StoredKeysError> {
        let secrets: Vec<_> =
            secrets.storage.iter().map(|secret| StorageKeys::derive(secret, issuer)).collect();
        if secrets.is_empty() {
            return Err(StoredKeysError::NoSecret);
        }
        if same_kid(secrets.iter().map(|keys| keys.kid)) {
            return Err(StoredKeysError::SameName);
        }
        Ok(Self {
            store: Arc::new(store),
            issuer: issuer.clone(),
            clock: Arc::new(SystemClock),
            key: Key::new(Kind::Keys, issuer, &[Self::NAME]),
            secrets,
            first: KeySet::none(),
            entropy: Arc::new(SystemEntropy::new()),
        })
    }

    /// The keys that a record begins with which is not there yet: those of a provider whose keys were
    /// elsewhere. None unless given. A record that is there stays as it is.
    #[must_use]
    pub fn first(self, keys: KeySet) -> Self {
        Self { first: keys, ..self }
    }

    /// What time it is; [`SystemClock`] unless told otherwise.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Where randomness comes from, but for that of the keys themselves; [`SystemEntropy`] unless told
    /// otherwise.
    #[must_use]
    pub fn entropy(self, entropy: impl Entropy) -> Self {
        Self { entropy: Arc::new(entropy), ..self }
    }

    /// Reads the keys, or makes the record if there is none. An algorithm of these that no key signs
    /// with gets one that does so at once.
    ///
    /// Of nodes that start at the same time one makes the keys, and all others take them. Keys that a
    /// later secret of the list sealed are sealed anew with the first. An RSA key takes a good part of
    /// a second to make.
    ///
    /// # Errors
    ///
    /// The keys cannot be read, or not be written; no other keys are put in their place.
    pub async fn open(
        self,
        algorithms: &[SigningAlgorithm],
    ) -> Result<StoredKeys, StoredKeysError> {
        let mut fresh = Fresh::default();
        for _ in 0..Self::ATTEMPTS {
            let found = self.load().await?;
            let before = found.as_ref().map_or(&self.first, |found| &found.keys);
            let all = before.with_all_of(algorithms, self.clock.now(), &mut fresh)?;
            if let (Some(found), None) = (&found, &all)
                && !found.outdated
            {
                return Ok(StoredKeys::new(found.clone(), self));
            }
            let keys = all.unwrap_or_else(|| before.clone());
            if let Some(written) = self.write(found.as_ref(), keys).await? {
                return Ok(StoredKeys::new(written, self));
            }
        }
        Err(StoredKeysError::Contended)
    }

    /// The keys now, if they are not those that are known.
    pub(super) async fn load_other_than(
        &self,
        known: &Present,
    ) -> Result<Option<Present>, StoredKeysError> {
        let record = store::load::<Body>(&*self.store, &self.key).await?;
        let record = record.ok_or(StoredKeysError::Missing)?;
        (record.version != known.version).then(|| self.open_sealed(&record)).transpose()
    }

    /// Changes the keys by one write, tried anew whenever somebody else was faster. Answers the keys,
    /// and whether it wrote: `None` of the rule is that nothing is left to do.
    pub(super) async fn change(
        &self,
        mut rule: impl FnMut(&KeySet, Timestamp) -> Result<Option<KeySet>, KeyError>,
    ) -> Result<(Present, bool), StoredKeysError> {
        for _ in 0..Self::ATTEMPTS {
            let found = self.load().await?.ok_or(StoredKeysError::Missing)?;
            let Some(keys) = rule(&found.keys, self.clock.now())? else {
                return Ok((found, false));
            };
            if let Some(written) = self.write(Some(&found), keys).await? {
                return Ok((written, true));
            }
        }
        Err(StoredKeysError::Contended)
    }

    async fn load(&self) -> Result<Option<Present>, StoredKeysError> {
        let record = store::load::<Body>(&*self.store, &self.key).await?;
        record.map(|record| self.open_sealed(&record)).transpose()
    }

    fn open_sealed(&self, record: &Loaded<Body>) -> Result<Present, StoredKeysError> {
        let (sealed, ring) = (&record.body.sealed, &self.secrets);
        let by = storage::sealed_by(AtRest::SigningKeys, sealed);
        let by = by.ok_or(StoredKeysError::Damaged)?;
        let Some(place) = ring.iter().position(|keys| keys.kid == by) else {
            return Err(StoredKeysError::SecretGone);
        };
        let opened = storage::open(AtRest::SigningKeys, ring, &self.issuer, Self::NAME, sealed);
        let opened = opened.and_then(|plain| String::from_utf8(plain).ok());
        let keys = KeySet::from_json(&opened.ok_or(StoredKeysError::Damaged)?)?;
        let (version, n, outdated) = (record.version, record.body.n, place > 0);
        Ok(Present { keys, version, n, outdated })
    }

    /// Writes the keys in place of those that were found; `None` if somebody else was faster.
    pub(super) async fn write(
        &self,
        found: Option<&Present>,
        keys: KeySet,
    ) -> Result<Option<Present>, StoredKeysError> {
        let version = Version::random(&*self.entropy)?;
        let n = found.map_or(0, |found| found.n).saturating_add(1);
        let body = Body { v: Body::SCHEMA, n, sealed: self.seal(&keys)? };
        let step = Step {
            key: &self.key,
            expect: match found {
                Some(found) => Expect::Version(found.version),
                None => Expect::Absent { labels: &[] },
            },
            body: &body,
            keep_until: Timestamp::MAX,
        };
        let put = store::write(&*self.store, &step, version).await?;
        let written = Present { keys, version, n, outdated: false };
        Ok((put == Put::Done).then_some(written))
    }

    fn seal(&self, keys: &KeySet) -> Result<String, StoredKeysError> {
        let first = self.secrets.first().ok_or(StoredKeysError::NoSecret)?;
        let (salt, plain) = (random(&*self.entropy)?, keys.expose_json());
        let (kind, plain) = (AtRest::SigningKeys, plain.as_bytes());
        Ok(storage::seal(kind, first, &self.issuer, Self::NAME, salt, plain))
    }
}

impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRecord").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
