use time::Duration;

use super::{AccessTokenFormat, JwtFormat, ResourceServer};
use crate::{
    claims::Target,
    client::Client,
    config::Config,
    error::Reason,
    types::{ClientId, Resource, Scope},
};

/// Whom an access token is for: some of the resource servers, and perhaps the provider itself
/// (UserInfo), which is named by its issuer. Never nobody.
#[derive(Clone, Debug)]
pub(crate) struct Audience<'c> {
    config: &'c Config,
    servers: Vec<&'c ResourceServer>,
    provider: bool,
}

impl<'c> Audience<'c> {
    /// The audience that these resources are; without any, the default one ([RFC 8707 §2]).
    ///
    /// They must agree on what a token looks like, or one token could not be for all of them.
    ///
    /// [RFC 8707 §2]: https://www.rfc-editor.org/rfc/rfc8707#section-2
    pub(crate) fn of<'r>(
        config: &'c Config,
        resources: impl IntoIterator<Item = &'r str>,
    ) -> Result<Self, Reason> {
        let mut audience = Self { config, servers: Vec::new(), provider: false };
        for resource in resources {
            if resource == config.issuer.as_str() {
                audience.provider = true;
            } else {
                let server = config.resource(resource).ok_or(Reason::ResourceUnknown)?;
                if !audience.servers.iter().any(|known| known.resource == server.resource) {
                    audience.servers.push(server);
                }
            }
        }
        if audience.servers.is_empty() && !audience.provider {
            let default = config.default_resource.as_ref();
            audience
                .servers
                .extend(default.and_then(|resource| config.resource(resource.as_str())));
            audience.provider = audience.servers.is_empty();
        }
        // The provider reads its own tokens; what is encrypted to another it cannot.
        if audience.provider && audience.jwt().is_some_and(|jwt| jwt.encryption.is_some()) {
            return Err(Reason::ResourcesDiffer);
        }
        let mut formats = audience.servers.iter().map(|server| &server.format);
        let first = formats.next();
        if formats.any(|format| Some(format) != first) {
            return Err(Reason::ResourcesDiffer);
        }
        Ok(audience)
    }

    /// The names that a grant of these resources covers, whatever their tokens look like; of none, those
    /// of the default audience.
    pub(crate) fn granted(config: &'c Config, resources: &'c [Resource]) -> Vec<&'c str> {
        if resources.is_empty() {
            return Self::of(config, []).map(|default| default.names()).unwrap_or_default();
        }
        resources.iter().map(Resource::as_str).collect()
    }

    /// What of it is this client's own: the part that a resource server may hear of.
    pub(crate) fn of_server(&self, client: &ClientId) -> Option<Self> {
        let own = |server: &&ResourceServer| server.client.as_ref() == Some(client);
        let servers: Vec<_> = self.servers.iter().copied().filter(own).collect();
        (!servers.is_empty()).then_some(Self { servers, provider: false, ..*self })
    }

    /// Whether the token is good at UserInfo.
    pub(crate) fn is_provider(&self) -> bool {
        self.provider
    }

    /// The resources by name, the provider's own included: the `aud` of a token.
    pub(crate) fn names(&self) -> Vec<&'c str> {
        let own = self.provider.then_some(self.config.issuer.as_str());
        self.servers.iter().map(|server| server.resource.as_str()).chain(own).collect()
    }

    /// Whether it is that of exactly these resources.
    pub(crate) fn is(&self, resources: &[Resource]) -> bool {
        Self::of(self.config, resources.iter().map(Resource::as_str)).is_ok_and(|other| {
            let (mut ours, mut theirs) = (self.names(), other.names());
            ours.sort_unstable();
            theirs.sort_unstable();
            ours == theirs
        })
    }

    /// What of a scope means something to this audience.
    pub(crate) fn scope(&self, scope: &Scope) -> Scope {
        let everything = self.provider || self.servers.iter().any(|server| server.scope.is_none());
        if everything {
            return scope.clone();
        }
        let known = |token: &str| {
            self.servers
                .iter()
                .filter_map(|server| server.scope.as_ref())
                .any(|s| s.contains(token))
        };
        scope.retain(known)
    }

    /// The shortest of the lifetimes.
    pub(crate) fn lifetime(&self) -> Duration {
        let default = self.config.lifetimes.access_token;
        let own = self.provider.then_some(default);
        let theirs = self.servers.iter().map(|server| server.lifetime.unwrap_or(default));
        theirs.chain(own).min().unwrap_or(default)
    }

    /// How the tokens are secured, if they are JWTs.
    pub(crate) fn jwt(&self) -> Option<&'c JwtFormat> {
        self.servers.iter().find_map(|server| match &server.format {
            AccessTokenFormat::Opaque => None,
            AccessTokenFormat::Jwt(format) => Some(format),
        })
    }

    /// What of the person the tokens carry.
    pub(crate) fn target(&self) -> Target<'c> {
        let names = self.servers.iter().flat_map(|server| &server.claims).map(|name| &**name);
        let by_scope = self.servers.iter().any(|server| server.scope_claims);
        Target::AccessToken { claims: names.collect(), by_scope }
    }

    /// Whether the client may have tokens for it.
    pub(crate) fn is_open_to(&self, client: &Client) -> bool {
        self.servers.iter().all(|server| client.may_reach(server.resource.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Issuer, SigningAlgorithm};

    fn config() -> Config {
        let mut config = Config::new(Issuer::new("https://id.example").unwrap());
        let server = |name: &str, scope: Option<&str>, seconds: Option<i64>| {
            let mut server = ResourceServer::new(Resource::new(name).unwrap());
            server.scope = scope.map(|scope| Scope::parse(scope).unwrap());
            server.lifetime = seconds.map(Duration::seconds);
            server
        };
        let mut signed = server("https://jwt.example/", None, None);
        signed.format = AccessTokenFormat::Jwt(JwtFormat::signed(SigningAlgorithm::ES256));
        config.resources = vec![
            server("https://a.example/", Some("a:read a:write"), Some(60)),
            server("https://b.example/", Some("b:read"), None),
            signed,
        ];
        config
    }

    /// RFC 8707 §2: several resources, each with its scope, and no token that two read differently.
    #[test]
    fn audiences() {
        let config = config();
        let of = |names: &[&str]| Audience::of(&config, names.iter().copied());
        let scope = Scope::parse("openid a:read b:read c").unwrap();
        for (names, aud, carried, seconds) in [
            (&[][..], &["https://id.example"][..], "openid a:read b:read c", 600),
            (&["https://a.example/"], &["https://a.example/"], "a:read", 60),
            (
                &["https://b.example/", "https://a.example/", "https://b.example/"],
                &["https://b.example/", "https://a.example/"],
                "b:read a:read",
                60,
            ),
            (
                &["https://id.example", "https://b.example/"],
                &["https://b.example/", "https://id.example"],
                "openid a:read b:read c",
                600,
            ),
            (&["https://jwt.example/"], &["https://jwt.example/"], "openid a:read b:read c", 600),
        ] {
            let audience = of(names).unwrap();
            assert_eq!(audience.names(), aud, "{names:?}");
            let mut tokens: Vec<_> = carried.split(' ').collect();
            let found = audience.scope(&scope).to_string();
            let mut found: Vec<_> = found.split(' ').collect();
            tokens.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, tokens, "{names:?}");
            assert_eq!(audience.lifetime(), Duration::seconds(seconds), "{names:?}");
        }
        assert_eq!(of(&["https://c.example/"]).map(|_| ()), Err(Reason::ResourceUnknown));
        let mixed = of(&["https://a.example/", "https://jwt.example/"]);
        assert_eq!(mixed.map(|_| ()), Err(Reason::ResourcesDiffer));
    }

    #[test]
    fn a_default_resource() {
        let mut config = config();
        config.default_resource = Some(Resource::new("https://b.example/").unwrap());
        let audience = Audience::of(&config, []).unwrap();
        assert_eq!(audience.names(), ["https://b.example/"]);
        assert!(!audience.is_provider() && audience.is(&[]));
        assert!(!audience.is(&[Resource::new("https://a.example/").unwrap()]));
    }
}
