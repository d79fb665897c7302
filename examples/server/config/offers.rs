//! What clients can have here, whoever makes them.

use oidc_op::{ApplicationType, Client, GrantType, RedirectUri, Resource, ResponseType};

use super::clients::unsigned_member;

/// What clients can have here.
#[derive(Clone, Debug)]
pub(crate) struct Offers {
    /// Those of the grant types that need something here, for which it is there.
    pub(super) grant_types: Vec<GrantType>,
    pub(super) response_types: Vec<ResponseType>,
    /// Whether `none` is an algorithm.
    pub(super) unsigned: bool,
    /// Whether `http` redirect URIs are for native applications only.
    pub(super) native_loopback_only: bool,
    pub(super) resources: Vec<Resource>,
}

impl Offers {
    /// What the client cannot have, and what it needs.
    pub(crate) fn finding(&self, client: &Client) -> Option<String> {
        if let Some(member) = unsigned_member(&client.metadata).filter(|_| !self.unsigned) {
            return Some(format!("{member}: none is only for policy.unsigned"));
        }
        let types = &client.metadata.response_types;
        if let Some(unknown) = types.iter().find(|known| !self.response_types.contains(known)) {
            return Some(format!("response_types: {unknown} is not among response_types"));
        }
        if let Some(uri) = self.withheld(client) {
            return Some(format!("redirect_uris: {} needs application_type native", uri.as_str()));
        }
        if let Some(grant_type) = self.unsupported(client) {
            return Some(format!("grant_types: {grant_type}"));
        }
        let may = |grant_type| client.metadata.grant_types.contains(&grant_type);
        if client.password_grant && !(client.first_party && may(GrantType::Password)) {
            return Some("password_grant: needs first_party and the grant type password".into());
        }
        let mut named = client.resources.iter().flatten();
        let unknown = named.find(|name| !self.resources.contains(name))?;
        Some(format!("resources: {} is none", unknown.as_str()))
    }

    /// A redirect URI that is for native applications only, of a client that is none.
    fn withheld<'c>(&self, client: &'c Client) -> Option<&'c RedirectUri> {
        let metadata = &client.metadata;
        let web = metadata.application_type == ApplicationType::Web;
        let is_http = |uri: &&RedirectUri| uri.as_str().to_ascii_lowercase().starts_with("http:");
        metadata.redirect_uris.iter().find(|uri| self.native_loopback_only && web && is_http(uri))
    }

    /// A grant type of a client that nothing here supports, and what it needs.
    fn unsupported(&self, client: &Client) -> Option<&'static str> {
        let lacking = |grant_type: &&GrantType| !self.grant_types.contains(grant_type);
        client.metadata.grant_types.iter().filter(lacking).find_map(|grant_type| match grant_type {
            GrantType::Password => Some("password needs features.password_grant = true"),
            GrantType::TokenExchange => Some("token-exchange needs a rule in [[exchange]]"),
            GrantType::JwtBearer => Some("jwt-bearer needs one of [[trusted_issuers]]"),
            GrantType::Extension(_) => Some("one is not known here"),
            _ => None,
        })
    }
}
