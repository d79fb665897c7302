//! LO-06 and LO-07: what is told of a logout, and what it costs.

use oidc_op::Reason;
use serde_json::json;

use crate::{
    back_channel_logout::{Mood, World, apps, told, try_to_sign_out},
    support::{
        ALICE, Ask, Browser, Place, header,
        keys::{KEPT, opened},
    },
};

/// LO-06: a logout token passes for nothing else: not as a hint, not as a token to exchange, not as an access token,
/// not as an assertion.
#[tokio::test]
async fn lo_06_a_logout_token_is_nothing_else() {
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let members = json!({"grant_types": ["authorization_code", exchange]});
    let mac = json!({
        "grant_types": ["authorization_code", exchange], "id_token_signed_response_alg": "HS256"
    });
    let sealed = json!({
        "grant_types": ["authorization_code", exchange],
        "id_token_encrypted_response_alg": "A256KW"
    });
    for (client, members) in [("app", &members), ("keyed-mac", &mac), ("keyed-sealed", &sealed)] {
        let world = World::with(vec![told(client, members)], |setup| {
            setup.policies = Some(crate::support::Policies::default());
        });
        let op = &world.op;
        *op.policies.exchange.lock().unwrap() = Some(oidc_op::Scope::parse("openid").unwrap());
        let ask = Ask::of(client, "code");
        let mut browser = Browser::new(op);
        let sent = browser.ask(&ask, ALICE).await;
        let id_token = op.exchange(&ask, sent.get("code")).await.member("id_token");
        try_to_sign_out(op, &browser).await.unwrap();
        world.work_off().await;
        let token = world.receivers.take().remove(0).token;

        let mut browser = Browser::new(op);
        browser.ask(&ask, ALICE).await;
        let hinted = |hint: &str| ask.clone().with("prompt", "none").with("id_token_hint", hint);
        // What is sealed to the client is no hint that the provider could read.
        let inner = |token: &str| {
            if header(token).get("enc").is_some() { opened(token).0 } else { token.to_owned() }
        };
        let (id_token, signed) = (inner(&id_token), inner(&token));
        assert_eq!(browser.quiet(&hinted(&id_token)).await.names(), ["code", "iss", "state"]);
        for hint in [&token, &signed] {
            let answer = browser.quiet(&hinted(hint)).await;
            answer.is_error("invalid_request", Place::Query, Some("af0ifjsldkj"), client);
            let request = [("id_token_hint", &**hint), ("client_id", client)];
            browser.end_session(&request).await.is_page_error(Reason::LogoutHintInvalid);
            assert_eq!(browser.who().await.as_deref(), Some(ALICE), "{client}");
        }
        let secret = if client.starts_with("keyed") { KEPT } else { client };
        for kind in ["id_token", "access_token", "jwt", "refresh_token"] {
            let body = [
                ("grant_type", exchange),
                ("subject_token", &*signed),
                ("subject_token_type", &format!("urn:ietf:params:oauth:token-type:{kind}")),
            ];
            let answer = op.token(client, secret, &body).await;
            assert_eq!(
                (answer.status(), answer.error()),
                (400, "invalid_request".into()),
                "{kind}"
            );
        }
        let good = [
            ("grant_type", exchange),
            ("subject_token", &*id_token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ];
        // Those that the client could make itself are nobody's word.
        let wanted = if client == "keyed-mac" { 400 } else { 200 };
        let answer = op.token(client, secret, &good).await;
        assert_eq!(answer.status(), wanted, "{client}: the ID token itself: {}", answer.json());
        assert_eq!(op.userinfo(&signed).await.status(), 401);
        assert_eq!(op.provider.inspect(&signed).await.unwrap(), None);
        let introspected = op.post_as("/introspect", client, &[("token", &*signed)]).await;
        if client == "app" {
            assert_eq!(introspected.json(), json!({"active": false}));
        }
    }
}

/// LO-07: whatever the clients' servers do, whoever signs out does not wait for them, and each costs a bounded
/// number of requests.
#[tokio::test]
async fn lo_07_signing_out_waits_for_nobody() {
    for mood in [
        Mood::Silent,
        Mood::Slow(1_000),
        Mood::Down,
        Mood::Refused,
        Mood::Busy,
        Mood::Says(302),
        Mood::Says(500),
    ] {
        let world = World::new(apps(20));
        world.receivers.set_all(mood);
        let mut browser = world.browser_everywhere(ALICE).await;
        browser.sign_out().await;
        assert_eq!((world.receivers.take().len(), world.receivers.under_way()), (0, 0), "{mood:?}");
        assert_eq!(browser.who().await, None, "{mood:?}");
        if mood == Mood::Silent {
            continue; // whoever fetches bounds its time
        }
        for _ in 0..30 * 60 {
            world.op.provider.work(1_000).await.unwrap();
            world.op.wait(60);
        }
        let got = world.receivers.take().len();
        assert!(got <= 20 * 20, "{mood:?}: {got}");
        assert!(world.receivers.peak() <= 16, "{mood:?}");
        assert_eq!(world.announced().await, 0, "{mood:?}: it ends");
    }
}
