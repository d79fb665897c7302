//! Why an upstream provider signed nobody in: for the person, and for the log.

use axum::http::StatusCode;
use openidconnect::{
    ClaimsVerificationError, DiscoveryError, RequestTokenError, core::CoreRequestTokenError,
};
use tracing::warn;

use super::transport::CallError;
use crate::layers::{Capped, chain};

/// A sign-in at an upstream provider that came to nothing.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) fault: Fault,
    /// What was being done.
    at: &'static str,
    /// What lies beneath; never a token.
    cause: String,
}

/// What went wrong, as people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Unreachable,
    Slow,
    Refused,
    /// It says that the person, or somebody else, would not have it.
    Denied,
    /// It does not speak as the specifications have it.
    Malformed,
    TokenIssuer,
    TokenAudience,
    TokenNonce,
    TokenSignature,
    TokenExpired,
    /// It was to ask the person again, and has not.
    TokenAuthTime,
    /// UserInfo is about somebody else.
    UserInfoSubject,
    Person,
    /// It says more of the person than can be kept.
    Much,
}

impl Fault {
    /// What stands on the page and in the log.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "upstream_unreachable",
            Self::Slow => "upstream_slow",
            Self::Refused => "upstream_refused",
            Self::Denied => "upstream_denied",
            Self::Malformed => "upstream_malformed",
            Self::TokenIssuer => "upstream_token_issuer",
            Self::TokenAudience => "upstream_token_audience",
            Self::TokenNonce => "upstream_token_nonce",
            Self::TokenSignature => "upstream_token_signature",
            Self::TokenExpired => "upstream_token_expired",
            Self::TokenAuthTime => "upstream_token_auth_time",
            Self::UserInfoSubject => "upstream_userinfo_subject",
            Self::Person => "person_unavailable",
            Self::Much => "upstream_much",
        }
    }

    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Slow => StatusCode::GATEWAY_TIMEOUT,
            Self::Denied => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// A sentence about the provider of this name.
    pub(super) fn text(self, name: &str) -> String {
        match self {
            Self::Unreachable => format!("{name} cannot be reached now."),
            Self::Slow => format!("{name} did not answer in time."),
            Self::Refused => format!("{name} could not sign you in."),
            Self::Denied => format!("The sign-in at {name} was cancelled or refused."),
            Self::Malformed => format!("{name} gave an answer that cannot be understood."),
            Self::TokenAuthTime => format!("{name} did not ask you to sign in again."),
            Self::Person => format!("{name} cannot say now what it knows of you."),
            Self::Much => format!("{name} says more of you than can be kept here."),
            Self::TokenIssuer
            | Self::TokenAudience
            | Self::TokenNonce
            | Self::TokenSignature
            | Self::TokenExpired
            | Self::UserInfoSubject => {
                format!("{name} gave an answer that cannot be trusted.")
            }
        }
    }
}

impl Failure {
    pub(super) fn new(fault: Fault, at: &'static str) -> Self {
        Self { fault, at, cause: String::new() }
    }

    pub(super) fn because(self, cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), ..self }
    }

    /// Nobody answered, or not as they should.
    pub(super) fn call(at: &'static str, error: &CallError) -> Self {
        let fault = match error {
            CallError::Slow => Fault::Slow,
            CallError::TooLarge | CallError::Unsafe => Fault::Malformed,
            CallError::Connect(_) | CallError::Http(_) | CallError::Status(_) => Fault::Unreachable,
        };
        Self::new(fault, at).because(chain(error))
    }

    pub(super) fn discovery(error: &DiscoveryError<CallError>) -> Self {
        let at = "discovery";
        match error {
            DiscoveryError::Request(error) => Self::call(at, error),
            // Not the body.
            DiscoveryError::Response(status, _, _) => {
                Self::new(Fault::Malformed, at).because(status.to_string())
            }
            error => Self::new(Fault::Malformed, at).because(chain(error)),
        }
    }

    pub(super) fn token(error: &CoreRequestTokenError<CallError>) -> Self {
        let at = "the token endpoint";
        match error {
            RequestTokenError::Request(error) => Self::call(at, error),
            RequestTokenError::ServerResponse(answer) => {
                Self::new(Fault::Refused, at).because(answer.error().to_string())
            }
            // What could not be read may be a token.
            _ => Self::new(Fault::Malformed, at),
        }
    }

    /// An ID token that does not count ([OpenID Connect Core §3.1.3.7]).
    ///
    /// [OpenID Connect Core §3.1.3.7]: https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
    pub(super) fn id_token(error: &ClaimsVerificationError) -> Self {
        let fault = match error {
            ClaimsVerificationError::Expired(_) => Fault::TokenExpired,
            ClaimsVerificationError::InvalidAudience(_) => Fault::TokenAudience,
            ClaimsVerificationError::InvalidIssuer(_) => Fault::TokenIssuer,
            ClaimsVerificationError::InvalidNonce(_) => Fault::TokenNonce,
            ClaimsVerificationError::SignatureVerification(_) => Fault::TokenSignature,
            _ => Fault::Malformed,
        };
        // The nonce is nobody else's business.
        let cause = if fault == Fault::TokenNonce { String::new() } else { chain(error) };
        Self::new(fault, "the ID token").because(cause)
    }

    /// It says nothing of itself now; perhaps what it said last still counts.
    pub(super) fn log_silence(&self, upstream: &str) {
        let (code, cause) = (self.fault.code(), Capped(&self.cause));
        warn!(upstream, code, ?cause, "an upstream provider could not be asked about itself");
    }

    pub(super) fn log(&self, upstream: &str) {
        let (code, at, cause) = (self.fault.code(), self.at, Capped(&self.cause));
        warn!(upstream, code, at, ?cause, "an upstream provider signed nobody in");
    }
}
