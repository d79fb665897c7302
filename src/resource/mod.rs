//! A resource server's half: an API that takes the provider's access tokens ([RFC 6750], [RFC 9068],
//! [RFC 7662]).
//!
//! parse the header → ask the source that fits the token → judge what it says → hand it to the
//! handler, which asks for scopes.
//!
//! [RFC 6750]: https://www.rfc-editor.org/rfc/rfc6750
//! [RFC 7662]: https://www.rfc-editor.org/rfc/rfc7662
//! [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068

mod cache;
mod in_process;
mod introspection;
mod issuer_keys;
mod rules;
mod source;
#[cfg(test)]
mod tests;
mod token;
mod verifier;

pub use cache::TokenCache;
pub use introspection::Introspection;
pub use issuer_keys::IssuerKeys;
pub use source::TokenSource;
pub use token::VerifiedToken;
pub use verifier::AccessTokenVerifier;
