//! The secrets of clients: when they end, when there is a new one, and what the store sees of them.

use oidc_op::{Duration, InitialAccess, store::Kind};

use super::*;
use crate::support::keys::client_jwks;

/// SL-01, SL-02: whoever reads the store finds nothing to present: no secret, kept as a key or not, no
/// registration access token, no initial one.
#[tokio::test]
async fn sl_01_sl_02_the_store_holds_nothing_to_present() {
    let setup = setup_with(|rules| rules.rotate_tokens = true);
    let (op, ledger) = setup.build_on_ledger();
    let access = InitialAccess::once(Duration::HOUR);
    let initial = op.provider.issue_initial_access(&access).await.unwrap();
    let mut secrets = vec![initial.clone()];
    for members in [
        json!({}),
        json!({ "id_token_signed_response_alg": "HS256" }),
        json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
        json!({ "userinfo_encrypted_response_alg": "dir" }),
    ] {
        let client = op.register(&web_with(&members)).await;
        let newer = client.after(&client.put(&op, &members).await);
        newer.tokens(&op).await;
        let rotated =
            op.provider.rotate_client_secret(&client.client_id(), Duration::HOUR).await.unwrap();
        let token = op.provider.rotate_registration_token(&client.client_id()).await.unwrap();
        for name in ["client_secret", "registration_access_token"] {
            secrets.extend([client.text(name).to_owned(), newer.text(name).to_owned()]);
        }
        secrets.extend([rotated, token]);
    }
    op.try_register(&web(), Some(&initial)).await;
    let written = ledger.take();
    let of = |kind| written.iter().filter(|write| write.key.kind() == kind).count();
    assert!(of(Kind::Client) >= 20 && of(Kind::Allowance) >= 5, "something was written");
    for write in &written {
        let (kind, body) = (write.key.kind(), format!("{write:?} {}", write.body()));
        for secret in &secrets {
            assert!(!body.contains(secret.as_str()), "{secret} in {kind:?}: {body}");
            // nor the half of a token that is its secret
            let tail = &secret[secret.len() - 24..];
            assert!(!body.contains(tail), "{tail} in {kind:?}: {body}");
            assert!(!body.contains(&keys::b64(secret)), "{secret} in {kind:?}: {body}");
        }
    }
}

/// A secret that is a key is sealed for its own client: in the record of another one it opens nothing,
/// and without the storage secret the client is not there to be used (503, not 401).
#[tokio::test]
async fn a_key_is_sealed_for_one_client() {
    let hs = json!({ "token_endpoint_auth_method": "client_secret_jwt" });
    let mut first = setup();
    let store = first.store.clone();
    first.secrets.storage = vec![Secret::new([7; 32]).unwrap()];
    let op = first.build();
    let client = op.register(&web_with(&hs)).await;
    let node = |seed, storage: Vec<[u8; 32]>| {
        let mut setup = setup();
        setup.secrets.storage = storage.into_iter().map(|s| Secret::new(s).unwrap()).collect();
        Setup { store: store.clone(), seed, ..setup }.build()
    };
    // rotated: the old one is still there to open with
    let rotated = node(2, vec![[8; 32], [7; 32]]);
    assert!(client.is_known_by(&rotated, client.text("client_secret")).await);
    assert_eq!(client.put(&rotated, &hs).await.status(), 200, "sealed anew, under the first one");
    let newer = node(3, vec![[8; 32]]);
    assert!(client.is_known_by(&newer, client.text("client_secret")).await);
    // gone: nobody says that the client is unknown
    let body = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let lost = node(4, vec![[9; 32]]);
    assert_eq!(client.post(&lost, "/token", &body).await.status(), 503);
    assert_eq!(client.read(&lost).await.status(), 503);
}

/// RFC 7591 §3.2.1: the end is in the answer, and it is the end. CA-14: on every endpoint.
#[tokio::test]
async fn ca_14_an_expired_secret_is_none() {
    for method in ["client_secret_basic", "client_secret_post", "client_secret_jwt"] {
        let op = setup_with(|rules| rules.secret_lifetime = Some(Duration::HOUR)).build();
        let mut metadata = refreshing();
        metadata["token_endpoint_auth_method"] = method.into();
        let client = op.register(&metadata).await;
        assert_eq!(client.0["client_secret_expires_at"], 1_800_003_600);
        assert_eq!(client.read(&op).await.json()["client_secret_expires_at"], 1_800_003_600);
        let tokens = client.tokens(&op).await;
        let (access, refresh) = (tokens.member("access_token"), tokens.member("refresh_token"));
        op.wait(3_599);
        assert_eq!(client.post(&op, "/introspect", &[("token", &access)]).await.status(), 200);
        op.wait(1);
        let body = [("token", &*refresh)];
        for (what, answer) in [
            ("refresh", client.refresh(&op, &refresh).await),
            ("introspect", client.post(&op, "/introspect", &body).await),
            ("revoke", client.post(&op, "/revoke", &body).await),
            ("code", client.redeem(&op, "x").await),
        ] {
            assert_eq!(
                (answer.status(), answer.error()),
                (401, "invalid_client".into()),
                "{method} {what}"
            );
        }
        // It manages its registration by a token of its own, and has a secret again.
        let renewed = client.after(
            &client
                .put(
                    &op,
                    &json!({
                        "token_endpoint_auth_method": method, "grant_types": metadata["grant_types"]
                    }),
                )
                .await,
        );
        assert_ne!(renewed.text("client_secret"), client.text("client_secret"));
        assert_eq!(renewed.0["client_secret_expires_at"], 1_800_007_200);
        assert_eq!(
            renewed.refresh(&op, &refresh).await.status(),
            200,
            "{method}: nothing was lost"
        );
        assert!(!renewed.is_known_by(&op, client.text("client_secret")).await);
    }
}

/// An update in the last quarter of the time gives a new secret; the old one is good to its end.
#[tokio::test]
async fn renewal_in_the_last_quarter() {
    let op = setup_with(|rules| rules.secret_lifetime = Some(Duration::HOUR)).build();
    let client = op.register(&web()).await;
    let first = client.text("client_secret");
    assert!(client.is_known_by(&op, first).await);
    op.wait(2_699);
    let early = client.put(&op, &json!({})).await.json();
    assert_eq!(early.get("client_secret"), None, "the old one lasts");
    assert_eq!(early["client_secret_expires_at"], 1_800_003_600);
    op.wait(1);
    let renewed = client.put(&op, &json!({})).await;
    let second = renewed.member("client_secret");
    assert_eq!(renewed.json()["client_secret_expires_at"], 1_800_002_700 + 3_600);
    assert!(client.is_known_by(&op, first).await && client.is_known_by(&op, &second).await);
    let again = client.put(&op, &json!({})).await.json();
    assert_eq!(again.get("client_secret"), None, "there is one that lasts");
    op.wait(899);
    assert!(client.is_known_by(&op, first).await);
    op.wait(1);
    assert!(!client.is_known_by(&op, first).await);
    assert!(client.is_known_by(&op, &second).await);
}

/// A client that keeps its secret for ever never gets another one.
#[tokio::test]
async fn a_secret_without_end_stays() {
    let op = setup().build();
    let client = op.register(&web()).await;
    client.tokens(&op).await;
    op.wait(86_400 * 3_650);
    let answer = client.put(&op, &json!({ "client_name": "Newer" })).await.json();
    assert_eq!(
        (answer.get("client_secret"), &answer["client_secret_expires_at"]),
        (None, &json!(0))
    );
    assert!(client.is_known_by(&op, client.text("client_secret")).await);
}

/// No secret for a client without a use for one; a new one when it has a use again, never the old one.
#[tokio::test]
async fn the_method_changes() {
    let op = setup().build();
    let keyed = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": client_jwks() });
    let public = json!({ "token_endpoint_auth_method": "none" });
    for without in [&public, &keyed] {
        let client = op.register(&web_with(without)).await;
        assert_eq!(
            client.0.get("client_secret").or(client.0.get("client_secret_expires_at")),
            None
        );
        client.tokens(&op).await;

        let with = client.after(&client.put(&op, &json!({})).await);
        let secret = with.text("client_secret").to_owned();
        assert_eq!(with.0["client_secret_expires_at"], 0);
        assert!(with.is_known_by(&op, &secret).await);
        assert_eq!(client.redeem(&op, "x").await.status(), 401, "the former method is over");
        with.tokens(&op).await;

        let again = with.put(&op, without).await.json();
        assert_eq!(again.get("client_secret").or(again.get("client_secret_expires_at")), None);
        assert!(!with.is_known_by(&op, &secret).await, "{without}");
        client.tokens(&op).await;

        let third = with.put(&op, &json!({})).await.member("client_secret");
        assert_ne!(third, secret);
        assert!(with.is_known_by(&op, &third).await && !with.is_known_by(&op, &secret).await);
    }
    // From one method with a secret to another the secret goes along.
    let client = op.register(&web()).await;
    let post =
        client.put(&op, &json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
    assert_eq!(post.json().get("client_secret"), None);
    let post = client.after(&post);
    assert!(post.is_known_by(&op, client.text("client_secret")).await);
    assert!(!client.is_known_by(&op, client.text("client_secret")).await);
}

/// A use as a key that an update turns on: what is kept of the old secret is its digest, so there is a new
/// one, and it is the key.
#[tokio::test]
async fn a_use_as_a_key_is_turned_on() {
    for members in [
        json!({ "id_token_signed_response_alg": "HS256" }),
        json!({ "id_token_signed_response_alg": "HS512" }),
        json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
        json!({ "id_token_encrypted_response_alg": "A128KW" }),
        json!({ "request_object_signing_alg": "HS256" }),
    ] {
        let op = setup().build();
        let client = op.register(&web()).await;
        let changed = client.after(&client.put(&op, &members).await);
        let secret = changed.text("client_secret");
        assert_ne!(secret, client.text("client_secret"), "{members}");
        assert!(changed.is_known_by(&op, secret).await, "{members}");
        assert!(!changed.is_known_by(&op, client.text("client_secret")).await, "{members}");
        // It is kept now: a change of something else brings no other.
        let again = changed.put(&op, &members).await.json();
        assert_eq!(again.get("client_secret"), None, "{members}");
        // Turned off again, the secret stays.
        let method = json!({ "token_endpoint_auth_method": changed.method() });
        if changed.method() == "client_secret_basic" {
            let plain = changed.put(&op, &method).await;
            assert_eq!(plain.json().get("client_secret"), None, "{members}");
            assert!(changed.is_known_by(&op, secret).await, "{members}");
        }
    }
    // also for a client that proves with a key who it is: the secret is for its ID tokens alone
    let op = setup().build();
    let keyed = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": client_jwks() });
    let mut members = keyed.clone();
    let client = op.register(&web_with(&members)).await;
    members["id_token_signed_response_alg"] = "HS256".into();
    let changed = client.after(&client.put(&op, &members).await);
    let id_token = changed.tokens(&op).await.member("id_token");
    let (input, signature) = id_token.rsplit_once('.').unwrap();
    let own = keys::hs256(changed.text("client_secret")).sign(input.as_bytes()).unwrap();
    assert_eq!(keys::b64(own), signature);
    let mut basic = changed.clone();
    basic.0["token_endpoint_auth_method"] = "client_secret_basic".into();
    assert!(!basic.is_known_by(&op, changed.text("client_secret")).await);
}

/// A key that has expired signs nothing and verifies nothing.
#[tokio::test]
async fn ca_14_an_expired_key_is_none() {
    let op = setup_with(|rules| rules.secret_lifetime = Some(Duration::HOUR)).build();
    let members = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": client_jwks(),
        "id_token_signed_response_alg": "HS256", "request_object_signing_alg": "HS256",
        "grant_types": ["authorization_code", "refresh_token"]
    });
    let client = op.register(&web_with(&members)).await;
    let refresh = client.tokens(&op).await.member("refresh_token");
    let object = |secret: &str| {
        let claims = json!({
            "iss": client.id(), "aud": "https://id.example", "client_id": client.id(),
            "redirect_uri": client.redirect_uri(), "response_type": "code", "scope": "openid",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256"
        });
        keys::sign(
            &json!({ "alg": "HS256", "typ": "oauth-authz-req+jwt" }),
            &claims,
            &*keys::hs256(secret),
        )
    };
    let secret = client.text("client_secret").to_owned();
    let ask = |object: String| {
        let (op, client) = (op.clone(), client.clone());
        async move {
            let query = [
                ("client_id", client.id()),
                ("request", &object),
                ("redirect_uri", client.redirect_uri()),
                ("response_type", "code"),
                ("scope", "openid"),
            ];
            Browser::new(&op).authorize(&query).await
        }
    };
    assert!(matches!(ask(object(&secret)).await, Answer::Page(_)));
    op.wait(3_600);
    let refused = ask(object(&secret)).await;
    assert_eq!(refused.parameter("error"), "invalid_request_object");
    let answer = client.refresh(&op, &refresh).await;
    assert_eq!(answer.status(), 500, "{}", answer.json());
    assert_eq!(answer.error(), "server_error");
    // and with a new one all is well
    let renewed = client.after(&client.put(&op, &members).await);
    let id_token = renewed.refresh(&op, &refresh).await.member("id_token");
    let (input, signature) = id_token.rsplit_once('.').unwrap();
    let own = keys::hs256(renewed.text("client_secret")).sign(input.as_bytes()).unwrap();
    assert_eq!(keys::b64(own), signature);
}
