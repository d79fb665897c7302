use std::sync::{Arc, Mutex, mpsc};

use rusqlite::{Connection, OptionalExtension, params};

use super::reply::Slot;
use crate::{
    store::{Key, Kind, Label, Listing, PAGE, Record, StoreError, Version, sharded::lock},
    types::Timestamp,
};

/// A question, and where to answer it.
pub(super) enum Read {
    Get(Key, Arc<Slot<Option<Record>>>),
    GetMany(Box<[Key]>, Arc<Slot<Vec<Option<Record>>>>),
    List { kind: Kind, label: Label, first: [u8; 32], limit: u32, slot: Arc<Slot<Listing>> },
}

/// Answers questions until nobody can ask any more; several threads share the queue.
pub(super) fn run(connection: &Connection, jobs: &Mutex<mpsc::Receiver<Read>>) {
    loop {
        let job = lock(jobs).recv();
        let Ok(job) = job else { return };
        job.answer(connection);
    }
}

impl Read {
    /// Nobody is there to answer.
    pub(super) fn refuse(&self) {
        let ended = || StoreError::Refused("the store has ended".into());
        match self {
            Self::Get(_, slot) => slot.answer(Err(ended())),
            Self::GetMany(_, slot) => slot.answer(Err(ended())),
            Self::List { slot, .. } => slot.answer(Err(ended())),
        }
    }

    fn answer(self, connection: &Connection) {
        match self {
            Self::Get(key, slot) => {
                if !slot.is_settled() {
                    slot.answer(get(connection, &key));
                }
            }
            Self::GetMany(keys, slot) => {
                if !slot.is_settled() {
                    slot.answer(keys.iter().map(|key| get(connection, key)).collect());
                }
            }
            Self::List { kind, label, first, limit, slot } => {
                if !slot.is_settled() {
                    let listing = list(connection, kind, &label, first, limit.min(PAGE));
                    slot.answer(listing.map_err(|error| StoreError::Unknown(error.into())));
                }
            }
        }
    }
}

fn get(connection: &Connection, key: &Key) -> Result<Option<Record>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT version, keep_until, body FROM record WHERE kind = ?1 AND hash = ?2",
        )
        .and_then(|mut query| {
            query
                .query_row(params![key.kind().as_str(), key.hash()], |row| {
                    let version = Version::from_bytes(row.get(0)?);
                    let body: Vec<u8> = row.get(2)?;
                    Ok(Record::new(version, body, Timestamp::from_unix(row.get(1)?)))
                })
                .optional()
        });
    found.map_err(|error| match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => StoreError::Unreadable(error.into()),
        error => StoreError::Unknown(error.into()),
    })
}

/// The cursor is the hash of the first key that is still to be shown.
fn list(
    connection: &Connection,
    kind: Kind,
    label: &Label,
    first: [u8; 32],
    limit: u32,
) -> rusqlite::Result<Listing> {
    let mut query = connection.prepare_cached(
        "SELECT hash FROM label WHERE label = ?1 AND kind = ?2 AND hash >= ?3 ORDER BY hash LIMIT ?4",
    )?;
    let asked = params![label.hash(), kind.as_str(), first, limit.saturating_add(1)];
    let hashes = query.query_map(asked, |row| row.get::<_, [u8; 32]>(0))?;
    Ok(Listing::of_hashes(kind, hashes.collect::<rusqlite::Result<Vec<_>>>()?, limit))
}
