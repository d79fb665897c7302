//! How people come to an account, and what they sign in by.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Deployment, OPERATOR, SITE, SITE_AT, manages, registers, shared};
use crate::blackbox::sign_up::{PASSWORD, code, codes, enter, filled, problem, sent_to};

const SCOPE: &str = "openid profile email phone";

/// Whether this name and this password let somebody in at the web site.
async fn signs_in(op: &Deployment, login: &str) -> bool {
    let visitor = op.visitor();
    let page = visitor.open(op.request(SITE.0, SITE_AT, &[("scope", SCOPE)])).await;
    let page = visitor.submit(&page, "submit", &[("login", login), ("password", PASSWORD)]).await;
    let refused = page.body.contains("is not right");
    assert!(refused || page.is_answer() || page.asks_consent(), "{login}: {page:?}");
    !refused
}

/// Somebody fills in the form, enters the codes that they are sent, and goes on to the site: what the site hears.
async fn signs_up(op: &Deployment, name: &str, email: &str, phone: &str) -> Value {
    let visitor = op.visitor();
    let asked = [("prompt", "create"), ("scope", SCOPE)];
    let mut page = visitor.open(op.request(SITE.0, SITE_AT, &asked)).await;
    assert!(page.body.contains("name=\"again\""), "{page:?}");
    page = visitor.submit(&page, "submit", &filled(name, email, phone)).await;
    for address in [email, phone].into_iter().filter(|address| !address.is_empty()) {
        assert!(sent_to(&page).starts_with(&address[..1]), "{address}: {}", page.body);
        assert!(!signs_in(op, name).await, "{name} has no account yet");
        let right = code(&op.server, &page);
        page = enter(&visitor, &page, &right).await;
    }
    let page = visitor.consent(page, (name, PASSWORD)).await;
    let tokens = op.redeem(SITE, SITE_AT, &page).await;
    let (status, person) = op.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(status, 200, "{person}");
    person
}

/// Neither address is needed; what is given is verified by a code, before there is an account, and is a name to sign
/// in by from then on.
#[tokio::test]
async fn people_sign_up_and_sign_in() {
    let stack = shared().await;
    let op = &stack.people;
    for (name, email, phone) in [
        ("ann", "", ""),
        ("ben", "ben@ben.example", ""),
        ("cat", "", "+1 (555) 01-20"),
        ("dan", "Dan@Dan.example", "+15550121"),
    ] {
        let said = signs_up(op, name, email, phone).await;
        let given = |text: &str| (!text.is_empty()).then(|| json!(text));
        let digits: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        assert_eq!(said["preferred_username"], name, "{said}");
        assert_eq!(said.get("email"), given(email).as_ref(), "{said}");
        assert_eq!(said.get("phone_number"), given(&digits).as_ref(), "{said}");
        for (verified, address) in [("email_verified", email), ("phone_number_verified", phone)] {
            let expected = (!address.is_empty()).then(|| json!(true));
            assert_eq!(said.get(verified), expected.as_ref(), "{verified}: {said}");
        }
        assert!(signs_in(op, name).await, "{name}");
        for address in [email, phone, &digits].into_iter().filter(|a| !a.is_empty()) {
            assert!(signs_in(op, address).await, "{address}");
        }
    }
}

/// A wrong code makes no account, and an address that somebody has none either; their owner gets a word instead of
/// a code.
#[tokio::test]
async fn no_account_without_the_code() {
    let stack = shared().await;
    let op = &stack.people;
    let owner = json!({
        "username": "ella", "password": PASSWORD, "claims": { "email": "ella@ella.example" },
        "email_verified": true,
    });
    registers(op, &owner).await;
    let visitor = op.visitor();
    let asked = [("prompt", "create"), ("scope", SCOPE)];
    let form = visitor.open(op.request(SITE.0, SITE_AT, &asked)).await;
    let page = visitor.submit(&form, "submit", &filled("fay", "fay@fay.example", "")).await;
    let right = code(&op.server, &page);
    let wrong = crate::blackbox::sign_up::another(&right, 1);
    let page = enter(&visitor, &page, &wrong).await;
    assert!(problem(&page).contains("not the code"), "{}", page.body);
    assert!(!signs_in(op, "fay").await);
    let page = visitor.submit(&form, "submit", &filled("gus", "ella@ella.example", "")).await;
    assert_eq!(sent_to(&page), "e…@ella.example");
    assert_eq!(codes(&op.server, "e…@ella.example"), [""; 0]);
    assert!(!signs_in(op, "gus").await && signs_in(op, "ella@ella.example").await);
}

/// A backend registers people and vouches for what it has verified itself; nobody signs in by anything else, until
/// the backend says more.
#[tokio::test]
async fn a_backend_registers_people() {
    let stack = shared().await;
    let op = &stack.people;
    let person = json!({
        "username": "hal", "password": PASSWORD,
        "claims": { "name": "Hal", "email": "hal@hal.example", "phone_number": "+15550122" },
    });
    let sub = registers(op, &person).await;
    let at = format!("/users/{sub}");
    for (change, known) in [
        (json!({}), &["hal"][..]),
        (json!({ "email_verified": true }), &["hal", "hal@hal.example"]),
        (json!({ "phone_number_verified": true }), &["hal", "hal@hal.example", "+1 555 0122"]),
        (json!({ "claims": { "email": "h@hal.example" } }), &["hal", "+1 555 0122"]),
        (json!({ "disabled": true }), &[]),
    ] {
        let (status, said) = manages(op, OPERATOR, Method::PATCH, &at, Some(&change)).await;
        assert_eq!(status, 200, "{said}");
        for login in ["hal", "hal@hal.example", "h@hal.example", "+1 555 0122"] {
            assert_eq!(signs_in(op, login).await, known.contains(&login), "{change}: {login}");
        }
    }
    // what the backend's own client may, and no other one
    let (status, said) = manages(op, SITE, Method::POST, "/users", Some(&person)).await;
    assert!(status == 401 || status == 403, "{status} {said}");
    let (status, taken) = manages(op, OPERATOR, Method::POST, "/users", Some(&person)).await;
    assert_eq!((status, &taken["error"]), (409, &json!("conflict")));
    assert_eq!(manages(op, OPERATOR, Method::DELETE, &at, None).await.0, 204);
    assert_eq!(manages(op, OPERATOR, Method::GET, &at, None).await.0, 404);
}
