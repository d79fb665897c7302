//! Interactions: resumable, bound to the browser, safe for the back button, reload, tabs and a form
//! sent twice.

use oidc_op::{Login, Need, Reason, Scope, Secret, Secrets, Subject, Verdict};

use crate::support::{ALICE, BOB, Browser, Op, Setup, claims, form};

/// The same form twice: the same code comes back, until it has been redeemed.
#[tokio::test]
async fn a_form_sent_twice_gives_the_same_code() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let login = answer.page().token.clone();

    let first = browser.clone().login(&login, ALICE).await;
    let again = browser.login(&login, ALICE).await;
    assert_eq!((first.page().need, again.page().need), (Need::Consent, Need::Consent));

    let (consent, scope) = (again.page().token.clone(), again.page().scope.clone());
    let code = browser.clone().agree(&consent, &scope, true).await.parameter("code");
    assert_eq!(browser.clone().agree(&consent, &scope, true).await.parameter("code"), code);
    assert_eq!(
        browser.login(&login, ALICE).await.parameter("code"),
        code,
        "back to the first form"
    );
    assert_eq!(browser.open(&login).await.parameter("code"), code, "back to the first page");
    assert_eq!(browser.open(&consent).await.parameter("code"), code);

    assert_eq!(op.redeem(&code).await.status(), 200);
    for token in [&login, &consent] {
        browser.open(token).await.is_page_error(Reason::InteractionFinished);
    }
    let userinfo = op.redeem(&code).await;
    assert_eq!(userinfo.error(), "invalid_grant", "the pages did not touch the code");
}

/// Somebody else at the same browser does not get the first one's code.
#[tokio::test]
async fn another_person_does_not_get_the_code() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let login = answer.page().token.clone();
    let answer = browser.login(&login, ALICE).await;
    browser.follow(answer, ALICE).await.parameter("code");
    let answer = browser.login(&login, BOB).await;
    browser.follow(answer, BOB).await.is_page_error(Reason::InteractionFinished);
}

/// A consent form that was made for one person is no consent of another (P-08).
#[tokio::test]
async fn a_consent_form_belongs_to_whom_it_was_shown() {
    let mut setup = Setup::new();
    setup.config.limits.accounts = 1;
    let op = setup.build();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    let for_alice = answer.page().token.clone();
    let other_tab = browser.authorize(&Op::request_with(&[("prompt", "login")])).await;
    browser.login(&other_tab.page().token.clone(), BOB).await;

    let answer =
        browser.agree(&for_alice, &Scope::parse("openid profile email").unwrap(), true).await;
    assert_eq!((answer.page().need, answer.page().subject.as_ref()), (Need::Login, None));
    // and when they have signed in, bob is asked himself
    let answer = browser.login(&answer.page().token.clone(), BOB).await;
    assert_eq!(answer.page().need, Need::Consent);
    assert_eq!(answer.page().subject.as_ref().unwrap().as_str(), BOB);
}

/// Two tabs, two clients: signing in in one serves the other.
#[tokio::test]
async fn two_tabs() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let one = browser.authorize(&Op::request()).await;
    let request = Op::request_with(&[
        ("client_id", "first-party"),
        ("redirect_uri", "https://first.example/cb"),
        ("state", "two"),
    ]);
    let two = browser.authorize(&request).await;
    let answer = browser.login(&one.page().token.clone(), ALICE).await;
    browser.follow(answer, ALICE).await.parameter("code");

    let (to, parameters) = browser.open(&two.page().token.clone()).await.redirect();
    assert_eq!(to, "https://first.example/cb");
    assert_eq!(parameters["state"], "two");
    assert!(parameters.contains_key("code"));
}

/// The error says which is the case: cookie missing, cookie wrong, damaged, expired, finished.
#[tokio::test]
async fn errors_say_which_is_the_case() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let token = answer.page().token.clone();

    Browser::new(&op).login(&token, ALICE).await.is_page_error(Reason::BrowserCookieMissing);
    let mut other = Browser::new(&op);
    other.authorize(&Op::request()).await;
    other.login(&token, ALICE).await.is_page_error(Reason::BrowserCookieWrong);
    other.open(&token).await.is_page_error(Reason::BrowserCookieWrong);
    for wrong in ["", "x", &token[1..], &format!("{token}AAAA"), &token.replace('A', "B")] {
        browser.login(wrong, ALICE).await.is_page_error(Reason::InteractionInvalid);
    }
    op.wait(3600);
    browser.login(&token, ALICE).await.is_page_error(Reason::InteractionExpired);
}

/// UI-02: a form of another site is refused, whatever cookies came along.
#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let token = answer.page().token.clone();
    for (header, value, refused) in [
        ("origin", "https://evil.example", true),
        ("origin", "http://id.example", true),
        ("origin", "https://id.example:8443", true),
        ("sec-fetch-site", "cross-site", true),
        ("sec-fetch-site", "same-site", true),
        ("sec-fetch-site", "same-origin", false),
        ("origin", "null", false),
        ("origin", "https://id.example", false),
    ] {
        let verdict = Verdict::Login(Login::new(Subject::new(ALICE).unwrap()));
        let answer = browser.clone().submit_with(&token, verdict, &[(header, value)]).await;
        if refused {
            answer.is_page_error(Reason::CrossOrigin);
        } else {
            assert_eq!(answer.page().need, Need::Consent, "{header}: {value}");
        }
    }
}

/// A POST from the client's site comes without Lax cookies: it comes back by GET, with them.
#[tokio::test]
async fn a_cross_site_post_comes_back_by_get() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;

    let body = form(&Op::request());
    let answer = browser.call("POST", "", &[], &body, Some(false)).await;
    let location = answer.header("location").unwrap();
    let query = location.strip_prefix("https://id.example/authorize?").unwrap().to_owned();
    assert!(!query.contains("client.example"), "nothing of the request is in the address");
    let answer = browser.call("GET", &query, &[], "", None).await;
    assert!(!answer.parameter("code").is_empty(), "nobody is asked");

    // with cookies it goes on at once; a page keeps the request as well
    assert!(!browser.authorize_by_post("", &body).await.parameter("code").is_empty());
    let mut stranger = Browser::new(&op);
    let answer = stranger.call("GET", &query, &[], "", None).await;
    assert!(!stranger.follow(answer, BOB).await.parameter("code").is_empty());
}

/// A request too large for an address is stored, sealed, and goes on like any other.
#[tokio::test]
async fn large_requests_go_on() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let state = "s".repeat(8_000);
    let request = Op::request_with(&[("state", &state)]);
    let answer = browser.authorize(&request).await;
    assert_eq!(answer.page().token.len(), 64);
    let answer = browser.follow(answer, ALICE).await;
    assert_eq!(answer.parameter("state"), state);
}

/// Token secrets rotate in the middle: what was begun under the old one is finished, twice alike.
#[tokio::test]
async fn secrets_rotate_in_the_middle() {
    let with = |setup: Setup, tokens: &[u8]| {
        let mut secrets = Secrets::default();
        secrets.token = tokens.iter().map(|b| Secret::new([*b; 32]).unwrap()).collect();
        Setup { secrets, ..setup }.build()
    };
    let setup = Setup::new();
    let (store, clock, host) = (setup.store.clone(), setup.clock.clone(), setup.host.clone());
    let on_same = || Setup {
        store: store.clone(),
        clock: clock.clone(),
        host: host.clone(),
        seed: 2,
        ..Setup::new()
    };
    let before = with(setup, &[1]);
    let between = with(on_same(), &[2, 1]);
    let after = with(on_same(), &[2]);

    let mut old = Browser::new(&before);
    let answer = old.authorize(&Op::request()).await;
    let login = answer.page().token.clone();
    let mut new = Browser::new(&between);
    new.cookies = old.cookies.clone();
    let answer = new.login(&login, ALICE).await;
    let (consent, scope) = (answer.page().token.clone(), answer.page().scope.clone());
    let code = new.agree(&consent, &scope, true).await.parameter("code");
    assert_eq!(new.clone().agree(&consent, &scope, true).await.parameter("code"), code);

    // codes need no secret; opaque access tokens die with theirs, which drops nobody's session
    let mut third = Browser::new(&before);
    third.cookies = new.cookies.clone();
    let request = Op::request_with(&[("nonce", "other")]);
    let other = third.authorize(&request).await.parameter("code");
    let access_token = before.redeem(&other).await.member("access_token");
    assert_eq!(between.userinfo(&access_token).await.status(), 200);
    assert_eq!(after.userinfo(&access_token).await.status(), 401);
    let answer = after.redeem(&code).await;
    assert_eq!(claims(&answer.member("id_token"))["sub"], ALICE);
    assert_eq!(after.userinfo(&answer.member("access_token")).await.status(), 200);

    let mut last = Browser::new(&after);
    last.cookies = new.cookies.clone();
    assert!(!last.authorize(&Op::request()).await.parameter("code").is_empty(), "still signed in");
    last.open(&login).await.is_page_error(Reason::InteractionInvalid);
}

/// A spent code never comes back to life: its grant outlives every page that could make it again.
#[tokio::test]
async fn a_purge_revives_no_code() {
    let mut setup = Setup::new();
    setup.config.lifetimes.interaction = oidc_op::Duration::hours(12);
    let op = setup.build();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let login = answer.page().token.clone();
    let answer = browser.login(&login, ALICE).await;
    let code = browser.follow(answer, ALICE).await.parameter("code");
    assert_eq!(op.redeem(&code).await.status(), 200);
    op.wait(6 * 3600);
    op.provider.work(1_000).await.unwrap();
    let answer = browser.login(&login, ALICE).await;
    browser.follow(answer, ALICE).await.is_page_error(Reason::InteractionFinished);
    assert_eq!(op.redeem(&code).await.error(), "invalid_grant");
}

/// OIDC Core §3.1.2.1: `auth_time` is that of the login that satisfied `max_age`, even if it is the
/// second one within the same sign-in.
#[tokio::test]
async fn a_second_login_within_a_sign_in_counts() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request_with(&[("max_age", "60")])).await;
    let first = answer.page().token.clone();
    browser.login(&first, ALICE).await;
    op.wait(3_000);
    let answer = browser.login(&first, ALICE).await;
    let code = browser.follow(answer, ALICE).await.parameter("code");
    let id = claims(&op.redeem(&code).await.member("id_token"));
    assert_eq!(id["auth_time"], id["iat"]);
}

/// A session that ended while its sign-in went on is replaced by a new login, not asked for forever.
#[tokio::test]
async fn a_session_shorter_than_its_sign_in() {
    let mut setup = Setup::new();
    setup.config.lifetimes.session = oidc_op::Duration::minutes(30);
    let op = setup.build();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let first = answer.page().token.clone();
    let answer = browser.login(&first, ALICE).await;
    let (consent, scope) = (answer.page().token.clone(), answer.page().scope.clone());
    op.wait(35 * 60);
    let answer = browser.agree(&consent, &scope, true).await;
    assert_eq!(answer.page().need, Need::Login);
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    let code = browser.follow(answer, ALICE).await.parameter("code");
    assert_eq!(op.redeem(&code).await.status(), 200);
}

/// Going back and agreeing to less does not give the code of the wider agreement, nor one that has
/// expired.
#[tokio::test]
async fn another_answer_is_not_the_same_answer() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    let (consent, scope) = (answer.page().token.clone(), answer.page().scope.clone());
    browser.agree(&consent, &scope, false).await.parameter("code");
    let less = Scope::parse("openid email").unwrap();
    browser.agree(&consent, &less, false).await.is_page_error(Reason::InteractionFinished);
    op.wait(61);
    browser.agree(&consent, &scope, false).await.is_page_error(Reason::InteractionFinished);
}

/// A login form that is sent twice by somebody who has a session keeps it one session.
#[tokio::test]
async fn a_login_form_sent_twice_keeps_one_session() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    let answer = browser.authorize(&Op::request_with(&[("prompt", "login")])).await;
    let token = answer.page().token.clone();
    let mut second = browser.clone();
    browser.login(&token, ALICE).await.parameter("code");
    second.login(&token, ALICE).await.parameter("code");
    assert_eq!(browser.cookies, second.cookies);
}

/// What is unticked is not agreed to, remembered or not; and who agrees to nothing refuses.
#[tokio::test]
async fn consent_can_shrink() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    let again = Op::request_with(&[("prompt", "consent")]);
    let answer = browser.authorize(&again).await;
    let less = Scope::parse("openid profile").unwrap();
    browser.agree(&answer.page().token.clone(), &less, true).await.parameter("code");
    assert_eq!(browser.authorize(&Op::request()).await.page().need, Need::Consent);
    let only = Op::request_with(&[("scope", "openid profile")]);
    browser.authorize(&only).await.parameter("code");

    let nothing = Op::request_with(&[("scope", "email"), ("prompt", "consent")]);
    let answer = browser.authorize(&nothing).await;
    let answer = browser.agree(&answer.page().token.clone(), &Scope::default(), true).await;
    assert_eq!(answer.parameter("error"), "access_denied");
}
