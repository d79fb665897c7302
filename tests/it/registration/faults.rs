//! The store fails at each call, in each way, and requests are dropped at each await point: it has
//! happened whole or not at all, and what was answered is so.

use oidc_op::{
    Clock, Duration, InitialAccess, Request,
    store::{Fault, Operation},
};

use super::*;
use crate::support::races::poll_times;

const FAULTS: [Fault; 4] =
    [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable];

async fn clients(op: &Op) -> usize {
    op.provider.registered_clients(None, 100).await.unwrap().clients.len()
}

/// At each call of a registration, by whomever: no client that nobody was told of by a 201, none that was
/// and is not there, and a token is never good for more than it was.
#[tokio::test]
async fn faults_at_each_store_call_of_a_registration() {
    for by_token in [false, true] {
        for fault in FAULTS {
            for nth in 1.. {
                let what = format!("{fault:?} at call {nth}, by token: {by_token}");
                let (op, store) = faulty(setup_with(|rules| rules.cap = 2));
                let mut access = InitialAccess::once(Duration::HOUR);
                access.uses = Some(2);
                let token = op.provider.issue_initial_access(&access).await.unwrap();
                let token = by_token.then_some(&*token);
                store.reset();
                store.fail_nth(nth, fault);
                let answer = op.try_register(&web(), token).await;
                let faulted = store.calls().total() >= nth;
                store.reset();
                let mut made = 0;
                if answer.status() == 201 {
                    let client = Registered(answer.json());
                    assert_eq!(client.read(&op).await.status(), 200, "{what}");
                    assert!(client.is_known_by(&op, client.text("client_secret")).await, "{what}");
                    made = 1;
                } else {
                    answer.is_unavailable(&what);
                }
                // Whoever tries again may, and never more often than was meant.
                for _ in 0..3 {
                    made += usize::from(op.try_register(&web(), token).await.status() == 201);
                }
                assert!((1..=2).contains(&made), "{what}: {made}");
                assert!(clients(&op).await <= 2, "{what}");
                if !faulted {
                    assert_eq!(made, 2, "{what}");
                    assert!(
                        nth > 3,
                        "the allowance is read and written, and the client is written"
                    );
                    break;
                }
            }
        }
    }
}

/// What was read before the fault, or what the update says: nothing between.
#[tokio::test]
async fn faults_at_each_store_call_of_an_update() {
    for rotate in [false, true] {
        for fault in FAULTS {
            for nth in 1.. {
                let what = format!("{fault:?} at call {nth}, rotating: {rotate}");
                let (op, store) = faulty(setup_with(|rules| rules.rotate_tokens = rotate));
                let client = op.register(&web_with(&json!({ "client_name": "Old" }))).await;
                let newer =
                    json!({ "client_name": "New", "id_token_signed_response_alg": "HS256" });
                store.reset();
                store.fail_nth(nth, fault);
                let answer = client.put(&op, &newer).await;
                let faulted = store.calls().total() >= nth;
                store.reset();
                if answer.status() == 200 {
                    let after = client.after(&answer);
                    assert_eq!(after.read(&op).await.member("client_name"), "New", "{what}");
                    assert!(after.is_known_by(&op, after.text("client_secret")).await, "{what}");
                } else {
                    answer.is_unavailable(&what);
                    let read = client.read(&op).await;
                    if read.status() == 200 {
                        let name = read.member("client_name");
                        assert!(name == "Old" || !rotate, "{what}: {name}");
                    } else {
                        assert!(rotate && read.status() == 401, "{what}");
                    }
                }
                if !faulted {
                    assert!(nth > 2, "{what}");
                    break;
                }
            }
        }
    }
}

/// 204 only if it is gone; and while it is not, everything that stands on it stands.
#[tokio::test]
async fn faults_at_each_store_call_of_a_deletion() {
    for fault in FAULTS {
        for nth in 1.. {
            let what = format!("{fault:?} at call {nth}");
            let (op, store) = faulty(setup());
            let client = op.register(&refreshing()).await;
            let access = client.tokens(&op).await.member("access_token");
            store.reset();
            store.fail_nth(nth, fault);
            let answer = client.manage(&op, "DELETE", &Value::Null).await;
            let faulted = store.calls().total() >= nth;
            store.reset();
            let (read, userinfo) =
                (client.read(&op).await.status(), op.userinfo(&access).await.status());
            if answer.status() == 204 {
                assert_eq!((read, userinfo), (401, 401), "{what}");
            } else {
                answer.is_unavailable(&what);
                assert!([(200, 200), (401, 401)].contains(&(read, userinfo)), "{what}");
            }
            if !faulted {
                assert!(nth > 2, "{what}");
                break;
            }
        }
    }
}

/// The answer of the deletion is lost, and what is there afterwards settles it.
#[tokio::test]
async fn a_lost_answer_is_settled_by_reading() {
    let (op, store) = faulty(setup());
    let client = op.register(&web()).await;
    store.reset();
    store.fail_nth_of(Operation::Delete, 1, Fault::LoseAnswer);
    assert_eq!(client.manage(&op, "DELETE", &Value::Null).await.status(), 204);
    store.reset();
    store.fail_nth_of(Operation::Put, 2, Fault::LoseAnswer);
    let client = op.register(&web()).await;
    store.reset();
    store.fail_nth_of(Operation::Put, 1, Fault::LoseAnswer);
    assert_eq!(client.put(&op, &json!({})).await.status(), 200);
}

/// That a client is used is written before anything stands on it: no code, no token without it.
#[tokio::test]
async fn faults_while_a_first_use_is_written_down() {
    for fault in FAULTS {
        for nth in 1.. {
            let what = format!("{fault:?} at call {nth}");
            let (op, store) = faulty(setup());
            let client = op.register(&web()).await;
            op.wait(50_000);
            store.reset();
            store.fail_nth(nth, fault);
            let body = [("grant_type", "refresh_token"), ("refresh_token", "nonsense")];
            let answer = client.post(&op, "/token", &body).await;
            let faulted = store.calls().total() >= nth;
            store.reset();
            let kept = op.provider.registered_client(&client.client_id()).await.unwrap().unwrap();
            if answer.status() == 400 {
                let prolonged = op.clock.now() + Duration::DAY;
                assert_eq!(kept.unused_until(), Some(prolonged), "{what}");
            } else {
                answer.is_unavailable(&what);
            }
            assert!(client.is_known_by(&op, client.text("client_secret")).await, "{what}");
            if !faulted {
                assert!(nth > 3, "{what}: looked up, read, written");
                break;
            }
        }
    }
}

/// The same when somebody signs in to a client that has no proof of its own.
#[tokio::test]
async fn faults_at_each_store_call_of_a_first_sign_in() {
    for fault in FAULTS {
        for nth in 1.. {
            let what = format!("{fault:?} at call {nth}");
            let (op, store) = faulty(setup());
            let client = op.register(&implicit("id_token token")).await;
            let mut browser = Browser::new(&op);
            let page = browser.authorize(&client.request()).await;
            let answer = browser.login(&page.page().token.clone(), ALICE).await;
            let page = answer.page().token.clone();
            let scope = answer.page().scope.clone();
            store.reset();
            store.fail_nth(nth, fault);
            let answer = browser.agree(&page, &scope, false).await;
            let faulted = store.calls().total() >= nth;
            store.reset();
            let kept = op.provider.registered_client(&client.client_id()).await.unwrap().unwrap();
            let granted = matches!(&answer, Answer::Reply(reply) if reply.status == 303)
                && answer.redirect().1.contains_key("access_token");
            if granted {
                assert_eq!(kept.unused_until(), None, "{what}");
                assert_eq!(
                    op.userinfo(&answer.parameter("access_token")).await.status(),
                    200,
                    "{what}"
                );
            }
            if !faulted {
                assert!(granted && nth > 4, "{what}");
                break;
            }
        }
    }
}

/// An administrator hears the truth as well.
#[tokio::test]
async fn faults_at_each_store_call_of_administration() {
    let id = ClientId::new("app").unwrap();
    let app = || crate::support::client("app", false, &["https://rp.example/cb"], &json!({}));
    for fault in FAULTS {
        for nth in 1.. {
            let what = format!("{fault:?} at call {nth}");
            let (op, store) = faulty(setup());
            store.fail_nth(nth, fault);
            let created = op.provider.create_client(app()).await;
            let mut faulted = store.calls().total() >= nth;
            store.reset();
            let there = op.provider.registered_client(&id).await.unwrap().is_some();
            assert!(there || created.is_err(), "{what}: created");
            if !there {
                op.provider.create_client(app()).await.unwrap();
            }
            store.reset();
            store.fail_nth(nth, fault);
            let changed = op.provider.update_client(&id, |client| client.enabled = false).await;
            faulted |= store.calls().total() >= nth;
            store.reset();
            let enabled = op.provider.registered_client(&id).await.unwrap().unwrap().client.enabled;
            assert!(changed.is_err() || !enabled, "{what}: changed");
            store.fail_nth(nth, fault);
            let deleted = op.provider.delete_client(&id).await;
            faulted |= store.calls().total() >= nth;
            store.reset();
            let there = op.provider.registered_client(&id).await.unwrap().is_some();
            assert!(deleted.is_err() || !there, "{what}: deleted");
            if !faulted {
                assert!(created.is_ok() && changed.is_ok() && deleted.is_ok() && nth > 2, "{what}");
                break;
            }
        }
    }
}

/// Polls a request this often and drops it; its answer, if that was enough.
fn dropped(op: &Op, request: Request<'_>, polls: usize) -> Option<Answer> {
    poll_times(op.provider.dispatch(request), polls).map(Answer::from)
}

/// Dropping each request at each await point: before or after, and whoever tries again gets there.
#[tokio::test]
async fn dropping_each_request_at_each_await_point() {
    let json: (&str, &[u8]) = ("content-type", b"application/json");
    for method in ["POST", "PUT", "DELETE"] {
        for polls in 1.. {
            let what = format!("{method} dropped after {polls} polls");
            let (op, store) = faulty(setup_with(|rules| rules.cap = 3));
            let client = op.register(&web_with(&json!({ "client_name": "Old" }))).await;
            let mut update = web_with(&json!({ "client_name": "New" }));
            if method == "PUT" {
                update["client_id"] = client.id().into();
            }
            let body = update.to_string();
            let bearer = format!("Bearer {}", client.text("registration_access_token"));
            let query = format!("client_id={}", client.id());
            let managed = [json, ("authorization", bearer.as_bytes())];
            let request = Request::new(method, "/register").body(body.as_bytes());
            let request = match method {
                "POST" => request.headers(&managed[..1]),
                _ => request.headers(&managed).query(&query),
            };
            store.reset();
            store.fail_all(Fault::Delay(1));
            store.fail_all(Fault::DelayAnswer(1));
            let answer = dropped(&op, request, polls);
            store.reset();
            let read = client.read(&op).await;
            match method {
                "POST" => {
                    assert!((1..=2).contains(&clients(&op).await), "{what}");
                    assert_eq!(
                        op.try_register(&web(), None).await.status(),
                        201,
                        "{what}: one is lost at most"
                    );
                    assert_eq!(read.member("client_name"), "Old");
                }
                "PUT" => {
                    assert!(["Old", "New"].contains(&&*read.member("client_name")), "{what}");
                    assert_eq!(
                        client.put(&op, &json!({ "client_name": "New" })).await.status(),
                        200,
                        "{what}"
                    );
                    assert!(client.is_known_by(&op, client.text("client_secret")).await, "{what}");
                }
                _ => {
                    assert!([200, 401].contains(&read.status()), "{what}");
                    client.manage(&op, "DELETE", &Value::Null).await;
                    assert_eq!(client.read(&op).await.status(), 401, "{what}");
                }
            }
            if let Some(answer) = answer {
                assert!([200, 201, 204].contains(&answer.status()), "{what}");
                assert!(polls > 3, "{what}: there are await points to drop at");
                break;
            }
        }
    }
}
