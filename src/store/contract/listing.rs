//! Listings by label.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    Broken, require,
    stage::{Stage, done, race},
};
use crate::store::{Cursor, Key, Kind, Label, StoreError, sharded::lock};

pub(super) fn lists_page_by_page(stage: &Stage) -> Result<(), Broken> {
    const KEYS: u32 = 25;
    let label = stage.label();
    require(stage.list(Kind::Grant, &label, 10)?.is_empty(), "a listing of nothing names keys")?;
    let mut created = BTreeSet::new();
    for _ in 0..KEYS {
        created.insert(stage.created(&[label], *b"one")?.0);
    }
    let order = stage.list(Kind::Grant, &label, 1)?;
    for limit in 1..=KEYS + 1 {
        let keys = stage.list(Kind::Grant, &label, limit)?;
        names_just(&keys, &created)?;
        require(keys == order, format!("another order in pages of {limit} than in pages of 1"))?;
    }
    let all = stage.list(Kind::Grant, &label, u32::MAX)?;
    names_just(&all, &created)
}

pub(super) fn lists_apart(stage: &Stage) -> Result<(), Broken> {
    let labels = [stage.label(), stage.label()];
    let [first, second] = labels;
    let table: [&[Label]; 4] = [&[], &[first], &[second], &[first, second]];
    let mut created = Vec::new();
    for kind in Kind::ALL {
        for under in table {
            let key = stage.key_of(kind);
            done(stage.create(&key, under, &stage.record(*b"one"))?, "a new record")?;
            created.push((key, under));
        }
    }
    for kind in Kind::ALL {
        for label in labels {
            let expected = created
                .iter()
                .filter(|(key, under)| key.kind() == kind && under.contains(&label))
                .map(|(key, _)| *key)
                .collect();
            names_just(&stage.list(kind, &label, 3)?, &expected)?;
        }
    }
    names_just(&stage.list(Kind::Grant, &stage.label(), 3)?, &BTreeSet::new())
}

pub(super) fn junk_cursors(stage: &Stage) -> Result<(), Broken> {
    let label = stage.label();
    let mut created = BTreeSet::new();
    for _ in 0..3 {
        created.insert(stage.created(&[label], *b"one")?.0);
    }
    let mut junk: Vec<Vec<u8>> = [0, 1, 4, 8, 15, 16, 17, 31, 32, 33, 64, 4096]
        .into_iter()
        .flat_map(|length| [0, b'0', b'z', 0xff].map(|byte| vec![byte; length]))
        .collect();
    junk.extend(
        ["-1", "1e9", "1.5", "null", "{}", "9223372036854775808", "'; --", "%", "\r\n*"]
            .map(Into::into),
    );
    // One of its own, but for a little.
    if let Some(Cursor(own)) = stage.page(&label, None)??.next {
        junk.extend((0..own.len()).map(|at| {
            let flip = |(n, byte): (usize, &u8)| if n == at { byte ^ 0x80 } else { *byte };
            own.iter().enumerate().map(flip).collect()
        }));
        junk.extend(own.split_last().map(|(_, rest)| rest.to_vec()));
        junk.push([&*own, b"0"].concat());
    }
    for bytes in junk {
        let cursor = Cursor(bytes.into());
        match stage.page(&label, Some(&cursor))? {
            Ok(_) | Err(StoreError::Cursor) => {}
            Err(error) => {
                let Broken(found) = error.into();
                return Err(Broken(format!("{found}, for {cursor:?}")));
            }
        }
    }
    names_just(&stage.list(Kind::Grant, &label, 2)?, &created)
}

pub(super) fn labels_stay(stage: &Stage) -> Result<(), Broken> {
    let label = stage.label();
    let (key, mut last) = stage.created(&[label], *b"one")?;
    let (unheard, refused) = (stage.label(), stage.record(*b"two"));
    stage.create(&key, &[unheard], &refused)?;
    for _ in 0..3 {
        let next = stage.record(*b"two");
        done(stage.replace(&key, last.version, &next)?, "the present version")?;
        names(&stage.list(Kind::Grant, &label, 10)?, &[key])?;
        last = next;
    }
    // Deleted and created anew, it lies under the new labels.
    done(stage.delete(&key, &last.version)?, "a delete")?;
    let other = stage.label();
    done(stage.create(&key, &[other], &stage.record(*b"three"))?, "`Absent` after a delete")?;
    names(&stage.list(Kind::Grant, &other, 10)?, &[key])
}

pub(super) fn list_never_misses(stage: &Stage) -> Result<(), Broken> {
    const TASKS: usize = 16;
    const EACH: usize = 8;
    let label = stage.label();
    let answered = Mutex::new(Vec::new());
    race(TASKS, |_| {
        for _ in 0..EACH {
            let (key, _) = stage.created(&[label], *b"one")?;
            let before = {
                let mut answered = lock(&answered);
                answered.push(key);
                answered.clone()
            };
            names(&stage.list(Kind::Grant, &label, 7)?, &before)?;
        }
        Ok(())
    })?;
    Ok(())
}

pub(super) fn listed_before_readable(stage: &Stage) -> Result<(), Broken> {
    for _ in 0..64 {
        let (key, label, record) = (stage.key(), stage.label(), stage.record(*b"one"));
        let over = AtomicBool::new(false);
        race(2, |n| {
            if n == 0 {
                let put = stage.create(&key, &[label], &record);
                over.store(true, Ordering::SeqCst);
                return done(put?, "a new record");
            }
            while stage.get(&key)?.is_none() && !over.load(Ordering::SeqCst) {}
            names(&stage.list(Kind::Grant, &label, 10)?, &[key])
        })?;
    }
    Ok(())
}

/// These, and perhaps others.
pub(super) fn names(keys: &[Key], expected: &[Key]) -> Result<(), Broken> {
    let missed = expected.iter().filter(|key| !keys.contains(key)).count();
    require(missed == 0, format!("{missed} of {} keys are missed", expected.len()))
}

/// These, each once, and no others.
fn names_just(keys: &[Key], expected: &BTreeSet<Key>) -> Result<(), Broken> {
    let named: BTreeSet<Key> = keys.iter().copied().collect();
    let (missed, more) = (expected.difference(&named).count(), named.difference(expected).count());
    require(missed == 0, format!("{missed} of {} keys are missed", expected.len()))?;
    require(more == 0, format!("{more} keys that do not belong there"))?;
    require(named.len() == keys.len(), format!("{} keys, some of them twice", keys.len()))
}
