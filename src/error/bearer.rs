use std::fmt;

use super::{ErrorCode, Failure, Reason, token};
use crate::wire::Reply;

/// A request to a protected resource that was refused ([RFC 6750 §3]).
///
/// [RFC 6750 §3]: https://www.rfc-editor.org/rfc/rfc6750#section-3
pub struct BearerError {
    /// `None` when there was no token at all: the answer then names no error (§3.1).
    failure: Option<Failure>,
}

impl BearerError {
    /// No token was sent.
    pub(crate) const ABSENT: Self = Self { failure: None };

    /// Why, with a stable code; `None` when no token was sent.
    pub fn reason(&self) -> Option<Reason> {
        self.failure.as_ref().map(|failure| failure.reason)
    }

    /// The answer, with the challenge in `WWW-Authenticate`.
    pub fn reply(&self) -> Reply {
        let Some(reason) = self.reason() else {
            return Reply::empty(401).with("www-authenticate", "Bearer realm=\"userinfo\"");
        };
        let reply = Reply::json(token::status(reason), &token::ErrorBody::from(reason));
        let (error, text) = (reason.error(), reason.description());
        match error {
            ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable => {
                token::with_retry(reply, reason)
            }
            ErrorCode::InsufficientScope => reply.with(
                "www-authenticate",
                format!("Bearer realm=\"userinfo\", error=\"{error}\", error_description=\"{text}\", scope=\"openid\""),
            ),
            _ => reply.with(
                "www-authenticate",
                format!("Bearer realm=\"userinfo\", error=\"{error}\", error_description=\"{text}\""),
            ),
        }
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

impl<F: Into<Failure>> From<F> for BearerError {
    fn from(failure: F) -> Self {
        Self { failure: Some(failure.into()) }
    }
}

impl fmt::Debug for BearerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BearerError({:?})", self.reason())
    }
}

impl fmt::Display for BearerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason().map_or("no access token was sent", Reason::description))
    }
}

impl std::error::Error for BearerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.failure.as_ref()?.source()
    }
}
