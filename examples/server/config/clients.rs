//! Clients in the configuration, and in requests to the management API: the members of RFC 7591, read by
//! the library's own types, and settings of ours.

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

/// The members of a client, as they were read.
#[derive(Debug, Default)]
pub(crate) struct ClientMembers {
    pub(crate) id: Option<ClientId>,
    secrets: Vec<Hidden>,
    pub(crate) metadata: ClientMetadata,
    method_is_named: bool,
    pub(crate) settings: ClientSettings,
}

/// What is set of a client besides its metadata; what is absent stays as it is.
#[derive(Debug, Default)]
pub(crate) struct ClientSettings {
    require_pkce: Option<bool>,
    assertion_audience: Option<AssertionAudience>,
    first_party: Option<bool>,
    enabled: Option<bool>,
    claims: Option<ClaimPolicy>,
    refresh: Option<RefreshPolicy>,
    resources: Option<Vec<Resource>>,
    password_grant: Option<bool>,
    owner: Option<Subject>,
}

/// The member that asks for something without a signature, which the policy must allow.
pub(crate) fn unsigned_member(metadata: &ClientMetadata) -> Option<&'static str> {
    let members = [
        ("id_token_signed_response_alg", Some(metadata.id_token_signed_response_alg)),
        ("userinfo_signed_response_alg", metadata.userinfo_signed_response_alg),
        ("request_object_signing_alg", metadata.request_object_signing_alg),
    ];
    members.into_iter().find(|(_, alg)| *alg == Some(JwsAlgorithm::None)).map(|(name, _)| name)
}

impl ClientSettings {
    /// Writes what was said over what is there.
    pub(crate) fn write(self, client: &mut Client) {
        if let Some(require_pkce) = self.require_pkce {
            client.require_pkce = Some(require_pkce);
        }
        if let Some(audience) = self.assertion_audience {
            client.assertion_audience = Some(audience);
        }
        if let Some(resources) = self.resources {
            client.resources = Some(resources);
        }
        if let Some(owner) = self.owner {
            client.owner = Some(owner);
        }
        if let Some(claims) = self.claims {
            client.claims = claims;
        }
        if let Some(refresh) = self.refresh {
            client.refresh = refresh;
        }
        for (to, from) in [
            (&mut client.first_party, self.first_party),
            (&mut client.enabled, self.enabled),
            (&mut client.password_grant, self.password_grant),
        ] {
            *to = from.unwrap_or(*to);
        }
    }

    /// Puts one back to what it is when nobody says anything of it; false if it is none of them.
    pub(crate) fn reset(client: &mut Client, name: &str) -> bool {
        match name {
            "require_pkce" => client.require_pkce = None,
            "assertion_audience" => client.assertion_audience = None,
            "first_party" => client.first_party = false,
            "claims" => client.claims = ClaimPolicy::default(),
            "refresh" => client.refresh = RefreshPolicy::default(),
            "resources" => client.resources = None,
            "password_grant" => client.password_grant = false,
            "owner" => client.owner = None,
            _ => return false,
        }
        true
    }
}

impl ClientMembers {
    /// Whether a client has such a member, registered or of ours.
    pub(crate) fn is_member(name: &str) -> bool {
        let ours = [
            "client_id",
            "client_secret",
            "client_secrets",
            "require_pkce",
            "assertion_audience",
            "first_party",
            "enabled",
            "claims",
            "refresh",
            "resources",
            "password_grant",
            "owner",
        ];
        ours.contains(&name) || ClientMetadata::is_member(name)
    }

    /// The client that these members make.
    fn client(self) -> Result<Client, String> {
        let Self { id, secrets, metadata, method_is_named, settings } = self;
        let id = id.ok_or("missing field `client_id`")?;
        let client = match (&*secrets, metadata.token_endpoint_auth_method) {
            ([secret, older @ ..], _) => confidential(&id, secret, older, &metadata),
            ([], AuthMethod::None) => Client::public(id.clone(), metadata),
            ([], AuthMethod::PrivateKeyJwt) => Client::keyed(id.clone(), metadata),
            ([], _) => {
                let hint = if method_is_named {
                    ""
                } else {
                    " (or token_endpoint_auth_method none, or private_key_jwt)"
                };
                return Err(format!("client {id:?} has no client_secret{hint}"));
            }
        };
        let mut client = client.map_err(|e| format!("client {id:?}: {e}"))?;
        settings.write(&mut client);
        Ok(client)
    }
}

impl<'de> Deserialize<'de> for ClientEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;

        impl<'de> Visitor<'de> for Whole {
            type Value = Client;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                MembersVisitor.expecting(f)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Client, A::Error> {
                MembersVisitor.visit_map(map)?.client().map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_map(Whole).map(Self)
    }
}

impl<'de> Deserialize<'de> for ClientMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = ClientMembers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table with the members of a client")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClientMembers, A::Error> {
        let mut members = ClientMembers::default();
        let mut metadata = toml::Table::new();
        let settings = &mut members.settings;
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "client_id" => members.id = Some(map.next_value()?),
                "client_secret" => members.secrets.insert(0, map.next_value()?),
                "client_secrets" => members.secrets.extend(map.next_value::<Vec<Hidden>>()?),
                "require_pkce" => settings.require_pkce = Some(map.next_value()?),
                "assertion_audience" => settings.assertion_audience = Some(map.next_value()?),
                "first_party" => settings.first_party = Some(map.next_value()?),
                "enabled" => settings.enabled = Some(map.next_value()?),
                "claims" => settings.claims = Some(map.next_value()?),
                "refresh" => settings.refresh = Some(map.next_value()?),
                "resources" => settings.resources = Some(map.next_value()?),
                "password_grant" => settings.password_grant = Some(map.next_value()?),
                "owner" => settings.owner = Some(map.next_value()?),
                name if !ClientMembers::is_member(name) => {
                    map.next_value_seed(NoMember)?;
                }
                _ => {
                    let value = map.next_value_seed(Member::<ClientMetadata>::new(&name))?;
                    metadata.insert(name, value);
                }
            }
        }
        members.method_is_named = metadata.contains_key("token_endpoint_auth_method");
        members.metadata = metadata.try_into().map_err(A::Error::custom)?;
        Ok(members)
    }
}

/// A client with a secret, and those that it still accepts.
fn confidential(
    id: &ClientId,
    secret: &Hidden,
    older: &[Hidden],
    metadata: &ClientMetadata,
) -> Result<Client, InvalidMetadata> {
    let mut client = with_secret(id, secret.expose(), metadata)?;
    for secret in older {
        client.secrets.extend(with_secret(id, secret.expose(), metadata)?.secrets);
    }
    Ok(client)
}

/// A client with a secret, which is kept only if something that the client registers uses it as a key.
pub(crate) fn with_secret(
    id: &ClientId,
    secret: &str,
    metadata: &ClientMetadata,
) -> Result<Client, InvalidMetadata> {
    let made = |secret| Client::confidential(id.clone(), secret, metadata.clone());
    match made(ClientSecret::new(secret)) {
        Err(InvalidMetadata::SecretNotKept(_)) => made(ClientSecret::kept(secret)),
        made => made,
    }
}

/// A member that clients do not have, refused at its line.
struct NoMember;

impl<'de> DeserializeSeed<'de> for NoMember {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Err(Error::custom("a client has no such member"))
    }
}
