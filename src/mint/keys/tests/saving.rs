//! A saved set is the same set; plain keys of other tools load too.

use super::*;

#[test]
fn a_loaded_set_signs_as_the_saved_one() {
    let loaded = KeySet::from_json(&EVERY.expose_json()).unwrap();
    assert_eq!(loaded.published(NOW), EVERY.published(NOW));
    assert_eq!(loaded.expose_json(), EVERY.expose_json());
    signs_for(&loaded, &EVERY);
    signs_for(&EVERY, &loaded);
    for algorithm in [SigningAlgorithm::RS256, SigningAlgorithm::EdDSA] {
        let key = EVERY.active(algorithm, NOW).unwrap();
        let signature = sign(&EVERY, &key, b"input").unwrap();
        assert_eq!(sign(&loaded, &key, b"input").unwrap(), signature);
    }
}

#[test]
fn the_schedule_is_saved() {
    let keys = KeySet::generate(&[SigningAlgorithm::EdDSA], NOW)
        .and_then(|keys| keys.rotate(SigningAlgorithm::EdDSA, NOW, KeyRotation::default()))
        .unwrap();
    let loaded = KeySet::from_json(&keys.expose_json()).unwrap();
    for (one, other) in keys.keys.iter().zip(&*loaded.keys) {
        assert_eq!(one.schedule, other.schedule);
    }
}

#[test]
fn plain_keys_of_other_tools_are_always_active() {
    let jwks = [
        rsa(),
        with(p256(), &json!({ "kid": "mine", "use": "sig", "x5t": "AAAA", "extra": [] })),
        with(p521(), &json!({ "key_ops": ["sign", "verify"] })),
        ed25519(),
    ];
    let keys = load(&jwks).unwrap();
    for now in [0, 1, 10_000_000_000].map(Timestamp::from_unix) {
        let published = keys.published(now);
        assert!(published.iter().all(|key| key.state == KeyState::Active));
        assert_eq!(published.len(), 4);
    }
    assert_eq!(&*keys.active(SigningAlgorithm::ES256, NOW).unwrap().kid, "mine");
    signs_for(&keys, &keys);
    let alone = KeySet::from_json(&ed25519().to_string()).unwrap();
    assert_eq!(alone.published(NOW).len(), 1);
}

/// RFC 7518 §2 forbids the leading zeros that some tools write.
#[test]
fn a_padded_rsa_key_has_the_same_thumbprint() {
    let pad = |name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(rsa()[name].as_str().unwrap()).unwrap();
        URL_SAFE_NO_PAD.encode([&[0], bytes.as_slice()].concat())
    };
    let padded = with(rsa(), &json!({ "n": pad("n"), "e": pad("e"), "d": pad("d") }));
    let (padded, plain) = (load(&[padded]).unwrap(), load(&[rsa()]).unwrap());
    assert_eq!(padded.published(NOW), plain.published(NOW));
}

#[test]
fn an_empty_set_is_a_set() {
    let keys = KeySet::from_json(r#"{"keys":[]}"#).unwrap();
    assert_eq!(keys.expose_json(), r#"{"keys":[]}"#);
    assert_eq!(keys.active(SigningAlgorithm::RS256, NOW), None);
}
