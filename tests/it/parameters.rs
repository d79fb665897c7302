//! Every request parameter with every response type (OIDC Core §3.1.2.1, §3.2.2.1, §3.3.2.1;
//! Multiple Response Types §2–5): the lines are cases, the loops make the product.

use serde_json::{Value, json};

use crate::support::{
    ALICE, Answer, Ask, BOB, Browser, FLOWS, Flow, Op, Place, Sent, claims, header,
    keys::{half_hash, verified},
};

const STATE: Option<&str> = Some("af0ifjsldkj");

/// The modes that every response type has, and where each puts the answer.
fn modes(flow: Flow) -> [(&'static str, Place); 3] {
    [("", flow.place()), ("fragment", Place::Fragment), ("form_post", Place::Form)]
}

/// Someone who is signed in, and has agreed to everything that the request asks for.
async fn settled(op: &Op, flow: Flow) -> Browser {
    let mut browser = Browser::new(op);
    browser.ask(&flow.ask(), ALICE).await;
    browser
}

/// What is required, and what a client hears without: where the answer would have gone, with `state`
/// and `iss`. Before there is a way back, a page.
#[tokio::test]
async fn required_parameters() {
    let op = Op::new();
    for flow in FLOWS {
        let mut browser = settled(&op, flow).await;
        let code = flow.has("code");
        for (mode, place) in modes(flow) {
            let ask = flow.ask().with("response_mode", mode);
            for name in ["client_id", "redirect_uri"] {
                let answer = browser.authorize(&ask.clone().with(name, "").pairs()).await;
                assert_eq!((answer.status(), answer.header("location")), (400, None), "{flow:?}");
            }
            let nonce = flow.has("id_token").then_some("invalid_request");
            let pkce = code.then_some("invalid_request");
            for (name, error) in [
                ("response_type", Some("invalid_request")),
                ("scope", Some("invalid_scope")),
                ("nonce", nonce),
                ("code_challenge", pkce),
                ("code_challenge_method", pkce),
                ("state", None),
            ] {
                let what = format!("{} {mode:?} without {name}", flow.response_type);
                let ask = ask.clone().with(name, "");
                let answer = browser.quiet(&ask).await;
                // without a type, nothing says that the answer should not be in the query
                let place = match (name, mode) {
                    ("response_type", "") => Place::Query,
                    _ => place,
                };
                if let Some(error) = error {
                    answer.is_error(error, place, STATE, &what);
                } else {
                    assert_eq!(answer.place, place, "{what}");
                    assert_eq!(answer.parameters.contains_key("state"), name != "state");
                    assert!(!answer.parameters.contains_key("error"), "{what}: {answer:?}");
                }
            }
        }
    }
}

/// What is wrong, for every response type and mode.
#[tokio::test]
async fn wrong_parameters() {
    let op = Op::new();
    for flow in FLOWS {
        let mut browser = settled(&op, flow).await;
        for (mode, place) in modes(flow) {
            for (name, value, error) in [
                ("max_age", "abc", "invalid_request"),
                ("max_age", "-1", "invalid_request"),
                ("prompt", "none login", "invalid_request"),
                ("prompt", "nope", "invalid_request"),
                ("claims", "{", "invalid_request"),
                ("claims", "[]", "invalid_request"),
                ("id_token_hint", "nothing", "invalid_request"),
                ("scope", "\"", "invalid_scope"),
                ("scope", "unknown", "invalid_scope"),
                ("resource", "relative", "invalid_target"),
                ("registration", "{}", "registration_not_supported"),
                ("request", "nothing", "invalid_request_object"),
                ("request_uri", "https://ro.example/object", "request_uri_not_supported"),
                ("response_type", "foo", "unsupported_response_type"),
            ] {
                let ask = flow.ask().with("response_mode", mode).with(name, value);
                let answer = browser.quiet(&ask).await;
                let place = match (name, mode) {
                    ("response_type", "") => Place::Query,
                    _ => place,
                };
                let what = format!("{} {mode:?} {name}={value}", flow.response_type);
                answer.is_error(error, place, STATE, &what);
            }
            if flow.has("id_token") {
                let ask = flow.ask().with("response_mode", mode).with("scope", "email");
                browser.quiet(&ask).await.is_error("invalid_scope", place, STATE, "no openid");
            }
        }
    }
}

/// Pages that a request forces: the person acts, and the answer is whole. With `prompt=none` beside
/// what forces one, the matching error.
#[tokio::test]
async fn what_forces_a_page() {
    use oidc_op::Need;

    let op = Op::new();
    for flow in FLOWS {
        let mut browser = settled(&op, flow).await;
        for (name, value, need, refusal) in [
            ("prompt", "login", Need::Login, None),
            ("prompt", "consent", Need::Consent, None),
            ("prompt", "select_account", Need::SelectAccount, None),
            ("prompt", "login consent select_account", Need::Login, None),
            ("prompt", "create", Need::CreateAccount, None),
            ("max_age", "0", Need::Login, Some("login_required")),
        ] {
            for (mode, place) in modes(flow) {
                let what = format!("{} {mode:?} {name}={value}", flow.response_type);
                let ask = flow.ask().with("response_mode", mode).with(name, value);
                let answer = browser.authorize(&ask.pairs()).await;
                assert_eq!(answer.page().need, need, "{what}");
                let sent = Sent::of(&browser.follow(answer, ALICE).await);
                holds(&op, flow, &ask, &sent, place, &what).await;
                if let Some(error) = refusal {
                    let ask = ask.with("prompt", "none");
                    browser.quiet(&ask).await.is_error(error, place, STATE, &what);
                }
            }
        }
    }
}

/// What is recommended, optional, or only a wish: it never gets in the way (OIDC Core §3.1.2.1).
#[tokio::test]
async fn optional_parameters() {
    let op = Op::new();
    for flow in FLOWS {
        let mut browser = settled(&op, flow).await;
        let mut implicit = Browser::new(&op);
        let of_client = Ask::of(flow.client, flow.response_type);
        let hint = if flow.has("id_token") {
            implicit.ask(&of_client, ALICE).await.get("id_token").to_owned()
        } else {
            String::new()
        };
        let words = orders(flow.response_type);
        let mut cases = vec![
            ("display", "page"),
            ("display", "popup"),
            ("display", "hologram"),
            ("prompt", "none"),
            ("max_age", "10000"),
            ("max_age", "99999999999999999999"),
            ("ui_locales", "se"),
            ("claims_locales", "se"),
            ("id_token_hint", &hint),
            ("login_hint", "buffy@id.example"),
            ("acr_values", "1 2"),
            ("claims", r#"{"userinfo":{"name":null},"other":{}}"#),
            ("nonce", "n"),
            ("extra", "foobar"),
            ("foo[bar]", "1"),
            ("resource", "https://id.example"),
        ];
        cases.extend(words.iter().map(|words| ("response_type", &**words)));
        for (name, value) in cases {
            for (mode, place) in modes(flow) {
                let what = format!("{} {mode:?} {name}={value}", flow.response_type);
                let ask = flow.ask().with("response_mode", mode).with(name, value);
                let answer = browser.authorize(&ask.pairs()).await;
                let Answer::Reply(_) = &answer else { panic!("{what}: {answer:?}") };
                holds(&op, flow, &ask, &Sent::of(&answer), place, &what).await;
            }
        }
    }
}

/// The words of a response type in every order.
fn orders(response_type: &str) -> Vec<String> {
    let words: Vec<_> = response_type.split(' ').collect();
    match *words {
        [a, b] => vec![format!("{a} {b}"), format!("{b} {a}")],
        [a, b, c] => [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]]
            .map(|order| order.join(" "))
            .to_vec(),
        _ => vec![response_type.to_owned()],
    }
}

/// The request says nothing that is optional, by GET and by POST.
#[tokio::test]
async fn the_least_that_works() {
    let op = Op::new();
    for flow in FLOWS {
        let mut browser = settled(&op, flow).await;
        let mut ask = flow.ask().with("state", "").with("scope", "openid");
        if !flow.has("id_token") {
            ask = ask.with("nonce", "");
        }
        let answer = browser.quiet(&ask).await;
        holds(&op, flow, &ask, &answer, flow.place(), flow.response_type).await;
        let posted = browser.authorize_by_post("", &crate::support::form(&ask.pairs())).await;
        holds(&op, flow, &ask, &Sent::of(&posted), flow.place(), flow.response_type).await;
    }
}

/// The fixtures have two people: what is asked as one is never answered of the other.
#[tokio::test]
async fn every_answer_is_of_whom_is_signed_in() {
    let op = Op::new();
    for flow in FLOWS.iter().filter(|flow| flow.has("id_token")) {
        let mut browser = settled(&op, *flow).await;
        let ask = flow.ask().with("prompt", "login");
        let answer = browser.ask(&ask, BOB).await;
        assert_eq!(claims(answer.get("id_token"))["sub"], BOB);
        let again = browser.quiet(&flow.ask().with("prompt", "none")).await;
        assert_eq!(claims(again.get("id_token"))["sub"], BOB);
    }
}

/// What must hold of every successful answer.
async fn holds(op: &Op, flow: Flow, ask: &Ask, sent: &Sent, place: Place, what: &str) {
    assert_eq!(sent.place, place, "{what}: {sent:?}");
    assert_eq!(sent.to, ask.value("redirect_uri").unwrap(), "{what}");
    let mut expected = vec!["iss"];
    expected.extend(ask.value("state").map(|_| "state"));
    expected.extend(flow.has("code").then_some("code"));
    expected.extend(flow.has("id_token").then_some("id_token"));
    if flow.has("token") {
        expected.extend(["access_token", "expires_in", "scope", "token_type"]);
    }
    expected.sort_unstable();
    assert_eq!(sent.names(), expected, "{what}");
    assert_eq!(sent.get("iss"), "https://id.example", "{what}");
    assert_eq!(sent.parameters.get("state").map(String::as_str), ask.value("state"), "{what}");

    let jwks = op.jwks().await;
    let front = sent.parameters.get("id_token").map(|token| {
        let id = verified(token, &jwks).unwrap_or_else(|| panic!("{what}: a good signature"));
        is_id_token(op, ask, &id, what);
        let alg = header(token)["alg"].as_str().unwrap().to_owned();
        for (hash, of) in [("at_hash", "access_token"), ("c_hash", "code"), ("s_hash", "state")] {
            let right = sent.parameters.get(of).map(|text| json!(half_hash(&alg, text)));
            assert_eq!(id.get(hash), right.as_ref(), "{what}: {hash}");
        }
        // OIDC Core §5.4: in the ID token only where there is no UserInfo to ask
        let alone = !flow.has("code") && !flow.has("token");
        let profile = ask.value("scope").unwrap().contains("profile");
        assert_eq!(id.get("name").is_some(), alone && profile, "{what}");
        id
    });
    let mut tokens = Vec::new();
    if flow.has("token") {
        assert_eq!((sent.get("token_type"), sent.get("expires_in")), ("Bearer", "600"), "{what}");
        assert_eq!(sent.get("scope"), ask.value("scope").unwrap(), "{what}");
        tokens.push(sent.get("access_token").to_owned());
    }
    if flow.has("code") {
        let answer = op.exchange(ask, sent.get("code")).await;
        assert_eq!(answer.status(), 200, "{what}: {:?}", answer.json());
        let back = verified(&answer.member("id_token"), &jwks).unwrap();
        is_id_token(op, ask, &back, what);
        let access_token = answer.member("access_token");
        let alg = header(&answer.member("id_token"))["alg"].as_str().unwrap().to_owned();
        assert_eq!(back["at_hash"], half_hash(&alg, &access_token), "{what}");
        assert_eq!(back.get("name"), None, "{what}");
        if let Some(front) = &front {
            for name in ["iss", "sub", "nonce", "aud", "auth_time", "sid"] {
                assert_eq!(front[name], back[name], "{what}: OIDC Core §3.3.3.6: {name}");
            }
        }
        tokens.push(access_token);
    }
    for token in tokens {
        let userinfo = op.userinfo(&token).await;
        assert_eq!(userinfo.status(), 200, "{what}");
        assert_eq!(userinfo.json()["sub"], ALICE, "{what}");
        let profile = ask.value("scope").unwrap().contains("profile");
        assert_eq!(userinfo.json().get("name").is_some(), profile, "{what}");
    }
}

/// The rules of OIDC Core §2 for any ID token.
fn is_id_token(op: &Op, ask: &Ask, id: &Value, what: &str) {
    use oidc_op::Clock;

    let now = op.clock.now().unix();
    assert_eq!(id["iss"], "https://id.example", "{what}");
    assert_eq!(id["aud"], ask.value("client_id").unwrap(), "{what}");
    assert_eq!(id["sub"], ALICE, "{what}");
    assert_eq!(id.get("nonce"), ask.value("nonce").map(Value::from).as_ref(), "{what}");
    assert_eq!((&id["iat"], &id["exp"]), (&json!(now), &json!(now + 600)), "{what}");
    assert!(id["auth_time"].as_i64().is_some_and(|time| time <= now), "{what}");
}
