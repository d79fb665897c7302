use super::*;

#[test]
fn every_algorithm_round_trips() {
    let claims = json!({ "sub": "alice", "aud": ["op"], "n": { "deep": [1, 2.5, null] } });
    for algorithm in SigningAlgorithm::ALL {
        let text = signed(algorithm, &claims);
        let jws = Jws::parse(&text).unwrap();
        assert_eq!(jws.algorithm(), JwsAlgorithm::Signature(algorithm));
        assert_eq!(jws.kid(), Some(&*SIGNERS.active(algorithm, NOW).unwrap().kid));
        let verified = jws.verify(VerifyWith::Keys(&PUBLIC)).unwrap();
        assert_eq!(Value::Object(verified.into_map()), claims, "{algorithm}");
    }
    for algorithm in MacAlgorithm::ALL {
        let header = json!({ "alg": algorithm.as_str(), "typ": "JWT", "cty": "x" });
        let text = compact(&header, &claims.to_string(), |input| mac(algorithm, SECRET, input));
        let jws = Jws::parse(&text).unwrap();
        assert_eq!((jws.typ(), jws.kid()), (Some("JWT"), None));
        let verified = jws.verify(VerifyWith::Secrets(&[b"another", SECRET])).unwrap();
        assert_eq!(Value::Object(verified.into_map()), claims, "{algorithm:?}");
    }
    let text = compact(&json!({ "alg": "none" }), &claims.to_string(), |_| Vec::new());
    assert!(verify(&text, VerifyWith::Nobody).is_ok());
}

/// RFC 7515 A.1 to A.3, RFC 8037 A.4.
#[test]
fn vectors() {
    let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290\
                   Ijp0cnVlfQ";
    let claims = json!({"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": true});

    let secret = URL_SAFE_NO_PAD
        .decode(
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        )
        .unwrap();
    let hs256 = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{payload}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let verified = verify(&hs256, VerifyWith::Secrets(&[&secret])).unwrap();
    assert_eq!(Value::Object(verified.into_map()), claims);

    let keys = jwks(&[rsa(), p256(), ed25519()]);
    let rs256 = format!(
        "eyJhbGciOiJSUzI1NiJ9.{payload}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7\
         AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO7\
         5vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6Bf\
         I7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77\
         Rw"
    );
    let es256 = format!(
        "eyJhbGciOiJFUzI1NiJ9.{payload}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlS\
         ApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    for text in [rs256, es256] {
        let verified = verify(&text, VerifyWith::Keys(&keys)).unwrap();
        assert_eq!(Value::Object(verified.into_map()), claims);
    }
    // Its signature is right, and its payload is no set of claims.
    let eddsa = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-0\
                 9PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(verify(eddsa, VerifyWith::Keys(&keys)), Err(JoseFault::Malformed));
}

/// RFC 7515 §2 and §5.2; threat JW-01.
#[test]
fn the_compact_form_has_one_spelling() {
    let good = hs256(&json!({ "sub": "a" }));
    let [header, payload, mac] = *good.split('.').collect::<Vec<_>>() else { panic!("three") };
    assert!(with_secret(&good).is_ok());
    // 32 bytes leave two spare bits in the last character.
    let spare = |text: &str| {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = alphabet.find(text.chars().last().unwrap()).unwrap();
        format!("{}{}", &text[..text.len() - 1], &alphabet[last + 1..last + 2])
    };
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{mac}"),
        format!("{good}.{mac}.{mac}.{mac}"),
        format!(".{payload}.{mac}"),
        format!("{header}..{mac}"),
        format!("{good}\n"),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}="),
        format!("{header}=.{payload}.{mac}"),
        format!("{header}.{payload}+.{mac}"),
        format!("{header}.{payload}/.{mac}"),
        format!("{header}.{payload} .{mac}"),
        format!("{header}.{payload}.{}", spare(mac)),
        format!("{header}.{payload}.{mac}é"),
        format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{mac}"}}"#),
        format!("{}.{payload}.{mac}", encode("{")),
        format!("{}.{payload}.{mac}", encode("[]")),
        format!("{}.{payload}.{mac}", encode(r#"{"alg":"HS256","alg":"HS256"}"#)),
        format!("{}.{payload}.{mac}", encode("{}")),
        format!("{}.{payload}.{mac}", encode(r#"{"alg":1}"#)),
        format!("{}.{payload}.{mac}", encode(r#"{"alg":["HS256"]}"#)),
        format!("{}.{payload}.{mac}", encode(r#"{"alg":"HS256","kid":1}"#)),
        format!("{}.{payload}.{mac}", encode(r#"{"alg":"HS256","typ":null}"#)),
        format!("{}.{payload}.{mac}", encode(r#"{"alg":"HS256","cty":{}}"#)),
    ] {
        assert_eq!(Jws::parse(&text).err(), Some(JoseFault::Malformed), "{text:?}");
    }
    // An empty signature parses, and is none; nor is a longer one.
    assert_eq!(with_secret(&format!("{good}A")), Err(JoseFault::Signature));
    assert_eq!(with_secret(&format!("{header}.{payload}.")), Err(JoseFault::Signature));
    for alg in ["RS1", "hs256", "None", "NONE", "", "RSA-OAEP", "dir"] {
        let text = format!("{}.{payload}.{mac}", encode(json!({ "alg": alg }).to_string()));
        assert_eq!(Jws::parse(&text).err(), Some(JoseFault::Algorithm), "{alg}");
    }
    // Signed, and still no claims.
    for payload in ["[]", "1", "\"x\"", "{\"a\":1,\"a\":2}", "{", "{}x"] {
        let text = compact(&json!({ "alg": "HS256" }), payload, |input| {
            super::mac(MacAlgorithm::HS256, SECRET, input)
        });
        assert_eq!(with_secret(&text), Err(JoseFault::Malformed), "{payload}");
    }
}

/// Threat JW-02.
#[test]
fn long_texts_are_refused_before_anything_is_decoded() {
    let fits = |size: usize| {
        let text = hs256(&json!({ "x": "a".repeat(size) }));
        (text.len(), with_secret(&text).is_ok())
    };
    assert!(fits(12_000).1);
    let (length, accepted) = fits(12_400);
    assert!(length > 16 * 1024 && !accepted);
    for text in ["a".repeat(8 << 20), ".".repeat(1_000_000), format!("{}..", "A".repeat(1 << 20))] {
        assert_eq!(Jws::parse(&text).err(), Some(JoseFault::Malformed));
        assert_eq!(Jwe::parse(&text).err(), Some(JoseFault::Malformed));
        assert!(!is_jwe(&text));
    }
}

/// RFC 7515 §4.1.11, RFC 7797 §6; threat JW-03.
#[test]
fn extensions_are_refused() {
    for extension in [
        json!({ "crit": ["exp"], "exp": 1 }),
        json!({ "crit": [] }),
        json!({ "crit": ["x", "x"], "x": 1 }),
        json!({ "crit": ["absent"] }),
        json!({ "crit": ["alg"] }),
        json!({ "crit": "x", "x": 1 }),
        json!({ "crit": null }),
        json!({ "crit": ["b64"], "b64": false }),
        json!({ "b64": false }),
        json!({ "b64": true }),
    ] {
        let mut header = json!({ "alg": "HS256" });
        header.as_object_mut().unwrap().extend(extension.as_object().unwrap().clone());
        let text = compact(&header, "{}", |input| mac(MacAlgorithm::HS256, SECRET, input));
        assert_eq!(with_secret(&text), Err(JoseFault::Malformed), "{extension}");
    }
}

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

/// CVE-2022-21449, and signatures of the wrong length.
#[test]
fn odd_signatures_are_refused() {
    for algorithm in SigningAlgorithm::ALL {
        let text = signed(algorithm, &json!({}));
        let (input, right) = text.rsplit_once('.').unwrap();
        let right = URL_SAFE_NO_PAD.decode(right).unwrap();
        let size = right.len();
        let half = [&right[..size / 2], &vec![0; size - size / 2]].concat();
        for odd in [vec![], vec![0], vec![0; size], vec![0xFF; size], half, right[1..].to_vec()] {
            let text = format!("{input}.{}", encode(odd));
            assert_eq!(with_keys(&text), Err(JoseFault::Signature), "{algorithm}");
        }
        let text = format!("{input}.{}", encode([&right[..], &[0]].concat()));
        assert_eq!(with_keys(&text), Err(JoseFault::Signature), "{algorithm}");
    }
}

#[test]
fn nothing_of_a_person_is_printed() {
    let text = hs256(&json!({ "email": "alice@example.com" }));
    assert!(!format!("{:?}", Jws::parse(&text)).contains("alice"));
    let printed = format!("{:?}", with_secret(&text).unwrap());
    assert_eq!(printed, r#"Claims {"email"}"#);
}
