//! Sign-ins at upstream providers that are under way, by their `state`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use oidc_op::Timestamp;
use openidconnect::{Nonce, PkceCodeVerifier};

/// How long somebody may take at the upstream provider, and how many may be there at once.
const PATIENCE: Duration = Duration::from_secs(600);
const MOST: usize = 10_000;
/// How many of them with one interaction: it may be open in several tabs.
const TABS: usize = 3;

/// What the answer must fit.
pub(super) struct Pending {
    /// Whose answer it is.
    pub(super) upstream: String,
    /// The interaction that goes on.
    pub(super) token: Arc<str>,
    pub(super) nonce: Nonce,
    pub(super) verifier: PkceCodeVerifier,
    /// When the sign-in was at the earliest; none, if any will do.
    pub(super) since: Option<Timestamp>,
}

/// The sign-ins under way: in memory, so that the node which began one must finish it.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The oldest first, by a number of their own.
    begun: BTreeMap<u64, Begun>,
    by_state: HashMap<String, u64>,
    by_token: HashMap<Arc<str>, Vec<u64>>,
    next: u64,
}

struct Begun {
    at: Instant,
    state: String,
    pending: Pending,
}

impl UnderWay {
    /// Remembers one. Too many push out the oldest: those of the same interaction first, so that reloading a page
    /// harms nobody else.
    pub(super) fn begin(&self, state: String, pending: Pending) {
        self.begin_at(Instant::now(), state, pending);
    }

    fn begin_at(&self, now: Instant, state: String, pending: Pending) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tabs = kept.by_token.get(&pending.token);
        if let Some(&oldest) = tabs.filter(|tabs| tabs.len() >= TABS).and_then(|tabs| tabs.first())
        {
            kept.remove(oldest);
        }
        while let Some(oldest) = kept.oldest_but(MOST, now) {
            kept.remove(oldest);
        }
        kept.add(Begun { at: now, state, pending });
    }

    /// Takes one, once.
    pub(super) fn take(&self, state: &str) -> Option<Pending> {
        self.take_at(Instant::now(), state)
    }

    fn take_at(&self, now: Instant, state: &str) -> Option<Pending> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = *kept.by_state.get(state)?;
        let begun = kept.remove(number)?;
        (!begun.is_late(now)).then_some(begun.pending)
    }
}

impl Kept {
    fn add(&mut self, begun: Begun) {
        let number = self.next;
        self.next += 1;
        self.by_state.insert(begun.state.clone(), number);
        self.by_token.entry(Arc::clone(&begun.pending.token)).or_default().push(number);
        self.begun.insert(number, begun);
    }

    /// The one that must go, to have room for another.
    fn oldest_but(&self, most: usize, now: Instant) -> Option<u64> {
        let (number, oldest) = self.begun.first_key_value()?;
        (self.begun.len() >= most || oldest.is_late(now)).then_some(*number)
    }

    fn remove(&mut self, number: u64) -> Option<Begun> {
        let begun = self.begun.remove(&number)?;
        self.by_state.remove(&begun.state);
        let token = &begun.pending.token;
        if let Some(tabs) = self.by_token.get_mut(token) {
            tabs.retain(|tab| *tab != number);
            if tabs.is_empty() {
                self.by_token.remove(token);
            }
        }
        Some(begun)
    }
}

impl Begun {
    fn is_late(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) >= PATIENCE
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
            since: None,
        }
    }

    #[test]
    fn a_state_is_taken_once_and_in_time() {
        let (under_way, now) = (UnderWay::default(), Instant::now());
        let token = |at: Duration, state: &str| {
            under_way.take_at(now + at, state).map(|pending| pending.token.to_string())
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
            under_way.begin_at(now, number.to_string(), pending(&number.to_string()));
        }
        assert!(under_way.take_at(now, "0").is_none() && under_way.take_at(now, "1").is_some());
        under_way.begin_at(now + PATIENCE, "late".into(), pending("t"));
        let kept = under_way.0.lock().unwrap();
        let sizes = [kept.begun.len(), kept.by_state.len(), kept.by_token.len()];
        assert_eq!(sizes, [1, 1, 1]);
    }

    /// A page that is reloaded without end pushes out what it began itself.
    #[test]
    fn one_interaction_has_few() {
        let (under_way, now) = (UnderWay::default(), Instant::now());
        under_way.begin_at(now, "else".into(), pending("else"));
        for number in 0..2 * MOST {
            under_way.begin_at(now, number.to_string(), pending("t"));
        }
        assert_eq!(under_way.0.lock().unwrap().begun.len(), 1 + TABS);
        let taken = |state: usize| under_way.take_at(now, &state.to_string()).is_some();
        let last = 2 * MOST - 1;
        assert!(!taken(last - TABS) && (last + 1 - TABS..=last).all(taken));
        assert!(under_way.take_at(now, "else").is_some());
        assert!(under_way.0.lock().unwrap().by_token.is_empty());
    }
}
