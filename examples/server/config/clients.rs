//! Clients in the configuration: the members of RFC 7591, read by the library's own types.

use std::fmt;

use oidc_op::{
    AssertionAudience, AuthMethod, ClaimPolicy, Client, ClientId, ClientMetadata, ClientSecret,
    InvalidMetadata, JwsAlgorithm, RefreshPolicy, Resource, Subject,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};

use super::{Hidden, member::Member};

/// A client: its registered metadata by their RFC 7591 names, and settings of ours.
#[derive(Debug)]
pub(crate) struct ClientEntry(pub(crate) Client);

impl ClientEntry {
    /// The member that asks for something without a signature, which the policy must allow.
    pub(super) fn unsigned_member(&self) -> Option<&'static str> {
        let metadata = &self.0.metadata;
        let members = [
            ("id_token_signed_response_alg", Some(metadata.id_token_signed_response_alg)),
            ("userinfo_signed_response_alg", metadata.userinfo_signed_response_alg),
            ("request_object_signing_alg", metadata.request_object_signing_alg),
        ];
        members.into_iter().find(|(_, alg)| *alg == Some(JwsAlgorithm::None)).map(|(name, _)| name)
    }
}

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
        let mut secrets: Vec<Hidden> = Vec::new();
        let (mut require_pkce, mut first_party, mut enabled) = (None, false, true);
        let mut assertion_audience: Option<AssertionAudience> = None;
        let mut claims = ClaimPolicy::default();
        let mut refresh = RefreshPolicy::default();
        let (mut password_grant, mut owner) = (false, None::<Subject>);
        let mut resources: Option<Vec<Resource>> = None;
        let mut metadata = toml::Table::new();
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "client_id" => id = Some(map.next_value()?),
                "client_secret" => secrets.insert(0, map.next_value()?),
                "client_secrets" => secrets.extend(map.next_value::<Vec<Hidden>>()?),
                "require_pkce" => require_pkce = Some(map.next_value()?),
                "assertion_audience" => assertion_audience = Some(map.next_value()?),
                "first_party" => first_party = map.next_value()?,
                "enabled" => enabled = map.next_value()?,
                "claims" => claims = map.next_value()?,
                "refresh" => refresh = map.next_value()?,
                "resources" => resources = Some(map.next_value()?),
                "password_grant" => password_grant = map.next_value()?,
                "owner" => owner = Some(map.next_value()?),
                name if !ClientMetadata::is_member(name) => {
                    map.next_value_seed(NoMember)?;
                }
                _ => {
                    let value = map.next_value_seed(Member::<ClientMetadata>::new(&name))?;
                    metadata.insert(name, value);
                }
            }
        }
        let id = id.ok_or_else(|| A::Error::missing_field("client_id"))?;
        let named = id.clone();
        let method_is_named = metadata.contains_key("token_endpoint_auth_method");
        let metadata: ClientMetadata = metadata.try_into().map_err(A::Error::custom)?;
        let client = match (&*secrets, metadata.token_endpoint_auth_method) {
            ([secret, older @ ..], _) => confidential(&id, secret, older, &metadata),
            ([], AuthMethod::None) => Client::public(id, metadata),
            ([], AuthMethod::PrivateKeyJwt) => Client::keyed(id, metadata),
            ([], _) => {
                let hint = if method_is_named {
                    ""
                } else {
                    " (or token_endpoint_auth_method none, or private_key_jwt)"
                };
                return Err(A::Error::custom(format_args!(
                    "client {id:?} has no client_secret{hint}"
                )));
            }
        };
        let mut client =
            client.map_err(|e| A::Error::custom(format_args!("client {named:?}: {e}")))?;
        client.require_pkce = require_pkce;
        client.assertion_audience = assertion_audience;
        client.first_party = first_party;
        client.enabled = enabled;
        client.claims = claims;
        client.refresh = refresh;
        client.resources = resources;
        client.password_grant = password_grant;
        client.owner = owner;
        Ok(client)
    }
}

/// A client with a secret, and those that it still accepts. They are kept only if something that the
/// client registers uses them as keys.
fn confidential(
    id: &ClientId,
    secret: &Hidden,
    older: &[Hidden],
    metadata: &ClientMetadata,
) -> Result<Client, InvalidMetadata> {
    let made = |secret: &Hidden| {
        let made = |secret| Client::confidential(id.clone(), secret, metadata.clone());
        match made(ClientSecret::new(secret.expose())) {
            Err(InvalidMetadata::SecretNotKept(_)) => made(ClientSecret::kept(secret.expose())),
            made => made,
        }
    };
    let mut client = made(secret)?;
    for secret in older {
        client.secrets.extend(made(secret)?.secrets);
    }
    Ok(client)
}

/// A member that clients do not have, refused at its line.
struct NoMember;

impl<'de> DeserializeSeed<'de> for NoMember {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Err(Error::custom("a client has no such member"))
    }
}
