//! What SQLite has acknowledged is there, whatever happens to the process, the disk or the file.
//!
//! Where a process has to die or a disk to be full, the test starts itself again, as a process of its own.

mod full_disk;
mod kills;
mod torn;

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
};

use oidc_op::store::SqliteStore;

use crate::support::{Op, Setup};

/// Says to a process of this binary that it is to act on this folder, and not to test.
const PLACE: &str = "OIDC_OP_TEST_PLACE";

/// The folder, if this is such a process.
fn place() -> Option<PathBuf> {
    env::var_os(PLACE).map(Into::into)
}

/// The arguments that make this binary run one test, and let its output through.
fn arguments(test: &str) -> Vec<String> {
    let (_, test) = test.split_once("::").expect("a module of this binary");
    vec![
        env::current_exe().unwrap().to_str().unwrap().to_owned(),
        test.to_owned(),
        "--exact".to_owned(),
        "--nocapture".to_owned(),
    ]
}

fn file(place: &Path) -> PathBuf {
    place.join("op.db")
}

/// A provider on the file of this folder; whoever opens one later needs another seed.
fn open(place: &Path, seed: u64) -> Op {
    let store = SqliteStore::open(file(place)).unwrap();
    Setup { store: Arc::new(store), seed, ..Setup::new() }.build()
}

/// The file is whole.
fn is_whole(place: &Path) {
    let connection = rusqlite::Connection::open(file(place)).unwrap();
    let check: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}
