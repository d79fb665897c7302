//! What must not be seen: redacted newtypes, digests, and the keys derived from the host's secrets.

mod digest;
mod handle;
mod keys;
mod sealed;
pub(crate) mod storage;

use std::fmt;

pub(crate) use digest::{Digest, serde_bytes};
pub(crate) use handle::{Handle, HandleKind};
pub use keys::Secrets;
pub(crate) use keys::{Kid, TokenKeys, expand, same_kid};
pub(crate) use sealed::{SealKind, open, seal};
pub(crate) use storage::StorageKeys;

use crate::env::{Entropy, EntropyError};

/// Bytes that protect something: at least 32 of them, never printed and never serialised.
///
/// ```
/// use oidc_op::Secret;
///
/// let secret = Secret::new(*b"0123456789abcdef0123456789abcdef").unwrap();
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// assert!(Secret::new(*b"too short").is_err());
/// ```
///
/// It does not serialise:
///
/// ```compile_fail,E0277
/// let secret = oidc_op::Secret::new([0; 32]).unwrap();
/// serde_json::to_string(&secret);
/// ```
///
/// # Security
///
/// Take them from [`Secret::random`] and keep them apart from the store's back-ups: a copy of the
/// store gives a thief nothing to present, and a token secret alone names nobody.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

/// Fewer than 32 bytes were given as a [`Secret`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret has at least 32 bytes")]
pub struct SecretTooShort;

impl Secret {
    /// Takes 32 or more bytes, which should be random.
    ///
    /// # Errors
    ///
    /// [`SecretTooShort`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretTooShort> {
        let bytes = bytes.into();
        if bytes.len() < 32 { Err(SecretTooShort) } else { Ok(Self(bytes.into())) }
    }

    /// 32 bytes from the source of randomness.
    ///
    /// # Errors
    ///
    /// The source failed.
    pub fn random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut bytes = vec![0; 32];
        entropy.fill(&mut bytes)?;
        Ok(Self(bytes.into()))
    }

    /// The bytes, for storing them where only the host can read.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// `n` bytes from the source of randomness.
pub(crate) fn random<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], EntropyError> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}
