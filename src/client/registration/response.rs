use serde_json::{Map, Value};

use crate::{
    client::{ClientSecret, record::ClientEntry},
    provider::Core,
    types::Timestamp,
    wire::{Cors, Reply},
};

/// The client information response ([RFC 7591 §3.2.1], [RFC 7592 §3]): everything that is registered,
/// and what was made just now. A secret that was handed out before is not known here any more.
///
/// [RFC 7591 §3.2.1]: https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1
/// [RFC 7592 §3]: https://www.rfc-editor.org/rfc/rfc7592#section-3
pub(super) fn respond(
    core: &Core,
    status: u16,
    registered: &ClientEntry,
    secret: Option<&str>,
    token: Option<&str>,
) -> Reply {
    let client = &registered.client;
    let mut body = match serde_json::to_value(&client.metadata) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    // What is not so need not be said, and some clients know of no booleans (oidc-agent 4 forgets all
    // that is answered beside one).
    body.retain(|_, value| *value != Value::Bool(false));
    body.insert("client_id".into(), client.id.as_str().into());
    body.insert("client_id_issued_at".into(), registered.registered_at.unix().into());
    if let Some(secret) = secret {
        body.insert("client_secret".into(), secret.into());
    }
    if let Some(newest) = client.secrets.first() {
        // Zero: never.
        let expires = ClientSecret::expires(newest).map_or(0, Timestamp::unix);
        body.insert("client_secret_expires_at".into(), expires.into());
    }
    if let Some(token) = token {
        body.insert("registration_access_token".into(), token.into());
    }
    body.insert(
        "registration_client_uri".into(),
        core.endpoints.registration_of(&client.id).into(),
    );
    let statement = registered.management.as_ref().and_then(|m| m.statement.as_ref());
    if let Some(statement) = statement {
        body.insert("software_statement".into(), statement.text.as_str().into());
    }
    Reply::json(status, &body).with_cors(Cors::Any)
}
