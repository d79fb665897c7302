use std::marker::PhantomData;

use super::{
    Expect, Key, Put, Readable, Record, Store, StoreError, Stored, Version, decode, encode,
};
use crate::{error::Failure, provider::Core, types::Timestamp};

/// A record as it was read: its content, and the version that the next write must name.
#[derive(Clone, Debug)]
pub(crate) struct Loaded<T> {
    pub(crate) body: T,
    pub(crate) version: Version,
}

/// What became of a commit. Whatever was minted for the client is only inside `Won`, so that an
/// answer before its commit cannot be written.
#[must_use]
pub(crate) enum Commit<M> {
    /// The record now has this version.
    Won(Version, M),
    Lost,
}

/// A write that a rule has decided on, not yet made.
pub(crate) struct Step<'s, T> {
    pub(crate) key: &'s Key,
    pub(crate) expect: Expect<'s>,
    pub(crate) body: &'s T,
    pub(crate) keep_until: Timestamp,
}

impl Core {
    /// The record under the key.
    pub(crate) async fn load<T: Readable>(
        &self,
        key: &Key,
    ) -> Result<Option<Loaded<T>>, StoreError> {
        load(&*self.store, key).await
    }

    /// Makes the step, and hands out what was minted for it if the step is the one that counts.
    pub(crate) async fn commit<T: Stored, M>(
        &self,
        step: Step<'_, T>,
        minted: M,
    ) -> Result<Commit<M>, Failure> {
        let version = Version::random(&*self.entropy)?;
        Ok(match write(&*self.store, &step, version).await? {
            Put::Done => Commit::Won(version, minted),
            Put::Conflict => Commit::Lost,
        })
    }
}

/// The record under the key.
pub(crate) async fn load<T: Readable>(
    store: &dyn Store,
    key: &Key,
) -> Result<Option<Loaded<T>>, StoreError> {
    store.get(key).await?.map(|record| loaded(&record)).transpose()
}

/// Makes the step, as this new version.
///
/// A store that lost its answer is asked once more: if the version is ours, we won.
pub(crate) async fn write<T: Stored>(
    store: &dyn Store,
    step: &Step<'_, T>,
    version: Version,
) -> Result<Put, StoreError> {
    let record = Record::new(version, encode(step.body)?, step.keep_until);
    match store.put(step.key, step.expect, record).await {
        Err(unknown @ (StoreError::Unknown(_) | StoreError::Unreadable(_))) => {
            match store.get(step.key).await {
                Ok(Some(record)) if record.version == version => Ok(Put::Done),
                _ => Err(unknown),
            }
        }
        answered => answered,
    }
}

/// Reads several records of different kinds in one call, each under its own type.
pub(crate) struct Batch<'b> {
    core: &'b Core,
    keys: Vec<Key>,
}

/// The place of a record in a [`Batch`].
pub(crate) struct Slot<T>(usize, PhantomData<T>);

/// What a [`Batch`] read.
pub(crate) struct Batched(Vec<Option<Record>>);

impl<'b> Batch<'b> {
    pub(crate) fn new(core: &'b Core) -> Self {
        Self { core, keys: Vec::with_capacity(3) }
    }

    pub(crate) fn add<T: Readable>(&mut self, key: Key) -> Slot<T> {
        self.keys.push(key);
        Slot(self.keys.len() - 1, PhantomData)
    }

    pub(crate) async fn read(self) -> Result<Batched, StoreError> {
        self.core.store.get_many(&self.keys).await.map(Batched)
    }
}

impl Batched {
    pub(crate) fn get<T: Readable>(&self, slot: &Slot<T>) -> Result<Option<Loaded<T>>, StoreError> {
        self.0.get(slot.0).and_then(Option::as_ref).map(loaded).transpose()
    }
}

fn loaded<T: Readable>(record: &Record) -> Result<Loaded<T>, StoreError> {
    Ok(Loaded { body: decode(&record.body)?, version: record.version })
}
