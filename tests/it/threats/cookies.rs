//! SE: what stands in the cookies.

use oidc_op::{Need, Secret, Secrets, Subject};

use crate::support::{ALICE, Answer, BOB, Browser, Op, Setup, claims, form};

const SESSION: &str = "__Host-op_session";

/// Sends a request with this `Cookie` header.
async fn send(op: &Op, request: &[(&str, &str)], cookies: &str) -> Answer {
    op.send("GET", "/authorize", &form(request), &[("cookie", cookies)], "").await
}

/// Nobody is signed in: no page helps a client that allows none, and the others get a login page.
async fn is_nobody(op: &Op, cookies: &str, what: &str) {
    let answer = send(op, &Op::request_with(&[("prompt", "none")]), cookies).await;
    assert_eq!(answer.status(), 303, "{what}");
    assert_eq!(answer.parameter("error"), "login_required", "{what}");
    match send(op, &Op::request(), cookies).await {
        Answer::Page(page) => {
            assert_eq!(
                (page.need, page.subject, page.accounts),
                (Need::Login, None, vec![]),
                "{what}"
            );
        }
        other => panic!("{what}: {other:?}"),
    }
}

/// Who gets a code without a page.
async fn who(op: &Op, cookies: &str, what: &str) -> String {
    let answer = send(op, &Op::request_with(&[("prompt", "none")]), cookies).await;
    let (_, parameters) = answer.redirect();
    let code = parameters.get("code").unwrap_or_else(|| panic!("{what}: {parameters:?}"));
    let tokens = op.redeem(code).await;
    claims(&tokens.member("id_token"))["sub"].as_str().unwrap().to_owned()
}

/// A browser where this person has signed in and agreed: the cookie's value, and another code.
async fn signed_in(op: &Op, who: &str) -> (Browser, String, String) {
    let mut browser = Browser::new(op);
    let code = browser.code(&Op::request(), who).await;
    let handle = browser.cookies[SESSION].clone();
    (browser, handle, code)
}

/// The same text with another character there.
fn flipped(text: &str, at: usize) -> String {
    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

/// Whatever is in the cookie, nobody is signed in by it who has no session, and nothing breaks.
#[tokio::test]
async fn se_03_damaged_cookies() {
    let op = Op::new();
    let (browser, good, code) = signed_in(&op, ALICE).await;
    let (_, bobs, _) = signed_in(&op, BOB).await;
    let mut setup = Setup::new();
    setup.seed = 2;
    setup.secrets = Secrets::new(Secret::new([9; 32]).unwrap());
    let (_, elsewhere, _) = signed_in(&setup.build(), ALICE).await;
    assert_eq!(good.len(), 64);
    assert_eq!(who(&op, &format!("{SESSION}={good}"), "as it is").await, ALICE);

    let mut values: Vec<(String, String)> = [
        ("empty", String::new()),
        ("truncated", good[..63].into()),
        ("its beginning", good[..32].into()),
        ("its end", good[1..].into()),
        ("one character", good[..1].into()),
        ("one character more", format!("{good}A")),
        ("padded", format!("{good}=")),
        ("twice, without a dot", good.repeat(2)),
        ("a dot within", format!("{}.{}", &good[..32], &good[32..])),
        ("one dot", ".".into()),
        ("dots", "....".into()),
        ("8 KiB of dots", ".".repeat(8192)),
        ("8 KiB", "A".repeat(8192)),
        ("8 KiB that begin well", format!("{good}{}", "A".repeat(8192))),
        ("8 KiB of handles that are none", format!("{}.", "A".repeat(64)).repeat(126)),
        ("zeros", "A".repeat(64)),
        ("in quotes", format!("\"{good}\"")),
        ("as a URL has it", format!("%{:02X}{}", good.as_bytes()[0], &good[1..])),
        ("not ASCII", format!("{}é", &good[..62])),
        ("another alphabet", "+/".repeat(32)),
        ("one's id, another's secret", format!("{}{}", &good[..24], &bobs[24..])),
        ("that of the browser", browser.cookies["__Host-op_browser"].clone()),
        ("a code", code),
        ("of another deployment", elsewhere),
    ]
    .map(|(what, value)| (what.into(), value))
    .into();
    values.extend((0..64).map(|at| (format!("character {at}"), flipped(&good, at))));
    for (what, value) in &values {
        assert_ne!(*value, good, "{what}");
        for cookies in [
            format!("{SESSION}={value}"),
            format!("{SESSION}={value}; {SESSION}={value}"),
            format!("a=b; {SESSION}={value}; {SESSION}=; {SESSION}"),
            format!("{SESSION}={value}.{value}"),
        ] {
            is_nobody(&op, &cookies, what).await;
        }
    }
    for name in ["op_session", "__host-op_session", "__Host-op_session2", "__Host-op_browser"] {
        is_nobody(&op, &format!("{name}={good}"), name).await;
    }
    assert_eq!(who(&op, &format!("{SESSION}={good}"), "after all that").await, ALICE);
}

/// A damaged handle takes no other account along, wherever it stands.
#[tokio::test]
async fn se_03_a_good_one_beside_a_damaged_one() {
    let op = Op::new();
    let (_, good, code) = signed_in(&op, ALICE).await;
    let (_, bobs, _) = signed_in(&op, BOB).await;
    for damaged in
        [String::new(), code, "x".into(), good[..63].into(), flipped(&good, 20), flipped(&good, 60)]
    {
        for value in [format!("{damaged}.{bobs}"), format!("{bobs}.{damaged}")] {
            let cookies = format!("{SESSION}={value}");
            assert_eq!(who(&op, &cookies, &value).await, BOB, "{value}");
            let wanted = Op::request_with(&[("prompt", "select_account")]);
            let answer = send(&op, &wanted, &cookies).await;
            assert_eq!(answer.page().accounts, [Subject::new(BOB).unwrap()], "{value}");
        }
    }
    // one name twice: what is no handle at all is passed over
    for damaged in ["", "junk", "...", &good[1..]] {
        let cookies = format!("{SESSION}={damaged}; {SESSION}={bobs}");
        assert_eq!(who(&op, &cookies, damaged).await, BOB, "{damaged}");
    }
}
