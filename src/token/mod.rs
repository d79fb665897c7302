//! The token endpoint ([RFC 6749 §3.2]): a file per grant, all of the same three parts: the request,
//! a pure check, the exchange.
//!
//! [RFC 6749 §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2

mod authorization_code;

use std::fmt::Write;

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
            // It has no place here; `parse` does not know it.
            GrantType::Implicit => Err(Reason::GrantTypeUnsupported),
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
struct TokenResponse {
    access_token: String,
    expires_in: i64,
    id_token: Option<String>,
    scope: Scope,
}

impl TokenResponse {
    /// Written without an escaping serializer, which would look at every character of the tokens:
    /// tokens are base64url, and no scope has a quote or a backslash.
    fn reply(&self) -> Reply {
        let Self { access_token, expires_in, id_token, scope } = self;
        let mut body = String::with_capacity(1536);
        let _ = write!(
            body,
            r#"{{"access_token":"{access_token}","token_type":"Bearer","expires_in":{expires_in}"#
        );
        if let Some(id_token) = id_token {
            let _ = write!(body, r#","id_token":"{id_token}""#);
        }
        let _ = write!(body, r#","scope":"{scope}"}}"#);
        Reply::json_text(body)
    }
}

pub(crate) async fn token(core: &Core, http: &Request<'_>) -> Result<Reply, TokenError> {
    let params = http.form()?.bounded()?;
    let client = authenticate(core, http, &params, &core.endpoints.token).await?;
    let request = TokenRequest::parse(&params)?;
    may_use(&client, request.grant_type())?;
    let response = match request {
        TokenRequest::AuthorizationCode(request) => request.redeem(core, &client).await?,
    };
    Ok(response.reply())
}

fn may_use(client: &AuthenticatedClient, grant_type: GrantType) -> Result<(), Reason> {
    if client.metadata.grant_types.contains(&grant_type) {
        Ok(())
    } else {
        Err(Reason::GrantTypeNotAllowed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_answer_is_json() {
        let scope = Scope::parse("openid !#$%&'()*+,-./:;<=>?@[]^_`{|}~").unwrap();
        let mut response = TokenResponse {
            access_token: "a-_".into(),
            expires_in: 600,
            id_token: None,
            scope: scope.clone(),
        };
        let read = |response: &TokenResponse| -> Value {
            serde_json::from_slice(&response.reply().body).unwrap()
        };
        let scope = scope.to_string();
        let expected = json!({
            "access_token": "a-_", "token_type": "Bearer", "expires_in": 600, "scope": scope
        });
        assert_eq!(read(&response), expected);
        response.id_token = Some("h.p.s".into());
        assert_eq!(read(&response)["id_token"], "h.p.s");
    }
}
