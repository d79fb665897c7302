//! How long refresh tokens live: as long as they are used, and never longer than the grant may.

use oidc_op::{Duration, Reason, Rotation};

use super::{UNSIGNED, faulty_op, is_refused, refresher, refusal, thefts};
use crate::support::{ALICE, Op, Setup};

/// 1,000 s without use, 2,500 s in all.
fn short(rotation: Option<Rotation>) -> Op {
    let mut setup = Setup::new();
    setup.config.lifetimes.refresh_idle = Duration::seconds(1_000);
    setup.config.lifetimes.refresh_token = Duration::seconds(2_500);
    setup.clients = vec![refresher("refresh", rotation), refresher("public-refresh", None)];
    setup.build()
}

/// The times of use, and the first at which it is refused; the end itself is too late.
#[tokio::test]
async fn sliding_and_absolute_ends() {
    for (uses, refused) in [
        (&[][..], 1_000),
        (&[999][..], 1_999),
        (&[900, 1_800, 2_499][..], 2_500),
        (&[600, 1_200, 1_800][..], 2_500),
    ] {
        for client in ["refresh", "public-refresh"] {
            let op = short(None);
            let mut tokens = op.tokens_for(client, ALICE, UNSIGNED, &[]).await;
            let mut now = 0;
            for at in uses {
                op.wait(at - now);
                now = *at;
                tokens = tokens.refreshed(&op).await;
            }
            op.wait(refused - 1 - now);
            let introspected = op.introspect("refresh", &tokens.refresh).await.json();
            assert_eq!(introspected["active"], client == "refresh", "{uses:?}");
            op.wait(1);
            is_refused(&op.refresh(client, &tokens.refresh).await, &format!("{uses:?}"));
            assert_eq!(refusal(&op), Some(Reason::RefreshTokenExpired));
            assert_eq!(
                op.introspect("refresh", &tokens.refresh).await.json()["active"],
                false,
                "{uses:?}"
            );
        }
    }
}

/// Without rotation the idle end moves in steps of a tenth, and never falls short of the absolute one:
/// whoever uses a token each minute has it to its last second.
#[tokio::test]
async fn a_token_that_stays_lives_as_long() {
    let op = short(Some(Rotation::Off));
    let tokens = op.tokens_for("refresh", ALICE, UNSIGNED, &[]).await;
    for _ in 0..41 {
        op.wait(60);
        tokens.refreshed(&op).await;
    }
    op.wait(39);
    tokens.refreshed(&op).await;
    op.wait(1);
    is_refused(&op.refresh("refresh", &tokens.refresh).await, "2,500 s");
    assert_eq!(refusal(&op), Some(Reason::RefreshTokenExpired));
}

/// What is used moves the idle end by its whole length, not less a tenth.
#[tokio::test]
async fn a_token_that_stays_slides() {
    for (used, refused) in [(100, 1_000), (101, 1_101), (999, 1_999)] {
        let op = short(Some(Rotation::Off));
        let tokens = op.tokens_for("refresh", ALICE, UNSIGNED, &[]).await;
        op.wait(used);
        tokens.refreshed(&op).await;
        op.wait(refused - used);
        is_refused(&op.refresh("refresh", &tokens.refresh).await, "idle");
        assert_eq!(refusal(&op), Some(Reason::RefreshTokenExpired), "used at {used} s");
    }
}

/// A repetition moves no end.
#[tokio::test]
async fn a_repetition_does_not_slide() {
    let op = short(None);
    let first = op.tokens_for("refresh", ALICE, UNSIGNED, &[]).await;
    let second = first.refreshed(&op).await;
    op.wait(30);
    first.refreshed(&op).await;
    op.wait(970);
    is_refused(&op.refresh("refresh", &second.refresh).await, "1,000 s after the rotation");
}

/// RFC 9700 §4.14.2: theft is found before an expiry is.
#[tokio::test]
async fn theft_of_an_expired_token_is_theft() {
    let op = short(None);
    let first = op.tokens_for("refresh", ALICE, UNSIGNED, &[]).await;
    first.refreshed(&op).await.refreshed(&op).await;
    op.wait(3_000);
    is_refused(&op.refresh("refresh", &first.refresh).await, "expired, and an ancestor");
    assert_eq!(thefts(&op), 1);
}

/// Housekeeping takes no grant whose refresh token lives; the access tokens go on as well.
#[tokio::test]
async fn a_grant_is_kept_while_it_can_be_refreshed() {
    for client in ["refresh", "public-refresh", "fixed"] {
        let op = Op::new();
        let mut tokens = op.tokens_for(client, ALICE, UNSIGNED, &[]).await;
        for days in [13, 13, 3] {
            op.wait(days * 86_400);
            op.provider.work(1_000).await.unwrap();
            tokens = tokens.refreshed(&op).await;
        }
        op.wait(599);
        op.provider.work(1_000).await.unwrap();
        let alive = op.provider.inspect(&tokens.access).await.unwrap();
        assert!(alive.is_some(), "{client}");
        op.wait(86_400 + 7_200);
        op.provider.work(1_000).await.unwrap();
        is_refused(&op.refresh(client, &tokens.refresh).await, client);
    }
}

/// An access token lives its whole life, even if the refresh token that brought it ends before.
#[tokio::test]
async fn the_last_access_token_lives_its_life() {
    for rotation in [None, Some(Rotation::Off)] {
        let op = short(rotation);
        let mut tokens = op.tokens("refresh", ALICE).await;
        for _ in 0..2 {
            op.wait(999);
            tokens = tokens.refreshed(&op).await;
        }
        op.wait(501);
        let answer = op.refresh("refresh", &tokens.refresh).await;
        assert_eq!(answer.json()["expires_in"], 600);
        op.wait(599);
        assert_eq!(op.userinfo(&answer.member("access_token")).await.status(), 200);
        op.wait(1);
        assert_eq!(op.userinfo(&answer.member("access_token")).await.status(), 401);
    }
}

/// What a refresh costs, in writes: one, or none if it only repeats, or if the token stays and its idle
/// end does not move by a tenth.
#[tokio::test]
async fn writes_per_refresh() {
    let (op, store) = faulty_op();
    let spent = || {
        let writes = store.calls().writes();
        store.reset();
        writes
    };
    for client in ["refresh", "public-refresh"] {
        let first = op.tokens(client, ALICE).await;
        spent();
        first.refreshed(&op).await;
        assert_eq!(spent(), 1, "{client}: a rotation");
        if client == "refresh" {
            first.refreshed(&op).await;
            assert_eq!(spent(), 0, "a repetition");
        }
    }
    let fixed = op.tokens("fixed", ALICE).await;
    let tenth = 14 * 86_400 / 10;
    spent();
    for (wait, writes) in [(0, 0), (tenth, 0), (1, 1), (1, 0), (tenth - 1, 0), (1, 1)] {
        op.wait(wait);
        fixed.refreshed(&op).await;
        assert_eq!(spent(), writes, "{wait} s later");
    }
    op.refresh("fixed", &op.tokens("refresh", ALICE).await.refresh).await;
    spent();
    op.refresh("fixed", "no token at all").await;
    assert_eq!(store.calls().total(), 0, "what is no token is not looked up");
}
