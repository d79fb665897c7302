//! Accounts that a backend creates, brings along, changes and deletes.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CAROLS, ROOT, Said, delete, get, patch, post, request, start, tables, token};
use crate::blackbox::{
    fixture::{ALICE, BOB, FIRST_PARTY, THIRD_PARTY},
    party::{self, authorize, is_signed_in},
    server::{Server, Setup},
    visitor::Visitor,
};

/// Names, passwords, and what other services have kept of them.
const OLD: [(&str, &str, &str); 3] = [
    ("bcrypt", "a password", "$2y$05$abcdefghijklmnopqrstuu2sM.EEHj4jPcCa5rwqJGg1PNBllkZXy"),
    (
        "pbkdf2",
        "a password",
        "$pbkdf2-sha256$i=2000,l=32$c29tZSBzYWx0IGhlcmUhIQ$5DbFPskxJaKg3uUrI2mSo33acjdyfPwRsmC9p8O5MUs",
    ),
    (
        "argon2",
        "password",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    ),
];

/// One that keeps people.
fn keeping(name: &str) -> Server {
    Server::start(Setup { name, store: "sqlite:", tables: &tables(""), ..Setup::default() })
}

async fn restarted(server: Server, name: &'static str) -> Server {
    tokio::task::spawn_blocking(move || server.restarted(name)).await.unwrap()
}

async fn signs_in(server: &Server, login: &str, password: &str) -> bool {
    let visitor = Visitor::new(server);
    let page = visitor.open(authorize(FIRST_PARTY, &[])).await;
    visitor.submit(&page, "submit", &[("login", login), ("password", password)]).await.is_answer()
}

/// What is kept of somebody's password.
fn kept_hash(server: &Server, sub: &str) -> String {
    let file = rusqlite::Connection::open(server.data().join("people.db")).unwrap();
    let sql = "SELECT json_extract(record, '$.password_hash') FROM people WHERE sub = ?1";
    file.query_row(sql, [sub], |row| row.get(0)).unwrap()
}

async fn userinfo(server: &Server, token: &str) -> (u16, Value) {
    let sent = party::http().get(server.url("/userinfo")).bearer_auth(token).send().await.unwrap();
    (sent.status().as_u16(), sent.json().await.unwrap_or_default())
}

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

/// Whoever moves here brings a hash along, signs in with the old password, and has a hash of ours then;
/// also after a restart, as the same person.
#[tokio::test]
async fn old_hashes_come_along() {
    let mut server = keeping("manage-import");
    let mut subs = Vec::new();
    for (username, _, hash) in OLD {
        let person = json!({ "username": username, "password_hash": hash });
        let made = post(&server, ROOT, "/users", person).await.is(201);
        assert_eq!(made.json["has_password"], true);
        assert!(!made.json.to_string().contains(hash), "{made:?}");
        subs.push(made.text("sub"));
    }
    for round in ["manage-import-again", "manage-import-at-last"] {
        for ((username, password, hash), sub) in OLD.iter().zip(&subs) {
            assert!(!signs_in(&server, username, "another password").await, "{username}");
            if round == "manage-import-again" {
                assert_eq!(kept_hash(&server, sub), *hash, "a wrong password changes nothing");
            }
            let visitor = Visitor::new(&server);
            let page = party::sign_in(&visitor, (username, password)).await;
            let tokens = party::tokens(&server, FIRST_PARTY, &page.code()).await;
            let token = tokens["access_token"].as_str().unwrap();
            assert_eq!(userinfo(&server, token).await.1["sub"], **sub, "{username}");
            let made = kept_hash(&server, sub);
            assert!(made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{username}: {made}");
        }
        server = restarted(server, round).await;
    }
    for unfit in [
        "$2b$31$abcdefghijklmnopqrstuuughE8Ev8uGFaUgY2cNEySvxngrb/Jzd",
        "$argon2id$v=19$m=4194304,t=3,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "$pbkdf2-sha256$i=999999999$c2FsdHNhbHQ$nUfwAED6uJ/r3CGqRnjprpKjZAfrirdZo1F++od5k/4",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "",
    ] {
        let said =
            post(&server, ROOT, "/users", json!({ "username": "x", "password_hash": unfit }));
        let said = said.await;
        said.is_error(400, "invalid_request");
        assert!(unfit.is_empty() || !said.json.to_string().contains(unfit), "{said:?}");
    }
    let both = json!({ "username": "x", "password": "long enough", "password_hash": OLD[0].2 });
    post(&server, ROOT, "/users", both).await.names(400, "invalid_request", "password_hash");
    assert!(!server.log().contains(OLD[0].2), "{}", server.log());
}

/// What a backend changes is so, at once and after a restart; whoever may not sign in any more is signed
/// out everywhere.
#[tokio::test]
async fn a_person_is_changed_and_deleted() {
    let server = keeping("manage-change");
    let person = json!({
        "username": "erin", "password": "erins-password", "email_verified": true,
        "claims": { "name": "Erin", "nickname": "E", "email": "erin@example.com" },
    });
    let made = post(&server, ROOT, "/users", person).await.is(201);
    let at = format!("/users/{}", made.text("sub"));
    assert_eq!(get(&server, ROOT, &at).await.is(200).json, made.json);
    for (member, value) in [
        ("username", json!("erin")),
        ("disabled", json!(false)),
        ("permissions", Value::Null),
        ("has_password", json!(true)),
    ] {
        assert_eq!(made.json[member], value, "{made:?}");
    }

    // What is said of them changes, and nobody is signed out for it.
    let visitor = Visitor::new(&server);
    let page = party::sign_in(&visitor, ("erin", "erins-password")).await;
    let tokens = party::tokens(&server, FIRST_PARTY, &page.code()).await;
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    let change = json!({
        "claims": { "name": "Erin Example", "nickname": null, "email": "e@example.com" },
        "permissions": "orders:read",
    });
    let changed = patch(&server, ROOT, &at, change).await.is(200);
    assert_eq!(changed.json["permissions"], "orders:read");
    assert_eq!(changed.json["claims"]["email_verified"], false);
    assert_eq!(changed.json["claims"].get("nickname"), None);
    let (status, said) = userinfo(&server, &access).await;
    assert_eq!(
        (status, &said["name"], &said["email"]),
        (200, &json!("Erin Example"), &json!("e@example.com"))
    );
    assert!(is_signed_in(&visitor).await);
    assert!(!signs_in(&server, "e@example.com", "erins-password").await);
    patch(&server, ROOT, &at, json!({ "email_verified": true })).await.is(200);
    assert!(signs_in(&server, "e@example.com", "erins-password").await);
    let lifted = patch(&server, ROOT, &at, json!({ "permissions": null })).await.is(200);
    assert_eq!(lifted.json["permissions"], Value::Null);

    // Another password: signed out, and the old one is none.
    patch(&server, ROOT, &at, json!({ "password": "another password" })).await.is(200);
    assert!(!is_signed_in(&visitor).await);
    assert_eq!(userinfo(&server, &access).await.0, 401);
    assert!(!signs_in(&server, "erin", "erins-password").await);
    let page = party::sign_in(&visitor, ("erin", "another password")).await;
    let tokens = party::tokens(&server, FIRST_PARTY, &page.code()).await;
    let access = tokens["access_token"].as_str().unwrap().to_owned();

    // Disabled, and still so after a restart.
    let off = patch(&server, ROOT, &at, json!({ "disabled": true })).await.is(200);
    assert_eq!(off.json["disabled"], true);
    assert!(!is_signed_in(&visitor).await);
    assert_eq!(userinfo(&server, &access).await.0, 401);
    let server = restarted(server, "manage-changed").await;
    assert_eq!(get(&server, ROOT, &at).await.is(200).json, off.json);
    assert!(!signs_in(&server, "erin", "another password").await);
    patch(&server, ROOT, &at, json!({ "disabled": false })).await.is(200);
    assert!(signs_in(&server, "erin", "another password").await);
    assert_eq!(userinfo(&server, &access).await.0, 401, "what has ended stays so");

    // Gone.
    let visitor = Visitor::new(&server);
    party::sign_in(&visitor, ("erin", "another password")).await;
    assert!(is_signed_in(&visitor).await);
    delete(&server, ROOT, &at).await.is(204);
    assert!(!is_signed_in(&visitor).await);
    assert!(!signs_in(&server, "erin", "another password").await);
    for said in [
        get(&server, ROOT, &at).await,
        patch(&server, ROOT, &at, json!({})).await,
        delete(&server, ROOT, &at).await,
    ] {
        said.names(404, "not_found", "person");
    }
    let server = restarted(server, "manage-deleted").await;
    get(&server, ROOT, &at).await.is_error(404, "not_found");
    let again = post(&server, ROOT, "/users", json!({ "username": "erin" })).await.is(201);
    assert_ne!(again.json["sub"], made.json["sub"]);
}

/// Whoever is in the configuration can be changed, which stands before it, and not deleted.
#[tokio::test]
async fn people_of_the_configuration_are_changed() {
    let server = keeping("manage-configured");
    let alice = "/users/sub-of-alice";
    let found = get(&server, ROOT, alice).await.is(200);
    assert_eq!(
        (&found.json["username"], &found.json["permissions"]),
        (&json!("alice"), &json!("orders:read"))
    );
    delete(&server, ROOT, alice).await.names(409, "conflict", "configuration");
    assert!(signs_in(&server, ALICE.0, ALICE.1).await);
    let change = json!({ "password": "through-the-glass", "permissions": "", "claims": { "nickname": "Al" } });
    patch(&server, ROOT, alice, change).await.is(200);
    patch(&server, ROOT, "/users/sub-of-bob", json!({ "disabled": true })).await.is(200);
    let server = restarted(server, "manage-configured-again").await;
    assert!(!signs_in(&server, ALICE.0, ALICE.1).await);
    assert!(signs_in(&server, ALICE.0, "through-the-glass").await);
    assert!(!signs_in(&server, BOB.0, BOB.1).await);
    let found = get(&server, ROOT, alice).await.is(200);
    assert_eq!(
        (&found.json["permissions"], &found.json["claims"]["nickname"]),
        (&json!(""), &json!("Al"))
    );
}

/// What cannot be is refused, and nothing has changed; it is for those whom nobody owns.
#[tokio::test]
async fn unfit_changes_change_nothing() {
    let server = start("manage-unfit");
    let at = "/users/sub-of-alice";
    let before = get(&server, ROOT, at).await.is(200).json;
    for (change, names) in [
        (json!({ "username": "al" }), "username"),
        (json!({ "sub": "sub-of-bob" }), "sub"),
        (json!({ "disabled": "yes" }), "bool"),
        (json!({ "permissions": "a \"b" }), ""),
        (json!({ "password": "short" }), "password"),
        (json!({ "password_hash": OLD[0].2 }), "password_hash"),
        (json!({ "claims": { "sub": "sub-of-bob" } }), "sub"),
        (json!({ "claims": { "email": "al" } }), "email"),
        (json!({ "claims": { "name": 1 }, "disabled": true }), "name"),
        (json!({ "claims": [] }), "map"),
    ] {
        patch(&server, ROOT, at, change).await.names(400, "invalid_request", names);
    }
    let taken = json!({ "claims": { "email": "BOB@example.com" }, "disabled": true });
    patch(&server, ROOT, at, taken).await.is_error(409, "conflict");
    assert_eq!(get(&server, ROOT, at).await.is(200).json, before);
    let same = patch(&server, ROOT, at, json!({})).await.is(200);
    assert_eq!(same.json, before);
    patch(&server, CAROLS, at, json!({ "disabled": true })).await.is_error(403, "access_denied");
    get(&server, CAROLS, at).await.is(403);
    delete(&server, CAROLS, at).await.is(403);
    get(&server, ROOT, "/users/%FF").await.is_error(404, "not_found");
    get(&server, ROOT, "/users/SUB-OF-ALICE").await.is_error(404, "not_found");
    // Who may write may not read for that.
    let (_, issued) = token(&server, ROOT, "users:write").await;
    let bearer = issued["access_token"].as_str().unwrap();
    let read = request(&server, Method::GET, at).bearer_auth(bearer);
    Said::of(read).await.is_error(403, "insufficient_scope");
}
