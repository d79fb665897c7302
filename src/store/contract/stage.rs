use std::{
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::Instant,
};

use time::Duration;

use super::{Broken, Drive, require};
use crate::{
    env::{Clock, SystemClock},
    secret::Digest,
    store::{
        Cursor, Expect, Key, Kind, Label, Listing, Put, Record, Store, StoreError, Version,
        sharded::lock,
    },
    types::Timestamp,
};

/// What a check acts with: a store whose calls it waits for, and names that nobody else uses.
pub(super) struct Stage {
    store: Arc<dyn Store>,
    drive: Arc<Drive>,
    nonce: u64,
    names: AtomicU64,
    slowest: Mutex<std::time::Duration>,
}

impl Stage {
    pub(super) fn new(store: Arc<dyn Store>, drive: Arc<Drive>) -> Self {
        let nonce = RandomState::new().hash_one(0);
        Self { store, drive, nonce, names: AtomicU64::default(), slowest: Mutex::default() }
    }

    /// How long the call took that took longest.
    pub(super) fn slowest(&self) -> std::time::Duration {
        *lock(&self.slowest)
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(super) fn key(&self) -> Key {
        self.key_of(Kind::Grant)
    }

    pub(super) fn key_of(&self, kind: Kind) -> Key {
        Key::from_parts(kind, *Digest::of(&self.name()).as_bytes())
    }

    pub(super) fn label(&self) -> Label {
        Label::from_hash(*Digest::of(&self.name()).as_bytes())
    }

    pub(super) fn version(&self) -> Version {
        Version::from_bytes(self.name())
    }

    /// A record of a new version that is to be kept for a day.
    pub(super) fn record(&self, body: impl Into<Arc<[u8]>>) -> Record {
        self.record_until(now() + Duration::DAY, body)
    }

    pub(super) fn record_until(&self, keep_until: Timestamp, body: impl Into<Arc<[u8]>>) -> Record {
        Record::new(self.version(), body, keep_until)
    }

    fn name(&self) -> [u8; 16] {
        let name = self.names.fetch_add(1, Ordering::Relaxed);
        (u128::from(self.nonce) << 64 | u128::from(name)).to_be_bytes()
    }

    pub(super) fn get(&self, key: &Key) -> Result<Option<Record>, Broken> {
        self.wait(self.store.get(key))
    }

    pub(super) fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, Broken> {
        self.wait(self.store.get_many(keys))
    }

    pub(super) fn create(
        &self,
        key: &Key,
        labels: &[Label],
        record: &Record,
    ) -> Result<Put, Broken> {
        self.wait(self.store.put(key, Expect::Absent { labels }, record.clone()))
    }

    pub(super) fn replace(
        &self,
        key: &Key,
        version: Version,
        record: &Record,
    ) -> Result<Put, Broken> {
        self.wait(self.store.put(key, Expect::Version(version), record.clone()))
    }

    pub(super) fn delete(&self, key: &Key, version: &Version) -> Result<Put, Broken> {
        self.wait(self.store.delete(key, version))
    }

    pub(super) fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, Broken> {
        Ok(self.try_purge(before, limit)??)
    }

    pub(super) fn try_purge(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Result<u32, StoreError>, Broken> {
        self.run(self.store.purge(before, limit))
    }

    /// A new record under a new key.
    pub(super) fn created(
        &self,
        labels: &[Label],
        body: impl Into<Arc<[u8]>>,
    ) -> Result<(Key, Record), Broken> {
        self.created_until(now() + Duration::DAY, labels, body)
    }

    pub(super) fn created_until(
        &self,
        keep_until: Timestamp,
        labels: &[Label],
        body: impl Into<Arc<[u8]>>,
    ) -> Result<(Key, Record), Broken> {
        let (key, record) = (self.key(), self.record_until(keep_until, body));
        done(self.create(&key, labels, &record)?, "a new record")?;
        Ok((key, record))
    }

    /// Finds under the key just what is expected.
    pub(super) fn finds(&self, key: &Key, expected: Option<&Record>) -> Result<(), Broken> {
        let found = self.get(key)?;
        require(
            same(found.as_ref(), expected),
            format!("{found:?} where {expected:?} is expected, or another body"),
        )
    }

    /// Every key of a listing, page by page.
    pub(super) fn list(&self, kind: Kind, label: &Label, limit: u32) -> Result<Vec<Key>, Broken> {
        const PAGES: usize = 10_000;
        let mut keys = Vec::new();
        let mut after: Option<Cursor> = None;
        for _ in 0..PAGES {
            let page = self.store.list(kind, label, after.as_ref(), limit);
            let Listing { keys: named, next } = self.wait(page)?;
            require(named.len() <= limit as usize, format!("{} of {limit} keys", named.len()))?;
            keys.extend(named);
            let Some(next) = next else { return Ok(keys) };
            after = Some(next);
        }
        Err(Broken(format!("a listing of {} keys has no end", keys.len())))
    }

    /// A page of grants, two at most.
    pub(super) fn page(
        &self,
        label: &Label,
        after: Option<&Cursor>,
    ) -> Result<Result<Listing, StoreError>, Broken> {
        self.run(self.store.list(Kind::Grant, label, after, 2))
    }

    /// Polls a call at most so many times and then drops it: whether it was answered.
    pub(super) fn poll<T: Send>(
        &self,
        polls: u32,
        call: Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + '_>>,
    ) -> Result<bool, Broken> {
        Ok(self.wait(async { Limited { call, polls }.await.transpose() })?.is_some())
    }

    fn wait<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, Broken> {
        Ok(self.run(call)??)
    }

    /// What a call answers, measured.
    pub(super) fn run<T: Send>(&self, call: impl Future<Output = T> + Send) -> Result<T, Broken> {
        let (mut answer, began) = (None, Instant::now());
        (self.drive)(Box::pin(async { answer = Some(call.await) }));
        let (mut slowest, took) = (lock(&self.slowest), began.elapsed());
        *slowest = took.max(*slowest);
        drop(slowest);
        answer.ok_or_else(|| Broken("the driver did not run a task to its end".into()))
    }
}

/// What each of `many` threads answers that begin together.
pub(super) fn race<T: Send>(
    many: usize,
    act: impl Fn(usize) -> Result<T, Broken> + Sync,
) -> Result<Vec<T>, Broken> {
    let start = Barrier::new(many);
    thread::scope(|scope| {
        let racer = |n| {
            let (start, act) = (&start, &act);
            scope.spawn(move || {
                start.wait();
                act(n)
            })
        };
        let racers: Vec<_> = (0..many).map(racer).collect();
        racers
            .into_iter()
            .map(|racer| match racer.join() {
                Ok(answer) => answer,
                Err(panic) => Err(Broken::by_panic(&*panic)),
            })
            .collect()
    })
}

/// A future that is given up after so many polls.
struct Limited<F> {
    call: F,
    polls: u32,
}

impl<F: Future + Unpin> Future for Limited<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(left) = self.polls.checked_sub(1) else { return Poll::Ready(None) };
        self.polls = left;
        match Pin::new(&mut self.call).poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

pub(super) fn done(put: Put, what: &str) -> Result<(), Broken> {
    require(put == Put::Done, format!("{what}: conflict"))
}

pub(super) fn conflict(put: Put, what: &str) -> Result<(), Broken> {
    require(put == Put::Conflict, format!("{what}: done"))
}

pub(super) fn same(a: Option<&Record>, b: Option<&Record>) -> bool {
    let parts = |record: &Record| (record.version, record.body.clone(), record.keep_until);
    a.map(parts) == b.map(parts)
}
