//! A grant takes the same room after one refresh and after ten thousand.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oidc_op::{
    Rotation, Timestamp,
    store::{
        Cursor, Expect, Key, Kind, Label, Listing, MemoryStore, Put, Record, Store, StoreError,
        Version,
    },
};

use super::{UNSIGNED, refresher};
use crate::support::{ALICE, Op, Setup};

/// Notes the size of each grant that is written.
#[derive(Debug)]
struct Scale {
    inner: MemoryStore,
    grants: Mutex<Vec<usize>>,
}

#[async_trait]
impl Store for Scale {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        assert_eq!(key.kind(), Kind::Grant, "nothing else is written");
        self.grants.lock().unwrap().push(record.body.len());
        self.inner.put(key, expect, record).await
    }

    async fn delete(&self, _: &Key, _: &Version) -> Result<Put, StoreError> {
        panic!("nothing is deleted")
    }

    async fn list(
        &self,
        _: Kind,
        _: &Label,
        _: Option<&Cursor>,
        _: u32,
    ) -> Result<Listing, StoreError> {
        panic!("nothing is listed")
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.inner.purge(before, limit).await
    }
}

/// The sizes of what was written in 10,000 refreshes, one each 250 s: to the end of a month.
async fn weigh(rotation: Option<Rotation>) -> Vec<usize> {
    let setup = || {
        let mut setup = Setup::new();
        setup.clients = vec![refresher("refresh", rotation)];
        setup
    };
    let (first, then) = (setup(), setup());
    let (clock, store) = (first.clock.clone(), first.clock.clone());
    let shared = Arc::new(MemoryStore::with_clock(store));
    let op = Setup { store: shared.clone(), ..first }.build();
    let mut tokens = op.tokens_for("refresh", ALICE, UNSIGNED, &[]).await;
    let records = shared.len();

    drop(op);
    let inner = Arc::into_inner(shared).expect("the first provider is gone");
    let scale = Arc::new(Scale { inner, grants: Mutex::default() });
    let op: Op = Setup { store: scale.clone(), clock, seed: 2, ..then }.build();
    for n in 0..10_000 {
        op.wait(250);
        tokens = tokens.refreshed(&op).await;
        if n % 100 == 0 {
            op.provider.work(1_000).await.unwrap();
        }
    }
    assert!(scale.inner.len() <= records, "no record was added");
    std::mem::take(&mut scale.grants.lock().unwrap())
}

#[tokio::test]
async fn ten_thousand_rotations() {
    let sizes = weigh(None).await;
    assert_eq!(sizes.len(), 10_000, "one write each");
    let (min, max) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
    // Early on the redeemed ticket is still there, as long as a replay of its code is judged whole.
    let settled = sizes[3];
    assert!(*max < 1_500, "{max}");
    let digits = "10000".len();
    assert!(sizes[3..].iter().all(|size| *size < settled + digits), "{min} to {max}");
}

#[tokio::test]
async fn ten_thousand_uses_of_a_token_that_stays() {
    let sizes = weigh(Some(Rotation::Off)).await;
    // 16 days until the idle end meets the absolute one, in tenths of 14 days: 11, and the last step.
    assert_eq!(sizes.len(), 12);
    let least = sizes.iter().min().unwrap();
    assert!(sizes.iter().all(|size| size == least), "{sizes:?}");
}
