//! What the steps of the protocol cost, in this process and through the public API: no HTTP, no
//! runtime, a [`MemoryStore`](oidc_op::store::MemoryStore), mimalloc.
//!
//! | benchmark | one iteration |
//! |---|---|
//! | `mint/<alg>` | one signature of the [`KeySet`] over 546 bytes, the size of an ID token |
//! | `decide` | `authorize` for a person who is signed in and has agreed: parse, validate, three records read, the decision, one grant written, the redirect |
//! | `implicit/<alg>` | `authorize` for an ID token and nothing else: as `decide`, with claims and a signature instead of the grant |
//! | `implicit/unsigned` | the same with a signer that does nothing: what the answer costs besides its signature |
//! | `redeem/<alg>` | `token` for a fresh code: parse, authenticate the client, four records read, access and ID token, one conditional write |
//! | `client_credentials/opaque`, `/ES256` | `token` for the client itself: parse, authenticate it, a seal; for the JWT a signature too; the store is not touched |
//! | `refresh/rotate` | `token` for the last refresh token of one grant, without an ID token: parse, authenticate the client, three records read, the next token and an access token, one conditional write |
//! | `refresh/repeat` | the same for the token before, within its window: the same answer once more, no write |
//! | `introspection/opaque` | `introspect` for an opaque access token of the asker's own: parse, authenticate the client, open it, two records read, the answer |
//! | `introspection/JWT` | the same, with the answer as a JWT signed with ES256 |
//! | `introspection/of_a_JWT` | the same for a JWT access token of the client itself: one ES256 signature checked, one record looked for |
//! | `revoke/unknown` | `revoke` for a text that is no token: parse, authenticate the client; the store is not touched |
//! | `userinfo` | `userinfo` for an access token: open it, two records read, the claims |
//! | `parse/every_parameter` | `authorize` with all parameters that are known and without a cookie: decode, look up, validate everything, refuse with a `login_required` redirect; the store is not touched |
//! | `parse/100_parameters` | `authorize` with the most parameters that are looked at, none of them a `client_id`: decode, build the error page |
//! | `discovery`, `jwks` | the whole document, with its `ETag` |
//!
//! The clock stands still while time is taken. Between chunks of iterations it moves on by three
//! hours and the store is purged, so that memory stays bounded; neither is part of the measurement.

mod world;

use std::{
    hint::black_box,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use oidc_op::{
    Clock, KeySet, Outcome, Provider, PublishedKey, Reply, Request, SignError, Signer,
    SigningAlgorithm, SigningKey, Timestamp,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
/// The length of a refresh token.
const REFRESH_TOKEN: usize = 96;
/// How many iterations may pass between two purges.
const CHUNK: u64 = 4096;

fn mint(c: &mut Criterion) {
    use SigningAlgorithm::{ES256, ES384, ES512, EdDSA, PS256, RS256};
    let algorithms = [RS256, PS256, ES256, ES384, ES512, EdDSA];
    let keys = KeySet::generate(&algorithms, NOW).expect("keys can be made");
    let input = [b'x'; 546];
    let mut group = c.benchmark_group("mint");
    for algorithm in algorithms {
        let key = keys.active(algorithm, NOW).expect("it was made");
        group.bench_function(algorithm.as_str(), |b| {
            b.iter(|| now_or_never(keys.sign(black_box(&key), black_box(&input))));
        });
    }
}

fn decide(c: &mut Criterion) {
    let scene = Scene::new(SigningAlgorithm::ES256);
    c.bench_function("decide", |b| scene.measure(b, || (), |()| scene.authorize()));
}

fn implicit(c: &mut Criterion) {
    let mut group = c.benchmark_group("implicit");
    for algorithm in [SigningAlgorithm::ES256, SigningAlgorithm::RS256] {
        let scene = Scene { query: world::implicit_query(0), ..Scene::new(algorithm) };
        group.bench_function(algorithm.as_str(), |b| {
            scene.measure(b, || (), |()| scene.authorize());
        });
    }
    let algorithm = SigningAlgorithm::RS256;
    let scene = Scene { query: world::implicit_query(0), ..Scene::with(algorithm, Idle) };
    group.bench_function("unsigned", |b| scene.measure(b, || (), |()| scene.authorize()));
}

/// Signs everything with the same 256 bytes, at no cost.
#[derive(Debug)]
struct Idle;

#[async_trait]
impl Signer for Idle {
    fn active(&self, algorithm: SigningAlgorithm, _: Timestamp) -> Option<SigningKey> {
        Some(SigningKey::new("idle", algorithm))
    }

    fn published(&self, _: Timestamp) -> Vec<PublishedKey> {
        Vec::new()
    }

    async fn sign(&self, _: &SigningKey, _: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(vec![0; 256])
    }
}

fn redeem(c: &mut Criterion) {
    let mut group = c.benchmark_group("redeem");
    for algorithm in [SigningAlgorithm::ES256, SigningAlgorithm::RS256] {
        let scene = Scene::new(algorithm);
        group.bench_function(algorithm.as_str(), |b| {
            scene.measure(b, || scene.token_form(), |form| scene.token(&form));
        });
    }
}

fn client_credentials(c: &mut Criterion) {
    let scene = Scene::new(SigningAlgorithm::ES256);
    let mut group = c.benchmark_group("client_credentials");
    for (name, form) in [("opaque", world::client_form()), ("ES256", world::client_jwt_form())] {
        group.bench_function(name, |b| b.iter(|| scene.token(black_box(&form))));
    }
}

fn refresh(c: &mut Criterion) {
    let scene = Scene::new(SigningAlgorithm::ES256);
    let mut group = c.benchmark_group("refresh");
    // The clock stands still here: one grant is all that there is, and it stays within its window.
    let tokens = now_or_never(world::offline_tokens(&scene.provider, &scene.cookie, 0));
    let form = world::refresh_form(world::token_of(&tokens, "refresh_token"));
    let last = std::cell::RefCell::new(form.clone());
    group.bench_function("rotate", |b| {
        b.iter(|| {
            let mut form = last.borrow_mut();
            let reply = scene.token(&form);
            let body = str::from_utf8(&reply.body).expect("JSON is UTF-8");
            let (_, next) = body.split_once(r#""refresh_token":""#).expect("there is one");
            let start = form.len() - REFRESH_TOKEN;
            form.replace_range(start.., &next[..REFRESH_TOKEN]);
            reply
        });
    });
    let before = last.into_inner();
    scene.token(&before);
    group.bench_function("repeat", |b| b.iter(|| scene.token(black_box(&before))));
}

fn introspection(c: &mut Criterion) {
    let scene = Scene::new(SigningAlgorithm::ES256);
    let tokens = now_or_never(world::tokens(&scene.provider, &scene.cookie, 0));
    let opaque = world::token_of(&tokens, "access_token");
    let reply = scene.token(&world::client_jwt_form());
    let own: serde_json::Value = serde_json::from_slice(&reply.body).expect("it is JSON");
    let jwt = world::token_of(&own, "access_token");

    let mut group = c.benchmark_group("introspection");
    let json = ("accept", &b"application/json"[..]);
    let as_jwt = ("accept", &b"application/token-introspection+jwt"[..]);
    for (name, token, accept) in
        [("opaque", opaque, json), ("JWT", opaque, as_jwt), ("of_a_JWT", jwt, json)]
    {
        let form = world::about_form(token);
        let headers = [world::FORM, ("authorization", scene.basic.as_bytes()), accept];
        let request = Request::new("POST", "/introspect").headers(&headers).body(form.as_bytes());
        let ask = || now_or_never(scene.provider.introspect(black_box(request)));
        let body = ask().expect("the client may ask").body;
        assert!(!body.starts_with(br#"{"active":false"#), "{name}: the token is good");
        group.bench_function(name, |b| b.iter(ask));
    }
}

fn revoke(c: &mut Criterion) {
    let scene = Scene::new(SigningAlgorithm::ES256);
    let form = world::about_form(&world::verifier(0));
    let headers = [world::FORM, ("authorization", scene.basic.as_bytes())];
    let request = Request::new("POST", "/revoke").headers(&headers).body(form.as_bytes());
    c.bench_function("revoke/unknown", |b| {
        b.iter(|| now_or_never(scene.provider.revoke(black_box(request))).expect("it is well"));
    });
}

fn userinfo(c: &mut Criterion) {
    let scene = Scene::new(SigningAlgorithm::ES256);
    let tokens = now_or_never(world::tokens(&scene.provider, &scene.cookie, 0));
    let bearer = format!("Bearer {}", world::token_of(&tokens, "access_token"));
    let headers = [("authorization", bearer.as_bytes())];
    let request = Request::new("GET", "/userinfo").headers(&headers);
    c.bench_function("userinfo", |b| {
        b.iter(|| now_or_never(scene.provider.userinfo(black_box(request))).expect("it is good"));
    });
}

fn parse(c: &mut Criterion) {
    let scene = Scene::new(SigningAlgorithm::ES256);
    let every = format!(
        "{}&response_mode=query&display=page&prompt=none&max_age=3600&ui_locales=en-GB%20de\
         &claims_locales=en&login_hint=ada%40mail.example&acr_values=urn%3Amace%3Asilver\
         &resource=https%3A%2F%2Fapi.example%2F",
        world::authorize_query(0)
    );
    let hundred = (0..100).map(|n| format!("p{n}=v%20{n}")).collect::<Vec<_>>().join("&");
    let mut group = c.benchmark_group("parse");
    for (name, query) in [("every_parameter", &every), ("100_parameters", &hundred)] {
        let request = Request::new("GET", "/authorize").query(query);
        group.bench_function(name, |b| {
            b.iter(|| now_or_never(scene.provider.dispatch(black_box(request))));
        });
    }
}

fn documents(c: &mut Criterion) {
    let provider = Scene::new(SigningAlgorithm::ES256).provider;
    let request = Request::new("GET", "/");
    c.bench_function("discovery", |b| b.iter(|| provider.metadata(black_box(request))));
    c.bench_function("jwks", |b| b.iter(|| provider.jwks(black_box(request))));
}

/// One person who is signed in and has agreed, and the hands of the provider's clock.
struct Scene {
    provider: Provider,
    hands: Hands,
    cookie: String,
    query: String,
    verifier: String,
    basic: String,
}

impl Scene {
    fn new(algorithm: SigningAlgorithm) -> Self {
        let keys = KeySet::generate(&[SigningAlgorithm::RS256, algorithm], NOW);
        Self::with(algorithm, keys.expect("keys can be made"))
    }

    fn with(algorithm: SigningAlgorithm, signer: impl Signer) -> Self {
        let hands = Hands(Arc::new(AtomicI64::new(NOW.unix())));
        let store = oidc_op::store::MemoryStore::with_clock(hands.clone());
        let provider = world::provider(store, signer, algorithm, 1, hands.clone());
        Self {
            cookie: now_or_never(world::settle(&provider, 0)),
            provider,
            hands,
            query: world::authorize_query(0),
            verifier: world::verifier(0),
            basic: world::basic(),
        }
    }

    fn authorize(&self) -> Reply {
        let headers = [("cookie", self.cookie.as_bytes())];
        let request = Request::new("GET", "/authorize").query(&self.query).headers(&headers);
        match now_or_never(self.provider.authorize(request)) {
            Ok(Outcome::Reply(reply)) => reply,
            other => panic!("not a code: {other:?}"),
        }
    }

    /// The body that redeems a fresh code.
    fn token_form(&self) -> String {
        let reply = self.authorize();
        let code = reply.header("location").and_then(world::code_of).expect("there is a code");
        world::token_form(code, &self.verifier)
    }

    fn token(&self, form: &str) -> Reply {
        let headers = [world::FORM, ("authorization", self.basic.as_bytes())];
        let request = Request::new("POST", "/token").headers(&headers).body(form.as_bytes());
        now_or_never(self.provider.token(request)).expect("the code is good")
    }

    /// Takes the time of `step`, each on an input of its own, without that of making the inputs and
    /// of purging the store.
    fn measure<I, O>(
        &self,
        bencher: &mut Bencher<'_>,
        mut input: impl FnMut() -> I,
        mut step: impl FnMut(I) -> O,
    ) {
        bencher.iter_custom(|iterations| {
            let (mut left, mut taken) = (iterations, Duration::ZERO);
            while left > 0 {
                let chunk = left.min(CHUNK);
                let inputs: Vec<_> = (0..chunk).map(|_| input()).collect();
                let mut outputs = Vec::with_capacity(inputs.len());
                let start = Instant::now();
                outputs.extend(inputs.into_iter().map(&mut step));
                taken += start.elapsed();
                left -= chunk;
                self.purge();
            }
            taken
        });
    }

    fn purge(&self) {
        self.hands.0.fetch_add(3 * 3600, Ordering::Relaxed);
        now_or_never(self.provider.work(u32::MAX)).expect("a memory store does not fail");
    }
}

/// A clock that stands still until it is moved.
#[derive(Clone, Debug)]
struct Hands(Arc<AtomicI64>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::Relaxed))
    }
}

/// The output of a future that has nothing to wait for.
fn now_or_never<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("there was something to wait for"),
    }
}

criterion_group!(
    benches,
    mint,
    decide,
    implicit,
    redeem,
    client_credentials,
    refresh,
    introspection,
    revoke,
    userinfo,
    parse,
    documents
);
criterion_main!(benches);
