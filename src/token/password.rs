//! `grant_type=password` ([RFC 6749 §4.3]): off unless the host wires a [`PasswordAuthenticator`] and an
//! administrator lets a client of the first party use it.
//!
//! [RFC 6749 §4.3]: https://www.rfc-editor.org/rfc/rfc6749#section-4.3

use std::{fmt, net::IpAddr, sync::Arc};

use async_trait::async_trait;

use super::{
    TokenResponse,
    asked::Asked,
    direct::{Basis, Direct},
};
use crate::{
    client::{AuthenticatedClient, Client},
    error::{Failure, HostError, Reason, TokenError},
    grant::Origin,
    provider::Core,
    session::Login,
    throttle::Attempt,
    types::Scope,
    wire::{Params, Request},
};

/// Checks a person's password for the password grant; returns who it is, never a page.
///
/// # Security
///
/// Do the same work for a name that nobody has as for a wrong password, or the time tells which names
/// there are. Everything that guards the sign-in page guards this too: limits, locks, further factors.
/// Where somebody needs a further factor, ask for it by a scope or a parameter of your own (a one-time
/// code, say), or refuse.
///
/// ```
/// use async_trait::async_trait;
/// use oidc_op::{HostError, Login, PasswordAuthenticator, PasswordCredentials, Subject};
///
/// #[derive(Debug)]
/// struct People; // with their password hashes
///
/// #[async_trait]
/// impl PasswordAuthenticator for People {
///     async fn authenticate(
///         &self,
///         credentials: &PasswordCredentials<'_>,
///     ) -> Result<Option<Login>, HostError> {
///         let right = (credentials.username, credentials.password) == ("alice", "wonderland");
///         Ok(right.then(|| Subject::new("248289761001").map(Login::new)).transpose()?)
///     }
/// }
/// ```
#[async_trait]
pub trait PasswordAuthenticator: fmt::Debug + Send + Sync + 'static {
    /// Who it is; `None` if anything about it is wrong. The name is whatever the host lets people sign in
    /// with: a user name, a verified e-mail address, a verified phone number.
    ///
    /// # Errors
    ///
    /// It cannot be found out now; the request fails with `server_error`, never as if the password were
    /// wrong. So it does if there is more in the login than can be kept ([`Login::check`]).
    async fn authenticate(
        &self,
        credentials: &PasswordCredentials<'_>,
    ) -> Result<Option<Login>, HostError>;
}

#[async_trait]
impl<P: PasswordAuthenticator + ?Sized> PasswordAuthenticator for Arc<P> {
    async fn authenticate(
        &self,
        credentials: &PasswordCredentials<'_>,
    ) -> Result<Option<Login>, HostError> {
        (**self).authenticate(credentials).await
    }
}

/// What a client sends of a person.
#[non_exhaustive]
pub struct PasswordCredentials<'c> {
    /// The client that sends it.
    pub client: &'c Client,
    /// The name to sign in with, as it was typed.
    pub username: &'c str,
    /// The password.
    pub password: &'c str,
    /// What is asked for; a host may let scopes of its own say how to authenticate.
    pub scope: &'c Scope,
    /// Where the request comes from, if the host says so: the client, most often.
    pub peer: Option<IpAddr>,
    params: &'c Params<'c>,
}

impl PasswordCredentials<'_> {
    /// Another parameter of the request, such as a one-time code; none if it is absent, empty or
    /// repeated.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.params.one(name).ok().flatten()
    }
}

impl fmt::Debug for PasswordCredentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordCredentials")
            .field("client", &self.client.id)
            .field("scope", self.scope)
            .field("peer", &self.peer)
            .field("params", self.params)
            .finish_non_exhaustive()
    }
}

/// A name and a password, and what is wanted for them.
pub(super) struct PasswordRequest<'p> {
    username: &'p str,
    password: &'p str,
    asked: Asked<'p>,
    params: &'p Params<'p>,
}

impl<'p> PasswordRequest<'p> {
    pub(super) fn parse(params: &'p Params<'p>) -> Result<Self, Reason> {
        Ok(Self {
            username: params.one("username")?.ok_or(Reason::UsernameMissing)?,
            password: params.one("password")?.ok_or(Reason::PasswordMissing)?,
            asked: Asked::parse(params)?,
            params,
        })
    }

    /// A name that nobody has, a wrong password and a closed account get one answer. The `claims`
    /// parameter has no place here: claims come by scope.
    pub(super) async fn exchange(
        self,
        core: &Core,
        client: &AuthenticatedClient,
        http: &Request<'_>,
    ) -> Result<TokenResponse, TokenError> {
        let authenticator = core.passwords.as_ref().ok_or(Reason::GrantTypeUnsupported)?;
        if !client.first_party || !client.password_grant {
            return Err(Reason::GrantTypeNotAllowed.into());
        }
        let scope = self.asked.scope(core, client)?;
        let resources = self.asked.resources(core, client)?;
        let attempt = Attempt::password(self.username, http.peer);
        core.throttle.admit(&attempt).await.map_err(TokenError::throttled)?;
        let credentials = PasswordCredentials {
            client,
            username: self.username,
            password: self.password,
            scope: &scope,
            peer: http.peer,
            params: self.params,
        };
        let since = core.clock.now();
        let issued = match authenticator.authenticate(&credentials).await? {
            None => Err(Reason::PasswordWrong.into()),
            Some(login) => {
                let direct = Direct {
                    origin: Origin::Password,
                    auth: login.authentication(since)?,
                    subject: login.subject,
                    since,
                    consent: Basis::Given,
                    scope,
                    resources,
                    renewable: true,
                    act: None,
                    single: None,
                };
                direct.issue(core, client).await
            }
        };
        match issued {
            // Whether the account is closed is nobody's business who cannot get in.
            Err(Failure { reason: Reason::PasswordWrong | Reason::SubjectInactive, .. }) => {
                core.throttle.failed(&attempt).await;
                Err(Reason::PasswordWrong.into())
            }
            issued => Ok(issued?),
        }
    }
}
