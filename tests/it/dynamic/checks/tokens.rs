use serde_json::Value;

use super::{Check, Http, ensure, error, expires_in, text};
use crate::support::is_hard_to_guess;

/// RFC 6749 §5.1, OIDC Core §3.1.3.3.
pub(crate) fn tokens(answer: impl Into<Http>) -> Check<Value> {
    let answer = answer.into();
    let found = answer.json(200)?;
    ensure(answer.cache_control == "no-store", "it may be stored")?;
    ensure(found.get("error").is_none(), format_args!("error: {}", found["error"]))?;
    let token_type = text(&found, "token_type")?;
    ensure(token_type.eq_ignore_ascii_case("bearer"), format_args!("token_type: {token_type}"))?;
    expires_in(found["expires_in"].as_i64())?;
    ensure(is_hard_to_guess(text(&found, "access_token")?), "the access token is easy to guess")?;
    if found.get("refresh_token").is_some() {
        let refresh = text(&found, "refresh_token")?;
        ensure(is_hard_to_guess(refresh), "the refresh token is easy to guess")?;
    }
    Ok(found)
}

/// RFC 6749 §5.2.
pub(crate) fn refused(answer: impl Into<Http>, status: u16, code: &str) -> Check {
    error(&answer.into().json(status)?, &[code])
}

#[test]
fn the_checks_can_fail() {
    use serde_json::json;

    const HARD: &str = "aZ0bY1cX2dW3eV4fU5gT6hS7iR8jQ9kP";
    let good = json!({ "access_token": HARD, "token_type": "Bearer", "expires_in": 600 });
    assert_eq!(tokens(Http::of(200, &good)), Ok(good.clone()));
    assert!(tokens(Http { cache_control: "private".into(), ..Http::of(200, &good) }).is_err());
    assert!(tokens(Http::of(201, &good)).is_err());
    for (name, value) in [
        ("access_token", json!("short")),
        ("access_token", json!(null)),
        ("token_type", json!("mac")),
        ("expires_in", json!("600")),
        ("expires_in", json!(1_000_000_000)),
        ("refresh_token", json!("")),
        ("refresh_token", json!("a".repeat(80))),
        ("error", json!("invalid_grant")),
    ] {
        let mut bad = good.clone();
        bad[name] = value.clone();
        assert!(tokens(Http::of(200, &bad)).is_err(), "{name}: {value}");
    }
    let no = Http::of(400, &json!({ "error": "invalid_grant" }));
    assert_eq!(refused(no.clone(), 400, "invalid_grant"), Ok(()));
    assert!(refused(no.clone(), 401, "invalid_grant").is_err());
    assert!(refused(no, 400, "invalid_client").is_err());
}
