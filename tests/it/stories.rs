//! Module by module, what the conformance suite of the OpenID Foundation asks of an OP (numbers as in
//! its basic plan), for every response type that its plans name.

use oidc_op::Need;
use serde_json::{Value, json};

use crate::support::{ALICE, Ask, Browser, FLOWS, Flow, Op, Place, Sent, Setup, claims, keys};

/// The types of the basic, hybrid and implicit plans.
fn plans() -> impl Iterator<Item = Flow> {
    FLOWS.into_iter().filter(|flow| flow.has("code") || flow.has("id_token"))
}

/// The claims of the ID token that comes of an answer, by whichever way.
async fn id_token(op: &Op, ask: &Ask, sent: &Sent) -> Value {
    match sent.parameters.get("id_token") {
        Some(token) => claims(token),
        None => claims(&op.exchange(ask, sent.get("code")).await.member("id_token")),
    }
}

/// What UserInfo says, with the access token that comes of an answer.
async fn userinfo(op: &Op, ask: &Ask, sent: &Sent) -> Value {
    let token = match sent.parameters.get("access_token") {
        Some(token) => token.clone(),
        None => op.exchange(ask, sent.get("code")).await.member("access_token"),
    };
    op.userinfo(&token).await.json()
}

/// 2: a request without `response_type`.
#[tokio::test]
async fn oidcc_response_type_missing() {
    let op = Op::new();
    for flow in plans() {
        let answer = Browser::new(&op).quiet(&flow.ask().with("response_type", "")).await;
        answer.is_error("invalid_request", Place::Query, Some("af0ifjsldkj"), flow.response_type);
    }
}

/// 17: asked again, and a later `auth_time`.
#[tokio::test]
async fn oidcc_prompt_login() {
    let op = Op::new();
    for flow in plans() {
        let mut browser = Browser::new(&op);
        let first = browser.ask(&flow.ask(), ALICE).await;
        let first = id_token(&op, &flow.ask(), &first).await;
        op.wait(2);
        let ask = flow.ask().with("prompt", "login");
        let answer = browser.authorize(&ask.pairs()).await;
        assert_eq!(answer.page().need, Need::Login, "{flow:?}");
        let second = Sent::of(&browser.follow(answer, ALICE).await);
        let second = id_token(&op, &ask, &second).await;
        let time = |id: &Value| id["auth_time"].as_i64().unwrap();
        assert_eq!(time(&second) - time(&first), 2, "{flow:?}");
        assert_eq!(second["sub"], first["sub"]);
    }
}

/// 18: nobody signed in, a `state` of 128 characters.
#[tokio::test]
async fn oidcc_prompt_none_not_logged_in() {
    let op = Op::new();
    let state = "s".repeat(128);
    for flow in plans() {
        let ask = flow.ask().with("prompt", "none").with("state", &state);
        let answer = Browser::new(&op).quiet(&ask).await;
        answer.is_error("login_required", flow.place(), Some(&state), flow.response_type);
    }
}

/// 19, 23: silent, with and without `id_token_hint`: the same person, the same `auth_time`.
#[tokio::test]
async fn oidcc_prompt_none_logged_in_and_id_token_hint() {
    let op = Op::new();
    for flow in plans() {
        let mut browser = Browser::new(&op);
        let first = browser.ask(&flow.ask(), ALICE).await;
        let hint = match first.parameters.get("id_token") {
            Some(token) => token.clone(),
            None => op.exchange(&flow.ask(), first.get("code")).await.member("id_token"),
        };
        op.wait(1);
        for hint in ["", &hint] {
            let ask = flow.ask().with("prompt", "none").with("id_token_hint", hint);
            let answer = browser.quiet(&ask).await;
            let id = id_token(&op, &ask, &answer).await;
            assert_eq!((id["sub"].as_str(), &id["nonce"]), (Some(ALICE), &json!("n-0S6_WzA2Mj")));
            assert_eq!(id["iat"].as_i64().unwrap() - id["auth_time"].as_i64().unwrap(), 1);
        }
    }
}

/// 20: `max_age=1` after two seconds: asked again, and a later `auth_time`.
#[tokio::test]
async fn oidcc_max_age_1() {
    let op = Op::new();
    for flow in plans() {
        let mut browser = Browser::new(&op);
        browser.ask(&flow.ask(), ALICE).await;
        op.wait(2);
        let ask = flow.ask().with("max_age", "1");
        let answer = browser.authorize(&ask.pairs()).await;
        assert_eq!(answer.page().need, Need::Login, "{flow:?}");
        let sent = Sent::of(&browser.follow(answer, ALICE).await);
        let id = id_token(&op, &ask, &sent).await;
        assert_eq!(id["auth_time"], id["iat"], "{flow:?}");
    }
}

/// 21: `max_age=15000`, then `max_age=10000`: silent, the same `auth_time`. And `default_max_age`.
#[tokio::test]
async fn oidcc_max_age_10000() {
    let mut setup = Setup::new();
    setup.clients.push(keys_client(&json!({"default_max_age": 3})));
    let op = setup.build();
    for flow in plans() {
        let mut browser = Browser::new(&op);
        let ask = flow.ask().with("max_age", "15000");
        let sent = browser.ask(&ask, ALICE).await;
        let first = id_token(&op, &ask, &sent).await;
        op.wait(9_999);
        let ask = flow.ask().with("max_age", "10000");
        let sent = browser.quiet(&ask).await;
        let second = id_token(&op, &ask, &sent).await;
        assert_eq!(first["auth_time"], second["auth_time"], "{flow:?}");
    }
    let ask = Ask::of("keyed", "code");
    let mut browser = Browser::new(&op);
    browser.ask(&ask, ALICE).await;
    op.wait(3);
    assert_eq!(browser.quiet(&ask).await.names(), ["code", "iss", "state"]);
    op.wait(1);
    assert_eq!(browser.authorize(&ask.pairs()).await.page().need, Need::Login);
    let longer = ask.with("max_age", "4");
    browser.quiet(&longer).await.get("code");
}

fn keys_client(extra: &Value) -> oidc_op::Client {
    crate::support::keyed("keyed", extra)
}

/// 9–13: where the claims of a scope are: in UserInfo, and in the ID token only if there is nothing
/// else (OIDC Core §5.4).
#[tokio::test]
async fn oidcc_scopes() {
    let op = Op::new();
    for flow in plans() {
        let mut browser = Browser::new(&op);
        for (scope, claims) in [
            ("profile", &["name", "given_name", "family_name", "updated_at"][..]),
            ("email", &["email", "email_verified"]),
            ("address", &["address"]),
            ("phone", &["phone_number", "phone_number_verified"]),
        ] {
            let ask = flow.ask().with("scope", &format!("{scope} openid"));
            let sent = browser.ask(&ask, ALICE).await;
            let alone = flow.response_type == "id_token";
            let id = id_token(&op, &ask, &sent).await;
            for name in claims {
                assert_eq!(id.get(*name).is_some(), alone, "{flow:?} {name}");
            }
            if !alone {
                let sent = browser.ask(&ask, ALICE).await;
                let said = userinfo(&op, &ask, &sent).await;
                let mut names: Vec<_> = said.as_object().unwrap().keys().collect();
                names.retain(|name| *name != "sub");
                assert_eq!(names.len(), claims.len(), "{flow:?} {said}");
                assert!(names.iter().all(|name| claims.contains(&name.as_str())), "{said}");
            }
        }
    }
}

/// 35: one essential claim, in UserInfo and not in the ID token; for `id_token` the other way round.
#[tokio::test]
async fn oidcc_claims_essential() {
    let op = Op::new();
    for flow in plans() {
        let alone = flow.response_type == "id_token";
        let place = if alone { "id_token" } else { "userinfo" };
        let parameter = json!({ place: {"name": {"essential": true}} }).to_string();
        let ask = flow.ask().with("scope", "openid").with("claims", &parameter);
        let mut browser = Browser::new(&op);
        let sent = browser.ask(&ask, ALICE).await;
        let id = id_token(&op, &ask, &sent).await;
        assert_eq!(id.get("name").is_some(), alone, "{flow:?}");
        if !alone {
            let sent = browser.ask(&ask, ALICE).await;
            let said = userinfo(&op, &ask, &sent).await;
            assert_eq!(said, json!({"sub": ALICE, "name": ALICE}), "{flow:?}");
        }
    }
}

/// 27: `acr` says what was reached, if the host knows it.
#[tokio::test]
async fn oidcc_acr_values() {
    let op = Op::new();
    for flow in plans() {
        let mut browser = Browser::new(&op);
        let ask = flow.ask().with("acr_values", "1 2");
        let answer = browser.authorize(&ask.pairs()).await;
        let token = answer.page().token.clone();
        assert_eq!(answer.page().hints.acr_values.len(), 2);
        let mut login = oidc_op::Login::new(oidc_op::Subject::new(ALICE).unwrap());
        login.acr = Some(oidc_op::Acr::new("1"));
        let answer = browser.submit(&token, oidc_op::Verdict::Login(login)).await;
        let sent = Sent::of(&browser.follow(answer, ALICE).await);
        assert_eq!(id_token(&op, &ask, &sent).await["acr"], "1");
    }
}

/// 30: a redirect URI with something behind it is another one.
#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let op = Op::new();
    for flow in plans() {
        let uri = format!("{}/random", flow.ask().value("redirect_uri").unwrap());
        let ask = flow.ask().with("redirect_uri", &uri);
        let answer = Browser::new(&op).authorize(&ask.pairs()).await;
        assert_eq!((answer.status(), answer.header("location")), (400, None), "{flow:?}");
    }
}

/// 34: unsigned request objects: they work where the policy and the client say so, and are refused
/// otherwise.
#[tokio::test]
async fn oidcc_unsigned_request_object() {
    for unsigned in [true, false] {
        let mut setup = Setup::new();
        setup.config.policy.unsigned = unsigned;
        let op = setup.build();
        let mut browser = Browser::new(&op);
        browser.ask(&Ask::of("ro-none", "code"), ALICE).await;
        let object =
            keys::unsigned(&json!({"state": "inner", "nonce": "inner", "max_age": 10_000}));
        let ask = Ask::of("ro-none", "code").with("request", &object);
        let answer = browser.quiet(&ask).await;
        if unsigned {
            assert_eq!(answer.get("state"), "inner", "what it says holds");
            assert_eq!(id_token(&op, &ask, &answer).await["nonce"], "inner");
        } else {
            answer.is_error("invalid_request_object", Place::Query, Some("af0ifjsldkj"), "off");
        }
    }
}

/// 36: the good redirect URI is inside, a bad one outside: never a redirect to the bad one.
#[tokio::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    let op = Setup::full().build();
    for (client, signs) in
        [("ro-none", keys::unsigned as fn(&Value) -> String), ("ro", keys::es256)]
    {
        let good = Ask::of(client, "code");
        let object = signs(&json!({"redirect_uri": good.value("redirect_uri").unwrap()}));
        let bad = format!("{}_invalid", good.value("redirect_uri").unwrap());
        let ask = good.clone().with("redirect_uri", &bad).with("request", &object);
        let answer = Browser::new(&op).ask(&ask, ALICE).await;
        assert_eq!(answer.to, good.value("redirect_uri").unwrap());
        assert_eq!(answer.names(), ["code", "iss", "state"]);

        // the other way round: a page
        let object = signs(&json!({"redirect_uri": bad}));
        let ask = good.with("request", &object);
        let answer = Browser::new(&op).authorize(&ask.pairs()).await;
        assert_eq!((answer.status(), answer.header("location")), (400, None));
    }
}
