use serde::{Deserialize, Serialize};
use time::Duration;

use crate::{
    claims::GrantedClaims,
    secret::{Digest, Handle},
    store::{Key, Kind, Stored},
    types::{Authentication, ClientId, CodeChallenge, Issuer, Resource, Scope, Subject, Timestamp},
};

/// What one person gave one client. The natural id is in no body, so that a store's reader cannot
/// name it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) v: u16,
    pub(crate) origin: Origin,
    pub(crate) client: ClientId,
    pub(crate) client_epoch: u32,
    /// The host's name of the person.
    pub(crate) subject: Subject,
    pub(crate) subject_epoch: i64,
    /// The person's name as this client knows it.
    pub(crate) sub: Subject,
    pub(crate) auth: Authentication,
    /// Erased at redemption, so that no later token repeats it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<Box<str>>,
    /// The hash of the session's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<Box<str>>,
    pub(crate) consent: ConsentBasis,
    pub(crate) scope: Scope,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) resources: Vec<Resource>,
    #[serde(default, skip_serializing_if = "GrantedClaims::is_empty")]
    pub(crate) claims: GrantedClaims,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ticket: Option<Ticket>,
    /// Which access tokens are good: those that carry this number.
    pub(crate) access_epoch: u16,
    pub(crate) status: Status,
    /// When nothing of it can be presented any more.
    pub(crate) expires: Timestamp,
}

/// How a grant came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    Authorization,
}

/// What a grant's consent rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ConsentBasis {
    /// Given for this time only.
    Once,
    /// Remembered; the consent of this epoch must still be in force.
    Remembered(i64),
    /// The client belongs to the provider's organisation.
    Exempt,
}

/// The right to a first set of tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ticket {
    pub(crate) digest: Digest,
    pub(crate) expires: Timestamp,
    /// As the authorization request sent it.
    pub(crate) redirect_uri: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) challenge: Option<CodeChallenge>,
    pub(crate) state: TicketState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TicketState {
    Pending,
    Redeemed(Timestamp),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Active,
    Revoked(Timestamp, Why),
}

/// Why a grant was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Why {
    /// Its code came back after it had been redeemed.
    Replay,
}

/// How long a redeemed ticket stays, so that a replay can be judged whole.
const REPLAY_WINDOW: Duration = Duration::minutes(10);

impl Stored for Grant {
    fn schema(&self) -> u16 {
        self.v
    }
}

impl Grant {
    /// Where the grant with this id lies.
    pub(crate) fn key(issuer: &Issuer, id: &[u8; 16]) -> Key {
        Key::new(Kind::Grant, issuer, &[id])
    }

    /// The ticket, if it is the code's own.
    pub(crate) fn ticket_of(&self, code: &Handle) -> Option<&Ticket> {
        self.ticket.as_ref().filter(|ticket| ticket.digest.same(code.digest().as_bytes()))
    }

    /// The code was exchanged for tokens of which the access token lives this long.
    pub(crate) fn redeemed(self, now: Timestamp, access_token: Duration) -> Self {
        let ticket = self.ticket.map(|t| Ticket { state: TicketState::Redeemed(now), ..t });
        let expires = self.expires.max(now + access_token.max(REPLAY_WINDOW));
        Self { ticket, nonce: None, expires, ..self }
    }

    /// The grant is over, and all its tokens with it. A revoked grant stays as it is.
    pub(crate) fn revoked(self, now: Timestamp, why: Why) -> Self {
        match self.status {
            Status::Active => Self { status: Status::Revoked(now, why), ..self },
            Status::Revoked(..) => self,
        }
    }
}
