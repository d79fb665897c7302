//! The guarded client against servers that mean no good.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use oidc_op::{
    Duration, Fetch, FetchError, FetchPolicy, FetchRequest, Fetched, GuardedFetch,
    InvalidFetchPolicy, NamedBy, PostRequest,
};
use rustls::{ServerConnection, StreamOwned};

use crate::support::Tls;

type Stream = StreamOwned<ServerConnection, TcpStream>;

/// A TLS server on 127.0.0.1.
struct Hostile {
    port: u16,
    tls: Tls,
    hits: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    /// Answers each connection, in a thread of its own; the answer gets the request's header and the
    /// number of the request, counted from one.
    fn start(answer: impl Fn(&str, usize, &mut Stream) + Send + Sync + 'static) -> Self {
        let tls = Tls::new();
        let config = Arc::clone(&tls.config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (hits, heads) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<String>>>::default());
        let server = Self { port, tls, hits, heads };
        let (hits, heads) = (Arc::clone(&server.hits), Arc::clone(&server.heads));
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (hits, heads) = (Arc::clone(&hits), Arc::clone(&heads));
                let (answer, config) = (Arc::clone(&answer), Arc::clone(&config));
                std::thread::spawn(move || {
                    let connection = ServerConnection::new(config).unwrap();
                    let mut stream = StreamOwned::new(connection, stream.unwrap());
                    let Some(head) = head(&mut stream) else { return };
                    heads.lock().unwrap().push(head.clone());
                    let number = hits.fetch_add(1, SeqCst) + 1;
                    answer(&head, number, &mut stream);
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                });
            }
        });
        server
    }

    /// Answers every request with these bytes.
    fn saying(answer: &'static str) -> Self {
        Self::start(move |_, _, stream| {
            let _ = stream.write_all(answer.as_bytes());
        })
    }

    /// The header of the nth request in small letters: its first line, then the fields in order.
    fn lines(&self, nth: usize) -> Vec<String> {
        let head = self.heads.lock().unwrap()[nth].to_ascii_lowercase();
        let mut lines: Vec<_> = head.trim_end().lines().map(str::to_owned).collect();
        lines[1..].sort_unstable();
        lines
    }

    /// A policy that trusts this server and lets it have its address.
    fn policy(&self) -> FetchPolicy {
        self.tls.policy()
    }

    fn fetch(&self) -> GuardedFetch {
        GuardedFetch::new(&self.policy()).unwrap()
    }

    fn fetch_with(&self, change: impl FnOnce(&mut FetchPolicy)) -> GuardedFetch {
        let mut policy = self.policy();
        change(&mut policy);
        GuardedFetch::new(&policy).unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    fn hits(&self) -> usize {
        self.hits.load(SeqCst)
    }
}

/// The request's header; none if whoever connected went away before.
fn head(stream: &mut Stream) -> Option<String> {
    let mut head = String::new();
    let mut lines = BufReader::with_capacity(1, stream);
    while !head.ends_with("\r\n\r\n") {
        if lines.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// Holds answers back until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |open| !*open).unwrap());
    }
}

async fn get(fetch: &GuardedFetch, url: &str) -> Result<Fetched, FetchError> {
    fetch.get(&FetchRequest::new(url, "application/json")).await
}

async fn refresh(fetch: &GuardedFetch, url: &str) -> Result<Fetched, FetchError> {
    let mut request = FetchRequest::new(url, "application/json");
    request.refresh = true;
    fetch.get(&request).await
}

fn is_timeout(error: &FetchError) -> bool {
    matches!(error, FetchError::Failed(source) if source.is::<tokio::time::error::Elapsed>())
}

fn text(fetched: &Fetched) -> &str {
    std::str::from_utf8(&fetched.body).unwrap()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn a_document_comes_with_its_media_type() {
    let server = Hostile::saying(
        "HTTP/1.1 200 OK\r\ncontent-type: Application/JWK-Set+json; charset=utf-8\r\n\
         transfer-encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n",
    );
    let fetched = get(&server.fetch(), &server.url("/jwks?a=b")).await.unwrap();
    assert_eq!(text(&fetched), "{\"a\":1}");
    assert_eq!(fetched.media_type.as_deref(), Some("application/jwk-set+json"));
    assert!(!format!("{fetched:?}").contains("{\"a\""), "bodies do not print");

    let host = format!("host: 127.0.0.1:{}", server.port);
    assert_eq!(
        server.lines(0),
        [
            "get /jwks?a=b http/1.1",
            "accept-encoding: identity",
            "accept: application/json",
            "connection: close",
            &host,
            "user-agent: oidc-op",
        ],
        "and nothing else is sent"
    );
}

#[tokio::test]
async fn a_name_is_looked_up_and_its_certificate_checked() {
    let server = Hostile::saying(OK);
    let url = format!("https://localhost:{}/", server.port);
    assert_eq!(text(&get(&server.fetch(), &url).await.unwrap()), "{}");

    let url = format!("https://127.0.0.2:{}/", server.port);
    let error = get(&server.fetch(), &url).await.unwrap_err();
    assert!(matches!(error, FetchError::Failed(_)), "nobody is there: {error:?}");
}

/// RFC 9101 §10.4: the provider is not to be sent elsewhere.
#[tokio::test]
async fn ss_04_a_redirect_is_an_answer_and_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let server = Hostile::start(move |_, _, stream| {
            let answer =
                format!("HTTP/1.1 {status} X\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        });
        let error = get(&server.fetch(), &server.url("/")).await.unwrap_err();
        assert!(matches!(error, FetchError::Answer(found) if found == status), "{error:?}");
        assert_eq!(server.hits(), 1);
    }
}

#[tokio::test]
async fn only_200_is_a_document() {
    for status in [201, 204, 206, 304, 400, 404, 500, 503] {
        let server = Hostile::start(move |_, _, stream| {
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        });
        let fetch = server.fetch();
        for hits in 1..3 {
            let error = get(&fetch, &server.url("/")).await.unwrap_err();
            assert!(matches!(error, FetchError::Answer(found) if found == status), "{error:?}");
            assert_eq!(server.hits(), hits, "it is not remembered");
        }
    }
}

#[tokio::test]
async fn ss_05_a_document_that_says_it_is_too_large_is_not_read() {
    let server = Hostile::saying("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n{}");
    let error = get(&server.fetch(), &server.url("/")).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge), "{error:?}");
}

#[tokio::test]
async fn ss_05_a_document_without_end_is_given_up() {
    let server = Hostile::start(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        let chunk = format!("1000\r\n{}\r\n", "a".repeat(4096));
        while stream.write_all(chunk.as_bytes()).is_ok() {}
    });
    let error = get(&server.fetch(), &server.url("/")).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge), "{error:?}");
}

/// The limit itself still passes, with and without a length.
#[tokio::test]
async fn ss_05_the_limit_is_exact() {
    for (answer, fits) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde", false),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabcd", true),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabcde", false),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
            false,
        ),
    ] {
        let server = Hostile::saying(answer);
        let fetch = server.fetch_with(|policy| policy.body = 4);
        match get(&fetch, &server.url("/")).await {
            Ok(fetched) => assert!(fits && text(&fetched) == "abcd", "{answer}"),
            Err(error) => assert!(!fits && matches!(error, FetchError::TooLarge), "{error:?}"),
        }
    }
}

/// A document that breaks off is none, however its end was announced.
#[tokio::test]
async fn ss_05_half_a_document_is_none() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 200 OK\r\n",
        "{}",
        "",
    ] {
        let server = Hostile::saying(answer);
        let error = get(&server.fetch(), &server.url("/")).await.unwrap_err();
        assert!(matches!(error, FetchError::Failed(_)), "{answer}: {error:?}");
    }
    // the end of the connection without TLS's own: anybody on the way could have made it
    let server = Hostile::start(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}");
        let _ = stream.flush();
        let _ = stream.sock.shutdown(std::net::Shutdown::Both);
    });
    let error = get(&server.fetch(), &server.url("/")).await.unwrap_err();
    assert!(matches!(error, FetchError::Failed(_)), "{error:?}");
}

#[tokio::test]
async fn ss_05_a_server_that_does_not_come_to_an_end_runs_out_of_time() {
    for begin in [
        "",
        "HTTP/1.1 200 OK\r\nx-slow: ",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{",
    ] {
        let server = Hostile::start(move |_, _, stream| {
            let _ = stream.write_all(begin.as_bytes());
            let _ = stream.flush();
            let _ = stream.read(&mut [0]); // until the client goes away
        });
        let fetch = server.fetch_with(|policy| policy.timeout = Duration::milliseconds(300));
        let error = get(&fetch, &server.url("/")).await.unwrap_err();
        assert!(is_timeout(&error), "{begin}: {error:?}");
    }
    // nor does one get further who never says anything, not even in TLS
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Hostile::saying(OK);
    let fetch = server.fetch_with(|policy| policy.timeout = Duration::milliseconds(300));
    let error = get(&fetch, &format!("https://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(is_timeout(&error), "{error:?}");
}

#[tokio::test]
async fn ss_05_headers_without_end_are_given_up() {
    let server = Hostile::start(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"x-more: and more\r\n").is_ok() {}
    });
    let error = get(&server.fetch(), &server.url("/")).await.unwrap_err();
    assert!(matches!(error, FetchError::Failed(_)), "{error:?}");
    assert!(!is_timeout(&error), "and not only because time ran out");
}

#[tokio::test]
async fn ss_05_a_header_has_a_limit() {
    for (length, fits) in [(4, true), (32 * 1024, false)] {
        let server = Hostile::start(move |_, _, stream| {
            let head = format!("HTTP/1.1 200 OK\r\nx-more: {}\r\n", "a".repeat(length));
            let _ = stream.write_all(format!("{head}content-length: 2\r\n\r\n{{}}").as_bytes());
        });
        match get(&server.fetch(), &server.url("/")).await {
            Ok(_) => assert!(fits),
            Err(error) => assert!(!fits && !is_timeout(&error), "{error:?}"),
        }
    }
}

/// Nothing is unpacked, so nothing can unfold.
#[tokio::test]
async fn ss_05_an_encoded_document_is_none() {
    for (encoding, good) in [("gzip", false), ("br", false), ("x", false), ("identity", true)] {
        let server = Hostile::start(move |_, _, stream| {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-encoding: ";
            let _ = stream.write_all(format!("{head}{encoding}\r\n\r\n{{}}").as_bytes());
        });
        let answer = get(&server.fetch(), &server.url("/")).await;
        assert_eq!(answer.is_ok(), good, "{encoding}: {answer:?}");
    }
}

#[tokio::test]
async fn ss_02_inner_addresses_are_refused_however_they_are_written() {
    let server = Hostile::saying(OK);
    let fetch = server.fetch_with(|policy| policy.allow.clear());
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f.1",
        "0177.1",
        "127.1",
        "0.0.0.0",
        "0",
        "%31%32%37.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[fd00::1]",
        "[fe80::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
    ] {
        let error = get(&fetch, &format!("https://{host}:{}/", server.port)).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused(_)), "{host}: {error:?}");
    }
    // not every system knows this one
    assert!(get(&fetch, &format!("https://localhost.:{}/", server.port)).await.is_err());
    assert_eq!(server.hits(), 0);
}

/// The allow-list lifts the check of the address for those it names, and nothing else.
#[tokio::test]
async fn ss_02_the_allow_list_is_by_name_or_by_network() {
    let server = Hostile::saying(OK);
    let (address, name) = (server.url("/"), format!("https://localhost:{}/", server.port));
    for (allow, by_address, by_name) in [
        ("127.0.0.1", true, None), // localhost may be ::1 as well
        ("localhost", false, Some(true)),
        ("example.com", false, Some(false)),
        ("10.0.0.0/8", false, Some(false)),
    ] {
        let fetch = server.fetch_with(|policy| policy.allow = vec![allow.to_owned()]);
        assert_eq!(get(&fetch, &address).await.is_ok(), by_address, "{allow}");
        if let Some(by_name) = by_name {
            assert_eq!(get(&fetch, &name).await.is_ok(), by_name, "{allow}");
        }
        let plain = format!("http://localhost:{}/", server.port);
        assert!(matches!(get(&fetch, &plain).await, Err(FetchError::Refused(_))));
    }
}

#[tokio::test]
async fn ss_01_only_https_without_credentials() {
    let server = Hostile::saying(OK);
    let fetch = server.fetch();
    let port = server.port;
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("ftp://127.0.0.1:{port}/"),
        format!("https://user@127.0.0.1:{port}/"),
        format!("https://user:password@127.0.0.1:{port}/"),
        format!("https://client.example@127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}\\@client.example/"),
        format!("https://127.0.0.1:{port}/\nx"),
        format!("//127.0.0.1:{port}/"),
        "urn:ietf:params:oauth:request_uri:x".to_owned(),
        String::new(),
    ] {
        let error = get(&fetch, &url).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused(_)), "{url}: {error:?}");
    }
    assert_eq!(server.hits(), 0);
}

#[tokio::test]
async fn a_certificate_is_for_the_host_and_from_somebody_trusted() {
    let (server, other) = (Hostile::saying(OK), Hostile::saying(OK));
    // somebody else's authority
    let error = get(&other.fetch(), &server.url("/")).await.unwrap_err();
    assert!(matches!(error, FetchError::Failed(_)), "{error:?}");
    // a name that is not in it
    let url = format!("https://[::ffff:127.0.0.1]:{}/", server.port);
    let error = get(&server.fetch(), &url).await.unwrap_err();
    assert!(matches!(error, FetchError::Failed(_)), "{error:?}");
    assert_eq!(server.hits(), 0);
    // both
    assert!(get(&server.fetch(), &server.url("/")).await.is_ok());
}

#[tokio::test]
async fn roots_are_der_or_pem() {
    let server = Hostile::saying(OK);
    let mut policy = server.policy();
    let base64 = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(&server.tls.root)
    };
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    policy.extra_roots = vec![format!("A comment.\n{pem}").into_bytes()];
    assert!(get(&GuardedFetch::new(&policy).unwrap(), &server.url("/")).await.is_ok());
    policy.extra_roots.push(b"junk".to_vec());
    assert_eq!(GuardedFetch::new(&policy).unwrap_err(), InvalidFetchPolicy::Root(1));
}

/// How often a server is asked when the document is wanted twice.
#[tokio::test]
async fn documents_are_kept_for_as_long_as_the_server_says_within_bounds() {
    for (cache_control, min_age, max_age, hits) in [
        ("max-age=600", 0, 3600, 1),
        ("max-age=0", 0, 3600, 2),
        ("no-store", 0, 3600, 2),
        ("public", 0, 3600, 2),
        ("max-age=600, no-store", 0, 3600, 2),
        ("max-age=0", 60, 3600, 1),
        ("no-store", 60, 3600, 1),
        ("public", 60, 3600, 1),
        ("max-age=600", 0, 0, 2),
    ] {
        let server = Hostile::start(move |_, number, stream| {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncache-control: ";
            let _ = stream.write_all(format!("{head}{cache_control}\r\n\r\n{number}").as_bytes());
        });
        let fetch = server.fetch_with(|policy| {
            policy.min_age = Duration::seconds(min_age);
            policy.max_age = Duration::seconds(max_age);
        });
        assert_eq!(text(&get(&fetch, &server.url("/")).await.unwrap()), "1");
        let second = get(&fetch.clone(), &server.url("/")).await.unwrap();
        assert_eq!(text(&second), hits.to_string(), "{cache_control} {min_age} {max_age}");
        assert_eq!(server.hits(), hits);
    }
}

#[tokio::test]
async fn a_refresh_asks_again_but_not_too_often() {
    let server = Hostile::start(|_, number, stream| {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n";
        let _ = stream.write_all(format!("{head}{number}").as_bytes());
    });
    let fetch = server.fetch();
    assert_eq!(text(&get(&fetch, &server.url("/")).await.unwrap()), "1");
    assert_eq!(text(&refresh(&fetch, &server.url("/")).await.unwrap()), "1", "too soon");

    let fetch = server.fetch_with(|policy| policy.refresh_after = Duration::ZERO);
    assert_eq!(text(&get(&fetch, &server.url("/")).await.unwrap()), "2");
    assert_eq!(text(&refresh(&fetch, &server.url("/")).await.unwrap()), "3");
    assert_eq!(text(&get(&fetch, &server.url("/")).await.unwrap()), "3");
}

/// What is there stays good when its server fails: a client's keys do not go away with it.
#[tokio::test]
async fn a_refresh_that_fails_changes_nothing() {
    let server = Hostile::start(|_, number, stream| {
        let status = if number == 1 { 200 } else { 500 };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 1\r\n\r\n{number}");
        let _ = stream.write_all(head.as_bytes());
    });
    let fetch = server.fetch_with(|policy| policy.refresh_after = Duration::ZERO);
    assert_eq!(text(&get(&fetch, &server.url("/")).await.unwrap()), "1");
    assert!(matches!(refresh(&fetch, &server.url("/")).await, Err(FetchError::Answer(500))));
    assert_eq!(text(&get(&fetch, &server.url("/")).await.unwrap()), "1");
    assert_eq!(server.hits(), 2);
}

/// OpenID Connect Core §6.2: the fragment tells versions apart.
#[tokio::test]
async fn another_fragment_is_another_document_and_is_not_sent() {
    let server = Hostile::start(|_, number, stream| {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n";
        let _ = stream.write_all(format!("{head}{number}").as_bytes());
    });
    let fetch = server.fetch();
    for (fragment, answer) in [("", "1"), ("#v1", "2"), ("#v2", "3"), ("#v1", "2"), ("", "1")] {
        let url = server.url(&format!("/object?x{fragment}"));
        assert_eq!(text(&get(&fetch, &url).await.unwrap()), answer, "{fragment}");
    }
    for head in &*server.heads.lock().unwrap() {
        assert!(head.starts_with("GET /object?x HTTP/1.1\r\n"), "{head}");
    }
}

#[tokio::test]
async fn ss_05_many_who_want_one_document_are_one_request() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Hostile::start(move |_, _, stream| {
        held.pass();
        let _ = stream.write_all(OK.as_bytes());
    });
    // nothing is kept, so it is the flight that they share
    let fetch = server.fetch_with(|policy| policy.min_age = Duration::ZERO);
    let url = server.url("/");
    let one = || get(&fetch, &url);
    let answers = tokio::join!(biased; one(), one(), one(), one(), refresh(&fetch, &url), async {
        gate.open();
    });
    for answer in [answers.0, answers.1, answers.2, answers.3, answers.4] {
        assert_eq!(text(&answer.unwrap()), "{}");
    }
    assert_eq!(server.hits(), 1);
    assert!(one().await.is_ok());
    assert_eq!(server.hits(), 2, "the next one is a request of its own");
}

/// Whoever began may go away; those who joined get their document nevertheless.
#[tokio::test]
async fn who_joined_does_not_depend_on_who_began() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Hostile::start(move |_, _, stream| {
        held.pass();
        let _ = stream.write_all(OK.as_bytes());
    });
    let fetch = server.fetch();
    let url = server.url("/");
    let mut first = Box::pin(get(&fetch, &url));
    let mut second = Box::pin(get(&fetch, &url));
    tokio::select! {
        biased;
        _ = &mut first => unreachable!("the gate is closed"),
        _ = &mut second => unreachable!("the gate is closed"),
        () = std::future::ready(()) => {}
    }
    drop(first);
    gate.open();
    assert!(second.await.is_ok());
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn ss_05_too_many_at_once_are_turned_away() {
    for per_host in [false, true] {
        let gate = Gate::default();
        let held = gate.clone();
        let server = Hostile::start(move |_, _, stream| {
            held.pass();
            let _ = stream.write_all(OK.as_bytes());
        });
        let fetch = server.fetch_with(|policy| {
            *if per_host { &mut policy.concurrent_per_host } else { &mut policy.concurrent } = 1;
        });
        let (a, b) = (server.url("/a"), server.url("/b"));
        let (first, second) = tokio::join!(biased; get(&fetch, &a), async {
            let busy = get(&fetch, &b).await;
            gate.open();
            busy
        });
        assert!(first.is_ok(), "{first:?}");
        assert!(matches!(second, Err(FetchError::Busy)), "{second:?}");
        assert!(get(&fetch, &b).await.is_ok(), "the place is free again");
        assert_eq!(server.hits(), 2);
    }
}

/// Strangers name as many slow addresses as they like; the keys of a registered client come all the same.
#[tokio::test]
async fn ss_05_strangers_leave_half_of_the_places() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Hostile::start(move |head, _, stream| {
        if head.starts_with("GET /strange") {
            held.pass();
        }
        let _ = stream.write_all(OK.as_bytes());
    });
    let fetch = server.fetch_with(|policy| {
        (policy.concurrent, policy.concurrent_per_host) = (4, 4);
    });
    let strange = async |path: &str| {
        let url = server.url(path);
        let mut request = FetchRequest::new(&url, "application/json");
        request.named_by = NamedBy::Stranger;
        fetch.get(&request).await
    };
    let (first, second, rest) = tokio::join!(biased; strange("/strange/a"), strange("/strange/b"), async {
        let busy = strange("/strange/c").await;
        let url = server.url("/strange/told");
        let mut told = PostRequest::form(&url, b"");
        told.named_by = NamedBy::Stranger;
        assert!(matches!(fetch.post(&told).await, Err(FetchError::Busy)), "nor is it told anything");
        let keys = get(&fetch, &server.url("/jwks")).await;
        gate.open();
        (busy, keys)
    });
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert!(matches!(rest.0, Err(FetchError::Busy)), "{:?}", rest.0);
    assert!(rest.1.is_ok(), "{:?}", rest.1);
    assert!(strange("/strange/c").await.is_ok(), "a place is free again");
}

#[tokio::test]
async fn ss_05_a_host_has_a_budget_and_failures_count() {
    let server = Hostile::saying("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    let fetch = server.fetch_with(|policy| policy.per_host_and_minute = 2);
    for path in ["/a", "/b"] {
        let error = get(&fetch, &server.url(path)).await.unwrap_err();
        assert!(matches!(error, FetchError::Answer(404)), "{error:?}");
    }
    let error = get(&fetch, &server.url("/c")).await.unwrap_err();
    assert!(matches!(error, FetchError::Busy), "{error:?}");
    assert_eq!(server.hits(), 2);

    // what is there already costs nothing
    let server = Hostile::saying(OK);
    let fetch = server.fetch_with(|policy| policy.per_host_and_minute = 1);
    for _ in 0..3 {
        assert!(get(&fetch, &server.url("/")).await.is_ok());
    }
}

async fn post(fetch: &GuardedFetch, url: &str) -> Result<Fetched, FetchError> {
    fetch.post(&PostRequest::form(url, b"token=abc")).await
}

#[tokio::test]
async fn what_is_posted_arrives_once_and_as_it_is() {
    let server = Hostile::start(|_, number, stream| {
        let mut body = [0; 9];
        stream.read_exact(&mut body).unwrap();
        let echo = format!("{}{number}", String::from_utf8_lossy(&body));
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{echo}", echo.len());
        let _ = stream.write_all(answer.as_bytes());
    });
    let (fetch, url) = (server.fetch(), server.url("/introspect"));
    let mut request = PostRequest::form(&url, b"token=abc");
    (request.accept, request.authorization) = ("application/json", Some("Basic aWQ6c2VjcmV0"));
    assert_eq!(text(&fetch.post(&request).await.unwrap()), "token=abc1");
    assert_eq!(text(&post(&fetch, &url).await.unwrap()), "token=abc2", "nothing is kept");

    let host = format!("host: 127.0.0.1:{}", server.port);
    assert_eq!(
        server.lines(0),
        [
            "post /introspect http/1.1",
            "accept-encoding: identity",
            "accept: application/json",
            "authorization: basic awq6c2vjcmv0",
            "connection: close",
            "content-length: 9",
            "content-type: application/x-www-form-urlencoded",
            &host,
            "user-agent: oidc-op",
        ],
        "and nothing else is sent"
    );
    let second = server.lines(1).concat();
    assert!(!second.contains("authorization"), "without credentials, none");
}

/// RFC 9700 §4.12: credentials do not follow a redirect. OIDC Back-Channel Logout §2.8: 204 is well.
#[tokio::test]
async fn ss_04_only_an_answer_is_one_to_a_post() {
    for (status, well) in
        [(200, true), (204, true), (201, false), (302, false), (307, false), (400, false)]
    {
        let server = Hostile::start(move |_, _, stream| {
            let answer =
                format!("HTTP/1.1 {status} X\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        });
        match post(&server.fetch(), &server.url("/")).await {
            Ok(answer) => assert!(well && answer.body.is_empty(), "{status}"),
            Err(FetchError::Answer(found)) => assert!(!well && found == status, "{status}"),
            Err(error) => panic!("{status}: {error:?}"),
        }
        assert_eq!(server.hits(), 1);
    }
}

#[tokio::test]
async fn ss_04_a_post_goes_where_a_get_may() {
    let server = Hostile::saying(OK);
    let plain = format!("http://127.0.0.1:{}/", server.port);
    let inside = server.url("/");
    let guarded = server.fetch_with(|policy| policy.allow.clear());
    for (fetch, url) in [(&server.fetch(), &plain), (&guarded, &inside)] {
        let error = post(fetch, url).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused(_)), "{url}: {error:?}");
    }
    assert_eq!(server.hits(), 0);
}

#[tokio::test]
async fn ss_05_a_post_has_the_limits_of_a_get() {
    let server = Hostile::saying(OK);
    let small = server.fetch_with(|policy| policy.body = 1);
    let error = post(&small, &server.url("/")).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge), "{error:?}");

    let few = server.fetch_with(|policy| policy.per_host_and_minute = 2);
    assert!(get(&few, &server.url("/")).await.is_ok());
    assert!(post(&few, &server.url("/")).await.is_ok());
    let error = post(&few, &server.url("/")).await.unwrap_err();
    assert!(matches!(error, FetchError::Busy), "{error:?}");

    let silent = Hostile::start(|_, _, stream| drop(stream.read(&mut [0; 64])));
    let hasty = silent.fetch_with(|policy| {
        policy.timeout = Duration::milliseconds(300);
        policy.concurrent = 1;
    });
    for _ in 0..2 {
        let error = post(&hasty, &silent.url("/")).await.unwrap_err();
        assert!(!matches!(error, FetchError::Busy), "the place is free again: {error:?}");
    }
    let url = silent.url("/");
    let (_, second) = tokio::join!(biased; post(&hasty, &url), post(&hasty, &url));
    assert!(matches!(second, Err(FetchError::Busy)), "{second:?}");
}

/// An implementation from before there was anything to send still compiles, and says so.
#[tokio::test]
async fn who_only_fetches_says_so() {
    let documents = crate::support::Documents::default();
    let request = PostRequest::form("https://id.example/introspect", b"");
    let error = documents.post(&request).await.unwrap_err();
    assert!(matches!(error, FetchError::Unsupported), "{error:?}");
}
