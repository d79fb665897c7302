//! `[manage]`: the management API, if there is one.

use oidc_op::{ClientId, Duration, Issuer, Resource, ResourceServer, Scope};
use serde::Deserialize;

use super::{ResourceEntry, paths};

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

    /// What is wrong with the path.
    pub(super) fn path_finding(&self, endpoints: &oidc_op::Paths) -> Option<String> {
        paths::finding("manage.path", &self.path, endpoints)
    }
}
