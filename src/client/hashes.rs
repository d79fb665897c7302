use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;

use crate::error::HostError;

/// Checks client secrets that people have chosen against what a slow hash has left of them
/// ([`ClientSecret::hashed`](crate::ClientSecret::hashed)).
///
/// `Argon2Secrets`, behind the feature `argon2`, is ready-made. Without any, a hashed secret fits
/// nothing.
///
/// # Security
///
/// It is asked for every secret that is wrong, known client or not: bound how many hashes are computed
/// at once, and keep them off the threads that answer requests.
#[async_trait]
pub trait SecretHashes: Debug + Send + Sync + 'static {
    /// Whether this secret is the one that was hashed. Without a hash it is not, and to find that out
    /// takes as long: nobody learns by the clock whose secret is hashed, or that there is no such
    /// client.
    ///
    /// # Errors
    ///
    /// It cannot be found out now; the request fails with `server_error`.
    async fn verify(&self, hash: Option<&str>, presented: &str) -> Result<bool, HostError>;
}

#[async_trait]
impl<H: SecretHashes + ?Sized> SecretHashes for Arc<H> {
    async fn verify(&self, hash: Option<&str>, presented: &str) -> Result<bool, HostError> {
        (**self).verify(hash, presented).await
    }
}
