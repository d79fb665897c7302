//! Front-Channel Logout 1.0: who hears of it, and how.

use std::sync::Arc;

use async_trait::async_trait;
use oidc_op::{Client, ClientId, Clients, HostError, LogoutVerdict, Reason, StaticClients, What};
use serde_json::json;

use super::{OUT, going_on, id_token, is_protected, setup, sid, signed_in};
use crate::support::{ALICE, Answer, BOB, Browser, client, redirect_uri};

/// Every client of the session that has an address for it: with `iss` and `sid` if it needs them, and no other
/// session's.
#[tokio::test]
async fn every_client_of_the_session() {
    let op = setup().build();
    let mut browser = Browser::new(&op);
    let shop = id_token(&mut browser, "shop", ALICE).await;
    id_token(&mut browser, "news", ALICE).await;
    id_token(&mut browser, "mute", ALICE).await;
    let mut elsewhere = Browser::new(&op);
    let others = id_token(&mut elsewhere, "shop", ALICE).await;
    assert_ne!(sid(&shop), sid(&others));
    let request = [("id_token_hint", &*shop), ("post_logout_redirect_uri", OUT)];
    let answer = browser.end_session(&request).await;
    is_protected(&answer);
    let (to, frames) = going_on(&answer);
    assert_eq!(to.as_deref(), Some(OUT));
    let of_shop =
        format!("https://shop.example/bye?x=%20y&iss=https%3A%2F%2Fid.example&sid={}", sid(&shop));
    assert_eq!(frames, [of_shop, "https://news.example/bye".into()]);
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-src https://shop.example https://news.example;"), "{policy}");
    assert!(answer.html().contains("<noscript><meta http-equiv=\"refresh\" content=\"5;url="));
    assert_eq!(elsewhere.accounts().await, [ALICE]);
}

/// The host's own button: the same, and the cookies with it.
#[tokio::test]
async fn the_hosts_own_button() {
    let op = setup().build();
    let mut browser = Browser::new(&op);
    id_token(&mut browser, "shop", ALICE).await;
    browser.sign_in(BOB).await;
    let bobs = browser.ask(&crate::support::Ask::of("news", "code id_token"), BOB).await;
    assert_eq!(crate::support::claims(bobs.get("id_token"))["sub"], BOB);
    let signed_out = browser.sign_out().await;
    assert_eq!((signed_out.ended.len(), signed_out.frames.len()), (2, 2));
    assert!(signed_out.redirect.is_none() && signed_out.client.is_none());
    let policy = signed_out.content_security_policy();
    assert!(policy.contains("frame-src https://news.example https://shop.example"), "{policy}");
    let reply = signed_out.reply();
    let cookies = reply.headers.iter().filter(|(name, _)| *name == "set-cookie");
    assert_eq!(cookies.count(), signed_out.headers.len());
    is_protected(&Answer::Reply(reply));
    let shown = format!("{signed_out:?}");
    assert!(!shown.contains("sid=") && !shown.contains("op_session"), "{shown}");
    let again = browser.sign_out().await;
    assert_eq!((again.ended.len(), again.frames.len()), (0, 0), "nobody is left");
}

/// Two sessions at one browser: one address, if it says nothing of the session.
#[tokio::test]
async fn each_address_once() {
    let op = setup().build();
    let mut browser = Browser::new(&op);
    for who in [ALICE, BOB] {
        browser.sign_in(who).await;
        id_token(&mut browser, "news", who).await;
        id_token(&mut browser, "shop", who).await;
    }
    let token = browser.end_session(&[]).await.confirmation().token.clone();
    let answer = browser.confirm(&token, LogoutVerdict::SignOutAll).await;
    let frames = &answer.signed_out().frames;
    assert_eq!(frames.iter().filter(|frame| frame.contains("news")).count(), 1);
    assert_eq!(frames.iter().filter(|frame| frame.contains("shop")).count(), 2, "{frames:?}");
}

/// Clients, of which one cannot be looked up at times.
#[derive(Debug)]
struct Unsteady {
    inner: StaticClients,
    missing: std::sync::Mutex<Option<&'static str>>,
}

#[async_trait]
impl Clients for Unsteady {
    async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, HostError> {
        if *self.missing.lock().unwrap() == Some(id.as_str()) {
            return Err("the directory is down".into());
        }
        self.inner.client(id).await
    }
}

/// A client that cannot be looked up is left out, and the operator told; the others hear of it.
#[tokio::test]
async fn a_client_that_cannot_be_looked_up() {
    let mut setup = setup();
    let inner = std::mem::take(&mut setup.clients).into_iter().collect();
    // what is told by the back channel must be known before the end, and ends nothing otherwise
    setup.documents = None;
    let clients = Arc::new(Unsteady { inner, missing: std::sync::Mutex::default() });
    let op = setup.build_with(|builder| builder.clients(Arc::clone(&clients)));
    let mut browser = Browser::new(&op);
    let hint = id_token(&mut browser, "shop", ALICE).await;
    id_token(&mut browser, "news", ALICE).await;
    *clients.missing.lock().unwrap() = Some("news");
    op.recorder.take();
    let answer = browser.end_session(&[("id_token_hint", &hint)]).await;
    let signed_out = answer.signed_out();
    assert_eq!(signed_out.frames.len(), 1, "{:?}", signed_out.frames);
    let seen = op.recorder.take();
    assert_eq!(seen, [(What::SignedOut, None), (What::ClientNotTold, Some(Reason::HostFailed))]);
}

/// A page has so many frames and no more; the operator hears of the rest.
#[tokio::test]
async fn many_clients() {
    let mut setup = setup();
    let name = |n: usize| format!("many{n}");
    setup.clients.extend((0..105).map(|n| {
        let name = name(n);
        let uri = format!("https://{name}.example/bye");
        client(&name, false, &[&redirect_uri(&name)], &json!({"frontchannel_logout_uri": uri}))
    }));
    let op = setup.build();
    let mut browser = Browser::new(&op);
    let hint = id_token(&mut browser, "shop", ALICE).await;
    for n in 0..105 {
        let ask = crate::support::Ask::of(&name(n), "code").with("scope", "email");
        browser.ask(&ask, ALICE).await;
    }
    op.recorder.take();
    let answer = browser.end_session(&[("id_token_hint", &hint)]).await;
    assert_eq!(answer.signed_out().frames.len(), 100);
    let seen = op.recorder.take();
    let left_out = (What::ClientNotTold, Some(Reason::FramesTooMany));
    assert_eq!(seen.iter().filter(|event| **event == left_out).count(), 6);
}

/// Whoever comes to the page by a way that needs no question: with frames the crate's own, without a redirect.
#[tokio::test]
async fn the_adapters_pages() {
    use oidc_op::{Outcome, Reply, adapter::http::Pages};
    let (op, mut browser, hint) = signed_in().await;
    let plain = Pages::at("/base/interaction/");
    let own = Pages::at("/interaction/")
        .confirmations("/bye/")
        .sign_outs(|signed_out| Reply::html(200, format!("{} ended", signed_out.ended.len())));
    let Answer::Confirm(question) = browser.end_session(&[]).await else { panic!() };
    let token = question.token.clone();
    let reply = plain.answer(Ok(Outcome::ConfirmLogout(question))).unwrap();
    assert_eq!(reply.header("location"), Some(&*format!("/base/logout/{token}")));
    let Answer::Confirm(question) = browser.end_session(&[]).await else { panic!() };
    let reply = own.answer(Ok(Outcome::ConfirmLogout(question))).unwrap();
    assert!(reply.header("location").unwrap().starts_with("/bye/"));
    let Answer::SignedOut(signed_out) = browser.end_session(&[("id_token_hint", &hint)]).await
    else {
        panic!()
    };
    for pages in [plain, own] {
        let reply = pages.answer(Ok(Outcome::SignedOut(signed_out.clone()))).unwrap();
        let cookies = reply.headers.iter().filter(|(name, _)| *name == "set-cookie");
        assert_eq!(cookies.count(), 1, "the cookie goes, once: {reply:?}");
    }
    assert!(op.provider.paths().contains(&"/end_session"));
}
