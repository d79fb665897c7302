use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::Prk,
};

use super::keys::{Kid, TokenKeys, expand};
use crate::types::Issuer;

/// What is sealed; the first byte of its text, part of its key and of what is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SealKind {
    /// An opaque access token of a grant.
    Access = 31,
    /// An opaque access token of a client that acts for itself.
    ClientAccess = 32,
    /// What a JWT access token stands on: its `jti`.
    TokenReference = 33,
    /// An interaction under way.
    Interaction = 61,
    /// The question whether to sign out.
    Logout = 63,
}

impl SealKind {
    fn key(self, keys: &TokenKeys) -> &Prk {
        match self {
            Self::Access | Self::ClientAccess | Self::TokenReference => &keys.access,
            Self::Interaction => &keys.interaction,
            Self::Logout => &keys.logout,
        }
    }
}

/// Seals the bytes for the eyes of this issuer only, as [`seal_under`] does.
///
/// The plain text is to be 1 more than a multiple of 3 bytes long; then the text has no spare bits
/// and one spelling.
pub(crate) fn seal(
    kind: SealKind,
    keys: &TokenKeys,
    issuer: &Issuer,
    salt: [u8; 16],
    plain: &[u8],
) -> String {
    debug_assert_eq!(plain.len() % 3, 1);
    let header = Header { kind: kind as u8, kid: keys.kid, salt };
    seal_under(kind.key(keys), header, issuer, b"", plain)
}

/// Opens what [`seal`] made under one of the keys, and gives the salt and the plain text; anything
/// changed, cut or foreign is `None`.
pub(crate) fn open(
    kind: SealKind,
    ring: &[TokenKeys],
    issuer: &Issuer,
    text: &str,
) -> Option<([u8; 16], Vec<u8>)> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let key = |kid| ring.iter().find(|keys| keys.kid == kid).map(|keys| kind.key(keys));
    open_under(kind as u8, key, issuer, b"", text)
}

/// What everything sealed begins with: `kind ‖ kid 2 ‖ salt 16`.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) kid: Kid,
    pub(super) salt: [u8; 16],
}

impl Header {
    const LENGTH: usize = 19;

    /// The header of a text that may be sealed, and what follows it.
    pub(super) fn split(bytes: &mut [u8]) -> Option<(Self, &mut [u8])> {
        let (header, body) = bytes.split_first_chunk_mut::<{ Self::LENGTH }>()?;
        let [kind, a, b, salt @ ..] = *header;
        Some((Self { kind, kid: [a, b], salt }, body))
    }

    fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0] = self.kind;
        bytes[1..3].copy_from_slice(&self.kid);
        bytes[3..].copy_from_slice(&self.salt);
        bytes
    }

    /// A key of its own for each salt and context, so the nonce is fixed and the limit on random
    /// nonces never bites.
    fn aead(self, key: &Prk, context: &[u8]) -> Option<LessSafeKey> {
        let key: [u8; 32] = expand(key, &[&self.to_bytes(), context]);
        UnboundKey::new(&AES_256_GCM, &key).ok().map(LessSafeKey::new)
    }

    /// kind ‖ kid ‖ SHA-256(issuer)
    fn associated(self, issuer: &Issuer) -> Aad<[u8; 35]> {
        let mut bytes = [0; 35];
        bytes[..3].copy_from_slice(&self.to_bytes()[..3]);
        bytes[3..].copy_from_slice(issuer.digest());
        Aad::from(bytes)
    }
}

const TAG: usize = 16;

/// `header ‖ AES-256-GCM(plain) ‖ tag 16`, as base64url; whoever opens it names the same context.
pub(super) fn seal_under(
    key: &Prk,
    header: Header,
    issuer: &Issuer,
    context: &[u8],
    plain: &[u8],
) -> String {
    let mut bytes = Vec::with_capacity(Header::LENGTH + plain.len() + TAG);
    bytes.extend_from_slice(&header.to_bytes());
    bytes.extend_from_slice(plain);
    let (_, body) = bytes.split_at_mut(Header::LENGTH);
    let associated = header.associated(issuer);
    let tag = header
        .aead(key, context)
        .and_then(|key| key.seal_in_place_separate_tag(nonce(), associated, body).ok());
    // AES-256-GCM fails only beyond 64 GiB; without its tag the text could not be opened anyway.
    debug_assert!(tag.is_some());
    if let Some(tag) = tag {
        bytes.extend_from_slice(tag.as_ref());
    } else {
        bytes.clear();
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Opens what [`seal_under`] made, with the key that belongs to the name in its header.
pub(super) fn open_under<'k>(
    kind: u8,
    key: impl FnOnce(Kid) -> Option<&'k Prk>,
    issuer: &Issuer,
    context: &[u8],
    text: &str,
) -> Option<([u8; 16], Vec<u8>)> {
    let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (header, body) = Header::split(&mut bytes)?;
    if header.kind != kind {
        return None;
    }
    let aead = header.aead(key(header.kid)?, context)?;
    let opened = aead.open_in_place(nonce(), header.associated(issuer), body).ok()?;
    Some((header.salt, opened.to_vec()))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn setup(byte: u8) -> (TokenKeys, Issuer) {
        let issuer = Issuer::new("https://id.example").unwrap();
        (TokenKeys::derive(&Secret::new([byte; 32]).unwrap(), &issuer), issuer)
    }

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let (keys, issuer) = setup(1);
        let text = seal(SealKind::Access, &keys, &issuer, [9; 16], &[5; 28]);
        assert_eq!(text.len(), 84);
        let ring = [setup(2).0, keys];
        assert_eq!(open(SealKind::Access, &ring, &issuer, &text), Some(([9; 16], vec![5; 28])));

        let other = Issuer::new("https://other.example").unwrap();
        assert!(open(SealKind::Access, &ring, &other, &text).is_none());
        assert!(open(SealKind::Interaction, &ring, &issuer, &text).is_none());
        assert!(open(SealKind::Access, &ring[..1], &issuer, &text).is_none());
    }

    /// Other releases and other nodes read it. The texts were made by another implementation.
    #[test]
    fn the_layout_is_pinned() {
        let (keys, issuer) = setup(1);
        for (kind, pinned) in [
            (SealKind::Access, "H5PdCQkJCQkJCQkJCQkJCQkJCRCArqACv0w43iUQEYgeFD1DUe2F"),
            (SealKind::Interaction, "PZPdCQkJCQkJCQkJCQkJCQkJCR6Z2HVdOqw-hiZrHU5uCEVELn9X"),
        ] {
            assert_eq!(seal(kind, &keys, &issuer, [9; 16], b"1234"), pinned);
        }
    }

    #[test]
    fn refuses_every_change_of_a_character() {
        let (keys, issuer) = setup(1);
        let text = seal(SealKind::Access, &keys, &issuer, [9; 16], &[5; 28]);
        let ring = [keys];
        for i in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(open(SealKind::Access, &ring, &issuer, &changed).is_none(), "{i}");
            assert!(open(SealKind::Access, &ring, &issuer, &text[..i]).is_none(), "cut at {i}");
        }
        for added in ["A", "AAAA", "=", "\n"] {
            assert!(open(SealKind::Access, &ring, &issuer, &format!("{text}{added}")).is_none());
        }
    }
}
