//! UI: the two pages of the crate's own. The example server's pages are in `blackbox`.

use oidc_op::{Agreement, Need, Reason, Scope, Verdict};
use serde_json::json;

use crate::support::{
    ALICE, Answer, Ask, Browser, FLOWS, Flow, Op, Place, Sent, Setup, client, form, redirect_uri,
};

#[tokio::test]
async fn ui_01_pages_cannot_be_framed() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    for changes in [("response_mode", "form_post"), ("redirect_uri", "")] {
        let answer = browser.authorize(&Op::request_with(&[changes])).await;
        let csp = answer.header("content-security-policy").unwrap();
        assert!(csp.contains("frame-ancestors 'none'") && csp.contains("default-src 'none'"));
        assert!(!csp.contains("unsafe"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    }
}

/// Remembered consent serves only a client whose identity can be assured.
#[tokio::test]
async fn ui_05_no_silent_consent_for_apps() {
    let op = Op::new();
    for (id, uri, silent) in [
        ("conf-basic", "https://client.example/cb", true),
        ("public-web", "https://public.example/cb", false),
        ("native-loopback", "http://127.0.0.1:9999/cb", false),
        ("native-scheme", "com.example.app:/cb", false),
    ] {
        let request = Op::request_with(&[("client_id", id), ("redirect_uri", uri)]);
        let mut browser = Browser::new(&op);
        browser.code(&request, ALICE).await;
        let quiet = [&request[..], &[("prompt", "none")]].concat();
        let (_, parameters) = browser.authorize(&quiet).await.redirect();
        assert_eq!(parameters.contains_key("code"), silent, "{id}: {parameters:?}");
    }
}

/// Nothing of the request comes back in the error page; what the form carries is escaped.
#[tokio::test]
async fn ui_06_ui_07_markup_stays_text() {
    let setup = Setup::new();
    let op = setup.build();
    let evil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\u{202e}";
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    for changes in [
        &[("state", evil), ("response_mode", "form_post")][..],
        &[("redirect_uri", evil)],
        &[("client_id", evil)],
        &[("scope", evil), ("response_mode", "form_post")],
    ] {
        let answer = browser.authorize(&Op::request_with(changes)).await;
        let html = String::from_utf8(answer.reply().body.clone()).unwrap();
        assert!(!html.contains("<script>alert") && !html.contains("<img"), "{changes:?}");
        assert!(html.matches("<script").count() <= 1, "the page's own");
    }
}

#[tokio::test]
async fn ui_07_the_form_goes_only_to_the_registered_origin() {
    for (uri, source) in [
        ("https://client.example/cb", "form-action https://client.example;"),
        ("https://client.example:8443/a;b,c", "form-action https://client.example:8443;"),
        ("http://127.0.0.1:4711/cb", "form-action http://127.0.0.1:4711;"),
        ("com.example.app:/cb", "form-action com.example.app:;"),
    ] {
        let mut setup = Setup::new();
        let native = serde_json::json!({"application_type": "native"});
        setup.clients.push(client("form", false, &[uri], &native));
        let op = setup.build();
        let request = Op::request_with(&[
            ("client_id", "form"),
            ("redirect_uri", uri),
            ("response_mode", "form_post"),
            ("prompt", "none"),
        ]);
        let answer = Browser::new(&op).authorize(&request).await;
        let csp = answer.header("content-security-policy").unwrap();
        assert!(csp.contains(source), "{csp}");
    }
}

#[tokio::test]
async fn ui_13_answers_to_a_form_are_303() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    assert_eq!(browser.follow(answer, ALICE).await.status(), 303);
    let body = crate::support::form(&Op::request());
    assert_eq!(browser.authorize_by_post("", &body).await.status(), 303);
}

/// A client of every response type; a public one cannot be sure to be itself.
fn every(name: &str, public: bool) -> oidc_op::Client {
    let members = json!({
        "response_types": FLOWS.map(|flow| flow.response_type),
        "grant_types": ["authorization_code", "implicit"]
    });
    client(name, public, &[&redirect_uri(name)], &members)
}

/// Forms of pages: without the browser's cookie, from another browser, from another site, by GET:
/// nothing comes of them, for any response type; and what would be tokens stays here.
#[tokio::test]
async fn ui_02_forms_of_other_people() {
    for flow in FLOWS {
        let op = Op::new();
        let mut browser = Browser::new(&op);
        let answer = browser.authorize(&flow.ask().pairs()).await;
        let answer = browser.login(&answer.page().token.clone(), ALICE).await;
        let page = answer.page();
        assert_eq!(page.need, Need::Consent);
        let (token, scope) = (page.token.clone(), page.scope.clone());
        let verdict = || Verdict::Consent(Agreement::new(scope.clone()));

        let mut stranger = Browser::new(&op);
        stranger.submit(&token, verdict()).await.is_page_error(Reason::BrowserCookieMissing);
        stranger.authorize(&flow.ask().pairs()).await;
        stranger.submit(&token, verdict()).await.is_page_error(Reason::BrowserCookieWrong);
        stranger.open(&token).await.is_page_error(Reason::BrowserCookieWrong);
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "https://id.example.evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let answer = browser.submit_with(&token, verdict(), &[(name, value)]).await;
            answer.is_page_error(Reason::CrossOrigin);
        }
        assert_eq!(browser.open(&token).await.page().need, Need::Consent, "nothing happened");
        let sent = Sent::of(&browser.submit(&token, verdict()).await);
        assert!(!sent.parameters.contains_key("error"), "{flow:?}: {sent:?}");
    }
}

/// Consent of a client that cannot be assured is asked for each time, whatever it gets by it.
#[tokio::test]
async fn ui_05_no_silent_tokens_for_public_clients() {
    let mut setup = Setup::new();
    setup.clients.extend([every("every-public", true), every("every-web", false)]);
    let op = setup.build();
    for Flow { response_type, .. } in FLOWS {
        for (name, silent) in [("every-public", false), ("every-web", true)] {
            let ask = Ask::of(name, response_type);
            let mut browser = Browser::new(&op);
            let answer = browser.authorize(&ask.pairs()).await;
            assert_eq!(answer.page().remembers, silent, "the page can say so");
            let first = Sent::of(&browser.follow(answer, ALICE).await);
            assert!(!first.parameters.contains_key("error"), "{response_type}: {first:?}");
            let quiet = browser.quiet(&ask.clone().with("prompt", "none")).await;
            let error = quiet.parameters.get("error").map(String::as_str);
            assert_eq!(error, (!silent).then_some("consent_required"), "{name} {response_type}");
            match browser.authorize(&ask.pairs()).await {
                Answer::Page(page) => assert!(!silent && page.need == Need::Consent),
                _ => assert!(silent, "{name} {response_type}"),
            }
        }
    }
}

/// The form that posts itself, with tokens and with errors: hostile values stay values, the form goes
/// to the registered URI, and nobody keeps it.
#[tokio::test]
async fn ui_07_form_post_of_every_answer() {
    let op = Op::new();
    let evil =
        "\"'></form><form action=\"javascript:alert(1)\"><script>alert(1)</script>\0\u{202e}";
    for flow in FLOWS {
        let mut browser = Browser::new(&op);
        browser.ask(&flow.ask(), ALICE).await;
        let ask = flow.ask().with("response_mode", "form_post").with("state", evil);
        for (name, value) in [("prompt", "none"), ("max_age", "x"), ("scope", evil)] {
            let answer = browser.authorize(&ask.clone().with(name, value).pairs()).await;
            assert_eq!((answer.status(), answer.header("location")), (200, None));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let csp = answer.header("content-security-policy").unwrap();
            let origin = flow.ask().value("redirect_uri").unwrap().replace("/cb", "");
            assert!(csp.contains(&format!("form-action {origin};")) && !csp.contains("unsafe"));
            let html = String::from_utf8(answer.reply().body.clone()).unwrap();
            assert_eq!(html.matches("<form").count(), 1, "{flow:?}");
            assert_eq!(html.matches("<script").count(), 1, "the page's own");
            assert!(!html.contains('\0') && html.contains("<button type=\"submit\">"));
            let sent = Sent::of(&answer);
            assert_eq!(
                (sent.place, &*sent.to),
                (Place::Form, flow.ask().value("redirect_uri").unwrap())
            );
            assert_eq!(sent.get("state"), evil.replace('\0', "\u{FFFD}"));
            assert_eq!(sent.parameters.contains_key("error"), name != "prompt");
        }
    }
}

/// Whatever form leads to the client leads there by 303 or by the form that posts itself.
#[tokio::test]
async fn ui_13_no_redirect_repeats_a_form() {
    let op = Op::new();
    for flow in FLOWS {
        for (mode, status) in [("", 303), ("form_post", 200)] {
            let ask = flow.ask().with("response_mode", mode);
            let mut browser = Browser::new(&op);
            let answer = browser.authorize_by_post("", &form(&ask.pairs())).await;
            assert_eq!(answer.status(), 303, "cookies do not come with a POST: back by GET");
            let (_, parameters) = answer.redirect();
            let query = form(&[("op_continue", &parameters["op_continue"])]);
            let answer = browser.call("GET", &query, &[], "", None).await;
            let token = answer.page().token.clone();
            let answer = browser.login(&token, ALICE).await;
            let answer = browser
                .agree(&answer.page().token.clone(), &Scope::parse("openid").unwrap(), true)
                .await;
            assert_eq!(answer.status(), status, "consent");
            let refused = browser.authorize(&ask.clone().with("prompt", "login").pairs()).await;
            let refused = browser.submit(&refused.page().token.clone(), Verdict::Cancel).await;
            assert_eq!(refused.status(), status, "refusal");
            assert_eq!(Sent::of(&refused).get("error"), "access_denied");
        }
    }
}
