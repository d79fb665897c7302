//! "Your apps and devices": what a person has given, and the buttons that take it back.

use reqwest::{Method, StatusCode};

use super::{
    back_channel::{introspect, refresh, tokens, userinfo},
    fixture::{ALICE, BOB, HOSTILE, HOSTILE_SHOWN, LENIENT, STRICT, THIRD_PARTY},
    party::{authorize, is_signed_in},
    server::{Server, Setup},
    visitor::{Page, Visitor},
};

/// A server whose people have given nothing yet.
fn fresh(name: &str) -> Server {
    Server::start(Setup { name, ..Setup::default() })
}

/// The names of the apps that are on the page, in the part with this kind of button.
fn listed(page: &Page, kind: &str) -> Vec<String> {
    assert_eq!((page.url.path(), page.status), ("/apps", StatusCode::OK), "{page:?}");
    let title = format!("<h3 id=\"{kind}-");
    let titles = page.body.split(&title).skip(1);
    let names = titles.filter_map(|rest| rest.split("<bdi>").nth(1)?.split("</bdi>").next());
    names.map(str::to_owned).collect()
}

/// Each app is there with what it may do, and ending it ends its tokens, and nobody else's.
#[tokio::test]
async fn ending_a_grant_ends_its_tokens() {
    let server = fresh("apps");
    let (alice, bob) = (Visitor::new(&server), Visitor::new(&server));
    let kept = tokens(&server, &alice, STRICT, ALICE, &[]).await;
    let ended = tokens(&server, &alice, LENIENT, ALICE, &[]).await;
    let bobs = tokens(&server, &bob, LENIENT, BOB, &[]).await;

    let home = alice.open("/").await;
    assert!(home.body.contains("id=\"your-apps\" href=\"/apps\""), "{}", home.body);
    let page = alice.open("/apps").await;
    let names = listed(&page, "grant");
    assert_eq!(names.len(), 2, "{names:?}");
    for words in [
        "Know who you are",
        "See your e-mail address",
        "Keep access while you are away",
        "Works while you are away",
        "UTC",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let number = names.iter().position(|name| name == LENIENT.name).unwrap() + 1;
    let after = alice.submit(&page, &format!("end-{number}"), &[]).await;
    assert_eq!(listed(&after, "grant"), [STRICT.name]);
    assert!(after.body.contains("id=\"notice\""), "{}", after.body);

    let refused = refresh(&server, LENIENT, &ended.text("refresh_token")).await;
    refused.is_error(400, "invalid_grant");
    assert_eq!(userinfo(&server, &ended.text("access_token")).await, 401);
    assert_eq!(userinfo(&server, &kept.text("access_token")).await, 200);
    assert_eq!(refresh(&server, STRICT, &kept.text("refresh_token")).await.status, 200);
    assert_eq!(refresh(&server, LENIENT, &bobs.text("refresh_token")).await.status, 200);
    // A form that is sent twice is no error.
    let again = alice.submit(&page, &format!("end-{number}"), &[]).await;
    assert_eq!(listed(&again, "grant"), [STRICT.name]);
}

/// A consent that is taken back: the app asks again, and its refresh tokens have ended.
#[tokio::test]
async fn what_was_agreed_can_be_taken_back() {
    let server = fresh("consents");
    let visitor = Visitor::new(&server);
    let given = tokens(&server, &visitor, STRICT, ALICE, &[]).await;
    let silently = [("prompt", "none"), ("scope", "openid email offline_access")];
    assert!(visitor.open(authorize(STRICT, &silently)).await.answer().contains_key("code"));

    let page = visitor.open("/apps").await;
    assert_eq!(listed(&page, "consent"), [STRICT.name]);
    let after = visitor.submit(&page, "withdraw-1", &[]).await;
    assert_eq!(listed(&after, "consent"), [""; 0]);
    let refused = refresh(&server, STRICT, &given.text("refresh_token")).await;
    refused.is_error(400, "invalid_grant");
    let answer = visitor.open(authorize(STRICT, &silently)).await.answer();
    assert_eq!(answer["error"], "consent_required");
}

/// Where a person is signed in, and the button that signs a lost phone out; threat SE-05.
#[tokio::test]
async fn signing_another_browser_out() {
    let server = fresh("sessions");
    let [desk, phone, bob] = [(); 3].map(|()| Visitor::new(&server));
    tokens(&server, &desk, STRICT, ALICE, &[]).await;
    tokens(&server, &phone, LENIENT, ALICE, &[]).await;
    tokens(&server, &bob, STRICT, BOB, &[]).await;
    let page = desk.open("/apps").await;
    let titles: Vec<&str> = page.body.split("<h3 id=\"session-").skip(1).collect();
    assert_eq!(titles.len(), 2, "{}", page.body);
    let here = titles.iter().position(|title| title.contains("this browser")).unwrap();
    let there = 2 - here;
    let after = desk.submit(&page, &format!("sign-out-of-{there}"), &[]).await;
    assert!(after.body.contains("must sign in again"), "{}", after.body);
    assert!(!is_signed_in(&phone).await);
    assert!(is_signed_in(&desk).await && is_signed_in(&bob).await);
    // somebody else's is not theirs to end
    let form = page.filled_in(&format!("sign-out-of-{}", here + 1), &[]).1;
    let session = form.split('&').find(|pair| pair.starts_with("session=")).unwrap();
    let bobs = bob.open("/apps").await;
    let (url, form) = bobs.filled_in("sign-out-of-1", &[]);
    let own = form.split('&').find(|pair| pair.starts_with("session=")).unwrap();
    bob.post(url, form.replace(own, session), &[]).await;
    assert!(is_signed_in(&desk).await && is_signed_in(&bob).await);
}

/// Everything ends, in every browser of theirs and of nobody else.
#[tokio::test]
async fn signing_out_everywhere() {
    let server = fresh("everywhere");
    let [desk, phone, bob] = [(); 3].map(|()| Visitor::new(&server));
    let given = tokens(&server, &desk, STRICT, ALICE, &[]).await;
    tokens(&server, &phone, LENIENT, ALICE, &[]).await;
    let bobs = tokens(&server, &bob, STRICT, BOB, &[]).await;
    let page = phone.open("/apps").await;
    let home = phone.submit(&page, "everywhere", &[]).await;
    assert!(home.body.contains("id=\"signed-out\""), "{}", home.body);
    assert!(!is_signed_in(&desk).await && !is_signed_in(&phone).await);
    assert!(is_signed_in(&bob).await);
    assert_eq!(userinfo(&server, &given.text("access_token")).await, 401);
    let refused = refresh(&server, STRICT, &given.text("refresh_token")).await;
    refused.is_error(400, "invalid_grant");
    assert_eq!(introspect(&server, STRICT, &bobs.text("access_token")).await["active"], true);
}

/// Somebody else who is signed in at the same browser stays, with what they have given.
#[tokio::test]
async fn signing_out_everywhere_leaves_others_here() {
    let server = fresh("everywhere-else");
    let [here, phone] = [(); 2].map(|()| Visitor::new(&server));
    let bobs = tokens(&server, &here, STRICT, BOB, &[]).await;
    let given = tokens(&server, &here, STRICT, ALICE, &[("prompt", "login")]).await;
    tokens(&server, &phone, LENIENT, ALICE, &[]).await;
    let page = here.open("/apps").await;
    assert!(page.body.contains("value=\"sub-of-alice\""), "{}", page.body);
    let home = here.submit(&page, "everywhere", &[]).await;
    assert_eq!((home.url.path(), home.status), ("/", StatusCode::OK), "{home:?}");
    assert!(home.body.contains("Bob Example"), "{}", home.body);
    assert!(!home.body.contains("Alice Example"), "{}", home.body);
    assert!(is_signed_in(&here).await && !is_signed_in(&phone).await);
    let page = here.open("/apps").await;
    assert!(page.body.contains("value=\"sub-of-bob\""), "{}", page.body);
    assert_eq!(listed(&page, "grant"), [STRICT.name]);
    assert_eq!(userinfo(&server, &given.text("access_token")).await, 401);
    assert_eq!(userinfo(&server, &bobs.text("access_token")).await, 200);
    assert_eq!(refresh(&server, STRICT, &bobs.text("refresh_token")).await.status, 200);
    // the list to choose from has him alone
    let chosen = here.open(authorize(STRICT, &[("prompt", "select_account")])).await;
    assert!(chosen.body.contains("Bob Example") && !chosen.body.contains("Alice Example"));
}

/// Threat UI-02: the page's forms count only from the page, for the person who was shown it.
#[tokio::test]
async fn ui_02_forged_forms() {
    let server = fresh("forged");
    let (alice, bob) = (Visitor::new(&server), Visitor::new(&server));
    let given = tokens(&server, &alice, STRICT, ALICE, &[]).await;
    tokens(&server, &bob, LENIENT, BOB, &[]).await;
    let page = alice.open("/apps").await;
    let stranger = Visitor::new(&server);
    for button in ["end-1", "withdraw-1", "sign-out-of-1", "everywhere"] {
        for (browser, headers) in [
            (&alice, &[("origin", "https://evil.example")][..]),
            (&alice, &[("origin", "null"), ("sec-fetch-site", "cross-site")]),
            (&alice, &[("origin", "http://localhost:1"), ("sec-fetch-site", "same-site")]),
            (&stranger, &[("sec-fetch-site", "same-origin")]),
            (&bob, &[("sec-fetch-site", "same-origin")]),
        ] {
            let (url, body) = page.filled_in(button, &[]);
            let answer = browser.post(url, body, headers).await;
            let refused = matches!(answer.status.as_u16(), 400 | 403)
                || answer.location().is_some_and(|location| location.path() == "/");
            assert!(refused, "{button} {headers:?}: {answer:?}");
        }
        let (mut url, body) = page.filled_in(button, &[]);
        url.set_query(Some(&body));
        alice.send(Method::GET, url, None, &[]).await;
    }
    // Bob, with the name of his own page on alice's grant.
    let (url, body) = page.filled_in("end-1", &[("person", "sub-of-bob")]);
    bob.post(url, body, &[("sec-fetch-site", "same-origin")]).await;
    let after = alice.open("/apps").await;
    assert_eq!((listed(&after, "grant").len(), listed(&after, "consent").len()), (1, 1));
    assert_eq!(listed(&bob.open("/apps").await, "grant"), [LENIENT.name]);
    assert_eq!(refresh(&server, STRICT, &given.text("refresh_token")).await.status, 200);
    for body in ["action=end&grant=nonsense", "action=withdraw&client=", "action=", "action=x"] {
        let url = server.url("/apps").parse().unwrap();
        let body = format!("person=sub-of-alice&{body}");
        let answer = alice.post(url, body, &[("sec-fetch-site", "same-origin")]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    }
}

/// Threats UI-01, UI-06: the page is as well protected as the others, and shows names as text; nobody
/// who is not signed in sees it.
#[tokio::test]
async fn ui_01_the_page_is_protected() {
    let server = fresh("apps-page");
    let visitor = Visitor::new(&server);
    assert_eq!(visitor.open("/apps").await.url.path(), "/");
    let consent = visitor.open(authorize(HOSTILE, &[("prompt", "consent")])).await;
    visitor.consent(consent, ALICE).await;
    let page = visitor.open(authorize(THIRD_PARTY, &[])).await;
    visitor.consent(page, ALICE).await;
    let page = visitor.open("/apps").await;
    let names = listed(&page, "consent");
    assert!(names.len() == 2 && names.iter().any(|name| name == HOSTILE_SHOWN), "{names:?}");
    assert!(!page.body.contains("<img src=x") && !page.body.contains('\u{202e}'), "{}", page.body);
    for (field, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.header(field), Some(value), "{field}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
}
