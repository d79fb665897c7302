//! What the demo does with its tokens after the sign-in: it renews them, asks what is true of them, and
//! gives them back.

use axum::http::StatusCode;
use openidconnect::{
    AccessToken, Nonce, OAuth2TokenResponse, RefreshToken, RequestTokenError, TokenResponse,
    core::CoreTokenResponse,
};
use serde_json::{Map, Value};

use super::{Failure, back_channel::BackChannel, relying_party::Discovered, view};
use crate::pages::LoginView;

/// The tokens of somebody who is signed in.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) subject: String,
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
}

impl Held {
    pub(super) fn new(subject: &str, tokens: &CoreTokenResponse) -> Self {
        Self {
            subject: subject.to_owned(),
            access_token: tokens.access_token().secret().clone(),
            refresh_token: tokens.refresh_token().map(|token| token.secret().clone()),
        }
    }

    pub(super) fn bearer(subject: &str, token: &AccessToken) -> Self {
        let access_token = token.secret().clone();
        Self { subject: subject.to_owned(), access_token, refresh_token: None }
    }
}

/// A button on the demo's page.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Refresh,
    Introspect,
    Revoke,
}

impl Action {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "refresh" => Some(Self::Refresh),
            "introspect" => Some(Self::Introspect),
            "revoke" => Some(Self::Revoke),
            _ => None,
        }
    }
}

/// What came of it.
pub(super) enum Done {
    /// Other tokens, and what to show.
    Changed(Held, LoginView),
    Refused(&'static str),
}

/// A button that was pressed, and what it is about.
pub(super) struct Pressed<'a> {
    pub(super) provider: &'a BackChannel,
    pub(super) found: Discovered,
    pub(super) credentials: (&'a str, &'a str),
    pub(super) held: Held,
    pub(super) view: LoginView,
}

impl Pressed<'_> {
    pub(super) async fn act(self, action: Action) -> Result<Done, Failure> {
        match action {
            Action::Refresh => self.refresh().await,
            Action::Introspect => self.introspect().await,
            Action::Revoke => self.revoke().await,
        }
    }

    /// The answer may have an ID token, which must be about the same person
    /// ([OpenID Connect Core §12.2]).
    ///
    /// [OpenID Connect Core §12.2]: https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse
    async fn refresh(mut self) -> Result<Done, Failure> {
        let Some(token) = self.held.refresh_token.clone().map(RefreshToken::new) else {
            return Ok(Done::Refused("There is no refresh token."));
        };
        let client = &self.found.client;
        let request = client.exchange_refresh_token(&token);
        let request = request.map_err(|e| Failure::at("the endpoint", &e))?;
        let tokens: CoreTokenResponse = match request.request_async(self.provider).await {
            Ok(tokens) => tokens,
            Err(RequestTokenError::ServerResponse(_)) => {
                return Ok(Done::Refused("The provider refused the refresh token: it has ended."));
            }
            Err(error) => return Err(Failure::at("the token endpoint", &error)),
        };
        if let Some(id_token) = tokens.id_token() {
            let verifier = client.id_token_verifier();
            let any = |_: Option<&Nonce>| Ok(());
            let claims = id_token.claims(&verifier, any);
            let claims = claims.map_err(|e| Failure::at("the ID token", &e))?;
            if claims.subject().as_str() != self.held.subject {
                return Err(Failure::Unexpected("the ID token is about somebody else"));
            }
        }
        let before = self.held.refresh_token;
        self.held = Held::new(&self.held.subject, &tokens);
        // RFC 6749 §6: without a new one, the old one stays.
        self.held.refresh_token = self.held.refresh_token.or(before);
        self.view
            .show(view::tokens(&tokens, "What the token endpoint gave for the refresh token."));
        Ok(Done::Changed(self.held, self.view))
    }

    async fn introspect(mut self) -> Result<Done, Failure> {
        let answer = self.post(&self.found.introspection, &self.held.access_token).await?;
        let said: Map<String, Value> =
            serde_json::from_slice(&answer).map_err(|e| Failure::at("introspection", &e))?;
        self.view.show(view::introspection(&said));
        Ok(Done::Changed(self.held, self.view))
    }

    /// A refresh token ends with all that came of it, an access token alone; introspection shows it.
    async fn revoke(self) -> Result<Done, Failure> {
        let token = self.held.refresh_token.as_ref().unwrap_or(&self.held.access_token);
        self.post(&self.found.revocation, token).await?;
        self.introspect().await
    }

    /// Sends a token where the client must say who it is.
    async fn post(&self, address: &str, token: &str) -> Result<Vec<u8>, Failure> {
        let answer = self.provider.post(address, self.credentials, &[("token", token)]).await;
        let (status, body) = answer.map_err(|e| Failure::at("the endpoint", &e))?;
        if status == StatusCode::OK { Ok(body) } else { Err(Failure::Unexpected("a refusal")) }
    }
}
