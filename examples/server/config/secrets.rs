//! Secrets in the configuration: where they are, and texts that no error repeats.

use std::{fmt, path::PathBuf};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::Secret;
use serde::{Deserialize, Deserializer, de::Error};

/// Where the secrets are; made in the data directory if absent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SecretSources {
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) token: Option<Vec<SecretSource>>,
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) storage: Option<Vec<SecretSource>>,
    pub(crate) pairwise: Option<SecretSource>,
}

/// `{ file = "…" }` or `{ value = "…" }`.
#[derive(Debug)]
pub(crate) enum SecretSource {
    File(PathBuf),
    Value(Secret),
}

impl SecretSource {
    fn from_toml(value: &toml::Value) -> Result<Self, &'static str> {
        const SHAPE: &str = "a secret is { file = \"…\" } or { value = \"…\" }";
        let table = value.as_table().filter(|table| table.len() == 1).ok_or(SHAPE)?;
        match table.iter().next() {
            Some((name, toml::Value::String(path))) if name == "file" => {
                Ok(Self::File(path.into()))
            }
            Some((name, toml::Value::String(text))) if name == "value" => {
                Ok(Self::Value(secret(text)?))
            }
            _ => Err(SHAPE),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By way of a `Value`: the errors of a typed parser quote what they have read.
        let value = toml::Value::deserialize(deserializer)?;
        Self::from_toml(&value).map_err(Error::custom)
    }
}

fn one_or_more<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<SecretSource>>, D::Error> {
    let value = toml::Value::deserialize(d)?;
    let list = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
    let sources: Result<_, _> = list.iter().map(SecretSource::from_toml).collect();
    sources.map(Some).map_err(Error::custom)
}

/// Reads a secret as the data directory and the file write it.
pub(crate) fn secret(text: &str) -> Result<Secret, &'static str> {
    const SHAPE: &str = "a secret is base64url of at least 32 bytes, without padding";
    Secret::new(URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| SHAPE)?).map_err(|_| SHAPE)
}

/// A text that is not to be seen, not even in an error of the parser.
#[derive(Clone)]
pub(crate) struct Hidden(String);

impl Hidden {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(..)")
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) if !text.is_empty() => Ok(Self(text)),
            _ => Err(Error::custom("must be a text that is not empty")),
        }
    }
}
