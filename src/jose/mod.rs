//! Tokens as others sign or encrypt them, and the encryption of those that leave.
//!
//! A token is read in two steps: [`Jws::parse`] says what it claims to be, and only
//! [`Jws::verify`] gives its [`Claims`]. The algorithm chooses the kind of key, so a public key
//! never serves as a secret ([RFC 8725 §3.1]).
//!
//! [RFC 8725 §3.1]: https://www.rfc-editor.org/rfc/rfc8725#section-3.1

mod claims;
mod compact;
mod content;
mod decryption_key;
mod decryption_keys;
mod encrypt;
mod fault;
mod jwe;
mod jwks;
mod jws;
mod key_kind;
mod public_key;
mod purpose;
mod shared_secret;
#[cfg(test)]
mod tests;
mod validity;
mod verify;

pub(crate) use claims::{Claims, LEEWAY, LONGEST_ASSERTION};
pub(crate) use compact::is_jwe;
pub use decryption_keys::DecryptionKeys;
pub(crate) use encrypt::{EncryptTo, encrypt};
pub(crate) use fault::JoseFault;
pub(crate) use jwe::Jwe;
pub use jwks::Jwks;
pub(crate) use jws::{Jws, VerifyWith};
