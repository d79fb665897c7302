//! What each change does to the keys.

use oidc_op::{
    Duration, KeyError, KeyProblem, KeyRotation, KeySet, KeyState, Signer,
    SigningAlgorithm::{ES256, EdDSA, RS256},
    StoredKeys, StoredKeysError, Timestamp,
};
use serde_json::{Value, json};

use super::{Cluster, FIRST, ROTATION, active, listed};

use KeyState::{Active, Announced, Retiring};

/// An algorithm that is configured later gets a key at once; the others stay as they are.
#[tokio::test]
async fn an_algorithm_may_be_added_later() {
    let cluster = Cluster::new();
    let before = cluster.keys(1).await.published(cluster.now());
    assert_eq!(cluster.keys(1).await.active(EdDSA, cluster.now()), None);
    let with = cluster.record(2).open(&[RS256, ES256, EdDSA]).await.unwrap();
    assert!(with.active(EdDSA, cluster.now()).is_some());
    assert_eq!(with.published(cluster.now())[..2], before);
    assert_eq!(with.published(cluster.now()).len(), 3);
    let fewer = cluster.record(3).open(&[RS256]).await.unwrap();
    assert_eq!(fewer.published(cluster.now()), with.published(cluster.now()), "none is taken away");
}

/// A key that is stolen is gone in each stage of its life, and something signs at every time after.
#[tokio::test]
async fn a_stolen_key_is_replaced() {
    for (stage, stolen, listing) in [
        ("the only one", 0, vec![Active]),
        ("active, with a successor", 0, vec![Announced, Active]),
        ("announced", 1, vec![Active, Announced]),
        ("retiring", 0, vec![Active]),
        ("active, with a predecessor", 1, vec![Retiring, Active]),
    ] {
        let cluster = Cluster::new();
        let keys = cluster.keys(1).await;
        if stage != "the only one" {
            keys.rotate(ES256, ROTATION).await.unwrap();
        }
        cluster.wait(match stage {
            "retiring" | "active, with a predecessor" => 3_700,
            _ => 60,
        });
        let stolen = listed(&keys, cluster.now())[stolen].0.clone();
        keys.without(&stolen).await.unwrap();
        let after = listed(&keys, cluster.now());
        assert!(after.iter().all(|(kid, _)| *kid != stolen), "{stage}");
        let states: Vec<_> = after.iter().map(|(_, state)| *state).collect();
        assert_eq!(states, listing, "{stage}");
        assert_eq!(cluster.stored().await, after, "{stage}");
        for _ in 0..200 {
            assert!(keys.active(ES256, cluster.now()).is_some(), "{stage} at {}", cluster.now());
            cluster.wait(599);
        }
        assert_eq!(listed(&keys, cluster.now()).len(), 1, "{stage}: the others are removed");
    }
}

/// What is not there need not be taken away.
#[tokio::test]
async fn an_unknown_key_is_gone_already() {
    let cluster = Cluster::new();
    let keys = cluster.keys(1).await;
    cluster.store.reset();
    keys.without("somebody else's").await.unwrap();
    assert_eq!(cluster.store.calls().writes(), 0);
    assert_eq!(keys.published(cluster.now()), FIRST.published(cluster.now()));
}

/// Rotating drops what has been removed, so that the record does not grow; so does `prune`.
#[tokio::test]
async fn what_is_removed_leaves_the_record() {
    let cluster = Cluster::new();
    let keys = cluster.keys(1).await;
    let count = |keys: &StoredKeys| {
        let json: Value = serde_json::from_str(&keys.keys().expose_json()).unwrap();
        json["keys"].as_array().unwrap().len()
    };
    for _ in 0..10 {
        keys.rotate(ES256, ROTATION).await.unwrap();
        cluster.wait(90_001);
        assert!(count(&keys) <= 4, "{}", count(&keys));
    }
    assert_eq!(count(&keys), 3, "one has been removed");
    keys.prune().await.unwrap();
    assert_eq!(count(&keys), 2);
    cluster.store.reset();
    keys.prune().await.unwrap();
    assert_eq!(cluster.store.calls().writes(), 0, "there was nothing to do");
}

/// A timer on every node: one rotation each time it is due.
#[tokio::test]
async fn a_timer_rotates_when_due() {
    let cluster = Cluster::new();
    let (one, other) = (cluster.keys(1).await, cluster.keys(2).await);
    let month = Duration::days(30);
    let mut rotated = 0;
    for _ in 0..100 {
        for keys in [&one, &other] {
            rotated += u32::from(keys.rotate_when_due(ES256, month, ROTATION).await.unwrap());
            keys.follow(cluster.now()).await.unwrap();
        }
        cluster.wait(86_400);
    }
    assert_eq!(rotated, 4, "on day 0, 30, 60 and 90");
    assert_eq!(one.active(RS256, cluster.now()), FIRST.active(RS256, cluster.now()));
    assert!(one.rotate_when_due(EdDSA, month, ROTATION).await.unwrap(), "there was none");
}

/// Keys that were made elsewhere come in once, with their times, and displace nobody.
#[tokio::test]
async fn keys_are_imported_once() {
    let cluster = Cluster::new();
    let keys = cluster.keys(1).await;
    let former = active(&keys, cluster.now());
    let next = cluster.now() + Duration::HOUR;
    let others = KeySet::generate(&[ES256, EdDSA], next).unwrap();
    for writes in [1, 0] {
        cluster.store.reset();
        keys.import(&others).await.unwrap();
        assert_eq!(cluster.store.calls().writes(), writes);
    }
    assert_eq!(active(&keys, cluster.now()), former);
    cluster.wait(3_600);
    assert_eq!(active(&keys, cluster.now()), active(&others, next));
    assert!(keys.active(EdDSA, cluster.now()).is_some());
    let fresh = others.active(ES256, next).unwrap().kid;
    keys.rotate(ES256, KeyRotation::AT_ONCE).await.unwrap();
    keys.import(&others).await.unwrap();
    assert_ne!(active(&keys, cluster.now()), *fresh, "one that has retired stays so");
}

/// RFC 7517 §4.5, RFC 8725 §3.1: no `kid` of two keys, no key of two names.
#[tokio::test]
async fn keys_that_are_like_others_are_not_imported() {
    let cluster = Cluster::new();
    let keys = cluster.keys(1).await;
    let of = |set: &KeySet| serde_json::from_str::<Value>(&set.expose_json()).unwrap();
    let ours = of(&keys.keys())["keys"][1].clone();
    let theirs = of(&KeySet::generate(&[ES256], Timestamp::from_unix(0)).unwrap());
    let mut same_kid = theirs["keys"][0].clone();
    same_kid["kid"] = ours["kid"].clone();
    let mut same_key = ours;
    same_key["kid"] = json!("another name");
    for (jwk, expected) in [(same_kid, KeyProblem::DuplicateKid), (same_key, KeyProblem::Reused)] {
        let set = json!({ "keys": [theirs["keys"][0], jwk] });
        let Ok(set) = KeySet::from_json(&set.to_string()) else {
            // The same key under its own name and ours: already refused as a set.
            let alone = KeySet::from_json(&jwk.to_string()).unwrap();
            assert_refused(keys.import(&alone).await, 1, expected);
            continue;
        };
        assert_refused(keys.import(&set).await, 2, expected);
    }
    assert_eq!(keys.published(cluster.now()), FIRST.published(cluster.now()), "all or nothing");
}

fn assert_refused(answer: Result<(), StoredKeysError>, at: usize, expected: KeyProblem) {
    match answer {
        Err(StoredKeysError::Key(KeyError::Refused { position, problem })) => {
            assert_eq!((position, problem), (at, expected));
        }
        other => panic!("{other:?}"),
    }
}
