use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oidc_op::{
    Clock, Timestamp,
    store::{
        Cursor, Expect, Key, Kind, Label, Listing, MemoryStore, Put, Record, Store, StoreError,
        Version,
    },
};

use super::{Op, Setup};

/// A store that keeps everything that was ever written to it, and can be made to lie about it.
#[derive(Debug)]
pub(crate) struct Ledger {
    inner: MemoryStore,
    writes: Mutex<Vec<Write>>,
    misread: Mutex<Option<Misread>>,
}

/// A record that a store was given, whatever became of it.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) key: Key,
    /// The index entries that it was to be created under.
    pub(crate) labels: Vec<Label>,
    pub(crate) record: Record,
    /// Whether it is the record since.
    pub(crate) done: bool,
}

/// Of this kind of record, or only of those with a text in them, one text is read in place of another.
#[derive(Clone, Copy, Debug)]
struct Misread {
    kind: Kind,
    only: Option<&'static str>,
    from: &'static str,
    to: &'static str,
}

impl Write {
    pub(crate) fn body(&self) -> String {
        String::from_utf8(self.record.body.to_vec()).unwrap()
    }

    /// All that a store is told of it.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = u8> {
        let names = [self.key].map(|key| *key.hash()).into_iter();
        let names = names.chain(self.labels.iter().map(|label| *label.hash()));
        let version = *self.record.version.as_bytes();
        self.record.body.iter().copied().chain(version).chain(names.flatten())
    }
}

impl Ledger {
    pub(crate) fn with_clock(clock: impl Clock) -> Arc<Self> {
        let inner = MemoryStore::with_clock(clock);
        Arc::new(Self { inner, writes: Mutex::default(), misread: Mutex::default() })
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.inner.len()
    }

    /// Everything that was written since the last time this was asked.
    pub(crate) fn take(&self) -> Vec<Write> {
        std::mem::take(&mut *self.writes.lock().unwrap())
    }

    /// The last record of a kind.
    #[track_caller]
    pub(crate) fn last(&self, kind: Kind) -> Write {
        let writes = self.writes.lock().unwrap();
        let last = writes.iter().rev().find(|write| write.key.kind() == kind && write.done);
        last.unwrap_or_else(|| panic!("no {kind:?} was written")).clone()
    }

    /// What is in it.
    #[track_caller]
    pub(crate) fn body(&self, kind: Kind) -> String {
        self.last(kind).body()
    }

    /// Somebody else writes this in its place.
    pub(crate) async fn overwrite(&self, kind: Kind, body: String, version: u8) {
        let Write { key, record: present, .. } = self.last(kind);
        let (expect, version) = (Expect::Version(present.version), [version; 16]);
        let record = Record::new(Version::from_bytes(version), body.into_bytes(), Timestamp::MAX);
        assert_eq!(self.put(&key, expect, record).await.unwrap(), Put::Done);
    }

    /// From now on records of a kind, or only those with a text in them, are read with one text, which they
    /// must have, in place of another.
    pub(crate) fn misread(
        &self,
        kind: Kind,
        only: Option<&'static str>,
        from: &'static str,
        to: &'static str,
    ) {
        *self.misread.lock().unwrap() = Some(Misread { kind, only, from, to });
    }

    /// From now on records are read as they are.
    pub(crate) fn read_well(&self) {
        *self.misread.lock().unwrap() = None;
    }
}

#[async_trait]
impl Store for Ledger {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let Some(record) = self.inner.get(key).await? else { return Ok(None) };
        let misread = self.misread.lock().unwrap().filter(|misread| misread.kind == key.kind());
        let Some(Misread { only, from, to, .. }) = misread else { return Ok(Some(record)) };
        let body = String::from_utf8(record.body.to_vec()).unwrap();
        if only.is_some_and(|only| !body.contains(only)) {
            return Ok(Some(record));
        }
        assert!(body.contains(from), "{body}");
        let body = body.replacen(from, to, 1).into_bytes();
        Ok(Some(Record::new(record.version, body, record.keep_until)))
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        let labels = match expect {
            Expect::Absent { labels } => labels.to_vec(),
            Expect::Version(_) => Vec::new(),
        };
        let put = self.inner.put(key, expect, record.clone()).await;
        let done = matches!(put, Ok(Put::Done));
        self.writes.lock().unwrap().push(Write { key: *key, labels, record, done });
        put
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        self.inner.delete(key, version).await
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        self.inner.list(kind, label, after, limit).await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.inner.purge(before, limit).await
    }
}

impl Setup {
    /// A provider on a [`Ledger`].
    pub(crate) fn build_on_ledger(self) -> (Op, Arc<Ledger>) {
        let store = Ledger::with_clock(self.clock.clone());
        (Self { store: store.clone(), ..self }.build(), store)
    }
}
