//! What fails or dies on the way: no end is lost, and none is claimed that did not happen.

use oidc_op::store::{Fault, Operation};
use serde_json::json;

use super::{DELIVERED, Mood, World, apps, logout_uri, noted, told, try_to_sign_out};
use crate::support::{
    ALICE,
    races::{poll_times, waits},
};

const FAULTS: [Fault; 4] =
    [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable];

/// Every call of the store, in every way it can fail, as somebody signs out: either they are signed out and
/// their clients are told, or the host hears that they are not, and asking again does it.
#[tokio::test]
async fn faults_at_each_store_call_of_an_end() {
    let mut swept = 0;
    for fault in FAULTS {
        for nth in 1.. {
            let what = format!("{fault:?} at {nth}");
            let world = World::new(apps(1));
            // It is in the store.
            let stored = told("app-1", &json!({"id_token_signed_response_alg": "EdDSA"}));
            world.op.provider.create_client(stored).await.unwrap();
            let browser = world.browser(&["app-0", "app-1"], ALICE).await;
            world.store.reset();
            world.store.fail_nth(nth, fault);
            let answer = try_to_sign_out(&world.op, &browser).await;
            let faulted = world.store.calls().total() >= nth;
            world.store.reset();
            let signed_in = browser.who().await.is_some();
            if answer.is_ok() {
                assert!(!signed_in, "{what}: no success is claimed that did not happen");
            }
            world.work_off().await;
            if signed_in {
                assert!(world.receivers.take().is_empty(), "{what}: nobody has left");
                try_to_sign_out(&world.op, &browser).await.unwrap();
                world.work_off().await;
            }
            let told = [logout_uri("app-0"), logout_uri("app-1")];
            assert_eq!(world.receivers.urls(), told, "{what}");
            assert_eq!(world.announced().await, 0, "{what}");
            if !faulted {
                break;
            }
            swept += 1;
        }
    }
    assert!(swept >= 4 * 5, "{swept}");
}

/// The same as clients are told: who heard is not lost, who did not hears later, and nobody more than once again.
#[tokio::test]
async fn faults_at_each_store_call_of_a_delivery() {
    let mut swept = 0;
    for fault in FAULTS {
        for nth in 1.. {
            let what = format!("{fault:?} at {nth}");
            let world = World::new(apps(2));
            world.browser_everywhere(ALICE).await.sign_out().await;
            world.store.reset();
            world.store.fail_nth(nth, fault);
            let answer = world.op.provider.work(1_000).await;
            let faulted = world.store.calls().total() >= nth;
            world.store.reset();
            let first = world.receivers.take().len();
            if answer.is_ok() {
                assert_eq!(first, 2, "{what}");
            }
            let sent = world.noted().into_iter().filter(|event| *event == DELIVERED).count();
            assert_eq!(sent, first, "{what}: what is claimed was sent");
            // A lease that could not be given back runs out.
            world.op.wait(61);
            world.work_off().await;
            let second = world.receivers.take().len();
            assert!(matches!((first, second), (2, 0 | 2) | (0 | 1, 2)), "{what}: {first} {second}");
            world.op.wait(86_400);
            world.work_off().await;
            assert!(world.receivers.take().is_empty(), "{what}");
            assert_eq!(world.announced().await, 0, "{what}");
            if !faulted {
                break;
            }
            swept += 1;
        }
    }
    assert!(swept >= 4 * 7, "{swept}");
}

/// A process dies between the announcement and the end: nobody has left, nobody is told, and what is left over of
/// it goes away. A later end is told of as any other.
#[tokio::test]
async fn a_crash_before_the_end() {
    for wait in [0, 599, 600, 86_400] {
        let world = World::with(apps(1), |setup| {
            setup.config.lifetimes.session_idle = oidc_op::Duration::days(2);
            setup.config.lifetimes.session = oidc_op::Duration::days(2);
        });
        let browser = world.browser_everywhere(ALICE).await;
        world.store.reset();
        world.store.fail_nth_of(Operation::Put, 2, Fault::Delay(1));
        let mut dies = Box::pin(try_to_sign_out(&world.op, &browser));
        assert!(waits(dies.as_mut()).await);
        drop(dies);
        assert_eq!(world.announced().await, 1);
        world.work_off().await;
        assert!(world.receivers.take().is_empty() && browser.who().await.is_some());

        world.op.wait(wait);
        world.work_off().await;
        assert_eq!(world.announced().await, usize::from(wait < 600), "{wait}");
        try_to_sign_out(&world.op, &browser).await.unwrap();
        world.work_off().await;
        assert_eq!(world.receivers.take().len(), 1, "{wait}");
        assert_eq!(world.announced().await, 0, "{wait}");
    }
}

/// What a crash has left over is taken away by one node just as another one ends the session.
#[tokio::test]
async fn an_end_while_the_announcement_is_taken_away() {
    let world = World::new(apps(1));
    let browser = world.browser_everywhere(ALICE).await;
    world.store.fail_nth_of(Operation::Put, world.store.calls().put + 2, Fault::Delay(1));
    let mut dies = Box::pin(try_to_sign_out(&world.op, &browser));
    assert!(waits(dies.as_mut()).await);
    drop(dies);
    world.op.wait(600);
    world.store.reset();
    world.store.fail_nth_of(Operation::Delete, 1, Fault::Delay(1));
    let node = world.node(2);
    let mut tidies = Box::pin(node.provider.work(10));
    assert!(waits(tidies.as_mut()).await);
    try_to_sign_out(&world.op, &browser).await.unwrap();
    tidies.await.unwrap();
    world.work_off().await;
    assert_eq!(world.receivers.take().len(), 1, "the end is not lost");
}

/// A node dies while it tells: another one goes on when its lease has run out, with other tokens.
#[tokio::test]
async fn a_node_dies_after_the_lease() {
    let world = World::new(apps(2));
    world.browser_everywhere(ALICE).await.sign_out().await;
    world.receivers.set_all(Mood::Silent);
    let mut dies = Box::pin(world.op.provider.work(10));
    assert!(waits(dies.as_mut()).await);
    assert_eq!(world.receivers.under_way(), 2);
    drop(dies);
    assert_eq!(world.receivers.under_way(), 0, "what is dropped is given up");
    let first = world.receivers.take();

    world.receivers.set_all(Mood::Fine);
    let node = world.node(2);
    for (wait, sent) in [(0, 0), (59, 0), (1, 2)] {
        world.op.wait(wait);
        node.provider.work(10).await.unwrap();
        let got = world.receivers.take();
        assert_eq!(got.len(), sent, "{wait}");
        for (got, first) in got.iter().zip(&first) {
            assert_eq!(got.url, first.url);
            assert_ne!(got.claim("jti"), first.claim("jti"));
        }
    }
    assert_eq!(noted(&node), [DELIVERED; 2]);
    assert_eq!(world.announced().await, 0);
}

/// Dropped wherever it waits, and begun again: everybody is told.
#[tokio::test]
async fn dropped_at_each_await_point() {
    for polls in 1.. {
        let world = World::new(apps(2));
        world.browser_everywhere(ALICE).await.sign_out().await;
        world.store.reset();
        world.store.fail_all(Fault::Delay(1));
        world.store.fail_all(Fault::DelayAnswer(1));
        let ended = poll_times(world.op.provider.work(10), polls).is_some();
        world.store.reset();
        world.op.wait(61);
        world.work_off().await;
        let urls = world.receivers.urls();
        for client in ["app-0", "app-1"] {
            let times = urls.iter().filter(|url| **url == logout_uri(client)).count();
            assert!((1..=2).contains(&times), "{polls}: {urls:?}");
        }
        assert_eq!(world.announced().await, 0, "{polls}");
        if ended {
            assert!(polls > 10);
            break;
        }
    }
}
