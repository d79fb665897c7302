//! What happens at the same time: on threads, or played step by step on this one.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tokio::{sync::Barrier, task::JoinHandle};

/// What comes of so many that begin at the same time, on threads if the test has several.
pub(crate) async fn together<F>(racers: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let racers: Vec<_> = racers.into_iter().collect();
    let barrier = Arc::new(Barrier::new(racers.len()));
    let running: Vec<_> = racers.into_iter().map(|racer| start(racer, &barrier)).collect();
    let mut answers = Vec::new();
    for racer in running {
        answers.push(racer.await.unwrap());
    }
    answers
}

/// The same of two that differ.
pub(crate) fn both<A, B>(one: A, other: B) -> impl Future<Output = (A::Output, B::Output)>
where
    A: Future<Output: Send> + Send + 'static,
    B: Future<Output: Send> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(2));
    let (one, other) = (start(one, &barrier), start(other, &barrier));
    async move { (one.await.unwrap(), other.await.unwrap()) }
}

fn start<F>(racer: F, barrier: &Arc<Barrier>) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let barrier = Arc::clone(barrier);
    tokio::spawn(async move {
        barrier.wait().await;
        racer.await
    })
}

/// Lets a future take its first step; whether it waits for something then.
pub(crate) async fn waits<F: Future>(mut future: Pin<&mut F>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

/// Polls a future this often and drops it; its output, if that was enough.
pub(crate) fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

pub(crate) type Step<'f, T> = Pin<Box<dyn Future<Output = T> + 'f>>;

/// Runs futures step by step on this thread, always the one that `choose` picks of those that are left.
pub(crate) fn interleave<T>(
    steps: Vec<Step<'_, T>>,
    mut choose: impl FnMut(usize) -> usize,
) -> Vec<T> {
    let mut answers: Vec<Option<T>> = steps.iter().map(|_| None).collect();
    let mut left: Vec<_> = steps.into_iter().enumerate().collect();
    let mut context = Context::from_waker(Waker::noop());
    while !left.is_empty() {
        let chosen = choose(left.len());
        let (i, step) = &mut left[chosen];
        if let Poll::Ready(answer) = step.as_mut().poll(&mut context) {
            answers[*i] = Some(answer);
            drop(left.remove(chosen));
        }
    }
    answers.into_iter().map(Option::unwrap).collect()
}

/// An order that looks random, and is the same for the same seed (`SplitMix64`).
pub(crate) fn shuffled(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |left| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % left as u64).unwrap()
    }
}

/// Each one step, in turn: all read before the first one writes, so that every write but one is in vain.
pub(crate) fn in_step() -> impl FnMut(usize) -> usize {
    let (mut next, mut before) = (0, 0);
    move |left| {
        // One has left: the one after it stands in its place.
        if left < before {
            next -= 1;
        }
        let chosen = next % left;
        (next, before) = (chosen + 1, left);
        chosen
    }
}
