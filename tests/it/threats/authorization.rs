//! AZ: input handling of the authorization endpoint.

use super::{is_page400, is_redirect};
use crate::support::{ALICE, Answer, Ask, Browser, CHALLENGE, FLOWS, Op, Place, Sent, form};

#[tokio::test]
async fn az_01_repeated_parameters() {
    let op = Op::new();
    for flow in FLOWS {
        let ask = flow.ask().with("display", "page").with("prompt", "login").with("max_age", "10");
        let ask = ask.with("ui_locales", "nl").with("claims_locales", "nl").with("claims", "{}");
        let ask = ask.with("login_hint", "alice").with("acr_values", "1");
        let ask = ask.with("response_mode", flow.place().mode());
        for (name, value) in ask.pairs() {
            for second in [value, "other"] {
                let (all, extra) = (form(&ask.pairs()), form(&[(name, second)]));
                let twice = format!("{all}&{extra}");
                for (method, query, body) in
                    [("GET", &*twice, ""), ("POST", "", &*twice), ("POST", &*extra, &*all)]
                {
                    let mut browser = Browser::new(&op);
                    let answer = browser.call(method, query, &[], body, None).await;
                    let Answer::Reply(reply) = &answer else { panic!("{name}: {answer:?}") };
                    if ["client_id", "redirect_uri", "response_mode", "state"].contains(&name) {
                        assert_eq!((reply.status, reply.header("location")), (400, None), "{name}");
                        continue;
                    }
                    let what = format!("{name} {flow:?}");
                    let sent = Sent::of(&answer);
                    sent.is_error("invalid_request", flow.place(), Some("af0ifjsldkj"), &what);
                }
            }
        }
        for name in ["request", "request_uri", "id_token_hint", "registration"] {
            let mut twice = flow.ask();
            twice.0.extend([(name.into(), "a".into()), (name.into(), "a".into())]);
            let sent = Browser::new(&op).quiet(&twice).await;
            sent.is_error("invalid_request", flow.place(), Some("af0ifjsldkj"), name);
        }
        let mut twice = flow.ask();
        for resource in ["https://a.example/", "https://b.example/"] {
            twice.0.push(("resource".into(), resource.into()));
        }
        assert!(
            matches!(Browser::new(&op).authorize(&twice.pairs()).await, Answer::Page(_)),
            "RFC 8707 §2"
        );
    }
}

#[tokio::test]
async fn az_04_empty_is_absent() {
    let op = Op::new();
    let mut request = Op::request();
    request.extend([("prompt", ""), ("max_age", ""), ("request_uri", ""), ("response_mode", "")]);
    assert!(matches!(Browser::new(&op).authorize(&request).await, Answer::Page(_)));
    for (name, error) in [
        ("scope", "invalid_scope"),
        ("code_challenge", "invalid_request"),
        ("response_type", "invalid_request"),
    ] {
        let mut request = Op::request_with(&[(name, "")]);
        request.push((name, ""));
        is_redirect(&op, &request, error, name).await;
    }
    for flow in FLOWS {
        for (name, needed) in [
            ("nonce", flow.has("id_token")),
            ("scope", true),
            ("code_challenge", flow.has("code")),
            ("response_mode", false),
            ("request", false),
            ("request_uri", false),
            ("id_token_hint", false),
            ("claims", false),
        ] {
            let mut ask = flow.ask().with("prompt", "none").with(name, "");
            ask.0.push((name.to_owned(), String::new()));
            let sent = Browser::new(&op).quiet(&ask).await;
            assert_eq!(sent.get("error") != "login_required", needed, "{name} {flow:?}: {sent:?}");
            assert_eq!(sent.place, flow.place(), "{name} {flow:?}");
        }
    }
    let mut request = Op::request_with(&[("state", ""), ("prompt", "none")]);
    request.push(("state", ""));
    let (_, parameters) = Browser::new(&op).authorize(&request).await.redirect();
    assert!(!parameters.contains_key("state"));
}

/// Unknown, doubled, or not of this client. Words in another order are the same type, and a login
/// that is under way cannot be turned to another one.
#[tokio::test]
async fn az_05_response_types() {
    let op = Op::new();
    for (client, text, error) in [
        ("hybrid", "foo", "unsupported_response_type"),
        ("hybrid", "code code", "unsupported_response_type"),
        ("hybrid", "code  token", "unsupported_response_type"),
        ("hybrid", "none code", "unsupported_response_type"),
        ("hybrid", "CODE", "unsupported_response_type"),
        ("conf-basic", "token", "unauthorized_client"),
        ("conf-basic", "id_token", "unauthorized_client"),
        ("conf-basic", "none", "unauthorized_client"),
        ("conf-basic", "id_token code", "unauthorized_client"),
        ("hybrid", "token", "unauthorized_client"),
        ("implicit", "code", "unauthorized_client"),
        ("none-type", "token", "unauthorized_client"),
    ] {
        let mut browser = Browser::new(&op);
        browser.sign_in(ALICE).await;
        let answer = browser.quiet(&Ask::of(client, text)).await;
        let known = ["token", "id_token", "id_token code"].contains(&text);
        let place = if known { Place::Fragment } else { Place::Query };
        answer.is_error(error, place, Some("af0ifjsldkj"), &format!("{client} {text}"));
    }
    // a request under way is sealed: what is added to its page's address changes nothing
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let token = answer.page().token.clone();
    let tampered = form(&[("op_continue", &token), ("response_type", "token")]);
    browser.call("GET", &tampered, &[], "", None).await.page();
    let answer = browser.login(&token, ALICE).await;
    let sent = Sent::of(&browser.follow(answer, ALICE).await);
    assert_eq!((sent.place, sent.names()), (Place::Query, vec!["code", "iss", "state"]));
}

#[tokio::test]
async fn az_06_response_modes() {
    let op = Op::new();
    for flow in FLOWS {
        let mut browser = Browser::new(&op);
        browser.sign_in(ALICE).await;
        for mode in ["web_message", "query.jwt", "jwt", "form_post.jwt", "Query", "foo"] {
            let answer = browser.quiet(&flow.ask().with("response_mode", mode)).await;
            let what = format!("{flow:?} {mode}");
            answer.is_error("invalid_request", flow.place(), Some("af0ifjsldkj"), &what);
        }
        // a token never travels in a query, not even as an error's mode
        let answer = browser.authorize(&flow.ask().with("response_mode", "query").pairs()).await;
        if flow.place() == Place::Fragment {
            let answer = Sent::of(&answer);
            answer.is_error("invalid_request", Place::Fragment, Some("af0ifjsldkj"), "query");
        } else {
            answer.page();
        }
    }
}

/// Required as soon as an ID token passes through the browser, else optional (OIDC Core §3.2.2.1,
/// §3.3.2.11).
#[tokio::test]
async fn az_08_nonce() {
    let op = Op::new();
    for flow in FLOWS {
        let mut browser = Browser::new(&op);
        let ask = flow.ask().with("nonce", "");
        let answer = if flow.has("id_token") {
            let answer = browser.quiet(&ask).await;
            answer.is_error("invalid_request", Place::Fragment, Some("af0ifjsldkj"), "nonce");
            continue;
        } else {
            browser.ask(&ask, ALICE).await
        };
        if let Some(code) = answer.parameters.get("code") {
            let id = crate::support::claims(&op.exchange(&ask, code).await.member("id_token"));
            assert_eq!(id.get("nonce"), None, "{flow:?}");
        }
        assert_eq!(answer.get("state"), "af0ifjsldkj");
    }
}

#[tokio::test]
async fn az_09_prompt_none_shows_nothing() {
    let op = Op::new();
    for (prompt, error) in [
        ("none", "login_required"),
        ("none login", "invalid_request"),
        ("none none", "login_required"),
        ("foo", "invalid_request"),
    ] {
        is_redirect(&op, &Op::request_with(&[("prompt", prompt)]), error, prompt).await;
    }
    let mut browser = Browser::new(&op);
    browser.sign_in(ALICE).await;
    let answer = browser.authorize(&Op::request_with(&[("prompt", "none")])).await;
    assert_eq!(answer.parameter("error"), "consent_required");
}

#[tokio::test]
async fn az_10_max_age() {
    let op = Op::new();
    for wrong in ["-1", "1e9", "abc", "1.5", "+1", "0x10"] {
        is_redirect(&op, &Op::request_with(&[("max_age", wrong)]), "invalid_request", wrong).await;
    }
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    // the back button does not turn an old login into a new one
    let forced = Op::request_with(&[("max_age", "0")]);
    let answer = browser.authorize(&forced).await;
    let token = answer.page().token.clone();
    op.wait(5);
    assert_eq!(browser.open(&token).await.page().need, oidc_op::Need::Login);
    let code = browser.login(&token, ALICE).await.parameter("code");
    let id = crate::support::claims(&op.redeem(&code).await.member("id_token"));
    assert_eq!(id["auth_time"], id["iat"]);
    // for every response type: the new login is what the ID token tells
    for flow in FLOWS.iter().filter(|flow| flow.has("id_token")) {
        let mut browser = Browser::new(&op);
        browser.ask(&flow.ask(), ALICE).await;
        op.wait(5);
        let sent = browser.ask(&flow.ask().with("max_age", "0"), ALICE).await;
        let id = crate::support::claims(sent.get("id_token"));
        assert_eq!(id["auth_time"], id["iat"], "{flow:?}");
    }
    // 2^64 is a number, if a useless one
    let code = browser.authorize(&Op::request_with(&[("max_age", "18446744073709551616")])).await;
    assert!(!code.parameter("code").is_empty());
}

/// Unchanged after one decode, for every response type and mode, in success and in error.
#[tokio::test]
async fn az_14_state_and_nonce_round_trip() {
    let op = Op::new();
    let printable: String = (0x20..0x7F_u8).map(char::from).collect();
    let long = "x".repeat(2_048);
    let values = [
        &*printable,
        &long,
        "\r\nSet-Cookie: a=b",
        "\"'><&#",
        "été \u{1F600}",
        "%0d%0a",
        "&amp;",
        " ",
    ];
    for flow in FLOWS {
        let mut browser = Browser::new(&op);
        browser.ask(&flow.ask(), ALICE).await;
        for (value, mode) in
            values.iter().flat_map(|v| ["", "fragment", "form_post"].map(|m| (*v, m)))
        {
            let ask = flow.ask().with("response_mode", mode);
            let ask = ask.with("state", value).with("nonce", value).with("prompt", "none");
            let answer = browser.authorize(&ask.pairs()).await;
            let location = answer.header("location").unwrap_or_default();
            assert!(!location.contains(['\r', '\n', '"', '<', ' ']) && location.is_ascii());
            let sent = Sent::of(&answer);
            assert_eq!(sent.get("state"), value, "{flow:?} {mode}");
            let mut tokens: Vec<_> = sent.parameters.get("id_token").cloned().into_iter().collect();
            if let Some(code) = sent.parameters.get("code") {
                tokens.push(op.exchange(&ask, code).await.member("id_token"));
            }
            for token in tokens {
                assert_eq!(crate::support::claims(&token)["nonce"], value, "{flow:?} {mode}");
            }
            let refused = browser.quiet(&ask.with("max_age", "0")).await;
            assert_eq!(refused.get("state"), value, "{flow:?} {mode}: an error");
            refused.is_error("login_required", refused.place, Some(value), mode);
        }
    }
}

/// Success and error, for every response type and mode: `iss` byte for byte, and no CORS.
#[tokio::test]
async fn az_15_every_answer_names_the_issuer_and_no_script_reads_it() {
    let op = Op::new();
    let document = op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json();
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    let origin = [("origin", "https://client.example")];
    for flow in FLOWS {
        for mode in ["", "fragment", "form_post"] {
            for (name, value) in [
                ("display", "page"),
                ("prompt", "none"),
                ("response_type", ""),
                ("response_type", "foo"),
                ("scope", ""),
                ("request", "x"),
                ("max_age", "x"),
                ("response_mode", "web_message"),
            ] {
                let mut browser = Browser::new(&op);
                let ask = flow.ask().with("response_mode", mode).with(name, value);
                let answer = browser.call("GET", &form(&ask.pairs()), &origin, "", None).await;
                let answer = match answer {
                    Answer::Page(_) => browser.follow(answer, ALICE).await,
                    answer => answer,
                };
                assert_eq!(Sent::of(&answer).get("iss"), document["issuer"].as_str().unwrap());
                let cors = |(name, _): &(&str, _)| name.starts_with("access-control-");
                assert!(!answer.reply().headers.iter().any(cors), "{flow:?} {name}={value}");
            }
        }
    }
    let preflight = op.send("OPTIONS", "/authorize", "", &origin, "").await;
    assert_eq!((preflight.status(), preflight.header("access-control-allow-origin")), (405, None));
}

/// Not rows of their own: what leads nowhere stays here.
#[tokio::test]
async fn unknown_clients_see_a_page() {
    let op = Op::new();
    for changes in [
        &[("client_id", "nobody")][..],
        &[("client_id", "")],
        &[("client_id", "\u{e9}")],
        &[("redirect_uri", "")],
    ] {
        is_page400(&op, &Op::request_with(changes), changes[0].0).await;
    }
    assert_eq!(CHALLENGE.len(), 43);
}
