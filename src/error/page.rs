use std::fmt;

use super::{Failure, Reason};
use crate::wire::{Reply, error_page};

/// An error of the authorization endpoint that is shown to the person and never redirected
/// ([RFC 6749 §4.1.2.1]): nobody has proven yet where a redirect may go.
///
/// [RFC 6749 §4.1.2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
pub struct PageError(Failure);

impl PageError {
    /// Why, with a stable code.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// The status to show it with.
    pub fn status(&self) -> u16 {
        match self.0.reason {
            Reason::ClientUnknown => 400,
            reason => super::token::status(reason),
        }
    }

    /// A plain page that says so; a host may show its own instead.
    pub fn reply(&self) -> Reply {
        let reason = self.0.reason;
        let (error, text) = (reason.error().as_str(), reason.description());
        let reply = error_page(self.status(), error, text, reason.code());
        super::token::with_retry(reply, reason)
    }
}

/// Only what has nowhere else to go becomes a page.
impl<F: Into<Failure>> From<F> for PageError {
    fn from(failure: F) -> Self {
        Self(failure.into())
    }
}

impl fmt::Debug for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageError({:?})", self.0.reason)
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.reason.description())
    }
}

impl std::error::Error for PageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl PageError {
    pub(crate) fn failure(&self) -> &Failure {
        &self.0
    }
}
