//! What is issued: ID tokens, access tokens, and the keys that sign them.

mod keys;
mod signer;

pub use keys::{KeyError, KeySet};
pub use signer::{KeyState, PublishedKey, SignError, Signer, SigningKey};
