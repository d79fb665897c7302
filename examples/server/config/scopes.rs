//! Scopes of the host's own.

use oidc_op::Scope;
use serde::{Deserialize, Deserializer, de::Error};

/// Scopes of the host's own: a list of tokens, or a table from tokens to what they mean to people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scopes(Vec<(String, Option<String>)>);

impl Scopes {
    /// What a token means to people, if the file says so.
    pub(crate) fn meaning(&self, token: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == token)?.1.as_deref()
    }

    pub(super) fn scope(&self) -> Scope {
        let tokens: Vec<_> = self.0.iter().map(|(token, _)| token.as_str()).collect();
        // Checked when it was read.
        Scope::parse(&tokens.join(" ")).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tokens: Option<Vec<_>> = match toml::Value::deserialize(deserializer)? {
            toml::Value::Array(list) => {
                list.iter().map(|token| Some((token.as_str()?.to_owned(), None))).collect()
            }
            toml::Value::Table(table) => table
                .into_iter()
                .map(|(token, meaning)| Some((token, Some(meaning.as_str()?.to_owned()))))
                .collect(),
            _ => None,
        };
        let tokens = tokens.ok_or_else(|| {
            Error::custom("a list of scope tokens, or a table from tokens to their meanings")
        })?;
        for (token, _) in &tokens {
            let alone = Scope::parse(token).map_err(Error::custom)?;
            if alone.iter().ne([token.as_str()]) {
                return Err(Error::custom(format_args!("{token:?} is not one scope token")));
            }
        }
        Ok(Self(tokens))
    }
}
