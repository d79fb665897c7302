//! Many at once, on threads: no update is lost, and each is whole.

use oidc_op::store::Fault;

use super::*;
use crate::support::races::{Step, in_step, interleave, together};

/// A store at which every call takes a step.
fn slow(setup: Setup) -> Op {
    let (op, store) = faulty(setup);
    store.fail_all(Fault::Delay(1));
    op
}

/// 64 of these, in the worst order.
fn all_in_step<'f, F: Future<Output = Answer> + 'f>(racer: impl Fn() -> F) -> Vec<Answer> {
    let racers = (0..64).map(|_| Box::pin(racer()) as Step<'f, Answer>);
    interleave(racers.collect(), in_step())
}

/// In the worst order a token is good for as many as it was issued for, and nobody hears that it is used
/// up before it is.
#[tokio::test]
async fn a_token_in_the_worst_order() {
    for uses in [1, 5, 40, 64] {
        let op = slow(setup_with(|rules| rules.access = RegistrationAccess::InitialAccessToken));
        let mut access = oidc_op::InitialAccess::once(oidc_op::Duration::HOUR);
        access.uses = Some(uses);
        let token = op.provider.issue_initial_access(&access).await;
        let token = token.unwrap();
        let metadata = web();
        let answers = all_in_step(|| op.try_register(&metadata, Some(&token)));
        let made = answers.iter().filter(|answer| answer.status() == 201).count();
        assert_eq!(made, uses as usize, "of {uses}");
        assert!(answers.iter().all(|answer| [201, 401].contains(&answer.status())));
    }
}

/// The same for those without one.
#[tokio::test]
async fn a_cap_in_the_worst_order() {
    for cap in [1, 40, 64] {
        let op = slow(setup_with(|rules| rules.cap = cap));
        let metadata = web();
        let answers = all_in_step(|| op.try_register(&metadata, None));
        let made = answers.iter().filter(|answer| answer.status() == 201).count();
        assert_eq!(made, cap as usize);
        assert!(answers.iter().all(|answer| [201, 429].contains(&answer.status())));
    }
}

/// RFC 7592 §2.2: one of the updates is what is registered, whole; all are answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_updates() {
    for round in 0..100 {
        let op = setup().build();
        let client = op.register(&web()).await;
        let answers = together((0..12).map(|i| {
            let (op, client) = (op.clone(), client.clone());
            async move {
                let uri = format!("https://rp.example/{i}");
                let name = i.to_string();
                client.put(&op, &json!({ "redirect_uris": [uri], "client_name": name })).await
            }
        }))
        .await;
        for answer in &answers {
            assert_eq!(answer.status(), 200, "round {round}: {}", answer.json());
        }
        let read = client.read(&op).await.json();
        let name = read["client_name"].as_str().unwrap();
        assert_eq!(read["redirect_uris"], json!([format!("https://rp.example/{name}")]));
        assert!(client.is_known_by(&op, client.text("client_secret")).await, "round {round}");
    }
}

/// An update and a deletion at once: it is gone afterwards, whatever the update was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_update_does_not_bring_a_deleted_client_back() {
    for round in 0..200 {
        let op = setup().build();
        let client = op.register(&web()).await;
        let answers = together((0..4).map(|i| {
            let (op, client) = (op.clone(), client.clone());
            async move {
                if i == 0 {
                    client.manage(&op, "DELETE", &Value::Null).await.status()
                } else {
                    client.put(&op, &json!({ "client_name": "n" })).await.status()
                }
            }
        }))
        .await;
        assert_eq!(answers[0], 204, "round {round}");
        assert!(answers[1..].iter().all(|status| [200, 401].contains(status)), "{answers:?}");
        assert_eq!(client.read(&op).await.status(), 401, "round {round}");
    }
}

/// Rotation: of many updates with the same token one wins, and the others hear that it is not good any
/// more; the winner's token is the one that works.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_updates_where_tokens_rotate() {
    for round in 0..100 {
        let op = setup_with(|rules| rules.rotate_tokens = true).build();
        let client = op.register(&web()).await;
        let answers = together((0..8).map(|i| {
            let (op, client) = (op.clone(), client.clone());
            async move { client.put(&op, &json!({ "client_name": i.to_string() })).await }
        }))
        .await;
        let (won, lost): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status() == 200);
        assert_eq!(won.len(), 1, "round {round}");
        assert!(lost.iter().all(|answer| answer.status() == 401), "round {round}");
        assert_eq!(client.read(&op).await.status(), 401, "round {round}");
        let read = client.after(won[0]).read(&op).await;
        assert_eq!(read.member("client_name"), won[0].member("client_name"), "round {round}");
    }
}

/// The first use and an update at once: neither takes anything from the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_first_use_and_an_update() {
    for round in 0..100 {
        let op = setup().build();
        let client = op.register(&web()).await;
        op.wait(50_000);
        let answers = together((0..8).map(|i| {
            let (op, client) = (op.clone(), client.clone());
            async move {
                if i % 2 == 0 {
                    client.is_known_by(&op, client.text("client_secret")).await
                } else {
                    client.put(&op, &json!({ "client_name": "Newer" })).await.status() == 200
                }
            }
        }))
        .await;
        assert_eq!(answers, [true; 8], "round {round}");
        let kept = op.provider.registered_client(&client.client_id()).await.unwrap().unwrap();
        let prolonged = oidc_op::Clock::now(&op.clock) + oidc_op::Duration::DAY;
        assert_eq!(kept.unused_until(), Some(prolonged), "round {round}: it was used");
        assert_eq!(kept.client.name(), "Newer", "round {round}: it was updated");
    }
}

/// The bound on those without a token holds on threads as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_registrations_under_a_cap() {
    for round in 0..40 {
        let op = setup_with(|rules| rules.cap = 10).build();
        let answers = together((0..40).map(|_| {
            let op = op.clone();
            async move { op.try_register(&web(), None).await.status() }
        }))
        .await;
        assert_eq!(answers.iter().filter(|status| **status == 201).count(), 10, "round {round}");
        assert!(answers.iter().all(|status| [201, 429].contains(status)), "{answers:?}");
    }
}

/// Changes of administrators are made one after the other, none on what is not there any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_administration() {
    for round in 0..100 {
        let op = setup().build();
        let client = op.register(&web()).await;
        let id = client.client_id();
        together((0..12).map(|i| {
            let (op, id, client) = (op.clone(), id.clone(), client.clone());
            async move {
                if i == 0 {
                    assert_eq!(
                        client.put(&op, &json!({ "client_name": "Newer" })).await.status(),
                        200
                    );
                } else {
                    let change =
                        |client: &mut oidc_op::Client| client.epoch = client.epoch.wrapping_add(1);
                    op.provider.update_client(&id, change).await.unwrap();
                }
            }
        }))
        .await;
        let before = op.provider.registered_client(&id).await.unwrap().unwrap().client;
        let changed = op.provider.update_client(&id, |_| ()).await.unwrap().client;
        assert_eq!(changed.epoch, before.epoch);
        assert_eq!(before.name(), "Newer", "round {round}");
        let fresh = setup().build();
        let twin = fresh.register(&web()).await;
        let twin = fresh.provider.registered_client(&twin.client_id()).await.unwrap().unwrap();
        assert_eq!(before.epoch, twin.client.epoch.wrapping_add(11), "round {round}: each counted");
    }
}
