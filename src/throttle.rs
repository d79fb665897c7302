use std::{fmt::Debug, net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;

/// Decides whether an attempt to prove something may go on.
///
/// Asked before a secret or an assertion is checked, told when it was wrong. The default, `()`, lets everything
/// pass; a service on the open internet puts its rate limiter here. Key it on the source as well as
/// on the name, so that nobody can lock out somebody else ([RFC 6749 §10.10]).
///
/// [RFC 6749 §10.10]: https://www.rfc-editor.org/rfc/rfc6749#section-10.10
#[async_trait]
pub trait Throttle: Debug + Send + Sync + 'static {
    /// Whether the attempt may go on.
    ///
    /// # Errors
    ///
    /// It may not for this long; the client sees 429 with `Retry-After`.
    async fn admit(&self, attempt: &Attempt<'_>) -> Result<(), Duration>;

    /// The attempt was wrong.
    async fn failed(&self, attempt: &Attempt<'_>);
}

/// An attempt to prove something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// What is being proven.
    pub kind: AttemptKind,
    /// Who it is said to be, known or not: the client identifier as it was sent, or with a password the name
    /// to sign in with as it was typed. Strangers choose it, so a throttle that remembers names bounds how
    /// many.
    pub name: &'a str,
    /// Where it comes from, if the host says so.
    pub peer: Option<IpAddr>,
}

/// What an [`Attempt`] proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptKind {
    /// That the sender is the client, with its secret.
    ClientSecret,
    /// The same with an assertion, which nobody guesses: limits how often keys are looked for.
    ClientAssertion,
    /// That a client has a person's password.
    Password,
    /// Nothing: somebody wants to register a client, or to change what is registered; the name is empty.
    Registration,
    /// Nothing: a request names a client by an address, where its description is looked for
    /// ([`Policy::client_documents`](crate::Policy::client_documents)).
    ClientDocument,
}

impl<'a> Attempt<'a> {
    pub(crate) fn client(kind: AttemptKind, name: &'a str, peer: Option<IpAddr>) -> Self {
        Self { kind, name, peer }
    }

    pub(crate) fn stranger(kind: AttemptKind, peer: Option<IpAddr>) -> Self {
        Self { kind, name: "", peer }
    }

    pub(crate) fn password(name: &'a str, peer: Option<IpAddr>) -> Self {
        Self { kind: AttemptKind::Password, name, peer }
    }
}

/// Lets everything pass.
#[async_trait]
impl Throttle for () {
    async fn admit(&self, _attempt: &Attempt<'_>) -> Result<(), Duration> {
        Ok(())
    }

    async fn failed(&self, _attempt: &Attempt<'_>) {}
}

#[async_trait]
impl<T: Throttle + ?Sized> Throttle for Arc<T> {
    async fn admit(&self, attempt: &Attempt<'_>) -> Result<(), Duration> {
        (**self).admit(attempt).await
    }

    async fn failed(&self, attempt: &Attempt<'_>) {
        (**self).failed(attempt).await;
    }
}
