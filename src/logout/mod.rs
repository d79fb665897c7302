//! The end of a session, and whom it must be told.

mod outbox;

pub(crate) use outbox::{announce, to_be_told};
