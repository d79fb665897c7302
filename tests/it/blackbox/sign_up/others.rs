//! What others have already, and what they try.

use std::net::Ipv4Addr;

use reqwest::StatusCode;

use super::{
    PASSWORD, VERIFIED, code, codes, enter, fill_in, filled, form, has_account, problem, sent_to,
    userinfo, verifying,
};
use crate::blackbox::{
    fixture::ALICE,
    party::{is_signed_in, sign_in},
    server::{Server, Setup},
    visitor::Visitor,
};

/// An address that somebody has: the same page, and a notice to its owner instead of a code.
#[tokio::test]
async fn an_address_that_somebody_has() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let taken = visitor.submit(&page, "submit", &filled("ulla", "Alice@Example.com", "")).await;
    assert_eq!(sent_to(&taken), "A…@Example.com");
    assert_eq!(codes(&server, "A…@Example.com"), [""; 0]);
    let notices = || server.log().matches("demo only: notice for A…@Example.com: you have").count();
    assert_eq!(notices(), 1, "{}", server.log());
    assert!(problem(&enter(&visitor, &taken, "000000").await).contains("not the code"));
    let again = visitor.submit(&taken, "again", &[]).await;
    assert!(again.body.contains("id=\"notice\""), "{}", again.body);
    assert_eq!(notices(), 2);
    assert!(!has_account(&server, "ulla").await);
    assert!(sign_in(&Visitor::new(&server), ALICE).await.is_answer(), "alice is as before");

    // A number that somebody signs in by is the same.
    let right = fill_in(&visitor, &page, "ulla", "+1 555 0100").await;
    let phone = enter(&visitor, &right, &code(&server, &right)).await;
    assert_eq!(sent_to(&phone), "+15…00");
    assert_eq!(codes(&server, "+15…00"), [""; 0]);
    assert!(server.log().contains("notice for +15…00"), "{}", server.log());
}

/// A user name is nobody's until an account has it, and then it is told.
#[tokio::test]
async fn a_name_that_somebody_has() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let taken = visitor.submit(&page, "submit", &filled("ALICE", "v@taken.example", "")).await;
    assert!(problem(&taken).contains("user name"), "{}", problem(&taken));
    assert_eq!(codes(&server, "v…@taken.example"), [""; 0]);

    // Two want the same name: who finishes first has it, the other one takes another, and need not
    // show their address again.
    let first = fill_in(&visitor, &taken, "vera", "").await;
    let quicker = Visitor::new(&server);
    let page = form(&quicker).await;
    let second = quicker.submit(&page, "submit", &filled("vera", "w@vera.example", "")).await;
    assert!(enter(&quicker, &second, &code(&server, &second)).await.is_answer());
    let late = enter(&visitor, &first, &code(&server, &first)).await;
    assert!(problem(&late).contains("user name"), "{}", problem(&late));
    let answer = visitor.submit(&late, "submit", &filled("vera2", "vera@vera.example", "")).await;
    assert_eq!(userinfo(&server, &answer).await["email_verified"], true);
}

/// Two sign-ups of one person: the second one, when it comes to its end, leads to the login page.
#[tokio::test]
async fn two_sign_ups_with_one_address() {
    let server = verifying();
    let (one, two) = (Visitor::new(&server), Visitor::new(&server));
    let page = form(&one).await;
    let first = fill_in(&one, &page, "xenia", "").await;
    let first_code = code(&server, &first);
    let page = form(&two).await;
    let second = fill_in(&two, &page, "xenia", "").await;
    assert!(enter(&two, &second, &code(&server, &second)).await.is_answer());
    let login = enter(&one, &first, &first_code).await;
    assert!(problem(&login).contains("have an account"), "{}", problem(&login));
    let login = one.submit(&login, "submit", &[("password", PASSWORD)]).await;
    assert_eq!(userinfo(&server, &login).await["preferred_username"], "xenia");
}

/// The pages of a sign-up are of no use in another browser, nor is its code.
#[tokio::test]
async fn another_browser() {
    let server = verifying();
    let (visitor, thief) = (Visitor::new(&server), Visitor::new(&server));
    let page = form(&visitor).await;
    let waiting = fill_in(&visitor, &page, "yara", "").await;
    let right = code(&server, &waiting);
    // The thief has a sign-up, too.
    let own = form(&thief).await;
    let own = thief.submit(&own, "submit", &filled("zoe", "z@zoe.example", "")).await;
    let opened = thief.open(waiting.url.as_str()).await;
    assert!(opened.status.is_client_error(), "{opened:?}");
    for (button, fields) in [("submit", &[("code", &*right)][..]), ("again", &[])] {
        let (url, body) = waiting.filled_in(button, fields);
        let answer = thief.post(url, body, &[("sec-fetch-site", "same-origin")]).await;
        assert!(matches!(answer.status.as_u16(), 400 | 403), "{button}: {answer:?}");
    }
    let tried = enter(&thief, &own, &right).await;
    assert!(problem(&tried).contains("not the code"), "{}", problem(&tried));
    assert!(!is_signed_in(&thief).await && !has_account(&server, "yara").await);
    assert_eq!(codes(&server, sent_to(&waiting)).len(), 1);
    assert!(enter(&visitor, &waiting, &right).await.is_answer());
}

/// One source asks for few accounts and codes, and others do not feel it.
#[tokio::test]
async fn few_sign_ups_from_one_place() {
    let limits = "[limits]\nsign_ups = 3\nperiod = 3600\n";
    let setup =
        Setup { name: "sign-up-limit", sign_up: VERIFIED, tables: limits, ..Setup::default() };
    let server = Server::start(setup);
    let here = Visitor::from_address(&server, Ipv4Addr::new(127, 0, 0, 66));
    let page = form(&here).await;
    let waiting = fill_in(&here, &page, "edna", "").await;
    let waiting = here.submit(&waiting, "again", &[]).await;
    here.submit(&page, "submit", &filled("edna2", "edna@example.org", "")).await;
    for refused in [
        here.submit(&waiting, "again", &[]).await,
        here.submit(&page, "submit", &filled("edna3", "edna@example.com", "")).await,
    ] {
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.body);
        assert!(refused.header("retry-after").is_some() && !problem(&refused).is_empty());
    }
    let there = Visitor::from_address(&server, Ipv4Addr::new(127, 0, 0, 67));
    let page = form(&there).await;
    assert_eq!(sent_to(&fill_in(&there, &page, "fred", "").await), "f…@fred.example");
}
