use std::fmt;

use serde_json::{Map, Value};

use super::KeyProblem;
use crate::types::Timestamp;

/// A key's life: each stage begins at its time and ends at the next one.
///
/// ```text
///     announced          active            retiring            removed
/// ────────┼─────────────────┼──────────────────┼───────────────────┼────────
///         │   published     │ published, signs │     published     │
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) announced: Timestamp,
    pub(super) active: Timestamp,
    pub(super) retiring: Timestamp,
    pub(super) removed: Timestamp,
}

impl Schedule {
    /// The life of a key without any times: it always signs.
    const ALWAYS: Self = Self::starting(Timestamp::MIN, Timestamp::MIN);

    /// Published from one time on and signing from another, without an end.
    pub(super) const fn starting(announced: Timestamp, active: Timestamp) -> Self {
        Self { announced, active, retiring: Timestamp::MAX, removed: Timestamp::MAX }
    }

    /// Reads the times from a JWK; one that is absent was always past, or never comes.
    pub(super) fn parse(jwk: &Map<String, Value>) -> Result<Self, KeyProblem> {
        let mut schedule = Self::ALWAYS;
        for (name, time) in schedule.times_mut() {
            if let Some(value) = jwk.get(name) {
                *time = value.as_i64().map(Timestamp::from_unix).ok_or(KeyProblem::Schedule)?;
            }
        }
        let times = schedule.times_mut().map(|(_, time)| *time);
        if times.is_sorted() { Ok(schedule) } else { Err(KeyProblem::Schedule) }
    }

    /// Writes the times into a JWK, as [`parse`](Self::parse) reads them.
    pub(super) fn write(&self, jwk: &mut Map<String, Value>) {
        for (name, time) in self.times() {
            jwk.insert(name.to_owned(), time.unix().into());
        }
    }

    pub(super) fn is_published(&self, now: Timestamp) -> bool {
        self.announced <= now && now < self.removed
    }

    pub(super) fn is_announced(&self, now: Timestamp) -> bool {
        self.announced <= now && now < self.active
    }

    pub(super) fn may_sign(&self, now: Timestamp) -> bool {
        self.active <= now && now < self.retiring
    }

    /// The schedule of a key whose successor signs from `retiring` on.
    ///
    /// A key that retires earlier, or starts later, keeps its own times.
    pub(super) fn succeeded(self, retiring: Timestamp, removed: Timestamp) -> Self {
        if self.may_sign(retiring) { Self { retiring, removed, ..self } } else { self }
    }

    fn times_mut(&mut self) -> [(&'static str, &mut Timestamp); 4] {
        [
            ("announced_at", &mut self.announced),
            ("active_at", &mut self.active),
            ("retiring_at", &mut self.retiring),
            ("removed_at", &mut self.removed),
        ]
    }

    /// The times that have been set.
    fn times(mut self) -> impl Iterator<Item = (&'static str, Timestamp)> {
        let mut always = Self::ALWAYS;
        let times = self.times_mut().map(|(name, time)| (name, *time));
        let absent = always.times_mut().map(|(_, time)| *time);
        times
            .into_iter()
            .zip(absent)
            .filter(|((_, time), absent)| time != absent)
            .map(|(set, _)| set)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.times()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(jwk: &Value) -> Result<Schedule, KeyProblem> {
        Schedule::parse(jwk.as_object().unwrap())
    }

    #[test]
    fn each_stage_begins_at_its_time_and_ends_at_the_next() {
        let schedule = parse(&json!({
            "announced_at": 10, "active_at": 20, "retiring_at": 30, "removed_at": 40,
        }))
        .unwrap();
        for (now, published, announced, signs) in [
            (9, false, false, false),
            (10, true, true, false),
            (19, true, true, false),
            (20, true, false, true),
            (29, true, false, true),
            (30, true, false, false),
            (39, true, false, false),
            (40, false, false, false),
        ] {
            let at = Timestamp::from_unix(now);
            assert_eq!(schedule.is_published(at), published, "{now}");
            assert_eq!(schedule.is_announced(at), announced, "{now}");
            assert_eq!(schedule.may_sign(at), signs, "{now}");
        }
    }

    #[test]
    fn a_time_that_is_absent_never_comes_or_was_always_past() {
        let always = parse(&json!({})).unwrap();
        for now in [i64::MIN, 0, i64::MAX - 1].map(Timestamp::from_unix) {
            assert!(always.is_published(now) && always.may_sign(now) && !always.is_announced(now));
        }
    }

    #[test]
    fn times_round_trip() {
        for jwk in [
            json!({}),
            json!({ "active_at": -5 }),
            json!({ "active_at": i64::MAX }),
            json!({ "announced_at": 1, "active_at": 1, "retiring_at": 2, "removed_at": 2 }),
        ] {
            let mut written = Map::new();
            parse(&jwk).unwrap().write(&mut written);
            assert_eq!(Value::Object(written), jwk);
        }
    }

    #[test]
    fn times_that_make_no_life_are_refused() {
        for jwk in [
            json!({ "active_at": "1" }),
            json!({ "active_at": 1.5 }),
            json!({ "active_at": null }),
            json!({ "active_at": u64::MAX }),
            json!({ "announced_at": 2, "active_at": 1 }),
            json!({ "announced_at": 2 }),
            json!({ "active_at": 2, "retiring_at": 1 }),
            json!({ "retiring_at": 2, "removed_at": 1 }),
            json!({ "removed_at": 1 }),
        ] {
            assert_eq!(parse(&jwk), Err(KeyProblem::Schedule), "{jwk}");
        }
    }

    #[test]
    fn a_successor_ends_only_what_signs_at_its_start() {
        let at = Timestamp::from_unix;
        let schedule = |active, retiring, removed| Schedule {
            announced: at(0),
            active: at(active),
            retiring: at(retiring),
            removed: at(removed),
        };
        for (before, after) in [
            (schedule(10, i64::MAX, i64::MAX), schedule(10, 50, 90)),
            (schedule(10, 60, 70), schedule(10, 50, 90)),
            (schedule(10, 50, 60), schedule(10, 50, 60)),
            (schedule(50, i64::MAX, i64::MAX), schedule(50, 50, 90)),
            (schedule(51, i64::MAX, i64::MAX), schedule(51, i64::MAX, i64::MAX)),
        ] {
            assert_eq!(before.succeeded(at(50), at(90)), after);
        }
    }
}
