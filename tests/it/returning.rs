//! Coming back to an interaction from another site, where the person has signed in.

use oidc_op::{
    Agreement, Clock, Duration, Login, Need, Reason, Scope, Subject, Verdict, test_util::Recorder,
};

use crate::support::{ALICE, BOB, Browser, Op, Setup, claims};

fn login(who: &str) -> Verdict {
    Verdict::Login(Login::new(Subject::new(who).unwrap()))
}

/// A sign-in that has begun, in a browser of its own.
async fn begun(op: &Op) -> (Browser, String) {
    let mut browser = Browser::new(op);
    let answer = browser.authorize(&Op::request()).await;
    let token = answer.page().token.clone();
    (browser, token)
}

/// What is signed in elsewhere counts as what is signed in here: consent is asked by a form, the code comes,
/// and the next request asks nothing.
#[tokio::test]
async fn a_redirect_signs_in() {
    let op = Op::new();
    let (mut browser, token) = begun(&op).await;
    let mut elsewhere = Login::new(Subject::new(ALICE).unwrap());
    elsewhere.time = Some(oidc_op::Timestamp::from_unix(1_799_999_900));
    elsewhere.amr = vec!["hwk".into()];
    let answer = browser.come_back(&token, Verdict::Login(elsewhere)).await;
    assert_eq!(
        (answer.page().need, &answer.page().subject),
        (Need::Consent, &Subject::new(ALICE).ok())
    );
    let code = browser.follow(answer, ALICE).await.parameter("code");
    let id = claims(&op.redeem(&code).await.member("id_token"));
    assert_eq!((&id["sub"], &id["auth_time"]), (&ALICE.into(), &1_799_999_900.into()));
    assert_eq!(id["amr"], serde_json::json!(["hwk"]));
    assert_eq!(browser.accounts().await, [ALICE]);
    assert!(!browser.authorize(&Op::request()).await.parameter("code").is_empty());
}

/// Coming back twice (reload, back button) gives the same session and the same code, until that is redeemed.
#[tokio::test]
async fn coming_back_twice_gives_the_same_code() {
    let op = Op::new();
    let (mut browser, token) = begun(&op).await;
    let mut second = browser.clone();
    let answer = browser.come_back(&token, login(ALICE)).await;
    let code = browser.follow(answer, ALICE).await.parameter("code");
    assert_eq!(browser.come_back(&token, login(ALICE)).await.parameter("code"), code);
    second.come_back(&token, login(ALICE)).await;
    assert_eq!(browser.cookies, second.cookies);

    assert_eq!(op.redeem(&code).await.status(), 200);
    browser.come_back(&token, login(ALICE)).await.is_page_error(Reason::InteractionFinished);
    let other = browser.come_back(&token, login(BOB)).await;
    browser.follow(other, BOB).await.is_page_error(Reason::InteractionFinished);
}

/// UI-02, login CSRF: nothing happens but in the browser that began.
#[tokio::test]
async fn only_the_browser_that_began_comes_back() {
    let op = Op::new();
    let (mut browser, token) = begun(&op).await;
    for verdict in [login(ALICE), Verdict::Cancel, Verdict::Unavailable] {
        let mut stranger = Browser::new(&op);
        let answer = stranger.come_back(&token, verdict.clone()).await;
        answer.is_page_error(Reason::BrowserCookieMissing);
        stranger.authorize(&Op::request()).await;
        let answer = stranger.come_back(&token, verdict).await;
        answer.is_page_error(Reason::BrowserCookieWrong);
        assert!(stranger.accounts().await.is_empty());
    }
    for wrong in ["", "x", &token[1..]] {
        let answer = browser.come_back(wrong, login(ALICE)).await;
        answer.is_page_error(Reason::InteractionInvalid);
    }
    assert_eq!(browser.open(&token).await.page().need, Need::Login, "nothing happened");
    op.wait(3600);
    browser.come_back(&token, login(ALICE)).await.is_page_error(Reason::InteractionExpired);
}

/// UI-02: by a link nobody agrees to anything and nobody chooses; and no form of another site is a redirect.
#[tokio::test]
async fn a_redirect_says_what_became_of_the_sign_in_alone() {
    let op = Op::new();
    let (mut browser, token) = begun(&op).await;
    let answer = browser.come_back(&token, login(ALICE)).await;
    let (consent, scope) = (answer.page().token.clone(), answer.page().scope.clone());
    let alice = Subject::new(ALICE).unwrap();
    let agreement = || Verdict::Consent(Agreement::new(scope.clone()));
    for verdict in [agreement(), Verdict::SelectAccount(alice)] {
        let answer = browser.come_back(&consent, verdict).await;
        answer.is_page_error(Reason::VerdictUnfit);
    }
    for verdict in [agreement(), login(BOB), Verdict::Cancel, Verdict::Unavailable] {
        for method in ["POST", "HEAD", "PUT"] {
            let answer = browser.come_back_by(method, &consent, verdict.clone()).await;
            answer.is_page_error(Reason::MethodNotAllowed);
        }
    }
    assert_eq!(browser.open(&consent).await.page().need, Need::Consent, "nothing happened");
    assert_eq!(browser.accounts().await, [ALICE]);
    let answer = browser.agree(&consent, &Scope::parse("openid").unwrap(), false).await;
    assert!(!answer.parameter("code").is_empty());
}

/// RFC 6749 §4.1.2.1: who cannot be signed in now goes back to the client with an error of its own, by the
/// redirect and by the page's form; nobody is signed in, and the sign-in may yet be finished.
#[tokio::test]
async fn nobody_can_be_signed_in_now() {
    let op = Op::new();
    let (mut browser, token) = begun(&op).await;
    let by_redirect = browser.come_back(&token, Verdict::Unavailable).await;
    let by_form = browser.submit(&token, Verdict::Unavailable).await;
    for answer in [by_redirect, by_form] {
        let (to, parameters) = answer.redirect();
        assert_eq!(to, "https://client.example/cb");
        assert_eq!(parameters["error"], "temporarily_unavailable");
        assert_eq!(parameters["state"], "af0ifjsldkj");
        assert_eq!(parameters["iss"], "https://id.example");
        assert!(!parameters.contains_key("code"));
    }
    assert_eq!(noted(&op.recorder, Reason::SignInUnavailable), 2);
    assert!(browser.accounts().await.is_empty());
    let refused = browser.come_back(&token, Verdict::Cancel).await;
    assert_eq!(refused.parameter("error"), "access_denied");
    let answer = browser.come_back(&token, login(ALICE)).await;
    assert_eq!(answer.page().need, Need::Consent);
}

/// The rules of the request hold: an account that is not active asks anew, another person than the client expects
/// ends there, and one who was asked to sign in again has done so.
#[tokio::test]
async fn the_rules_of_the_request_hold() {
    let op = Setup::new().build();
    op.host.disable(BOB);
    let (mut browser, token) = begun(&op).await;
    let answer = browser.come_back(&token, login(BOB)).await;
    assert_eq!((answer.page().need, &answer.page().subject), (Need::Login, &None));

    let code = browser.code(&Op::request(), ALICE).await;
    let hint = op.redeem(&code).await.member("id_token");
    let again = Op::request_with(&[("prompt", "login"), ("id_token_hint", &hint)]);
    let answer = browser.authorize(&again).await;
    let token = answer.page().token.clone();
    op.host.set(BOB, oidc_op::Account::active());
    let other = browser.clone().come_back(&token, login(BOB)).await;
    assert_eq!(other.parameter("error"), "login_required");
    assert!(!browser.come_back(&token, login(ALICE)).await.parameter("code").is_empty());
}

fn noted(recorder: &Recorder, reason: Reason) -> usize {
    recorder.take().iter().filter(|(_, why)| *why == Some(reason)).count()
}

/// OIDC Core §3.1.2.1: whoever has signed in elsewhere long ago has not done so anew for this client.
#[tokio::test]
async fn a_sign_in_elsewhere_is_as_fresh_as_the_client_asks() {
    const ANEW: Option<Duration> = Some(Duration::ZERO);
    let hundred = Some(Duration::seconds(100));
    for (asks, max_age, before, fresh) in [
        (("prompt", "login"), ANEW, Some(20), true),
        (("prompt", "login"), ANEW, Some(31), false),
        (("prompt", "login"), ANEW, None, true),
        (("max_age", "0"), ANEW, Some(31), false),
        (("max_age", "100"), hundred, Some(130), true),
        (("max_age", "100"), hundred, Some(131), false),
        (("max_age", "100"), hundred, None, true),
        (("state", "x"), None, Some(1_000_000), true),
    ] {
        let op = Op::new();
        let mut browser = Browser::new(&op);
        let answer = browser.authorize(&Op::request_with(&[asks])).await;
        let (token, begun) = (answer.page().token.clone(), op.clock.now());
        assert_eq!(answer.page().max_age, max_age, "{asks:?}");
        // They take their time there; what counts is what they found.
        op.wait(500);
        let mut login = Login::new(Subject::new(ALICE).unwrap());
        login.time = before.map(|seconds| begun - Duration::seconds(seconds));
        let answer = browser.come_back(&token, Verdict::Login(login)).await;
        if fresh {
            assert_eq!(answer.page().need, Need::Consent, "{asks:?} {before:?}");
        } else {
            assert_eq!(answer.parameter("error"), "login_required", "{asks:?} {before:?}");
            assert_eq!(noted(&op.recorder, Reason::LoginTooOld), 1);
            assert!(browser.accounts().await.is_empty());
        }
    }
}
