//! Who is signed in, and what they have agreed to: browser sessions, consents, and the standing
//! that all of a subject's grants share.

mod browser;
mod consent;
mod login;
mod standing;

pub(crate) use browser::{Current, SessionRecord, SignedIn, current, end, key_of, sid, sign_in};
pub(crate) use consent::{Consent, ConsentAnswer, DecidedClaims, agree, consents, withdraw};
pub use consent::{HeldConsent, HeldConsents};
pub use login::{Login, Session};
pub use standing::SubjectChange;
pub(crate) use standing::{Standing, revoke_all, standing};

use crate::{
    store::Label,
    types::{Issuer, Subject},
};

/// What sessions, grants and consents are listed by.
pub(crate) fn subject_label(issuer: &Issuer, subject: &Subject) -> Label {
    Label::new("subject", issuer, subject.as_str().as_bytes())
}
