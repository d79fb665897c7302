//! Many callers, one record.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::{
    Broken, require,
    stage::{Stage, done, race},
};
use crate::store::{Key, Put, Record};

const TASKS: usize = 64;
/// One race proves little: its tasks may have run one after another.
const RACES: usize = 8;

pub(super) fn one_creates(stage: &Stage) -> Result<(), Broken> {
    for _ in 0..RACES {
        let key = stage.key();
        // With labels too, since they are often written elsewhere.
        one_wins(stage, &key, |record| stage.create(&key, &[stage.label()], record))?;
    }
    Ok(())
}

pub(super) fn one_replaces(stage: &Stage) -> Result<(), Broken> {
    for _ in 0..RACES {
        let (key, present) = stage.created(&[], *b"a code")?;
        one_wins(stage, &key, |record| stage.replace(&key, present.version, record))?;
    }
    Ok(())
}

fn one_wins(
    stage: &Stage,
    key: &Key,
    write: impl Fn(&Record) -> Result<Put, Broken> + Sync,
) -> Result<(), Broken> {
    let mut winners = race(TASKS, |n| {
        let record = stage.record(n.to_be_bytes());
        Ok((write(&record)? == Put::Done).then_some(record))
    })?;
    winners.retain(Option::is_some);
    match &*winners {
        [Some(winner)] => stage.finds(key, Some(winner)),
        _ => Err(Broken(format!("{} of {TASKS} were told `Done`", winners.len()))),
    }
}

pub(super) fn no_update_lost(stage: &Stage) -> Result<(), Broken> {
    let (key, _) = stage.created(&[], number(0))?;
    race(TASKS, |_| increment(stage, &key))?;
    let sum = read(stage, &key)?.1;
    require(sum == TASKS as u64, format!("{sum} after {TASKS} increments"))
}

/// In every round somebody gets ahead, so that there are no more rounds than tasks; some patience is
/// for stores that answer `Conflict` more often than they must.
fn increment(stage: &Stage, key: &Key) -> Result<(), Broken> {
    const ROUNDS: usize = 100 * TASKS;
    for _ in 0..ROUNDS {
        let (present, value) = read(stage, key)?;
        let next = stage.record(number(value + 1));
        if stage.replace(key, present.version, &next)? == Put::Done {
            return Ok(());
        }
    }
    Err(Broken(format!("conflict in {ROUNDS} rounds")))
}

pub(super) fn deletes_or_replaces(stage: &Stage) -> Result<(), Broken> {
    for _ in 0..TASKS {
        let (key, present) = stage.created(&[stage.label()], *b"one")?;
        let next = stage.record(*b"two");
        let told = race(2, |n| match n {
            0 => stage.delete(&key, &present.version),
            _ => stage.replace(&key, present.version, &next),
        })?;
        match *told {
            [Put::Done, Put::Conflict] => stage.finds(&key, None)?,
            [Put::Conflict, Put::Done] => stage.finds(&key, Some(&next))?,
            _ => return Err(Broken(format!("delete and write: {told:?}"))),
        }
    }
    Ok(())
}

pub(super) fn reads_are_fresh(stage: &Stage) -> Result<(), Broken> {
    const WRITES: u64 = 200;
    let (key, first) = stage.created(&[], number(0))?;
    let answered = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    let write = || {
        let mut version = first.version;
        for n in 1..=WRITES {
            let next = stage.record(number(n));
            done(stage.replace(&key, version, &next)?, "the present version")?;
            answered.store(n, Ordering::SeqCst);
            version = next.version;
        }
        Ok(())
    };
    race(4, |n| {
        if n == 0 {
            let written = write();
            over.store(true, Ordering::SeqCst);
            return written;
        }
        loop {
            let ended = over.load(Ordering::SeqCst);
            let least = answered.load(Ordering::SeqCst);
            let value = read(stage, &key)?.1;
            require(value >= least, format!("{value} after {least} was answered"))?;
            if ended {
                return Ok(());
            }
        }
    })?;
    Ok(())
}

fn number(value: u64) -> Arc<[u8]> {
    Arc::new(value.to_be_bytes())
}

fn read(stage: &Stage, key: &Key) -> Result<(Record, u64), Broken> {
    let record = stage.get(key)?.ok_or_else(|| Broken("the record is gone".into()))?;
    let bytes = (*record.body).try_into().map_err(|_| Broken("the body is damaged".into()))?;
    Ok((record, u64::from_be_bytes(bytes)))
}
