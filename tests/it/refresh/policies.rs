//! What becomes of a token that was used: idempotent successors, a policy per client, theft
//! ([RFC 9700 §4.14.2]).
//!
//! [RFC 9700 §4.14.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2

use oidc_op::{Reason, Rotation};

use super::{is_refused, refresher, refusal, thefts};
use crate::support::{ALICE, Op, Setup, Tokens};

/// What a token before the current one is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The same successor once more.
    Same,
    /// Nothing, and nothing happens.
    Late,
    /// It ends the grant.
    Theft,
}

/// GRANT §7: each client's policy, second by second. A public client's tokens are strict, whatever an
/// administrator says; no window is longer than five minutes.
#[tokio::test]
async fn a_used_token_by_policy_and_second() {
    use Fate::{Late, Same, Theft};
    let window = |seconds| Some(Rotation::Window(seconds));
    let seconds = [
        ("refresh", None, 0, Same),
        ("refresh", None, 30, Same),
        ("refresh", None, 31, Late),
        ("refresh", None, 35, Late),
        ("refresh", None, 36, Theft),
        ("public-refresh", None, 0, Theft),
        ("public-refresh", Some(Rotation::Off), 0, Theft),
        ("public-refresh", window(300), 0, Theft),
        ("refresh", Some(Rotation::Strict), 0, Theft),
        ("refresh", window(0), 0, Theft),
        ("refresh", window(1), 1, Same),
        ("refresh", window(1), 2, Late),
        ("refresh", window(1), 7, Theft),
        ("refresh", window(u16::MAX), 300, Same),
        ("refresh", window(u16::MAX), 301, Late),
        ("refresh", window(u16::MAX), 306, Theft),
    ];
    for (client, rotation, seconds, fate) in seconds {
        let what = format!("{client} {rotation:?} after {seconds} s");
        let op = of(client, rotation);
        let first = op.tokens(client, ALICE).await;
        let second = first.refreshed(&op).await;
        assert_ne!(first.refresh, second.refresh, "{what}");
        op.wait(seconds);
        thefts(&op);
        let again = op.refresh(client, &first.refresh).await;
        if fate == Same {
            assert_eq!(again.status(), 200, "{what}");
            let again = Tokens::of(client, &again);
            assert_eq!(again.refresh, second.refresh, "{what}");
            assert_ne!(again.access, second.access, "{what}");
            assert_eq!(op.userinfo(&again.access).await.status(), 200, "{what}");
        } else {
            is_refused(&again, &what);
        }
        assert_eq!(thefts(&op), usize::from(fate == Theft), "{what}");
        let alive = if fate == Theft { 401 } else { 200 };
        for access in [&first.access, &second.access] {
            assert_eq!(op.userinfo(access).await.status(), alive, "{what}");
        }
        let successor = op.refresh(client, &second.refresh).await;
        if fate == Theft {
            is_refused(&successor, &what);
            assert_eq!(refusal(&op), Some(Reason::GrantRevoked), "{what}");
        } else {
            assert_eq!(successor.status(), 200, "{what}");
        }
    }
}

/// The client that authenticates, and whose token never changes.
#[tokio::test]
async fn without_rotation_the_token_stays() {
    let op = Op::new();
    let first = op.tokens("fixed", ALICE).await;
    let mut access = vec![first.access.clone()];
    for _ in 0..4 {
        op.wait(100);
        let next = first.refreshed(&op).await;
        assert_eq!(next.refresh, first.refresh);
        assert!(!access.contains(&next.access));
        access.push(next.access);
    }
    for token in &access {
        assert_eq!(op.userinfo(token).await.status(), 200);
    }
    assert_eq!(thefts(&op), 0);
}

/// An administrator who turns rotation off, or on again, signs nobody out.
#[tokio::test]
async fn the_policy_of_the_day_holds() {
    let setup = Setup::new();
    let (store, clock) = (setup.store.clone(), setup.clock.clone());
    let today = |rotation, seed| {
        let (store, clock) = (store.clone(), clock.clone());
        Setup { store, clock, seed, ..with("refresh", rotation) }.build()
    };
    let rotating = today(None, 2);
    let first = rotating.tokens("refresh", ALICE).await;
    let second = first.refreshed(&rotating).await;
    let fixed = today(Some(Rotation::Off), 3);
    assert_eq!(second.refreshed(&fixed).await.refresh, second.refresh);
    let third = second.refreshed(&rotating).await;
    assert_ne!(third.refresh, second.refresh);
    // A token that was used before is theft where none may be repeated.
    is_refused(&fixed.refresh("refresh", &second.refresh).await, "rotation is off");
    assert_eq!(thefts(&fixed), 1);
}

/// The window is counted from the rotation and not from the last repetition; repeating is unlimited, and
/// the successor's first use ends it.
#[tokio::test]
async fn the_window_closes() {
    let op = Op::new();
    let first = op.tokens("refresh", ALICE).await;
    let second = first.refreshed(&op).await;
    for _ in 0..3 {
        op.wait(10);
        assert_eq!(first.refreshed(&op).await.refresh, second.refresh);
    }
    op.wait(1);
    is_refused(&op.refresh("refresh", &first.refresh).await, "31 s after the rotation");
    assert_eq!(refusal(&op), Some(Reason::RefreshTokenLate));

    let third = second.refreshed(&op).await;
    assert_eq!(second.refreshed(&op).await.refresh, third.refresh, "a window of its own");
    is_refused(&op.refresh("refresh", &first.refresh).await, "two generations back");
    assert_eq!(thefts(&op), 1);
    is_refused(&op.refresh("refresh", &third.refresh).await, "and nothing is left");
}

/// Theft is reported once, however often the thief tries again.
#[tokio::test]
async fn theft_is_reported_once() {
    let op = Op::new();
    let first = op.tokens("public-refresh", ALICE).await;
    let second = first.refreshed(&op).await;
    thefts(&op);
    for token in [&first, &first, &second, &first] {
        is_refused(&op.refresh("public-refresh", &token.refresh).await, "after the theft");
    }
    assert_eq!(thefts(&op), 1);
}

/// One person's family falls; their grants at the same client from another browser do not.
#[tokio::test]
async fn theft_ends_one_grant() {
    let op = Op::new();
    let phone = op.tokens("public-refresh", ALICE).await;
    let laptop = op.tokens("public-refresh", ALICE).await;
    phone.refreshed(&op).await;
    is_refused(&op.refresh("public-refresh", &phone.refresh).await, "stolen");
    assert_eq!(op.userinfo(&laptop.access).await.status(), 200);
    laptop.refreshed(&op).await;
}

fn with(client: &str, rotation: Option<Rotation>) -> Setup {
    let mut setup = Setup::new();
    setup.clients = vec![refresher(client, rotation)];
    setup
}

fn of(client: &str, rotation: Option<Rotation>) -> Op {
    with(client, rotation).build()
}
