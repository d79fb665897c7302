//! The question whether to sign out: nothing ends before it is answered, and only by whom it is about.

use oidc_op::{LogoutVerdict, Reason, Subject, What};

use super::{OUT, going_on, id_token, is_signed_out, setup, sid, signed_in};
use crate::support::{ALICE, Answer, BOB, Browser};

/// The question as a client makes it that says who it is.
const REQUEST: [(&str, &str); 4] = [
    ("client_id", "shop"),
    ("post_logout_redirect_uri", OUT),
    ("state", "x y"),
    ("ui_locales", "de fr"),
];

fn token(answer: &Answer) -> String {
    answer.confirmation().token.clone()
}

fn names(subjects: &[Subject]) -> Vec<&str> {
    subjects.iter().map(Subject::as_str).collect()
}

#[tokio::test]
async fn says_who_asks() {
    let (_, mut browser, _) = signed_in().await;
    let answer = browser.end_session(&REQUEST).await;
    let question = answer.confirmation();
    assert_eq!(question.client.as_ref().unwrap().id.as_str(), "shop");
    assert_eq!(question.return_host.as_deref(), Some("shop.example"));
    assert_eq!(names(&question.accounts), [ALICE]);
    assert_eq!(question.ui_locales, ["de", "fr"].map(Box::<str>::from));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    assert!(question.token.bytes().all(plain));
    assert!(!format!("{question:?}").contains(&question.token));
    // the page again: a reload
    let again = browser.open_confirmation(&question.token).await;
    let again = again.confirmation();
    assert_eq!((&again.token, &again.return_host), (&question.token, &question.return_host));
    assert_eq!((&again.accounts, &again.ui_locales), (&question.accounts, &question.ui_locales));
}

/// Confirmed: the session ends, the clients hear of it, and the client gets its `state`.
#[tokio::test]
async fn yes() {
    let (op, mut browser, hint) = signed_in().await;
    let token = token(&browser.end_session(&REQUEST).await);
    let before = browser.clone();
    let answer = browser.confirm(&token, LogoutVerdict::SignOut).await;
    let (to, frames) = going_on(&answer);
    assert_eq!(to.as_deref(), Some("https://shop.example/out?state=x+y"));
    assert!(frames[0].contains(&sid(&hint)), "{frames:?}");
    assert!(is_signed_out(&mut browser).await);
    assert_eq!(before.who().await, None, "not the cookie alone is gone");
    assert_eq!(op.recorder.take()[0], (What::SignedOut, None));

    // the same form twice, with the old cookie and with the new one; the page once more
    for mut browser in [before, browser.clone()] {
        let again = browser.confirm(&token, LogoutVerdict::SignOut).await;
        assert_eq!(going_on(&again), (to.clone(), frames.clone()));
        assert_eq!(browser.who().await, None);
    }
    let answer = browser.open_confirmation(&token).await;
    assert_eq!(answer.signed_out().redirect, to);
}

/// They stay: nothing has ended, and the client does not hear of it.
#[tokio::test]
async fn no() {
    let (op, mut browser, _) = signed_in().await;
    let token = token(&browser.end_session(&REQUEST).await);
    for _ in 0..2 {
        let answer = browser.confirm(&token, LogoutVerdict::Stay).await;
        let stayed = answer.signed_out();
        assert_eq!((names(&stayed.ended), names(&stayed.remaining)), (vec![], vec![ALICE]));
        assert_eq!((&stayed.redirect, stayed.frames.len()), (&None, 0));
        let html = String::from_utf8(stayed.reply().body).unwrap();
        assert!(html.contains("You are still signed in") && !html.contains("success"), "{html}");
    }
    assert!(!is_signed_out(&mut browser).await);
    assert!(op.recorder.take().iter().all(|(what, _)| *what != What::SignedOut));
    // and may change their mind
    browser.confirm(&token, LogoutVerdict::SignOut).await;
    assert!(is_signed_out(&mut browser).await);
}

/// Several accounts: one signs out, or all.
#[tokio::test]
async fn one_or_all() {
    let op = setup().build();
    let mut browser = Browser::new(&op);
    id_token(&mut browser, "shop", ALICE).await;
    browser.sign_in(BOB).await;
    let question = browser.end_session(&[]).await;
    assert_eq!(names(&question.confirmation().accounts), [BOB, ALICE]);
    let token = token(&question);
    let (mut one, mut all) = (browser.clone(), browser.clone());
    let answer = one.confirm(&token, LogoutVerdict::SignOut).await;
    assert_eq!(names(&answer.signed_out().ended), [BOB]);
    assert_eq!(one.accounts().await, [ALICE]);
    // the same form again: Bob has signed out, and Alice stays
    let answer = one.confirm(&token, LogoutVerdict::SignOut).await;
    assert_eq!(names(&answer.signed_out().remaining), [ALICE]);
    assert_eq!(one.accounts().await, [ALICE]);
    let page = one.open_confirmation(&token).await;
    assert_eq!(names(&page.signed_out().remaining), [ALICE], "nothing is left to ask of him");
    // in another tab, everybody
    let answer = all.confirm(&token, LogoutVerdict::SignOutAll).await;
    let signed_out = answer.signed_out();
    let mut ended = names(&signed_out.ended);
    ended.sort_unstable();
    assert_eq!(ended, [ALICE, BOB]);
    assert_eq!(signed_out.frames.len(), 1, "Alice's shop");
    assert_eq!(all.accounts().await, [""; 0]);
    let again = all.confirm(&token, LogoutVerdict::SignOutAll).await;
    assert_eq!(again.signed_out().frames, signed_out.frames);
}

/// Whoever signs in after the question was asked is not signed out by it, unless all are.
#[tokio::test]
async fn somebody_signs_in_meanwhile() {
    let op = setup().build();
    let mut browser = Browser::new(&op);
    browser.sign_in(ALICE).await;
    let token = token(&browser.end_session(&[]).await);
    browser.sign_in(BOB).await;
    let page = browser.open_confirmation(&token).await;
    assert_eq!(names(&page.confirmation().accounts), [ALICE, BOB], "it is about her");
    let mut all = browser.clone();
    browser.confirm(&token, LogoutVerdict::SignOut).await;
    assert_eq!(browser.accounts().await, [BOB]);
    all.confirm(&token, LogoutVerdict::SignOutAll).await;
    assert_eq!(all.accounts().await, [""; 0]);
}

/// The token is of use only at the browser that it is about, for an hour, and only as it is.
#[tokio::test]
async fn nobody_elses() {
    let (op, mut browser, _) = signed_in().await;
    let token = token(&browser.end_session(&REQUEST).await);
    let mut thief = Browser::new(&op);
    thief.sign_in(BOB).await;
    for mut other in [Browser::new(&op), thief] {
        for verdict in [LogoutVerdict::SignOut, LogoutVerdict::SignOutAll, LogoutVerdict::Stay] {
            let answer = other.confirm(&token, verdict).await;
            answer.is_page_error(Reason::LogoutElsewhere);
        }
        other.open_confirmation(&token).await.is_page_error(Reason::LogoutElsewhere);
    }
    let changed = format!("{}A", &token[..token.len() - 1]);
    let cut = &token[..token.len() - 4];
    for wrong in [&*changed, cut, "", "x", &"A".repeat(5000)] {
        let answer = browser.confirm(wrong, LogoutVerdict::SignOut).await;
        answer.is_page_error(Reason::LogoutInvalid);
        browser.open_confirmation(wrong).await.is_page_error(Reason::LogoutInvalid);
    }
    // an interaction is no question, and a question no interaction
    browser.open(&token).await.is_page_error(Reason::InteractionInvalid);
    let login = browser.authorize(&crate::support::Op::request_with(&[("prompt", "login")])).await;
    let login = login.page().token.clone();
    let answer = browser.confirm(&login, LogoutVerdict::SignOut).await;
    answer.is_page_error(Reason::LogoutInvalid);
    assert!(!is_signed_out(&mut browser).await);
    op.wait(3599);
    browser.open_confirmation(&token).await.confirmation();
    op.wait(1);
    let answer = browser.confirm(&token, LogoutVerdict::SignOut).await;
    answer.is_page_error(Reason::LogoutExpired);
    assert!(!is_signed_out(&mut browser).await);
}

/// A client that has gone, or changed, keeps nobody signed in.
#[tokio::test]
async fn the_client_changes_meanwhile() {
    let (_, mut browser, _) = signed_in().await;
    let token = token(&browser.end_session(&REQUEST).await);
    let mut setup = setup();
    setup.clients.retain(|client| client.id.as_str() != "shop");
    // the same keys, and another store: what was open there is over here
    let op = setup.build();
    let mut here = Browser::new(&op);
    here.cookies = browser.cookies.clone();
    let answer = here.confirm(&token, LogoutVerdict::SignOut).await;
    let signed_out = answer.signed_out();
    assert!(signed_out.redirect.is_none() && signed_out.client.is_none());
}

/// A question that does not fit into an address is not asked.
#[tokio::test]
async fn a_question_too_large() {
    let (_, mut browser, _) = signed_in().await;
    let ask = |state: String| {
        let mut browser = browser.clone();
        async move {
            let body = crate::support::form(&[("state", &state)]);
            let out = format!("client_id=shop&post_logout_redirect_uri={OUT}&{body}");
            browser.send("POST", "/end_session", "", &[], &out, None).await
        }
    };
    let answer = ask("s".repeat(20_000)).await;
    let token = token(&answer);
    let answer = browser.confirm(&token, LogoutVerdict::SignOut).await;
    assert!(going_on(&answer).0.unwrap().ends_with(&"s".repeat(20_000)));
    let (_, mut browser, _) = signed_in().await;
    let body = crate::support::form(&[("state", &"s".repeat(40_000))]);
    let body = format!("client_id=shop&post_logout_redirect_uri={OUT}&{body}");
    let answer = browser.send("POST", "/end_session", "", &[], &body, None).await;
    answer.is_page_error(Reason::BodyTooLarge);
    assert!(!is_signed_out(&mut browser).await);
}
