//! From the application to the upstream provider and back, and what lasts when that is gone.

use serde_json::{Value, json};

use super::{
    CLASSIC, CLASSIC_AT, Delegation, Deployment, EVERYTHING, GRACE, KEN, asks_script,
    came_to_nothing, grace, is_error, ken, shared,
};
use crate::support::claims;

/// What UserInfo says to the tokens of an answer.
async fn userinfo(op: &Deployment, tokens: &Value) -> Value {
    let (status, said) = op.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(status, 200, "{said}");
    said
}

/// New tokens for a refresh token.
async fn renewed(op: &Deployment, tokens: &Value) -> Value {
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    let (status, tokens) = op.post("token_endpoint", CLASSIC, &pairs).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

/// Consent is the only page of ours. Tokens are ours, and UserInfo is what the mapping makes of the document.
/// Whoever is signed in stays so without the upstream provider, also over a restart; nobody else gets in.
#[tokio::test]
async fn from_the_application_to_the_upstream_and_back() {
    let all = Delegation::start().await;
    let visitor = all.visitor();
    let offline = format!("{EVERYTHING} offline_access");
    let request = all.op.request(
        CLASSIC.0,
        CLASSIC_AT,
        &[("scope", &offline), ("prompt", "consent"), ("login_hint", "grace")],
    );
    let page = visitor.open(&request).await;
    all.at_the_upstream(&page);
    assert!(page.redirects.len() > 1, "through pages of ours that nobody sees: {page:?}");
    assert!(page.body.contains("value=\"grace\""), "{}", page.body);
    let page = visitor.submit(&page, "submit", &[("login", GRACE.0), ("password", GRACE.1)]).await;
    assert!(page.url.as_str().starts_with(all.op.issuer()), "{page:?}");
    assert!(page.asks_consent() && !page.asks_password(), "{page:?}");
    assert!(page.body.contains("Grace Hopper") && page.body.contains("Classic"), "{}", page.body);
    let page = visitor.submit(&page, "submit", &[]).await;
    let tokens = all.op.redeem(CLASSIC, CLASSIC_AT, &page).await;
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&id_token["iss"], &id_token["aud"]), (&json!(all.op.issuer()), &json!(CLASSIC.0)));
    let sub = &id_token["sub"];
    assert!(sub.as_str().unwrap().starts_with("main."), "{sub}");
    assert!(!sub.as_str().unwrap().contains("u-1906"), "{sub}");
    assert_eq!(userinfo(&all.op, &tokens).await, grace(sub));

    let Delegation { op, upstream, mut people } = all;
    drop(upstream);
    people.stop();
    let quiet = op.request(CLASSIC.0, CLASSIC_AT, &[("scope", EVERYTHING), ("prompt", "none")]);
    let again = op.redeem(CLASSIC, CLASSIC_AT, &visitor.open(&quiet).await).await;
    assert_eq!(userinfo(&op, &again).await, grace(sub));
    let tokens = renewed(&op, &tokens).await;
    assert_eq!(userinfo(&op, &tokens).await, grace(sub));

    let op = op.restarted("delegating-token-server-2").await;
    let again = op.redeem(CLASSIC, CLASSIC_AT, &visitor.open(&quiet).await).await;
    assert_eq!(userinfo(&op, &again).await, grace(sub));
    assert_eq!(userinfo(&op, &renewed(&op, &tokens).await).await, grace(sub));

    let stranger = op.visitor();
    let problem = stranger.open(&request).await;
    let expected = (502, "upstream_unreachable", "the upstream is gone");
    came_to_nothing(&op, &stranger, &problem, expected).await;
    is_error(&stranger.submit(&problem, "back", &[]).await, "temporarily_unavailable");
}

/// What is not known is not said; and where nothing but an ID token is given, it is said there.
#[tokio::test]
async fn a_person_of_whom_less_is_known() {
    let all = shared().await;
    let visitor = all.visitor();
    let request = asks_script(&all.op, "id_token", &[]);
    let page = all.sign_in(&visitor, &request, KEN).await;
    assert!(page.asks_consent(), "{page:?}");
    let answer = visitor.submit(&page, "submit", &[]).await.answer();
    let mut id_token = claims(&answer["id_token"]);
    let expected = ken(&id_token["sub"]);
    id_token.as_object_mut().unwrap().retain(|name, _| expected.get(name).is_some());
    assert_eq!(id_token, expected);

    // Nobody can know that it is the same script, so people are asked each time.
    let both = asks_script(&all.op, "id_token token", &[("prompt", "none")]);
    is_error(&visitor.open(both).await, "consent_required");
    let page = visitor.open(asks_script(&all.op, "id_token token", &[])).await;
    let answer = visitor.submit(&page, "submit", &[]).await.answer();
    let (status, said) = all.op.userinfo(&answer["access_token"]).await;
    assert_eq!((status, &said), (200, &expected));
    assert!(claims(&answer["id_token"]).get("email").is_none(), "UserInfo says it");

    // No more than was asked for; and what the document has besides cannot be.
    let asks = json!({ "userinfo": { "email": null, "name": null, "personnel_number": null } });
    let single = [("scope", "openid"), ("claims", &*asks.to_string())];
    let page = visitor.open(all.op.request(CLASSIC.0, CLASSIC_AT, &single)).await;
    let page = visitor.submit(&page, "submit", &[]).await;
    let tokens = all.op.redeem(CLASSIC, CLASSIC_AT, &page).await;
    let some = json!({ "sub": expected["sub"], "email": expected["email"], "name": "Ken" });
    assert_eq!(userinfo(&all.op, &tokens).await, some);
}
