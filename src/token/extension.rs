//! Grant types of the host's own ([RFC 6749 §4.5]).
//!
//! [RFC 6749 §4.5]: https://www.rfc-editor.org/rfc/rfc6749#section-4.5

use std::{fmt, net::IpAddr, sync::Arc};

use async_trait::async_trait;

use super::{
    TokenResponse,
    asked::Asked,
    client_credentials,
    direct::{Basis, Direct},
};
use crate::{
    client::{AuthenticatedClient, Client},
    error::{HostError, Reason, TokenError},
    grant::Origin,
    provider::Core,
    session::Login,
    types::Scope,
    wire::{Params, Request},
};

/// A grant type of the host's own: it decides who gets what, and the provider makes the tokens.
///
/// A client may use it once it has registered its URI among its `grant_types`.
///
/// ```
/// use async_trait::async_trait;
/// use oidc_op::{ExtensionGrant, ExtensionRequest, HostError, Issuance, Login, Subject};
///
/// #[derive(Debug)]
/// struct Vouchers;
///
/// #[async_trait]
/// impl ExtensionGrant for Vouchers {
///     fn grant_type(&self) -> &str {
///         "https://id.example/grants/voucher"
///     }
///
///     async fn grant(
///         &self,
///         request: &ExtensionRequest<'_>,
///     ) -> Result<Option<Issuance>, HostError> {
///         let Some("tea-for-two") = request.parameter("voucher") else { return Ok(None) };
///         let hatter = Login::new(Subject::new("hatter")?);
///         Ok(Some(Issuance::of(hatter, request.scope.clone())))
///     }
/// }
/// ```
#[async_trait]
pub trait ExtensionGrant: fmt::Debug + Send + Sync + 'static {
    /// The `grant_type`: an absolute URI.
    fn grant_type(&self) -> &str;

    /// What is to be issued; `None` refuses, as `invalid_grant`.
    ///
    /// # Errors
    ///
    /// It cannot be found out now; the request fails with `server_error`.
    async fn grant(&self, request: &ExtensionRequest<'_>) -> Result<Option<Issuance>, HostError>;
}

#[async_trait]
impl<E: ExtensionGrant + ?Sized> ExtensionGrant for Arc<E> {
    fn grant_type(&self) -> &str {
        (**self).grant_type()
    }

    async fn grant(&self, request: &ExtensionRequest<'_>) -> Result<Option<Issuance>, HostError> {
        (**self).grant(request).await
    }
}

/// A token request with a grant type of the host's own.
#[non_exhaustive]
pub struct ExtensionRequest<'r> {
    /// The client, authenticated; a public one has only said who it is.
    pub client: &'r Client,
    /// What it asks for, of what it may; all that it may, if it asks for nothing.
    pub scope: &'r Scope,
    /// Where the request comes from, if the host says so.
    pub peer: Option<IpAddr>,
    params: &'r Params<'r>,
}

impl ExtensionRequest<'_> {
    /// A parameter; none if it is absent, empty or repeated.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.params.one(name).ok().flatten()
    }
}

impl fmt::Debug for ExtensionRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtensionRequest")
            .field("client", &self.client.id)
            .field("scope", self.scope)
            .field("peer", &self.peer)
            .field("params", self.params)
            .finish_non_exhaustive()
    }
}

/// What is to be issued: decided by the host, made by the provider. No ID token comes of it: the host has
/// said who it is, and has not said that they signed in to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issuance {
    /// Whom the tokens speak of; the client itself, if absent.
    pub login: Option<Login>,
    /// What they cover. What the client may not have, or has not asked for, is dropped; for the client
    /// itself also what is about a person, and what its [owner](Client::owner) may not do.
    pub scope: Scope,
    /// Whether the client gets a refresh token, if it may have any: under `offline_access`, or by its
    /// policy. Never for a client itself.
    pub renewable: bool,
}

impl Issuance {
    /// Tokens that speak of a person. If there is more in `login` than can be kept ([`Login::check`]), the request
    /// fails with `server_error`.
    pub fn of(login: Login, scope: Scope) -> Self {
        Self { login: Some(login), scope, renewable: false }
    }

    /// Tokens that the client holds for itself.
    pub fn of_client(scope: Scope) -> Self {
        Self { login: None, scope, renewable: false }
    }
}

/// A request that one of the host's own grants decides on.
pub(super) struct ExtensionTokenRequest<'p> {
    grant: &'p dyn ExtensionGrant,
    asked: Asked<'p>,
    params: &'p Params<'p>,
}

impl<'p> ExtensionTokenRequest<'p> {
    pub(super) fn parse(
        core: &'p Core,
        grant_type: &str,
        params: &'p Params<'p>,
    ) -> Result<Self, Reason> {
        let grant = core.extensions.iter().find(|grant| grant.grant_type() == grant_type);
        Ok(Self {
            grant: &**grant.ok_or(Reason::GrantTypeUnsupported)?,
            asked: Asked::parse(params)?,
            params,
        })
    }

    pub(super) async fn exchange(
        self,
        core: &Core,
        client: &AuthenticatedClient,
        http: &Request<'_>,
    ) -> Result<TokenResponse, TokenError> {
        let scope = self.asked.scope(core, client)?;
        let audience = self.asked.audience(core, client)?;
        let resources = self.asked.resources(core, client)?;
        let since = core.clock.now();
        let request =
            ExtensionRequest { client, scope: &scope, peer: http.peer, params: self.params };
        let issuance = self.grant.grant(&request).await?.ok_or(Reason::ExtensionRefused)?;
        let scope = scope.intersection(&issuance.scope);
        let Some(login) = issuance.login else {
            if client.is_public() {
                return Err(Reason::GrantTypeNotAllowed.into());
            }
            return Ok(client_credentials::issue(core, client, &audience, &scope).await?);
        };
        let direct = Direct {
            origin: Origin::Extension(self.grant.grant_type().into()),
            auth: login.authentication(since)?,
            subject: login.subject,
            since,
            consent: Basis::Host,
            scope,
            resources,
            renewable: issuance.renewable,
            act: None,
            single: None,
        };
        Ok(direct.issue(core, client).await?)
    }
}
