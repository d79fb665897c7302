//! A logout beside an authorization, and beside another logout.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use oidc_op::{
    What,
    store::{Fault, FaultyStore, MemoryStore},
};

use super::{OUT, going_on, id_token, setup, sid};
use crate::support::{ALICE, Answer, Ask, Browser, Op, Sent};

fn slow_op() -> (Op, FaultyStore) {
    let mut setup = setup();
    let store = FaultyStore::new(MemoryStore::with_clock(setup.clock.clone()));
    setup.store = Arc::new(store.clone());
    (setup.build(), store)
}

type Step<'f> = Pin<Box<dyn Future<Output = Answer> + 'f>>;

/// Lets the first one take so many steps, then the second one all of its, then the first one the rest.
fn staged(mut first: Step<'_>, steps: usize, mut second: Step<'_>) -> (Answer, Answer, bool) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..steps {
        if let Poll::Ready(answer) = first.as_mut().poll(&mut context) {
            return (answer, run(second), true);
        }
    }
    let other = loop {
        if let Poll::Ready(answer) = second.as_mut().poll(&mut context) {
            break answer;
        }
    };
    (run(first), other, false)
}

fn run(mut step: Step<'_>) -> Answer {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(answer) = step.as_mut().poll(&mut context) {
            return answer;
        }
    }
}

/// Whatever the order: a client that got a code has heard of the end or its code is worth nothing.
#[tokio::test]
async fn against_an_authorization() {
    let (mut told, mut refused) = (0, 0);
    for steps in 0.. {
        let (op, store) = slow_op();
        let mut browser = Browser::new(&op);
        let hint = id_token(&mut browser, "shop", ALICE).await;
        // consent is there already, so that the code comes at once
        id_token(&mut Browser::new(&op), "news", ALICE).await;
        store.reset();
        store.fail_all(Fault::Delay(1));
        let (mut leaving, mut entering) = (browser.clone(), browser.clone());
        let ask = Ask::of("news", "code").with("prompt", "none");
        let request = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
        let pairs = ask.pairs();
        let authorizing: Step<'_> = Box::pin(entering.authorize(&pairs));
        let logging_out: Step<'_> = Box::pin(leaving.end_session(&request));
        let (authorized, left, done) = staged(authorizing, steps, logging_out);
        store.reset();
        let (to, frames) = going_on(&left);
        assert_eq!(to.as_deref(), Some(OUT), "{steps}");
        let heard = frames.iter().any(|frame| frame == "https://news.example/bye");
        let sent = Sent::of(&authorized);
        if let Some(code) = sent.parameters.get("code") {
            assert!(heard, "{steps}: it is in the ledger before its code leaves");
            assert_eq!(op.exchange(&ask, code).await.status(), 400, "{steps}");
            told += 1;
        } else {
            assert_eq!(sent.get("error"), "login_required", "{steps}");
            refused += 1;
        }
        assert_eq!(browser.who().await, None);
        if done {
            break;
        }
    }
    assert!(told > 1 && refused > 1, "{told} {refused}");
}

/// Both get the same answer, and the session ends once. Everybody who comes before it is over takes part, and
/// is observed; whoever comes later finds nobody, and is not.
#[tokio::test]
async fn two_at_once() {
    let (mut both, mut one) = (0, 0);
    for steps in 0.. {
        let (op, store) = slow_op();
        let mut browser = Browser::new(&op);
        let hint = id_token(&mut browser, "shop", ALICE).await;
        op.recorder.take();
        store.reset();
        store.fail_all(Fault::Delay(1));
        let (mut first, mut second) = (browser.clone(), browser.clone());
        let request = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
        let first: Step<'_> = Box::pin(first.end_session(&request));
        let second: Step<'_> = Box::pin(second.end_session(&request));
        let (first, second, done) = staged(first, steps, second);
        store.reset();
        let mut took_part = 0;
        for answer in [first, second] {
            // whoever comes when it is over finds nobody, and goes on as well
            if let Some(location) = answer.header("location") {
                assert_eq!(location, OUT);
            } else {
                let (to, frames) = going_on(&answer);
                assert_eq!(to.as_deref(), Some(OUT));
                assert!(frames[0].contains(&sid(&hint)));
                took_part += 1;
            }
        }
        let observed = op.recorder.take();
        assert_eq!(observed, vec![(What::SignedOut, None); took_part], "{steps}");
        match took_part {
            1 => one += 1,
            2 => both += 1,
            _ => panic!("{steps}: nobody has signed out"),
        }
        assert_eq!(browser.who().await, None);
        if done {
            break;
        }
    }
    assert!(both > 0 && one > 0, "{both} {one}");
}
