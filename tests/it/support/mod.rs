//! A provider in this process, and the people and programs around it: a browser with a cookie jar, a
//! client that speaks the protocol from the outside.

mod back_channel;
mod browser;
mod clients;
mod documents;
mod flow;
pub(crate) mod keys;
mod op;

pub(crate) use back_channel::{DEVICE_KEY, PARTNER, Policies, Tokens};
pub(crate) use browser::{Answer, Browser};
pub(crate) use clients::{client, keyed, redirect_uri};
pub(crate) use documents::Documents;
pub(crate) use flow::{Ask, FLOWS, Flow, Place, Sent};
pub(crate) use op::{ALICE, ALL_KEYS, BOB, Op, Setup, host};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// RFC 7636 Appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Encodes parameters.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The parameters of a query, fragment or body.
pub(crate) fn decode(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// The claims of a JWT, unverified.
pub(crate) fn claims(jwt: &str) -> Value {
    let payload = jwt.split('.').nth(1).expect("a JWT has three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The header of a JWT.
pub(crate) fn header(jwt: &str) -> Value {
    let header = jwt.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}
