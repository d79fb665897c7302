use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::{SignError, Signer};
use crate::types::{SigningAlgorithm, Timestamp};

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
    #[derive(Serialize)]
    struct Header<'h> {
        alg: &'static str,
        typ: &'h str,
        kid: &'h str,
    }

    let failed = |cause: serde_json::Error| SignError::Failed(cause.into());
    let key = signer.active(algorithm, now).ok_or(SignError::NoKey(algorithm))?;
    let header = Header { alg: algorithm.as_str(), typ, kid: &key.kid };
    let mut json = Vec::with_capacity(1024);
    serde_json::to_writer(&mut json, &header).map_err(failed)?;
    let end = json.len();
    serde_json::to_writer(&mut json, claims).map_err(failed)?;
    let (header, claims) = json.split_at(end);

    let mut token = String::with_capacity(json.len() * 4 / 3 + 360);
    URL_SAFE_NO_PAD.encode_string(header, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = signer.sign(&key, token.as_bytes()).await?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
    Ok(token)
}
