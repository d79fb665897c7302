//! How a store is opened, and why it could not be.

use std::{fmt, time::Duration};

use redis::{
    ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError as DriverError,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};

use super::{connect::Way, layout::Names};
use crate::store::{Cause, Durability, is_deadline};

/// How a [`RedisStore`](super::RedisStore) is opened.
///
/// ```
/// use oidc_op::store::{Durability, RedisOptions};
///
/// let mut options = RedisOptions::new("rediss://op:secret@redis.internal:6379/0");
/// options.prefix = "login".into();
/// options.durability = Durability::Relaxed;
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct RedisOptions {
    /// Where the server is: `redis://` or, with TLS, `rediss://`, with user, password, port and database as they are
    /// needed: `rediss://op:secret@redis.internal:6379/0`.
    pub url: String,
    /// What the name of every key begins with: letters, digits, `-`, `_` and `.`, at most 64; `oidc-op`. Stores with
    /// different prefixes know nothing of each other.
    pub prefix: String,
    /// What an acknowledged write survives; [`Durability::Durable`].
    ///
    /// The server must be set so, and that is looked up: `Durable` demands `appendonly yes`, `appendfsync always` and
    /// `no-appendfsync-on-rewrite no`. With `Relaxed` anything will do, even a server that keeps nothing at all.
    pub durability: Durability,
    /// That the operator knows the durability to be as demanded, and the server is not asked for it; `false`.
    ///
    /// For services that keep their configuration to themselves.
    pub assured: bool,
    /// Certificates of the authorities that may vouch for the server, in PEM, instead of those that the machine
    /// trusts. Either are read once, when the store is opened.
    pub roots: Option<Vec<u8>>,
    /// How long a call may take, and opening the store, 1 ms to 1 h; 3 s.
    ///
    /// What is late is answered as [`StoreError::Refused`](crate::store::StoreError::Refused) if nothing was sent, as
    /// where no connection came about, and otherwise as [`StoreError::Unknown`](crate::store::StoreError::Unknown).
    pub deadline: Duration,
}

impl RedisOptions {
    /// A server, with the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "oidc-op".into(),
            durability: Durability::default(),
            assured: false,
            roots: None,
            deadline: Duration::from_secs(3),
        }
    }

    pub(super) fn names(&self) -> Result<Names, RedisError> {
        Names::new(&self.prefix).filter(|_| is_deadline(self.deadline)).ok_or(RedisError::Options)
    }

    pub(super) fn way(&self) -> Result<Way, RedisError> {
        let server = self.server().ok_or(RedisError::Address)?;
        // Requests of many callers follow each other closely; none is to wait for the answer to the one before.
        let alive = TcpKeepalive::new().with_time(IDLE).with_interval(IDLE / 3);
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(alive);
        // Whoever does not even take what is sent to them is gone.
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(self.deadline);
        Way::new(server.set_tcp_settings(tcp), self.roots.as_deref())
    }

    fn server(&self) -> Option<ConnectionInfo> {
        // What the driver says of a URL is dropped: it is not to be told what is in it.
        self.url.as_str().into_connection_info().ok()
    }
}

/// After how long the other side of an idle connection is looked for.
const IDLE: Duration = Duration::from_secs(30);

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.server().map(|server| server.addr().to_string());
        f.debug_struct("RedisOptions")
            .field("server", &server)
            .field("prefix", &self.prefix)
            .field("durability", &self.durability)
            .field("assured", &self.assured)
            .field("roots", &self.roots.as_ref().map(|_| ".."))
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// A [`RedisStore`](super::RedisStore) could not be opened; or, as the source of a
/// [`StoreError`](crate::store::StoreError), could not be connected anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// The URL is none of a Redis server, or asks for TLS without a check of the server's certificate.
    #[error("the URL of the server cannot be used")]
    Address,
    /// The options contradict themselves.
    #[error("the prefix must be 1 to 64 of A-Z, a-z, 0-9, -, _ and ., the deadline 1 ms to 1 h")]
    Options,
    /// The certificates cannot be read.
    #[error("the certificates cannot be used")]
    Roots(#[source] Cause),
    /// The store was not opened within a runtime of tokio.
    #[error("there is no tokio runtime here")]
    Runtime(#[source] Cause),
    /// The server could not be reached.
    #[error("the server could not be reached")]
    Unreachable(#[source] Cause),
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    Late,
    /// The server does not accept user and password.
    #[error("the server does not accept user and password")]
    Credentials,
    /// The server does not do what the store needs: perhaps the user is not permitted to.
    #[error("the server does not do what it is asked to")]
    Unable(#[source] Cause),
    /// The server is older than Redis 7.0.
    #[error("the server is older than Redis 7.0")]
    TooOld,
    /// The server is a replica: what it knows may be out of date.
    #[error("the server is a replica")]
    Replica,
    /// The server is one of several that share the keys.
    #[error("the server is one of a cluster")]
    Cluster,
    /// The server would forget records when its memory is full.
    #[error("the server evicts keys when its memory is full: set maxmemory-policy noeviction")]
    Evicts,
    /// The server acknowledges writes that it may forget.
    #[error(
        "the server acknowledges writes that are not on its disk: set appendonly yes, appendfsync always and \
         no-appendfsync-on-rewrite no, or ask for less durability"
    )]
    Forgetful,
    /// The server does not tell how it is set, and the operator has not said it either.
    #[error("the server does not tell how it is set")]
    Untold,
}

impl RedisError {
    /// Why there is no connection.
    pub(super) fn of_connecting(error: DriverError) -> Self {
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Credentials,
            ErrorKind::Io => Self::Unreachable(error.into()),
            _ if matches!(error.code(), Some("WRONGPASS" | "NOAUTH")) => Self::Credentials,
            _ => Self::Unable(error.into()),
        }
    }
}
