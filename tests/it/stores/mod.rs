//! The stores that are ready-made, each held to the contract and to what is its own.

#[cfg(feature = "sqlite")]
mod durability;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod outages;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod proxy;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use oidc_op::{
    Clock, SystemClock, Timestamp,
    store::{
        Cursor, Expect, Key, Kind, Label, Listing, Put, Record, Store, StoreError, Version,
        contract::Contract,
    },
};

/// Holds a store to the contract, on a machine that has much else to do: its disk, too.
fn keep_contract<S: Store>(make: impl Fn() -> S) {
    Contract::new().deadline(Duration::from_secs(35)).check(make);
}

/// Several ways to one store, taken in turn.
#[derive(Debug)]
struct Alternating<S> {
    stores: [S; 2],
    turn: AtomicUsize,
}

impl<S> Alternating<S> {
    fn new(stores: [S; 2]) -> Self {
        Self { stores, turn: AtomicUsize::new(0) }
    }

    fn next(&self) -> &S {
        &self.stores[self.turn.fetch_add(1, Ordering::Relaxed) % 2]
    }
}

#[async_trait]
impl<S: Store> Store for Alternating<S> {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.next().get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        self.next().get_many(keys).await
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        self.next().put(key, expect, record).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        self.next().delete(key, version).await
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        self.next().list(kind, label, after, limit).await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.next().purge(before, limit).await
    }
}

/// A record of some content, and where to put it.
fn record(content: &[u8]) -> (Key, Record) {
    let mut hash = [0; 32];
    hash[..content.len()].copy_from_slice(content);
    let mut version = [0; 16];
    version[..content.len()].copy_from_slice(content);
    let until = SystemClock.now() + oidc_op::Duration::HOUR;
    (
        Key::from_parts(Kind::Grant, hash),
        Record::new(Version::from_bytes(version), content.to_vec(), until),
    )
}

const fn absent() -> Expect<'static> {
    Expect::Absent { labels: &[] }
}

/// What will be so soon.
fn eventually<T>(mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < end, "not within ten seconds");
        std::thread::yield_now();
    }
}
