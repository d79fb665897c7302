use super::Reason;
use crate::{env::EntropyError, mint::SignError, store::StoreError};

/// The host could not answer: its users, its clients, its policy.
///
/// Any error converts into it by `?`. The client reads `server_error`, the operator the cause.
#[derive(Debug)]
pub struct HostError(Box<dyn std::error::Error + Send + Sync>);

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for HostError {
    fn from(cause: E) -> Self {
        Self(cause.into())
    }
}

/// A refusal that does not know yet where it will be sent: why, and what lies beneath.
///
/// It is private on purpose: an endpoint turns it into the error type that says where it may go.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    pub(crate) cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self { reason, cause: None }
    }
}

impl Failure {
    /// What lies beneath, as `Error::source` hands it out.
    pub(super) fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }

    /// Whether such an error lies beneath, of which this holds.
    pub(crate) fn cause_is<E: std::error::Error + 'static>(&self, holds: fn(&E) -> bool) -> bool {
        self.source().and_then(|cause| cause.downcast_ref()).is_some_and(holds)
    }

    pub(crate) fn caused(
        reason: Reason,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { reason, cause: Some(cause.into()) }
    }
}

impl From<StoreError> for Failure {
    fn from(cause: StoreError) -> Self {
        let reason = match cause {
            StoreError::Cursor => Reason::CursorUnfit,
            _ => Reason::StoreFailed,
        };
        Self::caused(reason, cause)
    }
}

impl From<HostError> for Failure {
    fn from(HostError(cause): HostError) -> Self {
        Self::caused(Reason::HostFailed, cause)
    }
}

impl From<SignError> for Failure {
    fn from(cause: SignError) -> Self {
        Self::caused(Reason::SignerFailed, cause)
    }
}

impl From<EntropyError> for Failure {
    fn from(cause: EntropyError) -> Self {
        Self::caused(Reason::EntropyFailed, cause)
    }
}
