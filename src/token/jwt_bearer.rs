//! `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer` ([RFC 7523 §2.1], [RFC 7521 §4.1]): the word
//! of an issuer that the host trusts, instead of the person's.
//!
//! [RFC 7523 §2.1]: https://www.rfc-editor.org/rfc/rfc7523#section-2.1
//! [RFC 7521 §4.1]: https://www.rfc-editor.org/rfc/rfc7521#section-4.1

use std::{fmt, sync::Arc};

use super::{
    TokenResponse,
    asked::Asked,
    direct::{Basis, Direct, SingleUse},
};
use crate::{
    client::{AuthenticatedClient, Client},
    error::{Failure, HostError, Reason, TokenError},
    grant::Origin,
    jose::{Claims, JoseFault, Jwks, Jws, LEEWAY, LONGEST_ASSERTION, VerifyWith},
    provider::Core,
    secret::Digest,
    types::{Authentication, JwsAlgorithm, SigningAlgorithm, Subject, Timestamp},
    wire::Params,
};
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// Knows the issuers whose word counts, and whom they mean.
///
/// ```
/// use async_trait::async_trait;
/// use oidc_op::{Assertion, HostError, Jwks, Subject, TrustedIssuer, TrustedIssuers};
///
/// #[derive(Debug)]
/// struct Partner(Jwks);
///
/// #[async_trait]
/// impl TrustedIssuers for Partner {
///     async fn issuer(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError> {
///         let keys = || TrustedIssuer::new(self.0.clone());
///         Ok((issuer == "https://partner.example").then(keys))
///     }
///
///     async fn subject(&self, assertion: &Assertion<'_>) -> Result<Option<Subject>, HostError> {
///         Ok(Some(Subject::new(format!("partner:{}", assertion.subject))?))
///     }
/// }
/// ```
#[async_trait]
pub trait TrustedIssuers: fmt::Debug + Send + Sync + 'static {
    /// The issuer of this name, if the host trusts it.
    ///
    /// # Errors
    ///
    /// It cannot be found out now; the request fails with `server_error`.
    async fn issuer(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError>;

    /// The person that an assertion speaks of; `None` if it speaks of nobody, or may not speak of them to
    /// this client.
    ///
    /// # Errors
    ///
    /// It cannot be found out now; the request fails with `server_error`.
    ///
    /// # Security
    ///
    /// The issuer can name anybody: map only the people who are its to name.
    async fn subject(&self, assertion: &Assertion<'_>) -> Result<Option<Subject>, HostError>;
}

#[async_trait]
impl<T: TrustedIssuers + ?Sized> TrustedIssuers for Arc<T> {
    async fn issuer(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError> {
        (**self).issuer(issuer).await
    }

    async fn subject(&self, assertion: &Assertion<'_>) -> Result<Option<Subject>, HostError> {
        (**self).subject(assertion).await
    }
}

/// An issuer whose word counts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrustedIssuer {
    /// Its keys.
    pub keys: Jwks,
    /// What it signs with.
    pub algorithms: Vec<SigningAlgorithm>,
}

impl TrustedIssuer {
    /// One that signs with these keys, in any algorithm that is theirs.
    pub fn new(keys: Jwks) -> Self {
        Self { keys, algorithms: SigningAlgorithm::ALL.to_vec() }
    }
}

/// An assertion whose signature, audience and times are right.
#[non_exhaustive]
pub struct Assertion<'a> {
    /// Who says it.
    pub issuer: &'a str,
    /// Of whom, by the issuer's name for them.
    pub subject: &'a str,
    /// To which client.
    pub client: &'a Client,
    /// All that it says.
    pub claims: &'a Map<String, Value>,
}

impl fmt::Debug for Assertion<'_> {
    /// Claims are personal; only their names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field("issuer", &self.issuer)
            .field("client", &self.client.id)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// An assertion, and what is wanted for it.
pub(super) struct JwtBearerRequest<'p> {
    assertion: &'p str,
    asked: Asked<'p>,
}

impl<'p> JwtBearerRequest<'p> {
    pub(super) fn parse(params: &'p Params<'_>) -> Result<Self, Reason> {
        Ok(Self {
            assertion: params.one("assertion")?.ok_or(Reason::GrantAssertionMissing)?,
            asked: Asked::parse(params)?,
        })
    }

    /// That the assertion was used, the grant itself remembers: one write says both. No refresh token
    /// comes of it ([RFC 7521 §4.1]): the issuer's word is asked for anew.
    ///
    /// [RFC 7521 §4.1]: https://www.rfc-editor.org/rfc/rfc7521#section-4.1
    pub(super) async fn exchange(
        self,
        core: &Core,
        client: &AuthenticatedClient,
    ) -> Result<TokenResponse, TokenError> {
        let issuers = core.issuers.as_ref().ok_or(Reason::GrantTypeUnsupported)?;
        let scope = self.asked.scope(core, client)?;
        let resources = self.asked.resources(core, client)?;
        let now = core.clock.now();
        let verified = verify(core, &**issuers, self.assertion, now).await?;
        let assertion = Assertion {
            issuer: &verified.issuer,
            subject: &verified.subject,
            client,
            claims: &verified.claims,
        };
        let subject = issuers.subject(&assertion).await?.ok_or(Reason::GrantAssertionInvalid)?;
        // One that does not say is as old as it may be.
        let since = verified.issued.unwrap_or(verified.expires - LONGEST_ASSERTION).min(now);
        let name = [b"assertion", verified.issuer.as_bytes(), verified.jti.as_bytes()];
        let direct = Direct {
            origin: Origin::Assertion,
            auth: Authentication::at(since),
            subject,
            since,
            consent: Basis::Given,
            scope,
            resources,
            renewable: false,
            act: None,
            single: Some(SingleUse::new(&name, verified.expires)),
        };
        Ok(direct.issue(core, client).await?)
    }
}

/// What an assertion says, believed.
struct Verified {
    issuer: String,
    subject: String,
    /// The assertion's own name, or else its hash.
    jti: String,
    issued: Option<Timestamp>,
    expires: Timestamp,
    claims: Map<String, Value>,
}

/// Who made it, for whom, for when ([RFC 7523 §3]; threat GX-05).
///
/// [RFC 7523 §3]: https://www.rfc-editor.org/rfc/rfc7523#section-3
async fn verify(
    core: &Core,
    issuers: &dyn TrustedIssuers,
    text: &str,
    now: Timestamp,
) -> Result<Verified, Failure> {
    let invalid = |fault: JoseFault| Failure::caused(Reason::GrantAssertionInvalid, fault);
    let jws = Jws::parse(text).map_err(invalid)?;
    if !jws.typ().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT")) {
        return Err(invalid(JoseFault::Claims("typ")));
    }
    let named = jws.unvouched("iss").ok_or(invalid(JoseFault::Claims("iss")))?;
    let issuer = issuers.issuer(&named).await?.ok_or(Reason::GrantAssertionInvalid)?;
    match jws.algorithm() {
        JwsAlgorithm::Signature(algorithm) if issuer.algorithms.contains(&algorithm) => {}
        _ => return Err(invalid(JoseFault::Algorithm)),
    }
    let claims = jws.verify(VerifyWith::Keys(&issuer.keys.valid_at(now))).map_err(invalid)?;
    let read = read(core, &claims, jws.signed(), now).map_err(invalid)?;
    Ok(Verified { claims: claims.into_map(), ..read })
}

fn read(core: &Core, claims: &Claims, signed: &str, now: Timestamp) -> Result<Verified, JoseFault> {
    let needed = |name| claims.str(name)?.map(str::to_owned).ok_or(JoseFault::Claims(name));
    let (issuer, subject) = (needed("iss")?, needed("sub")?);
    let own = [core.config.issuer.as_str(), &core.endpoints.at(&core.endpoints.token)];
    // For this provider alone: what others could be shown too, they could send here (threat CA-09).
    if !matches!(*claims.audience()?, [aud] if own.contains(&aud)) {
        return Err(JoseFault::Claims("aud"));
    }
    claims.in_time(now, LEEWAY)?;
    let expires = claims.time("exp")?.ok_or(JoseFault::Claims("exp"))?;
    if expires > now + LONGEST_ASSERTION + LEEWAY {
        return Err(JoseFault::Claims("exp"));
    }
    // Without the signature, which others can write differently.
    let hash = || URL_SAFE_NO_PAD.encode(Digest::of(signed.as_bytes()).as_bytes());
    let jti = claims.str("jti")?.filter(|jti| !jti.is_empty()).map_or_else(hash, str::to_owned);
    Ok(Verified { issuer, subject, jti, issued: claims.time("iat")?, expires, claims: Map::new() })
}
