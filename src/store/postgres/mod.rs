//! A store in PostgreSQL.

mod connect;
mod schema;
mod session;
mod statements;

use std::{fmt, pin::Pin, time::Duration};

use async_trait::async_trait;
use deadpool_postgres::{Object, Pool};
use tokio::time::timeout;

use super::{
    Cause, Cursor, Durability, Expect, Key, Kind, Label, Listing, Put, Record, Store, StoreError,
    Version,
    bounded::{Bounded, Until},
    is_deadline,
};
use crate::types::Timestamp;

/// A [`Store`] in PostgreSQL: for a service that runs on several machines.
///
/// Each call is one statement that commits by itself, so every step of the protocol waits once for the disk of
/// one server and holds no lock between two calls. What was acknowledged survives the loss of power, unless
/// [`Durability::Relaxed`] says otherwise. PostgreSQL 12 or newer; another engine that speaks its protocol has
/// to know `ON CONFLICT`, `WITH` that writes, `SKIP LOCKED` and advisory locks.
///
/// It has to be opened within a Tokio runtime, which then carries its connections, and must be running whenever
/// the store is asked; that may be from anywhere.
///
/// ```no_run
/// use oidc_op::store::PostgresStore;
///
/// # async fn open() -> Result<(), oidc_op::store::PostgresError> {
/// let store = PostgresStore::open("postgres://op:secret@db.example/op?sslmode=require").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Premises
///
/// Every call goes to the primary: servers that are read-only are refused. A fail-over must not lose what was
/// acknowledged, or a redeemed code comes back; so the standby that takes over has to be a synchronous one
/// (`synchronous_standby_names`, and `synchronous_commit` at `on` or above, which [`Durability::Durable`]
/// sees to). Between the service and the server there may be a pooler that keeps sessions; one that shares
/// connections by transactions would spread the session's settings among strangers, and will not do.
///
/// # Tables
///
/// `oidc_op_record`, `oidc_op_label` and `oidc_op_schema`, wherever the `search_path` finds them, or else in its
/// first schema; they are made and brought up to date when the store is opened, by one of all nodes that start at once. The user needs
/// the right to create them then, and later only that to read and write.
pub struct PostgresStore {
    pool: Pool,
    calls: Bounded,
}

/// How a [`PostgresStore`] is opened.
///
/// ```
/// use oidc_op::store::PostgresOptions;
///
/// let mut options = PostgresOptions::new("postgres://op@db.example/op");
/// options.connections = 32;
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// The server and database, in the form `postgres://user:password@host:port/database?key=value`, with libpq's
    /// keys as far as `tokio-postgres` knows them. Of several hosts the first one that can be reached and may be
    /// written to is taken; each has its share of the deadline to be reached.
    ///
    /// `sslmode` decides about TLS: `disable` means that the network is trusted; `require`, `verify-ca` and
    /// `verify-full` all verify the server's certificate and its name. Without it, TLS is required but for
    /// this machine's own addresses and sockets.
    pub url: String,
    /// Certificates of the authorities that may vouch for the server, in PEM, instead of those that the machine
    /// trusts. `sslrootcert` in the address names a file of them.
    pub roots: Option<Vec<u8>>,
    /// What an acknowledged write survives; [`Durability::Durable`].
    pub durability: Durability,
    /// How many connections are kept at most; 16, at least 1.
    pub connections: u16,
    /// How long a call may take before it is answered as [`StoreError::Unknown`], or as
    /// [`StoreError::Refused`] if nothing was sent yet; 3 s, a millisecond to an hour.
    pub deadline: Duration,
}

impl PostgresOptions {
    /// A server, with the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            roots: None,
            durability: Durability::default(),
            connections: 16,
            deadline: Duration::from_secs(3),
        }
    }
}

/// Without the address, which may hold a password.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("roots", &self.roots.as_ref().map(|_| ".."))
            .field("durability", &self.durability)
            .field("connections", &self.connections)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// A [`PostgresStore`] could not be opened. No text of it repeats a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The address cannot be understood.
    #[error("the address of the database cannot be understood")]
    Address(#[source] Cause),
    /// The options contradict themselves.
    #[error("connections must be 1 or more, and the deadline a millisecond to an hour")]
    Options,
    /// The certificates to trust cannot be read.
    #[error("the certificates to trust cannot be read")]
    Roots(#[source] Cause),
    /// It was opened outside a Tokio runtime.
    #[error("the store has to be opened within a Tokio runtime")]
    Runtime,
    /// The server cannot be reached, refuses, or is a standby.
    #[error("the database cannot be reached")]
    Connect(#[source] Cause),
    /// The server did not answer in time, or somebody else brings the tables up to date for longer than ten
    /// minutes.
    #[error("the database did not answer in time")]
    Late,
    /// The server is older than PostgreSQL 12.
    #[error("the database is older than PostgreSQL 12")]
    Old,
    /// The server does not write to its disk what it acknowledges (`fsync = off`).
    #[error("the database does not keep what it acknowledges: fsync is off")]
    Forgetful,
    /// A newer release has written it.
    #[error("the database was written by a newer release")]
    Newer,
    /// The tables could not be looked at or made.
    #[error("the tables could not be made")]
    Schema(#[source] Cause),
}

impl PostgresStore {
    /// Connects with the defaults, and brings the tables to this release's schema.
    ///
    /// # Errors
    ///
    /// [`PostgresError`].
    pub async fn open(url: impl Into<String>) -> Result<Self, PostgresError> {
        Self::with_options(&PostgresOptions::new(url)).await
    }

    /// Connects, and brings the tables to this release's schema.
    ///
    /// # Errors
    ///
    /// [`PostgresError`].
    pub async fn with_options(options: &PostgresOptions) -> Result<Self, PostgresError> {
        if options.connections == 0 || !is_deadline(options.deadline) {
            return Err(PostgresError::Options);
        }
        let calls = Bounded::here(options.deadline).map_err(|_| PostgresError::Runtime)?;
        let pool = connect::pool(options)?;
        let look = timeout(options.deadline, schema::look(&pool, options.durability));
        let (mut first, is_current) = look.await.map_err(|_late| PostgresError::Late)??;
        if !is_current {
            let migrated = timeout(MIGRATION, schema::migrate(&mut first)).await;
            if migrated.is_err() {
                drop(Object::take(first));
            }
            migrated.map_err(|_late| PostgresError::Late)??;
        }
        Ok(Self { pool, calls })
    }

    /// Asks one question on a connection of its own.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl for<'c> FnOnce(&'c Object) -> Answer<'c, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = self.pool.clone();
        self.calls.call(move |until| on_a_connection(pool, until, question)).await
    }
}

type Answer<'c, T> = Pin<Box<dyn Future<Output = Result<T, tokio_postgres::Error>> + Send + 'c>>;

async fn on_a_connection<T: Send + 'static>(
    pool: Pool,
    until: Until,
    question: impl for<'c> FnOnce(&'c Object) -> Answer<'c, T> + Send + 'static,
) -> Result<T, StoreError> {
    let lent = Lent(Some(until.unsent(async { pool.get().await.map_err(connect::reason) }).await?));
    let mut asked = Box::pin(async move { lent.ask(question).await });
    match until.sent(&mut asked).await {
        Ok(answer) => answer,
        Err(late) => {
            // The server is still at it, and its session is not free: neither is its place in the pool, or those
            // who come after would have more sessions than there may be.
            tokio::spawn(timeout(STILL_AT_IT, asked));
            Err(late)
        }
    }
}

/// How long a place in the pool is kept for what has not been answered in time.
const STILL_AT_IT: Duration = Duration::from_secs(30);

/// A connection that nobody else is to have if its question was not answered.
struct Lent(Option<Object>);

impl Lent {
    async fn ask<T>(
        mut self,
        question: impl for<'c> FnOnce(&'c Object) -> Answer<'c, T> + Send,
    ) -> Result<T, StoreError> {
        let Some(connection) = &self.0 else {
            return Err(StoreError::Refused("the connection is gone".into()));
        };
        let answer = question(connection).await;
        if answer.as_ref().err().is_none_or(session::may_go_on) {
            // Back to the pool.
            self.0 = None;
        }
        answer.map_err(session::told_apart)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.take().map(Object::take);
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let key = *key;
        self.ask(move |connection| Box::pin(statements::get(connection, key))).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        let keys: Box<[Key]> = keys.into();
        self.ask(move |connection| Box::pin(statements::get_many(connection, keys))).await
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        let key = *key;
        let happened = match expect {
            Expect::Absent { labels } => {
                let labels: Box<[Label]> = labels.into();
                self.ask(move |connection| {
                    Box::pin(statements::create(connection, key, record, labels))
                })
                .await
            }
            Expect::Version(version) => {
                self.ask(move |connection| {
                    Box::pin(statements::replace(connection, key, version, record))
                })
                .await
            }
        };
        happened.map(done_if)
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        let (key, version) = (*key, *version);
        let happened = self
            .ask(move |connection| Box::pin(statements::delete(connection, key, version)))
            .await;
        happened.map(done_if)
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        let (label, first) = (*label, Cursor::first_hash(after)?);
        self.ask(move |connection| {
            Box::pin(statements::list(connection, kind, label, first, limit))
        })
        .await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        let pool = self.pool.clone();
        self.calls.call(move |until| purge(pool, until, before, limit)).await
    }
}

/// In parts, until it is done or it is time.
async fn purge(pool: Pool, until: Until, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
    let mut purged = 0;
    loop {
        let asked = (limit - purged).min(PURGED_AT_ONCE);
        let question = on_a_connection(pool.clone(), until, move |connection| {
            Box::pin(statements::purge(connection, before, asked))
        });
        match question.await {
            Ok(None) => return Err(StoreError::far_ahead()),
            Ok(Some(gone)) => {
                purged += gone;
                if gone < asked || purged == limit {
                    return Ok(purged);
                }
            }
            // What has been done is told; the fault comes again if it stays.
            Err(error) => return if purged > 0 { Ok(purged) } else { Err(error) },
        }
    }
}

/// The most records that are taken out by one statement, so that its transaction is short.
const PURGED_AT_ONCE: u32 = 512;
/// How long nodes that start may wait for one that brings the tables up to date.
const MIGRATION: Duration = Duration::from_secs(600);

const fn done_if(happened: bool) -> Put {
    if happened { Put::Done } else { Put::Conflict }
}
