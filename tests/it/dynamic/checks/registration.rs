use serde_json::Value;

use super::{Check, Http, ensure, error, text};

/// OIDC Registration §3.2, RFC 7591 §3.2.1: the answer to what was sent.
pub(crate) fn registered(answer: impl Into<Http>, sent: &Value) -> Check<Value> {
    let answer = answer.into();
    let found = answer.json(201)?;
    information(&found)?;
    ensure(answer.cache_control == "no-store", "it may be stored")?;
    echoed(&found, sent)?;
    Ok(found)
}

/// OIDC Registration §4.3, RFC 7592 §2.1: what a client reads of itself.
pub(crate) fn read(answer: impl Into<Http>, sent: &Value) -> Check<Value> {
    let found = answer.into().json(200)?;
    information(&found)?;
    echoed(&found, sent)?;
    Ok(found)
}

fn information(found: &Value) -> Check {
    text(found, "client_id")?;
    ensure(found.get("error").is_none(), format_args!("error: {}", found["error"]))?;
    let uri = text(found, "registration_client_uri")?;
    ensure(uri.starts_with("https://"), uri)?;
    text(found, "registration_access_token")?;
    let expires = &found["client_secret_expires_at"];
    ensure(found.get("client_secret").is_none() || expires.is_i64(), "client_secret_expires_at")
}

/// RFC 7591 §3.2.1: all that is registered is in the answer, and none of it was exchanged for another.
fn echoed(found: &Value, sent: &Value) -> Check {
    for (member, value) in sent.as_object().ok_or("nothing was sent")? {
        let same = if member == "jwks" {
            found[member]["keys"][0]["n"] == value["keys"][0]["n"]
        } else {
            found[member] == *value
        };
        ensure(same, format_args!("{member}: {value} became {}", found[member]))?;
    }
    Ok(())
}

/// OIDC Registration §3.3: refused for one of these reasons.
pub(crate) fn unregistered(answer: impl Into<Http>, errors: &[&str]) -> Check {
    error(&answer.into().json(400)?, errors)
}

/// RFC 7592 §2.3.
pub(crate) fn deleted(answer: impl Into<Http>) -> Check {
    let answer = answer.into();
    ensure(answer.status == 204 && answer.body.is_empty(), format_args!("{answer:?}"))
}

#[test]
fn the_checks_can_fail() {
    use serde_json::json;

    let sent = json!({ "client_name": "x", "jwks": { "keys": [{ "n": "1" }] } });
    let good = json!({
        "client_id": "c", "client_name": "x", "jwks": { "keys": [{ "n": "1", "kid": "1" }] },
        "registration_client_uri": "https://op.example/register?client_id=c",
        "registration_access_token": "t", "client_secret": "s", "client_secret_expires_at": 0,
    });
    assert_eq!(registered(Http::of(201, &good), &sent), Ok(good.clone()));
    assert_eq!(read(Http::of(200, &good), &sent), Ok(good.clone()));
    assert!(registered(Http::of(200, &good), &sent).is_err());
    for (member, value) in [
        ("client_id", json!("")),
        ("error", json!("invalid_client_metadata")),
        ("registration_client_uri", json!("http://op.example/register")),
        ("registration_client_uri", json!(null)),
        ("registration_access_token", json!(null)),
        ("client_secret_expires_at", json!(null)),
        ("client_secret_expires_at", json!("0")),
        ("client_name", json!("y")),
        ("jwks", json!({ "keys": [] })),
    ] {
        let mut bad = good.clone();
        bad[member] = value.clone();
        assert!(registered(Http::of(201, &bad), &sent).is_err(), "{member}: {value}");
        assert!(read(Http::of(200, &bad), &sent).is_err(), "{member}: {value}");
    }

    let no = json!({ "error": "invalid_redirect_uri", "error_description": "redirect_uris" });
    let known = ["invalid_redirect_uri"];
    assert_eq!(unregistered(Http::of(400, &no), &known), Ok(()));
    assert!(unregistered(Http::of(401, &no), &known).is_err());
    assert!(unregistered(Http::of(400, &no), &["invalid_client_metadata"]).is_err());
    assert!(unregistered(Http::of(400, &json!({ "error": "" })), &known).is_err());
    let odd = json!({ "error": "invalid_redirect_uri", "error_description": "\"a\"" });
    assert!(unregistered(Http::of(400, &odd), &known).is_err());
    assert!(deleted(Http::of(204, &good)).is_err() && deleted(Http::of(200, &json!(""))).is_err());
}
