//! AZ: input handling of the authorization endpoint.

use super::{is_page400, is_redirect};
use crate::support::{ALICE, Answer, Ask, Browser, CHALLENGE, FLOWS, Op, Place, Sent, form};

#[tokio::test]
async fn az_01_repeated_parameters() {
    let op = Op::new();
    let request = Op::request_with(&[
        ("response_mode", "query"),
        ("display", "page"),
        ("prompt", "login"),
        ("max_age", "10"),
        ("ui_locales", "nl"),
        ("claims_locales", "nl"),
        ("login_hint", "alice"),
        ("acr_values", "1"),
    ]);
    for (name, value) in &request {
        for second in [*value, "other"] {
            let extra = form(&[(name, second)]);
            for (query, body) in [
                (format!("{}&{extra}", form(&request)), None),
                (String::new(), Some(format!("{}&{extra}", form(&request)))),
                (extra.clone(), Some(form(&request))),
            ] {
                let method = if body.is_some() { "POST" } else { "GET" };
                let body = body.unwrap_or_default();
                let mut browser = Browser::new(&op);
                let answer = browser.call(method, &query, &[], &body, None).await;
                let Answer::Reply(reply) = &answer else { panic!("{name}: {answer:?}") };
                if ["client_id", "redirect_uri", "response_mode", "state"].contains(name) {
                    assert_eq!((reply.status, reply.header("location")), (400, None), "{name}");
                } else {
                    assert_eq!(answer.parameter("error"), "invalid_request", "{name}");
                }
            }
        }
    }
    let mut twice = Op::request();
    twice.extend([("resource", "https://a.example/"), ("resource", "https://b.example/")]);
    assert!(matches!(Browser::new(&op).authorize(&twice).await, Answer::Page(_)), "RFC 8707 §2");
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
    // 2^64 is a number, if a useless one
    let code = browser.authorize(&Op::request_with(&[("max_age", "18446744073709551616")])).await;
    assert!(!code.parameter("code").is_empty());
}

#[tokio::test]
async fn az_14_state_and_nonce_round_trip() {
    let op = Op::new();
    let printable: String = (0x20..0x7F_u8).map(char::from).collect();
    let long = "x".repeat(2_048);
    for value in [&*printable, &long, "\r\nSet-Cookie: a=b", "\"'><&#", "été \u{1F600}", "%0d%0a"]
    {
        let mut browser = Browser::new(&op);
        browser.code(&Op::request(), ALICE).await;
        for mode in ["query", "fragment"] {
            let request =
                Op::request_with(&[("state", value), ("nonce", value), ("response_mode", mode)]);
            let answer = browser.authorize(&request).await;
            assert!(!answer.header("location").unwrap().contains(['\r', '\n', '"', '<', ' ']));
            let (_, parameters) = answer.redirect();
            assert_eq!(parameters["state"], value);
            let id =
                crate::support::claims(&op.redeem(&parameters["code"]).await.member("id_token"));
            assert_eq!(id["nonce"], value);
        }
        let request = Op::request_with(&[("state", value), ("response_mode", "form_post")]);
        let answer = browser.authorize(&request).await;
        let html = String::from_utf8(answer.reply().body.clone()).unwrap();
        let start = html.find("name=\"state\" value=\"").unwrap() + 20;
        let (attribute, _) = html[start..].split_once('"').unwrap();
        let unescaped = attribute
            .replace("&#13;", "\r")
            .replace("&#10;", "\n")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&");
        assert_eq!(unescaped, value);
    }
}

#[tokio::test]
async fn az_15_every_answer_names_the_issuer_and_no_script_reads_it() {
    let op = Op::new();
    let origin = [("origin", "https://client.example")];
    for changes in [&[][..], &[("prompt", "none")], &[("response_type", "")], &[("scope", "")]] {
        let mut browser = Browser::new(&op);
        let query = form(&Op::request_with(changes));
        let answer = browser.call("GET", &query, &origin, "", None).await;
        let answer = match answer {
            Answer::Page(_) => browser.follow(answer, ALICE).await,
            answer => answer,
        };
        assert_eq!(answer.parameter("iss"), "https://id.example", "{changes:?}");
        let cors = |(name, _): &(&str, _)| name.starts_with("access-control-");
        assert!(!answer.reply().headers.iter().any(cors), "{changes:?}");
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
