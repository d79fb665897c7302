//! Whether a client may go on, and with what it proves who it is.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use oidc_op::{Client, Duration, RegisteredClient};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;

use super::{shown, stored::Stored, view};
use crate::{
    App,
    layers::Received,
    manage::{
        address::Named,
        answer::{self, Problem},
        body,
    },
};

/// The longest that a secret is good beside the one that takes its place.
const LONGEST: u32 = 31 * 24 * 60 * 60;

/// POST: people and other clients know it.
pub(crate) async fn enable(
    state: State<Arc<App>>,
    id: Named,
    received: Received,
) -> Result<Response, Problem> {
    set_enabled(state, id, received, true).await
}

/// POST: nobody knows it, until it is enabled again.
pub(crate) async fn disable(
    state: State<Arc<App>>,
    id: Named,
    received: Received,
) -> Result<Response, Problem> {
    set_enabled(state, id, received, false).await
}

async fn set_enabled(
    State(app): State<Arc<App>>,
    id: Named,
    received: Received,
    enabled: bool,
) -> Result<Response, Problem> {
    let stored = app.admit_to(&received, &id).await?;
    if enabled {
        // It may have been an administrator who had enough of it.
        stored.caller.must_be_free()?;
    }
    let change = |before: &Client| {
        let mut after = before.clone();
        after.enabled = enabled;
        Ok((after, ()))
    };
    let (registered, ()) = stored.change(change).await?;
    info!(client = ?registered.client.id, by = %stored.caller.client.id, enabled, "client changed");
    Ok(shown(StatusCode::OK, &registered.into(), Value::Null))
}

/// POST: every grant that it holds ends, and every token with it.
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    id: Named,
    received: Received,
) -> Result<Response, Problem> {
    let stored = app.admit_to(&received, &id).await?;
    let change = |before: &Client| {
        let mut after = before.clone();
        after.epoch = after.epoch.wrapping_add(1);
        Ok((after, ()))
    };
    let (registered, ()) = stored.change(change).await?;
    info!(client = ?registered.client.id, by = %stored.caller.client.id, "grants of a client ended");
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
    id: Named,
    received: Received,
) -> Result<Response, Problem> {
    let stored = app.admit_to(&received, &id).await?;
    let Rotation { overlap } = body::read(&received)?;
    if overlap > LONGEST {
        return Err(Problem::request(format!("overlap: at most {LONGEST} seconds")));
    }
    let has_one = |client: &Client| {
        let text = "the client needs no secret, and has none";
        if client.secrets.is_empty() { Err(Problem::conflict(text)) } else { Ok(()) }
    };
    let overlap = Duration::seconds(overlap.into());
    let (registered, secret) = stored.checked(has_one).rotate_secret(overlap).await?;
    let expires = view::secret_expires_at(&registered.client);
    let more = json!({ "client_secret": secret, "client_secret_expires_at": expires });
    Ok(rotated(&stored, "client secret", &registered, more))
}

/// POST: a new registration access token, which is told once; the one before is good no more.
pub(crate) async fn rotate_registration_token(
    State(app): State<Arc<App>>,
    id: Named,
    received: Received,
) -> Result<Response, Problem> {
    let stored = app.admit_to(&received, &id).await?;
    // Whoever has the token changes the client by the rules of the registration endpoint, not by these.
    stored.caller.must_be_free()?;
    let config = app.provider.config();
    if config.registration.is_none() {
        return Err(Problem::conflict("clients do not manage their own registration here"));
    }
    let (registered, token) = stored.checked(|_| Ok(())).rotate_registration_token().await?;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", registered.client.id.as_str())
        .finish();
    let (origin, path) = (app.issuer.origin(), app.issuer.path());
    let uri = format!("{origin}{path}{}?{query}", config.paths.registration);
    let more = json!({ "registration_access_token": token, "registration_client_uri": uri });
    Ok(rotated(&stored, "registration access token", &registered, more))
}

/// What is told this once, of a client that has something new to show who it is.
fn rotated(
    stored: &Stored<'_>,
    what: &str,
    registered: &RegisteredClient,
    mut more: Value,
) -> Response {
    let client = &registered.client;
    info!(client = ?client.id, by = %stored.caller.client.id, "{what} rotated");
    more["client_id"] = client.id.as_str().into();
    let tag = [(header::ETAG, view::tag(client, Some(registered)))];
    (tag, answer::json(StatusCode::OK, &more)).into_response()
}
