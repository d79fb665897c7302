//! Which tokens are access tokens for this API, whichever way their claims come.

use super::*;

#[tokio::test]
async fn what_a_handler_learns() {
    let claims = json!({
        "aud": ["https://other.example", ORDERS], "auth_time": NOW.unix() - 60, "acr": "gold",
        "act": {"sub": "support"}, "department": "sales",
    });
    let token = by_keys().verify_token(&jwt(&merged(good(), &claims))).await.unwrap();
    assert_eq!((token.subject(), token.client_id()), (Some("alice"), Some("app")));
    assert_eq!(token.scope().to_string(), "orders:read openid");
    assert_eq!(token.audience(), ["https://other.example", ORDERS]);
    assert_eq!(token.expires(), Some(NOW + Duration::minutes(10)));
    assert_eq!(token.auth_time(), Some(NOW - Duration::MINUTE));
    assert_eq!(token.acr(), Some("gold"));
    assert_eq!(token.actor().unwrap()["sub"], "support");
    assert_eq!(token.claims()["department"], "sales");
    let debug = format!("{token:?}");
    assert!(debug.contains("department") && !debug.contains("sales") && !debug.contains("alice"));
}

/// RFC 9068 §4; threat TK-03: an ID token is none, nor is anything else that the issuer signs.
#[tokio::test]
async fn tk_03_only_the_type_of_access_tokens_passes() {
    for (typ, passes) in [
        (json!("at+jwt"), true),
        (json!("AT+JWT"), true),
        (json!("application/at+jwt"), true),
        (json!("Application/AT+jwt"), true),
        (Value::Null, false),
        (json!("JWT"), false),
        (json!("jwt"), false),
        (json!("logout+jwt"), false),
        (json!("at+jwt "), false),
        (json!("application/"), false),
        (json!(""), false),
    ] {
        let token = jwt_by(&KEYS, &json!({ "typ": typ }), &good());
        let expected = (!passes).then_some(BearerInvalid);
        assert_eq!(reason(&by_keys(), &token).await, expected, "{typ}");
    }
    let id_token = merged(good(), &json!({"aud": "app", "nonce": "n", "client_id": null}));
    let token = jwt_by(&KEYS, &json!({"typ": "JWT"}), &id_token);
    assert_eq!(reason(&by_keys(), &token).await, Some(BearerInvalid));
}

/// RFC 8725 §3.1; threats JW-01, JW-04: no secret, no nobody, no algorithm that was not asked for.
#[tokio::test]
async fn jw_01_algorithms_are_those_of_public_keys() {
    let header = |alg: &str| json!({"alg": alg, "typ": "at+jwt"});
    let verifier = by_keys();
    for alg in ["none", "None", "NONE", ""] {
        let token = format!("{}.", parts(&header(alg), &good()));
        assert_eq!(reason(&verifier, &token).await, Some(BearerInvalid), "{alg}");
    }
    let public = published(&KEYS);
    let x = KEYS.published(NOW)[0].jwk["x"].as_str().unwrap().to_owned();
    for secret in [public.as_bytes(), x.as_bytes(), b""] {
        let input = parts(&header("HS256"), &good());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(reason(&verifier, &token).await, Some(BearerInvalid));
    }
    let eddsa = sign(&KEYS, &parts(&header("EdDSA"), &good()), EdDSA);
    assert_eq!(reason(&verifier, &eddsa).await, None);
    let only = by_keys().algorithms(&[ES256]);
    assert_eq!(reason(&only, &eddsa).await, Some(BearerInvalid));
    assert_eq!(reason(&only, &jwt(&good())).await, None);
}

/// Threat CA-14: a key that its owner has put an end to.
#[tokio::test]
async fn ca_14_keys_out_of_their_time() {
    for (times, reason_of) in [
        (json!({"exp": NOW.unix() + 1}), None),
        (json!({"exp": NOW.unix()}), Some(BearerInvalid)),
        (json!({"nbf": NOW.unix() + 1}), Some(BearerInvalid)),
    ] {
        let mut keys: Value = serde_json::from_str(&published(&KEYS)).unwrap();
        for key in keys["keys"].as_array_mut().unwrap() {
            *key = merged(key.clone(), &times);
        }
        let keys: Jwks = serde_json::from_value(keys).unwrap();
        let verifier = AccessTokenVerifier::by_keys(issuer(), orders(), keys);
        let verifier = verifier.clock(TestClock::at(NOW));
        assert_eq!(reason(&verifier, &jwt(&good())).await, reason_of, "{times}");
    }
}

#[tokio::test]
async fn who_signed_it() {
    let other = jwt_by(&OTHERS, &json!({}), &good());
    assert_eq!(reason(&by_keys(), &other).await, Some(BearerInvalid), "unknown kid");
    let kid = KEYS.active(ES256, NOW).unwrap().kid;
    let posing = jwt_by(&OTHERS, &json!({ "kid": &*kid }), &good());
    assert_eq!(reason(&by_keys(), &posing).await, Some(BearerInvalid), "with another's name");
    let jwk = OTHERS.published(NOW)[0].jwk.clone();
    let own = jwt_by(&OTHERS, &json!({ "jwk": jwk, "kid": null }), &good());
    assert_eq!(reason(&by_keys(), &own).await, Some(BearerInvalid), "JW-05: brings its own key");
    let token = jwt(&good());
    let (head, signature) = token.rsplit_once('.').unwrap();
    let changed = if signature.starts_with('A') { 'B' } else { 'A' };
    for text in [
        &format!("{head}."),
        &format!("{head}.{changed}{}", &signature[1..]),
        &token[1..],
        "..",
        "a.b.c",
        "",
        "opaque",
        "a.b.c.d.e",
    ] {
        assert_eq!(reason(&by_keys(), text).await, Some(BearerInvalid), "{text}");
    }
    let long = merged(good(), &json!({"padding": "a".repeat(16 * 1024)}));
    assert_eq!(reason(&by_keys(), &jwt(&long)).await, Some(BearerInvalid));
}

/// RFC 9068 §2.2, §4, of a JWT; RFC 7662 §2.2, §4, of an answer, in which only what is there counts.
#[tokio::test]
async fn what_a_token_must_say() {
    let (now, never) = (NOW.unix(), Some(BearerInvalid));
    for (changes, of_jwt, introspected) in [
        (json!({}), None, None),
        // all that a JWT must have
        (json!({"iss": null}), never, None),
        (json!({"exp": null}), never, None),
        (json!({"aud": null}), never, None),
        (json!({"sub": null}), never, None),
        (json!({"client_id": null}), never, None),
        (json!({"iat": null}), never, None),
        (json!({"jti": null}), never, None),
        (json!({"scope": null}), None, None),
        // the issuer, byte for byte
        (json!({"iss": "https://id.example/"}), never, never),
        (json!({"iss": "https://ID.example"}), never, never),
        (json!({"iss": "https://evil.example"}), never, never),
        (json!({"iss": [ISSUER]}), never, never),
        // the audience
        (json!({"aud": [ORDERS]}), None, None),
        (json!({"aud": ["https://a.example", ORDERS]}), None, None),
        (json!({"aud": "https://a.example"}), Some(BearerAudience), Some(BearerAudience)),
        (json!({"aud": "https://orders.example/"}), Some(BearerAudience), Some(BearerAudience)),
        (json!({"aud": []}), Some(BearerAudience), Some(BearerAudience)),
        (json!({"aud": [ORDERS, 1]}), never, never),
        (json!({"aud": {}}), never, never),
        // times
        (json!({"exp": now + 1}), None, None),
        (json!({"exp": now, "iat": now - 1}), Some(BearerExpired), Some(BearerExpired)),
        (json!({"exp": "1700000600"}), never, never),
        (json!({"exp": 1e300}), never, never),
        (json!({"iat": now + 30}), None, None),
        (json!({"iat": now + 31}), never, never),
        (json!({"nbf": now + 30}), None, None),
        (json!({"nbf": now + 31}), never, never),
        (json!({"auth_time": "x"}), never, never),
        // shapes
        (json!({"sub": ""}), never, never),
        (json!({"sub": 1}), never, never),
        (json!({"client_id": ["app"]}), never, never),
        (json!({"jti": ""}), never, never),
        (json!({"scope": ["orders:read"]}), never, never),
        (json!({"scope": "a\"b"}), never, never),
        (json!({"acr": 1}), never, never),
        (json!({"act": "support"}), never, never),
        // RFC 7662 §2.2; a JWT says its type in the header
        (json!({"token_type": "bearer"}), None, None),
        (json!({"token_type": "refresh_token"}), None, never),
        (json!({"token_type": "N_A"}), None, never),
        (json!({"token_type": 1}), never, never),
        // RFC 9449 §7.2, RFC 8705 §3: bound to a key, whose proof nobody checks here
        (json!({"cnf": {"jkt": "x"}}), Some(BearerBound), Some(BearerBound)),
    ] {
        let claims = merged(good(), &changes);
        assert_eq!(reason(&by_keys(), &jwt(&claims)).await, of_jwt, "a JWT: {changes}");
        let source = Scripted::saying(&claims);
        assert_eq!(reason(&by(&source), "opaque").await, introspected, "introspected: {changes}");
    }
}
