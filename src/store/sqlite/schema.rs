use rusqlite::{Connection, TransactionBehavior};

use super::SqliteError;

/// What `PRAGMA application_id` says of a file that is ours: "OIDC".
const APPLICATION: i32 = 0x4F49_4443;

/// Each step leads from the schema of its number to the next one.
const STEPS: [&str; 1] = ["
    CREATE TABLE record (
        kind TEXT NOT NULL,
        hash BLOB NOT NULL,
        version BLOB NOT NULL,
        keep_until INTEGER NOT NULL,
        body BLOB NOT NULL,
        labels BLOB NOT NULL,
        PRIMARY KEY (kind, hash)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX record_by_end ON record (keep_until);
    CREATE TABLE label (
        label BLOB NOT NULL,
        kind TEXT NOT NULL,
        hash BLOB NOT NULL,
        PRIMARY KEY (label, kind, hash)
    ) STRICT, WITHOUT ROWID;
"];

/// Brings the file to this release's schema; several processes may do so at once.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), SqliteError> {
    let newest = STEPS.len();
    // Found out before a lock is taken: usually there is nothing to do. In a transaction, so that all that
    // is read is of one moment.
    let look = connection.transaction()?;
    if check(&look)? == newest {
        return Ok(());
    }
    drop(look);
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = check(&step)?;
    for sql in STEPS.iter().skip(found) {
        step.execute_batch(sql)?;
    }
    step.pragma_update(None, "application_id", APPLICATION)?;
    step.pragma_update(None, "user_version", i32::try_from(newest).unwrap_or(i32::MAX))?;
    step.commit()?;
    Ok(())
}

/// The schema of the file; none yet is 0.
fn check(connection: &Connection) -> Result<usize, SqliteError> {
    let read = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (read("application_id")?, read("user_version")?);
    if application != APPLICATION && (application != 0 || version != 0 || has_tables(connection)?) {
        return Err(SqliteError::Foreign);
    }
    match usize::try_from(version) {
        Ok(version) if version <= STEPS.len() => Ok(version),
        _ => Err(SqliteError::Newer),
    }
}

fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}
