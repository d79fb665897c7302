//! One caller, one record.

use std::sync::Arc;

use time::Duration;

use super::{
    Broken, require,
    stage::{Stage, conflict, done, now, same},
};
use crate::store::{Key, Kind};

pub(super) fn absent_is_none(stage: &Stage) -> Result<(), Broken> {
    for kind in Kind::ALL {
        stage.finds(&stage.key_of(kind), None)?;
    }
    // Near misses: the same hash of another kind.
    let (key, _) = stage.created(&[], *b"one")?;
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != key.kind()) {
        stage.finds(&Key::from_parts(kind, *key.hash()), None)?;
    }
    Ok(())
}

pub(super) fn reads_back(stage: &Stage) -> Result<(), Broken> {
    let every_byte: Arc<[u8]> = (0..=u8::MAX).collect();
    let large: Arc<[u8]> = every_byte.repeat(64).into();
    let larger: Arc<[u8]> = every_byte.repeat(256).into();
    for body in [Arc::default(), every_byte, large, larger] {
        for kind in Kind::ALL {
            let (key, first) = (stage.key_of(kind), stage.record(Arc::clone(&body)));
            done(stage.create(&key, &[], &first)?, "a new record")?;
            stage.finds(&key, Some(&first))?;
            let second = stage.record_until(now() + Duration::WEEK * 5000, Arc::clone(&body));
            done(stage.replace(&key, first.version, &second)?, "the present version")?;
            stage.finds(&key, Some(&second))?;
        }
    }
    Ok(())
}

pub(super) fn absent_conflicts(stage: &Stage) -> Result<(), Broken> {
    let (key, first) = stage.created(&[stage.label()], *b"one")?;
    conflict(stage.create(&key, &[], &stage.record(*b"two"))?, "a second `Absent`")?;
    conflict(stage.create(&key, &[stage.label()], &first)?, "the same `Absent` again")?;
    stage.finds(&key, Some(&first))
}

pub(super) fn expired_stays(stage: &Stage) -> Result<(), Broken> {
    let just_passed = now() - Duration::MINUTE;
    let (key, first) = stage.created_until(just_passed, &[], *b"one")?;
    stage.finds(&key, Some(&first))?;
    conflict(stage.create(&key, &[], &stage.record(*b"two"))?, "`Absent` on an expired record")?;
    stage.finds(&key, Some(&first))?;
    let second = stage.record_until(just_passed, *b"two");
    done(stage.replace(&key, first.version, &second)?, "the present version, expired")?;
    stage.finds(&key, Some(&second))
}

pub(super) fn version_replaces(stage: &Stage) -> Result<(), Broken> {
    let (key, mut last) = stage.created(&[], *b"a longer body to begin with")?;
    for n in 0..10_i32 {
        // `keep_until` may come nearer and go further away.
        let keep_until = now() + Duration::DAY + Duration::HOUR * (n % 3);
        let next = stage.record_until(keep_until, n.to_be_bytes());
        done(stage.replace(&key, last.version, &next)?, "the present version")?;
        stage.finds(&key, Some(&next))?;
        last = next;
    }
    Ok(())
}

pub(super) fn wrong_version_conflicts(stage: &Stage) -> Result<(), Broken> {
    let absent = stage.key();
    let other = stage.record(*b"two");
    conflict(stage.replace(&absent, stage.version(), &other)?, "a version of nothing")?;
    conflict(stage.delete(&absent, &stage.version())?, "a delete of nothing")?;
    stage.finds(&absent, None)?;

    let (key, first) = stage.created(&[], *b"one")?;
    conflict(stage.replace(&key, stage.version(), &other)?, "another version")?;
    conflict(stage.replace(&key, other.version, &other)?, "the version to be")?;
    conflict(stage.delete(&key, &stage.version())?, "a delete of another version")?;
    stage.finds(&key, Some(&first))
}

pub(super) fn old_versions_stay_dead(stage: &Stage) -> Result<(), Broken> {
    let (key, first) = stage.created(&[], *b"one")?;
    let second = stage.record(*b"two");
    let third = stage.record(*b"one");
    done(stage.replace(&key, first.version, &second)?, "the first version")?;
    done(stage.replace(&key, second.version, &third)?, "the second version")?;
    for old in [first.version, second.version] {
        conflict(stage.replace(&key, old, &stage.record(*b"four"))?, "an old version")?;
        conflict(stage.delete(&key, &old)?, "a delete of an old version")?;
    }
    stage.finds(&key, Some(&third))
}

pub(super) fn deletes_by_version(stage: &Stage) -> Result<(), Broken> {
    let label = stage.label();
    let (key, first) = stage.created(&[label], *b"one")?;
    let (neighbour, kept) = stage.created(&[label], *b"kept")?;
    done(stage.delete(&key, &first.version)?, "a delete")?;
    stage.finds(&key, None)?;
    conflict(stage.delete(&key, &first.version)?, "a second delete")?;
    conflict(stage.replace(&key, first.version, &first)?, "a write of what was deleted")?;
    stage.finds(&key, None)?;

    let second = stage.record(*b"two");
    done(stage.create(&key, &[label], &second)?, "`Absent` after a delete")?;
    stage.finds(&key, Some(&second))?;
    stage.finds(&neighbour, Some(&kept))
}

pub(super) fn get_many_keeps_order(stage: &Stage) -> Result<(), Broken> {
    let (one, first) = stage.created(&[], *b"one")?;
    let (two, second) = stage.created(&[], *b"two")?;
    let none = stage.key();
    let table = [
        (vec![], vec![]),
        (vec![none], vec![None]),
        (vec![one, two], vec![Some(&first), Some(&second)]),
        (vec![two, one], vec![Some(&second), Some(&first)]),
        (
            vec![none, two, one, none, two],
            vec![None, Some(&second), Some(&first), None, Some(&second)],
        ),
    ];
    for (keys, expected) in table {
        let found = stage.get_many(&keys)?;
        let fits = found.len() == expected.len()
            && found.iter().zip(&expected).all(|(found, expected)| same(found.as_ref(), *expected));
        require(fits, format!("{found:?} for {keys:?}, where {expected:?} is expected"))?;
    }
    Ok(())
}
