//! The secret of a client that registers.

use super::Registration;
use crate::{
    client::{
        AuthMethod, Client, ClientSecret,
        secret::{self, MOST_SECRETS},
    },
    error::Failure,
    provider::Core,
    types::Timestamp,
};

/// Gives the client a secret if it needs one that it has not got: because it is new, because the old
/// one is to be a key now and is not kept, or ends soon. A public client never gets one.
pub(super) fn provide_secret(
    core: &Core,
    rules: &Registration,
    client: &mut Client,
    now: Timestamp,
) -> Result<Option<String>, Failure> {
    let method = client.metadata.token_endpoint_auth_method;
    let is_key = client.metadata.symmetric_uses().next().is_some();
    let proves = !matches!(method, AuthMethod::None | AuthMethod::PrivateKeyJwt);
    if method == AuthMethod::None || !(proves || is_key) {
        client.secrets.clear();
        return Ok(None);
    }
    client.secrets.retain(|secret| secret.lives(now) && (!is_key || secret.key().is_some()));
    if !is_key {
        // It was one, and what nobody needs is not kept.
        client.secrets = client.secrets.drain(..).map(ClientSecret::forgotten).collect();
    }
    let ends = rules.secret_lifetime.map(|lifetime| now + lifetime);
    let lasts = |secret: &ClientSecret| match (secret.expires(), rules.secret_lifetime) {
        (Some(expires), Some(lifetime)) => now + lifetime / 4 < expires,
        // From before secrets had a lifetime.
        (None, Some(_)) => false,
        (_, None) => true,
    };
    if client.secrets.iter().any(lasts) {
        return Ok(None);
    }
    let (text, fresh) = secret::generate(core, is_key)?;
    let until = |secret: ClientSecret| match (secret.expires(), ends) {
        (None, Some(ends)) => secret.until(ends),
        _ => secret,
    };
    let former = std::mem::take(&mut client.secrets);
    client.secrets = [fresh].into_iter().chain(former).map(until).take(MOST_SECRETS).collect();
    Ok(Some(text))
}
