use std::{fmt, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::{client::Client, error::HostError};

/// Decides about each registration, whole: at the first one, and anew at every update.
///
/// Asked once the metadata fit together; what it leaves is checked whole, with all that the provider can
/// and cannot serve. For a client that describes itself it is asked when the document is another one, and
/// once a minute. Without one, whoever may register gets what the metadata say.
///
/// ```
/// use async_trait::async_trait;
/// use oidc_op::{Client, HostError, RegistrationPolicy, RegistrationRequest, RegistrationVerdict};
///
/// /// Clients of one's own domain only, and never with e-mail addresses.
/// #[derive(Debug)]
/// struct OwnDomain;
///
/// #[async_trait]
/// impl RegistrationPolicy for OwnDomain {
///     async fn decide(
///         &self,
///         _request: &RegistrationRequest<'_>,
///         client: &mut Client,
///     ) -> Result<RegistrationVerdict, HostError> {
///         let own = |uri: &str| uri.starts_with("https://apps.example/");
///         if !client.metadata.redirect_uris.iter().all(|uri| own(uri.as_str())) {
///             return Ok(RegistrationVerdict::RedirectUri);
///         }
///         client.claims.deny.insert("email".into());
///         Ok(RegistrationVerdict::Allow)
///     }
/// }
/// ```
#[async_trait]
pub trait RegistrationPolicy: fmt::Debug + Send + Sync + 'static {
    /// Whether this client may be registered so. Change what is to be otherwise: its metadata, and what
    /// an administrator would set. Its `id`, `secrets` and `epoch` stay as they are, whatever is done to
    /// them here. At an update, what an administrator has set since the first registration is there.
    ///
    /// # Errors
    ///
    /// It cannot be found out now; the request fails with `server_error`.
    async fn decide(
        &self,
        request: &RegistrationRequest<'_>,
        client: &mut Client,
    ) -> Result<RegistrationVerdict, HostError>;
}

#[async_trait]
impl<P: RegistrationPolicy + ?Sized> RegistrationPolicy for Arc<P> {
    async fn decide(
        &self,
        request: &RegistrationRequest<'_>,
        client: &mut Client,
    ) -> Result<RegistrationVerdict, HostError> {
        (**self).decide(request, client).await
    }
}

/// What a [`RegistrationPolicy`] is told.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RegistrationRequest<'r> {
    /// The client as it was before this update; none at the first registration, and for a client that
    /// [describes itself](crate::Policy::client_documents).
    pub before: Option<&'r Client>,
    /// What the initial access token was [issued for](crate::InitialAccess::purpose), if one was sent.
    pub purpose: Option<&'r str>,
    /// What a trusted publisher says, if there is a software statement.
    pub statement: Option<&'r Map<String, Value>>,
    /// Every member that was sent, those that are not understood included. At an update the client's own
    /// secret may be among them.
    pub members: &'r Map<String, Value>,
    /// Where the request comes from, if the host says so.
    pub peer: Option<IpAddr>,
}

impl fmt::Debug for RegistrationRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrationRequest")
            .field("before", &self.before.map(|client| &client.id))
            .field("purpose", &self.purpose)
            .field("statement", &self.statement.is_some())
            .field("members", &self.members.keys().collect::<Vec<_>>())
            .field("peer", &self.peer)
            .finish()
    }
}

/// What a [`RegistrationPolicy`] says; what is refused changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistrationVerdict {
    /// As it stands now.
    Allow,
    /// Not this client: 403 `access_denied`.
    Deny,
    /// Not with these redirect URIs: `invalid_redirect_uri`.
    RedirectUri,
    /// Not with this member, which the answer names: `invalid_client_metadata`.
    Member(&'static str),
    /// Not with this software statement, or not without one: `unapproved_software_statement`.
    Statement,
}
