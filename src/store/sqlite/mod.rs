mod reader;
mod reply;
mod schema;
mod writer;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use self::{reader::Read, reply::Deadlines, writer::Write};
use super::{
    AHEAD, Cursor, Durability, Expect, GRACE, Key, Kind, Label, Listing, Put, Record, Store,
    StoreError, Version, is_deadline,
};
use crate::{
    env::{Clock, SystemClock},
    types::Timestamp,
};

/// A [`Store`] in a file of this machine, by SQLite: for a service that runs as one process, or as a few
/// on one machine.
///
/// One thread writes and a few read. Writers who come at the same time share a transaction, so that they
/// wait for the disk together: one alone waits for it once, a hundred wait hardly longer. What was
/// acknowledged survives the loss of power, unless [`Durability::Relaxed`] says otherwise.
///
/// ```
/// use oidc_op::store::SqliteStore;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("op.db");
/// let store = SqliteStore::open(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Files
///
/// Beside the file there are `-wal` and `-shm` while it is open; the three belong together. Copy the store
/// with SQLite's own back-up, or while nobody has it open. It must be on a local disk: file locks of network
/// file systems are not to be trusted.
pub struct SqliteStore {
    path: PathBuf,
    writes: mpsc::Sender<Write>,
    reads: mpsc::Sender<Read>,
    deadlines: Deadlines,
    clock: Box<dyn Clock>,
}

/// How a [`SqliteStore`] is opened.
///
/// ```
/// use oidc_op::store::{Durability, SqliteOptions};
///
/// let mut options = SqliteOptions::new("/var/lib/op/op.db");
/// options.durability = Durability::Relaxed;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// The file; it is made if it is not there, for its owner only; its folder is not.
    pub path: PathBuf,
    /// What an acknowledged write survives; [`Durability::Durable`] (`synchronous=FULL`), as against
    /// [`Durability::Relaxed`] (`synchronous=NORMAL`).
    pub durability: Durability,
    /// How many threads read; 2, at most 64.
    pub readers: u8,
    /// How long a call may take before it is answered as [`StoreError::Unknown`]; 3 s, a millisecond to an
    /// hour.
    pub deadline: Duration,
}

impl SqliteOptions {
    /// A file, with the defaults.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            durability: Durability::default(),
            readers: 2,
            deadline: Duration::from_secs(3),
        }
    }
}

/// A [`SqliteStore`] could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// The file cannot be opened, or is none of SQLite's.
    #[error("the database could not be opened")]
    Open(#[from] rusqlite::Error),
    /// There is something else in it.
    #[error("the database belongs to something else")]
    Foreign,
    /// A newer release has written it.
    #[error("the database was written by a newer release")]
    Newer,
    /// A thread could not be started.
    #[error("a thread could not be started")]
    Thread(#[from] io::Error),
    /// The options contradict themselves.
    #[error("readers must be 1 to 64, and the deadline a millisecond to an hour")]
    Options,
}

impl SqliteStore {
    /// Opens a file with the defaults, and brings it to this release's schema.
    ///
    /// # Errors
    ///
    /// [`SqliteError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SqliteError> {
        Self::with_options(&SqliteOptions::new(path.as_ref()))
    }

    /// Opens a file, and brings it to this release's schema.
    ///
    /// # Errors
    ///
    /// [`SqliteError`].
    pub fn with_options(options: &SqliteOptions) -> Result<Self, SqliteError> {
        Self::with_clock(options, SystemClock)
    }

    /// The same with another clock, which decides what a purge may remove; for tests.
    ///
    /// # Errors
    ///
    /// [`SqliteError`].
    pub fn with_clock(options: &SqliteOptions, clock: impl Clock) -> Result<Self, SqliteError> {
        if !(1..=64).contains(&options.readers) || !is_deadline(options.deadline) {
            return Err(SqliteError::Options);
        }
        own(&options.path);
        let mut writer = connect(options)?;
        patiently(|| schema::migrate(&mut writer))?;
        let (writes, to_write) = mpsc::channel();
        spawn("oidc-op-writer", move || writer::run(writer, &to_write))?;
        let (reads, to_read) = mpsc::channel();
        let to_read = Arc::new(Mutex::new(to_read));
        for _ in 0..options.readers {
            let (connection, jobs) = (connect(options)?, Arc::clone(&to_read));
            spawn("oidc-op-reader", move || reader::run(&connection, &jobs))?;
        }
        let deadlines = Deadlines::start(options.deadline)?;
        let path = options.path.clone();
        Ok(Self { path, writes, reads, deadlines, clock: Box::new(clock) })
    }

    fn write(&self, write: Write) {
        if let Err(mpsc::SendError(write)) = self.writes.send(write) {
            write.refuse();
        }
    }

    fn read(&self, read: Read) {
        if let Err(mpsc::SendError(read)) = self.reads.send(read) {
            read.refuse();
        }
    }
}

/// The most records that are taken out by one write, so that others seldom wait for it.
const PURGED_AT_ONCE: u32 = 256;

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(run).map(drop)
}

/// How long it is tried to open a file that others are opening.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tries again as long as somebody else has the file locked, for a while.
fn patiently<T>(mut attempt: impl FnMut() -> Result<T, SqliteError>) -> Result<T, SqliteError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Err(SqliteError::Open(error)) if is_busy(&error) && Instant::now() < end => {
                // Nobody tells when a lock on a file is free.
                thread::sleep(Duration::from_millis(5));
            }
            answer => return answer,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let busy = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked];
    error.sqlite_error_code().is_some_and(|code| busy.contains(&code))
}

/// Makes a new file that nobody else may read; what SQLite puts beside it is as it is.
fn own(path: &Path) {
    let mut new = fs::OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    // It may be there already; if there is another reason, opening it says so.
    let _ = new.open(path);
}

fn connect(options: &SqliteOptions) -> Result<Connection, SqliteError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    // Another process may be writing; a call must still end in its time.
    connection.busy_timeout(options.deadline * 2 / 3)?;
    // SQLite itself does not wait where two make a new file at once.
    patiently(|| Ok(connection.pragma_update(None, "journal_mode", "wal")?))?;
    connection.pragma_update(
        None,
        "synchronous",
        match options.durability {
            Durability::Durable => "full",
            Durability::Relaxed => "normal",
        },
    )?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let (slot, reply) = self.deadlines.begin();
        self.read(Read::Get(*key, slot));
        reply.await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        let (slot, reply) = self.deadlines.begin();
        self.read(Read::GetMany(keys.into(), slot));
        reply.await
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        let (slot, reply) = self.deadlines.begin();
        self.write(match expect {
            Expect::Absent { labels } => Write::Create(*key, record, labels.into(), slot),
            Expect::Version(version) => Write::Replace(*key, version, record, slot),
        });
        reply.await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        let (slot, reply) = self.deadlines.begin();
        self.write(Write::Delete(*key, *version, slot));
        reply.await
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        let first = Cursor::first_hash(after)?;
        let (slot, reply) = self.deadlines.begin();
        self.read(Read::List { kind, label: *label, first, limit, slot });
        reply.await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        let now = self.clock.now();
        if before > now + AHEAD {
            return Err(StoreError::far_ahead());
        }
        let (end, mut purged) = (Instant::now() + self.deadlines.within(), 0);
        loop {
            let asked = (limit - purged).min(PURGED_AT_ONCE);
            let (slot, reply) = self.deadlines.begin();
            self.write(Write::Purge { ended_by: before.min(now) - GRACE, limit: asked, slot });
            match reply.await {
                Ok(gone) => {
                    purged += gone;
                    if gone < asked || purged == limit || Instant::now() > end {
                        return Ok(purged);
                    }
                }
                // What has been done is told; the fault comes again if it stays.
                Err(error) => return if purged > 0 { Ok(purged) } else { Err(error) },
            }
        }
    }
}
