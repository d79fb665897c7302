//! What is true while the engine cannot be reached, and afterwards.

use std::{
    slice::from_ref,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    Broken, Terms,
    dropping::goes_on,
    listing::names,
    require,
    stage::{Stage, done, now, race, same},
};
use crate::store::{Expect, Key, Kind, Label, Put, Record, StoreError};

pub(super) const TERMS: Terms = Terms {
    name: "outage_is_told",
    promise: "while the engine cannot be reached every call ends in an error that is true, and \
              afterwards all is well and nothing that was acknowledged is lost",
    harm: "a client is told that its token is no good, or that a revocation was made which was not",
};

const TASKS: usize = 64;
/// How many answers there have been before the store is cut off.
const WARM: usize = TASKS * 4;

pub(super) fn run(
    stage: &Stage,
    patience: Duration,
    stop: impl FnOnce(),
    resume: impl FnOnce(),
) -> Result<(), Broken> {
    let mut writers = Vec::with_capacity(TASKS);
    for _ in 0..TASKS {
        writers.push(Writer::new(stage)?);
    }
    let cut = cut_off(stage, &mut writers, stop);
    let told = cut.and_then(|()| race(TASKS, |n| Asked::of(stage, &writers, n)));
    // In any case: it may be a server that others use.
    resume();
    let told = told?;
    until_well(stage, &writers, patience / 2)?;
    for writer in &writers {
        writer.verify(stage)?;
    }
    for asked in &told {
        asked.verify(stage)?;
    }
    race(TASKS, |n| writers.get(n).map_or(Ok(()), |writer| writer.goes_on(stage)))?;
    // What was refused does not come later either.
    told.iter().try_for_each(|asked| asked.verify(stage))
}

/// Somebody who writes one record again and again, and knows what was said of each writing.
struct Writer {
    key: Key,
    label: Label,
    acknowledged: Record,
    /// The last one, of which it is not known whether it was written.
    unknown: Option<Record>,
    /// One that is to be deleted.
    doomed: (Key, Record),
}

impl Writer {
    fn new(stage: &Stage) -> Result<Self, Broken> {
        let label = stage.label();
        let (key, acknowledged) = stage.created(&[label], *b"first")?;
        Ok(Self {
            key,
            label,
            acknowledged,
            unknown: None,
            doomed: stage.created(&[], *b"doomed")?,
        })
    }

    /// Writes until that fails, or until nobody can be reached.
    fn write(&mut self, stage: &Stage, cut: &Cut) -> Result<(), Broken> {
        while !cut.over.load(Ordering::SeqCst) {
            let next = stage.record(*b"next");
            let expect = Expect::Version(self.acknowledged.version);
            match stage.run(stage.store().put(&self.key, expect, next.clone()))? {
                Ok(Put::Done) => self.acknowledged = next,
                Ok(Put::Conflict) => return Err(Broken("a conflict where nobody else was".into())),
                Err(error) => {
                    require(cut.begun.load(Ordering::SeqCst), "a failure before the outage")?;
                    if told(&error)? == Told::Unknown {
                        self.unknown = Some(next);
                    }
                    return Ok(());
                }
            }
            cut.answers.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    fn verify(&self, stage: &Stage) -> Result<(), Broken> {
        let found = stage.get(&self.key)?;
        let states = [Some(&self.acknowledged), self.unknown.as_ref()];
        let known = states.iter().flatten().any(|state| same(found.as_ref(), Some(state)));
        require(known, format!("{found:?}, where one of {states:?} is expected"))?;
        names(&stage.list(Kind::Grant, &self.label, 10)?, &[self.key])
    }

    fn goes_on(&self, stage: &Stage) -> Result<(), Broken> {
        goes_on(stage, &self.key)?;
        let (key, record) = stage.created(&[self.label], *b"afterwards")?;
        names(&stage.list(Kind::Grant, &self.label, 10)?, &[self.key, key])?;
        stage.purge(now(), 1)?;
        done(stage.delete(&key, &record.version)?, "a delete after an outage")
    }
}

#[derive(Default)]
struct Cut {
    answers: AtomicUsize,
    begun: AtomicBool,
    over: AtomicBool,
}

/// While all of them write.
fn cut_off(stage: &Stage, writers: &mut [Writer], stop: impl FnOnce()) -> Result<(), Broken> {
    let cut = Cut::default();
    thread::scope(|scope| {
        let writing: Vec<_> =
            writers.iter_mut().map(|writer| scope.spawn(|| writer.write(stage, &cut))).collect();
        while cut.answers.load(Ordering::SeqCst) < WARM
            && !writing.iter().any(thread::ScopedJoinHandle::is_finished)
        {
            thread::yield_now();
        }
        cut.begun.store(true, Ordering::SeqCst);
        stop();
        cut.over.store(true, Ordering::SeqCst);
        writing.into_iter().try_for_each(|writer| {
            writer.join().unwrap_or_else(|panic| Err(Broken::by_panic(&*panic)))
        })
    })
}

/// What an error says.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    Refused,
    Unknown,
}

fn told(error: &StoreError) -> Result<Told, Broken> {
    match error {
        StoreError::Refused(_) => Ok(Told::Refused),
        StoreError::Unknown(_) => Ok(Told::Unknown),
        StoreError::Unreadable(_) | StoreError::Cursor => {
            Err(Broken(format!("an outage is told as: {error}")))
        }
    }
}

/// A call that was made during the outage, and may have changed something.
enum Asked {
    Read,
    Replaced(Key, Record, Told),
    Created(Key, Record, Told),
    Deleted(Key, Record, Told),
}

impl Asked {
    /// One call, another one for each neighbour.
    fn of(stage: &Stage, writers: &[Writer], n: usize) -> Result<Self, Broken> {
        let Some(writer) = writers.get(n) else { return Ok(Self::Read) };
        let (store, key, next) = (stage.store(), writer.key, stage.record(*b"during"));
        let fails = |what: &str, answer: Result<String, StoreError>| match answer {
            Err(error) => told(&error),
            Ok(answer) => Err(Broken(format!("{what} during an outage: {answer}"))),
        };
        Ok(match n % 7 {
            0 => {
                let answer = stage.run(store.get(&key))?;
                fails("get", answer.map(|found| format!("{found:?}")))?;
                Self::Read
            }
            1 => {
                let answer = stage.run(store.get_many(from_ref(&key)))?;
                fails("get_many", answer.map(|found| format!("{found:?}")))?;
                Self::Read
            }
            2 => {
                let answer = stage.run(store.list(Kind::Grant, &writer.label, None, 10))?;
                fails("list", answer.map(|page| format!("{page:?}")))?;
                Self::Read
            }
            3 => {
                let answer = stage.run(store.purge(now(), 1))?;
                fails("purge", answer.map(|purged| format!("{purged}")))?;
                Self::Read
            }
            4 => {
                // A record whose present version is certain.
                let (key, before) = &writer.doomed;
                let expect = Expect::Version(before.version);
                let answer = stage.run(store.put(key, expect, next.clone()))?;
                let told = fails("put", answer.map(|put| format!("{put:?}")))?;
                let after = if told == Told::Refused { before.clone() } else { next };
                Self::Replaced(*key, after, told)
            }
            5 => {
                let (key, labels) = (stage.key(), [writer.label]);
                let expect = Expect::Absent { labels: &labels };
                let answer = stage.run(store.put(&key, expect, next.clone()))?;
                Self::Created(key, next, fails("put", answer.map(|put| format!("{put:?}")))?)
            }
            _ => {
                let (key, record) = writer.doomed.clone();
                let answer = stage.run(store.delete(&key, &record.version))?;
                Self::Deleted(key, record, fails("delete", answer.map(|put| format!("{put:?}")))?)
            }
        })
    }

    /// Refused, it has not happened. Unknown, it has or has not.
    fn verify(&self, stage: &Stage) -> Result<(), Broken> {
        let is = |found: Option<&Record>, fits: bool, what: &str| {
            require(fits, format!("{found:?} after a {what} during the outage"))
        };
        match self {
            Self::Read => Ok(()),
            Self::Replaced(key, record, told) => {
                let found = stage.get(key)?;
                let fits = same(found.as_ref(), Some(record));
                is(found.as_ref(), fits || (*told == Told::Unknown && found.is_some()), "put")
            }
            Self::Created(key, record, told) => {
                let found = stage.get(key)?;
                let happened = *told == Told::Unknown && same(found.as_ref(), Some(record));
                is(found.as_ref(), found.is_none() || happened, "put of something new")
            }
            Self::Deleted(key, record, told) => {
                let found = stage.get(key)?;
                let stayed = same(found.as_ref(), Some(record));
                let happened = *told == Told::Unknown && found.is_none();
                is(found.as_ref(), stayed || happened, "delete")
            }
        }
    }
}

/// Until all of them are answered at once.
fn until_well(stage: &Stage, writers: &[Writer], patience: Duration) -> Result<(), Broken> {
    let end = Instant::now() + patience;
    loop {
        let answers = race(TASKS, |n| match writers.get(n) {
            Some(writer) => stage.run(stage.store().get(&writer.key)),
            None => Ok(Ok(None)),
        })?;
        let failed = answers.into_iter().find_map(Result::err);
        let Some(error) = failed else { return Ok(()) };
        if Instant::now() > end {
            return Err(error.into());
        }
        // Nobody tells when a way to a server is free again.
        thread::sleep(Duration::from_millis(10));
    }
}
