//! The names of parameters: those of the specifications, and those of the host's own.

use super::CONTINUE;
use crate::{config::Config, error::Reason, wire::Params};

/// Parameters of the host's own that were sent: names and values.
pub(super) type OwnParameters = Vec<(Box<str>, Box<str>)>;

/// The parameters of the specifications that an interrupted request must keep.
const RECOGNISED: [&str; 20] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "response_mode",
    "nonce",
    "display",
    "prompt",
    "max_age",
    "ui_locales",
    "login_hint",
    "id_token_hint",
    "acr_values",
    "claims",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "registration",
    "claims_locales",
];

/// What else is no host's to name: parameters that never outlast the first look, those of answers and of other
/// requests, and the claims of request objects.
const RESERVED: [&str; 40] = [
    CONTINUE,
    "request",
    "request_uri",
    "authorization_details",
    "dpop_jkt",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "code",
    "code_verifier",
    "access_token",
    "token_type",
    "expires_in",
    "id_token",
    "refresh_token",
    "session_state",
    "error",
    "error_description",
    "error_uri",
    "grant_type",
    "username",
    "password",
    "audience",
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "response",
    "vtr",
    "vp_token",
    "dcql_query",
    "presentation_definition",
    "client_metadata",
    "client_metadata_uri",
    "transaction_data",
    "issuer_state",
    "trust_chain",
];

/// The parameters that an interrupted request must keep; all others are ignored (§3.1.2.1).
pub(super) fn recognised(config: &Config) -> Vec<&str> {
    RECOGNISED.into_iter().chain(config.parameters.iter().map(|name| &**name)).collect()
}

/// The names that cannot be those of parameters of the host's own.
pub(crate) fn parameter_contradictions(names: &[Box<str>]) -> impl Iterator<Item = String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    names.iter().filter_map(move |name| {
        if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
            return Some(format!("parameters: {name:?} is not 1 to 64 letters, digits and -._~"));
        }
        let taken = RECOGNISED.iter().chain(&RESERVED).any(|known| **known == **name);
        taken.then(|| format!("parameters: {name:?} has a meaning already"))
    })
}

/// Those of the host's own that are there, each at most once.
pub(super) fn own(params: &Params<'_>, config: &Config) -> Result<OwnParameters, Reason> {
    let sent = config.parameters.iter().map(|name| Ok((name, params.one(name)?)));
    sent.filter_map(|sent| match sent {
        Ok((name, value)) => Some(Ok((name.clone(), value?.into()))),
        Err(reason) => Some(Err(reason)),
    })
    .collect()
}
