//! The modules of the certification suite, by their names: what a relying party sends, and what it and the
//! person get.

use oidc_op::{
    Agreement, Issuer, KeySet, Login, LogoutVerdict, Reason, SigningAlgorithm, Subject, Timestamp,
    Verdict,
};
use serde_json::json;

use super::{OUT, going_on, is_protected, is_signed_out, setup, sid, signed_in};
use crate::support::{
    ALICE, Answer, Ask, Browser, Op, Sent, claims, header,
    keys::{self, sign, signer, unsigned},
};

/// `oidcc-rp-initiated-logout-discovery-endpoint-verification`, and that of front-channel logout.
#[tokio::test]
async fn discovery() {
    let op = setup().build();
    let metadata = op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json();
    assert_eq!(metadata["end_session_endpoint"], "https://id.example/end_session");
    assert_eq!(metadata["frontchannel_logout_supported"], true);
    assert_eq!(metadata["frontchannel_logout_session_supported"], true);
    assert!(metadata["claims_supported"].as_array().unwrap().contains(&json!("sid")));
}

/// `oidcc-rp-initiated-logout`, and `oidcc-frontchannel-rp-initiated-logout`: the frame with exactly `iss` and
/// `sid`, then back to the client with the `state` as it was.
#[tokio::test]
async fn rp_initiated_logout() {
    let (_, mut browser, hint) = signed_in().await;
    let state = "s".repeat(128);
    let request =
        [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT), ("state", &*state)];
    let answer = browser.end_session(&request).await;
    is_protected(&answer);
    let (to, frames) = going_on(&answer);
    assert_eq!(to, Some(format!("{OUT}?state={state}")));
    let iss = "https%3A%2F%2Fid.example";
    assert_eq!(frames, [format!("https://shop.example/bye?x=%20y&iss={iss}&sid={}", sid(&hint))]);
    assert!(is_signed_out(&mut browser).await);
}

/// The same for a client that has nothing to hear: a redirect.
#[tokio::test]
async fn rp_initiated_logout_without_frames() {
    let op = setup().build();
    let mut browser = Browser::new(&op);
    let hint = super::id_token(&mut browser, "mute", ALICE).await;
    let out = "https://mute.example/out";
    let request = [("id_token_hint", &*hint), ("post_logout_redirect_uri", out), ("state", "a&b")];
    let answer = browser.end_session(&request).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.header("location"), Some("https://mute.example/out?state=a%26b"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert!(is_signed_out(&mut browser).await);
}

/// `…-no-state`
#[tokio::test]
async fn no_state() {
    let (_, mut browser, hint) = signed_in().await;
    let request = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
    let answer = browser.end_session(&request).await;
    assert_eq!(going_on(&answer).0.as_deref(), Some(OUT));
    assert!(is_signed_out(&mut browser).await);
}

/// `…-no-post-logout-redirect-uri`: signed out, and a page that says so.
#[tokio::test]
async fn no_post_logout_redirect_uri() {
    let (_, mut browser, hint) = signed_in().await;
    let answer = browser.end_session(&[("id_token_hint", &*hint), ("state", "x")]).await;
    let signed_out = answer.signed_out();
    assert_eq!((signed_out.ended.len(), signed_out.remaining.len()), (1, 0));
    assert_eq!((&signed_out.redirect, signed_out.frames.len()), (&None, 1));
    let page = Answer::Reply(signed_out.reply());
    is_protected(&page);
    assert!(page.html().contains("Sign-out success"));
    assert_eq!(going_on(&page), (None, signed_out.frames.clone()));
    assert!(is_signed_out(&mut browser).await);
}

/// `…-no-params` and `…-only-state`: the person is asked, and then signed out, without a redirect.
#[tokio::test]
async fn no_params_and_only_state() {
    for request in [&[][..], &[("state", "x")]] {
        let (_, mut browser, _) = signed_in().await;
        let answer = browser.end_session(request).await;
        let token = answer.confirmation().token.clone();
        assert!(!is_signed_out(&mut browser).await, "not before it is confirmed");
        let answer = browser.confirm(&token, LogoutVerdict::SignOut).await;
        let page = Answer::Reply(answer.signed_out().reply());
        assert!(page.html().contains("Sign-out success"));
        assert_eq!((page.header("location"), going_on(&page).0), (None, None));
        assert!(is_signed_out(&mut browser).await);
    }
}

async fn leads_nowhere(browser: &mut Browser, request: &[(&str, &str)], reason: Reason) {
    let answer = browser.end_session(request).await;
    answer.is_page_error(reason);
    is_protected(&answer);
    assert!(!is_signed_out(browser).await, "{reason:?}: nothing has ended");
}

/// `…-bad-post-logout-redirect-uri` and `…-query-added-to-post-logout-redirect-uri`
#[tokio::test]
async fn bad_post_logout_redirect_uri() {
    let (_, mut browser, hint) = signed_in().await;
    for uri in ["https://shop.example/other", "https://shop.example/out?foo=bar"] {
        let request =
            [("id_token_hint", &*hint), ("post_logout_redirect_uri", uri), ("state", "x")];
        leads_nowhere(&mut browser, &request, Reason::PostLogoutUriMismatch).await;
    }
}

/// `…-no-id-token-hint`
#[tokio::test]
async fn no_id_token_hint() {
    let (_, mut browser, _) = signed_in().await;
    let request = [("post_logout_redirect_uri", OUT), ("state", "x")];
    leads_nowhere(&mut browser, &request, Reason::PostLogoutClientMissing).await;
}

/// `…-modified-id-token-hint`: rewritten to `none`.
#[tokio::test]
async fn modified_id_token_hint() {
    let (_, mut browser, hint) = signed_in().await;
    let hint = unsigned(&claims(&hint));
    let request = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT), ("state", "x")];
    leads_nowhere(&mut browser, &request, Reason::LogoutHintInvalid).await;
}

/// `…-bad-id-token-hint`: signed by the relying party, issuer and audience swapped.
#[tokio::test]
async fn bad_id_token_hint() {
    let (op, mut browser, hint) = signed_in().await;
    let mut said = claims(&hint);
    said["iss"] = "shop".into();
    said["aud"] = "https://id.example".into();
    let by = |header: &serde_json::Value| sign(header, &said, &*signer("RS256", &keys::CLIENT_RSA));
    let own_kid = json!({"alg": "RS256", "kid": header(&hint)["kid"]});
    for hint in [by(&json!({"alg": "RS256"})), by(&own_kid)] {
        let request =
            [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT), ("state", "x")];
        leads_nowhere(&mut browser, &request, Reason::ClientUnknown).await;
        let named = [&request[..], &[("client_id", "shop")]].concat();
        leads_nowhere(&mut browser, &named, Reason::LogoutHintInvalid).await;
    }
    let seen = op.recorder.take();
    assert!(seen.contains(&(oidc_op::What::LogoutRefused, Some(Reason::LogoutHintInvalid))));
    let elsewhere = KeySet::generate(&[SigningAlgorithm::RS256], Timestamp::from_unix(0)).unwrap();
    let mut other = setup();
    other.signer = std::sync::Arc::new(elsewhere);
    other.config.resources.clear();
    let other: Op = other.build();
    let foreign = super::id_token(&mut Browser::new(&other), "shop", ALICE).await;
    let request = [("id_token_hint", &*foreign), ("post_logout_redirect_uri", OUT)];
    leads_nowhere(&mut browser, &request, Reason::LogoutHintInvalid).await;
}

/// Threat LO-03: issuers may share their keys, and what another one has issued is none of ours.
#[tokio::test]
async fn a_hint_of_another_issuer_with_the_same_keys() {
    let (_, mut browser, _) = signed_in().await;
    let mut other = setup();
    other.config.issuer = Issuer::new("https://other.example").unwrap();
    let mut there = Browser::new(&other.build());
    let ask = Ask::of("shop", "code id_token");
    let page = there.authorize(&ask.pairs()).await.page().token.clone();
    let login = Verdict::Login(Login::new(Subject::new(ALICE).unwrap()));
    let answer = there.submit_with(&page, login, &[]).await;
    let agreed = Verdict::Consent(Agreement::to_all(answer.page()));
    let answer = there.submit_with(&answer.page().token.clone(), agreed, &[]).await;
    let hint = Sent::of(&answer).get("id_token").to_owned();
    assert_eq!(claims(&hint)["iss"], "https://other.example");
    let request = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
    leads_nowhere(&mut browser, &request, Reason::LogoutHintInvalid).await;
}
