use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::{
    error::HostError,
    types::{SigningAlgorithm, Timestamp},
};

/// Signs tokens, and says which keys others may check them with.
///
/// [`StoredKeys`](crate::StoredKeys) is ready-made for keys that several nodes share, and
/// [`KeySet`](crate::KeySet) for keys in memory; a KMS or an HSM fits too, since
/// [`sign`](Signer::sign) is asynchronous.
#[async_trait]
pub trait Signer: Debug + Send + Sync + 'static {
    /// The key that signs with this algorithm now, if there is one.
    fn active(&self, algorithm: SigningAlgorithm, now: Timestamp) -> Option<SigningKey>;

    /// The keys to publish now: those announced, active and retiring.
    fn published(&self, now: Timestamp) -> Vec<PublishedKey>;

    /// The JWS signature over the input, in the form of [RFC 7518 §3].
    ///
    /// # Errors
    ///
    /// The key is gone or the signing device failed; nothing has been committed then, so that the
    /// client may try again.
    ///
    /// [RFC 7518 §3]: https://www.rfc-editor.org/rfc/rfc7518#section-3
    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError>;

    /// Takes up what other nodes have changed; there is nothing to do by default.
    ///
    /// [`Provider::work`](crate::Provider::work) calls it. The keys of before go on until it is done,
    /// and if it fails.
    ///
    /// # Errors
    ///
    /// It could not be found out; the next call may.
    async fn follow(&self, _now: Timestamp) -> Result<(), HostError> {
        Ok(())
    }
}

/// Names the key that is to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SigningKey {
    /// The `kid` that the token's header will carry.
    pub kid: Arc<str>,
    /// The algorithm.
    pub algorithm: SigningAlgorithm,
}

impl SigningKey {
    /// Names a key.
    pub fn new(kid: impl Into<Arc<str>>, algorithm: SigningAlgorithm) -> Self {
        Self { kid: kid.into(), algorithm }
    }
}

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyState {
    /// Published, so that clients learn it before its first signature.
    Announced,
    /// It signs.
    Active,
    /// It signs no more; what it has signed can still be checked.
    Retiring,
}

/// The public half of a key, as the JWK Set shows it ([RFC 7517 §4]).
///
/// [RFC 7517 §4]: https://www.rfc-editor.org/rfc/rfc7517#section-4
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishedKey {
    /// Its name and its one algorithm.
    pub key: SigningKey,
    /// Where it stands in its life.
    pub state: KeyState,
    /// The JWK: public members, `kid`, `alg` and `use`.
    pub jwk: Map<String, Value>,
}

impl PublishedKey {
    /// A key to publish.
    ///
    /// # Security
    ///
    /// `jwk` is shown to everybody: it must hold no private member.
    pub fn new(key: SigningKey, state: KeyState, jwk: Map<String, Value>) -> Self {
        Self { key, state, jwk }
    }
}

/// A signature could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// No active key has the algorithm.
    #[error("no active key signs with {0}")]
    NoKey(SigningAlgorithm),
    /// The device or library failed.
    #[error("signing failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[async_trait]
impl<S: Signer + ?Sized> Signer for Arc<S> {
    fn active(&self, algorithm: SigningAlgorithm, now: Timestamp) -> Option<SigningKey> {
        (**self).active(algorithm, now)
    }

    fn published(&self, now: Timestamp) -> Vec<PublishedKey> {
        (**self).published(now)
    }

    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError> {
        (**self).sign(key, input).await
    }

    async fn follow(&self, now: Timestamp) -> Result<(), HostError> {
        (**self).follow(now).await
    }
}
