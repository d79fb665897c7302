//! SQLite: the contract, what is in the file, who may open it, and that what was acknowledged is there
//! after a restart.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use oidc_op::store::{
    Durability, SqliteError, SqliteOptions, SqliteStore, Store, StoreError, contract::block_on,
};
use tempfile::TempDir;

use crate::support::{ALICE, Browser, Op, Setup};

/// A folder with a new file for each store that is asked for.
struct Files {
    folder: TempDir,
    count: AtomicU32,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), count: AtomicU32::new(0) }
    }

    fn next(&self) -> SqliteOptions {
        let n = self.count.fetch_add(1, Ordering::SeqCst);
        SqliteOptions::new(self.folder.path().join(format!("{n}.db")))
    }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).unwrap()
}

#[test]
fn keeps_the_contract() {
    let files = Files::new();
    super::keep_contract(|| SqliteStore::with_options(&files.next()).unwrap());
}

/// With less durability the contract is the same, as long as there is power.
#[test]
fn keeps_the_contract_relaxed_and_with_one_reader() {
    let files = Files::new();
    super::keep_contract(|| {
        let mut options = files.next();
        options.durability = Durability::Relaxed;
        options.readers = 1;
        SqliteStore::with_options(&options).unwrap()
    });
}

/// Two processes may have one file open; here, two stores of one process: each sees at once what the
/// other one has written, and of two writers one wins.
#[test]
fn two_stores_on_one_file() {
    let files = Files::new();
    let options = files.next();
    super::keep_contract(|| {
        let stores = [(); 2].map(|()| SqliteStore::with_options(&options).unwrap());
        super::Alternating::new(stores)
    });
}

/// A sign-in goes on where it was when the process ended: sessions, grants, and the codes that were
/// redeemed (threat RE-11).
#[tokio::test]
async fn re_11_everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("op.db");
    let start = || {
        let setup = Setup::new();
        let options = SqliteOptions::new(&path);
        let store = SqliteStore::with_clock(&options, setup.clock.clone()).unwrap();
        Setup { store: Arc::new(store), ..setup }.build()
    };
    let op = start();
    let mut browser = Browser::new(&op);
    let code = browser.code(&Op::request(), ALICE).await;
    let tokens = op.redeem(&code).await.json();
    let pending = browser.code(&Op::request(), ALICE).await;
    drop(op);

    let op = start();
    let mut browser = browser.at(&op);
    assert_eq!(browser.who().await.as_deref(), Some(ALICE));
    assert_eq!(op.userinfo(tokens["access_token"].as_str().unwrap()).await.status(), 200);
    assert_eq!(op.redeem(&pending).await.status(), 200);
    assert_eq!(op.redeem(&pending).await.error(), "invalid_grant");
    browser.authorize(&Op::request_with(&[("prompt", "none")])).await.parameter("code");
}

/// A file that is somebody else's is left alone, and one of a newer release as well.
#[test]
fn only_its_own_files_are_opened() {
    let files = Files::new();
    let foreign = files.next();
    let other = rusqlite::Connection::open(&foreign.path).unwrap();
    other.execute_batch("CREATE TABLE people (name TEXT)").unwrap();
    let refused = SqliteStore::with_options(&foreign).unwrap_err();
    assert!(matches!(refused, SqliteError::Foreign), "{refused:?}");

    let newer = files.next();
    drop(SqliteStore::with_options(&newer).unwrap());
    let other = rusqlite::Connection::open(&newer.path).unwrap();
    other.pragma_update(None, "user_version", 2).unwrap();
    let refused = SqliteStore::with_options(&newer).unwrap_err();
    assert!(matches!(refused, SqliteError::Newer), "{refused:?}");

    let text = files.next();
    std::fs::write(
        &text.path,
        "no database at all, but long enough to be looked at as if it were one",
    )
    .unwrap();
    let refused = SqliteStore::with_options(&text).unwrap_err();
    assert!(matches!(refused, SqliteError::Open(_)), "{refused:?}");

    let nowhere = SqliteOptions::new(files.folder.path().join("missing/op.db"));
    let refused = SqliteStore::with_options(&nowhere).unwrap_err();
    assert!(matches!(refused, SqliteError::Open(_)), "{refused:?}");
    let mut nobody = files.next();
    nobody.readers = 0;
    assert!(matches!(SqliteStore::with_options(&nobody), Err(SqliteError::Options)));
}

/// Several processes that start at once bring a new file to its schema together.
#[test]
fn starts_meet() {
    let files = Files::new();
    for _ in 0..10 {
        let options = files.next();
        std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| SqliteStore::with_options(&options))).collect();
            for start in starts {
                start.join().unwrap().unwrap();
            }
        });
    }
}

/// Threat RE-08: somebody else holds the file; a call ends in its time, truthfully, and afterwards
/// everything goes on.
#[test]
fn re_08_a_file_that_is_held() {
    let files = Files::new();
    let mut options = files.next();
    options.deadline = Duration::from_millis(300);
    let store = SqliteStore::with_options(&options).unwrap();
    let holder = rusqlite::Connection::open(&options.path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = std::time::Instant::now();
    let (key, record) = super::record(b"held");
    let held = block_on(store.put(&key, super::absent(), record.clone()));
    assert!(matches!(held, Err(StoreError::Refused(_) | StoreError::Unknown(_))), "{held:?}");
    assert!(began.elapsed() < Duration::from_secs(2));
    // readers are not held up
    assert!(block_on(store.get(&key)).unwrap().is_none());
    holder.execute_batch("COMMIT").unwrap();
    drop(open(&options.path));
    let done =
        super::eventually(|| block_on(store.put(&key, super::absent(), record.clone())).ok());
    assert!(matches!(done, oidc_op::store::Put::Done | oidc_op::store::Put::Conflict));
    assert!(block_on(store.get(&key)).unwrap().is_some());
}

/// Threat RE-16: a purge takes out as much as it is asked to, in parts that let writers through.
#[test]
fn re_16_a_purge_fulfils_its_limit() {
    let files = Files::new();
    let options = files.next();
    let store = SqliteStore::with_options(&options).unwrap();
    let fill = "WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 1200)
        INSERT INTO record SELECT 'grant', CAST(printf('%032d', n) AS BLOB), zeroblob(16), n, x'', x''
        FROM many";
    rusqlite::Connection::open(&options.path).unwrap().execute(fill, []).unwrap();
    let now = oidc_op::Clock::now(&oidc_op::SystemClock);
    for (limit, removed) in [(0, 0), (700, 700), (1_000, 500), (1_000, 0)] {
        assert_eq!(block_on(store.purge(now, limit)).unwrap(), removed);
    }
}

/// What is kept says who uses what: a new file is for its owner only.
#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::new();
    let options = files.next();
    let store = SqliteStore::with_options(&options).unwrap();
    let (key, record) = super::record(b"mine");
    block_on(store.put(&key, super::absent(), record)).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let path = format!("{}{suffix}", options.path.display());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path}");
    }
}
