use std::{fmt, time::Duration};

use serde::Serialize;

use super::{ErrorCode, Failure, Reason};
use crate::wire::Reply;

/// A token request that was refused ([RFC 6749 §5.2]).
///
/// [RFC 6749 §5.2]: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
pub struct TokenError {
    failure: Failure,
    challenge: bool,
    retry_after: Option<Duration>,
}

impl TokenError {
    /// Why, with a stable code.
    pub fn reason(&self) -> Reason {
        self.failure.reason
    }

    /// The client used the `Authorization` header, so the answer names the scheme.
    #[must_use]
    pub(crate) fn with_challenge(self) -> Self {
        Self { challenge: true, ..self }
    }

    /// The host's throttle says how long to wait.
    pub(crate) fn throttled(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::from(Reason::ClientThrottled) }
    }

    /// The JSON answer.
    pub fn reply(&self) -> Reply {
        let reason = self.failure.reason;
        let mut reply = Reply::json(status(reason), &ErrorBody::from(reason));
        if self.challenge && reason.error() == ErrorCode::InvalidClient {
            reply = reply.with("www-authenticate", "Basic realm=\"token\", charset=\"UTF-8\"");
        }
        match self.retry_after {
            Some(wait) => reply.with("retry-after", wait.as_secs().max(1).to_string()),
            None => with_retry(reply, reason),
        }
    }

    pub(crate) fn failure(&self) -> &Failure {
        &self.failure
    }
}

/// The status of an error that is answered directly.
pub(super) fn status(reason: Reason) -> u16 {
    match reason {
        Reason::MediaType | Reason::MediaTypeOfJson => 415,
        Reason::RegistrationDenied => 403,
        Reason::MethodNotAllowed => 405,
        Reason::BodyTooLarge => 413,
        Reason::ClientThrottled | Reason::RegistrationThrottled => 429,
        reason => reason.error().status(),
    }
}

/// What could not be had now can be had later: `Retry-After` with every 503.
pub(super) fn with_retry(reply: Reply, reason: Reason) -> Reply {
    match reason.error() {
        ErrorCode::TemporarilyUnavailable => reply.with("retry-after", "5"),
        _ => reply,
    }
}

#[derive(Serialize)]
pub(super) struct ErrorBody {
    error: &'static str,
    error_description: &'static str,
}

impl From<Reason> for ErrorBody {
    fn from(reason: Reason) -> Self {
        Self { error: reason.error().as_str(), error_description: reason.description() }
    }
}

impl<F: Into<Failure>> From<F> for TokenError {
    fn from(failure: F) -> Self {
        Self { failure: failure.into(), challenge: false, retry_after: None }
    }
}

impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenError({:?})", self.failure.reason)
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.failure.reason.description())
    }
}

impl std::error::Error for TokenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.failure.source()
    }
}
