//! Members of a table that are read one by one.

use std::marker::PhantomData;

use oidc_op::Jwks;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error},
};

/// One member of a `T`, checked alone, so that an error is reported at its line.
pub(super) struct Member<'n, T> {
    name: &'n str,
    whole: PhantomData<T>,
}

impl<'n, T> Member<'n, T> {
    pub(super) fn new(name: &'n str) -> Self {
        Self { name, whole: PhantomData }
    }
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Member<'_, T> {
    type Value = toml::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<toml::Value, D::Error> {
        let value = normal(self.name, toml::Value::deserialize(deserializer)?);
        let alone = toml::Table::from_iter([(self.name.to_owned(), value.clone())]);
        match alone.try_into::<T>() {
            Ok(_) => Ok(value),
            // The name of the member is on the line already.
            Err(error) => {
                let message = error.message();
                let named =
                    message.strip_prefix(self.name).and_then(|rest| rest.strip_prefix(": "));
                Err(Error::custom(named.unwrap_or(message)))
            }
        }
    }
}

/// A JWK Set, or the list of its keys.
pub(super) fn jwks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Jwks, D::Error> {
    let value = normal("jwks", toml::Value::deserialize(deserializer)?);
    value.try_into().map_err(|error: toml::de::Error| Error::custom(error.message()))
}

/// A JWK Set may be written as the list of its keys.
fn normal(name: &str, value: toml::Value) -> toml::Value {
    match value {
        toml::Value::Array(keys) if name == "jwks" => {
            toml::Table::from_iter([("keys".to_owned(), toml::Value::Array(keys))]).into()
        }
        value => value,
    }
}
