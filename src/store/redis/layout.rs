//! What lies where in Redis.
//!
//! | key | type | content |
//! |---|---|---|
//! | `PREFIX:KIND:HASH` | string | version, 16 bytes; `keep_until`, 8 bytes; body |
//! | `PREFIX:list:KIND:LABEL` | sorted set, all scores 0 | hash, 32 bytes; when it was entered, in seconds, as 10 digits |
//!
//! Hashes and labels in names are base64url.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    store::{Cause, GRACE, Key, Kind, Label, Record, StoreError, Version},
    types::Timestamp,
};

/// The length of an index entry.
const ENTRY: usize = 32 + 10;
/// The latest expiry that is asked for, in milliseconds: the end of the year 9999.
const LATEST: i64 = 253_402_300_799_000;

/// Gives everything its name.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: Box<str>,
}

impl Names {
    /// `None` for a prefix that Redis could take for a pattern, or that could run over into what follows it.
    pub(super) fn new(prefix: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let valid = !prefix.is_empty() && prefix.len() <= 64 && prefix.bytes().all(fits);
        valid.then(|| Self { prefix: prefix.into() })
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn record(&self, key: &Key) -> String {
        self.record_of(key.kind().as_str(), key.hash())
    }

    fn record_of(&self, kind: &str, hash: &[u8]) -> String {
        format!("{}:{kind}:{}", self.prefix, URL_SAFE_NO_PAD.encode(hash))
    }

    pub(super) fn index(&self, kind: Kind, label: &Label) -> String {
        let label = URL_SAFE_NO_PAD.encode(label.hash());
        format!("{}:list:{}:{label}", self.prefix, kind.as_str())
    }

    /// A pattern that all indexes fit, and nothing else.
    pub(super) fn indexes(&self) -> String {
        format!("{}:list:*", self.prefix)
    }

    /// The record that an entry of this index stands for.
    pub(super) fn entered(&self, index: &str, entry: &Entry) -> Option<String> {
        let (_, kind) = index.rsplit_once(':')?.0.rsplit_once(':')?;
        Some(self.record_of(kind, &entry.hash))
    }
}

/// An entry of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) hash: [u8; 32],
    /// By the server's clock.
    pub(super) made: Timestamp,
}

impl Entry {
    /// `None` if it is none of ours.
    pub(super) fn read(member: &[u8]) -> Option<Self> {
        let (hash, made) = member.split_first_chunk().filter(|_| member.len() == ENTRY)?;
        let made = str::from_utf8(made).ok()?.parse().ok()?;
        Some(Self { hash: *hash, made: Timestamp::from_unix(made) })
    }
}

/// A record as the string that is kept.
pub(super) fn write(record: &Record) -> Vec<u8> {
    let version = record.version.as_bytes();
    let keep_until = record.keep_until.unix().to_be_bytes();
    [version.as_slice(), &keep_until, &record.body].concat()
}

/// A record from the string that was kept.
pub(super) fn read(kept: &[u8]) -> Result<Record, StoreError> {
    let parts = kept.split_first_chunk().and_then(|(version, rest)| {
        let (keep_until, body) = rest.split_first_chunk()?;
        Some((version, keep_until, body))
    });
    let Some((version, keep_until, body)) = parts else {
        return Err(StoreError::Unreadable(Cause::from("too short for a record")));
    };
    let keep_until = Timestamp::from_unix(i64::from_be_bytes(*keep_until));
    Ok(Record::new(Version::from_bytes(*version), body, keep_until))
}

/// When Redis may forget a record, in milliseconds since the epoch.
pub(super) fn forget_at(record: &Record) -> i64 {
    (record.keep_until + GRACE).unix().saturating_mul(1000).clamp(1, LATEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_no_patterns() {
        for fits in ["oidc-op", "a", "Stage_2.eu"] {
            assert!(Names::new(fits).is_some(), "{fits}");
        }
        for odd in ["", "a:b", "*", "a*", "a?", "[a]", "{a}", "a b", "ä", &"a".repeat(65)] {
            assert!(Names::new(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn indexes_are_no_records() {
        let names = Names::new("op").unwrap();
        assert!(Kind::ALL.iter().all(|kind| kind.as_str() != "list"));
        for kind in Kind::ALL {
            let (key, label) = (Key::from_parts(kind, [7; 32]), Label::from_hash([8; 32]));
            let index = names.index(kind, &label);
            let entry = Entry { hash: [7; 32], made: Timestamp::from_unix(0) };
            assert_eq!(names.entered(&index, &entry), Some(names.record(&key)));
        }
    }

    #[test]
    fn records_read_back_whenever_they_end() {
        for end in
            [Timestamp::MIN, Timestamp::from_unix(-1), Timestamp::from_unix(1), Timestamp::MAX]
        {
            let record = Record::new(Version::from_bytes([9; 16]), *b"body", end);
            let back = read(&write(&record)).unwrap();
            assert_eq!((back.version, back.keep_until), (record.version, end));
            assert_eq!(back.body, record.body);
            assert!((1..=LATEST).contains(&forget_at(&record)));
        }
        let kept = Record::new(Version::from_bytes([9; 16]), *b"", Timestamp::from_unix(1000));
        assert_eq!(forget_at(&kept), (1000 + 7200) * 1000);
    }

    #[test]
    fn what_is_damaged_is_told() {
        for kept in [&b""[..], &[0; 15], &[0; 23]] {
            assert!(matches!(read(kept), Err(StoreError::Unreadable(_))));
        }
        let entry = [&[1; 32][..], b"1700000000"].concat();
        let made = Timestamp::from_unix(1_700_000_000);
        assert_eq!(Entry::read(&entry), Some(Entry { hash: [1; 32], made }));
        for junk in [&b""[..], &[1; 42], &entry[..41], &[&entry[..], b"0"].concat()] {
            assert_eq!(Entry::read(junk), None);
        }
    }
}
