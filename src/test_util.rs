//! A clock, a source of randomness and an observer for tests (feature `test-util`).

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use ring::digest;
use time::Duration;

use crate::{Clock, Entropy, EntropyError, Event, Observer, Reason, Timestamp, What};

/// A clock that stands still until it is moved. Clones show the same time.
///
/// ```
/// use oidc_op::{Clock, Duration, Timestamp, test_util::TestClock};
///
/// let clock = TestClock::at(Timestamp::from_unix(1_800_000_000));
/// clock.advance(Duration::MINUTE);
/// assert_eq!(clock.now().unix(), 1_800_000_060);
/// ```
#[derive(Clone, Debug)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// A clock that shows this time.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.unix())))
    }

    /// Moves it; backwards, if the duration is negative.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.whole_seconds(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that look random and are the same in every run.
///
/// # Security
///
/// Anybody can predict them: for tests only.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: AtomicU64,
}

impl SeededEntropy {
    /// The bytes of this seed, from the beginning.
    pub fn new(seed: u64) -> Self {
        Self { seed, counter: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in bytes.chunks_mut(32) {
            let counter = self.counter.fetch_add(1, Ordering::SeqCst);
            let input = [self.seed.to_be_bytes(), counter.to_be_bytes()].concat();
            let block = digest::digest(&digest::SHA256, &input);
            for (to, from) in chunk.iter_mut().zip(block.as_ref()) {
                *to = *from;
            }
        }
        Ok(())
    }
}

/// Remembers what happened. Clones share their memory.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Happened>>);

/// What happened, and why if it was refused.
type Happened = Vec<(What, Option<Reason>)>;

impl Recorder {
    /// What happened since the last time this was asked.
    pub fn take(&self) -> Vec<(What, Option<Reason>)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Recorder {
    fn observe(&self, event: &Event<'_>) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push((event.what, event.reason));
    }
}
