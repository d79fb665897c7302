//! Clients in the store: those that have registered themselves, and those that an administrator has
//! made while the provider runs.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    Client, ClientMetadata, ClientSecret, RegisteredClient, registration::Statement, secret::Form,
};
use crate::{
    claims::ClaimPolicy,
    config::AssertionAudience,
    error::{Failure, Reason},
    grant::RefreshPolicy,
    provider::Core,
    secret::{
        Digest, random,
        storage::{self, AtRest},
    },
    store::{
        Commit, Expect, Key, Kind, Label, Loaded, Put, Readable, Step, StoreError, Stored, decode,
    },
    types::{ClientId, Issuer, Resource, Subject, Timestamp},
};

/// What is there to be written of a client, whether it has been or not.
#[derive(Clone, Debug)]
pub(crate) struct ClientEntry {
    pub(crate) client: Client,
    pub(crate) registered_at: Timestamp,
    /// By what it manages its own registration; none if an administrator made it.
    pub(crate) management: Option<Management>,
}

impl ClientEntry {
    pub(crate) fn new(client: Client, now: Timestamp) -> Self {
        Self { client, registered_at: now, management: None }
    }

    /// With this registration access token from now on.
    pub(crate) fn manage_by(&mut self, token: Digest) {
        let before = self.management.take();
        self.management = Some(match before {
            Some(before) => Management { token, ..before },
            None => Management { token, purpose: None, statement: None },
        });
    }
}

/// A client of the store whose record cannot be read: what it asks for is answered 503, and so is what stands on
/// it.
///
/// The record may be of a newer release, or have a secret that was sealed by a [storage
/// secret](crate::Secrets::storage) that is not there any more: it can be read again once these are there. One that
/// is damaged comes back from a backup, or is taken out of the store by its key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnreadableClient {
    /// Where it lies in the store.
    pub key: Key,
    /// Its identifier, if as much as that can be read, and it fits the key.
    pub id: Option<ClientId>,
    /// Why it cannot be read.
    pub cause: Arc<StoreError>,
}

impl UnreadableClient {
    fn new(core: &Core, key: Key, body: &[u8], cause: StoreError) -> Self {
        /// What any release will write, whatever else it does.
        #[derive(Deserialize)]
        struct Named {
            id: ClientId,
        }
        let named: Option<Named> = serde_json::from_slice(body).ok();
        let fits = |id: &ClientId| self::key(&core.config.issuer, id) == key;
        let id = named.map(|named| named.id).filter(fits);
        Self { key, id, cause: Arc::new(cause) }
    }
}

/// Until when a client must have been used, or it is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unused {
    pub(crate) until: Timestamp,
    /// Whether it came with an initial access token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) invited: bool,
}

/// What a client needs that manages its own registration.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Management {
    /// Of its registration access token.
    pub(crate) token: Digest,
    /// What its initial access token was issued for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) purpose: Option<String>,
    /// What a publisher has vouched for, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) statement: Option<Statement>,
}

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Management(..)")
    }
}

/// The record of a client.
#[derive(Serialize, Deserialize)]
pub(crate) struct ClientRecord {
    v: u16,
    id: ClientId,
    registered_at: Timestamp,
    metadata: ClientMetadata,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<SecretOnRecord>,
    epoch: u32,
    enabled: bool,
    #[serde(default)]
    first_party: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    require_pkce: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assertion_audience: Option<AssertionAudience>,
    #[serde(default)]
    claims: ClaimPolicy,
    #[serde(default)]
    refresh: RefreshPolicy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resources: Option<Vec<Resource>>,
    #[serde(default)]
    password_grant: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Subject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unused: Option<Unused>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    management: Option<Management>,
}

impl Stored for ClientRecord {}

impl Readable for ClientRecord {
    fn schema(&self) -> u16 {
        self.v
    }
}

/// What the store may see of a secret: nothing that anybody could present.
#[derive(Serialize, Deserialize)]
struct SecretOnRecord {
    #[serde(flatten)]
    form: FormOnRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FormOnRecord {
    Digest(Digest),
    /// One that is a key as well, under the storage secret and for this client only.
    Sealed(String),
    Hashed(String),
}

impl SecretOnRecord {
    fn of(core: &Core, id: &ClientId, secret: &ClientSecret) -> Result<Self, Failure> {
        let form = match secret.form() {
            Form::Digest(digest) => FormOnRecord::Digest(*digest),
            Form::Kept(_, key) => {
                let keys = core.storage.first().ok_or(Reason::StorageSecretMissing)?;
                let salt = random(&*core.entropy)?;
                let (issuer, context) = (&core.config.issuer, id.as_str().as_bytes());
                let sealed = storage::seal(AtRest::ClientSecret, keys, issuer, context, salt, key);
                FormOnRecord::Sealed(sealed)
            }
            Form::Hashed(hash) => FormOnRecord::Hashed(hash.as_ref().into()),
        };
        Ok(Self { form, expires: secret.expires() })
    }

    fn read(self, core: &Core, id: &ClientId) -> Result<ClientSecret, StoreError> {
        let secret: ClientSecret = match self.form {
            FormOnRecord::Digest(digest) => Form::Digest(digest).into(),
            FormOnRecord::Sealed(text) => {
                let (issuer, context) = (&core.config.issuer, id.as_str().as_bytes());
                let kind = AtRest::ClientSecret;
                let opened = storage::open(kind, &core.storage, issuer, context, &text);
                let gone = "a client secret is sealed by a storage secret that is not there";
                let key = opened.ok_or_else(|| StoreError::Unreadable(gone.into()))?;
                Form::Kept(Digest::of(&key), key.into()).into()
            }
            FormOnRecord::Hashed(hash) => ClientSecret::hashed(&hash),
        };
        Ok(match self.expires {
            Some(expires) => secret.until(expires),
            None => secret,
        })
    }
}

impl ClientRecord {
    fn of(core: &Core, entry: &ClientEntry) -> Result<Self, Failure> {
        let ClientEntry { client, registered_at, management } = entry.clone();
        let secrets = client.secrets.iter();
        Ok(Self {
            v: Self::SCHEMA,
            registered_at,
            secrets: secrets
                .map(|secret| SecretOnRecord::of(core, &client.id, secret))
                .collect::<Result<_, _>>()?,
            id: client.id,
            metadata: client.metadata,
            epoch: client.epoch,
            enabled: client.enabled,
            first_party: client.first_party,
            require_pkce: client.require_pkce,
            assertion_audience: client.assertion_audience,
            claims: client.claims,
            refresh: client.refresh,
            resources: client.resources,
            password_grant: client.password_grant,
            owner: client.owner,
            unused: client.unused,
            management,
        })
    }

    fn read(self, core: &Core) -> Result<ClientEntry, StoreError> {
        let secrets = self.secrets.into_iter().map(|secret| secret.read(core, &self.id));
        let client = Client {
            secrets: secrets.collect::<Result<_, _>>()?,
            epoch: self.epoch,
            enabled: self.enabled,
            first_party: self.first_party,
            require_pkce: self.require_pkce,
            assertion_audience: self.assertion_audience,
            claims: self.claims,
            refresh: self.refresh,
            resources: self.resources,
            password_grant: self.password_grant,
            owner: self.owner,
            unused: self.unused,
            ..Client::unchecked(self.id, self.metadata)
        };
        Ok(ClientEntry { client, registered_at: self.registered_at, management: self.management })
    }
}

fn key(issuer: &Issuer, id: &ClientId) -> Key {
    Key::new(Kind::Client, issuer, &[id.as_str().as_bytes()])
}

/// Under which all clients of the store are listed.
pub(super) fn label(issuer: &Issuer) -> Label {
    Label::new("client", issuer, b"")
}

/// The client of this name, with the version that the next write must name. One that was never used
/// in its time is not there any more.
pub(super) async fn find(
    core: &Core,
    id: &ClientId,
) -> Result<Option<Loaded<ClientEntry>>, StoreError> {
    let Some(found) = core.load::<ClientRecord>(&key(&core.config.issuer, id)).await? else {
        return Ok(None);
    };
    // First: its secrets may be sealed by a storage secret that is not there any more.
    if !is_kept(core, found.body.unused) {
        return Ok(None);
    }
    Ok(Some(Loaded { body: found.body.read(core)?, version: found.version }))
}

fn is_kept(core: &Core, unused: Option<Unused>) -> bool {
    unused.is_none_or(|unused| core.clock.now() < unused.until)
}

/// The client of this name, for a request.
pub(super) async fn look_up(core: &Core, id: &ClientId) -> Result<Option<Arc<Client>>, StoreError> {
    let key = key(&core.config.issuer, id);
    let Some(record) = core.store.get(&key).await? else { return Ok(None) };
    if let Some(client) = core.decoded.get(&key, &record.version) {
        return Ok(Some(client).filter(|client| is_kept(core, client.unused)));
    }
    let found = decode::<ClientRecord>(&record.body)?;
    if !is_kept(core, found.unused) {
        return Ok(None);
    }
    let client = Arc::new(found.read(core)?.client);
    core.decoded.put(key, record.version, Arc::clone(&client));
    Ok(Some(client))
}

/// What the store's listing names: one that cannot be read is told from one that is not there.
pub(super) async fn read(
    core: &Core,
    key: &Key,
) -> Result<Option<Result<RegisteredClient, UnreadableClient>>, StoreError> {
    let record = match core.store.get(key).await {
        Ok(Some(record)) => record,
        Ok(None) => return Ok(None),
        Err(unreadable @ StoreError::Unreadable(_)) => {
            return Ok(Some(Err(UnreadableClient::new(core, *key, &[], unreadable))));
        }
        Err(failed) => return Err(failed),
    };
    let found = decode::<ClientRecord>(&record.body);
    if found.as_ref().is_ok_and(|found| !is_kept(core, found.unused)) {
        return Ok(None);
    }
    match found.and_then(|found| found.read(core)) {
        Ok(body) => Ok(Some(Ok(Loaded { body, version: record.version }.into()))),
        Err(why) => Ok(Some(Err(UnreadableClient::new(core, *key, &record.body, why)))),
    }
}

/// Writes a client that is not there yet, or only one that was never used in its time; answers nothing if
/// there was one.
pub(super) async fn create(
    core: &Core,
    new: &ClientEntry,
) -> Result<Option<RegisteredClient>, Failure> {
    let issuer = &core.config.issuer;
    let labels = [label(issuer)];
    if let Some(written) = put(core, Expect::Absent { labels: &labels }, new).await? {
        return Ok(Some(written));
    }
    let there = core.load::<ClientRecord>(&key(issuer, &new.client.id)).await?;
    let forgotten = there
        .filter(|there| there.body.unused.is_some_and(|unused| unused.until <= core.clock.now()));
    match forgotten {
        Some(forgotten) => put(core, Expect::Version(forgotten.version), new).await,
        None => Ok(None),
    }
}

/// Writes a client in the place of the version that was read; answers nothing if that was there no more.
pub(super) async fn replace(
    core: &Core,
    before: &Loaded<ClientEntry>,
    after: &ClientEntry,
) -> Result<Option<RegisteredClient>, Failure> {
    put(core, Expect::Version(before.version), after).await
}

async fn put(
    core: &Core,
    expect: Expect<'_>,
    entry: &ClientEntry,
) -> Result<Option<RegisteredClient>, Failure> {
    let key = key(&core.config.issuer, &entry.client.id);
    let body = ClientRecord::of(core, entry)?;
    let keep_until = entry.client.unused.map_or(Timestamp::MAX, |unused| unused.until);
    let step = Step { key: &key, expect, body: &body, keep_until };
    Ok(match core.commit(step, ()).await? {
        Commit::Won(version, ()) => Some(Loaded { body: entry.clone(), version }.into()),
        Commit::Lost => None,
    })
}

/// How often a write that somebody else has got in the way of is tried again.
pub(super) const ATTEMPTS: u8 = 16;

/// Forgets the client in the version that was read, and with it all that stands on it; answers whether
/// that was still there.
pub(super) async fn remove(core: &Core, before: &Loaded<ClientEntry>) -> Result<bool, Failure> {
    let key = key(&core.config.issuer, &before.body.client.id);
    match core.store.delete(&key, &before.version).await {
        Ok(put) => Ok(put == Put::Done),
        Err(refused @ StoreError::Refused(_)) => Err(refused.into()),
        // Perhaps it is gone: a version that is not there any more was deleted, by whomever.
        Err(unknown) => match core.load::<ClientRecord>(&key).await? {
            None => Ok(true),
            Some(_) => Err(unknown.into()),
        },
    }
}

/// That a person has signed in to a client, or it was given their grant: from now on it is kept. Called
/// before anything is handed out that stands on it, and once in its life writes.
pub(crate) async fn used(core: &Core, client: &Client) -> Result<(), Failure> {
    match client.unused {
        Some(_) => keep(core, client, None).await,
        None => Ok(()),
    }
}

/// That a client has authenticated. One that somebody has invited is kept from now on; a stranger can do
/// that for clients without number, so theirs is kept for as long again as one that is new.
pub(crate) async fn seen(core: &Core, client: &Client) -> Result<(), Failure> {
    let Some(unused) = client.unused else { return Ok(()) };
    if unused.invited {
        return keep(core, client, None).await;
    }
    let lifetime = core.config.registration.as_ref().map(|rules| rules.unused_lifetime);
    let (now, lifetime) = (core.clock.now(), lifetime.unwrap_or_default());
    // Not at each request: one that has half of its time left has enough.
    if now + lifetime / 2 < unused.until {
        return Ok(());
    }
    keep(core, client, Some(Unused { until: now + lifetime, ..unused })).await
}

async fn keep(core: &Core, client: &Client, unused: Option<Unused>) -> Result<(), Failure> {
    for _ in 0..ATTEMPTS {
        let before = find(core, &client.id).await?.ok_or(Reason::ClientUnknown)?;
        if before.body.client.unused.is_none() {
            return Ok(());
        }
        let mut after = before.body.clone();
        after.client.unused = unused;
        if replace(core, &before, &after).await?.is_some() {
            return Ok(());
        }
    }
    Err(Reason::StoreFailed.into())
}
