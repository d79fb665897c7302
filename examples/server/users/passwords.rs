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

/// What somebody shows that they know.
#[derive(Clone, Copy)]
pub(crate) enum Secret<'s> {
    Password(&'s str),
    /// Short, and good only where a scope asks for it.
    Pin(&'s str),
}

/// Leave to hash one password.
pub(crate) struct Turn(OwnedSemaphorePermit);

impl Users {
    /// Waits for a turn to hash a password; none if that takes too long.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        Some(Turn(time::timeout(PATIENCE, turn).await.ok()?.ok()?))
    }

    /// The person whose login and secret these are: their user name, or an address or a number that is known to
    /// be theirs. Whatever is wrong takes the same time.
    pub(crate) async fn authenticate(
        &self,
        turn: Turn,
        login: &str,
        secret: Secret<'_>,
    ) -> Option<Arc<User>> {
        let user = self.by_login(login).filter(|user| user.is_called(login));
        let user = user.unwrap_or_else(|| Arc::clone(&self.nobody));
        let (kept, said) = match secret {
            Secret::Password(password) => (&user.password, password),
            Secret::Pin(pin) => (&user.pin, pin),
        };
        // Who has none costs as much as who has another one.
        let (has, hash) = (kept.is_some(), kept.as_ref().unwrap_or(&self.nobodys).clone());
        let fits = said.len() <= LONGEST;
        let said = if fits { said.to_owned() } else { String::new() };
        let checked = task::spawn_blocking(move || {
            let Turn(_permit) = turn;
            hash.check(&said)
        });
        let (right, renewed) = checked.await.unwrap_or((false, None));
        if !right || !fits || !has || user.disabled {
            return None;
        }
        // Every PIN was hashed here.
        if let (Some(hash), Secret::Password(_)) = (renewed, secret) {
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
