use crate::{
    client::{self, Client},
    error::{Failure, Reason},
    jose::{Claims, JoseFault, Jwks, Jws, VerifyWith},
    provider::Core,
    types::{Acr, JwsAlgorithm, Subject, Timestamp},
};

/// The person of an `id_token_hint` ([OIDC Core §3.1.2.1]), by their name at the client: the token
/// must be one that this provider has issued to this client. It may have expired; it proves nothing
/// but a name.
///
/// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
pub(super) fn subject_of(core: &Core, client: &Client, hint: &str) -> Result<Subject, Failure> {
    let invalid = |fault: JoseFault| Failure::caused(Reason::HintInvalid, fault);
    issued_id_token(core, client, hint).map(|token| token.sub).map_err(invalid)
}

/// An ID token that this provider has issued to this client, expired or not.
pub(crate) struct IssuedIdToken {
    pub(crate) sub: Subject,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) auth_time: Option<Timestamp>,
    pub(crate) acr: Option<Acr>,
    pub(crate) amr: Vec<Box<str>>,
    /// The session that it stands on, as the client knows it.
    pub(crate) sid: Option<Box<str>>,
    /// Whether a key of the provider's says so; otherwise whoever knows the client's secret may have made
    /// it, the client itself first of all.
    pub(crate) signed: bool,
}

/// Reads an ID token, encrypted or not.
pub(crate) fn issued_id_token(
    core: &Core,
    client: &Client,
    text: &str,
) -> Result<IssuedIdToken, JoseFault> {
    let text = client::unsealed(core, client, text)?;
    let (claims, signed) = verify(core, client, &text)?;
    read(core, client, &claims, signed)
}

/// With a key of the provider's, or with the secret of a client whose ID tokens have that.
fn verify(core: &Core, client: &Client, hint: &str) -> Result<(Claims, bool), JoseFault> {
    let token = Jws::parse(hint)?;
    if !token.typ().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT")) {
        return Err(JoseFault::Claims("typ"));
    }
    match token.algorithm() {
        JwsAlgorithm::Signature(_) => {
            let published = core.signer.published(core.clock.now());
            let keys = Jwks::from_keys(published.into_iter().map(|key| key.jwk));
            Ok((token.verify(VerifyWith::Keys(&keys))?, true))
        }
        algorithm if algorithm == client.metadata.id_token_signed_response_alg => {
            Ok((token.verify(VerifyWith::Secrets(&client.secret_keys(core.clock.now())))?, false))
        }
        _ => Err(JoseFault::Algorithm),
    }
}

/// Only an ID token of this client has all of these; a UserInfo answer has no `exp`.
fn read(
    core: &Core,
    client: &Client,
    claims: &Claims,
    signed: bool,
) -> Result<IssuedIdToken, JoseFault> {
    if claims.str("iss")? != Some(core.config.issuer.as_str()) {
        return Err(JoseFault::Claims("iss"));
    }
    if !claims.audience()?.contains(&client.id.as_str()) {
        return Err(JoseFault::Claims("aud"));
    }
    let time = |name| claims.time(name)?.ok_or(JoseFault::Claims(name));
    let (issued, expires) = (time("iat")?, time("exp")?);
    let sub = claims.str("sub")?.ok_or(JoseFault::Claims("sub"))?;
    let amr = claims.get("amr").cloned().map(serde_json::from_value).transpose();
    Ok(IssuedIdToken {
        sub: Subject::new(sub).map_err(|_| JoseFault::Claims("sub"))?,
        issued,
        expires,
        auth_time: claims.time("auth_time")?,
        acr: claims.str("acr")?.map(Acr::new),
        amr: amr.map_err(|_| JoseFault::Claims("amr"))?.unwrap_or_default(),
        sid: claims.str("sid")?.map(Into::into),
        signed,
    })
}
