//! An embeddable OpenID Provider and OAuth 2.0 authorization server.
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::await_holding_lock
    )
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "http")]
pub mod adapter;
mod authorize;
mod builder;
mod claims;
mod client;
mod config;
mod discovery;
mod env;
mod error;
mod grant;
mod mint;
mod provider;
mod secret;
mod session;
pub mod store;
#[cfg(feature = "test-util")]
pub mod test_util;
mod throttle;
mod token;
mod types;
mod wire;

pub use authorize::{Hints, Interaction, Need, Outcome, Verdict};
pub use builder::{BuildError, ProviderBuilder};
pub use claims::{Account, Accounts};
pub use client::{
    ApplicationType, AuthMethod, Client, ClientMetadata, ClientSecret, Clients, GrantType,
    InvalidMetadata, StaticClients,
};
pub use config::{Config, Lifetimes, Limits, Paths, Policy};
#[cfg(feature = "tracing")]
pub use env::TracingObserver;
pub use env::{Clock, Entropy, EntropyError, Event, Observer, SystemClock, SystemEntropy, What};
pub use error::{
    AuthorizeError, BearerError, ErrorCode, HostError, InternalError, PageError, Reason,
    RedirectError, TokenError,
};
pub use mint::{
    KeyError, KeyProblem, KeyRotation, KeySet, KeyState, PublishedKey, SignError, Signer,
    SigningKey,
};
pub use provider::Provider;
pub use secret::{Secret, SecretTooShort, Secrets};
pub use session::{Login, Session};
pub use store::{MemoryStore, Store, StoreError};
pub use throttle::{Attempt, AttemptKind, Throttle};
pub use time::Duration;
pub use types::{
    Acr, Authentication, ClientId, CodeChallenge, Display, InvalidIdentifier, InvalidIssuer,
    InvalidRedirectUri, InvalidScope, Issuer, Prompt, RedirectUri, Resource, ResponseMode,
    ResponseType, Scope, SigningAlgorithm, Subject, Timestamp, UnknownAlgorithm,
};
pub use wire::{Reply, Request};
