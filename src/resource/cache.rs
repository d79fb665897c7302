use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use serde_json::{Map, Value};
use time::Duration;

use super::TokenSource;
use crate::{
    env::{Clock, SystemClock},
    error::HostError,
    secret::Digest,
    types::Timestamp,
};

/// A [`TokenSource`] that remembers for a moment what another one has said of active tokens
/// ([RFC 7662 §4]).
///
/// For an API that is called more often than its provider should be asked. Clones share their
/// memory.
///
/// ```
/// use oidc_op::{Duration, TokenCache, TokenSource};
///
/// fn sparing(source: impl TokenSource) -> TokenCache {
///     TokenCache::new(source, Duration::seconds(10), 10_000)
/// }
/// ```
///
/// # Security
///
/// A token that was revoked stays good for as long as it is remembered.
///
/// [RFC 7662 §4]: https://www.rfc-editor.org/rfc/rfc7662#section-4
#[derive(Clone)]
pub struct TokenCache {
    source: Arc<dyn TokenSource>,
    clock: Arc<dyn Clock>,
    keep: Duration,
    entries: usize,
    answers: Arc<Mutex<HashMap<[u8; 32], Answer>>>,
}

struct Answer {
    members: Map<String, Value>,
    from: Timestamp,
    until: Timestamp,
}

impl Answer {
    /// Also not before it was given: a clock that is set back prolongs nothing.
    fn is_good(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

impl TokenCache {
    /// Remembers what this source says for so long, but not beyond the end of the token's life, and of
    /// so many tokens at once.
    pub fn new(source: impl TokenSource, keep: Duration, entries: usize) -> Self {
        let answers = Arc::default();
        Self { source: Arc::new(source), clock: Arc::new(SystemClock), keep, entries, answers }
    }

    /// What time it is; [`SystemClock`] unless told otherwise.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// None who holds the lock leaves something half done, so a poisoned one is as good.
    fn answers(&self) -> MutexGuard<'_, HashMap<[u8; 32], Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, key: [u8; 32], members: &Map<String, Value>, from: Timestamp) {
        let expires = members.get("exp").and_then(Value::as_i64).map(Timestamp::from_unix);
        let until = expires.unwrap_or(Timestamp::MAX).min(from + self.keep);
        let answer = Answer { members: members.clone(), from, until };
        let mut answers = self.answers();
        if answers.len() >= self.entries {
            answers.retain(|_, answer| answer.is_good(from));
        }
        if answer.is_good(from) && answers.len() < self.entries {
            answers.insert(key, answer);
        }
    }
}

#[async_trait]
impl TokenSource for TokenCache {
    async fn introspect(&self, token: &str) -> Result<Option<Map<String, Value>>, HostError> {
        // Whoever reads the memory of the process learns no token.
        let key = *Digest::of(token.as_bytes()).as_bytes();
        // Before it is asked: what happens while it answers may not be in the answer.
        let now = self.clock.now();
        let known = self
            .answers()
            .get(&key)
            .filter(|answer| answer.is_good(now))
            .map(|answer| answer.members.clone());
        if known.is_some() {
            return Ok(known);
        }
        let said = self.source.introspect(token).await?;
        // What is not active is not remembered: anybody can make up any number of such tokens.
        if let Some(members) = &said {
            self.remember(key, members, now);
        }
        Ok(said)
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("source", &self.source)
            .field("keep", &self.keep)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}
