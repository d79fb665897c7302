//! Revocation ([RFC 7009]): what ends with what.
//!
//! [RFC 7009]: https://www.rfc-editor.org/rfc/rfc7009

use oidc_op::{
    What,
    store::{Fault, Operation},
};

use crate::{
    introspection::{INACTIVE, exchanged, node, own_token},
    resources::{API, ISSUER, ORDERS, apis, ask_for, tokens_of},
    support::{
        ALICE, BOB, Browser, Op, Tokens,
        races::{both, together, waits},
    },
};

/// Whether its own client, or an API, is told that a token is good; both ends agree with UserInfo.
async fn lives(op: &Op, client: &str, token: &str) -> bool {
    let answer = op.introspect(client, token).await;
    let active = answer.json()["active"] == true;
    assert!(active || answer.reply().body == INACTIVE);
    active
}

/// Everything that there is of a grant: two access tokens of each generation, one of them a JWT.
struct Family {
    tokens: Vec<Tokens>,
    access: Vec<String>,
}

async fn family(op: &Op, client: &'static str, generations: usize) -> Family {
    let scope = "openid offline_access orders:read";
    let mut tokens = vec![tokens_of(op, client, scope, &[API, ISSUER]).await];
    let mut access = vec![tokens[0].access.clone()];
    for _ in 1..generations {
        let next = tokens.last().unwrap().refreshed(op).await;
        access.push(next.access.clone());
        tokens.push(next);
    }
    Family { tokens, access }
}

/// RFC 7009 §2.1, threat IR-05: any genuine generation of a refresh token ends the grant, on all nodes:
/// its access tokens, the refresh tokens before and after it, and what came of it by exchange.
#[tokio::test]
async fn any_generation_ends_the_grant() {
    for client in ["refresh", "public-refresh", "fixed"] {
        for which in 0..4 {
            let setup = apis();
            let other = node(&setup, |_| ());
            let op = setup.build();
            let Family { tokens, access } = family(&op, client, 4).await;
            let bystander = tokens_of(&op, client, "openid offline_access", &[]).await;
            let child = exchanged(&op, &access[3], &[]).await.member("access_token");
            assert!(lives(&op, "exchanger", &child).await);
            let answer = op.revoke(client, &tokens[which].refresh).await;
            assert_eq!((answer.status(), answer.reply().body.len()), (200, 0), "{client} {which}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            for op in [&op, &other] {
                for token in &access {
                    assert!(!lives(op, "rs1", token).await, "{client} {which}");
                    assert_eq!(op.userinfo(token).await.status(), 401, "{client} {which}");
                }
                assert!(!lives(op, "exchanger", &child).await, "{client} {which}");
                for tokens in &tokens {
                    let answer = op.refresh(client, &tokens.refresh).await;
                    assert_eq!(answer.error(), "invalid_grant", "{client} {which}");
                }
                assert_eq!(op.userinfo(&bystander.access).await.status(), 200, "another grant");
            }
            let seen = op.recorder.take();
            let ended = seen.iter().filter(|(what, _)| *what == What::GrantRevoked).count();
            assert_eq!(ended, 1, "{client} {which}: {seen:?}");
            assert!(!seen.iter().any(|(what, _)| *what == What::RefreshTokenReused), "no theft");
            assert_eq!(op.refresh(client, &bystander.refresh).await.status(), 200);
        }
    }
}

/// RFC 7009 §2.1: an access token ends alone, opaque or a JWT; its siblings and the refresh token live.
#[tokio::test]
async fn an_access_token_ends_alone() {
    for resources in [&[][..], &[API, ISSUER], &[ORDERS, ISSUER], &[ORDERS]] {
        let op = apis().build();
        let scope = "openid offline_access orders:read";
        let first = op.tokens_for("refresh", ALICE, scope, resources).await;
        let second = first.refreshed(&op).await;
        assert_eq!(first.access.contains('.'), resources.contains(&ORDERS));
        assert_eq!(op.revoke("refresh", &first.access).await.status(), 200);
        assert!(!lives(&op, "refresh", &first.access).await, "{resources:?}");
        assert_eq!(op.userinfo(&first.access).await.status(), 401, "{resources:?}");
        assert!(lives(&op, "refresh", &second.access).await, "{resources:?}");
        assert!(lives(&op, "refresh", &second.refresh).await, "{resources:?}");
        let third = second.refreshed(&op).await;
        assert!(lives(&op, "refresh", &third.access).await, "{resources:?}");
        assert!(!lives(&op, "refresh", &first.access).await, "{resources:?}: for good");
    }
}

/// Eight are remembered one by one; the ninth ends all access tokens that are out, and no other. What is
/// issued later is good.
#[tokio::test]
async fn the_ninth_ends_them_all() {
    let op = apis().build();
    let mut tokens = op.tokens("refresh", ALICE).await;
    let mut access = vec![tokens.access.clone()];
    for _ in 0..10 {
        tokens = tokens.refreshed(&op).await;
        access.push(tokens.access.clone());
    }
    for (i, token) in access.iter().take(8).enumerate() {
        assert_eq!(op.revoke("refresh", token).await.status(), 200);
        for (j, token) in access.iter().enumerate() {
            assert_eq!(lives(&op, "refresh", token).await, j > i, "{j} after {i}");
        }
    }
    assert_eq!(op.revoke("refresh", &access[8]).await.status(), 200);
    for token in &access {
        assert!(!lives(&op, "refresh", token).await);
    }
    let next = tokens.refreshed(&op).await;
    assert!(lives(&op, "refresh", &next.access).await);
    assert_eq!(op.userinfo(&next.access).await.status(), 200);
    assert_eq!(op.revoke("refresh", &access[10]).await.status(), 200, "ended already");
    assert!(lives(&op, "refresh", &next.access).await);
}

/// What has expired makes room: eight within a lifetime, not within the life of the grant.
#[tokio::test]
async fn expired_ones_are_forgotten() {
    let op = apis().build();
    let mut tokens = op.tokens("refresh", ALICE).await;
    for _ in 0..4 {
        let keep = tokens.refreshed(&op).await;
        tokens = keep.clone();
        for _ in 0..5 {
            tokens = tokens.refreshed(&op).await;
            assert_eq!(op.revoke("refresh", &tokens.access).await.status(), 200);
        }
        assert!(lives(&op, "refresh", &keep.access).await, "five at a time");
        op.wait(601);
    }
}

/// A client's own token stands on no grant: a marker ends it.
#[tokio::test]
async fn a_clients_own_token() {
    for resource in [None, Some(API), Some(ORDERS)] {
        let op = apis().build();
        let (one, other) = (own_token(&op, resource).await, own_token(&op, resource).await);
        for wrong in ["refresh", "exchanger", "rs1", "rs2"] {
            assert_eq!(op.revoke(wrong, &one).await.status(), 200);
            assert!(lives(&op, "cc-client", &one).await, "{wrong}");
        }
        assert_eq!(op.revoke("cc-client", &one).await.status(), 200);
        assert!(!lives(&op, "cc-client", &one).await, "{resource:?}");
        assert!(lives(&op, "cc-client", &other).await, "{resource:?}");
        assert_eq!(op.revoke("cc-client", &one).await.status(), 200, "again");
        assert!(!lives(&op, "cc-client", &one).await, "{resource:?}");
    }
}

/// A token that was exchanged is the exchanging client's: it may give it back, and nobody else may.
/// What it came of lives on.
#[tokio::test]
async fn a_child_is_its_holders() {
    let op = apis().build();
    let parent = op.tokens("refresh", ALICE).await;
    let child = exchanged(&op, &parent.access, &[]).await.member("access_token");
    let sibling = exchanged(&op, &parent.access, &[]).await.member("access_token");
    assert_eq!(op.revoke("refresh", &child).await.status(), 200);
    assert!(lives(&op, "exchanger", &child).await, "it was not issued to that client");
    assert_eq!(op.revoke("exchanger", &parent.access).await.status(), 200);
    assert!(lives(&op, "refresh", &parent.access).await, "nor the parent to this one");
    assert_eq!(op.revoke("exchanger", &child).await.status(), 200);
    assert!(!lives(&op, "exchanger", &child).await);
    assert!(lives(&op, "exchanger", &sibling).await);
    assert!(lives(&op, "refresh", &parent.access).await);
    assert!(lives(&op, "refresh", &parent.refresh).await);
}

/// RFC 7009 §2.2: whatever is no token of the client's is answered like one that was ended, and nothing
/// happens: not to another client's, not for a token that was made up.
#[tokio::test]
async fn nothing_of_others() {
    let op = apis().build();
    let tokens = op.tokens("refresh", ALICE).await;
    let mut own = op.tokens("online", BOB).await;
    own.refresh.replace_range(95.., if own.refresh.ends_with('A') { "B" } else { "A" });
    let body = |answer: &crate::support::Answer| {
        (answer.status(), answer.reply().headers.clone(), answer.reply().body.clone())
    };
    let right = op.tokens("online", ALICE).await;
    let expected = body(&op.revoke("online", &right.refresh).await);
    op.recorder.take();
    for token in [
        &*tokens.refresh,
        &tokens.access,
        &tokens.id,
        &own.refresh,
        "garbage",
        "a.b.c",
        &"x".repeat(9_000),
    ] {
        let answer = op.revoke("online", token).await;
        assert_eq!(body(&answer), expected, "{token}");
    }
    assert!(op.recorder.take().is_empty(), "nothing happened");
    assert!(lives(&op, "refresh", &tokens.access).await);
    assert_eq!(op.refresh("refresh", &tokens.refresh).await.status(), 200);
    assert!(lives(&op, "online", &own.access).await);
}

/// The hint is not needed and not believed (RFC 7009 §2.1), and saying it twice does no harm.
#[tokio::test]
async fn hints_and_repetitions() {
    for hint in ["access_token", "refresh_token", "unheard_of", ""] {
        let op = apis().build();
        let tokens = op.tokens("refresh", ALICE).await;
        for token in [&tokens.access, &tokens.refresh] {
            for _ in 0..3 {
                let body = [("token", &**token), ("token_type_hint", hint)];
                assert_eq!(op.post_as("/revoke", "refresh", &body).await.status(), 200, "{hint}");
                assert!(!lives(&op, "refresh", token).await, "{hint}");
            }
        }
        let seen = op.recorder.take();
        let count = |of| seen.iter().filter(|(what, _)| *what == of).count();
        assert_eq!((count(What::TokenRevoked), count(What::GrantRevoked)), (1, 1), "{hint}");
    }
}

/// Revoking twelve tokens of one grant at once: each that was answered with 200 is gone, and none is
/// lost to another one's write.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn race_of_revocations() {
    for round in 0..50 {
        let op = apis().build();
        let mut tokens = op.tokens("refresh", ALICE).await;
        let mut access = Vec::new();
        for _ in 0..8 {
            access.push(tokens.access.clone());
            tokens = tokens.refreshed(&op).await;
        }
        let racers = access.iter().cloned().map(|token| {
            let op = op.clone();
            async move { op.revoke("refresh", &token).await.status() }
        });
        for (status, token) in together(racers).await.into_iter().zip(&access) {
            match status {
                200 => assert!(!lives(&op, "refresh", token).await, "round {round}"),
                other => assert_eq!(other, 503, "round {round}"),
            }
        }
        assert!(lives(&op, "refresh", &tokens.access).await, "round {round}");
    }
}

/// Revoking wins against a refresh under way: either the refresh came first, and its tokens are dead, or
/// it is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn race_of_a_refresh_and_a_revocation() {
    for round in 0..100 {
        let op = apis().build();
        let tokens = op.tokens("refresh", ALICE).await;
        let of = || (op.clone(), tokens.refresh.clone());
        let ((a, token), (b, same)) = (of(), of());
        let refreshing = async move { a.refresh("refresh", &token).await };
        let revoking = async move { b.revoke("refresh", &same).await.status() };
        let (answer, revoked) = both(refreshing, revoking).await;
        assert_eq!(revoked, 200, "round {round}");
        if answer.status() == 200 {
            let next = Tokens::of("refresh", &answer);
            assert!(!lives(&op, "refresh", &next.access).await, "round {round}");
            assert!(!lives(&op, "refresh", &next.refresh).await, "round {round}");
        } else {
            assert_eq!(answer.error(), "invalid_grant", "round {round}");
        }
        assert!(!lives(&op, "refresh", &tokens.access).await, "round {round}");
    }
}

/// A revocation that loses its write to another step tries again, and wins. The interleaving is staged.
#[tokio::test]
async fn a_revocation_that_loses_a_write_tries_again() {
    let (op, store) = apis().build_faulty();
    for of_refresh in [true, false] {
        let tokens = op.tokens("refresh", ALICE).await;
        store.reset();
        store.fail_nth_of(Operation::Put, 1, Fault::Delay(1));
        let token = if of_refresh { &tokens.refresh } else { &tokens.access };
        let mut revocation = Box::pin(op.revoke("refresh", token));
        assert!(waits(revocation.as_mut()).await, "it has read the grant, and is about to write");
        let next = tokens.refreshed(&op).await;
        assert_eq!(revocation.await.status(), 200);
        assert_eq!(store.calls().put, 3, "refreshed, lost, won");
        assert!(!lives(&op, "refresh", &tokens.access).await);
        assert_eq!(lives(&op, "refresh", &next.access).await, !of_refresh);
    }
}

/// A code that was never redeemed is nobody's token, and a front-channel token ends like any other.
#[tokio::test]
async fn tokens_in_front() {
    let op = apis().build();
    for resources in [&[][..], &[ORDERS, ISSUER]] {
        let ask = ask_for("hybrid", "code token", "openid", resources);
        let sent = Browser::new(&op).ask(&ask, ALICE).await;
        let token = sent.get("access_token");
        assert_eq!(op.revoke("hybrid", sent.get("code")).await.status(), 200);
        assert_eq!(op.userinfo(token).await.status(), 200);
        assert_eq!(op.revoke("hybrid", token).await.status(), 200);
        assert_eq!(op.userinfo(token).await.status(), 401);
        let answer = op.exchange(&ask, sent.get("code")).await;
        assert_eq!(op.userinfo(&answer.member("access_token")).await.status(), 200);
    }
}
