//! A sign-up under way: what was filled in, and what of it is verified.

use std::sync::Arc;

use oidc_op::{Duration, Timestamp};

use super::{
    Candidate, Channel,
    code::{Code, Codes, Sent},
};
use crate::users::{NewUser, PasswordHash, User};

/// How long it is remembered after its form or a code of it was sent. No name is kept for it, so this
/// is only about memory.
pub(super) const PATIENCE: Duration = Duration::minutes(15);
/// How long the form with the last code may come once more.
const ONCE_MORE: Duration = Duration::MINUTE;

/// ```text
///    begin            verify             verify
/// ──────────▶ e-mail ──────────▶ phone ──────────▶ done
///             ╰─────╯            ╰─────╯           ╰───╯
///          a wrong code,      a wrong code,      the last form
///          another code       another code       once more
/// ```
pub(super) enum Entry {
    Pending(Pending),
    /// The account is there.
    Done(Done),
}

impl Entry {
    pub(super) fn until(&self) -> Timestamp {
        match self {
            Self::Pending(pending) => pending.until,
            Self::Done(done) => done.at + PATIENCE,
        }
    }
}

/// Somebody's account, a moment ago.
pub(super) struct Done {
    pub(super) user: Arc<User>,
    /// The last code, if one was needed in the end. The form that brought it may come twice, by a double click.
    sent: Option<Sent>,
    at: Timestamp,
}

impl Done {
    pub(super) fn new(user: &Arc<User>, sent: Option<Sent>, at: Timestamp) -> Self {
        Self { user: Arc::clone(user), sent, at }
    }

    /// Whether it is the last form once more.
    pub(super) fn is_again(&self, codes: &Codes, code: Code, now: Timestamp) -> bool {
        now < self.at + ONCE_MORE && self.sent.as_ref().is_some_and(|sent| sent.is(codes, code))
    }
}

/// Nobody's account yet.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) candidate: Candidate,
    password: PasswordHash,
    verified: Vec<Channel>,
    /// The last code, if it may be entered.
    pub(super) sent: Option<Sent>,
    /// How many codes there have been, by which a form tells whether it is the newest.
    pub(super) number: u32,
    pub(super) until: Timestamp,
}

impl Pending {
    pub(super) fn new(candidate: Candidate, password: PasswordHash, now: Timestamp) -> Self {
        let until = now + PATIENCE;
        Self { candidate, password, verified: Vec::new(), sent: None, number: 0, until }
    }

    /// The form was filled in once more. What is verified stays so, and a code that was sent stays
    /// good, as far as the address is the same.
    pub(super) fn filled_in(self, candidate: Candidate, password: PasswordHash) -> Self {
        let same =
            |channel: &Channel| self.candidate.address(*channel) == candidate.address(*channel);
        let verified = self.verified.iter().copied().filter(same).collect();
        let sent = self.sent.clone().filter(|sent| same(&sent.purpose.channel));
        Self { candidate, password, verified, sent, ..self }
    }

    /// What must be verified next.
    pub(super) fn awaits(&self, channels: &[Channel]) -> Option<Channel> {
        let open = |channel: &&Channel| {
            self.candidate.address(**channel).is_some() && !self.verified.contains(channel)
        };
        channels.iter().find(open).copied()
    }

    /// The code was right.
    pub(super) fn has_verified(&mut self, channel: Channel) {
        self.verified.push(channel);
        self.sent = None;
    }

    pub(super) fn is_verified(&self, channel: Channel) -> bool {
        self.verified.contains(&channel)
    }

    /// A code for this channel that can still be entered.
    pub(super) fn has_live_code(&self, channel: Channel, now: Timestamp) -> bool {
        let live = |sent: &Sent| sent.purpose.channel == channel && sent.is_live(now);
        self.sent.as_ref().is_some_and(live)
    }

    /// The account that it becomes.
    pub(super) fn new_user(&self) -> NewUser {
        NewUser {
            subject: None,
            username: self.candidate.username.clone(),
            password: Some(self.password.clone()),
            claims: self.candidate.claims(),
            email_verified: self.is_verified(Channel::Email),
            phone_number_verified: self.is_verified(Channel::Phone),
        }
    }
}
