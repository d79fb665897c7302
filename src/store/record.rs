use std::{fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::StoreError;
use crate::{
    env::{Entropy, EntropyError},
    secret::random,
    types::Timestamp,
};

/// The version of a record: 16 random bytes, named by the writer and never used again.
///
/// A writer that lost the store's answer reads back; if the version is its own, it won.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version([u8; 16]);

impl Version {
    pub(crate) fn random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        random(entropy).map(Self)
    }

    /// A version from what a store kept of it.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes to keep.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({:032x})", u128::from_be_bytes(self.0))
    }
}

/// What a store keeps under a key. It holds no secret that anybody could present.
#[derive(Clone)]
#[non_exhaustive]
pub struct Record {
    /// Which writing of the record this is.
    pub version: Version,
    /// The content; the store does not read it.
    pub body: Arc<[u8]>,
    /// Until when it must be kept. Whether it is *valid* is in the body.
    pub keep_until: Timestamp,
}

impl Record {
    /// A record.
    pub fn new(version: Version, body: impl Into<Arc<[u8]>>, keep_until: Timestamp) -> Self {
        Self { version, body: body.into(), keep_until }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("version", &self.version)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("keep_until", &self.keep_until)
            .finish()
    }
}

/// A record body: a typed struct with a schema number.
///
/// Whatever narrows rights raises the number; a reader refuses a newer one (503) instead of
/// misunderstanding it.
pub(crate) trait Stored: Readable + Serialize {}

/// What can be read of a record: all of it, or a part that is never written.
pub(crate) trait Readable: DeserializeOwned {
    /// The newest schema that this release understands.
    const SCHEMA: u16 = 1;

    /// The schema that the body was written in.
    fn schema(&self) -> u16;
}

pub(crate) fn encode<T: Stored>(body: &T) -> Result<Arc<[u8]>, StoreError> {
    let mut bytes = Vec::with_capacity(1024);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => Ok(bytes.as_slice().into()),
        Err(cause) => Err(StoreError::Refused(cause.into())),
    }
}

pub(crate) fn decode<T: Readable>(bytes: &[u8]) -> Result<T, StoreError> {
    // Checked once as a whole; by `from_slice` each string would be.
    let text = str::from_utf8(bytes).map_err(|cause| StoreError::Unreadable(cause.into()))?;
    let body: T =
        serde_json::from_str(text).map_err(|cause| StoreError::Unreadable(cause.into()))?;
    if body.schema() > T::SCHEMA {
        return Err(StoreError::Unreadable("written by a newer release".into()));
    }
    Ok(body)
}
