//! What the store relies on in each session, and what an error says of a write.

use deadpool_postgres::Object;
use tokio_postgres::{Error, error::SqlState};

use super::{Durability, PostgresError, PostgresOptions};
use crate::store::StoreError;

/// Said once on each new connection.
pub(super) fn settings(options: &PostgresOptions) -> String {
    // The server gives up what nobody waits for any more.
    let within = options.deadline.as_millis();
    let durable = match options.durability {
        // Stronger settings are left as they are.
        Durability::Durable => {
            "SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')"
        }
        Durability::Relaxed => "SET synchronous_commit = off",
    };
    format!(
        "SET statement_timeout = {within}; SET lock_timeout = {within};
         SET default_transaction_isolation = 'read committed'; {durable}"
    )
}

/// A server that does not wait for its disk keeps no promise.
pub(super) async fn require_durable(connection: &Object) -> Result<(), PostgresError> {
    let fsync = connection.query_one("SELECT current_setting('fsync', true)", &[]).await;
    let fsync: Option<String> = fsync
        .and_then(|row| row.try_get(0))
        .map_err(|error| PostgresError::Connect(error.into()))?;
    if fsync.as_deref() == Some("off") { Err(PostgresError::Forgetful) } else { Ok(()) }
}

/// Whether the session can be used on after such an error.
pub(super) fn may_go_on(error: &Error) -> bool {
    error.code().is_some_and(|code| *code != SqlState::READ_ONLY_SQL_TRANSACTION)
}

/// Whether the server says that a statement came to nothing, or leaves that open.
pub(super) fn told_apart(error: Error) -> StoreError {
    match error.code() {
        // Its connection was ended from outside: perhaps after the commit, while it waited for a standby.
        Some(
            &(SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::IDLE_SESSION_TIMEOUT
            | SqlState::TRANSACTION_RESOLUTION_UNKNOWN),
        )
        | None => StoreError::Unknown(error.into()),
        Some(_) => StoreError::Refused(error.into()),
    }
}
