//! `[[exchange]]`: which clients may exchange which tokens.

use oidc_op::{ClientId, Scope};
use serde::{Deserialize, Deserializer, de::Error};

/// A client that may exchange tokens of these clients for tokens that are for this audience.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExchangeRule {
    pub(crate) client: ClientId,
    /// Whom the token was issued to.
    #[serde(deserialize_with = "some")]
    pub(crate) from: Vec<ClientId>,
    /// Whom the new token may be for: resources, the provider itself by its issuer.
    #[serde(deserialize_with = "some")]
    pub(crate) audience: Vec<String>,
    /// What it may cover at most; all that the old one does, if absent.
    pub(crate) scope: Option<Scope>,
}

/// A list with something in it: an empty one would look like "any".
fn some<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Vec<T>, D::Error> {
    let list = Vec::deserialize(d)?;
    if list.is_empty() { Err(Error::custom("the list is empty")) } else { Ok(list) }
}
