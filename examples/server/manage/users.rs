//! People, for a backend that creates accounts.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracing::info;

use super::{
    answer::{self, Problem},
    body, claims,
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

/// POST: a new account, which can be used at once.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "users:write").await?;
    caller.must_be_free()?;
    let asked: Asked = body::read(&received)?;
    if let Some(text) = claims::finding(&asked.claims) {
        return Err(Problem::request(text));
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
            // As the registration endpoint answers when its cap is reached: neither is the request wrong nor
            // anything in its way but how many there are. Nobody knows when there will be fewer.
            NotCreated::Full => {
                let (status, error) = (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable");
                Self::new(status, error, refused.to_string())
            }
            taken => Self::conflict(taken.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with the request, what somebody else has, and what neither can help, are told apart.
    #[test]
    fn refusals_have_their_status() {
        for (refused, status) in [
            (NotCreated::UsernameUnfit, 400),
            (NotCreated::UsernameTaken, 409),
            (NotCreated::EmailTaken, 409),
            (NotCreated::PhoneNumberTaken, 409),
            (NotCreated::SubjectTaken, 409),
            (NotCreated::Full, 429),
            (NotCreated::NoRandomness, 503),
        ] {
            let problem = Problem::from(refused);
            assert!(problem.is(StatusCode::from_u16(status).unwrap()), "{refused:?}: {problem:?}");
        }
    }
}
