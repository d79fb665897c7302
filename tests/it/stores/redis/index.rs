//! Places in listings: entered before their records, and tidied up when these are gone.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{
    Clock, Duration, SystemClock,
    store::{
        Expect, Key, Kind, Put, Record, RedisOptions, Store, StoreError, Version,
        contract::block_on,
    },
};

use super::{RedisStore, aside, label, open, own, place, shared};
use crate::stores::{proxy::Proxy, record};

/// How old entries are that may go, and more.
const OLD: i64 = 1000;

fn index(options: &RedisOptions) -> String {
    format!("{}:list:grant:{}", options.prefix, URL_SAFE_NO_PAD.encode(label().hash()))
}

fn entry(key: &Key, age: i64) -> Vec<u8> {
    let made = SystemClock.now().unix() - age;
    [key.hash().as_slice(), made.to_string().as_bytes()].concat()
}

/// A place in the listing, as somebody left it who entered a record long ago, or did not come to write it.
fn plant(to: &mut ::redis::Connection, index: &str, key: &Key, age: i64) {
    ::redis::cmd("ZADD").arg(index).arg(0).arg(entry(key, age)).exec(to).unwrap();
}

fn create(store: &RedisStore, key: &Key, record: &Record) -> Result<Put, StoreError> {
    block_on(store.put(key, Expect::Absent { labels: &[label()] }, record.clone()))
}

fn listed(store: &RedisStore) -> Vec<Key> {
    block_on(store.list(Kind::Grant, &label(), None, 1024)).unwrap().keys
}

fn numbered(n: u16) -> (Key, Record) {
    record(&[&n.to_be_bytes()[..], b"numbered"].concat())
}

/// Until nothing is left to remove.
fn purge(store: &RedisStore) -> u32 {
    let mut all = 0;
    loop {
        match block_on(store.purge(SystemClock.now(), 100_000)).unwrap() {
            0 => return all,
            some => all += some,
        }
    }
}

/// A writer that enters a record, and then sleeps for so long that its entry could have been taken away.
#[test]
fn a_record_that_comes_late_is_refused() {
    let Some(server) = shared() else { return };
    let proxy = Proxy::before(server.port());
    let direct = place(&server);
    let mut options = direct.clone();
    options.url = format!("redis://127.0.0.1:{}", proxy.port());
    let (store, direct) = (open(&options), open(&direct));
    let (key, record) = record(b"late");
    // It is told an earlier time: for the server, it comes so much later.
    for seconds in [60, -60] {
        proxy.rule(move |answer| {
            let now = answer.strip_prefix(b"$10\r\n").and_then(|rest| rest.strip_suffix(b"\r\n"));
            if let Some(now) = now.and_then(|now| str::from_utf8(now).ok()) {
                let told = now.parse::<i64>().unwrap() - seconds;
                *answer = format!("$10\r\n{told}\r\n").into_bytes();
            }
            true
        });
        let late = create(&store, &key, &record);
        assert!(matches!(late, Err(StoreError::Refused(_))), "{late:?}");
        assert!(block_on(direct.get(&key)).unwrap().is_none());
        assert_eq!(listed(&direct), [key], "entered first");
    }
    proxy.no_rule();
    assert_eq!(create(&store, &key, &record).unwrap(), Put::Done);
    assert_eq!(listed(&direct), [key]);
}

/// What names nothing goes when it is settled; what names a record stays however old it is.
#[test]
fn entries_without_records_go() {
    let Some(server) = shared() else { return };
    let options = place(&server);
    let (store, index) = (open(&options), index(&options));
    let mut aside = aside(&server);
    let [living, settled, fresh, again] = [1, 2, 3, 4].map(numbered);
    for (key, record) in [&living, &again] {
        create(&store, key, record).unwrap();
        // As if that had been long ago.
        ::redis::cmd("ZREMRANGEBYLEX")
            .arg(&index)
            .arg([b"[", &key.hash()[..]].concat())
            .arg([b"(", &key.hash()[..], b"\xff"].concat())
            .exec(&mut aside)
            .unwrap();
        plant(&mut aside, &index, key, OLD);
    }
    plant(&mut aside, &index, &settled.0, OLD);
    plant(&mut aside, &index, &fresh.0, 60);
    block_on(store.delete(&again.0, &again.1.version)).unwrap();
    create(&store, &again.0, &again.1).unwrap();
    assert_eq!(listed(&store), [living.0, settled.0, fresh.0, again.0], "each once");

    assert_eq!(block_on(store.purge(SystemClock.now(), 0)).unwrap(), 0);
    assert_eq!(block_on(store.purge(SystemClock.now() - Duration::DAY, 10)).unwrap(), 0);
    assert_eq!(listed(&store).len(), 4);
    assert_eq!(purge(&store), 1);
    assert_eq!(listed(&store), [living.0, fresh.0, again.0]);
    let far = block_on(store.purge(SystemClock.now() + Duration::hours(2), 10));
    assert!(matches!(far, Err(StoreError::Refused(_))), "{far:?}");
}

/// A record is there, and somebody who may not write tries to create it once more: its place stays.
#[test]
fn an_entry_that_is_refused_takes_none_away() {
    let Some(server) = own() else { return };
    let mut options = place(&server);
    let (store, (key, record)) = (open(&options), numbered(1));
    create(&store, &key, &record).unwrap();
    block_on(store.get(&key)).unwrap().unwrap();
    let mut user = ::redis::cmd("ACL");
    user.arg(&["SETUSER", "op", "on", ">pw", "~*", "+@all", "-zadd"]);
    user.exec(&mut aside(&server)).unwrap();
    options.url = options.url.replace("redis://", "redis://op:pw@");
    let again = create(&open(&options), &key, &record);
    assert!(matches!(again, Err(StoreError::Refused(_))), "{again:?}");
    assert_eq!(listed(&store), [key]);
}

/// More than one look takes, in more than one index, of more than one kind; and never more are taken away than
/// was asked for.
#[test]
fn a_long_index_is_gone_through() {
    let Some(server) = shared() else { return };
    let options = place(&server);
    let store = open(&options);
    let (mut aside, long) = (aside(&server), index(&options));
    let (living, record) = numbered(300);
    create(&store, &living, &record).unwrap();
    let mut planted = ::redis::pipe();
    for n in 0..700 {
        let (key, _) = numbered(n);
        if key != living {
            planted.cmd("ZADD").arg(&long).arg(0).arg(entry(&key, OLD));
        }
        for kind in ["session", "consent"] {
            let label = URL_SAFE_NO_PAD.encode([u8::try_from(n % 100).unwrap(); 32]);
            let index = format!("{}:list:{kind}:{label}", options.prefix);
            planted.cmd("ZADD").arg(index).arg(0).arg(entry(&key, OLD));
        }
    }
    planted.exec(&mut aside).unwrap();
    let mut left = || {
        let names: Vec<String> = ::redis::cmd("KEYS")
            .arg(format!("{}:list:*", options.prefix))
            .query(&mut aside)
            .unwrap();
        let mut count = ::redis::pipe();
        for name in names {
            count.cmd("ZCARD").arg(name);
        }
        count.query::<Vec<u32>>(&mut aside).unwrap().iter().sum::<u32>()
    };
    let mut before = left();
    for limit in [10, 1, 300] {
        assert_eq!(block_on(store.purge(SystemClock.now(), limit)).unwrap(), limit);
        assert_eq!(left(), before - limit);
        before -= limit;
    }
    assert_eq!(purge(&store), before - 1);
    assert_eq!(listed(&store), [living]);
    let left: Vec<String> =
        ::redis::cmd("KEYS").arg(format!("{}:list:*", options.prefix)).query(&mut aside).unwrap();
    assert_eq!(left, [long]);
}

/// Records that were there long ago are created anew, while what was left of them is tidied up: none is missed.
#[test]
fn tidying_up_misses_nothing() {
    const ROUNDS: u16 = 150;
    let Some(server) = shared() else { return };
    let options = place(&server);
    let store = open(&options);
    let index = index(&options);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let purging: Vec<_> = (0..3)
            .map(|_| {
                let node = open(&options);
                let over = &over;
                scope.spawn(move || {
                    let mut removed = 0;
                    while !over.load(Ordering::SeqCst) {
                        removed += block_on(node.purge(SystemClock.now(), 1000)).unwrap();
                    }
                    removed
                })
            })
            .collect();
        let creating = (0..4_u16).map(|thread| {
            let (store, index, mut aside) = (&store, &index, aside(&server));
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let (key, mut record) = numbered(thread * 8 + round % 8);
                    plant(&mut aside, index, &key, OLD);
                    let mut version = [0; 16];
                    version[..4].copy_from_slice(&[
                        1,
                        u8::try_from(thread).unwrap(),
                        0,
                        u8::try_from(round).unwrap(),
                    ]);
                    record.version = Version::from_bytes(version);
                    assert_eq!(create(store, &key, &record).unwrap(), Put::Done);
                    for _ in 0..3 {
                        assert!(listed(store).contains(&key), "missed in round {round}");
                    }
                    assert_eq!(block_on(store.delete(&key, &record.version)).unwrap(), Put::Done);
                }
            })
        });
        let creating: Vec<_> = creating.collect();
        let answers: Vec<_> = creating.into_iter().map(thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::SeqCst);
        let removed: u32 = purging.into_iter().map(|node| node.join().unwrap()).sum();
        for answer in answers {
            answer.unwrap();
        }
        assert!(removed > 0, "nothing was tidied up");
    });
}
