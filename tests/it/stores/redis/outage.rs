//! A server that is away, for a while or in the middle of a call.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use oidc_op::store::{Expect, Key, Put, Record, Store, StoreError, Version, contract::block_on};

use super::{RedisStore, Service, label, open, own, place, runtime, shared};
use crate::stores::{absent, eventually, proxy::Proxy, record};

const DEADLINE: Duration = Duration::from_secs(1);

fn behind_a_proxy(server: &Service, deadline: Duration) -> (RedisStore, Proxy) {
    let proxy = Proxy::before(server.port());
    let mut options = place(server);
    options.url = format!("redis://127.0.0.1:{}", proxy.port());
    options.deadline = deadline;
    (open(&options), proxy)
}

/// Creates two hundred records at once; answers what became of each.
fn storm(store: &RedisStore, round: u8) -> Vec<(Key, Result<Put, StoreError>)> {
    thread::scope(|scope| {
        let create = |n: u8| {
            let (key, record) = record(&[round, n, 1]);
            let labels = [label()];
            // Some with a listing, some without.
            let expect =
                if n.is_multiple_of(2) { absent() } else { Expect::Absent { labels: &labels } };
            (key, block_on(store.put(&key, expect, record)))
        };
        let calls: Vec<_> = (0..200).map(|n| scope.spawn(move || create(n))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

/// Threat RE-08: the server hangs; every call ends in its time, truthfully, and afterwards everything goes on.
#[test]
fn re_08_a_server_that_hangs() {
    let Some(server) = own() else { return };
    let mut options = place(&server);
    options.deadline = DEADLINE;
    let store = open(&options);
    server.signal("STOP");
    let mut answers = Vec::new();
    for round in 1..=3 {
        let began = Instant::now();
        answers.extend(storm(&store, round));
        assert!(began.elapsed() < DEADLINE * 3, "{:?}", began.elapsed());
    }
    let began = Instant::now();
    let read = block_on(store.get(&answers[0].0));
    assert!(matches!(read, Err(StoreError::Refused(_))), "{read:?}");
    assert!(began.elapsed() < DEADLINE * 2);
    assert!(answers.iter().all(|(_, answer)| answer.is_err()));
    let unknown = answers.iter().filter(|(_, a)| matches!(a, Err(StoreError::Unknown(_)))).count();
    let refused = answers.iter().filter(|(_, a)| matches!(a, Err(StoreError::Refused(_)))).count();
    assert!(unknown > 0 && refused > 0 && unknown + refused == 600, "{unknown}, {refused}");

    server.signal("CONT");
    eventually(|| block_on(store.get(&answers[0].0)).ok());
    let settled = storm(&store, 9);
    assert!(settled.iter().all(|(_, answer)| matches!(answer, Ok(Put::Done))), "{settled:?}");
    for (key, answer) in &answers {
        let found = block_on(store.get(key)).unwrap();
        let refused = matches!(answer, Err(StoreError::Refused(_)));
        assert!(!refused || found.is_none(), "{answer:?}, and there is {found:?}");
    }
}

/// The server ends and comes back: the store does not mind, and all that was acknowledged is there.
#[test]
fn a_server_that_comes_back() {
    let Some(server) = own() else { return };
    let mut options = place(&server);
    options.deadline = DEADLINE * 3;
    let store = open(&options);
    let before = storm(&store, 1);
    assert!(before.iter().all(|(_, answer)| matches!(answer, Ok(Put::Done))), "{before:?}");
    server.kill();
    let (key, new) = record(b"meanwhile");
    // The first one may be on a connection that nobody has missed yet.
    block_on(store.put(&key, absent(), new.clone())).unwrap_err();
    let began = Instant::now();
    let away = block_on(store.put(&key, absent(), new.clone()));
    assert!(matches!(away, Err(StoreError::Refused(_))), "{away:?}");
    assert!(began.elapsed() < DEADLINE);
    server.resume();
    assert!(block_on(store.get(&key)).unwrap().is_none());
    assert_eq!(block_on(store.put(&key, absent(), new)).unwrap(), Put::Done);
    for (key, _) in &before {
        assert!(block_on(store.get(key)).unwrap().is_some());
    }
}

/// While nothing was to do the server has been elsewhere: nothing is sent to nobody, so that nothing is unclear.
#[test]
fn a_connection_that_was_lost_unseen() {
    let Some(server) = own() else { return };
    let store = open(&place(&server));
    let (key, new) = record(b"idle");
    assert!(block_on(store.get(&key)).unwrap().is_none());
    let idle_since = Instant::now();
    server.kill();
    server.resume();
    // No condition to wait for: this is about time that has passed.
    thread::sleep(Duration::from_millis(1100).saturating_sub(idle_since.elapsed()));
    assert_eq!(block_on(store.put(&key, absent(), new)).unwrap(), Put::Done);
}

/// While nothing was to do the connection has died, and nobody was told: another one takes its place.
#[test]
fn a_connection_that_died_in_silence() {
    let Some(server) = shared() else { return };
    let (store, proxy) = behind_a_proxy(&server, DEADLINE * 3);
    let (key, new) = record(b"silence");
    assert!(block_on(store.get(&key)).unwrap().is_none());
    proxy.fall_silent();
    // No condition to wait for: this is about time that has passed.
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(block_on(store.put(&key, absent(), new)).unwrap(), Put::Done);
    assert!(block_on(store.get(&key)).unwrap().is_some());
}

/// Threat RE-08: while the server is away, connecting hangs, and the calls do not stop coming; it is back, some
/// milliseconds away: so is the store.
#[test]
fn re_08_calls_that_do_not_stop() {
    let Some(server) = shared() else { return };
    let (store, proxy) = behind_a_proxy(&server, DEADLINE);
    let (key, _) = record(b"load");
    proxy.delay(Duration::from_millis(5));
    assert!(block_on(store.get(&key)).unwrap().is_none());
    proxy.rule(|answer| {
        answer.clear();
        true
    });
    let (store, over) = (Arc::new(store), Arc::new(AtomicBool::new(false)));
    let answered: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let load = {
        let (store, over, answered) = (store.clone(), over.clone(), answered.clone());
        runtime().spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_millis(10));
            while !over.load(Ordering::SeqCst) {
                beat.tick().await;
                let (store, answered) = (store.clone(), answered.clone());
                tokio::spawn(async move {
                    if store.get(&key).await.is_ok() {
                        answered.lock().unwrap().push(Instant::now());
                    }
                });
            }
        })
    };
    // As long as that, so that many wait for a connection.
    thread::sleep(DEADLINE * 3);
    assert!(answered.lock().unwrap().is_empty());
    let back = Instant::now();
    proxy.no_rule();
    let first = eventually(|| answered.lock().unwrap().first().copied());
    over.store(true, Ordering::SeqCst);
    block_on(load).unwrap();
    assert!(first - back < DEADLINE * 2, "{:?}", first - back);
    assert!(block_on(store.get(&key)).unwrap().is_none());
}

/// The answer to a write is lost: that is told as unknown, and it was made once.
#[test]
fn an_answer_that_is_lost() {
    let Some(server) = shared() else { return };
    let proxy = Proxy::before(server.port());
    let direct = place(&server);
    let mut options = direct.clone();
    options.url = format!("redis://127.0.0.1:{}", proxy.port());
    let (store, direct) = (open(&options), open(&direct));
    let (key, first) = record(b"first");
    proxy.rule(|_| false);
    let put = block_on(store.put(&key, absent(), first.clone()));
    assert!(matches!(put, Err(StoreError::Unknown(_))), "{put:?}");
    let found = block_on(direct.get(&key)).unwrap().unwrap();
    assert_eq!(found.version, first.version);

    let second = Record::new(Version::from_bytes([2; 16]), *b"second", first.keep_until);
    let put = block_on(store.put(&key, Expect::Version(first.version), second.clone()));
    assert!(matches!(put, Err(StoreError::Refused(_))), "{put:?}: no connection is made");
    assert_eq!(block_on(direct.get(&key)).unwrap().unwrap().version, first.version);
    proxy.no_rule();
    let put = block_on(store.put(&key, Expect::Version(first.version), second.clone()));
    assert_eq!(put.unwrap(), Put::Done);

    // The same between a place in a listing and its record: of the record, nothing was sent.
    let (key, labelled) = record(b"labelled");
    let labels = [label()];
    proxy.rule(|_| false);
    let put = block_on(store.put(&key, Expect::Absent { labels: &labels }, labelled));
    assert!(matches!(put, Err(StoreError::Refused(_))), "{put:?}");
    assert!(block_on(direct.get(&key)).unwrap().is_none());
}
