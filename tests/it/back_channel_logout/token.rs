//! The logout token ([Back-Channel Logout §2.4]).
//!
//! [Back-Channel Logout §2.4]: https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken

use oidc_op::{Clock, Secret};
use serde_json::{Value, json};

use super::{World, logout_uri, told};
use crate::support::{
    ALICE, Ask, Browser, Place, claims, header, is_hard_to_guess,
    keys::{opened, verified, verified_by_secret},
};

/// Signs alice in at a client that gets an ID token, and out again; answers the ID token and the logout token.
async fn in_and_out(world: &World, client: &str) -> (String, String) {
    let ask = Ask::of(client, "code");
    let mut browser = Browser::new(&world.op);
    let sent = browser.ask(&ask, ALICE).await;
    let answer = world.op.exchange(&ask, sent.get("code")).await;
    browser.sign_out().await;
    world.work_off().await;
    let [got] = &world.receivers.take()[..] else { panic!("one token") };
    assert_eq!(got.url, logout_uri(client));
    (answer.member("id_token"), got.token.clone())
}

/// What `oidcc-backchannel-rp-initiated-logout` looks at in a token, and §2.6.
#[tokio::test]
async fn a_token_says_who_has_left_where() {
    let world = World::new(vec![told("app", &json!({}))]);
    let ask = Ask::of("app", "code");
    let mut browser = Browser::new(&world.op);
    let sent = browser.ask(&ask, ALICE).await;
    let id_token = world.op.exchange(&ask, sent.get("code")).await.member("id_token");
    let silently = ask.clone().with("prompt", "none");
    assert!(browser.quiet(&silently).await.parameters.contains_key("code"));

    world.op.wait(100);
    browser.sign_out().await;
    assert!(world.receivers.take().is_empty(), "nobody waits for clients in order to sign out");
    assert_eq!(world.work().await, 2, "a token, and the announcement");
    let [got] = &world.receivers.take()[..] else { panic!("one token") };
    assert_eq!(got.url, logout_uri("app"));

    let header = header(&got.token);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("logout+jwt"), &json!("RS256")));
    let id_token = claims(&id_token);
    let token = verified(&got.token, &world.op.jwks().await).expect("a published key");
    let mut names: Vec<_> = token.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"], "no nonce");
    assert_eq!((&token["iss"], &token["aud"]), (&json!("https://id.example"), &json!("app")));
    for same in ["iss", "aud", "sub", "sid"] {
        assert_eq!(token[same], id_token[same], "{same}");
    }
    let now = world.op.clock.now().unix();
    assert_eq!((&token["iat"], &token["exp"]), (&json!(now), &json!(now + 120)));
    let event = "http://schemas.openid.net/event/backchannel-logout";
    assert_eq!(token["events"], json!({ event: {} }));
    assert!(is_hard_to_guess(token["jti"].as_str().unwrap()));

    let answer = browser.quiet(&silently).await;
    answer.is_error("login_required", Place::Query, Some("af0ifjsldkj"), "signed out");
    world.op.wait(86_400);
    world.work_off().await;
    assert!(world.receivers.take().is_empty(), "once is enough");
}

/// `oidcc-backchannel-rp-initiated-logout`: at the client's own wish the token arrives, and so does the person.
#[tokio::test]
async fn a_client_that_asks_is_told_as_well() {
    let out = "https://app.example/out";
    let world = World::new(vec![told("app", &json!({"post_logout_redirect_uris": [out]}))]);
    let ask = Ask::of("app", "code");
    let mut browser = Browser::new(&world.op);
    let sent = browser.ask(&ask, ALICE).await;
    let id_token = world.op.exchange(&ask, sent.get("code")).await.member("id_token");
    let request =
        [("id_token_hint", &*id_token), ("post_logout_redirect_uri", out), ("state", "xyz")];
    let answer = browser.end_session(&request).await;
    assert_eq!(answer.header("location"), Some("https://app.example/out?state=xyz"));
    let answer = browser.quiet(&ask.with("prompt", "none")).await;
    answer.is_error("login_required", Place::Query, Some("af0ifjsldkj"), "signed out");
    world.work_off().await;
    let [got] = &world.receivers.take()[..] else { panic!("one token") };
    let id_token = claims(&id_token);
    for same in ["iss", "aud", "sub", "sid"] {
        assert_eq!(got.claim(same), id_token[same], "{same}");
    }
}

/// §2.6: as its ID tokens are signed, but never unsigned.
#[tokio::test]
async fn signed_as_id_tokens_are() {
    for (client, registered, signed) in [
        ("app", "RS256", "RS256"),
        ("app", "ES256", "ES256"),
        ("app", "EdDSA", "EdDSA"),
        ("keyed-app", "HS256", "HS256"),
        ("keyed-app", "HS512", "HS512"),
        ("app", "none", "RS256"),
    ] {
        let client = told(client, &json!({"id_token_signed_response_alg": registered}));
        let id = client.id.as_str().to_owned();
        let world = World::with(vec![client], |setup| setup.config.policy.unsigned = true);
        let (_, token) = in_and_out(&world, &id).await;
        assert_eq!(header(&token)["alg"], signed, "{registered}");
        assert_eq!(header(&token)["typ"], "logout+jwt", "{registered}");
        let claims = match signed {
            "HS256" | "HS512" => verified_by_secret(&token),
            _ => verified(&token, &world.op.jwks().await),
        };
        assert_eq!(claims.expect("a good signature")["sub"], ALICE, "{registered}");
    }
}

/// §2.4, §2.6: encrypted as its ID tokens are, with the issuer outside as well.
#[tokio::test]
async fn encrypted_as_id_tokens_are() {
    for (alg, enc) in [
        ("RSA-OAEP-256", "A256GCM"),
        ("ECDH-ES", "A128CBC-HS256"),
        ("A256KW", "A128CBC-HS256"),
        ("dir", "A256GCM"),
    ] {
        let client = told(
            "keyed-app",
            &json!({"id_token_encrypted_response_alg": alg, "id_token_encrypted_response_enc": enc}),
        );
        let world = World::new(vec![client]);
        let (id_token, token) = in_and_out(&world, "keyed-app").await;
        let (signed, outer) = opened(&token);
        let outer = |name: &str| outer.get(name).and_then(Value::as_str).unwrap_or_default();
        assert_eq!((outer("cty"), outer("iss")), ("JWT", "https://id.example"), "{alg}");
        let inner = verified(&signed, &world.op.jwks().await).expect("a published key");
        assert_eq!(header(&signed)["typ"], "logout+jwt", "{alg}");
        assert_eq!(inner["aud"], "keyed-app", "{alg}");
        let (_, outer) = opened(&id_token);
        assert_eq!(outer.get("iss"), None, "that of an ID token is inside");
    }
}

/// Each client by the names that it knows, and nobody else's.
#[tokio::test]
async fn names_are_those_that_the_client_knows() {
    let pairwise = json!({"subject_type": "pairwise", "id_token_signed_response_alg": "EdDSA"});
    let clients = vec![told("app-a", &pairwise), told("app-b", &pairwise)];
    let world = World::with(clients, |setup| {
        setup.secrets.pairwise = Some(Secret::new([2; 32]).unwrap());
    });
    let mut browser = Browser::new(&world.op);
    let mut known = Vec::new();
    for client in ["app-a", "app-b"] {
        let ask = Ask::of(client, "code");
        let sent = browser.ask(&ask, ALICE).await;
        let answer = world.op.exchange(&ask, sent.get("code")).await;
        known.push(claims(&answer.member("id_token")));
    }
    browser.sign_out().await;
    world.work_off().await;
    let got = world.receivers.take();
    assert_eq!(got.len(), 2);
    for (got, known) in got.iter().zip(&known) {
        for same in ["aud", "sub", "sid"] {
            assert_eq!(got.claim(same), known[same], "{same}");
        }
    }
    for differs in ["sub", "sid", "jti"] {
        assert_ne!(got[0].claim(differs), got[1].claim(differs), "{differs}");
    }
    assert_ne!(got[0].claim("sub"), ALICE);
}
