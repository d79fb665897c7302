//! Redis: the contract, which servers will do, what becomes of calls while one is away, and that no listing
//! misses a record whose place in it is tidied up.

mod index;
mod outage;
mod server;

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError, Weak,
    atomic::{AtomicU32, Ordering},
};

use oidc_op::{
    Clock, SystemClock,
    store::{
        Durability, Expect, Label, Put, RedisError, RedisOptions, RedisStore, Store,
        contract::block_on,
    },
    test_util::TestClock,
};
use tokio::runtime::Runtime;

use crate::support::{
    ALICE, Browser, Op, Setup,
    services::{Engine, Service},
};

/// The runtime that all stores here are opened in; their callers need not know of it.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    })
}

fn try_open(options: &RedisOptions) -> Result<RedisStore, RedisError> {
    let options = options.clone();
    let opened = runtime().spawn(async move { RedisStore::with_options(&options).await });
    block_on(opened).unwrap()
}

fn open(options: &RedisOptions) -> RedisStore {
    try_open(options).unwrap()
}

/// The server that tests share which do not stop it or set it otherwise; `None` if there is to be none.
fn shared() -> Option<Arc<Service>> {
    static SHARED: Mutex<Weak<Service>> = Mutex::new(Weak::new());
    if !Engine::Redis.is_wanted() {
        return None;
    }
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    Some(shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Service::start(Engine::Redis));
        *shared = Arc::downgrade(&server);
        server
    }))
}

/// A server of the test's own.
fn own() -> Option<Service> {
    Engine::Redis.is_wanted().then(|| Service::start(Engine::Redis))
}

/// A place of its own at the server. This machine may be busy.
fn place(server: &Service) -> RedisOptions {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut options = RedisOptions::new(server.url());
    options.prefix = format!("test-{}", COUNT.fetch_add(1, Ordering::SeqCst));
    options.deadline = std::time::Duration::from_secs(20);
    options
}

/// A connection past all stores.
fn aside(server: &Service) -> ::redis::Connection {
    ::redis::Client::open(server.url()).unwrap().get_connection().unwrap()
}

const fn label() -> Label {
    Label::from_hash([7; 32])
}

#[test]
fn keeps_the_contract() {
    let Some(server) = shared() else { return };
    super::keep_contract(|| open(&place(&server)));
}

/// Two nodes: each sees at once what the other one has written, and of two writers one wins.
#[test]
fn two_stores_at_one_server() {
    let Some(server) = shared() else { return };
    let options = place(&server);
    super::keep_contract(|| super::Alternating::new([open(&options), open(&options)]));
}

#[test]
fn other_prefixes_see_nothing() {
    let Some(server) = shared() else { return };
    let [one, other] = [place(&server), place(&server)].map(|options| open(&options));
    let (key, record) = super::record(b"apart");
    let labels = [label()];
    let expect = Expect::Absent { labels: &labels };
    block_on(one.put(&key, expect, record.clone())).unwrap();
    assert!(block_on(other.get(&key)).unwrap().is_none());
    assert!(block_on(other.list(key.kind(), &label(), None, 10)).unwrap().keys.is_empty());
    assert_eq!(block_on(other.delete(&key, &record.version)).unwrap(), Put::Conflict);
    assert!(block_on(one.get(&key)).unwrap().is_some());
}

/// A sign-in goes on where it was when the server ended, without any notice (threat RE-11); and there is nothing
/// in Redis that anybody could present, and nobody's name is in that of a key (threat P-11).
#[tokio::test]
async fn re_11_everything_is_there_after_a_restart() {
    let Some(server) = own() else { return };
    let options = place(&server);
    let start = || {
        let clock = TestClock::at(SystemClock.now());
        Setup { store: Arc::new(open(&options)), clock, ..Setup::new() }.build()
    };
    let op = start();
    let mut browser = Browser::new(&op);
    let code = browser.code(&Op::request(), ALICE).await;
    let tokens = op.redeem(&code).await.json();
    let pending = browser.code(&Op::request(), ALICE).await;
    let refresh = op.tokens("refresh", ALICE).await.refresh;
    drop(op);

    let mut found = Vec::new();
    let mut aside = aside(&server);
    let keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query(&mut aside).unwrap();
    for key in keys {
        assert!(key.starts_with(&format!("{}:", options.prefix)) && !key.contains(ALICE), "{key}");
        let kept = ::redis::cmd("GET").arg(&key).query::<Vec<u8>>(&mut aside);
        let Ok(kept) = kept else { continue };
        found.push(String::from_utf8_lossy(&kept).into_owned());
    }
    assert!(found.iter().any(|kept| kept.contains("conf-basic")), "{found:?}");
    let access = tokens["access_token"].as_str().unwrap();
    let handed_out = [code.as_str(), &pending, &refresh, access].into_iter();
    for secret in handed_out.chain(browser.cookies.values().map(String::as_str)) {
        assert!(!found.iter().any(|kept| kept.contains(secret)), "{secret} in {found:?}");
    }

    server.kill();
    server.resume();
    let op = start();
    let browser = browser.at(&op);
    assert_eq!(browser.who().await.as_deref(), Some(ALICE));
    assert_eq!(op.userinfo(access).await.status(), 200);
    assert_eq!(op.redeem(&pending).await.status(), 200);
    assert_eq!(op.redeem(&pending).await.error(), "invalid_grant");
    assert_eq!(op.redeem(&code).await.error(), "invalid_grant");
}

/// With less durability the contract is the same, as long as there is power.
#[test]
fn keeps_the_contract_relaxed() {
    let Some(server) = own() else { return };
    let set = ["appendfsync", "everysec"];
    ::redis::cmd("CONFIG").arg("SET").arg(&set).exec(&mut aside(&server)).unwrap();
    super::keep_contract(|| {
        let mut options = place(&server);
        options.durability = Durability::Relaxed;
        open(&options)
    });
}
