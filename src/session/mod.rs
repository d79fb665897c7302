//! Who is signed in, and what they have agreed to: browser sessions, consents, and the standing
//! that all of a subject's grants share.

mod browser;
mod check;
mod consent;
mod end;
mod held;
mod ledger;
mod login;
mod record;
mod standing;
mod state;

pub(crate) use browser::{BrowserSessions, Current, SignedIn, enter, key_of, sign_in};
pub(crate) use check::check_session;
pub(crate) use consent::{Consent, ConsentAnswer, DecidedClaims, agree, consents, withdraw};
pub use consent::{HeldConsent, HeldConsents};
pub(crate) use end::end;
pub use held::{HeldSessions, InvalidSessionId, Session, SessionId};
pub(crate) use held::{end_all, end_held, held, present};
pub(crate) use ledger::{Delivery, Ledger};
pub use login::{InvalidLogin, Login};
pub(crate) use record::{Authenticated, SessionRecord};
pub use standing::SubjectChange;
pub(crate) use standing::{Standing, revoke_all, standing};
pub(crate) use state::sid;

use crate::{
    store::Label,
    types::{Issuer, Subject},
};

/// What sessions, grants and consents are listed by.
pub(crate) fn subject_label(issuer: &Issuer, subject: &Subject) -> Label {
    Label::new("subject", issuer, subject.as_str().as_bytes())
}
