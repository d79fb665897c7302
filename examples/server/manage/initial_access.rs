//! Initial access tokens (RFC 7591 §1.2): leave to register clients.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use oidc_op::{Duration, InitialAccess};
use serde::Deserialize;
use serde_json::json;
use tracing::info;

use super::{
    answer::{self, Problem},
    body,
};
use crate::{App, layers::Received};

/// The longest that a token may be good.
const LONGEST: u32 = 366 * 24 * 60 * 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default = "once")]
    uses: u32,
    #[serde(default = "a_day")]
    lifetime: u32,
    purpose: Option<String>,
}

const fn once() -> u32 {
    1
}

const fn a_day() -> u32 {
    24 * 60 * 60
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdrawn {
    token: String,
}

/// POST: a token, which is told once.
pub(super) async fn issue(
    State(app): State<Arc<App>>,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "clients:write").await?;
    // What registers with it belongs to nobody.
    caller.must_be_free()?;
    let Asked { uses, lifetime, purpose } = body::read(&received)?;
    if uses == 0 || lifetime == 0 || lifetime > LONGEST {
        let text = format!("uses: at least 1; lifetime: 1 to {LONGEST} seconds");
        return Err(Problem::request(text));
    }
    if purpose.as_ref().is_some_and(|purpose| purpose.len() > 255) {
        return Err(Problem::request("purpose: at most 255 bytes"));
    }
    if app.provider.config().registration.is_none() {
        return Err(Problem::conflict("clients do not register themselves here"));
    }
    let mut access = InitialAccess::once(Duration::seconds(lifetime.into()));
    access.uses = Some(uses);
    access.purpose = purpose;
    let token = app.provider.issue_initial_access(&access).await?;
    info!(by = %caller.client.id, uses, lifetime, "initial access token issued");
    let body = json!({ "token": token, "uses": uses, "expires_in": lifetime });
    Ok(answer::json(StatusCode::CREATED, &body))
}

/// DELETE: the token is good no more. It is in the body: addresses are logged.
pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "clients:write").await?;
    caller.must_be_free()?;
    let Withdrawn { token } = body::read(&received)?;
    if !app.provider.withdraw_initial_access(&token).await? {
        let text = "there is no such token, or it is good no more";
        return Err(Problem::new(StatusCode::NOT_FOUND, "not_found", text));
    }
    info!(by = %caller.client.id, "initial access token withdrawn");
    Ok(answer::done())
}
