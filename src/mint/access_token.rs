//! Opaque access tokens: sealed references to a grant.

use time::Duration;

use crate::{
    env::EntropyError,
    provider::Core,
    secret::{SealKind, open, random, seal},
    types::Timestamp,
};

/// What an opaque access token says: which grant, since when, for how long. Its scope is the
/// grant's.
///
/// Inside the seal: `gid 16 ‖ iat 5 ‖ ttl 4 ‖ epoch 2 ‖ flags 1`, 28 bytes; outside 84 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccessToken {
    pub(crate) grant: [u8; 16],
    pub(crate) issued: Timestamp,
    pub(crate) lifetime: Duration,
    pub(crate) epoch: u16,
}

impl AccessToken {
    pub(crate) fn expires(&self) -> Timestamp {
        self.issued + self.lifetime
    }

    /// The text to hand out.
    pub(crate) fn seal(&self, core: &Core) -> Result<String, EntropyError> {
        let salt = random(&*core.entropy)?;
        Ok(seal(SealKind::Access, core.first_keys(), &core.config.issuer, salt, &self.to_bytes()))
    }

    /// Reads a token of this issuer; anything changed, foreign or of another kind is none. Costs no
    /// read of the store.
    pub(crate) fn open(core: &Core, text: &str) -> Option<Self> {
        if text.len() != 84 {
            return None;
        }
        let opened = open(SealKind::Access, &core.keys, &core.config.issuer, text)?;
        Self::from_bytes(opened.first_chunk()?)
    }

    fn to_bytes(self) -> [u8; 28] {
        let mut bytes = [0; 28];
        bytes[..16].copy_from_slice(&self.grant);
        // 40 bits of seconds last for 34,000 years.
        bytes[16..21].copy_from_slice(&self.issued.unix().to_be_bytes()[3..]);
        let ttl = u32::try_from(self.lifetime.whole_seconds()).unwrap_or(u32::MAX);
        bytes[21..25].copy_from_slice(&ttl.to_be_bytes());
        bytes[25..27].copy_from_slice(&self.epoch.to_be_bytes());
        bytes
    }

    /// Unknown flags belong to a newer release and make the token unreadable here.
    fn from_bytes(bytes: &[u8; 28]) -> Option<Self> {
        let (grant, rest) = bytes.split_first_chunk::<16>()?;
        let (iat, rest) = rest.split_first_chunk::<5>()?;
        let (ttl, rest) = rest.split_first_chunk::<4>()?;
        let (epoch, flags) = rest.split_first_chunk::<2>()?;
        let mut seconds = [0; 8];
        seconds[3..].copy_from_slice(iat);
        (flags == [0]).then(|| Self {
            grant: *grant,
            issued: Timestamp::from_unix(i64::from_be_bytes(seconds)),
            lifetime: Duration::seconds(i64::from(u32::from_be_bytes(*ttl))),
            epoch: u16::from_be_bytes(*epoch),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_round_trips_and_refuses_unknown_flags() {
        let token = AccessToken {
            grant: [7; 16],
            issued: Timestamp::from_unix(4_294_967_296),
            lifetime: Duration::minutes(10),
            epoch: 300,
        };
        let mut bytes = token.to_bytes();
        assert_eq!(AccessToken::from_bytes(&bytes), Some(token));
        bytes[27] = 1;
        assert_eq!(AccessToken::from_bytes(&bytes), None);
    }
}
