//! Passwords: whose one is, and the turns in which they are hashed.

use std::{fmt, sync::Arc, time::Duration as StdDuration};

use argon2::{
    Argon2,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc},
};
use tokio::{sync::OwnedSemaphorePermit, task, time};

use super::{User, Users};

/// How long somebody waits for their turn to have a password hashed.
const PATIENCE: StdDuration = StdDuration::from_secs(5);
/// The longest password that is looked at, in bytes.
const LONGEST: usize = 1024;

/// What is kept of a password: a PHC string of argon2id.
#[derive(Clone)]
pub(crate) struct PasswordHash(Box<str>);

impl PasswordHash {
    /// One that was made before; none if it is something else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hash = phc::PasswordHash::new(text).ok()?;
        (hash.algorithm.as_str() == "argon2id").then(|| Self(text.into()))
    }

    /// Takes its time: ask for a [`Turn`] before.
    pub(super) fn of(password: &str) -> Result<Self, password_hash::Error> {
        let hash = Argon2::default().hash_password(password.as_bytes())?;
        Ok(Self(hash.to_string().into()))
    }

    fn fits(&self, password: &str) -> bool {
        Argon2::default().verify_password(password.as_bytes(), &*self.0).is_ok()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// Leave to hash one password.
pub(crate) struct Turn(OwnedSemaphorePermit);

impl Users {
    /// Waits for a turn to hash a password; none if that takes too long.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        Some(Turn(time::timeout(PATIENCE, turn).await.ok()?.ok()?))
    }

    /// The person whose login and password these are. Whatever is wrong takes the same time.
    pub(crate) async fn authenticate(
        &self,
        turn: Turn,
        login: &str,
        password: &str,
    ) -> Option<Arc<User>> {
        let user = self.by_login(login).unwrap_or_else(|| Arc::clone(&self.nobody));
        // Who has no password costs as much as who has another one.
        let hash = user.password.clone().unwrap_or_else(|| self.nobodys.clone());
        let fits = password.len() <= LONGEST;
        let password = if fits { password.to_owned() } else { String::new() };
        let right = task::spawn_blocking(move || {
            let Turn(_permit) = turn;
            hash.fits(&password)
        });
        let right = right.await.unwrap_or(false) && user.password.is_some();
        (right && fits && !user.disabled).then_some(user)
    }
}

impl Turn {
    /// What is kept of a new password; none if it cannot be hashed now.
    pub(crate) async fn hash(self, password: &str) -> Option<PasswordHash> {
        let password = password.to_owned();
        let hash = task::spawn_blocking(move || {
            let Self(_permit) = self;
            PasswordHash::of(&password)
        });
        hash.await.ok()?.ok()
    }
}
