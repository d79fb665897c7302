//! ID tokens ([OIDC Core §2]).
//!
//! [OIDC Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest;
use serde::Serialize;

use super::jwt;
use crate::{
    client::Client,
    error::Failure,
    grant::Grant,
    provider::Core,
    types::{SigningAlgorithm, Timestamp},
};

/// The claims of an ID token, in the order in which they are written.
#[derive(Serialize)]
struct IdToken<'t> {
    iss: &'t str,
    sub: &'t str,
    aud: &'t str,
    exp: Timestamp,
    iat: Timestamp,
    auth_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'t str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    amr: &'t [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    at_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'t str>,
}

/// Says who was authenticated, when and how, and binds the access token that comes along.
pub(crate) async fn id_token(
    core: &Core,
    client: &Client,
    grant: &Grant,
    access_token: &str,
    now: Timestamp,
) -> Result<String, Failure> {
    let algorithm = client.metadata.id_token_signed_response_alg;
    let claims = IdToken {
        iss: core.config.issuer.as_str(),
        sub: grant.sub.as_str(),
        aud: client.id.as_str(),
        exp: now + core.config.lifetimes.id_token,
        iat: now,
        auth_time: grant.auth.time,
        nonce: grant.nonce.as_deref(),
        acr: grant.auth.acr.as_ref().map(crate::types::Acr::as_str),
        amr: &grant.auth.amr,
        at_hash: Some(half_hash(algorithm, access_token)),
        sid: grant.sid.as_deref(),
    };
    Ok(jwt::sign(&*core.signer, algorithm, "JWT", &claims, now).await?)
}

/// The left half of the hash of a token's text, with the hash of the signature algorithm
/// ([OIDC Core §3.1.3.6]; Ed25519 goes with SHA-512 as in [RFC 8032 §5.1]).
///
/// [OIDC Core §3.1.3.6]: https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken
/// [RFC 8032 §5.1]: https://www.rfc-editor.org/rfc/rfc8032#section-5.1
pub(crate) fn half_hash(algorithm: SigningAlgorithm, token: &str) -> String {
    use SigningAlgorithm::{
        ES256, ES256K, ES384, ES512, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512,
    };
    let hash = match algorithm {
        RS256 | PS256 | ES256 | ES256K => &digest::SHA256,
        RS384 | PS384 | ES384 => &digest::SHA384,
        RS512 | PS512 | ES512 | EdDSA => &digest::SHA512,
    };
    let digest = digest::digest(hash, token.as_bytes());
    let (left, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of OIDC Core Appendix A.3 (`id_token token`), A.4 (`code id_token`) and A.6.
    #[test]
    fn half_hashes_of_the_specification() {
        for (token, hash) in [
            ("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "77QmUPtjPfzWtF2AnpK9RQ"),
            (
                "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk",
                "LDktKdoQak3Pk0cnXxCltA",
            ),
            (
                "ya29.eQETFbFOkAs8nWHcmYXKwEi0Zz46NfsrUU_KuQLOLTwWS40y6Fb99aVzEXC0U14m61lcPMIr1hEIBA",
                "aUAkJG-u6x4RTWuILWy-CA",
            ),
        ] {
            assert_eq!(half_hash(SigningAlgorithm::RS256, token), hash, "{token}");
        }
        assert_eq!(half_hash(SigningAlgorithm::ES384, "x").len(), 32);
        assert_eq!(half_hash(SigningAlgorithm::EdDSA, "x").len(), 43);
    }
}
