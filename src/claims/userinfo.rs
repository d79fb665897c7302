//! The UserInfo endpoint ([OIDC Core §5.3]).
//!
//! [OIDC Core §5.3]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Target, Wanted};
use crate::{
    client::Client,
    error::{BearerError, Failure, Reason},
    mint::{self, AccessToken, Audience},
    provider::Core,
    token::Carried,
    types::{Subject, Timestamp},
    wire::{Authorization, Params, Reply, Request},
};

pub(crate) async fn userinfo(core: &Core, request: &Request<'_>) -> Result<Reply, BearerError> {
    let params = presented_params(request)?;
    let text = bearer(request, &params)?;
    let now = core.clock.now();
    let token = AccessToken::read(core, text).ok_or(Reason::BearerInvalid)?;
    if token.expires() <= now {
        return Err(Reason::BearerExpired.into());
    }
    let carried = Carried::find(core, token, now).await?.ok_or(Reason::BearerInvalid)?;
    // A token for another audience is none here (RFC 8707 §2; threat IR-07).
    let audience = carried.audience(core).filter(Audience::is_provider);
    let scope = carried.scope(&audience.ok_or(Reason::BearerAudience)?);
    if !scope.contains("openid") {
        return Err(Reason::OpenidScopeMissing.into());
    }
    let (rules, granted) = (&core.config.claims, carried.claims());
    let wanted = Wanted::of(rules, &carried.client, &scope, &granted, Target::UserInfo);
    let account = carried.account(core, &wanted.ask()).await?;
    let account = account.ok_or(Reason::BearerInvalid)?;
    let sub = carried.sub(core)?.ok_or(Reason::BearerInvalid)?;
    Ok(respond(core, &carried.client, &sub, wanted.select(&account), now).await?)
}

/// `sub`, then the claims: as JSON, or as a JWT for this client ([OIDC Core §5.3.2]).
///
/// [OIDC Core §5.3.2]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse
#[derive(Serialize)]
struct UserInfo<'u> {
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'u str>,
    sub: &'u Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'u str>,
    #[serde(flatten)]
    claims: Map<String, Value>,
}

async fn respond(
    core: &Core,
    client: &Client,
    sub: &Subject,
    claims: Map<String, Value>,
    now: Timestamp,
) -> Result<Reply, Failure> {
    let format = client.metadata.userinfo_format();
    if format.signed.is_none() && format.encrypted.is_none() {
        return Ok(Reply::json(200, &UserInfo { iss: None, sub, aud: None, claims }));
    }
    let iss = format.signed.map(|_| core.config.issuer.as_str());
    let aud = format.signed.map(|_| client.id.as_str());
    let claims = UserInfo { iss, sub, aud, claims };
    let jwt = mint::for_client(core, client, format, &claims, now).await?;
    Ok(Reply::jwt(jwt))
}

/// The parameters of the body; one that is no form is refused.
fn presented_params<'r>(request: &Request<'r>) -> Result<Params<'r>, Reason> {
    if Params::parse(&[request.query.as_bytes()]).all("access_token").next().is_some() {
        return Err(Reason::BearerInQuery);
    }
    if request.method != "POST" || request.body.is_empty() {
        return Ok(Params::default());
    }
    request.form()?.bounded()
}

/// The one token of the request, in the header or in the body ([RFC 6750 §2]), never in the query
/// ([RFC 9700 §4.3.2]).
///
/// [RFC 6750 §2]: https://www.rfc-editor.org/rfc/rfc6750#section-2
/// [RFC 9700 §4.3.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.3.2
fn bearer<'p>(request: &Request<'p>, params: &'p Params<'_>) -> Result<&'p str, BearerError> {
    let in_body = params.one("access_token")?;
    match (request.authorization(), in_body) {
        (Authorization::Bearer(_), Some(_)) => Err(Reason::BearerTwice.into()),
        (Authorization::Malformed, _) => Err(Reason::BearerMalformed.into()),
        (Authorization::Bearer(token), None) | (_, Some(token)) => Ok(token),
        // Another scheme is as good as none (§3.1).
        (_, None) => Err(BearerError::ABSENT),
    }
}
