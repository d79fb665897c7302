use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, PoisonError, Weak},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use crate::store::{StoreError, sharded::lock};

/// Where a thread of the store's leaves an answer for a task of anybody's runtime.
#[derive(Debug)]
pub(super) struct Slot<T>(Mutex<State<T>>);

#[derive(Debug)]
enum State<T> {
    Open(Option<Waker>),
    Answered(Result<T, StoreError>),
    Taken,
}

impl<T> Slot<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::Open(None))))
    }

    /// Answers, unless that has been done.
    pub(super) fn answer(&self, answer: Result<T, StoreError>) {
        let waker = {
            let mut state = lock(&self.0);
            match &mut *state {
                State::Open(waker) => {
                    let waker = waker.take();
                    *state = State::Answered(answer);
                    waker
                }
                State::Answered(_) | State::Taken => None,
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether nobody waits for an answer any more.
    pub(super) fn is_settled(&self) -> bool {
        !matches!(&*lock(&self.0), State::Open(_))
    }
}

/// The answer to be. Dropping it changes nothing: what was asked for happens or not, as a whole.
pub(super) struct Reply<T>(Arc<Slot<T>>);

impl<T> Future for Reply<T> {
    type Output = Result<T, StoreError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = lock(&self.0.0);
        match &mut *state {
            State::Open(waker) => {
                if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
                    *waker = Some(context.waker().clone());
                }
                Poll::Pending
            }
            _ => match std::mem::replace(&mut *state, State::Taken) {
                State::Answered(answer) => Poll::Ready(answer),
                _ => Poll::Ready(Err(StoreError::Unknown("the answer was taken".into()))),
            },
        }
    }
}

/// Something that can be told that its time is over.
trait Expires: Send + Sync {
    fn expire(&self);
}

impl<T: Send> Expires for Slot<T> {
    fn expire(&self) {
        self.answer(Err(StoreError::Unknown("the store did not answer in time".into())));
    }
}

/// Bounds the time of every call: a thread that answers what nobody else has.
///
/// All calls have the same time, so they end in the order in which they began.
#[derive(Debug)]
pub(super) struct Deadlines {
    within: Duration,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    calls: VecDeque<(Instant, Weak<dyn Expires>)>,
    closed: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Deadlines {
    pub(super) fn start(within: Duration) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let watched = Arc::clone(&queue);
        thread::Builder::new().name("oidc-op-deadlines".into()).spawn(move || watched.watch())?;
        Ok(Self { within, queue })
    }

    /// How much time each call has.
    pub(super) const fn within(&self) -> Duration {
        self.within
    }

    /// A place for the answer to a call that begins now, and the answer to be.
    pub(super) fn begin<T: Send + 'static>(&self) -> (Arc<Slot<T>>, Reply<T>) {
        let slot = Slot::new();
        let call: Weak<dyn Expires> = {
            let weak: Weak<Slot<T>> = Arc::downgrade(&slot);
            weak
        };
        let mut waiting = lock(&self.queue.waiting);
        let first = waiting.calls.is_empty();
        waiting.calls.push_back((Instant::now() + self.within, call));
        drop(waiting);
        if first {
            self.queue.changed.notify_one();
        }
        (Arc::clone(&slot), Reply(slot))
    }
}

impl Drop for Deadlines {
    fn drop(&mut self) {
        lock(&self.queue.waiting).closed = true;
        self.queue.changed.notify_one();
    }
}

impl Queue {
    fn watch(&self) {
        let mut waiting = lock(&self.waiting);
        loop {
            if waiting.closed {
                return;
            }
            let now = Instant::now();
            // When its time is over; none, if it was answered long ago and nobody holds it.
            let first = waiting
                .calls
                .front()
                .map(|(until, call)| (call.strong_count() > 0).then_some(*until));
            match first {
                None => {
                    waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
                Some(None) => {
                    waiting.calls.pop_front();
                }
                Some(Some(until)) if now < until => {
                    let wait = self.changed.wait_timeout(waiting, until - now);
                    (waiting, _) = wait.unwrap_or_else(PoisonError::into_inner);
                }
                Some(Some(_)) => {
                    let late = waiting.calls.pop_front();
                    drop(waiting);
                    if let Some(call) = late.and_then(|(_, call)| call.upgrade()) {
                        call.expire();
                    }
                    waiting = lock(&self.waiting);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::block_on;

    #[test]
    fn what_nobody_answers_ends() {
        let deadlines = Deadlines::start(Duration::from_millis(20)).unwrap();
        let (slot, reply) = deadlines.begin::<u8>();
        let (answered, good) = deadlines.begin::<u8>();
        answered.answer(Ok(7));
        assert_eq!(block_on(good).unwrap(), 7);
        let late = block_on(reply);
        assert!(matches!(late, Err(StoreError::Unknown(_))));
        assert!(slot.is_settled());
        // an answer that comes later changes nothing
        slot.answer(Ok(1));
    }
}
