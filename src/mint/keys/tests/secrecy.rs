//! Nothing private is published or printed.

use super::*;

/// RFC 7517 §9.3, and threat JW-13: kids are unique, nothing private is shown.
#[test]
fn published_keys_have_public_members_only() {
    let mut kids = HashSet::new();
    for PublishedKey { key, jwk, .. } in EVERY.published(NOW) {
        assert!(PRIVATE.iter().all(|name| !jwk.contains_key(*name)));
        let expected: &[&str] = match jwk["kty"].as_str().unwrap() {
            "RSA" => &["alg", "e", "kid", "kty", "n", "use"],
            "EC" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            _ => &["alg", "crv", "kid", "kty", "use", "x"],
        };
        let mut names: Vec<_> = jwk.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected);
        assert_eq!(jwk["kid"], *key.kid);
        assert_eq!(jwk["alg"], key.algorithm.as_str());
        assert_eq!(jwk["use"], "sig");
        assert_eq!(jwk_thumbprint(&jwk).as_deref(), Some(&*key.kid));
        assert!(kids.insert(key.kid));
    }
}

#[test]
fn debug_prints_names_and_times_only() {
    let keys = load(&[with(ed25519(), &json!({ "kid": "one", "active_at": 7 }))]).unwrap();
    assert_eq!(
        format!("{keys:?}"),
        "KeySet [Key { kid: \"one\", algorithm: EdDSA, \
         schedule: {\"active_at\": 1970-01-01T00:00:07Z} }]"
    );
    assert_eq!(
        format!("{:?}", keys.keys[0].key),
        "LocalKey { name: SigningKey { kid: \"one\", algorithm: EdDSA }, .. }"
    );
}

#[test]
fn debug_prints_no_member_of_any_key() {
    let printed = format!("{:?}", *EVERY);
    let saved: Value = serde_json::from_str(&EVERY.expose_json()).unwrap();
    for jwk in saved["keys"].as_array().unwrap() {
        for name in PRIVATE {
            let secret = jwk.get(name).and_then(Value::as_str);
            assert!(secret.is_none_or(|secret| !printed.contains(secret)));
        }
    }
}
