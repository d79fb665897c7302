//! Passwords: whose one is, and the turns in which they are hashed.

use std::{sync::Arc, time::Duration as StdDuration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use tokio::{sync::OwnedSemaphorePermit, task, time};

use super::{User, Users};
use crate::config::ConfigError;

/// How long somebody waits for their turn to have a password hashed.
const PATIENCE: StdDuration = StdDuration::from_secs(5);
/// The longest password that is looked at, in bytes.
const LONGEST: usize = 1024;

/// Leave to hash one password.
pub(crate) struct Turn(pub(super) OwnedSemaphorePermit);

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
        let candidate = Arc::clone(&user);
        let fits = password.len() <= LONGEST;
        let password = if fits { password.to_owned() } else { String::new() };
        let right = task::spawn_blocking(move || {
            let Turn(_permit) = turn;
            verify(&password, &candidate.hash)
        });
        let right = right.await.unwrap_or(false);
        (right && fits && !user.disabled).then_some(user)
    }
}

pub(super) fn hash(password: &str) -> Result<String, ConfigError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|e| ConfigError::new(format!("users: argon2: {e}")))
}

fn verify(password: &str, hash: &str) -> bool {
    Argon2::default().verify_password(password.as_bytes(), hash).is_ok()
}
