use super::{
    jwe::{OWN, OWN_PUBLIC},
    *,
};
use crate::mint::{KeyError, KeyProblem};

const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

fn exposed() -> Vec<Value> {
    let set: Value = serde_json::from_str(&OWN.expose_json()).unwrap();
    set["keys"].as_array().unwrap().clone()
}

fn own(algorithm: &str) -> Value {
    exposed().into_iter().find(|key| key["alg"] == algorithm).unwrap()
}

fn load(keys: &[Value]) -> Result<DecryptionKeys, KeyError> {
    DecryptionKeys::from_json(&json!({ "keys": keys }).to_string())
}

/// RFC 7517 §4, RFC 8725 §3.1; threat JW-13.
#[test]
fn what_is_published_is_public() {
    let published = OWN.published();
    assert_eq!(published.len(), 6);
    let mut kids = std::collections::HashSet::new();
    for key in &published {
        assert!(PRIVATE.iter().all(|name| !key.contains_key(*name)), "{key:?}");
        assert_eq!(key["use"], "enc");
        assert!(kids.insert(key["kid"].as_str().unwrap()));
        let algorithm: KeyManagementAlgorithm = key["alg"].as_str().unwrap().parse().unwrap();
        assert!(OWN.algorithms().contains(&algorithm));
    }
    // As strict as for clients.
    let set = serde_json::from_value::<Jwks>(json!({ "keys": published })).unwrap();
    assert_eq!(set, *OWN_PUBLIC);
}

#[test]
fn a_set_is_kept_and_loaded() {
    let same = DecryptionKeys::from_json(&OWN.expose_json()).unwrap();
    assert_eq!(same.published(), OWN.published());
    let text =
        super::jwe::sealed(KeyManagementAlgorithm::RsaOaep256, ContentEncryption::A256Gcm, b"kept");
    let opened = Jwe::parse(&text).unwrap().decrypt(Some(&same.clone()), &[]);
    assert_eq!(opened.as_deref(), Ok(&b"kept"[..]));
    // RFC 7638: the name is the thumbprint, unless there is one.
    let key = own("ECDH-ES");
    let unnamed = with(key.clone(), &json!({ "kid": null, "use": null }));
    assert_eq!(load(&[unnamed]).unwrap().published()[0]["kid"], key["kid"]);
    let ecdh = KeyManagementAlgorithm::EcdhEs;
    let keys = DecryptionKeys::generate(&[ecdh, ecdh]).unwrap();
    assert_eq!(keys.algorithms(), [ecdh]);
    assert_eq!(DecryptionKeys::generate(&[]).unwrap().published().len(), 0);
}

/// RFC 7517 §4; threat JW-06.
#[test]
fn keys_that_cannot_be_used() {
    for algorithm in KeyManagementAlgorithm::ALL.iter().filter(|alg| alg.is_symmetric()) {
        let refused = DecryptionKeys::generate(&[*algorithm]).unwrap_err();
        let KeyError::Refused { position: 1, problem } = refused else { panic!("{refused}") };
        assert_eq!(problem, KeyProblem::Symmetric);
    }
    let (rsa, ec, other) = (own("RSA-OAEP"), own("ECDH-ES"), own("ECDH-ES+A128KW"));
    for (jwk, expected) in [
        (json!(1), KeyProblem::NotAnObject),
        (json!({ "kty": "oct", "alg": "dir", "k": "AA" }), KeyProblem::Symmetric),
        (with(ec.clone(), &json!({ "alg": null })), KeyProblem::Algorithm),
        (with(ec.clone(), &json!({ "alg": "ES256" })), KeyProblem::Algorithm),
        (with(rsa.clone(), &json!({ "alg": "RSA1_5" })), KeyProblem::Algorithm),
        (with(ec.clone(), &json!({ "alg": "RSA-OAEP" })), KeyProblem::KeyType),
        (with(ec.clone(), &json!({ "alg": "dir" })), KeyProblem::KeyType),
        (with(ec.clone(), &json!({ "crv": "secp256k1" })), KeyProblem::KeyType),
        (with(ec.clone(), &json!({ "use": "sig" })), KeyProblem::Conflict),
        (with(ec.clone(), &json!({ "key_ops": ["sign"] })), KeyProblem::Conflict),
        (with(ec.clone(), &json!({ "kid": "" })), KeyProblem::Member("kid")),
        (with(ec.clone(), &json!({ "d": null })), KeyProblem::NotPrivate("d")),
        (with(ec.clone(), &json!({ "d": "AQ" })), KeyProblem::Member("d")),
        (with(ec.clone(), &json!({ "d": other["d"] })), KeyProblem::NotAPair),
        (with(ec.clone(), &json!({ "d": encode([0; 32]) })), KeyProblem::NotAPair),
        (with(ec.clone(), &json!({ "d": encode([0xFF; 32]) })), KeyProblem::NotAPair),
        (with(ec.clone(), &json!({ "y": ec["x"] })), KeyProblem::NotAPair),
        (with(rsa.clone(), &json!({ "qi": null })), KeyProblem::NotPrivate("qi")),
        (with(rsa.clone(), &json!({ "e": "Aw" })), KeyProblem::NotAPair),
        (with(rsa.clone(), &json!({ "n": super::rsa()["n"] })), KeyProblem::NotAPair),
    ] {
        let refused = load(std::slice::from_ref(&jwk)).unwrap_err();
        let KeyError::Refused { position: 1, problem } = refused else { panic!("{refused}") };
        assert_eq!(problem, expected, "{}", jwk["alg"]);
    }
    for (second, expected) in [
        (with(other.clone(), &json!({ "kid": ec["kid"] })), KeyProblem::DuplicateKid),
        (with(ec.clone(), &json!({ "alg": other["alg"], "kid": "b" })), KeyProblem::Reused),
    ] {
        let refused = load(&[ec.clone(), second]).unwrap_err();
        let KeyError::Refused { position: 2, problem } = refused else { panic!("{refused}") };
        assert_eq!(problem, expected);
    }
    assert!(matches!(DecryptionKeys::from_json("{}"), Err(KeyError::NotAKeySet)));
    assert!(matches!(DecryptionKeys::from_json("{"), Err(KeyError::NotJson { .. })));
}

#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?}", *OWN);
    for key in exposed() {
        for name in PRIVATE {
            let Some(member) = key[name].as_str() else { continue };
            assert!(!printed.contains(member));
        }
    }
}
