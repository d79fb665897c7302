//! A store in Redis or Valkey.

mod connect;
mod fault;
mod layout;
mod link;
mod options;
mod scripts;
mod server;
mod sweep;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use tokio::{sync::Mutex, time::timeout};

pub use self::options::{RedisError, RedisOptions};
use self::{
    layout::{Entry, Names},
    link::Link,
    scripts::Made,
    server::Demands,
    sweep::Sweep,
};
use super::{
    AHEAD, Cursor, Expect, Key, Kind, Label, Listing, PAGE, Put, Record, Store, StoreError,
    Version,
    bounded::{Bounded, Until},
};
use crate::types::Timestamp;

/// A [`Store`] in Redis or Valkey, for a service of many nodes.
///
/// All nodes that have the same server and the same prefix are one provider. Every call is carried out by the runtime
/// in which the store was opened, on one connection; it is made anew whenever it is lost, and
/// the server is looked at again each time. Redis itself forgets a record two hours after it has ended, by the
/// clock of the server alone; [`purge`](Store::purge) tidies up the listings, which still name it until then.
///
/// ```no_run
/// use oidc_op::store::RedisStore;
///
/// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::open("rediss://op:secret@redis.internal").await?;
/// # Ok(())
/// # }
/// ```
///
/// # What the server must be
///
/// Redis 7.0 or later, or Valkey, with these settings, which are looked up:
///
/// ```text
/// appendonly yes
/// appendfsync always            # unless Durability::Relaxed is asked for
/// no-appendfsync-on-rewrite no  # the same
/// maxmemory-policy noeviction   # or no maxmemory at all
/// ```
///
/// With `appendfsync always`, what comes in while the disk is busy shares the next wait for it. The user needs the
/// commands `GET`, `GETRANGE`, `SET`, `DEL`, `EXISTS`, `ZADD`, `ZREM`, `ZREMRANGEBYLEX`, `ZRANGEBYLEX`, `SCAN`,
/// `TIME`, `PING`, `INFO`, `EVALSHA` and `SCRIPT LOAD`, for keys `PREFIX:*`, and `CONFIG GET`; without the last, see
/// [`assured`](RedisOptions::assured).
///
/// It is one primary. A cluster of several shards is not, and is refused; Sentinel is not asked. Where a name leads
/// to whoever is the primary, the store follows it: it leaves a server that has become read-only.
///
/// # Security
///
/// All that a provider promises of single use (a code is redeemed once, what is revoked stays revoked) holds as long as
/// writes that were acknowledged survive. **Replication in Redis is asynchronous: a fail-over loses the last writes
/// that were acknowledged**, with Sentinel, with a cluster and with most managed services. A code that was redeemed
/// in those moments can be redeemed once more, a refresh token that was replaced is good again, and so is what was revoked.
/// Where that will not do, have one primary that keeps its disk and comes back with it, or a service whose
/// acknowledgements do survive ([`assured`](RedisOptions::assured)), or another store. The same goes for
/// [`Durability::Relaxed`](super::Durability::Relaxed), where the last second is lost with the power
/// (`appendfsync everysec`), or everything (`appendonly no`).
///
/// The server's clock must be right as well. Redis forgets by nothing else: where it is more than two hours ahead,
/// what says that a code was redeemed or an assertion was seen is forgotten while these are still good.
///
/// What is kept shows nothing that could be presented, but who can write it can do as they like: let nobody else have
/// the password, and use `rediss://` wherever others could listen in.
pub struct RedisStore {
    bounded: Bounded,
    shared: Arc<Shared>,
}

/// What the tasks have in common.
struct Shared {
    link: Arc<Link>,
    names: Names,
    sweep: Mutex<Sweep>,
    /// How long a purge may take.
    purging: Duration,
    /// Where the server is, for the operator.
    server: String,
}

impl RedisStore {
    /// Opens a store at a server with the defaults.
    ///
    /// # Errors
    ///
    /// [`RedisError`].
    pub async fn open(url: impl Into<String>) -> Result<Self, RedisError> {
        Self::with_options(&RedisOptions::new(url)).await
    }

    /// Opens a store, in the runtime that calls this: it is there for as long as that is.
    ///
    /// # Errors
    ///
    /// [`RedisError`].
    pub async fn with_options(options: &RedisOptions) -> Result<Self, RedisError> {
        let (names, way) = (options.names()?, options.way()?);
        let bounded = Bounded::here(options.deadline);
        let bounded = bounded.map_err(|error| RedisError::Runtime(error.into()))?;
        let server = way.address();
        let demands = Demands { durability: options.durability, assured: options.assured };
        let link = Arc::new(Link::new(way, demands, options.deadline));
        timeout(options.deadline, link.open()).await.map_err(|_late| RedisError::Late)??;
        let (sweep, purging) = (Mutex::default(), options.deadline / 3);
        Ok(Self { bounded, shared: Arc::new(Shared { link, names, sweep, purging, server }) })
    }

    async fn call<T, F>(&self, call: impl FnOnce(Arc<Shared>, Until) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        self.bounded.call(|until| call(shared, until)).await
    }
}

impl Shared {
    async fn get(&self, until: Until, key: &Key) -> Result<Option<Record>, StoreError> {
        let get = redis::Cmd::get(self.names.record(key));
        let ask = |mut at: MultiplexedConnection| async move { get.query_async(&mut at).await };
        let kept: Option<Vec<u8>> = self.link.ask(until, ask).await?;
        kept.map(|kept| layout::read(&kept)).transpose()
    }

    /// One by one, since they may lie in different slots, but without waiting for each other.
    async fn get_many(
        &self,
        until: Until,
        keys: &[Key],
    ) -> Result<Vec<Option<Record>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for key in keys {
            pipe.get(self.names.record(key));
        }
        let ask = |mut at: MultiplexedConnection| async move { pipe.query_async(&mut at).await };
        let kept: Vec<Option<Vec<u8>>> = self.link.ask(until, ask).await?;
        kept.into_iter().map(|kept| kept.map(|kept| layout::read(&kept)).transpose()).collect()
    }

    /// First the indexes, then the record; see [`Scripts`](scripts::Scripts).
    async fn create(
        &self,
        until: Until,
        key: &Key,
        labels: &[Label],
        record: &Record,
    ) -> Result<Put, StoreError> {
        let mut first = None;
        for label in labels {
            let entered = self.enter(until, key, label).await.map_err(refused)?;
            first = first.or(Some(entered));
        }
        self.put(until, key, None, record, first).await
    }

    async fn enter(&self, until: Until, key: &Key, label: &Label) -> Result<i64, StoreError> {
        let index = self.names.index(key.kind(), label);
        let (scripts, index) = (&self.link.scripts, &index);
        let ask = |mut at: MultiplexedConnection| async move {
            scripts.enter(&mut at, index, key.hash()).await
        };
        self.link.ask(until, ask).await
    }

    async fn put(
        &self,
        until: Until,
        key: &Key,
        expected: Option<Version>,
        record: &Record,
        entered: Option<i64>,
    ) -> Result<Put, StoreError> {
        let (scripts, name) = (&self.link.scripts, &self.names.record(key));
        let ask = |mut at: MultiplexedConnection| async move {
            scripts.put(&mut at, name, expected, record, entered).await
        };
        self.link.ask(until, ask).await.and_then(told)
    }

    async fn delete(&self, until: Until, key: &Key, version: &Version) -> Result<Put, StoreError> {
        let (scripts, name) = (&self.link.scripts, &self.names.record(key));
        let ask = |mut at: MultiplexedConnection| async move {
            scripts.delete(&mut at, name, version).await
        };
        self.link.ask(until, ask).await.and_then(told)
    }

    /// The cursor is the hash of the first key that is still to be shown.
    async fn list(
        &self,
        until: Until,
        (kind, label): (Kind, &Label),
        first: [u8; 32],
        limit: u32,
    ) -> Result<Listing, StoreError> {
        let limit = limit.min(PAGE);
        let mut range = redis::cmd("ZRANGEBYLEX");
        range.arg(self.names.index(kind, label)).arg([b"[", first.as_slice()].concat()).arg("+");
        range.arg("LIMIT").arg(0).arg(limit.saturating_add(1));
        let ask = |mut at: MultiplexedConnection| async move { range.query_async(&mut at).await };
        let members: Vec<Vec<u8>> = self.link.ask(until, ask).await?;
        let entries = members.iter().map(|member| Entry::read(member).map(|entry| entry.hash));
        let hashes: Option<Vec<_>> = entries.collect();
        let hashes = hashes.ok_or_else(|| StoreError::Unreadable("not an index entry".into()))?;
        Ok(Listing::of_hashes(kind, hashes, limit))
    }

    async fn purge(&self, until: Until, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        let stop = Instant::now() + self.purging;
        let now = self.now(until).await?;
        if before > now + AHEAD {
            return Err(StoreError::far_ahead());
        }
        // One at a time will do.
        let Ok(mut sweep) = self.sweep.try_lock() else { return Ok(0) };
        if limit == 0 {
            return Ok(0);
        }
        let at = (&self.link, &self.names);
        sweep.go_on(at, until, stop, (before.min(now), limit)).await
    }

    /// By the server's clock.
    async fn now(&self, until: Until) -> Result<Timestamp, StoreError> {
        let time = redis::cmd("TIME");
        let ask = |mut at: MultiplexedConnection| async move { time.query_async(&mut at).await };
        let (seconds, _micros): (i64, i64) = self.link.ask(until, ask).await?;
        Ok(Timestamp::from_unix(seconds))
    }
}

fn told(made: Made) -> Result<Put, StoreError> {
    match made {
        Made::Done => Ok(Put::Done),
        Made::Conflict => Ok(Put::Conflict),
        Made::TooLate => {
            Err(StoreError::Refused("too much time between the index and the record".into()))
        }
    }
}

/// Before the record, only an index was to be written: whatever became of that, the record is not there.
fn refused(error: StoreError) -> StoreError {
    match error {
        StoreError::Unknown(cause) => StoreError::Refused(cause),
        error => error,
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &self.shared.server)
            .field("prefix", &self.shared.names.prefix())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let key = *key;
        self.call(|shared, until| async move { shared.get(until, &key).await }).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        let keys = keys.to_vec();
        self.call(|shared, until| async move { shared.get_many(until, &keys).await }).await
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        let key = *key;
        match expect {
            Expect::Absent { labels } => {
                let labels = labels.to_vec();
                self.call(|shared, until| async move {
                    shared.create(until, &key, &labels, &record).await
                })
                .await
            }
            Expect::Version(version) => {
                self.call(|shared, until| async move {
                    shared.put(until, &key, Some(version), &record, None).await
                })
                .await
            }
        }
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        let (key, version) = (*key, *version);
        self.call(|shared, until| async move { shared.delete(until, &key, &version).await }).await
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        let (label, first) = (*label, Cursor::first_hash(after)?);
        self.call(
            |shared, until| async move { shared.list(until, (kind, &label), first, limit).await },
        )
        .await
    }

    /// Redis has removed the records by itself. What is left to remove is their places in listings: for a third of
    /// the deadline at most, so that there may be more although it took fewer than `limit`.
    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.call(|shared, until| async move { shared.purge(until, before, limit).await }).await
    }
}
