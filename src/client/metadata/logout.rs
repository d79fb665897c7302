//! Where a client wants people, and news of them, to go when they sign out.

use url::Url;

use super::{ApplicationType, ClientMetadata, InvalidMetadata, uris};

impl ClientMetadata {
    /// [OIDC RP-Initiated Logout §3.1], [OIDC Front-Channel Logout §2], [OIDC Back-Channel Logout §2.2].
    ///
    /// [OIDC RP-Initiated Logout §3.1]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#ClientMetadata
    /// [OIDC Front-Channel Logout §2]: https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout
    /// [OIDC Back-Channel Logout §2.2]: https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRegistration
    pub(super) fn check_logout(&self) -> Result<(), InvalidMetadata> {
        let back = &self.post_logout_redirect_uris;
        if !uris::few_and_different(back) {
            return Err(InvalidMetadata::PostLogoutRedirectUris);
        }
        if self.application_type == ApplicationType::Web && back.iter().any(uris::is_private_use) {
            return Err(InvalidMetadata::PostLogoutScheme);
        }
        if let Some(uri) = &self.frontchannel_logout_uri {
            let member = "frontchannel_logout_uri";
            // http, which the specification lets a provider allow, is not (threat LO-08).
            check_target(member, uri, uris::is_https_url)?;
            if !self.is_origin_of_ours(uri) {
                return Err(InvalidMetadata::FrontChannelOrigin);
            }
        }
        if let Some(uri) = &self.backchannel_logout_uri {
            check_target("backchannel_logout_uri", uri, uris::is_fetched)?;
        }
        Ok(())
    }

    /// Whether scheme, host and port are those of a redirect URI.
    fn is_origin_of_ours(&self, uri: &str) -> bool {
        let origin = |uri: &str| Url::parse(uri).ok().map(|url| url.origin());
        let wanted = origin(uri).filter(url::Origin::is_tuple);
        wanted.is_some() && self.redirect_uris.iter().any(|own| origin(own.as_str()) == wanted)
    }
}

fn check_target(
    member: &'static str,
    uri: &str,
    is_good: fn(&str) -> bool,
) -> Result<(), InvalidMetadata> {
    if uri.contains('#') {
        return Err(InvalidMetadata::Fragment(member));
    }
    if is_good(uri) { Ok(()) } else { Err(InvalidMetadata::Uri(member)) }
}
