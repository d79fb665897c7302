//! One protocol step is one conditional write, and it comes last: races, faults at every call of the
//! store, futures dropped at every await point, signers that fail.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use oidc_op::{
    Client, LogoutVerdict, PublishedKey, Reason, Request, SignError, Signer, SigningAlgorithm,
    SigningKey, Subject, Timestamp, What,
    store::{Fault, FaultyStore, MemoryStore, Operation},
};

use crate::{
    back_channel_logout::{DELIVERED, World, apps, noted},
    support::{
        ALICE, Answer, Ask, Browser, Op, Setup, form,
        races::{poll_times, together, waits},
    },
};

/// 64 parallel redemptions of one code, exactly one success, over 1,000 rounds (P-01). A loser that
/// raced does no harm: what the winner got still works.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn race_of_64_redemptions_has_one_winner() {
    const ROUNDS: usize = 1_000;
    const RACERS: usize = 64;
    let op = es256_op();
    let mut browser = Browser::new(&op);
    for round in 0..ROUNDS {
        let code: Arc<str> = browser.code(&es256_request(), ALICE).await.into();
        let racers = (0..RACERS).map(|_| {
            let (op, code) = (op.clone(), code.clone());
            async move { es256_redeem(&op, &code).await }
        });
        let mut winners = Vec::new();
        for answer in together(racers).await {
            match answer.status() {
                200 => winners.push(answer),
                400 => assert_eq!(answer.error(), "invalid_grant"),
                other => panic!("round {round}: {other} {:?}", answer.json()),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        if !op.recorder.take().iter().any(|(what, _)| *what == What::CodeReplayed) {
            let token = winners[0].member("access_token");
            assert_eq!(op.userinfo(&token).await.status(), 200, "round {round}");
        }
        // a later replay then revokes
        assert_eq!(es256_redeem(&op, &code).await.error(), "invalid_grant");
        let token = winners[0].member("access_token");
        assert_eq!(op.userinfo(&token).await.status(), 401, "round {round}: a replay revokes");
    }
}

/// Raced is not replayed: whoever read the code while it was pending is refused without harm to the
/// winner. The interleaving is staged: one redemption stops at its write, another one runs whole.
#[tokio::test]
async fn a_loser_that_raced_does_no_harm() {
    let (op, store) = faulty_op();
    let code = op.code().await;
    store.reset();
    store.fail_nth_of(Operation::Put, 1, Fault::Delay(1));
    let mut loser = Box::pin(op.redeem(&code));
    assert!(waits(loser.as_mut()).await, "it has read the code, and is about to write");
    let winner = op.redeem(&code).await;
    assert_eq!(winner.status(), 200);
    let lost = loser.await;
    assert_eq!(lost.error(), "invalid_grant");
    assert_eq!(op.userinfo(&winner.member("access_token")).await.status(), 200);
    let seen = op.recorder.take();
    assert!(seen.contains(&(What::TokenRefused, Some(Reason::CodeRaced))), "{seen:?}");
    assert!(!seen.iter().any(|(what, _)| *what == What::CodeReplayed));
}

/// The commit is last: a signer that fails once leaves the code usable.
#[tokio::test]
async fn a_signer_that_fails_once_leaves_the_code_usable() {
    let setup = Setup::new();
    let broken = Arc::new(AtomicBool::new(false));
    let signer = Arc::new(Unreliable { inner: setup.signer.clone(), broken: broken.clone() });
    let op = Setup { signer, ..setup }.build();
    let code = op.code().await;
    broken.store(true, Ordering::SeqCst);
    let answer = op.redeem(&code).await;
    assert_eq!((answer.status(), answer.error()), (500, "server_error".into()));
    broken.store(false, Ordering::SeqCst);
    assert_eq!(op.redeem(&code).await.status(), 200);
    let seen = op.recorder.take();
    assert!(seen.contains(&(What::TokenRefused, Some(Reason::SignerFailed))), "{seen:?}");
}

/// Every call of the store, in every way it can fail, at redemption: the answer is truthful, and
/// either nothing happened and a retry succeeds, or everything did (P-10).
#[tokio::test]
async fn faults_at_each_store_call_of_a_redemption() {
    let mut swept = 0;
    for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
        for nth in 1.. {
            let (op, store) = faulty_op();
            let code = op.code().await;
            store.reset();
            store.fail_nth(nth, fault);
            let answer = op.redeem(&code).await;
            let faulted = store.calls().total() >= nth;
            store.reset();
            let again = op.redeem(&code).await;
            match (answer.status(), again.status()) {
                // it happened: by the writer's own reading, or because nothing failed
                (200, 400) => {
                    let token = answer.member("access_token");
                    assert_eq!(op.userinfo(&token).await.status(), 401, "the retry was a replay");
                }
                // nothing happened
                (503, 200) => assert_eq!(answer.header("retry-after"), Some("5")),
                other => panic!("{fault:?} at call {nth}: {other:?} {:?}", answer.json()),
            }
            swept += 1;
            if !faulted {
                break;
            }
        }
    }
    assert!(swept >= 16, "{swept}");
}

/// A write whose answer is lost is settled by reading back: the redeemer knows that it won.
#[tokio::test]
async fn a_lost_answer_is_settled_by_reading() {
    let (op, store) = faulty_op();
    let code = op.code().await;
    store.reset();
    store.fail_nth_of(Operation::Put, 1, Fault::LoseAnswer);
    let answer = op.redeem(&code).await;
    assert_eq!(answer.status(), 200, "{:?}", answer.json());
    assert_eq!(op.userinfo(&answer.member("access_token")).await.status(), 200);
}

/// The same sweep over sign-in, consent and the code: RE-07, and whoever tries again gets there.
#[tokio::test]
async fn faults_at_each_store_call_of_a_sign_in() {
    for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
        for nth in 1.. {
            let (op, store) = faulty_op();
            let mut browser = Browser::new(&op);
            let answer = browser.authorize(&Op::request()).await;
            let (login, scope) = (answer.page().token.clone(), answer.page().scope.clone());
            store.reset();
            store.fail_nth(nth, fault);

            let mut answer = browser.login(&login, ALICE).await;
            if let Answer::Page(page) = &answer {
                answer = browser.agree(&page.token.clone(), &scope, true).await;
            }
            let faulted = store.calls().total() >= nth;
            store.reset();
            let (to, parameters) = answer.redirect();
            assert_eq!(to, "https://client.example/cb");
            let code = match parameters.get("error").map(String::as_str) {
                Some(error) => {
                    assert_eq!(error, "temporarily_unavailable", "{fault:?} at call {nth}");
                    assert_eq!(parameters["state"], "af0ifjsldkj");
                    let answer = browser.login(&login, ALICE).await;
                    browser.follow(answer, ALICE).await.parameter("code")
                }
                None => parameters["code"].clone(),
            };
            assert_eq!(op.redeem(&code).await.status(), 200, "{fault:?} at call {nth}");
            if !faulted {
                break;
            }
        }
    }
}

/// A login that replaces the session's cookie brings the new one along, whatever fails after it: a
/// store that stumbles signs nobody out.
#[tokio::test]
async fn a_fault_after_a_login_signs_nobody_out() {
    for fault in [Fault::Refuse, Fault::LoseAnswer] {
        for nth in 1.. {
            let (op, store) = faulty_op();
            let mut browser = Browser::new(&op);
            browser.code(&Op::request(), ALICE).await;
            let answer = browser.authorize(&Op::request_with(&[("prompt", "login")])).await;
            let token = answer.page().token.clone();
            store.reset();
            store.fail_nth(nth, fault);
            let failed = browser.login(&token, ALICE).await.redirect().1.contains_key("error");
            let faulted = store.calls().total() >= nth;
            store.reset();
            assert_eq!(browser.who().await.as_deref(), Some(ALICE), "{fault:?} at call {nth}");
            if !faulted {
                assert!(!failed && nth > 5, "the sweep went past the login");
                break;
            }
        }
    }
}

/// Dropping the redemption at each await point: what was asked has happened whole or not at all, and
/// no lock is left behind (P-22, RE-09).
#[tokio::test]
async fn dropping_a_redemption_at_each_await_point() {
    for polls in 1.. {
        let (op, store) = faulty_op();
        let code = op.code().await;
        store.reset();
        store.fail_all(Fault::DelayAnswer(1));
        let body = form(&Op::redemption(&code));
        let headers = [
            ("content-type", &b"application/x-www-form-urlencoded"[..]),
            ("authorization", b"Basic Y29uZi1iYXNpYzpjb25mLWJhc2lj"),
        ];
        let request = Request::new("POST", "/token").headers(&headers).body(body.as_bytes());
        let finished = poll_times(op.provider.token(request), polls).is_some();
        store.reset();
        let again = op.redeem(&code).await;
        if finished {
            assert_eq!(again.error(), "invalid_grant");
            assert!(polls > 3, "there are await points to drop at");
            break;
        }
        match again.status() {
            200 => {}
            // it was written, and nobody heard of it: the code is spent
            400 => assert_eq!(again.error(), "invalid_grant", "dropped after {polls} polls"),
            other => panic!("dropped after {polls} polls: {other}"),
        }
    }
}

/// Dropping a consent at each await point: sending the form again gives a code that works.
#[tokio::test]
async fn dropping_a_consent_at_each_await_point() {
    for polls in 1.. {
        let (op, store) = faulty_op();
        let mut browser = Browser::new(&op);
        let answer = browser.authorize(&Op::request()).await;
        let answer = browser.login(&answer.page().token.clone(), ALICE).await;
        let (token, scope) = (answer.page().token.clone(), answer.page().scope.clone());
        store.fail_all(Fault::DelayAnswer(1));
        let finished = poll_times(browser.agree(&token, &scope, true), polls).is_some();
        store.reset();
        let code = browser.agree(&token, &scope, true).await.parameter("code");
        assert_eq!(op.redeem(&code).await.status(), 200, "dropped after {polls} polls");
        if finished {
            break;
        }
    }
}

/// What each step costs, in writes: published in the guide, and kept.
#[tokio::test]
async fn writes_per_step() {
    let (op, store) = faulty_op();
    let mut browser = Browser::new(&op);
    let spent = || {
        let writes = store.calls().writes();
        store.reset();
        writes
    };
    let answer = browser.authorize(&Op::request()).await;
    assert_eq!(spent(), 0, "whoever never signs in costs no write");
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    assert_eq!(spent(), 1, "the session");
    let (token, scope) = (answer.page().token.clone(), answer.page().scope.clone());
    browser.agree(&token, &scope, true).await.parameter("code");
    assert_eq!(spent(), 2, "the consent and the grant");
    let code = browser.authorize(&Op::request()).await.parameter("code");
    assert_eq!(spent(), 1, "the grant");
    let token = op.redeem(&code).await.member("access_token");
    assert_eq!(spent(), 1, "the grant");
    op.userinfo(&token).await;
    assert_eq!(spent(), 0);
    let other = Ask::of("first-party", "code").with("redirect_uri", "https://first.example/cb");
    browser.quiet(&other).await.get("code");
    assert_eq!(spent(), 2, "the session, which it is new to, and the grant");
    browser.quiet(&other).await.get("code");
    assert_eq!(spent(), 1, "the grant");
    let question = browser.end_session(&[]).await;
    let token = question.confirmation().token.clone();
    browser.open_confirmation(&token).await.confirmation();
    assert_eq!(spent(), 0, "the question whether to sign out, however often");
    browser.confirm(&token, LogoutVerdict::Stay).await.signed_out();
    assert_eq!(spent(), 0, "nothing has ended");
    let signed_out = browser.confirm(&token, LogoutVerdict::SignOut).await;
    assert_eq!((signed_out.signed_out().ended.len(), spent()), (1, 1), "the session");
}

/// The same where a client is to be told.
#[tokio::test]
async fn writes_of_a_sign_out_that_is_told() {
    for told in [1, 3] {
        let world = World::new(apps(told));
        let mut browser = world.browser_everywhere(ALICE).await;
        let ask = Ask::of("app-0", "code");
        let sent = browser.ask(&ask, ALICE).await;
        let hint = world.op.exchange(&ask, sent.get("code")).await.member("id_token");
        world.store.reset();
        let answer = browser.end_session(&[("id_token_hint", &hint)]).await;
        assert_eq!(answer.signed_out().ended.len(), 1);
        assert_eq!(world.store.calls().writes(), 2, "that there is news, and the session");
        world.store.reset();
        world.work_off().await;
        assert_eq!(noted(&world.op), vec![DELIVERED; told]);
        let calls = world.store.calls();
        assert_eq!(calls.writes(), 3, "taken, given back, and no news any more: {calls:?}");
    }
}

/// Nothing that has expired is left after a purge (P-16), and nothing that is alive is taken.
#[tokio::test]
async fn purge_leaves_what_lives() {
    let setup = Setup::new();
    let store = Arc::new(MemoryStore::with_clock(setup.clock.clone()));
    let op = Setup { store: store.clone(), ..setup }.build();
    let token = op.redeem(&op.code().await).await.member("access_token");
    op.wait(500);
    assert_eq!(op.provider.work(1_000).await.unwrap(), 0);
    assert_eq!(op.userinfo(&token).await.status(), 200);
    op.provider.revoke_all(&Subject::new(ALICE).unwrap()).await.unwrap();
    assert_eq!(store.len(), 4, "grant, session, consent, standing");
    op.wait(366 * 86_400);
    assert_eq!(op.provider.work(1_000).await.unwrap(), 4);
    assert!(store.is_empty());
}

/// Futures are `Send`.
#[test]
fn futures_are_send() {
    fn is_send<T: Send>(_: T) {}
    let op = Op::new();
    let request = Request::new("GET", "/");
    is_send(op.provider.authorize(request));
    is_send(op.provider.authorize_as(request, None));
    is_send(op.provider.interaction(request, ""));
    is_send(op.provider.resume(request, "", oidc_op::Verdict::Cancel));
    is_send(op.provider.end_session(request));
    is_send(op.provider.logout_confirmation(request, ""));
    is_send(op.provider.logout(request, "", oidc_op::LogoutVerdict::Stay));
    is_send(op.provider.sign_out(request));
    is_send(op.provider.token(request));
    is_send(op.provider.userinfo(request));
    is_send(op.provider.dispatch(request));
    is_send(op.provider.session(request));
    is_send(op.provider.work(1));
}

fn faulty_op() -> (Op, FaultyStore) {
    Setup::new().build_faulty()
}

/// A cheap signature, for many rounds.
fn es256_op() -> Op {
    let mut setup = Setup::new();
    setup.clients.retain(|client: &Client| client.id.as_str() == "es256");
    setup.build()
}

fn es256_request() -> Vec<(&'static str, &'static str)> {
    Op::request_with(&[("client_id", "es256"), ("redirect_uri", "https://es256.example/cb")])
}

async fn es256_redeem(op: &Op, code: &str) -> Answer {
    let redemption = Op::redemption(code)
        .map(|(n, v)| if n == "redirect_uri" { (n, "https://es256.example/cb") } else { (n, v) });
    op.token("es256", "es256", &redemption).await
}

/// A signing device that can be broken.
#[derive(Debug)]
struct Unreliable {
    inner: Arc<dyn Signer>,
    broken: Arc<AtomicBool>,
}

#[async_trait]
impl Signer for Unreliable {
    fn active(&self, algorithm: SigningAlgorithm, now: Timestamp) -> Option<SigningKey> {
        self.inner.active(algorithm, now)
    }

    fn published(&self, now: Timestamp) -> Vec<PublishedKey> {
        self.inner.published(now)
    }

    async fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(SignError::Failed("the device is on fire".into()));
        }
        self.inner.sign(key, input).await
    }
}
