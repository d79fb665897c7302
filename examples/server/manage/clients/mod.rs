//! Clients: those of the store, and to look at only, those of the configuration.

mod change;
mod draft;
mod page;
mod standing;
mod stored;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use oidc_op::{Client, ClientId, Clients, RegisteredClient};
use serde_json::{Value, json};
use tracing::info;

use self::draft::Draft;
pub(super) use self::{
    page::list,
    standing::{disable, enable, revoke, rotate_registration_token, rotate_secret},
};
use super::{
    access::Caller,
    address::Named,
    answer::{self, Problem},
};
use crate::{App, layers::Received};

/// A client that the caller may know of.
struct Found {
    client: Client,
    /// What the store knows of it; nothing, if it stands in the configuration.
    registered: Option<RegisteredClient>,
}

impl App {
    /// The client of this name, wherever it is.
    async fn find(&self, caller: &Caller, id: &str) -> Result<Found, Problem> {
        let id = ClientId::new(id).map_err(|_| Problem::not_found())?;
        let configured = self.clients.client(&id).await.ok().flatten();
        let found = if let Some(client) = configured {
            Found { client: Client::clone(&client), registered: None }
        } else {
            let registered = self.provider.registered_client(&id).await.map_err(|failure| {
                let problem = Problem::from(failure);
                // Whose it is cannot be told, nor may they learn that there is one.
                if caller.is_free() { problem } else { Problem::not_found() }
            });
            registered?.ok_or_else(Problem::not_found)?.into()
        };
        if caller.reaches(&found.client) { Ok(found) } else { Err(Problem::not_found()) }
    }
}

/// The answer that shows a client, with what is told this once.
fn shown(status: StatusCode, found: &Found, more: Value) -> Response {
    let mut members = view::members(&found.client, found.registered.as_ref());
    if let Value::Object(more) = more {
        members.extend(more);
    }
    let tag = [(header::ETAG, view::tag(&found.client, found.registered.as_ref()))];
    (tag, answer::json(status, &Value::Object(members))).into_response()
}

impl From<RegisteredClient> for Found {
    fn from(registered: RegisteredClient) -> Self {
        Self { client: registered.client.clone(), registered: Some(registered) }
    }
}

/// GET: one client.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Named(id): Named,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "clients:read").await?;
    Ok(shown(StatusCode::OK, &app.find(&caller, &id).await?, Value::Null))
}

/// POST: a new client. Its secret, if it has one, is in the answer and nowhere else.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "clients:write").await?;
    let draft = Draft::read(&received)?;
    let (_, text) = app.provider.new_secret()?;
    let (client, has_secret) = app.new_client(&caller, &draft, &text)?;
    let registered = app.provider.create_client(client).await?;
    let id = registered.client.id.clone();
    info!(client = %id, by = %caller.client.id, "client created");
    let mut more = json!({});
    if has_secret {
        more["client_secret"] = text.into();
    }
    let location = format!("{}/clients/{id}", app.manage()?.base);
    let answer = shown(StatusCode::CREATED, &registered.into(), more);
    Ok(([(header::LOCATION, location)], answer).into_response())
}

/// PUT: the metadata are replaced whole, of the settings those that are named; null puts one back.
pub(super) async fn replace(
    State(app): State<Arc<App>>,
    id: Named,
    received: Received,
) -> Result<Response, Problem> {
    let stored = app.admit_to(&received, &id).await?;
    let draft = Draft::read(&received)?;
    let (_, text) = app.provider.new_secret()?;
    let change = |before: &Client| app.changed_client(&stored.caller, before, &draft, &text);
    let (registered, has_secret) = stored.change(change).await?;
    info!(client = ?registered.client.id, by = %stored.caller.client.id, "client replaced");
    let more = if has_secret { json!({ "client_secret": text }) } else { Value::Null };
    Ok(shown(StatusCode::OK, &registered.into(), more))
}

/// DELETE: the client is gone, and all that stands on it.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    id: Named,
    received: Received,
) -> Result<Response, Problem> {
    let stored = app.admit_to(&received, &id).await?;
    stored.checked(|_| Ok(())).delete().await?;
    info!(client = ?id.0, by = %stored.caller.client.id, "client deleted");
    Ok(answer::done())
}
