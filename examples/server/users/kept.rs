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
mod tests;
