//! RE-13: a signing key was stolen, and is removed while the servers run.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{
    Clock, KeyRecord, Secret, Signer,
    SigningAlgorithm::{ES256, EdDSA, RS256},
    StoredKeys,
    store::{MemoryStore, Store},
    test_util::TestClock,
};
use serde_json::{Value, json};

use crate::support::{ALICE, ALL_KEYS, Answer, Ask, Browser, Op, Setup, header};

const ORDERS: &str = "https://orders.example/";
const ISSUER: &str = "https://id.example";
const INACTIVE: &[u8] = br#"{"active":false}"#;

/// One process of the provider.
struct Node {
    op: Op,
    keys: StoredKeys,
}

impl Node {
    async fn start(store: &Arc<dyn Store>, clock: &TestClock, seed: u64) -> Self {
        let mut setup = Setup::new();
        setup.secrets.storage = vec![Secret::new([2; 32]).unwrap()];
        let record = KeyRecord::new(Arc::clone(store), &setup.config.issuer, &setup.secrets);
        let record = record.unwrap().clock(clock.clone()).first(ALL_KEYS.clone());
        let keys = record.open(&[RS256, ES256, EdDSA]).await.unwrap();
        let (store, clock) = (Arc::clone(store), clock.clone());
        let signer = Arc::new(keys.clone());
        Self { op: Setup { store, signer, clock, seed, ..setup }.build(), keys }
    }

    fn active(&self) -> String {
        self.keys.active(ES256, self.op.clock.now()).unwrap().kid.to_string()
    }
}

/// What the key has signed: the tokens of a client for itself and for Alice, and her ID token.
struct Signed {
    own: String,
    alice: String,
    id: String,
}

impl Signed {
    async fn by(op: &Op, browser: &mut Browser) -> Self {
        let body = [("grant_type", "client_credentials"), ("resource", ORDERS)];
        let own = op.token_as("cc-client", &body).await.member("access_token");
        let scope = "openid email orders:read";
        let alice = op.tokens_for("refresh", ALICE, scope, &[ORDERS, ISSUER]).await.access;
        let ask = Ask::of("es256", "code");
        let code = browser.ask(&ask, ALICE).await.get("code").to_owned();
        let id = op.exchange(&ask, &code).await.member("id_token");
        Self { own, alice, id }
    }

    fn all(&self) -> [&str; 3] {
        [&self.own, &self.alice, &self.id]
    }

    /// Whether the node takes what it is shown, everywhere where it reads such a thing.
    #[track_caller]
    fn are_good(answers: &[Answer], good: bool, what: &str) {
        for answer in answers {
            match answer.status() {
                200 if good => assert_ne!(answer.reply().body, INACTIVE, "{what}"),
                200 => assert_eq!(answer.reply().body, INACTIVE, "{what}"),
                status => assert_eq!((status, good), (401, false), "{what}"),
            }
        }
    }

    async fn shown_to(&self, op: &Op) -> Vec<Answer> {
        vec![
            op.introspect("rs2", &self.own).await,
            op.introspect("cc-client", &self.own).await,
            op.introspect("rs2", &self.alice).await,
            op.introspect("refresh", &self.alice).await,
            op.userinfo(&self.alice).await,
        ]
    }

    /// What becomes of a silent request with the ID token as a hint, and of a sign-out.
    async fn hinted(&self, op: &Op, browser: &Browser) -> (Option<String>, u16) {
        let mut browser = browser.clone().at(op);
        let ask = Ask::of("es256", "code").with("prompt", "none").with("id_token_hint", &self.id);
        let error = browser.quiet(&ask).await.parameters.get("error").cloned();
        let answer = browser.clone().end_session(&[("id_token_hint", &self.id)]).await;
        let status = match answer {
            Answer::SignedOut(_) => 200,
            Answer::Reply(reply) => reply.status,
            other => panic!("{other:?}"),
        };
        (error, status)
    }
}

#[tokio::test]
async fn re_13_a_stolen_key_is_removed_everywhere() {
    let clock = Setup::new().clock;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(clock.clone()));
    let (one, other) = (Node::start(&store, &clock, 1).await, Node::start(&store, &clock, 2).await);
    let mut browser = Browser::new(&one.op);
    let signed = Signed::by(&one.op, &mut browser).await;
    let stolen = one.active();
    for token in signed.all() {
        assert_eq!(header(token)["kid"], *stolen);
    }
    let opaque = one.op.tokens("refresh", ALICE).await;
    for node in [&one, &other] {
        Signed::are_good(&signed.shown_to(&node.op).await, true, "before");
        assert!(node.op.provider.inspect(&signed.own).await.unwrap().is_some());
    }
    assert_eq!(
        signed.hinted(&other.op, &Browser::new(&other.op)).await.0.unwrap(),
        "login_required"
    );
    let mut kept = browser.clone();
    let hinted = Ask::of("es256", "code").with("prompt", "none").with("id_token_hint", &signed.id);
    assert!(kept.quiet(&hinted).await.parameters.contains_key("code"));

    one.keys.without(&stolen).await.unwrap();
    other.op.provider.work(100).await.unwrap();
    for node in [&one, &other] {
        Signed::are_good(&signed.shown_to(&node.op).await, false, "after");
        assert!(node.op.provider.inspect(&signed.own).await.unwrap().is_none());
        let hinted = signed.hinted(&node.op, &browser).await;
        assert_eq!(hinted, (Some("invalid_request".into()), 400));
        let jwks = node.op.jwks().await;
        assert!(jwks["keys"].as_array().unwrap().iter().all(|key| key["kid"] != *stolen), "{jwks}");
        // What needs no key goes on, and something signs all the same.
        assert_eq!(node.op.userinfo(&opaque.access).await.status(), 200);
        let fresh = Signed::by(&node.op, &mut Browser::new(&node.op)).await;
        for token in fresh.all() {
            let kid = header(token)["kid"].as_str().unwrap().to_owned();
            assert_ne!(kid, stolen);
            assert_eq!(kid, one.active());
        }
        Signed::are_good(&fresh.shown_to(&one.op).await, true, "the new key");
        Signed::are_good(&fresh.shown_to(&other.op).await, true, "the new key");
    }
    opaque.refreshed(&other.op).await;
}

/// Tokens that name a key that is not there, or none, or no such name: never a panic, and never a good token.
#[tokio::test]
async fn re_13_names_of_keys_that_are_not_there() {
    let clock = Setup::new().clock;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(clock.clone()));
    let node = Node::start(&store, &clock, 1).await;
    let signed = Signed::by(&node.op, &mut Browser::new(&node.op)).await;
    let former = node.active();
    node.keys.without(&former).await.unwrap();
    let long = "k".repeat(5_000);
    for kid in [
        None,
        Some(Value::Null),
        Some(json!("")),
        Some(json!(former)),
        Some(json!(node.active())),
        Some(json!("\u{0}")),
        Some(json!(long)),
        Some(json!(7)),
        Some(json!([former])),
        Some(json!({ "kid": former })),
    ] {
        let with_kid = |token: &str| {
            let mut head = header(token);
            let members = head.as_object_mut().unwrap();
            members.remove("kid");
            members.extend(kid.clone().map(|kid| ("kid".to_owned(), kid)));
            let (_, rest) = token.split_once('.').unwrap();
            format!("{}.{rest}", URL_SAFE_NO_PAD.encode(head.to_string()))
        };
        let [own, alice, id] = signed.all().map(with_kid);
        let forged = Signed { own, alice, id };
        Signed::are_good(&forged.shown_to(&node.op).await, false, &format!("{kid:?}"));
        let hinted = forged.hinted(&node.op, &Browser::new(&node.op)).await;
        assert_eq!(hinted, (Some("invalid_request".into()), 400), "{kid:?}");
    }
}
