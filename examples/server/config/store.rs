//! `store` and `stores`: where records are kept.

use std::{
    collections::BTreeMap,
    fs, mem,
    path::{Path, PathBuf},
    sync::Arc,
};

use oidc_op::store::{CompositeStore, Kind, MemoryStore, Store};
use serde::{Deserialize, Deserializer, de::Error};

use super::ConfigError;

/// Where records are kept: an address, or `{ file = "…" }` if the address holds a password.
#[derive(Clone)]
pub(crate) enum StoreEntry {
    Address(Address),
    /// In a file; what is named relatively in it is so from the folder of the configuration.
    File {
        path: PathBuf,
        from: PathBuf,
    },
}

/// Kinds of records that are kept elsewhere.
pub(crate) type Elsewhere = BTreeMap<KindName, StoreEntry>;

/// What an address says.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// In this process: all is forgotten at a restart.
    Memory,
    /// In a file; if it has no name yet, in one of the data directory.
    Sqlite(Option<PathBuf>, Own),
    Postgres(String, Own),
    Redis(String, Own),
}

/// Without what it says: an address may hold a password.
impl std::fmt::Debug for StoreEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreEntry(..)")
    }
}

impl Default for StoreEntry {
    fn default() -> Self {
        #[cfg(feature = "sqlite")]
        return Self::Address(Address::Sqlite(None, Own::default()));
        #[cfg(not(feature = "sqlite"))]
        Self::Address(Address::Memory)
    }
}

/// Members of an address that are this server's own, not the driver's.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Own {
    relaxed: bool,
    /// PostgreSQL's.
    connections: Option<u16>,
    /// Redis'.
    prefix: Option<String>,
    assured: bool,
}

impl Own {
    /// Takes those that the engine knows out of the query.
    fn taken_from(address: &str, known: &[&str]) -> Result<(String, Self), String> {
        let (place, query) = address.split_once('?').unwrap_or((address, ""));
        let (mut own, mut rest) = (Self::default(), Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').filter(|(name, _)| known.contains(name)) {
                Some(("durability", "durable")) => own.relaxed = false,
                Some(("durability", "relaxed")) => own.relaxed = true,
                Some(("durability", _)) => {
                    return Err("the durability of a store is durable or relaxed".into());
                }
                Some(("connections", number)) => match number.parse() {
                    Ok(number) if number > 0 => own.connections = Some(number),
                    _ => return Err("the connections of a store are 1 to 65535".into()),
                },
                Some(("prefix", prefix)) => own.prefix = Some(prefix.to_owned()),
                Some(("assured", "true")) => own.assured = true,
                Some(("assured", _)) => return Err("assured is true, or left out".into()),
                _ => rest.push(pair),
            }
        }
        let query = rest.join("&");
        let separator = if query.is_empty() { "" } else { "?" };
        Ok((format!("{place}{separator}{query}"), own))
    }

    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
    fn durability(&self) -> oidc_op::store::Durability {
        use oidc_op::store::Durability;
        if self.relaxed { Durability::Relaxed } else { Durability::Durable }
    }
}

impl Address {
    fn parse(text: &str) -> Result<Self, String> {
        // Only the scheme is repeated: the rest of a store's address may hold a password.
        let Some((scheme, _)) = text.split_once(':') else {
            return Err("a store is written with its scheme, as in \"memory:\"".into());
        };
        let known: &[&str] = match scheme {
            "sqlite" => &["durability"],
            "postgres" | "postgresql" => &["durability", "connections"],
            "redis" | "rediss" => &["durability", "prefix", "assured"],
            _ => &[],
        };
        let (address, own) = Own::taken_from(text, known)?;
        let (address, needs) = match scheme {
            "memory" if text == "memory:" => return Ok(Self::Memory),
            "sqlite" => {
                let file = address.strip_prefix("sqlite:").unwrap_or(&address);
                if file.contains('?') {
                    return Err("after the file of a store there is ?durability=relaxed".into());
                }
                let file = (!file.is_empty()).then(|| file.into());
                (Self::Sqlite(file, own), (cfg!(feature = "sqlite"), "sqlite"))
            }
            "postgres" | "postgresql" => {
                (Self::Postgres(address, own), (cfg!(feature = "postgres"), "postgres"))
            }
            "redis" | "rediss" if address.contains('?') => {
                let text = "after the address of a store in Redis there may be durability, prefix, assured";
                return Err(text.into());
            }
            "redis" | "rediss" => (Self::Redis(address, own), (cfg!(feature = "redis"), "redis")),
            // Whatever else stands there may be anything.
            scheme if !scheme.bytes().all(|byte| byte.is_ascii_lowercase()) => {
                return Err("a store is written with its scheme, as in \"memory:\"".into());
            }
            scheme => {
                return Err(format!(
                    "a store of the kind {scheme:?} is not supported; \"sqlite:\", \"postgres:\", \
                     \"redis:\" and \"memory:\" are"
                ));
            }
        };
        match needs {
            (true, _) => Ok(address),
            (false, feature) => Err(format!(
                "a store of the kind {scheme:?} needs a server that was built with the feature {feature}"
            )),
        }
    }

    async fn open(&self) -> Result<Arc<dyn Store>, ConfigError> {
        match self {
            Self::Memory => Ok(Arc::new(MemoryStore::new())),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(file, own) => {
                use oidc_op::store::{SqliteOptions, SqliteStore};
                let path = file.as_deref().unwrap_or_else(|| Path::new("op.db"));
                let mut options = SqliteOptions::new(path);
                options.durability = own.durability();
                let named = |error| format!("{}: {}", path.display(), crate::layers::chain(&error));
                let store = SqliteStore::with_options(&options).map_err(named);
                Ok(Arc::new(store.map_err(ConfigError::new)?))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(url, own) => {
                use oidc_op::store::{PostgresOptions, PostgresStore};
                let mut options = PostgresOptions::new(url);
                options.durability = own.durability();
                options.connections = own.connections.unwrap_or(options.connections);
                let store = PostgresStore::with_options(&options).await;
                Ok(Arc::new(store.map_err(|error| ConfigError::new(crate::layers::chain(&error)))?))
            }
            #[cfg(feature = "redis")]
            Self::Redis(url, own) => {
                use oidc_op::store::{RedisOptions, RedisStore};
                let mut options = RedisOptions::new(url);
                options.durability = own.durability();
                options.assured = own.assured;
                if let Some(prefix) = &own.prefix {
                    options.prefix.clone_from(prefix);
                }
                let store = RedisStore::with_options(&options).await;
                Ok(Arc::new(store.map_err(|error| ConfigError::new(crate::layers::chain(&error)))?))
            }
            #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "redis")))]
            // Refused when it was read.
            _ => Err(ConfigError::new("this server was built without its feature")),
        }
    }
}

impl Address {
    /// Names its file as one of this folder, unless it says otherwise; of the data directory, if it has no name.
    fn located(mut self, folder: &Path, data: &Path) -> Self {
        if let Self::Sqlite(file, _) = &mut self {
            let path = file.take().map_or_else(|| data.join("op.db"), |file| folder.join(file));
            // So that one file has one name.
            *file = Some(std::path::absolute(&path).unwrap_or(path));
        }
        self
    }
}

impl StoreEntry {
    fn address(&self, data: &Path) -> Result<Address, ConfigError> {
        match self {
            Self::Address(address) => Ok(address.clone().located(Path::new(""), data)),
            Self::File { path, from } => {
                let named = |text: String| ConfigError::new(format!("{}: {text}", path.display()));
                let text = fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
                Ok(Address::parse(text.trim()).map_err(named)?.located(from, data))
            }
        }
    }

    /// Whether all is forgotten at a restart.
    pub(crate) fn is_memory(&self, data: &Path) -> Result<bool, ConfigError> {
        let address = self.address(data);
        let address = address.map_err(|error| ConfigError::new(format!("store: {error}")))?;
        Ok(address == Address::Memory)
    }

    /// Opens it, with the file of the data directory if no other one is named, and what is kept elsewhere.
    pub(crate) async fn open(
        &self,
        elsewhere: &Elsewhere,
        data: &Path,
    ) -> Result<Arc<dyn Store>, ConfigError> {
        let named = |name: &str, error: ConfigError| ConfigError::new(format!("{name}: {error}"));
        let rest = self.address(data).map_err(|error| named("store", error))?;
        let store = rest.open().await.map_err(|error| named("store", error))?;
        // Kinds that name one address share a store.
        let mut places: Vec<(Address, Vec<Kind>)> = Vec::new();
        for (KindName(kind), entry) in elsewhere {
            let name = format!("stores.{}", kind.as_str());
            let address = entry.address(data).map_err(|error| named(&name, error))?;
            match places.iter_mut().find(|(known, _)| *known == address) {
                _ if address == rest => {}
                Some((_, kinds)) => kinds.push(*kind),
                None => places.push((address, vec![*kind])),
            }
        }
        if places.is_empty() {
            return Ok(store);
        }
        let mut composite = CompositeStore::new(store);
        for (address, kinds) in places {
            let name = format!("stores.{}", kinds.first().map_or("", |kind| kind.as_str()));
            let store = address.open().await.map_err(|error| named(&name, error))?;
            composite = composite.keep(kinds, store);
        }
        Ok(Arc::new(composite))
    }

    /// Takes a file that is named relatively as relative to this folder.
    pub(super) fn relative_to(&mut self, folder: &Path) {
        match self {
            Self::File { path, from } => {
                *path = folder.join(mem::take(path));
                folder.clone_into(from);
            }
            Self::Address(Address::Sqlite(Some(file), _)) => {
                *file = folder.join(mem::take(file));
            }
            Self::Address(_) => {}
        }
    }
}

impl<'de> Deserialize<'de> for StoreEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By way of a `Value`: the errors of a typed parser quote what they have read.
        match &toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Address::parse(text).map(Self::Address),
            toml::Value::Table(table) if table.len() == 1 => match table.get("file") {
                Some(toml::Value::String(path)) => {
                    Ok(Self::File { path: path.into(), from: PathBuf::new() })
                }
                _ => Err("a store is an address or { file = \"…\" }".into()),
            },
            _ => Err("a store is an address or { file = \"…\" }".into()),
        }
        .map_err(Error::custom)
    }
}

/// A kind of records, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KindName(Kind);

impl<'de> Deserialize<'de> for KindName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
        kind.map(Self).ok_or_else(|| {
            let known = Kind::ALL.map(Kind::as_str).join(", ");
            Error::custom(format!("unknown kind {name:?}, expected one of {known}"))
        })
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use oidc_op::{
        Clock, Duration, SystemClock,
        store::{Expect, Key, Record, Version},
    };

    use super::*;

    /// A configuration's stores, in a folder of its own.
    async fn open(toml: &str, folder: &Path) -> Arc<dyn Store> {
        #[derive(Deserialize)]
        struct Stores {
            store: StoreEntry,
            #[serde(default)]
            stores: Elsewhere,
        }
        let mut read: Stores = toml::from_str(toml).unwrap();
        for entry in [&mut read.store].into_iter().chain(read.stores.values_mut()) {
            entry.relative_to(folder);
        }
        read.store.open(&read.stores, &folder.join("data")).await.unwrap()
    }

    async fn put(store: &dyn Store, kind: Kind) {
        let until = SystemClock.now() + Duration::DAY;
        let record = Record::new(Version::from_bytes([1; 16]), *b"body", until);
        let key = Key::from_parts(kind, [1; 32]);
        store.put(&key, Expect::Absent { labels: &[] }, record).await.unwrap();
    }

    fn kinds(file: &Path) -> Vec<String> {
        let file = rusqlite::Connection::open(file).unwrap();
        let mut kinds = file.prepare("SELECT kind FROM record ORDER BY kind").unwrap();
        let kinds = kinds.query_map([], |row| row.get(0)).unwrap();
        kinds.collect::<Result<_, _>>().unwrap()
    }

    #[tokio::test]
    async fn kinds_are_kept_where_it_is_said() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::write(folder.path().join("other.url"), "sqlite:other.db\n").unwrap();
        let toml = "store = \"sqlite:\"\n[stores]\nsession = \"sqlite:data/op.db\"\n\
                    marker = { file = \"other.url\" }\nkeys = \"sqlite:./other.db\"\n";
        let store = open(toml, folder.path()).await;
        for kind in [Kind::Grant, Kind::Session, Kind::Marker, Kind::Keys] {
            put(&*store, kind).await;
        }
        assert_eq!(kinds(&folder.path().join("data/op.db")), ["grant", "session"]);
        assert_eq!(kinds(&folder.path().join("other.db")), ["keys", "marker"]);
        // where all is in one place there is one store
        let store =
            open("store = \"sqlite:x.db\"\nstores.grant = \"sqlite:x.db\"", folder.path()).await;
        assert!(format!("{store:?}").starts_with("SqliteStore"), "{store:?}");
    }
}
