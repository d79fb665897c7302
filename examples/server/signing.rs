//! The signing keys: in a file of this server's, or in the store, where all servers share them and
//! they rotate while the servers run.

use std::{future::Future, sync::Arc};

use oidc_op::{
    Duration, KeyRecord, KeyRotation, KeySet, Signer, SigningAlgorithm, StoredKeys, StoredKeysError,
};
use tokio::{runtime::Handle, task::spawn_blocking};
use tracing::{error, info};

use crate::{config::ConfigError, layers};

/// Keys in the store, and how often they rotate.
pub(crate) struct Signing {
    pub(crate) keys: StoredKeys,
    algorithms: Vec<SigningAlgorithm>,
    rotate: Option<Duration>,
}

impl Signing {
    /// Reads the keys from their record, or puts those that were given there, or fresh ones.
    pub(crate) async fn open(
        record: Result<KeyRecord, StoredKeysError>,
        given: Option<KeySet>,
        algorithms: Vec<SigningAlgorithm>,
        rotate: Option<Duration>,
    ) -> Result<Self, ConfigError> {
        let mut record = record.map_err(|e| wrong(&e))?;
        if let Some(keys) = given {
            record = record.first(keys);
        }
        let wanted = algorithms.clone();
        let keys = off_the_runtime(async move { record.open(&wanted).await }).await;
        Ok(Self { keys: keys?.map_err(|e| wrong(&e))?, algorithms, rotate })
    }

    pub(crate) fn signer(&self) -> Arc<dyn Signer> {
        Arc::new(self.keys.clone())
    }

    /// Rotates what is due; every server may ask, and one does it.
    pub(crate) async fn rotate(&self) {
        let Some(every) = self.rotate else { return };
        for algorithm in self.algorithms.iter().copied() {
            let keys = self.keys.clone();
            let rotated = off_the_runtime(async move {
                keys.rotate_when_due(algorithm, every, KeyRotation::default()).await
            });
            match rotated.await {
                Ok(Ok(true)) => info!(%algorithm, "announced a new signing key"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    error!(%algorithm, error = layers::chain(&error), "rotation failed");
                }
                Err(error) => error!(%algorithm, %error, "rotation failed"),
            }
        }
    }
}

/// Making an RSA key takes a good part of a second, in which requests are to be served.
pub(crate) async fn off_the_runtime<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, ConfigError> {
    let runtime = Handle::current();
    let done = spawn_blocking(move || runtime.block_on(work)).await;
    done.map_err(|e| ConfigError::new(format!("keys.store: {e}")))
}

fn wrong(error: &StoredKeysError) -> ConfigError {
    ConfigError::new(format!("keys.store: {}", layers::chain(error)))
}
