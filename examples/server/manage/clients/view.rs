//! How a client is shown: its metadata by their RFC 7591 names, its settings by those of the
//! configuration, and what only the server knows.

use axum::http::{StatusCode, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{Client, ClientSecret, RegisteredClient, Timestamp};
use serde_json::{Map, Value, json};

use crate::{layers::Received, manage::answer::Problem};

/// Everything that there is to say of it. No secret is known to be shown.
pub(super) fn members(
    client: &Client,
    registered: Option<&RegisteredClient>,
) -> Map<String, Value> {
    let mut members = Map::from_iter([("client_id".to_owned(), client.id.as_str().into())]);
    if let Ok(Value::Object(metadata)) = serde_json::to_value(&client.metadata) {
        members.extend(metadata);
    }
    if !client.secrets.is_empty() {
        members.insert("client_secret_expires_at".into(), secret_expires_at(client).into());
    }
    let settings = json!({
        "enabled": client.enabled,
        "first_party": client.first_party,
        "password_grant": client.password_grant,
        "require_pkce": client.require_pkce,
        "assertion_audience": client.assertion_audience,
        "claims": client.claims,
        "refresh": client.refresh,
        "resources": client.resources,
        "owner": client.owner,
    });
    if let Value::Object(settings) = settings {
        members.extend(settings.into_iter().filter(|(_, value)| !value.is_null()));
    }
    members.insert("static".into(), registered.is_none().into());
    if let Some(registered) = registered {
        members.insert("client_id_issued_at".into(), registered.registered_at.unix().into());
        members.insert("manages_itself".into(), registered.manages_itself().into());
        if let Some(until) = registered.unused_until() {
            members.insert("unused_until".into(), until.unix().into());
        }
    }
    members
}

/// Until when the newest secret is good; zero: for ever (RFC 7591 §3.2.1).
pub(super) fn secret_expires_at(client: &Client) -> i64 {
    let newest = client.secrets.first();
    newest.and_then(ClientSecret::expires).map_or(0, Timestamp::unix)
}

/// Names this state of the client (RFC 9110 §8.8.3): of one in the store its version, so that a secret or a
/// token that is another one counts, which no answer shows.
pub(super) fn tag(client: &Client, registered: Option<&RegisteredClient>) -> String {
    let bytes = if let Some(registered) = registered {
        registered.version().as_bytes().to_vec()
    } else {
        // Nobody changes it but with the configuration, and a new start.
        let text = Value::Object(members(client, None)).to_string();
        ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref().to_vec()
    };
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether the client is as the sender has seen it, if it says (RFC 9110 §13.1.1).
pub(super) fn unchanged(received: &Received, registered: &RegisteredClient) -> Result<(), Problem> {
    let mut named = received.parts.headers.get_all(header::IF_MATCH).iter().peekable();
    if named.peek().is_none() {
        return Ok(());
    }
    let tag = tag(&registered.client, Some(registered));
    let tags = named.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    if tags.map(str::trim).any(|named| named == "*" || named == tag) {
        return Ok(());
    }
    let text = "somebody has changed the client meanwhile";
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", text))
}
