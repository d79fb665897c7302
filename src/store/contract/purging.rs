//! What a purge may remove, and when.

use time::Duration;

use super::{
    Broken, require,
    stage::{Stage, conflict, done, now},
};
use crate::{
    store::{Key, Put, StoreError},
    types::Timestamp,
};

pub(super) fn purge_keeps(stage: &Stage) -> Result<(), Broken> {
    let ages = [-Duration::DAY, -Duration::MINUTE, Duration::MINUTE, Duration::HOUR];
    let mut kept = Vec::new();
    for age in ages {
        kept.push(stage.created_until(now() - age, &[stage.label()], *b"one")?);
    }
    // One whose life is made longer, unless the store has forgotten it on its own by now.
    let (key, dead) = stage.created_until(long_ago(), &[], *b"one")?;
    let longer = stage.record(*b"two");
    if stage.replace(&key, dead.version, &longer)? == Put::Done {
        kept.push((key, longer));
    }

    purge_all(stage, now())?;
    for (key, record) in &kept {
        stage.finds(key, Some(record))?;
        let put = stage.create(key, &[], &stage.record(*b"three"))?;
        conflict(put, "`Absent` after a purge")?;
    }
    Ok(())
}

pub(super) fn purge_removes(stage: &Stage) -> Result<(), Broken> {
    let mut dead = Vec::new();
    for _ in 0..5 {
        dead.push(stage.created_until(long_ago(), &[stage.label()], *b"one")?.0);
    }
    // One whose life was cut short.
    let (key, long) = stage.created(&[], *b"one")?;
    let short = stage.record_until(long_ago(), *b"two");
    done(stage.replace(&key, long.version, &short)?, "the present version")?;
    dead.push(key);

    purge_all(stage, now())?;
    for key in &dead {
        stage.finds(key, None)?;
        let again = stage.record(*b"two");
        done(stage.create(key, &[], &again)?, "`Absent` after a purge")?;
        stage.finds(key, Some(&again))?;
    }
    Ok(())
}

pub(super) fn purge_honours_limit(stage: &Stage) -> Result<(), Broken> {
    let mut dead = Vec::new();
    for _ in 0..9 {
        dead.push(stage.created_until(long_ago(), &[], *b"one")?.0);
    }
    for limit in [0, 1, 3] {
        let before = living(stage, &dead)?;
        let told = stage.purge(now(), limit)?;
        require(told <= limit, format!("a purge of {limit} tells of {told}"))?;
        let gone = before - living(stage, &dead)?;
        require(gone <= limit as usize, format!("a purge of {limit} removes {gone}"))?;
    }
    Ok(())
}

pub(super) fn purge_refuses_future(stage: &Stage) -> Result<(), Broken> {
    let (key, record) = stage.created_until(now() + Duration::MINUTE, &[], *b"one")?;
    for before in [now() + Duration::HOUR * 3, now() + Duration::WEEK, Timestamp::MAX] {
        match stage.try_purge(before, 1000)? {
            Err(StoreError::Refused(_)) => {}
            answer => return Err(Broken(format!("a purge up to {before}: {answer:?}"))),
        }
        stage.finds(&key, Some(&record))?;
    }
    Ok(())
}

fn long_ago() -> Timestamp {
    now() - Duration::HOUR * 3
}

fn living(stage: &Stage, keys: &[Key]) -> Result<usize, Broken> {
    Ok(stage.get_many(keys)?.iter().flatten().count())
}

/// In small steps, until nothing is left to remove.
fn purge_all(stage: &Stage, before: Timestamp) -> Result<(), Broken> {
    const CALLS: usize = 100_000;
    for _ in 0..CALLS {
        if stage.purge(before, 2)? == 0 {
            return Ok(());
        }
    }
    Err(Broken(format!("{CALLS} calls, and still something to remove")))
}
