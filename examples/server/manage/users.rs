//! People, for a backend that creates accounts, brings them along from another service, and looks after them.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use oidc_op::{Scope, Subject, SubjectChange};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracing::{error, info};

use super::{
    address::Named,
    answer::{self, Problem},
    body, claims,
};
use crate::{
    App,
    config::{Hidden, PIN, is_pin},
    layers::{Received, chain},
    users::{Change, NewUser, NotChanged, NotCreated, PasswordHash, Permissions, User},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    username: String,
    /// Without one they cannot sign in with a password.
    password: Option<Hidden>,
    /// What another service has kept of it.
    password_hash: Option<Hidden>,
    #[serde(default)]
    claims: Map<String, Value>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default)]
    phone_number_verified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedChange {
    disabled: Option<bool>,
    /// Null lets their clients do anything.
    permissions: Option<Scope>,
    password: Option<Hidden>,
    pin: Option<Hidden>,
    /// Those that are named; null takes one away.
    #[serde(default)]
    claims: Map<String, Value>,
    email_verified: Option<bool>,
    phone_number_verified: Option<bool>,
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
    let password = match (&asked.password, &asked.password_hash) {
        (Some(_), Some(_)) => {
            return Err(Problem::request("password: not beside password_hash, which it becomes"));
        }
        (Some(password), None) => Some(app.hashed(password).await?),
        (None, Some(hash)) => Some(PasswordHash::parse(hash.expose()).ok_or_else(|| {
            Problem::request(format!("password_hash: is not {}", PasswordHash::EXPECTED))
        })?),
        (None, None) => None,
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
    Ok(answer::json(StatusCode::CREATED, &shown(&user)))
}

/// GET: one person.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Named(sub): Named,
    received: Received,
) -> Result<Response, Problem> {
    app.admit(&received, "users:read").await?.must_be_free()?;
    let user = app.account(&sub)?;
    Ok(answer::json(StatusCode::OK, &shown(&user)))
}

/// PATCH: what is named is otherwise. Whoever is disabled, or has another password or PIN, is signed in nowhere any
/// more, and their grants have ended.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Named(sub): Named,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "users:write").await?;
    caller.must_be_free()?;
    let subject = app.account(&sub)?.subject.clone();
    let lifted = body::object(&received)?.get("permissions").is_some_and(Value::is_null);
    let asked: AskedChange = body::read(&received)?;
    if let Some(text) = claims::change_finding(&asked.claims) {
        return Err(Problem::request(text));
    }
    let password = match &asked.password {
        Some(password) => Some(app.hashed(password).await?),
        None => None,
    };
    let pin = match &asked.pin {
        Some(pin) => Some(app.hashed_pin(pin).await?),
        None => None,
    };
    let ends = match asked.disabled {
        Some(true) => Some(SubjectChange::Disabled),
        _ if password.is_some() || pin.is_some() => Some(SubjectChange::Credentials),
        _ => None,
    };
    let permissions = asked.permissions.map(Permissions::AtMost);
    let change = Change {
        disabled: asked.disabled,
        permissions: permissions.or(lifted.then_some(Permissions::Anything)),
        password,
        pin,
        claims: asked.claims,
        email_verified: asked.email_verified,
        phone_number_verified: asked.phone_number_verified,
    };
    let user = app.users.change(&subject, change)?;
    info!(sub = %subject, by = %caller.client.id, "account changed");
    // Asked for once more, it is done once more: it may have failed before.
    if let Some(change) = ends {
        app.provider.subject_changed(&subject, change).await?;
    }
    Ok(answer::json(StatusCode::OK, &shown(&user)))
}

/// DELETE: nobody knows them any more. Their subject is nobody else's ever.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Named(sub): Named,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "users:write").await?;
    caller.must_be_free()?;
    let user = app.account(&sub)?;
    if !user.is_created() {
        return Err(NotChanged::InConfiguration.into());
    }
    // As long as something of theirs may stand they are there, disabled, so that it can be done again.
    let disabled = Change { disabled: Some(true), ..Change::default() };
    app.users.change(&user.subject, disabled)?;
    app.provider.subject_changed(&user.subject, SubjectChange::Deleted).await?;
    app.users.remove(&user.subject)?;
    info!(sub = %user.subject, by = %caller.client.id, "account deleted");
    Ok(answer::done())
}

/// What a backend may know of somebody: anything but what their password becomes.
fn shown(user: &User) -> Value {
    json!({
        "sub": user.subject.as_str(),
        "username": user.username,
        "claims": user.claims,
        "disabled": user.disabled,
        "permissions": user.permissions,
        "has_password": user.has_password(),
        "has_pin": user.has_pin(),
    })
}

impl App {
    pub(super) fn account(&self, sub: &str) -> Result<Arc<User>, Problem> {
        let user = Subject::new(sub).ok().and_then(|subject| self.users.by_subject(&subject));
        user.ok_or_else(|| NotChanged::Nobody.into())
    }

    async fn hashed(&self, password: &Hidden) -> Result<PasswordHash, Problem> {
        let password = password.expose();
        if password.chars().count() < 8 || password.len() > 1024 {
            return Err(Problem::request("password: at least 8 characters, at most 1024 bytes"));
        }
        self.in_turn(password).await
    }

    async fn hashed_pin(&self, pin: &Hidden) -> Result<PasswordHash, Problem> {
        if !is_pin(pin.expose()) {
            return Err(Problem::request(format!("pin: {PIN}")));
        }
        self.in_turn(pin.expose()).await
    }

    async fn in_turn(&self, secret: &str) -> Result<PasswordHash, Problem> {
        let busy = || Problem::unavailable("too many passwords are being hashed");
        let turn = self.users.turn().await.ok_or_else(busy)?;
        turn.hash(secret).await.ok_or_else(busy)
    }
}

impl From<NotChanged> for Problem {
    fn from(refused: NotChanged) -> Self {
        match refused {
            NotChanged::Nobody => {
                Self::new(StatusCode::NOT_FOUND, "not_found", refused.to_string())
            }
            NotChanged::InConfiguration | NotChanged::DisabledInConfiguration => {
                Self::conflict(refused.to_string())
            }
            NotChanged::TooMuch => Self::request(format!("claims: {refused}")),
            NotChanged::Taken(taken) => taken.into(),
            NotChanged::NotKept(cause) => {
                error!(error = chain(&cause), "an account was not changed");
                Self::unavailable("it cannot be done now")
            }
        }
    }
}

impl From<NotCreated> for Problem {
    fn from(refused: NotCreated) -> Self {
        match refused {
            NotCreated::UsernameUnfit => Self::request(format!("username: {refused}")),
            NotCreated::NoRandomness | NotCreated::NotKept => {
                Self::unavailable("an account cannot be created now")
            }
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
            (NotCreated::NotKept, 503),
        ] {
            let problem = Problem::from(refused);
            assert!(problem.is(StatusCode::from_u16(status).unwrap()), "{refused:?}: {problem:?}");
        }
        for (refused, status) in [
            (NotChanged::Nobody, 404),
            (NotChanged::InConfiguration, 409),
            (NotChanged::DisabledInConfiguration, 409),
            (NotChanged::TooMuch, 400),
            (NotChanged::Taken(NotCreated::EmailTaken), 409),
            (NotChanged::NotKept(rusqlite::Error::QueryReturnedNoRows.into()), 503),
        ] {
            let text = format!("{refused:?}");
            let problem = Problem::from(refused);
            assert!(problem.is(StatusCode::from_u16(status).unwrap()), "{text}: {problem:?}");
        }
    }
}
