//! Refresh tokens, from the client's side ([RFC 6749 §6], [OIDC Core §12]).
//!
//! [RFC 6749 §6]: https://www.rfc-editor.org/rfc/rfc6749#section-6
//! [OIDC Core §12]: https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokens

mod faults;
mod held;
mod lifetimes;
mod offline;
mod policies;
mod races;
mod scope;
mod secrets;
mod storage;

use oidc_op::{Client, Reason, Rotation, What, store::FaultyStore};
use serde_json::json;

use crate::support::{ALICE, Answer, Op, Setup, claims, client, redirect_uri};

/// OIDC Core §12.2; threat RT-10: the same story, told later, without the nonce.
#[tokio::test]
async fn a_refresh_tells_the_same_story() {
    let op = Op::new();
    let first = op.tokens("refresh", ALICE).await;
    op.wait(1_000);
    let second = first.refreshed(&op).await;
    let (before, after) = (claims(&first.id), claims(&second.id));
    for same in ["iss", "sub", "aud", "auth_time", "sid"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(after["iat"].as_i64().unwrap(), before["iat"].as_i64().unwrap() + 1_000);
    assert!(before.get("nonce").is_some() && after.get("nonce").is_none());
    assert_ne!(first.refresh, second.refresh);
    assert_eq!(op.userinfo(&second.access).await.status(), 200);
    assert_eq!(op.introspect("refresh", &second.access).await.json()["active"], true);
    assert_eq!(op.introspect("refresh", &second.refresh).await.json()["active"], true);
    assert_eq!(op.revoke("refresh", &second.refresh).await.status(), 200);
    assert_eq!(op.userinfo(&second.access).await.status(), 401);
    assert_eq!(op.refresh("refresh", &second.refresh).await.error(), "invalid_grant");
}

/// The other grants answer at all.
#[tokio::test]
async fn every_grant_answers() {
    let op = crate::support::Setup::full().build();
    let cc = op.token_as("cc-client", &[("grant_type", "client_credentials")]).await;
    assert_eq!(cc.status(), 200, "{}", cc.json());
    let token = cc.member("access_token");
    assert_eq!(op.introspect("cc-client", &token).await.json()["sub"], "cc-client");
    let jwt = op
        .token_as(
            "cc-client",
            &[("grant_type", "client_credentials"), ("resource", "https://orders.example/")],
        )
        .await;
    assert_eq!(claims(&jwt.member("access_token"))["aud"], "https://orders.example/");
    assert_eq!(op.introspect("rs2", &jwt.member("access_token")).await.json()["active"], true);
    let password = [
        ("grant_type", "password"),
        ("username", ALICE),
        ("password", ALICE),
        ("scope", "openid offline_access"),
    ];
    let answer = op.token_as("password", &password).await;
    assert_eq!(answer.status(), 200, "{}", answer.json());
    assert_eq!(op.refresh("password", &answer.member("refresh_token")).await.status(), 200);
    *op.policies.exchange.lock().unwrap() = Some(oidc_op::Scope::parse("openid email").unwrap());
    let exchange = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", &answer.member("access_token")),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    let answer = op.token_as("exchanger", &exchange).await;
    assert_eq!(answer.status(), 200, "{}", answer.json());
    assert_eq!(
        op.introspect("exchanger", &answer.member("access_token")).await.json()["client_id"],
        "exchanger"
    );
    let device = [("grant_type", crate::support::DEVICE_KEY), ("device", ALICE)];
    let answer = op.token_as("device", &device).await;
    assert_eq!(answer.status(), 200, "{}", answer.json());
}

/// Without `openid`: nothing is signed, which is quick.
const UNSIGNED: &str = "email offline_access";

/// A client that may refresh, with the rotation that an administrator wants for it.
fn refresher(name: &str, rotation: Option<Rotation>) -> Client {
    let grant_types = json!({"grant_types": ["authorization_code", "refresh_token"]});
    let public = name.starts_with("public");
    let mut client = client(name, public, &[&redirect_uri(name)], &grant_types);
    client.refresh.rotation = rotation;
    client
}

/// The reason that the operator reads of the last refusal; nothing of it is in the answer.
#[track_caller]
fn refusal(op: &Op) -> Option<Reason> {
    let seen = op.recorder.take();
    seen.iter().rev().find(|(what, _)| *what == What::TokenRefused).and_then(|(_, reason)| *reason)
}

/// How often a stolen token was noticed since the last time this was asked.
fn thefts(op: &Op) -> usize {
    let seen = op.recorder.take();
    seen.iter().filter(|(what, _)| *what == What::RefreshTokenReused).count()
}

/// RFC 6749 §5.2: 400 `invalid_grant`, not to be cached.
#[track_caller]
fn is_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status(), 400, "{what}");
    assert_eq!(answer.error(), "invalid_grant", "{what}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
}

/// A provider on a store that counts its calls, and fails or waits when it is told to.
fn faulty_op() -> (Op, FaultyStore) {
    Setup::new().build_faulty()
}
