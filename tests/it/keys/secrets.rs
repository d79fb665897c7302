//! The storage secret: it is needed, it can be replaced, and without it there are no other keys.

use oidc_op::{
    KeyRecord, Signer,
    SigningAlgorithm::ES256,
    StoredKeys, StoredKeysError,
    store::{Fault, Operation, StoreError},
};

use super::{BOTH, Cluster, ROTATION, active, issuer, listed, secrets};

type IsIt = fn(&StoredKeysError) -> bool;

/// One is needed, and two must be told apart.
#[test]
fn a_record_needs_a_secret() {
    let cluster = Cluster::new();
    let open = |storage: &[u8]| {
        KeyRecord::new(cluster.store.clone(), &issuer(), &secrets(storage)).map(drop)
    };
    assert!(matches!(open(&[]), Err(StoredKeysError::NoSecret)));
    assert!(matches!(open(&[2, 3, 2]), Err(StoredKeysError::SameName)));
    open(&[2, 3]).unwrap();
}

/// The new secret behind the old one, in front of it, alone: the keys stay the same.
#[tokio::test]
async fn a_secret_is_replaced() {
    let mut cluster = Cluster::new();
    let before = cluster.keys(1).await.published(cluster.now());
    for (node, list, writes) in
        [(2, vec![2, 3], 0), (3, vec![3, 2], 1), (4, vec![3, 2], 0), (5, vec![3], 0)]
    {
        cluster.secrets = secrets(&list);
        cluster.store.reset();
        let keys = cluster.keys(node).await;
        assert_eq!(keys.published(cluster.now()), before, "{list:?}");
        assert_eq!(cluster.store.calls().writes(), writes, "{list:?}");
    }
    cluster.secrets = secrets(&[2]);
    assert!(matches!(cluster.record(6).open(&BOTH).await, Err(StoredKeysError::SecretGone)));
}

/// One node seals with the former secret, and has done so last; the other one with the new one.
async fn half_way() -> (Cluster, StoredKeys, StoredKeys) {
    let mut cluster = Cluster::new();
    cluster.secrets = secrets(&[2, 3]);
    let behind = cluster.keys(1).await;
    cluster.secrets = secrets(&[3, 2]);
    let ahead = cluster.keys(2).await;
    behind.rotate(ES256, ROTATION).await.unwrap();
    (cluster, behind, ahead)
}

/// A node that runs seals anew what another one, configured before it, has written.
#[tokio::test]
async fn a_follower_seals_anew() {
    let (mut cluster, behind, ahead) = half_way().await;
    let rotated = listed(&behind, cluster.now());
    cluster.store.reset();
    ahead.follow(cluster.now()).await.unwrap();
    assert_eq!(cluster.store.calls().writes(), 1);
    assert_eq!(listed(&ahead, cluster.now()), rotated);
    cluster.secrets = secrets(&[3]);
    assert_eq!(cluster.stored().await, rotated);
}

/// A node that can read and not write takes up what others have changed, and tries again later.
#[tokio::test]
async fn a_follower_that_cannot_write_follows() {
    let (cluster, behind, ahead) = half_way().await;
    for _ in 0..2 {
        cluster.store.reset();
        cluster.store.fail_nth_of(Operation::Put, 1, Fault::Refuse);
        assert!(ahead.follow(cluster.now()).await.is_err());
        assert_eq!(listed(&ahead, cluster.now()), listed(&behind, cluster.now()));
    }
    cluster.store.reset();
    ahead.follow(cluster.now()).await.unwrap();
    assert_eq!(cluster.store.calls().writes(), 1, "it was still to be done");
    cluster.store.reset();
    ahead.follow(cluster.now()).await.unwrap();
    assert_eq!(cluster.store.calls().writes(), 0);
}

/// A secret that is gone is an error, never a reason for other keys; and so is a record that was
/// changed, cut, or written by a newer release.
#[tokio::test]
async fn what_does_not_open_is_left_alone() {
    let cluster = Cluster::new();
    let running = cluster.keys(1).await;
    let good = cluster.body();
    let damaged: IsIt = |error| matches!(error, StoredKeysError::Damaged);
    let unreadable: IsIt =
        |error| matches!(error, StoredKeysError::Store(StoreError::Unreadable(_)));
    let gone: IsIt = |error| matches!(error, StoredKeysError::SecretGone);
    let sealed = good.split("\"sealed\":\"").nth(1).unwrap();
    let flipped = |at: usize| {
        let mut changed = sealed.to_owned().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        good.replace(sealed, &String::from_utf8(changed).unwrap())
    };
    let cases = [
        ("another kind", flipped(0), damaged),
        ("another secret's name", flipped(2), gone),
        ("another salt", flipped(10), damaged),
        ("changed", flipped(100), damaged),
        ("cut", good.replace(sealed, &sealed[4..]), damaged),
        ("nothing sealed", good.replace(sealed, "\"}"), damaged),
        ("newer", good.replace("\"v\":1", "\"v\":2"), unreadable),
        ("much newer", good.replace("\"v\":1", "\"v\":65535"), unreadable),
        ("no record of keys", "[]".to_owned(), unreadable),
    ];
    for ((name, body, expected), version) in cases.into_iter().zip(1..) {
        assert_ne!(body, good, "{name}");
        cluster.overwrite(body.clone(), version).await;
        cluster.store.reset();
        let opened = cluster.record(2).open(&BOTH).await;
        assert!(opened.as_ref().is_err_and(expected), "{name}: {opened:?}");
        let rotated = running.rotate(ES256, ROTATION).await;
        assert!(rotated.as_ref().is_err_and(expected), "{name}: {rotated:?}");
        running.follow(cluster.now()).await.unwrap_err();
        active(&running, cluster.now());
        assert_eq!(cluster.store.calls().writes(), 0, "{name}");
        assert_eq!(cluster.body(), body, "{name}");
    }
    cluster.overwrite(good, 90).await;
    running.follow(cluster.now()).await.unwrap();
    assert_eq!(cluster.stored().await, listed(&running, cluster.now()));
}

/// What a newer release of this schema adds is read over.
#[tokio::test]
async fn unknown_members_are_ignored() {
    let cluster = Cluster::new();
    let running = cluster.keys(1).await;
    let with = cluster.body().replace("{\"v\":1,", "{\"v\":1,\"later\":[1],");
    cluster.overwrite(with, 1).await;
    running.follow(cluster.now()).await.unwrap();
    assert_eq!(cluster.stored().await, listed(&running, cluster.now()));
}
