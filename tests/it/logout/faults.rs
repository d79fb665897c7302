//! Every call of the store fails once, in every way; every await point is left once: what was asked has
//! happened or not, the answer is truthful, and asking again does the rest.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use oidc_op::{
    LogoutVerdict,
    store::{Fault, FaultyStore, MemoryStore},
};

use super::{OUT, going_on, id_token, setup};
use crate::support::{ALICE, Answer, BOB, Browser, Op};

const FAULTS: [Fault; 4] =
    [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable];

fn faulty_op() -> (Op, FaultyStore) {
    let mut setup = setup();
    let store = FaultyStore::new(MemoryStore::with_clock(setup.clock.clone()));
    setup.store = Arc::new(store.clone());
    (setup.build(), store)
}

/// 503, and where it says that all went well, it did.
fn is_truthful(answer: &Answer, what: &str) -> bool {
    match answer {
        Answer::Reply(reply) if reply.status == 503 => {
            assert_eq!(reply.header("retry-after"), Some("5"), "{what}");
            super::is_protected(answer);
            false
        }
        Answer::Reply(reply) => {
            assert_eq!(reply.status, 200, "{what}");
            true
        }
        Answer::SignedOut(_) => true,
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test]
async fn at_each_call_of_a_logout_with_a_hint() {
    let mut swept = 0;
    for fault in FAULTS {
        for nth in 1.. {
            let (op, store) = faulty_op();
            let mut browser = Browser::new(&op);
            let hint = id_token(&mut browser, "shop", ALICE).await;
            let request = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
            let before = browser.cookies.clone();
            store.reset();
            store.fail_nth(nth, fault);
            let answer = browser.end_session(&request).await;
            let faulted = store.calls().total() >= nth;
            store.reset();
            let what = format!("{fault:?} at call {nth}");
            if is_truthful(&answer, &what) {
                assert_eq!(going_on(&answer).0.as_deref(), Some(OUT), "{what}");
            } else {
                assert_eq!(browser.cookies, before, "{what}: cookies unchanged");
                if fault != Fault::LoseAnswer {
                    assert_eq!(browser.who().await.as_deref(), Some(ALICE), "{what}");
                }
                let again = browser.end_session(&request).await;
                let to = going_on(&again).0.or(again.header("location").map(str::to_owned));
                assert_eq!(to.as_deref(), Some(OUT), "{what}");
            }
            assert_eq!(browser.who().await, None, "{what}");
            swept += 1;
            if !faulted {
                break;
            }
        }
    }
    assert!(swept >= 12, "{swept}");
}

/// One of two sessions may have ended: then the browser keeps the other one, and the same form ends it.
#[tokio::test]
async fn at_each_call_of_a_logout_of_all() {
    let (mut swept, mut halves) = (0, 0);
    for fault in FAULTS {
        for nth in 1.. {
            let (op, store) = faulty_op();
            let mut browser = Browser::new(&op);
            id_token(&mut browser, "shop", ALICE).await;
            browser.sign_in(BOB).await;
            let token = browser.end_session(&[]).await.confirmation().token.clone();
            store.reset();
            store.fail_nth(nth, fault);
            let answer = browser.confirm(&token, LogoutVerdict::SignOutAll).await;
            let faulted = store.calls().total() >= nth;
            store.reset();
            let what = format!("{fault:?} at call {nth}");
            if !is_truthful(&answer, &what) {
                let left = browser.accounts().await;
                halves += usize::from(left == [ALICE]);
                assert!(left == [BOB, ALICE] || left == [ALICE] || fault == Fault::LoseAnswer);
                let again = browser.confirm(&token, LogoutVerdict::SignOutAll).await;
                let signed_out = again.signed_out();
                assert_eq!((signed_out.ended.len(), signed_out.frames.len()), (2, 1), "{what}");
            }
            assert_eq!(browser.accounts().await, [""; 0], "{what}");
            swept += 1;
            if !faulted {
                break;
            }
        }
    }
    assert!(swept >= 16 && halves >= 3, "{swept} {halves}");
}

/// A question costs no write, and a fault loses nothing.
#[tokio::test]
async fn at_each_call_of_a_question() {
    for fault in FAULTS {
        for nth in 1.. {
            let (op, store) = faulty_op();
            let mut browser = Browser::new(&op);
            browser.sign_in(ALICE).await;
            let token = browser.end_session(&[]).await.confirmation().token.clone();
            store.reset();
            store.fail_nth(nth, fault);
            let asked = browser.end_session(&[("client_id", "shop")]).await;
            let again = browser.open_confirmation(&token).await;
            let stayed = browser.confirm(&token, LogoutVerdict::Stay).await;
            let faulted = store.calls().total() >= nth;
            assert_eq!(store.calls().writes(), 0);
            store.reset();
            let failed = [asked, again, stayed]
                .iter()
                .filter(|answer| matches!(answer, Answer::Reply(reply) if reply.status == 503))
                .count();
            assert_eq!(failed, usize::from(faulted), "{fault:?} at call {nth}");
            assert_eq!(browser.who().await.as_deref(), Some(ALICE));
            if !faulted {
                break;
            }
        }
    }
}

/// Polls a future so many times, then drops it.
fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..times {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
    }
    None
}

#[tokio::test]
async fn dropped_at_each_await_point() {
    for polls in 1.. {
        let (op, store) = faulty_op();
        let mut browser = Browser::new(&op);
        id_token(&mut browser, "shop", ALICE).await;
        browser.sign_in(BOB).await;
        let token = browser.end_session(&[]).await.confirmation().token.clone();
        store.reset();
        store.fail_all(Fault::DelayAnswer(1));
        let confirming = browser.confirm(&token, LogoutVerdict::SignOutAll);
        let finished = poll_times(confirming, polls).is_some();
        store.reset();
        let again = browser.confirm(&token, LogoutVerdict::SignOutAll).await;
        let signed_out = again.signed_out();
        assert_eq!((signed_out.ended.len(), signed_out.frames.len()), (2, 1), "{polls}");
        assert_eq!(browser.accounts().await, [""; 0]);
        if finished {
            assert!(polls > 5, "there are await points to drop at: {polls}");
            break;
        }
    }
}
