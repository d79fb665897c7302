//! `[[trusted_issuers]]`: whose word counts in place of a person's.

use std::collections::HashMap;

use oidc_op::{Jwks, SigningAlgorithm, Subject, TrustedIssuer};
use serde::{Deserialize, Deserializer, de::Error};

use super::member::jwks;

/// An issuer, its keys, and the people whom it may name.
#[derive(Clone, Debug)]
pub(crate) struct TrustedIssuerEntry {
    pub(crate) issuer: String,
    pub(crate) trusted: TrustedIssuer,
    pub(crate) people: NamedPeople,
}

/// The people whom an issuer may name.
#[derive(Clone, Debug)]
pub(crate) enum NamedPeople {
    /// These, from its name for them to ours.
    Listed(HashMap<String, Subject>),
    /// All whose `sub` begins so; the rest of it is the issuer's name for them.
    Prefixed(String),
}

impl NamedPeople {
    /// Who is meant.
    pub(crate) fn subject(&self, theirs: &str) -> Option<Subject> {
        match self {
            Self::Listed(people) => people.get(theirs).cloned(),
            Self::Prefixed(prefix) => Subject::new(format!("{prefix}{theirs}")).ok(),
        }
    }
}

impl<'de> Deserialize<'de> for TrustedIssuerEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Members {
            issuer: String,
            #[serde(deserialize_with = "jwks")]
            jwks: Jwks,
            algorithms: Option<Vec<SigningAlgorithm>>,
            subjects: Option<HashMap<String, Subject>>,
            prefix: Option<String>,
        }
        let members = Members::deserialize(deserializer)?;
        let people = match (members.subjects, members.prefix) {
            (Some(subjects), None) => NamedPeople::Listed(subjects),
            // With an empty one it could name everybody.
            (None, Some(prefix)) if !prefix.is_empty() => NamedPeople::Prefixed(prefix),
            _ => return Err(Error::custom("give either subjects or prefix")),
        };
        let mut trusted = TrustedIssuer::new(members.jwks);
        if let Some(algorithms) = members.algorithms {
            trusted.algorithms = algorithms;
        }
        Ok(Self { issuer: members.issuer, trusted, people })
    }
}
