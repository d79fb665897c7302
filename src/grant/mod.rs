//! What a person gave a client: one record, which each protocol step changes by at most one
//! conditional write.
//!
//! ```text
//!            authorize                redeem                    rotate, touch
//!   (absent) ─────────▶ Active, ticket ──────▶ Active, refresh ⟲
//!       │                  Pending              n = 1, 2, …
//!       │                     │                    │ replay, reuse
//!       │ direct              └──────── revoke ────┴────────────▶ Revoked
//!       └────────────▶ Active
//! ```
//!
//! Every arrow points one way. A grant lives while its own status says so *and* everything that it
//! stands on lives: the client, the subject, the consent, the session.

mod derive;
mod held;
mod record;
mod refresh;
mod revoke;
mod rotation;
mod stands;
mod view;

pub(crate) use derive::{code_of_interaction, session_of_interaction};
pub use held::{GrantId, HeldGrant, HeldGrants, InvalidGrantId};
pub(crate) use held::{held, revoke_all_held, revoke_held};
pub(crate) use record::{
    ConsentBasis, DroppedToken, Grant, Origin, Status, Ticket, TicketState, Why,
};
pub(crate) use refresh::{Generation, Refresh, RefreshToken};
pub(crate) use revoke::{drop_token, revoke};
pub(crate) use rotation::SKEW;
pub use rotation::{RefreshPolicy, Rotation};
pub(crate) use stands::{Facts, Standings};
pub(crate) use view::{GrantView, Terms};
