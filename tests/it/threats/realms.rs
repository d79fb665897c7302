//! Two issuers in one process: one store, one set of secrets, one set of keys, the same clients and the same names
//! of people. What the one has given out is nothing at the other one, which is asked by the very artefact.

use std::sync::Arc;

use oidc_op::{
    Issuer, Login, Need, Subject, Verdict,
    store::{MemoryStore, Store},
};
use serde_json::json;

use crate::support::{ALICE, Answer, Browser, Op, Setup};

const ADMINS: &str = "https://admins.example";

fn realms() -> (Op, Op) {
    let setup = Setup::full();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(setup.clock.clone()));
    let clock = setup.clock.clone();
    let people = Setup { store: Arc::clone(&store), ..setup }.build();
    let mut admins = Setup { store, clock, seed: 2, ..Setup::full() };
    admins.config.issuer = Issuer::new(ADMINS).unwrap();
    (people, admins.build())
}

/// Signs in at the other issuer, as somebody of the same name.
async fn sign_in_there(browser: &mut Browser, answer: Answer) -> Answer {
    let login = Verdict::Login(Login::new(Subject::new(ALICE).unwrap()));
    browser.submit_with(&answer.page().token, login, &[("origin", ADMINS)]).await
}

#[tokio::test]
async fn no_session_counts_at_another_issuer() {
    let (people, admins) = realms();
    let mut browser = Browser::new(&people);
    browser.sign_in(ALICE).await;
    let silent = Op::request_with(&[("prompt", "none")]);
    let answer = browser.authorize(&silent).await;
    assert_eq!(answer.parameter("error"), "consent_required", "signed in");

    // The cookies of the one, under the names of the other one, too.
    let own = browser.cookies.clone();
    let mut there = browser.clone().at(&admins);
    assert_eq!(there.authorize(&silent).await.parameter("error"), "login_required");
    let asked = there.authorize(&Op::request()).await;
    assert_eq!(asked.page().need, Need::Login);
    let named: Vec<_> = there.cookies.keys().filter(|name| !own.contains_key(*name)).collect();
    for name in named.into_iter().cloned().collect::<Vec<_>>() {
        for value in own.values() {
            let mut disguised = there.clone();
            disguised.cookies.insert(name.clone(), value.clone());
            let answer = disguised.authorize(&silent).await;
            assert_eq!(answer.parameter("error"), "login_required", "{name}");
        }
    }
    assert_eq!(browser.authorize(&silent).await.parameter("error"), "consent_required");
}

/// What somebody agreed to at one issuer is asked again at the other one; nor does the sign-out of one end the other.
#[tokio::test]
async fn no_consent_counts_at_another_issuer() {
    let (people, admins) = realms();
    let mut here = Browser::new(&people);
    here.code(&Op::request(), ALICE).await;
    // A browser keeps what is of another host apart.
    let mut there = Browser::new(&admins);
    let answer = there.authorize(&Op::request()).await;
    let answer = sign_in_there(&mut there, answer).await;
    assert_eq!(answer.page().need, Need::Consent);

    let silent = Op::request_with(&[("prompt", "none")]);
    assert!(!here.authorize(&silent).await.parameter("code").is_empty());
    here.sign_out().await;
    assert_eq!(here.authorize(&silent).await.parameter("error"), "login_required");
    assert_eq!(there.authorize(&silent).await.parameter("error"), "consent_required");
}

#[tokio::test]
async fn no_interaction_counts_at_another_issuer() {
    let (people, admins) = realms();
    let mut browser = Browser::new(&people);
    let begun = browser.authorize(&Op::request()).await;
    let token = begun.page().token.clone();
    let mut there = browser.clone().at(&admins);
    let opened = there.open(&token).await;
    assert!(opened.status() >= 400 && opened.header("location").is_none());
    let login = Verdict::Login(Login::new(Subject::new(ALICE).unwrap()));
    let taken = there.submit_with(&token, login, &[("origin", ADMINS)]).await;
    assert!(taken.status() >= 400 && taken.header("location").is_none());
    assert_eq!(browser.login(&token, ALICE).await.page().need, Need::Consent);
}

#[tokio::test]
async fn no_token_counts_at_another_issuer() {
    let (people, admins) = realms();
    let code = people.code().await;
    assert_eq!(admins.redeem(&code).await.error(), "invalid_grant");
    let tokens = people.redeem(&code).await;
    assert_eq!(tokens.status(), 200, "nobody has used it up");

    let access = tokens.member("access_token");
    assert_eq!(people.userinfo(&access).await.status(), 200);
    assert_eq!(admins.userinfo(&access).await.status(), 401);

    let held = people.tokens("refresh", ALICE).await;
    assert_eq!(admins.refresh("refresh", &held.refresh).await.error(), "invalid_grant");
    for token in [&held.access, &held.refresh] {
        assert_eq!(people.introspect("refresh", token).await.json()["active"], true);
        let there = admins.introspect("refresh", token).await.json();
        assert_eq!(there, json!({ "active": false }));
        admins.revoke("refresh", token).await;
        assert_eq!(people.introspect("refresh", token).await.json()["active"], true, "not theirs");
    }
    assert_eq!(people.refresh("refresh", &held.refresh).await.status(), 200);
}

/// The keys are the same, so that only `iss` tells the two apart.
#[tokio::test]
async fn no_id_token_counts_at_another_issuer() {
    let (people, admins) = realms();
    let mut browser = Browser::new(&people);
    let code = browser.code(&Op::request(), ALICE).await;
    let hint = people.redeem(&code).await.member("id_token");
    let mut there = Browser::new(&admins);
    let asked = there.authorize(&Op::request()).await;
    sign_in_there(&mut there, asked).await;
    let hinted = Op::request_with(&[("prompt", "none"), ("id_token_hint", &hint)]);
    assert_eq!(there.authorize(&hinted).await.parameter("error"), "invalid_request");
    assert!(!browser.authorize(&hinted).await.parameter("code").is_empty());
    let out = there.end_session(&[("id_token_hint", &hint)]).await;
    assert!(out.status() >= 400, "{:?}", out.status());
}
