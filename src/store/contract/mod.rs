//! The contract of a [`Store`] as checks that any store can be held to. For tests.
//!
//! Every check stands for one promise of the [contract](super#the-contract-in-terms-of-harm) and
//! panics with the promise, what was found instead, and the harm that comes of it.
//!
//! ```
//! use oidc_op::store::{MemoryStore, contract};
//!
//! contract::check(MemoryStore::new);
//! ```
//!
//! A store that needs a runtime is driven by that runtime; the checks bring their own threads, so
//! call them from an ordinary `#[test]`, not from within the runtime:
//!
//! ```no_run
//! # use oidc_op::store::{MemoryStore as MyStore, contract::Contract};
//! let runtime = tokio::runtime::Runtime::new()?;
//! Contract::driven_by(move |task| runtime.block_on(task)).check(MyStore::new);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Every check makes up keys and labels of its own, so a database that is not empty will do. It must
//! be one for tests: the checks purge what is out of date. The store must live by the system's clock.
//!
//! Passing proves no store right: a race may be lost rarely, and nothing here pulls a plug. It finds
//! the usual mistakes.

mod dropping;
mod executor;
mod history;
mod listing;
mod outage;
mod purging;
mod racing;
mod single;
mod stage;
mod timing;
mod verdict;

#[cfg(test)]
mod broken;
#[cfg(test)]
mod cut;

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

pub use executor::block_on;
use stage::Stage;
use verdict::{Broken, Terms, require};

use super::Store;
#[cfg(doc)]
use super::StoreError;

/// Holds a store to all of its promises, each time with a store that `make` gives.
///
/// For stores that need no runtime; see [`Contract::driven_by`] for others.
///
/// # Panics
///
/// The store breaks a promise.
pub fn check<S: Store>(make: impl Fn() -> S) {
    Contract::new().check(make);
}

/// A call of the store that is to be run to its end.
pub type Task<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

type Drive = dyn Fn(Task<'_>) + Send + Sync;

/// How a store is held to its contract.
///
/// No call may take longer than the [deadline](Self::deadline); each is measured, in every check.
///
/// ```
/// use oidc_op::store::{MemoryStore, contract::{Check, Contract}};
///
/// let contract = Contract::new().patience(std::time::Duration::from_secs(10));
/// contract.check_one(Check::OneCreates, MemoryStore::new());
/// ```
#[derive(Clone)]
pub struct Contract {
    drive: Arc<Drive>,
    patience: Duration,
    deadline: Duration,
}

impl Contract {
    /// The contract for stores that need no runtime: [`block_on`] drives them.
    pub fn new() -> Self {
        Self::driven_by(|task| block_on(task))
    }

    /// The contract for stores whose futures need to be run by something else.
    ///
    /// `drive` runs a task to its end before it returns. It is called from many threads at once.
    pub fn driven_by(drive: impl Fn(Task<'_>) + Send + Sync + 'static) -> Self {
        Self {
            drive: Arc::new(drive),
            patience: Duration::from_secs(120),
            deadline: Duration::from_secs(5),
        }
    }

    /// How long one check may take before it counts as broken; two minutes by default.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How long one call of the store may take; five seconds by default.
    ///
    /// A store bounds its calls itself. Set this to somewhat more than its own bound, for a machine that
    /// has other things to do.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Runs all checks, each with a store that `make` gives.
    ///
    /// # Panics
    ///
    /// The store breaks a promise.
    #[track_caller]
    pub fn check<S: Store>(&self, make: impl Fn() -> S) {
        for check in Check::ALL {
            self.check_one(*check, make());
        }
    }

    /// Runs one check.
    ///
    /// # Panics
    ///
    /// The store breaks the promise.
    #[track_caller]
    pub fn check_one(&self, check: Check, store: impl Store) {
        let run = move |stage: &Stage| check.run(stage);
        if let Err((terms, found)) = self.run(check.terms(), Arc::new(store), run) {
            terms.are_broken(&found);
        }
    }

    /// Holds a store to what it promises while its engine cannot be reached, which only its author can bring
    /// about: `stop` cuts the store off while 64 writers are at it, `resume` mends it.
    ///
    /// Cut off, every call ends within the [deadline](Self::deadline), in an error, and one that is true: what
    /// was [`Refused`](StoreError::Refused) is not written, then or later. Mended, the store is well within
    /// half its [`patience`](Self::patience), and all that was acknowledged is there. When `stop` returns, nothing may
    /// be answered any more.
    ///
    /// ```no_run
    /// # use oidc_op::store::{MemoryStore as MyStore, contract::Contract};
    /// # fn pause(_: &str) {}
    /// let contract = Contract::new();
    /// contract.check_outage(MyStore::new(), || pause("SIGSTOP"), || pause("SIGCONT"));
    /// ```
    ///
    /// # Panics
    ///
    /// The store breaks a promise.
    #[track_caller]
    pub fn check_outage(
        &self,
        store: impl Store,
        stop: impl FnOnce() + Send + 'static,
        resume: impl FnOnce() + Send + 'static,
    ) {
        let patience = self.patience;
        let check = move |stage: &Stage| outage::run(stage, patience, stop, resume);
        if let Err((terms, found)) = self.run(outage::TERMS, Arc::new(store), check) {
            terms.are_broken(&found);
        }
    }

    /// On a thread of its own, since a store that has leaked a lock never answers.
    fn run(
        &self,
        terms: Terms,
        store: Arc<dyn Store>,
        act: impl FnOnce(&Stage) -> Result<(), Broken> + Send + 'static,
    ) -> Result<(), (Terms, Broken)> {
        let stage = Arc::new(Stage::new(store, Arc::clone(&self.drive)));
        let (answer, answered) = mpsc::channel();
        let checking = {
            let stage = Arc::clone(&stage);
            thread::spawn(move || answer.send(act(&stage)))
        };
        let verdict = match answered.recv_timeout(self.patience) {
            Ok(verdict) => verdict,
            Err(RecvTimeoutError::Timeout) => {
                Err(Broken(format!("no answer after {:?}", self.patience)))
            }
            Err(RecvTimeoutError::Disconnected) => {
                let panic = checking.join().err();
                Err(panic
                    .map_or_else(|| Broken("no answer".into()), |panic| Broken::by_panic(&*panic)))
            }
        };
        verdict.map_err(|broken| (terms, broken))?;
        stage.ended_within(self.deadline).map_err(|broken| (Check::EndsInTime.terms(), broken))
    }
}

impl Default for Contract {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract")
            .field("patience", &self.patience)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

macro_rules! checks {
    ($($name:ident = $text:literal: $run:path, $promise:literal, $harm:literal;)*) => {
        /// A promise that a store can be held to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Check {
            $(#[doc = concat!($promise, "; else ", $harm, ".")] $name,)*
        }

        impl Check {
            /// Every check.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What the store promises.
            pub const fn promise(self) -> &'static str {
                match self { $(Self::$name => $promise,)* }
            }

            /// What comes of it when the store does not keep the promise.
            pub const fn harm(self) -> &'static str {
                match self { $(Self::$name => $harm,)* }
            }

            fn run(self, stage: &Stage) -> Result<(), Broken> {
                match self { $(Self::$name => $run(stage),)* }
            }

            const fn terms(self) -> Terms {
                Terms { name: self.name(), promise: self.promise(), harm: self.harm() }
            }
        }
    };
}

checks! {
    AbsentIsNone = "absent_is_none": single::absent_is_none,
        "what was never put is `None`",
        "a stranger's record is taken for one's own";
    ReadsBack = "reads_back": single::reads_back,
        "a record is read back as it was put, whatever its bytes, up to 16 KiB and more",
        "grants are damaged";
    AbsentConflicts = "absent_conflicts": single::absent_conflicts,
        "`Absent` conflicts with any record, and changes nothing then",
        "a grant is overwritten and its redeemed code comes back";
    ExpiredStays = "expired_stays": single::expired_stays,
        "a record whose `keep_until` has just passed is still there, and `Absent` conflicts with it",
        "a replay is forgotten when two clocks differ";
    VersionReplaces = "version_replaces": single::version_replaces,
        "a write that names the present version replaces the whole record",
        "no code can be redeemed";
    WrongVersionConflicts = "wrong_version_conflicts": single::wrong_version_conflicts,
        "a write or delete that names another version conflicts, and changes nothing",
        "a redeemed code is redeemed again";
    OldVersionsStayDead = "old_versions_stay_dead": single::old_versions_stay_dead,
        "a version that was replaced never matches again, even when the same bytes come back",
        "a writer that slept through it all takes back what others did";
    DeletesByVersion = "deletes_by_version": single::deletes_by_version,
        "`delete` removes the record of the version that it names, and the key is free then",
        "something lives on after it was ended";
    GetManyKeepsOrder = "get_many_keeps_order": single::get_many_keeps_order,
        "`get_many` answers key by key, `None` for those that are absent",
        "a grant is judged by somebody else's session";
    OneCreates = "one_creates": racing::one_creates,
        "of many who create a record at once, one is told `Done`, and its record stays",
        "one form sent twice gives two codes";
    OneReplaces = "one_replaces": racing::one_replaces,
        "of many who replace one version at once, one is told `Done`, and its record stays",
        "two token sets come out of one code";
    NoUpdateLost = "no_update_lost": racing::no_update_lost,
        "every write that was told `Done` is seen by the next",
        "a revocation is overwritten";
    DeletesOrReplaces = "deletes_or_replaces": racing::deletes_or_replaces,
        "of a delete and a write that name the same version, one happens",
        "something lives on after it was ended";
    ReadsAreFresh = "reads_are_fresh": racing::reads_are_fresh,
        "a read that begins after a write was answered sees it",
        "reuse is noticed late";
    Linearizable = "linearizable": history::linearizable,
        "what 64 tasks were answered that read and replaced the same records could have happened one \
         after another, each between its question and its answer",
        "two token sets come out of one code, or one that nobody has used is refused";
    EndsInTime = "ends_in_time": timing::ends_in_time,
        "every call is answered within its deadline, however many are made at once",
        "requests pile up until nobody is answered";
    ListsPageByPage = "lists_page_by_page": listing::lists_page_by_page,
        "pages of any size name every key once and in one order, and never more than the limit",
        "a page for people misses a session";
    ListsApart = "lists_apart": listing::lists_apart,
        "a listing names what was created under this label and of this kind, and nothing else",
        "somebody sees another person's sessions";
    JunkCursors = "junk_cursors": listing::junk_cursors,
        "a listing that is to go on at a cursor that is none of the store's own answers \
         `StoreError::Cursor`, or a page",
        "whoever makes one up is told that the store is down, and the operator is called";
    LabelsStay = "labels_stay": listing::labels_stay,
        "a record stays under its labels however often it is replaced",
        "a logout misses a session";
    ListNeverMisses = "list_never_misses": listing::list_never_misses,
        "a listing names every record whose `put` was answered before, while others create more",
        "a logout misses a session";
    ListedBeforeReadable = "listed_before_readable": listing::listed_before_readable,
        "a record that can be read is named by a listing that begins then",
        "a logout misses a session";
    PurgeKeeps = "purge_keeps": purging::purge_keeps,
        "`purge` leaves what is less than two hours past its `keep_until`",
        "a replay is forgotten";
    PurgeRemoves = "purge_removes": purging::purge_removes,
        "`purge` removes, call by call, what is more than two hours past its `keep_until`",
        "the store grows for ever";
    PurgeHonoursLimit = "purge_honours_limit": purging::purge_honours_limit,
        "`purge` removes no more than the limit, and tells no more",
        "everybody waits for a purge";
    PurgeRefusesFuture = "purge_refuses_future": purging::purge_refuses_future,
        "`purge` refuses a time more than an hour ahead, and removes nothing",
        "one wrong clock forgets everything";
    DroppedPut = "dropped_put": dropping::dropped_put,
        "a `put` that is dropped has happened or has not, and everybody can go on",
        "everybody waits, or a grant is damaged";
    DroppedCreate = "dropped_create": dropping::dropped_create,
        "a `put` that is dropped leaves no record that a listing misses",
        "a logout misses a session";
    DroppedRest = "dropped_rest": dropping::dropped_rest,
        "a `delete`, `get`, `list` or `purge` that is dropped leaves no lock",
        "everybody waits";
}
