use std::fmt;

use super::StoreError;
use crate::{secret::Digest, types::Issuer};

/// What a record is about. A composite store may put each kind elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// What one person gave one client, with all tokens that come of it.
    Grant,
    /// A person signed in at one browser.
    Session,
    /// What a person has agreed that a client may have.
    Consent,
    /// What all of a subject's grants stand on.
    Standing,
    /// That clients are to be told of the end of a session.
    Logout,
    /// A request under way that is too large for a URL.
    Interaction,
    /// A client that has registered itself, or that an administrator has made.
    Client,
    /// How many more clients may register.
    Allowance,
    /// Something that must not happen again, or a token that must not be accepted any more.
    Marker,
    /// The provider's own keys, sealed.
    Keys,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Grant,
        Self::Session,
        Self::Consent,
        Self::Standing,
        Self::Logout,
        Self::Interaction,
        Self::Client,
        Self::Allowance,
        Self::Marker,
        Self::Keys,
    ];

    /// The stable name, for table and key families.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Session => "session",
            Self::Consent => "consent",
            Self::Standing => "standing",
            Self::Logout => "logout",
            Self::Interaction => "interaction",
            Self::Client => "client",
            Self::Allowance => "allowance",
            Self::Marker => "marker",
            Self::Keys => "keys",
        }
    }
}

/// Where a record lies: its kind and SHA-256 of kind, issuer and natural id.
///
/// A key shows nothing of what it names, and no two issuers share one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    kind: Kind,
    hash: [u8; 32],
}

impl Key {
    pub(crate) fn new(kind: Kind, issuer: &Issuer, id: &[&[u8]]) -> Self {
        Self { kind, hash: hash(kind.as_str(), issuer, id) }
    }

    /// A key from what a store kept of it, for answering [`Store::list`](super::Store::list).
    pub const fn from_parts(kind: Kind, hash: [u8; 32]) -> Self {
        Self { kind, hash }
    }

    /// What the record is about.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The hash that names it.
    pub const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ", self.kind.as_str())?;
        hex(f, &self.hash)
    }
}

/// An index entry: SHA-256 of what records are listed by, such as their subject.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label([u8; 32]);

impl Label {
    pub(crate) fn new(name: &str, issuer: &Issuer, value: &[u8]) -> Self {
        Self(hash(name, issuer, &[value]))
    }

    /// A label from what a store kept of it.
    pub const fn from_hash(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The hash that names it.
    pub const fn hash(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Label(")?;
        hex(f, &self.0)
    }
}

/// Where a listing goes on; the store's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub Box<[u8]>);

impl Cursor {
    /// The hash where a page begins, for stores whose cursor is the first key that is still to be shown.
    pub(super) fn first_hash(after: Option<&Self>) -> Result<[u8; 32], StoreError> {
        match after {
            None => Ok([0; 32]),
            Some(Self(hash)) => <[u8; 32]>::try_from(&**hash).map_err(|_| StoreError::Cursor),
        }
    }
}

/// A page of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// The keys, in the store's own order.
    pub keys: Vec<Key>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Cursor>,
}

impl Listing {
    /// A page, and where the next one begins.
    pub fn new(keys: Vec<Key>, next: Option<Cursor>) -> Self {
        Self { keys, next }
    }
}

/// The most keys on a page, however many are asked for.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
pub(super) const PAGE: u32 = 1024;

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
impl Listing {
    /// A page of `limit`, of hashes of which one more was looked for: that is where the next page begins.
    pub(super) fn of_hashes(kind: Kind, mut hashes: Vec<[u8; 32]>, limit: u32) -> Self {
        let next = if hashes.len() > limit as usize { hashes.pop() } else { None };
        let keys = hashes.into_iter().map(|hash| Key::from_parts(kind, hash)).collect();
        Self::new(keys, next.map(|hash| Cursor(hash.as_slice().into())))
    }
}

/// SHA-256 of `name 0 SHA-256(issuer) (length part)*`: every part is framed, none can run over into
/// its neighbour.
fn hash(name: &str, issuer: &Issuer, parts: &[&[u8]]) -> [u8; 32] {
    let mut framed = Vec::with_capacity(128);
    framed.extend_from_slice(name.as_bytes());
    framed.push(0);
    framed.extend_from_slice(issuer.digest());
    for part in parts {
        framed.extend_from_slice(&(part.len() as u64).to_be_bytes());
        framed.extend_from_slice(part);
    }
    *Digest::of(&framed).as_bytes()
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8; 32]) -> fmt::Result {
    for byte in bytes.iter().take(8) {
        write!(f, "{byte:02x}")?;
    }
    f.write_str("..)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_kind_issuer_and_framing() {
        let (a, b) = (Issuer::new("https://a.example"), Issuer::new("https://b.example"));
        let (a, b) = (a.unwrap(), b.unwrap());
        let keys = [
            Key::new(Kind::Grant, &a, &[b"xy"]),
            Key::new(Kind::Session, &a, &[b"xy"]),
            Key::new(Kind::Grant, &b, &[b"xy"]),
            Key::new(Kind::Grant, &a, &[b"x", b"y"]),
            Key::new(Kind::Grant, &a, &[b"xy", b""]),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[..i].contains(key), "{i}");
        }
    }
}
