//! Many nodes on one store: each client is told by one of them.

use std::{collections::BTreeMap, pin::pin, sync::Arc};

use oidc_op::store::Fault;
use tokio::sync::Barrier;

use super::{DELAYED, DELIVERED, Mood, World, apps, logout_uri, noted, try_to_sign_out};
use crate::support::{
    ALICE, BOB,
    races::{Step, interleave, shuffled, waits},
};

fn counted(urls: Vec<String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for url in urls {
        *counts.entry(url).or_default() += 1;
    }
    counts
}

/// Step by step, in many orders: two nodes that look at the same time send each token once.
#[tokio::test]
async fn two_nodes_tell_each_client_once() {
    for seed in 0..60 {
        let world = World::new(apps(2));
        for _ in 0..3 {
            world.browser_everywhere(ALICE).await.sign_out().await;
        }
        world.store.reset();
        world.store.fail_all(Fault::Delay(1));
        world.store.fail_all(Fault::DelayAnswer(1));
        let nodes = [world.node(2), world.node(3)];
        let steps: Vec<Step<'_, u32>> = nodes
            .iter()
            .map(|node| -> Step<'_, u32> {
                Box::pin(async { node.provider.work(10).await.unwrap() })
            })
            .collect();
        interleave(steps, shuffled(seed));
        world.store.reset();
        let expected = ["app-0", "app-1"].map(|app| (logout_uri(app), 3));
        assert_eq!(counted(world.receivers.urls()), BTreeMap::from(expected), "seed {seed}");
        world.work_off().await;
        assert!(world.receivers.take().is_empty(), "seed {seed}");
        assert_eq!(world.announced().await, 0, "seed {seed}");
    }
}

/// The same on threads, while people sign out.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn race_of_four_nodes() {
    for round in 0..20 {
        let world = Arc::new(World::new(apps(3)));
        let mut browsers = Vec::new();
        for who in [ALICE, BOB].into_iter().cycle().take(8) {
            browsers.push(world.browser_everywhere(who).await);
        }
        let barrier = Arc::new(Barrier::new(5));
        let nodes = (2..6).map(|seed| {
            let (node, barrier) = (world.node(seed), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                for _ in 0..20 {
                    node.provider.work(10).await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        });
        let nodes: Vec<_> = nodes.collect();
        barrier.wait().await;
        for browser in &browsers {
            try_to_sign_out(&world.op, browser).await.unwrap();
        }
        for node in nodes {
            node.await.unwrap();
        }
        world.work_off().await;
        let expected = [0, 1, 2].map(|n| (logout_uri(&format!("app-{n}")), 8));
        assert_eq!(counted(world.receivers.urls()), BTreeMap::from(expected), "round {round}");
    }
}

/// Two who end the same session at once: it is told of once.
#[tokio::test]
async fn two_ends_are_one() {
    for seed in 0..60 {
        let world = World::new(apps(2));
        let browser = world.browser_everywhere(ALICE).await;
        world.store.reset();
        world.store.fail_all(Fault::Delay(1));
        world.store.fail_all(Fault::DelayAnswer(1));
        let (node, other) = (world.node(2), world.node(3));
        let steps: Vec<Step<'_, ()>> = vec![
            Box::pin(async { try_to_sign_out(&world.op, &browser).await.unwrap() }),
            Box::pin(async { try_to_sign_out(&node, &browser).await.unwrap() }),
            Box::pin(async {
                for _ in 0..3 {
                    other.provider.work(10).await.unwrap();
                }
            }),
        ];
        interleave(steps, shuffled(seed));
        world.store.reset();
        world.work_off().await;
        let expected = ["app-0", "app-1"].map(|app| (logout_uri(app), 1));
        assert_eq!(counted(world.receivers.urls()), BTreeMap::from(expected), "seed {seed}");
        assert_eq!(world.announced().await, 0, "seed {seed}");
    }
}

/// A node that is slower than its lease: what it has to say is not lost, and takes nothing back that another one
/// has reached meanwhile.
#[tokio::test]
async fn a_result_that_comes_late_is_not_lost() {
    // What the slow node reached, what the other one reached, and whether it is tried again.
    for (slow, quick, again) in [
        (Mood::Slow(3), Mood::Fine, false),
        (Mood::Slow(3), Mood::Down, false),
        (Mood::Says(500), Mood::Fine, false),
        (Mood::Says(500), Mood::Down, true),
    ] {
        let what = format!("{slow:?} {quick:?}");
        let world = World::new(apps(1));
        world.browser_everywhere(ALICE).await.sign_out().await;
        world.receivers.set_all(slow);
        let (late, node) = (world.node(2), world.node(3));
        let mut work = pin!(late.provider.work(10));
        assert!(waits(work.as_mut()).await, "{what}");
        world.op.wait(60);
        world.receivers.set_all(quick);
        node.provider.work(10).await.unwrap();
        assert_eq!(noted(&node), [if quick == Mood::Fine { DELIVERED } else { DELAYED }], "{what}");
        work.await.unwrap();
        assert_eq!(world.receivers.take().len(), 2, "{what}");
        world.receivers.set_all(Mood::Fine);
        world.op.wait(86_000);
        world.work_off().await;
        assert_eq!(world.receivers.take().len(), usize::from(again), "{what}");
        assert_eq!(world.announced().await, 0, "{what}");
    }
}
