//! The token endpoint ([RFC 6749 §3.2]): a file per grant, all of the same three parts: the request,
//! a pure check, the exchange.
//!
//! [RFC 6749 §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2

mod authorization_code;

use serde::Serialize;

use self::authorization_code::CodeRequest;
use crate::{
    client::{AuthenticatedClient, GrantType, authenticate},
    error::{Reason, TokenError},
    provider::Core,
    types::Scope,
    wire::{Params, Reply, Request},
};

/// What a token request asks for, by `grant_type`.
enum TokenRequest<'p> {
    AuthorizationCode(CodeRequest<'p>),
}

impl<'p> TokenRequest<'p> {
    fn parse(params: &'p Params<'_>) -> Result<Self, Reason> {
        let grant_type = params.one("grant_type")?.ok_or(Reason::GrantTypeMissing)?;
        match GrantType::parse(grant_type).ok_or(Reason::GrantTypeUnsupported)? {
            GrantType::AuthorizationCode => CodeRequest::parse(params).map(Self::AuthorizationCode),
        }
    }

    fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode(_) => GrantType::AuthorizationCode,
        }
    }
}

/// A successful answer ([RFC 6749 §5.1], [OIDC Core §3.1.3.3]).
///
/// [RFC 6749 §5.1]: https://www.rfc-editor.org/rfc/rfc6749#section-5.1
/// [OIDC Core §3.1.3.3]: https://openid.net/specs/openid-connect-core-1_0.html#TokenResponse
#[derive(Serialize)]
struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    scope: Scope,
}

pub(crate) async fn token(core: &Core, http: &Request<'_>) -> Result<Reply, TokenError> {
    let params = http.form()?.bounded()?;
    let client = authenticate(core, http, &params).await?;
    let request = TokenRequest::parse(&params)?;
    may_use(&client, request.grant_type())?;
    let response = match request {
        TokenRequest::AuthorizationCode(request) => request.redeem(core, &client).await?,
    };
    Ok(Reply::json(200, &response))
}

fn may_use(client: &AuthenticatedClient, grant_type: GrantType) -> Result<(), Reason> {
    if client.metadata.grant_types.contains(&grant_type) {
        Ok(())
    } else {
        Err(Reason::GrantTypeNotAllowed)
    }
}
