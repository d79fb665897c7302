//! Parameters of the host's own, from the request to its pages (OIDC Core §3.1.2.1: all others are
//! ignored).

use oidc_op::{Reason, RequestObjectMode};
use serde_json::{Value, json};

use crate::support::{
    ALICE, Answer, Ask, Browser, FLOWS, Op, Place, Sent, Setup, form, keys::es256,
};

const STATE: Option<&str> = Some("af0ifjsldkj");

fn setup() -> Setup {
    let mut setup = Setup::full();
    setup.config.parameters = vec!["login_otp".into(), "brand".into()];
    setup
}

#[track_caller]
fn said<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.page().parameter(name)
}

/// With every response type, at the first page, the same page again, and the next one; nothing of what
/// nobody has declared.
#[tokio::test]
async fn they_reach_every_page() {
    let op = setup().build();
    for flow in FLOWS {
        let ask = flow.ask().with("login_otp", "a b+&=\u{e9}").with("brand", "").with("x", "y");
        let ask = ask.with("prompt", "consent");
        let mut browser = Browser::new(&op);
        let answer = browser.authorize(&ask.pairs()).await;
        let token = answer.page().token.clone();
        for answer in [answer, browser.open(&token).await, browser.login(&token, ALICE).await] {
            assert_eq!(said(&answer, "login_otp"), Some("a b+&=\u{e9}"), "{flow:?}");
            for absent in ["brand", "x", "state", "client_id", "", "Login_otp"] {
                assert_eq!(said(&answer, absent), None, "{absent}");
            }
        }
        // they are no part of the answer, and no page is shown for them
        let answer = browser.open(&token).await;
        let sent = Sent::of(&browser.follow(answer, ALICE).await);
        assert!(!sent.names().contains(&"login_otp"), "{sent:?}");
        Browser::new(&op).quiet(&ask.with("prompt", "none")).await.is_error(
            "login_required",
            flow.place(),
            STATE,
            "prompt=none",
        );
    }
}

/// By POST, in the body or the query, as well; also when the browser must come back by GET.
#[tokio::test]
async fn by_post() {
    let op = setup().build();
    let (all, own) = (form(&Op::request()), form(&[("login_otp", "123")]));
    for (query, body) in [("", format!("{all}&{own}")), (&*own, all.clone()), (&*all, own.clone())]
    {
        let mut browser = Browser::new(&op);
        let answer = browser.authorize_by_post(query, &body).await;
        let (_, parameters) = answer.redirect();
        let again = form(&[("op_continue", &parameters["op_continue"])]);
        let answer = browser.call("GET", &again, &[], "", None).await;
        assert_eq!(said(&answer, "login_otp"), Some("123"), "{query} {body}");
        // what stands beside it on the way back does not count
        let answer = browser.call("GET", &format!("{again}&brand=x"), &[], "", None).await;
        assert_eq!((said(&answer, "brand"), said(&answer, "login_otp")), (None, Some("123")));
    }
}

/// RFC 6749 §3.1; threat AZ-01: once, or the client hears so.
#[tokio::test]
async fn az_01_once() {
    let op = setup().build();
    for flow in FLOWS {
        for second in ["1", "2", ""] {
            let mut twice = flow.ask().with("login_otp", "1");
            twice.0.push(("login_otp".into(), second.into()));
            let sent = Browser::new(&op).quiet(&twice).await;
            sent.is_error("invalid_request", flow.place(), STATE, second);
            // nobody's may repeat
            let mut unknown = flow.ask().with("x", "1");
            unknown.0.push(("x".into(), second.into()));
            let answer = Browser::new(&op).authorize(&unknown.pairs()).await;
            assert!(matches!(answer, Answer::Page(_)), "{answer:?}");
        }
    }
}

/// OIDC Core §6.1, RFC 9101 §5: what a request object says counts, and where only it counts, only that.
#[tokio::test]
async fn in_request_objects() {
    for (mode, inside, outside, expected) in [
        (RequestObjectMode::Oidc, Some(json!("in")), "", Ok(Some("in"))),
        (RequestObjectMode::Oidc, Some(json!("in")), "out", Ok(Some("in"))),
        (RequestObjectMode::Oidc, None, "out", Ok(Some("out"))),
        (RequestObjectMode::Oidc, Some(json!(123)), "", Ok(Some("123"))),
        (RequestObjectMode::Oidc, Some(json!(["in"])), "", Err(())),
        (RequestObjectMode::Oidc, Some(json!({"a": 1})), "", Err(())),
        (RequestObjectMode::Oidc, Some(Value::Null), "", Err(())),
        (RequestObjectMode::Jar, Some(json!("in")), "out", Ok(Some("in"))),
        (RequestObjectMode::Jar, None, "out", Ok(None)),
    ] {
        let mut setup = setup();
        setup.config.policy.request_object = mode;
        let op = setup.build();
        let ask = Ask::of("ro", "code");
        let mut object = json!({});
        for (name, value) in ask.pairs() {
            object[name] = value.into();
        }
        if let Some(inside) = &inside {
            object["login_otp"] = inside.clone();
        }
        let what = format!("{mode:?} {inside:?} {outside}");
        let ask = ask.with("login_otp", outside).with("request", &es256(&object));
        let answer = Browser::new(&op).authorize(&ask.pairs()).await;
        if let Ok(expected) = expected {
            assert_eq!(said(&answer, "login_otp"), expected, "{what}");
        } else {
            let sent = Sent::of(&answer);
            sent.is_error("invalid_request_object", Place::Query, STATE, &what);
        }
    }
}

/// One too large for an address is stored with the rest; it is in no print of the page, nor in its token.
#[tokio::test]
async fn large_ones_and_secret_ones() {
    let op = setup().build();
    let large = "hush".repeat(5_000);
    for value in ["hush", &*large] {
        let mut browser = Browser::new(&op);
        let ask = Ask::of("conf-basic", "code").with("login_otp", value);
        let answer = browser.authorize(&ask.pairs()).await;
        let token = answer.page().token.clone();
        assert!(token.len() <= 4096 && !token.contains("hush"));
        assert!(!format!("{answer:?}").contains("hush"));
        assert_eq!(said(&browser.login(&token, ALICE).await, "login_otp"), Some(value));
    }
}

/// One that is not declared any more is ignored.
#[tokio::test]
async fn declared_no_more() {
    let before = setup();
    let mut after = Setup::full();
    (after.store, after.clock) = (before.store.clone(), before.clock.clone());
    let (before, after) = (before.build(), after.build());
    let mut browser = Browser::new(&before);
    let ask = Ask::of("conf-basic", "code").with("login_otp", "123");
    let token = browser.authorize(&ask.pairs()).await.page().token.clone();
    let answer = browser.at(&after).login(&token, ALICE).await;
    assert_eq!(said(&answer, "login_otp"), None);
    Browser::new(&after).open(&token).await.is_page_error(Reason::BrowserCookieMissing);
}

/// No name that means something already, to a client, to the provider or to a request object.
#[test]
fn names() {
    let found = |names: &[&str]| {
        let mut setup = Setup::new();
        setup.config.parameters = names.iter().map(|name| (*name).into()).collect();
        setup.config.contradictions()
    };
    assert_eq!(found(&["login_otp", "a.b-c~1", &"a".repeat(64)]), [""; 0]);
    for (name, why) in [
        ("", "is not 1 to 64"),
        ("a b", "is not 1 to 64"),
        ("a&b", "is not 1 to 64"),
        ("stra\u{df}e", "is not 1 to 64"),
        (&*"a".repeat(65), "is not 1 to 64"),
        ("prompt", "has a meaning already"),
        ("request", "has a meaning already"),
        ("request_uri", "has a meaning already"),
        ("op_continue", "has a meaning already"),
        ("exp", "has a meaning already"),
        ("client_secret", "has a meaning already"),
    ] {
        let found = found(&[name]);
        assert!(found.len() == 1 && found[0].starts_with("parameters: "), "{name}: {found:?}");
        assert!(found[0].contains(why), "{name}: {found:?}");
    }
    assert_eq!(found(&["a", "b", "a"]), ["parameters: \"a\" is there twice"]);
}
