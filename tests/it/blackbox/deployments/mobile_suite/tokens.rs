//! The tables of token requests, and what introspection says of what they give out.

use serde_json::{Value, json};

use super::{APP, APP_AT, MIA, OPERATOR, PHONE, WEATHER_API, suite, text};
use crate::{
    blackbox::{
        deployments::{Confidential, Deployment},
        party::VERIFIER,
    },
    support::claims,
};

/// What each request of a table is answered with: an error, or nothing for tokens.
async fn table(suite: &Deployment, client: Confidential<'_>, rows: &[(&[(&str, &str)], &str)]) {
    for (pairs, error) in rows {
        let (status, answer) = suite.post("token_endpoint", client, pairs).await;
        let expected = match *error {
            "" => (200, Value::Null),
            error => (400, error.into()),
        };
        assert_eq!((status, answer["error"].clone()), expected, "{pairs:?}: {answer}");
    }
}

/// Tokens for what mia types into the phone.
async fn typed(suite: &Deployment, scope: &str) -> Value {
    let pairs =
        [("grant_type", "password"), ("username", MIA.0), ("password", MIA.1), ("scope", scope)];
    let (status, tokens) = suite.post("token_endpoint", PHONE, &pairs).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

/// RFC 6749 §4.1.3: what must come with a code, and from whom.
#[tokio::test]
async fn a_code_is_redeemed_with_all_that_belongs_to_it() {
    let suite = suite().await;
    let visitor = suite.visitor();
    let grant = ("grant_type", "authorization_code");
    let (at, verifier) = (("redirect_uri", APP_AT), ("code_verifier", VERIFIER));
    let page =
        suite.answered(&visitor, &[("scope", "openid offline_access"), ("prompt", "consent")]);
    let code = page.await.code();
    let code = ("code", code.as_str());
    table(
        &suite,
        APP,
        &[
            (&[code, at, verifier], "invalid_request"),
            (&[("grant_type", "code"), code, at, verifier], "unsupported_grant_type"),
            (&[grant, at, verifier], "invalid_request"),
            (&[grant, ("code", "no code"), at, verifier], "invalid_grant"),
        ],
    )
    .await;
    table(&suite, PHONE, &[(&[grant, code, at, verifier], "unauthorized_client")]).await;
    let (status, _) = suite
        .post("token_endpoint", Confidential(APP.0, "another-secret"), &[grant, code, at, verifier])
        .await;
    assert_eq!(status, 401);
    table(&suite, APP, &[(&[grant, code, at, verifier], "")]).await;
    table(&suite, APP, &[(&[grant, code, at, verifier], "invalid_grant")]).await;
    let without = [
        &[grant, verifier][..],
        &[grant, ("redirect_uri", "http://localhost/cb"), verifier],
        &[grant, at],
        &[grant, at, ("code_verifier", "another-verifier-of-forty-three-characters-0")],
    ];
    for pairs in without {
        let page = suite.answered(&visitor, &[]).await;
        let code = page.code();
        let pairs: Vec<_> = pairs.iter().copied().chain([("code", &*code)]).collect();
        table(&suite, APP, &[(&pairs, "invalid_grant")]).await;
    }
}

/// RFC 6749 §6; OpenID Connect Core §12.
#[tokio::test]
async fn refreshing() {
    let suite = suite().await;
    let grant = ("grant_type", "refresh_token");
    let first = typed(&suite, "openid email offline_access").await;
    let token = ("refresh_token", text(&first, "refresh_token"));
    table(
        &suite,
        PHONE,
        &[
            (&[grant], "invalid_request"),
            (&[token], "invalid_request"),
            (&[grant, ("refresh_token", "no token")], "invalid_grant"),
            (&[grant, ("refresh_token", text(&first, "access_token"))], "invalid_grant"),
            (&[grant, token, ("scope", "openid email profile")], "invalid_scope"),
            (&[grant, token, ("resource", "https://elsewhere.example/")], "invalid_target"),
        ],
    )
    .await;
    table(&suite, APP, &[(&[grant, token], "invalid_grant")]).await;
    table(&suite, WEATHER_API, &[(&[grant, token], "unauthorized_client")]).await;
    let pairs = [grant, token, ("scope", "openid")];
    let (status, second) = suite.post("token_endpoint", PHONE, &pairs).await;
    assert_eq!((status, text(&second, "scope")), (200, "openid"), "{second}");
    let (before, after) = (claims(text(&first, "id_token")), claims(text(&second, "id_token")));
    for same in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    // What was left out once is not lost.
    let token = second["refresh_token"].as_str().unwrap_or(token.1);
    let (status, third) =
        suite.post("token_endpoint", PHONE, &[grant, ("refresh_token", token)]).await;
    assert_eq!(status, 200, "{third}");
    assert_eq!(suite.userinfo(text(&third, "access_token")).await.1["email"], "mia@mobile.example");
}

/// RFC 6749 §4.3; claims come by the scope alone.
#[tokio::test]
async fn passwords_that_the_phone_sends() {
    let suite = suite().await;
    let grant = ("grant_type", "password");
    let (name, password) = (("username", MIA.0), ("password", MIA.1));
    let scope = ("scope", "openid");
    table(
        &suite,
        PHONE,
        &[
            (&[name, password], "invalid_request"),
            (&[grant, password], "invalid_request"),
            (&[grant, name], "invalid_request"),
            (&[grant, name, ("password", "mias-passwort")], "invalid_grant"),
            (&[grant, ("username", "max"), password], "invalid_grant"),
            (&[grant, name, password, ("scope", "openid phone")], "invalid_scope"),
            (&[grant, name, password, ("scope", "\"")], "invalid_scope"),
            (
                &[grant, name, password, scope, ("resource", "https://other.example/")],
                "invalid_target",
            ),
            (&[grant, ("username", "mia@mobile.example"), password, scope], ""),
            (&[grant, name, password], ""),
        ],
    )
    .await;
    for other in [APP, WEATHER_API, OPERATOR] {
        table(&suite, other, &[(&[grant, name, password, scope], "unauthorized_client")]).await;
    }
    let asked = json!({ "userinfo": { "email": { "essential": true } } }).to_string();
    let pairs = [grant, name, password, ("scope", "openid profile"), ("claims", &asked)];
    let (_, tokens) = suite.post("token_endpoint", PHONE, &pairs).await;
    let (_, userinfo) = suite.userinfo(text(&tokens, "access_token")).await;
    assert_eq!(userinfo["name"], "Mia");
    assert!(userinfo.get("email").is_none() && tokens.get("refresh_token").is_none(), "{userinfo}");
    let said = claims(text(&tokens, "id_token"));
    assert_eq!((&said["sub"], &said["amr"]), (&json!("mia-77"), &json!(["pwd"])));
}

/// OpenID Connect Core §11: with `offline_access` there is a refresh token, and it is one.
#[tokio::test]
async fn the_phone_stays_signed_in_if_it_asks() {
    let suite = suite().await;
    let tokens = typed(&suite, "openid email offline_access").await;
    let mut refresh_token = text(&tokens, "refresh_token").to_owned();
    for _ in 0..3 {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", &refresh_token)];
        let (status, tokens) = suite.post("token_endpoint", PHONE, &pairs).await;
        assert_eq!(status, 200, "{tokens}");
        let (status, userinfo) = suite.userinfo(text(&tokens, "access_token")).await;
        assert_eq!((status, &userinfo["email"]), (200, &json!("mia@mobile.example")));
        if let Some(next) = tokens["refresh_token"].as_str() {
            next.clone_into(&mut refresh_token);
        }
    }
}

/// RFC 6749 §4.4: for a client itself; nothing about people, and nothing to refresh.
#[tokio::test]
async fn what_clients_have_for_themselves() {
    let suite = suite().await;
    let grant = ("grant_type", "client_credentials");
    let weather = ("resource", super::WEATHER);
    table(
        &suite,
        PHONE,
        &[
            (&[grant, ("scope", "openid")], "invalid_scope"),
            (&[grant, ("scope", "weather offline_access")], "invalid_scope"),
            (&[grant, ("scope", "weather users:write")], "invalid_scope"),
            (
                &[grant, ("scope", "weather"), ("resource", "https://other.example/")],
                "invalid_target",
            ),
            (&[grant, ("scope", "weather"), weather], ""),
            (&[grant], ""),
        ],
    )
    .await;
    table(&suite, APP, &[(&[grant, ("scope", "weather")], "unauthorized_client")]).await;
    let pairs = [grant, ("scope", "weather"), weather];
    let (_, tokens) = suite.post("token_endpoint", PHONE, &pairs).await;
    assert_eq!(text(&tokens, "scope"), "weather");
    assert!(tokens.get("refresh_token").is_none() && tokens.get("id_token").is_none());
    let said = claims(text(&tokens, "access_token"));
    assert_eq!((&said["sub"], &said["aud"]), (&json!(PHONE.0), &json!(super::WEATHER)));
    assert!(said.get("email").is_none(), "{said}");
    assert_eq!(suite.userinfo(text(&tokens, "access_token")).await.0, 401);
}

/// RFC 7662: a client hears of its own tokens, ID tokens as well, and an API of those that are for it.
#[tokio::test]
async fn introspection() {
    let suite = suite().await;
    let tokens = typed(&suite, "openid email offline_access weather").await;
    let (access, refresh, id) =
        (text(&tokens, "access_token"), text(&tokens, "refresh_token"), text(&tokens, "id_token"));
    for token in [access, refresh, id] {
        let said = suite.introspect(PHONE, token).await;
        assert_eq!(said["active"], true, "{said}");
        assert_eq!((&said["client_id"], &said["sub"]), (&json!(PHONE.0), &json!("mia-77")));
        assert_eq!(said["iss"], suite.issuer());
        assert!(said["exp"].is_i64() || said["exp"].is_u64(), "{said}");
        for other in [APP, WEATHER_API, OPERATOR] {
            assert_eq!(suite.introspect(other, token).await, json!({ "active": false }));
        }
    }
    let scope = suite.introspect(PHONE, access).await["scope"].clone();
    assert_eq!(scope, "openid email offline_access weather");
    assert_eq!(suite.introspect(PHONE, access).await["token_type"], "Bearer");
    assert_eq!(suite.introspect(PHONE, "no token").await, json!({ "active": false }));
    let (status, said) = suite.post("introspection_endpoint", PHONE, &[]).await;
    assert_eq!((status, &said["error"]), (400, &json!("invalid_request")));
    let wrong = Confidential(PHONE.0, "another-secret");
    assert_eq!(suite.post("introspection_endpoint", wrong, &[("token", access)]).await.0, 401);

    let (status, _) = suite.post("revocation_endpoint", PHONE, &[("token", refresh)]).await;
    assert_eq!(status, 200);
    for token in [access, refresh] {
        assert_eq!(suite.introspect(PHONE, token).await, json!({ "active": false }));
    }
}
