use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;

use super::{
    AHEAD, Cursor, Expect, GRACE, Key, Kind, Label, Listing, Put, Record, Store, StoreError,
    Version,
    sharded::{Seed, Sharded, lock},
};
use crate::{
    env::{Clock, SystemClock},
    types::Timestamp,
};

/// The most keys on a page, and the most records removed at once: what happens under one lock.
const PAGE: u32 = 1024;
const BATCH: u32 = 64;

/// A [`Store`] in this process' memory: for tests, for trying out, and for a service that runs as
/// one process and may ask everybody to sign in again when it restarts.
///
/// It keeps the whole contract, with one premise: what it remembers ends with the process. Two
/// processes with a `MemoryStore` each know nothing of each other's codes and grants.
///
/// A read or a write takes a fraction of a microsecond, holds one of 64 locks meanwhile, and never
/// waits for anything else.
///
/// ```
/// use oidc_op::store::MemoryStore;
///
/// let store = MemoryStore::new();
/// assert!(store.is_empty());
/// assert_eq!(format!("{store:?}"), "MemoryStore { records: 0, .. }");
/// ```
///
/// # Memory
///
/// A record takes its body and about 300 bytes, and some 130 bytes more per label. Nothing leaves
/// on its own: call [`purge`](Store::purge) now and then, or the store grows for ever. The room of
/// records that have left is used again, not given back.
pub struct MemoryStore {
    records: Sharded<Shard>,
    index: Sharded<Index>,
    clock: Box<dyn Clock>,
    /// Where the next purge begins, so that a small limit reaches every shard in turn.
    walk: AtomicUsize,
}

impl MemoryStore {
    /// An empty store that lives by the system's clock.
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// An empty store that lives by this clock; it decides what a purge may remove.
    pub fn with_clock(clock: impl Clock) -> Self {
        let seed = Seed::random();
        Self {
            records: Sharded::new(seed, || Shard::new(seed)),
            index: Sharded::new(seed, || Index::with_hasher(seed)),
            clock: Box::new(clock),
            walk: AtomicUsize::new(0),
        }
    }

    /// How many records there are, those past their `keep_until` included.
    pub fn len(&self) -> usize {
        self.records.all().map(|shard| lock(shard).records.len()).sum()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.all().all(|shard| lock(shard).records.is_empty())
    }

    fn read(&self, key: &Key) -> Option<Record> {
        self.records.lock(key.hash()).records.get(key).map(|slot| slot.record.clone())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("records", &self.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        Ok(self.read(key))
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        Ok(keys.iter().map(|key| self.read(key)).collect())
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        Ok(self.records.lock(key.hash()).put(key, expect, record, &self.index))
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        Ok(self.records.lock(key.hash()).delete(key, version, &self.index))
    }

    /// The cursor is the hash of the first key that is still to be shown.
    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        let first = Cursor::first_hash(after)?;
        let entry = |hash| Key::from_parts(kind, hash);
        let index = self.index.lock(label.hash());
        let Some(keys) = index.get(label) else { return Ok(Listing::default()) };
        let mut keys = keys.range(entry(first)..=entry([0xff; 32])).copied();
        let page = keys.by_ref().take(limit.min(PAGE) as usize).collect();
        Ok(Listing::new(page, keys.next().map(|key| Cursor(key.hash().as_slice().into()))))
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        let now = self.clock.now();
        if before > now + AHEAD {
            return Err(StoreError::far_ahead());
        }
        let due = before.min(now) - GRACE;
        let mut left = limit;
        for shard in self.records.from(self.walk.fetch_add(1, Ordering::Relaxed)) {
            loop {
                let batch = left.min(BATCH);
                let removed = lock(shard).purge(due, batch, &self.index);
                left -= removed;
                if removed < batch || left == 0 {
                    break;
                }
            }
        }
        Ok(limit - left)
    }
}

/// Every label with every key that was created under it.
///
/// It is changed only under the lock of the key's shard, so an entry is there before its record and
/// leaves after it.
type Index = HashMap<Label, BTreeSet<Key>, Seed>;

/// Some of the records.
struct Shard {
    records: HashMap<Key, Slot, Seed>,
    /// Each of them under a time at which it may be due. A record that is kept longer stays where it
    /// is, and is filed anew when its time comes: a write need not touch the order.
    due: BTreeMap<Timestamp, Vec<Key>>,
}

struct Slot {
    record: Record,
    labels: Box<[Label]>,
}

impl Shard {
    fn new(seed: Seed) -> Self {
        Self { records: HashMap::with_hasher(seed), due: BTreeMap::new() }
    }

    fn put(
        &mut self,
        key: &Key,
        expect: Expect<'_>,
        record: Record,
        index: &Sharded<Index>,
    ) -> Put {
        match (self.records.entry(*key), expect) {
            (Entry::Vacant(slot), Expect::Absent { labels }) => {
                for label in labels {
                    index.lock(label.hash()).entry(*label).or_default().insert(*key);
                }
                self.due.entry(record.keep_until).or_default().push(*key);
                slot.insert(Slot { record, labels: labels.into() });
                Put::Done
            }
            (Entry::Occupied(mut slot), Expect::Version(version))
                if slot.get().record.version == version =>
            {
                let old = slot.get().record.keep_until;
                if record.keep_until < old {
                    self.due.entry(record.keep_until).or_default().push(*key);
                }
                slot.get_mut().record = record;
                Put::Done
            }
            _ => Put::Conflict,
        }
    }

    fn delete(&mut self, key: &Key, version: &Version, index: &Sharded<Index>) -> Put {
        match self.records.entry(*key) {
            Entry::Occupied(slot) if slot.get().record.version == *version => {
                slot.remove().forget(key, index);
                Put::Done
            }
            _ => Put::Conflict,
        }
    }

    fn purge(&mut self, due: Timestamp, limit: u32, index: &Sharded<Index>) -> u32 {
        let mut removed = 0;
        while removed < limit
            && let Some(mut bucket) = self.due.first_entry()
            && *bucket.key() <= due
        {
            let Some(key) = bucket.get_mut().pop() else {
                bucket.remove();
                continue;
            };
            if let Entry::Occupied(slot) = self.records.entry(key) {
                let keep_until = slot.get().record.keep_until;
                if keep_until <= due {
                    slot.remove().forget(&key, index);
                    removed += 1;
                } else {
                    self.due.entry(keep_until).or_default().push(key);
                }
            }
        }
        removed
    }
}

impl Slot {
    /// Takes the index entries away, once the record has left.
    fn forget(self, key: &Key, index: &Sharded<Index>) {
        for label in self.labels {
            let mut index = index.lock(label.hash());
            if let Some(keys) = index.get_mut(&label) {
                keys.remove(key);
                if keys.is_empty() {
                    index.remove(&label);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicI64};

    use time::Duration;

    use super::*;
    use crate::{secret::Digest, store::contract::block_on};

    #[derive(Clone, Debug)]
    struct Hands(Arc<AtomicI64>);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix(self.0.load(Ordering::Relaxed))
        }
    }

    const HOUR: i64 = 3600;

    /// A store whose clock stands at the hour, and the clock's hands.
    fn store_at(hour: i64) -> (MemoryStore, Hands) {
        let hands = Hands(Arc::new((hour * HOUR).into()));
        (MemoryStore::with_clock(hands.clone()), hands)
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_unix(hour * HOUR)
    }

    fn key(n: u64) -> Key {
        Key::from_parts(Kind::Grant, *Digest::of(&n.to_be_bytes()).as_bytes())
    }

    fn record(version: u8, keep_until: Timestamp) -> Record {
        Record::new(Version::from_bytes([version; 16]), *b"body", keep_until)
    }

    fn create(store: &MemoryStore, n: u64, keep_until: Timestamp, labels: &[Label]) {
        let put = block_on(store.put(&key(n), Expect::Absent { labels }, record(1, keep_until)));
        assert_eq!(put.unwrap(), Put::Done);
    }

    fn purge(store: &MemoryStore, before: Timestamp, limit: u32) -> u32 {
        block_on(store.purge(before, limit)).unwrap()
    }

    fn index_entries(store: &MemoryStore) -> usize {
        store.index.all().map(|index| lock(index).values().map(BTreeSet::len).sum::<usize>()).sum()
    }

    #[test]
    fn purge_goes_by_the_earlier_of_both_clocks_and_two_hours() {
        //   clock  before  kept until → is removed
        let table = [
            (10, 10, 8, true),
            (10, 10, 9, false),
            (10, 11, 8, true),
            (10, 11, 9, false),
            (12, 10, 8, true),
            (12, 10, 9, false),
        ];
        for (clock, before, until, removed) in table {
            let (store, _) = store_at(clock);
            create(&store, 1, at(until), &[]);
            assert_eq!(purge(&store, at(before), 9) == 1, removed, "{clock} {before} {until}");
            assert_eq!(store.is_empty(), removed);
        }
        let (store, _) = store_at(10);
        create(&store, 1, at(8) + Duration::SECOND, &[]);
        assert_eq!(purge(&store, at(10), 9), 0);
    }

    #[test]
    fn purge_refuses_a_time_far_ahead_at_both_ends_of_time() {
        let (store, hands) = store_at(10);
        create(&store, 1, at(1), &[]);
        for before in [at(11) + Duration::SECOND, Timestamp::MAX] {
            let answer = block_on(store.purge(before, 9));
            assert!(matches!(answer, Err(StoreError::Refused(_))), "{before}");
        }
        assert_eq!(store.len(), 1);
        assert_eq!(purge(&store, Timestamp::MIN, 9), 0);
        hands.0.store(i64::MAX, Ordering::Relaxed);
        create(&store, 2, Timestamp::MAX, &[]);
        assert_eq!(purge(&store, Timestamp::MAX, 9), 1);
    }

    #[test]
    fn a_put_that_moves_keep_until_moves_the_purge() {
        let (store, hands) = store_at(0);
        create(&store, 1, at(1), &[]);
        create(&store, 2, at(9), &[]);
        for (n, until) in [(1, at(9)), (2, at(1))] {
            let first = Expect::Version(Version::from_bytes([1; 16]));
            let put = block_on(store.put(&key(n), first, record(2, until)));
            assert_eq!(put.unwrap(), Put::Done);
        }
        hands.0.store(5 * HOUR, Ordering::Relaxed);
        assert_eq!(purge(&store, at(5), 9), 1);
        assert!(block_on(store.get(&key(1))).unwrap().is_some());
        hands.0.store(11 * HOUR, Ordering::Relaxed);
        assert_eq!(purge(&store, at(11), 9), 1);
        assert!(store.is_empty());
        assert!(store.records.all().all(|shard| lock(shard).due.is_empty()));
    }

    #[test]
    fn a_small_limit_reaches_every_shard_in_turn() {
        let (store, _) = store_at(10);
        for n in 0..6400 {
            create(&store, n, at(1), &[]);
        }
        let sizes = || store.records.all().map(|s| lock(s).records.len()).collect::<Vec<_>>();
        let before = sizes();
        for _ in 0..64 {
            assert_eq!(purge(&store, at(10), 1), 1);
        }
        assert!(sizes().iter().zip(before).all(|(now, before)| now + 1 == before));
        assert_eq!(purge(&store, at(10), 0), 0);
        assert_eq!(purge(&store, at(10), 6000), 6000);
        assert_eq!(purge(&store, at(10), 6000), 336);
    }

    #[test]
    fn no_index_entry_is_left_behind() {
        let (store, _) = store_at(10);
        let labels = [Label::from_hash([1; 32]), Label::from_hash([2; 32])];
        create(&store, 1, at(1), &labels);
        create(&store, 2, at(20), &labels);
        assert_eq!(index_entries(&store), 4);
        assert_eq!(purge(&store, at(10), 9), 1);
        assert_eq!(index_entries(&store), 2);
        let version = Version::from_bytes([1; 16]);
        assert_eq!(block_on(store.delete(&key(2), &version)).unwrap(), Put::Done);
        assert_eq!(index_entries(&store), 0);
    }

    #[test]
    fn a_page_is_capped_and_a_strange_cursor_refused() {
        let (store, _) = store_at(0);
        let label = Label::from_hash([7; 32]);
        for n in 0..1500 {
            create(&store, n, at(1), &[label]);
        }
        let page =
            |after: Option<&Cursor>, limit| block_on(store.list(Kind::Grant, &label, after, limit));
        let first = page(None, u32::MAX).unwrap();
        assert_eq!(first.keys.len(), 1024);
        let second = page(first.next.as_ref(), u32::MAX).unwrap();
        assert_eq!((second.keys.len(), second.next), (476, None));
        let none = page(None, 0).unwrap();
        assert!(none.keys.is_empty() && none.next.is_some());
        let strange = Cursor(b"strange".as_slice().into());
        assert!(matches!(page(Some(&strange), 1), Err(StoreError::Cursor)));
    }

    #[test]
    fn debug_shows_no_record() {
        let (store, _) = store_at(0);
        create(&store, 1, at(1), &[]);
        assert_eq!(format!("{store:?}"), "MemoryStore { records: 1, .. }");
    }
}
