//! People, for a backend that creates accounts.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracing::info;

use super::{
    answer::{self, Problem},
    body,
};
use crate::{
    App,
    config::Hidden,
    layers::Received,
    users::{NewUser, NotCreated, PasswordHash},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    username: String,
    /// Without one they cannot sign in with a password.
    password: Option<Hidden>,
    #[serde(default)]
    claims: Map<String, Value>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default)]
    phone_number_verified: bool,
}

/// What tokens say of themselves, and no account of a person (OpenID Connect Core, section 2).
const NOT_OF_PEOPLE: [&str; 19] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "sid",
    "at_hash",
    "c_hash",
    "s_hash",
    "client_id",
    "scope",
    "act",
];

/// POST: a new account, which can be used at once.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "users:write").await?;
    caller.must_be_free()?;
    let asked: Asked = body::read(&received)?;
    let plain = |name: &str| name.split_once('#').map_or(name, |(plain, _)| plain).to_owned();
    let of_people = |name: &String| !NOT_OF_PEOPLE.contains(&&*plain(name));
    if let Some(name) = asked.claims.keys().find(|name| !of_people(name)) {
        return Err(Problem::request(format!("claims: {name} is said by tokens, not of people")));
    }
    let password = match &asked.password {
        Some(password) => Some(app.hashed(password).await?),
        None => None,
    };
    let new = NewUser {
        subject: None,
        username: asked.username,
        password,
        claims: asked.claims,
        email_verified: asked.email_verified,
        phone_number_verified: asked.phone_number_verified,
    };
    let user = app.users.create(new)?;
    info!(sub = %user.subject, by = %caller.client.id, "account created");
    let body = json!({
        "sub": user.subject.as_str(), "username": user.username, "claims": user.claims,
    });
    Ok(answer::json(StatusCode::CREATED, &body))
}

impl App {
    async fn hashed(&self, password: &Hidden) -> Result<PasswordHash, Problem> {
        let password = password.expose();
        if password.chars().count() < 8 || password.len() > 1024 {
            return Err(Problem::request("password: at least 8 characters, at most 1024 bytes"));
        }
        let busy = || Problem::unavailable("too many passwords are being hashed");
        let turn = self.users.turn().await.ok_or_else(busy)?;
        turn.hash(password).await.ok_or_else(busy)
    }
}

impl From<NotCreated> for Problem {
    fn from(refused: NotCreated) -> Self {
        match refused {
            NotCreated::UsernameUnfit => Self::request(format!("username: {refused}")),
            NotCreated::NoRandomness => Self::unavailable("an account cannot be created now"),
            taken => Self::conflict(taken.to_string()),
        }
    }
}
