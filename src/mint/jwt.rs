use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde::Serialize;

use super::{SignError, Signer};
use crate::{
    client::{self, Client, Format, KeyFault},
    error::{Failure, HostError, Reason},
    jose::{self, EncryptTo},
    provider::Core,
    types::{
        ContentEncryption, JwsAlgorithm, KeyManagementAlgorithm, MacAlgorithm, SigningAlgorithm,
        Timestamp,
    },
};

/// The type of a logout token; its issuer stands outside of its encryption as well
/// ([OIDC Back-Channel Logout §2.4]).
///
/// [OIDC Back-Channel Logout §2.4]: https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken
pub(crate) const LOGOUT_TOKEN: &str = "logout+jwt";

/// An answer to one client, secured as it has registered: signed, then encrypted
/// ([OIDC Core §10]).
///
/// [OIDC Core §10]: https://openid.net/specs/openid-connect-core-1_0.html#SigEnc
pub(crate) async fn for_client(
    core: &Core,
    client: &Client,
    format: Format,
    claims: &impl Serialize,
    now: Timestamp,
) -> Result<String, Failure> {
    for_client_as(core, client, (format, "JWT"), claims, now).await
}

/// The same, as another type of JWT ([RFC 8725 §3.11]).
///
/// [RFC 8725 §3.11]: https://www.rfc-editor.org/rfc/rfc8725#section-3.11
pub(crate) async fn for_client_as(
    core: &Core,
    client: &Client,
    (format, typ): (Format, &str),
    claims: &impl Serialize,
    now: Timestamp,
) -> Result<String, Failure> {
    let token = match format.signed {
        Some(JwsAlgorithm::Signature(algorithm)) => {
            sign(&*core.signer, algorithm, typ, claims, now).await?
        }
        Some(JwsAlgorithm::Mac(algorithm)) => mac(client, (algorithm, typ), claims, now)?,
        Some(JwsAlgorithm::None) if core.config.policy.unsigned => unsigned(claims)?,
        Some(JwsAlgorithm::None) => return Err(unfit("none is not allowed by the policy")),
        None => serde_json::to_string(claims).map_err(HostError::from)?,
    };
    match format.encrypted {
        None => Ok(token),
        Some(encryption) => {
            let issuer = (typ == LOGOUT_TOKEN).then(|| core.config.issuer.as_str());
            let outside = (format.signed.is_some().then_some("JWT"), issuer);
            encrypt(core, client, encryption, &token, outside).await
        }
    }
}

fn unfit(what: &'static str) -> Failure {
    Failure::caused(Reason::ClientUnfit, what)
}

/// With the client's secret ([OIDC Core §10.1]).
///
/// [OIDC Core §10.1]: https://openid.net/specs/openid-connect-core-1_0.html#Signing
fn mac(
    client: &Client,
    (algorithm, typ): (MacAlgorithm, &str),
    claims: &impl Serialize,
    now: Timestamp,
) -> Result<String, Failure> {
    let secret = client.secret_keys(now).into_iter().next();
    let secret = secret.ok_or_else(|| unfit("the client's secret is not kept"))?;
    let key = hmac::Key::new(
        match algorithm {
            MacAlgorithm::HS256 => hmac::HMAC_SHA256,
            MacAlgorithm::HS384 => hmac::HMAC_SHA384,
            MacAlgorithm::HS512 => hmac::HMAC_SHA512,
        },
        secret,
    );
    let mut token =
        signing_input(algorithm.as_str(), Some(typ), None, claims).map_err(HostError::from)?;
    let tag = hmac::sign(&key, token.as_bytes());
    push(&mut token, tag.as_ref());
    Ok(token)
}

/// An unsecured JWT ([RFC 7519 §6]).
///
/// [RFC 7519 §6]: https://www.rfc-editor.org/rfc/rfc7519#section-6
fn unsigned(claims: &impl Serialize) -> Result<String, Failure> {
    let mut token = signing_input("none", None, None, claims).map_err(HostError::from)?;
    push(&mut token, b"");
    Ok(token)
}

/// To the client's key, or with its secret ([OIDC Core §10.2]).
///
/// [OIDC Core §10.2]: https://openid.net/specs/openid-connect-core-1_0.html#Encryption
async fn encrypt(
    core: &Core,
    client: &Client,
    (alg, enc): (KeyManagementAlgorithm, ContentEncryption),
    token: &str,
    (content_type, issuer): (Option<&'static str>, Option<&str>),
) -> Result<String, Failure> {
    let to =
        |to: EncryptTo<'_>| jose::encrypt(token.as_bytes(), content_type, issuer, alg, enc, to);
    let sealed = if alg.is_symmetric() {
        let secret = client.secret_keys(core.clock.now()).into_iter().next();
        let secret = secret.ok_or_else(|| unfit("the client's secret is not kept"))?;
        to(EncryptTo::Secret(secret)).map_err(KeyFault::from)
    } else {
        client::with_keys(core, client, |keys| to(EncryptTo::Keys(keys))).await
    };
    sealed.map_err(|fault| Failure::caused(Reason::ClientUnfit, fault))
}

/// A signed JWT in compact form ([RFC 7515 §3.1]), by the key that is active for the algorithm.
///
/// [RFC 7515 §3.1]: https://www.rfc-editor.org/rfc/rfc7515#section-3.1
pub(super) async fn sign(
    signer: &dyn Signer,
    algorithm: SigningAlgorithm,
    typ: &str,
    claims: &impl Serialize,
    now: Timestamp,
) -> Result<String, SignError> {
    let key = signer.active(algorithm, now).ok_or(SignError::NoKey(algorithm))?;
    let mut token = signing_input(algorithm.as_str(), Some(typ), Some(&key.kid), claims)
        .map_err(|cause| SignError::Failed(cause.into()))?;
    let signature = signer.sign(&key, token.as_bytes()).await?;
    push(&mut token, &signature);
    Ok(token)
}

/// `base64url(header) . base64url(claims)`, with room for a signature ([RFC 7515 §5.1]).
///
/// [RFC 7515 §5.1]: https://www.rfc-editor.org/rfc/rfc7515#section-5.1
fn signing_input(
    alg: &str,
    typ: Option<&str>,
    kid: Option<&str>,
    claims: &impl Serialize,
) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Header<'h> {
        alg: &'h str,
        #[serde(skip_serializing_if = "Option::is_none")]
        typ: Option<&'h str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'h str>,
    }

    let mut json = Vec::with_capacity(1024);
    serde_json::to_writer(&mut json, &Header { alg, typ, kid })?;
    let end = json.len();
    serde_json::to_writer(&mut json, claims)?;
    let (header, claims) = json.split_at(end);
    let mut token = String::with_capacity(json.len() * 4 / 3 + 360);
    URL_SAFE_NO_PAD.encode_string(header, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    Ok(token)
}

fn push(token: &mut String, signature: &[u8]) {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, token);
}
