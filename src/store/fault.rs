use std::{
    collections::HashMap,
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex},
    task::Poll,
};

use async_trait::async_trait;

use super::{
    Cursor, Expect, Key, Kind, Label, Listing, Put, Record, Store, StoreError, Version,
    sharded::lock,
};
use crate::types::Timestamp;

/// A [`Store`] that fails on purpose, and counts what is asked of it. For tests.
///
/// A clone is a handle to the same store: give one to the provider and keep one to write the script.
/// Nothing is left to chance and nothing sleeps, so a failing test fails every time. The usual way
/// to test a flow is to let its first call fail, then its second, and so on until there are no more:
///
/// ```
/// use oidc_op::store::{
///     Expect, Fault, FaultyStore, Key, Kind, MemoryStore, Put, Record, Store, StoreError, Version,
///     contract::block_on,
/// };
/// use oidc_op::Timestamp;
///
/// async fn flow(store: &impl Store) -> Result<Put, StoreError> {
///     let key = Key::from_parts(Kind::Grant, [7; 32]);
///     let record = Record::new(Version::from_bytes([1; 16]), *b"body", Timestamp::MAX);
///     store.get(&key).await?;
///     store.put(&key, Expect::Absent { labels: &[] }, record).await
/// }
///
/// for n in 1.. {
///     let store = FaultyStore::new(MemoryStore::new());
///     store.fail_nth(n, Fault::LoseAnswer);
///     let answer = block_on(flow(&store));
///     if store.calls().total() < n {
///         assert_eq!((n, store.calls().writes()), (3, 1));
///         break;
///     }
///     assert!(matches!(answer, Err(StoreError::Unknown(_))));
/// }
/// ```
///
/// [`Fault::Delay`] also stages a race: poll one flow until it waits before the call in question, run
/// another flow to its end, then let the first one go on.
#[derive(Clone)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    script: Arc<Mutex<Script>>,
}

/// What is to go wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is done; the answer is [`StoreError::Refused`].
    Refuse,
    /// Nothing is done; the answer is [`StoreError::Unknown`].
    LoseRequest,
    /// It is done; the answer is [`StoreError::Unknown`].
    LoseAnswer,
    /// Nothing is done; the answer is [`StoreError::Unreadable`].
    Unreadable,
    /// A read answers what the record was before the last write that went through this store.
    /// Other calls go well.
    Stale,
    /// The future waits so many times before it is done, and wakes itself.
    Delay(u32),
    /// The future waits so many times after it is done, and wakes itself.
    DelayAnswer(u32),
}

/// The calls of a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`Store::get`].
    Get,
    /// [`Store::get_many`].
    GetMany,
    /// [`Store::put`].
    Put,
    /// [`Store::delete`].
    Delete,
    /// [`Store::list`].
    List,
    /// [`Store::purge`].
    Purge,
}

/// How often each call was made, whatever became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calls {
    /// [`Store::get`].
    pub get: usize,
    /// [`Store::get_many`].
    pub get_many: usize,
    /// [`Store::put`].
    pub put: usize,
    /// [`Store::delete`].
    pub delete: usize,
    /// [`Store::list`].
    pub list: usize,
    /// [`Store::purge`].
    pub purge: usize,
}

impl Calls {
    /// All of them.
    pub const fn total(&self) -> usize {
        self.get + self.get_many + self.put + self.delete + self.list + self.purge
    }

    /// The calls that change a record.
    pub const fn writes(&self) -> usize {
        self.put + self.delete
    }

    /// How often this call was made.
    pub const fn of(&self, operation: Operation) -> usize {
        match operation {
            Operation::Get => self.get,
            Operation::GetMany => self.get_many,
            Operation::Put => self.put,
            Operation::Delete => self.delete,
            Operation::List => self.list,
            Operation::Purge => self.purge,
        }
    }

    fn count(&mut self, operation: Operation) {
        *match operation {
            Operation::Get => &mut self.get,
            Operation::GetMany => &mut self.get_many,
            Operation::Put => &mut self.put,
            Operation::Delete => &mut self.delete,
            Operation::List => &mut self.list,
            Operation::Purge => &mut self.purge,
        } += 1;
    }
}

impl FaultyStore {
    /// A store that does what `inner` does, until it is told otherwise.
    pub fn new(inner: impl Store) -> Self {
        Self { inner: Arc::new(inner), script: Arc::default() }
    }

    /// Lets the `n`th call from the beginning go wrong, whichever it is; the first one is 1.
    ///
    /// Several faults may meet in one call: delays add up, and of the others the first counts.
    pub fn fail_nth(&self, n: usize, fault: Fault) {
        self.add(When::Nth(n), fault);
    }

    /// Lets the `n`th call of this operation go wrong; the first one is 1.
    pub fn fail_nth_of(&self, operation: Operation, n: usize, fault: Fault) {
        self.add(When::NthOf(operation, n), fault);
    }

    /// Lets every call go wrong from now on, as when the store is down.
    pub fn fail_all(&self, fault: Fault) {
        self.add(When::Always, fault);
    }

    /// The calls since the beginning.
    pub fn calls(&self) -> Calls {
        lock(&self.script).calls
    }

    /// Begins again: no faults and no calls. The records stay.
    pub fn reset(&self) {
        let mut script = lock(&self.script);
        script.faults.clear();
        script.calls = Calls::default();
    }

    fn add(&self, when: When, fault: Fault) {
        lock(&self.script).faults.push((when, fault));
    }

    /// Counts a call and does to it what the script says; `stale` makes an answer of the past.
    async fn call<T>(
        &self,
        operation: Operation,
        done: impl Future<Output = Result<T, StoreError>>,
        stale: impl FnOnce(&History, &mut T),
    ) -> Result<T, StoreError> {
        let plan = lock(&self.script).plan(operation);
        wait(plan.before).await;
        let answer = match plan.fault {
            Some(Fault::Refuse) => Err(StoreError::Refused(CAUSE.into())),
            Some(Fault::LoseRequest) => Err(StoreError::Unknown(CAUSE.into())),
            Some(Fault::Unreadable) => Err(StoreError::Unreadable(CAUSE.into())),
            Some(Fault::LoseAnswer) => {
                done.await.and_then(|_| Err(StoreError::Unknown(CAUSE.into())))
            }
            Some(Fault::Stale) => {
                let mut answer = done.await?;
                stale(&lock(&self.script).history, &mut answer);
                Ok(answer)
            }
            None | Some(Fault::Delay(_) | Fault::DelayAnswer(_)) => done.await,
        };
        wait(plan.after).await;
        answer
    }

    /// Writes, and remembers what was there before.
    async fn write(
        &self,
        key: &Key,
        expected: Option<Version>,
        done: impl Future<Output = Result<Put, StoreError>>,
    ) -> Result<Put, StoreError> {
        let before = self.inner.get(key).await.ok().flatten();
        let put = done.await?;
        // Another writer may have come between; what it found is then not what this one replaced.
        if put == Put::Done && before.as_ref().map(|record| record.version) == expected {
            lock(&self.script).history.insert(*key, before);
        }
        Ok(put)
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("inner", &self.inner)
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.call(Operation::Get, self.inner.get(key), |history, answer| {
            if let Some(before) = history.get(key) {
                answer.clone_from(before);
            }
        })
        .await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        self.call(Operation::GetMany, self.inner.get_many(keys), |history, answers| {
            for (key, answer) in keys.iter().zip(answers) {
                if let Some(before) = history.get(key) {
                    answer.clone_from(before);
                }
            }
        })
        .await
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        let expected = match expect {
            Expect::Absent { .. } => None,
            Expect::Version(version) => Some(version),
        };
        let done = self.write(key, expected, self.inner.put(key, expect, record));
        self.call(Operation::Put, done, |_, _| ()).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        let done = self.write(key, Some(*version), self.inner.delete(key, version));
        self.call(Operation::Delete, done, |_, _| ()).await
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        let done = self.inner.list(kind, label, after, limit);
        self.call(Operation::List, done, |_, _| ()).await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.call(Operation::Purge, self.inner.purge(before, limit), |_, _| ()).await
    }
}

const CAUSE: &str = "a fault of the script";

/// What each record was before its last write.
type History = HashMap<Key, Option<Record>>;

#[derive(Default)]
struct Script {
    faults: Vec<(When, Fault)>,
    calls: Calls,
    history: History,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Nth(usize),
    NthOf(Operation, usize),
    Always,
}

/// What becomes of one call.
#[derive(Default)]
struct Plan {
    before: u32,
    fault: Option<Fault>,
    after: u32,
}

impl Script {
    fn plan(&mut self, operation: Operation) -> Plan {
        self.calls.count(operation);
        let mut plan = Plan::default();
        for (when, fault) in &self.faults {
            let now = match *when {
                When::Nth(n) => self.calls.total() == n,
                When::NthOf(of, n) => of == operation && self.calls.of(of) == n,
                When::Always => true,
            };
            match *fault {
                _ if !now => {}
                Fault::Delay(polls) => plan.before = plan.before.saturating_add(polls),
                Fault::DelayAnswer(polls) => plan.after = plan.after.saturating_add(polls),
                fault => plan.fault = plan.fault.or(Some(fault)),
            }
        }
        plan
    }
}

/// Waits so many times.
pub(crate) async fn wait(mut polls: u32) {
    poll_fn(|context| {
        if polls == 0 {
            return Poll::Ready(());
        }
        polls -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, task::Context, task::Waker};

    use super::*;
    use crate::store::{MemoryStore, contract::block_on};

    const KEY: Key = Key::from_parts(Kind::Grant, [1; 32]);
    const ABSENT: Expect<'static> = Expect::Absent { labels: &[] };

    fn version(n: u8) -> Version {
        Version::from_bytes([n; 16])
    }

    fn record(n: u8) -> Record {
        Record::new(version(n), [n], Timestamp::MAX)
    }

    fn store() -> FaultyStore {
        FaultyStore::new(MemoryStore::new())
    }

    fn put(store: &FaultyStore, expect: Expect<'_>, n: u8) -> Result<Put, StoreError> {
        block_on(store.put(&KEY, expect, record(n)))
    }

    fn seen(store: &FaultyStore) -> Option<u8> {
        block_on(store.get(&KEY)).unwrap().map(|record| record.body[0])
    }

    #[test]
    fn a_fault_of_a_write_says_what_it_did() {
        let table = [
            (Fault::Refuse, "the store refused", None),
            (Fault::LoseRequest, "the store's answer is unknown", None),
            (Fault::LoseAnswer, "the store's answer is unknown", Some(1)),
            (Fault::Unreadable, "a stored record cannot be read", None),
        ];
        for (fault, told, written) in table {
            let store = store();
            store.fail_nth(1, fault);
            assert_eq!(put(&store, ABSENT, 1).unwrap_err().to_string(), told);
            assert_eq!(seen(&store), written, "{fault:?}");
        }
    }

    #[test]
    fn a_stale_read_answers_what_was_there_before() {
        let store = store();
        store.fail_nth_of(Operation::Get, 1, Fault::Stale);
        put(&store, ABSENT, 1).unwrap();
        assert_eq!(seen(&store), None);
        put(&store, Expect::Version(version(1)), 2).unwrap();
        assert_eq!(seen(&store), Some(2));
        store.fail_all(Fault::Stale);
        assert_eq!(seen(&store), Some(1));
        let other = Key::from_parts(Kind::Grant, [2; 32]);
        let many = block_on(store.get_many(&[other, KEY])).unwrap();
        assert!(many[0].is_none());
        assert_eq!(many[1].as_ref().unwrap().version, version(1));
        assert_eq!(put(&store, ABSENT, 3).unwrap(), Put::Conflict);
        assert_eq!(seen(&store), Some(1));
        block_on(store.delete(&KEY, &version(2))).unwrap();
        assert_eq!(seen(&store), Some(2));
    }

    #[test]
    fn a_delay_waits_before_or_after_the_write() {
        for (fault, written_meanwhile) in
            [(Fault::Delay(2), None), (Fault::DelayAnswer(2), Some(1))]
        {
            let store = store();
            store.fail_nth_of(Operation::Put, 1, fault);
            let mut put = pin!(store.put(&KEY, ABSENT, record(1)));
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..2 {
                assert!(put.as_mut().poll(&mut context).is_pending());
                assert_eq!(seen(&store), written_meanwhile, "{fault:?}");
            }
            assert_eq!(block_on(put).unwrap(), Put::Done);
            assert_eq!(seen(&store), Some(1));
        }
    }

    #[test]
    fn calls_are_counted_through_every_handle_until_reset() {
        let store = store();
        let handle = store.clone();
        put(&handle, ABSENT, 1).unwrap();
        put(&handle, ABSENT, 2).unwrap();
        seen(&handle);
        block_on(handle.get_many(&[])).unwrap();
        block_on(handle.delete(&KEY, &version(1))).unwrap();
        block_on(handle.list(Kind::Grant, &Label::from_hash([0; 32]), None, 1)).unwrap();
        block_on(handle.purge(Timestamp::MIN, 1)).unwrap();
        let calls = Calls { get: 1, get_many: 1, put: 2, delete: 1, list: 1, purge: 1 };
        assert_eq!(store.calls(), calls);
        assert_eq!((calls.total(), calls.writes()), (7, 3));
        handle.fail_all(Fault::Refuse);
        assert!(put(&store, ABSENT, 3).is_err());
        store.reset();
        assert!(put(&store, ABSENT, 3).is_ok());
        assert_eq!(handle.calls().total(), 1);
    }

    #[test]
    fn faults_of_one_call_add_up() {
        let store = store();
        store.fail_nth(1, Fault::Delay(1));
        store.fail_nth_of(Operation::Put, 1, Fault::Delay(1));
        store.fail_nth(1, Fault::LoseAnswer);
        store.fail_nth(1, Fault::Refuse);
        let mut put = store.put(&KEY, ABSENT, record(1));
        let mut context = Context::from_waker(Waker::noop());
        assert!(put.as_mut().poll(&mut context).is_pending());
        assert!(put.as_mut().poll(&mut context).is_pending());
        assert!(matches!(block_on(put), Err(StoreError::Unknown(_))));
    }
}
