//! F-09: only what the right party signed verifies, byte for byte.
//!
//! The first byte says how: any text, a good token with edits, a header and a payload (two lines)
//! signed as they are, the same unsigned, or the same signed with the public keys as a secret.

#![no_main]

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use libfuzzer_sys::fuzz_target;
use oidc_op::{
    Jwks, Signer, SigningAlgorithm, Timestamp,
    fuzzing::{SignedBy, verify_jws},
    store::contract::block_on,
};
use oidc_op_fuzz::{
    edit::edited,
    op::{NOW, SECRET, SIGNING},
};
use ring::hmac;
use serde_json::{Map, Value, json};

const PAYLOAD: &str = r#"{"iss":"web","aud":"https://id.example","nonce":"n-0S6_WzA2Mj"}"#;

static JWKS: LazyLock<String> = LazyLock::new(|| {
    let published = SIGNING.published(Timestamp::from_unix(NOW));
    let keys: Vec<_> = published.into_iter().map(|published| published.jwk).collect();
    json!({ "keys": keys }).to_string()
});
static KEYS: LazyLock<Jwks> = LazyLock::new(|| Jwks::from_json(&JWKS).unwrap());

/// A token of each algorithm: by keys first, then by the secret.
static SIGNED: LazyLock<[Vec<String>; 2]> = LazyLock::new(|| {
    let by_key = |algorithm: SigningAlgorithm| {
        let key = SIGNING.active(algorithm, Timestamp::from_unix(NOW)).unwrap();
        let header = json!({ "alg": algorithm.as_str(), "kid": &*key.kid, "typ": "JWT" });
        let input = input(header.to_string().as_bytes(), PAYLOAD.as_bytes());
        let signature = block_on(SIGNING.sign(&key, input.as_bytes())).unwrap();
        format!("{input}.{}", BASE64.encode(signature))
    };
    let by_secret = |(name, algorithm): (&str, hmac::Algorithm)| {
        let header = json!({ "alg": name, "typ": "JWT" }).to_string();
        mac(header.as_bytes(), PAYLOAD.as_bytes(), algorithm, SECRET.as_bytes())
    };
    use SigningAlgorithm::{ES256, EdDSA, RS256};
    let macs = [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)];
    [[ES256, EdDSA, RS256].map(by_key).to_vec(), macs.map(by_secret).to_vec()]
});

fn input(header: &[u8], payload: &[u8]) -> String {
    format!("{}.{}", BASE64.encode(header), BASE64.encode(payload))
}

fn mac(header: &[u8], payload: &[u8], algorithm: hmac::Algorithm, secret: &[u8]) -> String {
    let input = input(header, payload);
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret), input.as_bytes());
    format!("{input}.{}", BASE64.encode(tag))
}

fn by_keys(text: &str) -> Option<Map<String, Value>> {
    verify_jws(text, SignedBy::Keys(&KEYS))
}

fn by_secrets(text: &str) -> Option<Map<String, Value>> {
    verify_jws(
        text,
        SignedBy::Secrets(&[b"an older secret, of thirty-two bytes", SECRET.as_bytes()]),
    )
}

fn by_nobody(text: &str) -> Option<Map<String, Value>> {
    verify_jws(text, SignedBy::Nobody)
}

/// What an unsigned token must be to pass as one.
fn is_unsigned(text: &str) -> bool {
    let header = text.split('.').next().and_then(|part| BASE64.decode(part).ok());
    let header = header.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    text.ends_with('.') && header.is_some_and(|header| header["alg"] == "none")
}

/// Whether the header lets a token be read at all.
fn is_plain_header(header: &[u8], algorithm: &str) -> bool {
    let Ok(Value::Object(header)) = serde_json::from_slice(header) else { return false };
    header.get("alg").is_some_and(|alg| alg == algorithm)
        && ["crit", "b64"].iter().all(|name| !header.contains_key(*name))
        && ["typ", "cty", "kid"].iter().all(|name| header.get(*name).is_none_or(Value::is_string))
}

fuzz_target!(|data: &[u8]| {
    let [how, rest @ ..] = data else { return };
    let (header, payload) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, PAYLOAD.as_bytes()),
    };
    let claims = || serde_json::from_slice::<Map<String, Value>>(payload).ok();
    let [signed, maced] = &*SIGNED;
    match how % 5 {
        0 => {
            let Ok(text) = str::from_utf8(rest) else { return };
            assert!(by_keys(text).is_none() || signed.iter().any(|token| token == text));
            assert!(by_secrets(text).is_none() || maced.iter().any(|token| token == text));
            assert!(by_nobody(text).is_none() || is_unsigned(text));
        }
        1 => {
            let [which, edits @ ..] = rest else { return };
            let which = usize::from(*which) % (signed.len() + maced.len());
            let token = signed.iter().chain(maced).nth(which).unwrap();
            let text = edited(token, edits);
            let by_key = which < signed.len();
            assert_eq!(by_keys(&text).is_some(), by_key && text == *token, "{token} {text}");
            assert_eq!(by_secrets(&text).is_some(), !by_key && text == *token, "{token} {text}");
            assert!(by_nobody(&text).is_none());
        }
        2 => {
            let text = mac(header, payload, hmac::HMAC_SHA256, SECRET.as_bytes());
            if let Some(read) = by_secrets(&text) {
                assert!(is_plain_header(header, "HS256"), "{text}");
                assert_eq!(Some(read), claims(), "{text}");
            }
            assert!(by_keys(&text).is_none() && by_nobody(&text).is_none());
        }
        3 => {
            let text = format!("{}.", input(header, payload));
            if let Some(read) = by_nobody(&text) {
                assert!(is_plain_header(header, "none"), "{text}");
                assert_eq!(Some(read), claims(), "{text}");
            }
            assert!(by_keys(&text).is_none() && by_secrets(&text).is_none());
        }
        _ => {
            let text = mac(header, payload, hmac::HMAC_SHA256, JWKS.as_bytes());
            assert!(by_keys(&text).is_none() && by_secrets(&text).is_none());
            assert!(by_nobody(&text).is_none());
        }
    }
});
