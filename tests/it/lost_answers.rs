//! The answer to an update of a registration is lost, and with it the secret that it brought (RFC 7592 §2.2):
//! what a client does then, as the guide says it.

use oidc_op::Duration;
use serde_json::{Value, json};

use crate::{
    registration::{Registered, refreshing, setup, setup_with, web_with},
    support::{Op, keys::client_jwks},
};

/// An update of these members.
async fn put(op: &Op, client: &Registered, metadata: &Value) -> Value {
    let mut metadata = metadata.clone();
    metadata["client_id"] = client.id().into();
    let answer = client.manage(op, "PUT", &metadata).await;
    assert_eq!(answer.status(), 200, "{}", answer.json());
    answer.json()
}

fn with(mut metadata: Value, members: &Value) -> Value {
    metadata.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    metadata
}

/// A client that needs a secret from now on. To send the same again does not bring it: it stands, and only its
/// digest is known. To need none for a moment does, and nothing else ends with it.
#[tokio::test]
async fn the_first_secret_is_lost() {
    let op = setup().build();
    let method =
        |method: &str| with(refreshing(), &json!({ "token_endpoint_auth_method": method }));
    let (public, basic) = (method("none"), method("client_secret_basic"));
    let client = op.register(&public).await;
    let refresh = client.tokens(&op).await.member("refresh_token");

    assert!(put(&op, &client, &basic).await["client_secret"].is_string(), "and it is lost");
    let again = put(&op, &client, &basic).await;
    assert_eq!(again.get("client_secret"), None, "{again}");

    assert_eq!(put(&op, &client, &public).await.get("client_secret"), None);
    let client = Registered(put(&op, &client, &basic).await);
    assert!(client.is_known_by(&op, client.text("client_secret")).await);
    assert_eq!(client.refresh(&op, &refresh).await.status(), 200, "people are still signed in");
}

/// The new secret of an update in the last quarter of the old one's time: that one is good to its end, and
/// afterwards the client still has its registration access token.
#[tokio::test]
async fn a_renewed_secret_is_lost() {
    let op = setup_with(|rules| rules.secret_lifetime = Some(Duration::seconds(1_000))).build();
    let metadata = web_with(&json!({}));
    let client = op.register(&metadata).await;
    let old = client.text("client_secret").to_owned();
    op.wait(800);
    let new = put(&op, &client, &metadata).await;
    assert!(new["client_secret"].is_string(), "and it is lost");
    assert_eq!(put(&op, &client, &metadata).await.get("client_secret"), None);
    assert!(client.is_known_by(&op, &old).await);
    op.wait(200);
    assert!(!client.is_known_by(&op, &old).await);

    put(&op, &client, &with(metadata.clone(), &json!({ "token_endpoint_auth_method": "none" })))
        .await;
    let fresh = Registered(put(&op, &client, &metadata).await);
    assert!(fresh.is_known_by(&op, fresh.text("client_secret")).await);
    let lost = new["client_secret"].as_str().unwrap();
    assert!(!fresh.is_known_by(&op, lost).await, "nobody who finds it can use it");
}

/// One that can be no public client proves itself with a key for a moment.
#[tokio::test]
async fn a_client_that_acts_for_itself_has_lost_its_secret() {
    let op =
        setup_with(|rules| rules.grant_types.push(oidc_op::GrantType::ClientCredentials)).build();
    let metadata = json!({ "grant_types": ["client_credentials"], "response_types": [] });
    let client = op.register(&metadata).await;
    let public = json!({ "client_id": client.id(), "token_endpoint_auth_method": "none" });
    let refused = client.manage(&op, "PUT", &with(metadata.clone(), &public)).await;
    assert_eq!(refused.status(), 400, "{}", refused.json());

    let keys = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": client_jwks() });
    put(&op, &client, &with(metadata.clone(), &keys)).await;
    let fresh = Registered(put(&op, &client, &metadata).await);
    assert_ne!(fresh.text("client_secret"), client.text("client_secret"));
    assert!(fresh.is_known_by(&op, fresh.text("client_secret")).await);
}
