//! Codes and session cookies that come out of an interaction.
//!
//! They are derived from the interaction and the browser's secret, so that a form sent twice, on
//! whatever node, gives the same ones; and nobody but that browser can have them made.

use crate::{
    secret::{Handle, HandleKind, TokenKeys, expand},
    types::Subject,
};

/// The code of an interaction: the grant's id, then its secret.
pub(crate) fn code_of_interaction(keys: &TokenKeys, id: &[u8; 16], browser: &Handle) -> Handle {
    let bytes = expand(&keys.code, &[b"code", id, browser.secret()]);
    Handle::from_bytes(HandleKind::Code, bytes)
}

/// The session cookie of a person who signed in within an interaction.
pub(crate) fn session_of_interaction(
    keys: &TokenKeys,
    id: &[u8; 16],
    browser: &Handle,
    subject: &Subject,
) -> Handle {
    let info = [b"session", &id[..], browser.secret(), subject.as_str().as_bytes()];
    Handle::from_bytes(HandleKind::Session, expand(&keys.code, &info))
}
