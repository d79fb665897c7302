//! UI: the two pages of the crate's own. The example server's pages are in `blackbox`.

use crate::support::{ALICE, Browser, Op, Setup, client};

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
