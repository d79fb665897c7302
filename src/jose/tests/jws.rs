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
