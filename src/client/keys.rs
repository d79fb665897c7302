//! The public keys of clients, wherever they are.

use std::{borrow::Cow, error::Error};

use super::Client;
use crate::{
    fetch::{FetchError, FetchRequest},
    jose::{Claims, JoseFault, Jwks, Jws, VerifyWith},
    mint::KeyError,
    provider::Core,
};

/// Why a client has no public keys to be had; for the operator, never for the sender.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoKeys {
    #[error("the client has registered no keys")]
    Registered,
    #[error("the client's keys are at its jwks_uri, and nothing fetches documents")]
    Unwired,
    #[error("the client's jwks_uri could not be fetched")]
    Fetch(#[source] FetchError),
    #[error("what is at the client's jwks_uri is not a key set to be used")]
    Document(#[source] Box<dyn Error + Send + Sync>),
}

/// Why nothing came of a client's keys, or of a token of its own; for the operator, never for the
/// sender.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFault {
    #[error(transparent)]
    Token(#[from] JoseFault),
    #[error(transparent)]
    Keys(#[from] NoKeys),
}

/// What a client's keys are needed for, done with those at hand that are valid now (threat CA-14); if
/// they lack the key, once more with those that are there now. If these cannot be had, the first answer
/// stands.
pub(crate) async fn with_keys<T>(
    core: &Core,
    client: &Client,
    action: impl Fn(&Jwks) -> Result<T, JoseFault>,
) -> Result<T, KeyFault> {
    let now = core.clock.now();
    let first = action(&keys(core, client, Freshness::Cached).await?.valid_at(now));
    if client.metadata.jwks_uri.is_none() || !matches!(first, Err(JoseFault::Key)) {
        return Ok(first?);
    }
    match keys(core, client, Freshness::Refreshed).await {
        Ok(newer) => Ok(action(&newer.valid_at(now))?),
        Err(_) => Ok(first?),
    }
}

/// The claims of a token that a key of the client has signed.
pub(crate) async fn verified(
    core: &Core,
    client: &Client,
    token: &Jws<'_>,
) -> Result<Claims, KeyFault> {
    with_keys(core, client, |keys| token.verify(VerifyWith::Keys(keys))).await
}

/// Which version of what a client publishes will do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Any that is at hand.
    Cached,
    /// The one that is there now, as what is at hand lacks a key, say: whoever fetches limits how often this
    /// wish is granted (threat CA-13).
    Refreshed,
}

/// The keys of a client: those it has registered, or those that are where it publishes them.
async fn keys<'c>(
    core: &Core,
    client: &'c Client,
    freshness: Freshness,
) -> Result<Cow<'c, Jwks>, NoKeys> {
    let metadata = &client.metadata;
    if let Some(keys) = &metadata.jwks {
        return Ok(Cow::Borrowed(keys));
    }
    let url = metadata.jwks_uri.as_deref().ok_or(NoKeys::Registered)?;
    let fetch = core.fetch.as_ref().ok_or(NoKeys::Unwired)?;
    let mut request = FetchRequest::new(url, "application/jwk-set+json, application/json");
    request.refresh = freshness == Freshness::Refreshed;
    request.named_by = client.named_by;
    let document = fetch.get(&request).await.map_err(NoKeys::Fetch)?;
    let text = str::from_utf8(&document.body).map_err(|e| NoKeys::Document(e.into()))?;
    let keys = Jwks::from_json(text).map_err(|e: KeyError| NoKeys::Document(e.into()))?;
    Ok(Cow::Owned(keys))
}
