//! Claims of a person that others vouch for.

use oidc_op::{ClaimSource, ClaimSources};
use serde::Deserialize;

use super::Hidden;

/// Who vouches for which claims: in a JWT, or at an endpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceEntry {
    claims: Vec<Box<str>>,
    jwt: Option<Hidden>,
    endpoint: Option<String>,
    access_token: Option<Hidden>,
}

impl SourceEntry {
    pub(super) fn all(entries: Vec<Self>) -> Result<ClaimSources, &'static str> {
        let mut sources = ClaimSources::default();
        for Self { claims, jwt, endpoint, access_token } in entries {
            let text = |hidden: Hidden| hidden.expose().to_owned();
            let source = match (jwt, endpoint, access_token) {
                (Some(jwt), None, None) => ClaimSource::aggregated(text(jwt)),
                (None, Some(endpoint), access_token) => {
                    ClaimSource::distributed(endpoint, access_token.map(text))
                }
                _ => return Err("a source has either jwt, or endpoint and perhaps access_token"),
            };
            sources.add(source, claims);
        }
        Ok(sources)
    }
}
