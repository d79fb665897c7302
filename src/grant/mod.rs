//! What a person gave a client: one record, which each protocol step changes by at most one
//! conditional write.
//!
//! ```text
//!            authorize                redeem
//!   (absent) ─────────▶ Active, ticket ──────▶ Active, ticket
//!                          Pending              Redeemed
//!                             │                    │ replay
//!                             └──────── revoke ────┴────────▶ Revoked
//! ```
//!
//! Every arrow points one way. A grant lives while its own status says so *and* everything that it
//! stands on lives: the client, the subject, the consent, the session.

mod derive;
mod record;
mod stands;

pub(crate) use derive::{code_of_interaction, session_of_interaction};
pub(crate) use record::{ConsentBasis, Grant, Origin, Status, Ticket, TicketState, Why};
pub(crate) use stands::{Facts, Standings};
