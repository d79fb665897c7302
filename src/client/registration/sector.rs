//! Sector identifiers ([OIDC Dynamic Client Registration §5], [OIDC Core §8.1]).
//!
//! [OIDC Dynamic Client Registration §5]: https://openid.net/specs/openid-connect-registration-1_0.html#SectorIdentifierValidation
//! [OIDC Core §8.1]: https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg

use std::collections::HashSet;

use crate::{
    client::{ClientMetadata, keys::Freshness},
    error::{Failure, Reason, RegistrationError},
    fetch::{FetchError, FetchRequest, NamedBy},
    provider::Core,
    store::Cause,
    types::RedirectUri,
};

/// The document must list every redirect URI: so whoever answers for the sector has agreed that this
/// client belongs to it.
pub(super) async fn check(
    core: &Core,
    metadata: &ClientMetadata,
    freshness: Freshness,
) -> Result<(), RegistrationError> {
    let Some(url) = metadata.sector_identifier_uri.as_deref() else { return Ok(()) };
    // One answer, whatever is there (threat SS-08).
    let refused = |failure: Failure| {
        let text = "sector_identifier_uri: there must be a JSON array with all of redirect_uris";
        RegistrationError::member(failure, text)
    };
    let caused = |cause: Cause| refused(Failure::caused(Reason::MetadataInvalid, cause));
    let Some(fetch) = &core.fetch else {
        let text = "sector_identifier_uri: this provider fetches no documents";
        return Err(RegistrationError::member(Reason::MetadataInvalid, text));
    };
    let mut request = FetchRequest::new(url, "application/json");
    request.refresh = freshness == Freshness::Refreshed;
    // Who asks is nobody's client yet, or not with this address.
    request.named_by = NamedBy::Stranger;
    let document = match fetch.get(&request).await {
        Ok(document) => document,
        // The provider's own fault, and a passing one.
        Err(busy @ FetchError::Busy) => {
            return Err(Failure::caused(Reason::ClientDocumentFailed, busy).into());
        }
        Err(cause) => return Err(caused(Box::from(cause))),
    };
    let listed: HashSet<String> =
        serde_json::from_slice(&document.body).map_err(|cause| caused(cause.into()))?;
    let missing = |uri: &RedirectUri| !listed.contains(uri.as_str());
    if metadata.redirect_uris.iter().any(missing) {
        return Err(caused("a redirect URI is not listed".into()));
    }
    Ok(())
}
