//! Access tokens as they are handed out: opaque, or as JWTs ([RFC 9068]).
//!
//! [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068

use serde::{Serialize, Serializer, ser::SerializeSeq};
use serde_json::{Map, Value};
use time::Duration;

use super::{
    AccessToken, Actor, Audience, JwtFormat,
    access_token::{Details, StandsOn},
    jwt,
};
use crate::{
    client::Client,
    error::{Failure, Reason},
    grant::Terms,
    jose::{self, Claims, EncryptTo, JoseFault, Jwks, Jws, VerifyWith},
    provider::Core,
    types::{Acr, Authentication, ClientId, Scope, Subject, Timestamp},
};

/// The `typ` of a JWT access token ([RFC 9068 §2.1]).
///
/// [RFC 9068 §2.1]: https://www.rfc-editor.org/rfc/rfc9068#section-2.1
const TYPE: &str = "at+jwt";

/// What an access token is made of.
pub(crate) struct AccessTokenParts<'t> {
    /// To whom it is issued.
    pub(crate) client: &'t Client,
    pub(crate) of: StandsOn,
    /// The grant, if it stands on one.
    pub(crate) grant: Option<Terms<'t>>,
    pub(crate) audience: &'t Audience<'t>,
    pub(crate) scope: &'t Scope,
    /// The person as the client knows them, or the client itself.
    pub(crate) sub: &'t str,
    pub(crate) act: Option<Actor>,
    /// What a JWT says of the person; no name of the protocol's own.
    pub(crate) claims: Map<String, Value>,
    pub(crate) lifetime: Duration,
}

/// The text to hand out.
pub(crate) async fn access_token(
    core: &Core,
    parts: AccessTokenParts<'_>,
    now: Timestamp,
) -> Result<String, Failure> {
    if !AccessToken::DATES.contains(&now.unix()) {
        return Err(Failure::caused(Reason::HostFailed, "the clock shows no time of ours"));
    }
    let format = parts.audience.jwt();
    let details = parts.details();
    let token = AccessToken::new(core, parts.of, details, now, parts.lifetime)?;
    match format {
        Some(format) => parts.jwt(core, format, &token, now).await,
        None => token.seal(core).ok_or_else(|| Reason::AccessTokenTooLarge.into()),
    }
}

impl AccessTokenParts<'_> {
    /// Where the token differs from its grant.
    fn details(&self) -> Details {
        let resources = || self.audience.names().into_iter().map(Into::into).collect();
        let id = &self.client.id;
        match self.grant {
            Some(grant) => {
                let holder = (id != grant.client).then_some(self.client);
                Details {
                    scope: (self.scope != grant.scope).then(|| self.scope.clone()),
                    aud: (!self.audience.is(grant.resources)).then(resources),
                    cid: holder.map(|holder| holder.id.clone()),
                    cep: holder.map(|holder| holder.epoch),
                    act: self.act.clone(),
                }
            }
            None => Details {
                scope: Some(self.scope.clone()),
                aud: Some(resources()),
                cid: Some(id.clone()),
                cep: None,
                act: self.act.clone(),
            },
        }
    }

    async fn jwt(
        self,
        core: &Core,
        format: &JwtFormat,
        token: &AccessToken,
        now: Timestamp,
    ) -> Result<String, Failure> {
        let auth = self.grant.map(|grant| grant.auth);
        let claims = AccessTokenClaims {
            iss: core.config.issuer.as_str(),
            sub: self.sub,
            aud: OneOrMore(self.audience.names()),
            exp: token.expires(),
            iat: now,
            jti: token.jti(core).ok_or(Reason::AccessTokenTooLarge)?,
            client_id: &self.client.id,
            scope: Some(self.scope).filter(|scope| !scope.is_empty()),
            auth_time: auth.map(|auth| auth.time),
            acr: auth.and_then(|auth| auth.acr.as_ref()),
            amr: auth.map(|auth: &Authentication| &*auth.amr).unwrap_or_default(),
            act: self.act.as_ref(),
            claims: self.claims,
        };
        let signed = jwt::sign(&*core.signer, format.algorithm, TYPE, &claims, now).await?;
        let Some(to) = &format.encryption else { return Ok(signed) };
        let keys = to.keys.valid_at(now);
        let to_keys = EncryptTo::Keys(&keys);
        jose::encrypt(signed.as_bytes(), Some("JWT"), None, to.algorithm, to.content, to_keys)
            .map_err(|fault| Failure::caused(Reason::ResourceUnfit, fault))
    }
}

/// The claims of a JWT access token ([RFC 9068 §2.2]).
///
/// [RFC 9068 §2.2]: https://www.rfc-editor.org/rfc/rfc9068#section-2.2
#[derive(Serialize)]
struct AccessTokenClaims<'t> {
    iss: &'t str,
    sub: &'t str,
    aud: OneOrMore<'t>,
    exp: Timestamp,
    iat: Timestamp,
    jti: String,
    client_id: &'t ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'t Scope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'t Acr>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    amr: &'t [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'t Actor>,
    #[serde(flatten)]
    claims: Map<String, Value>,
}

/// An audience as JSON: one name as text, more as a list ([RFC 7519 §4.1.3]).
///
/// [RFC 7519 §4.1.3]: https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3
pub(crate) struct OneOrMore<'n>(pub(crate) Vec<&'n str>);

impl Serialize for OneOrMore<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &*self.0 {
            [one] => serializer.serialize_str(one),
            all => {
                let mut list = serializer.serialize_seq(Some(all.len()))?;
                for one in all {
                    list.serialize_element(one)?;
                }
                list.end()
            }
        }
    }
}

impl AccessToken {
    /// Reads an access token of this issuer in either form; anything else is none. Costs no read of the
    /// store.
    pub(crate) fn read(core: &Core, text: &str) -> Option<Self> {
        if text.contains('.') { Self::of_jwt(core, text).ok() } else { Self::open(core, text) }
    }

    fn of_jwt(core: &Core, text: &str) -> Result<Self, JoseFault> {
        let jws = Jws::parse(text)?;
        if !jws.typ().is_some_and(is_access_token) {
            return Err(JoseFault::Claims("typ"));
        }
        let published = core.signer.published(core.clock.now());
        let keys = Jwks::from_keys(published.into_iter().map(|key| key.jwk));
        let claims = jws.verify(VerifyWith::Keys(&keys))?;
        if claims.str("iss")? != Some(core.config.issuer.as_str()) {
            return Err(JoseFault::Claims("iss"));
        }
        let jti = claims.str("jti")?.and_then(|jti| Self::of_jti(core, jti));
        let token = jti.ok_or(JoseFault::Claims("jti"))?;
        let details = Details { cep: token.details.cep, ..Details::of_claims(&claims)? };
        Ok(Self { details, ..token })
    }
}

/// [RFC 9068 §4]: with the prefix or without.
///
/// [RFC 9068 §4]: https://www.rfc-editor.org/rfc/rfc9068#section-4
fn is_access_token(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == TYPE
}

impl Details {
    /// What the provider's own JWT says.
    fn of_claims(claims: &Claims) -> Result<Self, JoseFault> {
        let scope = claims.str("scope")?.unwrap_or_default();
        let client = claims.str("client_id")?.and_then(|id| ClientId::new(id).ok());
        let aud = claims.audience()?.into_iter().map(Into::into).collect();
        let act = claims.get("act").cloned().map(serde_json::from_value).transpose();
        Ok(Self {
            scope: Some(Scope::parse(scope).map_err(|_| JoseFault::Claims("scope"))?),
            aud: Some(aud),
            cid: Some(client.ok_or(JoseFault::Claims("client_id"))?),
            cep: None,
            act: act.map_err(|_| JoseFault::Claims("act"))?,
        })
    }
}

/// The name of a client that acts for itself, as a subject ([RFC 9068 §2.2]); it is one as long as the
/// identifier has no spaces and is short.
///
/// [RFC 9068 §2.2]: https://www.rfc-editor.org/rfc/rfc9068#section-2.2
pub(crate) fn client_as_subject(client: &ClientId) -> Option<Subject> {
    Subject::new(client.as_str()).ok()
}
