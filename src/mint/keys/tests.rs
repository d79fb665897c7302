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

mod signing {
    use super::*;

    /// RFC 7515 A.2: RSASSA-PKCS1-v1_5 is deterministic.
    #[test]
    fn rs256_as_in_rfc_7515() {
        let keys = load(&[rsa()]).unwrap();
        let key = keys.active(SigningAlgorithm::RS256, NOW).unwrap();
        let input = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l\
                     eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        assert_eq!(
            URL_SAFE_NO_PAD.encode(sign(&keys, &key, input.as_bytes()).unwrap()),
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5\
             jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb\
             1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO\
             YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        );
    }

    /// RFC 8037 A.1, A.3 and A.4: Ed25519 is deterministic.
    #[test]
    fn eddsa_as_in_rfc_8037() {
        let keys = load(&[ed25519()]).unwrap();
        let key = keys.active(SigningAlgorithm::EdDSA, NOW).unwrap();
        assert_eq!(&*key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let input = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        assert_eq!(
            URL_SAFE_NO_PAD.encode(sign(&keys, &key, input).unwrap()),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn every_algorithm_verifies_with_its_published_key_and_no_other() {
        assert_eq!(EVERY.published(NOW).len(), SigningAlgorithm::ALL.len());
        signs_for(&EVERY, &EVERY);
        let other = KeySet::generate(&[SigningAlgorithm::ES256], NOW).unwrap();
        let key = EVERY.active(SigningAlgorithm::ES256, NOW).unwrap();
        let signature = sign(&EVERY, &key, b"input").unwrap();
        let PublishedKey { jwk, .. } = other.published(NOW).remove(0);
        assert!(verifier(SigningAlgorithm::ES256, &jwk).verify(b"input", &signature).is_err());
    }

    /// RFC 7518 §3.4: r and s have a fixed length, also where they begin with zeros.
    #[test]
    fn ecdsa_signatures_have_a_fixed_length() {
        for PublishedKey { key, jwk, .. } in EVERY.published(NOW) {
            let length = match key.algorithm {
                SigningAlgorithm::ES256 | SigningAlgorithm::EdDSA => 64,
                SigningAlgorithm::ES384 => 96,
                SigningAlgorithm::ES512 => 132,
                _ => continue,
            };
            let verifier = verifier(key.algorithm, &jwk);
            for n in 0..100_u8 {
                let signature = sign(&EVERY, &key, &[n]).unwrap();
                assert_eq!(signature.len(), length, "{}", key.algorithm);
                verifier.verify(&[n], &signature).unwrap();
            }
        }
    }

    #[test]
    fn a_key_signs_with_its_own_algorithm_only() {
        let key = EVERY.active(SigningAlgorithm::RS256, NOW).unwrap();
        for wrong in [
            SigningKey::new(key.kid, SigningAlgorithm::PS256),
            SigningKey::new("nobody", SigningAlgorithm::RS256),
        ] {
            let result = sign(&EVERY, &wrong, b"input");
            assert!(matches!(result, Err(SignError::NoKey(alg)) if alg == wrong.algorithm));
        }
    }

    #[test]
    fn an_algorithm_that_is_named_twice_gets_one_key() {
        let twice = [SigningAlgorithm::EdDSA, SigningAlgorithm::EdDSA];
        assert_eq!(KeySet::generate(&twice, NOW).unwrap().published(NOW).len(), 1);
    }
}

mod secrecy {
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
}

mod saving {
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
}

mod life {
    use super::*;

    const ALG: SigningAlgorithm = SigningAlgorithm::EdDSA;

    fn at(seconds: i64) -> Timestamp {
        NOW + Duration::seconds(seconds)
    }

    fn states(keys: &KeySet, now: Timestamp) -> Vec<KeyState> {
        keys.published(now).into_iter().map(|key| key.state).collect()
    }

    #[test]
    fn a_rotation_announces_activates_retires_and_removes() {
        use KeyState::{Active, Announced, Retiring};
        let old = KeySet::generate(&[ALG], NOW).unwrap();
        let rotation = KeyRotation::new(Duration::seconds(10), Duration::seconds(20));
        let keys = old.rotate(ALG, at(100), rotation).unwrap();
        let [former, fresh] = &*keys.keys else { panic!("two keys") };
        for (now, published, signs) in [
            (-1, vec![], None),
            (0, vec![Active], Some(former)),
            (99, vec![Active], Some(former)),
            (100, vec![Active, Announced], Some(former)),
            (109, vec![Active, Announced], Some(former)),
            (110, vec![Retiring, Active], Some(fresh)),
            (129, vec![Retiring, Active], Some(fresh)),
            (130, vec![Active], Some(fresh)),
        ] {
            assert_eq!(states(&keys, at(now)), published, "{now}");
            assert_eq!(keys.active(ALG, at(now)), signs.map(|key| key.key.name.clone()), "{now}");
        }
        assert_eq!(keys.pruned(at(129)).keys.len(), 2);
        assert_eq!(keys.pruned(at(130)).keys.len(), 1);
        // Where the old set is still in use, it goes on as before.
        assert_eq!(states(&old, at(1_000)), [Active]);
    }

    /// Threat P-21: what signs was in the JWK Set for the whole announcement, and stays long enough.
    #[test]
    fn what_signs_has_been_announced_and_stays_published() {
        let (announce, retire) = (5, 8);
        let rotation = KeyRotation::new(Duration::seconds(announce), Duration::seconds(retire));
        let mut keys = KeySet::generate(&[ALG], NOW).unwrap();
        let mut history = Vec::new();
        for second in 0..60 {
            if second % 7 == 3 {
                keys = keys.pruned(at(second)).rotate(ALG, at(second), rotation).unwrap();
            }
            let published: Vec<_> =
                keys.published(at(second)).into_iter().map(|key| key.key.kid).collect();
            history.push((keys.active(ALG, at(second)).unwrap().kid, published));
        }
        for (second, (signs, _)) in history.iter().enumerate() {
            let first = if second < 8 { 0 } else { second - 5 };
            let last = (second + 8).min(history.len() - 1);
            for (then, (_, published)) in history.iter().enumerate().take(last + 1).skip(first) {
                assert!(published.contains(signs), "signs at {second}, unknown at {then}");
            }
        }
    }

    #[test]
    fn rotations_may_overlap() {
        let slow = KeyRotation::new(Duration::seconds(100), Duration::seconds(10));
        let fast = KeyRotation::new(Duration::seconds(10), Duration::seconds(10));
        let keys = KeySet::generate(&[ALG], NOW).unwrap();
        let keys = keys.rotate(ALG, NOW, slow).unwrap().rotate(ALG, NOW, fast).unwrap();
        let [first, slow, fast] = &*keys.keys else { panic!("three keys") };
        for (now, signs) in [(0, first), (9, first), (10, fast), (99, fast), (100, slow)] {
            assert_eq!(keys.active(ALG, at(now)).unwrap(), signs.key.name, "{now}");
        }
    }

    #[test]
    fn a_rotation_leaves_other_algorithms_alone() {
        let keys = KeySet::generate(&[ALG, SigningAlgorithm::ES256], NOW).unwrap();
        let before = keys.active(SigningAlgorithm::ES256, NOW);
        let keys = keys.rotate(ALG, NOW, KeyRotation::AT_ONCE).unwrap();
        assert_eq!(keys.active(SigningAlgorithm::ES256, at(1_000)), before);
        assert_eq!(states(&keys, NOW), [KeyState::Active, KeyState::Active]);
    }

    #[test]
    fn a_first_key_for_an_algorithm_comes_by_rotation_too() {
        let rotation = KeyRotation::new(Duration::seconds(-5), Duration::seconds(-5));
        let keys = KeySet::generate(&[], NOW).unwrap().rotate(ALG, NOW, rotation).unwrap();
        assert_eq!(states(&keys, NOW), [KeyState::Active]);
    }

    #[test]
    fn a_rotation_that_never_comes_saturates() {
        let never = KeyRotation::new(Duration::MAX, Duration::MAX);
        let keys = KeySet::generate(&[ALG], NOW).unwrap().rotate(ALG, NOW, never).unwrap();
        let keys = KeySet::from_json(&keys.expose_json()).unwrap();
        assert_eq!(states(&keys, at(1)), [KeyState::Active, KeyState::Announced]);
    }

    #[test]
    fn a_removed_key_is_gone_at_once() {
        let key = EVERY.active(ALG, NOW).unwrap();
        let keys = EVERY.without(&key.kid);
        assert_eq!(keys.active(ALG, NOW), None);
        assert!(keys.published(NOW).iter().all(|published| published.key != key));
        assert!(matches!(sign(&keys, &key, b"input"), Err(SignError::NoKey(_))));
        assert!(!keys.expose_json().contains(&*key.kid));
        assert_eq!(keys.without("nobody").keys.len(), keys.keys.len());
    }

    #[test]
    fn of_two_keys_without_times_the_first_signs() {
        let other = KeySet::generate(&[ALG], NOW).unwrap();
        let other: Value = serde_json::from_str(&other.expose_json()).unwrap();
        let other =
            with(other["keys"][0].clone(), &json!({ "announced_at": null, "active_at": null }));
        let keys = load(&[ed25519(), other]).unwrap();
        assert_eq!(states(&keys, NOW), [KeyState::Active, KeyState::Retiring]);
    }
}

mod refusals {
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
        let short: Map<String, Value> =
            RsaKeyPair::generate(1024).unwrap().to_jwk_key_pair().into();
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
}
