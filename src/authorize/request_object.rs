//! Request objects, by value and by reference ([OIDC Core §6], [RFC 9101]): resolved before anything
//! in the request is believed.
//!
//! An object may be used again, for a reload or the back button: whoever replays one gets no further
//! than the person lets them.
//!
//! [OIDC Core §6]: https://openid.net/specs/openid-connect-core-1_0.html#JWTRequests
//! [RFC 9101]: https://www.rfc-editor.org/rfc/rfc9101

use std::error::Error;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::parameters::recognised;
use crate::{
    client::{self, Client, KeyFault},
    config::RequestObjectMode,
    error::{Failure, Reason},
    fetch::FetchRequest,
    jose::{self, Claims, JoseFault, Jwe, Jws, LEEWAY, VerifyWith},
    provider::Core,
    secret::Digest,
    types::{JwsAlgorithm, ResponseType, Timestamp},
    wire::Params,
};

/// The parameters of the request once its object has had its word; none if it has no object.
pub(super) async fn resolve<'r>(
    core: &Core,
    client: &Client,
    params: &Params<'r>,
) -> Result<Option<Params<'r>>, Failure> {
    let required = client.metadata.require_signed_request_object;
    let fetched;
    let text = match (params.one("request")?, params.one("request_uri")?) {
        (None, None) if required => return Err(Reason::RequestObjectMissing.into()),
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(Reason::RequestObjectTwice.into()),
        (Some(object), None) => object,
        (None, Some(uri)) => {
            fetched = fetch(core, client, uri).await?;
            &fetched
        }
    };
    let claims = verify(core, client, text).await.map_err(invalid)?;
    let mode = if required { RequestObjectMode::Jar } else { core.config.policy.request_object };
    check(core, client, &claims, mode, core.clock.now()).map_err(invalid)?;
    let object = Params::of_object(&claims.into_map(), &recognised(&core.config))
        .ok_or(Reason::RequestObjectClaims)?;
    match mode {
        RequestObjectMode::Jar => Ok(Some(object)),
        RequestObjectMode::Oidc => {
            agrees(params, &object)?;
            Ok(Some(params.overridden_by(object)))
        }
    }
}

/// By reference: only what the client has registered is fetched ([OIDC Core §6.2]).
///
/// A fragment is the hash of the version that is meant, and not part of the address: if what a cache
/// has is another one, it is asked for anew. If that is another one still, or cannot be had, the
/// client's fragment is its own affair.
///
/// [OIDC Core §6.2]: https://openid.net/specs/openid-connect-core-1_0.html#RequestUriParameter
async fn fetch(core: &Core, client: &Client, uri: &str) -> Result<String, Failure> {
    let fetch = core.fetch.as_ref().ok_or(Reason::RequestUriUnsupported)?;
    let (address, version) = uri.split_once('#').map_or((uri, None), |(a, v)| (a, Some(v)));
    let mut registered = client.metadata.request_uris.iter();
    if !registered.any(|known| known.split('#').next() == Some(address)) {
        return Err(Reason::RequestUriUnknown.into());
    }
    let mut request =
        FetchRequest::new(address, "application/oauth-authz-req+jwt, application/jwt");
    request.named_by = client.named_by;
    let failed = |cause| Failure::caused(Reason::RequestUriFailed, cause);
    let mut document = fetch.get(&request).await.map_err(failed)?;
    let is_version =
        |version| URL_SAFE_NO_PAD.encode(Digest::of(&document.body).as_bytes()) == version;
    if !version.is_none_or(is_version) {
        request.refresh = true;
        document = fetch.get(&request).await.unwrap_or(document);
    }
    let text = str::from_utf8(&document.body).map_err(|_| invalid(JoseFault::Malformed))?;
    Ok(text.trim_ascii().to_owned())
}

fn invalid(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
    Failure::caused(Reason::RequestObjectInvalid, cause)
}

/// With what the client has registered: its keys, its secret, or nothing where that is allowed.
async fn verify(core: &Core, client: &Client, text: &str) -> Result<Claims, KeyFault> {
    let metadata = &client.metadata;
    if jose::is_jwe(text) {
        let sealed = Jwe::parse(text)?;
        let fits = metadata.request_object_encryption_alg.is_none_or(|a| a == sealed.algorithm())
            && metadata.request_object_encryption_enc.is_none_or(|e| e == sealed.encryption());
        if !fits {
            return Err(JoseFault::Algorithm.into());
        }
    }
    let text = client::unsealed(core, client, text)?;
    let object = Jws::parse(&text)?;
    if !object.typ().is_none_or(is_request_object) {
        return Err(JoseFault::Claims("typ").into());
    }
    let algorithm = object.algorithm();
    if metadata.request_object_signing_alg.is_some_and(|registered| registered != algorithm) {
        return Err(JoseFault::Algorithm.into());
    }
    match algorithm {
        JwsAlgorithm::Signature(_) => client::verified(core, client, &object).await,
        JwsAlgorithm::Mac(_) => {
            Ok(object.verify(VerifyWith::Secrets(&client.secret_keys(core.clock.now())))?)
        }
        JwsAlgorithm::None => {
            let policy = &core.config.policy;
            let may = match metadata.request_object_signing_alg {
                None => policy.unsigned_unless_registered,
                Some(_) => true,
            };
            if may && policy.unsigned && !metadata.require_signed_request_object {
                Ok(object.verify(VerifyWith::Nobody)?)
            } else {
                Err(JoseFault::Algorithm.into())
            }
        }
    }
}

/// [RFC 9101 §10.8]: another kind of JWT says so in its type.
///
/// [RFC 9101 §10.8]: https://www.rfc-editor.org/rfc/rfc9101#section-10.8
fn is_request_object(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    matches!(typ, "jwt" | "oauth-authz-req+jwt")
}

/// Who made it, for whom, for when; and nothing that belongs to another kind of JWT
/// ([RFC 9101 §4], [§10.8]).
///
/// [RFC 9101 §4]: https://www.rfc-editor.org/rfc/rfc9101#section-4
/// [§10.8]: https://www.rfc-editor.org/rfc/rfc9101#section-10.8
fn check(
    core: &Core,
    client: &Client,
    claims: &Claims,
    mode: RequestObjectMode,
    now: Timestamp,
) -> Result<(), JoseFault> {
    let id = client.id.as_str();
    if claims.str("iss")?.is_some_and(|iss| iss != id) {
        return Err(JoseFault::Claims("iss"));
    }
    let audience = claims.audience()?;
    if !audience.is_empty() && !audience.contains(&core.config.issuer.as_str()) {
        return Err(JoseFault::Claims("aud"));
    }
    match claims.str("client_id")? {
        Some(named) if named == id => {}
        None if mode == RequestObjectMode::Oidc => {}
        _ => return Err(JoseFault::Claims("client_id")),
    }
    if claims.str("sub")? == Some(id) {
        return Err(JoseFault::Claims("sub"));
    }
    for nested in ["request", "request_uri"] {
        if claims.get(nested).is_some() {
            return Err(JoseFault::Claims(nested));
        }
    }
    claims.in_time(now, LEEWAY)
}

/// What stands in both places must be the same where OAuth 2.0 needs it outside ([OIDC Core §6.1]).
///
/// [OIDC Core §6.1]: https://openid.net/specs/openid-connect-core-1_0.html#JWTRequests
fn agrees(outer: &Params<'_>, object: &Params<'_>) -> Result<(), Reason> {
    let parsed = |params: &Params<'_>| -> Result<_, Reason> {
        Ok(params.one("response_type")?.map(ResponseType::parse))
    };
    match (parsed(outer)?, parsed(object)?) {
        (Some(outside), Some(inside)) if outside != inside => Err(Reason::RequestObjectClaims),
        _ => Ok(()),
    }
}
