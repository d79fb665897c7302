//! What is there after a restart, and what is not.

use serde_json::json;

use super::*;
use crate::{
    config::Settings,
    users::{NewUser, NotChanged, NotCreated, Users, tests::sign_in},
};

/// `password`, as bcrypt makes it at cost 4.
const OLD: &str = "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm";

fn new(username: &str, password: Option<&str>, claims: &Value) -> NewUser {
    NewUser {
        subject: None,
        username: username.into(),
        password: password.map(|text| PasswordHash::parse(text).unwrap()),
        claims: claims.as_object().unwrap().clone(),
        email_verified: true,
        phone_number_verified: true,
    }
}

fn issuer() -> Issuer {
    Issuer::new("https://id.example/people").unwrap()
}

/// Alice and bob of the demo, and whoever is in the file.
fn users(file: &Path) -> Users {
    let users = Users::new(&Settings::demo().unwrap().users, None).unwrap();
    users.keep(file, &issuer()).unwrap();
    users
}

fn record(file: &Path, table: &str, sub: &Subject) -> Value {
    let file = Connection::open(file).unwrap();
    let sql = format!("SELECT record FROM {table} WHERE sub = ?1");
    let text: String = file.query_row(&sql, [sub.as_str()], |row| row.get(0)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn whoever_is_created_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let before = users(&file);
    let claims = json!({ "email": "eve@example.com", "roles": ["a", null] });
    let eve = before.create(new("Eve", Some(OLD), &claims)).unwrap();
    let gone = before.create(new("gone", None, &json!({}))).unwrap();
    before.remove(&gone.subject).unwrap();
    assert!(matches!(before.remove(&gone.subject), Err(NotChanged::Nobody)));
    #[cfg(unix)]
    {
        let mode = fs::metadata(&file).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
    }
    let after = users(&file);
    let found = after.by_subject(&eve.subject).unwrap();
    assert_eq!((&*found.username, &found.claims), ("Eve", &eve.claims));
    assert!(after.by_subject(&gone.subject).is_none() && !after.has_login("gone"));
    assert_eq!(after.create(new("eve", None, &json!({}))).unwrap_err(), NotCreated::UsernameTaken);
    assert_eq!(sign_in(&after, "eve@example.com", "password").await.as_deref(), Some("Eve"));
    // as many as may be are there, whoever made them
    let full = users(&file).at_most(1);
    assert_eq!(full.create(new("x", None, &json!({}))).unwrap_err(), NotCreated::Full);
}

/// An old hash is one until its password is seen; then it is ours.
#[tokio::test]
async fn old_hashes_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let users = users(&file);
    let eve = users.create(new("eve", Some(OLD), &json!({}))).unwrap().subject.clone();
    assert_eq!(sign_in(&users, "eve", "wrong").await, None);
    assert_eq!(record(&file, "people", &eve)["password_hash"], OLD);
    assert!(sign_in(&users, "eve", "password").await.is_some());
    let made = record(&file, "people", &eve)["password_hash"].as_str().unwrap().to_owned();
    assert!(made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{made}");
    for (password, fits) in [("wrong", false), ("password", true), ("", false)] {
        assert_eq!(sign_in(&users, "eve", password).await.is_some(), fits, "{password}");
    }
    assert_eq!(record(&file, "people", &eve)["password_hash"], made, "once is enough");
    // one who is disabled is let be
    let off = users.create(new("off", Some(OLD), &json!({}))).unwrap().subject.clone();
    let change = Change { disabled: Some(true), ..Change::default() };
    users.change(&off, change).unwrap();
    assert_eq!(sign_in(&users, "off", "password").await, None);
    assert_eq!(record(&file, "people", &off)["password_hash"], OLD);
    // and whoever was changed meanwhile keeps what they were given
    let seen = users.by_subject(&off).unwrap();
    let change = Change { disabled: Some(false), ..Change::default() };
    users.change(&off, change).unwrap();
    users.renew(&seen, PasswordHash::parse(&made).unwrap());
    assert_eq!(record(&file, "people", &off)["password_hash"], OLD);
}

/// What is changed of people in the configuration stands before it, and only that.
#[tokio::test]
async fn changes_stand_before_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let alice = Subject::new("248289761001").unwrap();
    let before = users(&file);
    let claims = json!({ "nickname": "Al", "phone_number": null });
    let change = Change {
        permissions: Some(Permissions::AtMost(Scope::parse("a b").unwrap())),
        claims: claims.as_object().unwrap().clone(),
        ..Change::default()
    };
    before.change(&alice, change).unwrap();
    let change = Change { disabled: Some(true), ..Change::default() };
    before.change(&alice, change).unwrap();
    let said = record(&file, "changes", &alice);
    assert_eq!(said["disabled"], true);
    assert_eq!(said["claims"]["phone_number_verified"], Value::Null);
    assert_eq!(said.get("password_hash"), None);

    let mut entries = Settings::demo().unwrap().users;
    entries[0].claims.insert("name".into(), "Alice of the file".into());
    let after = Users::new(&entries, None).unwrap();
    after.keep(&file, &issuer()).unwrap();
    let found = after.by_subject(&alice).unwrap();
    assert!(found.disabled && found.second_factor.is_some() == entries[0].second_factor.is_some());
    assert_eq!(found.permissions, Some(Scope::parse("a b").unwrap()));
    assert_eq!(found.claims["name"], "Alice of the file");
    assert_eq!(found.claims["nickname"], "Al");
    assert_eq!(found.claims.get("phone_number"), None);
    assert_eq!(sign_in(&after, "+44 20 7946 0018", "wonderland").await, None);
    assert_eq!(sign_in(&after, "alice", "wonderland").await, None);
    assert!(matches!(after.remove(&alice), Err(NotChanged::InConfiguration)));

    let change = Change {
        disabled: Some(false),
        permissions: Some(Permissions::Anything),
        ..Change::default()
    };
    after.change(&alice, change).unwrap();
    let again = users(&file);
    let found = again.by_subject(&alice).unwrap();
    assert_eq!((found.disabled, &found.permissions), (false, &None));
    assert_eq!(found.claims["nickname"], "Al");
    assert!(sign_in(&again, "alice", "wonderland").await.is_some());
    // of whoever is in the configuration no more, nothing is left
    let without = Users::new(&entries[1..], None).unwrap();
    without.keep(&file, &issuer()).unwrap();
    assert!(without.by_subject(&alice).is_none());
}

/// People in the configuration may have changed places since, in whatever order it was written down.
#[test]
fn people_may_have_changed_places() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let alice = Subject::new("248289761001").unwrap();
    let before = users(&file);
    let bob = before.by_login("bob").unwrap().subject.clone();
    let say = |sub: &Subject, claims: Value| {
        let claims = claims.as_object().unwrap().clone();
        before.change(sub, Change { claims, ..Change::default() }).unwrap();
    };
    say(&alice, json!({ "email": null }));
    say(&bob, json!({ "email": "alice@example.com" }));
    say(&alice, json!({ "nickname": "Al" }));
    let after = users(&file);
    assert_eq!(after.by_login("alice@example.com").unwrap().subject, bob);
    assert_eq!(after.by_subject(&alice).unwrap().claims["nickname"], "Al");
    say(&alice, json!({ "email": "bob@example.com" }));
    say(&bob, json!({ "nickname": "Bo" }));
    let after = users(&file);
    assert_eq!(after.by_login("bob@example.com").unwrap().subject, alice);
    assert_eq!(after.by_login("alice@example.com").unwrap().subject, bob);
}

/// What was never said need not be taken away, nor be remembered as such.
#[test]
fn only_what_the_file_says_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let alice = Subject::new("248289761001").unwrap();
    let before = users(&file);
    let say = |claims: Value| {
        let claims = claims.as_object().unwrap().clone();
        before.change(&alice, Change { claims, ..Change::default() }).unwrap();
    };
    say(json!({ "name": null, "nickname#de": "Al", "nickname#en": "Al" }));
    say(json!({ "nickname#de": null, "nickname#fr": null }));
    let mut said = record(&file, "changes", &alice)["claims"].clone();
    said.as_object_mut().unwrap().remove("updated_at");
    assert_eq!(said, json!({ "name": null, "nickname#en": "Al" }));
    // nor is what an older program remembered
    let long = format!("name#{}", "x".repeat(60_000));
    let sql = "UPDATE changes SET record = json_set(record, '$.claims.' || ?1, null)";
    let changed = Connection::open(&file).unwrap().execute(sql, [format!("{long:?}")]);
    assert_eq!(changed.unwrap(), 1);
    assert_eq!(record(&file, "changes", &alice)["claims"].get(&long), Some(&Value::Null));
    let after = users(&file);
    let change = Change { disabled: Some(true), ..Change::default() };
    let found = after.change(&alice, change).unwrap();
    assert_eq!(record(&file, "changes", &alice)["claims"].get(&long), None);
    assert_eq!(found.claims.get("name"), None);
    assert_eq!(found.claims["nickname#en"], "Al");
}

/// That an address is somebody's says nothing of the one that the file says later.
#[tokio::test]
async fn another_address_of_the_file_is_not_verified() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let bob = users(&file).by_login("bob").unwrap().subject.clone();
    let mut entries = Settings::demo().unwrap().users;
    let mut started = |email: &str, said: Option<bool>| {
        entries[1].claims.insert("email".into(), email.into());
        entries[1].claims.remove("email_verified");
        if let Some(said) = said {
            entries[1].claims.insert("email_verified".into(), said.into());
        }
        let users = Users::new(&entries, None).unwrap();
        users.keep(&file, &issuer()).unwrap();
        users
    };
    let signs_in =
        async |users: &Users, email: &str| sign_in(users, email, "can-we-fix-it").await.is_some();
    let (old, new) = ("bob@example.com", "robert@example.com");
    let users = started(old, Some(false));
    assert!(!signs_in(&users, old).await);
    let verified = |verified| Change { email_verified: Some(verified), ..Change::default() };
    users.change(&bob, verified(true)).unwrap();
    assert!(signs_in(&users, old).await);
    for (email, said, found) in [
        (old, Some(false), true),
        (old, None, true),
        (new, None, false),
        (new, Some(false), false),
        (new, Some(true), true),
    ] {
        assert_eq!(signs_in(&started(email, said), email).await, found, "{email} {said:?}");
    }
    // neither does what is not
    started(old, Some(true)).change(&bob, verified(false)).unwrap();
    assert!(!signs_in(&started(old, Some(true)), old).await);
    assert!(signs_in(&started(new, Some(true)), new).await);
    // nor what the file says, of the one that stands before it
    let email = json!({ "email": old }).as_object().unwrap().clone();
    let users = started(old, Some(false));
    users.change(&bob, verified(false)).unwrap();
    users.change(&bob, Change { claims: email, ..Change::default() }).unwrap();
    assert!(!signs_in(&started(new, Some(true)), old).await);
}

/// The same where nothing was said of it when it was changed.
#[tokio::test]
async fn an_address_before_the_file_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let mut entries = Settings::demo().unwrap().users;
    let number = |entries: &mut Vec<crate::config::UserEntry>, number: &str, verified: bool| {
        entries[1].claims.insert("phone_number".into(), number.into());
        entries[1].claims.insert("phone_number_verified".into(), verified.into());
        let users = Users::new(entries, None).unwrap();
        users.keep(&file, &issuer()).unwrap();
        users
    };
    let users = number(&mut entries, "+1 555 0111", false);
    let bob = users.by_login("bob").unwrap().subject.clone();
    let claims = json!({ "phone_number": "+1 555 0111" }).as_object().unwrap().clone();
    users.change(&bob, Change { claims, ..Change::default() }).unwrap();
    let users = number(&mut entries, "+1 555 0122", true);
    let found = users.by_subject(&bob).unwrap();
    assert_eq!(found.claims["phone_number"], "+1 555 0111");
    assert!(!users.has_phone_number("+1 555 0111"));
}

/// Whom the file disables, nothing else lets in.
#[test]
fn the_file_disables() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let alice = Subject::new("248289761001").unwrap();
    let change = |disabled| Change { disabled: Some(disabled), ..Change::default() };
    let before = users(&file);
    before.change(&alice, change(true)).unwrap();
    before.change(&alice, change(false)).unwrap();
    let mut entries = Settings::demo().unwrap().users;
    entries[0].disabled = true;
    let after = Users::new(&entries, None).unwrap();
    after.keep(&file, &issuer()).unwrap();
    assert!(after.by_subject(&alice).unwrap().disabled);
    assert!(after.change(&alice, change(false)).is_err());
    after.change(&alice, change(true)).unwrap();
    after.change(&alice, Change::default()).unwrap();
    assert!(after.by_subject(&alice).unwrap().disabled);
    assert!(users(&file).by_subject(&alice).unwrap().disabled, "asked for here besides");
    users(&file).change(&alice, change(false)).unwrap();
    assert!(!users(&file).by_subject(&alice).unwrap().disabled);
}

/// A file is one issuer's; one of before that was written down is whoever's has it.
#[test]
fn a_file_is_its_issuers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let eve = users(&file).create(new("eve", None, &json!({}))).unwrap().subject.clone();
    let other = Issuer::new("https://id.example/admins").unwrap();
    let kept = |issuer: &Issuer| {
        let users = Users::new(&Settings::demo().unwrap().users, None).unwrap();
        users.keep(&file, issuer).map(|()| users.by_subject(&eve).is_some())
    };
    let refused = kept(&other).unwrap_err().to_string();
    assert!(refused.contains(r#""https://id.example/people"; give every issuer"#), "{refused}");
    assert!(kept(&issuer()).unwrap());
    let first = "DROP TABLE issuer; PRAGMA user_version = 1";
    Connection::open(&file).unwrap().execute_batch(first).unwrap();
    assert!(kept(&other).unwrap());
    assert!(kept(&issuer()).is_err() && kept(&other).unwrap());
}

/// Of whoever is deleted nothing stays in the file.
#[test]
fn nothing_stays_of_whoever_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let marked = || {
        let bytes = fs::read(&file).unwrap();
        bytes.windows(17).any(|bytes| bytes == b"marked-to-be-gone")
    };
    let before = users(&file);
    let eve = before.create(new("eve", None, &json!({ "n": "marked-to-be-gone" }))).unwrap();
    drop(before);
    assert!(marked());
    users(&file).remove(&eve.subject).unwrap();
    assert!(!marked());
}

/// Nothing is true that could not be written.
#[test]
fn what_cannot_be_written_is_not_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let users = users(&file);
    let eve = users.create(new("eve", None, &json!({ "name": "Eve" }))).unwrap();
    Connection::open(&file).unwrap().execute_batch("DROP TABLE people").unwrap();
    let failed = users.create(new("mallory", None, &json!({}))).unwrap_err();
    assert_eq!(failed, NotCreated::NotKept);
    assert!(!users.has_login("mallory"));
    let change = Change { disabled: Some(true), ..Change::default() };
    assert!(matches!(users.change(&eve.subject, change), Err(NotChanged::NotKept(_))));
    assert!(matches!(users.remove(&eve.subject), Err(NotChanged::NotKept(_))));
    assert!(!users.by_subject(&eve.subject).unwrap().disabled);
}

/// A file that says what cannot be is refused, with the file and the person.
#[test]
fn a_file_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.db");
    let sub = users(&file).create(new("eve", None, &json!({}))).unwrap().subject.clone();
    let refused = |entries: &[crate::config::UserEntry]| {
        let text =
            Users::new(entries, None).unwrap().keep(&file, &issuer()).unwrap_err().to_string();
        assert!(text.contains("people.db"), "{text}");
        text
    };
    let mut entries = Settings::demo().unwrap().users;
    entries[0].username = "EVE".into();
    assert!(refused(&entries).contains("somebody has the user name"));
    entries[0].username = "alice".into();
    entries[0].sub = sub.clone();
    assert!(refused(&entries).contains("somebody has the subject"));
    entries.remove(0);
    let write = |sql: &str| Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    write("UPDATE people SET record = json_set(record, '$.password_hash', 'md5-of-a-secret')");
    let text = refused(&entries);
    assert!(text.contains(sub.as_str()) && !text.contains("md5"), "{text}");
    write("PRAGMA user_version = 3");
    assert!(refused(&entries).contains("newer"));
    fs::write(&file, "this is no database, and long enough to see it").unwrap();
    refused(&entries);
}
