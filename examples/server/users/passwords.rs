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
pub(crate) struct PasswordHash {
    text: Box<str>,
    /// What it was until it was made anew, of the same password.
    before: Option<Box<str>>,
}

impl PasswordHash {
    /// What is wrong with a text that [`parse`](Self::parse) does not know.
    pub(crate) const EXPECTED: &str =
        "a PHC string of argon2 or pbkdf2-sha256, or one of bcrypt, none of them too dear";

    /// One that was made before; none if it is something else, or would take too long.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Known::read(text).map(|_| Self { text: text.into(), before: None })
    }

    /// Takes its time: ask for a [`Turn`] before.
    pub(super) fn of(password: &str) -> Result<Self, password_hash::Error> {
        let hash = Argon2::default().hash_password(password.as_bytes())?;
        Ok(Self { text: hash.to_string().into(), before: None })
    }

    /// For the file in which people are kept.
    pub(super) fn expose(&self) -> &str {
        &self.text
    }

    /// Whether it is of the same password as the other one, which was theirs a moment ago.
    fn is_still(&self, other: &Self) -> bool {
        self.text == other.text || self.before.as_ref() == Some(&other.text)
    }

    /// Whether the password is the one, and what to keep of it from now on, if that is something else. Whoever
    /// has an old hash pays for a new one, right or wrong, so that they cost no less than others.
    fn check(&self, password: &str) -> (bool, Option<Self>) {
        let Some(known) = Known::read(&self.text) else { return (false, None) };
        let fits = known.fits(password);
        if known.is_of_today() {
            return (fits, None);
        }
        let made = Self::of(password).ok().filter(|_| fits);
        (fits, made.map(|made| Self { before: Some(self.text.clone()), ..made }))
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

impl Secret<'_> {
    /// What is kept of the person's own.
    fn kept_of<'u>(&self, user: &'u User) -> Option<&'u PasswordHash> {
        match self {
            Self::Password(_) => user.password.as_ref(),
            Self::Pin(_) => user.pin.as_ref(),
        }
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

    /// The person whose login and secret these are: their user name, or an address or a number that is known to
    /// be theirs. Whatever is wrong takes as long as a hash that is made here, or longer, where one that another
    /// service has made is kept until its password is seen.
    pub(crate) async fn authenticate(
        &self,
        turn: Turn,
        login: &str,
        secret: Secret<'_>,
    ) -> Option<Arc<User>> {
        let user = self.by_login(login).filter(|user| user.is_called(login));
        let user = user.unwrap_or_else(|| Arc::clone(&self.nobody));
        let (Secret::Password(said) | Secret::Pin(said)) = secret;
        let kept = secret.kept_of(&user);
        // Who has none costs as much as who has another one.
        let (has, hash) = (kept.is_some(), kept.unwrap_or(&self.nobodys).clone());
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
        // That took its time: the secret may be another one by now, or they may have been disabled.
        let now = self.by_subject(&user.subject).filter(|now| !now.disabled)?;
        let is_same = secret.kept_of(&now)?.is_still(secret.kept_of(&user)?);
        let user = Some(now).filter(|_| is_same)?;
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

#[cfg(test)]
mod tests {
    use std::{future::ready, pin::pin, sync::mpsc};

    use tokio::runtime;

    use super::*;
    use crate::users::{Change, tests::users};

    /// While a password is hashed another one may become theirs, or they nobody who may sign in.
    #[test]
    fn what_changes_meanwhile_holds() {
        let mut one = runtime::Builder::new_current_thread();
        let runtime = one.enable_all().max_blocking_threads(1).build().unwrap();
        let signs_in_by = |secret: Secret<'_>, change: Option<Change>| {
            let users = users();
            let alice = users.by_login("alice").unwrap().subject.clone();
            let pin = PasswordHash::of("2580").ok();
            users.change(&alice, Change { pin, ..Change::default() }).unwrap();
            runtime.block_on(async {
                let (free, busy) = mpsc::channel::<()>();
                task::spawn_blocking(move || busy.recv());
                let turn = users.turn().await.unwrap();
                let mut found = pin!(users.authenticate(turn, "alice", secret));
                tokio::select! {
                    biased;
                    _ = &mut found => panic!("it was not hashed"),
                    () = ready(()) => {}
                }
                if let Some(change) = change {
                    users.change(&alice, change).unwrap();
                }
                drop(free);
                found.await.is_some()
            })
        };
        let signs_in = |change| signs_in_by(Secret::Password("wonderland"), change);
        assert!(signs_in(None));
        let other = PasswordHash::of("another one").ok();
        let (password, pin) = (
            Change { password: other.clone(), ..Change::default() },
            Change { pin: other, ..Change::default() },
        );
        assert!(!signs_in(Some(password.clone())) && signs_in(Some(pin.clone())));
        let by_pin = |change| signs_in_by(Secret::Pin("2580"), Some(change));
        assert!(!by_pin(pin) && by_pin(password));
        assert!(!signs_in(Some(Change { disabled: Some(true), ..Change::default() })));
        let claims = serde_json::Map::from_iter([("nickname".into(), "Al".into())]);
        assert!(signs_in(Some(Change { claims, ..Change::default() })));
        // A password that is made anew is the same.
        let users = users();
        let old = "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm";
        let change = Change { password: PasswordHash::parse(old), ..Change::default() };
        users.change(&users.by_login("alice").unwrap().subject, change).unwrap();
        let once = async || {
            let turn = users.turn().await.unwrap();
            users.authenticate(turn, "alice", Secret::Password("password")).await.is_some()
        };
        let both = async { tokio::join!(once(), once()) };
        assert_eq!(runtime.block_on(both), (true, true));
        let alice = users.by_login("alice").unwrap();
        assert_ne!(alice.password.as_ref().unwrap().expose(), old);
    }
}
