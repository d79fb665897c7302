use super::*;

/// RFC 8725 §2.1 and §3.1; threats RO-08, JW-10.
#[test]
fn keys_and_algorithms_do_not_mix() {
    let key = SIGNERS.published(NOW).into_iter().find(|key| key.jwk["kty"] == "RSA").unwrap().jwk;
    let public = Value::Object(key.clone()).to_string();
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    for secret in [public.as_bytes(), &modulus] {
        let header = json!({ "alg": "HS256", "kid": key["kid"] });
        let text = compact(&header, "{}", |input| mac(MacAlgorithm::HS256, secret, input));
        assert_eq!(with_keys(&text), Err(JoseFault::Algorithm));
    }
    let none = compact(&json!({ "alg": "none" }), "{}", |_| Vec::new());
    let none_signed = compact(&json!({ "alg": "none" }), "{}", |_| b"signature".to_vec());
    let rs256 = signed(SigningAlgorithm::RS256, &json!({}));
    let hs256 = hs256(&json!({}));
    let (keys, secrets) = (VerifyWith::Keys(&PUBLIC), VerifyWith::Secrets(&[SECRET]));
    let nobody = VerifyWith::Nobody;
    for (text, with, expected) in [
        (&none, keys, JoseFault::Algorithm),
        (&none, secrets, JoseFault::Algorithm),
        (&none_signed, keys, JoseFault::Algorithm),
        (&none_signed, nobody, JoseFault::Signature),
        (&rs256, secrets, JoseFault::Algorithm),
        (&rs256, nobody, JoseFault::Algorithm),
        (&hs256, keys, JoseFault::Algorithm),
        (&hs256, nobody, JoseFault::Algorithm),
        (&hs256, VerifyWith::Secrets(&[]), JoseFault::Key),
        (&hs256, VerifyWith::Secrets(&[b""]), JoseFault::Key),
        (&hs256, VerifyWith::Secrets(&[&SECRET[..31]]), JoseFault::Key),
        (&hs256, VerifyWith::Secrets(&[&SECRET[..32]]), JoseFault::Signature),
    ] {
        assert_eq!(verify(text, with), Err(expected), "{text}");
    }
    // The key of one algorithm, the header of another.
    for algorithm in SigningAlgorithm::ALL {
        for other in SigningAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let kid = SIGNERS.active(other, NOW).unwrap().kid;
            let header = json!({ "alg": algorithm.as_str(), "kid": &*kid });
            let text = compact(&header, "{}", |input| signature(other, input));
            assert_eq!(with_keys(&text), Err(JoseFault::Key), "{algorithm} {other}");
        }
    }
}

#[test]
fn an_rsa_key_keeps_to_its_algorithm_and_the_header_to_the_signature() {
    let published = SIGNERS.published(NOW);
    let jwk = |algorithm: SigningAlgorithm| {
        let found = published.iter().find(|key| key.key.algorithm == algorithm).unwrap();
        with(Value::Object(found.jwk.clone()), &json!({ "kid": null }))
    };
    for (algorithm, other) in
        [(SigningAlgorithm::RS256, "PS256"), (SigningAlgorithm::PS256, "RS256")]
    {
        let own = jwk(algorithm);
        let any = with(own.clone(), &json!({ "alg": null }));
        let foreign = with(own.clone(), &json!({ "alg": other }));
        let right = compact(&json!({ "alg": algorithm.as_str() }), "{}", |input| {
            signature(algorithm, input)
        });
        let wrong = compact(&json!({ "alg": other }), "{}", |input| signature(algorithm, input));
        for (text, key, expected) in [
            (&right, &own, None),
            (&right, &any, None),
            (&right, &foreign, Some(JoseFault::Key)),
            (&wrong, &own, Some(JoseFault::Key)),
            (&wrong, &any, Some(JoseFault::Signature)),
            (&wrong, &foreign, Some(JoseFault::Signature)),
        ] {
            let keys = jwks(std::slice::from_ref(key));
            assert_eq!(verify(text, VerifyWith::Keys(&keys)).err(), expected, "{algorithm}");
        }
    }
}

/// RFC 7515 §4.1.4.
#[test]
fn a_name_chooses_the_key() {
    let jwk = |algorithm: SigningAlgorithm, changes: Value| {
        let mut published = SIGNERS.published(NOW).into_iter();
        let found = published.find(|key| key.key.algorithm == algorithm).unwrap();
        with(Value::Object(found.jwk), &changes)
    };
    let es256 = SigningAlgorithm::ES256;
    let right = |kid: Value| jwk(es256, json!({ "kid": kid }));
    let wrong = |kid: Value| with(p256(), &json!({ "kid": kid }));
    for (kid, keys, expected) in [
        (Some("a"), vec![right(json!("a")), wrong(json!("b"))], None),
        (Some("b"), vec![right(json!("a")), wrong(json!("b"))], Some(JoseFault::Signature)),
        (Some("c"), vec![right(json!("a")), wrong(json!("b"))], Some(JoseFault::Key)),
        (Some("c"), vec![right(Value::Null), wrong(json!("b"))], Some(JoseFault::Key)),
        (Some("c"), vec![wrong(Value::Null), right(Value::Null)], None),
        (None, vec![wrong(json!("b")), right(json!("a"))], None),
        (None, vec![wrong(json!("b"))], Some(JoseFault::Signature)),
        (None, vec![], Some(JoseFault::Key)),
        (None, vec![jwk(es256, json!({ "use": null, "key_ops": ["verify"] }))], None),
        (None, vec![jwk(es256, json!({ "key_ops": ["sign"] }))], Some(JoseFault::Key)),
        (
            None,
            vec![with(right(json!("a")), &json!({ "alg": null, "use": "enc" }))],
            Some(JoseFault::Key),
        ),
    ] {
        let header = with(json!({ "alg": "ES256" }), &json!({ "kid": kid }));
        let text = compact(&header, "{}", |input| signature(es256, input));
        let keys = jwks(&keys);
        assert_eq!(verify(&text, VerifyWith::Keys(&keys)).err(), expected, "{kid:?} {keys:?}");
    }
}

/// RFC 8725 §3.10: a key that the sender brings along proves nothing.
#[test]
fn keys_in_the_header_are_not_used() {
    let mut published = SIGNERS.published(NOW).into_iter();
    let own = published.find(|key| key.key.algorithm == SigningAlgorithm::ES256).unwrap().jwk;
    let header = json!({ "alg": "ES256", "jwk": own, "jku": "https://attacker.example" });
    let text = compact(&header, "{}", |input| signature(SigningAlgorithm::ES256, input));
    assert_eq!(verify(&text, VerifyWith::Keys(&jwks(&[]))), Err(JoseFault::Key));
    assert_eq!(verify(&text, VerifyWith::Keys(&jwks(&[p256()]))), Err(JoseFault::Signature));
    assert!(with_keys(&text).is_ok());
}
