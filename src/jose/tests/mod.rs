mod claims;
mod decryption_keys;
mod jwe;
mod jwe_edges;
mod jwks;
mod jws;
mod jws_keys;
mod mutations;

use std::{
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};

use super::*;
use crate::{
    mint::{KeySet, Signer},
    types::{
        ContentEncryption, JwsAlgorithm, KeyManagementAlgorithm, MacAlgorithm, SigningAlgorithm,
        Timestamp,
    },
};

const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);
/// As long as HS512 wants it.
const SECRET: &[u8] = b"sixty-four bytes, which is what HS512 asks of a client's secret.";

/// One key for each algorithm; RSA keys are slow to make.
static SIGNERS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::generate(&SigningAlgorithm::ALL, NOW).unwrap());

/// Their public halves.
static PUBLIC: LazyLock<Jwks> =
    LazyLock::new(|| Jwks::from_keys(SIGNERS.published(NOW).into_iter().map(|key| key.jwk)));

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A compact JWS of anything at all.
fn compact(header: &Value, payload: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let input = format!("{}.{}", encode(header.to_string()), encode(payload));
    let signature = sign(input.as_bytes());
    format!("{input}.{}", encode(signature))
}

/// Signs with the key of the algorithm, whatever the header says.
fn signature(algorithm: SigningAlgorithm, input: &[u8]) -> Vec<u8> {
    let key = SIGNERS.active(algorithm, NOW).unwrap();
    match pin!(SIGNERS.sign(&key, input)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(signature) => signature.unwrap(),
        Poll::Pending => panic!("signing did not happen inline"),
    }
}

fn signed(algorithm: SigningAlgorithm, claims: &Value) -> String {
    let kid = SIGNERS.active(algorithm, NOW).unwrap().kid;
    let header = json!({ "alg": algorithm.as_str(), "kid": &*kid });
    compact(&header, &claims.to_string(), |input| signature(algorithm, input))
}

fn mac(algorithm: MacAlgorithm, secret: &[u8], input: &[u8]) -> Vec<u8> {
    let hash = match algorithm {
        MacAlgorithm::HS256 => hmac::HMAC_SHA256,
        MacAlgorithm::HS384 => hmac::HMAC_SHA384,
        MacAlgorithm::HS512 => hmac::HMAC_SHA512,
    };
    hmac::sign(&hmac::Key::new(hash, secret), input).as_ref().to_vec()
}

fn hs256(claims: &Value) -> String {
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    compact(&header, &claims.to_string(), |input| mac(MacAlgorithm::HS256, SECRET, input))
}

fn verify(text: &str, with: VerifyWith<'_>) -> Result<Claims, JoseFault> {
    Jws::parse(text)?.verify(with)
}

fn with_secret(text: &str) -> Result<Claims, JoseFault> {
    verify(text, VerifyWith::Secrets(&[SECRET]))
}

fn with_keys(text: &str) -> Result<Claims, JoseFault> {
    verify(text, VerifyWith::Keys(&PUBLIC))
}

/// The object with some members replaced, or taken away by `null`.
fn with(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            object[name] = value.clone();
        }
    }
    object
}

fn jwks(keys: &[Value]) -> Jwks {
    Jwks::from_json(&json!({ "keys": keys }).to_string()).unwrap()
}

/// RFC 7515 A.2.
fn rsa() -> Value {
    json!({
        "kty": "RSA",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt\
              0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXnd\
              S5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJ\
              H7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        "e": "AQAB",
    })
}

/// RFC 7515 A.3.
fn p256() -> Value {
    json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

/// RFC 7515 A.4.
fn p521() -> Value {
    json!({
        "kty": "EC",
        "crv": "P-521",
        "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
        "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
    })
}

/// RFC 8037 A.2.
fn ed25519() -> Value {
    json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })
}

/// RFC 8037 A.6.
fn x25519() -> Value {
    json!({
        "kty": "OKP",
        "crv": "X25519",
        "kid": "Bob",
        "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08",
    })
}
