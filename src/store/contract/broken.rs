//! The contract finds what it is there to find.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    task::Poll,
    thread,
};

use async_trait::async_trait;

use super::*;
use crate::{
    env::{Clock, SystemClock},
    store::{
        Cursor, Expect, Fault, FaultyStore, Key, Kind, Label, Listing, MemoryStore, Put, Record,
        StoreError, Version,
    },
    types::Timestamp,
};

#[test]
fn the_memory_store_keeps_it() {
    check(MemoryStore::new);
}

#[test]
fn a_faulty_store_without_faults_keeps_it() {
    check(|| FaultyStore::new(MemoryStore::new()));
}

#[test]
fn a_store_whose_futures_wait_keeps_it() {
    check(|| {
        let store = FaultyStore::new(MemoryStore::new());
        store.fail_all(Fault::Delay(2));
        store.fail_all(Fault::DelayAnswer(2));
        store
    });
}

#[test]
fn another_driver_drives_it() {
    let tasks = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&tasks);
    let contract = Contract::driven_by(move |task| {
        counter.fetch_add(1, Ordering::Relaxed);
        block_on(task);
    });
    contract.check_one(Check::NoUpdateLost, MemoryStore::new());
    assert!(tasks.load(Ordering::Relaxed) > 128);
    let text =
        verdict(&Contract::driven_by(|task| drop(task)), Check::AbsentIsNone, MemoryStore::new());
    assert!(text.unwrap_err().contains("did not run a task to its end"));
}

#[test]
fn it_finds_every_flaw() {
    let table = [
        (Flaw::PutInTwoSteps, Check::OneCreates),
        (Flaw::PutInTwoSteps, Check::OneReplaces),
        (Flaw::PutInTwoSteps, Check::NoUpdateLost),
        (Flaw::PutInTwoSteps, Check::DeletesOrReplaces),
        (Flaw::IgnoresVersion, Check::WrongVersionConflicts),
        (Flaw::IgnoresVersion, Check::OldVersionsStayDead),
        (Flaw::ForgetsExpired, Check::ExpiredStays),
        (Flaw::ForgetsExpired, Check::PurgeKeeps),
        (Flaw::CutsBodies, Check::ReadsBack),
        (Flaw::SkipsAbsent, Check::GetManyKeepsOrder),
        (Flaw::ListMissesLast, Check::ListsPageByPage),
        (Flaw::ListMissesLast, Check::ListNeverMisses),
        (Flaw::ListMissesLast, Check::ListedBeforeReadable),
        (Flaw::ListMissesLast, Check::LabelsStay),
        (Flaw::ListIgnoresLabels, Check::ListsApart),
        (Flaw::FailsOnJunk, Check::JunkCursors),
        (Flaw::ListsLate, Check::ListedBeforeReadable),
        (Flaw::PurgesAtOnce, Check::PurgeKeeps),
        (Flaw::PurgesAtOnce, Check::PurgeRefusesFuture),
        (Flaw::PurgesWithoutLimit, Check::PurgeHonoursLimit),
        (Flaw::NeverPurges, Check::PurgeRemoves),
        (Flaw::NeverDeletes, Check::DeletesByVersion),
        (Flaw::WritesInHalves, Check::DroppedPut),
        (Flaw::WritesInHalves, Check::DroppedCreate),
        (Flaw::LeaksLock, Check::DroppedPut),
        (Flaw::Panics, Check::AbsentIsNone),
        (Flaw::PutInTwoSteps, Check::Linearizable),
        (Flaw::ReadsTwoNodes, Check::Linearizable),
        (Flaw::ConflictsInVain, Check::Linearizable),
        (Flaw::WritesAndConflicts, Check::Linearizable),
    ];
    let contract = Contract::new().patience(Duration::from_secs(1));
    for (flaw, check) in table {
        let text = verdict(&contract, check, Flawed::new(flaw));
        let text = text.expect_err(&format!("{flaw:?} passes {check:?}"));
        for part in [check.name(), check.promise(), check.harm()] {
            assert!(text.contains(part), "{text}");
        }
    }
    for check in [Check::ReadsAreFresh, Check::ReadsBack, Check::Linearizable] {
        let store = FaultyStore::new(MemoryStore::new());
        store.fail_all(Fault::Stale);
        assert!(verdict(&contract, check, store).is_err(), "{check:?}");
    }
}

/// Whatever is being checked, a call that takes too long is told of as that.
#[test]
fn it_finds_a_slow_call() {
    let contract = Contract::new().deadline(Duration::from_millis(40));
    for check in [Check::EndsInTime, Check::ReadsBack] {
        let text = verdict(&contract, check, Flawed::new(Flaw::SlowNowAndThen)).unwrap_err();
        for part in [Check::EndsInTime.name(), Check::EndsInTime.harm(), "a call took"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

fn verdict(contract: &Contract, check: Check, store: impl Store) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| contract.check_one(check, store)))
        .map_err(|panic| *panic.downcast::<String>().unwrap())
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    PutInTwoSteps,
    IgnoresVersion,
    ForgetsExpired,
    CutsBodies,
    SkipsAbsent,
    ListMissesLast,
    ListIgnoresLabels,
    FailsOnJunk,
    ListsLate,
    PurgesAtOnce,
    PurgesWithoutLimit,
    NeverPurges,
    NeverDeletes,
    WritesInHalves,
    LeaksLock,
    Panics,
    /// One of them hears of every second write only.
    ReadsTwoNodes,
    ConflictsInVain,
    WritesAndConflicts,
    SlowNowAndThen,
}

#[derive(Debug)]
struct Flawed {
    flaw: Flaw,
    inner: MemoryStore,
    index: MemoryStore,
    locked: AtomicBool,
    calls: AtomicUsize,
}

const EVERYTHING: Label = Label::from_hash([0; 32]);

/// A clock that is wrong.
#[derive(Debug)]
struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + time::Duration::WEEK * 2
    }
}

impl Flawed {
    fn new(flaw: Flaw) -> Self {
        let ahead = flaw == Flaw::PurgesAtOnce;
        let inner = if ahead { MemoryStore::with_clock(Ahead) } else { MemoryStore::new() };
        Self {
            flaw,
            inner,
            index: MemoryStore::new(),
            locked: AtomicBool::default(),
            calls: AtomicUsize::default(),
        }
    }

    /// Now and then it is the turn of a flaw.
    fn is_turn_of(&self, flaw: Flaw, every: usize) -> bool {
        self.flaw == flaw && self.calls.fetch_add(1, Ordering::SeqCst) % every == every - 1
    }

    async fn overwrite(&self, key: &Key, labels: &[Label], record: Record) {
        overwrite(&self.inner, key, labels, record).await;
    }
}

/// Writes whatever is there.
async fn overwrite(store: &MemoryStore, key: &Key, labels: &[Label], record: Record) {
    loop {
        let present = store.get(key).await.unwrap();
        let expect = present.map_or(Expect::Absent { labels }, |r| Expect::Version(r.version));
        if store.put(key, expect, record.clone()).await.unwrap() == Put::Done {
            return;
        }
    }
}

fn holds(expect: Expect<'_>, present: Option<&Record>) -> bool {
    match (expect, present) {
        (Expect::Absent { .. }, present) => present.is_none(),
        (Expect::Version(version), present) => present.is_some_and(|r| r.version == version),
    }
}

async fn wait_once() {
    let mut waited = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[async_trait]
impl Store for Flawed {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        assert!(self.flaw != Flaw::Panics, "the store panicked");
        if self.is_turn_of(Flaw::SlowNowAndThen, 10) {
            thread::sleep(Duration::from_millis(50));
        }
        let other = self.is_turn_of(Flaw::ReadsTwoNodes, 2);
        let found = if other { &self.index } else { &self.inner }.get(key).await?;
        let expired = |r: &Record| r.keep_until < SystemClock.now();
        Ok(found.filter(|r| self.flaw != Flaw::ForgetsExpired || !expired(r)))
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        let mut found = self.inner.get_many(keys).await?;
        if self.flaw == Flaw::SkipsAbsent {
            found.retain(Option::is_some);
        }
        Ok(found)
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        let labels = match expect {
            Expect::Absent { labels } => labels,
            Expect::Version(_) => &[],
        };
        match self.flaw {
            Flaw::PutInTwoSteps => {
                if !holds(expect, self.inner.get(key).await?.as_ref()) {
                    return Ok(Put::Conflict);
                }
                thread::sleep(Duration::from_millis(5));
                self.overwrite(key, labels, record).await;
            }
            Flaw::IgnoresVersion if matches!(expect, Expect::Version(_)) => {
                self.overwrite(key, labels, record).await;
            }
            Flaw::ForgetsExpired if matches!(expect, Expect::Absent { .. }) => {
                if self.get(key).await?.is_some() {
                    return Ok(Put::Conflict);
                }
                self.overwrite(key, labels, record).await;
            }
            Flaw::ListIgnoresLabels if !labels.is_empty() => {
                return self.inner.put(key, Expect::Absent { labels: &[EVERYTHING] }, record).await;
            }
            Flaw::ListsLate if !labels.is_empty() => {
                let bare = Expect::Absent { labels: &[] };
                let put = self.inner.put(key, bare, record.clone()).await;
                thread::sleep(Duration::from_millis(5));
                self.index.put(key, expect, record).await?;
                return put;
            }
            Flaw::CutsBodies => {
                let body = &record.body[..record.body.len().min(4096)];
                let cut = Record::new(record.version, body, record.keep_until);
                return self.inner.put(key, expect, cut).await;
            }
            Flaw::WritesInHalves => {
                let half = Record::new(record.version, *b"half", record.keep_until);
                if self.inner.put(key, expect, half).await? == Put::Conflict {
                    return Ok(Put::Conflict);
                }
                wait_once().await;
                self.overwrite(key, labels, record).await;
            }
            Flaw::ReadsTwoNodes => {
                let put = self.inner.put(key, expect, record.clone()).await?;
                if put == Put::Done && record.version.as_bytes()[15].is_multiple_of(2) {
                    overwrite(&self.index, key, &[], record).await;
                }
                return Ok(put);
            }
            Flaw::ConflictsInVain if self.is_turn_of(Flaw::ConflictsInVain, 40) => {
                return Ok(Put::Conflict);
            }
            Flaw::WritesAndConflicts if self.is_turn_of(Flaw::WritesAndConflicts, 40) => {
                self.inner.put(key, expect, record).await?;
                return Ok(Put::Conflict);
            }
            Flaw::LeaksLock => {
                poll_fn(|_| {
                    // Nobody is there to wake the one who waits.
                    let free = !self.locked.swap(true, Ordering::SeqCst);
                    if free { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                wait_once().await;
                let put = self.inner.put(key, expect, record).await;
                self.locked.store(false, Ordering::SeqCst);
                return put;
            }
            _ => return self.inner.put(key, expect, record).await,
        }
        Ok(Put::Done)
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        if self.flaw == Flaw::NeverDeletes {
            return Ok(Put::Done);
        }
        self.inner.delete(key, version).await
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        let label = if self.flaw == Flaw::ListIgnoresLabels { &EVERYTHING } else { label };
        let store = if self.flaw == Flaw::ListsLate { &self.index } else { &self.inner };
        let mut page = match store.list(kind, label, after, limit).await {
            Err(StoreError::Cursor) if self.flaw == Flaw::FailsOnJunk => {
                return Err(StoreError::Refused("22P02".into()));
            }
            answer => answer?,
        };
        if self.flaw == Flaw::ListMissesLast && page.next.is_none() {
            page.keys.pop();
        }
        Ok(page)
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        match self.flaw {
            Flaw::NeverPurges => Ok(0),
            Flaw::PurgesAtOnce => self.inner.purge(before + time::Duration::HOUR * 2, limit).await,
            Flaw::PurgesWithoutLimit => self.inner.purge(before, u32::MAX).await,
            _ => self.inner.purge(before, limit).await,
        }
    }
}
