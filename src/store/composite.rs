//! Several stores as one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;

use super::{Cursor, Expect, Key, Kind, Label, Listing, Put, Record, Store, StoreError, Version};
use crate::{at_once::at_once, types::Timestamp};

/// A [`Store`] that keeps some kinds of records in another one.
///
/// For when one engine suits most of what is kept, and another one the rest: say, grants in PostgreSQL, and in
/// Redis the requests under way that are too large for an address. No step of the protocol writes to two
/// records at once, so nothing has to be agreed between the stores.
///
/// ```
/// use oidc_op::store::{CompositeStore, Kind, MemoryStore};
///
/// let store = CompositeStore::new(MemoryStore::new())
///     .keep([Kind::Interaction, Kind::Allowance], MemoryStore::new());
/// ```
///
/// # Security
///
/// What a kind's store forgets is forgotten. A lost [`Kind::Marker`] lets an assertion be used again, a lost
/// [`Kind::Grant`] ends what was granted but a *restored* one brings a redeemed code back, and a lost
/// [`Kind::Standing`] brings back what [`revoke_all`](crate::Provider::revoke_all) has ended. Only
/// [`Kind::Interaction`] and [`Kind::Allowance`] may be lost without harm to anybody's rights.
#[derive(Debug)]
pub struct CompositeStore {
    rest: Arc<dyn Store>,
    others: Vec<(Vec<Kind>, Arc<dyn Store>)>,
    purges: AtomicUsize,
}

impl CompositeStore {
    /// Everything is kept in this store.
    pub fn new(store: impl Store) -> Self {
        Self { rest: Arc::new(store), others: Vec::new(), purges: AtomicUsize::new(0) }
    }

    /// Keeps these kinds in another store; what is said last of a kind holds.
    #[must_use]
    pub fn keep(mut self, kinds: impl IntoIterator<Item = Kind>, store: impl Store) -> Self {
        let kinds: Vec<_> = kinds.into_iter().collect();
        for (others, _) in &mut self.others {
            others.retain(|kind| !kinds.contains(kind));
        }
        self.others.push((kinds, Arc::new(store)));
        self
    }

    fn of(&self, kind: Kind) -> &dyn Store {
        self.at(self.place(kind))
    }

    /// Which store keeps the kind: those elsewhere are counted first, then comes the rest.
    fn place(&self, kind: Kind) -> usize {
        let place = self.others.iter().position(|(kinds, _)| kinds.contains(&kind));
        place.unwrap_or(self.others.len())
    }

    fn at(&self, place: usize) -> &dyn Store {
        self.others.get(place).map_or(&*self.rest, |(_, store)| &**store)
    }
}

#[async_trait]
impl Store for CompositeStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.of(key.kind()).get(key).await
    }

    /// One call for each store that keeps one of them, at once.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        let calls = (0..=self.others.len()).filter_map(|place| {
            let here =
                |spot: &usize| keys.get(*spot).is_some_and(|k| self.place(k.kind()) == place);
            let spots: Vec<_> = (0..keys.len()).filter(here).collect();
            let asked: Vec<_> = spots.iter().filter_map(|spot| keys.get(*spot).copied()).collect();
            let is_needed = !asked.is_empty();
            is_needed.then_some(async move { (spots, self.at(place).get_many(&asked).await) })
        });
        let mut records = vec![None; keys.len()];
        for (spots, found) in at_once(self.others.len() + 1, calls.collect()).await {
            for (spot, record) in spots.into_iter().zip(found?) {
                if let Some(there) = records.get_mut(spot) {
                    *there = record;
                }
            }
        }
        Ok(records)
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        self.of(key.kind()).put(key, expect, record).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        self.of(key.kind()).delete(key, version).await
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        self.of(kind).list(kind, label, after, limit).await
    }

    /// Of one store after the other, and each time of another one first, so that none starves; one that is down
    /// does not keep the others from it.
    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        let stores = self.others.len() + 1;
        let first = self.purges.fetch_add(1, Ordering::Relaxed) % stores;
        let (mut purged, mut fault) = (0, None);
        for nth in 0..stores {
            match self.at((first + nth) % stores).purge(before, limit - purged).await {
                Ok(count) => purged += count.min(limit - purged),
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        fault.map_or(Ok(purged), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Clock, Duration, SystemClock,
        store::{
            Fault, FaultyStore, MemoryStore, Operation,
            contract::{self, block_on},
        },
    };

    fn composite() -> CompositeStore {
        CompositeStore::new(MemoryStore::new())
            .keep([Kind::Session, Kind::Marker], MemoryStore::new())
            .keep([Kind::Consent], MemoryStore::new())
    }

    #[test]
    fn keeps_the_contract() {
        contract::check(composite);
    }

    fn record(version: u8, until: Timestamp) -> Record {
        Record::new(Version::from_bytes([version; 16]), [version], until)
    }

    #[test]
    fn each_kind_has_its_place() {
        let stores = [(); 3].map(|()| Arc::new(MemoryStore::new()));
        let [rest, first, second] = stores.clone();
        let composite = CompositeStore::new(rest)
            .keep([Kind::Session, Kind::Marker], first)
            .keep([Kind::Marker, Kind::Consent], second);
        let until = SystemClock.now() + Duration::DAY;
        let keys = Kind::ALL.map(|kind| Key::from_parts(kind, [7; 32]));
        for (n, key) in (0..).zip(&keys) {
            let put = composite.put(key, Expect::Absent { labels: &[] }, record(n, until));
            assert_eq!(block_on(put).unwrap(), Put::Done);
        }
        for key in &keys {
            let there = stores.each_ref().map(|store| block_on(store.get(key)).unwrap().is_some());
            let place = match key.kind() {
                Kind::Session => [false, true, false],
                Kind::Marker | Kind::Consent => [false, false, true],
                _ => [true, false, false],
            };
            assert_eq!(there, place, "{key:?}");
        }
        let mut asked = keys.to_vec();
        asked.push(Key::from_parts(Kind::Consent, [8; 32]));
        asked.reverse();
        let found = block_on(composite.get_many(&asked)).unwrap();
        assert!(found[0].is_none());
        let bodies: Vec<_> = found.iter().flatten().map(|record| record.body[0]).collect();
        assert_eq!(bodies, (0..10).rev().collect::<Vec<u8>>());
    }

    #[test]
    fn a_purge_keeps_its_limit_and_passes_over_a_store_that_is_down() {
        let down = FaultyStore::new(MemoryStore::new());
        let (rest, last) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
        let composite = CompositeStore::new(Arc::clone(&rest))
            .keep([Kind::Session], down.clone())
            .keep([Kind::Consent], Arc::clone(&last));
        let long_ago = SystemClock.now() - Duration::DAY;
        let create = |kind, n: u8| {
            let key = Key::from_parts(kind, [n; 32]);
            let put = composite.put(&key, Expect::Absent { labels: &[] }, record(n, long_ago));
            assert_eq!(block_on(put).unwrap(), Put::Done);
        };
        for n in 0..4 {
            create(Kind::Grant, n);
            create(Kind::Consent, n);
        }
        let purge = |limit| block_on(composite.purge(SystemClock.now(), limit));
        for _ in 0..3 {
            assert_eq!(purge(1).unwrap(), 1);
        }
        let left = [Kind::Grant, Kind::Consent].map(|kind| {
            let there = |n: &u8| {
                block_on(composite.get(&Key::from_parts(kind, [*n; 32]))).unwrap().is_some()
            };
            (0..4).filter(there).count()
        });
        assert_eq!(left, [3, 2], "none of them starves");
        down.reset();
        down.fail_nth_of(Operation::Purge, 1, Fault::Refuse);
        assert!(purge(9).is_err());
        assert_eq!(purge(9).unwrap(), 0, "the others had gone on");
    }
}
