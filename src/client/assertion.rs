//! Assertions, by which clients prove who they are without sending a secret ([RFC 7521 §4.2],
//! [RFC 7523 §3], [OIDC Core §9]).
//!
//! [RFC 7521 §4.2]: https://www.rfc-editor.org/rfc/rfc7521#section-4.2
//! [RFC 7523 §3]: https://www.rfc-editor.org/rfc/rfc7523#section-3
//! [OIDC Core §9]: https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication

use serde_json::Value;

use super::{AuthMethod, Client, KeyFault, keys};
use crate::{
    config::AssertionAudience,
    error::{Failure, Reason},
    jose::{Claims, JoseFault, Jws, LEEWAY, LONGEST_ASSERTION, VerifyWith},
    provider::Core,
    store::{self, Marked},
    types::{JwsAlgorithm, Timestamp},
    wire::Params,
};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion that was sent and is not yet believed.
pub(super) struct Assertion<'p> {
    token: Jws<'p>,
    pub(super) method: AuthMethod,
}

impl<'p> Assertion<'p> {
    /// The assertion of a request, if it has one.
    pub(super) fn parse(params: &'p Params<'_>) -> Result<Option<Self>, Failure> {
        let text = match (params.one("client_assertion_type")?, params.one("client_assertion")?) {
            (None, None) => return Ok(None),
            (Some(TYPE), Some(text)) => text,
            (Some(TYPE), None) => return Err(Reason::CredentialsMissing.into()),
            _ => return Err(Reason::AssertionType.into()),
        };
        let token = Jws::parse(text).map_err(invalid)?;
        let method = match token.algorithm() {
            JwsAlgorithm::Mac(_) => AuthMethod::ClientSecretJwt,
            JwsAlgorithm::Signature(_) => AuthMethod::PrivateKeyJwt,
            JwsAlgorithm::None => return Err(invalid(JoseFault::Algorithm)),
        };
        Ok(Some(Self { token, method }))
    }

    /// Who made it, if it tells the truth.
    pub(super) fn unvouched_client(&self) -> Option<String> {
        self.token.unvouched("sub").or_else(|| self.token.unvouched("iss"))
    }

    /// Whether this client made it, for the provider, now, and has not used it before.
    ///
    /// That there is such a client is no secret, the authorization endpoint says it: a signature is
    /// looked at only where there are keys.
    pub(super) async fn check(
        &self,
        core: &Core,
        client: Option<&Client>,
        called: &str,
    ) -> Result<(), Failure> {
        let Some(client) = client else {
            if self.method == AuthMethod::ClientSecretJwt {
                let _ = self.token.verify(VerifyWith::Secrets(&[&[0; 64]]));
            }
            return Err(Reason::CredentialsWrong.into());
        };
        let claims = self.verify(core, client).await.map_err(invalid)?;
        let (config, endpoints) = (&core.config, &core.endpoints);
        let audience = Audience {
            mode: client.assertion_audience.unwrap_or(config.policy.assertion_audience),
            issuer: config.issuer.as_str(),
            token_endpoint: &endpoints.at(&endpoints.token),
            called: &endpoints.at(called),
        };
        let id = client.id.as_str();
        let once = Once::of(&claims, id, &audience, core.clock.now()).map_err(invalid)?;
        // Last, so that only what would have been believed is remembered.
        let marked = Marked::Assertion { issuer: id, jti: once.jti };
        if store::mark(core, marked, once.until).await? {
            Ok(())
        } else {
            Err(Reason::AssertionReplayed.into())
        }
    }

    async fn verify(&self, core: &Core, client: &Client) -> Result<Claims, KeyFault> {
        if !self.token.typ().is_none_or(is_authentication) {
            return Err(JoseFault::Claims("typ").into());
        }
        let registered = client.metadata.token_endpoint_auth_signing_alg;
        if registered.is_some_and(|registered| registered != self.token.algorithm()) {
            return Err(JoseFault::Algorithm.into());
        }
        if self.method == AuthMethod::ClientSecretJwt {
            Ok(self.token.verify(VerifyWith::Secrets(&client.secret_keys(core.clock.now())))?)
        } else {
            keys::verified(core, client, &self.token).await
        }
    }
}

fn invalid(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::caused(Reason::AssertionInvalid, cause)
}

/// Another kind of JWT says so in its type ([RFC 8725 §3.11]).
///
/// [RFC 8725 §3.11]: https://www.rfc-editor.org/rfc/rfc8725#section-3.11
fn is_authentication(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    matches!(typ, "jwt" | "client-authentication+jwt")
}

/// What makes an assertion good for one use: its name, and until when that must be remembered.
#[derive(Debug, PartialEq, Eq)]
struct Once<'c> {
    jti: &'c str,
    until: Timestamp,
}

impl<'c> Once<'c> {
    /// Who made it, about whom, for whom and for when ([RFC 7523 §3]).
    ///
    /// [RFC 7523 §3]: https://www.rfc-editor.org/rfc/rfc7523#section-3
    fn of(
        claims: &'c Claims,
        client: &str,
        audience: &Audience<'_>,
        now: Timestamp,
    ) -> Result<Self, JoseFault> {
        for name in ["iss", "sub"] {
            if claims.str(name)? != Some(client) {
                return Err(JoseFault::Claims(name));
            }
        }
        if !audience.has(claims.get("aud")) {
            return Err(JoseFault::Claims("aud"));
        }
        claims.in_time(now, LEEWAY)?;
        let until = claims.time("exp")?.ok_or(JoseFault::Claims("exp"))?;
        if now + LONGEST_ASSERTION + LEEWAY < until {
            return Err(JoseFault::Claims("exp"));
        }
        let jti = claims.str("jti")?.filter(|jti| !jti.is_empty());
        Ok(Self { jti: jti.ok_or(JoseFault::Claims("jti"))?, until })
    }
}

/// Whom an assertion must be meant for.
struct Audience<'a> {
    mode: AssertionAudience,
    issuer: &'a str,
    token_endpoint: &'a str,
    /// The endpoint that it was sent to.
    called: &'a str,
}

impl Audience<'_> {
    /// Whether it is meant for the provider and for nobody else (threat CA-09).
    fn has(&self, aud: Option<&Value>) -> bool {
        let strict = self.mode == AssertionAudience::Issuer;
        let lax = self.mode == AssertionAudience::CalledEndpoint;
        let at_token_endpoint = self.called == self.token_endpoint;
        let named = match aud {
            Some(Value::String(one)) => one,
            Some(Value::Array(all)) if !strict => match &**all {
                [Value::String(one)] => one,
                _ => return false,
            },
            _ => return false,
        };
        named == self.issuer
            || (!strict && (lax || at_token_endpoint) && named == self.token_endpoint)
            || (lax && named == self.called)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7523 §3, point 3; threat CA-09.
    #[test]
    fn meant_for_the_provider_and_nobody_else() {
        use AssertionAudience::{CalledEndpoint, Issuer, IssuerOrTokenEndpoint};
        let (issuer, token_endpoint) = ("https://id.example", "https://id.example/token");
        let called = "https://id.example/revoke";
        let (both, called_only) =
            (&[IssuerOrTokenEndpoint, CalledEndpoint][..], &[CalledEndpoint][..]);
        for (aud, modes) in [
            (json!(issuer), &[Issuer, IssuerOrTokenEndpoint, CalledEndpoint][..]),
            (json!([issuer]), both),
            (json!(token_endpoint), called_only),
            (json!([token_endpoint]), called_only),
            (json!(called), called_only),
            (json!([called]), called_only),
            (json!([issuer, issuer]), &[]),
            (json!([issuer, token_endpoint]), &[]),
            (json!([issuer, "https://other.example"]), &[]),
            (json!("https://other.example"), &[]),
            (json!("https://id.example/"), &[]),
            (json!("https://ID.example"), &[]),
            (json!("http://id.example"), &[]),
            (json!("https://id.example/introspect"), &[]),
            (json!("https://id.example/token/"), &[]),
            (json!([[issuer]]), &[]),
            (json!([]), &[]),
            (json!(""), &[]),
            (json!({"aud": issuer}), &[]),
            (json!(1), &[]),
            (json!(null), &[]),
        ] {
            for mode in [Issuer, IssuerOrTokenEndpoint, CalledEndpoint] {
                let audience = Audience { mode, issuer, token_endpoint, called };
                assert_eq!(audience.has(Some(&aud)), modes.contains(&mode), "{mode:?} {aud}");
                assert!(!audience.has(None));
            }
        }
    }

    /// RFC 8725 §3.11.
    #[test]
    fn other_kinds_of_token_are_none() {
        for (typ, fits) in [
            ("JWT", true),
            ("jwt", true),
            ("application/jwt", true),
            ("client-authentication+jwt", true),
            ("application/Client-Authentication+JWT", true),
            ("at+jwt", false),
            ("oauth-authz-req+jwt", false),
            ("dpop+jwt", false),
            ("", false),
        ] {
            assert_eq!(is_authentication(typ), fits, "{typ}");
        }
    }
}
