//! The tables, and how they come to this release's state.

use deadpool_postgres::{GenericClient, Object, Pool, Transaction};
use tokio_postgres::Error;

use super::{Durability, PostgresError, connect, session};

/// Each step leads from the schema of its number to the next one.
///
/// A record's row has room beside it, so that a new version of it seldom has to go to another page, and the
/// index by hours seldom changes with it.
const STEPS: [&str; 1] = [r#"
    CREATE TABLE oidc_op_record (
        kind text COLLATE "C" NOT NULL,
        hash bytea NOT NULL CHECK (octet_length(hash) = 32),
        version bytea NOT NULL CHECK (octet_length(version) = 16),
        keep_until bigint NOT NULL,
        hour bigint NOT NULL,
        body bytea NOT NULL,
        labels bytea[] NOT NULL,
        PRIMARY KEY (kind, hash)
    ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
    CREATE INDEX oidc_op_record_by_hour ON oidc_op_record (hour);
    CREATE TABLE oidc_op_label (
        label bytea NOT NULL,
        kind text COLLATE "C" NOT NULL,
        hash bytea NOT NULL CHECK (octet_length(hash) = 32),
        PRIMARY KEY (label, kind, hash)
    );
"#];

/// The lock of all nodes that bring the tables of a schema up to date: "OIDC".
const LOCK: i32 = 0x4F49_4443;

/// The first connection, and whether the tables are of this release. Usually they are, and no lock is taken.
pub(super) async fn look(
    pool: &Pool,
    durability: Durability,
) -> Result<(Object, bool), PostgresError> {
    let first = pool.get().await.map_err(|error| PostgresError::Connect(connect::reason(error)))?;
    session::check(&first, durability).await?;
    let found = check(found(&first).await.map_err(failed)?)?;
    Ok((first, found == STEPS.len()))
}

/// Brings the tables to this release's schema; any number of nodes may do so at once.
pub(super) async fn migrate(connection: &mut Object) -> Result<(), PostgresError> {
    let step = connection.transaction().await.map_err(failed)?;
    bring_up(&step).await?;
    step.commit().await.map_err(failed)
}

async fn bring_up(step: &Transaction<'_>) -> Result<(), PostgresError> {
    let patience = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0";
    step.batch_execute(patience).await.map_err(failed)?;
    step.execute("SELECT pg_advisory_xact_lock($1, hashtext(current_schema()))", &[&LOCK])
        .await
        .map_err(failed)?;
    // Whoever had the lock before may have made it; asking the catalogue might be answered from a cache.
    step.batch_execute("CREATE TABLE IF NOT EXISTS oidc_op_schema (version integer NOT NULL)")
        .await
        .map_err(failed)?;
    let found = check(version(step).await.map_err(failed)?)?;
    for sql in STEPS.iter().skip(found) {
        step.batch_execute(sql).await.map_err(failed)?;
    }
    let newest = i32::try_from(STEPS.len()).unwrap_or(i32::MAX);
    let said = format!(
        "DELETE FROM oidc_op_schema; INSERT INTO oidc_op_schema (version) VALUES ({newest})"
    );
    step.batch_execute(&said).await.map_err(failed)
}

/// The schema that the tables have; none yet is 0.
async fn found(connection: &impl GenericClient) -> Result<i32, Error> {
    let there = "SELECT to_regclass('oidc_op_schema') IS NOT NULL";
    let there: bool = connection.query_one(there, &[]).await?.try_get(0)?;
    if there { version(connection).await } else { Ok(0) }
}

async fn version(connection: &impl GenericClient) -> Result<i32, Error> {
    let version = "SELECT coalesce(max(version), 0) FROM oidc_op_schema";
    connection.query_one(version, &[]).await?.try_get(0)
}

fn failed(error: Error) -> PostgresError {
    PostgresError::Schema(error.into())
}

fn check(version: i32) -> Result<usize, PostgresError> {
    match usize::try_from(version) {
        Ok(version) if version <= STEPS.len() => Ok(version),
        _ => Err(PostgresError::Newer),
    }
}
