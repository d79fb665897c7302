//! What the demo makes of an answer: it checks all that can be checked, and asks for the rest.

use axum::http::{self, StatusCode, header};
use oidc_op::ResponseType;
use openidconnect::{
    AccessToken, AccessTokenHash, AsyncHttpClient, AuthorizationCode, AuthorizationCodeHash, Nonce,
    OAuth2TokenResponse, PkceCodeVerifier, TokenResponse,
    core::{CoreIdToken, CoreTokenResponse},
};
use serde_json::{Map, Value};

use super::{
    Failure,
    back_channel::BackChannel,
    held::Held,
    relying_party::RelyingParty,
    view::{self, Learned},
};
use crate::{layers::Form, pages::LoginView};

/// A sign-in whose answer has come.
pub(super) struct Answered<'a> {
    pub(super) client: RelyingParty,
    pub(super) provider: &'a BackChannel,
    pub(super) answer: &'a Form,
    pub(super) response_type: ResponseType,
    pub(super) nonce: Nonce,
}

impl Answered<'_> {
    /// Everything that can be learned, and the ID token itself.
    pub(super) async fn learn(
        &self,
        verifier: PkceCodeVerifier,
    ) -> Result<(LoginView, Option<Held>, String), Failure> {
        let asked = self.response_type;
        let code = asked.code().then(|| AuthorizationCode::new(self.answer.one("code").to_owned()));
        let token = asked.token().then(|| AccessToken::new(self.answer.one("access_token").into()));

        let mut id_token = None;
        let mut subject = None;
        if asked.id_token() {
            let sent: CoreIdToken =
                self.answer.one("id_token").parse().map_err(|_| Failure::Unexpected("no JWT"))?;
            subject = Some(self.check(&sent, token.as_ref(), code.as_ref())?);
            id_token = Some(sent.to_string());
        }
        let mut tokens = None;
        if let Some(code) = &code {
            let given = self.redeem(code, verifier).await?;
            let sent = given.id_token().ok_or(Failure::Unexpected("no ID token"))?;
            let redeemed = self.check(sent, Some(given.access_token()), None)?;
            // OpenID Connect Core §3.3.3.6: both are about the same person.
            if subject.as_ref().is_some_and(|subject| *subject != redeemed) {
                return Err(Failure::Unexpected("the two ID tokens are about two people"));
            }
            subject = Some(redeemed);
            id_token = Some(sent.to_string());
            tokens = Some(given);
        }
        let (Some(id_token), Some(subject)) = (id_token, subject) else {
            return Err(Failure::Unexpected("no ID token"));
        };
        let bearer = tokens.as_ref().map(OAuth2TokenResponse::access_token).or(token.as_ref());
        let userinfo = match bearer {
            Some(token) => Some(self.userinfo(token.secret(), &subject).await?),
            None => None,
        };
        let (head, claims) = view::decode(&id_token).ok_or(Failure::Unexpected("no JWT"))?;
        let held = match (&tokens, &token) {
            (Some(tokens), _) => Some(Held::new(&subject, tokens)),
            (None, token) => token.as_ref().map(|token| Held::bearer(&subject, token)),
        };
        let view = view::login(&Learned {
            response_type: asked,
            answer: self.answer,
            head,
            claims,
            tokens,
            userinfo,
            subject,
        });
        Ok((view, held, id_token))
    }

    /// The subject of an ID token that is from the provider, for the demo, for this sign-in, and for
    /// what came with it ([OpenID Connect Core §3.1.3.7], [§3.2.2.9], [§3.3.2.10]).
    ///
    /// [OpenID Connect Core §3.1.3.7]: https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
    /// [§3.2.2.9]: https://openid.net/specs/openid-connect-core-1_0.html#ImplicitTokenValidation
    /// [§3.3.2.10]: https://openid.net/specs/openid-connect-core-1_0.html#CodeValidation
    fn check(
        &self,
        id_token: &CoreIdToken,
        access_token: Option<&AccessToken>,
        code: Option<&AuthorizationCode>,
    ) -> Result<String, Failure> {
        let verifier = self.client.id_token_verifier();
        let wrong = |e: &dyn std::error::Error| Failure::at("the ID token", e);
        let claims = id_token.claims(&verifier, &self.nonce).map_err(|e| wrong(&e))?;
        let algorithm = id_token.signing_alg().map_err(|e| wrong(&e))?;
        let key = id_token.signing_key(&verifier).map_err(|e| wrong(&e))?;
        if let Some(token) = access_token {
            let expected = claims.access_token_hash().ok_or(Failure::Unexpected("no at_hash"))?;
            let actual = AccessTokenHash::from_token(token, algorithm, key);
            if actual.map_err(|e| wrong(&e))? != *expected {
                return Err(Failure::Unexpected("at_hash does not fit the access token"));
            }
        }
        if let Some(code) = code {
            let expected = claims.code_hash().ok_or(Failure::Unexpected("no c_hash"))?;
            let actual = AuthorizationCodeHash::from_code(code, algorithm, key);
            if actual.map_err(|e| wrong(&e))? != *expected {
                return Err(Failure::Unexpected("c_hash does not fit the code"));
            }
        }
        Ok(claims.subject().as_str().to_owned())
    }

    async fn redeem(
        &self,
        code: &AuthorizationCode,
        verifier: PkceCodeVerifier,
    ) -> Result<CoreTokenResponse, Failure> {
        let request = self.client.exchange_code(code.clone());
        let request = request.map_err(|e| Failure::at("the endpoint", &e))?;
        let tokens = request.set_pkce_verifier(verifier).request_async(self.provider).await;
        tokens.map_err(|e| Failure::at("the token endpoint", &e))
    }

    async fn userinfo(
        &self,
        access_token: &str,
        subject: &str,
    ) -> Result<Map<String, Value>, Failure> {
        let wrong = |e: &dyn std::error::Error| Failure::at("UserInfo", e);
        let endpoint =
            self.client.user_info_url().ok_or(Failure::Unexpected("no UserInfo endpoint"))?;
        let request = http::Request::get(endpoint.as_str())
            .header(header::AUTHORIZATION, format!("Bearer {access_token}"))
            .body(Vec::new());
        let request = request.map_err(|e| wrong(&e))?;
        let response = self.provider.call(request).await.map_err(|e| wrong(&e))?;
        if response.status() != StatusCode::OK {
            return Err(Failure::Unexpected("UserInfo refused the access token"));
        }
        let userinfo: Map<String, Value> =
            serde_json::from_slice(response.body()).map_err(|e| wrong(&e))?;
        if userinfo.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(Failure::Unexpected("UserInfo is about somebody else"));
        }
        Ok(userinfo)
    }
}
