//! Whether a client may go on, and with what it proves who it is.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use oidc_op::{Client, Duration};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;

use super::shown;
use crate::{
    App,
    layers::Received,
    manage::{
        answer::{self, Problem},
        body,
    },
};

/// The longest that a secret is good beside the one that takes its place.
const LONGEST: u32 = 31 * 24 * 60 * 60;

/// POST: people and other clients know it.
pub(crate) async fn enable(
    state: State<Arc<App>>,
    id: Path<String>,
    received: Received,
) -> Result<Response, Problem> {
    set_enabled(state, id, received, true).await
}

/// POST: nobody knows it, until it is enabled again.
pub(crate) async fn disable(
    state: State<Arc<App>>,
    id: Path<String>,
    received: Received,
) -> Result<Response, Problem> {
    set_enabled(state, id, received, false).await
}

async fn set_enabled(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    received: Received,
    enabled: bool,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "clients:write").await?;
    if enabled {
        // It may have been an administrator who had enough of it.
        app.find_stored(&caller, &id).await?;
        caller.must_be_free()?;
    }
    let change = |before: &Client| {
        let mut after = before.clone();
        after.enabled = enabled;
        Ok((after, ()))
    };
    let (registered, ()) = app.change(&caller, &id, change).await?;
    info!(client = ?registered.client.id, by = %caller.client.id, enabled, "client changed");
    Ok(shown(StatusCode::OK, &registered.into(), Value::Null))
}

/// POST: every grant that it holds ends, and every token with it.
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "clients:write").await?;
    let change = |before: &Client| {
        let mut after = before.clone();
        after.epoch = after.epoch.wrapping_add(1);
        Ok((after, ()))
    };
    let (registered, ()) = app.change(&caller, &id, change).await?;
    info!(client = ?registered.client.id, by = %caller.client.id, "grants of a client ended");
    Ok(answer::done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    #[serde(default)]
    overlap: u32,
}

/// POST: a new secret, which is told once.
pub(crate) async fn rotate_secret(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "clients:write").await?;
    let client = app.find_stored(&caller, &id).await?.client;
    let Rotation { overlap } = body::read(&received)?;
    if overlap > LONGEST {
        return Err(Problem::request(format!("overlap: at most {LONGEST} seconds")));
    }
    if client.secrets.is_empty() {
        return Err(Problem::conflict("the client needs no secret, and has none"));
    }
    let overlap = Duration::seconds(overlap.into());
    let secret = app.provider.rotate_client_secret(&client.id, overlap).await?;
    info!(client = ?client.id, by = %caller.client.id, "client secret rotated");
    let body = json!({
        "client_id": client.id.as_str(), "client_secret": secret, "client_secret_expires_at": 0,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// POST: a new registration access token, which is told once; the one before is good no more.
pub(crate) async fn rotate_registration_token(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "clients:write").await?;
    let client = app.find_stored(&caller, &id).await?.client;
    // Whoever has the token changes the client by the rules of the registration endpoint, not by these.
    caller.must_be_free()?;
    let config = app.provider.config();
    if config.registration.is_none() {
        return Err(Problem::conflict("clients do not manage their own registration here"));
    }
    let token = app.provider.rotate_registration_token(&client.id).await?;
    info!(client = ?client.id, by = %caller.client.id, "registration access token rotated");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client.id.as_str())
        .finish();
    let (origin, path) = (app.issuer.origin(), app.issuer.path());
    let uri = format!("{origin}{path}{}?{query}", config.paths.registration);
    let body = json!({
        "client_id": client.id.as_str(),
        "registration_access_token": token,
        "registration_client_uri": uri,
    });
    Ok(answer::json(StatusCode::OK, &body))
}
