use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use super::Client;
use crate::store::{Key, Version};

/// Clients of the store as they were last read: each request reads the record, and decodes it only if it
/// is another one. A version names one content for ever, so nothing here can be out of date.
#[derive(Default)]
pub(crate) struct Decoded(RwLock<HashMap<Key, (Version, Arc<Client>)>>);

/// More than are busy at one time; beyond that all are decoded anew.
const ENTRIES: usize = 1024;

impl Decoded {
    /// What the record of this version says, if that was read before.
    pub(super) fn get(&self, key: &Key, version: &Version) -> Option<Arc<Client>> {
        let decoded = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (known, client) = decoded.get(key)?;
        (known == version).then(|| Arc::clone(client))
    }

    pub(super) fn put(&self, key: Key, version: Version, client: Arc<Client>) {
        let mut decoded = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if decoded.len() >= ENTRIES && !decoded.contains_key(&key) {
            decoded.clear();
        }
        decoded.insert(key, (version, client));
    }
}

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoded(..)")
    }
}
