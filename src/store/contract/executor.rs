use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

/// Runs a future to its end on this thread, which sleeps while the future waits.
///
/// It brings no reactor and no timers: futures that need those of a runtime must be run by that
/// runtime.
///
/// ```
/// use oidc_op::store::contract::block_on;
///
/// assert_eq!(block_on(async { 6 * 7 }), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, sync::mpsc, time::Duration};

    use super::*;

    #[test]
    fn sleeps_until_another_thread_wakes_it() {
        let (send, receive) = mpsc::channel::<Waker>();
        let other = thread::spawn(move || {
            let waker = receive.recv().unwrap();
            thread::sleep(Duration::from_millis(5));
            waker.wake();
        });
        let mut polls = 0;
        block_on(poll_fn(|context| {
            polls += 1;
            if polls == 1 {
                send.send(context.waker().clone()).unwrap();
                return Poll::Pending;
            }
            // A thread may unpark without a reason.
            if other.is_finished() || polls > 1 { Poll::Ready(()) } else { Poll::Pending }
        }));
        other.join().unwrap();
    }
}
