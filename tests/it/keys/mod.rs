//! Signing keys in the store: several nodes that rotate them at run time, without a restart.

mod at_rest;
mod faults;
mod life;
mod nodes;
mod races;
mod secrets;

use std::sync::{Arc, LazyLock};

use oidc_op::{
    Issuer, KeyRecord, KeyRotation, KeySet, KeyState, Secret, Secrets, Signer,
    SigningAlgorithm::{self, ES256, RS256},
    StoredKeys, Timestamp,
    store::{FaultyStore, Kind},
    test_util::{SeededEntropy, TestClock},
};
use serde_json::Value;

use crate::support::{ALICE, Browser, Ledger, Op, Setup, header};

/// RSA keys are slow to make: what the record of most tests begins with.
static FIRST: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::generate(&[RS256, ES256], Timestamp::from_unix(0)).unwrap());

const BOTH: [SigningAlgorithm; 2] = [RS256, ES256];

/// An hour announced, a day retiring.
const ROTATION: KeyRotation = KeyRotation::new(oidc_op::Duration::HOUR, oidc_op::Duration::DAY);

fn issuer() -> Issuer {
    Issuer::new("https://id.example").unwrap()
}

/// Storage secrets of these bytes, and a token secret.
fn secrets(storage: &[u8]) -> Secrets {
    let secret = |byte: &u8| Secret::new([*byte; 32]).unwrap();
    let mut secrets = Secrets::new(secret(&1));
    secrets.storage = storage.iter().map(secret).collect();
    secrets
}

/// What all nodes have in common.
struct Cluster {
    store: FaultyStore,
    ledger: Arc<Ledger>,
    clock: TestClock,
    secrets: Secrets,
    first: KeySet,
}

impl Cluster {
    fn new() -> Self {
        let clock = TestClock::at(Timestamp::from_unix(1_800_000_000));
        let ledger = Ledger::with_clock(clock.clone());
        let store = FaultyStore::new(Arc::clone(&ledger));
        Self { store, ledger, clock, secrets: secrets(&[2]), first: FIRST.clone() }
    }

    fn record(&self, node: u64) -> KeyRecord {
        let record = KeyRecord::new(self.store.clone(), &issuer(), &self.secrets).unwrap();
        let entropy = SeededEntropy::new(1_000 + node);
        record.first(self.first.clone()).clock(self.clock.clone()).entropy(entropy)
    }

    async fn keys(&self, node: u64) -> StoredKeys {
        self.record(node).open(&BOTH).await.unwrap()
    }

    async fn node(&self, node: u64) -> Node {
        let keys = self.keys(node).await;
        let setup = Setup::new();
        let op = Setup {
            store: Arc::new(self.store.clone()),
            signer: Arc::new(keys.clone()),
            clock: self.clock.clone(),
            secrets: self.secrets.clone(),
            seed: node,
            ..setup
        };
        Node { op: op.build(), keys }
    }

    fn now(&self) -> Timestamp {
        oidc_op::Clock::now(&self.clock)
    }

    fn wait(&self, seconds: i64) {
        self.clock.advance(oidc_op::Duration::seconds(seconds));
    }

    /// The record of the keys as it was last written.
    fn body(&self) -> String {
        self.ledger.body(Kind::Keys)
    }

    /// Somebody else writes this in its place.
    async fn overwrite(&self, body: String, version: u8) {
        self.ledger.overwrite(Kind::Keys, body, version).await;
    }

    /// What the store holds, read by somebody new: the keys of ES256 and their states.
    async fn stored(&self) -> Vec<(String, KeyState)> {
        listed(&self.record(99).open(&[]).await.unwrap(), self.now())
    }
}

/// One process of the provider.
struct Node {
    op: Op,
    keys: StoredKeys,
}

impl Node {
    /// Alice signs in at a client of ES256; her ID token.
    async fn id_token(&self) -> String {
        let mut browser = Browser::new(&self.op);
        let cb = ("redirect_uri", "https://es256.example/cb");
        let request = Op::request_with(&[("client_id", "es256"), cb]);
        let code = browser.code(&request, ALICE).await;
        let body = Op::redemption(&code).map(|(n, v)| if n == cb.0 { cb } else { (n, v) });
        let answer = self.op.token("es256", "es256", &body).await;
        assert_eq!(answer.status(), 200, "{:?}", answer.json());
        answer.member("id_token")
    }

    /// The key that signs in fact.
    async fn signs_with(&self) -> String {
        header(&self.id_token().await)["kid"].as_str().unwrap().to_owned()
    }

    async fn jwks(&self) -> Value {
        self.op.send("GET", "/jwks", "", &[], "").await.json()
    }

    async fn work(&self) {
        self.op.provider.work(100).await.unwrap();
    }
}

/// The published keys of ES256 and their states.
fn listed(keys: &dyn Signer, now: Timestamp) -> Vec<(String, KeyState)> {
    let published = keys.published(now).into_iter();
    let of = published.filter(|key| key.key.algorithm == ES256);
    of.map(|key| (key.key.kid.to_string(), key.state)).collect()
}

fn active(keys: &dyn Signer, now: Timestamp) -> String {
    keys.active(ES256, now).unwrap().kid.to_string()
}
