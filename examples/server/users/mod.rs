//! The people: who they are, and whether a password is theirs.
//!
//! Passwords are hashed with argon2id away from the async threads, by no more of them at a time than
//! there are processors, and a name that nobody has costs as much as one that somebody has.

mod accounts;
mod create;
mod logins;
mod passwords;
mod person;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    thread,
};

use oidc_op::{ClaimMapping, ClaimSources, Subject};
use serde_json::Map;
use tokio::sync::Semaphore;

use self::logins::phone;
pub(crate) use self::{
    create::{NewUser, NotCreated},
    logins::{canonical, email_address, phone as phone_number},
    passwords::PasswordHash,
    person::{Proof, User},
};
use crate::config::{ConfigError, UserEntry};

/// Everybody who has an account, in memory.
pub(crate) struct Users {
    people: RwLock<People>,
    /// Whom to ask for, when nobody has the name.
    nobody: Arc<User>,
    /// What a password is compared with, when there is none to compare with.
    nobodys: PasswordHash,
    turns: Arc<Semaphore>,
}

#[derive(Default)]
struct People {
    by_subject: HashMap<Subject, Arc<User>>,
    /// By user name and by e-mail address, in their canonical form.
    by_login: HashMap<String, Arc<User>>,
    /// By verified phone number; nobody by one that several have.
    by_phone: HashMap<String, Option<Arc<User>>>,
    created: usize,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}

impl Users {
    /// Hashes the passwords that are not, on all processors, and puts everybody in their place.
    pub(crate) fn new(
        entries: &[UserEntry],
        mapping: Option<&ClaimMapping>,
    ) -> Result<Self, ConfigError> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let share = entries.len().div_ceil(processors).max(1);
        let users: Vec<_> = thread::scope(|scope| {
            let shares: Vec<_> = entries
                .chunks(share)
                .map(|share| {
                    let made = |entry| User::from_entry(entry, mapping);
                    scope.spawn(move || share.iter().map(made).collect())
                })
                .collect();
            shares.into_iter().flat_map(|s| s.join().unwrap_or_else(|_| Vec::new())).collect()
        });
        let mut people = People::default();
        for user in users {
            let user = Arc::new(user?);
            people.insert(Arc::clone(&user)).map_err(|taken| {
                ConfigError::new(format!("users: username {:?}: {taken}", user.username))
            })?;
        }
        let nobodys = PasswordHash::of("nobody has this password")
            .map_err(|e| ConfigError::new(format!("users: argon2: {e}")))?;
        let nobody = User {
            subject: Subject::new("nobody").map_err(|e| ConfigError::new(e.to_string()))?,
            username: String::new(),
            password: None,
            disabled: true,
            claims: Map::new(),
            sources: ClaimSources::default(),
            second_factor: None,
            permissions: None,
        };
        Ok(Self {
            people: RwLock::new(people),
            nobody: Arc::new(nobody),
            nobodys,
            turns: Arc::new(Semaphore::new(processors)),
        })
    }

    pub(crate) fn by_subject(&self, subject: &Subject) -> Option<Arc<User>> {
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        people.by_subject.get(subject).cloned()
    }

    fn by_login(&self, login: &str) -> Option<Arc<User>> {
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        let named = people.by_login.get(&canonical(login));
        let numbered = || people.by_phone.get(&phone(login)?)?.as_ref();
        named.or_else(numbered).cloned()
    }

    /// Whether somebody can sign in by it: a user name or an e-mail address.
    pub(crate) fn has_login(&self, login: &str) -> bool {
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        people.by_login.contains_key(&canonical(login))
    }

    /// Whether somebody has the phone number, and it is known to be theirs.
    pub(crate) fn has_phone_number(&self, number: &str) -> bool {
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        phone(number).is_some_and(|number| people.by_phone.contains_key(&number))
    }

    /// What attempts at this login are counted by: one name for one account, however it was written.
    pub(crate) fn counted_as(&self, login: &str) -> String {
        match self.by_login(login) {
            Some(user) => format!("sub {}", user.subject),
            None => format!("login {}", canonical(login)),
        }
    }

    /// How the log names whoever tried to sign in. What nobody is called may be a password, typed into
    /// the wrong field.
    pub(crate) fn logged_as(&self, login: &str) -> String {
        self.by_login(login).map_or("nobody".to_owned(), |user| format!("sub {}", user.subject))
    }
}

impl People {
    /// Puts a person in their place; all or nothing.
    fn insert(&mut self, user: Arc<User>) -> Result<(), NotCreated> {
        if self.by_subject.contains_key(&user.subject) {
            return Err(NotCreated::SubjectTaken);
        }
        if user.email().is_some_and(|email| self.by_login.contains_key(&canonical(email))) {
            return Err(NotCreated::EmailTaken);
        }
        if self.by_login.contains_key(&canonical(&user.username)) {
            return Err(NotCreated::UsernameTaken);
        }
        for login in user.logins() {
            self.by_login.insert(login, Arc::clone(&user));
        }
        if let Some(number) = user.phone() {
            let theirs = Some(Arc::clone(&user));
            self.by_phone.entry(number).and_modify(|shared| *shared = None).or_insert(theirs);
        }
        self.by_subject.insert(user.subject.clone(), user);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    pub(super) fn users() -> Users {
        Users::new(&Settings::demo().unwrap().users, None).unwrap()
    }

    pub(super) async fn sign_in(users: &Users, login: &str, password: &str) -> Option<String> {
        let turn = users.turn().await.unwrap();
        Some(users.authenticate(turn, login, password).await?.username.clone())
    }

    /// Threats UI-09, UI-10.
    #[tokio::test]
    async fn one_account_has_one_name_however_it_is_written() {
        let users = users();
        for login in ["alice", " ALICE ", "alice@example.com", "Alice@Example.COM"] {
            assert_eq!(users.counted_as(login), "sub 248289761001", "{login}");
            assert_eq!(sign_in(&users, login, "wonderland").await.as_deref(), Some("alice"));
        }
        for (login, password) in [("alice", ""), ("alice", "Wonderland"), ("", ""), ("eve", "x")] {
            assert_eq!(sign_in(&users, login, password).await, None, "{login} {password}");
        }
        assert_eq!(sign_in(&users, "alice", &"x".repeat(5000)).await, None);
    }

    /// A number is a login if it is verified and one person's; what is not verified is none for clients.
    #[tokio::test]
    async fn clients_sign_people_in_by_what_is_verified() {
        let mut entries = Settings::demo().unwrap().users;
        entries[1].claims.insert("email_verified".into(), false.into());
        let users = Users::new(&entries, None).unwrap();
        for (login, password, found, called) in [
            ("ALICE", "wonderland", true, true),
            ("alice@example.com", "wonderland", true, true),
            ("+44 (20) 7946-0018", "wonderland", true, true),
            ("442079460018", "wonderland", false, false),
            ("bob@example.com", "can-we-fix-it", true, false),
            ("bob", "can-we-fix-it", true, true),
        ] {
            let turn = users.turn().await.unwrap();
            let user = users.authenticate(turn, login, password).await;
            assert_eq!(user.is_some(), found, "{login}");
            assert_eq!(user.is_some_and(|user| user.is_called(login)), called, "{login}");
        }
        let number = entries[0].claims["phone_number"].clone();
        entries[1].claims.insert("phone_number".into(), number);
        let shared = Users::new(&entries, None).unwrap();
        assert!(sign_in(&shared, "+44 20 7946 0018", "wonderland").await.is_none());
        assert_eq!(shared.counted_as("+442079460018"), "login +442079460018");
    }
}
