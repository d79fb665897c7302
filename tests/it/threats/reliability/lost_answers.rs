//! RE-10: the answer to a refresh never reaches its client.

use std::collections::BTreeSet;

use oidc_op::Rotation;

use crate::support::{ALICE, Answer, Op, Setup, Tokens, races::together};

#[track_caller]
fn is_refused(answer: &Answer, what: &str) {
    assert_eq!((answer.status(), &*answer.error()), (400, "invalid_grant"), "{what}");
}

/// Which of the refresh tokens would still give another one; introspection says so to their client.
async fn live<'t>(op: &Op, client: &str, tokens: &[&'t str]) -> BTreeSet<&'t str> {
    let mut live = BTreeSet::new();
    for token in tokens {
        if op.introspect(client, token).await.json()["active"] == true {
            live.insert(*token);
        }
    }
    live
}

fn of(client: &str, rotation: Option<Rotation>) -> Op {
    let mut setup = Setup::new();
    let known = setup.clients.iter_mut().find(|known| known.id.as_str() == client).unwrap();
    known.refresh.rotation = rotation;
    setup.build()
}

/// Where rotation is strict, nobody can tell the client from a thief who was faster: the retry is refused, the
/// family ends, and the person signs in again, which gives a family of its own.
#[tokio::test]
async fn re_10_strict_means_signing_in_again() {
    for (client, rotation) in [("public-refresh", None), ("refresh", Some(Rotation::Strict))] {
        let op = of(client, rotation);
        let first = op.tokens(client, ALICE).await;
        let lost = first.refreshed(&op).await;
        is_refused(&op.refresh(client, &first.refresh).await, "the retry");
        is_refused(&op.refresh(client, &lost.refresh).await, "what was lost");
        for access in [&first.access, &lost.access] {
            assert_eq!(op.userinfo(access).await.status(), 401, "{client}");
        }
        let again = op.tokens(client, ALICE).await;
        let next = again.refreshed(&op).await;
        assert_eq!(op.userinfo(&next.access).await.status(), 200, "{client}");
        is_refused(&op.refresh(client, &first.refresh).await, "the old family, still");
        next.refreshed(&op).await;
    }
}

/// Within the window every retry gives the successor that was lost, however many come, and all at once; after
/// it there is one live token, and the one before is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn re_10_a_window_gives_the_same_successor() {
    for (rotation, window) in [(None, 30), (Some(Rotation::Window(2)), 2)] {
        let op = of("refresh", rotation);
        let first = op.tokens("refresh", ALICE).await;
        let racers = (0..8).map(|_| {
            let (op, token) = (op.clone(), first.refresh.clone());
            async move { op.refresh("refresh", &token).await }
        });
        let mut given = BTreeSet::new();
        for answer in together(racers).await {
            assert_eq!(answer.status(), 200, "{}", answer.json());
            given.insert(answer.member("refresh_token"));
        }
        op.wait(window);
        let second = first.refreshed(&op).await;
        given.insert(second.refresh.clone());
        assert_eq!(given.len(), 1, "one successor");

        op.wait(1);
        let all = [&*first.refresh, &second.refresh];
        assert_eq!(live(&op, "refresh", &all).await, BTreeSet::from([&*second.refresh]));
        is_refused(&op.refresh("refresh", &first.refresh).await, "after the window");
        let third = second.refreshed(&op).await;
        assert!(!given.contains(&third.refresh));
        op.wait(window + 1);
        let all = [&*first.refresh, &second.refresh, &third.refresh];
        assert_eq!(live(&op, "refresh", &all).await, BTreeSet::from([&*third.refresh]));
    }
}

/// Whatever is lost, and whenever it is tried again: never two live tokens outside of the window, and never two
/// successors of one.
#[tokio::test]
async fn re_10_never_two_live_successors() {
    const WINDOW: i64 = 10;
    for pause in [0, 4, WINDOW, WINDOW + 1, WINDOW + 6] {
        let op = of("refresh", Some(Rotation::Window(10)));
        let mut family = vec![op.tokens("refresh", ALICE).await];
        // The client hears every second answer.
        for turn in 0..6 {
            let held = family.last().unwrap().refresh.clone();
            let lost = op.refresh("refresh", &held).await;
            op.wait(pause);
            let retried = op.refresh("refresh", &held).await;
            if turn == 0 || retried.status() == 200 {
                let what = format!("{pause} s, turn {turn}");
                assert_eq!(retried.status() == 200, pause <= WINDOW, "{what}");
            }
            if retried.status() == 200 {
                let same = retried.member("refresh_token") == lost.member("refresh_token");
                assert!(same, "after {pause} s");
                family.push(Tokens::of("refresh", &retried));
            } else if lost.status() == 200 {
                // It turns up after all.
                family.push(Tokens::of("refresh", &lost));
            }
            op.wait(WINDOW + 1);
            let all: Vec<_> = family.iter().map(|tokens| &*tokens.refresh).collect();
            let live = live(&op, "refresh", &all).await;
            let stands = pause <= WINDOW + 5;
            let expected = stands.then(|| *all.last().unwrap()).into_iter().collect();
            assert_eq!(live, expected, "after {pause} s, turn {turn}");
        }
    }
}
