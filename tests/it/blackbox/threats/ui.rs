//! UI: login, consent and error pages.

use std::net::Ipv4Addr;

use reqwest::{Method, StatusCode, Url};

use crate::blackbox::{
    fixture::{ALICE, BOB, FIRST_PARTY, HOSTILE, HOSTILE_SHOWN, LOCAL, PUBLIC, THIRD_PARTY, WEB},
    party::{self, authorize, is_signed_in, request, sign_in},
    server::{Server, Setup},
    visitor::{Page, Visitor},
};

const WRONG: &str = "not the password";

/// The login page of a fresh request, which a consent page will follow.
async fn login_page(visitor: &Visitor) -> Page {
    let page = visitor.open(authorize(THIRD_PARTY, &[("prompt", "consent")])).await;
    assert!(page.asks_password(), "{page:?}");
    page
}

async fn try_password(visitor: &Visitor, page: &Page, login: &str, password: &str) -> Page {
    visitor.submit(page, "submit", &[("login", login), ("password", password)]).await
}

/// Every page that the server has, by name.
async fn every_page(server: &Server) -> Vec<(&'static str, Page)> {
    let visitor = Visitor::new(server);
    let mut pages = Vec::new();
    pages.push(("demo", visitor.open("/").await));
    let login = login_page(&visitor).await;
    pages.push(("login", login.clone()));
    pages.push(("wrong password", try_password(&visitor, &login, ALICE.0, WRONG).await));
    let consent = try_password(&visitor, &login, ALICE.0, ALICE.1).await;
    pages.push(("consent", consent));
    for (name, prompt) in [("select account", "select_account"), ("create account", "create")] {
        pages.push((name, visitor.open(authorize(THIRD_PARTY, &[("prompt", prompt)])).await));
    }
    let form_post = [("response_mode", "form_post")];
    pages.push(("form post", visitor.open(authorize(FIRST_PARTY, &form_post)).await));
    sign_in(&visitor, ALICE).await;
    pages.push(("logout", visitor.open("/end_session").await));
    let stayed = visitor.submit(&pages.last().unwrap().1, "stay", &[]).await;
    pages.push(("stayed", stayed));
    let nobody = Visitor::new(server);
    pages.push(("signed out", nobody.open("/end_session").await));
    pages.push(("error", visitor.open("/authorize?client_id=nobody").await));
    pages.push(("invalid interaction", visitor.open("/interaction/nonsense").await));
    pages.push(("nowhere", visitor.open("/nowhere").await));
    pages
}

/// Every page of HTML says that it may not be framed, cached, sniffed or referred to, and what it
/// may load.
#[tokio::test]
async fn ui_01_headers_of_every_page() {
    let server = Server::shared();
    for (name, page) in every_page(&server).await {
        let header = |header: &str| {
            page.header(header).unwrap_or_else(|| panic!("{name} has no {header}: {page:?}"))
        };
        assert_eq!(header("content-type"), "text/html; charset=utf-8", "{name}");
        assert_eq!(header("x-frame-options"), "DENY", "{name}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{name}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{name}");
        assert_eq!(header("cache-control"), "no-store", "{name}");
        assert_eq!(page.header("access-control-allow-origin"), None, "{name}");
        let policy = header("content-security-policy");
        for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(directive), "{name}: {directive} in {policy}");
        }
        for weak in ["unsafe", "*", "http:", "script-src https", "script-src data"] {
            assert!(!policy.contains(weak), "{name}: {weak} in {policy}");
        }
        let doctype = page.body.get(..15).unwrap_or_default();
        assert!(doctype.eq_ignore_ascii_case("<!doctype html>"), "{name}");
        assert!(page.body.contains("<html lang=\""), "{name}");
    }
}

/// One try to send somebody else's form.
struct Attack<'a> {
    name: &'a str,
    browser: &'a Visitor,
    headers: &'a [(&'a str, &'a str)],
    method: Method,
}

/// Sends the form of a page as other sites and other browsers might; each is refused, and none of
/// them changes who is signed in.
pub(super) async fn forge(
    server: &Server,
    victim: &Visitor,
    page: &Page,
    button: &str,
    values: &[(&str, &str)],
) {
    let signed_in = is_signed_in(victim).await;
    let stranger = Visitor::new(server);
    let attacker = Visitor::new(server);
    login_page(&attacker).await;
    let attack = |name, browser, headers| Attack { name, browser, headers, method: Method::POST };
    let ours = [("origin", &*server.issuer)];
    for attack in [
        attack("no cookie", &stranger, &ours),
        attack("another browser's cookie", &attacker, &ours),
        attack("foreign origin", victim, &[("origin", "https://evil.example")]),
        attack("origin of another port", victim, &[("origin", "http://localhost:1")]),
        attack("cross-site", victim, &[("origin", "null"), ("sec-fetch-site", "cross-site")]),
        attack("same-site", victim, &[("origin", "null"), ("sec-fetch-site", "same-site")]),
        Attack { name: "GET", browser: victim, headers: &[], method: Method::GET },
    ] {
        let (mut url, body) = page.filled_in(button, values);
        let answer = if attack.method == Method::GET {
            url.set_query(Some(&body));
            attack.browser.send(Method::GET, url, None, attack.headers).await
        } else {
            attack.browser.post(url, body, attack.headers).await
        };
        let name = attack.name;
        if attack.method == Method::POST {
            let refused = matches!(answer.status.as_u16(), 400 | 403);
            assert!(refused, "{name}: {} {}", answer.status, answer.body);
        }
        assert_eq!(answer.location(), None, "{name}");
        for cookie in answer.headers.get_all("set-cookie") {
            assert!(!cookie.to_str().unwrap().starts_with("op_session="), "{name}");
        }
        assert_eq!(is_signed_in(victim).await, signed_in, "{name} changed who is signed in");
        assert!(!is_signed_in(&attacker).await, "{name}");
    }
}

#[tokio::test]
async fn ui_02_forged_login() {
    let server = Server::shared();
    let victim = Visitor::new(&server);
    let page = login_page(&victim).await;
    let values = [("login", ALICE.0), ("password", ALICE.1)];
    forge(&server, &victim, &page, "submit", &values).await;
    let next = victim.submit(&page, "submit", &values).await;
    assert!(next.asks_consent(), "{next:?}");
}

#[tokio::test]
async fn ui_02_forged_consent_and_refusal() {
    let server = Server::shared();
    let victim = Visitor::new(&server);
    let login = login_page(&victim).await;
    let consent = try_password(&victim, &login, ALICE.0, ALICE.1).await;
    for button in ["submit", "cancel"] {
        forge(&server, &victim, &consent, button, &[]).await;
    }
    assert_eq!(victim.submit(&consent, "cancel", &[]).await.answer()["error"], "access_denied");
}

#[tokio::test]
async fn ui_02_forged_account() {
    let server = Server::shared();
    let victim = Visitor::new(&server);
    let page = victim.open(authorize(FIRST_PARTY, &[("prompt", "create")])).await;
    let values = [
        ("name", "Forged"),
        ("username", "forged"),
        ("email", "forged@example.com"),
        ("password", "a long enough password"),
        ("again", "a long enough password"),
    ];
    forge(&server, &victim, &page, "submit", &values).await;
    let page = login_page(&victim).await;
    let page = try_password(&victim, &page, "forged", "a long enough password").await;
    assert!(page.asks_password(), "the account was not created");
}

/// Nobody else signs a person out (the demo's form, and the plain one).
#[tokio::test]
async fn ui_02_forged_sign_out() {
    let server = Server::shared();
    let victim = Visitor::new(&server);
    sign_in(&victim, ALICE).await;
    for path in ["/demo/logout", "/sign-out"] {
        let url: Url = server.url(path).parse().unwrap();
        for headers in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("origin", "null"), ("sec-fetch-site", "same-site")],
        ] {
            let answer = victim.post(url.clone(), "where=everywhere".into(), headers).await;
            assert!(matches!(answer.status.as_u16(), 400 | 403), "{path}: {}", answer.status);
        }
        let answer = victim.send(Method::GET, url, None, &[]).await;
        assert_eq!(answer.status, 405, "{path}");
        assert!(is_signed_in(&victim).await, "{path}");
    }
    let home = victim.open("/").await;
    victim.submit(&home, "sign-out", &[]).await;
    assert!(!is_signed_in(&victim).await);
}

/// Nobody else answers whether to sign out.
#[tokio::test]
async fn ui_02_forged_logout() {
    let server = Server::shared();
    let victim = Visitor::new(&server);
    sign_in(&victim, ALICE).await;
    let page = victim.open("/end_session").await;
    assert!(page.url.path().starts_with("/logout/"), "{page:?}");
    for button in ["submit", "stay"] {
        forge(&server, &victim, &page, button, &[]).await;
    }
    let page = victim.submit(&page, "submit", &[]).await;
    assert!(page.body.contains("Sign-out success"), "{page:?}");
    assert!(!is_signed_in(&victim).await);
}

/// A stolen page is of no use to the thief, and neither is their own to somebody else.
#[tokio::test]
async fn ui_02_interaction_of_another_browser() {
    let server = Server::shared();
    let victim = Visitor::new(&server);
    let page = login_page(&victim).await;
    let thief = Visitor::new(&server);
    let stolen = thief.open(page.url.as_str()).await;
    assert!(stolen.status.is_client_error(), "{}", stolen.status);
    assert!(!stolen.asks_password());
}

/// RFC 8252 §8.6: what was agreed is remembered for a client whose identity is assured, and asked
/// again of everybody else.
#[tokio::test]
async fn ui_05_silent_consent_only_for_assured_clients() {
    let server = Server::start(Setup { name: "ui-05", ..Setup::default() });
    let visitor = Visitor::new(&server);
    for (client, redirect_uri, silent) in [
        (THIRD_PARTY, WEB, true),
        (THIRD_PARTY, LOCAL, false),
        (PUBLIC, WEB, false),
        (PUBLIC, LOCAL, false),
    ] {
        let url = authorize(client, &[("redirect_uri", redirect_uri)]);
        let first = visitor.open(&url).await;
        assert!(visitor.consent(first, ALICE).await.answer().contains_key("code"));
        let second = visitor.open(&url).await;
        assert_eq!(second.is_answer(), silent, "{} {redirect_uri}", client.id);
        assert_eq!(second.asks_consent(), !silent, "{} {redirect_uri}", client.id);
    }
    let more = authorize(THIRD_PARTY, &[("scope", "openid profile email phone")]);
    assert!(visitor.open(more).await.asks_consent(), "more than was agreed is asked");
}

/// What clients, requests and people write stays text; the browser test `hostile_text` parses it.
#[tokio::test]
async fn ui_06_markup_stays_text() {
    let server = Server::shared();
    let visitor = Visitor::new(&server);
    let payload = "\"'><script>alert(1)</script><svg onload=alert(2)>{{7777*7777}}&lt;";
    let login = visitor
        .open(authorize(HOSTILE, &[("login_hint", payload), ("scope", "openid profile <b>")]))
        .await;
    // `<b>` is a legal scope token (RFC 6749 §3.3) that nobody knows.
    let mut pages = vec![login.clone()];
    pages.push(try_password(&visitor, &login, payload, payload).await);
    pages.push(try_password(&visitor, &login, ALICE.0, ALICE.1).await);
    // Wherever the name is, it is held apart from what stands beside it.
    let name = format!("<bdi>{HOSTILE_SHOWN}</bdi>");
    for page in &pages {
        let (all, apart) = (page.body.matches(HOSTILE_SHOWN), page.body.matches(&name));
        let (all, apart) = (all.count(), apart.count());
        assert!(all > 0 && all == apart, "{all} {apart} {}", page.body);
    }
    assert!(pages[2].asks_consent(), "{}", pages[2].body);
    for query in [
        party::form(&[("client_id", payload)]),
        request(HOSTILE, &[("redirect_uri", payload)]),
        request(HOSTILE, &[("client_id", payload)]),
    ] {
        let page = visitor.open(format!("/authorize?{query}")).await;
        assert!(page.status.is_client_error());
        pages.push(page);
    }
    pages.push(visitor.open("/interaction/%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await);
    pages.push(visitor.open("/%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await);
    for page in pages {
        for tag in ["<script", "<svg onload", "<img src=x", "<b>"] {
            assert!(!page.body.contains(tag), "{tag} in {}", page.body);
        }
        assert!(!page.body.contains("60481729"), "a template evaluated it: {}", page.body);
        let bidi = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!page.body.contains(bidi), "bidi controls: {}", page.body);
    }
}

/// What differs between two answers to a wrong login, once what was typed and the tokens are out.
pub(super) fn shape(page: &Page, login: &str) -> (StatusCode, Vec<(String, String)>, String) {
    let token = page.url.path().rsplit('/').next().unwrap();
    let clean = |text: &str| text.replace(token, "TOKEN").replace(&format!("\"{login}\""), "LOGIN");
    let mut headers: Vec<_> = page
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "content-length"))
        .map(|(name, value)| (name.to_string(), clean(value.to_str().unwrap())))
        .collect();
    headers.sort();
    (page.status, headers, clean(&page.body))
}

/// Nobody learns from the answer who has an account.
#[tokio::test]
async fn ui_09_no_user_enumeration() {
    let disabled = "[[users]]\nusername = \"dora\"\npassword = \"the password of dora\"\n\
                    sub = \"sub-of-dora\"\ndisabled = true\n";
    let server = Server::start(Setup { name: "ui-09", tables: disabled, ..Setup::default() });
    let mut shapes = Vec::new();
    for (what, login, password) in [
        ("wrong password", ALICE.0, WRONG),
        ("nobody", "nobody", WRONG),
        ("empty password", ALICE.0, ""),
        ("nobody, empty password", "nobody", ""),
        ("disabled, wrong", "dora", WRONG),
        ("disabled, right", "dora", "the password of dora"),
        ("long password", ALICE.0, &"p".repeat(5000)),
        ("e-mail address", "alice@example.com", WRONG),
        ("nobody's e-mail address", "nobody@example.com", WRONG),
    ] {
        let visitor = Visitor::new(&server);
        let page = login_page(&visitor).await;
        let answer = try_password(&visitor, &page, login, password).await;
        assert!(answer.asks_password(), "{what}");
        assert!(answer.body.contains("id=\"error\""), "{what}");
        shapes.push((what, shape(&answer, login)));
    }
    for (what, shape) in &shapes[1..] {
        assert_eq!(*shape, shapes[0].1, "{what} differs from {}", shapes[0].0);
    }
}

/// An unknown name costs the server as much work as a wrong password: a hash is worked out for it.
/// (Processor time of the server alone, and a factor of four: it is either that, or none.)
#[tokio::test]
async fn ui_09_a_hash_runs_for_everybody() {
    let limits = "[limits]\nlogin_failures = 1000\nlogin_failures_per_source = 1000\n";
    let server = Server::start(Setup { name: "ui-09-work", tables: limits, ..Setup::default() });
    let visitor = Visitor::new(&server);
    let page = login_page(&visitor).await;
    let mut spent = Vec::new();
    for (login, password) in [(ALICE.0, WRONG), ("nobody", WRONG), (ALICE.0, "")] {
        let before = server.processor_ticks();
        for _ in 0..5 {
            assert!(try_password(&visitor, &page, login, password).await.asks_password());
        }
        spent.push(server.processor_ticks() - before);
    }
    assert!(spent.iter().all(|ticks| ticks * 4 > spent[0]), "{spent:?}");
}

/// Guesses are counted by account, whatever name it is given; those of others and who is signed in
/// already are not in it.
#[tokio::test]
async fn ui_10_guessing_through_aliases() {
    let limits = "[limits]\nlogin_failures = 6\nperiod = 3600\n";
    let server = Server::start(Setup { name: "ui-10", tables: limits, ..Setup::default() });
    let (guesser, elsewhere) = (Ipv4Addr::new(127, 0, 0, 66), Ipv4Addr::new(127, 0, 0, 2));
    let signed_in = Visitor::from_address(&server, guesser);
    sign_in(&signed_in, ALICE).await;

    let visitor = Visitor::from_address(&server, guesser);
    let page = login_page(&visitor).await;
    let aliases = ["alice", "ALICE", " alice ", "Alice@Example.com", "alice@example.com", "aLiCe"];
    for (number, alias) in aliases.into_iter().enumerate() {
        // Nor does it help to pretend to come from elsewhere.
        let pretended = format!("198.51.100.{number}");
        let (url, body) = page.filled_in("submit", &[("login", alias), ("password", WRONG)]);
        let headers = [("x-forwarded-for", &*pretended), ("forwarded", "for=198.51.100.9")];
        let answer = visitor.post(url, body, &headers).await;
        assert_ne!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{alias}");
        assert!(answer.asks_password());
    }
    for alias in aliases {
        let answer = try_password(&visitor, &page, alias, ALICE.1).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{alias}");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait), "{wait}");
        assert!(answer.asks_password(), "a person may want to try another account");
    }
    assert!(!is_signed_in(&visitor).await);

    assert!(is_signed_in(&signed_in).await, "a session is not touched");
    let other = sign_in(&Visitor::from_address(&server, guesser), BOB).await;
    assert!(other.answer().contains_key("code"), "another account is not touched");
    let owner = sign_in(&Visitor::from_address(&server, elsewhere), ALICE).await;
    assert!(owner.answer().contains_key("code"), "the owner elsewhere is not locked out");
}

/// RFC 9700 §4.12: after a POST the browser goes on with a GET, so that no password is sent on.
#[tokio::test]
async fn ui_13_every_redirect_is_303() {
    let server = Server::shared();
    let visitor = Visitor::new(&server);
    let mut answers = Vec::new();
    let post = server.url("/authorize").parse::<Url>().unwrap();
    answers.push(visitor.post(post, request(FIRST_PARTY, &[]), &[]).await);
    let login = visitor.open(authorize(FIRST_PARTY, &[])).await;
    answers.push(try_password(&visitor, &login, ALICE.0, ALICE.1).await);
    let both = [("prompt", "login consent")];
    let login = visitor.open(authorize(THIRD_PARTY, &both)).await;
    let consent = try_password(&visitor, &login, ALICE.0, ALICE.1).await;
    answers.push(visitor.submit(&consent, "cancel", &[]).await);
    answers.push(visitor.submit(&consent, "submit", &[]).await);
    let select = visitor.open(authorize(FIRST_PARTY, &[("prompt", "select_account")])).await;
    answers.push(visitor.submit(&select, "submit", &[]).await);
    answers.push(visitor.open(authorize(FIRST_PARTY, &[("max_age", "nonsense")])).await);
    for answer in answers {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        assert!(answer.redirects.iter().all(|status| *status == StatusCode::SEE_OTHER));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}
