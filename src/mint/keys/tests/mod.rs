mod change;
mod life;
mod refusals;
mod saving;
mod secrecy;
mod signing;

use std::{
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::{
    jwk::{Jwk, KeyPair, alg::rsa::RsaKeyPair},
    jws::{
        ES256, ES256K, ES384, ES512, EdDSA, JwsVerifier, PS256, PS384, PS512, RS256, RS384, RS512,
    },
};
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// One key for each algorithm; RSA keys are slow to make.
static EVERY: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::generate(&SigningAlgorithm::ALL, NOW).unwrap());

/// RFC 7515 A.2.
fn rsa() -> Value {
    json!({
        "kty": "RSA",
        "alg": "RS256",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt\
              0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXnd\
              S5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJ\
              H7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        "e": "AQAB",
        "d": "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol\
              2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X\
              0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl\
              _x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
        "p": "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_\
              Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
        "q": "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7Tje\
              LQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
        "dp": "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FO\
               Knu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
        "dq": "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9\
               U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
        "qi": "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy\
               5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
    })
}

/// RFC 7515 A.3.
fn p256() -> Value {
    json!({
        "kty": "EC",
        "alg": "ES256",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    })
}

/// RFC 7515 A.4.
fn p521() -> Value {
    json!({
        "kty": "EC",
        "alg": "ES512",
        "crv": "P-521",
        "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
        "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
        "d": "AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C",
    })
}

/// RFC 8037 A.1.
fn ed25519() -> Value {
    json!({
        "kty": "OKP",
        "alg": "EdDSA",
        "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })
}

/// The key with some members replaced, or taken away by `null`.
fn with(mut jwk: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            jwk.as_object_mut().unwrap().remove(name);
        } else {
            jwk[name] = value.clone();
        }
    }
    jwk
}

/// The base64url number with its first octet replaced.
fn first_octet(number: &Value, octet: u8) -> Value {
    let mut bytes = URL_SAFE_NO_PAD.decode(number.as_str().unwrap()).unwrap();
    bytes[0] = octet;
    URL_SAFE_NO_PAD.encode(bytes).into()
}

fn load(jwks: &[Value]) -> Result<KeySet, KeyError> {
    KeySet::from_json(&json!({ "keys": jwks }).to_string())
}

/// Signs; pending would mean that it does not sign inline.
fn sign(keys: &KeySet, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError> {
    let future = pin!(keys.sign(key, input));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("signing did not happen inline"),
    }
}

fn verifier(algorithm: SigningAlgorithm, jwk: &Map<String, Value>) -> Box<dyn JwsVerifier> {
    let jwk = &Jwk::from_map(jwk.clone()).unwrap();
    match algorithm {
        SigningAlgorithm::RS256 => Box::new(RS256.verifier_from_jwk(jwk).unwrap()),
        SigningAlgorithm::RS384 => Box::new(RS384.verifier_from_jwk(jwk).unwrap()),
        SigningAlgorithm::RS512 => Box::new(RS512.verifier_from_jwk(jwk).unwrap()),
        SigningAlgorithm::PS256 => Box::new(PS256.verifier_from_jwk(jwk).unwrap()),
        SigningAlgorithm::PS384 => Box::new(PS384.verifier_from_jwk(jwk).unwrap()),
        SigningAlgorithm::PS512 => Box::new(PS512.verifier_from_jwk(jwk).unwrap()),
        SigningAlgorithm::ES256 => Box::new(ES256.verifier_from_jwk(jwk).unwrap()),
        SigningAlgorithm::ES384 => Box::new(ES384.verifier_from_jwk(jwk).unwrap()),
        SigningAlgorithm::ES512 => Box::new(ES512.verifier_from_jwk(jwk).unwrap()),
        SigningAlgorithm::ES256K => Box::new(ES256K.verifier_from_jwk(jwk).unwrap()),
        SigningAlgorithm::EdDSA => Box::new(EdDSA.verifier_from_jwk(jwk).unwrap()),
    }
}

/// Signs with what is loaded, checks with what is published.
fn signs_for(signing: &KeySet, published: &KeySet) {
    for PublishedKey { key, jwk, .. } in published.published(NOW) {
        let signature = sign(signing, &key, b"input").unwrap();
        verifier(key.algorithm, &jwk).verify(b"input", &signature).unwrap();
    }
}
