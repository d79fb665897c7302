//! What a rule may not reach for itself: the time, randomness, and somebody to tell.

use std::{error::Error, fmt, sync::Arc};

use crate::{
    error::Reason,
    types::{ClientId, Subject, Timestamp},
};

/// Tells the time.
///
/// Every validity in the crate is judged by it. Tests put a clock of their own here.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the home of the system clock")]
        time::OffsetDateTime::now_utc().into()
    }
}

/// Gives random bytes.
pub trait Entropy: fmt::Debug + Send + Sync + 'static {
    /// Fills the buffer with bytes that nobody can predict.
    ///
    /// # Errors
    ///
    /// There is no randomness to be had; the request then fails with `server_error`, never with a
    /// weaker value.
    ///
    /// # Security
    ///
    /// Codes, session cookies and token secrets are only as good as this source.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The source of randomness failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source of randomness failed")]
pub struct EntropyError;

/// The operating system's source of randomness.
#[derive(Clone, Debug)]
pub struct SystemEntropy(ring::rand::SystemRandom);

impl SystemEntropy {
    /// The operating system's source.
    pub fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the home of the system's randomness")]
        Self(ring::rand::SystemRandom::new())
    }

    /// The same source for *ring*, whose own trait is sealed.
    pub(crate) fn ring(&self) -> &ring::rand::SystemRandom {
        &self.0
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        ring::rand::SecureRandom::fill(&self.0, bytes).map_err(|_| EntropyError)
    }
}

/// Hears what happened, for logs, metrics and alarms.
///
/// Called on the path of a request: return at once. Nothing in an [`Event`] is secret.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Takes note of an event.
    fn observe(&self, event: &Event<'_>);
}

/// Something worth noting.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'e> {
    /// What happened.
    pub what: What,
    /// Why, with a stable code and the section of the specification; `None` when all went well.
    pub reason: Option<Reason>,
    /// The client that it happened to, if it is known to exist; a refused request names none.
    pub client: Option<&'e ClientId>,
    /// The person that it happened to; a refused request names none.
    pub subject: Option<&'e Subject>,
    /// What lies beneath, such as the store's error. Never sent to a client.
    pub cause: Option<&'e (dyn Error + Send + Sync + 'static)>,
}

/// The kinds of [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// An authorization request was answered as the client wished: with a code, a token, an ID token.
    Authorized,
    /// An authorization request was refused, by a redirect or a page.
    AuthorizationRefused,
    /// A code was redeemed.
    CodeRedeemed,
    /// A redeemed code came back, otherwise valid; the grant is revoked ([RFC 6749 §4.1.2]).
    ///
    /// [RFC 6749 §4.1.2]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
    CodeReplayed,
    /// A refresh token was used.
    TokenRefreshed,
    /// A refresh token came back that had been used; the grant is revoked ([RFC 9700 §4.14.2]). Its client
    /// or a thief has a copy.
    ///
    /// [RFC 9700 §4.14.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
    RefreshTokenReused,
    /// A refresh token is newer than what the store knows of its grant: the store has lost acknowledged
    /// writes, or was restored from a back-up.
    StoreWentBack,
    /// An access token was issued without a code: for a client itself, for a password, an assertion, a
    /// token, by a grant of the host's own.
    TokenIssued,
    /// A client is done with a grant, or its owner took it back.
    GrantRevoked,
    /// A client is done with an access token.
    TokenRevoked,
    /// A token request was refused, or a request for introspection or revocation.
    TokenRefused,
    /// A bearer token was refused at UserInfo.
    BearerRefused,
    /// A client has registered itself.
    ClientRegistered,
    /// A client has changed what it has registered.
    ClientUpdated,
    /// A client has deleted itself.
    ClientDeleted,
    /// A registration was refused, or what a client wanted to do with its own, or what a client says of
    /// itself at its own address.
    RegistrationRefused,
    /// A person's account has changed, and their sessions and grants have ended.
    SubjectChanged,
    /// A person signed in.
    SignedIn,
    /// A person signed out; two requests that end one session at the same moment each say so.
    SignedOut,
    /// A client has heard by the back channel that a session of the person's has ended.
    LogoutDelivered,
    /// A client could not be told that: it will be tried again, or, with [`Reason::LogoutGivenUp`], not.
    LogoutUndelivered,
    /// A request to sign somebody out was refused.
    LogoutRefused,
    /// A client could not be told by the browser that somebody has signed out: it could not be looked up.
    ClientNotTold,
}

impl<'e> Event<'e> {
    pub(crate) fn new(what: What) -> Self {
        Self { what, reason: None, client: None, subject: None, cause: None }
    }

    pub(crate) fn client(self, client: &'e ClientId) -> Self {
        Self { client: Some(client), ..self }
    }

    pub(crate) fn subject(self, subject: &'e Subject) -> Self {
        Self { subject: Some(subject), ..self }
    }

    pub(crate) fn refused(
        self,
        reason: Reason,
        cause: Option<&'e (dyn Error + Send + Sync + 'static)>,
    ) -> Self {
        Self { reason: Some(reason), cause, ..self }
    }
}

/// Notes nothing.
impl Observer for () {
    fn observe(&self, _event: &Event<'_>) {}
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn observe(&self, event: &Event<'_>) {
        (**self).observe(event);
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

impl<E: Entropy + ?Sized> Entropy for Arc<E> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        (**self).fill(bytes)
    }
}

/// An [`Observer`] that reports through the `tracing` crate: refusals at `WARN` when something of the
/// provider's own broke and at `INFO` otherwise, since strangers can send what is wrong; theft at `WARN`;
/// everything else at `DEBUG`.
#[cfg(feature = "tracing")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver;

/// An error with all that lies beneath it, which is often what an operator needs; drivers say much twice.
#[cfg(feature = "tracing")]
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    for beneath in std::iter::successors(error.source(), |&error| error.source()) {
        let text = beneath.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
    }
    said
}

#[cfg(feature = "tracing")]
impl Observer for TracingObserver {
    fn observe(&self, event: &Event<'_>) {
        let client = event.client.map(tracing::field::debug);
        let subject = event.subject.map(tracing::field::debug);
        let what = tracing::field::debug(event.what);
        let cause = event.cause.map(|cause| tracing::field::debug(chain(cause)));
        let alarms = matches!(
            event.what,
            What::CodeReplayed | What::RefreshTokenReused | What::StoreWentBack
        );
        match event.reason {
            Some(reason) if reason.error().status() >= 500 => {
                tracing::warn!(target: "oidc_op", what, client, subject, reason = reason.code(), section = reason.section(), cause);
            }
            Some(reason) => {
                tracing::info!(target: "oidc_op", what, client, subject, reason = reason.code(), section = reason.section(), cause);
            }
            None if alarms => tracing::warn!(target: "oidc_op", what, client, subject),
            None => tracing::debug!(target: "oidc_op", what, client, subject),
        }
    }
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[derive(Debug, thiserror::Error)]
    #[error("no answer: {0}")]
    struct Twice(#[source] std::io::Error);

    #[test]
    fn the_operator_reads_all_causes_once() {
        let twice = Twice(std::io::Error::other("no route"));
        assert_eq!(
            chain(&StoreError::Refused(twice.into())),
            "the store refused: no answer: no route"
        );
        assert_eq!(chain(&StoreError::Cursor), "the cursor is not of this store");
    }
}
