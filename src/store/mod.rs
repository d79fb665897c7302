//! What is remembered: the [`Store`] trait and its contract.
//!
//! # The contract, in terms of harm
//!
//! | if a store… | then… |
//! |---|---|
//! | answers `get` from a stale copy | reuse is noticed late |
//! | `put` is not atomic | two token sets come out of one code |
//! | forgets before `keep_until` | a replay is forgotten: a hole |
//! | forgets after `keep_until` | only space is lost |
//! | misses a record in `list` | a logout misses a session: a hole |
//! | names too many in `list` | a read is wasted |
//! | answers [`StoreError::Refused`] although it wrote | a retry is judged as a replay |
//! | leaves a lock when a future is dropped | everybody waits |
//!
//! A record is a version, bytes, and the time until which it must be kept. The store neither reads
//! the bytes nor judges validity: `get` may return a record whose `keep_until` is past, and
//! [`Expect::Absent`] conflicts with one. Every call bounds its own time.

#[cfg(any(feature = "postgres", feature = "redis"))]
mod bounded;
mod composite;
#[cfg(any(test, feature = "test-util"))]
pub mod contract;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod durability;
#[cfg(any(test, feature = "test-util"))]
pub(crate) mod fault;
mod key;
mod marker;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
#[cfg(feature = "redis")]
mod redis;
mod sharded;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod tls;
mod typed;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use time::Duration;

pub use composite::CompositeStore;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
pub use durability::Durability;
#[cfg(any(test, feature = "test-util"))]
pub use fault::{Calls, Fault, FaultyStore, Operation};
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
use key::PAGE;
pub use key::{Cursor, Key, Kind, Label, Listing};
pub(crate) use marker::{Marked, is_marked, mark};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresError, PostgresOptions, PostgresStore};
pub(crate) use record::{Readable, Stored, decode, encode};
pub use record::{Record, Version};
#[cfg(feature = "redis")]
pub use redis::{RedisError, RedisOptions, RedisStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteError, SqliteOptions, SqliteStore};
pub(crate) use typed::{Batch, Commit, Loaded, Step, load, write};

use crate::types::Timestamp;

/// How long a record outlives its `keep_until`.
const GRACE: Duration = Duration::hours(2);
/// How far ahead of a store's clock a caller's clock may be.
const AHEAD: Duration = Duration::HOUR;

/// Whether a call may be given so much time.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
fn is_deadline(time: std::time::Duration) -> bool {
    use std::time::Duration;
    (Duration::from_millis(1)..=Duration::from_secs(60 * 60)).contains(&time)
}

/// Remembers records by key, with one conditional write as its only way to change them.
///
/// Any engine with a conditional write can carry it. [`MemoryStore`] is ready-made. See the
/// [module](self) for the contract.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// The record under the key; linearizable with [`put`](Store::put).
    ///
    /// # Errors
    ///
    /// [`StoreError`]; a fault is never answered with `None`.
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError>;

    /// The records under several keys, in their order; each read is linearizable for itself.
    ///
    /// # Errors
    ///
    /// As [`get`](Store::get).
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            records.push(self.get(key).await?);
        }
        Ok(records)
    }

    /// Replaces the whole record if `expect` holds, in one atomic step.
    ///
    /// An index entry becomes visible before its record.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] only if nothing was written and nothing will be; in doubt
    /// [`StoreError::Unknown`].
    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError>;

    /// Removes the record if it has this version; only for kinds whose absence is the safe side.
    ///
    /// # Errors
    ///
    /// As [`put`](Store::put).
    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError>;

    /// Keys of the kind that were created under the label, at most `limit` of them.
    ///
    /// It may name records that are gone, or that were there already when somebody tried to create them under this
    /// label: judge each by what it says itself. It never misses one whose `put` was answered.
    ///
    /// A cursor may come from a stranger, with any bytes in it. One that is none of the store's own is answered
    /// with [`StoreError::Cursor`] or, where that cannot be told, with some page of the same listing; never with
    /// another error, which would say that the store is down.
    ///
    /// # Errors
    ///
    /// [`StoreError::Cursor`] if `after` is none of the store's own; or the store failed.
    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError>;

    /// Removes at most `limit` records whose `keep_until` is two hours or more before `before` and
    /// before the store's own clock, if it has one; answers how many it removed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if `before` is more than an hour ahead of the store's own clock.
    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError>;
}

/// What must be true for a [`Store::put`] to happen.
#[derive(Clone, Copy, Debug)]
pub enum Expect<'a> {
    /// There is no record under the key. It is then created under these labels, for good.
    Absent {
        /// The index entries.
        labels: &'a [Label],
    },
    /// The record has this version.
    Version(Version),
}

/// What became of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It happened.
    Done,
    /// The expectation did not hold; nothing changed.
    Conflict,
}

/// The store's own error, kept for the operator.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A store could not do what was asked; a client sees 503 with `Retry-After`, never a verdict on its
/// token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing was written, and nothing will be.
    #[error("the store refused")]
    Refused(#[source] Cause),
    /// Perhaps it was written: the answer was lost, late or unclear.
    #[error("the store's answer is unknown")]
    Unknown(#[source] Cause),
    /// A record is damaged, or was written by a newer release.
    #[error("a stored record cannot be read")]
    Unreadable(#[source] Cause),
    /// A listing was to go on at a cursor that is none of the store's own: the asker is wrong, and the store
    /// is well.
    #[error("the cursor is not of this store")]
    Cursor,
}

impl StoreError {
    /// A purge by a clock that is wrong.
    pub(crate) fn far_ahead() -> Self {
        Self::Refused("the caller's clock is far ahead".into())
    }
}

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        (**self).get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        (**self).get_many(keys).await
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        (**self).put(key, expect, record).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        (**self).delete(key, version).await
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        (**self).list(kind, label, after, limit).await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        (**self).purge(before, limit).await
    }
}
