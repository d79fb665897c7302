use serde::{Deserialize, Serialize};

use super::{Commit, Expect, Key, Kind, Readable, Step, Stored};
use crate::{error::Failure, provider::Core, types::Timestamp};

/// That something has happened and must not happen again: an assertion was used, a token revoked.
/// What it is, only the key knows.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Marker {
    v: u16,
}

impl Stored for Marker {}

impl Readable for Marker {
    fn schema(&self) -> u16 {
        self.v
    }
}

/// What a [`Marker`] marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marked<'m> {
    /// An assertion was used: who made it, and its `jti` ([RFC 7523 §3], point 7).
    ///
    /// [RFC 7523 §3]: https://www.rfc-editor.org/rfc/rfc7523#section-3
    Assertion { issuer: &'m str, jti: &'m str },
    /// A token that no grant carries was revoked.
    Token(&'m [u8; 16]),
}

impl Marked<'_> {
    fn key(self, core: &Core) -> Key {
        let issuer = &core.config.issuer;
        match self {
            Self::Assertion { issuer: by, jti } => {
                Key::new(Kind::Marker, issuer, &[b"assertion", by.as_bytes(), jti.as_bytes()])
            }
            Self::Token(id) => Key::new(Kind::Marker, issuer, &[b"token", id]),
        }
    }
}

/// Marks it, until nobody could present it any more. Answers whether this was the first time.
pub(crate) async fn mark(
    core: &Core,
    marked: Marked<'_>,
    until: Timestamp,
) -> Result<bool, Failure> {
    let key = marked.key(core);
    let body = Marker { v: Marker::SCHEMA };
    let expect = Expect::Absent { labels: &[] };
    let step = Step { key: &key, expect, body: &body, keep_until: until };
    Ok(matches!(core.commit(step, ()).await?, Commit::Won(..)))
}

/// Whether it is marked.
pub(crate) async fn is_marked(core: &Core, marked: Marked<'_>) -> Result<bool, Failure> {
    Ok(core.load::<Marker>(&marked.key(core)).await?.is_some())
}
