use std::fmt;

use super::{Failure, Reason};
use crate::{
    authorize::Cookies,
    wire::{Reply, error_page},
};

/// An error of the authorization endpoint, or of the logout endpoint, that is shown to the person and never redirected
/// ([RFC 6749 §4.1.2.1]): nobody has proven yet where a redirect may go.
///
/// [RFC 6749 §4.1.2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
pub struct PageError {
    failure: Failure,
    /// Cookies that must arrive all the same.
    headers: Cookies,
}

impl PageError {
    /// Why, with a stable code.
    pub fn reason(&self) -> Reason {
        self.failure.reason
    }

    /// The status to show it with.
    pub fn status(&self) -> u16 {
        match self.failure.reason {
            Reason::ClientUnknown => 400,
            reason => super::token::status(reason),
        }
    }

    /// A plain page that says so; a host may show its own instead.
    pub fn reply(&self) -> Reply {
        let reason = self.failure.reason;
        let (error, text) = (reason.error().as_str(), reason.description());
        let reply = error_page(self.status(), error, text, reason.code());
        let mut reply = super::token::with_retry(reply, reason);
        reply.headers.extend(self.headers.iter().cloned());
        reply
    }
}

/// Only what has nowhere else to go becomes a page.
impl<F: Into<Failure>> From<F> for PageError {
    fn from(failure: F) -> Self {
        Self { failure: failure.into(), headers: Cookies::new() }
    }
}

impl fmt::Debug for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageError({:?})", self.failure.reason)
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.failure.reason.description())
    }
}

impl std::error::Error for PageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.failure.source()
    }
}

/// Adds those that are not there yet.
pub(super) fn add(to: &mut Cookies, headers: Cookies) {
    for header in headers {
        if !to.contains(&header) {
            to.push(header);
        }
    }
}

impl PageError {
    pub(crate) fn failure(&self) -> &Failure {
        &self.failure
    }

    pub(crate) fn into_failure(self) -> Failure {
        self.failure
    }

    /// With cookies that must arrive all the same, each once.
    pub(crate) fn with_headers(mut self, headers: Cookies) -> Self {
        add(&mut self.headers, headers);
        self
    }
}
