//! A provider in this process, and the people and programs around it: a browser with a cookie jar, a
//! client that speaks the protocol from the outside.

mod back_channel;
mod browser;
mod clients;
mod documents;
mod flow;
pub(crate) mod keys;
mod ledger;
mod op;
pub(crate) mod races;
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) mod services;
#[cfg(feature = "fetch")]
mod tls;

pub(crate) use back_channel::{DEVICE_KEY, PARTNER, Policies, Tokens};
pub(crate) use browser::{Answer, Browser};
pub(crate) use clients::{client, keyed, redirect_uri};
pub(crate) use documents::Documents;
pub(crate) use flow::{Ask, FLOWS, Flow, Place, Sent};
pub(crate) use ledger::{Ledger, Write};
pub(crate) use op::{ALICE, ALL_KEYS, BOB, Op, Setup, host};
#[cfg(feature = "fetch")]
pub(crate) use tls::Tls;

use std::collections::HashMap;

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

/// At least 128 bits by length, if every character is one of 64, and more than 96 by Shannon's
/// measure over the text.
pub(crate) fn is_hard_to_guess(text: &str) -> bool {
    let mut counts = HashMap::<char, u32>::new();
    for character in text.chars() {
        *counts.entry(character).or_default() += 1;
    }
    let length = f64::from(u32::try_from(text.len()).unwrap());
    let bits: f64 =
        counts.into_values().map(f64::from).map(|count| count * (length / count).log2()).sum();
    text.is_ascii() && length * 6.0 >= 128.0 && bits > 96.0
}
