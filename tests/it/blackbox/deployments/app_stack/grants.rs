//! Clients without a browser: passwords, for the one that an administrator lets; and a client that acts for itself,
//! within what its owner may do.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Confidential, Deployment, OPERATOR, SITE, manages, shared, somebody};
use crate::{blackbox::sign_up::PASSWORD, support::claims};

/// RFC 6749 §4.3, and what the terminal is let: it has the grant type, and not yet an administrator's word.
#[tokio::test]
async fn passwords_once_an_administrator_says_so() {
    let stack = shared().await;
    let op = &stack.people;
    let (name, password) = somebody(op, "oda").await;
    let metadata = json!({
        "client_id": "terminal", "client_name": "Terminal", "response_types": [],
        "grant_types": ["password", "refresh_token"],
    });
    let (status, made) = manages(op, OPERATOR, Method::POST, "/clients", Some(&metadata)).await;
    assert_eq!((status, &made["password_grant"]), (201, &json!(false)), "{made}");
    let terminal = Confidential("terminal", made["client_secret"].as_str().unwrap());
    let asks = async |client, more: &[(&str, &str)]| {
        let usual = [("grant_type", "password"), ("username", name), ("password", password)];
        op.post("token_endpoint", client, &[&usual, more].concat()).await
    };
    let refused = async |what: &str| {
        let (status, said) = asks(terminal, &[("scope", "openid email")]).await;
        assert_eq!((status, &said["error"]), (400, &json!("unauthorized_client")), "{what}");
    };
    let settles = async |first_party: bool, password_grant: bool| {
        let mut settings = metadata.clone();
        settings["first_party"] = first_party.into();
        settings["password_grant"] = password_grant.into();
        manages(op, OPERATOR, Method::PUT, "/clients/terminal", Some(&settings)).await
    };
    refused("nobody has said so").await;
    assert_eq!(settles(true, false).await.0, 200);
    refused("of the house, and not let").await;
    let (status, said) = settles(false, true).await;
    assert_eq!((status, &said["error"]), (400, &json!("invalid_client_metadata")), "{said}");
    refused("let, and not of the house").await;
    let (status, said) = settles(true, true).await;
    assert_eq!((status, &said["password_grant"]), (200, &json!(true)), "{said}");
    let (status, said) = asks(SITE, &[("scope", "openid email")]).await;
    assert_eq!((status, &said["error"]), (400, &json!("unauthorized_client")), "nobody else");

    // by scope, and by nothing else
    let parameter = json!({
        "userinfo": { "name": { "essential": true } }, "id_token": { "name": null, "email": null },
    });
    let parameter = ("claims", &*parameter.to_string());
    for (scope, more, email, name) in [
        ("openid email", &[][..], true, false),
        ("openid email", &[parameter], true, false),
        ("openid", &[parameter], false, false),
        ("openid profile", &[parameter], false, true),
    ] {
        let (status, tokens) = asks(terminal, &[&[("scope", scope)], more].concat()).await;
        assert_eq!(status, 200, "{tokens}");
        let (status, person) = op.userinfo(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!((status, person["sub"].is_string()), (200, true), "{scope}: {person}");
        assert_eq!(person.get("email").is_some(), email, "{scope}: {person}");
        assert_eq!(person.get("name").is_some(), name, "{scope}: {person}");
        if let Some(token) = tokens["id_token"].as_str() {
            let said = claims(token);
            assert!(said.get("email").is_none() && said.get("name").is_none(), "{scope}: {said}");
        }
    }
    for login in [("oda", "wrong"), ("nobody", PASSWORD)] {
        let pairs = [("grant_type", "password"), ("username", login.0), ("password", login.1)];
        let (status, said) = op.post("token_endpoint", terminal, &pairs).await;
        assert_eq!((status, &said["error"]), (400, &json!("invalid_grant")), "{login:?}");
    }

    // taken back: for what is out, too
    let (_, tokens) = asks(terminal, &[("scope", "openid offline_access")]).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(settles(true, false).await.0, 200);
    refused("no longer").await;
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let (status, said) = op.post("token_endpoint", terminal, &pairs).await;
    assert_eq!((status, &said["error"]), (400, &json!("invalid_grant")), "{said}");
}

const JOB: Confidential<'_> = Confidential("erins-job", "erins-job-of-the-stack-4xY5zA6bC7dE8");
const ORDERS_API: Confidential<'_> =
    Confidential("orders-api", "orders-api-of-the-stack-0pQ1rS2tU3vW");
const ORDERS: &str = "https://api.app-stack.example/";

/// RFC 6749 §2.3.1, §4.4: the job authenticates by HTTP Basic and asks for what it would like.
async fn asks(op: &Deployment, scope: &str) -> (u16, Value) {
    let pairs = [("grant_type", "client_credentials"), ("resource", ORDERS), ("scope", scope)];
    op.post("token_endpoint", JOB, &pairs).await
}

/// RFC 7662: what the API hears of a token.
async fn looks(op: &Deployment, token: &str) -> Value {
    let (status, said) = op.post("introspection_endpoint", ORDERS_API, &[("token", token)]).await;
    assert_eq!(status, 200, "{said}");
    said
}

/// What erin may is what her job may, from one moment to the next, and no longer than she may anything.
#[tokio::test]
async fn a_job_ends_where_its_owner_does() {
    const BOTH: &str = "orders:read orders:write";
    let stack = shared().await;
    let op = &stack.people;
    let set = async |change: Value| {
        let said = manages(op, OPERATOR, Method::PATCH, "/users/erin-1f0c", Some(&change)).await;
        assert_eq!(said.0, 200, "{change}: {}", said.1);
    };
    let (status, reads) = asks(op, BOTH).await;
    assert_eq!((status, &reads["scope"]), (200, &json!("orders:read")), "{reads}");
    let reads = reads["access_token"].as_str().unwrap();
    let seen = looks(op, reads).await;
    assert_eq!((&seen["active"], &seen["scope"]), (&json!(true), &json!("orders:read")), "{seen}");
    assert_eq!((&seen["client_id"], &seen["aud"]), (&json!("erins-job"), &json!(ORDERS)), "{seen}");
    assert_eq!(op.userinfo(reads).await.0, 401, "it is of nobody");
    let wrong = Confidential(JOB.0, "another-secret");
    let (status, said) =
        op.post("token_endpoint", wrong, &[("grant_type", "client_credentials")]).await;
    assert_eq!((status, &said["error"]), (401, &json!("invalid_client")), "{said}");

    // more for her is more for what it asks for from now on
    set(json!({ "permissions": BOTH })).await;
    let (_, both) = asks(op, BOTH).await;
    assert_eq!(both["scope"], BOTH);
    let both = both["access_token"].as_str().unwrap();
    assert_eq!(looks(op, reads).await["scope"], "orders:read", "what is out does not grow");
    // less for her is less for what is out
    set(json!({ "permissions": "orders:write" })).await;
    assert_eq!(looks(op, both).await["scope"], "orders:write");
    let nothing = json!({ "active": false });
    assert_eq!(looks(op, reads).await, nothing, "it covers nothing any more");
    set(json!({ "permissions": "" })).await;
    assert_eq!(looks(op, both).await, nothing);
    let (status, none) = asks(op, BOTH).await;
    assert_eq!((status, &none["error"]), (400, &json!("invalid_scope")), "{none}");

    set(json!({ "permissions": BOTH, "disabled": true })).await;
    for token in [reads, both] {
        assert_eq!(looks(op, token).await, json!({ "active": false }));
    }
    let (status, refused) = asks(op, BOTH).await;
    assert_eq!(status, 400, "{refused}");
    assert!(refused.get("access_token").is_none(), "{refused}");
    // Nobody else's job is erin's: of her namesake among the staff nothing is said.
    let (status, other) =
        manages(&stack.admins, super::ADMIN_TOOL, Method::GET, "/users/erin-1f0c", None).await;
    assert_eq!((status, &other["disabled"]), (200, &json!(false)), "{other}");
    set(json!({ "disabled": false })).await;
    let (status, again) = asks(op, "orders:read").await;
    assert_eq!((status, &again["scope"]), (200, &json!("orders:read")), "{again}");
}
