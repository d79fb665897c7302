//! What a client does with its own registration (RFC 7592, OIDC Registration §4).

use super::*;
use crate::support::keys::client_jwks;

/// RFC 7592 §2.2: what is not sent is gone, and `null` is not sent.
#[tokio::test]
async fn an_update_replaces_everything() {
    let op = setup().build();
    let client = op
        .register(&web_with(&json!({
            "client_name": "New", "client_name#fr": "Nouveau", "logo_uri": "https://rp.example/logo.png",
            "contacts": ["mary@rp.example"], "jwks": client_jwks(), "scope": "openid email",
            "default_max_age": 60, "request_uris": ["https://rp.example/ro"], "require_auth_time": true,
            "grant_types": ["authorization_code", "refresh_token"], "id_token_signed_response_alg": "ES256"
        })))
        .await;
    let plain = op.register(&web()).await;
    for members in [
        json!({}),
        json!({ "client_name": null, "jwks": null, "scope": null, "grant_types": null }),
    ] {
        let updated = client.put(&op, &members).await;
        assert_eq!(updated.status(), 200, "{}", updated.json());
        let (mut now, mut fresh) = (updated.json(), plain.0.clone());
        for own in
            ["client_id", "client_secret", "registration_access_token", "registration_client_uri"]
        {
            now.as_object_mut().unwrap().remove(own);
            fresh.as_object_mut().unwrap().remove(own);
        }
        assert_eq!(now, fresh, "as if it had never said more");
        assert_eq!(client.read(&op).await.json(), updated.json());
    }
}

/// What holds for a request holds from the next one on.
#[tokio::test]
async fn an_update_holds_at_once() {
    let op = setup().build();
    let client = op.register(&web()).await;
    let moved =
        client.after(&client.put(&op, &json!({ "redirect_uris": ["https://rp.example/2"] })).await);
    let old = Browser::new(&op).authorize(&client.request()).await;
    old.is_page_error(oidc_op::Reason::RedirectUriMismatch);
    moved.tokens(&op).await;
}

/// RFC 7592 §2.2: the client says who it is, and nothing of what only the server says.
#[tokio::test]
async fn own_members() {
    let op = setup().build();
    let (client, other) = (op.register(&web()).await, op.register(&web()).await);
    let refused = |what: String, answer: Answer| {
        assert_eq!(
            (answer.status(), answer.error()),
            (400, "invalid_client_metadata".into()),
            "{what}"
        );
    };
    let missing = client.manage(&op, "PUT", &web()).await;
    refused("no client_id".into(), missing);
    for id in [
        json!(other.id()),
        json!(""),
        json!(null),
        json!(7),
        json!([client.id()]),
        json!("conf-basic"),
    ] {
        let metadata = web_with(&json!({ "client_id": id }));
        refused(format!("client_id {id}"), client.manage(&op, "PUT", &metadata).await);
    }
    for (member, value) in [
        ("registration_access_token", json!(client.text("registration_access_token"))),
        ("registration_client_uri", json!(client.text("registration_client_uri"))),
        ("client_secret_expires_at", json!(0)),
        ("client_id_issued_at", json!(1_800_000_000)),
    ] {
        refused(member.into(), client.put(&op, &json!({ member: value })).await);
    }
    // A secret that is sent must be the client's own; it never becomes one.
    for secret in [
        json!("chosen"),
        json!(""),
        json!(other.text("client_secret")),
        json!(5),
        json!([client.text("client_secret")]),
    ] {
        refused(
            format!("client_secret {secret}"),
            client.put(&op, &json!({ "client_secret": secret })).await,
        );
    }
    assert_eq!(client.read(&op).await.json()["redirect_uris"], web()["redirect_uris"]);
    let own = json!({ "client_secret": client.text("client_secret") });
    assert_eq!(client.put(&op, &own).await.status(), 200);
    assert!(client.is_known_by(&op, client.text("client_secret")).await);
    // a public client has none to send
    let public = json!({ "token_endpoint_auth_method": "none", "client_secret": "x" });
    let client = op.register(&web_with(&public)).await;
    refused("public".into(), client.put(&op, &public).await);
}

/// RFC 7592 §3: with rotation each update ends the token before, and a read none.
#[tokio::test]
async fn tokens_rotate_where_the_host_wants_it() {
    let op = setup_with(|rules| rules.rotate_tokens = true).build();
    let first = op.register(&web()).await;
    for _ in 0..2 {
        let read = first.read(&op).await;
        assert_eq!(
            read.member("registration_access_token"),
            first.text("registration_access_token")
        );
    }
    assert_eq!(first.put(&op, &json!({ "jwks_uri": 1 })).await.status(), 400);
    assert_eq!(first.read(&op).await.status(), 200, "what is refused changes nothing");
    let second = first.after(&first.put(&op, &json!({})).await);
    assert_ne!(second.text("registration_access_token"), first.text("registration_access_token"));
    assert_eq!(first.read(&op).await.status(), 401);
    let third = second.after(&second.put(&op, &json!({})).await);
    for (client, status) in [(&first, 401), (&second, 401), (&third, 204)] {
        assert_eq!(client.manage(&op, "DELETE", &Value::Null).await.status(), status);
    }

    // By default it stays, for ever.
    let op = setup().build();
    let client = op.register(&web()).await;
    let updated = client.put(&op, &json!({})).await;
    assert_eq!(
        updated.member("registration_access_token"),
        client.text("registration_access_token")
    );
}

/// An administrator gives out another one; the one before ends. A client of their own can so manage itself.
#[tokio::test]
async fn an_administrator_gives_a_new_token() {
    let op = setup().build();
    let client = op.register(&web()).await;
    let token = op.provider.rotate_registration_token(&client.client_id()).await.unwrap();
    assert_eq!(client.read(&op).await.status(), 401);
    let mut with = client.clone();
    with.0["registration_access_token"] = token.into();
    assert_eq!(with.read(&op).await.status(), 200);

    let made = crate::support::client("made", false, &["https://made.example/cb"], &json!({}));
    op.provider.create_client(made).await.unwrap();
    let token =
        op.provider.rotate_registration_token(&ClientId::new("made").unwrap()).await.unwrap();
    let made = Registered(json!({
        "client_id": "made", "registration_access_token": token,
        "registration_client_uri": "https://id.example/register?client_id=made"
    }));
    assert_eq!(made.read(&op).await.member("client_id"), "made");
    assert_eq!(made.put(&op, &json!({ "client_name": "Own" })).await.status(), 200);
}

/// RFC 7592 §2.3: 204 without a body; with the client go its codes, grants and tokens.
#[tokio::test]
async fn deletion_ends_everything() {
    let op = setup().build();
    let client = op.register(&refreshing()).await;
    let tokens = client.tokens(&op).await;
    let (access, refresh) = (tokens.member("access_token"), tokens.member("refresh_token"));
    let code = client.code(&op).await;
    let rs = op.introspect("rs1", &access).await.json();
    assert_eq!(op.userinfo(&access).await.status(), 200);

    let answer = client.manage(&op, "DELETE", &Value::Null).await;
    assert_eq!((answer.status(), answer.reply().body.len()), (204, 0));
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    assert_eq!(op.userinfo(&access).await.status(), 401);
    assert_eq!(op.introspect("rs1", &access).await.json(), json!({ "active": false }), "was {rs}");
    for answer in [client.refresh(&op, &refresh).await, client.redeem(&op, &code).await] {
        assert_eq!((answer.status(), answer.error()), (401, "invalid_client".into()));
    }
    let page = Browser::new(&op).authorize(&client.request()).await;
    page.is_page_error(oidc_op::Reason::ClientUnknown);
    let alice = oidc_op::Subject::new(ALICE).unwrap();
    assert!(op.provider.grants(&alice, None, 10).await.unwrap().grants.is_empty());
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(client.manage(&op, method, &Value::Null).await.status(), 401, "{method}");
    }
}

/// Somebody is on the page when the client goes: it ends there, and nothing is granted.
#[tokio::test]
async fn deletion_while_somebody_signs_in() {
    let op = setup().build();
    let client = op.register(&web()).await;
    let mut browser = Browser::new(&op);
    let page = browser.authorize(&client.request()).await;
    assert_eq!(client.manage(&op, "DELETE", &Value::Null).await.status(), 204);
    let answer = browser.login(&page.page().token.clone(), ALICE).await;
    assert!(answer.status() >= 400, "{answer:?}");
    assert_eq!(answer.header("location"), None);
}

/// A disabled client is nobody, here too; enabled again it is as it was.
#[tokio::test]
async fn a_disabled_client() {
    let op = setup().build();
    let client = op.register(&refreshing()).await;
    let access = client.tokens(&op).await.member("access_token");
    let enable = |enabled| {
        let (op, id) = (op.clone(), client.client_id());
        async move { op.provider.update_client(&id, |client| client.enabled = enabled).await.unwrap() }
    };
    enable(false).await;
    for method in ["GET", "PUT", "DELETE"] {
        let answer = client.manage(&op, method, &Value::Null).await;
        assert_eq!((answer.status(), answer.error()), (401, "invalid_token".into()), "{method}");
    }
    assert!(!client.is_known_by(&op, client.text("client_secret")).await);
    assert_eq!(op.userinfo(&access).await.status(), 401);
    enable(true).await;
    assert_eq!(client.read(&op).await.status(), 200);
    assert_eq!(op.userinfo(&access).await.status(), 200);
}

/// What an administrator has set stays when the client updates itself.
#[tokio::test]
async fn an_update_leaves_what_is_the_administrators() {
    let op = setup().build();
    let client = op.register(&web()).await;
    let id = client.client_id();
    let set = |client: &mut oidc_op::Client| {
        client.owner = Some(oidc_op::Subject::new(ALICE).unwrap());
        client.require_pkce = Some(true);
        client.claims.deny.insert("email".into());
        client.refresh.online = true;
        client.resources = Some(Vec::new());
        client.epoch = 77;
    };
    op.provider.update_client(&id, set).await.unwrap();
    client.put(&op, &json!({ "client_name": "Newer", "first_party": true, "owner": "bob" })).await;
    let found = op.provider.registered_client(&id).await.unwrap().unwrap();
    let kept = &found.client;
    assert_eq!(kept.name(), "Newer");
    assert_eq!(kept.owner.as_ref().map(oidc_op::Subject::as_str), Some(ALICE));
    assert_eq!((kept.require_pkce, kept.epoch, kept.first_party), (Some(true), 77, false));
    assert!(kept.claims.deny.contains("email") && kept.refresh.online && kept.resources.is_some());
    assert!(found.manages_itself());
    assert_eq!(found.registered_at.unix(), 1_800_000_000);
}
