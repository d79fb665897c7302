//! ID tokens ([OIDC Core §2]).
//!
//! [OIDC Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest;
use serde::Serialize;

use serde_json::{Map, Value};

use super::jwt;
use crate::{
    client::Client,
    error::Failure,
    grant::Grant,
    provider::Core,
    types::{Acr, JwsAlgorithm, MacAlgorithm, SigningAlgorithm, Subject, Timestamp},
};

/// What an ID token is made of, besides what the grant says.
#[derive(Default)]
pub(crate) struct IdTokenParts<'t> {
    /// The code that comes along through the browser.
    pub(crate) code: Option<&'t str>,
    /// The access token that comes along.
    pub(crate) access_token: Option<&'t str>,
    /// The `state` that comes along through the browser.
    pub(crate) state: Option<&'t str>,
    /// The `nonce` of the authorization request; a refreshed token has none.
    pub(crate) nonce: Option<&'t str>,
    /// What is said of the person; no name of the protocol's own.
    pub(crate) claims: Map<String, Value>,
}

/// The claims of an ID token, in the order in which they are written.
#[derive(Serialize)]
struct IdToken<'t> {
    iss: &'t str,
    sub: &'t Subject,
    aud: &'t str,
    exp: Timestamp,
    iat: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'t Acr>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    amr: &'t [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    at_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'t str>,
    #[serde(flatten)]
    claims: Map<String, Value>,
}

/// Says who was authenticated, when and how, and binds what comes along.
pub(crate) async fn id_token(
    core: &Core,
    client: &Client,
    grant: &Grant,
    parts: IdTokenParts<'_>,
    now: Timestamp,
) -> Result<String, Failure> {
    let algorithm = client.metadata.id_token_signed_response_alg;
    let hash = |part: Option<&str>| half_hash(algorithm, part?);
    let tells = Tells { lean: core.config.claims.lean_id_tokens, client, grant };
    let claims = IdToken {
        iss: core.config.issuer.as_str(),
        sub: &grant.sub,
        aud: client.id.as_str(),
        exp: now + core.config.lifetimes.id_token,
        iat: now,
        nbf: core.config.claims.not_before.then_some(now),
        auth_time: tells.auth_time().then_some(grant.auth.time),
        nonce: parts.nonce,
        acr: grant.auth.acr.as_ref().filter(|_| tells.acr()),
        amr: if tells.asked("amr") { &grant.auth.amr } else { &[] },
        at_hash: hash(parts.access_token),
        c_hash: hash(parts.code),
        s_hash: hash(parts.state.filter(|_| tells.asked("s_hash"))),
        sid: grant.sid.as_deref().filter(|_| tells.sid()),
        claims: parts.claims,
    };
    jwt::for_client(core, client, client.metadata.id_token_format(), &claims, now).await
}

/// What an ID token tells of the sign-in itself: everything, or, if it is lean, what the client wants to
/// know ([OIDC Core §2]: most of it is OPTIONAL unless asked for).
///
/// [OIDC Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
struct Tells<'t> {
    lean: bool,
    client: &'t Client,
    grant: &'t Grant,
}

impl Tells<'_> {
    /// By the `claims` parameter, or by another one that stands for it.
    fn asked(&self, name: &str) -> bool {
        !self.lean || self.grant.claims.asks(name)
    }

    fn auth_time(&self) -> bool {
        let metadata = &self.client.metadata;
        let registered = metadata.require_auth_time || metadata.default_max_age.is_some();
        self.asked("auth_time") || registered
    }

    fn acr(&self) -> bool {
        self.asked("acr") || !self.client.metadata.default_acr_values.is_empty()
    }

    /// Whoever is told of logouts is told which session it was.
    fn sid(&self) -> bool {
        let metadata = &self.client.metadata;
        let front_channel = metadata.frontchannel_logout_uri.is_some();
        self.asked("sid") || front_channel || metadata.backchannel_logout_uri.is_some()
    }
}

/// The left half of the hash of a token's text, with the hash of the signature algorithm
/// ([OIDC Core §3.1.3.6]; Ed25519 goes with SHA-512 as in [RFC 8032 §5.1]).
///
/// [OIDC Core §3.1.3.6]: https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken
/// [RFC 8032 §5.1]: https://www.rfc-editor.org/rfc/rfc8032#section-5.1
///
/// An unsigned token names no hash, and has none.
fn half_hash(algorithm: JwsAlgorithm, token: &str) -> Option<String> {
    use JwsAlgorithm::{Mac, None as Unsigned, Signature};
    use MacAlgorithm::{HS256, HS384, HS512};
    use SigningAlgorithm::{
        ES256, ES256K, ES384, ES512, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512,
    };
    let hash = match algorithm {
        Mac(HS256) | Signature(RS256 | PS256 | ES256 | ES256K) => &digest::SHA256,
        Mac(HS384) | Signature(RS384 | PS384 | ES384) => &digest::SHA384,
        Mac(HS512) | Signature(RS512 | PS512 | ES512 | EdDSA) => &digest::SHA512,
        Unsigned => return None,
    };
    let digest = digest::digest(hash, token.as_bytes());
    let (left, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    Some(URL_SAFE_NO_PAD.encode(left))
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
            let rs256 = SigningAlgorithm::RS256.into();
            assert_eq!(half_hash(rs256, token).as_deref(), Some(hash), "{token}");
        }
        assert_eq!(half_hash(JwsAlgorithm::None, "x"), None);
        for (alg, length) in [("HS256", 22), ("ES256K", 22), ("ES384", 32), ("EdDSA", 43)] {
            let alg = alg.parse().unwrap();
            assert_eq!(half_hash(alg, "x").map(|hash| hash.len()), Some(length));
        }
    }
}
