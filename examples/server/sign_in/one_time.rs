//! Tokens that sign somebody in once.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{Entropy, EntropyError, Subject, SystemEntropy};
use ring::digest;

use crate::config::SignIn;

/// How many may be out at once.
const MOST: usize = 10_000;

/// Those that are out: in memory, so that a restart ends them and one server takes what it gave.
pub(crate) struct OneTimeTokens {
    /// In seconds, at most.
    pub(crate) lifetime: u32,
    out: Mutex<HashMap<Digest, Out>>,
}

/// What is kept of a token.
type Digest = [u8; digest::SHA256_OUTPUT_LEN];

struct Out {
    subject: Subject,
    until: Instant,
}

/// There is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotIssued {
    #[error("too many one-time tokens are out")]
    Full,
    #[error("there is no randomness for a token")]
    NoRandomness,
}

impl From<EntropyError> for NotIssued {
    fn from(_: EntropyError) -> Self {
        Self::NoRandomness
    }
}

impl OneTimeTokens {
    /// None, if nobody signs in by them.
    pub(crate) fn of(sign_in: &SignIn) -> Option<Self> {
        let lifetime = sign_in.one_time_token.as_ref()?.lifetime;
        Some(Self { lifetime, out: Mutex::default() })
    }

    /// A token that signs this person in; an earlier one of theirs does no more.
    pub(crate) fn issue(&self, subject: Subject, seconds: u32) -> Result<String, NotIssued> {
        self.issue_at(Instant::now(), subject, seconds)
    }

    fn issue_at(&self, now: Instant, subject: Subject, seconds: u32) -> Result<String, NotIssued> {
        let mut random = [0; 32];
        SystemEntropy::new().fill(&mut random)?;
        let token = URL_SAFE_NO_PAD.encode(random);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.retain(|_, other| other.until > now && other.subject != subject);
        if out.len() >= MOST {
            return Err(NotIssued::Full);
        }
        let until = now + Duration::from_secs(seconds.into());
        out.insert(digest_of(&token), Out { subject, until });
        Ok(token)
    }

    /// Whom the token signs in; from now on nobody.
    pub(crate) fn take(&self, token: &str) -> Option<Subject> {
        self.take_at(Instant::now(), token)
    }

    fn take_at(&self, now: Instant, token: &str) -> Option<Subject> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let Out { subject, until } = out.remove(&digest_of(token))?;
        (until > now).then_some(subject)
    }
}

impl fmt::Debug for OneTimeTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeTokens").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// Looking one up by its digest tells nothing by the time that it takes.
fn digest_of(token: &str) -> Digest {
    let mut kept = Digest::default();
    let found = digest::digest(&digest::SHA256, token.as_bytes());
    kept.iter_mut().zip(found.as_ref()).for_each(|(to, from)| *to = *from);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> OneTimeTokens {
        OneTimeTokens { lifetime: 300, out: Mutex::default() }
    }

    fn subject(name: &str) -> Subject {
        Subject::new(name).unwrap()
    }

    #[test]
    fn a_token_is_taken_once_and_in_time() {
        let (tokens, now) = (tokens(), Instant::now());
        let issue = |name: &str, seconds| tokens.issue_at(now, subject(name), seconds).unwrap();
        let take = |seconds, token: &str| {
            tokens.take_at(now + Duration::from_secs(seconds), token).map(|sub| sub.to_string())
        };
        let (first, second) = (issue("mia", 60), issue("max", 60));
        assert!(first.len() == 43 && first != second);
        assert_eq!(take(0, ""), None);
        assert_eq!(take(0, &first.to_ascii_uppercase()), None);
        assert_eq!(take(59, &first).as_deref(), Some("mia"));
        assert_eq!(take(59, &first), None);
        assert_eq!(take(60, &second), None);
        assert_eq!(take(0, &second), None, "too late is gone as well");
        let (before, after) = (issue("mia", 60), issue("mia", 60));
        assert_eq!(take(0, &before), None, "the last one counts");
        assert_eq!(take(0, &after).as_deref(), Some("mia"));
        assert!(!format!("{tokens:?}").contains(&issue("mia", 60)));
    }

    #[test]
    fn memory_has_an_end() {
        let (tokens, now) = (tokens(), Instant::now());
        for number in 0..MOST {
            let out =
                Out { subject: subject(&number.to_string()), until: now + Duration::from_secs(9) };
            tokens.out.lock().unwrap().insert(digest_of(&number.to_string()), out);
        }
        let issue = |seconds| {
            tokens.issue_at(now + Duration::from_secs(seconds), subject("mia"), 60).map(|_| ())
        };
        assert_eq!(issue(8), Err(NotIssued::Full));
        assert_eq!(issue(9), Ok(()));
        assert_eq!(tokens.out.lock().unwrap().len(), 1);
    }
}
