//! Whether what a client has registered can work at this provider.

use std::fmt;

use super::{ApplicationType, Client, SubjectType};
use crate::{
    config::Policy,
    fetch,
    jose::DecryptionKeys,
    provider::Core,
    types::{JwsAlgorithm, RedirectUri, Timestamp},
};

/// A member of a client that is well-formed and that this provider cannot serve
/// ([`Provider::misfits`](crate::Provider::misfits)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Misfit {
    /// The name of the member.
    pub member: &'static str,
    /// What it asks for that is not there.
    pub why: &'static str,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.member, self.why)
    }
}

/// Everything of a client that could never work here, in the order of its members: what a registration
/// is refused for, and what a look over the clients finds.
pub(crate) fn misfits(core: &Core, client: &Client, now: Timestamp) -> Vec<Misfit> {
    let mut found = Vec::new();
    let mut misfit = |member, why| found.push(Misfit { member, why });
    let metadata = &client.metadata;

    if metadata.redirect_uris.iter().any(|uri| !may_redirect(core.config.policy, client, uri)) {
        misfit("redirect_uris", "http is for native applications here");
    }
    if !metadata.grant_types.iter().all(|grant_type| core.supports(grant_type)) {
        misfit("grant_types", "not one of grant_types_supported");
    }
    if !metadata.response_types.iter().all(|known| core.config.response_types.contains(known)) {
        misfit("response_types", "not one of response_types_supported");
    }
    if metadata.scope.as_ref().is_some_and(|scope| !scope.is_subset(&core.scopes)) {
        misfit("scope", "not within scopes_supported");
    }
    if metadata.subject_type == SubjectType::Pairwise && core.pairwise.is_none() {
        misfit("subject_type", "not one of subject_types_supported");
    }
    let signed = [
        ("id_token_signed_response_alg", Some(metadata.id_token_signed_response_alg)),
        ("userinfo_signed_response_alg", metadata.userinfo_signed_response_alg),
        ("introspection_signed_response_alg", metadata.introspection_signed_response_alg),
    ];
    for (member, algorithm) in signed {
        let signs = |algorithm| match algorithm {
            JwsAlgorithm::Signature(algorithm) => core.signer.active(algorithm, now).is_some(),
            JwsAlgorithm::Mac(_) => true,
            JwsAlgorithm::None => core.config.policy.unsigned,
        };
        if !algorithm.is_none_or(signs) {
            misfit(member, "nothing signs with it here");
        }
    }
    if metadata.request_object_signing_alg == Some(JwsAlgorithm::None)
        && !core.config.policy.unsigned
    {
        misfit("request_object_signing_alg", "unsigned request objects are not accepted");
    }
    let opens = |algorithm: crate::KeyManagementAlgorithm| {
        let own = core.decryption.as_ref().map(DecryptionKeys::algorithms).unwrap_or_default();
        algorithm.is_symmetric() || own.contains(&algorithm)
    };
    if !metadata.request_object_encryption_alg.is_none_or(opens) {
        misfit("request_object_encryption_alg", "there is no key for it here");
    }
    let fetched = [
        ("jwks_uri", metadata.jwks_uri.as_slice()),
        ("request_uris", &metadata.request_uris),
        ("sector_identifier_uri", metadata.sector_identifier_uri.as_slice()),
        ("backchannel_logout_uri", metadata.backchannel_logout_uri.as_slice()),
    ];
    for (member, urls) in fetched {
        match &core.fetch {
            None if matches!(member, "jwks_uri" | "request_uris") && !urls.is_empty() => {
                misfit(member, "this provider fetches no documents");
            }
            _ if urls.iter().any(|url| !admits(core, url)) => {
                misfit(member, "names an address that may not be reached");
            }
            _ => {}
        }
    }
    found
}

/// Whether the policy lets answers go to this redirect URI of the client.
pub(crate) fn may_redirect(policy: Policy, client: &Client, uri: &RedirectUri) -> bool {
    let native = client.metadata.application_type == ApplicationType::Native;
    !policy.native_loopback_only || native || !uri.is_http()
}

/// Whether what fetches, or any that may come to do so, could go there.
fn admits(core: &Core, url: &str) -> bool {
    match &core.fetch {
        Some(fetch) => fetch.admits(url).is_ok(),
        None => fetch::admits(url).is_ok(),
    }
}
