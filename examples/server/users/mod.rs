//! The people: who they are, and whether a password is theirs.
//!
//! They are in the configuration, or in `people.db` if they were created since (`kept.rs`).
//!
//! Passwords are hashed with argon2id away from the async threads, by no more of them at a time than
//! there are processors, and a name that nobody has costs as much as one whose password was hashed here.

mod accounts;
mod change;
mod create;
mod kept;
mod legacy;
mod logins;
mod passwords;
mod people;
mod person;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread,
};

use oidc_op::{ClaimMapping, ClaimSources, Subject};
use serde_json::Map;
use tokio::sync::Semaphore;

pub(crate) use self::{
    change::{Change, NotChanged, Permissions},
    create::{NewUser, NotCreated},
    logins::{canonical, email_address, phone as phone_number},
    passwords::{PasswordHash, Secret},
    person::{Proof, User},
};
use self::{kept::Kept, people::People, person::Origin};
use crate::config::{ConfigError, UserEntry};

/// How many accounts may be created unless the configuration says otherwise.
const MOST: usize = 10_000;

/// Everybody who has an account: in memory, and if it is wanted in a file.
pub(crate) struct Users {
    people: RwLock<People>,
    /// Held by whoever changes something, from what is read to what is written.
    kept: Mutex<Kept>,
    /// How many accounts may be created, so that nobody fills the memory.
    most: usize,
    /// Whom to ask for, when nobody has the name.
    nobody: Arc<User>,
    /// What a password is compared with, when there is none to compare with.
    nobodys: PasswordHash,
    turns: Arc<Semaphore>,
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
            let subject = people.by_subject(&user.subject).is_some();
            let taken = subject.then_some(NotCreated::SubjectTaken).or_else(|| people.taken(&user));
            if let Some(taken) = taken {
                let text = format!("users: username {:?}: {taken}", user.username);
                return Err(ConfigError::new(text));
            }
            people.put(user);
        }
        let nobodys = PasswordHash::of("nobody has this password")
            .map_err(|e| ConfigError::new(format!("users: argon2: {e}")))?;
        let nobody = User {
            subject: Subject::new("nobody").map_err(|e| ConfigError::new(e.to_string()))?,
            username: String::new(),
            password: None,
            pin: None,
            disabled: true,
            claims: Map::new(),
            sources: ClaimSources::default(),
            second_factor: None,
            permissions: None,
            origin: Origin::Created,
        };
        Ok(Self {
            people: RwLock::new(people),
            kept: Mutex::default(),
            most: MOST,
            nobody: Arc::new(nobody),
            nobodys,
            turns: Arc::new(Semaphore::new(processors)),
        })
    }

    /// The same, where as many accounts may be created.
    #[must_use]
    pub(crate) fn at_most(self, most: u32) -> Self {
        Self { most: most.try_into().unwrap_or(usize::MAX), ..self }
    }

    pub(crate) fn by_subject(&self, subject: &Subject) -> Option<Arc<User>> {
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        people.by_subject(subject).cloned()
    }

    fn by_login(&self, login: &str) -> Option<Arc<User>> {
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        people.by_login(login).cloned()
    }

    /// Whether somebody has it: a user name, or an e-mail address, verified or not.
    pub(crate) fn has_login(&self, login: &str) -> bool {
        self.people.read().unwrap_or_else(PoisonError::into_inner).has_login(login)
    }

    /// Whether somebody has the phone number, and it is known to be theirs.
    pub(crate) fn has_phone_number(&self, number: &str) -> bool {
        self.people.read().unwrap_or_else(PoisonError::into_inner).has_phone(number)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    pub(crate) fn users() -> Users {
        Users::new(&Settings::demo().unwrap().users, None).unwrap()
    }

    pub(crate) async fn sign_in(users: &Users, login: &str, password: &str) -> Option<String> {
        let turn = users.turn().await.unwrap();
        Some(users.authenticate(turn, login, Secret::Password(password)).await?.username.clone())
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

    /// An address is a login if it is verified, a number if it is one person's besides.
    #[tokio::test]
    async fn people_sign_in_by_what_is_verified() {
        let mut entries = Settings::demo().unwrap().users;
        entries[1].claims.insert("email_verified".into(), false.into());
        let users = Users::new(&entries, None).unwrap();
        for (login, password, found) in [
            ("ALICE", "wonderland", true),
            ("alice@example.com", "wonderland", true),
            ("+44 (20) 7946-0018", "wonderland", true),
            ("442079460018", "wonderland", false),
            ("bob@example.com", "can-we-fix-it", false),
            ("bob", "can-we-fix-it", true),
        ] {
            assert_eq!(sign_in(&users, login, password).await.is_some(), found, "{login}");
        }
        assert!(users.has_login("bob@example.com"), "nobody else may have it");
        let number = entries[0].claims["phone_number"].clone();
        entries[1].claims.insert("phone_number".into(), number);
        let shared = Users::new(&entries, None).unwrap();
        assert!(sign_in(&shared, "+44 20 7946 0018", "wonderland").await.is_none());
        assert_eq!(shared.counted_as("+442079460018"), "login +442079460018");
    }
}
