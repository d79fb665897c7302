use std::{
    future::poll_fn,
    sync::{Mutex, PoisonError},
    task::{Poll, Waker},
};

/// That there is work which should not wait for the next round; whoever works can sleep until then.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_there: bool,
    sleeping: Vec<Waker>,
}

impl Waiting {
    /// There is work: wakes everybody who sleeps, or the next one who would.
    pub(crate) fn wake(&self) {
        let sleeping = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.is_there = true;
            std::mem::take(&mut state.sleeping)
        };
        sleeping.into_iter().for_each(Waker::wake);
    }

    /// Sleeps until there is work, and takes notice of it.
    pub(crate) async fn sleep(&self) {
        poll_fn(|context| {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if std::mem::take(&mut state.is_there) {
                return Poll::Ready(());
            }
            if !state.sleeping.iter().any(|known| known.will_wake(context.waker())) {
                state.sleeping.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
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
        // what came while nobody slept is not lost, and told once
        waiting.wake();
        waiting.wake();
        assert_eq!(pin!(waiting.sleep()).poll(&mut context), Poll::Ready(()));
        assert_eq!(pin!(waiting.sleep()).poll(&mut context), Poll::Pending);
    }
}
