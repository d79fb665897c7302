//! What is issued: ID tokens, access tokens, and the keys that sign them.

mod access_token;
mod actor;
mod audience;
mod id_token;
mod issued;
mod jwt;
mod keys;
mod resource_server;
mod signer;

pub(crate) use access_token::{AccessToken, StandsOn};
pub use actor::Actor;
pub(crate) use audience::Audience;
pub(crate) use id_token::{IdTokenParts, id_token};
pub(crate) use issued::{AccessTokenParts, OneOrMore, access_token, client_as_subject};
pub(crate) use jwt::{LOGOUT_TOKEN, for_client, for_client_as};
pub use keys::{KeyError, KeyProblem, KeyRecord, KeyRotation, KeySet, StoredKeys, StoredKeysError};
pub(crate) use keys::{PrivateKey, Shape, jwk_bytes, jwk_kid, jwk_thumbprint, private_set};
pub use resource_server::{AccessTokenFormat, JwtEncryption, JwtFormat, ResourceServer};
pub use signer::{KeyState, PublishedKey, SignError, Signer, SigningKey};
