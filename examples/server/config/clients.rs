//! Clients in the configuration: the members of RFC 7591, read by the library's own types.

use std::fmt;

use oidc_op::{AuthMethod, Client, ClientId, ClientMetadata, ClientSecret};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};

use super::Hidden;

/// A client: its registered metadata by their RFC 7591 names, and settings of ours.
#[derive(Debug)]
pub(crate) struct ClientEntry(pub(crate) Client);

impl<'de> Deserialize<'de> for ClientEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClientVisitor).map(Self)
    }
}

struct ClientVisitor;

impl<'de> Visitor<'de> for ClientVisitor {
    type Value = Client;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table with the members of a client")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Client, A::Error> {
        let mut id: Option<ClientId> = None;
        let mut secret: Option<Hidden> = None;
        let (mut require_pkce, mut first_party, mut enabled) = (None, false, true);
        let mut metadata = toml::Table::new();
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "client_id" => id = Some(map.next_value()?),
                "client_secret" => secret = Some(map.next_value()?),
                "require_pkce" => require_pkce = Some(map.next_value()?),
                "first_party" => first_party = map.next_value()?,
                "enabled" => enabled = map.next_value()?,
                _ => {
                    let value = map.next_value_seed(Member(&name))?;
                    metadata.insert(name, value);
                }
            }
        }
        let id = id.ok_or_else(|| A::Error::missing_field("client_id"))?;
        let method_is_named = metadata.contains_key("token_endpoint_auth_method");
        let metadata: ClientMetadata = metadata.try_into().map_err(A::Error::custom)?;
        let client = match (secret, metadata.token_endpoint_auth_method) {
            (Some(secret), _) => {
                Client::confidential(id, ClientSecret::new(secret.expose()), metadata)
            }
            (None, AuthMethod::None) => Client::public(id, metadata),
            (None, _) => {
                let hint =
                    if method_is_named { "" } else { " (or token_endpoint_auth_method none)" };
                return Err(A::Error::custom(format_args!(
                    "client {id:?} has no client_secret{hint}"
                )));
            }
        };
        let mut client = client.map_err(A::Error::custom)?;
        client.require_pkce = require_pkce;
        client.first_party = first_party;
        client.enabled = enabled;
        Ok(client)
    }
}

/// One member of the metadata, checked alone, so that an error is reported at its line.
struct Member<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = toml::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<toml::Value, D::Error> {
        let Self(name) = self;
        if !ClientMetadata::MEMBERS.contains(&name) {
            return Err(Error::custom("a client has no such member"));
        }
        let value = toml::Value::deserialize(deserializer)?;
        let alone = toml::Table::from_iter([(name.to_owned(), value.clone())]);
        match alone.try_into::<ClientMetadata>() {
            Ok(_) => Ok(value),
            Err(error) => Err(Error::custom(error.message())),
        }
    }
}
