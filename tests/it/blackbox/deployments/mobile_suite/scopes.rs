//! Identity scopes and scopes of an API: which token is for whom, and what it says.

use serde_json::{Value, json};

use super::{APP, APP_AT, WEATHER, WEATHER_API, suite, text};
use crate::{
    blackbox::{deployments::Deployment, party::VERIFIER},
    support::{claims, header},
};

/// Tokens for a code whose request named these resources.
async fn tokens(suite: &Deployment, resources: &[&str], scope: &str) -> Value {
    let visitor = suite.visitor();
    let mut request = suite.request(APP.0, APP_AT, &[("scope", scope)]);
    for resource in resources {
        request.push_str("&resource=");
        request.push_str(resource);
    }
    let page = visitor.open(request).await;
    let page = visitor.consent(page, super::MIA).await;
    suite.redeem(APP, APP_AT, &page).await
}

/// Without `resource` a token is the provider's own; with one it is the API's and has of the scope what the API
/// knows; with both it is for both.
#[tokio::test]
async fn a_token_is_for_whom_it_was_asked() {
    let suite = suite().await;
    let issuer = suite.issuer();
    let all = "openid profile email weather";

    let own = tokens(&suite, &[], all).await;
    let access = text(&own, "access_token");
    assert_eq!(text(&own, "scope"), all);
    assert!(!access.contains('.'), "a token of the provider's own is nobody's to read");
    let said = suite.introspect(APP, access).await;
    assert_eq!((&said["scope"], &said["aud"]), (&json!(all), &json!(issuer)));
    let (status, userinfo) = suite.userinfo(access).await;
    assert_eq!((status, &userinfo["email"]), (200, &json!("mia@mobile.example")));
    assert_eq!(userinfo["name"], "Mia");
    assert_eq!(suite.introspect(WEATHER_API, access).await, json!({ "active": false }));

    let weather = tokens(&suite, &[WEATHER], all).await;
    let access = text(&weather, "access_token");
    assert_eq!(text(&weather, "scope"), "email weather");
    assert_eq!(
        (&header(access)["typ"], &header(access)["alg"]),
        (&json!("at+jwt"), &json!("RS256"))
    );
    let said = claims(access);
    assert_eq!((&said["scope"], &said["aud"]), (&json!("email weather"), &json!(WEATHER)));
    assert_eq!((&said["iss"], &said["client_id"]), (&json!(issuer), &json!(APP.0)));
    // A claim of the person's, as far as the API knows the scope that asks for it.
    assert_eq!(said["email"], "mia@mobile.example");
    assert!(said.get("name").is_none(), "{said}");
    assert_eq!(suite.userinfo(access).await.0, 401, "it is no token for the provider");
    let heard = suite.introspect(WEATHER_API, access).await;
    assert_eq!((&heard["active"], &heard["scope"]), (&json!(true), &json!("email weather")));
    assert_eq!((&heard["sub"], &heard["aud"]), (&json!("mia-77"), &json!(WEATHER)));

    let both = tokens(&suite, &[WEATHER, issuer], all).await;
    let access = text(&both, "access_token");
    let said = claims(access);
    assert_eq!((&said["scope"], &said["aud"]), (&json!(all), &json!([WEATHER, issuer])));
    assert_eq!(suite.userinfo(access).await.0, 200);
    // The API hears of what is its own.
    let heard = suite.introspect(WEATHER_API, access).await;
    assert_eq!((&heard["scope"], &heard["aud"]), (&json!("email weather"), &json!(WEATHER)));
}

/// What the person has not agreed to release is not in the API's token either.
#[tokio::test]
async fn what_was_not_asked_for_is_not_in_the_token() {
    let suite = suite().await;
    for (scope, email) in [("openid weather", None), ("weather email", Some("mia@mobile.example"))]
    {
        let tokens = tokens(&suite, &[WEATHER], scope).await;
        let said = claims(text(&tokens, "access_token"));
        assert_eq!(said.get("email").and_then(Value::as_str), email, "{scope}");
        assert_eq!(tokens.get("id_token").is_some(), scope.contains("openid"), "{scope}");
    }
}

/// RFC 8707 §2.2: one grant for both, and a token for each of them.
#[tokio::test]
async fn one_grant_has_tokens_for_each() {
    let suite = suite().await;
    let visitor = suite.visitor();
    let more = [("scope", "openid email offline_access weather"), ("prompt", "consent")];
    let request = suite.request(APP.0, APP_AT, &more);
    let page =
        visitor.open(format!("{request}&resource={WEATHER}&resource={}", suite.issuer())).await;
    let page = visitor.consent(page, super::MIA).await;
    let code = page.code();
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", APP_AT),
        ("code_verifier", VERIFIER),
        ("resource", suite.issuer()),
    ];
    let (status, first) = suite.post("token_endpoint", APP, &pairs).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(suite.userinfo(text(&first, "access_token")).await.0, 200);
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&first, "refresh_token")),
        ("resource", WEATHER),
    ];
    let (status, second) = suite.post("token_endpoint", APP, &pairs).await;
    assert_eq!((status, text(&second, "scope")), (200, "email weather"), "{second}");
    assert_eq!(claims(text(&second, "access_token"))["aud"], WEATHER);
}
