use std::{
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// What is posted at once, whoever is to be told: so many requests, and no more.
#[derive(Debug)]
pub(super) struct Traffic {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    /// How many have been answered, whatever the answer was.
    answered: u64,
    sleeping: Vec<Waker>,
}

impl State {
    fn sleep(&mut self, context: &Context<'_>) {
        if !self.sleeping.iter().any(|known| known.will_wake(context.waker())) {
            self.sleeping.push(context.waker().clone());
        }
    }
}

impl Traffic {
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    /// Waits until there is a place.
    pub(super) async fn enter(&self) -> Place<'_> {
        poll_fn(|context| {
            let mut state = self.state();
            if state.under_way >= self.most {
                state.sleep(context);
                return Poll::Pending;
            }
            state.under_way += 1;
            Poll::Ready(Place { traffic: self, answered: true })
        })
        .await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, which is free again however the request ends.
#[derive(Debug)]
pub(super) struct Place<'t> {
    traffic: &'t Traffic,
    answered: bool,
}

impl<'t> Place<'t> {
    /// Whoever posts is busy: waits until another of these requests is answered, and enters again. `None`
    /// if there is none, so that it is not these that keep it busy.
    pub(super) async fn after_another(mut self) -> Option<Self> {
        self.answered = false;
        let traffic: &'t Traffic = self.traffic;
        drop(self);
        let before = traffic.state().answered;
        let another = poll_fn(|context| {
            let mut state = traffic.state();
            let another = state.answered != before;
            if another || state.under_way == 0 {
                return Poll::Ready(another);
            }
            state.sleep(context);
            Poll::Pending
        });
        if another.await { Some(traffic.enter().await) } else { None }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let sleeping = {
            let mut state = self.traffic.state();
            state.under_way = state.under_way.saturating_sub(1);
            state.answered = state.answered.wrapping_add(u64::from(self.answered));
            std::mem::take(&mut state.sleeping)
        };
        sleeping.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn entered(traffic: &Traffic) -> Option<Place<'_>> {
        match poll(pin!(traffic.enter())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    #[test]
    fn no_more_than_so_many() {
        let traffic = Traffic::new(2);
        let (one, _two) = (entered(&traffic).unwrap(), entered(&traffic).unwrap());
        assert!(entered(&traffic).is_none());
        drop(one);
        assert!(entered(&traffic).is_some());
    }

    #[test]
    fn who_met_a_busy_one_waits_for_an_answer_to_another() {
        let traffic = Traffic::new(3);
        let places = [(); 3].map(|()| entered(&traffic).unwrap());
        let [answered, one, other] = places;
        let (mut one, mut other) = (pin!(one.after_another()), pin!(other.after_another()));
        // Two who wait do not take each other for an answer.
        for _ in 0..3 {
            assert!(poll(one.as_mut()).is_pending() && poll(other.as_mut()).is_pending());
        }
        drop(answered);
        assert!(matches!(poll(one.as_mut()), Poll::Ready(Some(_))));
    }

    #[test]
    fn nobody_waits_for_nothing() {
        let traffic = Traffic::new(2);
        let alone = entered(&traffic).unwrap();
        assert!(matches!(poll(pin!(alone.after_another())), Poll::Ready(None)));
        let two = (entered(&traffic).unwrap(), entered(&traffic).unwrap());
        let mut one = pin!(two.0.after_another());
        assert!(poll(one.as_mut()).is_pending());
        assert!(matches!(poll(pin!(two.1.after_another())), Poll::Ready(None)));
        assert!(matches!(poll(one.as_mut()), Poll::Ready(None)));
    }
}
