//! How a key set that several nodes share changes: without a clock and without a store.

use std::sync::Arc;

use time::Duration;

use super::{
    KeyError, KeyProblem, KeyRotation, KeySet, PrivateKey, ScheduledKey, key::LocalKey,
    schedule::Schedule,
};
use crate::{
    grant::SKEW,
    types::{SigningAlgorithm, Timestamp},
};

/// Fresh keys, each made once however often the write that brings it is tried.
#[derive(Default)]
pub(super) struct Fresh(Vec<Arc<LocalKey>>);

impl Fresh {
    fn of(&mut self, algorithm: SigningAlgorithm) -> Result<Arc<LocalKey>, KeyError> {
        if let Some(made) = self.0.iter().find(|key| key.name.algorithm == algorithm) {
            return Ok(Arc::clone(made));
        }
        let made = Arc::new(LocalKey::generate(algorithm)?);
        self.0.push(Arc::clone(&made));
        Ok(made)
    }
}

impl KeySet {
    /// No keys.
    pub(super) fn none() -> Self {
        [].into_iter().collect()
    }

    /// With a fresh key; whichever keys sign with its algorithm when it begins to retire then, and are
    /// removed at that other time.
    pub(super) fn succeeded_by(&self, fresh: ScheduledKey, removed: Timestamp) -> Self {
        let (algorithm, active) = (fresh.algorithm(), fresh.schedule.active);
        let former = self.keys.iter().cloned().map(|mut former| {
            if former.algorithm() == algorithm {
                former.schedule = former.schedule.succeeded(active, removed);
            }
            former
        });
        former.chain([fresh]).collect()
    }

    /// As [`rotate`](Self::rotate), without what has been removed by now; and a key that is to sign at
    /// once does so on nodes whose clocks are behind, too.
    pub(super) fn rotated(
        &self,
        algorithm: SigningAlgorithm,
        now: Timestamp,
        rotation: KeyRotation,
        fresh: &mut Fresh,
    ) -> Result<Self, KeyError> {
        let announce = rotation.announce.max(Duration::ZERO);
        let retire = rotation.retire.max(Duration::ZERO);
        let schedule = if announce.is_zero() {
            self.at_once(algorithm, now)
        } else {
            Schedule::starting(now, now + announce)
        };
        let removed = if retire.is_zero() { schedule.active } else { now + announce + retire };
        let fresh = ScheduledKey { key: fresh.of(algorithm)?, schedule };
        Ok(self.pruned(now).succeeded_by(fresh, removed))
    }

    /// As [`pruned`](Self::pruned); `None` if nothing has been removed by now.
    pub(super) fn without_removed(&self, now: Timestamp) -> Option<Self> {
        let pruned = self.pruned(now);
        (pruned.keys.len() < self.keys.len()).then_some(pruned)
    }

    /// Whether no key of the algorithm has been added for so long.
    pub(super) fn is_due(
        &self,
        algorithm: SigningAlgorithm,
        now: Timestamp,
        every: Duration,
    ) -> bool {
        self.of(algorithm).all(|key| key.schedule.announced + every <= now)
    }

    /// With a key that signs now for each of the algorithms; `None` if there is one for each.
    pub(super) fn with_all_of(
        &self,
        algorithms: &[SigningAlgorithm],
        now: Timestamp,
        fresh: &mut Fresh,
    ) -> Result<Option<Self>, KeyError> {
        let mut with = None;
        for algorithm in algorithms {
            let keys = with.as_ref().unwrap_or(self);
            if keys.signing(*algorithm, now).is_none() {
                let schedule = keys.at_once(*algorithm, now);
                let added = ScheduledKey { key: fresh.of(*algorithm)?, schedule };
                with = Some(keys.keys.iter().cloned().chain([added]).collect());
            }
        }
        Ok(with)
    }

    /// Without a key that must not be trusted any more, and with a fresh one for what was left of its
    /// life if nothing else would sign then; `None` if there is no such key.
    pub(super) fn replaced(
        &self,
        kid: &str,
        now: Timestamp,
        fresh: &mut Fresh,
    ) -> Result<Option<Self>, KeyError> {
        let Some(stolen) = self.keys.iter().find(|key| key.kid() == kid) else {
            return Ok(None);
        };
        let (without, algorithm) = (self.without(kid), stolen.algorithm());
        let Some(gap) = without.gap(algorithm, now, stolen.schedule) else {
            return Ok(Some(without));
        };
        let starts =
            if gap == now { without.at_once(algorithm, now) } else { Schedule::starting(now, gap) };
        let Schedule { retiring, removed, .. } = stolen.schedule;
        let schedule = Schedule { retiring, removed, ..starts };
        let fresh = ScheduledKey { key: fresh.of(algorithm)?, schedule };
        Ok(Some(without.keys.iter().cloned().chain([fresh]).collect()))
    }

    /// With the keys of another set; `None` if all of them are there.
    pub(super) fn joined(&self, others: &Self) -> Result<Option<Self>, KeyError> {
        let mut added = Vec::new();
        for (other, position) in others.keys.iter().zip(1..) {
            let known = |key: &&ScheduledKey| {
                key.kid() == other.kid() || key.thumbprint() == other.thumbprint()
            };
            match self.keys.iter().find(known) {
                None => added.push(other.clone()),
                Some(same)
                    if same.key.name == other.key.name
                        && same.thumbprint() == other.thumbprint() => {}
                Some(same) => {
                    let problem = if same.kid() == other.kid() {
                        KeyProblem::DuplicateKid
                    } else {
                        KeyProblem::Reused
                    };
                    return Err(KeyError::Refused { position, problem });
                }
            }
        }
        let all = || self.keys.iter().cloned().chain(added.iter().cloned()).collect();
        Ok((!added.is_empty()).then(all))
    }

    /// The life of a key that signs at once on every node, however far behind its clock may be.
    fn at_once(&self, algorithm: SigningAlgorithm, now: Timestamp) -> Schedule {
        // Not before another one that has begun, or that one would still be the last to begin.
        let begun = self.of(algorithm).map(|key| key.schedule.active).filter(|at| *at <= now);
        let at = begun.fold(now - SKEW, Ord::max);
        Schedule::starting(at, at)
    }

    /// The first time within the life of a key when no other one signs.
    fn gap(
        &self,
        algorithm: SigningAlgorithm,
        now: Timestamp,
        life: Schedule,
    ) -> Option<Timestamp> {
        let begins = life.active.max(now);
        let ends = self.of(algorithm).map(|key| key.schedule.retiring);
        let silent = ends.filter(|end| begins < *end).chain([begins]).filter(|at| {
            *at < life.retiring && !self.of(algorithm).any(|key| key.schedule.may_sign(*at))
        });
        silent.min()
    }

    fn of(&self, algorithm: SigningAlgorithm) -> impl Iterator<Item = &ScheduledKey> {
        self.keys.iter().filter(move |key| key.algorithm() == algorithm)
    }
}
