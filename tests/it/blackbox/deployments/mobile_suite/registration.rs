//! Redirect URIs with plain http: for loopback, and for native applications.

use serde_json::{Value, json};

use super::suite;
use crate::blackbox::{
    deployments::{Deployment, sent},
    party,
};
use reqwest::Method;

async fn register(suite: &Deployment, token: &str, body: &Value) -> (u16, Value) {
    let request = party::http().post(suite.endpoint("registration_endpoint"));
    sent(request.bearer_auth(token).json(body)).await
}

#[tokio::test]
async fn http_is_for_native_applications_at_loopback() {
    let suite = suite().await;
    let (operator, body) = (suite.operator().await, json!({ "uses": 20 }));
    let url = format!("{}/manage/initial-access", suite.issuer());
    let (status, issued) = suite.with_token(Method::POST, &url, &operator, Some(&body)).await;
    assert_eq!(status, 201, "{issued}");
    let token = issued["token"].as_str().unwrap();
    let implicit = json!({ "grant_types": ["implicit"], "response_types": ["id_token"] });
    for (kind, redirect_uri, types, registered) in [
        ("web", "https://new.mobile.example/cb", None, true),
        ("web", "http://localhost/cb", None, false),
        ("web", "http://127.0.0.1:8000/cb", None, false),
        ("web", "http://new.mobile.example/cb", None, false),
        ("web", "http://localhost/cb", Some(&implicit), false),
        ("native", "http://localhost/cb", None, true),
        ("native", "http://localhost:7788/cb", None, true),
        ("native", "http://127.0.0.1/cb", None, true),
        ("native", "http://[::1]/cb", None, true),
        ("native", "http://x.example/cb", None, false),
        ("native", "http://localhost.x.example/cb", None, false),
        ("native", "http://192.168.0.2/cb", None, false),
        ("native", "example.mobile.app:/cb", None, true),
        ("native", "https://new.mobile.example/cb", None, true),
    ] {
        let mut body = json!({ "application_type": kind, "redirect_uris": [redirect_uri] });
        if let Some(types) = types {
            body.as_object_mut().unwrap().extend(types.as_object().unwrap().clone());
        }
        let (status, answer) = register(&suite, token, &body).await;
        let what = format!("{kind} {redirect_uri}: {answer}");
        if registered {
            assert_eq!(status, 201, "{what}");
            continue;
        }
        assert_eq!(
            (status, answer["error"].as_str()),
            (400, Some("invalid_redirect_uri")),
            "{what}"
        );
        // An administrator is told the same.
        let url = format!("{}/manage/clients", suite.issuer());
        let (status, answer) = suite.with_token(Method::POST, &url, &operator, Some(&body)).await;
        assert_eq!(status, 400, "{what}: {answer}");
    }
    let (status, answer) = register(&suite, "no token", &json!({})).await;
    assert_eq!(status, 401, "{answer}");
}
