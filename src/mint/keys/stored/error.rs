use super::super::KeyError;
use crate::{env::EntropyError, store::StoreError};

/// The signing keys in the store could not be read or changed.
///
/// Its text never repeats anything of a key or a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoredKeysError {
    /// [`Secrets::storage`](crate::Secrets::storage) is empty.
    #[error("there is no storage secret to seal the signing keys with")]
    NoSecret,
    /// Two storage secrets cannot be told apart.
    #[error("two storage secrets have the same short name; replace one")]
    SameName,
    /// The keys were sealed with a storage secret that is not given any more. Give it, behind the new
    /// one; nothing else brings the keys back.
    #[error("the signing keys were sealed with a storage secret that is not among those given")]
    SecretGone,
    /// What is sealed in the record does not open, although its secret seems to be there.
    #[error(
        "the sealed signing keys do not open: they were changed, or another secret's name is the same"
    )]
    Damaged,
    /// The record was there, and is not any more. The keys go on for as long as this process does.
    #[error("the record of the signing keys is gone from the store")]
    Missing,
    /// Others changed the keys at every attempt.
    #[error("the signing keys were changed by others, again and again")]
    Contended,
    /// A key could not be made, or cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store failed. If its answer is [unknown](StoreError::Unknown), the change may have happened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There was no randomness to be had.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}
