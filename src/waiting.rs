use std::{
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// That there is work which should not wait for the next round; whoever works can sleep until then.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_there: bool,
    /// Who sleeps, each with a number of its own.
    sleeping: Vec<(u64, Waker)>,
    sleepers: u64,
}

impl Waiting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is work: wakes everybody who sleeps, or the next one who would.
    pub(crate) fn wake(&self) {
        let sleeping = {
            let mut state = self.state();
            state.is_there = true;
            std::mem::take(&mut state.sleeping)
        };
        for (_, waker) in sleeping {
            waker.wake();
        }
    }

    /// Sleeps until there is work, and takes notice of it.
    pub(crate) fn sleep(&self) -> Sleep<'_> {
        Sleep { waiting: self, number: None }
    }
}

/// Somebody who sleeps; dropped, they are forgotten.
pub(crate) struct Sleep<'w> {
    waiting: &'w Waiting,
    number: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.waiting.state();
        if std::mem::take(&mut state.is_there) {
            return Poll::Ready(());
        }
        let number = self.number.unwrap_or(state.sleepers);
        if self.number.is_none() {
            state.sleepers += 1;
        }
        state.sleeping.retain(|(known, _)| *known != number);
        state.sleeping.push((number, context.waker().clone()));
        drop(state);
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.waiting.state().sleeping.retain(|(known, _)| *known != number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        task::{Context, Wake},
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn sleeps_until_there_is_work() {
        let (waiting, count) = (Waiting::default(), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        {
            let mut sleep = pin!(waiting.sleep());
            assert_eq!(sleep.as_mut().poll(&mut context), Poll::Pending);
            assert_eq!(sleep.as_mut().poll(&mut context), Poll::Pending);
            waiting.wake();
            assert_eq!(count.0.load(Ordering::SeqCst), 1);
            assert_eq!(sleep.poll(&mut context), Poll::Ready(()));
        }
        // whoever sleeps no more is forgotten
        {
            let mut sleep = pin!(waiting.sleep());
            assert_eq!(sleep.as_mut().poll(&mut context), Poll::Pending);
            assert_eq!(waiting.state().sleeping.len(), 1);
        }
        assert!(waiting.state().sleeping.is_empty());
        // what came while nobody slept is not lost, and told once
        waiting.wake();
        waiting.wake();
        assert_eq!(pin!(waiting.sleep()).poll(&mut context), Poll::Ready(()));
        assert_eq!(pin!(waiting.sleep()).poll(&mut context), Poll::Pending);
    }
}
