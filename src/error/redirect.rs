use std::fmt;

use super::{Failure, PageError, Reason, page::add};
use crate::{
    authorize::{Cookies, ReturnTo},
    wire::Reply,
};

/// An authorization error that goes back to the client ([RFC 6749 §4.1.2.1]).
///
/// It holds the verified way back; without one it cannot be made.
///
/// [RFC 6749 §4.1.2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
pub struct RedirectError {
    return_to: ReturnTo,
    failure: Failure,
    /// Cookies that must arrive all the same.
    headers: Cookies,
}

impl RedirectError {
    pub(crate) fn new(return_to: ReturnTo, failure: impl Into<Failure>) -> Self {
        Self { return_to, failure: failure.into(), headers: Cookies::new() }
    }

    /// Why, with a stable code.
    pub fn reason(&self) -> Reason {
        self.failure.reason
    }

    /// The answer: a redirect, or the page that posts the error to the client.
    pub fn reply(&self) -> Reply {
        let reason = self.failure.reason;
        let mut reply = self.return_to.send(&[
            ("error", reason.error().as_str()),
            ("error_description", reason.description()),
        ]);
        reply.headers.extend(self.headers.iter().cloned());
        reply
    }
}

/// An authorization request that was refused; says where the error may go.
#[non_exhaustive]
pub enum AuthorizeError {
    /// To the person only.
    Page(PageError),
    /// Back to the client.
    Redirect(Box<RedirectError>),
}

impl AuthorizeError {
    /// Why, with a stable code.
    pub fn reason(&self) -> Reason {
        self.failure().reason
    }

    /// The answer to send.
    pub fn reply(&self) -> Reply {
        match self {
            Self::Page(error) => error.reply(),
            Self::Redirect(error) => error.reply(),
        }
    }

    /// With cookies that must arrive all the same.
    pub(crate) fn with_headers(self, headers: Cookies) -> Self {
        match self {
            Self::Page(error) => Self::Page(error.with_headers(headers)),
            Self::Redirect(mut error) => {
                add(&mut error.headers, headers);
                Self::Redirect(error)
            }
        }
    }

    pub(crate) fn failure(&self) -> &Failure {
        match self {
            Self::Page(error) => error.failure(),
            Self::Redirect(error) => &error.failure,
        }
    }
}

impl From<PageError> for AuthorizeError {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}

impl From<RedirectError> for AuthorizeError {
    fn from(error: RedirectError) -> Self {
        Self::Redirect(Box::new(error))
    }
}

impl fmt::Debug for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedirectError({:?})", self.failure.reason)
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.failure.reason.description())
    }
}

impl std::error::Error for RedirectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.failure.source()
    }
}

impl fmt::Debug for AuthorizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(error) => fmt::Debug::fmt(error, f),
            Self::Redirect(error) => fmt::Debug::fmt(error, f),
        }
    }
}

impl fmt::Display for AuthorizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason().description())
    }
}

impl std::error::Error for AuthorizeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Page(error) => error.source(),
            Self::Redirect(error) => error.source(),
        }
    }
}
