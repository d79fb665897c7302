//! Many nodes at once, on threads of their own.

use super::{Cluster, ROTATION, active, listed};
use crate::support::races::{together, waits};
use oidc_op::{
    Duration, KeyRotation, KeySet, KeyState, Signer,
    SigningAlgorithm::{ES256, EdDSA},
    StoredKeys,
    store::{Fault, Operation},
};

const NODES: usize = 8;

/// The first start of many nodes: one makes the keys, and all sign with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_start_at_once_agree() {
    for round in 0..20 {
        let mut cluster = Cluster::new();
        cluster.first = KeySet::from_json(r#"{"keys":[]}"#).unwrap();
        let starts: Vec<_> = (0..NODES)
            .map(|node| {
                let record = cluster.record(node as u64);
                async move { record.open(&[ES256, EdDSA]).await.unwrap() }
            })
            .collect();
        let nodes = together(starts).await;
        let (now, stored) = (cluster.now(), cluster.stored().await);
        assert_eq!(stored.len(), 1, "round {round}");
        for node in &nodes {
            assert_eq!(listed(node, now), stored, "round {round}");
            assert_eq!(node.active(EdDSA, now), nodes[0].active(EdDSA, now));
        }
    }
}

/// Rotations at once: each of them holds, none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rotations_at_once_all_hold() {
    for round in 0..20 {
        let (cluster, nodes) = cluster().await;
        let rotations = nodes.clone().into_iter().map(|node| async move {
            node.rotate(ES256, ROTATION).await.unwrap();
            node
        });
        let nodes = together(rotations).await;
        let stored = cluster.stored().await;
        assert_eq!(stored.len(), 1 + NODES, "round {round}");
        let announced = stored.iter().filter(|key| key.1 == KeyState::Announced);
        assert_eq!(announced.count(), NODES, "round {round}");
        for node in &nodes {
            node.follow(cluster.now()).await.unwrap();
            assert_eq!(listed(node, cluster.now()), stored, "round {round}");
        }
        cluster.wait(3_600);
        assert_eq!(listed(&nodes[0], cluster.now()).len(), 1 + NODES);
        assert_eq!(active(&nodes[0], cluster.now()), active(&nodes[7], cluster.now()));
    }
}

/// A timer that fires everywhere at once: one rotation.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn timers_at_once_rotate_once() {
    for round in 0..20 {
        let (cluster, nodes) = cluster().await;
        let timers = nodes.into_iter().map(|node| async move {
            node.rotate_when_due(ES256, Duration::DAY, ROTATION).await.unwrap()
        });
        let rotated = together(timers).await;
        assert_eq!(rotated.into_iter().filter(|did| *did).count(), 1, "round {round}");
        assert_eq!(cluster.stored().await.len(), 2, "round {round}");
    }
}

/// A stolen key is dropped everywhere at once, while others rotate: it is gone, one has taken its
/// place, and the rotations hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_theft_amid_rotations() {
    for round in 0..20 {
        let (cluster, nodes) = cluster().await;
        let stolen = active(&nodes[0], cluster.now());
        let changes = nodes.into_iter().zip(0..).map(|(node, at)| {
            let stolen = stolen.clone();
            async move {
                match at % 2 {
                    0 => node.without(&stolen).await.unwrap(),
                    _ => node.rotate(ES256, ROTATION).await.unwrap(),
                }
            }
        });
        together(changes).await;
        let stored = cluster.stored().await;
        assert!(stored.iter().all(|(kid, _)| *kid != stolen), "round {round}");
        assert!(stored.iter().any(|key| key.1 == KeyState::Active), "round {round}");
        assert_eq!(stored.len(), 1 + NODES / 2, "round {round}: {stored:?}");
    }
}

/// The interleaving staged: one node is about to make the record when another one has.
#[tokio::test]
async fn the_loser_of_the_first_start_takes_the_winners() {
    let mut cluster = Cluster::new();
    cluster.first = KeySet::from_json(r#"{"keys":[]}"#).unwrap();
    cluster.store.fail_nth_of(Operation::Put, 1, Fault::Delay(1));
    let mut loser = Box::pin(cluster.record(1).open(&[ES256]));
    assert!(waits(loser.as_mut()).await, "it has found nothing, and is about to write");
    let winner = cluster.record(2).open(&[ES256]).await.unwrap();
    let loser = loser.await.unwrap();
    assert_eq!(active(&loser, cluster.now()), active(&winner, cluster.now()));
}

/// In one process, a slow reader does not bring back what a rotation has replaced.
#[tokio::test]
async fn a_slow_reader_does_not_go_back() {
    let cluster = Cluster::new();
    let (one, other) = (cluster.keys(1).await, cluster.keys(2).await);
    other.rotate(ES256, ROTATION).await.unwrap();
    cluster.store.reset();
    cluster.store.fail_nth_of(Operation::Get, 1, Fault::DelayAnswer(1));
    let mut follower = Box::pin(one.follow(cluster.now()));
    assert!(waits(follower.as_mut()).await, "it has read, and not taken up yet");
    one.rotate(ES256, KeyRotation::AT_ONCE).await.unwrap();
    let fresh = listed(&one, cluster.now());
    follower.await.unwrap();
    assert_eq!(listed(&one, cluster.now()), fresh);
    assert_eq!(cluster.stored().await, fresh);
}

async fn cluster() -> (Cluster, Vec<StoredKeys>) {
    let cluster = Cluster::new();
    let mut nodes = Vec::new();
    for node in 0..NODES {
        nodes.push(cluster.keys(node as u64).await);
    }
    (cluster, nodes)
}
