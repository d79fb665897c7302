//! Stored records: the JSON of this release is pinned, and what a newer release wrote is refused.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oidc_op::{
    Agreement, AssertionAudience, Duration, InitialAccess, Issuer, KeyRecord, KeySet, Resource,
    Rotation, Secret, Secrets, Subject, Timestamp, Verdict,
    store::{
        Cursor, Expect, Key, Kind, Label, Listing, MemoryStore, Put, Record, Store, StoreError,
        Version,
    },
    test_util::SeededEntropy,
};

use serde_json::json;

use crate::{
    registration,
    support::{ALICE, Browser, Op, Setup},
};

/// Keeps the last body of each kind, and rewrites what is read.
#[derive(Debug)]
struct Scribe {
    inner: MemoryStore,
    written: Mutex<Vec<(Kind, String)>>,
    rewrite: Mutex<Option<(Kind, &'static str, &'static str)>>,
}

impl Scribe {
    fn written(&self, kind: Kind) -> String {
        let written = self.written.lock().unwrap();
        let last = written.iter().rev().find(|(of, _)| *of == kind);
        last.unwrap_or_else(|| panic!("no {kind:?} was written")).1.clone()
    }
}

#[async_trait]
impl Store for Scribe {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let record = self.inner.get(key).await?;
        let rewrite = *self.rewrite.lock().unwrap();
        Ok(record.map(|record| match rewrite {
            Some((kind, from, to)) if kind == key.kind() => {
                let body = String::from_utf8(record.body.to_vec()).unwrap();
                assert!(body.contains(from), "{body}");
                let body = body.replacen(from, to, 1).into_bytes();
                Record::new(record.version, body, record.keep_until)
            }
            _ => record,
        }))
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        let body = String::from_utf8(record.body.to_vec()).unwrap();
        self.written.lock().unwrap().push((key.kind(), body));
        self.inner.put(key, expect, record).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        self.inner.delete(key, version).await
    }

    async fn list(
        &self,
        kind: Kind,
        label: &Label,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Listing, StoreError> {
        self.inner.list(kind, label, after, limit).await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.inner.purge(before, limit).await
    }
}

fn scribed() -> (Op, Arc<Scribe>) {
    scribed_with(Setup::new())
}

fn scribed_with(setup: Setup) -> (Op, Arc<Scribe>) {
    let inner = MemoryStore::with_clock(setup.clock.clone());
    let store = Arc::new(Scribe { inner, written: Mutex::default(), rewrite: Mutex::default() });
    (Setup { store: store.clone(), ..setup }.build(), store)
}

/// Clock and randomness are fixed, so every byte is. A change here is a change of the schema: readers
/// ship a release before writers, and whatever narrows rights raises `v`.
#[tokio::test]
async fn the_json_of_this_release_is_pinned() {
    let (op, store) = scribed();
    let mut browser = Browser::new(&op);
    let mut request = Op::request();
    request.push(("resource", "https://api.example/"));
    let code = browser.code(&request, ALICE).await;
    let pending = store.written(Kind::Grant);
    op.redeem(&code).await;
    let redeemed = store.written(Kind::Grant);
    op.redeem(&code).await;
    let revoked = store.written(Kind::Grant);
    let alice = oidc_op::Subject::new(ALICE).unwrap();
    op.provider.revoke_all(&alice).await.unwrap();
    browser.authorize(&Op::request_with(&[("state", &"s".repeat(8_000))])).await;
    let interaction = store.written(Kind::Interaction);
    let members: Vec<_> = interaction.split(',').map(|m| m.split(':').next().unwrap()).collect();
    assert_eq!(members, ["{\"v\"", "\"digest\"", "\"sealed\""]);

    let (session, consent) = (store.written(Kind::Session), store.written(Kind::Consent));

    let claims =
        r#"{"userinfo":{"name#fr":null,"phone_number":null},"id_token":{"nickname":null}}"#;
    let request = Op::request_with(&[("claims", claims), ("claims_locales", "fr")]);
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&request).await;
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    let mut agreement = Agreement::to_all(answer.page());
    agreement.claims.as_mut().unwrap().retain(|name| **name != *"phone_number");
    agreement.remember = true;
    browser.submit(&answer.page().token.clone(), Verdict::Consent(agreement)).await;

    // The key of RFC 8037 A.1.
    let keys = KeySet::from_json(
        r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","active_at":1800000000}"#,
    );
    let issuer = Issuer::new("https://id.example").unwrap();
    let mut secrets = Secrets::default();
    secrets.storage.push(Secret::new([2; 32]).unwrap());
    let record = KeyRecord::new(store.clone(), &issuer, &secrets).unwrap().first(keys.unwrap());
    record.clock(op.clock.clone()).entropy(SeededEntropy::new(1)).open(&[]).await.unwrap();

    let registered = of_registration().await;
    let pinned = [
        ("grant, pending", pending),
        ("grant, redeemed", redeemed),
        ("grant, revoked", revoked),
        ("grant with single claims", store.written(Kind::Grant)),
        ("session", session),
        ("consent", consent),
        ("consent to single claims", store.written(Kind::Consent)),
        ("standing", store.written(Kind::Standing)),
        ("keys", store.written(Kind::Keys)),
    ]
    .into_iter()
    .chain(registered)
    .map(|(name, body)| format!("{name}\n{body}\n"))
    .collect::<Vec<_>>()
    .concat();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/schema.0.1.txt");
    if std::env::var_os("PIN_SCHEMA").is_some() {
        std::fs::write(file, &pinned).unwrap();
    }
    assert_eq!(pinned, std::fs::read_to_string(file).unwrap(), "see PIN_SCHEMA in this test");
}

/// The records of clients: one that has registered itself, one whose secret is a key and that came with a
/// token, the same once it has been used, and one of an administrator's; and those of who
/// may register.
async fn of_registration() -> Vec<(&'static str, String)> {
    let setup = registration::setup_with(|rules| rules.secret_lifetime = Some(Duration::DAY));
    let (op, store) = scribed_with(setup);
    op.register(&registration::web()).await;
    let window = store.written(Kind::Allowance);
    let registered = store.written(Kind::Client);
    let mut access = InitialAccess::once(Duration::DAY);
    access.purpose = Some("partner:acme".into());
    let token = op.provider.issue_initial_access(&access).await.unwrap();
    let issued = store.written(Kind::Allowance);
    let metadata = registration::web_with(&json!({
        "client_name": "App", "client_name#fr": "Appli", "scope": "openid email",
        "id_token_signed_response_alg": "HS256"
    }));
    let client = op.try_register(&metadata, Some(&token)).await;
    let (spent, sealed) = (store.written(Kind::Allowance), store.written(Kind::Client));
    let client = registration::Registered(client.json());
    assert!(client.is_known_by(&op, client.text("client_secret")).await);
    let used = store.written(Kind::Client);
    let mut made = crate::support::client("made", true, &["https://made.example/cb"], &json!({}));
    made.owner = Some(Subject::new(ALICE).unwrap());
    made.require_pkce = Some(true);
    made.assertion_audience = Some(AssertionAudience::CalledEndpoint);
    made.claims.deny.insert("email".into());
    made.refresh.rotation = Some(Rotation::Off);
    made.resources = Some(vec![Resource::new("https://api.example/").unwrap()]);
    op.provider.create_client(made).await.unwrap();
    vec![
        ("client, registered", registered),
        ("client, whose secret is a key", sealed),
        ("client, used", used),
        ("client of an administrator", store.written(Kind::Client)),
        ("allowance of a window", window),
        ("allowance of a token", issued),
        ("allowance of a token, used", spent),
    ]
}

/// The same of clients, and of who may register: 503 wherever they are needed, and nothing is lost.
#[tokio::test]
async fn newer_and_damaged_registrations_are_refused() {
    for (kind, from, to) in [
        (Kind::Client, "\"v\":1", "\"v\":2"),
        (Kind::Client, "\"v\":1", "\"v\":65535"),
        (Kind::Client, "{", "["),
        (Kind::Client, "\"digest\"", "\"quantum\""),
        (Kind::Client, "\"redirect_uris\":[", "\"redirect_uris\":[7,"),
        (Kind::Allowance, "\"v\":1", "\"v\":2"),
        (Kind::Allowance, "{", "["),
    ] {
        let (op, store) = scribed_with(registration::setup());
        let access = InitialAccess::once(Duration::DAY);
        let token = op.provider.issue_initial_access(&access).await.unwrap();
        let client = op.register(&registration::refreshing()).await;
        let tokens = client.tokens(&op).await;
        let (access, refresh) = (tokens.member("access_token"), tokens.member("refresh_token"));
        // Another node, which has not read it before.
        let setup = registration::setup();
        let node = Setup { store: store.clone(), seed: 2, ..setup }.build();
        *store.rewrite.lock().unwrap() = Some((kind, from, to));
        let answers = if kind == Kind::Client {
            let page = Browser::new(&node).authorize(&client.request()).await;
            assert_eq!(page.status(), 503, "{to}");
            vec![
                client.read(&node).await,
                client.put(&node, &json!({})).await,
                client.manage(&node, "DELETE", &json!(null)).await,
                client.refresh(&node, &refresh).await,
                node.userinfo(&access).await,
            ]
        } else {
            vec![
                node.try_register(&registration::web(), None).await,
                node.try_register(&registration::web(), Some(&token)).await,
            ]
        };
        for (i, answer) in answers.iter().enumerate() {
            let refused = (answer.status(), answer.error());
            assert_eq!(refused, (503, "temporarily_unavailable".into()), "{kind:?} {to} {i}");
            assert_eq!(answer.header("retry-after"), Some("5"), "{kind:?} {to} {i}");
        }
        *store.rewrite.lock().unwrap() = None;
        assert_eq!(client.refresh(&node, &refresh).await.status(), 200, "nothing is lost");
        let late = node.try_register(&registration::web(), Some(&token)).await;
        assert_eq!(late.status(), 201, "nor is a use of the token");
    }
}

/// A newer schema is refused with 503, never misunderstood; so is a damaged record.
#[tokio::test]
async fn newer_and_damaged_records_are_refused() {
    for (kind, from, to) in [
        (Kind::Grant, "\"v\":1", "\"v\":2"),
        (Kind::Grant, "\"v\":1", "\"v\":65535"),
        (Kind::Grant, "{", "["),
        (Kind::Grant, "\"Pending\"", "\"Suspended\""),
        (Kind::Session, "\"v\":1", "\"v\":2"),
        (Kind::Consent, "\"v\":1", "\"v\":2"),
        (Kind::Standing, "\"v\":1", "\"v\":2"),
    ] {
        let (op, store) = scribed();
        let alice = oidc_op::Subject::new(ALICE).unwrap();
        op.provider.revoke_all(&alice).await.unwrap();
        op.wait(1);
        let mut browser = Browser::new(&op);
        let code = browser.code(&Op::request(), ALICE).await;
        *store.rewrite.lock().unwrap() = Some((kind, from, to));
        let answer = op.redeem(&code).await;
        assert_eq!(
            (answer.status(), answer.error()),
            (503, "temporarily_unavailable".into()),
            "{kind:?} {to}"
        );
        assert_eq!(answer.header("retry-after"), Some("5"));
        if kind != Kind::Grant {
            let answer = browser.authorize(&Op::request()).await;
            assert_eq!(answer.parameter("error"), "temporarily_unavailable", "{kind:?}");
        }
        *store.rewrite.lock().unwrap() = None;
        assert_eq!(op.redeem(&code).await.status(), 200, "{kind:?} {to}: nothing is lost");
    }
}

/// What an older reader does not know, it carries along unharmed: unknown members are ignored.
#[tokio::test]
async fn unknown_members_are_ignored() {
    let (op, store) = scribed();
    let code = op.code().await;
    *store.rewrite.lock().unwrap() = Some((Kind::Grant, "{\"v\":1,", "{\"v\":1,\"later\":[1],"));
    assert_eq!(op.redeem(&code).await.status(), 200);
}
