//! What is issued: ID tokens, access tokens, and the keys that sign them.

mod access_token;
mod id_token;
mod jwt;
mod keys;
mod signer;

pub(crate) use access_token::AccessToken;
pub(crate) use id_token::{IdTokenParts, id_token};
pub(crate) use jwt::for_client;
pub use keys::{KeyError, KeyProblem, KeyRotation, KeySet};
pub(crate) use keys::{PrivateKey, Shape, jwk_bytes, jwk_kid, jwk_thumbprint, private_set};
pub use signer::{KeyState, PublishedKey, SignError, Signer, SigningKey};
