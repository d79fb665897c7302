//! Futures that are dropped wherever they wait.

use std::slice::from_ref;

use super::{
    Broken,
    listing::names,
    require,
    stage::{Stage, done, now, same},
};
use crate::store::{Expect, Key, Kind, Put, Record};

pub(super) fn dropped_put(stage: &Stage) -> Result<(), Broken> {
    at_every_wait(|polls| {
        let (key, before) = stage.created(&[], *b"before")?;
        let after = stage.record(*b"after");
        let expect = Expect::Version(before.version);
        let answered = stage.poll(polls, stage.store().put(&key, expect, after.clone()))?;
        let found = is_one_of(stage, &key, [Some(&before), Some(&after)])?;
        require(!answered || same(found.as_ref(), Some(&after)), "an answered write is not there")?;
        goes_on(stage, &key)?;
        Ok(answered)
    })
}

pub(super) fn dropped_create(stage: &Stage) -> Result<(), Broken> {
    at_every_wait(|polls| {
        let (key, label, record) = (stage.key(), stage.label(), stage.record(*b"after"));
        let expect = Expect::Absent { labels: &[label] };
        let answered = stage.poll(polls, stage.store().put(&key, expect, record.clone()))?;
        let found = is_one_of(stage, &key, [None, Some(&record)])?;
        require(!answered || found.is_some(), "an answered write is not there")?;
        // Whoever wins now, the record is named by a listing.
        let labels = from_ref(&label);
        stage.create(&key, labels, &stage.record(*b"again"))?;
        names(&stage.list(Kind::Grant, &label, 10)?, &[key])?;
        goes_on(stage, &key)?;
        Ok(answered)
    })
}

pub(super) fn dropped_rest(stage: &Stage) -> Result<(), Broken> {
    let store = stage.store();
    at_every_wait(|polls| {
        let (key, before) = stage.created(&[], *b"before")?;
        let answered = stage.poll(polls, store.delete(&key, &before.version))?;
        let found = is_one_of(stage, &key, [None, Some(&before)])?;
        require(!answered || found.is_none(), "an answered delete did not happen")?;
        outlives_delete(stage, &key)?;
        goes_on(stage, &key)?;
        Ok(answered)
    })?;
    let label = stage.label();
    let (key, _) = stage.created(&[label], *b"one")?;
    at_every_wait(|polls| {
        let answered = stage.poll(polls, store.get(&key))?;
        goes_on(stage, &key)?;
        Ok(answered)
    })?;
    at_every_wait(|polls| {
        let answered = stage.poll(polls, store.list(Kind::Grant, &label, None, 10))?;
        goes_on(stage, &key)?;
        names(&stage.list(Kind::Grant, &label, 10)?, &[key])?;
        Ok(answered)
    })?;
    at_every_wait(|polls| {
        let answered = stage.poll(polls, store.purge(now(), 10))?;
        goes_on(stage, &key)?;
        Ok(answered)
    })
}

/// How often a write is tried that another may come before.
const ROUNDS: usize = 10;

/// Drops the call before its first poll, after it, after its second, until it is answered.
fn at_every_wait(drops: impl Fn(u32) -> Result<bool, Broken>) -> Result<(), Broken> {
    const WAITS: u32 = 1000;
    for polls in 0..WAITS {
        if drops(polls)? {
            return Ok(());
        }
    }
    Err(Broken(format!("no answer after {WAITS} polls")))
}

fn is_one_of(
    stage: &Stage,
    key: &Key,
    states: [Option<&Record>; 2],
) -> Result<Option<Record>, Broken> {
    let found = stage.get(key)?;
    let whole = states.iter().any(|state| same(found.as_ref(), *state));
    require(whole, format!("{found:?}, where one of {states:?} is expected"))?;
    Ok(found)
}

/// Somebody else writes a record that a delete which may still be on its way does not mean.
fn outlives_delete(stage: &Stage, key: &Key) -> Result<(), Broken> {
    let mut put = Put::Conflict;
    for _ in 0..ROUNDS {
        let again = stage.record(*b"again");
        put = match stage.get(key)? {
            None => stage.create(key, &[], &again)?,
            Some(present) => stage.replace(key, present.version, &again)?,
        };
        if put == Put::Done {
            break;
        }
    }
    done(put, "a write after a delete was dropped")
}

/// Somebody else changes the record. A dropped write may still be on its way and come between.
pub(super) fn goes_on(stage: &Stage, key: &Key) -> Result<(), Broken> {
    let mut put = Put::Conflict;
    for _ in 0..ROUNDS {
        let present = stage.get(key)?.ok_or_else(|| Broken("the record is gone".into()))?;
        put = stage.replace(key, present.version, &stage.record(*b"on"))?;
        if put == Put::Done {
            break;
        }
    }
    done(put, "a write after another was dropped")
}
