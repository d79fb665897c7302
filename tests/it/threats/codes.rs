//! CO: authorization codes.

use oidc_op::{ClientId, Subject, What};

use crate::support::{ALICE, Answer, Browser, Op, Setup, form};

#[tokio::test]
async fn co_01_replay_revokes() {
    let op = Op::new();
    let code = op.code().await;
    let token = op.redeem(&code).await.member("access_token");
    op.wait(30);
    assert_eq!(op.userinfo(&token).await.status(), 200);
    let replay = op.redeem(&code).await;
    assert_eq!((replay.status(), replay.error()), (400, "invalid_grant".into()));
    assert_eq!(op.userinfo(&token).await.status(), 401);
    let replays = op.recorder.take().into_iter().filter(|(what, _)| *what == What::CodeReplayed);
    assert_eq!(replays.count(), 1);
    assert_eq!(op.redeem(&code).await.error(), "invalid_grant", "and it stays so");
}

/// A replay that is not otherwise valid revokes nothing (OAuth 2.1 §7.5.2); one that comes after the
/// code's expiry still does.
#[tokio::test]
async fn co_01_only_a_valid_replay_revokes() {
    let op = Op::new();
    let code = op.code().await;
    let token = op.redeem(&code).await.member("access_token");
    let stolen = &Op::redemption(&code)[..3];
    assert_eq!(op.token("conf-basic", "conf-basic", stolen).await.error(), "invalid_grant");
    assert_eq!(
        op.token("clientB", "clientB", &Op::redemption(&code)).await.error(),
        "invalid_grant"
    );
    assert_eq!(op.userinfo(&token).await.status(), 200, "nothing happened");
    op.wait(120);
    assert_eq!(op.redeem(&code).await.error(), "invalid_grant");
    assert_eq!(op.userinfo(&token).await.status(), 401);
}

#[tokio::test]
async fn co_04_a_code_belongs_to_its_client() {
    let op = Op::new();
    let code = op.code().await;
    let redemption = Op::redemption(&code);
    let with = |extra: &[(&'static str, &'static str)]| form(&[&redemption[..], extra].concat());

    let same_uri = op.token("clientB", "clientB", &redemption).await;
    assert_eq!((same_uri.status(), same_uri.error()), (400, "invalid_grant".into()));
    for (body, status, error) in [
        (with(&[("client_id", "public-web")]), 400, "invalid_grant"),
        (with(&[("client_id", "conf-basic")]), 401, "invalid_client"),
        (with(&[("client_id", "conf-basic"), ("client_secret", "clientB")]), 401, "invalid_client"),
        (
            with(&[("client_id", "conf-basic"), ("client_secret", "conf-basic")]),
            401,
            "invalid_client",
        ),
        (with(&[]), 401, "invalid_client"),
    ] {
        let answer = op.post("/token", &body, &[]).await;
        assert_eq!((answer.status(), answer.error()), (status, error.into()), "{body}");
    }
    let mixed = [&redemption[..], &[("client_id", "conf-basic")]].concat();
    assert_eq!(op.token("clientB", "clientB", &mixed).await.error(), "invalid_request");
    assert_eq!(op.redeem(&code).await.status(), 200, "its own client still can");
}

#[tokio::test]
async fn co_07_expiry() {
    let op = Op::new();
    for (seconds, status) in [(59, 200), (60, 400), (61, 400)] {
        let code = op.code().await;
        op.wait(seconds);
        assert_eq!(op.redeem(&code).await.status(), status, "after {seconds} s");
    }
}

/// Whatever a grant stands on, it falls with it.
#[tokio::test]
async fn co_08_state_changes_between_issue_and_redemption() {
    let alice = Subject::new(ALICE).unwrap();
    let op = Op::new();

    let code = op.code().await;
    op.provider.withdraw_consent(&alice, &ClientId::new("conf-basic").unwrap()).await.unwrap();
    assert_eq!(op.redeem(&code).await.error(), "invalid_grant", "consent withdrawn");
    let again = op.code().await;
    assert_eq!(op.redeem(&again).await.status(), 200, "a new consent begins anew");
    assert_eq!(op.redeem(&code).await.error(), "invalid_grant", "and revives nothing");

    op.wait(1);
    let code = op.code().await;
    op.provider.revoke_all(&alice).await.unwrap();
    assert_eq!(op.redeem(&code).await.error(), "invalid_grant", "password reset");
    let code = op.code().await;
    assert_eq!(op.redeem(&code).await.status(), 200, "a new sign-in begins anew");

    let mut browser = Browser::new(&op);
    let code = browser.code(&Op::request(), ALICE).await;
    browser.sign_out().await;
    assert_eq!(op.redeem(&code).await.error(), "invalid_grant", "session ended");

    let code = op.code().await;
    op.host.disable(ALICE);
    assert_eq!(op.redeem(&code).await.error(), "invalid_grant", "account disabled");

    let setup = Setup::new();
    let (store, clock, host) = (setup.store.clone(), setup.clock.clone(), setup.host.clone());
    let code = setup.build().code().await;
    let changed = |change: fn(&mut oidc_op::Client)| {
        let mut setup = Setup {
            store: store.clone(),
            clock: clock.clone(),
            host: host.clone(),
            ..Setup::new()
        };
        setup.clients.iter_mut().for_each(change);
        setup.build()
    };
    let answer = changed(|client| client.enabled = false).redeem(&code).await;
    assert_eq!(
        (answer.status(), answer.error()),
        (401, "invalid_client".into()),
        "client disabled"
    );
    let answer = changed(|client| client.epoch += 1).redeem(&code).await;
    assert_eq!(answer.error(), "invalid_grant", "the client's grants were ended");
    assert_eq!(changed(|_| ()).redeem(&code).await.status(), 200, "refusals burn nothing");
}

/// An access token that has expired is refused, however long its grant is kept.
#[tokio::test]
async fn co_07_access_tokens_expire() {
    let mut setup = Setup::new();
    setup.config.lifetimes.access_token = oidc_op::Duration::seconds(60);
    let op = setup.build();
    let answer = op.redeem(&op.code().await).await;
    assert_eq!(answer.json()["expires_in"], 60);
    let token = answer.member("access_token");
    for (wait, status) in [(59, 200), (1, 401)] {
        op.wait(wait);
        assert_eq!(op.userinfo(&token).await.status(), status);
    }
    assert_eq!(op.userinfo(&token).await.error(), "invalid_token");
}

/// The same at UserInfo: an access token falls with the account and the subject's standing.
#[tokio::test]
async fn co_08_at_userinfo() {
    let op = Op::new();
    let token = op.redeem(&op.code().await).await.member("access_token");
    assert_eq!(op.userinfo(&token).await.status(), 200);
    op.host.disable(ALICE);
    assert_eq!(op.userinfo(&token).await.status(), 401);
    let op = Op::new();
    let token = op.redeem(&op.code().await).await.member("access_token");
    op.wait(1);
    op.provider.revoke_all(&Subject::new(ALICE).unwrap()).await.unwrap();
    assert_eq!(op.userinfo(&token).await.status(), 401);
}

#[tokio::test]
async fn co_09_nothing_leaks_through_headers() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let redirect = browser.follow(answer, ALICE).await;
    let form = browser.authorize(&Op::request_with(&[("response_mode", "form_post")])).await;
    let error = browser.authorize(&Op::request_with(&[("redirect_uri", "")])).await;
    let refused = browser.authorize(&Op::request_with(&[("scope", "")])).await;
    for answer in [&redirect, &form, &error, &refused] {
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let Answer::Reply(reply) = answer else { unreachable!() };
        let html = String::from_utf8_lossy(&reply.body);
        assert!(!html.contains("src=") && !html.contains("href="), "nothing of others is loaded");
    }
}
