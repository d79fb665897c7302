use std::sync::{Arc, mpsc};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use super::reply::Slot;
use crate::{
    store::{Key, Label, Put, Record, StoreError, Version},
    types::Timestamp,
};

/// The most writes that share one transaction, and with it the wait for the disk.
const TOGETHER: usize = 256;

/// A change that is to be made, and where to say what became of it.
pub(super) enum Write {
    Create(Key, Record, Box<[Label]>, Arc<Slot<Put>>),
    Replace(Key, Version, Record, Arc<Slot<Put>>),
    Delete(Key, Version, Arc<Slot<Put>>),
    Purge { ended_by: Timestamp, limit: u32, slot: Arc<Slot<u32>> },
}

/// What became of a change, before it is on the disk.
enum Made {
    Put(Put),
    Purged(u32),
}

impl Write {
    fn make(&self, within: &Transaction<'_>) -> rusqlite::Result<Made> {
        match self {
            Self::Create(key, record, labels, _) => {
                create(within, key, record, labels).map(Made::Put)
            }
            Self::Replace(key, version, record, _) => {
                replace(within, key, version, record).map(Made::Put)
            }
            Self::Delete(key, version, _) => delete(within, key, version).map(Made::Put),
            Self::Purge { ended_by, limit, .. } => {
                purge(within, *ended_by, *limit).map(Made::Purged)
            }
        }
    }

    /// Nobody is there to make it.
    pub(super) fn refuse(&self) {
        self.answer(Err(StoreError::Refused("the store has ended".into())));
    }

    fn answer(&self, made: Result<Made, StoreError>) {
        match self {
            Self::Create(.., slot) | Self::Replace(.., slot) | Self::Delete(.., slot) => {
                slot.answer(made.map(|made| match made {
                    Made::Put(put) => put,
                    Made::Purged(_) => Put::Done,
                }));
            }
            Self::Purge { slot, .. } => slot.answer(made.map(|made| match made {
                Made::Purged(count) => count,
                Made::Put(_) => 0,
            })),
        }
    }

    /// Whether whoever asked has been answered already: too late to begin.
    fn is_late(&self) -> bool {
        match self {
            Self::Create(.., slot) | Self::Replace(.., slot) | Self::Delete(.., slot) => {
                slot.is_settled()
            }
            Self::Purge { slot, .. } => slot.is_settled(),
        }
    }
}

/// Makes changes until nobody can ask for any more. Whatever has come in while the disk was busy is
/// made together, so that many writers pay once for the wait.
pub(super) fn run(mut connection: Connection, jobs: &mpsc::Receiver<Write>) {
    let mut batch = Vec::with_capacity(TOGETHER);
    while let Ok(first) = jobs.recv() {
        batch.push(first);
        batch.extend(jobs.try_iter().take(TOGETHER - 1));
        batch.retain(|write| !write.is_late());
        if !batch.is_empty() {
            commit(&mut connection, &batch);
            batch.clear();
        }
    }
}

/// All of them in one transaction; if that fails before it is to be written, each by itself, so that no
/// writer suffers for another one.
fn commit(connection: &mut Connection, batch: &[Write]) {
    match try_together(connection, batch) {
        Ok(made) => {
            for (write, made) in batch.iter().zip(made) {
                write.answer(Ok(made));
            }
        }
        Err(Failed::Before(error)) => match batch {
            [only] => only.answer(Err(StoreError::Refused(error.into()))),
            several => several.iter().for_each(|one| commit(connection, std::slice::from_ref(one))),
        },
        Err(Failed::At(error)) => {
            // The whole batch is on the disk or nothing of it.
            let shared = Arc::new(error);
            for write in batch {
                let cause = shared.to_string();
                write.answer(Err(if refused(&shared) {
                    StoreError::Refused(cause.into())
                } else {
                    StoreError::Unknown(cause.into())
                }));
            }
        }
    }
}

/// When a transaction failed.
enum Failed {
    /// Nothing of it was written.
    Before(rusqlite::Error),
    /// At its end, when it was being written.
    At(rusqlite::Error),
}

/// Whether it is certain that nothing was written, although the end had begun.
fn refused(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::ReadOnly)
    )
}

fn try_together(connection: &mut Connection, batch: &[Write]) -> Result<Vec<Made>, Failed> {
    let together = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(Failed::Before)?;
    let mut made = Vec::with_capacity(batch.len());
    for write in batch {
        // Dropped, the transaction is rolled back.
        made.push(write.make(&together).map_err(Failed::Before)?);
    }
    together.commit().map_err(Failed::At)?;
    Ok(made)
}

fn create(
    within: &Transaction<'_>,
    key: &Key,
    record: &Record,
    labels: &[Label],
) -> rusqlite::Result<Put> {
    let (kind, hash) = (key.kind().as_str(), key.hash());
    let joined: Vec<u8> = labels.iter().flat_map(|label| *label.hash()).collect();
    let created = within
        .prepare_cached(
            "INSERT INTO record (kind, hash, version, keep_until, body, labels)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            kind,
            hash,
            record.version.as_bytes(),
            record.keep_until.unix(),
            &*record.body,
            joined,
        ])?;
    if created == 0 {
        return Ok(Put::Conflict);
    }
    for label in labels {
        within
            .prepare_cached(
                "INSERT INTO label (label, kind, hash) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute(params![label.hash(), kind, hash])?;
    }
    Ok(Put::Done)
}

fn replace(
    within: &Transaction<'_>,
    key: &Key,
    version: &Version,
    record: &Record,
) -> rusqlite::Result<Put> {
    let replaced = within
        .prepare_cached(
            "UPDATE record SET version = ?1, keep_until = ?2, body = ?3
             WHERE kind = ?4 AND hash = ?5 AND version = ?6",
        )?
        .execute(params![
            record.version.as_bytes(),
            record.keep_until.unix(),
            &*record.body,
            key.kind().as_str(),
            key.hash(),
            version.as_bytes(),
        ])?;
    Ok(if replaced == 0 { Put::Conflict } else { Put::Done })
}

fn delete(within: &Transaction<'_>, key: &Key, version: &Version) -> rusqlite::Result<Put> {
    let (kind, hash) = (key.kind().as_str(), key.hash());
    let labels = within
        .prepare_cached(
            "DELETE FROM record WHERE kind = ?1 AND hash = ?2 AND version = ?3 RETURNING labels",
        )?
        .query_map(params![kind, hash, version.as_bytes()], |row| row.get::<_, Vec<u8>>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let Some(labels) = labels.first() else { return Ok(Put::Conflict) };
    forget(within, labels, kind, hash)?;
    Ok(Put::Done)
}

/// Takes a record's index entries out.
fn forget(
    within: &Transaction<'_>,
    labels: &[u8],
    kind: &str,
    hash: &[u8],
) -> rusqlite::Result<()> {
    for label in labels.chunks_exact(32) {
        within
            .prepare_cached("DELETE FROM label WHERE label = ?1 AND kind = ?2 AND hash = ?3")?
            .execute(params![label, kind, hash])?;
    }
    Ok(())
}

fn purge(within: &Transaction<'_>, ended_by: Timestamp, limit: u32) -> rusqlite::Result<u32> {
    let ended = within
        .prepare_cached(
            "SELECT kind, hash, labels FROM record WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2",
        )?
        .query_map(params![ended_by.unix(), limit], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut purged = 0;
    for (kind, hash, labels) in &ended {
        within
            .prepare_cached("DELETE FROM record WHERE kind = ?1 AND hash = ?2")?
            .execute(params![kind, hash])?;
        forget(within, labels, kind, hash)?;
        purged += 1;
    }
    Ok(purged)
}
