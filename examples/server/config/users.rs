//! People in the configuration.

use oidc_op::{ClaimSources, GrantType, Scope, Subject};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Map, Value};

use super::{Hidden, sources::SourceEntry};
use crate::second_factor::SecondFactor;

/// A person.
#[derive(Debug)]
pub(crate) struct UserEntry {
    pub(crate) username: String,
    pub(crate) password: Password,
    /// What they are asked for instead, where a scope says so.
    pub(crate) pin: Option<Hidden>,
    pub(crate) sub: Subject,
    pub(crate) claims: Map<String, Value>,
    /// A document of any form, which the mapping makes claims of.
    pub(crate) document: Option<Value>,
    pub(crate) sources: ClaimSources,
    pub(crate) second_factor: Option<SecondFactor>,
    pub(crate) disabled: bool,
    /// What their clients may do at most; anything, if absent.
    pub(crate) permissions: Option<Scope>,
    /// Grant types beyond those of every app that their clients may be given over the management API.
    pub(crate) client_grants: Vec<GrantType>,
}

/// How a password is given.
#[derive(Clone, Debug)]
pub(crate) enum Password {
    Plain(Hidden),
    /// A PHC string.
    Hash(Hidden),
}

impl<'de> Deserialize<'de> for UserEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Members {
            username: String,
            password: Option<Hidden>,
            password_hash: Option<Hidden>,
            pin: Option<Hidden>,
            sub: Subject,
            #[serde(default)]
            claims: toml::Table,
            document: Option<toml::Table>,
            #[serde(default)]
            sources: Vec<SourceEntry>,
            totp: Option<Hidden>,
            #[serde(default)]
            disabled: bool,
            permissions: Option<Scope>,
            #[serde(default)]
            client_grants: Vec<GrantType>,
        }
        let members = Members::deserialize(deserializer)?;
        if members.username.trim().is_empty() {
            return Err(Error::custom("username is empty"));
        }
        let password = match (members.password, members.password_hash) {
            (Some(plain), None) => Password::Plain(plain),
            (None, Some(hash)) => Password::Hash(hash),
            _ => return Err(Error::custom("give either password or password_hash")),
        };
        if members.pin.as_ref().is_some_and(|pin| !is_pin(pin.expose())) {
            return Err(Error::custom(format_args!("pin: {PIN}")));
        }
        let claims = members.claims.into_iter();
        let claims: Result<_, _> =
            claims.map(|(name, value)| Ok((name, json(value).map_err(Error::custom)?))).collect();
        let document = members.document.map(|table| json(table.into())).transpose();
        let second_factor = members.totp.map(|secret| SecondFactor::new(secret.expose()));
        Ok(Self {
            username: members.username,
            password,
            pin: members.pin,
            sub: members.sub,
            claims: claims?,
            document: document.map_err(Error::custom)?,
            sources: SourceEntry::all(members.sources).map_err(Error::custom)?,
            second_factor: second_factor.transpose().map_err(Error::custom)?,
            disabled: members.disabled,
            permissions: members.permissions,
            client_grants: members.client_grants,
        })
    }
}

/// What a PIN is.
pub(crate) const PIN: &str = "is 4 to 32 digits";

/// Whether it is one.
pub(crate) fn is_pin(text: &str) -> bool {
    (4..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// The value as JSON; a date becomes its text.
fn json(value: toml::Value) -> Result<Value, &'static str> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => {
            serde_json::Number::from_f64(number).ok_or("a number must be finite")?.into()
        }
        toml::Value::Boolean(bit) => bit.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(list) => {
            Value::Array(list.into_iter().map(json).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(table) => Value::Object(
            table
                .into_iter()
                .map(|(name, value)| Ok((name, json(value)?)))
                .collect::<Result<_, &'static str>>()?,
        ),
    })
}
