//! `store`: where records are kept.

use std::{path::Path, sync::Arc};

use oidc_op::store::{MemoryStore, Store};
use serde::{Deserialize, Deserializer, de::Error};

use super::ConfigError;

/// Where records are kept.
#[derive(Clone, Debug)]
pub(crate) enum StoreEntry {
    /// In this process: all is forgotten at a restart.
    Memory,
    /// In a file; if it has no name, in one of the data directory.
    #[cfg(feature = "sqlite")]
    Sqlite { file: Option<std::path::PathBuf>, relaxed: bool },
}

impl Default for StoreEntry {
    fn default() -> Self {
        #[cfg(feature = "sqlite")]
        return Self::Sqlite { file: None, relaxed: false };
        #[cfg(not(feature = "sqlite"))]
        Self::Memory
    }
}

impl StoreEntry {
    fn parse(text: &str) -> Result<Self, String> {
        // Only the scheme is repeated: the rest of a store's address may hold a password.
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err("a store is written with its scheme, as in \"memory:\"".into());
        };
        match scheme {
            "memory" if rest.is_empty() => Ok(Self::Memory),
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                let (file, how) = rest.split_once('?').unwrap_or((rest, ""));
                let relaxed = match how {
                    "" => false,
                    "durability=relaxed" => true,
                    _ => {
                        return Err("after the file of a store there is ?durability=relaxed".into());
                    }
                };
                Ok(Self::Sqlite { file: (!file.is_empty()).then(|| file.into()), relaxed })
            }
            #[cfg(not(feature = "sqlite"))]
            "sqlite" => {
                Err("\"sqlite:\" needs a server that was built with the feature sqlite".into())
            }
            scheme => Err(format!(
                "a store of the kind {scheme:?} is not supported; \"sqlite:\" and \"memory:\" are"
            )),
        }
    }

    /// With the file of the data directory, if no other one is named.
    #[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "no file is opened"))]
    pub(crate) fn open(&self, data: &Path) -> Result<Arc<dyn Store>, ConfigError> {
        match self {
            Self::Memory => Ok(Arc::new(MemoryStore::new())),
            #[cfg(feature = "sqlite")]
            Self::Sqlite { file, relaxed } => {
                use oidc_op::store::{Durability, SqliteOptions, SqliteStore};
                let path = file.clone().unwrap_or_else(|| data.join("op.db"));
                let mut options = SqliteOptions::new(&path);
                if *relaxed {
                    options.durability = Durability::Relaxed;
                }
                let store = SqliteStore::with_options(&options).map_err(|error| {
                    let text = crate::layers::chain(&error);
                    ConfigError::new(format!("store: {}: {text}", path.display()))
                })?;
                Ok(Arc::new(store))
            }
        }
    }

    /// Takes a file that is named relatively as relative to this folder.
    pub(super) fn relative_to(&mut self, folder: &Path) {
        match self {
            Self::Memory => {}
            #[cfg(feature = "sqlite")]
            Self::Sqlite { file, .. } => {
                if let Some(file) = file {
                    *file = folder.join(&*file);
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for StoreEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(Error::custom)
    }
}
