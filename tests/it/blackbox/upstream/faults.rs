//! What goes wrong: a page with a code, a line in the log, and nobody is signed in.

use reqwest::StatusCode;

use super::{STUB, delegating, login_page, main, sent_back, server, stub, through, upstream};
use crate::blackbox::{
    fixture::FIRST_PARTY,
    party::{authorize, is_signed_in},
    server::{Server, Setup},
    visitor::{Page, Visitor},
};

/// A page that says what went wrong, and goes on from there.
#[track_caller]
fn is_problem(page: &Page, status: u16, code: &str, wrong: &str) {
    assert_eq!(page.status.as_u16(), status, "{wrong}: {}", page.body);
    assert!(page.body.contains(&format!("<p class=\"code\">{code}</p>")), "{wrong}: {}", page.body);
    assert!(!page.is_answer() && !page.body.contains("<script"), "{wrong}");
    assert_eq!(page.header("cache-control"), Some("no-store"), "{wrong}");
}

/// Each fault has its code; nobody is signed in; the same sign-in can be tried again, and goes back to the
/// client with an error otherwise.
#[tokio::test]
async fn every_fault_has_a_code() {
    let server = server();
    for (wrong, status, code) in [
        ("denied", 403, "upstream_denied"),
        ("error", 502, "upstream_refused"),
        ("nothing", 502, "upstream_malformed"),
        ("wrong iss", 502, "upstream_token_issuer"),
        ("no iss", 502, "upstream_token_issuer"),
        ("token refused", 502, "upstream_refused"),
        ("token down", 502, "upstream_unreachable"),
        ("token garbled", 502, "upstream_malformed"),
        ("token slow", 504, "upstream_slow"),
        ("no id token", 502, "upstream_malformed"),
        ("issuer", 502, "upstream_token_issuer"),
        ("audience", 502, "upstream_token_audience"),
        ("azp", 502, "upstream_token_audience"),
        ("audiences", 502, "upstream_token_audience"),
        ("nonce", 502, "upstream_token_nonce"),
        ("no nonce", 502, "upstream_token_nonce"),
        ("expired", 502, "upstream_token_expired"),
        ("at_hash", 502, "upstream_token_signature"),
        ("signature", 502, "upstream_token_signature"),
        ("unknown key", 502, "upstream_token_signature"),
        ("none", 502, "upstream_token_signature"),
        ("userinfo refused", 502, "upstream_refused"),
        ("userinfo garbled", 502, "upstream_malformed"),
        ("userinfo large", 502, "upstream_malformed"),
        ("userinfo of somebody", 502, "upstream_userinfo_subject"),
        ("userinfo much", 502, "upstream_much"),
        ("person down", 502, "person_unavailable"),
        ("person gone", 502, "person_unavailable"),
        ("person garbled", 502, "person_unavailable"),
        ("person of somebody", 502, "person_unavailable"),
    ] {
        let visitor = Visitor::new(&server);
        let page = login_page(&visitor, wrong).await;
        let problem = through(&visitor, &page, "main").await;
        is_problem(&problem, status, code, wrong);
        assert!(!is_signed_in(&visitor).await, "{wrong}");
        assert!(server.log().contains(&format!("code=\"{code}\"")), "{wrong}");

        let sent = visitor.submit(&problem, "again", &[]).await;
        assert!(sent.location().unwrap().as_str().starts_with(&STUB.origin), "{wrong}");
        let back = visitor.submit(&problem, "back", &[]).await.answer();
        let error =
            if code == "upstream_denied" { "access_denied" } else { "temporarily_unavailable" };
        assert_eq!(back["error"], error, "{wrong}");
        let other = problem.url.join(&problem.form("again").action).unwrap();
        let other = visitor.open(format!("{other}?page=login")).await;
        assert!(other.asks_password(), "{wrong}");
    }
    let log = server.log();
    for secret in ["eyJ", super::SECRET] {
        assert!(!log.contains(secret), "{secret}");
    }
    assert!(log.contains("FORGED") && log.lines().all(|line| !line.starts_with("FORGED")));
}

/// Who cannot even be sent there sees why.
#[tokio::test]
async fn providers_that_cannot_be_asked() {
    let server = server();
    for (name, code) in [
        ("dead", "upstream_unreachable"),
        ("liar", "upstream_malformed"),
        ("garbled", "upstream_malformed"),
        ("script", "upstream_malformed"),
    ] {
        let visitor = Visitor::new(&server);
        let page = login_page(&visitor, "").await;
        let problem = visitor.submit(&page, &format!("upstream-{name}"), &[]).await;
        is_problem(&problem, 502, code, name);
        let other = visitor.submit(&problem, "back", &[]).await.answer();
        assert_eq!(other["error"], "temporarily_unavailable");
    }
    // A signature that the client itself could have made is none.
    let visitor = Visitor::new(&server);
    let page = login_page(&visitor, "").await;
    let problem = through(&visitor, &page, "mac").await;
    is_problem(&problem, 502, "upstream_token_signature", "mac");
}

/// Threat: login CSRF, mix-up, replay. An answer counts once, in the browser that was sent, for the
/// provider that it was sent to.
#[tokio::test]
async fn an_answer_counts_once_and_for_one() {
    let server = server();
    let visitor = Visitor::new(&server);
    let page = login_page(&visitor, "").await;
    let back = sent_back(&visitor.submit(&page, "upstream-main", &[]).await).await;

    let nobody = |page: &Page, what: &str| {
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{what}");
        assert!(page.body.contains("state_unknown"), "{what}: {}", page.body);
    };
    let mut made_up = back.clone();
    made_up.set_query(Some("state=made-up&code=x"));
    nobody(&visitor.come_back(made_up.clone()).await, "made up");
    made_up.set_query(None);
    nobody(&visitor.come_back(made_up).await, "nothing");

    let answer = visitor.come_back(back.clone()).await;
    answer.code();
    nobody(&visitor.come_back(back).await, "twice");

    // Somebody else's answer in this browser, and in one that has a sign-in of its own.
    let attacker = Visitor::new(&server);
    for victim in [Visitor::new(&server), Visitor::new(&server)] {
        let page = login_page(&attacker, "").await;
        let back = sent_back(&attacker.submit(&page, "upstream-main", &[]).await).await;
        login_page(&victim, "").await;
        let refused = victim.come_back(back.clone()).await;
        assert!(refused.body.contains("browser_cookie_wrong"), "{}", refused.body);
        assert!(!is_signed_in(&victim).await);
        nobody(&attacker.come_back(back).await, "it is used up");
    }
    // One provider's answer at the address of another one.
    let page = login_page(&attacker, "").await;
    let mut back = sent_back(&attacker.submit(&page, "upstream-main", &[]).await).await;
    back.set_path("/upstream/plain/callback");
    nobody(&attacker.come_back(back.clone()).await, "mixed up");
    back.set_path("/upstream/none/callback");
    assert_eq!(attacker.come_back(back).await.status, StatusCode::NOT_FOUND);
}

/// Core §3.1.2.1: who was to sign in again has done so, or is not signed in again.
#[tokio::test]
async fn an_old_sign_in_is_none() {
    let server = server();
    let visitor = Visitor::new(&server);
    let page = login_page(&visitor, "old").await;
    through(&visitor, &page, "main").await.code();
    let again = [("prompt", "login"), ("login_hint", "old")];
    let page = visitor.open(authorize(FIRST_PARTY, &again)).await;
    let problem = through(&visitor, &page, "main").await;
    is_problem(&problem, 502, "upstream_token_auth_time", "old");

    for (wrong, name, value, fits) in [
        ("old", "prompt", "login", false),
        ("old", "max_age", "0", false),
        ("old", "max_age", "3000", false),
        ("old", "max_age", "5000", true),
        ("no auth_time", "prompt", "login", false),
        ("no auth_time", "max_age", "5000", false),
        ("no auth_time", "prompt", "consent", true),
        ("", "prompt", "login", true),
        ("", "max_age", "3000", true),
    ] {
        let visitor = Visitor::new(&server);
        let asked = [(name, value), ("login_hint", wrong)];
        let page = visitor.open(authorize(FIRST_PARTY, &asked)).await;
        let sent = visitor.submit(&page, "upstream-main", &[]).await;
        let query = stub::asked(&sent.location().unwrap());
        let anew = value == "login" || value == "0";
        assert_eq!(query.contains_key("prompt"), anew, "{name}={value}: {query:?}");
        let most = if name == "max_age" && !anew { value } else { "2592000" };
        assert_eq!(query["max_age"], most, "{name}={value}");
        let page = visitor.come_back(sent_back(&sent).await).await;
        if fits {
            assert!(page.is_answer() || page.asks_consent(), "{wrong} {value}: {}", page.body);
        } else {
            is_problem(&page, 502, "upstream_token_auth_time", wrong);
            assert!(!is_signed_in(&visitor).await);
        }
    }
}

/// A provider that never answers has a page here, in the time that a request may take.
#[tokio::test]
async fn slow_providers_leave_time_for_a_page() {
    let tables = format!("{}{}[limits]\nrequest = 4\n", main(), upstream("slow", "slow", ""));
    let server =
        Server::start(Setup { name: "upstream-slow", tables: &tables, ..Setup::default() });
    let visitor = Visitor::new(&server);
    let page = login_page(&visitor, "token slow").await;
    let problem = through(&visitor, &page, "main").await;
    is_problem(&problem, 504, "upstream_slow", "token slow");
    let problem = visitor.submit(&page, "upstream-slow", &[]).await;
    is_problem(&problem, 504, "upstream_slow", "discovery");
}

/// Whoever reloads a page without end has to wait in the end, and keeps nobody else from signing in.
#[tokio::test]
async fn sign_ins_are_counted_by_source() {
    let tables = format!("[sign_in]\nlocal = false\n[limits]\nupstream_sign_ins = 4\n{}", main());
    let (name, sign_up) = ("upstream-counted", "enabled = false");
    let server = Server::start(Setup { name, tables: &tables, sign_up, ..Setup::default() });
    let (one, other) = (Visitor::new(&server), Visitor::from_address(&server, [127, 0, 0, 2]));
    let first = login_page(&other, "").await;
    let page = login_page(&one, "").await;
    for _ in 0..3 {
        let again = one.open(&page.url).await;
        assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
    }
    let problem = one.open(&page.url).await;
    is_problem(&problem, 429, "upstream_throttled", "too many");
    let wait: u32 = problem.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=75).contains(&wait), "{wait}");
    assert!(problem.body.contains("Try again in"), "{}", problem.body);
    other.come_back(sent_back(&first).await).await.code();
    // The first of them has been pushed out by those that came after it.
    assert!(one.come_back(sent_back(&page).await).await.body.contains("state_unknown"));
}

/// Without people of its own there is no other way; and a form of another site sends nobody away.
#[tokio::test]
async fn without_another_way() {
    let server = delegating();
    let visitor = Visitor::new(&server);
    let sent = login_page(&visitor, "person down").await;
    let problem = visitor.come_back(sent_back(&sent).await).await;
    is_problem(&problem, 502, "person_unavailable", "delegating");
    assert!(!problem.body.contains("another way"), "{}", problem.body);
    let (url, body) = problem.filled_in("again", &[]);
    let headers = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    let refused = visitor.post(url, body, &headers).await;
    assert!(refused.body.contains("cross_origin"), "{}", refused.body);
    let back = visitor.submit(&problem, "back", &[]).await.answer();
    assert_eq!(back["error"], "temporarily_unavailable");
}
