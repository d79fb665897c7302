use std::{fs, path::Path};

use oidc_op::store::{Key, Put, Record, SqliteStore, Store, contract::block_on};

use super::{file, is_whole};
use crate::stores::{absent, record};

/// The last write did not get to the disk whole, as when the power fails (threat RE-04): the file opens, and
/// what was written before is there and nothing is half there.
#[test]
fn re_04_a_torn_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(file(folder.path())).unwrap();
    let wal = folder.path().join("op.db-wal");
    let mut written: Vec<(Key, Record, u64)> = Vec::new();
    for n in 0..12_u8 {
        let (key, record) = record(&[n + 1; 9]);
        let put = block_on(store.put(&key, absent(), record.clone())).unwrap();
        assert_eq!(put, Put::Done);
        written.push((key, record, fs::metadata(&wal).unwrap().len()));
    }
    let (database, log) = (fs::read(file(folder.path())).unwrap(), fs::read(&wal).unwrap());
    let (first, end) = (written[0].2, log.len() as u64);
    assert!(
        written.windows(2).all(|pair| pair[0].2 < pair[1].2),
        "nothing was folded in meanwhile"
    );
    assert_eq!(written.last().unwrap().2, end);

    let tears = written.iter().flat_map(|(.., at)| [at - 1, *at, at + 30, at + 2_000]);
    for at in tears.filter(|at| (first..=end).contains(at)) {
        let cut = usize::try_from(at).unwrap();
        // Cut off, or followed by what lay on the disk before.
        let garbage = [&log[..cut], &vec![0x5a; log.len() - cut]].concat();
        for torn in [&log[..cut], &garbage] {
            opens(&database, torn, at, &written);
        }
    }
}

/// Everything whose end lies before the tear is there; of the rest a beginning, each whole.
fn opens(database: &[u8], log: &[u8], at: u64, written: &[(Key, Record, u64)]) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(file(folder.path()), database).unwrap();
    fs::write(folder.path().join("op.db-wal"), log).unwrap();
    let store = SqliteStore::open(file(folder.path())).unwrap();
    let found = |key| block_on(store.get(key)).unwrap();
    let mut over = false;
    for (n, (key, record, end)) in written.iter().enumerate() {
        if let Some(there) = found(key) {
            assert!(!over, "write {n} is there and not the one before, torn at {at}");
            assert_eq!((there.version, &there.body), (record.version, &record.body));
        } else {
            assert!(*end > at, "write {n} of {end} bytes is lost, torn at {at}");
            over = true;
        }
    }
    goes_on(&store, folder.path());
}

fn goes_on(store: &SqliteStore, place: &Path) {
    let (key, record) = record(b"later");
    assert_eq!(block_on(store.put(&key, absent(), record)).unwrap(), Put::Done);
    is_whole(place);
}
