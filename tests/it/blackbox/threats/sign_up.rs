//! UI: the pages where an account is created, and its codes.

use std::net::Ipv4Addr;

use reqwest::StatusCode;

use super::ui::{forge, shape};
use crate::blackbox::{
    party::is_signed_in,
    server::{Server, Setup},
    sign_up::{
        PASSWORD, VERIFIED, another, code, codes, enter, fill_in, filled, form, problem, sent_to,
        verifying,
    },
    visitor::{Page, Visitor},
};

/// Every page of a sign-up, with something wrong and without.
async fn every_page(server: &Server, username: &str) -> Vec<(&'static str, Page)> {
    let visitor = Visitor::new(server);
    let page = form(&visitor).await;
    let wrong = fill_in(&visitor, &page, username, "nonsense").await;
    let waiting = fill_in(&visitor, &page, username, "").await;
    let refused = enter(&visitor, &waiting, "000000").await;
    let again = visitor.submit(&waiting, "again", &[]).await;
    let lost = waiting.url.as_str().replace("page=verify", "page=create");
    let corrected = visitor.open(lost).await;
    vec![
        ("form", page),
        ("wrong form", wrong),
        ("code", waiting),
        ("wrong code", refused),
        ("another code", again),
        ("form again", corrected),
    ]
}

#[tokio::test]
async fn ui_01_headers_of_the_pages() {
    let server = verifying();
    for (name, page) in every_page(&server, "gail").await {
        for (field, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(page.header(field), Some(value), "{name}: {field}");
        }
        let policy = page.header("content-security-policy").unwrap();
        for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(directive), "{name}: {directive} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{name}: {policy}");
        assert!(!page.body.contains(PASSWORD), "{name}");
    }
}

/// Neither a code nor a wish for another one counts that comes from elsewhere.
#[tokio::test]
async fn ui_02_forged_code() {
    let server = verifying();
    let victim = Visitor::new(&server);
    let page = form(&victim).await;
    let waiting = fill_in(&victim, &page, "hank", "").await;
    let right = code(&server, &waiting);
    forge(&server, &victim, &waiting, "again", &[]).await;
    forge(&server, &victim, &waiting, "submit", &[("code", &another(&right, 1))]).await;
    forge(&server, &victim, &waiting, "submit", &[("code", &right)]).await;
    assert_eq!(codes(&server, sent_to(&waiting)).len(), 1);
    assert!(enter(&victim, &waiting, &right).await.is_answer());
}

/// A form whose hidden fields were tampered with is refused, and nothing changes.
#[tokio::test]
async fn ui_02_tampered_forms() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let waiting = fill_in(&visitor, &page, "iris", "+1 555 0182").await;
    let right = code(&server, &waiting);
    for (button, field, value) in [
        ("submit", "channel", "fax"),
        ("submit", "channel", ""),
        ("again", "number", "-1"),
        ("again", "number", "one"),
    ] {
        let refused = visitor.submit(&waiting, button, &[(field, value), ("code", &right)]).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{field} {value}: {refused:?}");
    }
    // The step that is not due yet cannot be taken.
    let phone = visitor.submit(&waiting, "submit", &[("channel", "phone"), ("code", &right)]).await;
    assert_eq!(sent_to(&phone), "i…@iris.example");
    assert_eq!(codes(&server, "+15…82"), [""; 0]);
    let stale = visitor.submit(&waiting, "again", &[("number", "7")]).await;
    assert_eq!((sent_to(&stale), codes(&server, sent_to(&stale)).len()), ("i…@iris.example", 1));
    assert!(!is_signed_in(&visitor).await);
}

/// What people write stays text, on every page that it comes back to.
#[tokio::test]
async fn ui_06_markup_stays_text() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let payload = "\"'><script>alert(1)</script>{{7777*7777}}&lt;\u{202e}";
    let email = "\"'><script>alert(1)</script>{{7777*7777}}@<b>.example";
    let mut fields = filled("jane", email, "");
    fields[0].1 = payload;
    let waiting = visitor.submit(&page, "submit", &fields).await;
    let mut pages = vec![enter(&visitor, &waiting, payload).await];
    pages.push(visitor.open(waiting.url.as_str().replace("=verify", "=create")).await);
    pages.push(visitor.open(format!("{}&said={payload}", waiting.url)).await);
    pages.push(waiting);
    fields[1].1 = payload;
    pages.push(visitor.submit(&page, "submit", &fields).await);
    fields[5].1 = payload;
    pages.push(visitor.submit(&page, "submit", &fields).await);
    for page in pages {
        assert!(page.status.is_success(), "{page:?}");
        for tag in ["<script", "<b>", "60481729"] {
            assert!(!page.body.contains(tag), "{tag} in {}", page.body);
        }
    }
    let log = server.log();
    assert!(!log.contains('\u{202e}') && !log.contains("alert(1)</script>{{7777*7777}}&lt;"));
}

/// Nobody learns from the pages who has an account: neither at the first one, nor by codes, nor by
/// asking for more of them.
#[tokio::test]
async fn ui_09_no_user_enumeration() {
    let setup = Setup { name: "ui-09-sign-up", sign_up: VERIFIED, ..Setup::default() };
    let server = Server::start(setup);
    let mut stories = Vec::new();
    for email in ["alice@example.com", "adele@example.com"] {
        let visitor = Visitor::new(&server);
        let page = form(&visitor).await;
        let mut pages = vec![visitor.submit(&page, "submit", &filled("abcd", email, "")).await];
        for code in ["12345", "000000", "000001", "000002", "000003", "000004", "000005"] {
            pages.push(enter(&visitor, &pages[0], code).await);
        }
        for _ in 0..3 {
            pages.push(visitor.submit(pages.last().unwrap(), "again", &[]).await);
        }
        pages.push(visitor.open(pages[0].url.as_str()).await);
        let told = pages.iter().map(|page| (page.redirects.clone(), told(page)));
        stories.push(told.collect::<Vec<_>>());
    }
    for (step, (taken, free)) in stories[0].iter().zip(&stories[1]).enumerate() {
        assert_eq!(taken, free, "step {step}");
    }
    assert_eq!(codes(&server, "a…@example.com").len(), 3, "adele has got codes");
    assert_eq!(server.log().matches("notice for a…@example.com").count(), 3, "and alice notices");
}

/// A page without what is its own: for how long to wait is told to the second.
fn told(page: &Page) -> (StatusCode, Vec<(String, String)>, String) {
    let (status, mut headers, body) = shape(page, "");
    for (_, wait) in headers.iter_mut().filter(|(name, _)| name == "retry-after") {
        "SECONDS".clone_into(wait);
    }
    (status, headers, body)
}

/// An address that somebody has costs the server as much work as another one: a hash is worked out
/// for either. (As `ui_09_a_hash_runs_for_everybody`.)
#[tokio::test]
async fn ui_09_a_hash_runs_for_every_form() {
    let people = ["a", "b", "c", "d"].map(|name| {
        format!(
            "[[users]]\nusername = \"known-{name}\"\npassword = \"{PASSWORD}\"\n\
             sub = \"sub-of-{name}\"\nclaims = {{ email = \"{name}@known.example\" }}\n"
        )
    });
    let tables = people.concat() + "[limits]\nsign_ups = 1000\n";
    let name = "ui-09-sign-up-work";
    let setup = Setup { name, sign_up: VERIFIED, tables: &tables, ..Setup::default() };
    let server = Server::start(setup);
    let mut spent = Vec::new();
    for domain in ["known.example", "free.example"] {
        let visitor = Visitor::new(&server);
        let page = form(&visitor).await;
        let before = server.processor_ticks();
        for local in ["a", "b", "c", "d"] {
            let email = format!("{local}@{domain}");
            let waiting = visitor.submit(&page, "submit", &filled("unknown", &email, "")).await;
            assert_eq!(sent_to(&waiting), format!("{local}…@{domain}"));
        }
        spent.push(server.processor_ticks() - before);
    }
    assert_eq!(server.log().matches("@known.example: you have an account").count(), 4);
    assert!(spent[0] * 4 > spent[1] && spent[1] * 4 > spent[0], "{spent:?}");
}

/// Wrong codes count for their source, however many sign-ups they are guessed at.
#[tokio::test]
async fn ui_10_guessing_codes() {
    let limits = "[limits]\nlogin_failures_per_source = 8\nperiod = 3600\n";
    let setup =
        Setup { name: "ui-10-sign-up", sign_up: VERIFIED, tables: limits, ..Setup::default() };
    let server = Server::start(setup);
    let (guesser, elsewhere) = (Ipv4Addr::new(127, 0, 0, 66), Ipv4Addr::new(127, 0, 0, 67));
    let visitor = Visitor::from_address(&server, guesser);
    let mut last = None;
    for (username, tries) in [("karl", 4), ("lena", 4)] {
        let page = form(&visitor).await;
        let waiting = fill_in(&visitor, &page, username, "").await;
        let right = code(&server, &waiting);
        for by in 1..=tries {
            let refused = enter(&visitor, &waiting, &another(&right, by)).await;
            assert!(problem(&refused).contains("not the code"), "{username} {by}");
        }
        last = Some((waiting, right));
    }
    let (waiting, right) = last.unwrap();
    let refused = enter(&visitor, &waiting, &right).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.body);
    assert!(refused.header("retry-after").is_some());
    assert!(!is_signed_in(&visitor).await);

    let other = Visitor::from_address(&server, elsewhere);
    let page = form(&other).await;
    let waiting = fill_in(&other, &page, "mona", "").await;
    assert!(enter(&other, &waiting, &code(&server, &waiting)).await.is_answer());
}

/// RFC 9700 §4.12: after the form, and after the codes, the browser goes on with a GET.
#[tokio::test]
async fn ui_13_every_redirect_is_303() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let waiting = fill_in(&visitor, &page, "nils", "+1 555 0183").await;
    let phone = enter(&visitor, &waiting, &code(&server, &waiting)).await;
    let again = visitor.submit(&phone, "again", &[]).await;
    for page in [&waiting, &phone, &again] {
        assert_eq!(page.redirects, [StatusCode::SEE_OTHER]);
    }
    let answer = enter(&visitor, &again, &code(&server, &again)).await;
    assert_eq!((answer.status, answer.is_answer()), (StatusCode::SEE_OTHER, true));
}

/// Threat SL-01: with the log at its loudest, the code that was sent is in it once, where the demo
/// has it, and what was typed is not; nor is an address as a whole.
#[tokio::test]
async fn sl_01_no_secret_in_the_log() {
    let setup =
        Setup { name: "sl-01-sign-up", sign_up: VERIFIED, log: "trace", ..Setup::default() };
    let server = Server::start(setup);
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let waiting = fill_in(&visitor, &page, "otto", "+1 555 0184").await;
    let wrong = "a-wrong-but-telling-code";
    enter(&visitor, &waiting, wrong).await;
    let right = code(&server, &waiting);
    let guess = another(&right, 4711);
    enter(&visitor, &waiting, &guess).await;
    let phone = enter(&visitor, &waiting, &right).await;
    assert!(enter(&visitor, &phone, &code(&server, &phone)).await.is_answer());
    let log = server.log();
    assert!(log.contains("account created") && log.contains("DEBUG"), "{log}");
    for secret in [PASSWORD, wrong, "otto@otto.example", "5550184"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
    for (code, times) in [(&right, 1), (&guess, 0)] {
        let lines = log.lines().filter(|line| {
            line.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == code)
        });
        assert_eq!(lines.count(), times, "{code}");
    }
}
