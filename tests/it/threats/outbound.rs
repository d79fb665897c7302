//! Requests that a stranger has the provider send: SS-01, SS-02, SS-07, SS-08. SS-04 and SS-05 are
//! beside the guarded client (`fetch.rs`).

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};

use oidc_op::{FetchPolicy, GuardedFetch};
use serde_json::json;

use crate::{
    registration::{setup, web_with},
    support::{Answer, Browser, Documents, Op, form},
};

const METADATA: &str = "invalid_client_metadata";

/// Whatever connects is counted.
struct Canary {
    port: u16,
    hits: Arc<AtomicUsize>,
}

impl Canary {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let hits = Arc::<AtomicUsize>::default();
        let counted = hits.clone();
        std::thread::spawn(move || {
            for _ in listener.incoming() {
                counted.fetch_add(1, SeqCst);
            }
        });
        Self { port, hits }
    }

    #[track_caller]
    fn is_silent(&self) {
        assert_eq!(self.hits.load(SeqCst), 0, "somebody connected");
    }
}

/// With the guarded client, as a host would have it.
fn guarded() -> Op {
    guarded_by(&FetchPolicy::default())
}

fn guarded_by(policy: &FetchPolicy) -> Op {
    let mut setup = setup();
    setup.documents = None;
    setup.config.policy.client_documents = true;
    let fetch = GuardedFetch::new(policy).unwrap();
    setup.build_with(|builder| builder.fetch(fetch))
}

/// SS-01: `request_uri` of a stranger is not even asked for; only what the client has registered is.
#[tokio::test]
async fn ss_01_only_registered_request_uris_are_fetched() {
    let documents = Documents::default();
    let mut setup = setup();
    setup.documents = Some(documents.clone());
    let op = setup.build();
    let client =
        op.register(&web_with(&json!({ "request_uris": ["https://rp.example/ro"] }))).await;
    for (uri, scheme) in [
        ("https://canary.example/", "https"),
        ("http://canary.example/", "http"),
        ("https://rp.example/ro/", "https"),
        ("https://rp.example/ro?x", "https"),
        ("https://rp.example.evil.example/ro", "https"),
        ("file:///etc/passwd", "file"),
        ("urn:ietf:params:oauth:request_uri:x", "urn"),
    ] {
        let request = [
            ("client_id", client.id()),
            ("request_uri", uri),
            ("redirect_uri", "https://rp.example/cb"),
            ("response_type", "code"),
            ("scope", "openid"),
        ];
        let answer = Browser::new(&op).authorize(&request).await;
        assert_eq!(answer.parameter("error"), "invalid_request_uri", "{scheme} {uri}");
    }
    assert_eq!(documents.asked(), Vec::<String>::new());
    // At registration: https alone, at most 512 characters, and nobody goes there.
    for uri in [
        "http://rp.example/ro".to_owned(),
        format!("https://rp.example/{}", "x".repeat(512)),
        "urn:x:y".into(),
    ] {
        assert_eq!(
            op.refused(&web_with(&json!({ "request_uris": [uri] }))).await,
            (400, METADATA.into())
        );
    }
    assert_eq!(documents.asked(), Vec::<String>::new());
}

/// The many ways to write an address that is inside.
fn inside() -> Vec<String> {
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "x.localhost",
        "localhost.",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "[::1]",
        "[::]",
        "[::ffff:10.0.0.1]",
        "[::ffff:7f00:1]",
        "[fd00::1]",
        "[fe80::1]",
        "[64:ff9b::a00:1]",
        "2130706433",
        "0177.1",
        "0x7f.1",
        "127.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
    ]
    .iter()
    .map(|host| format!("https://{host}:{{port}}/x"))
    .collect()
}

/// SS-02 at registration: an address that is inside is refused as it is read, for each member that is
/// ever fetched, and nobody connects.
#[tokio::test]
async fn ss_02_inner_addresses_are_not_registered() {
    let canary = Canary::listen();
    let documents = Documents::default();
    let mut wide = setup();
    wide.documents = Some(documents.clone());
    let (op, wide) = (guarded(), wide.build());
    let client = op.register(&web_with(&json!({}))).await;
    for uri in inside() {
        let uri = uri.replace("{port}", &canary.port.to_string());
        for members in [
            json!({ "jwks_uri": uri }),
            json!({ "request_uris": [uri] }),
            json!({ "request_uris": ["https://rp.example/ro", uri] }),
            json!({ "sector_identifier_uri": uri }),
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri }),
        ] {
            let answer = op.refused(&web_with(&members)).await;
            assert_eq!(answer, (400, METADATA.into()), "{members}");
            // Whatever fetches for the host: the address is refused before it is asked.
            let answer = wide.refused(&web_with(&members)).await;
            assert_eq!(answer, (400, METADATA.into()), "{members}");
            assert_eq!(documents.asked(), Vec::<String>::new(), "{members}");
            assert_eq!(client.put(&op, &members).await.status(), 400, "{members}");
        }
    }
    canary.is_silent();
}

/// SS-02 in use: a stranger who names an address that is inside as a client is nobody. Names that lead
/// there are found out when they are connected to: beside the guarded client.
#[tokio::test]
async fn ss_02_inner_addresses_are_no_clients() {
    let canary = Canary::listen();
    let op = guarded();
    for uri in inside() {
        let id = uri.replace("{port}", &canary.port.to_string());
        let body = form(&[("client_id", &id), ("grant_type", "authorization_code"), ("code", "x")]);
        let answer = op.post("/token", &body, &[]).await;
        assert_eq!((answer.status(), answer.error()), (401, "invalid_client".into()), "{id}");
        let query = form(&[
            ("client_id", &id),
            ("response_type", "code"),
            ("scope", "openid"),
            ("redirect_uri", &id),
        ]);
        let page = op.send("GET", "/authorize", &query, &[], "").await;
        page.is_page_error(oidc_op::Reason::ClientUnknown);
    }
    canary.is_silent();
}

/// SS-07: what is fetched is what was registered, byte for byte, whatever it holds.
#[tokio::test]
async fn ss_07_nothing_is_put_into_an_address() {
    let documents = Documents::default();
    let mut setup = setup();
    setup.documents = Some(documents.clone());
    let op = setup.build();
    let uri = "https://rp.example/{client_id}/%7Bsub%7D/$host/jwks?to={redirect_uri}";
    let metadata =
        web_with(&json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri }));
    let answer = op.try_register(&metadata, None).await;
    // Characters that are in no URL may be refused; then there is nothing to put anything into.
    let uri = if answer.status() == 201 {
        uri
    } else {
        "https://rp.example/%7Bclient_id%7D/$host/jwks?to=%7Bx%7D"
    };
    let metadata =
        web_with(&json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri }));
    let client = op.register(&metadata).await;
    let headers = [("host", "evil.example"), ("x-forwarded-host", "evil.example")];
    client.redeem(&op, "x").await;
    let body = form(&[
        ("client_id", client.id()),
        ("grant_type", "authorization_code"),
        ("code", "x"),
        ("jwks_uri", "https://evil.example/"),
    ]);
    op.post("/token", &body, &headers).await;
    let asked = documents.asked();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|url| url.trim_end_matches(" again") == uri), "{asked:?}");
}

/// SS-08: what a failed fetch met is in no answer, and one answer is like the other.
#[tokio::test]
async fn ss_08_a_failed_fetch_says_nothing() {
    // This machine may be reached for once: one port that answers nonsense, one that nobody listens at.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::Write;
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"SSH-2.0-canary\r\n");
        }
    });
    let closed = {
        let unused = TcpListener::bind("127.0.0.1:0").unwrap();
        unused.local_addr().unwrap().port()
    };
    let mut policy = FetchPolicy::default();
    policy.allow.push("127.0.0.1".into());
    let op = guarded_by(&policy);
    let mut answers: Vec<(String, Answer)> = Vec::new();
    let began = Instant::now();
    for port in [open, closed] {
        let uri = format!("https://127.0.0.1:{port}/x");
        let answer =
            op.try_register(&web_with(&json!({ "sector_identifier_uri": uri })), None).await;
        assert_eq!((answer.status(), answer.error()), (400, METADATA.into()));
        answers.push(("sector".into(), answer));
        let body =
            form(&[("client_id", &uri), ("grant_type", "authorization_code"), ("code", "x")]);
        answers.push(("client".into(), op.post("/token", &body, &[]).await));
        let query = form(&[("client_id", &uri), ("response_type", "code")]);
        answers.push(("page".into(), op.send("GET", "/authorize", &query, &[], "").await));
    }
    assert!(began.elapsed().as_secs() < 20);
    let (first, second) = answers.split_at(3);
    for ((what, one), (_, other)) in first.iter().zip(second) {
        assert_eq!(one.reply(), other.reply(), "{what}: an open and a closed port");
        let text = String::from_utf8_lossy(&one.reply().body).into_owned();
        for leak in
            ["127.0.0.1", "canary", "SSH", "refused", "connect", "TLS", "tls", &open.to_string()]
        {
            assert!(!text.contains(leak), "{what}: {leak} in {text}");
        }
    }
}
