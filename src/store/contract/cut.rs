//! A store whose line can be cut, and what is found of one that lies about it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;

use super::*;
use crate::{
    store::{
        Cursor, Expect, Key, Kind, Label, Listing, MemoryStore, Put, Record, StoreError, Version,
        sharded::lock,
    },
    types::Timestamp,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    /// A fault is answered as absence.
    FindsNothing,
    /// Reads go on from a copy.
    ReadsCopy,
    RefusesAndWrites,
    /// It is refused, and happens later.
    RefusesAndWritesLater,
    /// Written to a buffer that is lost.
    Pretends,
    BlamesTheRecord,
    WaitsTooLong,
    StaysDown,
    /// The last thing that was acknowledged is not there afterwards.
    Forgets,
}

/// A store at the end of a line that can be cut.
#[derive(Clone, Debug)]
struct Line(Arc<State>);

#[derive(Debug)]
struct State {
    flaw: Flaw,
    cut: AtomicBool,
    inner: MemoryStore,
    later: Mutex<Vec<(Key, Record)>>,
    previous: Mutex<Vec<(Key, Record)>>,
    calls: AtomicUsize,
}

impl Line {
    fn new(flaw: Flaw) -> Self {
        Self(Arc::new(State {
            flaw,
            cut: AtomicBool::new(false),
            inner: MemoryStore::new(),
            later: Mutex::default(),
            previous: Mutex::default(),
            calls: AtomicUsize::new(0),
        }))
    }

    fn cut(&self) {
        self.0.cut.store(true, Ordering::SeqCst);
    }

    fn mend(&self) {
        let state = &self.0;
        let late = [&state.later, &state.previous].map(|queue| std::mem::take(&mut *lock(queue)));
        for (key, record) in late.concat() {
            self.overwrite(&key, &record);
        }
        self.0.cut.store(state.flaw == Flaw::StaysDown, Ordering::SeqCst);
    }

    fn overwrite(&self, key: &Key, record: &Record) {
        let present = block_on(self.0.inner.get(key)).unwrap();
        let expect = present
            .map_or(Expect::Absent { labels: &[] }, |present| Expect::Version(present.version));
        block_on(self.0.inner.put(key, expect, record.clone())).unwrap();
    }

    /// Every second failure says that nothing was done, the others that nobody knows.
    fn fails(&self) -> Result<(), StoreError> {
        if !self.0.cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        if self.0.flaw == Flaw::WaitsTooLong {
            thread::sleep(Duration::from_millis(1_200));
        }
        if self.0.flaw == Flaw::BlamesTheRecord {
            return Err(StoreError::Unreadable("end of file".into()));
        }
        let call = self.0.calls.fetch_add(1, Ordering::SeqCst);
        Err(if call.is_multiple_of(2) {
            StoreError::Refused("no route".into())
        } else {
            StoreError::Unknown("reset by peer".into())
        })
    }
}

#[async_trait]
impl Store for Line {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        match (self.fails(), self.0.flaw) {
            (Err(_), Flaw::FindsNothing) => Ok(None),
            (Err(error), flaw) if flaw != Flaw::ReadsCopy => Err(error),
            _ => self.0.inner.get(key).await,
        }
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        let before = self.0.inner.get(key).await?;
        match (self.fails(), self.0.flaw) {
            (Ok(()), flaw) => {
                if let (Flaw::Forgets, Some(before)) = (flaw, before) {
                    *lock(&self.0.previous) = vec![(*key, before)];
                }
                self.0.inner.put(key, expect, record).await
            }
            (Err(_), Flaw::Pretends) => Ok(Put::Done),
            (Err(error @ StoreError::Refused(_)), Flaw::RefusesAndWritesLater) => {
                lock(&self.0.later).push((*key, record));
                Err(error)
            }
            // Of what is unknown, only the answer got lost.
            (Err(error @ StoreError::Refused(_)), Flaw::RefusesAndWrites)
            | (Err(error @ StoreError::Unknown(_)), _) => {
                self.0.inner.put(key, expect, record).await?;
                Err(error)
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        self.fails()?;
        self.0.inner.delete(key, version).await
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        self.fails()?;
        self.0.inner.list(kind, label, after, limit).await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.fails()?;
        self.0.inner.purge(before, limit).await
    }
}

fn verdict(flaw: Flaw, contract: &Contract) -> Result<(), String> {
    let line = Line::new(flaw);
    let (cut, mended) = (line.clone(), line.clone());
    catch_unwind(AssertUnwindSafe(|| {
        contract.check_outage(line, move || cut.cut(), move || mended.mend());
    }))
    .map_err(|panic| *panic.downcast::<String>().unwrap())
}

#[test]
fn a_line_that_is_cut_and_mended() {
    verdict(Flaw::None, &Contract::new()).unwrap();
}

#[test]
fn it_finds_every_flaw() {
    let contract = Contract::new().patience(Duration::from_secs(30));
    let quick = contract.clone().patience(Duration::from_millis(500));
    for (flaw, contract, found) in [
        (Flaw::FindsNothing, &contract, "get during an outage: None"),
        (Flaw::ReadsCopy, &contract, "get during an outage: Some"),
        // at whichever record it is seen first
        (Flaw::RefusesAndWrites, &contract, "found: Some(Record"),
        (Flaw::RefusesAndWritesLater, &contract, "found: Some(Record"),
        (Flaw::Pretends, &contract, "during an outage: Done"),
        (Flaw::BlamesTheRecord, &contract, "told as: a stored record cannot be read"),
        (Flaw::WaitsTooLong, &contract.clone().deadline(Duration::from_secs(1)), "more than"),
        // by the check, or, on a machine that is busy, by who waits for the check
        (Flaw::StaysDown, &quick, "the store failed|no answer after"),
        (Flaw::Forgets, &contract, "is expected"),
    ] {
        let text = verdict(flaw, contract).expect_err(&format!("{flaw:?} passes"));
        assert!(found.split('|').any(|found| text.contains(found)), "{flaw:?}: {text}");
    }
}
