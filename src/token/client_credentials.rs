//! `grant_type=client_credentials` ([RFC 6749 §4.4]).
//!
//! [RFC 6749 §4.4]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4

use super::{TokenResponse, asked::Asked};
use crate::{
    claims::STANDARD_SCOPES,
    client::{AuthenticatedClient, Client},
    env::{Event, What},
    error::{Failure, Reason, TokenError},
    mint::{self, AccessTokenParts, Audience, StandsOn},
    provider::Core,
    types::Scope,
    wire::Params,
};

/// What a client wants for itself.
pub(super) struct ClientCredentialsRequest<'p> {
    asked: Asked<'p>,
}

impl<'p> ClientCredentialsRequest<'p> {
    pub(super) fn parse(params: &'p Params<'_>) -> Result<Self, Reason> {
        Ok(Self { asked: Asked::parse(params)? })
    }

    /// Nothing is written: the token stands on the client alone. There is no person in it, and no refresh
    /// token ([RFC 6749 §4.4.3]).
    ///
    /// [RFC 6749 §4.4.3]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4.3
    pub(super) async fn exchange(
        self,
        core: &Core,
        client: &AuthenticatedClient,
    ) -> Result<TokenResponse, TokenError> {
        if client.is_public() {
            return Err(Reason::GrantTypeNotAllowed.into());
        }
        let audience = self.asked.audience(core, client)?;
        let scope = scope(client, self.asked.scope, &core.scopes)?;
        Ok(issue(core, client, &audience, &scope).await?)
    }
}

/// What the client may have for itself: of its registered scope, without what is about a person.
fn scope(client: &Client, asked: Option<Scope>, supported: &Scope) -> Result<Scope, Reason> {
    let registered = client.metadata.scope.as_ref().unwrap_or(supported);
    let may = impersonal(&registered.intersection(supported));
    match asked {
        None => Ok(may),
        Some(asked) if asked.is_subset(&may) => Ok(asked),
        Some(_) => Err(Reason::ScopeNotAllowed),
    }
}

/// Without what is about a person.
fn impersonal(scope: &Scope) -> Scope {
    scope.retain(|token| !STANDARD_SCOPES.iter().any(|(standard, _)| *standard == token))
}

/// Bounded by what the client's owner may do.
async fn permitted(core: &Core, client: &Client, scope: Scope) -> Result<Scope, Failure> {
    let Some(owner) = &client.owner else { return Ok(scope) };
    let account = core.accounts.account(owner, &[]).await?;
    if !account.is_some_and(|account| account.active) {
        return Err(Reason::OwnerInactive.into());
    }
    match &core.permissions {
        None => Ok(scope),
        Some(permissions) => {
            let may = permissions.permitted(owner, client, &scope).await?;
            Ok(scope.intersection(&may))
        }
    }
}

/// A token that a client holds for itself, of what it may have of the scope: nothing personal, and no
/// more than its owner may do.
pub(super) async fn issue(
    core: &Core,
    client: &Client,
    audience: &Audience<'_>,
    scope: &Scope,
) -> Result<TokenResponse, Failure> {
    let scope = permitted(core, client, audience.scope(&impersonal(scope))).await?;
    let now = core.clock.now();
    let lifetime = audience.lifetime();
    let parts = AccessTokenParts {
        client: &client.id,
        of: StandsOn::Client { epoch: client.epoch },
        grant: None,
        audience,
        scope: &scope,
        sub: client.id.as_str(),
        act: None,
        claims: Default::default(),
        lifetime,
    };
    let access_token = mint::access_token(core, parts, now).await?;
    core.observer.observe(&Event::new(What::TokenIssued).client(&client.id));
    Ok(TokenResponse::of_access_token(access_token, lifetime, scope))
}
