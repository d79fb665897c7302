//! RE: reliability.

use std::time::{Duration, Instant};

use crate::blackbox::{
    fixture::{ALICE, FIRST_PARTY},
    party::{get, http, sign_in, still_works, tokens},
    raw::{self, Raw},
    server::{Server, Setup, until},
    visitor::Visitor,
};

const DISCOVERY: &str = "/.well-known/openid-configuration";

fn start(name: &str) -> Server {
    let tables = "[limits]\nconcurrent_requests = 2\n";
    Server::start(Setup { name, tables, ..Setup::default() })
}

/// A request that is under way, and waits for its body.
fn hold(server: &Server) -> Raw {
    let mut raw = Raw::connect(server);
    raw.write(
        "POST /token HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 12\r\n\r\n",
    );
    // The server asks for the body, so it has the request.
    assert!(raw.read_head().starts_with("HTTP/1.1 100"));
    raw
}

/// Beyond what may be under way, 503 and when to come again, at once and whatever is asked for; what is under way
/// is answered as usual, and then all is well (RFC 9110 §10.2.3, §15.6.4).
#[tokio::test]
async fn re_18_what_is_too_much_is_told_to_come_again() {
    let server = start("re-18");
    for _ in 0..3 {
        let mut held = [hold(&server), hold(&server)];
        let began = Instant::now();
        // Ten times as many, each on a connection of its own.
        for path in ["/token", "/userinfo", DISCOVERY, "/authorize", "/nowhere"].repeat(4) {
            let answer = get(server.url(path)).await;
            assert_eq!(answer.status(), 503, "{path}");
            assert_eq!(answer.headers()["retry-after"], "5", "{path}");
            assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
            let text = answer.text().await.unwrap();
            assert!(text.contains("temporarily_unavailable"), "{path}: {text}");
        }
        assert!(began.elapsed() < Duration::from_secs(25), "they waited for those before them");
        // Whoever watches over the server hears that it lives.
        assert_eq!(get(server.url("/health")).await.status(), 200);

        held[0].write("grant_type=x");
        let answer = held[0].read();
        assert_eq!(answer.status(), 401, "{}", answer.text);
        assert!(answer.text.contains("invalid_client"), "{}", answer.text);
        still_works(&server).await;
        // One that goes away leaves its place.
        let [_, gone] = held;
        drop(gone);
        let again = until("there is room for two", Duration::from_secs(10), || {
            let one = hold(&server);
            let answer =
                raw::send(&server, format!("GET {DISCOVERY} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
            (answer.status() == 200).then_some(one)
        });
        drop(again);
        until("there is room again", Duration::from_secs(10), || {
            let mut raw = Raw::connect(&server);
            raw.write(format!("GET {DISCOVERY} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
            (raw.read().status() == 200).then_some(())
        });
    }
    let code = sign_in(&Visitor::new(&server), ALICE).await.code();
    assert!(tokens(&server, FIRST_PARTY, &code).await["access_token"].is_string());
}

/// Twenty clients that never pause, where two are served at once: every answer is the right one, or 503 with the
/// time to come again; some get through, memory is bounded, and afterwards all is well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn re_18_no_wrong_answer_under_load() {
    let server = start("re-18-load");
    still_works(&server).await;
    let right = get(server.url("/jwks")).await.text().await.unwrap();
    let before = server.memory();
    let clients = (0..20).map(|_| {
        let (url, right, http) = (server.url("/jwks"), right.clone(), http());
        tokio::spawn(async move {
            let (mut served, mut shed) = (0, 0);
            for _ in 0..100 {
                let answer = http.get(&url).send().await.unwrap();
                match answer.status().as_u16() {
                    200 => {
                        assert_eq!(answer.text().await.unwrap(), right);
                        served += 1;
                    }
                    status => {
                        assert_eq!(status, 503);
                        assert_eq!(answer.headers()["retry-after"], "5");
                        shed += 1;
                    }
                }
            }
            (served, shed)
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut served = 0;
    for client in clients {
        let (well, shed) = client.await.unwrap();
        assert_eq!(well + shed, 100);
        served += well;
    }
    assert!(served > 0, "some get through");
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 32 << 10, "grown by {grown} KiB");
    still_works(&server).await;
    let code = sign_in(&Visitor::new(&server), ALICE).await.code();
    assert!(tokens(&server, FIRST_PARTY, &code).await["access_token"].is_string());
}
