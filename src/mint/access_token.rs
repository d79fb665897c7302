//! Access tokens: what one says, its sealed forms, and how it is read.

use serde::{Deserialize, Serialize};
use time::Duration;

use super::Actor;
use crate::{
    env::EntropyError,
    provider::Core,
    secret::{SealKind, open, random, seal},
    types::{ClientId, Scope, Timestamp},
};

/// What an access token says: what it stands on, since when, for how long, and where it differs from
/// what it stands on.
///
/// Sealed: `gid 16 ‖ epoch 2 ‖ iat 5 ‖ ttl 4 ‖ flags 1`, of a client without the first and with an epoch
/// of 4 bytes; if the flag says so, then `len 2 ‖ JSON`; zeros up to a length without spare bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessToken {
    /// Its own name, by which it can be revoked alone.
    pub(crate) id: [u8; 16],
    pub(crate) of: StandsOn,
    pub(crate) issued: Timestamp,
    pub(crate) lifetime: Duration,
    pub(crate) details: Details,
}

/// What an access token stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandsOn {
    /// A grant, as long as its tokens have this number.
    Grant { id: [u8; 16], epoch: u16 },
    /// A client that acts for itself, as long as it has this number.
    Client { epoch: u32 },
}

/// Where a token differs from its grant, or all that is known of it if it has none. What it says can
/// only narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Details {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) aud: Option<Vec<Box<str>>>,
    /// The client that it was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cid: Option<ClientId>,
    /// [`Client::epoch`](crate::Client::epoch) of that client, if it is not the grant's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cep: Option<u32>,
    /// Who acts for the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<Actor>,
}

const HAS_DETAILS: u8 = 1;
/// Longer tokens do not fit into a header field of every server.
const MAX_DETAILS: usize = 1400;

impl AccessToken {
    /// When one can be issued. At another time it would be sealed with a date that is not its own, perhaps
    /// thousands of years ahead (threat RE-14).
    pub(crate) const DATES: std::ops::Range<i64> = 0..1 << 40;

    pub(crate) fn new(
        core: &Core,
        of: StandsOn,
        details: Details,
        issued: Timestamp,
        lifetime: Duration,
    ) -> Result<Self, EntropyError> {
        Ok(Self { id: random(&*core.entropy)?, of, issued, lifetime, details })
    }

    pub(crate) fn expires(&self) -> Timestamp {
        self.issued + self.lifetime
    }

    /// The opaque form; none if it says too much to fit.
    pub(crate) fn seal(&self, core: &Core) -> Option<String> {
        self.sealed(core, self.kind())
    }

    /// The `jti` of the JWT form: the same without the details, which the JWT says itself. The grant is
    /// found by it, and shown to nobody; it is no token.
    pub(crate) fn jti(&self, core: &Core) -> Option<String> {
        let details = Details { cep: self.details.cep, ..Details::default() };
        let bare = Self { details, ..self.clone() };
        bare.sealed(core, SealKind::TokenReference)
    }

    /// Reads the opaque form of this issuer; anything changed, foreign or of another kind is none. Costs
    /// no read of the store.
    pub(crate) fn open(core: &Core, text: &str) -> Option<Self> {
        [SealKind::Access, SealKind::ClientAccess]
            .into_iter()
            .find_map(|kind| Self::opened(core, kind, text))
    }

    /// Reads the `jti` of the JWT form.
    pub(crate) fn of_jti(core: &Core, text: &str) -> Option<Self> {
        Self::opened(core, SealKind::TokenReference, text)
    }

    fn kind(&self) -> SealKind {
        match self.of {
            StandsOn::Grant { .. } => SealKind::Access,
            StandsOn::Client { .. } => SealKind::ClientAccess,
        }
    }

    fn sealed(&self, core: &Core, kind: SealKind) -> Option<String> {
        let plain = self.to_bytes(kind)?;
        Some(seal(kind, core.first_keys(), &core.config.issuer, self.id, &plain))
    }

    fn opened(core: &Core, kind: SealKind, text: &str) -> Option<Self> {
        let (id, plain) = open(kind, &core.keys, &core.config.issuer, text)?;
        Self::from_bytes(kind, id, &plain)
    }

    fn to_bytes(&self, kind: SealKind) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(28);
        // A reference says which of the two it is; of the others the kind does.
        let tagged = kind == SealKind::TokenReference;
        match self.of {
            StandsOn::Grant { id, epoch } => {
                bytes.extend(tagged.then_some(SealKind::Access as u8));
                bytes.extend_from_slice(&id);
                bytes.extend_from_slice(&epoch.to_be_bytes());
            }
            StandsOn::Client { epoch } => {
                bytes.extend(tagged.then_some(SealKind::ClientAccess as u8));
                bytes.extend_from_slice(&epoch.to_be_bytes());
            }
        }
        // 40 bits of seconds last for 34,000 years; see `DATES`.
        bytes.extend_from_slice(self.issued.unix().to_be_bytes().get(3..)?);
        let ttl = u32::try_from(self.lifetime.whole_seconds()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&ttl.to_be_bytes());
        if self.details == Details::default() {
            bytes.push(0);
        } else {
            bytes.push(HAS_DETAILS);
            let json = serde_json::to_vec(&self.details).ok()?;
            if json.len() > MAX_DETAILS {
                return None;
            }
            bytes.extend_from_slice(&u16::try_from(json.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(&json);
        }
        while bytes.len() % 3 != 1 {
            bytes.push(0);
        }
        Some(bytes)
    }

    /// Unknown flags belong to a newer release and make the token unreadable here.
    fn from_bytes(kind: SealKind, id: [u8; 16], bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = match kind {
            SealKind::TokenReference => bytes.split_first()?,
            kind => (&(kind as u8), bytes),
        };
        let (of, rest) = if *kind == SealKind::Access as u8 {
            let (grant, rest) = rest.split_first_chunk::<16>()?;
            let (epoch, rest) = rest.split_first_chunk::<2>()?;
            (StandsOn::Grant { id: *grant, epoch: u16::from_be_bytes(*epoch) }, rest)
        } else {
            let (epoch, rest) = rest.split_first_chunk::<4>()?;
            (StandsOn::Client { epoch: u32::from_be_bytes(*epoch) }, rest)
        };
        let (iat, rest) = rest.split_first_chunk::<5>()?;
        let (ttl, rest) = rest.split_first_chunk::<4>()?;
        let (flags, rest) = rest.split_first()?;
        let (details, padding) = match *flags {
            0 => (Details::default(), rest),
            HAS_DETAILS => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                let (json, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
                (serde_json::from_slice(json).ok()?, rest)
            }
            _ => return None,
        };
        if padding.len() > 2 || padding.iter().any(|byte| *byte != 0) {
            return None;
        }
        let mut seconds = [0; 8];
        for (to, from) in seconds.iter_mut().skip(3).zip(iat) {
            *to = *from;
        }
        Some(Self {
            id,
            of,
            issued: Timestamp::from_unix(i64::from_be_bytes(seconds)),
            lifetime: Duration::seconds(i64::from(u32::from_be_bytes(*ttl))),
            details,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(of: StandsOn, details: Details) -> AccessToken {
        AccessToken {
            id: [9; 16],
            of,
            issued: Timestamp::from_unix(4_294_967_296),
            lifetime: Duration::minutes(10),
            details,
        }
    }

    #[test]
    fn layouts_round_trip_without_spare_bits() {
        let scope = |text: &str| Some(Scope::parse(text).unwrap());
        for of in [StandsOn::Grant { id: [7; 16], epoch: 300 }, StandsOn::Client { epoch: 70_000 }]
        {
            for details in [
                Details::default(),
                Details { scope: scope("a"), ..Details::default() },
                Details { scope: scope("a b"), ..Details::default() },
                Details { scope: scope("a bc"), ..Details::default() },
                Details {
                    aud: Some(vec!["https://api.example/".into()]),
                    cid: Some(ClientId::new("c").unwrap()),
                    ..Details::default()
                },
            ] {
                let token = token(of, details);
                for kind in [token.kind(), SealKind::TokenReference] {
                    let bytes = token.to_bytes(kind).unwrap();
                    assert_eq!(bytes.len() % 3, 1);
                    assert_eq!(AccessToken::from_bytes(kind, [9; 16], &bytes), Some(token.clone()));
                }
            }
        }
    }

    #[test]
    fn the_common_token_is_short_and_flags_are_known() {
        let token = token(StandsOn::Grant { id: [7; 16], epoch: 1 }, Details::default());
        let mut bytes = token.to_bytes(SealKind::Access).unwrap();
        assert_eq!(bytes.len(), 28);
        bytes[27] = 2;
        assert_eq!(AccessToken::from_bytes(SealKind::Access, [9; 16], &bytes), None);
        bytes[27] = 0;
        bytes.extend([0, 0, 1]);
        assert_eq!(AccessToken::from_bytes(SealKind::Access, [9; 16], &bytes), None);
    }

    #[test]
    fn what_says_too_much_is_no_token() {
        let many: Vec<_> = (0..64).map(|i| format!("{i:030}")).collect();
        let scope = Some(Scope::parse(&many.join(" ")).unwrap());
        let details = Details { scope, ..Details::default() };
        assert_eq!(token(StandsOn::Client { epoch: 0 }, details).to_bytes(SealKind::Access), None);
    }
}
