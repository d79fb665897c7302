use std::{borrow::Cow, fmt, time::Duration};

use serde::Serialize;

use super::{BearerError, Failure, Reason, token};
use crate::{client::InvalidMetadata, wire::Reply};

/// A request to the registration endpoint, or to a client's own configuration, that was refused
/// ([RFC 7591 §3.2.2], [RFC 7592 §2]).
///
/// [RFC 7591 §3.2.2]: https://www.rfc-editor.org/rfc/rfc7591#section-3.2.2
/// [RFC 7592 §2]: https://www.rfc-editor.org/rfc/rfc7592#section-2
pub struct RegistrationError(Kind);

enum Kind {
    /// Of the token: 401, with a challenge.
    Bearer(BearerError),
    /// Of what was sent; the text names the member.
    Request { failure: Failure, text: Option<Cow<'static, str>>, retry_after: Option<Duration> },
}

impl RegistrationError {
    /// There was no token where one is needed.
    pub(crate) fn no_token() -> Self {
        Self(Kind::Bearer(BearerError::ABSENT.at(REALM)))
    }

    /// The token is not one to be used here; which of the many reasons it is, nobody is told
    /// (threat RG-07).
    pub(crate) fn bad_token() -> Self {
        Self(Kind::Bearer(BearerError::from(Reason::BearerInvalid).at(REALM)))
    }

    /// A member that is refused; the text says which one and why, and repeats nothing that was sent.
    pub(crate) fn member(failure: impl Into<Failure>, text: impl Into<Cow<'static, str>>) -> Self {
        let (failure, text) = (failure.into(), Some(text.into()));
        Self(Kind::Request { failure, text, retry_after: None })
    }

    /// Too many: it may be tried again after this long.
    pub(crate) fn throttled(retry_after: Duration) -> Self {
        let failure = Reason::RegistrationThrottled.into();
        Self(Kind::Request { failure, text: None, retry_after: Some(retry_after) })
    }

    /// Why, with a stable code; `None` when a token was needed and none was sent.
    pub fn reason(&self) -> Option<Reason> {
        self.failure().map(|failure| failure.reason)
    }

    /// The JSON answer.
    pub fn reply(&self) -> Reply {
        let (failure, retry_after) = match &self.0 {
            Kind::Bearer(error) => return error.reply(),
            Kind::Request { failure, retry_after, .. } => (failure, retry_after),
        };
        let reason = failure.reason;
        let body = Body { error: reason.error().as_str(), error_description: self.description() };
        let reply = Reply::json(token::status(reason), &body);
        match retry_after {
            Some(wait) => reply.with("retry-after", wait.as_secs().max(1).to_string()),
            None => token::with_retry(reply, reason),
        }
    }

    fn description(&self) -> &str {
        match &self.0 {
            Kind::Bearer(error) => {
                error.reason().map_or("an access token is needed", Reason::description)
            }
            Kind::Request { text: Some(text), .. } => text,
            Kind::Request { failure, .. } => failure.reason.description(),
        }
    }

    pub(crate) fn into_failure(self) -> Option<Failure> {
        match self.0 {
            Kind::Bearer(_) => None,
            Kind::Request { failure, .. } => Some(failure),
        }
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        match &self.0 {
            Kind::Bearer(error) => error.failure(),
            Kind::Request { failure, .. } => Some(failure),
        }
    }
}

const REALM: &str = "registration";

#[derive(Serialize)]
struct Body<'b> {
    error: &'static str,
    error_description: &'b str,
}

impl<F: Into<Failure>> From<F> for RegistrationError {
    fn from(failure: F) -> Self {
        Self(Kind::Request { failure: failure.into(), text: None, retry_after: None })
    }
}

impl From<InvalidMetadata> for RegistrationError {
    fn from(invalid: InvalidMetadata) -> Self {
        let reason = match invalid.error() {
            super::ErrorCode::InvalidRedirectUri => Reason::RedirectUriUnregistrable,
            _ => Reason::MetadataInvalid,
        };
        Self::member(reason, invalid.to_string())
    }
}

impl fmt::Debug for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistrationError({:?}: {})", self.reason(), self.description())
    }
}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl std::error::Error for RegistrationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.failure()?.source()
    }
}
