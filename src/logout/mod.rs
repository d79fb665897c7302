//! The end of a session, and whom it must be told.

mod back_channel;
mod delivery;
mod outbox;
mod traffic;

pub(crate) use delivery::deliver;
pub(crate) use outbox::{announce, to_be_told};
