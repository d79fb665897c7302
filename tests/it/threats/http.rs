//! HT: the HTTP layer. What a socket is needed for is in `blackbox`.

use async_trait::async_trait;
use oidc_op::{Account, Accounts, HostError, Request, Subject};

use crate::support::{Browser, Op, Setup, form};

const ENDPOINTS: [(&str, &str); 6] = [
    ("/authorize", "GET, POST"),
    ("/token", "POST, OPTIONS"),
    ("/userinfo", "GET, POST, OPTIONS"),
    ("/jwks", "GET, HEAD, OPTIONS"),
    ("/.well-known/openid-configuration", "GET, HEAD, OPTIONS"),
    ("/.well-known/oauth-authorization-server", "GET, HEAD, OPTIONS"),
];

#[tokio::test]
async fn ht_01_hostile_headers_change_nothing() {
    let op = Op::new();
    let hostile = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "1"),
        ("forwarded", "host=evil.example;proto=http"),
    ];
    for (path, _) in &ENDPOINTS[3..] {
        let plain = op.send("GET", path, "", &[], "").await;
        assert_eq!(op.send("GET", path, "", &hostile, "").await.reply(), plain.reply(), "{path}");
    }
    let query = form(&Op::request_with(&[("prompt", "none")]));
    let answer = Browser::new(&op).call("GET", &query, &hostile, "", None).await;
    assert_eq!(answer.parameter("iss"), "https://id.example");
}

#[tokio::test]
async fn ht_03_methods() {
    let op = Op::new();
    let overriding = [("x-http-method-override", "GET"), ("x-method-override", "GET")];
    for (path, allowed) in ENDPOINTS {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get"] {
            let answer = op.send(method, path, "", &overriding, "").await;
            let is_allowed = allowed.split(", ").any(|m| m == method);
            assert_eq!(answer.status() != 405, is_allowed, "{method} {path}");
            if !is_allowed {
                assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
            }
        }
    }
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), "alice").await;
    let head = browser.call("HEAD", &form(&Op::request()), &[], "", None).await;
    assert_eq!((head.status(), head.header("location")), (405, None), "HEAD issues no code");
    let head = op.send("HEAD", "/jwks", "", &[], "").await;
    assert!(head.status() == 200 && head.reply().body.is_empty());
}

#[tokio::test]
async fn ht_04_oversized_input() {
    let op = Op::new();
    let large = "x".repeat(64 * 1024 + 1);
    let many = "a=1&".repeat(10_000);
    for path in ["/token", "/userinfo", "/authorize"] {
        let answer = op.post(path, &large, &[]).await;
        assert_eq!(answer.status(), 413, "{path}");
        let answer = op.post(path, &many, &[]).await;
        assert_eq!(answer.status(), 400, "{path}");
    }
    let answer = op.send("GET", "/authorize", &large, &[], "").await;
    assert_eq!(answer.status(), 413);
    assert_eq!(op.redeem(&op.code().await).await.status(), 200, "a control request still succeeds");
}

#[tokio::test]
async fn ht_05_content_coding_tricks() {
    let op = Op::new();
    let body = form(&Op::redemption("x"));
    let form_type = "application/x-www-form-urlencoded";
    for headers in [
        &[("content-type", form_type), ("content-encoding", "gzip")][..],
        &[("content-type", "application/x-www-form-urlencoded; charset=utf-16")],
        &[("content-type", "application/x-www-form-urlencoded; charset=utf-7")],
        &[("content-type", form_type), ("content-type", "text/plain")],
        &[("content-type", "multipart/form-data; boundary=x")],
        &[("content-type", "application/json")],
        &[],
    ] {
        for path in ["/token", "/userinfo", "/authorize"] {
            let answer = op.send("POST", path, "", headers, &body).await;
            assert_eq!(answer.status(), 415, "{path} {headers:?}");
        }
    }
}

/// The scope of a huge request is parsed in linear time and refused (HT-08); it ends at the client.
#[tokio::test]
async fn ht_08_long_lists_are_bounded() {
    let op = Op::new();
    let scope: Vec<_> = (0..2_000).map(|i| format!("s{i}")).collect();
    let answer =
        Browser::new(&op).authorize(&Op::request_with(&[("scope", &scope.join(" "))])).await;
    assert_eq!(answer.parameter("error"), "invalid_scope");
    let locales = "nl ".repeat(3_000);
    let words = "word ".repeat(500);
    let long = format!("en{}", "-abcdefgh".repeat(1_000));
    let request = Op::request_with(&[
        ("ui_locales", &locales),
        ("claims_locales", &long),
        ("acr_values", &words),
    ]);
    let answer = Browser::new(&op).authorize(&request).await;
    let hints = &answer.page().hints;
    let found = (hints.ui_locales.len(), hints.claims_locales.len(), hints.acr_values.len());
    assert_eq!(found, (8, 0, 32));
}

/// A host that fails is an internal error, with nothing of its reason in the answer.
#[tokio::test]
async fn ht_09_a_failing_host() {
    #[derive(Debug)]
    struct Failing;

    #[async_trait]
    impl Accounts for Failing {
        async fn account(&self, _: &Subject, _: &[&str]) -> Result<Option<Account>, HostError> {
            Err("ldap://10.0.0.7 refused: password hunter2".into())
        }
    }

    let setup = Setup::new();
    let good =
        Setup { store: setup.store.clone(), clock: setup.clock.clone(), ..Setup::new() }.build();
    let code = good.code().await;
    let provider = oidc_op::Provider::builder(setup.config)
        .store(setup.store)
        .clients(setup.clients.into_iter().collect::<oidc_op::StaticClients>())
        .accounts(Failing)
        .signer(setup.signer)
        .secrets(setup.secrets)
        .clock(setup.clock)
        .build()
        .unwrap();
    let op = Op { provider, ..good.clone() };
    let answer = op.redeem(&code).await;
    assert_eq!((answer.status(), answer.error()), (500, "server_error".into()));
    assert!(!answer.json().to_string().contains("hunter2"));

    let headers: [(&str, &[u8]); 2] = [
        ("content-type", b"application/x-www-form-urlencoded"),
        ("authorization", b"Basic Y29uZi1iYXNpYzpjb25mLWJhc2lj"),
    ];
    let body = form(&Op::redemption(&code));
    let request = Request::new("POST", "/token").headers(&headers).body(body.as_bytes());
    let error = op.provider.token(request).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("hunter2"), "the operator sees the cause: {cause}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    assert_eq!(good.redeem(&code).await.status(), 200, "nothing is lost");
}

/// CORS where a script needs it, never with credentials, and nowhere else (IR-09).
#[tokio::test]
async fn cors_where_a_script_needs_it() {
    let op = Op::new();
    let origin = [("origin", "null")];
    for (path, allowed) in ENDPOINTS {
        let method = if allowed.contains("GET") { "GET" } else { "POST" };
        for method in ["OPTIONS", method] {
            let answer = op.send(method, path, "", &origin, "").await;
            let expected = (path != "/authorize").then_some("*");
            assert_eq!(answer.header("access-control-allow-origin"), expected, "{method} {path}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
    let answer = op.redeem(&op.code().await).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}
