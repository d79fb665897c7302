use std::{fmt, str};

use ring::hmac;
use serde_json::Value;

use super::{
    Claims, JoseFault, Jwks,
    compact::{self, Header},
    verify,
};
use crate::{
    types::{JwsAlgorithm, MacAlgorithm},
    wire,
};

/// A signed JWT in compact form, taken apart and not yet believed ([RFC 7515 §5.2]).
///
/// Keys in the header (`jwk`, `jku`, `x5u`, `x5c`) are ignored: anybody can put theirs there.
///
/// [RFC 7515 §5.2]: https://www.rfc-editor.org/rfc/rfc7515#section-5.2
#[derive(Clone)]
pub(crate) struct Jws<'t> {
    algorithm: JwsAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
    signed: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Who may have made a token. It has no `Debug`: some of it is secret.
#[derive(Clone, Copy)]
pub(crate) enum VerifyWith<'k> {
    /// The owner of one of these keys.
    Keys(&'k Jwks),
    /// Whoever knows one of these secrets.
    Secrets(&'k [&'k [u8]]),
    /// Anybody: the caller has decided that the token may be unsigned.
    Nobody,
}

impl<'t> Jws<'t> {
    pub(crate) fn parse(text: &'t str) -> Result<Self, JoseFault> {
        let [header, payload, signature] = compact::parts(text)?;
        let signed = text.get(..header.len() + 1 + payload.len()).ok_or(JoseFault::Malformed)?;
        let header = Header::parse(header)?;
        header.text("cty")?;
        if payload.is_empty() {
            return Err(JoseFault::Malformed);
        }
        Ok(Self {
            algorithm: header.algorithm("alg")?,
            kid: header.text("kid")?.map(str::to_owned),
            typ: header.text("typ")?.map(str::to_owned),
            signed,
            payload: compact::decode(payload)?,
            signature: compact::decode(signature)?,
        })
    }

    pub(crate) fn algorithm(&self) -> JwsAlgorithm {
        self.algorithm
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// What is signed: header and payload, without the signature.
    pub(crate) fn signed(&self) -> &'t str {
        self.signed
    }

    /// A claim that is text, for finding out who is to be asked: nobody vouches for it.
    pub(crate) fn unvouched(&self, name: &str) -> Option<String> {
        match wire::json_object(&self.payload)?.remove(name)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The first whom the token says it is for; nobody vouches for it.
    pub(crate) fn unvouched_audience(&self) -> Option<String> {
        match wire::json_object(&self.payload)?.remove("aud")? {
            Value::String(one) => Some(one),
            Value::Array(all) => all.first()?.as_str().map(str::to_owned),
            _ => None,
        }
    }

    /// The claims, if the right party made them. Which algorithms that party may use is for the
    /// caller to compare; here the algorithm must only be one for such keys ([RFC 8725 §3.1]).
    ///
    /// [`JoseFault::Key`] says that other keys might do, if there are newer ones to be had.
    ///
    /// [RFC 8725 §3.1]: https://www.rfc-editor.org/rfc/rfc8725#section-3.1
    pub(crate) fn verify(&self, keys: VerifyWith<'_>) -> Result<Claims, JoseFault> {
        match (self.algorithm, keys) {
            (JwsAlgorithm::Signature(algorithm), VerifyWith::Keys(keys)) => {
                let input = self.signed.as_bytes();
                check(keys.verifying(algorithm, self.kid()), |key| {
                    verify::signature(key, algorithm, input, &self.signature)
                })?;
            }
            (JwsAlgorithm::Mac(algorithm), VerifyWith::Secrets(secrets)) => {
                let long = |secret: &&[u8]| secret.len() >= algorithm.secret_size();
                check(secrets.iter().copied().filter(long), |secret| {
                    let key = hmac::Key::new(hash(algorithm), secret);
                    hmac::verify(&key, self.signed.as_bytes(), &self.signature).is_ok()
                })?;
            }
            (JwsAlgorithm::None, VerifyWith::Nobody) if self.signature.is_empty() => {}
            (JwsAlgorithm::None, VerifyWith::Nobody) => return Err(JoseFault::Signature),
            _ => return Err(JoseFault::Algorithm),
        }
        let members = wire::json_object(&self.payload).ok_or(JoseFault::Malformed)?;
        Ok(Claims::verified(members))
    }
}

/// Without the claims, which nobody has vouched for.
impl fmt::Debug for Jws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { algorithm, kid, typ, .. } = self;
        f.debug_struct("Jws")
            .field("algorithm", algorithm)
            .field("kid", kid)
            .field("typ", typ)
            .finish_non_exhaustive()
    }
}

/// Whether one of the keys is right, and if not, whether there was any.
fn check<K>(keys: impl Iterator<Item = K>, right: impl Fn(K) -> bool) -> Result<(), JoseFault> {
    let mut fault = JoseFault::Key;
    for key in keys {
        if right(key) {
            return Ok(());
        }
        fault = JoseFault::Signature;
    }
    Err(fault)
}

fn hash(algorithm: MacAlgorithm) -> hmac::Algorithm {
    match algorithm {
        MacAlgorithm::HS256 => hmac::HMAC_SHA256,
        MacAlgorithm::HS384 => hmac::HMAC_SHA384,
        MacAlgorithm::HS512 => hmac::HMAC_SHA512,
    }
}
