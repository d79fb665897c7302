//! Two nodes on one store.

use oidc_op::{
    Config, Duration, InternalError, KeyRecord, KeyRotation, KeySet, KeyState, Provider, Reason,
    Signer,
    SigningAlgorithm::ES256,
    StoredKeysError,
    store::{Fault, Kind, Operation, Store},
    test_util::TestClock,
};

use super::{BOTH, Cluster, ROTATION, active, issuer, listed};
use crate::support::keys::verified;

use KeyState::{Active, Announced, Retiring};

/// Announced, active, retiring, removed: both nodes publish and sign alike at each time, and what was
/// signed before can be checked at both until its key is removed.
#[tokio::test]
async fn a_rotation_on_one_node_is_one_on_all() {
    let cluster = Cluster::new();
    let (one, other) = (cluster.node(1).await, cluster.node(2).await);
    let before = one.id_token().await;
    let former = active(&one.keys, cluster.now());
    assert_eq!(other.signs_with().await, former);

    one.keys.rotate(ES256, ROTATION).await.unwrap();
    assert_eq!(listed(&other.keys, cluster.now()).len(), 1, "nobody has told it");
    other.work().await;
    let fresh = listed(&one.keys, cluster.now())[1].0.clone();
    let of = |former_is, fresh_is| vec![(former.clone(), former_is), (fresh.clone(), fresh_is)];
    for (wait, listing) in [
        (0, of(Active, Announced)),
        (3_599, of(Active, Announced)),
        (1, of(Retiring, Active)),
        (86_399, of(Retiring, Active)),
        (1, vec![(fresh.clone(), Active)]),
    ] {
        cluster.wait(wait);
        let (at, signing) = (cluster.now(), listing.iter().find(|key| key.1 == Active).unwrap());
        let published = listing.iter().any(|key| key.0 == former);
        for node in [&one, &other] {
            assert_eq!(listed(&node.keys, at), listing, "{at}");
            let jwks = node.jwks().await;
            assert_eq!(verified(&before, &jwks).is_some(), published, "{at}");
            let token = node.id_token().await;
            assert_eq!(crate::support::header(&token)["kid"], *signing.0, "{at}");
            for node in [&one, &other] {
                assert!(verified(&token, &node.jwks().await).is_some(), "{at}");
            }
        }
    }
}

/// OIDC Core §10.1.1: a token names its key, and the JWK Set has it before the first signature. The
/// whole time between two rounds of `work`, no node signs with what another one does not publish.
#[tokio::test]
async fn no_node_lacks_the_key_that_signs() {
    let cluster = Cluster::new();
    let nodes = [cluster.node(1).await, cluster.node(2).await, cluster.node(3).await];
    let rotation = KeyRotation::new(Duration::seconds(61), Duration::seconds(700));
    for minute in 0..30 {
        let node = &nodes[minute % 3];
        if minute % 10 == 0 {
            node.keys.rotate(ES256, rotation).await.unwrap();
        }
        for _ in 0..4 {
            cluster.wait(15);
            for (signing, at) in nodes.iter().zip(0..) {
                let kid = active(&signing.keys, cluster.now());
                for node in &nodes {
                    let listed = listed(&node.keys, cluster.now());
                    assert!(listed.iter().any(|key| key.0 == kid), "{minute}: node {at} signs");
                }
            }
        }
        for node in &nodes {
            node.work().await;
        }
    }
}

/// Threat: a stolen key. The one that takes over signs at once, here and, after `work`, there.
#[tokio::test]
async fn at_once_is_at_once() {
    let cluster = Cluster::new();
    let (one, other) = (cluster.node(1).await, cluster.node(2).await);
    let before = one.id_token().await;
    let former = active(&one.keys, cluster.now());
    one.keys.rotate(ES256, KeyRotation::AT_ONCE).await.unwrap();
    let fresh = one.signs_with().await;
    assert_ne!(fresh, former);
    assert_eq!(verified(&before, &one.jwks().await), None);
    assert_eq!(other.signs_with().await, former, "nobody has told it");
    other.work().await;
    assert_eq!(other.signs_with().await, fresh);
    assert_eq!(verified(&before, &other.jwks().await), None);
    assert_eq!(listed(&other.keys, cluster.now()), [(fresh, Active)]);
}

/// Twice at once: the second one succeeds the first, however short that was.
#[tokio::test]
async fn at_once_again_and_again() {
    let cluster = Cluster::new();
    let keys = cluster.keys(1).await;
    let mut seen = vec![active(&keys, cluster.now())];
    for wait in [0, 0, 1, 4, 5, 6] {
        cluster.wait(wait);
        keys.rotate(ES256, KeyRotation::AT_ONCE).await.unwrap();
        let fresh = active(&keys, cluster.now());
        assert!(!seen.contains(&fresh), "after {wait} s");
        assert_eq!(listed(&keys, cluster.now()), [(fresh.clone(), Active)]);
        seen.push(fresh);
    }
}

/// The clocks of two nodes differ by some seconds: what is to sign at once does so on both.
#[tokio::test]
async fn a_node_whose_clock_is_behind_signs_too() {
    let mut cluster = Cluster::new();
    cluster.first = KeySet::from_json(r#"{"keys":[]}"#).unwrap();
    let one = cluster.keys(1).await;
    cluster.clock = TestClock::at(cluster.now() - Duration::seconds(5));
    let other = cluster.node(2).await;
    assert_eq!(other.signs_with().await, active(&one, cluster.now()), "made a moment later");

    one.without(&active(&one, cluster.now())).await.unwrap();
    other.work().await;
    assert_eq!(other.signs_with().await, active(&one, cluster.now()));
    one.rotate(ES256, KeyRotation::AT_ONCE).await.unwrap();
    other.work().await;
    assert_eq!(listed(&other.keys, cluster.now()), [(active(&one, cluster.now()), Active)]);
}

/// A node that starts later takes what is there, whatever it would have begun with.
#[tokio::test]
async fn a_later_node_takes_what_is_there() {
    let mut cluster = Cluster::new();
    let one = cluster.keys(1).await;
    one.rotate(ES256, ROTATION).await.unwrap();
    cluster.first = KeySet::generate(&BOTH, cluster.now()).unwrap();
    let later = cluster.keys(2).await;
    assert_eq!(later.published(cluster.now()), one.published(cluster.now()));
}

/// Other issuers on the same store have keys of their own, though the secret is the same.
#[tokio::test]
async fn issuers_share_no_keys() {
    let cluster = Cluster::new();
    let one = cluster.keys(1).await;
    let other = oidc_op::Issuer::new("https://other.example").unwrap();
    let record = KeyRecord::new(cluster.store.clone(), &other, &cluster.secrets).unwrap();
    let others = record.clock(cluster.clock.clone()).open(&[ES256]).await.unwrap();
    assert_ne!(active(&others, cluster.now()), active(&one, cluster.now()));
}

/// Whatever keeps the keys from being followed keeps nothing else from being done, and is reported.
#[tokio::test]
async fn a_fault_in_following_does_not_stop_the_purge() {
    let cluster = Cluster::new();
    let node = cluster.node(1).await;
    node.id_token().await;
    cluster.wait(366 * 86_400);
    cluster.store.reset();
    cluster.store.fail_nth_of(Operation::Get, 1, Fault::Refuse);
    let error: InternalError = node.op.provider.work(100).await.unwrap_err();
    assert_eq!(error.reason(), Reason::SignerFailed);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("store"), "{cause}");
    assert_eq!(cluster.store.calls().purge, 1);
    cluster.store.reset();
    assert_eq!(node.op.provider.work(100).await.unwrap(), 0, "all is purged already");
    node.id_token().await;
}

/// The record is kept for ever: no purge takes it.
#[tokio::test]
async fn a_purge_leaves_the_keys() {
    let cluster = Cluster::new();
    let node = cluster.node(1).await;
    node.keys.rotate(ES256, ROTATION).await.unwrap();
    cluster.wait(100 * 366 * 86_400);
    for _ in 0..2 {
        node.work().await;
    }
    let held = listed(&node.keys, cluster.now());
    assert_eq!(cluster.stored().await, held, "they are those of before");
}

/// A `work` that finds nothing new costs one read.
#[tokio::test]
async fn following_costs_one_read() {
    let cluster = Cluster::new();
    let (one, other) = (cluster.keys(1).await, cluster.keys(2).await);
    one.rotate(ES256, ROTATION).await.unwrap();
    for _ in 0..2 {
        cluster.store.reset();
        other.follow(cluster.now()).await.unwrap();
        assert_eq!((cluster.store.calls().total(), cluster.store.calls().get), (1, 1));
    }
}

/// A record that is gone is reported, and the keys go on; no node makes others meanwhile.
#[tokio::test]
async fn a_record_that_is_gone_is_reported() {
    let cluster = Cluster::new();
    let node = cluster.node(1).await;
    let last = cluster.ledger.last(Kind::Keys);
    cluster.ledger.delete(&last.key, &last.record.version).await.unwrap();
    assert!(node.op.provider.work(100).await.is_err());
    let rotated = node.keys.rotate(ES256, ROTATION).await;
    assert!(matches!(rotated, Err(StoredKeysError::Missing)), "{rotated:?}");
    node.id_token().await;
}

/// A store that was restored from a back-up: its word counts on every node.
#[tokio::test]
async fn a_restored_record_is_followed() {
    let cluster = Cluster::new();
    let (one, other) = (cluster.keys(1).await, cluster.keys(2).await);
    let backup = cluster.body();
    let former = listed(&one, cluster.now());
    one.rotate(ES256, KeyRotation::AT_ONCE).await.unwrap();
    other.follow(cluster.now()).await.unwrap();
    cluster.overwrite(backup, 7).await;
    for keys in [&one, &other] {
        keys.follow(cluster.now()).await.unwrap();
        assert_eq!(listed(keys, cluster.now()), former);
    }
}

/// OIDC Core §15.1: RS256 must be there, wherever the keys lie.
#[tokio::test]
async fn build_still_checks_rs256() {
    let mut cluster = Cluster::new();
    cluster.first = KeySet::from_json(r#"{"keys":[]}"#).unwrap();
    let keys = cluster.record(1).open(&[ES256]).await.unwrap();
    let found = Provider::builder(Config::new(issuer())).signer(keys).build().unwrap_err();
    assert!(found.findings().iter().any(|f| f == "signer needs an active key for RS256"));
}
