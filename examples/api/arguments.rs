//! The command line.

use std::{env, error::Error, net::SocketAddr};

use lexopt::prelude::*;
use oidc_op::{ClientId, Issuer, Resource};

pub(crate) const HELP: &str = "\
An API that takes the access tokens of an OpenID Provider.

Usage: api [OPTION]...

  --issuer URL         the provider; http://localhost:8080
  --resource URI       this API, as the audience of its tokens; http://localhost:9090
  --listen ADDRESS     the socket; 127.0.0.1:9090
  --jwks-uri URL       the provider's keys; ISSUER/jwks
  --client-id ID       ask about opaque tokens as this client; the variable CLIENT_SECRET holds
                       its secret. Without it only JWTs are taken
  --introspection URL  where to ask; ISSUER/introspect
  --help               this text
";

/// What was asked for.
pub(crate) struct Arguments {
    pub(crate) issuer: Issuer,
    pub(crate) resource: Resource,
    pub(crate) listen: SocketAddr,
    pub(crate) jwks_uri: String,
    pub(crate) introspection: String,
    /// This API as a client of the provider.
    pub(crate) client: Option<(ClientId, String)>,
}

impl Arguments {
    /// `None` if it is help that was asked for.
    pub(crate) fn parse() -> Result<Option<Self>, Box<dyn Error>> {
        let mut issuer = Issuer::new("http://localhost:8080")?;
        let mut resource = Resource::new("http://localhost:9090")?;
        let mut listen = SocketAddr::from(([127, 0, 0, 1], 9090));
        let (mut jwks_uri, mut introspection, mut client) = (None, None, None);
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("issuer") => issuer = parser.value()?.parse_with(|url| Issuer::new(url))?,
                Long("resource") => {
                    resource = parser.value()?.parse_with(|uri| Resource::new(uri))?;
                }
                Long("listen") => listen = parser.value()?.parse()?,
                Long("jwks-uri") => jwks_uri = Some(parser.value()?.string()?),
                Long("introspection") => introspection = Some(parser.value()?.string()?),
                Long("client-id") => {
                    client = Some(parser.value()?.parse_with(|id| ClientId::new(id))?);
                }
                _ => return Err(argument.unexpected().into()),
            }
        }
        let secret = || env::var("CLIENT_SECRET").map_err(|e| format!("CLIENT_SECRET: {e}"));
        let client = client.map(|id| secret().map(|secret| (id, secret))).transpose()?;
        let below = |path: &str| format!("{}{}{path}", issuer.origin(), issuer.path());
        let jwks_uri = jwks_uri.unwrap_or_else(|| below("/jwks"));
        let introspection = introspection.unwrap_or_else(|| below("/introspect"));
        Ok(Some(Self { issuer, resource, listen, jwks_uri, introspection, client }))
    }
}
