use std::borrow::Cow;

use super::Client;
use crate::{
    jose::{self, JoseFault, Jwe},
    provider::Core,
};

/// The signed JWT inside of what a client sent: encrypted to the provider's key or with the client's
/// own secret, or not encrypted at all. Whoever knows the provider's public key can encrypt: this
/// says nothing of who did.
pub(crate) fn unsealed<'t>(
    core: &Core,
    client: &Client,
    text: &'t str,
) -> Result<Cow<'t, str>, JoseFault> {
    if !jose::is_jwe(text) {
        return Ok(text.into());
    }
    let sealed = Jwe::parse(text)?;
    // RFC 7519 §5.2: the content of a nested JWT says that it is one.
    if !sealed.content_type().is_none_or(|content| content.eq_ignore_ascii_case("JWT")) {
        return Err(JoseFault::Malformed);
    }
    let opened = sealed.decrypt(core.decryption.as_ref(), &client.secret_keys(core.clock.now()))?;
    String::from_utf8(opened).map(Cow::Owned).map_err(|_| JoseFault::Malformed)
}
