//! The clients of the store, taken together: one whose record cannot be read, and a walk over all of them.

use std::{collections::BTreeSet, sync::Arc};

use oidc_op::{
    AdministrationError, Client, ClientId, Duration, LintRule, Provider, Reason, RegisteredClients,
    Secret, Severity, SystemClock, UnreadableClient,
    store::{Fault, FaultyStore, Kind, MemoryStore, Operation, Store, StoreError},
};
use serde_json::json;

use crate::{
    registration::{setup_with, web_with},
    support::{Ledger, Op, Setup, client, keyed, keys::KEPT},
};

/// What only the record of one client has in it.
const SPOILT: &str = r#""id":"spoilt""#;

/// One that there is something to say of: it may do without PKCE.
fn lax(name: &str) -> Client {
    let mut lax = client(name, false, &["https://app.example/cb"], &json!({}));
    lax.require_pkce = Some(false);
    lax
}

async fn clients_on_ledger() -> (Op, Arc<Ledger>) {
    let mut setup = Setup::new();
    setup.clients.clear();
    let (op, ledger) = setup.build_on_ledger();
    for name in ["a", "b", "spoilt", "y", "z"] {
        op.provider.create_client(lax(name)).await.unwrap();
    }
    (op, ledger)
}

fn names<'c>(clients: impl IntoIterator<Item = &'c Client>) -> BTreeSet<String> {
    clients.into_iter().map(|client| client.id.to_string()).collect()
}

/// All pages of this size.
async fn all(provider: &Provider, limit: u32) -> RegisteredClients {
    let (mut all, mut after) = (RegisteredClients::default(), None);
    loop {
        let page = provider.registered_clients(after.as_ref(), limit).await.unwrap();
        all.clients.extend(page.clients);
        all.unreadable.extend(page.unreadable);
        let Some(next) = page.next else { return all };
        after = Some(next);
    }
}

fn id(name: &str) -> ClientId {
    ClientId::new(name).unwrap()
}

/// Whatever is wrong with a record, the others are listed, and it is named as far as it names itself.
#[tokio::test]
async fn one_record_that_cannot_be_read_is_named_and_the_others_listed() {
    let (op, ledger) = clients_on_ledger().await;
    for (from, spoilt, named) in [
        (r#""v":1"#, r#""v":2"#, true),
        (r#""epoch":"#, r#""epoch":"not a number","was":"#, true),
        (r#"{"v""#, r#"{{"v""#, false),
        (SPOILT, r#""id":"z","v":9"#, false),
        (SPOILT, r#""id":7"#, false),
    ] {
        ledger.misread(Kind::Client, Some(SPOILT), from, spoilt);
        for limit in [1, 2, 100] {
            let found = all(&op.provider, limit).await;
            let known = names(found.clients.iter().map(|registered| &registered.client));
            assert_eq!(known, ["a", "b", "y", "z"].map(String::from).into(), "{spoilt:?} {limit}");
            let [UnreadableClient { key, id, cause, .. }] = &found.unreadable[..] else {
                panic!("{spoilt:?}: {:?}", found.unreadable)
            };
            assert_eq!(key.kind(), Kind::Client);
            assert_eq!(id.as_ref().map(ClientId::as_str), named.then_some("spoilt"), "{spoilt:?}");
            assert!(matches!(**cause, StoreError::Unreadable(_)), "{spoilt:?}: {cause:?}");
        }
        let error = op.provider.registered_client(&id("spoilt")).await.unwrap_err();
        assert_eq!(error.reason(), Reason::StoreFailed, "it is not said to be unknown");
    }
    // It is all there again once the record is.
    ledger.read_well();
    let found = all(&op.provider, 100).await;
    assert_eq!((found.clients.len(), found.unreadable.len()), (5, 0));
}

/// It is a finding of its own, and none is missing for it.
#[tokio::test]
async fn a_look_over_the_clients_names_it_too() {
    let (op, ledger) = clients_on_ledger().await;
    let lax = |found: &[oidc_op::Finding]| {
        let lax = found.iter().filter(|finding| finding.rule == LintRule::PkceNotRequired);
        lax.map(|finding| finding.client.clone().unwrap().to_string()).collect::<BTreeSet<_>>()
    };
    let found = op.provider.lint().await.unwrap();
    assert_eq!((lax(&found).len(), found.len()), (5, 5), "{found:?}");
    for (from, spoilt, named) in [(r#""v":1"#, r#""v":2"#, true), (r#"{"v""#, r#"{{"v""#, false)] {
        ledger.misread(Kind::Client, Some(SPOILT), from, spoilt);
        let found = op.provider.lint().await.unwrap();
        assert_eq!(lax(&found), ["a", "b", "y", "z"].map(String::from).into());
        let mut rest = found.iter().filter(|finding| finding.rule != LintRule::PkceNotRequired);
        let finding = rest.next().unwrap();
        assert!(rest.next().is_none(), "{found:?}");
        assert_eq!(finding.rule, LintRule::ClientUnreadable);
        assert_eq!(finding.rule.severity(), Severity::Error);
        assert_eq!(finding.client, named.then(|| id("spoilt")));
        let record = finding.record.unwrap();
        let line = finding.to_string();
        for part in ["client_unreadable", &format!("{record:?}"), finding.rule.text()] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert_eq!(line.contains("\"spoilt\""), named, "{line}");
    }
}

/// One that is not there now is not one that cannot be read: the page is not to be had.
#[tokio::test]
async fn a_store_that_fails_is_no_record_that_cannot_be_read() {
    for (fault, unreadable) in
        [(Fault::Refuse, false), (Fault::LoseRequest, false), (Fault::Unreadable, true)]
    {
        let setup = Setup::new();
        let store = FaultyStore::new(MemoryStore::with_clock(setup.clock.clone()));
        let op = Setup { store: Arc::new(store.clone()), ..setup }.build();
        for name in ["a", "b"] {
            op.provider.create_client(lax(name)).await.unwrap();
        }
        store.reset();
        store.fail_nth_of(Operation::Get, 1, fault);
        match op.provider.registered_clients(None, 10).await {
            Ok(page) => {
                assert!(unreadable, "{fault:?}");
                assert_eq!((page.clients.len(), page.unreadable.len()), (1, 1));
                assert_eq!(page.unreadable[0].id, None);
            }
            Err(error) => {
                assert!(!unreadable, "{fault:?}");
                assert_eq!(error.reason(), Reason::StoreFailed);
            }
        }
    }
}

/// A provider whose storage secrets are these, on this store.
fn sealing(store: &Arc<dyn Store>, storage: &[u8], seed: u64) -> Op {
    let mut setup = Setup::new();
    setup.clients.clear();
    setup.secrets.storage = storage.iter().map(|&b| Secret::new([b; 32]).unwrap()).collect();
    Setup { store: store.clone(), seed, ..setup }.build()
}

/// As the guide has it (`guide::keys`).
async fn seal_anew(provider: &Provider) -> Result<(), AdministrationError> {
    let mut after = None;
    loop {
        let page = provider.registered_clients(after.as_ref(), 100).await?;
        for registered in &page.clients {
            match provider.update_client(&registered.client.id, |_| ()).await {
                // Somebody has deleted it meanwhile.
                Ok(_) | Err(AdministrationError::Unknown) => {}
                // It was registered under other rules; once it fits together, it can be sealed anew.
                Err(AdministrationError::Invalid(why)) => {
                    eprintln!("{}: {why}: cannot be sealed anew", registered.client.id);
                }
                Err(error) => return Err(error),
            }
        }
        for lost in &page.unreadable {
            eprintln!("{lost:?} cannot be sealed anew");
        }
        let Some(next) = page.next else { return Ok(()) };
        after = Some(next);
    }
}

/// Every record is sealed with the new storage secret afterwards, so that the old one can go; and every
/// secret is what it was.
#[tokio::test]
async fn a_walk_seals_all_secrets_anew() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let before = sealing(&store, &[7], 1);
    let expected: BTreeSet<_> = (0..230).map(|i| format!("app{i}")).collect();
    for name in &expected {
        let members = json!({
            "id_token_signed_response_alg": "HS256",
            "grant_types": ["authorization_code", "refresh_token"],
        });
        before.provider.create_client(keyed(name, &members)).await.unwrap();
    }
    let lost = all(&sealing(&store, &[8], 2).provider, 100).await;
    assert_eq!((lost.clients.len(), lost.unreadable.len()), (0, 230));
    assert_eq!(lost.unreadable.iter().filter(|lost| lost.id.is_some()).count(), 230);

    seal_anew(&sealing(&store, &[8, 7], 3).provider).await.unwrap();

    let after = sealing(&store, &[8], 4);
    let found = all(&after.provider, 100).await;
    assert_eq!(names(found.clients.iter().map(|registered| &registered.client)), expected);
    assert!(found.unreadable.is_empty());
    let known =
        after.token("app0", KEPT, &[("grant_type", "refresh_token"), ("refresh_token", "x")]);
    assert_eq!(known.await.error(), "invalid_grant", "the secret is the same");
    assert_eq!(
        all(&before.provider, 100).await.unreadable.len(),
        230,
        "with the old one, none opens"
    );
}

/// One that does not fit together any more, as it was registered under other rules, keeps the walk from nobody.
#[tokio::test]
async fn a_walk_goes_past_a_client_that_cannot_be_written() {
    let ledger = Ledger::with_clock(SystemClock);
    let store: Arc<dyn Store> = ledger.clone();
    let before = sealing(&store, &[7], 1);
    for name in ["a", "b", "spoilt", "y", "z"] {
        let members = json!({ "id_token_signed_response_alg": "HS256" });
        before.provider.create_client(keyed(name, &members)).await.unwrap();
    }
    let walking = sealing(&store, &[8, 7], 2);
    ledger.misread(Kind::Client, Some(SPOILT), "https://", "com.example.app:/");
    let error = walking.provider.update_client(&id("spoilt"), |_| ()).await.unwrap_err();
    assert!(matches!(error, AdministrationError::Invalid(_)), "{error:?}");
    seal_anew(&walking.provider).await.unwrap();
    ledger.read_well();

    let found = all(&sealing(&store, &[8], 3).provider, 100).await;
    let known = names(found.clients.iter().map(|registered| &registered.client));
    assert_eq!(known, ["a", "b", "y", "z"].map(String::from).into());
    assert_eq!(found.unreadable.len(), 1, "it opens with the old one alone");
}

/// One that was forgotten before the walk needs no secret any more, though its record is there for a while.
#[tokio::test]
async fn a_forgotten_client_is_not_one_that_cannot_be_read() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let setup = setup_with(|rules| rules.unused_lifetime = Duration::HOUR);
    let before = Setup { store: store.clone(), ..setup }.build();
    let metadata = web_with(&json!({ "id_token_signed_response_alg": "HS256" }));
    let client = id(before.register(&metadata).await.id());
    let after = sealing(&store, &[8], 2);
    assert_eq!(all(&after.provider, 100).await.unreadable.len(), 1);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    after.token(client.as_str(), "secret", &refresh).await.is_unavailable("it may come back");
    after.wait(3_600);
    let found = all(&after.provider, 100).await;
    assert_eq!((found.clients.len(), found.unreadable.len()), (0, 0));
    assert!(after.provider.registered_client(&client).await.unwrap().is_none());
    let gone = after.token(client.as_str(), "secret", &refresh).await;
    assert_eq!(gone.error(), "invalid_client", "nor does a request find it");
}
