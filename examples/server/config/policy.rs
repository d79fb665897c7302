//! `[policy]`: what is demanded of clients.

use oidc_op::{AssertionAudience, RequestObjectMode};
use serde::Deserialize;

/// What is demanded of clients; what is absent has the library's default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    require_pkce: Option<bool>,
    acr_values_bind: Option<bool>,
    pub(super) acr_values_ascend: Option<bool>,
    pub(super) native_loopback_only: Option<bool>,
    pub(super) unsigned: Option<bool>,
    unsigned_unless_registered: Option<bool>,
    request_object: Option<Mode>,
    client_documents: Option<bool>,
    session_management: Option<bool>,
    introspect_id_tokens: Option<bool>,
    assertion_audience: Option<AssertionAudience>,
}

/// What becomes of parameters beside a request object.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Oidc,
    Jar,
}

impl Policy {
    /// Writes what the file says over the defaults.
    pub(super) fn write(&self, policy: &mut oidc_op::Policy) {
        for (to, from) in [
            (&mut policy.require_pkce, self.require_pkce),
            (&mut policy.acr_values_bind, self.acr_values_bind),
            (&mut policy.acr_values_ascend, self.acr_values_ascend),
            (&mut policy.native_loopback_only, self.native_loopback_only),
            (&mut policy.unsigned, self.unsigned),
            (&mut policy.unsigned_unless_registered, self.unsigned_unless_registered),
            (&mut policy.client_documents, self.client_documents),
            (&mut policy.session_management, self.session_management),
            (&mut policy.introspect_id_tokens, self.introspect_id_tokens),
        ] {
            *to = from.unwrap_or(*to);
        }
        policy.request_object = match self.request_object {
            Some(Mode::Oidc) => RequestObjectMode::Oidc,
            Some(Mode::Jar) => RequestObjectMode::Jar,
            None => policy.request_object,
        };
        policy.assertion_audience = self.assertion_audience.unwrap_or(policy.assertion_audience);
    }
}
