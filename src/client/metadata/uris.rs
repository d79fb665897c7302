//! The addresses that a client registers, one by one.

use std::collections::HashSet;

use url::Url;

use super::{ClientMetadata, InvalidMetadata};
use crate::types::RedirectUri;

/// The longest that is fetched: as long as a `request_uri` should get ([RFC 9101 §5.2]).
///
/// [RFC 9101 §5.2]: https://www.rfc-editor.org/rfc/rfc9101#section-5.2
const LONGEST_FETCHED: usize = 512;
const LONGEST: usize = 2048;

impl ClientMetadata {
    /// What people are to click or see, and what is fetched.
    pub(super) fn check_uris(&self) -> Result<(), InvalidMetadata> {
        let links = [
            ("client_uri", &self.client_uri),
            ("logo_uri", &self.logo_uri),
            ("policy_uri", &self.policy_uri),
            ("tos_uri", &self.tos_uri),
            ("initiate_login_uri", &self.initiate_login_uri),
        ];
        let links = links.into_iter().filter_map(|(member, uri)| Some((member, uri.as_deref()?)));
        let mut links = links.chain(self.localised.uris());
        if let Some((member, _)) = links.find(|(_, uri)| !is_https_url(uri)) {
            return Err(InvalidMetadata::Uri(member));
        }
        for (member, uri) in
            [("jwks_uri", &self.jwks_uri), ("sector_identifier_uri", &self.sector_identifier_uri)]
        {
            if !uri.iter().all(|uri| is_fetched(uri)) {
                return Err(InvalidMetadata::Uri(member));
            }
        }
        if !self.request_uris.iter().all(|uri| is_fetched(uri)) {
            return Err(InvalidMetadata::Uri("request_uris"));
        }
        Ok(())
    }
}

/// What a page may safely link to or load (threat RU-11): to every reader the same https URL, and
/// none that seems to lead elsewhere.
pub(super) fn is_https_url(text: &str) -> bool {
    let https = text.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    let plain = text.bytes().all(|b| matches!(b, 0x21..=0x7E) && b != b'\\');
    let authority = text.get(8..).and_then(|rest| rest.split(['/', '?', '#']).next());
    https
        && plain
        && text.len() <= LONGEST
        && authority.is_some_and(|authority| !authority.is_empty() && !authority.contains('@'))
        && Url::parse(text).is_ok_and(|url| url.has_host())
}

/// What may be fetched, or posted to.
pub(super) fn is_fetched(text: &str) -> bool {
    text.len() <= LONGEST_FETCHED && is_https_url(text)
}

/// An app's own scheme, which needs no server ([RFC 8252 §7.1]).
///
/// [RFC 8252 §7.1]: https://www.rfc-editor.org/rfc/rfc8252#section-7.1
pub(super) fn is_private_use(uri: &RedirectUri) -> bool {
    !uri.is_https() && !uri.is_http()
}

/// No more than anybody needs, and none of them twice.
pub(super) fn few_and_different(uris: &[RedirectUri]) -> bool {
    uris.len() <= 100 && uris.iter().collect::<HashSet<_>>().len() == uris.len()
}

/// The host, as the parser spells it.
pub(super) fn host(uri: &str) -> Option<String> {
    Url::parse(uri).ok()?.host_str().map(ToOwned::to_owned)
}
