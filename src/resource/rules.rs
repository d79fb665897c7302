//! What makes a token an access token of this issuer for this API. Plain rules, without I/O.

use serde_json::Value;

use super::VerifiedToken;
use crate::{
    error::{Failure, Reason},
    jose::{Claims, JoseFault, Jws, LEEWAY},
    types::{Issuer, JwsAlgorithm, Resource, Scope, SigningAlgorithm, Timestamp},
};

/// What every JWT access token has ([RFC 9068 §2.2]).
///
/// [RFC 9068 §2.2]: https://www.rfc-editor.org/rfc/rfc9068#section-2.2
const REQUIRED: [&str; 7] = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"];

/// What is text, if it is there; an empty one would name nobody.
const TEXTS: [&str; 6] = ["iss", "sub", "client_id", "jti", "acr", "token_type"];

/// How the claims came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In a JWT, which says everything itself.
    Jwt,
    /// As the answer to an introspection, in which all but `active` may be missing.
    Introspected,
}

/// What a token must say to be for this API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'e> {
    pub(super) issuer: &'e Issuer,
    pub(super) resource: &'e Resource,
    pub(super) now: Timestamp,
}

/// A JWT that claims to be an access token, by an algorithm that is allowed; not yet believed
/// ([RFC 9068 §4]; threats TK-03, JW-01).
///
/// [RFC 9068 §4]: https://www.rfc-editor.org/rfc/rfc9068#section-4
pub(super) fn read<'t>(token: &'t str, allowed: &[SigningAlgorithm]) -> Result<Jws<'t>, Failure> {
    let jws = Jws::parse(token).map_err(invalid)?;
    let typ = jws.typ().unwrap_or_default();
    // §4: MUST be one of these; the names of media types know no case (RFC 2045 §5.1).
    if !["at+jwt", "application/at+jwt"].iter().any(|name| typ.eq_ignore_ascii_case(name)) {
        return Err(Failure::caused(Reason::BearerInvalid, "its typ is not at+jwt"));
    }
    match jws.algorithm() {
        JwsAlgorithm::Signature(algorithm) if allowed.contains(&algorithm) => Ok(jws),
        _ => Err(invalid(JoseFault::Algorithm)),
    }
}

/// Whether the token is for this API and for now ([RFC 9068 §4], [RFC 7662 §4]).
///
/// [RFC 9068 §4]: https://www.rfc-editor.org/rfc/rfc9068#section-4
/// [RFC 7662 §4]: https://www.rfc-editor.org/rfc/rfc7662#section-4
pub(super) fn judge(
    claims: Claims,
    form: Form,
    expected: Expected<'_>,
) -> Result<VerifiedToken, Failure> {
    let now = expected.now;
    if form == Form::Jwt
        && let Some(missing) = REQUIRED.into_iter().find(|name| claims.get(name).is_none())
    {
        return Err(invalid(JoseFault::Claims(missing)));
    }
    for name in TEXTS {
        if claims.str(name).map_err(invalid)? == Some("") {
            return Err(invalid(JoseFault::Claims(name)));
        }
    }
    // An introspection knows refresh tokens too, which are nobody's to accept (RFC 7662 §2.2).
    let kind = claims.str("token_type").map_err(invalid)?;
    if form == Form::Introspected && kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(invalid(JoseFault::Claims("token_type")));
    }
    // Byte for byte; one with another path, case or slash is another issuer (§4).
    if claims.get("iss").is_some_and(|issuer| issuer != expected.issuer.as_str()) {
        return Err(invalid(JoseFault::Claims("iss")));
    }
    let audience = claims.audience().map_err(invalid)?;
    if claims.get("aud").is_some() && !audience.contains(&expected.resource.as_str()) {
        return Err(Reason::BearerAudience.into());
    }
    // A token that is bound to a key is worth nothing without the proof of it, which is not checked
    // here; taking it would undo the binding (RFC 9449 §7.2, RFC 8705 §3).
    if claims.get("cnf").is_some() {
        return Err(Reason::BearerBound.into());
    }
    let expires = claims.time("exp").map_err(invalid)?;
    if expires.is_some_and(|expires| expires <= now) {
        return Err(Reason::BearerExpired.into());
    }
    claims.in_time(now, LEEWAY).map_err(invalid)?;
    let scope = claims.str("scope").map_err(invalid)?.unwrap_or_default();
    let scope = Scope::parse(scope).map_err(|_| invalid(JoseFault::Claims("scope")))?;
    let auth_time = claims.time("auth_time").map_err(invalid)?;
    if claims.get("act").is_some_and(|act| !matches!(act, Value::Object(_))) {
        return Err(invalid(JoseFault::Claims("act")));
    }
    let resource = expected.resource.clone();
    Ok(VerifiedToken { resource, at: now, scope, expires, auth_time, claims: claims.into_map() })
}

fn invalid(fault: JoseFault) -> Failure {
    Failure::caused(Reason::BearerInvalid, fault)
}
