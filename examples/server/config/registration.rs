//! `[registration]`: whether and how clients register themselves, and whose word about them counts.

use std::path::{Path, PathBuf};

use oidc_op::{Duration, GrantType, Jwks, RegistrationAccess, SigningAlgorithm, TrustedIssuer};
use serde::{Deserialize, Deserializer, de::Error};

use super::{ConfigError, member::jwks};

/// Whether and how; what is absent has the library's default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Registration {
    access: Option<Access>,
    grant_types: Option<Vec<GrantType>>,
    secret_lifetime: Option<u32>,
    unused_lifetime: Option<u32>,
    cap: Option<u32>,
    rotate_tokens: Option<bool>,
    require_statement: Option<bool>,
    pub(super) publishers: Vec<PublisherEntry>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Access {
    InitialAccessToken,
    Open,
}

/// Somebody whose statements about software count.
#[derive(Clone, Debug)]
pub(crate) struct PublisherEntry {
    pub(super) issuer: String,
    keys: Keys,
    algorithms: Option<Vec<SigningAlgorithm>>,
}

/// Where the public keys are.
#[derive(Clone, Debug)]
enum Keys {
    Here(Jwks),
    File(PathBuf),
}

impl Registration {
    /// What the library wants to know.
    pub(super) fn rules(&self) -> oidc_op::Registration {
        let mut rules = oidc_op::Registration::default();
        rules.access = match self.access {
            Some(Access::InitialAccessToken) => RegistrationAccess::InitialAccessToken,
            Some(Access::Open) => RegistrationAccess::Open,
            None => rules.access,
        };
        if let Some(grant_types) = &self.grant_types {
            rules.grant_types.clone_from(grant_types);
        }
        let seconds = |seconds: u32| Duration::seconds(seconds.into());
        rules.secret_lifetime = self.secret_lifetime.map(seconds);
        rules.unused_lifetime = self.unused_lifetime.map_or(rules.unused_lifetime, seconds);
        rules.cap = self.cap.unwrap_or(rules.cap);
        rules.rotate_tokens = self.rotate_tokens.unwrap_or(rules.rotate_tokens);
        rules.require_statement = self.require_statement.unwrap_or(rules.require_statement);
        rules
    }

    pub(super) fn resolve(&mut self, directory: &Path) {
        for publisher in &mut self.publishers {
            if let Keys::File(path) = &mut publisher.keys {
                *path = directory.join(&*path);
            }
        }
    }

    /// What contradicts itself.
    pub(super) fn finding(&self) -> Option<String> {
        let publishers = &self.publishers;
        if self.require_statement == Some(true) && publishers.is_empty() {
            return Some(
                "registration.require_statement: needs [[registration.publishers]]".into(),
            );
        }
        let twice = publishers.iter().enumerate().find(|(at, one)| {
            publishers.iter().skip(at + 1).any(|other| other.issuer == one.issuer)
        });
        twice.map(|(_, one)| format!("registration.publishers: {:?} is there twice", one.issuer))
    }

    /// The publishers and their keys, those in files read.
    pub(crate) fn publishers(&self) -> Result<Vec<(String, TrustedIssuer)>, ConfigError> {
        self.publishers.iter().map(|entry| Ok((entry.issuer.clone(), entry.trusted()?))).collect()
    }
}

impl PublisherEntry {
    fn trusted(&self) -> Result<TrustedIssuer, ConfigError> {
        let keys = match &self.keys {
            Keys::Here(keys) => keys.clone(),
            Keys::File(path) => {
                let wrong = |problem: &dyn std::fmt::Display| {
                    let path = super::shown(path);
                    ConfigError::new(format!(
                        "registration.publishers: jwks_file: {path}: {problem}"
                    ))
                };
                let text = std::fs::read_to_string(path).map_err(|e| wrong(&e))?;
                Jwks::from_json(&text).map_err(|e| wrong(&e))?
            }
        };
        let mut trusted = TrustedIssuer::new(keys);
        if let Some(algorithms) = &self.algorithms {
            trusted.algorithms.clone_from(algorithms);
        }
        Ok(trusted)
    }
}

impl<'de> Deserialize<'de> for PublisherEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Members {
            issuer: String,
            jwks: Option<Set>,
            jwks_file: Option<PathBuf>,
            algorithms: Option<Vec<SigningAlgorithm>>,
        }
        #[derive(Deserialize)]
        struct Set(#[serde(deserialize_with = "jwks")] Jwks);

        let members = Members::deserialize(deserializer)?;
        let keys = match (members.jwks, members.jwks_file) {
            (Some(Set(keys)), None) => Keys::Here(keys),
            (None, Some(path)) => Keys::File(path),
            _ => return Err(Error::custom("give either jwks or jwks_file")),
        };
        Ok(Self { issuer: members.issuer, keys, algorithms: members.algorithms })
    }
}
