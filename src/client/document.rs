//! Clients that describe themselves: the identifier is an https URL, and the metadata are what is
//! there ([OAuth Client ID Metadata Document]).
//!
//! [OAuth Client ID Metadata Document]: https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/

use serde_json::{Map, Value};
use url::Url;

use super::{Client, InvalidMetadata, registration};
use crate::{
    client::{AuthMethod, ClientMetadata},
    error::{Failure, Reason, RegistrationError},
    fetch::{FetchError, FetchRequest},
    provider::Core,
    types::ClientId,
    wire,
};

/// The client that is described at its own address, if this identifier is one and a client is there.
///
/// # Errors
///
/// Whether one is there cannot be found out now: nothing that stands on it is declared void.
pub(super) async fn client(core: &Core, id: &ClientId) -> Result<Option<Client>, Failure> {
    let Some(fetch) = core.fetch.as_ref().filter(|_| core.config.policy.client_documents) else {
        return Ok(None);
    };
    if !is_address(id.as_str()) {
        return Ok(None);
    }
    let unfit = |failure: Failure| core.note_unfit(id, &failure);
    let request = FetchRequest::new(id.as_str(), "application/json");
    let fetched = match fetch.admits(id.as_str()) {
        Ok(()) => fetch.get(&request).await,
        Err(refused) => Err(refused),
    };
    let document = match fetched {
        Ok(document) => document,
        Err(cause) if may_pass(&cause) => {
            return Err(Failure::caused(Reason::ClientDocumentFailed, cause));
        }
        Err(gone) => return Ok(unfit(Failure::caused(Reason::ClientDocumentInvalid, gone))),
    };
    let described = match describe(id, &document.body) {
        Ok((metadata, members)) => {
            let draft = Client::unchecked(id.clone(), metadata);
            registration::described(core, draft, &members).await
        }
        Err(invalid) => Err(RegistrationError::from(invalid)),
    };
    match described {
        Ok(client) => Ok(Some(client)),
        Err(error) => match error.into_failure() {
            // The host's policy.
            Some(failure) if failure.reason.error().status() >= 500 => Err(failure),
            // The document of the sector.
            Some(failure) if failure.cause_is(may_pass) => {
                Err(Failure { reason: Reason::ClientDocumentFailed, ..failure })
            }
            failure => Ok(failure.and_then(unfit)),
        },
    }
}

/// Whether it may be there the next time, so that nothing is known of it now.
fn may_pass(error: &FetchError) -> bool {
    !matches!(error, FetchError::Refused(_) | FetchError::TooLarge | FetchError::Answer(404 | 410))
}

/// What may be an identifier (§2): https, with a path, without user, fragment and dot segments, and
/// written as it is fetched.
fn is_address(id: &str) -> bool {
    let Ok(url) = Url::parse(id) else { return false };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    // The parser resolves dot segments and odd spellings: what differs from its text has some.
    id.starts_with("https://") && plain && url.path() != "/" && url.as_str() == id
}

/// Reads the document (§4.1): it names itself, and has no shared secret.
fn describe(
    id: &ClientId,
    body: &[u8],
) -> Result<(ClientMetadata, Map<String, Value>), InvalidMetadata> {
    let members = wire::json_object(body).ok_or(InvalidMetadata::Member("client_id"))?;
    if members.get("client_id").and_then(Value::as_str) != Some(id.as_str()) {
        return Err(InvalidMetadata::Member("client_id"));
    }
    for secret in ["client_secret", "client_secret_expires_at"] {
        if members.contains_key(secret) {
            return Err(InvalidMetadata::SecretAndMethod);
        }
    }
    let mut metadata = ClientMetadata::from_members(&members)?;
    if members.get("token_endpoint_auth_method").is_none_or(Value::is_null) {
        metadata.token_endpoint_auth_method = AuthMethod::None;
    }
    match metadata.token_endpoint_auth_method {
        AuthMethod::None | AuthMethod::PrivateKeyJwt => Ok((metadata, members)),
        _ => Err(InvalidMetadata::SecretAndMethod),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (id, ok) in [
            ("https://app.example/client.json", true),
            ("https://app.example:8443/a/b", true),
            ("https://app.example/oauth?v=1", true),
            ("https://app.example/", false),
            ("https://app.example", false),
            ("http://app.example/client.json", false),
            ("https://app.example/client.json#x", false),
            ("https://user@app.example/client.json", false),
            ("https://app.example/a/../client.json", false),
            ("https://app.example/./client.json", false),
            ("https://app.example/%2e%2e/client.json", false),
            ("https://APP.example/client.json", false),
            ("https://app.example:443/client.json", false),
            ("app", false),
        ] {
            assert_eq!(is_address(id), ok, "{id}");
        }
    }
}
