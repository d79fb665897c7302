//! Clients that describe themselves: the identifier is an https URL, and the metadata are what is
//! there ([OAuth Client ID Metadata Document]).
//!
//! [OAuth Client ID Metadata Document]: https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use super::{Client, InvalidMetadata, keys::Freshness, registration};
use crate::{
    client::{AuthMethod, ClientMetadata},
    env::{Event, What},
    error::{Failure, Reason, RegistrationError},
    fetch::{Fetch, FetchError, FetchRequest, NamedBy},
    provider::Core,
    secret::Digest,
    store::{Key, Kind, Version},
    types::ClientId,
    wire,
};

/// The client that is described at its own address, if this identifier is one and a client is there.
///
/// # Errors
///
/// Whether one is there cannot be found out now: nothing that stands on it is declared void.
pub(super) async fn client(core: &Core, id: &ClientId) -> Result<Option<Arc<Client>>, Failure> {
    if !may_be_described(core, id) {
        return Ok(None);
    }
    let found = match look_up(core, id, Freshness::Cached).await {
        // A mistake that was mended meanwhile must not last as long as a cache does.
        Err(failure) if !is_fault(&failure) => look_up(core, id, Freshness::Refreshed).await,
        found => found,
    };
    match found {
        Ok(client) => Ok(Some(client)),
        Err(failure) if is_fault(&failure) => Err(failure),
        Err(failure) => {
            let event = Event::new(What::RegistrationRefused).client(id);
            core.observer.observe(&event.refused(failure.reason, failure.cause.as_deref()));
            Ok(None)
        }
    }
}

/// Whether a client may be described at this address.
pub(super) fn may_be_described(core: &Core, id: &ClientId) -> bool {
    let admitted = |fetch: &Arc<dyn Fetch>| fetch.admits(id.as_str()).is_ok();
    core.config.policy.client_documents
        && is_address(id.as_str())
        && core.fetch.as_ref().is_some_and(admitted)
}

/// Whether the provider, its host or the network is at fault, and not the document.
fn is_fault(failure: &Failure) -> bool {
    failure.reason.error().status() >= 500
}

/// fetch → describe → decide. What was decided of a document holds for as long as the document is the
/// same, and at most for a minute.
async fn look_up(core: &Core, id: &ClientId, freshness: Freshness) -> Result<Arc<Client>, Failure> {
    let document = fetch(core, id, freshness).await?;
    let minute = core.clock.now().unix().div_euclid(60);
    let digest = Digest::of_parts(&[&minute.to_be_bytes(), &document]);
    let version = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    let (key, version) = (key(core, id), Version::from_bytes(version));
    if let Some(known) = core.decoded.get(&key, &version) {
        return Ok(known);
    }
    let described = match describe(id, &document) {
        Ok((metadata, members)) => {
            let named_by = NamedBy::Stranger;
            let draft = Client { named_by, ..Client::unchecked(id.clone(), metadata) };
            registration::described(core, draft, members).await
        }
        Err(invalid) => Err(RegistrationError::from(invalid)),
    };
    let client = described.map_err(|error| match error.into_failure() {
        // The document of the sector.
        Some(failure) if failure.cause_is(may_pass) => {
            Failure { reason: Reason::ClientDocumentFailed, ..failure }
        }
        Some(failure) => failure,
        None => Reason::ClientDocumentInvalid.into(),
    })?;
    let client = Arc::new(client);
    core.decoded.put(key, version, Arc::clone(&client));
    Ok(client)
}

fn key(core: &Core, id: &ClientId) -> Key {
    Key::new(Kind::Client, &core.config.issuer, &[b"document", id.as_str().as_bytes()])
}

/// The document, as it was lately or as it is now.
async fn fetch(core: &Core, id: &ClientId, freshness: Freshness) -> Result<Arc<[u8]>, Failure> {
    let fetch = core.fetch.as_ref().ok_or(Reason::ClientDocumentInvalid)?;
    let mut request = FetchRequest::new(id.as_str(), "application/json");
    request.refresh = freshness == Freshness::Refreshed;
    request.named_by = NamedBy::Stranger;
    let document = fetch.get(&request).await.map_err(|cause| {
        let passes = may_pass(&cause);
        let reason =
            if passes { Reason::ClientDocumentFailed } else { Reason::ClientDocumentInvalid };
        Failure::caused(reason, cause)
    })?;
    // What a site serves as anything else may be somebody's file, and not the site's word.
    if document.media_type.as_deref().is_some_and(is_json) {
        Ok(document.body)
    } else {
        Err(Failure::caused(Reason::ClientDocumentInvalid, "the media type is not that of JSON"))
    }
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

/// Whether it may be there the next time, so that nothing is known of it now.
fn may_pass(error: &FetchError) -> bool {
    !matches!(error, FetchError::Refused(_) | FetchError::TooLarge | FetchError::Answer(404 | 410))
}

/// What may be an identifier (§3): https, with a path that says something, without user, fragment and dot segments, and
/// written as it is fetched.
fn is_address(id: &str) -> bool {
    let Ok(url) = Url::parse(id) else { return false };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    // The parser resolves dot segments and odd spellings: what differs from its text has some.
    id.starts_with("https://") && plain && url.path() != "/" && url.as_str() == id
}

/// Reads the document (§4): it names itself, and has no shared secret.
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
