//! A host with sessions of its own (`authorize_as`), and the provider's sessions from the outside.

use oidc_op::{Agreement, Login, Need, Reason, Request, Subject, Timestamp, Verdict};

use crate::support::{ALICE, Answer, BOB, Browser, Op, claims, form};

fn login(who: &str) -> Login {
    Login::new(Subject::new(who).unwrap())
}

async fn authorize_as(op: &Op, request: &[(&str, &str)], login: Option<Login>) -> Answer {
    let query = form(request);
    let request = Request::new("GET", "/authorize").query(&query);
    op.provider.authorize_as(request, login).await.into()
}

/// The host says who is signed in; the provider keeps no session.
#[tokio::test]
async fn the_host_vouches() {
    let op = Op::new();
    let mut host_login = login(ALICE);
    host_login.time = Some(Timestamp::from_unix(1_799_999_000));
    host_login.amr = vec!["pwd".into(), "otp".into()];
    let request = Op::request_with(&[
        ("client_id", "first-party"),
        ("redirect_uri", "https://first.example/cb"),
    ]);
    let code = authorize_as(&op, &request, Some(host_login)).await.parameter("code");
    let redemption = Op::redemption(&code)
        .map(|(n, v)| if n == "redirect_uri" { (n, "https://first.example/cb") } else { (n, v) });
    let answer = op.token("first-party", "first-party", &redemption).await;
    let id = claims(&answer.member("id_token"));
    assert_eq!(id["auth_time"], 1_799_999_000);
    assert_eq!(id["amr"], serde_json::json!(["pwd", "otp"]));
    assert_eq!(id.get("sid"), None, "there is no session of the provider's");
}

/// Pages work the same, and the host says at each step who is signed in: the page's token does not.
#[tokio::test]
async fn pages_of_a_hosted_request() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = authorize_as(&op, &Op::request(), None).await;
    assert_eq!(answer.page().need, Need::Login);
    browser.keep(&answer);
    let token = answer.page().token.clone();
    let answer = browser.submit_as(&token, Verdict::Login(login(ALICE)), None).await;
    assert_eq!(answer.page().need, Need::Consent);
    assert_eq!(browser.cookies.len(), 1, "the browser's cookie, and none of a session");
    let (token, scope) = (answer.page().token.clone(), answer.page().scope.clone());
    let mut agreement = Agreement::new(scope);
    agreement.remember = true;
    let consent = || Verdict::Consent(agreement.clone());

    for (who, need) in [(None, Need::Login), (Some(login(BOB)), Need::Consent)] {
        let answer = browser.submit_as(&token, consent(), who).await;
        assert_eq!(answer.page().need, need, "alice's page is nobody else's");
    }
    assert_eq!(browser.open_as(&token, None).await.page().need, Need::Login);
    let code = browser.submit_as(&token, consent(), Some(login(ALICE))).await.parameter("code");
    assert_eq!(browser.open_as(&token, Some(login(ALICE))).await.parameter("code"), code);
    assert_eq!(op.redeem(&code).await.status(), 200);
}

/// `prompt=none` and `max_age` judge the host's word like a session.
#[tokio::test]
async fn rules_hold_for_the_hosts_word() {
    let op = Op::new();
    let quiet = [
        ("prompt", "none"),
        ("client_id", "first-party"),
        ("redirect_uri", "https://first.example/cb"),
    ];
    let answer = authorize_as(&op, &Op::request_with(&quiet), None).await;
    assert_eq!(answer.parameter("error"), "login_required");
    let mut old = login(ALICE);
    old.time = Some(Timestamp::from_unix(1_799_999_000));
    let aged = [&quiet[..], &[("max_age", "999")]].concat();
    let answer = authorize_as(&op, &Op::request_with(&aged), Some(old.clone())).await;
    assert_eq!(answer.parameter("error"), "login_required");
    let aged = [&quiet[..], &[("max_age", "1000")]].concat();
    authorize_as(&op, &Op::request_with(&aged), Some(old)).await.parameter("code");
    op.host.disable(BOB);
    let answer = authorize_as(&op, &Op::request_with(&quiet), Some(login(BOB))).await;
    assert_eq!(answer.parameter("error"), "login_required");
}

/// `session`, `sign_in`, `sign_out`: the provider's own sessions, outside of any client's request.
#[tokio::test]
async fn sessions_from_the_outside() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    assert_eq!(browser.who().await, None);
    browser.sign_in(ALICE).await;
    assert_eq!(browser.who().await.as_deref(), Some(ALICE));
    let old = browser.clone();

    // signing in again changes the secret and keeps the session; somebody else begins another one
    browser.sign_in(ALICE).await;
    assert_eq!(old.who().await, None, "the old cookie is worth nothing");
    assert_eq!(browser.who().await.as_deref(), Some(ALICE));
    let alice = browser.clone();
    browser.sign_in(BOB).await;
    assert_eq!(alice.who().await.as_deref(), Some(ALICE));
    assert_eq!(browser.accounts().await, [BOB, ALICE]);
    browser.sign_in(ALICE).await;
    assert_eq!(browser.accounts().await, [ALICE, BOB]);

    let signed_in = browser.clone();
    browser.sign_out().await;
    assert_eq!((browser.who().await, signed_in.who().await), (None, None), "SE-05");

    browser.sign_in(BOB).await;
    op.wait(8 * 3600 - 1);
    assert_eq!(browser.who().await.as_deref(), Some(BOB));
    op.wait(1);
    assert_eq!(browser.who().await, None, "it idles no longer");
    browser.sign_in(BOB).await;
    op.wait(1);
    op.provider.revoke_all(&Subject::new(BOB).unwrap()).await.unwrap();
    assert_eq!(browser.who().await, None);
    let answer = browser.authorize(&Op::request_with(&[("prompt", "none")])).await;
    assert_eq!(answer.parameter("error"), "login_required");
    assert_eq!(Reason::NotSignedIn.error().as_str(), "login_required");
}
