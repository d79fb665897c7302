//! PostgreSQL: the contract, nodes that start at once, outages, purging beside traffic, TLS, and who is
//! refused.

use std::{
    fs,
    future::Future,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use oidc_op::{
    Clock, SystemClock,
    store::{
        Durability, Expect, Key, Kind, Label, PostgresError, PostgresOptions, PostgresStore, Put,
        Record, Store, StoreError, Version, contract::block_on,
    },
};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

use crate::support::services::{Engine, Service};

/// What carries the connections of all tests here.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

/// In that runtime; from a thread that is in none.
fn within<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

/// The server that tests share, for as long as one of them runs.
fn shared() -> Arc<Service> {
    static SHARED: Mutex<Weak<Service>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let service = Arc::new(Service::start(Engine::Postgres));
        *shared = Arc::downgrade(&service);
        service
    })
}

/// A schema that nobody else uses.
struct Schema {
    _server: Arc<Service>,
    url: String,
    client: Client,
}

impl Schema {
    /// None if these tests are to run without PostgreSQL.
    #[track_caller]
    fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !Engine::Postgres.is_wanted() {
            return None;
        }
        let server = shared();
        let name = format!("op{}", COUNT.fetch_add(1, Ordering::SeqCst));
        let url = format!("{}?options=-csearch_path%3D{name}", server.url());
        let client = connect(&url);
        within(client.batch_execute(&format!("CREATE SCHEMA {name}"))).unwrap();
        Some(Self { _server: server, url, client })
    }

    fn options(&self) -> PostgresOptions {
        PostgresOptions::new(&self.url)
    }

    fn open(&self) -> PostgresStore {
        open(&self.options()).unwrap()
    }

    fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        within(self.client.query_one(&query, &[])).unwrap().get(0)
    }
}

fn open(options: &PostgresOptions) -> Result<PostgresStore, PostgresError> {
    within(PostgresStore::with_options(options))
}

/// A connection of the test's own, past the store.
fn connect(url: &str) -> Client {
    let (client, connection) = within(tokio_postgres::connect(url, NoTls)).unwrap();
    runtime().spawn(connection);
    client
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn keeps_the_contract() {
    let Some(schema) = Schema::new() else { return };
    super::keep_contract(|| schema.open());
}

/// With one connection for all, and without the wait for the disk.
#[test]
fn keeps_the_contract_relaxed_and_with_one_connection() {
    let Some(schema) = Schema::new() else { return };
    super::keep_contract(|| {
        let mut options = schema.options();
        options.durability = Durability::Relaxed;
        options.connections = 1;
        // sixty-four that wait for one another take their time on a machine that is busy
        options.deadline = Duration::from_secs(30);
        open(&options).unwrap()
    });
}

/// Two nodes: each sees at once what the other one has written, and of two writers one wins.
#[test]
fn two_stores_on_one_database() {
    let Some(schema) = Schema::new() else { return };
    super::keep_contract(|| super::Alternating::new([schema.open(), schema.open()]));
}

/// Nodes that start at once bring a new database to its schema together (threat RE-19).
#[test]
fn re_19_starts_meet() {
    for _ in 0..5 {
        let Some(schema) = Schema::new() else { return };
        let options = schema.options();
        std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&options))).collect();
            for start in starts {
                start.join().unwrap().unwrap();
            }
        });
        assert_eq!(schema.count("oidc_op_schema"), 1);
    }
}

/// Threat RE-19: what a newer release has written, and a server that only reads.
#[test]
fn re_19_a_newer_schema_and_a_standby_are_refused() {
    let Some(schema) = Schema::new() else { return };
    drop(schema.open());
    let read_only = format!("{}%20-cdefault_transaction_read_only%3Don", schema.url);
    let refused = open(&PostgresOptions::new(read_only)).unwrap_err();
    assert!(matches!(refused, PostgresError::Connect(_)), "{}", chain(&refused));

    within(schema.client.batch_execute("UPDATE oidc_op_schema SET version = version + 1")).unwrap();
    let refused = open(&schema.options()).unwrap_err();
    assert!(matches!(refused, PostgresError::Newer), "{}", chain(&refused));
}

#[test]
fn options_and_addresses_that_cannot_be() {
    if !Engine::Postgres.is_wanted() {
        return;
    }
    let server = shared();
    let refusal = |options: &PostgresOptions| {
        let refused = open(options).unwrap_err();
        let (said, shown) = (chain(&refused), format!("{refused:?} {options:?}"));
        assert!(!said.contains("geheim") && !shown.contains("geheim"), "{said} {shown}");
        refused
    };
    let secret = |url: &str| url.replace("op@", "op:geheim@");
    let missing = secret(&server.url()).replace("/postgres", "/nothing");
    let refused = refusal(&PostgresOptions::new(missing));
    assert!(matches!(refused, PostgresError::Connect(_)), "{refused:?}");
    let refused = refusal(&PostgresOptions::new("postgres://op:geheim@127.0.0.1/op?colour=blue"));
    assert!(matches!(refused, PostgresError::Address(_)), "{refused:?}");
    let mut nobody = PostgresOptions::new(secret(&server.url()));
    nobody.connections = 0;
    assert!(matches!(refusal(&nobody), PostgresError::Options));
    let outside = block_on(PostgresStore::open(secret(&server.url()))).unwrap_err();
    assert!(matches!(outside, PostgresError::Runtime), "{outside:?}");
}

/// A server that acknowledges what it has not kept is no place for grants.
#[test]
fn a_server_that_does_not_wait_for_its_disk_is_refused() {
    if !Engine::Postgres.is_wanted() {
        return;
    }
    let server =
        Service::start_with(Engine::Postgres, |_| vec!["-c".to_owned(), "fsync=off".to_owned()]);
    let mut options = PostgresOptions::new(server.url());
    let refused = open(&options).unwrap_err();
    assert!(matches!(refused, PostgresError::Forgetful), "{}", chain(&refused));
    options.durability = Durability::Relaxed;
    open(&options).unwrap();
}

/// Threat RE-08: the server hangs; 200 calls end in their time, truthfully, and afterwards everything goes
/// on.
#[test]
fn re_08_a_table_that_is_held() {
    let Some(schema) = Schema::new() else { return };
    let mut options = schema.options();
    options.deadline = Duration::from_millis(400);
    let store = Arc::new(open(&options).unwrap());
    let hold = "BEGIN; LOCK TABLE oidc_op_record IN ACCESS EXCLUSIVE MODE";
    within(schema.client.batch_execute(hold)).unwrap();

    let began = Instant::now();
    let answers = storm(&store, 0);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    within(schema.client.batch_execute("COMMIT")).unwrap();
    holds(&store, &answers);
}

/// Two hundred who write at once, each a record of their own, and what became of it.
fn storm(store: &PostgresStore, round: u8) -> Vec<(Key, Result<Put, StoreError>)> {
    std::thread::scope(|scope| {
        let create = |n: u8| {
            let (key, record) = super::record(&[round, n, 1]);
            let answer = block_on(store.put(&key, super::absent(), record));
            (key, answer)
        };
        let calls: Vec<_> = (0..200).map(|n| scope.spawn(move || create(n))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

/// Nobody was told that all is well; what was refused is not there and does not come; and everything goes on.
fn holds(store: &PostgresStore, answers: &[(Key, Result<Put, StoreError>)]) {
    let refused = |answer: &Result<Put, StoreError>| matches!(answer, Err(StoreError::Refused(_)));
    for (_, answer) in answers {
        assert!(refused(answer) || matches!(answer, Err(StoreError::Unknown(_))), "{answer:?}");
    }
    super::eventually(|| block_on(store.get(&answers[0].0)).ok());
    let well = super::eventually(|| {
        let well = storm(store, 99);
        well.iter().all(|(_, answer)| answer.is_ok()).then_some(well)
    });
    assert_eq!(well.len(), 200);
    for (key, answer) in answers {
        let found = block_on(store.get(key)).unwrap();
        assert!(!refused(answer) || found.is_none(), "{answer:?}, and there is {found:?}");
    }
}

/// Threat RE-08: the server keeps its connections and says nothing.
#[test]
fn re_08_a_server_that_hangs() {
    if !Engine::Postgres.is_wanted() {
        return;
    }
    let server = Service::start(Engine::Postgres);
    let mut options = PostgresOptions::new(server.url());
    options.deadline = Duration::from_secs(1);
    let store = open(&options).unwrap();
    storm(&store, 1);
    server.freeze(true);
    let mut answers = Vec::new();
    for round in 2..4 {
        let began = Instant::now();
        answers.extend(storm(&store, round));
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    }
    server.freeze(false);
    holds(&store, &answers);
}

/// Commits that wait for a standby that is not there keep their places: there are never more sessions than were
/// asked for, however often somebody comes again.
#[test]
fn sessions_are_bounded_while_commits_wait() {
    if !Engine::Postgres.is_wanted() {
        return;
    }
    let server = Service::start(Engine::Postgres);
    let mut options = PostgresOptions::new(server.url());
    (options.connections, options.deadline) = (4, Duration::from_millis(300));
    let store = open(&options).unwrap();
    let aside = connect(&server.url());
    let standby = |names: &str| {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'");
        within(aside.execute(&set, &[])).unwrap();
        within(aside.execute("SELECT pg_reload_conf()", &[])).unwrap();
        let shown = "SELECT current_setting('synchronous_standby_names')";
        super::eventually(|| {
            let set: String = within(aside.query_one(shown, &[])).unwrap().get(0);
            (set == names).then_some(())
        });
    };
    standby("nobody");
    let mut answers = Vec::new();
    for round in 1..6 {
        answers.extend(storm(&store, round));
        let sessions = "SELECT count(*) FROM pg_stat_activity
                        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let sessions: i64 = within(aside.query_one(sessions, &[])).unwrap().get(0);
        assert!(sessions <= 4, "{sessions}");
    }
    standby("");
    holds(&store, &answers);
}

/// The server goes away and comes back: every call meanwhile ends with an error that is true, and the same
/// store goes on without being opened again.
#[test]
fn an_outage_ends_without_a_restart() {
    if !Engine::Postgres.is_wanted() {
        return;
    }
    let server = Service::start(Engine::Postgres);
    let store = open(&PostgresOptions::new(server.url())).unwrap();
    let (before, kept) = super::record(b"before");
    assert_eq!(block_on(store.put(&before, super::absent(), kept.clone())).unwrap(), Put::Done);

    server.stop();
    let (during, lost) = super::record(b"during");
    for _ in 0..20 {
        let began = Instant::now();
        block_on(store.get(&before)).unwrap_err();
        block_on(store.put(&during, super::absent(), lost.clone())).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    }
    server.resume();
    let found = super::eventually(|| block_on(store.get(&before)).ok());
    assert_eq!(found.unwrap().version, kept.version);
    assert!(block_on(store.get(&during)).unwrap().is_none(), "nothing was written");

    // the same when it is pulled down with nothing put in order
    server.kill();
    block_on(store.get(&before)).unwrap_err();
    server.resume();
    let found = super::eventually(|| block_on(store.get(&before)).ok());
    assert_eq!(found.unwrap().version, kept.version);
}

/// Threat RE-16: several nodes purge while others write; what lives stays, what is dead goes once, and no
/// index entry is left behind.
#[test]
fn re_16_purging_beside_traffic() {
    const DEAD: u32 = 3_000;
    let Some(schema) = Schema::new() else { return };
    let stores = [schema.open(), schema.open()];
    let fill = format!(
        "INSERT INTO oidc_op_record (kind, hash, version, keep_until, hour, body, labels)
         SELECT 'grant', sha256(n::text::bytea), '\\x{0}', 3600 * n, n, '', ARRAY[sha256('dead')]
         FROM generate_series(1, {DEAD}) AS n;
         INSERT INTO oidc_op_label SELECT unnest(labels), kind, hash FROM oidc_op_record",
        "00".repeat(16)
    );
    within(schema.client.batch_execute(&fill)).unwrap();

    // one asks for more than a statement takes
    assert_eq!(block_on(stores[0].purge(SystemClock.now(), 1_500)).unwrap(), 1_500);

    let url = &schema.url;
    let stores = &stores;
    let live: Vec<Key> = (0..32_u8).map(|n| Key::from_parts(Kind::Grant, [n; 32])).collect();
    let version = move |n: u8, round: u8| {
        let mut bytes = [0; 16];
        (bytes[0], bytes[1]) = (n + 1, round);
        Version::from_bytes(bytes)
    };
    let until = SystemClock.now() + oidc_op::Duration::HOUR;
    let label = Label::from_hash([7; 32]);
    // Some of the dead whose life is made longer meanwhile: either that, or they are gone.
    let prolonged = move |n: u32| {
        let digest = ring::digest::digest(&ring::digest::SHA256, n.to_string().as_bytes());
        Key::from_parts(Kind::Grant, digest.as_ref().try_into().unwrap())
    };
    let (purged, prolongations) = std::thread::scope(|scope| {
        let prolonger = scope.spawn(move || {
            let prolong = |n: u32| {
                let record = Record::new(version(250, 1), *b"longer", until);
                let expect = Expect::Version(Version::from_bytes([0; 16]));
                (n, block_on(stores[0].put(&prolonged(n), expect, record)).unwrap())
            };
            (1..=DEAD).rev().step_by(10).map(prolong).collect::<Vec<_>>()
        });
        let writer = scope.spawn(|| {
            for (n, key) in (0..).zip(&live) {
                let labelled = Expect::Absent { labels: &[label] };
                let first = Record::new(version(n, 0), *b"live", until);
                assert_eq!(block_on(stores[0].put(key, labelled, first)).unwrap(), Put::Done);
                for round in 1..10 {
                    let expect = Expect::Version(version(n, round - 1));
                    let next = Record::new(version(n, round), *b"live", until);
                    let put = block_on(stores[usize::from(round % 2)].put(key, expect, next));
                    assert_eq!(put.unwrap(), Put::Done);
                }
            }
        });
        let purgers: Vec<_> = stores
            .iter()
            .flat_map(|store| [store, store])
            .map(|store| {
                scope.spawn(move || {
                    let mut purged = 0;
                    loop {
                        let now = block_on(store.purge(SystemClock.now(), 100)).unwrap();
                        purged += now;
                        // Rows that another one has just taken are passed over, so an empty round is no end.
                        if now == 0 && dead_left(url) == 0 {
                            return purged;
                        }
                    }
                })
            })
            .collect();
        writer.join().unwrap();
        let prolongations = prolonger.join().unwrap();
        (purgers.into_iter().map(|purger| purger.join().unwrap()).sum::<u32>(), prolongations)
    });
    let kept: Vec<_> = prolongations.iter().filter(|(_, put)| *put == Put::Done).collect();
    for (n, _) in &kept {
        assert!(block_on(stores[1].get(&prolonged(*n))).unwrap().is_some(), "{n}");
    }
    assert!(!kept.is_empty() && purged + u32::try_from(kept.len()).unwrap() == DEAD - 1_500);
    let left = 32 + i64::try_from(kept.len()).unwrap();
    assert_eq!(schema.count("oidc_op_record"), left);
    assert_eq!(schema.count("oidc_op_label"), left);
    let there = block_on(stores[1].get_many(&live)).unwrap();
    assert!(there.iter().flatten().count() == 32, "{there:?}");

    let one = there[0].as_ref().unwrap().version;
    assert_eq!(block_on(stores[0].delete(&live[0], &one)).unwrap(), Put::Done);
    assert_eq!(schema.count("oidc_op_label"), left - 1);
}

/// How many records are there whose time is long over.
fn dead_left(url: &str) -> i64 {
    let query = "SELECT count(*) FROM oidc_op_record WHERE keep_until < 100000000";
    within(connect(url).query_one(query, &[])).unwrap().get(0)
}

/// Whenever there is TLS, the server's certificate and its name are verified.
#[test]
fn tls_is_verified() {
    if !Engine::Postgres.is_wanted() {
        return;
    }
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let server = Service::start_with(Engine::Postgres, |place| {
        let (certificate, key) = (place.join("server.pem"), place.join("server.key"));
        fs::write(&certificate, &pem).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let only_its_own = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&key, only_its_own).unwrap();
        [
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", certificate.display()),
            format!("ssl_key_file={}", key.display()),
        ]
        .into_iter()
        .flat_map(|setting| ["-c".to_owned(), setting])
        .collect()
    });
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    fs::write(&roots, &pem).unwrap();
    let url = |host: &str, query: &str| {
        format!("postgres://op@{host}:{}/postgres?{query}", server.port())
    };
    let file = roots.to_str().unwrap();

    let known = url("localhost", &format!("sslmode=verify-full&sslrootcert={file}"));
    let store = open(&PostgresOptions::new(known)).unwrap();
    let (key, record) = super::record(b"sealed");
    assert_eq!(block_on(store.put(&key, super::absent(), record)).unwrap(), Put::Done);
    let encrypted = "SELECT count(*) FROM pg_stat_ssl WHERE ssl AND pid <> pg_backend_pid()";
    let client = connect(&url("localhost", "sslmode=disable"));
    assert!(within(client.query_one(encrypted, &[])).unwrap().get::<_, i64>(0) >= 1);

    let strange = open(&PostgresOptions::new(url("localhost", "sslmode=require"))).unwrap_err();
    assert!(chain(&strange).contains("certificate"), "{}", chain(&strange));
    let mut elsewhere = PostgresOptions::new(url("127.0.0.1", "sslmode=require"));
    elsewhere.roots = Some(pem.into_bytes());
    let elsewhere = open(&elsewhere).unwrap_err();
    assert!(chain(&elsewhere).contains("certificate"), "{}", chain(&elsewhere));
    let unreadable = url("localhost", "sslmode=require&sslrootcert=/nowhere.pem");
    let unreadable = open(&PostgresOptions::new(unreadable)).unwrap_err();
    assert!(matches!(unreadable, PostgresError::Roots(_)), "{}", chain(&unreadable));
}
