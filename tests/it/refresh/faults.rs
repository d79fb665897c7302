//! The store fails at each call of a refresh, in each way, and requests are dropped at each await point:
//! what the client hears is true, and trying again gets there.

use oidc_op::{
    Request, What,
    store::{Fault, Operation},
};

use super::{faulty_op, is_refused, refusal, thefts};
use crate::support::{ALICE, Op, Tokens, form, races::poll_times};

const CLIENTS: [&str; 4] = ["refresh", "public-refresh", "fixed", "online"];

/// One fault at each call. What was refused has not happened, and works when it is tried again; what was
/// answered has happened once.
#[tokio::test]
async fn faults_at_each_store_call_of_a_refresh() {
    for client in CLIENTS {
        let mut swept = 0;
        for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
            for nth in 1.. {
                let what = format!("{client}: {fault:?} at call {nth}");
                let (op, store) = faulty_op();
                let tokens = op.tokens(client, ALICE).await;
                store.reset();
                store.fail_nth(nth, fault);
                let answer = op.refresh(client, &tokens.refresh).await;
                let faulted = store.calls().total() >= nth;
                store.reset();
                let next = if answer.status() == 200 {
                    Tokens::of(client, &answer)
                } else {
                    answer.is_unavailable(&what);
                    assert!(faulted, "{what}");
                    tokens.refreshed(&op).await
                };
                assert_eq!(next.refresh != tokens.refresh, client != "fixed", "{what}");
                assert_eq!(op.userinfo(&next.access).await.status(), 200, "{what}");
                next.refreshed(&op).await;
                assert_eq!(thefts(&op), 0, "{what}");
                swept += 1;
                if !faulted {
                    break;
                }
            }
        }
        // two reads and, but for the token that stays, a write
        assert!(swept >= if client == "fixed" { 12 } else { 16 }, "{client}: {swept}");
    }
}

/// The write is made and its answer lost: read back, it was ours.
#[tokio::test]
async fn a_lost_answer_is_settled_by_reading() {
    for client in ["refresh", "public-refresh"] {
        let (op, store) = faulty_op();
        let tokens = op.tokens(client, ALICE).await;
        store.reset();
        store.fail_nth_of(Operation::Put, 1, Fault::LoseAnswer);
        let next = tokens.refreshed(&op).await;
        assert_eq!(store.calls().writes(), 1);
        store.reset();
        next.refreshed(&op).await;
    }
}

/// It cannot even be read back: 503, whether it was written or not. Trying again gives the successor that
/// it would have been, and a write only if there was none. A public client's token may be used, and then
/// it is void: that is the price of strictness.
#[tokio::test]
async fn an_answer_that_cannot_be_settled() {
    for (fault, written) in [(Fault::LoseAnswer, true), (Fault::LoseRequest, false)] {
        for client in ["refresh", "public-refresh"] {
            let what = format!("{client}: {fault:?}");
            let (op, store) = faulty_op();
            let tokens = op.tokens(client, ALICE).await;
            store.reset();
            store.fail_nth_of(Operation::Put, 1, fault);
            store.fail_nth_of(Operation::Get, 2, Fault::Refuse);
            op.refresh(client, &tokens.refresh).await.is_unavailable(&what);
            store.reset();
            if client == "public-refresh" && written {
                is_refused(&op.refresh(client, &tokens.refresh).await, &what);
                assert_eq!(thefts(&op), 1, "{what}");
                continue;
            }
            let next = tokens.refreshed(&op).await;
            assert_eq!(store.calls().writes(), usize::from(!written), "{what}");
            let twin = undisturbed(client).await;
            assert_eq!(next.refresh, twin.refresh, "{what}: the successor is the same");
            next.refreshed(&op).await;
        }
    }
}

/// What a client that nothing happens to gets; randomness is the same in each run.
async fn undisturbed(client: &'static str) -> Tokens {
    let (op, _) = faulty_op();
    op.tokens(client, ALICE).await.refreshed(&op).await
}

/// A repetition makes no write that could fail, and fails like any other at its reads.
#[tokio::test]
async fn faults_at_each_store_call_of_a_repetition() {
    for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
        for nth in 1.. {
            let (op, store) = faulty_op();
            let tokens = op.tokens("refresh", ALICE).await;
            let next = tokens.refreshed(&op).await;
            store.reset();
            store.fail_nth(nth, fault);
            let answer = op.refresh("refresh", &tokens.refresh).await;
            let faulted = store.calls().total() >= nth;
            store.reset();
            if !faulted {
                assert_eq!(answer.member("refresh_token"), next.refresh);
                assert_eq!(nth, 3, "the grant, and what it stands on");
                break;
            }
            answer.is_unavailable(&format!("{fault:?} at call {nth}"));
            assert_eq!(tokens.refreshed(&op).await.refresh, next.refresh);
        }
    }
}

/// Theft that cannot be written down is not claimed to be: 503; and the next try ends the grant.
#[tokio::test]
async fn faults_while_theft_is_written_down() {
    for fault in [Fault::Refuse, Fault::LoseRequest] {
        let (op, store) = faulty_op();
        let tokens = op.tokens("public-refresh", ALICE).await;
        let next = tokens.refreshed(&op).await;
        store.reset();
        store.fail_nth_of(Operation::Put, 1, fault);
        op.refresh("public-refresh", &tokens.refresh).await.is_unavailable("not written");
        assert_eq!(thefts(&op), 0);
        assert_eq!(op.userinfo(&next.access).await.status(), 200, "nothing happened");
        store.reset();
        is_refused(&op.refresh("public-refresh", &tokens.refresh).await, "written");
        assert_eq!(thefts(&op), 1);
        assert_eq!(op.userinfo(&next.access).await.status(), 401);
    }
}

/// The same at the revocation endpoint: 200 only if it is so (RFC 7009 §2.2.1).
#[tokio::test]
async fn faults_at_each_store_call_of_a_revocation() {
    for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
        for nth in 1.. {
            let what = format!("{fault:?} at call {nth}");
            let (op, store) = faulty_op();
            let tokens = op.tokens("refresh", ALICE).await;
            store.reset();
            store.fail_nth(nth, fault);
            let answer = op.revoke("refresh", &tokens.refresh).await;
            let faulted = store.calls().total() >= nth;
            store.reset();
            if answer.status() == 200 {
                is_refused(&op.refresh("refresh", &tokens.refresh).await, &what);
                assert_eq!(op.userinfo(&tokens.access).await.status(), 401, "{what}");
            } else {
                answer.is_unavailable(&what);
                tokens.refreshed(&op).await;
            }
            if !faulted {
                assert!(nth > 2, "the grant was read and written");
                break;
            }
        }
    }
}

/// A read from a replica that lags, which a store must not give: at worst the client is refused this
/// once. Nothing is revoked, and no second family begins.
#[tokio::test]
async fn a_stale_read_does_no_harm() {
    for client in ["refresh", "public-refresh"] {
        let (op, store) = faulty_op();
        let first = op.tokens(client, ALICE).await;
        let second = first.refreshed(&op).await;
        store.reset();
        store.fail_nth_of(Operation::Get, 1, Fault::Stale);
        is_refused(&op.refresh(client, &second.refresh).await, "newer than the store");
        let seen = op.recorder.take();
        assert!(seen.iter().any(|(what, _)| *what == What::StoreWentBack), "{seen:?}");
        store.reset();

        // The old token looks current; the write finds out.
        store.fail_nth_of(Operation::Get, 1, Fault::Stale);
        let again = op.refresh(client, &first.refresh).await;
        store.reset();
        if client == "refresh" {
            assert_eq!(again.member("refresh_token"), second.refresh);
        } else {
            is_refused(&again, "raced");
            assert_eq!(refusal(&op), Some(oidc_op::Reason::RefreshTokenRaced));
        }
        second.refreshed(&op).await;
    }
}

/// Dropping the request at each await point: it has happened whole or not at all, and the client that
/// tries again within the window has the successor that it would have had.
#[tokio::test]
async fn dropping_a_refresh_at_each_await_point() {
    for client in ["refresh", "public-refresh", "fixed"] {
        let twin = undisturbed(client).await;
        for polls in 1.. {
            let what = format!("{client} dropped after {polls} polls");
            let (op, store) = faulty_op();
            let tokens = op.tokens(client, ALICE).await;
            store.reset();
            store.fail_all(Fault::Delay(1));
            store.fail_all(Fault::DelayAnswer(1));
            let finished = dropped(&op, &tokens, polls);
            let written = store.calls().writes() > 0;
            store.reset();
            let again = op.refresh(client, &tokens.refresh).await;
            if client == "public-refresh" && again.status() != 200 {
                is_refused(&again, &what);
                assert!(written, "{what}: nobody heard of it, and it is used");
                assert_eq!(thefts(&op), 1, "{what}");
            } else {
                let next = Tokens::of(client, &again);
                assert_eq!(next.refresh, twin.refresh, "{what}");
                assert_eq!(op.userinfo(&next.access).await.status(), 200, "{what}");
                next.refreshed(&op).await;
                assert_eq!(thefts(&op), 0, "{what}");
            }
            if finished {
                assert!(polls > 4, "{client}: there are await points to drop at");
                break;
            }
        }
    }
}

/// Polls a refresh this often and drops it; whether that was enough.
fn dropped(op: &Op, tokens: &Tokens, polls: usize) -> bool {
    let body = [("grant_type", "refresh_token"), ("refresh_token", &*tokens.refresh)];
    let basic = format!("Basic {}", basic(tokens.client));
    let mut headers = vec![("content-type", &b"application/x-www-form-urlencoded"[..])];
    let body = if tokens.client.starts_with("public") {
        form(&[&body[..], &[("client_id", tokens.client)]].concat())
    } else {
        headers.push(("authorization", basic.as_bytes()));
        form(&body)
    };
    let request = Request::new("POST", "/token").headers(&headers).body(body.as_bytes());
    let answer = poll_times(op.provider.token(request), polls);
    answer.is_some_and(|answer| {
        assert_eq!(answer.unwrap().status, 200);
        true
    })
}

fn basic(client: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(format!("{client}:{client}"))
}
