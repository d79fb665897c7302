//! The request and its answer ([Back-Channel Logout §2.5, §2.8]): what counts as told, when it is tried again, how
//! many at once, and when it ends.
//!
//! [Back-Channel Logout §2.5, §2.8]: https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest

use std::{
    collections::BTreeSet,
    pin::pin,
    task::{Context, Waker},
};

use oidc_op::{
    Clock, NamedBy, Reason, Registration, Secret, What,
    store::{Fault, Operation},
};
use serde_json::json;

use super::{
    DELAYED, DELIVERED, GIVEN_UP, Mood, World, apps, logout_uri, noted, subject, told, visit,
};
use crate::support::{ALICE, Ask, Browser, Op, Setup, client};

/// Whether somebody who waits for work would now begin.
fn is_waited_for(op: &Op) -> bool {
    let waiting = pin!(op.provider.work_waiting());
    waiting.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// §2.8: 200, and 204 as `Fetch` answers it as well. Everything else is tried again, with another token.
#[tokio::test]
async fn what_is_not_answered_well_is_tried_again() {
    for mood in [
        Mood::Says(201),
        Mood::Says(302),
        Mood::Says(307),
        Mood::Says(400),
        Mood::Says(404),
        Mood::Says(500),
        Mood::Says(503),
        Mood::Down,
    ] {
        let world = World::new(apps(1));
        let mut browser = world.browser_everywhere(ALICE).await;
        browser.sign_out().await;
        world.receivers.set_all(mood);
        assert_eq!(world.work().await, 1, "{mood:?}");
        assert_eq!(world.noted(), [DELAYED], "{mood:?}");
        world.op.wait(29);
        assert_eq!(world.work().await, 0, "{mood:?}: not yet");
        world.op.wait(1);
        world.receivers.set_all(Mood::Fine);
        assert_eq!(world.work().await, 2, "{mood:?}");
        assert_eq!(world.noted(), [DELIVERED], "{mood:?}");
        let got = world.receivers.take();
        assert_eq!(got.len(), 2, "{mood:?}");
        assert_ne!(got[0].claim("jti"), got[1].claim("jti"), "{mood:?}");
        assert_eq!(got[0].claim("sid"), got[1].claim("sid"), "{mood:?}");
        assert_eq!(got[1].claim("iat"), world.op.clock.now().unix(), "{mood:?}");
        assert_eq!(world.announced().await, 0, "{mood:?}");
    }
}

/// §2.5: apart, so that nobody is overwhelmed; and not for ever.
#[tokio::test]
async fn attempts_grow_apart_and_end_within_a_day() {
    let world = World::new(apps(2));
    let mut browser = world.browser_everywhere(ALICE).await;
    browser.sign_out().await;
    world.receivers.set(&logout_uri("app-0"), Mood::Down);
    let (began, mut tries, mut fates) = (world.op.clock.now(), Vec::new(), Vec::new());
    for _ in 0..25 * 120 {
        world.op.provider.work(10).await.unwrap();
        for got in world.receivers.take() {
            if got.url == logout_uri("app-0") {
                tries.push(world.op.clock.now().since(began).whole_seconds());
            }
        }
        fates.extend(world.noted());
        world.op.wait(30);
    }
    assert_eq!(tries[..6], [0, 30, 150, 630, 2550, 9750]);
    assert!(tries.len() < 20 && tries.last().unwrap() < &86_400, "{tries:?}");
    let counted = |fate| fates.iter().filter(|known| **known == fate).count();
    assert_eq!((counted(DELIVERED), counted(GIVEN_UP)), (1, 1), "the other one was told at once");
    assert_eq!(counted(DELAYED), tries.len() - 1);
    assert_eq!(fates.last(), Some(&GIVEN_UP));
    assert_eq!(world.announced().await, 0);
}

/// Threat LO-07: at once, but not more than sixteen; and no session keeps another one from its turn.
#[tokio::test]
async fn many_are_told_at_once() {
    let world = World::new(apps(30));
    let mut browser = world.browser_everywhere(ALICE).await;
    browser.sign_out().await;
    world.receivers.set_all(Mood::Slow(5));
    assert_eq!(world.work().await, 31);
    assert_eq!(world.receivers.peak(), 8, "of one session");

    let world = World::new(apps(10));
    for _ in 0..6 {
        world.browser_everywhere(ALICE).await.sign_out().await;
    }
    world.receivers.set_all(Mood::Slow(5));
    world.work_off().await;
    assert_eq!(world.receivers.peak(), 16, "of many");
    assert_eq!(world.receivers.take().len(), 60);
}

/// A fetcher with less room than that: the others wait for a place in it, and lose no attempt.
#[tokio::test]
async fn a_fetcher_with_little_room_is_used_as_it_can_be() {
    let world = World::new(apps(40));
    world.browser_everywhere(ALICE).await.sign_out().await;
    world.receivers.room(3);
    world.receivers.set_all(Mood::Slow(2));
    assert_eq!(world.work().await, 41);
    assert_eq!(world.noted(), [DELIVERED; 40]);
    assert_eq!((world.receivers.take().len(), world.receivers.peak()), (40, 3));
}

/// One that is busy with others: it is tried again soon, as often as need be within the day.
#[tokio::test]
async fn a_busy_fetcher_costs_no_attempt() {
    let world = World::new(apps(2));
    world.browser_everywhere(ALICE).await.sign_out().await;
    world.receivers.set(&logout_uri("app-0"), Mood::Busy);
    assert_eq!(world.work().await, 2);
    assert_eq!(world.receivers.urls(), [logout_uri("app-1")], "the other one is told");
    world.noted();
    for _ in 0..50 {
        world.op.wait(30);
        assert_eq!(world.work().await, 1);
        assert_eq!(world.noted(), [DELAYED]);
    }
    world.receivers.set_all(Mood::Down);
    world.receivers.set(&logout_uri("app-0"), Mood::Down);
    world.op.wait(30);
    world.work().await;
    world.op.wait(30);
    assert_eq!(world.work().await, 1, "that was the first attempt");
    world.op.wait(86_400);
    world.noted();
    world.receivers.set(&logout_uri("app-0"), Mood::Busy);
    world.work_off().await;
    assert_eq!(world.noted(), [GIVEN_UP], "too late");
}

/// Threat LO-07: more than a person uses, in one session. Signing out costs no request.
#[tokio::test]
async fn a_thousand_clients_in_one_session() {
    let world = World::new(apps(1_001));
    let mut browser = Browser::new(&world.op);
    for n in 0..1_000 {
        visit(&mut browser, &format!("app-{n}"), ALICE).await;
    }
    world.store.reset();
    let mut other = browser.clone();
    other.sign_out().await;
    assert_eq!(world.store.calls().writes(), 2, "the announcement and the end");
    assert!(world.receivers.take().is_empty());
    let mut rounds = 0;
    while is_waited_for(&world.op) {
        assert!(world.op.provider.work(1).await.unwrap() <= 65, "a turn at a time");
        rounds += 1;
    }
    assert_eq!(rounds, 16);
    let urls: BTreeSet<_> = world.receivers.take().into_iter().map(|got| got.url).collect();
    assert_eq!(urls.len(), 1_000);
    assert!(world.receivers.peak() <= 16);
    assert_eq!(world.work().await, 0);
}

/// As many sessions as the caller allows, and whoever waits hears of the rest.
#[tokio::test]
async fn a_limit_of_sessions() {
    let world = World::new(apps(2));
    for _ in 0..5 {
        world.browser_everywhere(ALICE).await.sign_out().await;
    }
    assert!(is_waited_for(&world.op));
    assert!(!is_waited_for(&world.op), "once");
    let mut told = Vec::new();
    for _ in 0..3 {
        world.op.provider.work(2).await.unwrap();
        told.push(world.receivers.take().len());
        assert_eq!(is_waited_for(&world.op), told.len() < 3);
    }
    assert_eq!(told, [4, 4, 2]);
    assert_eq!(world.op.provider.work(2).await.unwrap(), 0);
    assert!(!is_waited_for(&world.op));
}

/// A round goes on where the last one stopped, and so comes to everybody, however many wait before them.
#[tokio::test]
async fn a_round_goes_on_where_the_last_one_stopped() {
    let world = World::new(apps(1));
    for _ in 0..130 {
        world.browser_everywhere(ALICE).await.sign_out().await;
    }
    let looked = async || {
        world.store.reset();
        world.op.provider.work(1).await.unwrap();
        world.store.calls().get
    };
    // A page of a hundred, an announcement and a session each; then the rest.
    let (first, second) = (looked().await, looked().await);
    assert!(first >= 200 && second < 100, "{first} {second}");
    world.work_off().await;
    assert_eq!((world.receivers.take().len(), world.announced().await), (130, 0));
}

/// Those that are waiting for their time use up nothing of it.
#[tokio::test]
async fn who_waits_keeps_nobody_waiting() {
    let world = World::new(apps(2));
    world.receivers.set(&logout_uri("app-0"), Mood::Down);
    for _ in 0..250 {
        world.browser(&["app-0"], ALICE).await.sign_out().await;
    }
    world.work_off().await;
    world.receivers.take();
    world.browser(&["app-1"], ALICE).await.sign_out().await;
    assert_eq!(world.op.provider.work(1).await.unwrap(), 2);
    assert_eq!(world.receivers.urls(), [logout_uri("app-1")]);
}

/// The session itself is what there is to do: a new process on the same store goes on.
#[tokio::test]
async fn a_restart_goes_on() {
    let world = World::new(apps(3));
    world.receivers.set(&logout_uri("app-1"), Mood::Down);
    world.browser_everywhere(ALICE).await.sign_out().await;
    world.work().await;
    world.receivers.take();
    let restarted = world.node(7);
    assert!(!is_waited_for(&restarted), "nothing of its own");
    assert_eq!(restarted.provider.work(10).await.unwrap(), 0, "its time has not come");
    world.op.wait(30);
    world.receivers.set(&logout_uri("app-1"), Mood::Fine);
    assert_eq!(restarted.provider.work(10).await.unwrap(), 2);
    assert_eq!(world.receivers.urls(), [logout_uri("app-1")]);
    assert_eq!(noted(&restarted), [DELIVERED]);
}

/// What a client wants is looked up when it is told: one that is gone, or wants nothing more, is not; one that has
/// moved is told there.
#[tokio::test]
async fn clients_change_meanwhile() {
    let world = World::new(apps(4));
    world.browser_everywhere(ALICE).await.sign_out().await;
    let moved = json!({
        "backchannel_logout_uri": "https://new.example/logout",
        "id_token_signed_response_alg": "EdDSA"
    });
    let mut disabled = told("app-3", &json!({}));
    disabled.enabled = false;
    let silent = client("app-1", false, &["https://app-1.example/cb"], &json!({}));
    let node = world.node_with(2, vec![silent, told("app-2", &moved), disabled]);
    node.provider.work(10).await.unwrap();
    assert_eq!(world.receivers.urls(), ["https://new.example/logout"]);
    assert_eq!(noted(&node), [DELIVERED], "nobody failed");
    assert_eq!(world.announced().await, 0);
}

/// One that describes itself at its own address: whoever signs out does not wait for that either. While nobody
/// answers there, it is not known what it wants, and it is asked again.
#[tokio::test]
async fn a_client_that_describes_itself() {
    let world = World::with(Vec::new(), |setup| {
        setup.config.policy.client_documents = true;
        setup.config.registration = Some(Registration::default());
        setup.secrets.storage = vec![Secret::new([3; 32]).unwrap()];
    });
    let (id, callback) = ("https://app.example/client.json", "https://app.example/cb");
    let document = json!({
        "client_id": id, "client_name": "App", "redirect_uris": [callback],
        "token_endpoint_auth_method": "none", "grant_types": ["authorization_code"],
        "response_types": ["code"], "id_token_signed_response_alg": "EdDSA",
        "backchannel_logout_uri": logout_uri("app")
    });
    world.receivers.document(id, Some(&document));
    let ask = Ask::of(id, "code").with("redirect_uri", callback).with("scope", "openid");
    for (there, fate) in
        [(true, DELIVERED), (false, (What::LogoutUndelivered, Some(Reason::ClientDocumentFailed)))]
    {
        let mut browser = Browser::new(&world.op);
        assert!(browser.ask(&ask, ALICE).await.parameters.contains_key("code"));
        if !there {
            world.receivers.document(id, None);
        }
        let asked = world.receivers.asked();
        browser.sign_out().await;
        assert_eq!(world.receivers.asked(), asked, "nobody is waited for");
        world.work().await;
        assert_eq!(world.noted(), [fate]);
        let told = world.receivers.take();
        assert_eq!(told.len(), usize::from(there));
        assert!(told.iter().all(|told| told.named_by == NamedBy::Stranger), "SS-05");
    }
    world.op.wait(30);
    world.receivers.document(id, Some(&document));
    world.work_off().await;
    assert_eq!((world.noted(), world.receivers.take().len()), (vec![DELIVERED], 1));
}

/// A purge takes nothing that is still to be told, and everything afterwards.
#[tokio::test]
async fn purging_leaves_what_is_due() {
    // Shorter than it may take to tell a client.
    let world = World::with(apps(1), |setup| {
        setup.config.lifetimes.session = oidc_op::Duration::hours(1);
        setup.config.lifetimes.session_idle = oidc_op::Duration::hours(1);
    });
    world.receivers.set_all(Mood::Down);
    world.browser_everywhere(ALICE).await.sign_out().await;
    world.work().await;
    for _ in 0..20 {
        world.op.wait(3_600);
        world.op.provider.work(1_000).await.unwrap();
    }
    world.receivers.set_all(Mood::Fine);
    world.receivers.take();
    world.op.wait(7_200);
    world.work().await;
    assert_eq!(world.receivers.take().len(), 1, "after 22 hours");
    world.op.wait(400 * 86_400);
    world.work_off().await;
    assert_eq!(world.announced().await, 0);
}

/// Nothing is announced where nobody is to be told, and nothing listed where nothing can be sent.
#[tokio::test]
async fn who_is_not_told() {
    let world = World::new(vec![client("app", false, &["https://app.example/cb"], &json!({}))]);
    let mut browser = Browser::new(&world.op);
    let answer = browser.authorize(&Ask::of("app", "code").pairs()).await;
    browser.follow(answer, ALICE).await;
    world.store.reset();
    browser.sign_out().await;
    assert_eq!(world.store.calls().writes(), 1, "only the end");
    assert!(!is_waited_for(&world.op));
    assert_eq!(world.announced().await, 0);

    let mut setup = Setup::new();
    setup.clients = apps(1);
    let op = setup.build();
    let mut browser = Browser::new(&op);
    visit(&mut browser, "app-0", ALICE).await;
    browser.sign_out().await;
    assert!(!is_waited_for(&op));
    assert_eq!(op.provider.work(10).await.unwrap(), 0);
    let works = World::new(apps(1)).op;
    for (op, listed) in [(op, false), (works, true)] {
        let at = "/.well-known/openid-configuration";
        let document = op.send("GET", at, "", &[], "").await.json();
        for member in ["backchannel_logout_supported", "backchannel_logout_session_supported"] {
            assert_eq!(document[member], listed, "{member}");
        }
    }
}

/// One session that cannot be read, one token that cannot be signed: the others are told, and the host hears of it.
#[tokio::test]
async fn what_is_broken_keeps_nobody_waiting() {
    let mut clients = apps(2);
    clients.push(told("app-odd", &json!({"id_token_signed_response_alg": "ES384"})));
    let world = World::new(clients);
    for client in ["app-0", "app-odd", "app-1"] {
        world.browser(&[client], ALICE).await.sign_out().await;
    }
    let error = world.op.provider.work(1_000).await.unwrap_err();
    assert_eq!(error.reason(), Reason::SignerFailed);
    assert_eq!(world.receivers.urls(), [logout_uri("app-0"), logout_uri("app-1")]);
    let odd = (What::LogoutUndelivered, Some(Reason::SignerFailed));
    let noted = world.noted();
    assert_eq!(noted.len(), 3);
    assert!(noted.contains(&odd), "{noted:?}");
    assert_eq!(world.work().await, 0, "its time has not come");

    for (nth, fault) in [(2, Fault::Unreadable), (1, Fault::Unreadable), (2, Fault::Refuse)] {
        let world = World::new(apps(3));
        for client in ["app-0", "app-1", "app-2"] {
            world.browser(&[client], ALICE).await.sign_out().await;
        }
        world.store.reset();
        world.store.fail_nth_of(Operation::Get, nth, fault);
        let error = world.op.provider.work(2).await.unwrap_err();
        assert_eq!(error.reason(), Reason::StoreFailed, "{nth} {fault:?}");
        assert_eq!(world.receivers.take().len(), 2, "{nth} {fault:?}: as many as it may");
        assert_eq!(world.store.calls().purge, 1, "{nth} {fault:?}");
        world.work_off().await;
        assert_eq!(world.receivers.take().len(), 1, "{nth} {fault:?}");
    }
}

/// A person with several sessions: each is told of for itself.
#[tokio::test]
async fn each_session_for_itself() {
    let world = World::new(apps(1));
    let mut desk = world.browser_everywhere(ALICE).await;
    let phone = world.browser_everywhere(ALICE).await;
    desk.sign_out().await;
    world.work_off().await;
    let first = world.receivers.take();
    assert_eq!(first.len(), 1);
    assert_eq!(phone.who().await.as_deref(), Some(ALICE));
    world.op.provider.end_sessions_of(&subject(ALICE)).await.unwrap();
    world.work_off().await;
    let second = world.receivers.take();
    assert_eq!(second.len(), 1);
    assert_ne!(first[0].claim("sid"), second[0].claim("sid"));
    assert_eq!(first[0].claim("sub"), second[0].claim("sub"));
}
