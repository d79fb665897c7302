//! F-08: a JWK Set that is accepted keeps what was sent, reads the same when it is written back, shows
//! nothing private, and has the thumbprints that another implementation finds; nothing that is signed
//! by nobody verifies with it.

#![no_main]

use std::collections::{BTreeMap, HashSet};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use libfuzzer_sys::fuzz_target;
use oidc_op::{
    ContentEncryption, Jwks, KeyManagementAlgorithm, SigningAlgorithm, Timestamp,
    fuzzing::{SealedFor, SignedBy, encrypt_jwe, thumbprint, valid_at, verify_jws},
};
use oidc_op_fuzz::op::NOW;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

/// RFC 7518 §6.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(keys) = Jwks::from_json(text) else { return };
    let sent: Value = serde_json::from_str(text).expect("it was accepted");
    let written = serde_json::to_value(&keys).unwrap();
    assert_eq!(serde_json::from_value::<Jwks>(written.clone()).unwrap(), keys);
    let of_text = Jwks::from_json(&written.to_string()).unwrap();
    assert!(of_text == keys || has_fractions(&written));

    let kept = written["keys"].as_array().unwrap();
    assert!(kept.len() <= 32);
    let mut kids = HashSet::new();
    let mut rest = sent["keys"].as_array().unwrap().iter();
    for key in kept {
        let key = key.as_object().unwrap();
        // In their order, some left out, nothing changed but how numbers are spelled.
        assert!(rest.any(|sent| is_same(key, sent)), "{key:?}");
        assert!(PRIVATE.iter().all(|name| !key.contains_key(*name)), "{key:?}");
        assert!(key.get("kid").is_none_or(|kid| kids.insert(kid.as_str().unwrap())), "{key:?}");
        check_thumbprint(key);
    }
    check_times(&keys, kept);
    nothing_panics(&keys);
});

fn is_same(key: &Map<String, Value>, sent: &Value) -> bool {
    let Some(sent) = sent.as_object() else { return false };
    let number = |value: &Value| {
        let bytes = BASE64.decode(value.as_str()?).ok()?;
        Some(bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>())
    };
    let same = |name: &str, value: &Value| match sent.get(name) {
        Some(sent) if ["n", "e"].contains(&name) && key["kty"] == "RSA" => {
            number(value).is_some() && number(value) == number(sent)
        }
        sent => sent == Some(value),
    };
    key.len() == sent.len() && key.iter().all(|(name, value)| same(name, value))
}

/// RFC 7638 §3, by hand: the required members, sorted, without space.
fn check_thumbprint(key: &Map<String, Value>) {
    let required: &[&str] = match key["kty"].as_str().unwrap() {
        "RSA" => &["n", "kty", "e"],
        "EC" => &["y", "x", "kty", "crv"],
        "OKP" => &["x", "kty", "crv"],
        other => panic!("{other}"),
    };
    let sorted: BTreeMap<&str, &str> =
        required.iter().map(|name| (*name, key[*name].as_str().unwrap())).collect();
    let members: Vec<_> =
        sorted.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
    let canonical = format!("{{{}}}", members.join(","));
    let expected = BASE64.encode(digest(&SHA256, canonical.as_bytes()));
    assert_eq!(thumbprint(key).as_deref(), Some(&*expected));
    let reversed: Map<_, _> = key.iter().rev().map(|(n, v)| (n.clone(), v.clone())).collect();
    assert_eq!(thumbprint(&reversed), Some(expected.clone()));
    let bare: Map<_, _> =
        required.iter().map(|name| ((*name).to_owned(), key[*name].clone())).collect();
    assert_eq!(thumbprint(&bare), Some(expected));
}

/// What is left of the set now is what says that it is good now, parts of a second on the safe side.
fn check_times(keys: &Jwks, kept: &[Value]) {
    for now in [0, NOW] {
        let valid = serde_json::to_value(valid_at(keys, Timestamp::from_unix(now))).unwrap();
        let in_time = |key: &&Value| {
            let time = |name: &str| key.get(name).map(|time| time.as_f64().unwrap());
            time("nbf").is_none_or(|nbf| nbf.ceil() <= now as f64)
                && time("exp").is_none_or(|exp| exp.floor() > now as f64)
        };
        assert_eq!(valid["keys"], json!(kept.iter().filter(in_time).collect::<Vec<_>>()));
    }
}

/// Of which the text is not always read as it was meant, to the last bit.
fn has_fractions(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fractions),
        Value::Object(members) => members.values().any(has_fractions),
        _ => false,
    }
}

/// A key that is good enough to be in the set is good enough to be tried.
fn nothing_panics(keys: &Jwks) {
    for algorithm in SigningAlgorithm::ALL {
        let header = BASE64.encode(json!({ "alg": algorithm.as_str() }).to_string());
        let signature = BASE64.encode([7; 64]);
        let token = format!("{header}.{}.{signature}", BASE64.encode("{}"));
        assert_eq!(verify_jws(&token, SignedBy::Keys(keys)), None, "nobody signed it");
    }
    for algorithm in KeyManagementAlgorithm::ALL {
        let to = SealedFor::Public(keys);
        let sealed = encrypt_jwe(b"x", *algorithm, ContentEncryption::A128Gcm, to);
        assert!(sealed.is_none_or(|sealed| sealed.split('.').count() == 5));
    }
}
