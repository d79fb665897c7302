//! The endpoint: what it takes, whom it ends, and where it goes on.

use oidc_op::{Duration, LogoutVerdict, Reason, What};
use serde_json::{Value, json};

use super::{OUT, OUT_WITH_QUERY, going_on, id_token, is_signed_out, setup, signed_in};
use crate::support::{
    ALICE, BOB, Browser, Op, claims, form, keyed,
    keys::{self, hs256, seal, sign},
};

/// RP-Initiated Logout §2: GET and POST, and a POST from another site, which comes without cookies, from our own
/// page once more.
#[tokio::test]
async fn a_post_comes_back_with_its_cookies() {
    let (_, browser, hint) = signed_in().await;
    let request = [
        ("id_token_hint", &*hint),
        ("post_logout_redirect_uri", OUT_WITH_QUERY),
        ("state", "\"><script>&\r\n"),
        ("ui_locales", "fr de"),
        ("unknown", "x"),
    ];
    let state = "state=%22%3E%3Cscript%3E%26%0D%0A";
    let body = form(&request);
    let post = async |browser: &mut Browser, body: &str, cookies| {
        browser.send("POST", "/end_session", "", &[], body, Some(cookies)).await
    };
    // from our own site: at once
    let own = post(&mut browser.clone(), &body, true).await;
    assert_eq!(going_on(&own).0, Some(format!("{OUT_WITH_QUERY}&{state}")));

    let (_, mut browser, hint) = signed_in().await;
    let mut request = request;
    request[0].1 = &hint;
    let page = post(&mut browser, &form(&request), false).await;
    super::is_protected(&page);
    let sent = crate::support::Sent::of(&page);
    assert_eq!(sent.to, "https://id.example/end_session");
    assert_eq!(
        sent.names(),
        ["id_token_hint", "op_again", "post_logout_redirect_uri", "state", "ui_locales"]
    );
    assert_eq!(page.html().matches("<script").count(), 1, "the page's own");
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("form-action"), "browsers apply it to the redirect: {policy}");
    assert!(!is_signed_out(&mut browser).await, "nothing has ended");
    let again: Vec<_> = sent.parameters.iter().map(|(n, v)| (&**n, &**v)).collect();
    let answer = post(&mut browser, &form(&again), true).await;
    assert_eq!(going_on(&answer).0, Some(format!("{OUT_WITH_QUERY}&{state}")));
    assert!(is_signed_out(&mut browser).await);

    // whoever has no cookie at all is asked once, and is nobody then
    let (op, _, hint) = signed_in().await;
    let mut nobody = Browser::new(&op);
    let request = form(&[("id_token_hint", &hint), ("post_logout_redirect_uri", OUT)]);
    assert_eq!(post(&mut nobody, &request, true).await.status(), 200);
    let answer = post(&mut nobody, &format!("{request}&op_again=1"), true).await;
    assert_eq!(answer.header("location"), Some(OUT));
    // a mistake is one at once
    let wrong = format!("{request}/");
    post(&mut nobody, &wrong, true).await.is_page_error(Reason::PostLogoutUriMismatch);
}

#[tokio::test]
async fn what_is_no_request() {
    let (op, mut browser, hint) = signed_in().await;
    let get = |query: String| {
        let mut browser = browser.clone();
        async move { browser.send("GET", "/end_session", &query, &[], "", None).await }
    };
    for name in [
        "id_token_hint",
        "client_id",
        "logout_hint",
        "post_logout_redirect_uri",
        "state",
        "ui_locales",
        "op_again",
    ] {
        let answer = get(format!("{name}=a&{name}=a")).await;
        answer.is_page_error(Reason::ParameterRepeated);
    }
    get("x=1&".repeat(101)).await.is_page_error(Reason::TooManyParameters);
    get("x".repeat(33 * 1024)).await.is_page_error(Reason::BodyTooLarge);
    let body = form(&[("id_token_hint", &hint), ("state", "x")]);
    let query = form(&[("state", "x")]);
    let both = browser.send("POST", "/end_session", &query, &[], &body, None).await;
    both.is_page_error(Reason::ParameterRepeated);
    for method in ["HEAD", "PUT", "DELETE", "OPTIONS"] {
        let answer = op.send(method, "/end_session", "", &[], "").await;
        assert_eq!((answer.status(), answer.header("allow")), (405, Some("GET, POST")), "{method}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let json = [("content-type", "application/json")];
    let answer = op.send("POST", "/end_session", "", &json, "{}").await;
    answer.is_page_error(Reason::MediaType);
    assert!(!is_signed_out(&mut browser).await);
}

/// Only a client that there is: unknown and disabled ones end nothing.
#[tokio::test]
async fn unknown_clients() {
    let mut setup = setup();
    for client in &mut setup.clients {
        client.enabled = client.id.as_str() != "mute";
    }
    let op = setup.build();
    let mut browser = Browser::new(&op);
    let hint = id_token(&mut browser, "shop", ALICE).await;
    let mut said = claims(&hint);
    for aud in [json!("mute"), json!(["nobody", "shop"]), json!("nobody"), json!("\u{0}")] {
        said["aud"] = aud;
        let hint = sign(&json!({"alg": "HS256"}), &said, &*hs256("x".repeat(64)));
        let answer = browser.end_session(&[("id_token_hint", &hint)]).await;
        answer.is_page_error(Reason::ClientUnknown);
    }
    for id in ["nobody", "mute", "a\u{0}b"] {
        browser.end_session(&[("client_id", id)]).await.is_page_error(Reason::ClientUnknown);
    }
    for aud in [Value::Null, json!([]), json!([1]), json!({"a": 1})] {
        said["aud"] = aud;
        let hint = sign(&json!({"alg": "HS256"}), &said, &*hs256("x".repeat(64)));
        let answer = browser.end_session(&[("id_token_hint", &hint)]).await;
        answer.is_page_error(Reason::LogoutHintInvalid);
    }
    assert!(!is_signed_out(&mut browser).await);
}

/// RP-Initiated Logout §4: it is no error that nobody is signed in; §3: without an ID token nobody is sent on
/// unasked.
#[tokio::test]
async fn nobody_is_signed_in() {
    let (op, mut browser, hint) = signed_in().await;
    browser.end_session(&[("id_token_hint", &hint)]).await.signed_out();
    op.recorder.take();
    for mut browser in [Browser::new(&op), browser] {
        let with_hint = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
        let answer = browser.end_session(&[&with_hint[..], &[("state", "x")]].concat()).await;
        assert_eq!(answer.header("location"), Some("https://shop.example/out?state=x"));
        assert_eq!(answer.header("set-cookie"), None);
        let answer = browser.end_session(&with_hint[..1]).await;
        let signed_out = answer.signed_out();
        assert_eq!((signed_out.ended.len(), &signed_out.redirect), (0, &None));
        let named = [("client_id", "shop"), ("post_logout_redirect_uri", OUT), ("state", "x")];
        let answer = browser.end_session(&named).await;
        let signed_out = answer.signed_out();
        assert_eq!(signed_out.redirect.as_deref(), Some("https://shop.example/out?state=x"));
        let page = crate::support::Answer::Reply(signed_out.reply());
        assert!(page.html().contains("href=\"https://shop.example/out?state=x\""));
        assert_eq!((going_on(&page).0, page.header("refresh")), (None, None), "a link");
        assert!(browser.end_session(&[]).await.signed_out().client.is_none());
    }
    assert_eq!(op.recorder.take(), []);
}

/// An ID token of long ago is as good; one of a session that has run out as well.
#[tokio::test]
async fn an_expired_hint() {
    let (op, mut browser, hint) = signed_in().await;
    op.wait(7 * 3600);
    let request = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
    assert_eq!(going_on(&browser.clone().end_session(&request).await).0.as_deref(), Some(OUT));
    op.wait(366 * 86_400);
    assert_eq!(browser.end_session(&request).await.header("location"), Some(OUT));
}

/// What its client made, encrypted, or addressed to several; and what is no ID token.
#[tokio::test]
async fn hints_of_other_kinds() {
    let mut setup = setup();
    let out = json!({
        "id_token_signed_response_alg": "HS256", "post_logout_redirect_uris": ["https://mac.example/out"],
        "response_types": ["code", "code id_token"], "grant_types": ["authorization_code", "implicit"]
    });
    setup.clients.push(keyed("mac", &out));
    let op = setup.build();
    let mut browser = Browser::new(&op);
    let hint = id_token(&mut browser, "mac", ALICE).await;
    let out = ("post_logout_redirect_uri", "https://mac.example/out");
    let said = claims(&hint);
    let made = |typ: &str, said: &Value| {
        sign(&json!({"alg": "HS256", "typ": typ}), said, &*hs256(keys::KEPT))
    };
    let to = op.jwks().await;
    let to = to["keys"].as_array().unwrap().iter().find(|key| key["alg"] == "ECDH-ES").unwrap();
    let sealed = seal(&hint, &json!({"cty": "JWT"}), to);
    let ends = async |request: &[(&str, &str)]| {
        let answer = browser.clone().end_session(&[request, &[out]].concat()).await;
        (answer.status(), answer.header("location").map(str::to_owned))
    };
    let refused = |answer: (u16, Option<String>)| assert_eq!(answer, (400, None));
    refused(ends(&[("id_token_hint", &sealed)]).await);
    for typ in ["logout+jwt", "at+jwt", "secevent+jwt"] {
        refused(ends(&[("id_token_hint", &made(typ, &said))]).await);
    }
    refused(ends(&[("id_token_hint", &made("JWT", &said)), ("client_id", "shop")]).await);
    let mut without = said.clone();
    without.as_object_mut().unwrap().remove("exp");
    refused(ends(&[("id_token_hint", &made("JWT", &without))]).await);
    assert!(!is_signed_out(&mut browser.clone()).await, "nothing has ended");

    // without `sid` it names nobody's session, and the person is asked
    let mut without = said.clone();
    without.as_object_mut().unwrap().remove("sid");
    let request = [("id_token_hint", &*made("JWT", &without))];
    assert_eq!(browser.clone().end_session(&request).await.confirmation().accounts.len(), 1);
    let mut several = said;
    several["aud"] = json!(["mac", "other"]);
    let good = (303, Some("https://mac.example/out".to_owned()));
    for request in [
        &[("id_token_hint", &*made("JWT", &several))][..],
        &[("id_token_hint", &*sealed), ("client_id", "mac")],
        &[("id_token_hint", &*hint), ("client_id", "mac")],
    ] {
        assert_eq!(ends(request).await, good, "{request:?}");
    }
}

/// `client_id` must be the one that the ID token was issued to (§2).
#[tokio::test]
async fn another_clients_hint() {
    let (_, mut browser, hint) = signed_in().await;
    for client in ["mute", "news", "pairwise-a"] {
        let request = [("id_token_hint", &*hint), ("client_id", client)];
        browser.end_session(&request).await.is_page_error(Reason::LogoutClientDiffers);
    }
    assert!(!is_signed_out(&mut browser).await);
}

/// With several accounts an ID token ends its own session, and the others stay.
#[tokio::test]
async fn a_hint_ends_its_own_session() {
    let op = setup().build();
    let mut browser = Browser::new(&op);
    let alices = id_token(&mut browser, "shop", ALICE).await;
    browser.sign_in(BOB).await;
    let answer = browser.end_session(&[("id_token_hint", &alices)]).await;
    let signed_out = answer.signed_out();
    let names = |subjects: &[oidc_op::Subject]| {
        subjects.iter().map(|subject| subject.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&signed_out.ended), [ALICE]);
    assert_eq!(names(&signed_out.remaining), [BOB]);
    let html = String::from_utf8(signed_out.reply().body).unwrap();
    assert!(html.contains("Another account is still signed in"), "{html}");
    assert_eq!(browser.accounts().await, [BOB]);
    // afterwards it is the ID token of another session: Bob is asked, and stays
    let answer = browser.end_session(&[("id_token_hint", &alices)]).await;
    assert_eq!(names(&answer.confirmation().accounts), [BOB]);
    assert_eq!(browser.accounts().await, [BOB]);
}

/// The pairwise name of a hint picks the right account.
#[tokio::test]
async fn a_hint_names_whom_it_is_about() {
    let op = setup().build();
    let mut elsewhere = Browser::new(&op);
    let hint = id_token(&mut elsewhere, "pairwise-a", ALICE).await;
    let mut browser = Browser::new(&op);
    browser.sign_in(ALICE).await;
    browser.sign_in(BOB).await;
    let answer = browser.end_session(&[("id_token_hint", &hint), ("logout_hint", "al")]).await;
    let question = answer.confirmation();
    let names: Vec<_> = question.accounts.iter().map(oidc_op::Subject::as_str).collect();
    assert_eq!(names, [ALICE, BOB]);
    assert_eq!(question.logout_hint.as_deref(), Some("al"));
    let token = question.token.clone();
    browser.confirm(&token, LogoutVerdict::SignOut).await.signed_out();
    assert_eq!(browser.accounts().await, [BOB]);
    assert_eq!(elsewhere.accounts().await, [ALICE], "another browser's session");
    let seen = op.recorder.take();
    assert_eq!(seen.iter().filter(|(what, _)| *what == What::SignedOut).count(), 1);
}

/// A host with sessions of its own has no such endpoint.
#[tokio::test]
async fn host_sessions() {
    let mut setup = setup();
    setup.config.host_sessions = true;
    let op: Op = setup.build();
    let metadata = op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json();
    for member in ["end_session_endpoint", "frontchannel_logout_supported"] {
        assert_eq!(metadata.get(member), None);
    }
    let answer = op.send("GET", "/end_session", "", &[], "").await;
    assert!(matches!(answer, crate::support::Answer::Elsewhere));
    assert!(!op.provider.paths().contains(&"/end_session"));
}

/// An issuer with a path, and another place of the endpoint.
#[tokio::test]
async fn the_endpoint_elsewhere() {
    let mut setup = setup();
    setup.config.issuer = oidc_op::Issuer::new("https://id.example/base").unwrap();
    setup.config.paths.end_session = "/bye".into();
    setup.config.lifetimes.session = Duration::hours(1);
    let op = setup.build();
    assert!(op.provider.paths().contains(&"/base/bye"));
    let at = "/base/.well-known/openid-configuration";
    let metadata = op.send("GET", at, "", &[], "").await.json();
    assert_eq!(metadata["end_session_endpoint"], "https://id.example/base/bye");
    op.send("GET", "/base/bye", "", &[], "").await.signed_out();
}
