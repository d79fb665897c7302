//! `[manage]`: the management API, if there is one.

use oidc_op::{ClientId, Duration, Issuer, Resource, ResourceServer, Scope};
use serde::Deserialize;

use super::ResourceEntry;

/// Where the management API is, and who may use it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManageEntry {
    /// Below the issuer's path.
    #[serde(default = "default_path")]
    pub(crate) path: String,
    /// What its tokens are for; the address of the API, if absent.
    resource: Option<Resource>,
    /// The clients of this file that may use it, each within its scope. Nobody else may, whatever
    /// they have registered.
    pub(crate) clients: Vec<ClientId>,
    /// Of its tokens, in seconds.
    #[serde(default = "default_lifetime")]
    lifetime: u32,
}

fn default_path() -> String {
    "/manage".into()
}

const fn default_lifetime() -> u32 {
    300
}

impl ManageEntry {
    /// What its tokens are for.
    pub(crate) fn resource(&self, issuer: &Issuer) -> Option<Resource> {
        let address =
            || Resource::new(format!("{}{}{}", issuer.origin(), issuer.path(), self.path));
        self.resource.clone().or_else(|| address().ok())
    }

    /// The API, as the provider knows it.
    pub(super) fn server(&self, issuer: &Issuer) -> Option<ResourceEntry> {
        let mut server = ResourceServer::new(self.resource(issuer)?);
        server.scope = Scope::parse(&crate::manage::SCOPES.join(" ")).ok();
        server.lifetime = Some(Duration::seconds(self.lifetime.into()));
        Some(ResourceEntry(server))
    }

    /// What is wrong with the path. Nothing else may be there or below it.
    pub(super) fn path_finding(&self, endpoints: &oidc_op::Paths) -> Option<String> {
        let path = &*self.path;
        let segment = |segment: &str| {
            !segment.is_empty()
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_~".contains(&b))
        };
        let plain = path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment));
        if !plain {
            return Some("manage.path must be a slash followed by letters, digits and -_~/".into());
        }
        let first = path.split('/').nth(1).unwrap_or_default();
        let own = ["health", "apps", "sign-out", "demo", "interaction", "logout"].contains(&first);
        let below = format!("{path}/");
        let taken = [
            &endpoints.authorize,
            &endpoints.token,
            &endpoints.userinfo,
            &endpoints.jwks,
            &endpoints.introspection,
            &endpoints.revocation,
            &endpoints.registration,
            &endpoints.check_session,
            &endpoints.end_session,
        ];
        let taken = taken.into_iter().any(|other| other == path || other.starts_with(&below));
        (own || taken).then(|| format!("manage.path: {path} is taken"))
    }
}
