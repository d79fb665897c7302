use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use async_trait::async_trait;
use ring::hmac;
use tokio::{sync::Semaphore, task, time::timeout};

use super::SecretHashes;
use crate::{
    env::SystemEntropy,
    error::HostError,
    secret::{self, Digest},
};

/// How long a check may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Checks client secrets against PHC strings of argon2, such as argon2id, away from the async threads.
///
/// A secret that was right is remembered for five minutes, as a keyed digest, so that a busy client
/// costs one hash now and then. It needs a Tokio runtime.
///
/// ```
/// use oidc_op::{Argon2Secrets, ClientSecret, SecretHashes};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), oidc_op::HostError> {
/// let hash = Argon2Secrets::hash("correct horse battery staple")?;
/// let secret = ClientSecret::hashed(&hash);
/// let secrets = Argon2Secrets::new(2)?;
/// assert!(secrets.verify(Some(&hash), "correct horse battery staple").await?);
/// assert!(!secrets.verify(None, "correct horse battery staple").await?);
/// # Ok(())
/// # }
/// ```
///
/// # Security
///
/// Hash all secrets with the parameters of [`hash`](Self::hash): others take another time, which tells
/// strangers that there is such a client. So does a second hashed secret while one is being replaced. Every
/// wrong secret costs a hash, so put a [`Throttle`](crate::Throttle) in front; a check that waits for more
/// than five seconds fails.
pub struct Argon2Secrets {
    permits: Arc<Semaphore>,
    /// What secrets are compared with where there is nothing to compare with.
    nobodys: Arc<str>,
    key: hmac::Key,
    right: Mutex<Remembered>,
}

impl Argon2Secrets {
    /// One that computes at most so many hashes at once, each of which takes 19 MiB.
    ///
    /// # Errors
    ///
    /// There is no randomness to be had.
    pub fn new(at_once: usize) -> Result<Self, HostError> {
        let entropy = SystemEntropy::new();
        let random: [u8; 32] = secret::random(&entropy)?;
        let digest = Digest::of(&secret::random::<32>(&entropy)?);
        Ok(Self {
            permits: Arc::new(Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS))),
            nobodys: hash(digest.as_bytes())?.into(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &random),
            right: Mutex::default(),
        })
    }

    /// The PHC string of a secret, by argon2id with 19 MiB and two passes.
    ///
    /// # Errors
    ///
    /// There is no randomness to be had.
    pub fn hash(secret: &str) -> Result<String, HostError> {
        hash(secret.as_bytes())
    }

    /// A name for the pair that nobody else can work out.
    fn name(&self, hash: &str, presented: &str) -> Name {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&hash.len().to_be_bytes());
        context.update(hash.as_bytes());
        context.update(presented.as_bytes());
        let mut name = [0; 32];
        name.copy_from_slice(context.sign().as_ref());
        name
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(secret: &[u8]) -> Result<String, HostError> {
    Ok(Argon2::default().hash_password(secret)?.to_string())
}

#[async_trait]
impl SecretHashes for Argon2Secrets {
    async fn verify(&self, hash: Option<&str>, presented: &str) -> Result<bool, HostError> {
        let name = hash.map(|hash| self.name(hash, presented));
        if name.is_some_and(|name| self.remembered().has(&name, Instant::now())) {
            return Ok(true);
        }
        // Whoever floods the queue makes others wait, but not for ever.
        let permit = timeout(PATIENCE, self.permits.clone().acquire_owned()).await??;
        let against: Arc<str> = hash.map_or_else(|| self.nobodys.clone(), Arc::from);
        let presented = presented.to_owned();
        let right = task::spawn_blocking(move || {
            // Whoever waits may give up; the work goes on, and counts until it is done.
            let _permit = permit;
            let hash = PasswordHash::new(&against)?;
            let checked = Argon2::default().verify_password(presented.as_bytes(), &hash);
            Ok::<_, argon2::password_hash::phc::Error>(checked.is_ok())
        });
        let right = right.await?? && hash.is_some();
        if let (true, Some(name)) = (right, name) {
            self.remembered().put(name, Instant::now());
        }
        Ok(right)
    }
}

impl fmt::Debug for Argon2Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Argon2Secrets(..)")
    }
}

type Name = [u8; 32];

/// What was right a while ago.
#[derive(Default)]
struct Remembered(HashMap<Name, Instant>);

impl Remembered {
    const LIMIT: usize = 1024;
    const AGE: Duration = Duration::from_secs(300);

    fn has(&self, name: &Name, now: Instant) -> bool {
        self.0.get(name).is_some_and(|since| now.duration_since(*since) < Self::AGE)
    }

    fn put(&mut self, name: Name, now: Instant) {
        if self.0.len() >= Self::LIMIT {
            self.0.retain(|_, since| now.duration_since(*since) < Self::AGE);
        }
        if self.0.len() >= Self::LIMIT {
            let oldest = self.0.iter().min_by_key(|(_, since)| **since).map(|(name, _)| *name);
            oldest.map(|oldest| self.0.remove(&oldest));
        }
        self.0.insert(name, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn right_wrong_and_nobody() {
        let secrets = Argon2Secrets::new(1).unwrap();
        let hash = Argon2Secrets::hash("open sesame").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        for (hash, presented, right) in [
            (Some(&*hash), "open sesame", true),
            (Some(&*hash), "open sesame", true),
            (Some(&*hash), "open barley", false),
            (None, "open sesame", false),
        ] {
            assert_eq!(secrets.verify(hash, presented).await.unwrap(), right, "{presented}");
        }
        assert_eq!(secrets.remembered().0.len(), 1, "only what was right");
        assert!(secrets.verify(Some("open sesame"), "open sesame").await.is_err(), "no PHC string");
        assert_eq!(format!("{secrets:?}"), "Argon2Secrets(..)");
    }

    #[test]
    fn memory_is_short_and_bounded() {
        let mut remembered = Remembered::default();
        let (now, name) =
            (Instant::now(), |n: usize| Digest::of(&n.to_be_bytes()).as_bytes().to_owned());
        for n in 0..=Remembered::LIMIT {
            remembered.put(name(n), now + Duration::from_millis(n as u64));
        }
        assert_eq!(remembered.0.len(), Remembered::LIMIT);
        assert!(!remembered.has(&name(0), now), "the oldest made room");
        assert!(remembered.has(&name(1), now + Duration::from_secs(299)));
        assert!(!remembered.has(&name(1), now + Duration::from_secs(301)));
    }
}
