use serde::{Deserialize, Serialize};
use serde_json::Map;
use time::Duration;

use super::{Refresh, RefreshToken};
use crate::{
    claims::GrantedClaims,
    mint::AccessToken,
    secret::{Digest, Handle, serde_bytes},
    store::{Key, Kind, Readable, Stored},
    types::{Authentication, ClientId, CodeChallenge, Issuer, Resource, Scope, Subject, Timestamp},
};

/// What one person gave one client. The natural id is in no body, so that a store's reader cannot
/// name it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) v: u16,
    pub(crate) origin: Origin,
    pub(crate) made: Timestamp,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh: Option<Refresh>,
    /// Whether it outlives the session ([OIDC Core §11]).
    ///
    /// [OIDC Core §11]: https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) offline: bool,
    /// Which access tokens are good: those that carry this number.
    pub(crate) access_epoch: u16,
    /// Access tokens that were revoked alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dropped: Vec<DroppedToken>,
    pub(crate) status: Status,
    /// When nothing of it can be presented any more.
    pub(crate) expires: Timestamp,
}

/// How a grant came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    Authorization,
    Password,
    Exchange,
    Assertion,
    /// By its grant type.
    Extension(Box<str>),
}

/// An access token that was revoked alone, until it would have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DroppedToken {
    #[serde(with = "serde_bytes")]
    pub(crate) id: [u8; 16],
    pub(crate) expires: Timestamp,
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

impl Ticket {
    pub(crate) fn is_pending(&self) -> bool {
        self.state == TicketState::Pending
    }
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
    /// A refresh token came back after its successor had been used, or at all where none may.
    Reuse,
    /// The client is done with it ([RFC 7009]).
    ///
    /// [RFC 7009]: https://www.rfc-editor.org/rfc/rfc7009
    Client,
    /// The person, or an administrator, took it back.
    Owner,
}

/// More access tokens than a client revokes one by one within their lifetime.
const MAX_DROPPED: usize = 8;

/// How long a redeemed ticket stays, so that a replay can be judged whole.
const REPLAY_WINDOW: Duration = Duration::minutes(10);

impl Stored for Grant {}

/// Whether a grant in this state carries an access token.
pub(super) fn carries(
    (status, access_epoch, expires, dropped): (Status, u16, Timestamp, &[DroppedToken]),
    token: &AccessToken,
    epoch: u16,
    now: Timestamp,
) -> bool {
    status == Status::Active
        && access_epoch == epoch
        && now < expires
        && !dropped.iter().any(|dropped| dropped.id == token.id)
}

impl Readable for Grant {
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

    /// The code was exchanged for tokens of which the access token lives until `access_until`, and the
    /// first refresh token is as given.
    pub(crate) fn redeemed(
        self,
        now: Timestamp,
        access_until: Timestamp,
        refresh: Option<Refresh>,
    ) -> Self {
        let ticket = self.ticket.map(|t| Ticket { state: TicketState::Redeemed(now), ..t });
        let expires = self.expires.max(access_until).max(now + REPLAY_WINDOW);
        Self { ticket, nonce: None, expires, ..self }.refreshed(refresh, now, access_until)
    }

    /// The current refresh token was used, and `successor` takes its place; or it stays, if that is
    /// none. All that is granted stays as it is.
    pub(crate) fn used(
        mut self,
        successor: Option<&RefreshToken>,
        now: Timestamp,
        idle: Timestamp,
        access_until: Timestamp,
    ) -> Self {
        let refresh = self.refresh.take().map(|refresh| match successor {
            Some(successor) => refresh.rotated(successor, now, idle),
            None => refresh.touched(idle),
        });
        self.refreshed(refresh, now, access_until)
    }

    fn refreshed(self, refresh: Option<Refresh>, now: Timestamp, access_until: Timestamp) -> Self {
        let idle_until = refresh.as_ref().map_or(now, |refresh| refresh.idle_until);
        let expires = self.expires.max(access_until).max(idle_until);
        let ticket = self.ticket.filter(|ticket| match ticket.state {
            TicketState::Pending => true,
            TicketState::Redeemed(at) => now < at + REPLAY_WINDOW,
        });
        let dropped = self.dropped.into_iter().filter(|token| now < token.expires).collect();
        Self { ticket, refresh, dropped, expires, ..self }
    }

    /// One of its access tokens was revoked. When there are too many to remember, all of them are.
    pub(crate) fn dropped(self, token: &AccessToken, now: Timestamp) -> Self {
        let expires = token.expires();
        if self.dropped.iter().any(|dropped| dropped.id == token.id) {
            return self;
        }
        let mut dropped: Vec<_> =
            self.dropped.iter().copied().filter(|dropped| now < dropped.expires).collect();
        if dropped.len() < MAX_DROPPED {
            dropped.push(DroppedToken { id: token.id, expires });
            return Self { dropped, ..self };
        }
        match self.access_epoch.checked_add(1) {
            Some(access_epoch) => Self { dropped: Vec::new(), access_epoch, ..self },
            // 65,535 times eight tokens later: the grant has seen enough.
            None => self.revoked(now, Why::Client),
        }
    }

    /// Whether the grant still carries an access token of its own making.
    pub(crate) fn carries(&self, token: &AccessToken, epoch: u16, now: Timestamp) -> bool {
        let Self { status, access_epoch, expires, dropped, .. } = self;
        carries((*status, *access_epoch, *expires, dropped), token, epoch, now)
    }

    /// The grant is over, and all its tokens with it: nothing is said of the person any more. A revoked grant
    /// stays as it is.
    pub(crate) fn revoked(self, now: Timestamp, why: Why) -> Self {
        match self.status {
            Status::Active => {
                let auth = Authentication { claims: Map::new(), ..self.auth };
                Self { status: Status::Revoked(now, why), auth, ..self }
            }
            Status::Revoked(..) => self,
        }
    }
}
