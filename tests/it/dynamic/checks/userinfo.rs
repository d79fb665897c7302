use serde_json::Value;

use super::{Check, Http, ensure, text};
use crate::support::{header, keys};

/// OIDC Core §5.3.2, §5.1: of this person, every claim of its type.
pub(crate) fn userinfo(answer: impl Into<Http>, sub: &str) -> Check<Value> {
    let found = answer.into().json(200)?;
    claims(&found, sub)?;
    Ok(found)
}

/// The same as a JWT that was signed by RS256.
pub(crate) fn signed_userinfo(
    answer: impl Into<Http>,
    sub: &str,
    (jwks, issuer, audience): (&Value, &str, &str),
) -> Check<Value> {
    let Http { status, media_type, body: token, .. } = answer.into();
    ensure(status == 200, format_args!("{status} {token}"))?;
    ensure(media_type == "application/jwt", &media_type)?;
    ensure(header(&token)["alg"] == "RS256", format_args!("{}", header(&token)))?;
    let found = keys::verified(&token, jwks).ok_or("no published key has signed it")?;
    ensure(found["iss"] == issuer, format_args!("iss: {found}"))?;
    ensure(found["aud"] == audience, format_args!("aud: {found}"))?;
    claims(&found, sub)?;
    Ok(found)
}

fn claims(found: &Value, sub: &str) -> Check {
    ensure(text(found, "sub")? == sub, format_args!("sub: {found}"))?;
    ensure(found.get("nonce").is_none(), "a nonce")?;
    for (name, value) in found.as_object().ok_or("no claims")? {
        let fits = match &**name {
            "email_verified" | "phone_number_verified" => value.is_boolean(),
            "updated_at" | "iat" | "exp" => value.is_number(),
            "address" => value.as_object().is_some_and(|lines| {
                !lines.is_empty() && lines.values().all(|line| line.as_str().is_some_and(said))
            }),
            "birthdate" => value.as_str().is_some_and(is_date),
            _ => value.as_str().is_some_and(said),
        };
        ensure(fits, format_args!("{name}: {value}"))?;
    }
    Ok(())
}

fn said(text: &str) -> bool {
    !text.trim().is_empty() && text != "null"
}

/// A year, or a day, perhaps of no year.
fn is_date(text: &str) -> bool {
    let digits = |part: &&str| part.bytes().all(|b| b.is_ascii_digit());
    let sizes: Vec<_> = text.split('-').filter(digits).map(str::len).collect();
    let parts = text.split('-').count();
    parts == sizes.len() && (sizes == [4] || sizes == [4, 2, 2])
}

#[test]
fn the_checks_can_fail() {
    use serde_json::json;

    use super::super::key::Key;

    let good = json!({
        "sub": "alice", "name": "Alice", "email_verified": true, "updated_at": 1,
        "birthdate": "0000-02-29", "address": { "country": "NL" },
    });
    assert_eq!(userinfo(Http::of(200, &good), "alice"), Ok(good.clone()));
    assert!(
        userinfo(Http { media_type: "text/plain".into(), ..Http::of(200, &good) }, "alice")
            .is_err()
    );
    assert!(userinfo(Http::of(200, &good), "bob").is_err());
    for (name, value) in [
        ("name", json!(" ")),
        ("name", json!("null")),
        ("name", json!(1)),
        ("email_verified", json!("true")),
        ("updated_at", json!("1")),
        ("birthdate", json!("1.1.2000")),
        ("birthdate", json!("2000-1-1")),
        ("birthdate", json!("20-00-0101")),
        ("address", json!({})),
        ("address", json!({ "country": "" })),
        ("nonce", json!("n")),
    ] {
        let mut bad = good.clone();
        bad[name] = value.clone();
        assert!(userinfo(Http::of(200, &bad), "alice").is_err(), "{name}: {value}");
    }

    let key = Key::named("k");
    let (jwks, mut claims) = (key.set(), good.clone());
    (claims["iss"], claims["aud"]) = ("https://op.example".into(), "c".into());
    let check = |media_type: &str, token: String, audience| {
        let by = (&jwks, "https://op.example", audience);
        let answer = Http { body: token, media_type: media_type.into(), ..Http::of(200, &good) };
        signed_userinfo(answer, "alice", by).is_ok()
    };
    assert!(check("application/jwt", key.sign(&claims), "c"));
    assert!(!check("application/json", key.sign(&claims), "c"));
    assert!(!check("application/jwt", key.sign(&claims), "d"));
    assert!(!check("application/jwt", Key::another("k").sign(&claims), "c"));
    claims["nonce"] = "n".into();
    assert!(!check("application/jwt", key.sign(&claims), "c"));
}
