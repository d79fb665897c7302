//! OIDC Dynamic Client Registration and RFC 7592: open to everybody, or to those with an initial access token.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ADA, Confidential, Deployment, manages, sent, shared};
use crate::blackbox::party;

const AT: &str = "https://notes.enterprise.example/cb";

/// What a client sends to register itself, with an initial access token or without.
pub(super) async fn asks(op: &Deployment, token: Option<&str>, body: &Value) -> (u16, Value) {
    let request = party::http().post(op.endpoint("registration_endpoint")).json(body);
    sent(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
    .await
}

/// A client that has registered itself.
pub(super) async fn register(op: &Deployment, name: &str, redirect_uri: &str) -> Value {
    let body = json!({ "client_name": name, "redirect_uris": [redirect_uri] });
    let (status, registered) = asks(op, None, &body).await;
    assert_eq!(status, 201, "{registered}");
    registered
}

/// A token to register with.
pub(super) async fn initial_access(op: &Deployment) -> String {
    let issued = manages(op, "/initial-access", &json!({ "uses": 1 })).await;
    issued["token"].as_str().unwrap().to_owned()
}

/// OIDC Registration §3: open, also for those who have an initial access token; but a wrong one is not nobody's.
#[tokio::test]
async fn open_and_by_initial_access_token() {
    let op = shared().await;
    let body = json!({ "client_name": "Notes", "redirect_uris": [AT] });
    let token = initial_access(&op).await;
    for (token, expected) in
        [(None, 201), (Some(&*token), 201), (Some(&*token), 401), (Some("of-somebodys-own"), 401)]
    {
        let (status, answer) = asks(&op, token, &body).await;
        assert_eq!(status, expected, "{answer}");
    }
    let wrong = json!({ "client_name": "Notes", "redirect_uris": ["http://notes.example/cb"] });
    let (status, refused) = asks(&op, None, &wrong).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_redirect_uri")), "{refused}");
}

/// RFC 7592 §2: a client reads, changes and deletes itself by its own token, and is as it says.
#[tokio::test]
async fn a_client_manages_itself() {
    let op = shared().await;
    let registered = register(&op, "Notes", AT).await;
    let text = |member: &str| registered[member].as_str().unwrap();
    let (uri, token) = (text("registration_client_uri"), text("registration_access_token"));
    let client = Confidential(text("client_id"), text("client_secret"));
    let manage = async |method, token: &str, body: Option<&Value>| {
        op.with_token(method, uri, token, body).await
    };
    let visitor = op.visitor();
    let page = visitor.open(op.request(client.0, AT, &[])).await;
    let page = visitor.consent(page, ADA).await;
    let tokens = op.redeem(client, AT, &page).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(op.userinfo(access_token).await.0, 200);

    let (status, read) = manage(Method::GET, token, None).await;
    assert_eq!((status, &read["client_name"]), (200, &json!("Notes")));
    assert_eq!(manage(Method::GET, "another", None).await.0, 401);
    assert_eq!(manage(Method::GET, access_token, None).await.0, 401);
    let moved = "https://moved.enterprise.example/cb";
    let new = json!({
        "client_id": client.0, "client_name": "Papers", "redirect_uris": [moved],
    });
    let (status, updated) = manage(Method::PUT, token, Some(&new)).await;
    assert_eq!((status, &updated["redirect_uris"]), (200, &json!([moved])), "{updated}");
    let page = visitor.open(op.request(client.0, AT, &[])).await;
    assert!(!page.is_answer() && page.status == 400, "{page:?}");
    let page = visitor.open(op.request(client.0, moved, &[("prompt", "consent")])).await;
    assert!(page.asks_consent() && page.body.contains("Papers"), "{}", page.body);

    let token = updated["registration_access_token"].as_str().unwrap_or(token);
    assert_eq!(manage(Method::DELETE, token, None).await.0, 204);
    assert_eq!(manage(Method::GET, token, None).await.0, 401);
    let page = visitor.open(op.request(client.0, moved, &[])).await;
    assert!(!page.is_answer() && page.status == 400, "{page:?}");
    assert_eq!(op.userinfo(access_token).await.0, 401, "what it held ends with it");
}
