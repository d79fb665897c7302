//! Browser sessions: several accounts at one browser, how long they live, which clients know of them,
//! and that their end is the server's.

use std::sync::Arc;

use oidc_op::{
    ClientId, Duration, Login, Need, Outcome, Reason, Request, SessionId, Subject, SubjectChange,
    Verdict, What,
    store::{Fault, FaultyStore, MemoryStore, Operation},
};

use crate::support::{
    ALICE, Answer, Ask, BOB, Browser, Op, Setup,
    races::{Step, in_step, interleave, shuffled, waits},
};

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

/// A login that is accepted for somebody whose account is not active: it is still they who must sign in,
/// whoever else is here and has agreed.
#[tokio::test]
async fn a_login_in_vain_is_nobody_elses() {
    for request in [Op::request(), Op::request_with(&[("prompt", "login")])] {
        let op = Op::new();
        Browser::new(&op).code(&Op::request(), BOB).await;
        let mut browser = Browser::new(&op);
        let page = browser.authorize(&request).await.page().token.clone();
        browser.sign_in(BOB).await;
        op.host.disable(ALICE);
        let answer = browser.login(&page, ALICE).await;
        assert_eq!((answer.page().need, &answer.page().subject), (Need::Login, &None));
        let page = answer.page().token.clone();
        assert_eq!(browser.open(&page).await.page().need, Need::Login, "a reload");
        assert_eq!(browser.accounts().await, [BOB]);
        let answer = browser.login(&page, BOB).await;
        assert_eq!(subject_of(&op, &answer).await, BOB, "once he has said so");
    }
}

/// A page was about somebody whose session has ended since: its form is nobody else's yes, and they are the
/// one who is asked to sign in.
#[tokio::test]
async fn a_page_of_an_ended_session_is_nobody_elses() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), BOB).await;
    browser.sign_in(ALICE).await;
    let answer = browser.authorize(&Op::request()).await;
    let page = answer.page();
    assert_eq!((page.need, &page.subject), (Need::Consent, &Some(subject(ALICE))));
    assert_eq!(op.provider.end_sessions_of(&subject(ALICE)).await.unwrap(), 1);
    let answer = browser.agree_to_all(page).await;
    assert_eq!(answer.page().need, Need::Login, "no code for Bob");
    let pages = [page.token.clone(), answer.page().token.clone()];
    for page in &pages {
        let answer = browser.open(page).await;
        assert_eq!((answer.page().need, &answer.page().subject), (Need::Login, &None));
    }
    let consents = op.provider.consents(&subject(ALICE), None, 9).await.unwrap();
    assert!(consents.consents.is_empty(), "and none of hers");

    // in another tab Alice signs in, and Bob after her: it is still about her
    browser.sign_in(ALICE).await;
    browser.sign_in(BOB).await;
    for page in &pages {
        let answer = browser.open(page).await;
        let page = answer.page();
        assert_eq!((page.need, &page.subject), (Need::Consent, &Some(subject(ALICE))));
    }
    let answer = browser.open(&pages[1]).await;
    let answer = browser.agree_to_all(answer.page()).await;
    assert_eq!(subject_of(&op, &answer).await, ALICE);
}

/// Somebody who is in the list and whose sessions count no more is asked to sign in, and nobody else is.
#[tokio::test]
async fn a_revoked_account_signs_in_when_chosen() {
    let op = Op::new();
    let mut browser = both(&op).await;
    let answer = browser.authorize(&Op::request_with(&[("prompt", "select_account")])).await;
    assert_eq!(answer.page().accounts, [subject(BOB), subject(ALICE)]);
    op.provider.revoke_all(&subject(ALICE)).await.unwrap();
    op.wait(1);
    let page = answer.page().token.clone();
    let answer = browser.submit(&page, Verdict::SelectAccount(subject(ALICE))).await;
    let page = answer.page();
    assert_eq!((page.need, &page.subject), (Need::Login, &None));
    assert_eq!(browser.open(&page.token).await.page().need, Need::Login, "a reload");
    let answer = browser.login(&page.token, ALICE).await;
    let answer = browser.follow(answer, ALICE).await;
    assert_eq!(subject_of(&op, &answer).await, ALICE);
    assert_eq!(browser.accounts().await, [ALICE, BOB]);
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
    assert_eq!(at_desk.clients, [ClientId::new("conf-basic").unwrap()]);
    assert_eq!(at_desk.authentication.amr, ["pwd"].map(Box::<str>::from));
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
            0 => drop(browser.sign_out().await),
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

/// What the frame works out (Session Management §3.2), by the cookie that it reads.
fn session_state(browser: &Browser, client: &str, origin: &str, salt: &str) -> String {
    let state = browser.cookies.get("__Host-op_state").cloned().unwrap_or_default();
    let text = format!("{client} {origin} {state} {salt}");
    let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    format!("{}.{salt}", crate::support::keys::b64(hash.as_ref()))
}

fn managed() -> Op {
    let mut setup = Setup::new();
    setup.config.policy.session_management = true;
    setup.build()
}

/// Session Management §2: every answer says who is signed in, as the frame finds it in the cookie; with the
/// browser's own hash for each client, and another one after each sign-in and sign-out; what
/// `oidcc-session-management-rp-initiated-logout` looks at, of which a browser does the rest (`session_frame`).
#[tokio::test]
async fn session_state_follows_the_cookie() {
    let op = managed();
    let mut browser = Browser::new(&op);
    let mut seen = Vec::new();
    for step in 0..4 {
        let answer = match step {
            0 => browser.authorize(&silent()).await,
            1 => {
                let answer = browser.authorize(&Op::request()).await;
                browser.follow(answer, ALICE).await
            }
            2 => {
                let answer = browser.authorize(&Op::request_with(&[("prompt", "login")])).await;
                browser.follow(answer, BOB).await
            }
            _ => {
                browser.sign_out().await;
                browser.authorize(&silent()).await
            }
        };
        let (_, parameters) = answer.redirect();
        assert_eq!(parameters.contains_key("error"), step % 3 == 0, "{step}");
        let told = &parameters["session_state"];
        assert!(!told.contains(' '));
        let (_, salt) = told.rsplit_once('.').unwrap();
        assert_eq!(
            *told,
            session_state(&browser, "conf-basic", "https://client.example", salt),
            "{step}"
        );
        seen.push(browser.cookies.get("__Host-op_state").cloned());
    }
    assert_eq!((&seen[0], &seen[3]), (&None, &None), "nobody is signed in");
    assert!(seen[1].is_some() && seen[2].is_some() && seen[1] != seen[2]);

    // asked twice, it has another salt
    let first = browser.authorize(&silent()).await.parameter("session_state");
    assert_ne!(browser.authorize(&silent()).await.parameter("session_state"), first);
}

/// A session that has ended elsewhere: the next answer brings the browser's cookie in line.
#[tokio::test]
async fn session_state_learns_of_an_end_elsewhere() {
    let op = managed();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    op.provider.end_sessions_of(&subject(ALICE)).await.unwrap();
    assert!(browser.cookies.contains_key("__Host-op_state"));
    let answer = browser.authorize(&silent()).await;
    is_signed_out(&answer);
    assert!(!browser.cookies.contains_key("__Host-op_state"));
}

/// In a frame at another site the browser keeps the session's cookie to itself, and sends the other one:
/// nobody is signed in there, which is no news for the frame.
#[tokio::test]
async fn session_state_is_not_forgotten_in_frames() {
    let op = managed();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    let mut framed = browser.clone();
    framed.cookies.retain(|name, _| name == "__Host-op_state");
    assert_eq!(framed.cookies.len(), 1);
    let answer = framed.authorize(&silent()).await;
    is_signed_out(&answer);
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(framed.cookies["__Host-op_state"], browser.cookies["__Host-op_state"]);
    browser.authorize(&silent()).await.parameter("code");
}

/// Only who asks for a sign-in with OpenID Connect is told, and only if the policy says so.
#[tokio::test]
async fn session_state_is_for_openid() {
    let (op, without) = (managed(), Op::new());
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    let oauth = Op::request_with(&[("scope", "email")]);
    let answer = browser.authorize(&oauth).await;
    let (_, parameters) = browser.follow(answer, ALICE).await.redirect();
    assert!(!parameters.contains_key("session_state"));

    let mut browser = Browser::new(&without);
    let answer = browser.authorize(&Op::request()).await;
    let (_, parameters) = browser.follow(answer, ALICE).await.redirect();
    assert!(!parameters.contains_key("session_state"));
    assert!(!browser.cookies.contains_key("__Host-op_state"));
    assert!(matches!(
        without.provider.dispatch(Request::new("GET", "/check_session")).await,
        Outcome::Elsewhere
    ));
}

/// The frame may stand in pages of other sites, and can do nothing there but answer; it is the only page that
/// may (Session Management §3.2, threat UI-01; `oidcc-session-management-discovery-endpoint-verification`).
#[tokio::test]
async fn the_frame_answers_and_does_nothing_else() {
    let op = managed();
    let Outcome::Reply(metadata) =
        op.provider.dispatch(Request::new("GET", "/.well-known/openid-configuration")).await
    else {
        panic!("metadata")
    };
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.body).unwrap();
    assert_eq!(metadata["check_session_iframe"], "https://id.example/check_session");
    let Outcome::Reply(frame) = op.provider.dispatch(Request::new("GET", "/check_session")).await
    else {
        panic!("the frame")
    };
    assert_eq!(frame.status, 200);
    assert_eq!(frame.header("x-frame-options"), None);
    assert_eq!(frame.header("cache-control"), Some("public, max-age=3600"));
    assert_eq!(frame.header("set-cookie"), None);
    let policy = frame.header("content-security-policy").unwrap().to_owned();
    for part in ["default-src 'none'", "script-src 'sha256-", "form-action 'none'"] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("frame-ancestors") && !policy.contains("unsafe"));
    let page = String::from_utf8(frame.body).unwrap();
    assert!(page.contains("data-cookie=\"__Host-op_state\""));
    let script = page.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let hash = ring::digest::digest(&ring::digest::SHA256, script.as_bytes());
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash);
    assert!(policy.contains(&format!("script-src 'sha256-{hash}'")));
    assert!(page.len() < 8 * 1024, "{} bytes", page.len());
}

/// A session that ends while a request of it is under way: whoever comes first wins, and either the request
/// goes back to the login, or the ended session names the client and the code is dead.
#[tokio::test]
async fn an_end_and_a_request_at_once() {
    let (mut back, mut dead) = (0, 0);
    for nth in 1..12 {
        let setup = Setup::new();
        let store = FaultyStore::new(MemoryStore::with_clock(setup.clock.clone()));
        let op = Setup { store: Arc::new(store.clone()), ..setup }.build();
        let mut browser = Browser::new(&op);
        browser.code(&Op::request(), ALICE).await;
        let other = Ask::of("first-party", "code").with("redirect_uri", "https://first.example/cb");
        let sessions = op.provider.sessions(&subject(ALICE), None, 9).await.unwrap().sessions;
        // the request waits at each of its calls in turn, while the session ends
        store.reset();
        store.fail_nth(nth, Fault::Delay(50));
        let mut racing = browser.clone();
        let request = async { racing.authorize(&other.pairs()).await };
        let (answer, ended) = tokio::join!(request, async {
            tokio::task::yield_now().await;
            op.provider.end_session_of(&subject(ALICE), sessions[0].id).await.unwrap()
        });
        assert!(ended, "{nth}");
        if let Answer::Page(page) = &answer {
            assert_eq!(page.need, Need::Login, "{nth}");
            back += 1;
            continue;
        }
        let code = answer.parameter("code");
        let refused = op.exchange(&other, &code).await;
        assert_eq!(refused.error(), "invalid_grant", "{nth}");
        let reasons: Vec<_> = op.recorder.take().into_iter().filter_map(|(_, why)| why).collect();
        assert!(reasons.contains(&Reason::SessionEnded), "{nth}: {reasons:?}");
        dead += 1;
    }
    assert!(back > 0 && dead > 0, "{back} {dead}");
}

/// A login that somebody else's entry in the ledger has overtaken is written once more, to the same session:
/// one that was left behind would end without its clients being told.
#[tokio::test]
async fn a_login_and_an_entry_at_once() {
    let (op, store) = Setup::new().build_faulty();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    let answer = browser.authorize(&Op::request_with(&[("prompt", "login")])).await;
    let page = answer.page().token.clone();
    let other = Ask::of("first-party", "code").with("redirect_uri", "https://first.example/cb");
    let mut tab = browser.clone();
    store.reset();
    store.fail_nth_of(Operation::Put, 1, Fault::Delay(1));
    let code = {
        let mut login = Box::pin(browser.login(&page, ALICE));
        assert!(waits(login.as_mut()).await, "it is about to write the session");
        let entered = tab.authorize(&other.pairs()).await.parameter("code");
        [login.await.parameter("code"), entered]
    };
    assert_eq!(
        store.calls().put,
        5,
        "the session three times, one of them in vain, and two grants"
    );

    let sessions = op.provider.sessions(&subject(ALICE), None, 9).await.unwrap().sessions;
    let [session] = &sessions[..] else { panic!("{sessions:?}") };
    let known = ["conf-basic", "first-party"].map(|id| ClientId::new(id).unwrap());
    assert_eq!(session.clients, known);
    assert_eq!(browser.accounts().await, [ALICE]);
    assert_eq!(tab.accounts().await, [""; 0], "its secret is the old one");
    browser.sign_out().await;
    let left = op.provider.sessions(&subject(ALICE), None, 9).await.unwrap().sessions;
    assert_eq!(left, []);
    assert_eq!(op.redeem(&code[0]).await.error(), "invalid_grant");
    assert_eq!(op.exchange(&other, &code[1]).await.error(), "invalid_grant");
}

/// The same in orders that look random, and in step: one session whatever happens, and whoever got a code is
/// in its ledger.
#[tokio::test]
async fn logins_and_entries_at_once() {
    let (mut entered, mut late) = (0, 0);
    for seed in 0..40 {
        let (op, store) = Setup::new().build_faulty();
        let mut browser = Browser::new(&op);
        browser.code(&Op::request(), ALICE).await;
        let answer = browser.authorize(&Op::request_with(&[("prompt", "login")])).await;
        let page = answer.page().token.clone();
        let other = Ask::of("first-party", "code").with("redirect_uri", "https://first.example/cb");
        let (pairs, mut tab) = (other.pairs(), browser.clone());
        store.reset();
        store.fail_all(Fault::Delay(1));
        let racers: Vec<Step<'_, Answer>> =
            vec![Box::pin(browser.login(&page, ALICE)), Box::pin(tab.authorize(&pairs))];
        let answers = match seed {
            0 => interleave(racers, in_step()),
            _ => interleave(racers, shuffled(seed)),
        };
        store.reset();
        answers[0].parameter("code");
        let sessions = op.provider.sessions(&subject(ALICE), None, 9).await.unwrap().sessions;
        let [session] = &sessions[..] else { panic!("{seed}: {sessions:?}") };
        match &answers[1] {
            Answer::Page(page) => {
                assert_eq!(page.need, Need::Login, "{seed}");
                late += 1;
            }
            answer => {
                answer.parameter("code");
                let known = ["conf-basic", "first-party"].map(|id| ClientId::new(id).unwrap());
                assert_eq!(session.clients, known, "{seed}");
                entered += 1;
            }
        }
        assert_eq!(browser.accounts().await, [ALICE], "{seed}");
        browser.sign_out().await;
        let left = op.provider.sessions(&subject(ALICE), None, 9).await.unwrap().sessions;
        assert_eq!(left, [], "{seed}");
    }
    assert!(entered > 0 && late > 0, "{entered} {late}");
}
