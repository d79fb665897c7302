use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Digest, random};
use crate::env::{Entropy, EntropyError};

/// What a [`Handle`] opens; the first byte of its text, so that no kind passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum HandleKind {
    /// An authorization code (RFC 6749 §4.1.2).
    Code = 11,
    /// The cookie of a browser session.
    Session = 41,
    /// The cookie that binds interactions to the browser that began them.
    Browser = 42,
    /// A registration access token (RFC 7592 §1.2).
    Registration = 51,
    /// An initial access token (RFC 7591 §1.2).
    InitialAccess = 52,
    /// An interaction that is too large for an address.
    Interaction = 62,
}

/// A record's id and the secret that proves the right to it: 48 bytes, 64 characters of base64url
/// without spare bits, so that it has exactly one spelling.
///
/// The id is the record's only as a hash, and of the secret the record holds a digest: nobody who
/// reads the store can make one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle {
    kind: HandleKind,
    id: [u8; 16],
    secret: [u8; 31],
}

impl Handle {
    const LENGTH: usize = 48;

    /// A fresh one.
    pub(crate) fn random(kind: HandleKind, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Ok(Self::from_bytes(kind, random(entropy)?))
    }

    /// One made of 47 bytes that somebody else chose: the id, then the secret.
    pub(crate) fn from_bytes(kind: HandleKind, bytes: [u8; 47]) -> Self {
        let (mut id, mut secret) = ([0; 16], [0; 31]);
        id.copy_from_slice(&bytes[..16]);
        secret.copy_from_slice(&bytes[16..]);
        Self { kind, id, secret }
    }

    /// The same id with another secret: how a session survives the rotation of its cookie.
    pub(crate) fn with_id(self, id: [u8; 16]) -> Self {
        Self { id, ..self }
    }

    /// Reads the text of a handle of this kind; anything else is none.
    pub(crate) fn decode(kind: HandleKind, text: &str) -> Option<Self> {
        let mut bytes = [0; Self::LENGTH];
        if text.len() != 64 || URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(Self::LENGTH) {
            return None;
        }
        let [first, rest @ ..] = bytes;
        (first == kind as u8).then(|| Self::from_bytes(kind, rest))
    }

    /// The text to hand out.
    pub(crate) fn encode(&self) -> String {
        let mut bytes = [0; Self::LENGTH];
        bytes[0] = self.kind as u8;
        bytes[1..17].copy_from_slice(&self.id);
        bytes[17..].copy_from_slice(&self.secret);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The record's natural id.
    pub(crate) fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// The secret, for deriving from it.
    pub(crate) fn secret(&self) -> &[u8; 31] {
        &self.secret
    }

    /// What the record holds of the secret.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.secret)
    }

    /// What a record holds of a handle that it is not found by: of all of it.
    pub(crate) fn whole_digest(&self) -> Digest {
        Digest::of_parts(&[&self.id, &self.secret])
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({:?}, ..)", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_spelling_and_one_kind() {
        let handle = Handle::from_bytes(HandleKind::Code, [7; 47]);
        let text = handle.encode();
        assert_eq!(text.len(), 64);
        assert_eq!(Handle::decode(HandleKind::Code, &text), Some(handle));
        assert_eq!(Handle::decode(HandleKind::Session, &text), None);
        for wrong in [&text[1..], &format!("{text}A"), &format!("{}=", &text[..63]), ""] {
            assert_eq!(Handle::decode(HandleKind::Code, wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn every_changed_character_changes_the_handle() {
        let handle = Handle::from_bytes(HandleKind::Code, [7; 47]);
        let text = handle.encode();
        for i in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_ne!(Handle::decode(HandleKind::Code, &changed), Some(handle), "{i}");
        }
    }
}
