use josekit::jwk::{KeyPair, alg::rsa::RsaKeyPair};
use serde_json::Map;

use super::*;
use crate::mint::{KeyError, KeyProblem};

fn load(keys: &[Value]) -> Result<Jwks, KeyError> {
    Jwks::from_json(&json!({ "keys": keys }).to_string())
}

fn secp256k1() -> Value {
    let mut published = SIGNERS.published(NOW).into_iter();
    let key = published.find(|key| key.key.algorithm == SigningAlgorithm::ES256K).unwrap().jwk;
    with(Value::Object(key), &json!({ "kid": null, "alg": null, "use": null }))
}

/// The number with its first or last octet replaced.
fn octet(number: &Value, last: bool, octet: u8) -> Value {
    let mut bytes = URL_SAFE_NO_PAD.decode(number.as_str().unwrap()).unwrap();
    let position = if last { bytes.len() - 1 } else { 0 };
    bytes[position] = octet;
    encode(bytes).into()
}

/// RFC 7517 §4, RFC 8725 §3.4 and §3.5; threat JW-06.
#[test]
fn keys_that_must_not_be_used() {
    let short: Map<String, Value> = RsaKeyPair::generate(1024).unwrap().to_jwk_public_key().into();
    let (n, x) = (&rsa()["n"], &p256()["x"]);
    for (jwk, expected) in [
        (json!("key"), KeyProblem::NotAnObject),
        (json!({}), KeyProblem::Member("kty")),
        (json!({ "kty": 1 }), KeyProblem::Member("kty")),
        (json!({ "kty": "oct", "k": "c2VjcmV0" }), KeyProblem::Symmetric),
        (json!({ "kty": "oct", "alg": "HS256" }), KeyProblem::Symmetric),
        (with(rsa(), &json!({ "d": "AQ" })), KeyProblem::Private("d")),
        (with(rsa(), &json!({ "p": "AQ" })), KeyProblem::Private("p")),
        (with(rsa(), &json!({ "oth": [] })), KeyProblem::Private("oth")),
        (with(p256(), &json!({ "d": "AQ" })), KeyProblem::Private("d")),
        (with(ed25519(), &json!({ "d": "AQ" })), KeyProblem::Private("d")),
        (with(ed25519(), &json!({ "k": "AQ" })), KeyProblem::Private("k")),
        (with(json!({ "kty": "new" }), &json!({ "d": "AQ" })), KeyProblem::Private("d")),
        (Value::Object(short), KeyProblem::TooShort),
        (with(rsa(), &json!({ "n": octet(n, false, 0x7f) })), KeyProblem::TooShort),
        (with(rsa(), &json!({ "n": octet(n, true, 2) })), KeyProblem::Member("n")),
        (with(rsa(), &json!({ "n": encode([0xFF; 1025]) })), KeyProblem::TooLong),
        (with(rsa(), &json!({ "e": encode([0xFF; 5]) })), KeyProblem::TooLong),
        (with(rsa(), &json!({ "e": "AQ" })), KeyProblem::Exponent),
        (with(rsa(), &json!({ "e": "AAE" })), KeyProblem::Exponent),
        (with(rsa(), &json!({ "e": "AQAA" })), KeyProblem::Exponent),
        (with(rsa(), &json!({ "e": "AAAA" })), KeyProblem::Member("e")),
        (with(rsa(), &json!({ "e": null })), KeyProblem::Member("e")),
        (with(rsa(), &json!({ "n": 7 })), KeyProblem::Member("n")),
        (with(rsa(), &json!({ "n": "a+/b" })), KeyProblem::Member("n")),
        (with(p256(), &json!({ "x": null })), KeyProblem::Member("x")),
        (with(p256(), &json!({ "y": "AQ" })), KeyProblem::Member("y")),
        (with(p256(), &json!({ "y": x })), KeyProblem::OffCurve),
        (
            with(p256(), &json!({ "x": encode([0; 32]), "y": encode([0; 32]) })),
            KeyProblem::OffCurve,
        ),
        (with(p256(), &json!({ "x": encode([0xFF; 32]) })), KeyProblem::OffCurve),
        (with(p521(), &json!({ "y": p521()["x"] })), KeyProblem::OffCurve),
        (with(secp256k1(), &json!({ "y": secp256k1()["x"] })), KeyProblem::OffCurve),
        (with(p256(), &json!({ "crv": "secp256k1" })), KeyProblem::OffCurve),
        (with(p256(), &json!({ "crv": "P-384" })), KeyProblem::Member("x")),
        (with(p256(), &json!({ "crv": 256 })), KeyProblem::Member("crv")),
        (with(ed25519(), &json!({ "x": "AQ" })), KeyProblem::Member("x")),
        (with(x25519(), &json!({ "x": encode([1; 33]) })), KeyProblem::Member("x")),
        (with(rsa(), &json!({ "kid": "" })), KeyProblem::Member("kid")),
        (with(rsa(), &json!({ "kid": 7 })), KeyProblem::Member("kid")),
        (with(rsa(), &json!({ "use": 1 })), KeyProblem::Member("use")),
        (with(rsa(), &json!({ "alg": ["RS256"] })), KeyProblem::Member("alg")),
        (with(rsa(), &json!({ "alg": "ES256" })), KeyProblem::KeyType),
        (with(rsa(), &json!({ "alg": "HS256" })), KeyProblem::KeyType),
        (with(rsa(), &json!({ "alg": "none" })), KeyProblem::KeyType),
        (with(rsa(), &json!({ "alg": "ECDH-ES" })), KeyProblem::KeyType),
        (with(rsa(), &json!({ "alg": "A128KW" })), KeyProblem::KeyType),
        (with(p256(), &json!({ "alg": "ES384" })), KeyProblem::KeyType),
        (with(p256(), &json!({ "alg": "RSA-OAEP" })), KeyProblem::KeyType),
        (with(ed25519(), &json!({ "alg": "ECDH-ES" })), KeyProblem::KeyType),
        (with(secp256k1(), &json!({ "alg": "ECDH-ES" })), KeyProblem::KeyType),
        (with(x25519(), &json!({ "alg": "EdDSA" })), KeyProblem::KeyType),
        (with(rsa(), &json!({ "use": "enc", "alg": "RS256" })), KeyProblem::Conflict),
        (with(rsa(), &json!({ "use": "sig", "alg": "RSA-OAEP" })), KeyProblem::Conflict),
        (with(rsa(), &json!({ "use": "sig", "key_ops": ["encrypt"] })), KeyProblem::Conflict),
        (with(rsa(), &json!({ "use": "enc", "key_ops": ["verify"] })), KeyProblem::Conflict),
        (with(rsa(), &json!({ "alg": "RS256", "key_ops": ["wrapKey"] })), KeyProblem::Conflict),
        (with(rsa(), &json!({ "key_ops": ["verify", "encrypt"] })), KeyProblem::Conflict),
        (with(ed25519(), &json!({ "use": "enc" })), KeyProblem::Conflict),
        (with(secp256k1(), &json!({ "use": "enc" })), KeyProblem::Conflict),
        (with(x25519(), &json!({ "use": "sig" })), KeyProblem::Conflict),
        (with(rsa(), &json!({ "key_ops": "verify" })), KeyProblem::Member("key_ops")),
        (with(rsa(), &json!({ "key_ops": [1] })), KeyProblem::Member("key_ops")),
        (with(rsa(), &json!({ "key_ops": ["verify", "verify"] })), KeyProblem::Member("key_ops")),
    ] {
        match load(&[ed25519(), jwk.clone()]) {
            Err(KeyError::Refused { position: 2, problem }) => {
                assert_eq!(problem, expected, "{jwk}");
            }
            other => panic!("not refused: {jwk} {other:?}"),
        }
        let error = serde_json::from_value::<Jwks>(json!({ "keys": [jwk] })).unwrap_err();
        assert!(error.to_string().starts_with("key 1 of the set: "), "{error}");
    }
}

/// RFC 7517 §4.5 and §5; threat JW-06.
#[test]
fn sets_that_are_none() {
    for text in ["{}", "[]", "1", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[],"keys":[]}"#]
    {
        assert!(matches!(Jwks::from_json(text), Err(KeyError::NotAKeySet)), "{text}");
    }
    assert!(matches!(Jwks::from_json(""), Err(KeyError::NotJson { line: 1, column: 0 })));
    assert!(matches!(Jwks::from_json("{\n secret"), Err(KeyError::NotJson { line: 2, .. })));
    let named = |key: Value, kid: &str| with(key, &json!({ "kid": kid }));
    let twice = load(&[named(p256(), "a"), named(ed25519(), "a")]);
    assert!(matches!(
        twice,
        Err(KeyError::Refused { position: 2, problem: KeyProblem::DuplicateKid })
    ));
    let many: Vec<_> = (0..33).map(|n| named(ed25519(), &n.to_string())).collect();
    assert!(load(&many[..32]).is_ok());
    assert!(matches!(load(&many), Err(KeyError::TooMany)));
}

/// RFC 7517 §5: what is not understood is left out.
#[test]
fn unknown_keys_are_ignored() {
    let keys = [
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AQ" }),
        json!({ "kty": "OKP", "crv": "Ed448", "x": "AQ" }),
        json!({ "kty": "EC", "crv": "BP-256", "x": "AQ" }),
        json!({ "kty": "EC" }),
        with(rsa(), &json!({ "alg": "RSA1_5" })),
        with(rsa(), &json!({ "use": "tls" })),
        p256(),
    ];
    assert_eq!(load(&keys).unwrap(), jwks(&[p256()]));
}

/// RFC 7517 §4.2 and §4.3.
#[test]
fn good_keys_stay_as_they_came() {
    let keys = [
        with(rsa(), &json!({ "use": "sig", "alg": "PS256", "kid": "1", "x5c": ["MII"] })),
        with(rsa(), &json!({ "key_ops": ["encrypt", "wrapKey"], "kid": "2" })),
        with(p256(), &json!({ "key_ops": [], "kid": "3" })),
        with(p521(), &json!({ "use": "enc", "alg": "ECDH-ES+A256KW", "kid": "4" })),
        with(secp256k1(), &json!({ "key_ops": ["verify"], "kid": "5" })),
        with(ed25519(), &json!({ "use": "sig", "kid": "6" })),
        with(x25519(), &json!({ "kid": "7", "key_ops": ["odd"] })),
    ];
    let set = json!({ "keys": keys });
    let read: Jwks = serde_json::from_value(set.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), set);
    assert_eq!(read, load(&keys).unwrap());
    assert_ne!(read, load(&keys[1..]).unwrap());
    // Padded by some tools.
    let n = URL_SAFE_NO_PAD.decode(rsa()["n"].as_str().unwrap()).unwrap();
    let padded = encode([&[0], n.as_slice()].concat());
    assert_eq!(jwks(&[with(rsa(), &json!({ "n": padded }))]), jwks(&[rsa()]));
}

#[test]
fn only_names_are_printed() {
    let keys = jwks(&[with(rsa(), &json!({ "kid": "1" })), p256()]);
    assert_eq!(format!("{keys:?}"), r#"Jwks [(Some("1"), "RSA"), (None, "EC")]"#);
    let error = load(&[with(p256(), &json!({ "y": "secret" }))]).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
}

/// No member of any key makes it panic, and what is read can be used.
#[test]
fn nothing_panics() {
    let text = compact(&json!({ "alg": "ES256" }), "{}", |_| vec![1; 64]);
    for jwk in [rsa(), p256(), p521(), secp256k1(), ed25519(), x25519()] {
        for (name, value) in jwk.as_object().unwrap() {
            let cut = value.as_str().unwrap().get(4..).unwrap_or_default();
            for odd in ["", "A", "AA", "AQ", "AAAA", "____", "gAAA", cut] {
                let Ok(keys) = load(&[with(jwk.clone(), &json!({ name: odd }))]) else { continue };
                let _ = verify(&text, VerifyWith::Keys(&keys));
                let (alg, enc) = (KeyManagementAlgorithm::EcdhEs, ContentEncryption::A128Gcm);
                let _ = encrypt(b"x", None, None, alg, enc, EncryptTo::Keys(&keys));
            }
        }
    }
}

/// Threat CA-14: a key is good from `nbf` on, and until `exp`.
#[test]
fn keys_have_their_time() {
    let now = NOW.unix();
    let one = |times: &Value| jwks(&[with(p256(), times)]);
    for (times, valid) in [
        (json!({}), true),
        (json!({ "exp": now + 1 }), true),
        (json!({ "exp": now }), false),
        (json!({ "exp": now - 1 }), false),
        (json!({ "nbf": now }), true),
        (json!({ "nbf": now + 1 }), false),
        (json!({ "nbf": now - 1, "exp": now + 1 }), true),
        (json!({ "nbf": now + 1, "exp": now + 2 }), false),
        (json!({ "nbf": now + 1, "exp": now - 1 }), false),
        // Whatever number it is.
        (json!({ "exp": 0 }), false),
        (json!({ "exp": -1 }), false),
        (json!({ "exp": i64::MAX }), true),
        (json!({ "exp": u64::MAX }), true),
        (json!({ "exp": 1e300 }), true),
        (json!({ "exp": -1e300 }), false),
        (json!({ "nbf": u64::MAX }), false),
        (json!({ "exp": 1_700_000_000.9 }), false),
        (json!({ "exp": 1_700_000_001.0 }), true),
        (json!({ "nbf": 1_700_000_000.1 }), false),
        (json!({ "nbf": 1_699_999_999.1 }), true),
    ] {
        let keys = one(&times);
        let now = keys.valid_at(NOW);
        assert_eq!(now.verifies(SigningAlgorithm::ES256), valid, "{times}");
        assert_eq!(now.receives(KeyManagementAlgorithm::EcdhEs), valid, "{times}");
        // It is still a key of the set, with its times.
        assert!(keys.verifies(SigningAlgorithm::ES256), "{times}");
        let written = serde_json::to_value(&keys).unwrap();
        assert_eq!(written["keys"][0], with(p256(), &times));
        assert_eq!(serde_json::from_value::<Jwks>(written).unwrap(), keys);
    }
    for odd in [json!("1700000000"), json!(null), json!(true), json!([1]), json!({})] {
        for name in ["exp", "nbf"] {
            let mut key = p256();
            key[name] = odd.clone();
            let refused = load(&[key]).unwrap_err();
            let member = KeyProblem::Member(if name == "exp" { "exp" } else { "nbf" });
            assert!(
                matches!(refused, KeyError::Refused { problem, .. } if problem == member),
                "{name}: {odd}"
            );
        }
    }
}

/// The others stay: what a set has lost is only what is out of its time.
#[test]
fn a_set_without_those_out_of_time() {
    let timed = |key: Value, kid: &str, exp: i64| with(key, &json!({ "kid": kid, "exp": exp }));
    let all = jwks(&[timed(p256(), "a", 1), timed(ed25519(), "b", i64::MAX), timed(rsa(), "c", 2)]);
    assert_eq!(*all.valid_at(NOW), jwks(&[timed(ed25519(), "b", i64::MAX)]));
    assert_eq!(*all.valid_at(Timestamp::from_unix(0)), all);
    assert!(matches!(all.valid_at(Timestamp::from_unix(0)), std::borrow::Cow::Borrowed(_)));
}
