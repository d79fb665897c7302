//! `grant_type=client_credentials` ([RFC 6749 §4.4]).
//!
//! [RFC 6749 §4.4]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4

use serde_json::{Map, Value};

use super::{TokenResponse, asked::Asked};
use crate::{
    claims::{Account, GrantedClaims, STANDARD_SCOPES, Wanted},
    client::{AuthenticatedClient, Client},
    env::{Event, What},
    error::{Failure, Reason, TokenError},
    mint::{self, AccessTokenParts, Audience, StandsOn},
    provider::Core,
    types::{Scope, Timestamp},
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
        let scope = self.asked.scope(core, client)?;
        if self.asked.scope.is_some() && scope.iter().any(is_personal) {
            return Err(Reason::ScopeNotAllowed.into());
        }
        Ok(issue(core, client, &audience, &scope).await?)
    }
}

/// Whether a scope token is about a person: then it is none that a client may have for itself.
fn is_personal(token: &str) -> bool {
    STANDARD_SCOPES.iter().any(|(standard, _)| *standard == token)
}

/// A token that a client holds for itself: of the scope what is not about a person, what the audience
/// understands, and what the client's owner may do.
pub(super) async fn issue(
    core: &Core,
    client: &Client,
    audience: &Audience<'_>,
    scope: &Scope,
) -> Result<TokenResponse, Failure> {
    if let Some(owner) = &client.owner {
        let account = core.account(owner, &[]).await?;
        if !account.is_some_and(|account| account.active) {
            return Err(Reason::OwnerInactive.into());
        }
    }
    let scope = audience.scope(&scope.retain(|token| !is_personal(token)));
    let asked = !scope.is_empty();
    let scope = permitted(core, client, scope).await?;
    if asked && scope.is_empty() {
        return Err(Reason::ScopeNotAllowed.into());
    }
    let response = mint(core, client, audience, scope, core.clock.now()).await?;
    core.observer.observe(&Event::new(What::TokenIssued).client(&client.id));
    Ok(response)
}

/// Bounded by what the client's owner may do now: when a token is issued, and whenever one that is out is
/// looked at.
pub(super) async fn permitted(
    core: &Core,
    client: &Client,
    scope: Scope,
) -> Result<Scope, Failure> {
    match (&client.owner, &core.permissions) {
        (Some(owner), Some(permissions)) if !scope.is_empty() => {
            let may = permissions.permitted(owner, client, &scope).await?;
            Ok(scope.intersection(&may))
        }
        _ => Ok(scope),
    }
}

/// What every access token says; there is no person to say anything else of.
pub(super) fn constants(
    core: &Core,
    client: &Client,
    audience: &Audience<'_>,
    scope: &Scope,
) -> Map<String, Value> {
    let claims = GrantedClaims::default();
    Wanted::of(&core.config.claims, client, scope, &claims, audience.target())
        .select(&Account::default())
}

async fn mint(
    core: &Core,
    client: &Client,
    audience: &Audience<'_>,
    scope: Scope,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    let lifetime = audience.lifetime();
    let parts = AccessTokenParts {
        client,
        of: StandsOn::Client { epoch: client.epoch },
        grant: None,
        audience,
        scope: &scope,
        sub: client.id.as_str(),
        act: None,
        claims: match audience.jwt() {
            Some(_) => constants(core, client, audience, &scope),
            None => Map::new(),
        },
        lifetime,
    };
    let access_token = mint::access_token(core, parts, now).await?;
    Ok(TokenResponse::of_access_token(access_token, lifetime, scope))
}
