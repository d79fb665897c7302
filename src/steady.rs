//! The provider's clock.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::{env::Clock, grant::SKEW, types::Timestamp};

/// A clock that stands still where the one beneath it is set back a little, so that what has expired stays
/// so (threat RE-14).
///
/// More than [`SKEW`] is believed: the clock was wrong before, and would stand still for as long otherwise.
#[derive(Debug)]
pub(crate) struct Steady {
    clock: Arc<dyn Clock>,
    latest: AtomicI64,
}

impl Steady {
    pub(crate) fn over(clock: Arc<dyn Clock>) -> Self {
        Self { clock, latest: AtomicI64::new(i64::MIN) }
    }
}

impl Clock for Steady {
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        let told = |latest: i64| {
            let latest = Timestamp::from_unix(latest);
            if now < latest && latest.since(now) <= SKEW { latest } else { now }
        };
        let mut latest = self.latest.load(Ordering::Relaxed);
        loop {
            let told = told(latest);
            // Within one second there is nothing to write.
            if told.unix() == latest {
                return told;
            }
            let swap = self.latest.compare_exchange_weak(
                latest,
                told.unix(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match swap {
                Ok(_) => return told,
                Err(present) => latest = present,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug)]
    struct Hands(Arc<AtomicI64>);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix(self.0.load(Ordering::Relaxed))
        }
    }

    /// Threat RE-14.
    #[test]
    fn a_small_step_back_is_none() {
        let hands = Hands(Arc::default());
        let clock = Steady::over(Arc::new(hands.clone()));
        for (shown, told) in [
            (100, 100),
            (99, 100),
            (95, 100),
            (101, 101),
            (97, 101),
            (95, 95),
            (96, 96),
            (i64::MAX, i64::MAX),
            (i64::MAX - 5, i64::MAX),
            (96, 96),
            (i64::MIN, i64::MIN),
            (96, 96),
        ] {
            hands.0.store(shown, Ordering::Relaxed);
            assert_eq!(clock.now().unix(), told, "{shown}");
        }
    }
}
