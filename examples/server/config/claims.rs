//! `[claims]`: what is said of people, and how it is found in documents about them.

use std::fmt;

use oidc_op::{ClaimMapping, ClaimRules};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use super::member::Member;

/// The members of the library's rules, and a mapping beside them.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) rules: ClaimRules,
    pub(crate) mapping: Option<ClaimMapping>,
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = Claims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table with the rules for claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
        let mut mapping = None;
        let mut rules = toml::Table::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "mapping" {
                mapping = Some(map.next_value()?);
            } else {
                let value = map.next_value_seed(Member::<ClaimRules>::new(&name))?;
                rules.insert(name, value);
            }
        }
        Ok(Claims { rules: rules.try_into().map_err(A::Error::custom)?, mapping })
    }
}
