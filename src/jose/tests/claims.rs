use time::Duration;

use super::*;

fn claims(claims: &str) -> Result<Claims, JoseFault> {
    let text = compact(&json!({ "alg": "HS256" }), claims, |input| {
        mac(MacAlgorithm::HS256, SECRET, input)
    });
    with_secret(&text)
}

/// RFC 7519 §2 and §4.1.4; threats JW-12, RO-08.
#[test]
fn times_are_whole_seconds_of_our_age() {
    for wrong in [
        "-1",
        "253402300800",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "1e308",
        "1e3",
        "1.5",
        "1700000000.0",
        "-0.0",
        "\"1700000000\"",
        "null",
        "true",
        "[]",
        "[1700000000]",
        "{}",
    ] {
        for name in ["exp", "nbf", "iat"] {
            let claims = claims(&format!("{{\"{name}\":{wrong}}}")).unwrap();
            assert_eq!(claims.time(name), Err(JoseFault::Claims(name)), "{wrong}");
            let judged = claims.in_time(NOW, Duration::ZERO);
            assert_eq!(judged, Err(JoseFault::Claims(name)), "{wrong}");
        }
    }
    // Not even a number for the parser.
    assert_eq!(claims("{\"exp\":1e999}"), Err(JoseFault::Malformed));
    let ends = claims("{\"iat\":0,\"exp\":253402300799}").unwrap();
    assert_eq!(ends.time("iat"), Ok(Some(Timestamp::from_unix(0))));
    assert_eq!(ends.time("exp"), Ok(Some(Timestamp::from_unix(253_402_300_799))));
    assert_eq!(ends.time("nbf"), Ok(None));
}

/// RFC 7519 §4.1.4 to §4.1.6; threats JW-12, RO-08.
#[test]
fn a_token_has_its_time() {
    let now = NOW.unix();
    let (exp, nbf, iat) = (Some("exp"), Some("nbf"), Some("iat"));
    for (claims, expected) in [
        (json!({}), None),
        (json!({ "exp": now + 1 }), None),
        (json!({ "exp": now }), exp),
        (json!({ "exp": 0 }), exp),
        (json!({ "nbf": now }), None),
        (json!({ "nbf": now + 10 }), None),
        (json!({ "nbf": now + 11 }), nbf),
        (json!({ "iat": now + 10 }), None),
        (json!({ "iat": now + 11 }), iat),
        (json!({ "iat": 0 }), None),
        (json!({ "iat": now - 5, "nbf": now - 5, "exp": now + 60 }), None),
        (json!({ "iat": now + 9, "exp": now + 8 }), exp),
        (json!({ "iat": now + 9, "exp": now + 9 }), None),
    ] {
        let judged =
            super::with_secret(&hs256(&claims)).unwrap().in_time(NOW, Duration::seconds(10));
        assert_eq!(judged.err(), expected.map(JoseFault::Claims), "{claims}");
    }
    let claims = claims("{\"nbf\":253402300799}").unwrap();
    assert!(claims.in_time(Timestamp::MAX, Duration::MAX).is_ok());
    assert!(claims.in_time(Timestamp::MIN, Duration::MIN).is_err());
}

/// RFC 7519 §4.1.3.
#[test]
fn an_audience_is_one_or_many() {
    for (aud, expected) in [
        (json!({}), Some(vec![])),
        (json!({ "aud": "a" }), Some(vec!["a"])),
        (json!({ "aud": [] }), Some(vec![])),
        (json!({ "aud": ["a", "b"] }), Some(vec!["a", "b"])),
        (json!({ "aud": ["a", 1] }), None),
        (json!({ "aud": [["a"]] }), None),
        (json!({ "aud": 1 }), None),
        (json!({ "aud": null }), None),
        (json!({ "aud": { "a": "b" } }), None),
    ] {
        let claims = super::with_secret(&hs256(&aud)).unwrap();
        assert_eq!(claims.audience().ok(), expected, "{aud}");
    }
}

#[test]
fn text_is_text() {
    let claims = claims(r#"{"iss":"a","sub":1,"jti":null}"#).unwrap();
    assert_eq!(claims.str("iss"), Ok(Some("a")));
    assert_eq!(claims.str("aud"), Ok(None));
    assert_eq!(claims.str("sub"), Err(JoseFault::Claims("sub")));
    assert_eq!(claims.str("jti"), Err(JoseFault::Claims("jti")));
    assert_eq!(claims.get("sub"), Some(&json!(1)));
}
