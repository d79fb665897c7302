//! Browser sessions: several accounts at one browser, how long they live, which clients know of them,
//! and that their end is the server's.

use std::sync::Arc;

use oidc_op::{
    ClientId, Duration, Login, Need, Outcome, Reason, Request, SessionId, Subject, SubjectChange,
    Verdict, What,
    store::{Fault, FaultyStore, Kind, MemoryStore, Operation},
};

use crate::support::{ALICE, Answer, BOB, Browser, Op, Setup};

fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

fn silent() -> Vec<(&'static str, &'static str)> {
    Op::request_with(&[("prompt", "none")])
}

/// Nobody is signed in, for a client that may show no page.
#[track_caller]
fn is_signed_out(answer: &Answer) {
    assert_eq!(answer.parameter("error"), "login_required");
}

/// Both people, Bob current, who have both agreed to the client.
async fn both(op: &Op) -> Browser {
    let mut browser = Browser::new(op);
    browser.code(&Op::request(), ALICE).await;
    browser.code(&Op::request_with(&[("prompt", "login")]), BOB).await;
    assert_eq!(browser.accounts().await, [BOB, ALICE]);
    browser
}

async fn subject_of(op: &Op, answer: &Answer) -> String {
    let tokens = op.redeem(&answer.parameter("code")).await.json();
    let id_token = tokens["id_token"].as_str().unwrap();
    let claims = crate::support::claims(id_token);
    claims["sub"].as_str().unwrap().to_owned()
}

/// `prompt=select_account`: whoever is signed in here can be chosen, and is the current one from then on
/// (OIDC Core §3.1.2.1).
#[tokio::test]
async fn an_account_is_chosen() {
    let op = Op::new();
    let mut browser = both(&op).await;
    let wanted = Op::request_with(&[("prompt", "select_account")]);
    let answer = browser.authorize(&wanted).await;
    let page = answer.page();
    assert_eq!(page.need, Need::SelectAccount);
    assert_eq!(page.accounts, [subject(BOB), subject(ALICE)]);
    let answer = browser.submit(&page.token, Verdict::SelectAccount(subject(ALICE))).await;
    assert_eq!(subject_of(&op, &answer).await, ALICE);
    assert_eq!(browser.accounts().await, [ALICE, BOB]);
    let answer = browser.authorize(&silent()).await;
    assert_eq!(subject_of(&op, &answer).await, ALICE, "the current one from now on");

    // the form sent once more gives the same code to the same person
    let answer = browser.authorize(&wanted).await;
    let token = answer.page().token.clone();
    let mut twice = browser.clone();
    let bob = Verdict::SelectAccount(subject(BOB));
    let first = browser.submit(&token, bob.clone()).await.parameter("code");
    assert_eq!(twice.submit(&token, bob).await.parameter("code"), first);
}

/// Who is not signed in here cannot be chosen, whatever the form says.
#[tokio::test]
async fn only_who_is_here_can_be_chosen() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    Browser::new(&op).code(&Op::request(), BOB).await;
    let answer = browser.authorize(&Op::request_with(&[("prompt", "select_account")])).await;
    let token = answer.page().token.clone();
    let answer = browser.submit(&token, Verdict::SelectAccount(subject(BOB))).await;
    assert_eq!(answer.page().need, Need::SelectAccount);
    assert_eq!(answer.page().subject, Some(subject(ALICE)));
    assert_eq!(browser.accounts().await, [ALICE]);
}

/// A client that says whom it expects gets them, whoever is the current one (OIDC Core §3.1.2.1,
/// `id_token_hint`).
#[tokio::test]
async fn the_expected_account_answers() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let code = browser.code(&Op::request(), ALICE).await;
    let tokens = op.redeem(&code).await.json();
    let hint = tokens["id_token"].as_str().unwrap();
    browser.code(&Op::request_with(&[("prompt", "login")]), BOB).await;
    let request = Op::request_with(&[("prompt", "none"), ("id_token_hint", hint)]);
    let answer = browser.authorize(&request).await;
    assert_eq!(subject_of(&op, &answer).await, ALICE);
    let answer = browser.authorize(&silent()).await;
    assert_eq!(subject_of(&op, &answer).await, BOB, "the current one is still Bob");
}

/// A sign-in under way stays with the person whom its page was made for, though another tab has made
/// somebody else the current one.
#[tokio::test]
async fn a_page_stays_with_its_person() {
    let op = Op::new();
    let mut browser = both(&op).await;
    let answer = browser.authorize(&Op::request_with(&[("prompt", "consent")])).await;
    assert_eq!(answer.page().subject, Some(subject(BOB)));
    let page = answer.page().token.clone();
    browser.sign_in(ALICE).await;
    let answer = browser.open(&page).await;
    assert_eq!(answer.page().subject, Some(subject(BOB)));
    let answer = browser.agree_to_all(answer.page()).await;
    assert_eq!(subject_of(&op, &answer).await, BOB);
}

/// Each account is a session of its own: signing in again changes the secret of that one only, and one
/// account more than there is room for ends the one that was used the longest ago.
#[tokio::test]
async fn accounts_share_nothing_but_the_cookie() {
    let mut setup = Setup::new();
    setup.config.limits.accounts = 2;
    let op = setup.build();
    op.host.set("carol", oidc_op::Account::active());
    let mut browser = both(&op).await;
    let before = browser.clone();
    browser.sign_in(ALICE).await;
    assert_eq!(before.accounts().await, [BOB], "Alice's old secret is worth nothing");
    assert_eq!(browser.accounts().await, [ALICE, BOB]);
    let bobs = op.provider.sessions(&subject(BOB), None, 9).await.unwrap().sessions;
    browser.sign_in("carol").await;
    assert_eq!(browser.accounts().await, ["carol", ALICE]);
    assert_eq!(before.accounts().await, [""; 0], "Bob's session is over everywhere");
    assert_eq!(bobs.len(), 1);
    let bobs = op.provider.sessions(&subject(BOB), None, 9).await.unwrap().sessions;
    assert_eq!(bobs, []);
}

/// The list of a person's sessions says where they are signed in, and one can be ended from another
/// browser; threat SE-05.
#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let op = Op::new();
    let (mut desk, mut phone) = (Browser::new(&op), Browser::new(&op));
    let answer = desk.authorize(&Op::request()).await;
    let mut login = Login::new(subject(ALICE));
    login.device = Some("Desk".into());
    login.amr = vec!["pwd".into()];
    let answer = desk.submit(&answer.page().token.clone(), Verdict::Login(login)).await;
    desk.follow(answer, ALICE).await.parameter("code");
    op.wait(60);
    phone.sign_in(ALICE).await;
    phone.sign_in(BOB).await;

    let mut sessions = op.provider.sessions(&subject(ALICE), None, 9).await.unwrap().sessions;
    sessions.sort_by_key(|session| session.began);
    let [at_desk, at_phone] = &sessions[..] else { panic!("{sessions:?}") };
    assert_eq!(at_desk.device.as_deref(), Some("Desk"));
    assert_eq!(at_desk.clients, [ClientId::new("app").unwrap()]);
    assert_eq!(at_desk.authentication.amr, ["pwd".into()]);
    assert_eq!((at_phone.device.as_deref(), at_phone.clients.len()), (None, 0));
    assert_eq!(at_phone.began.since(at_desk.began), Duration::MINUTE);
    let named: SessionId = at_desk.id.to_string().parse().unwrap();
    assert_eq!(named, at_desk.id);
    "x".parse::<SessionId>().unwrap_err();

    let end = |who: &str, id| {
        let (provider, who) = (op.provider.clone(), subject(who));
        async move { provider.end_session_of(&who, id).await.unwrap() }
    };
    assert!(!end(BOB, at_desk.id).await, "it is not Bob's");
    assert_eq!(desk.who().await.as_deref(), Some(ALICE));
    op.recorder.take();
    assert!(end(ALICE, at_desk.id).await);
    assert_eq!(op.recorder.take(), [(What::SignedOut, None)]);
    assert!(!end(ALICE, at_desk.id).await, "it has ended");
    is_signed_out(&desk.authorize(&silent()).await);
    assert_eq!(phone.accounts().await, [BOB, ALICE]);

    assert_eq!(op.provider.end_sessions_of(&subject(ALICE)).await.unwrap(), 1);
    assert_eq!(phone.accounts().await, [BOB]);
}

/// Threat SE-05: whatever ends a session ends it for good; a cookie that was kept opens nothing.
#[tokio::test]
async fn se_05_an_old_cookie_opens_nothing() {
    for way in 0..6 {
        let mut setup = Setup::new();
        setup.config.lifetimes.session = Duration::hours(2);
        setup.config.lifetimes.session_idle = Duration::hours(1);
        let op = setup.build();
        let mut browser = Browser::new(&op);
        browser.code(&Op::request(), ALICE).await;
        let mut jar = browser.clone();
        jar.authorize(&silent()).await.parameter("code");
        match way {
            0 => browser.sign_out().await,
            1 => {
                let sessions = op.provider.sessions(&subject(ALICE), None, 9).await.unwrap();
                op.provider.end_session_of(&subject(ALICE), sessions.sessions[0].id).await.unwrap();
            }
            2 => op.wait(3600),
            3 => {
                for _ in 0..2 {
                    op.wait(2400);
                    jar.authorize(&silent()).await.parameter("code");
                }
                op.wait(2400);
            }
            4 => {
                let changed = SubjectChange::Credentials;
                op.provider.subject_changed(&subject(ALICE), changed).await.unwrap();
            }
            _ => op.host.disable(ALICE),
        }
        is_signed_out(&jar.authorize(&silent()).await);
        assert_eq!(jar.who().await, None, "{way}");
    }
}

/// A session idles while it is not used, a use puts that off, and nothing puts off its own end.
#[tokio::test]
async fn a_use_puts_the_idle_end_off() {
    let mut setup = Setup::new();
    setup.config.lifetimes.session = Duration::hours(3);
    setup.config.lifetimes.session_idle = Duration::hours(1);
    let op = setup.build();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    for _ in 0..3 {
        op.wait(3000);
        browser.authorize(&silent()).await.parameter("code");
    }
    op.wait(3 * 3600 - 3 * 3000 - 1);
    browser.authorize(&silent()).await.parameter("code");
    op.wait(1);
    is_signed_out(&browser.authorize(&silent()).await);
}

/// A client is in the ledger before its code leaves, and costs one write, not one each time.
#[tokio::test]
async fn a_client_is_entered_once() {
    let mut setup = Setup::new();
    let store = FaultyStore::new(MemoryStore::with_clock(setup.clock.clone()));
    setup.store = Arc::new(store.clone());
    let op = setup.build();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    let writes = || store.calls().put;
    let before = writes();
    browser.authorize(&silent()).await.parameter("code");
    assert_eq!(writes() - before, 1, "the grant alone");
    op.wait(3600);
    let before = writes();
    browser.authorize(&silent()).await.parameter("code");
    assert_eq!(writes() - before, 2, "it idles from now on");
}
