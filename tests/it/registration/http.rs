//! What the endpoint is over HTTP: methods, media types, sizes, CORS, and JSON as strict as it must be
//! (RG-03).

use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");
const METHODS: &str = "POST, GET, PUT, DELETE, OPTIONS";

#[tokio::test]
async fn other_methods() {
    let op = setup().build();
    let client = op.register(&web()).await;
    let query = format!("client_id={}", client.id());
    for query in ["", &query] {
        for method in ["HEAD", "PATCH", "TRACE", "CONNECT", "get", "MKCOL"] {
            let answer = op.send(method, "/register", query, &[JSON], &web().to_string()).await;
            assert_eq!((answer.status(), answer.header("allow")), (405, Some(METHODS)), "{method}");
        }
    }
    assert_eq!(client.read(&op).await.status(), 200);
}

/// OIDC Registration §3, §4: a script in a browser can use it.
#[tokio::test]
async fn cors() {
    let op = setup().build();
    let origin = ("origin", "https://rp.example");
    let asked = [
        origin,
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization, content-type"),
    ];
    let answer = op.send("OPTIONS", "/register", "", &asked, "").await;
    assert_eq!((answer.status(), answer.reply().body.len()), (204, 0));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-methods"), Some(METHODS));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization, content-type"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);

    let client = op.register(&web()).await;
    for answer in [
        op.try_register(&web(), None).await,
        op.try_register(&json!({}), None).await,
        op.try_register(&web(), Some("bad")).await,
        op.send("GET", "/register", "", &[origin], "").await,
        op.send("PATCH", "/register", "", &[origin], "").await,
        op.send("POST", "/register", "", &[JSON], &"x".repeat(70_000)).await,
        client.read(&op).await,
        client.put(&op, &json!({})).await,
        client.put(&op, &json!({ "jwks_uri": 1 })).await,
        client.manage(&op, "DELETE", &Value::Null).await,
    ] {
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
}

#[tokio::test]
async fn media_types() {
    let op = setup().build();
    let client = op.register(&web()).await;
    let bearer = format!("Bearer {}", client.text("registration_access_token"));
    let query = format!("client_id={}", client.id());
    let mut update = web();
    update["client_id"] = client.id().into();
    for (headers, ok) in [
        (vec![("content-type", "application/json")], true),
        (vec![("content-type", "Application/JSON; charset=UTF-8")], true),
        (vec![("content-type", "application/json; charset=\"utf-8\"")], true),
        (vec![("content-type", "application/json"), ("content-encoding", "identity")], true),
        (vec![("content-type", "application/json; charset=utf-16")], false),
        (vec![("content-type", "application/json"), ("content-encoding", "gzip")], false),
        (vec![("content-type", "application/x-www-form-urlencoded")], false),
        (vec![("content-type", "text/plain")], false),
        (vec![("content-type", "text/json")], false),
        (vec![("content-type", "application/jwt")], false),
        (vec![("content-type", "")], false),
        (vec![], false),
    ] {
        let answer = op.send("POST", "/register", "", &headers, &web().to_string()).await;
        assert_eq!(answer.status(), if ok { 201 } else { 415 }, "{headers:?}");
        let headers = [&headers[..], &[("authorization", &bearer)]].concat();
        let answer = op.send("PUT", "/register", &query, &headers, &update.to_string()).await;
        assert_eq!(answer.status(), if ok { 200 } else { 415 }, "{headers:?}");
    }
}

/// RG-03: bodies that are no single object without repetitions, of bounded depth and size.
#[tokio::test]
async fn bodies() {
    let op = setup().build();
    let uris = r#""redirect_uris":["https://rp.example/cb"]"#;
    let nested =
        |depth: usize| format!("{{{uris},\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let padded = |size: usize| {
        let mut body = format!("{{{uris}}}");
        body.push_str(&" ".repeat(size - body.len()));
        body
    };
    for (body, status) in [
        (format!("{{{uris}}}"), 201),
        (format!(" \n{{{uris}}} \t"), 201),
        (nested(10), 201),
        (padded(64 * 1024), 201),
        (padded(64 * 1024 + 1), 413),
        (nested(30), 400),
        (nested(30_000), 400),
        (format!("{{{uris},{uris}}}"), 400),
        (format!("{{{uris},\"x\":1,\"x\":1}}"), 400),
        (format!("{{{uris},\"jwks\":{{\"keys\":[],\"keys\":[]}}}}"), 400),
        (format!("{{{uris},\"client_name\":\"a\",\"client_n\\u0061me\":\"b\"}}"), 400),
        (format!("[{{{uris}}}]"), 400),
        (format!("{{{uris}}}{{}}"), 400),
        (format!("{{{uris},}}"), 400),
        (format!("{{{uris}"), 400),
        (format!("\u{feff}{{{uris}}}"), 400),
        ("{}".into(), 400),
        (String::new(), 400),
        ("null".into(), 400),
        ("\"x\"".into(), 400),
        ("1".into(), 400),
        ("NaN".into(), 400),
        ("{\"redirect_uris\":[\"https://rp.example/\\ud800\"]}".into(), 400),
        ("redirect_uris=https://rp.example/cb".into(), 400),
    ] {
        let answer = op.send("POST", "/register", "", &[JSON], &body).await;
        let start: String = body.chars().take(60).collect();
        assert_eq!(answer.status(), status, "{start} {}", body.len());
        if status == 400 {
            assert!(
                ["invalid_client_metadata", "invalid_redirect_uri"].contains(&&*answer.error()),
                "{start}"
            );
        }
    }
    // Not UTF-8 at all.
    let headers = [("content-type", &b"application/json"[..])];
    let request = oidc_op::Request::new("POST", "/register")
        .headers(&headers)
        .body(b"{\"client_name\":\"\xff\"}");
    let answer = Answer::from(op.provider.dispatch(request).await);
    assert_eq!((answer.status(), answer.error()), (400, "invalid_client_metadata".into()));
}

/// Discovery names the endpoint exactly when it is there (RG-01); elsewhere it is the host's.
#[tokio::test]
async fn discovery_names_it_when_it_is_there() {
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let op = setup().build();
        let document = op.send("GET", path, "", &[], "").await.json();
        assert_eq!(document["registration_endpoint"], "https://id.example/register");
        assert!(op.provider.paths().contains(&"/register"));
        let op = Op::new();
        let document = op.send("GET", path, "", &[], "").await.json();
        assert_eq!(document.get("registration_endpoint"), None);
        assert!(!op.provider.paths().contains(&"/register"));
    }
    let mut moved = setup();
    moved.config.issuer = oidc_op::Issuer::new("https://id.example/tenant").unwrap();
    moved.config.paths.registration = "/connect/register".into();
    let op = moved.build();
    let path = "/tenant/connect/register";
    let answer = op.send("POST", path, "", &[JSON], &web().to_string()).await;
    let uri = answer.member("registration_client_uri");
    assert!(uri.starts_with("https://id.example/tenant/connect/register?client_id="), "{uri}");
    let bearer = format!("Bearer {}", answer.member("registration_access_token"));
    let query = url::Url::parse(&uri).unwrap().query().unwrap().to_owned();
    let read = op.send("GET", path, &query, &[("authorization", &bearer)], "").await;
    assert_eq!(read.member("client_id"), answer.member("client_id"));
}
