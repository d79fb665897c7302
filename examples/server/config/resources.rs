//! `[[resources]]`: the APIs that access tokens may be for.

use oidc_op::{
    AccessTokenFormat, ClientId, ContentEncryption, Duration, Jwks, JwtEncryption, JwtFormat,
    KeyManagementAlgorithm, Resource, ResourceServer, Scope, SigningAlgorithm,
};
use serde::{Deserialize, Deserializer, de::Error};

use super::member::jwks;

/// An API, and what its tokens look like.
#[derive(Clone, Debug)]
pub(crate) struct ResourceEntry(pub(crate) ResourceServer);

impl ResourceEntry {
    pub(super) fn name(&self) -> &str {
        self.0.resource.as_str()
    }

    /// What signs its tokens, if they are JWTs.
    pub(super) fn algorithm(&self) -> Option<SigningAlgorithm> {
        match &self.0.format {
            AccessTokenFormat::Jwt(format) => Some(format.algorithm),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    resource: Resource,
    scope: Option<Scope>,
    #[serde(default)]
    format: Format,
    algorithm: Option<SigningAlgorithm>,
    encryption: Option<Encryption>,
    lifetime: Option<u32>,
    client: Option<ClientId>,
    #[serde(default)]
    claims: Vec<Box<str>>,
    #[serde(default)]
    scope_claims: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Opaque,
    Jwt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Encryption {
    algorithm: KeyManagementAlgorithm,
    #[serde(default)]
    content: ContentEncryption,
    #[serde(deserialize_with = "jwks")]
    jwks: Jwks,
}

impl<'de> Deserialize<'de> for ResourceEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Members::deserialize(deserializer)?;
        let mut server = ResourceServer::new(members.resource);
        if members.format == Format::Jwt {
            let algorithm = members.algorithm.unwrap_or(SigningAlgorithm::RS256);
            let mut format = JwtFormat::signed(algorithm);
            format.encryption =
                members.encryption.map(|e| JwtEncryption::new(e.algorithm, e.content, e.jwks));
            server.format = AccessTokenFormat::Jwt(format);
        } else if members.algorithm.is_some() || members.encryption.is_some() {
            return Err(Error::custom("algorithm and encryption need format = \"jwt\""));
        }
        server.scope = members.scope;
        server.lifetime = members.lifetime.map(|seconds| Duration::seconds(seconds.into()));
        server.client = members.client;
        server.claims = members.claims;
        server.scope_claims = members.scope_claims;
        Ok(Self(server))
    }
}
