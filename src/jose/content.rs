use josekit::jwe::{
    JweContentEncryption,
    enc::{A128CBC_HS256, A128GCM, A192CBC_HS384, A192GCM, A256CBC_HS512, A256GCM},
};
use ring::hmac;

use crate::{secret::Digest, types::ContentEncryption};

/// The parts of a JWE that a content encryption reads.
pub(super) struct Sealed<'j> {
    /// The header as it was sent.
    pub(super) header: &'j [u8],
    pub(super) iv: &'j [u8],
    pub(super) ciphertext: &'j [u8],
    pub(super) tag: &'j [u8],
}

impl Sealed<'_> {
    /// Whether the lengths are those of the algorithm (threat JW-09): OpenSSL would take a tag of
    /// one byte for a tag.
    pub(super) fn has_right_sizes(&self, encryption: ContentEncryption) -> bool {
        let (tag, blocks) = match mac(encryption) {
            Some((_, tag)) => {
                (tag, !self.ciphertext.is_empty() && self.ciphertext.len().is_multiple_of(16))
            }
            None => (16, true),
        };
        blocks && self.tag.len() == tag && self.iv.len() == algorithm(encryption).iv_len()
    }

    /// The plain text, if the key is right.
    pub(super) fn open(&self, encryption: ContentEncryption, key: &[u8]) -> Option<Vec<u8>> {
        if let Some((hash, size)) = mac(encryption) {
            // josekit decrypts first, and the time of that depends on the padding.
            let (mac_key, _) = key.split_at_checked(key.len() / 2)?;
            let mac_key = hmac::Key::new(hash, mac_key);
            let bits = (self.header.len() as u64).checked_mul(8)?.to_be_bytes();
            let mut context = hmac::Context::with_key(&mac_key);
            for part in [self.header, self.iv, self.ciphertext, &bits] {
                context.update(part);
            }
            let tag = context.sign();
            let expected = Digest::of(tag.as_ref().get(..size)?);
            if !expected.same(Digest::of(self.tag).as_bytes()) {
                return None;
            }
        }
        let Self { header, iv, ciphertext, tag } = *self;
        algorithm(encryption).decrypt(key, Some(iv), ciphertext, header, Some(tag)).ok()
    }
}

/// The size of the key that encrypts the content, in bytes.
pub(super) fn key_size(encryption: ContentEncryption) -> usize {
    algorithm(encryption).key_len()
}

/// The algorithm as josekit has it.
pub(super) fn algorithm(encryption: ContentEncryption) -> &'static dyn JweContentEncryption {
    match encryption {
        ContentEncryption::A128CbcHs256 => &A128CBC_HS256,
        ContentEncryption::A192CbcHs384 => &A192CBC_HS384,
        ContentEncryption::A256CbcHs512 => &A256CBC_HS512,
        ContentEncryption::A128Gcm => &A128GCM,
        ContentEncryption::A192Gcm => &A192GCM,
        ContentEncryption::A256Gcm => &A256GCM,
    }
}

/// What authenticates AES-CBC, and how long its tag is ([RFC 7518 §5.2.2]).
///
/// [RFC 7518 §5.2.2]: https://www.rfc-editor.org/rfc/rfc7518#section-5.2.2
fn mac(encryption: ContentEncryption) -> Option<(hmac::Algorithm, usize)> {
    match encryption {
        ContentEncryption::A128CbcHs256 => Some((hmac::HMAC_SHA256, 16)),
        ContentEncryption::A192CbcHs384 => Some((hmac::HMAC_SHA384, 24)),
        ContentEncryption::A256CbcHs512 => Some((hmac::HMAC_SHA512, 32)),
        ContentEncryption::A128Gcm | ContentEncryption::A192Gcm | ContentEncryption::A256Gcm => {
            None
        }
    }
}
