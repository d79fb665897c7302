use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::Prk,
};

use super::keys::{TokenKeys, expand};
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
}

impl SealKind {
    fn key(self, keys: &TokenKeys) -> &Prk {
        match self {
            Self::Access | Self::ClientAccess | Self::TokenReference => &keys.access,
            Self::Interaction => &keys.interaction,
        }
    }
}

/// kind ‖ kid ‖ salt
const HEADER: usize = 19;
const TAG: usize = 16;

/// Seals the bytes for the eyes of this issuer only:
/// `kind ‖ kid 2 ‖ salt 16 ‖ AES-256-GCM(plain) ‖ tag 16`, as base64url.
///
/// Each salt has a key of its own, so the nonce is fixed and the limit on random nonces never bites.
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
    let mut bytes = Vec::with_capacity(HEADER + plain.len() + TAG);
    bytes.push(kind as u8);
    bytes.extend_from_slice(&keys.kid);
    bytes.extend_from_slice(&salt);
    bytes.extend_from_slice(plain);
    let (header, body) = bytes.split_at_mut(HEADER);
    let associated = associated(header, issuer);
    let tag = aead(kind.key(keys), header)
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
    let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (header, body) = bytes.split_at_mut_checked(HEADER)?;
    let ([first, kid @ ..], salt) = header.split_first_chunk::<3>()?;
    let salt = *salt.first_chunk()?;
    if *first != kind as u8 {
        return None;
    }
    let keys = ring.iter().find(|keys| keys.kid == *kid)?;
    let associated = associated(header, issuer);
    let opened = aead(kind.key(keys), header)?.open_in_place(nonce(), associated, body).ok()?;
    Some((salt, opened.to_vec()))
}

fn aead(key: &Prk, header: &[u8]) -> Option<LessSafeKey> {
    let key: [u8; 32] = expand(key, &[header]);
    UnboundKey::new(&AES_256_GCM, &key).ok().map(LessSafeKey::new)
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// kind ‖ kid ‖ SHA-256(issuer)
fn associated(header: &[u8], issuer: &Issuer) -> Aad<[u8; 35]> {
    let mut bytes = [0; 35];
    for (to, from) in bytes.iter_mut().zip(header.iter().take(3).chain(issuer.digest())) {
        *to = *from;
    }
    Aad::from(bytes)
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
