//! What was heard last of an upstream provider: asked again from time to time, by one at a time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::failure::Failure;

/// How long it is believed to be as it was.
const FRESH: Duration = Duration::from_secs(3600);
/// How long that will do if it cannot be asked again.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// How long it is not asked again that has just failed.
const FAILED: Duration = Duration::from_secs(3);

/// The last that was heard.
pub(super) struct Heard<T> {
    last: Mutex<Last<T>>,
    /// Held by whoever asks.
    asking: tokio::sync::Mutex<()>,
}

struct Last<T> {
    said: Option<(Instant, Arc<T>)>,
    failed: Option<(Instant, Failure)>,
}

impl<T> Default for Heard<T> {
    fn default() -> Self {
        let last = Last { said: None, failed: None };
        Self { last: Mutex::new(last), asking: tokio::sync::Mutex::default() }
    }
}

impl<T> Heard<T> {
    /// What is known, or what it says if it is asked: a failure is remembered for a moment, and while it cannot be
    /// asked the last that it said still counts, unless it must be something else than `unfit`.
    pub(super) async fn or_ask(
        &self,
        unfit: Option<&Arc<T>>,
        ask: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Arc<T>, Failure> {
        self.or_ask_at(Instant::now(), unfit, ask).await
    }

    async fn or_ask_at(
        &self,
        now: Instant,
        unfit: Option<&Arc<T>>,
        ask: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Arc<T>, Failure> {
        let stale = {
            let last = self.last();
            match last.known(now, unfit) {
                Some(known) => return known,
                None => last.said_within(STALE, now, unfit),
            }
        };
        let asked = Instant::now();
        let turn = match (self.asking.try_lock(), &stale) {
            (Ok(turn), _) => turn,
            (Err(_), Some(stale)) => return Ok(Arc::clone(stale)),
            (Err(_), None) => self.asking.lock().await,
        };
        // Others may have been told meanwhile.
        if let Some(known) = self.last().known(now, unfit) {
            return known;
        }
        let answer = ask.await;
        let now = now + asked.elapsed();
        let mut last = self.last();
        drop(turn);
        match answer {
            Ok(said) => {
                let said = Arc::new(said);
                *last = Last { said: Some((now, Arc::clone(&said))), failed: None };
                Ok(said)
            }
            Err(failure) => {
                last.failed = Some((now, failure.clone()));
                stale.ok_or(failure)
            }
        }
    }

    fn last(&self) -> MutexGuard<'_, Last<T>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Last<T> {
    /// What there is without asking.
    fn known(&self, now: Instant, unfit: Option<&Arc<T>>) -> Option<Result<Arc<T>, Failure>> {
        if let Some(said) = self.said_within(FRESH, now, unfit) {
            return Some(Ok(said));
        }
        let (_, failure) = self.failed.as_ref().filter(|(at, _)| is_within(FAILED, *at, now))?;
        let failure = || failure.clone();
        Some(self.said_within(STALE, now, unfit).ok_or_else(failure))
    }

    fn said_within(&self, age: Duration, now: Instant, unfit: Option<&Arc<T>>) -> Option<Arc<T>> {
        let (at, said) = self.said.as_ref()?;
        let fits = unfit.is_none_or(|unfit| !Arc::ptr_eq(unfit, said));
        (fits && is_within(age, *at, now)).then(|| Arc::clone(said))
    }
}

fn is_within(age: Duration, at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < age
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::pending};

    use super::{super::failure::Fault, *};

    fn down() -> Result<u32, Failure> {
        Err(Failure::new(Fault::Unreachable, "discovery"))
    }

    #[tokio::test]
    async fn the_last_counts_through_an_outage() {
        let (heard, start, times) = (Heard::default(), Instant::now(), Cell::new(0));
        let asked = async |after: Duration, answer: Result<u32, Failure>| {
            let ask = async {
                times.set(times.get() + 1);
                answer
            };
            let said = heard.or_ask_at(start + after, None, ask).await;
            said.map(|said| *said).map_err(|failure| failure.fault)
        };
        let outage = FRESH + FAILED * 3;
        for (after, answer, said, asked_times) in [
            (Duration::ZERO, down(), Err(Fault::Unreachable), 1),
            (FAILED / 2, Ok(0), Err(Fault::Unreachable), 1),
            (FAILED * 2, Ok(1), Ok(1), 2),
            (FRESH, down(), Ok(1), 2),
            (outage + FAILED, down(), Ok(1), 3),
            (outage + FAILED * 3 / 2, down(), Ok(1), 3),
            (STALE, down(), Ok(1), 4),
            (STALE + FAILED * 3, down(), Err(Fault::Unreachable), 5),
            (STALE + FAILED * 5, Ok(2), Ok(2), 6),
        ] {
            assert_eq!(asked(after, answer).await, said, "{after:?}");
            assert_eq!(times.get(), asked_times, "{after:?}");
        }
    }

    #[tokio::test]
    async fn one_asks_at_a_time() {
        let (heard, start, times) = (Heard::default(), Instant::now(), Cell::new(0));
        let ask = async |answer: Result<u32, Failure>| {
            times.set(times.get() + 1);
            tokio::task::yield_now().await;
            answer
        };
        let (one, other) = tokio::join!(
            heard.or_ask_at(start, None, ask(down())),
            heard.or_ask_at(start, None, ask(Ok(9))),
        );
        assert!(one.is_err() && other.is_err() && times.get() == 1);

        let later = start + FAILED * 2;
        let (one, other) = tokio::join!(
            heard.or_ask_at(later, None, ask(Ok(1))),
            heard.or_ask_at(later, None, ask(Ok(2))),
        );
        assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()) && times.get() == 2);

        // Nobody waits who need not.
        let stale = later + FRESH * 2;
        let slow = heard.or_ask_at(stale, None, pending());
        let quick = async { heard.or_ask_at(stale, None, pending()).await };
        tokio::select! {
            biased;
            _ = slow => unreachable!(),
            said = quick => assert_eq!(*said.unwrap(), 1),
        }
    }

    /// Whatever has an unknown key is not what will do.
    #[tokio::test]
    async fn another_is_asked_for() {
        let (heard, now) = (Heard::default(), Instant::now());
        let first = heard.or_ask_at(now, None, async { Ok(1) }).await.unwrap();
        let second = heard.or_ask_at(now, Some(&first), async { Ok(2) }).await.unwrap();
        assert_eq!(*second, 2);
        let same = heard.or_ask_at(now, Some(&first), async { Ok(3) }).await.unwrap();
        assert!(Arc::ptr_eq(&second, &same), "somebody has asked already");
        let failed = heard.or_ask_at(now, Some(&second), async { down() }).await;
        assert!(failed.is_err());
        assert_eq!(*heard.or_ask_at(now, None, async { Ok(4) }).await.unwrap(), 2);
    }
}
