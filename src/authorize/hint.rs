use crate::{
    client::{self, Client},
    error::{Failure, Reason},
    jose::{Claims, JoseFault, Jwks, Jws, VerifyWith},
    provider::Core,
    types::{JwsAlgorithm, Subject},
};

/// The person of an `id_token_hint` ([OIDC Core §3.1.2.1]), by their name at the client: the token
/// must be one that this provider has issued to this client. It may have expired; it proves nothing
/// but a name.
///
/// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
pub(super) fn subject_of(core: &Core, client: &Client, hint: &str) -> Result<Subject, Failure> {
    let invalid = |fault: JoseFault| Failure::caused(Reason::HintInvalid, fault);
    let hint = client::unsealed(core, client, hint).map_err(invalid)?;
    let claims = verify(core, client, &hint).map_err(invalid)?;
    subject(core, client, &claims).map_err(invalid)
}

/// With a key of the provider's, or with the secret of a client whose ID tokens have that.
fn verify(core: &Core, client: &Client, hint: &str) -> Result<Claims, JoseFault> {
    let token = Jws::parse(hint)?;
    if !token.typ().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT")) {
        return Err(JoseFault::Claims("typ"));
    }
    match token.algorithm() {
        JwsAlgorithm::Signature(_) => {
            let published = core.signer.published(core.clock.now());
            let keys = Jwks::from_keys(published.into_iter().map(|key| key.jwk));
            token.verify(VerifyWith::Keys(&keys))
        }
        algorithm if algorithm == client.metadata.id_token_signed_response_alg => {
            token.verify(VerifyWith::Secrets(&client.secret_keys()))
        }
        _ => Err(JoseFault::Algorithm),
    }
}

/// Only an ID token of this client has all of these; a UserInfo answer has no `exp`.
fn subject(core: &Core, client: &Client, claims: &Claims) -> Result<Subject, JoseFault> {
    if claims.str("iss")? != Some(core.config.issuer.as_str()) {
        return Err(JoseFault::Claims("iss"));
    }
    if !claims.audience()?.contains(&client.id.as_str()) {
        return Err(JoseFault::Claims("aud"));
    }
    for name in ["iat", "exp"] {
        claims.time(name)?.ok_or(JoseFault::Claims(name))?;
    }
    let sub = claims.str("sub")?.ok_or(JoseFault::Claims("sub"))?;
    Subject::new(sub).map_err(|_| JoseFault::Claims("sub"))
}
