//! People who are imported: the applications keep the subject, and the passwords stay what they were.

use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{BCRYPT, Deployment, PORTAL, PORTAL_AT, imports, manages};
use crate::{blackbox::deployments::upstream::UPSTREAM, support::claims};

/// Names, passwords, and what the applications had kept of them.
const OLD: [(&str, &str, &str); 3] = [
    ("bess", "password", BCRYPT),
    // as passlib writes it
    (
        "paul",
        "password",
        "$pbkdf2-sha256$1000$.Pn6./z9/v/4.fr7/P3./w$nUfwAED6uJ/r3CGqRnjprpKjZAfrirdZo1F..od5k/4",
    ),
    (
        "arno",
        "password",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    ),
];
const OURS: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// The subject of whoever signs in so; none if the password is not right.
async fn signs_in(op: &Deployment, login: &str, password: &str) -> Option<String> {
    let visitor = op.visitor();
    let page = visitor.open(op.request(PORTAL.0, PORTAL_AT, &[])).await;
    let page = visitor.submit(&page, "submit", &[("login", login), ("password", password)]).await;
    if !page.is_answer() {
        assert!(page.body.contains("is not right"), "{page:?}");
        return None;
    }
    let tokens = op.redeem(PORTAL, PORTAL_AT, &page).await;
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    Some(id_token["sub"].as_str().unwrap().to_owned())
}

/// What is kept of somebody's password.
fn kept(op: &Deployment, sub: &str) -> String {
    let file = Connection::open(op.server.data().join("people.db")).unwrap();
    let sql = "SELECT json_extract(record, '$.password_hash') FROM people WHERE sub = ?1";
    file.query_row(sql, [sub], |row| row.get(0)).unwrap()
}

/// Whoever had a password has the same one, and a subject that never changes; the old hash is gone once the
/// password was seen.
#[tokio::test]
async fn accounts_are_taken_over() {
    let op = Deployment::start("central-login", &[(UPSTREAM, "http://localhost:1/up")]).await;
    let mut subs = Vec::new();
    for (username, _, hash) in OLD {
        let sub = imports(&op, username, hash).await;
        assert_eq!(kept(&op, &sub), hash);
        subs.push(sub);
    }
    let again = json!({ "username": "BESS", "password_hash": BCRYPT });
    let (status, said) = manages(&op, Method::POST, "/users", again).await;
    assert_eq!(status, 409, "one account, one subject: {said}");

    // The first of them has not been here yet when it starts anew.
    for ((username, password, hash), sub) in OLD.into_iter().zip(&subs).skip(1) {
        assert_eq!(signs_in(&op, username, "not the password").await, None);
        assert_eq!(kept(&op, sub), hash, "{username}");
        assert_eq!(signs_in(&op, username, password).await.as_ref(), Some(sub));
        assert!(kept(&op, sub).starts_with(OURS), "{username}: {}", kept(&op, sub));
    }
    let op = op.restarted("central-login-again").await;
    for ((username, password, hash), sub) in OLD.into_iter().zip(&subs) {
        let before = kept(&op, sub);
        assert_eq!(before == hash, username == "bess", "{before}");
        assert_eq!(signs_in(&op, username, "not the password").await, None);
        let address = format!("{username}@old.example");
        assert_eq!(signs_in(&op, &address, password).await.as_ref(), Some(sub));
        let after = kept(&op, sub);
        assert!(after.starts_with(OURS), "{username}: {after}");
        assert_eq!(after == before, username != "bess", "{username}: once is enough");
        let (status, said) = manages(&op, Method::GET, &format!("/users/{sub}"), Value::Null).await;
        assert_eq!((status, &said["username"]), (200, &json!(username)), "{said}");
        assert!(!said.to_string().contains("$argon2"), "{said}");
    }
    let log = op.server.log();
    assert!(!log.contains("$argon2") && !log.contains("$2b$") && !log.contains("$pbkdf2"), "{log}");
}

/// What is no hash, or one that would take too long, is refused with the member's name, and repeated nowhere.
#[tokio::test]
async fn unfit_hashes_are_refused() {
    let shared = super::shared().await;
    let op = &shared.0;
    for hash in [
        "$2b$31$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "{SSHA}MTIzNDU2Nzg5MDEyMzQ1Njc4OTA",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "$argon2id$v=19$m=4194304,t=9,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "$pbkdf2-sha256$400000000$.Pn6./z9/v/4.fr7/P3./w$nUfwAED6uJ/r3CGqRnjprpKjZAfrirdZo1F..od5k/4",
        "password",
        "",
    ] {
        let person = json!({ "username": "unfit", "password_hash": hash });
        let (status, said) = manages(op, Method::POST, "/users", person).await;
        assert_eq!((status, &said["error"]), (400, &json!("invalid_request")), "{hash}: {said}");
        let text = said["error_description"].as_str().unwrap();
        assert!(text.contains("password_hash"), "{hash}: {text}");
        assert!(hash.len() < 9 || !text.contains(hash), "{text}");
        assert!(hash.len() < 9 || !op.server.log().contains(hash), "{hash}");
    }
    assert_eq!(signs_in(op, "unfit", "password").await, None);
}
