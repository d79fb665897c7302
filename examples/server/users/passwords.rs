//! Passwords: whose one is, and the turns in which they are hashed.

use std::{fmt, sync::Arc, time::Duration as StdDuration};

use argon2::{
    Argon2,
    password_hash::{self, PasswordHasher},
};
use tokio::{sync::OwnedSemaphorePermit, task, time};

use super::{User, Users, legacy::Known};

/// How long somebody waits for their turn to have a password hashed.
const PATIENCE: StdDuration = StdDuration::from_secs(5);
/// The longest password that is looked at, in bytes.
const LONGEST: usize = 1024;

/// What is kept of a password: a PHC string of argon2id, or of what another service has used.
#[derive(Clone)]
pub(crate) struct PasswordHash(Box<str>);

impl PasswordHash {
    /// What is wrong with a text that [`parse`](Self::parse) does not know.
    pub(crate) const EXPECTED: &str =
        "a PHC string of argon2 or pbkdf2-sha256, or one of bcrypt, none of them too dear";

    /// One that was made before; none if it is something else, or would take too long.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Known::read(text).map(|_| Self(text.into()))
    }

    /// Takes its time: ask for a [`Turn`] before.
    pub(super) fn of(password: &str) -> Result<Self, password_hash::Error> {
        let hash = Argon2::default().hash_password(password.as_bytes())?;
        Ok(Self(hash.to_string().into()))
    }

    /// For the file in which people are kept.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the password is the one, and what to keep of it from now on, if that is something else. Whoever
    /// has an old hash pays for a new one, right or wrong, so that they cost no less than others.
    fn check(&self, password: &str) -> (bool, Option<Self>) {
        let Some(known) = Known::read(&self.0) else { return (false, None) };
        let fits = known.fits(password);
        if known.is_of_today() {
            return (fits, None);
        }
        (fits, Self::of(password).ok().filter(|_| fits))
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

    /// The person whose login and password these are: their user name, or an address or a number that is known
    /// to be theirs. Whatever is wrong takes the same time.
    pub(crate) async fn authenticate(
        &self,
        turn: Turn,
        login: &str,
        password: &str,
    ) -> Option<Arc<User>> {
        let user = self.by_login(login).filter(|user| user.is_called(login));
        let user = user.unwrap_or_else(|| Arc::clone(&self.nobody));
        // Who has no password costs as much as who has another one.
        let hash = user.password.clone().unwrap_or_else(|| self.nobodys.clone());
        let fits = password.len() <= LONGEST;
        let password = if fits { password.to_owned() } else { String::new() };
        let checked = task::spawn_blocking(move || {
            let Turn(_permit) = turn;
            hash.check(&password)
        });
        let (right, renewed) = checked.await.unwrap_or((false, None));
        if !right || !fits || user.password.is_none() || user.disabled {
            return None;
        }
        if let Some(hash) = renewed {
            self.renew(&user, hash);
        }
        Some(user)
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
