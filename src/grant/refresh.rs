//! Refresh tokens: each one is made from the one before, so that a step that is repeated gives the same
//! one, and neither the store nor the server's secrets, nor both, can make one.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::{
    env::{Entropy, EntropyError},
    secret::{Digest, Kid, TokenKeys, random, serde_bytes},
    types::Timestamp,
};

/// What a grant remembers of its refresh tokens, however many there have been.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refresh {
    /// Which generation the current token is.
    pub(crate) n: u32,
    pub(crate) current: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<Digest>,
    pub(crate) rotated_at: Timestamp,
    /// The secret that the current token was made with.
    #[serde(with = "serde_bytes")]
    pub(crate) kid: Kid,
    /// When it ends if nobody uses it.
    pub(crate) idle_until: Timestamp,
    /// When it ends.
    pub(crate) until: Timestamp,
}

/// A refresh token: `21 ‖ kid 2 ‖ n 4 ‖ gid 16 ‖ secret 32 ‖ tag 17`, 96 characters of base64url without
/// spare bits. The tag tells a genuine one apart without a read of the store.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    kid: Kid,
    pub(crate) n: u32,
    grant: [u8; 16],
    secret: [u8; 32],
    tag: [u8; 17],
    /// Whether the secret that it was made with is still at hand, and the tag right. Otherwise only
    /// the record can tell.
    genuine: bool,
}

const KIND: u8 = 21;
const LENGTH: usize = 72;
const TAGGED: usize = 55;

impl RefreshToken {
    /// The first one of a grant.
    pub(crate) fn first(
        keys: &TokenKeys,
        grant: [u8; 16],
        entropy: &dyn Entropy,
    ) -> Result<Self, EntropyError> {
        Ok(Self::made(keys, 1, grant, random(entropy)?))
    }

    /// The one after this: always the same one.
    pub(crate) fn next(&self, keys: &TokenKeys) -> Self {
        let n = self.n.saturating_add(1);
        let mut context = hmac::Context::with_key(&keys.refresh_next);
        context.update(&self.grant);
        context.update(&n.to_be_bytes());
        context.update(&self.secret);
        let mut secret = [0; 32];
        secret.copy_from_slice(context.sign().as_ref());
        Self::made(keys, n, self.grant, secret)
    }

    fn made(keys: &TokenKeys, n: u32, grant: [u8; 16], secret: [u8; 32]) -> Self {
        let mut token = Self { kid: keys.kid, n, grant, secret, tag: [0; 17], genuine: true };
        let tag = hmac::sign(&keys.refresh_tag, &token.tagged());
        for (to, from) in token.tag.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        token
    }

    /// Reads a token; one whose tag is wrong under a secret that is at hand is none.
    pub(crate) fn decode(ring: &[TokenKeys], text: &str) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        if text.len() != 96 || URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(LENGTH) {
            return None;
        }
        let (kind, rest) = bytes.split_first()?;
        let (kid, rest) = rest.split_first_chunk::<2>()?;
        let (n, rest) = rest.split_first_chunk::<4>()?;
        let (grant, rest) = rest.split_first_chunk::<16>()?;
        let (secret, rest) = rest.split_first_chunk::<32>()?;
        let (tag, _) = rest.split_first_chunk::<17>()?;
        let n = u32::from_be_bytes(*n);
        let read = Self { kid: *kid, n, grant: *grant, secret: *secret, tag: *tag, genuine: false };
        if *kind != KIND {
            return None;
        }
        match ring.iter().find(|keys| keys.kid == *kid) {
            None => Some(read),
            Some(keys) => {
                let right = hmac::sign(&keys.refresh_tag, &read.tagged());
                let same =
                    right.as_ref().iter().zip(tag).fold(0, |differ, (a, b)| differ | (a ^ b));
                (same == 0).then_some(Self { genuine: true, ..read })
            }
        }
    }

    /// The text to hand out.
    pub(crate) fn encode(&self) -> String {
        let mut bytes = [0; LENGTH];
        let parts = self.tagged().into_iter().chain(self.tag);
        for (to, from) in bytes.iter_mut().zip(parts) {
            *to = from;
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn tagged(&self) -> [u8; TAGGED] {
        let mut bytes = [0; TAGGED];
        bytes[0] = KIND;
        bytes[1..3].copy_from_slice(&self.kid);
        bytes[3..7].copy_from_slice(&self.n.to_be_bytes());
        bytes[7..23].copy_from_slice(&self.grant);
        bytes[23..].copy_from_slice(&self.secret);
        bytes
    }

    /// The grant's natural id.
    pub(crate) fn grant(&self) -> &[u8; 16] {
        &self.grant
    }

    /// What the record holds of it.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.secret)
    }

    pub(crate) fn kid(&self) -> Kid {
        self.kid
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, ..)", self.n)
    }
}

/// Which of a grant's refresh tokens one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    Current,
    Previous,
    /// Genuine, and older than the previous one.
    Ancestor,
    /// Genuine, and newer than any that the store knows: the store has gone back in time.
    Ahead,
    /// None of them, as far as anybody can tell.
    Unknown,
}

impl Refresh {
    /// The record of a grant whose first token this is.
    pub(crate) fn first(
        token: &RefreshToken,
        now: Timestamp,
        (idle, until): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            n: token.n,
            current: token.digest(),
            previous: None,
            rotated_at: now,
            kid: token.kid(),
            idle_until: idle.min(until),
            until,
        }
    }

    /// Which of the tokens it is.
    pub(crate) fn generation(&self, token: &RefreshToken) -> Generation {
        let digest = token.digest();
        let is = |known: &Digest| known.same(digest.as_bytes());
        // Under another kid no tag is checked; or a stolen token could be tried without being found out.
        if token.n == self.n && token.kid == self.kid && is(&self.current) {
            return Generation::Current;
        }
        if token.n.checked_add(1) == Some(self.n) && self.previous.as_ref().is_some_and(is) {
            return Generation::Previous;
        }
        match token.genuine {
            true if token.n < self.n => Generation::Ancestor,
            true if token.n > self.n => Generation::Ahead,
            _ => Generation::Unknown,
        }
    }

    /// The current token was used, and this one takes its place.
    pub(crate) fn rotated(self, successor: &RefreshToken, now: Timestamp, idle: Timestamp) -> Self {
        Self {
            n: successor.n,
            previous: Some(self.current),
            current: successor.digest(),
            rotated_at: now,
            kid: successor.kid(),
            idle_until: idle.min(self.until),
            until: self.until,
        }
    }

    /// The current token was used, and stays.
    pub(crate) fn touched(self, idle: Timestamp) -> Self {
        Self { idle_until: idle.min(self.until).max(self.idle_until), ..self }
    }

    /// Whether it may still be used.
    pub(crate) fn live(&self, now: Timestamp) -> bool {
        now < self.idle_until && now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Issuer, Secret, SystemEntropy};

    fn keys(byte: u8) -> TokenKeys {
        let issuer = Issuer::new("https://id.example").unwrap();
        TokenKeys::derive(&Secret::new([byte; 32]).unwrap(), &issuer)
    }

    fn first(keys: &TokenKeys) -> RefreshToken {
        RefreshToken::first(keys, [7; 16], &SystemEntropy::new()).unwrap()
    }

    #[test]
    fn every_changed_character_is_refused() {
        let ring = [keys(1)];
        let token = first(&ring[0]);
        let text = token.encode();
        assert_eq!(text.len(), 96);
        assert_eq!(RefreshToken::decode(&ring, &text), Some(token));
        for i in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let read = RefreshToken::decode(&ring, &changed);
            // Another kid is another secret's token, of which only the record can tell.
            assert!(read.is_none_or(|token| !token.genuine && i <= 4), "{i}");
            assert!(RefreshToken::decode(&ring, &text[..i]).is_none());
        }
    }

    #[test]
    fn successors_are_the_same_each_time_and_differ_by_secret() {
        let (a, b) = (keys(1), keys(2));
        let token = first(&a);
        assert_eq!(token.next(&a), token.next(&a));
        assert_ne!(token.next(&a).secret, token.next(&b).secret);
        assert_ne!(token.next(&a).next(&a).secret, token.next(&a).secret);
        assert_eq!(token.next(&b).n, 2);
    }

    #[test]
    fn generations() {
        use Generation::{Ahead, Ancestor, Current, Previous, Unknown};
        let ring = [keys(1)];
        let now = Timestamp::from_unix(0);
        let tokens: Vec<_> =
            std::iter::successors(Some(first(&ring[0])), |t| Some(t.next(&ring[0])))
                .take(4)
                .collect();
        let mut record = Refresh::first(&tokens[0], now, (now, now));
        for next in &tokens[1..3] {
            record = record.rotated(next, now, now);
        }
        let generations: Vec<_> = tokens.iter().map(|token| record.generation(token)).collect();
        assert_eq!(generations, [Ancestor, Previous, Current, Ahead]);
        // A token secret that was dropped: the record still knows two of them.
        let read: Vec<_> = tokens
            .iter()
            .map(|token| RefreshToken::decode(&[keys(2)], &token.encode()).unwrap())
            .map(|token| record.generation(&token))
            .collect();
        assert_eq!(read, [Unknown, Previous, Current, Unknown]);
        let another = first(&ring[0]).next(&ring[0]).next(&ring[0]);
        assert_eq!(record.generation(&another), Unknown);
        // Threat RT-01: the current token is good in one spelling.
        let other_kid = RefreshToken { kid: *b"xx", ..tokens[2].clone() }.encode();
        let read = RefreshToken::decode(&ring, &other_kid).unwrap();
        assert_eq!(record.generation(&read), Unknown);
    }
}
