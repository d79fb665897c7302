//! `people.db` in the data directory: whoever is not in the configuration, and what has changed of those who
//! are.
//!
//! | table | what |
//! |---|---|
//! | `people` | accounts that people or backends have created, whole |
//! | `changes` | of people in the configuration, what stands before it |
//! | `issuer` | whose people they are: nobody may be found by the subject of somebody elsewhere |
//!
//! It is read at start and written before a change is true. One server writes it; another one that uses
//! it at the same time would not see what changes.

use std::{
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use oidc_op::{ClaimSources, Issuer, Scope, Subject};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task,
};

use super::{
    PasswordHash, User,
    change::{Change, Permissions, VERIFIED},
    person::Origin,
};
use crate::config::ConfigError;

const SCHEMA: &str = "
    CREATE TABLE people (sub TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
    CREATE TABLE changes (sub TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
";
/// What came with the second version.
const ISSUER: &str = "
    CREATE TABLE issuer (issuer TEXT NOT NULL) STRICT;
    PRAGMA user_version = 2;
";

/// Where people are kept; nowhere, if all is to be forgotten at a restart.
#[derive(Default)]
pub(super) struct Kept(Option<Connection>);

/// It was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    #[error("people.db")]
    Database(#[from] rusqlite::Error),
    #[error("people.db: a record")]
    Json(#[from] serde_json::Error),
    #[error("people.db: not written by this program, or by a newer one")]
    Foreign,
    #[error("people.db: its people are those of {0:?}; give every issuer a data directory")]
    Issuer(String),
    #[error("people.db: {0}: {1}")]
    Record(String, &'static str),
}

/// An account.
#[derive(Serialize, Deserialize)]
struct Record {
    username: String,
    password_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pin_hash: Option<String>,
    disabled: bool,
    permissions: Option<Scope>,
    claims: Map<String, Value>,
}

/// What stands before the configuration.
#[derive(Serialize, Deserialize)]
struct Changes {
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Permissions>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    claims: Map<String, Value>,
    /// Of which addresses and numbers of the configuration the claims say whether they are verified.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    addresses: Map<String, Value>,
}

/// Whom a change is of, and which addresses of the configuration it was said of.
type Changed = (Subject, Change, Map<String, Value>);

/// One change at a time, from what is read to what is written. On a thread where waiting for the disk keeps
/// nobody else.
pub(super) fn write_in<T>(kept: &Mutex<Kept>, change: impl FnOnce(&Kept) -> T) -> T {
    let all = || {
        let kept: MutexGuard<'_, Kept> = kept.lock().unwrap_or_else(PoisonError::into_inner);
        change(&kept)
    };
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    if flavor.is_ok_and(|flavor| flavor == RuntimeFlavor::MultiThread) {
        task::block_in_place(all)
    } else {
        all()
    }
}

impl Kept {
    /// Opens the issuer's file, which is made if it is not there, for its owner only.
    fn open(path: &Path, issuer: &Issuer) -> Result<Self, NotKept> {
        let mut new = fs::OpenOptions::new();
        new.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
        // It may be there already; if there is another reason, opening it says so.
        let _ = new.open(path);
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        let step =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let count = "SELECT count(*) FROM sqlite_schema";
        let tables: u32 = step.query_row(count, [], |row| row.get(0))?;
        match step.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0))? {
            2 => {}
            // Whose it is was not said by the first version: whoever has it now.
            1 => write_issuer(&step, issuer)?,
            0 if tables == 0 => {
                step.execute_batch(SCHEMA)?;
                write_issuer(&step, issuer)?;
            }
            _ => return Err(NotKept::Foreign),
        }
        let theirs = step.query_row("SELECT issuer FROM issuer", [], |row| row.get(0));
        let theirs: String = theirs?;
        if theirs != issuer.as_str() {
            return Err(NotKept::Issuer(theirs));
        }
        step.commit()?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "secure_delete", true)?;
        Ok(Self(Some(connection)))
    }

    /// Everybody who was created.
    pub(super) fn people(&self) -> Result<Vec<User>, NotKept> {
        let person = |(sub, record): (String, String)| {
            let Record { username, password_hash, pin_hash, disabled, permissions, claims } =
                serde_json::from_str(&record)?;
            Ok(User {
                subject: subject(&sub)?,
                password: hash(&sub, password_hash)?,
                pin: hash(&sub, pin_hash)?,
                username,
                disabled,
                claims,
                permissions,
                sources: ClaimSources::default(),
                second_factor: None,
                origin: Origin::Created,
            })
        };
        self.rows("SELECT sub, record FROM people")?.into_iter().map(person).collect()
    }

    /// What has changed of people in the configuration.
    fn changes(&self) -> Result<Vec<Changed>, NotKept> {
        let change = |(sub, record): (String, String)| {
            let Changes { password_hash, pin_hash, disabled, permissions, claims, addresses } =
                serde_json::from_str(&record)?;
            let password = hash(&sub, password_hash)?;
            let pin = hash(&sub, pin_hash)?;
            let change =
                Change { disabled, permissions, password, pin, claims, ..Change::default() };
            Ok((subject(&sub)?, change, addresses))
        };
        self.rows("SELECT sub, record FROM changes")?.into_iter().map(change).collect()
    }

    /// Writes down what is to be true of a person.
    pub(super) fn write(&self, user: &User) -> Result<(), NotKept> {
        let Some(connection) = &self.0 else { return Ok(()) };
        let exposed = |hash: &Option<PasswordHash>| Some(hash.as_ref()?.expose().to_owned());
        let (table, record) = match &user.origin {
            Origin::Created => {
                let record = Record {
                    username: user.username.clone(),
                    password_hash: exposed(&user.password),
                    pin_hash: exposed(&user.pin),
                    disabled: user.disabled,
                    permissions: user.permissions.clone(),
                    claims: user.claims.clone(),
                };
                ("people", serde_json::to_string(&record)?)
            }
            Origin::Configuration { changed, .. } => {
                let record = Changes {
                    password_hash: exposed(&changed.password),
                    pin_hash: exposed(&changed.pin),
                    disabled: changed.disabled,
                    permissions: changed.permissions.clone(),
                    claims: changed.claims.clone(),
                    addresses: addresses(user, changed),
                };
                ("changes", serde_json::to_string(&record)?)
            }
        };
        let sql = format!("INSERT OR REPLACE INTO {table} (sub, record) VALUES (?1, ?2)");
        connection.execute(&sql, (user.subject.as_str(), record))?;
        Ok(())
    }

    pub(super) fn remove(&self, subject: &Subject) -> Result<(), NotKept> {
        let Some(connection) = &self.0 else { return Ok(()) };
        connection.execute("DELETE FROM people WHERE sub = ?1", [subject.as_str()])?;
        Ok(())
    }

    fn rows(&self, sql: &str) -> Result<Vec<(String, String)>, NotKept> {
        let Some(connection) = &self.0 else { return Ok(Vec::new()) };
        let mut rows = connection.prepare(sql)?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn write_issuer(file: &Connection, issuer: &Issuer) -> Result<(), NotKept> {
    file.execute_batch(ISSUER)?;
    file.execute("INSERT INTO issuer (issuer) VALUES (?1)", [issuer.as_str()])?;
    Ok(())
}

/// What the configuration says, where only whether it is verified has changed.
fn addresses(user: &User, changed: &Change) -> Map<String, Value> {
    let said = |name: &str| changed.claims.contains_key(name);
    let flags = VERIFIED.into_iter().filter(|(claim, verified)| said(verified) && !said(claim));
    let of = |(claim, _): (&str, _)| Some((claim.to_owned(), user.claims.get(claim)?.clone()));
    flags.filter_map(of).collect()
}

fn subject(sub: &str) -> Result<Subject, NotKept> {
    Subject::new(sub).map_err(|_| NotKept::Record(sub.to_owned(), "is no subject"))
}

fn hash(sub: &str, text: Option<String>) -> Result<Option<PasswordHash>, NotKept> {
    let read = |text: String| {
        let unknown = || NotKept::Record(sub.to_owned(), "the password hash is none");
        PasswordHash::parse(&text).ok_or_else(unknown)
    };
    text.map(read).transpose()
}

impl super::Users {
    /// Keeps the issuer's people in this file from now on, and takes in those that are there.
    pub(crate) fn keep(&self, path: &Path, issuer: &Issuer) -> Result<(), ConfigError> {
        let place = crate::config::shown(path);
        let wrong = |error: NotKept| {
            ConfigError::new(format!("data: {place}: {}", crate::layers::chain(&error)))
        };
        let kept = Kept::open(path, issuer).map_err(wrong)?;
        let mut people = self.people.write().unwrap_or_else(PoisonError::into_inner);
        let changes = kept.changes().map_err(wrong)?.into_iter();
        // Of somebody who is not in the configuration any more there is nothing to change.
        let changed = changes.filter_map(|(sub, change, addresses)| {
            let user = people.by_subject(&sub)?;
            Some(user.changed(change.still_holding(&addresses, user)))
        });
        let changed: Vec<_> = changed.collect();
        // Somebody may have now what the configuration says of somebody else, who has changed as well.
        for user in &changed {
            people.remove(&user.subject);
        }
        let created = kept.people().map_err(wrong)?;
        for user in changed.into_iter().chain(created) {
            let is_there = user.is_created() && people.by_subject(&user.subject).is_some();
            let subject = is_there.then_some(super::NotCreated::SubjectTaken);
            if let Some(taken) = subject.or_else(|| people.taken(&user)) {
                let text = format!("data: {place}: {:?}: {taken}", user.subject.as_str());
                return Err(ConfigError::new(text));
            }
            people.put(user.into());
        }
        drop(people);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            after.create(new("eve", None, &json!({}))).unwrap_err(),
            NotCreated::UsernameTaken
        );
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
        assert!(
            found.disabled && found.second_factor.is_some() == entries[0].second_factor.is_some()
        );
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
        let signs_in = async |users: &Users, email: &str| {
            sign_in(users, email, "can-we-fix-it").await.is_some()
        };
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
}
