//! A grant takes the same room after one refresh and after ten thousand.

use std::sync::Arc;

use oidc_op::{
    Rotation,
    store::{FaultyStore, Kind},
};

use super::{UNSIGNED, refresher};
use crate::support::{ALICE, Ledger, Setup};

/// The sizes of what was written in 10,000 refreshes, one each 250 s: to the end of a month.
async fn weigh(rotation: Option<Rotation>) -> Vec<usize> {
    let mut setup = Setup::new();
    setup.clients = vec![refresher("refresh", rotation)];
    let ledger = Ledger::with_clock(setup.clock.clone());
    let store = FaultyStore::new(Arc::clone(&ledger));
    let op = Setup { store: Arc::new(store.clone()), ..setup }.build();
    let mut tokens = op.tokens_for("refresh", ALICE, UNSIGNED, &[]).await;
    let records = ledger.len();
    ledger.take();
    store.reset();
    for n in 0..10_000 {
        op.wait(250);
        tokens = tokens.refreshed(&op).await;
        if n % 100 == 0 {
            op.provider.work(1_000).await.unwrap();
        }
    }
    assert!(ledger.len() <= records, "no record was added");
    let (calls, written) = (store.calls(), ledger.take());
    assert_eq!((calls.delete, calls.list), (0, 0), "nothing is deleted, nothing listed");
    assert!(written.iter().all(|write| write.key.kind() == Kind::Grant), "nothing else is written");
    written.iter().map(|write| write.record.body.len()).collect()
}

#[tokio::test]
async fn ten_thousand_rotations() {
    let sizes = weigh(None).await;
    assert_eq!(sizes.len(), 10_000, "one write each");
    let (min, max) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
    // Early on the redeemed ticket is still there, as long as a replay of its code is judged whole.
    let settled = sizes[3];
    assert!(*max < 1_500, "{max}");
    let digits = "10000".len();
    assert!(sizes[3..].iter().all(|size| *size < settled + digits), "{min} to {max}");
}

#[tokio::test]
async fn ten_thousand_uses_of_a_token_that_stays() {
    let sizes = weigh(Some(Rotation::Off)).await;
    // 16 days until the idle end meets the absolute one, in tenths of 14 days: 11, and the last step.
    assert_eq!(sizes.len(), 12);
    let least = sizes.iter().min().unwrap();
    assert!(sizes.iter().all(|size| size == least), "{sizes:?}");
}
