//! What an error says of whether anything was written, and of the connection.

use redis::RedisError as DriverError;

use crate::store::StoreError;

/// What a server says that has not begun with what it was asked for. Anything else may come from a proxy that
/// knows nothing of what became of it.
const BEFORE: [&str; 18] = [
    "ASK",
    "BUSY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOPERM",
    "NOPROTO",
    "NOREPLICAS",
    "NOSCRIPT",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "WRONGPASS",
    "WRONGTYPE",
];

/// What a server says that is not, or no longer, the one to be asked.
const ELSEWHERE: [&str; 4] = ["MASTERDOWN", "MOVED", "NOAUTH", "READONLY"];

/// Whether anything was written, as far as can be told.
///
/// A script that writes a record does that by its last step, so that one that was answered with an error has
/// written nothing. Of one that [enters](super::scripts::Scripts::enter) a record, whatever it is answered with, no
/// more may be there than an entry.
pub(super) fn judge(error: DriverError) -> StoreError {
    if says(&error, &BEFORE) {
        StoreError::Refused(error.into())
    } else {
        StoreError::Unknown(error.into())
    }
}

/// Whether the next call should try another connection.
pub(super) fn ends_connection(error: &DriverError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error() || says(error, &ELSEWHERE)
}

fn says(error: &DriverError, codes: &[&str]) -> bool {
    error.code().is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use redis::{ErrorKind, make_extension_error, parse_redis_value};

    use super::*;

    fn said(line: &str) -> DriverError {
        parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap().extract_error().unwrap_err()
    }

    #[test]
    fn only_what_certainly_was_not_begun_is_refused() {
        for line in [
            "OOM command not allowed when used memory > 'maxmemory'.",
            "READONLY You can't write against a read only replica.",
            "MISCONF Redis is configured to save RDB snapshots",
            "LOADING Redis is loading the dataset in memory",
            "NOSCRIPT No matching script.",
            "NOPERM this user has no permissions",
            "MOVED 1 127.0.0.1:1",
        ] {
            let judged = judge(said(line));
            assert!(matches!(judged, StoreError::Refused(_)), "{line}: {judged:?}");
        }
        for line in ["ERR Connection timed out", "ERR", "UNKILLABLE", "upstream failure"] {
            let judged = judge(said(line));
            assert!(matches!(judged, StoreError::Unknown(_)), "{line}: {judged:?}");
        }
        let closed = DriverError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(ends_connection(&closed));
        assert!(matches!(judge(closed), StoreError::Unknown(_)));
        let odd = DriverError::from((ErrorKind::UnexpectedReturnType, "odd"));
        assert!(matches!(judge(odd), StoreError::Unknown(_)));
    }

    #[test]
    fn a_server_that_is_no_primary_any_more_is_left() {
        assert!(ends_connection(&said("READONLY You can't write against a read only replica.")));
        assert!(!ends_connection(&said("OOM command not allowed")));
        assert!(!ends_connection(&make_extension_error("MISCONF".into(), None)));
    }
}
