//! RE-21: the host does not do what it should when it is asked.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use oidc_op::{
    Event, Observer, Provider, Request,
    adapter::{axum::router, http::Pages},
};
use serde_json::json;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use super::host::{MOODY, Mood, Moody};
use crate::support::{
    ALICE, Answer, Ask, BOB, Browser, Op, PARTNER, Setup, Tokens, form, keys::es256, races::waits,
};

/// What a client does when the host is asked.
#[derive(Clone, Copy, Debug)]
enum Act {
    Redeem,
    Refresh,
    UserInfo,
    Introspect,
    Password,
    Exchange,
    Assertion,
    Owned,
    Device,
    Silently,
}

const ACTS: [Act; 10] = [
    Act::Redeem,
    Act::Refresh,
    Act::UserInfo,
    Act::Introspect,
    Act::Password,
    Act::Exchange,
    Act::Assertion,
    Act::Owned,
    Act::Device,
    Act::Silently,
];

/// A person who is signed in, with a code and tokens of theirs.
#[derive(Clone)]
struct Given {
    browser: Browser,
    code: String,
    tokens: Tokens,
    jti: Arc<AtomicUsize>,
}

impl Given {
    async fn at(op: &Op) -> Self {
        let mut browser = Browser::new(op);
        let code = browser.ask(&Self::request(), ALICE).await.get("code").to_owned();
        let tokens = op.tokens("refresh", ALICE).await;
        Self { browser, code, tokens, jti: Arc::default() }
    }

    fn request() -> Ask {
        Ask::of("es256", "code")
    }

    async fn act(self, op: Op, act: Act) -> Answer {
        let Self { mut browser, code, tokens, jti } = self;
        match act {
            Act::Redeem => op.exchange(&Self::request(), &code).await,
            Act::Refresh => op.refresh("refresh", &tokens.refresh).await,
            Act::UserInfo => op.userinfo(&tokens.access).await,
            Act::Introspect => op.introspect("refresh", &tokens.access).await,
            Act::Password => {
                let body = [("grant_type", "password"), ("username", ALICE), ("password", ALICE)];
                op.token_as("password", &[&body[..], &[("scope", "openid")]].concat()).await
            }
            Act::Exchange => {
                let body = [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                    ("subject_token", &*tokens.access),
                    ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ];
                op.token_as("exchanger", &body).await
            }
            Act::Assertion => {
                let now = oidc_op::Clock::now(&op.clock).unix();
                let assertion = es256(&json!({
                    "iss": PARTNER, "sub": "partner:alice", "aud": "https://id.example",
                    "iat": now, "exp": now + 60,
                    "jti": jti.fetch_add(1, Ordering::SeqCst).to_string()
                }));
                let grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                let body =
                    [("grant_type", grant_type), ("assertion", &assertion), ("scope", "openid")];
                op.token_as("trusted", &body).await
            }
            Act::Owned => op.token_as("owned", &[("grant_type", "client_credentials")]).await,
            Act::Device => {
                let body = [("grant_type", MOODY), ("device", ALICE), ("scope", "openid")];
                op.token_as("moody", &body).await
            }
            Act::Silently => {
                let ask = Self::request().with("prompt", "none");
                browser.authorize(&ask.pairs()).await
            }
        }
    }
}

/// Tokens, claims or a code.
#[track_caller]
fn is_good(answer: &Answer, what: &str) {
    match answer.header("location") {
        Some(_) => assert!(answer.redirect().1.contains_key("code"), "{what}: {answer:?}"),
        None => assert_eq!(answer.status(), 200, "{what}: {}", answer.json()),
    }
}

/// `server_error`, where it belongs, and nothing of its cause.
#[track_caller]
fn is_server_error(answer: &Answer, what: &str) {
    match answer.header("location") {
        Some(_) => assert_eq!(answer.parameter("error"), "server_error", "{what}"),
        None => assert_eq!((answer.status(), &*answer.error()), (500, "server_error"), "{what}"),
    }
    let said = format!("{:?} {}", answer.reply().headers, answer.html());
    for word in ["database", "bug", "another person", BOB] {
        assert!(!said.contains(word), "{what}: {said}");
    }
}

/// An error of the host's is `server_error`, and nothing has happened: the same request goes well afterwards.
#[tokio::test]
async fn re_21_a_host_that_fails() {
    for act in ACTS {
        let (op, host) = Moody::op();
        let given = Given::at(&op).await;
        host.is(Mood::Fails);
        for _ in 0..2 {
            let answer = given.clone().act(op.clone(), act).await;
            is_server_error(&answer, &format!("{act:?}"));
        }
        host.is(Mood::Well);
        is_good(&given.act(op, act).await, &format!("{act:?}"));
    }
}

/// A panic ends one request, and poisons nothing: the same request goes well afterwards.
#[tokio::test]
async fn re_21_a_host_that_panics() {
    for act in ACTS {
        let (op, host) = Moody::op();
        let given = Given::at(&op).await;
        host.is(Mood::Panics);
        for _ in 0..2 {
            let ended = tokio::spawn(given.clone().act(op.clone(), act)).await;
            assert!(ended.unwrap_err().is_panic(), "{act:?}");
        }
        host.is(Mood::Well);
        is_good(&given.act(op.clone(), act).await, &format!("{act:?}"));
        op.provider.work(100).await.unwrap();
    }
}

/// A host that never answers keeps its own request waiting and no other one; who gives up leaves nothing behind.
#[tokio::test]
async fn re_21_a_host_that_hangs() {
    for act in ACTS {
        let (op, host) = Moody::op();
        let given = Given::at(&op).await;
        host.is(Mood::Hangs);
        let mut waiting = Vec::new();
        for _ in 0..8 {
            let mut request = Box::pin(given.clone().act(op.clone(), act));
            assert!(waits(request.as_mut()).await, "{act:?}");
            waiting.push(request);
        }
        host.is(Mood::Well);
        is_good(&given.clone().act(op.clone(), act).await, &format!("{act:?}"));
        drop(waiting);
        is_good(&Given::at(&op).await.act(op, act).await, &format!("{act:?}, afterwards"));
    }
}

/// An account that says that it is another person's is nobody's: neither name nor address gets out.
#[tokio::test]
async fn re_21_a_host_that_answers_another_person() {
    let of_a_person = |act: &Act| !matches!(act, Act::Owned);
    for act in ACTS.into_iter().filter(of_a_person) {
        let (op, host) = Moody::op();
        let given = Given::at(&op).await;
        host.is(Mood::Says(BOB));
        is_server_error(&given.clone().act(op.clone(), act).await, &format!("{act:?}"));
        host.is(Mood::Says(ALICE));
        let answer = given.act(op, act).await;
        is_good(&answer, &format!("{act:?}"));
        if let Act::UserInfo = act {
            let expected = json!({ "sub": ALICE, "email": "alice@example.org" });
            assert_eq!(answer.json(), expected);
        }
    }
    let (op, host) = Moody::op();
    let mut browser = Browser::new(&op);
    browser.sign_in(ALICE).await;
    let ask = Ask::of("implicit", "id_token token").with("scope", "openid email");
    browser.ask(&ask, ALICE).await;
    host.is(Mood::Says(BOB));
    let sent = browser.quiet(&ask).await;
    assert_eq!(sent.get("error"), "server_error", "{sent:?}");
}

/// A callback may ask the provider itself, be it what leads back to the host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn re_21_a_host_that_asks_the_provider() {
    for act in ACTS {
        let (op, host) = Moody::op();
        let given = Given::at(&op).await;
        host.is(Mood::Asks(op.tokens("refresh", ALICE).await.access));
        let before = host.asked.load(Ordering::SeqCst);
        let asked = tokio::spawn(given.act(op, act));
        let answer = tokio::time::timeout(Duration::from_secs(20), asked).await;
        is_good(&answer.expect("no deadlock").unwrap(), &format!("{act:?}"));
        assert!(host.asked.load(Ordering::SeqCst) > before + 1, "{act:?}");
    }
}

/// An observer that asks the provider about what it hears.
#[derive(Clone, Debug, Default)]
struct Curious(Arc<OnceLock<Provider>>, Arc<AtomicUsize>);

impl Observer for Curious {
    fn observe(&self, _: &Event<'_>) {
        let provider = self.0.get().unwrap();
        assert_eq!(provider.jwks(Request::new("GET", "/jwks")).status, 200);
        assert_eq!(provider.metadata(Request::new("GET", "/")).status, 200);
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn re_21_an_observer_that_asks_the_provider() {
    let curious = Curious::default();
    let observer = curious.clone();
    let op = Setup::new().build_with(|builder| builder.observer(observer));
    curious.0.set(op.provider.clone()).unwrap();
    let story = tokio::spawn(async move {
        let tokens = op.tokens("refresh", ALICE).await;
        tokens.refreshed(&op).await;
        op.redeem("nothing").await
    });
    let answer = tokio::time::timeout(Duration::from_secs(20), story).await;
    assert_eq!(answer.expect("no deadlock").unwrap().error(), "invalid_grant");
    assert!(curious.1.load(Ordering::SeqCst) >= 4);
}

/// Over HTTP, under the layers that a host puts around: who waits for the host is answered in time, and a panic is
/// an answer; the next request goes well each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn re_21_a_deadline_and_a_panic_over_http() {
    let (op, host) = Moody::op();
    let given = Given::at(&op).await;
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    let routes = router::<()>(&op.provider, Pages::at("/interaction/"))
        .layer(TimeoutLayer::with_status_code(busy, Duration::from_millis(300)))
        .layer(CatchPanicLayer::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    let http = reqwest::Client::new();
    let redeem = async || {
        let request =
            http.post(format!("http://{address}/token")).basic_auth("es256", Some("es256"));
        let mut body = Op::redemption(&given.code);
        body[2].1 = "https://es256.example/cb";
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form(&body)).send();
        let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
        answer.expect("a deadline").unwrap().status().as_u16()
    };
    for (mood, status) in [(Mood::Hangs, 503), (Mood::Panics, 500), (Mood::Fails, 500)] {
        host.is(mood.clone());
        for _ in 0..3 {
            assert_eq!(redeem().await, status, "{mood:?}");
        }
        host.is(Mood::Well);
        let info = http.get(format!("http://{address}/userinfo")).bearer_auth(&given.tokens.access);
        assert_eq!(info.send().await.unwrap().status(), 200, "after {mood:?}");
    }
    assert_eq!(redeem().await, 200, "the code was not used up");
    serving.abort();
}
