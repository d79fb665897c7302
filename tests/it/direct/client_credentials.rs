//! Clients that act for themselves ([RFC 6749 §4.4]).
//!
//! [RFC 6749 §4.4]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4

use oidc_op::{Client, GrantType, Scope, store::Fault};
use serde_json::{Value, json};

use super::{
    A, API, B, Broken, CREDENTIALS, ORDERS, faulty, granted, is_host_fault, is_refused, node,
    resources, sorted, user_of,
};
use crate::support::{Answer, BOB, Op, Setup, claims, header};

async fn ask(op: &Op, client: &str, more: &[(&str, &str)]) -> Answer {
    op.token_as(client, &[&CREDENTIALS[..], more].concat()).await
}

async fn token(op: &Op, client: &str, more: &[(&str, &str)]) -> String {
    ask(op, client, more).await.member("access_token")
}

fn limited() -> Client {
    let scope = json!({"scope": "orders:read openid email offline_access"});
    let mut limited = user_of("limited", &["client_credentials", "refresh_token"], &scope);
    limited.resources = Some(resources(&[A, ORDERS]));
    limited
}

/// RFC 6749 §3.3, §4.4.2: all that the client may have for itself, or what it asks of that.
#[tokio::test]
async fn scopes() {
    let mut setup = Setup::full();
    setup.clients.push(limited());
    let op = setup.build();
    let all = &["orders:read", "orders:write", "otp"][..];
    for (client, scope, expected) in [
        ("cc-client", None, Some(all)),
        ("cc-client", Some("orders:write orders:read otp"), Some(all)),
        ("cc-client", Some("orders:write"), Some(&["orders:write"])),
        ("cc-client", Some("orders:write admin"), None),
        ("cc-client", Some("orders:write\"x"), None),
        ("cc-client", Some("openid"), None),
        ("cc-client", Some("profile orders:read"), None),
        ("cc-client", Some("offline_access"), None),
        ("limited", None, Some(&["orders:read"])),
        ("limited", Some("orders:read"), Some(&["orders:read"])),
        ("limited", Some("orders:read orders:write"), None),
        ("limited", Some("openid"), None),
        ("limited", Some("email"), None),
        ("limited", Some("offline_access"), None),
    ] {
        let more: Vec<_> = scope.map(|scope| ("scope", scope)).into_iter().collect();
        let (answer, what) = (ask(&op, client, &more).await, format!("{client} {scope:?}"));
        let Some(expected) = expected else {
            is_refused(&answer, "invalid_scope", &what);
            continue;
        };
        let json = granted(&answer, &what);
        assert_eq!(sorted(&json["scope"]), expected, "{what}");
        let said = op.introspect(client, &answer.member("access_token")).await.json();
        assert_eq!(sorted(&said["scope"]), expected, "{what}");
    }
}

/// RFC 6749 §4.4.3, RFC 9068 §2.2, RFC 8707 §2: whom it is for, and that there is nobody in it.
#[tokio::test]
async fn audiences() {
    let mut setup = Setup::full();
    setup.clients.push(limited());
    let op = setup.build();
    for (client, resources, aud) in [
        ("cc-client", &[][..], json!("https://id.example")),
        ("cc-client", &[API], json!(API)),
        ("cc-client", &[A, B], json!([A, B])),
        ("limited", &[A], json!(A)),
        ("limited", &[ORDERS], json!(ORDERS)),
    ] {
        let more: Vec<_> = resources.iter().map(|resource| ("resource", *resource)).collect();
        let answer = ask(&op, client, &more).await;
        let json = granted(&answer, client);
        let mut members: Vec<_> = json.as_object().unwrap().keys().map(|name| &**name).collect();
        members.sort_unstable();
        assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
        assert_eq!((&json["token_type"], &json["expires_in"]), (&json!("Bearer"), &json!(600)));
        let said = op.introspect(client, &answer.member("access_token")).await.json();
        assert_eq!((&said["active"], &said["aud"]), (&json!(true), &aud), "{said}");
        assert_eq!((&said["sub"], &said["client_id"]), (&json!(client), &json!(client)));
        assert_eq!(said["iss"], "https://id.example");
        for absent in ["auth_time", "acr", "amr", "act", "email", "sid"] {
            assert!(said.get(absent).is_none(), "{absent} in {said}");
        }
    }
    for (client, resource) in [
        ("limited", B),
        ("limited", API),
        ("cc-client", "https://x.example/"),
        ("cc-client", "orders"),
        ("cc-client", "https://a.example/#f"),
    ] {
        let answer = ask(&op, client, &[("resource", resource)]).await;
        is_refused(&answer, "invalid_target", &format!("{client} {resource}"));
    }
    let mixed = ask(&op, "cc-client", &[("resource", A), ("resource", ORDERS)]).await;
    is_refused(&mixed, "invalid_target", "opaque and JWT");
}

/// RFC 9068 §2.2: the JWT says the same.
#[tokio::test]
async fn as_a_jwt() {
    let op = Setup::full().build();
    let text = token(&op, "cc-client", &[("resource", ORDERS)]).await;
    assert_eq!(header(&text)["typ"], "at+jwt");
    let jwt = claims(&text);
    assert_eq!((&jwt["sub"], &jwt["client_id"]), (&json!("cc-client"), &json!("cc-client")));
    assert_eq!((&jwt["aud"], &jwt["iss"]), (&json!(ORDERS), &json!("https://id.example")));
    assert_eq!(sorted(&jwt["scope"]), ["orders:read", "orders:write"]);
    assert!(jwt.get("auth_time").is_none() && jwt.get("email").is_none(), "{jwt}");
    assert_eq!(op.introspect("rs2", &text).await.json()["active"], true);
    assert_eq!(op.introspect("rs1", &text).await.json(), json!({"active": false}));
}

/// Nothing is written: what a client has by its secret alone costs no storage.
#[tokio::test]
async fn nothing_is_written() {
    let (setup, store) = faulty();
    let op = setup.build();
    for resource in [A, ORDERS] {
        token(&op, "cc-client", &[("resource", resource)]).await;
    }
    token(&op, "cc-client", &[]).await;
    assert_eq!(store.calls().total(), 0);
}

/// RFC 6749 §4.4: confidential clients only, whatever was registered.
#[tokio::test]
async fn who_may() {
    let mut setup = Setup::full();
    // Metadata that are checked say no such thing; a host may have its own.
    let mut public = user_of("public-cc", &[], &json!({}));
    public.metadata.grant_types.push(GrantType::ClientCredentials);
    setup.clients.push(public);
    let op = setup.build();
    for client in ["public-cc", "public-refresh", "conf-basic", "device"] {
        is_refused(&ask(&op, client, &[]).await, "unauthorized_client", client);
    }
}

/// A client with an owner does no more than they may, and nothing once they are gone.
#[tokio::test]
async fn owners() {
    let op = Setup::full().build();
    let scope = |json: &Value| sorted(&json["scope"]).join(" ");
    let all = granted(&ask(&op, "owned", &[]).await, "no bounds");
    assert_eq!(scope(&all), "orders:read orders:write otp");
    for (may, asked, expected) in [
        ("orders:read", "orders:read orders:write", "orders:read"),
        ("orders:read admin openid", "orders:read", "orders:read"),
    ] {
        *op.policies.permitted.lock().unwrap() = Some(Scope::parse(may).unwrap());
        let answer = ask(&op, "owned", &[("scope", asked)]).await;
        let json = granted(&answer, may);
        assert_eq!(scope(&json), expected, "{asked}");
        let said = op.introspect("owned", &answer.member("access_token")).await.json();
        assert_eq!(scope(&said), expected, "{asked}");
        let unowned = granted(&ask(&op, "cc-client", &[("scope", asked)]).await, "nobody's");
        assert_eq!(scope(&unowned), asked);
    }
    // A token that covers nothing would still be one.
    *op.policies.permitted.lock().unwrap() = Some(Scope::parse("orders:write").unwrap());
    let nothing = ask(&op, "owned", &[("scope", "orders:read")]).await;
    is_refused(&nothing, "invalid_scope", "nothing is left");
    op.host.disable(BOB);
    is_refused(&ask(&op, "owned", &[]).await, "unauthorized_client", "the owner is gone");
    granted(&ask(&op, "cc-client", &[]).await, "nobody's");

    let (setup, store) = faulty();
    let op = setup.build_with(|b| b.permissions(Broken));
    is_host_fault(&ask(&op, "owned", &[]).await, &store);
}

/// Threat IR-07: there is nobody to tell of.
#[tokio::test]
async fn ir_07_not_at_userinfo() {
    let op = Setup::full().build();
    for (resources, status, error) in [
        (&[][..], 403, "insufficient_scope"),
        (&[("resource", API)], 401, "invalid_token"),
        (&[("resource", ORDERS)], 401, "invalid_token"),
    ] {
        let answer = op.userinfo(&token(&op, "cc-client", resources).await).await;
        assert_eq!((answer.status(), &*answer.error()), (status, error));
        assert!(answer.json().get("sub").is_none());
    }
}

/// The token ends with its client, at its time, and when its client is done with it.
#[tokio::test]
async fn how_it_ends() {
    let setup = Setup::full();
    let raised = node(&setup, |client| client.epoch += 1).build();
    let disabled =
        node(&setup, |client| client.enabled = client.id.as_str() != "cc-client").build();
    let gone = {
        let mut gone = node(&setup, |_| {});
        gone.clients.retain(|client| client.id.as_str() != "cc-client");
        gone.build()
    };
    let unchanged = node(&setup, |_| {}).build();
    let op = setup.build();
    let (inactive, active) = (json!({"active": false}), json!(true));
    for (resource, reader) in [(API, "rs1"), (ORDERS, "rs2")] {
        let resource = [("resource", resource)];
        let text = token(&op, "cc-client", &resource).await;
        assert_eq!(unchanged.introspect(reader, &text).await.json()["active"], active);
        for other in [&raised, &disabled, &gone] {
            assert_eq!(other.introspect(reader, &text).await.json(), inactive);
        }
        // another client's word is none, nor is that of the API
        for other in ["refresh", reader] {
            assert_eq!(op.revoke(other, &text).await.status(), 200);
        }
        assert_eq!(op.introspect(reader, &text).await.json()["active"], active);
        let second = token(&op, "cc-client", &resource).await;
        assert_eq!(op.revoke("cc-client", &text).await.status(), 200);
        for node in [&op, &unchanged] {
            assert_eq!(node.introspect(reader, &text).await.json(), inactive, "on every node");
            assert_eq!(node.introspect("cc-client", &text).await.json(), inactive);
        }
        assert_eq!(op.introspect(reader, &second).await.json()["active"], active);
        op.wait(599);
        assert_eq!(op.introspect(reader, &second).await.json()["active"], active);
        op.wait(1);
        assert_eq!(op.introspect(reader, &second).await.json(), inactive, "expired");
    }
}

/// RFC 7662 §2.2, RFC 7009 §2.2.1; threat IR-06: a fault is no verdict.
#[tokio::test]
async fn store_faults() {
    let (setup, store) = faulty();
    let op = setup.build();
    let text = token(&op, "cc-client", &[]).await;
    for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
        store.reset();
        store.fail_nth(1, fault);
        let answer = op.introspect("cc-client", &text).await;
        assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("5")), "{fault:?}");
        assert!(answer.json().get("active").is_none());
        store.reset();
        assert_eq!(op.introspect("cc-client", &text).await.json()["active"], true);
    }
    store.reset();
    store.fail_nth(1, Fault::Refuse);
    assert_eq!(op.revoke("cc-client", &text).await.status(), 503);
    store.reset();
    assert_eq!(op.introspect("cc-client", &text).await.json()["active"], true);
    assert_eq!(op.revoke("cc-client", &text).await.status(), 200);
    assert_eq!(op.introspect("cc-client", &text).await.json(), json!({"active": false}));
}
