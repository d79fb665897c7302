//! Sign-ins at upstream providers that are under way, by their `state`.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use oidc_op::Timestamp;
use openidconnect::{Nonce, PkceCodeVerifier};

/// How long somebody may take at the upstream provider, and how many may be there at once.
const PATIENCE: Duration = Duration::from_secs(600);
const MOST: usize = 10_000;

/// What the answer must fit.
pub(super) struct Pending {
    /// Whose answer it is.
    pub(super) upstream: String,
    /// The interaction that goes on.
    pub(super) token: String,
    pub(super) nonce: Nonce,
    pub(super) verifier: PkceCodeVerifier,
    /// When they were sent to sign in once more; none, if an earlier sign-in will do.
    pub(super) again: Option<Timestamp>,
}

/// The sign-ins under way: in memory, so that the node which began one must finish it.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_state: HashMap<String, Pending>,
    /// The oldest first; some may be finished.
    order: VecDeque<(Instant, String)>,
}

impl UnderWay {
    /// Remembers one. Too many push out the oldest.
    pub(super) fn begin(&self, state: String, pending: Pending) {
        self.begin_at(Instant::now(), state, pending);
    }

    fn begin_at(&self, now: Instant, state: String, pending: Pending) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { by_state, order } = &mut *kept;
        while order.front().is_some_and(|(begun, _)| {
            order.len() >= MOST || now.saturating_duration_since(*begun) >= PATIENCE
        }) {
            let oldest = order.pop_front();
            oldest.and_then(|(_, state)| by_state.remove(&state));
        }
        order.push_back((now, state.clone()));
        by_state.insert(state, pending);
    }

    /// Takes one, once.
    pub(super) fn take(&self, state: &str) -> Option<Pending> {
        self.take_at(Instant::now(), state)
    }

    fn take_at(&self, now: Instant, state: &str) -> Option<Pending> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = kept.by_state.remove(state)?;
        let at = kept.order.iter().rposition(|(_, known)| known == state)?;
        let (begun, _) = kept.order.remove(at)?;
        (now.saturating_duration_since(begun) < PATIENCE).then_some(pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(token: &str) -> Pending {
        Pending {
            upstream: "main".into(),
            token: token.into(),
            nonce: Nonce::new("n".into()),
            verifier: PkceCodeVerifier::new("v".repeat(43)),
            again: None,
        }
    }

    #[test]
    fn a_state_is_taken_once_and_in_time() {
        let (under_way, now) = (UnderWay::default(), Instant::now());
        let token = |at: Duration, state: &str| {
            under_way.take_at(now + at, state).map(|pending| pending.token)
        };
        for state in ["a", "b", "c"] {
            under_way.begin_at(now, state.into(), pending(state));
        }
        assert_eq!(token(Duration::ZERO, ""), None);
        assert_eq!(token(Duration::ZERO, "b").as_deref(), Some("b"));
        assert_eq!(token(Duration::ZERO, "b"), None);
        assert_eq!(token(PATIENCE.mul_f32(0.99), "a").as_deref(), Some("a"));
        assert_eq!(token(PATIENCE, "c"), None);
    }

    #[test]
    fn memory_has_an_end() {
        let (under_way, now) = (UnderWay::default(), Instant::now());
        for number in 0..=MOST {
            under_way.begin_at(now, number.to_string(), pending("t"));
        }
        assert!(under_way.take_at(now, "0").is_none() && under_way.take_at(now, "1").is_some());
        under_way.begin_at(now + PATIENCE, "late".into(), pending("t"));
        let kept = under_way.0.lock().unwrap();
        assert_eq!((kept.by_state.len(), kept.order.len()), (1, 1));
    }
}
