//! What comes of a form of a sign-up.

use std::sync::Arc;

use oidc_op::{Duration, EntropyError};

use super::{Candidate, Channel, Message};
use crate::users::{NotCreated, User};

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing: the account is there.
    Created(Arc<User>),
    /// The same, made by the same form a moment ago.
    Again(Arc<User>),
    /// A code is awaited. The message, if there is one, must be delivered.
    Code(Option<Message>),
}

/// Why a sign-up does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nothing is known of it, or nothing any more.
    Gone,
    /// That is no code.
    Unreadable,
    Wrong,
    /// Too many were wrong; another code is needed.
    Spent,
    /// The code is too old; another one is needed.
    Expired,
    /// So many codes have been sent there; for how long no more.
    TooMany(Channel, Duration),
    /// So many codes have been sent to others that no more can be counted.
    Full(Channel),
    /// Somebody has the user name, or the address, of which it is known whether it is theirs.
    Taken {
        taken: NotCreated,
        verified: bool,
    },
    /// There is no room, or no randomness.
    Busy,
}

impl From<EntropyError> for Refused {
    fn from(_: EntropyError) -> Self {
        Self::Busy
    }
}

/// A sign-up that waits for a code.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) candidate: Candidate,
    pub(crate) channel: Channel,
    /// Where the code went, masked.
    pub(crate) to: String,
    /// How many codes there have been.
    pub(crate) number: u32,
}
