//! `[keys]`: where the keys are, and which ones there must be.

use std::path::PathBuf;

use oidc_op::{Duration, SigningAlgorithm};
use serde::Deserialize;

/// Where the keys are.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keys {
    /// A private JWK Set; made in the data directory if absent, or in the store if that is where the
    /// keys are.
    pub(crate) file: Option<PathBuf>,
    /// Whether the signing keys are in the store, sealed, so that all nodes share them and they rotate
    /// while the server runs.
    pub(crate) store: bool,
    /// Seconds after which each of them gets a successor; never if absent.
    rotate: Option<u32>,
    /// The same, of the keys that clients encrypt to.
    pub(crate) decryption: Option<PathBuf>,
    algorithms: Option<Vec<SigningAlgorithm>>,
}

impl Keys {
    /// A successor is announced for a day before it signs; a shorter time would only add keys.
    const SHORTEST: Duration = Duration::DAY;

    pub(super) fn check(&self) -> Result<(), &'static str> {
        match self.rotate() {
            Some(_) if !self.store => Err("keys.rotate: needs keys.store = true"),
            Some(every) if every < Self::SHORTEST => Err("keys.rotate: is at least a day, 86400"),
            _ if !self.algorithms().contains(&SigningAlgorithm::RS256) => {
                Err("keys.algorithms: RS256 must be among them (OpenID Connect Core, section 15.1)")
            }
            _ => Ok(()),
        }
    }

    /// How old a signing key becomes before it gets a successor.
    pub(crate) fn rotate(&self) -> Option<Duration> {
        self.rotate.map(|seconds| Duration::seconds(seconds.into()))
    }

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
