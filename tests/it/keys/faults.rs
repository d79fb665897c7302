//! Every call of the store fails in every way, and every future is dropped wherever it waits: the keys
//! are as before or as after, never between, and the answer is true.

use std::{future::Future, pin::Pin};

use oidc_op::{
    KeySet, Signer,
    SigningAlgorithm::{ES256, EdDSA},
    StoredKeys, StoredKeysError, Timestamp,
    store::{Fault, StoreError},
};

use super::{Cluster, ROTATION, active, secrets};
use crate::support::races::poll_times;

type Answer<'k> = Pin<Box<dyn Future<Output = Result<(), StoredKeysError>> + Send + 'k>>;
type Change = fn(&StoredKeys) -> Answer<'_>;

/// What is tried; each of them makes one write.
const CHANGES: [(&str, Change); 5] = [
    ("rotate", |keys| Box::pin(keys.rotate(ES256, ROTATION))),
    ("rotate when due", |keys| {
        Box::pin(async {
            let every = oidc_op::Duration::DAY;
            keys.rotate_when_due(ES256, every, ROTATION).await.map(drop)
        })
    }),
    ("without", |keys| {
        Box::pin(async {
            let stolen = active(keys, Timestamp::from_unix(1_800_000_000));
            keys.without(&stolen).await
        })
    }),
    ("prune", |keys| Box::pin(keys.prune())),
    ("import", |keys| {
        Box::pin(async {
            let at = Timestamp::from_unix(1_800_000_000);
            keys.import(&KeySet::generate(&[EdDSA], at).unwrap()).await
        })
    }),
];

/// With a key to prune.
async fn prepared() -> (Cluster, StoredKeys) {
    let cluster = Cluster::new();
    let keys = cluster.keys(1).await;
    let mut gone = serde_json::Map::new();
    let made = KeySet::generate(&[ES256], Timestamp::from_unix(0)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&made.expose_json()).unwrap();
    gone.extend(json["keys"][0].as_object().unwrap().clone());
    gone.insert("retiring_at".into(), 1.into());
    gone.insert("removed_at".into(), 2.into());
    let gone = serde_json::Value::Object(gone).to_string();
    keys.import(&KeySet::from_json(&gone).unwrap()).await.unwrap();
    cluster.store.reset();
    (cluster, keys)
}

/// The whole content of a set.
fn content(keys: &StoredKeys) -> String {
    keys.keys().expose_json()
}

async fn stored(cluster: &Cluster) -> String {
    cluster.store.reset();
    content(&cluster.record(50).open(&[]).await.unwrap())
}

/// P-10: each call, each fault.
#[tokio::test]
async fn faults_at_each_store_call_of_a_change() {
    for (name, change) in CHANGES {
        let mut swept = 0;
        for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
            for nth in 1.. {
                let (cluster, keys) = prepared().await;
                let before = content(&keys);
                cluster.store.fail_nth(nth, fault);
                let answer = change(&keys).await;
                let faulted = cluster.store.calls().total() >= nth;
                let (held, stored) = (content(&keys), stored(&cluster).await);
                let at = format!("{name}: {fault:?} at call {nth}: {answer:?}");
                match &answer {
                    Ok(()) => {
                        assert_ne!(stored, before, "{at}");
                        assert_eq!(held, stored, "{at}");
                    }
                    Err(StoredKeysError::Store(StoreError::Refused(_))) => {
                        assert_eq!((&held, &stored), (&before, &before), "{at}");
                    }
                    Err(StoredKeysError::Store(_)) => assert_eq!(held, before, "{at}"),
                    Err(other) => panic!("{at}: {other}"),
                }
                keys.follow(cluster.now()).await.unwrap();
                assert_eq!(content(&keys), stored, "{at}: it follows");
                if answer.is_err() {
                    change(&keys).await.unwrap();
                }
                swept += 1;
                if !faulted {
                    assert!(answer.is_ok(), "{at}");
                    break;
                }
            }
        }
        assert!(swept >= 12, "{name}: {swept}");
    }
}

/// A write whose answer is lost is settled by reading back.
#[tokio::test]
async fn a_lost_answer_is_settled_by_reading() {
    let (cluster, keys) = prepared().await;
    cluster.store.fail_nth_of(oidc_op::store::Operation::Put, 1, Fault::LoseAnswer);
    keys.rotate(ES256, ROTATION).await.unwrap();
    assert_eq!(content(&keys), stored(&cluster).await);
}

/// The first start, and a start that seals anew: who tries again gets there, with the same keys.
#[tokio::test]
async fn faults_at_each_store_call_of_a_start() {
    for anew in [false, true] {
        for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
            for nth in 1.. {
                let mut cluster = Cluster::new();
                if anew {
                    cluster.keys(1).await;
                    cluster.secrets = secrets(&[3, 2]);
                }
                cluster.store.reset();
                cluster.store.fail_nth(nth, fault);
                let answer = cluster.record(2).open(&[ES256]).await;
                let faulted = cluster.store.calls().total() >= nth;
                let at = format!("anew {anew}: {fault:?} at call {nth}");
                match answer {
                    Ok(keys) => assert_eq!(content(&keys), stored(&cluster).await, "{at}"),
                    Err(StoredKeysError::Store(_)) => {}
                    Err(other) => panic!("{at}: {other}"),
                }
                cluster.store.reset();
                let keys = cluster.keys(3).await;
                assert_eq!(content(&keys), cluster.first.expose_json(), "{at}");
                if !faulted {
                    break;
                }
            }
        }
    }
}

/// P-22: dropped before, during and after each call.
#[tokio::test]
async fn dropping_a_change_at_each_await_point() {
    for (name, change) in CHANGES {
        for delay in [Fault::Delay(1), Fault::DelayAnswer(1)] {
            for polls in 1.. {
                let (cluster, keys) = prepared().await;
                let before = content(&keys);
                cluster.store.fail_all(delay);
                let finished = poll_times(change(&keys), polls);
                let (held, stored) = (content(&keys), stored(&cluster).await);
                if finished.is_some() {
                    assert_eq!(held, stored, "{name} after {polls} polls");
                    assert!(polls > 2, "{name}: there are await points to drop at");
                    break;
                }
                assert_eq!(held, before, "{name} after {polls} polls");
                keys.follow(cluster.now()).await.unwrap();
                assert_eq!(content(&keys), stored, "{name} after {polls} polls");
                change(&keys).await.unwrap();
            }
        }
    }
}

/// The same of a first start and of following.
#[tokio::test]
async fn dropping_a_start_and_a_follower_at_each_await_point() {
    for delay in [Fault::Delay(1), Fault::DelayAnswer(1)] {
        for polls in 1.. {
            let cluster = Cluster::new();
            cluster.store.fail_all(delay);
            let finished = poll_times(cluster.record(1).open(&[ES256]), polls).is_some();
            cluster.store.reset();
            assert_eq!(content(&cluster.keys(2).await), cluster.first.expose_json());
            if finished {
                break;
            }
        }
        for polls in 1.. {
            let (cluster, keys) = prepared().await;
            cluster.keys(2).await.rotate(ES256, ROTATION).await.unwrap();
            let before = content(&keys);
            cluster.store.fail_all(delay);
            let finished = poll_times(keys.follow(cluster.now()), polls).is_some();
            let stored = stored(&cluster).await;
            let expected = if finished { &stored } else { &before };
            assert_eq!(content(&keys), *expected, "after {polls} polls");
            keys.follow(cluster.now()).await.unwrap();
            assert_eq!(content(&keys), stored);
            if finished {
                break;
            }
        }
    }
}

/// Futures are `Send`.
#[tokio::test]
async fn futures_are_send() {
    fn is_send<T: Send>(_: T) {}
    let cluster = Cluster::new();
    let keys = cluster.keys(1).await;
    is_send(keys.rotate(ES256, ROTATION));
    is_send(keys.rotate_when_due(ES256, oidc_op::Duration::DAY, ROTATION));
    is_send(keys.without(""));
    is_send(keys.prune());
    is_send(keys.import(&cluster.first));
    is_send(cluster.record(1).open(&[]));
}
