//! HT: HTTP layer, issuer, denial of service.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::blackbox::{
    fixture::{ALICE, FIRST_PARTY, THIRD_PARTY},
    party::{self, authorize, get, redeem, sign_in, still_works},
    raw::{self, Raw},
    server::{Server, Setup, until},
    visitor::Visitor,
};

const DISCOVERY: &str = "/.well-known/openid-configuration";

const HOSTILE: [(&str, &str); 9] = [
    ("host", "evil.example"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-port", "666"),
    ("x-forwarded-prefix", "/evil"),
    ("x-forwarded-for", "203.0.113.66"),
    ("forwarded", "for=203.0.113.66;host=evil.example;proto=https"),
    ("x-original-url", "/evil"),
    ("x-rewrite-url", "/evil"),
];

/// Headers that proxies and liars send change nothing that the server says of itself.
#[tokio::test]
async fn ht_01_hostile_forwarding_headers() {
    for trusting in ["", "trusted_proxies = [\"127.0.0.1\"]"] {
        let server = Server::start(Setup { name: "ht-01", members: trusting, ..Setup::default() });
        let url = |path: &str| server.url(path).parse().unwrap();
        let plain = Visitor::new(&server);
        for path in [DISCOVERY, "/.well-known/oauth-authorization-server", "/jwks"] {
            let usual = plain.send(Method::GET, url(path), None, &[]).await;
            let hostile = plain.send(Method::GET, url(path), None, &HOSTILE).await;
            assert_eq!(usual.status, 200);
            assert_eq!(usual.body, hostile.body, "{path}");
        }

        // A whole sign-in with these headers on every request.
        let victim = Visitor::new(&server);
        let asked = url(&authorize(THIRD_PARTY, &[]));
        let mut page = victim.send(Method::GET, asked, None, &HOSTILE).await;
        let mut pages = vec![page.clone()];
        while page.location().is_none_or(|to| to.host_str() != Some("rp.example")) {
            assert!(pages.len() < 8, "{page:?}");
            page = if let Some(next) = page.location() {
                victim.send(Method::GET, next, None, &HOSTILE).await
            } else {
                let values = [("login", ALICE.0), ("password", ALICE.1)];
                let values = if page.asks_password() { &values[..] } else { &[] };
                let (to, body) = page.filled_in("submit", values);
                assert!(to.as_str().starts_with(&server.issuer), "{to}");
                victim.post(to, body, &HOSTILE).await
            };
            pages.push(page.clone());
        }
        for page in &pages {
            let all = format!("{:?} {}", page.headers, page.body);
            for word in ["evil", "203.0.113.66", "https://localhost", ":666"] {
                assert!(!all.contains(word), "{word} in {all}");
            }
            for cookie in page.headers.get_all("set-cookie") {
                let cookie = cookie.to_str().unwrap().to_ascii_lowercase();
                assert!(!cookie.contains("domain="), "{cookie}");
                assert!(!cookie.contains("; secure"), "the issuer is http: {cookie}");
            }
        }
        assert_eq!(page.answer()["iss"], server.issuer);
        let tokens = party::tokens(&server, THIRD_PARTY, &page.code()).await;
        assert_eq!(claims(&tokens)["iss"], server.issuer);
    }
}

/// RFC 9112 §3.2.2: the host of an absolute-form target is no more to be believed.
#[tokio::test]
async fn ht_01_absolute_form_target() {
    let server = Server::shared();
    let usual = get(server.url(DISCOVERY)).await.text().await.unwrap();
    let request =
        format!("GET http://evil.example{DISCOVERY} HTTP/1.1\r\nhost: evil.example\r\n\r\n");
    let answer = raw::send(&server, request);
    assert_eq!(answer.status(), 200);
    assert!(answer.text.ends_with(&usual), "{}", answer.text);
}

fn claims(tokens: &Value) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = tokens["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// RFC 9110 §15.5.6: what an endpoint does not answer is 405, with what it would.
#[tokio::test]
async fn ht_03_method_matrix() {
    let server = Server::shared();
    let visitor = Visitor::new(&server);
    let login = visitor.open(authorize(FIRST_PARTY, &[])).await;
    let interaction = login.url.path().to_owned();
    let all = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
    for (path, answered) in [
        ("/authorize", &["GET", "POST"][..]),
        ("/token", &["POST", "OPTIONS"]),
        ("/userinfo", &["GET", "POST", "OPTIONS"]),
        ("/jwks", &["GET", "HEAD", "OPTIONS"]),
        (DISCOVERY, &["GET", "HEAD", "OPTIONS"]),
        ("/.well-known/oauth-authorization-server", &["GET", "HEAD", "OPTIONS"]),
        (&interaction, &["GET", "HEAD", "POST"]),
    ] {
        for method in all.iter().filter(|method| !answered.contains(method)) {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let url = server.url(path).parse().unwrap();
            let page = visitor.send(method.clone(), url, None, &[]).await;
            assert_eq!(page.status, 405, "{method} {path}");
            let allow = page.header("allow").unwrap_or_else(|| panic!("{method} {path}: no Allow"));
            let mut allow: Vec<_> = allow.split(',').map(str::trim).collect();
            let mut answered = answered.to_vec();
            allow.sort_unstable();
            answered.sort_unstable();
            assert_eq!(allow, answered, "{method} {path}");
        }
    }
    for path in ["/jwks", DISCOVERY] {
        let url = server.url(path).parse().unwrap();
        let head = visitor.send(Method::HEAD, url, None, &[]).await;
        assert_eq!((head.status.as_u16(), &*head.body), (200, ""), "{path}");
    }
}

/// HEAD and headers that pretend another method issue no code and redeem none.
#[tokio::test]
async fn ht_03_no_method_in_disguise() {
    let server = Server::shared();
    let visitor = Visitor::new(&server);
    let code = sign_in(&visitor, ALICE).await.code();
    let url = server.url(&authorize(FIRST_PARTY, &[])).parse().unwrap();
    let head = visitor.send(Method::HEAD, url, None, &[]).await;
    assert_eq!((head.status.as_u16(), head.location()), (405, None));

    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let query = party::form(&[("grant_type", "authorization_code"), ("code", &code)]);
        let url = server.url(&format!("/token?{query}&_method=POST")).parse().unwrap();
        let page = visitor.send(Method::GET, url, None, &[(name, "POST")]).await;
        assert_eq!(page.status, 405, "{name}");
    }
    assert_eq!(redeem(&server, FIRST_PARTY, &code).await.status(), 200, "the code is untouched");
}

/// Inputs that are too large are refused, cost little memory, and nobody else notices.
#[tokio::test]
async fn ht_04_oversized_bodies() {
    const SIZE: usize = 10 << 20;
    let server = Server::start(Setup { name: "ht-04", ..Setup::default() });
    let login = Visitor::new(&server).open(authorize(FIRST_PARTY, &[])).await;
    still_works(&server).await;
    let before = server.memory();
    for path in ["/token", "/authorize", "/userinfo", login.url.path()] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n\
             content-type: application/x-www-form-urlencoded\r\n"
        );
        let chunk = "a".repeat(1 << 16);
        for chunked in [false, true] {
            let mut raw = Raw::connect(&server);
            let (rest, frame) = if chunked {
                ("transfer-encoding: chunked".to_owned(), format!("10000\r\n{chunk}\r\n"))
            } else {
                (format!("content-length: {SIZE}"), chunk.clone())
            };
            raw.write(format!("{head}{rest}\r\n\r\n"));
            // Writes until the server has had enough.
            let written = (0..SIZE >> 16).take_while(|_| raw.write(&frame)).count();
            let answer = raw.read();
            // A server that closes while we still write may cut off its own answer (RST).
            let status = answer.status();
            let cut_off = status == 0 && written < SIZE >> 16;
            assert!(
                status == 413 || status == 400 || cut_off,
                "{path} chunked={chunked} written={written}: {}",
                answer.text
            );
            still_works(&server).await;
        }
        // With patience the answer is to be seen: it comes before the body does.
        let mut raw = Raw::connect(&server);
        raw.write(format!("{head}content-length: {SIZE}\r\n\r\n"));
        raw.write(&chunk);
        raw.write("a");
        assert_eq!(raw.read().status(), 413, "{path}");
        // One parameter whose name is 1 MiB.
        let name = "n".repeat(1 << 20);
        let mut raw = Raw::connect(&server);
        raw.write(format!("{head}content-length: {}\r\n\r\n", name.len() + 2));
        raw.write(&name[..=1 << 16]);
        assert_eq!(raw.read().status(), 413, "{path}");
    }
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 32 << 10, "grown by {grown} KiB");
}

#[tokio::test]
async fn ht_04_too_many_parameters_and_headers() {
    let server = Server::shared();
    let visitor = Visitor::new(&server);
    let many = "a=1&".repeat(10_000);
    for path in ["/token", "/authorize", "/userinfo"] {
        let url = server.url(path).parse().unwrap();
        let page = visitor.post(url, many.clone(), &[]).await;
        assert!(matches!(page.status.as_u16(), 400 | 401 | 413), "{path}: {}", page.status);
        assert!(page.body.len() < 32 << 10, "{path}");
    }
    let login = visitor.open(authorize(FIRST_PARTY, &[])).await;
    let page = visitor.post(login.url.clone(), many.clone(), &[]).await;
    assert!(page.status.is_client_error(), "{}", page.status);

    let get = |path: &str, headers: &str| {
        raw::send(&server, format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n"))
    };
    let long = "x".repeat(64 << 10);
    let query = party::request(FIRST_PARTY, &[("state", &"s".repeat(33 << 10))]);
    for (what, answer) in [
        ("64 KiB of query", get(&format!("/authorize?state={long}"), "")),
        ("64 KiB of path", get(&format!("/{long}"), "")),
        ("33 KiB of state", get(&format!("/authorize?{query}"), "")),
        ("8,000 parameters", get(&format!("/authorize?{}", "a=1&".repeat(8000)), "")),
        ("1,000 headers", get("/authorize", &"x-a: b\r\n".repeat(1000))),
        ("a long header", get("/authorize", &format!("x-a: {}\r\n", "b".repeat(1 << 20)))),
        (
            "a long cookie",
            get(
                "/authorize",
                &format!("cookie: op_session={long}{long}{long}{long}{long}{long}{long}\r\n"),
            ),
        ),
    ] {
        let status = answer.status();
        let refused = matches!(status, 400 | 404 | 413 | 414 | 431);
        assert!(refused, "{what}: {status} {}", answer.text);
        assert!(!answer.text.contains("location:"), "{what}");
        still_works(&server).await;
    }
}

/// A `Content-Length` that lies, twice or otherwise, ends the connection and nothing else.
#[tokio::test]
async fn ht_04_content_length_lies() {
    let server = Server::shared();
    let head = "POST /token HTTP/1.1\r\nhost: localhost\r\n\
                content-type: application/x-www-form-urlencoded\r\n";
    for (what, rest, statuses) in [
        ("too long", "content-length: 100\r\n\r\ngrant_type=x", &[0, 400][..]),
        ("too short", "content-length: 3\r\n\r\na=1GARBAGE\r\n\r\n", &[400, 401]),
        ("negative", "content-length: -1\r\n\r\n", &[400]),
        ("no number", "content-length: ten\r\n\r\n", &[400]),
        ("huge", "content-length: 99999999999999999999\r\n\r\n", &[400, 413]),
        ("two", "content-length: 3\r\ncontent-length: 4\r\n\r\na=1&", &[400]),
        ("broken chunk", "transfer-encoding: chunked\r\n\r\nZZ\r\n", &[400]),
        ("unknown coding", "transfer-encoding: gzip\r\n\r\nabc", &[400, 501]),
    ] {
        let mut raw = Raw::connect(&server);
        raw.write(format!("{head}{rest}"));
        raw.finish();
        let answer = raw.read();
        assert!(statuses.contains(&answer.status()), "{what}: {}", answer.text);
        still_works(&server).await;
    }
}

/// A body is taken as a form in UTF-8 or not at all; nothing is ever inflated.
#[tokio::test]
async fn ht_05_content_codings() {
    let server = Server::shared();
    let visitor = Visitor::new(&server);
    let login = visitor.open(authorize(FIRST_PARTY, &[])).await;
    let form = "application/x-www-form-urlencoded";
    // 100 bytes that gzip would make 10 MiB of.
    let bomb = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03".repeat(10);
    let interaction = login.url.path().to_owned();
    for path in ["/token", "/authorize", "/userinfo", &interaction] {
        for (what, headers) in [
            ("gzip", &[("content-type", form), ("content-encoding", "gzip")][..]),
            ("deflate", &[("content-type", form), ("content-encoding", "deflate")]),
            ("utf-16", &[("content-type", "application/x-www-form-urlencoded; charset=utf-16")]),
            ("utf-7", &[("content-type", "application/x-www-form-urlencoded; charset=utf-7")]),
            ("two types", &[("content-type", form), ("content-type", "text/plain")]),
            ("multipart", &[("content-type", "multipart/form-data; boundary=x")]),
            ("json", &[("content-type", "application/json")]),
            ("no type", &[]),
        ] {
            let mut request = party::http().post(server.url(path)).body(bomb.clone());
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            assert!(matches!(status, 400 | 415), "{path} {what}: {status}");
        }
    }
    still_works(&server).await;
}

/// Connections that send a byte now and then, of a head or of a body.
struct Dribbling(Vec<Raw>);

impl Dribbling {
    fn start(server: &Server, connections: usize) -> Self {
        let post = |path: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 60000\r\n\
                 content-type: application/x-www-form-urlencoded\r\n\r\n"
            )
        };
        let heads = [
            "GET /authorize HTTP/1.1\r\nhost: localhost\r\nx-slow: ".to_owned(),
            post("/token"),
            post("/interaction/x"),
            post("/nowhere"),
        ];
        let connect = |head: &String| {
            let mut raw = Raw::connect(server);
            raw.write(head);
            raw
        };
        Self(heads.iter().cycle().take(connections).map(connect).collect())
    }

    /// One more byte on each that is still open; answers how many are.
    fn drip(&mut self) -> usize {
        self.0.retain_mut(|raw| !raw.is_closed() && raw.write("a"));
        self.0.len()
    }
}

/// Hundreds of clients that dribble keep nobody else waiting.
#[tokio::test]
async fn ht_06_slow_clients() {
    let server = Server::start(Setup { name: "ht-06", ..Setup::default() });
    let mut slow = Dribbling::start(&server, 400);
    let started = Instant::now();
    for _ in 0..5 {
        assert!(slow.drip() > 200, "the rest was answered at once");
        let visitor = Visitor::new(&server);
        let code = sign_in(&visitor, ALICE).await.code();
        let tokens = party::tokens(&server, FIRST_PARTY, &code).await;
        assert!(tokens["access_token"].is_string());
    }
    // A second or so; they would have to wait for half a minute if they had to.
    assert!(started.elapsed() < Duration::from_secs(20), "others had to wait");
}

/// And in the end the server hangs up on them.
#[tokio::test]
async fn ht_06_slow_clients_are_hung_up_on() {
    let server = Server::start(Setup {
        name: "ht-06",
        tables: "[limits]\nrequest = 3\n",
        ..Setup::default()
    });
    let mut slow = Dribbling::start(&server, 400);
    until("slow connections are closed", Duration::from_secs(60), || {
        (slow.drip() == 0).then_some(())
    });
    still_works(&server).await;
}

/// RFC 6750 §3.1: whoever sent no credentials is told how to send some, and nothing of an error.
#[tokio::test]
async fn a_challenge_says_nothing_else() {
    let server = Server::shared();
    let answer = get(server.url("/userinfo")).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Bearer realm=\"userinfo\"");
    assert_eq!(answer.text().await.unwrap(), "");
}
