//! The back channel: the token endpoint ([RFC 6749 §3.2]), introspection and revocation. A file per
//! grant, all of the same three parts: the request, a pure check, the exchange.
//!
//! [RFC 6749 §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2

mod asked;
mod authorization_code;
mod carried;
mod client_credentials;
mod consent;
mod direct;
mod exchange;
mod extension;
mod introspection;
mod issue;
mod jwt_bearer;
mod password;
mod refresh;
mod response;
mod revocation;

use self::{
    authorization_code::CodeRequest, client_credentials::ClientCredentialsRequest,
    exchange::ExchangeRequest, extension::ExtensionTokenRequest, jwt_bearer::JwtBearerRequest,
    password::PasswordRequest, refresh::RefreshRequest, response::TokenResponse,
};
pub(crate) use self::{
    carried::Carried,
    introspection::{Asker, introspect, look},
    revocation::revoke,
};
pub use self::{
    exchange::{Exchange, ExchangePolicy, SubjectToken},
    extension::{ExtensionGrant, ExtensionRequest, Issuance},
    jwt_bearer::{Assertion, TrustedIssuer, TrustedIssuers},
    password::{PasswordAuthenticator, PasswordCredentials},
};
use crate::{
    client::{AuthenticatedClient, GrantType, authenticate},
    error::{Reason, TokenError},
    provider::Core,
    wire::{Params, Reply, Request},
};

/// What a token request asks for, by `grant_type`.
enum TokenRequest<'p> {
    AuthorizationCode(CodeRequest<'p>),
    Refresh(RefreshRequest<'p>),
    ClientCredentials(ClientCredentialsRequest<'p>),
    Password(PasswordRequest<'p>),
    Exchange(ExchangeRequest<'p>),
    JwtBearer(JwtBearerRequest<'p>),
    Extension(ExtensionTokenRequest<'p>),
}

impl<'p> TokenRequest<'p> {
    fn parse(
        core: &'p Core,
        grant_type: &GrantType,
        params: &'p Params<'p>,
    ) -> Result<Self, Reason> {
        match grant_type {
            GrantType::AuthorizationCode => CodeRequest::parse(params).map(Self::AuthorizationCode),
            GrantType::RefreshToken => RefreshRequest::parse(params).map(Self::Refresh),
            GrantType::ClientCredentials => {
                ClientCredentialsRequest::parse(params).map(Self::ClientCredentials)
            }
            GrantType::Password => PasswordRequest::parse(params).map(Self::Password),
            GrantType::TokenExchange => ExchangeRequest::parse(params).map(Self::Exchange),
            GrantType::JwtBearer => JwtBearerRequest::parse(params).map(Self::JwtBearer),
            GrantType::Extension(uri) => {
                ExtensionTokenRequest::parse(core, uri, params).map(Self::Extension)
            }
            // It has no place here.
            GrantType::Implicit => Err(Reason::GrantTypeUnsupported),
        }
    }
}

/// The token endpoint: parse → authenticate → exchange.
pub(crate) async fn token(core: &Core, http: &Request<'_>) -> Result<Reply, TokenError> {
    let params = http.form()?.bounded()?;
    let client = authenticate(core, http, &params, &core.endpoints.token).await?;
    let grant_type = params.one("grant_type")?.ok_or(Reason::GrantTypeMissing)?;
    let grant_type = supported(core, grant_type).ok_or(Reason::GrantTypeUnsupported)?;
    may_use(&client, &grant_type)?;
    let response = match TokenRequest::parse(core, &grant_type, &params)? {
        TokenRequest::AuthorizationCode(request) => request.redeem(core, &client).await?,
        TokenRequest::Refresh(request) => request.exchange(core, &client).await?,
        TokenRequest::ClientCredentials(request) => request.exchange(core, &client).await?,
        TokenRequest::Password(request) => request.exchange(core, &client, http).await?,
        TokenRequest::Exchange(request) => request.exchange(core, &client).await?,
        TokenRequest::JwtBearer(request) => request.exchange(core, &client).await?,
        TokenRequest::Extension(request) => request.exchange(core, &client, http).await?,
    };
    Ok(response.reply())
}

/// A grant type that is wired.
fn supported(core: &Core, text: &str) -> Option<GrantType> {
    let grant_type = GrantType::parse(text)?;
    let wired = match &grant_type {
        GrantType::Implicit => false,
        grant_type => core.supports(grant_type),
    };
    wired.then_some(grant_type)
}

fn may_use(client: &AuthenticatedClient, grant_type: &GrantType) -> Result<(), Reason> {
    if client.metadata.may(grant_type) { Ok(()) } else { Err(Reason::GrantTypeNotAllowed) }
}
