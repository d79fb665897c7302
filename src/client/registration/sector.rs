//! Sector identifiers ([OIDC Dynamic Client Registration §5], [OIDC Core §8.1]).
//!
//! [OIDC Dynamic Client Registration §5]: https://openid.net/specs/openid-connect-registration-1_0.html#SectorIdentifierValidation
//! [OIDC Core §8.1]: https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg

use std::collections::HashSet;

use crate::{
    client::ClientMetadata,
    error::{Failure, Reason, RegistrationError},
    fetch::FetchRequest,
    provider::Core,
    types::RedirectUri,
};

/// The document must list every redirect URI: so whoever answers for the sector has agreed that this
/// client belongs to it.
pub(super) async fn check(core: &Core, metadata: &ClientMetadata) -> Result<(), RegistrationError> {
    let Some(url) = metadata.sector_identifier_uri.as_deref() else { return Ok(()) };
    let Some(fetch) = &core.fetch else {
        let text = "sector_identifier_uri: this provider fetches no documents";
        return Err(RegistrationError::member(Reason::MetadataInvalid, text));
    };
    let refused = |failure: Failure, text| RegistrationError::member(failure, text);
    // As it is there now: a sector that has lost a member, or won one, says so at once.
    let mut request = FetchRequest::new(url, "application/json");
    request.refresh = true;
    let document = fetch.get(&request).await.map_err(|cause| {
        let failure = Failure::caused(Reason::MetadataInvalid, cause);
        refused(failure, "sector_identifier_uri: could not be fetched")
    })?;
    let listed: HashSet<String> = serde_json::from_slice(&document.body).map_err(|cause| {
        let failure = Failure::caused(Reason::MetadataInvalid, cause);
        refused(failure, "sector_identifier_uri: must be a JSON array of redirect URIs")
    })?;
    let missing = |uri: &RedirectUri| !listed.contains(uri.as_str());
    if metadata.redirect_uris.iter().any(missing) {
        let text = "sector_identifier_uri: does not list every one of redirect_uris";
        return Err(refused(Reason::MetadataInvalid.into(), text));
    }
    Ok(())
}
