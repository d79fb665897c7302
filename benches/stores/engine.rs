//! The engines, each with a place of its own.

use std::{error::Error, fmt, fs, path::Path, str::FromStr, sync::Arc};

use oidc_op::store::{MemoryStore, PostgresStore, RedisStore, SqliteStore, Store};
use tempfile::TempDir;

use crate::services::{self, Service};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Memory,
    Sqlite,
    Postgres,
    Redis,
}

impl Engine {
    pub(crate) const ALL: [Self; 4] = [Self::Memory, Self::Sqlite, Self::Postgres, Self::Redis];
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        })
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|engine| engine.to_string() == name);
        found.ok_or_else(|| format!("there is no store {name:?}"))
    }
}

/// Where an engine keeps what it is given; empty at first, and gone with this.
pub(crate) enum Place {
    Memory,
    /// In a folder of `TMPDIR`, as are those of the servers: it has to be on the disk that is meant.
    Sqlite(TempDir),
    Server(Service),
}

impl Place {
    pub(crate) fn of(engine: Engine) -> Result<Self, Box<dyn Error>> {
        Ok(match engine {
            Engine::Memory => Self::Memory,
            Engine::Sqlite => Self::Sqlite(tempfile::tempdir()?),
            Engine::Postgres => Self::Server(Service::start(services::Engine::Postgres)),
            Engine::Redis => Self::Server(Service::start(services::Engine::Redis)),
        })
    }

    /// A store there.
    pub(crate) async fn open(&self, engine: Engine) -> Result<Arc<dyn Store>, Box<dyn Error>> {
        Ok(match engine {
            Engine::Memory => Arc::new(MemoryStore::new()),
            Engine::Sqlite => Arc::new(SqliteStore::open(self.file())?),
            Engine::Postgres => Arc::new(PostgresStore::open(self.url()).await?),
            Engine::Redis => Arc::new(RedisStore::open(self.url()).await?),
        })
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("op.db"),
            _ => unreachable!("only one of them is a file"),
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Server(service) => service.url(),
            _ => unreachable!("these are no servers"),
        }
    }

    /// Does what the engine would do by and by after many writes.
    pub(crate) async fn settle(&self, engine: Engine) -> Result<(), Box<dyn Error>> {
        if engine == Engine::Postgres {
            let (client, connection) =
                tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await?;
            tokio::spawn(connection);
            client.execute("VACUUM ANALYZE", &[]).await?;
            client.execute("CHECKPOINT", &[]).await?;
        }
        Ok(())
    }

    /// What it takes on the disk, in MiB.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Memory => 0,
            Self::Sqlite(folder) => size(folder.path()) >> 20,
            Self::Server(service) => size(service.place()) >> 20,
        }
    }
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}
