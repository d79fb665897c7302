use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use oidc_op::{
    Timestamp,
    store::{Cursor, Expect, Key, Kind, Label, Listing, Put, Record, Store, StoreError, Version},
};
use serde_json::{Value, json};

/// A store that knows all the states that it has been in, begins in any of them, and never purges.
#[derive(Debug)]
pub(super) struct Journal(Mutex<Vec<State>>);

/// Everything that is in a store.
pub(super) type State = BTreeMap<Key, Entry>;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    version: Version,
    body: Arc<[u8]>,
    keep_until: Timestamp,
    labels: Vec<Label>,
}

impl Journal {
    pub(super) fn from(state: State) -> Arc<Self> {
        Arc::new(Self(Mutex::new(vec![state])))
    }

    pub(super) fn state(&self) -> State {
        self.0.lock().unwrap().last().unwrap().clone()
    }

    /// The states from the first one on.
    pub(super) fn states(&self) -> Vec<State> {
        self.0.lock().unwrap().clone()
    }

    /// A state as it was written by [`text`](Self::text), its bodies changed.
    pub(super) fn of_text(text: &str, change: impl Fn(Kind, &str) -> String) -> Arc<Self> {
        let entries: Vec<Value> = serde_json::from_str(text).unwrap();
        Self::from(entries.iter().map(|entry| parse(entry, &change)).collect())
    }

    /// What is in it, for a file.
    pub(super) fn text(&self) -> String {
        let entries = self.state().into_iter().map(|(key, entry)| {
            json!({
                "kind": key.kind().as_str(),
                "hash": STANDARD.encode(key.hash()),
                "version": STANDARD.encode(entry.version.as_bytes()),
                "keep_until": entry.keep_until.unix(),
                "labels": entry.labels.iter().map(|l| STANDARD.encode(l.hash())).collect::<Vec<_>>(),
                "body": String::from_utf8(entry.body.to_vec()).unwrap(),
            })
        });
        serde_json::to_string_pretty(&entries.collect::<Vec<_>>()).unwrap() + "\n"
    }

    /// Changes an entry if it has this version.
    fn change(
        &self,
        key: &Key,
        expected: Option<Version>,
        change: impl FnOnce(Option<Entry>) -> Option<Entry>,
    ) -> Put {
        let mut states = self.0.lock().unwrap();
        let mut state = states.last().unwrap().clone();
        let present = state.remove(key);
        if present.as_ref().map(|entry| entry.version) != expected {
            return Put::Conflict;
        }
        if let Some(entry) = change(present) {
            state.insert(*key, entry);
        }
        states.push(state);
        Put::Done
    }
}

fn parse(entry: &Value, change: impl Fn(Kind, &str) -> String) -> (Key, Entry) {
    let text = |name: &str| entry[name].as_str().unwrap();
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == text("kind")).unwrap();
    let labels = entry["labels"].as_array().unwrap().iter().map(|label| label.as_str().unwrap());
    let parsed = Entry {
        version: Version::from_bytes(bytes(text("version"))),
        body: change(kind, text("body")).into_bytes().into(),
        keep_until: Timestamp::from_unix(entry["keep_until"].as_i64().unwrap()),
        labels: labels.map(|label| Label::from_hash(bytes(label))).collect(),
    };
    (Key::from_parts(kind, bytes(text("hash"))), parsed)
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    STANDARD.decode(text).unwrap().try_into().unwrap()
}

#[async_trait]
impl Store for Journal {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let states = self.0.lock().unwrap();
        Ok(states
            .last()
            .unwrap()
            .get(key)
            .map(|entry| Record::new(entry.version, Arc::clone(&entry.body), entry.keep_until)))
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        let Record { version, body, keep_until, .. } = record;
        let (expected, labels) = match expect {
            Expect::Absent { labels } => (None, labels.to_vec()),
            Expect::Version(version) => (Some(version), Vec::new()),
        };
        Ok(self.change(key, expected, |present| {
            let labels = present.map_or(labels, |entry| entry.labels);
            Some(Entry { version, body, keep_until, labels })
        }))
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        Ok(self.change(key, Some(*version), |_| None))
    }

    /// All on one page.
    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        _: Option<&Cursor>,
        _: u32,
    ) -> Result<Listing, StoreError> {
        let state = self.state();
        let named = state
            .iter()
            .filter(|(key, entry)| key.kind() == kind && entry.labels.contains(label))
            .map(|(key, _)| *key);
        Ok(Listing::new(named.collect(), None))
    }

    async fn purge(&self, _: Timestamp, _: u32) -> Result<u32, StoreError> {
        Ok(0)
    }
}
