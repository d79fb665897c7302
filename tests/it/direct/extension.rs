//! Grant types of the host's own ([RFC 6749 §4.5]).
//!
//! [RFC 6749 §4.5]: https://www.rfc-editor.org/rfc/rfc6749#section-4.5

use async_trait::async_trait;
use oidc_op::{ExtensionGrant, ExtensionRequest, HostError, Issuance, Provider, Scope};
use serde_json::{Value, json};

use super::{
    B, BEARER, Broken, EXCHANGE, ORDERS, faulty, granted, is_host_fault, is_refused, sorted,
    user_of,
};
use crate::support::{ALICE, Answer, BOB, DEVICE_KEY, Op, Setup, claims};

async fn ask(op: &Op, client: &str, device: &str, more: &[(&str, &str)]) -> Answer {
    let body = [("grant_type", DEVICE_KEY), ("device", device)];
    op.token_as(client, &[&body[..], more].concat()).await
}

/// The host decides, the provider makes the tokens.
#[tokio::test]
async fn for_a_person() {
    let op = Setup::full().build();
    let json = granted(&ask(&op, "device", ALICE, &[("scope", "openid email")]).await, "online");
    assert_eq!((&json["token_type"], &json["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert!(json.get("refresh_token").is_none() && json.get("id_token").is_none(), "{json}");
    let info = op.userinfo(json["access_token"].as_str().unwrap()).await.json();
    assert_eq!((&info["sub"], &info["email"]), (&json!(ALICE), &json!("alice@example.org")));

    let more = [("scope", "openid orders:read"), ("resource", ORDERS)];
    let json = granted(&ask(&op, "device", ALICE, &more).await, "for an API");
    let jwt = claims(json["access_token"].as_str().unwrap());
    assert_eq!((&jwt["aud"], &jwt["sub"]), (&json!(ORDERS), &json!(ALICE)));
    assert_eq!(jwt["scope"], "orders:read");

    op.host.disable(BOB);
    is_refused(&ask(&op, "device", BOB, &[]).await, "invalid_grant", "a closed account");
    is_refused(
        &ask(&op, "device", "nobody", &[]).await,
        "invalid_grant",
        "an account that is gone",
    );
}

/// A refresh token, if the host, the client's registration and its scope all say so.
#[tokio::test]
async fn renewable() {
    let mut setup = Setup::full();
    setup.clients.push(user_of("no-refresh", &[DEVICE_KEY], &json!({})));
    let scope = json!({"scope": "openid email"});
    setup.clients.push(user_of("no-offline", &[DEVICE_KEY, "refresh_token"], &scope));
    let op = setup.build();
    let offline = [("scope", "openid offline_access")];
    let json = granted(&ask(&op, "device", ALICE, &offline).await, "may");
    let token = json["refresh_token"].as_str().unwrap();
    let next = granted(&op.refresh("device", token).await, "renewed");
    assert_eq!(op.userinfo(next["access_token"].as_str().unwrap()).await.status(), 200);
    for (client, scope) in
        [("device", "openid"), ("no-refresh", "openid offline_access"), ("no-offline", "openid")]
    {
        let json = granted(&ask(&op, client, ALICE, &[("scope", scope)]).await, client);
        assert!(json.get("refresh_token").is_none(), "{client} {json}");
        assert_eq!(json["scope"], "openid", "{client}: access that nobody can use is not granted");
    }
    let answer = ask(&op, "no-offline", ALICE, &offline).await;
    is_refused(&answer, "invalid_scope", "not registered");

    let uri = "https://id.example/fixed";
    let mut setup = Setup::full();
    setup.clients.push(user_of("fixed-x", &[uri, "refresh_token"], &json!({})));
    let op = setup.build_with(|b| b.extension(Fixed(uri)));
    let body = [("grant_type", uri), ("scope", "openid offline_access")];
    let json = granted(&op.token_as("fixed-x", &body).await, "the host says once");
    assert!(json.get("refresh_token").is_none(), "{json}");
}

/// Says that everything is Alice's, once.
#[derive(Debug)]
struct Fixed(&'static str);

#[async_trait]
impl ExtensionGrant for Fixed {
    fn grant_type(&self) -> &str {
        self.0
    }

    async fn grant(&self, _: &ExtensionRequest<'_>) -> Result<Option<Issuance>, HostError> {
        let alice = oidc_op::Login::new(oidc_op::Subject::new(ALICE).unwrap());
        let everything = "openid profile email phone offline_access orders:read admin";
        Ok(Some(Issuance::of(alice, Scope::parse(everything).unwrap())))
    }
}

/// What the client may not have, or has not asked for, is dropped, whatever the host says.
#[tokio::test]
async fn scopes_are_bounded() {
    let uri = "https://id.example/fixed";
    let mut setup = Setup::full();
    setup.clients.push(user_of("bounded", &[uri], &json!({"scope": "openid email otp"})));
    setup.clients.push(user_of("unbounded", &[uri], &json!({})));
    let op = setup.build_with(|b| b.extension(Fixed(uri)));
    for (client, scope, expected) in [
        ("bounded", None, Some(&["email", "openid"][..])),
        ("bounded", Some("email"), Some(&["email"])),
        ("bounded", Some("otp"), Some(&[])),
        ("bounded", Some("phone"), None),
        ("unbounded", None, Some(&["email", "openid", "orders:read", "phone", "profile"])),
        ("unbounded", Some("openid admin"), None),
    ] {
        let mut body = vec![("grant_type", uri)];
        body.extend(scope.map(|scope| ("scope", scope)));
        let answer = op.token_as(client, &body).await;
        let what = format!("{client} {scope:?}");
        match expected {
            Some(expected) => assert_eq!(sorted(&granted(&answer, &what)["scope"]), expected),
            None => is_refused(&answer, "invalid_scope", &what),
        }
    }
}

/// A token of the client's own: there is nobody in it, nothing personal, and its owner bounds it.
#[tokio::test]
async fn for_the_client_itself() {
    let (mut setup, store) = faulty();
    setup.clients.push(user_of("public-device", &[DEVICE_KEY], &json!({})));
    let mut owned = user_of("owned-device", &[DEVICE_KEY], &json!({}));
    owned.owner = Some(oidc_op::Subject::new(BOB).unwrap());
    setup.clients.push(owned);
    let op = setup.build();
    let answer = ask(&op, "device", "self", &[]).await;
    let json = granted(&answer, "itself");
    assert!(json.get("refresh_token").is_none() && json.get("id_token").is_none());
    assert_eq!(sorted(&json["scope"]), ["orders:read", "orders:write", "otp"], "nothing personal");
    assert_eq!(store.calls().writes(), 0);
    let text = answer.member("access_token");
    let said = op.introspect("device", &text).await.json();
    assert_eq!((&said["sub"], &said["client_id"]), (&json!("device"), &json!("device")));
    assert_eq!(op.userinfo(&text).await.status(), 403);
    let answer = ask(&op, "public-device", "self", &[]).await;
    is_refused(&answer, "unauthorized_client", "a public client has nothing of its own");
    granted(&ask(&op, "public-device", ALICE, &[]).await, "it may have what is a person's");

    *op.policies.permitted.lock().unwrap() = Some(Scope::parse("orders:read").unwrap());
    let json = granted(&ask(&op, "owned-device", "self", &[]).await, "bounded by its owner");
    assert_eq!(json["scope"], "orders:read");
    op.host.disable(BOB);
    let answer = ask(&op, "owned-device", "self", &[]).await;
    is_refused(&answer, "unauthorized_client", "the owner is gone");
}

#[tokio::test]
async fn refusals() {
    let mut setup = Setup::full();
    for client in &mut setup.clients {
        if client.id.as_str() == "device" {
            client.resources = Some(Vec::new());
        }
    }
    let op = setup.build();
    let none = op.token_as("device", &[("grant_type", DEVICE_KEY)]).await;
    is_refused(&none, "invalid_grant", "the host refuses");
    let twice = ask(&op, "device", ALICE, &[("device", BOB)]).await;
    is_refused(&twice, "invalid_grant", "a repeated parameter is none");
    let answer = ask(&op, "conf-basic", ALICE, &[]).await;
    is_refused(&answer, "unauthorized_client", "not registered");
    let answer = ask(&op, "device", ALICE, &[("resource", B)]).await;
    is_refused(&answer, "invalid_target", "not open to the client");
    let answer = ask(&op, "device", ALICE, &[("scope", "x\"y")]).await;
    is_refused(&answer, "invalid_scope", "malformed");
    let answer = ask(&Op::new(), "device", ALICE, &[]).await;
    is_refused(&answer, "unsupported_grant_type", "not wired");
    let other = [("grant_type", "https://id.example/grants/other")];
    is_refused(&op.token_as("device", &other).await, "unsupported_grant_type", "not wired");

    let (mut setup, store) = faulty();
    setup.policies = None;
    let op = setup.build_with(|b| b.extension(Broken));
    is_host_fault(&ask(&op, "device", ALICE, &[]).await, &store);
}

/// RFC 8414 §2: what is wired is told, and only that.
#[tokio::test]
async fn metadata_list_what_is_wired() {
    for (op, wired) in [(Setup::full().build(), true), (Op::new(), false)] {
        let path = "/.well-known/openid-configuration";
        let json = op.send("GET", path, "", &[], "").await.json();
        let listed = json["grant_types_supported"].as_array().unwrap();
        for name in [DEVICE_KEY, EXCHANGE, BEARER, "password"] {
            assert_eq!(listed.contains(&Value::from(name)), wired, "{name} in {listed:?}");
        }
        for name in ["authorization_code", "refresh_token", "client_credentials"] {
            assert!(listed.contains(&Value::from(name)), "{name}");
        }
    }
}

/// A grant of the host's own takes the place of none of the provider's, nor of another of its own.
#[test]
fn names_of_ones_own() {
    let refused = |grants: &[&'static str]| {
        let config = Setup::new().config;
        let builder = Provider::builder(config);
        let builder = grants.iter().fold(builder, |b, name| b.extension(Fixed(name)));
        let error = builder.build().unwrap_err();
        error.findings().iter().filter(|finding| finding.starts_with("extension:")).count()
    };
    for (grants, findings) in [
        (&["https://id.example/fixed"][..], 0),
        (&["https://id.example/fixed", "urn:example:fixed"], 0),
        (&["https://id.example/fixed", "https://id.example/fixed"], 1),
        (&["password"], 1),
        (&["refresh_token"], 1),
        (&["implicit"], 1),
        (&[EXCHANGE], 1),
        (&[BEARER], 1),
        (&["fixed"], 1),
        (&["/fixed"], 1),
        (&[""], 1),
        (&["password", "fixed"], 2),
    ] {
        assert_eq!(refused(grants), findings, "{grants:?}");
    }
}
