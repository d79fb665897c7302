//! Accounts that a backend creates.

use serde_json::{Value, json};

use super::{ROOT, post, start};
use crate::blackbox::{
    fixture::{ALICE, FIRST_PARTY, THIRD_PARTY},
    party::{self, authorize, is_signed_in},
    visitor::Visitor,
};

/// Somebody is created, signs in by what is known to be theirs, and clients hear what was said of them.
#[tokio::test]
async fn a_created_person_signs_in() {
    let server = start("manage-users");
    let person = json!({
        "username": "Erin", "password": "erins-password", "email_verified": true,
        "phone_number_verified": true,
        "claims": {
            "name": "Erin Example", "name#de": "Erin Beispiel", "email": "erin@example.com",
            "phone_number": "+1 555 0177", "email_verified": false,
        },
    });
    let created = post(&server, ROOT, "/users", person).await.is(201);
    assert_eq!(created.json["username"], "Erin");
    assert_eq!(created.json["claims"]["email_verified"], true);
    assert_eq!(created.json["claims"]["preferred_username"], "Erin");
    assert_eq!(created.json.get("password"), None, "{created:?}");
    for login in ["erin", "Erin@Example.com", "+15550177"] {
        let visitor = Visitor::new(&server);
        assert!(party::sign_in(&visitor, (login, "erins-password")).await.is_answer(), "{login}");
    }
    let visitor = Visitor::new(&server);
    let page = visitor.open(authorize(THIRD_PARTY, &[])).await;
    let code = visitor.consent(page, ("erin", "erins-password")).await.code();
    let tokens = party::tokens(&server, THIRD_PARTY, &code).await;
    let token = tokens["access_token"].as_str().unwrap();
    let claims =
        party::http().get(server.url("/userinfo")).bearer_auth(token).send().await.unwrap();
    let claims: Value = claims.json().await.unwrap();
    for (claim, value) in [
        ("sub", created.json["sub"].clone()),
        ("name", json!("Erin Example")),
        ("email", json!("erin@example.com")),
        ("email_verified", json!(true)),
    ] {
        assert_eq!(claims[claim], value, "{claims}");
    }
}

/// Nobody takes what somebody has; nobody signs in without a password.
#[tokio::test]
async fn who_is_taken_is_refused() {
    let server = start("manage-taken");
    let create = |body: Value| post(&server, ROOT, "/users", body);
    create(json!({ "username": "erin" })).await.is(201);
    let visitor = Visitor::new(&server);
    for password in ["", "nobody has this password"] {
        let page = visitor.open(authorize(FIRST_PARTY, &[])).await;
        let values = [("login", "erin"), ("password", password)];
        let page = visitor.submit(&page, "submit", &values).await;
        assert!(page.body.contains("is not right"), "{password}: {}", page.body);
    }
    assert!(!is_signed_in(&visitor).await);
    for taken in [
        json!({ "username": "erin" }),
        json!({ "username": " ERIN " }),
        json!({ "username": ALICE.0 }),
        json!({ "username": "new", "claims": { "email": "Alice@example.com" } }),
        json!({
            "username": "new", "phone_number_verified": true,
            "claims": { "phone_number": "+1 (555) 0100" },
        }),
    ] {
        create(taken).await.is_error(409, "conflict");
    }
    for (wrong, names) in [
        (json!({}), "username"),
        (json!({ "username": "" }), "user name"),
        (json!({ "username": "a\u{7}" }), "user name"),
        (json!({ "username": "new", "password": "short" }), "password"),
        (json!({ "username": "new", "password": "x".repeat(1025) }), "password"),
        // Whoever is called by it would be taken for whoever is reached by it.
        (json!({ "username": "alice@example.com" }), "user name"),
        (json!({ "username": "nobody@example.com" }), "user name"),
        (json!({ "username": "+1 (555) 0100" }), "user name"),
        (json!({ "username": " +15550123 " }), "user name"),
        (json!({ "username": "new", "sub": "sub-of-alice" }), "sub"),
        (json!({ "username": "new", "sub": null }), "sub"),
        (json!({ "username": "new", "claims": { "sub": "sub-of-alice" } }), "sub"),
        (json!({ "username": "new", "claims": { "acr#de": "high" } }), "acr"),
        (json!({ "username": "new", "claims": [] }), "map"),
    ] {
        create(wrong).await.names(400, "invalid_request", names);
    }
    create(json!({ "username": "new", "password": null })).await.is(201);
}

/// Clients get what they expect (OpenID Connect Core §5.1), or nothing is said. (Every form is told in
/// `examples/server/manage/claims.rs`.)
#[tokio::test]
async fn claims_have_their_form() {
    let server = start("manage-claims");
    for (claim, value) in [
        ("name", json!(["New"])),
        ("name#de", json!(1)),
        ("email", json!({ "address": "new@example.com" })),
        ("email", json!("+15550100")),
        ("email_verified", json!("yes")),
        ("phone_number", json!("0555 0100")),
        ("phone_number_verified", json!(1)),
        ("birthdate", json!("31.10.1987")),
        ("address", json!("Paris")),
        ("updated_at", json!("2026-01-01")),
        ("nickname", json!(null)),
    ] {
        let person = json!({ "username": "new", "claims": { claim: value } });
        post(&server, ROOT, "/users", person).await.names(400, "invalid_request", claim);
    }
    let claims = json!({
        "name": "New", "birthdate": "1987-10-31", "address": { "locality": "Paris" },
        "updated_at": 1_700_000_000, "roles": [null, 1],
    });
    let created = post(&server, ROOT, "/users", json!({ "username": "new", "claims": claims }));
    assert_eq!(created.await.is(201).json["claims"]["roles"], json!([null, 1]));
}

/// Of many that want one name at once, one gets it.
#[tokio::test]
async fn one_of_many_gets_the_name() {
    let server = start("manage-users-race");
    let sent = (0..6).map(|_| post(&server, ROOT, "/users", json!({ "username": "frank" })));
    let mut statuses: Vec<_> =
        super::at_once(sent).await.into_iter().map(|said| said.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
}
