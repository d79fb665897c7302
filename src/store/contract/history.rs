//! Many callers, a few records, and an order in which it could all have happened one after another.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Broken, require,
    stage::{Stage, race, same},
};
use crate::store::{Key, Put, Record, Version, sharded::lock};

const TASKS: usize = 64;
/// How often each task reads both records and replaces one.
const ROUNDS: usize = 6;

/// Every write names a version of its own and the one that it replaces, so the writes that were told `Done`
/// are a chain, and what is left is to place them in time.
pub(super) fn linearizable(stage: &Stage) -> Result<(), Broken> {
    let keys @ [one, other] = [stage.key(), stage.key()];
    let (clock, events) = (Watch(AtomicU64::new(0)), Mutex::new(Vec::new()));
    race(TASKS, |task| {
        let mut own = Vec::new();
        for round in 0..ROUNDS {
            let key = if (task + round).is_multiple_of(2) { one } else { other };
            let mut seen = None;
            if round.is_multiple_of(2) {
                let (took, found) = clock.time(|| stage.get_many(&keys));
                for (of, record) in keys.into_iter().zip(found?) {
                    if of == key {
                        seen.clone_from(&record);
                    }
                    own.push(took.of(of, Did::Read(record)));
                }
            } else {
                let (took, found) = clock.time(|| stage.get(&key));
                seen = found?;
                own.push(took.of(key, Did::Read(seen.clone())));
            }
            let before = seen.map(|record| record.version);
            let next = stage.record(format!("{task} {round}").into_bytes());
            let (took, put) = clock.time(|| match before {
                None => stage.create(&key, &[], &next),
                Some(version) => stage.replace(&key, version, &next),
            });
            own.push(took.of(key, Did::Write { before, next, put: put? }));
        }
        lock(&events).append(&mut own);
        Ok(())
    })?;
    let events = lock(&events);
    for key in keys {
        let of_key: Vec<_> = events.iter().filter(|event| event.key == key).collect();
        explain(&of_key)?;
    }
    Ok(())
}

/// Tells before from after. Two events may be in any order only if each began before the other ended.
struct Watch(AtomicU64);

impl Watch {
    fn time<T>(&self, act: impl FnOnce() -> T) -> (Took, T) {
        let began = self.0.fetch_add(1, Ordering::SeqCst);
        let answer = act();
        (Took { began, ended: self.0.fetch_add(1, Ordering::SeqCst) }, answer)
    }
}

#[derive(Clone, Copy)]
struct Took {
    began: u64,
    ended: u64,
}

impl Took {
    const fn of(self, key: Key, did: Did) -> Event {
        Event { key, took: self, did }
    }
}

struct Event {
    key: Key,
    took: Took,
    did: Did,
}

enum Did {
    Read(Option<Record>),
    Write { before: Option<Version>, next: Record, put: Put },
}

/// When a record can have come into being: after all of these began, and before any of those ended.
struct Moment {
    after: u64,
    before: u64,
}

/// Whether there is an order that agrees with every answer and with what was over before something else
/// began.
fn explain(events: &[&Event]) -> Result<(), Broken> {
    let (place, mut moments) = chain(events)?;
    // From when on a record was there, and from when on another one, bound each other through whoever saw it.
    for event in events {
        let Took { began, ended } = event.took;
        // The place of what was there, in the chain; before its beginning there is nothing.
        let (seen, is_there) = match &event.did {
            Did::Read(found) => (found.as_ref().map(|record| record.version), true),
            Did::Write { before, put: Put::Conflict, .. } => (*before, false),
            Did::Write { put: Put::Done, .. } => continue,
        };
        let next = match seen {
            None => 0,
            Some(version) => {
                let at = *place.get(&version).ok_or_else(|| {
                    Broken(format!("{version:?} is read, which nobody was told to have written"))
                })?;
                if let Some(moment) = moments.get_mut(at) {
                    moment.before = moment.before.min(ended);
                }
                at + 1
            }
        };
        match (moments.get_mut(next), is_there) {
            (Some(moment), true) => moment.after = moment.after.max(began),
            (Some(moment), false) => moment.before = moment.before.min(ended),
            (None, true) => {}
            (None, false) => {
                return Err(Broken(format!("a conflict with {seen:?}, which was never replaced")));
            }
        }
    }
    let mut latest = 0;
    for (n, moment) in moments.iter().enumerate() {
        latest = latest.max(moment.after);
        require(
            latest < moment.before,
            format!("no order explains who saw write {n} of {}, and who did not", moments.len()),
        )?;
    }
    Ok(())
}

/// The writes that happened, each replacing the one before: where each version stands, and when each can have
/// happened by the word of its own writer.
fn chain(events: &[&Event]) -> Result<(HashMap<Version, usize>, Vec<Moment>), Broken> {
    let mut after: HashMap<Option<Version>, (&Record, Took)> = HashMap::new();
    let mut refused = HashSet::new();
    for event in events {
        match &event.did {
            Did::Write { before, next, put: Put::Done } => {
                let twice = after.insert(*before, (next, event.took)).is_some();
                require(
                    !twice,
                    format!("two writes replace {before:?}, and both are told `Done`"),
                )?;
            }
            Did::Write { next, put: Put::Conflict, .. } => {
                refused.insert(next.version);
            }
            Did::Read(_) => {}
        }
    }
    let (mut place, mut moments) = (HashMap::new(), Vec::new());
    let mut last = None;
    let mut written = HashMap::new();
    while let Some((record, Took { began, ended })) = after.remove(&last) {
        place.insert(record.version, moments.len());
        written.insert(record.version, record);
        moments.push(Moment { after: began, before: ended });
        last = Some(record.version);
    }
    require(after.is_empty(), format!("{} writes replace what never was there", after.len()))?;
    for event in events {
        let Did::Read(Some(record)) = &event.did else { continue };
        let version = record.version;
        require(!refused.contains(&version), format!("{version:?} is read after a conflict"))?;
        let whole = written.get(&version).is_none_or(|as_put| same(Some(as_put), Some(record)));
        require(whole, format!("{version:?} is read otherwise than it was put"))?;
    }
    Ok((place, moments))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{store::Kind, types::Timestamp};

    const KEY: Key = Key::from_parts(Kind::Grant, [1; 32]);

    fn record(n: u8) -> Record {
        Record::new(Version::from_bytes([n; 16]), [n], Timestamp::MAX)
    }

    fn read(began: u64, ended: u64, n: u8) -> Event {
        Took { began, ended }.of(KEY, Did::Read((n > 0).then(|| record(n))))
    }

    /// 0 is nothing.
    fn write(began: u64, ended: u64, before: u8, next: u8, put: Put) -> Event {
        let before = (before > 0).then(|| record(before).version);
        Took { began, ended }.of(KEY, Did::Write { before, next: record(next), put })
    }

    fn explained(events: &[Event]) -> Result<(), String> {
        explain(&events.iter().collect::<Vec<_>>()).map_err(|Broken(found)| found)
    }

    #[test]
    fn a_history_that_can_be_put_in_order() {
        use Put::{Conflict, Done};
        for events in [
            vec![],
            vec![read(0, 1, 0)],
            // Whoever overlaps a write may see it or not.
            vec![write(0, 9, 0, 1, Done), read(1, 2, 0), read(3, 4, 1)],
            vec![write(0, 9, 0, 1, Done), read(1, 4, 1), read(2, 3, 0)],
            vec![write(0, 1, 0, 1, Done), write(2, 9, 1, 2, Done), read(3, 4, 1), read(5, 6, 2)],
            vec![write(0, 1, 0, 1, Done), write(2, 8, 1, 2, Done), write(3, 9, 1, 3, Conflict)],
            // The loser ended first: the winner had happened, and did not know it yet.
            vec![write(0, 1, 0, 1, Done), write(2, 9, 1, 2, Done), write(3, 4, 1, 3, Conflict)],
            vec![write(0, 1, 0, 1, Done), write(2, 3, 0, 2, Conflict)],
        ] {
            explained(&events).unwrap();
        }
    }

    #[test]
    fn a_history_that_cannot() {
        use Put::{Conflict, Done};
        for (events, why) in [
            (vec![write(0, 1, 0, 1, Done), read(2, 3, 0)], "no order"),
            (vec![read(0, 1, 1), write(2, 3, 0, 1, Done)], "no order"),
            // Time goes backwards for somebody who looks twice.
            (vec![write(0, 9, 0, 1, Done), read(1, 2, 1), read(3, 4, 0)], "no order"),
            (
                vec![
                    write(0, 1, 0, 1, Done),
                    write(2, 9, 1, 2, Done),
                    read(3, 4, 2),
                    read(5, 6, 1),
                ],
                "no order",
            ),
            // A conflict before anybody has begun to write.
            (
                vec![write(0, 1, 0, 1, Done), write(2, 3, 1, 3, Conflict), write(4, 5, 1, 2, Done)],
                "no order",
            ),
            (vec![write(0, 1, 0, 1, Done), write(2, 3, 1, 2, Conflict)], "never replaced"),
            (vec![write(0, 1, 0, 1, Conflict)], "never replaced"),
            (vec![write(0, 1, 0, 1, Done), write(2, 3, 0, 2, Done)], "two writes"),
            (vec![write(0, 1, 0, 1, Done), write(2, 3, 7, 2, Done)], "never was there"),
            (vec![write(0, 1, 0, 1, Done), read(2, 3, 9)], "nobody was told"),
            (
                vec![
                    write(0, 1, 0, 1, Done),
                    write(2, 5, 1, 2, Done),
                    write(3, 6, 1, 3, Conflict),
                    read(4, 7, 3),
                ],
                "after a conflict",
            ),
        ] {
            let found = explained(&events).unwrap_err();
            assert!(found.contains(why), "{found}, not {why}");
        }
    }
}
