//! Texts and keys that make no key set, and what is said of them.

use super::*;

fn problem(jwks: &[Value]) -> KeyProblem {
    match load(jwks) {
        Err(KeyError::Refused { position, problem }) => {
            assert_eq!(position, jwks.len());
            problem
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn texts_that_are_no_key_set() {
    for text in ["[]", "{}", "1", r#"{"keys":{}}"#, r#"{"keys":null,"kty":"RSA"}"#] {
        assert!(matches!(KeySet::from_json(text), Err(KeyError::NotAKeySet)), "{text}");
    }
    let error = KeySet::from_json("{\n  \"keys\": [ secret ] }").unwrap_err();
    assert_eq!(error.to_string(), "not JSON: line 2, column 13");
}

/// RFC 7517 §4, RFC 7518 §3 and §6, RFC 8037 §2; threat JW-06.
#[test]
fn keys_that_cannot_be_used() {
    let short: Map<String, Value> = RsaKeyPair::generate(1024).unwrap().to_jwk_key_pair().into();
    let (n, x, d) = (&rsa()["n"], &p256()["x"], &p521()["d"]);
    for (jwk, expected) in [
        (json!("key"), KeyProblem::NotAnObject),
        (json!({ "kty": "oct", "alg": "HS256", "k": "c2VjcmV0" }), KeyProblem::Symmetric),
        (json!({ "kty": "oct", "alg": "RS256", "k": "c2VjcmV0" }), KeyProblem::Symmetric),
        (json!({ "alg": "RS256" }), KeyProblem::KeyType),
        (with(rsa(), &json!({ "alg": null })), KeyProblem::Algorithm),
        (with(rsa(), &json!({ "alg": "none" })), KeyProblem::Algorithm),
        (with(rsa(), &json!({ "alg": "HS256" })), KeyProblem::Algorithm),
        (with(rsa(), &json!({ "alg": 1 })), KeyProblem::Algorithm),
        (with(rsa(), &json!({ "alg": "ES256" })), KeyProblem::KeyType),
        (with(p256(), &json!({ "alg": "ES384" })), KeyProblem::KeyType),
        (with(p256(), &json!({ "alg": "RS256" })), KeyProblem::KeyType),
        (with(p256(), &json!({ "crv": null })), KeyProblem::KeyType),
        (with(p256(), &json!({ "crv": "secp256k1" })), KeyProblem::KeyType),
        (with(ed25519(), &json!({ "crv": "X25519" })), KeyProblem::KeyType),
        (with(ed25519(), &json!({ "crv": "Ed448" })), KeyProblem::KeyType),
        (with(rsa(), &json!({ "use": "enc" })), KeyProblem::Use),
        (with(rsa(), &json!({ "use": 1 })), KeyProblem::Use),
        (with(rsa(), &json!({ "key_ops": ["verify"] })), KeyProblem::Use),
        (with(rsa(), &json!({ "kid": "" })), KeyProblem::Member("kid")),
        (with(rsa(), &json!({ "kid": 7 })), KeyProblem::Member("kid")),
        (with(rsa(), &json!({ "d": null })), KeyProblem::NotPrivate("d")),
        (with(rsa(), &json!({ "qi": null })), KeyProblem::NotPrivate("qi")),
        (with(p256(), &json!({ "d": null })), KeyProblem::NotPrivate("d")),
        (with(ed25519(), &json!({ "d": null })), KeyProblem::NotPrivate("d")),
        (with(rsa(), &json!({ "n": null })), KeyProblem::Member("n")),
        (with(rsa(), &json!({ "n": "" })), KeyProblem::Member("n")),
        (with(rsa(), &json!({ "n": "a+/b" })), KeyProblem::Member("n")),
        (with(rsa(), &json!({ "e": "AAAA" })), KeyProblem::Member("e")),
        (with(rsa(), &json!({ "d": 5 })), KeyProblem::Member("d")),
        (with(p256(), &json!({ "y": null })), KeyProblem::Member("y")),
        (with(p256(), &json!({ "d": "AQ" })), KeyProblem::Member("d")),
        (with(ed25519(), &json!({ "x": "AQ" })), KeyProblem::Member("x")),
        (with(ed25519(), &json!({ "d": d })), KeyProblem::Member("d")),
        (with(Value::Object(short), &json!({ "alg": "PS256" })), KeyProblem::TooShort),
        (with(rsa(), &json!({ "n": first_octet(n, 0x7f) })), KeyProblem::TooShort),
        (with(rsa(), &json!({ "e": "AQ" })), KeyProblem::Exponent),
        (with(rsa(), &json!({ "e": "AAE" })), KeyProblem::Exponent),
        (with(rsa(), &json!({ "e": "AQAA" })), KeyProblem::Exponent),
        (with(rsa(), &json!({ "e": "Aw" })), KeyProblem::NotAPair),
        (with(rsa(), &json!({ "n": first_octet(n, 0xff) })), KeyProblem::NotAPair),
        (with(rsa(), &json!({ "d": "Aw", "p": "Aw" })), KeyProblem::NotAPair),
        (with(p256(), &json!({ "y": x })), KeyProblem::NotAPair),
        (with(p256(), &json!({ "d": x })), KeyProblem::NotAPair),
        (with(p521(), &json!({ "y": p521()["x"] })), KeyProblem::NotAPair),
        (with(p521(), &json!({ "d": first_octet(d, 0) })), KeyProblem::NotAPair),
        (with(ed25519(), &json!({ "d": ed25519()["x"] })), KeyProblem::NotAPair),
        (with(ed25519(), &json!({ "active_at": "soon" })), KeyProblem::Schedule),
    ] {
        assert_eq!(problem(std::slice::from_ref(&jwk)), expected, "{jwk}");
    }
}

#[test]
fn two_keys_of_one_name_and_one_key_of_two_names() {
    let twice = [with(p256(), &json!({ "kid": "a" })), with(ed25519(), &json!({ "kid": "a" }))];
    assert_eq!(problem(&twice), KeyProblem::DuplicateKid);
    assert_eq!(problem(&[ed25519(), ed25519()]), KeyProblem::DuplicateKid);
    // RFC 8725 §3.1: a key is used with one algorithm.
    let shared = [rsa(), with(rsa(), &json!({ "alg": "PS256", "kid": "other" }))];
    assert_eq!(problem(&shared), KeyProblem::Reused);
}

#[test]
fn errors_repeat_nothing_of_a_key() {
    for jwk in [rsa(), p256(), p521(), ed25519()] {
        for (name, _) in jwk.as_object().unwrap() {
            for odd in [json!(null), json!("secret"), json!(7), json!(["secret"])] {
                let mut broken = jwk.clone();
                broken[name] = odd;
                let Err(error) = load(&[broken]) else { continue };
                let text = format!("{error} {error:?}");
                let values = jwk.as_object().unwrap().values().filter_map(Value::as_str);
                assert!(!text.contains("secret"), "{text}");
                assert!(values.filter(|v| v.len() > 8).all(|v| !text.contains(v)), "{text}");
            }
        }
    }
}

/// No member of any key and no cut makes it panic, whatever the signing libraries think of it.
#[test]
fn nothing_panics() {
    for jwk in [rsa(), p256(), p521(), ed25519()] {
        for (name, value) in jwk.as_object().unwrap() {
            let text = value.as_str().unwrap();
            let cut = text.get(4..).unwrap_or_default();
            for odd in ["", "A", "AA", "AQ", "AAAA", "____", "gAAA", cut] {
                let _ = load(&[with(jwk.clone(), &json!({ name: odd }))]).map(|keys| {
                    signs_for(&keys, &keys);
                });
            }
        }
        let text = jwk.to_string();
        for end in 0..text.len() {
            assert!(KeySet::from_json(&text[..end]).is_err());
        }
    }
}
