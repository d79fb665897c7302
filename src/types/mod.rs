//! The vocabulary of the protocol: plain values, parsed once, without I/O.

mod algorithm;
mod authentication;
mod encryption;
mod identifier;
mod issuer;
mod pkce;
mod prompt;
mod redirect_uri;
mod response;
mod scope;
mod text;
mod timestamp;

pub use algorithm::{JwsAlgorithm, MacAlgorithm, SigningAlgorithm, UnknownAlgorithm};
pub use authentication::{Acr, Authentication};
pub use encryption::{ContentEncryption, KeyManagementAlgorithm};
pub use identifier::{ClientId, InvalidIdentifier, Resource, Subject};
pub use issuer::{InvalidIssuer, Issuer};
pub use pkce::CodeChallenge;
pub use prompt::{Display, Prompt};
pub use redirect_uri::{InvalidRedirectUri, RedirectUri};
pub use response::{ResponseMode, ResponseType};
pub use scope::{InvalidScope, Scope};
pub(crate) use text::Text;
pub use timestamp::Timestamp;
