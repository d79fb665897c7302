//! `[keys]`: where the keys are, and which ones there must be.

use std::path::PathBuf;

use oidc_op::SigningAlgorithm;
use serde::Deserialize;

/// Where the keys are.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keys {
    /// A private JWK Set; made in the data directory if absent.
    pub(crate) file: Option<PathBuf>,
    /// The same, of the keys that clients encrypt to.
    pub(crate) decryption: Option<PathBuf>,
    algorithms: Option<Vec<SigningAlgorithm>>,
}

impl Keys {
    /// What there must be a key for.
    pub(crate) fn algorithms(&self) -> &[SigningAlgorithm] {
        use SigningAlgorithm::{ES256, EdDSA, PS256, RS256};
        match (&self.algorithms, &self.file) {
            (Some(algorithms), _) => algorithms,
            (None, Some(_)) => &[RS256],
            (None, None) => &[RS256, ES256, EdDSA, PS256],
        }
    }
}
