//! What the store relies on in each session, and what an error says of a write.

use deadpool_postgres::Object;
use tokio_postgres::{
    Error,
    error::{Severity, SqlState},
};

use super::{Durability, PostgresError, PostgresOptions};
use crate::store::StoreError;

/// Said once on each new connection.
pub(super) fn settings(options: &PostgresOptions) -> String {
    // The server gives up what nobody waits for any more. Every statement has one good plan, which need not be
    // made anew for each call. What is there already stays in sight, even if a schema
    // comes up that would be searched before.
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
         SET default_transaction_isolation = 'read committed';
         SET plan_cache_mode = force_generic_plan;
         SELECT set_config('search_path', quote_ident(coalesce(
             (SELECT relnamespace::regnamespace::text FROM pg_class
              WHERE oid = to_regclass('oidc_op_schema')), current_schema(), '')), false);
         {durable}"
    )
}

/// A server that can do what is asked of it, and keeps what it acknowledges.
pub(super) async fn check(
    connection: &Object,
    durability: Durability,
) -> Result<(), PostgresError> {
    let settings =
        "SELECT current_setting('server_version_num', true), current_setting('fsync', true)";
    let row = connection.query_one(settings, &[]).await;
    let row = row.map_err(|error| PostgresError::Connect(error.into()))?;
    let read = |column: usize| row.try_get::<_, Option<&str>>(column).ok().flatten();
    if read(0)
        .and_then(|version| version.parse().ok())
        .is_some_and(|version: u32| version < 120_000)
    {
        return Err(PostgresError::Old);
    }
    if durability == Durability::Durable && read(1) == Some("off") {
        return Err(PostgresError::Forgetful);
    }
    Ok(())
}

/// Whether the session can be used on after such an error.
pub(super) fn may_go_on(error: &Error) -> bool {
    error.code().is_some_and(|code| *code != SqlState::READ_ONLY_SQL_TRANSACTION)
}

/// Whether the server says that a statement came to nothing, or leaves that open.
pub(super) fn told_apart(error: Error) -> StoreError {
    let failed = error.as_db_error().filter(|said| said.parsed_severity() == Some(Severity::Error));
    if failed.is_some_and(|said| came_to_nothing(said.code())) {
        StoreError::Refused(error.into())
    } else {
        StoreError::Unknown(error.into())
    }
}

/// Errors that the server gives before a statement commits, and after which it has rolled back. Of all others it
/// may be that the commit was under way, or that they come from somebody in between.
fn came_to_nothing(code: &SqlState) -> bool {
    let class = code.code().get(..2).unwrap_or_default();
    // Data exceptions and constraints; transaction state; prepared statements; names and rights; resources;
    // limits; objects that are not in the state for it. Of others: what was cancelled, and what was in the way.
    ["22", "23", "25", "26", "42", "53", "54", "55"].contains(&class)
        || [
            SqlState::QUERY_CANCELED,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ]
        .contains(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_have_been_rolled_back_came_to_nothing() {
        for code in ["22003", "23505", "25006", "26000", "42P01", "53100", "54000", "55P03"] {
            assert!(came_to_nothing(&SqlState::from_code(code)), "{code}");
        }
        for code in ["57014", "40001", "40P01"] {
            assert!(came_to_nothing(&SqlState::from_code(code)), "{code}");
        }
        // ended from outside, perhaps while a standby was waited for; ambiguous by their own word; of a pooler; of
        // a disk that failed at the commit
        for code in [
            "57P01", "57P02", "57P05", "40003", "08007", "08P01", "08006", "58000", "58030",
            "XX000",
        ] {
            assert!(!came_to_nothing(&SqlState::from_code(code)), "{code}");
        }
    }
}
