use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

/// Runs these futures, so many at once, within the task that waits for it, and answers what came of them,
/// in no particular order. Needs no runtime; dropped, it drops all of them.
pub(crate) async fn at_once<F: Future>(most: usize, futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting = futures.into_iter();
    let mut running: Vec<Pin<Box<F>>> = Vec::new();
    let mut answers = Vec::new();
    poll_fn(|context: &mut Context<'_>| {
        loop {
            let free = most.max(1).saturating_sub(running.len());
            running.extend(waiting.by_ref().take(free).map(Box::pin));
            let before = running.len();
            running.retain_mut(|future| match future.as_mut().poll(context) {
                Poll::Ready(answer) => {
                    answers.push(answer);
                    false
                }
                Poll::Pending => true,
            });
            if running.is_empty() && before == 0 {
                return Poll::Ready(());
            }
            // A place that is free is filled before anybody waits.
            if running.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
    answers
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        task::Waker,
    };

    use super::*;
    use crate::store::fault::wait;

    fn run<F: Future>(future: F) -> (F::Output, usize) {
        let (mut future, mut polls) = (pin!(future), 0);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            polls += 1;
            if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
                return (answer, polls);
            }
        }
    }

    #[test]
    fn all_are_run_and_never_more_than_so_many_at_once() {
        for (most, peak) in [(1, 1), (3, 3), (16, 10), (0, 1)] {
            let (now, highest) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let one = |number: u32| {
                let (now, highest) = (&now, &highest);
                async move {
                    highest.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                    wait(1 + number % 4).await;
                    now.fetch_sub(1, SeqCst);
                    number
                }
            };
            let (mut answers, _) = run(at_once(most, (0..10).map(one).collect()));
            answers.sort_unstable();
            assert_eq!(answers, (0..10).collect::<Vec<_>>());
            assert_eq!(highest.into_inner(), peak, "{most}");
        }
    }

    #[test]
    fn one_that_is_slow_keeps_nobody_else_waiting() {
        let polls = (0..20).map(|number| wait(if number == 0 { 30 } else { 1 })).collect();
        let (answers, polls) = run(at_once(2, polls));
        assert_eq!(answers.len(), 20);
        assert!(polls <= 31, "{polls}");
        assert!(run(at_once(2, Vec::<std::future::Ready<()>>::new())).0.is_empty());
    }
}
