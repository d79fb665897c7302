//! An embeddable OpenID Provider and OAuth 2.0 authorization server.
//!
//! A Rust service that embeds this crate becomes an identity provider: the crate brings the protocol,
//! the service brings its people, its pages and its database. The crate starts no task, opens no
//! socket unless it is told to fetch documents, and keeps nothing outside of the store it is given: a
//! [`Request`] goes in, and a [`Reply`] comes out, or a question that the service puts to the person.
//!
//! # What it does
//!
//! * The code, implicit and hybrid flows of [OpenID Connect Core], end to end: GET and POST, every
//!   request parameter, the response modes `query`, `fragment` and `form_post`, request objects by value
//!   and by reference ([RFC 9101]), and `iss` in every answer ([RFC 9207]).
//! * PKCE with S256, required of every client unless a confidential one is let off ([RFC 7636],
//!   [RFC 9700]).
//! * Pages as values: login, consent, choice of an account, creation of one. They survive the back
//!   button, a reload, several tabs, and a form that is sent twice.
//! * Several accounts at one browser; sign-out at a client's wish, with the other clients told in frames or by
//!   their servers ([RP-Initiated Logout], [Front-Channel Logout], [Back-Channel Logout]); [Session Management].
//! * Single sign-on, step-up and remembered consent, or the sessions that the service has already.
//! * Claims by scope and one by one, in several languages, mapped from the service's own documents,
//!   kept back by the person or by the administrator; public and pairwise subjects.
//! * Refresh tokens that rotate without trouble: a lost answer or ten tabs at once get one successor, and a
//!   used token that comes back ends the grant ([RFC 9700]). Client credentials, token exchange ([RFC 8693]),
//!   assertions of trusted issuers ([RFC 7523]), the password grant where it must be, grants of one's own.
//! * Introspection ([RFC 7662], [RFC 9701]) and revocation ([RFC 7009]); resource indicators ([RFC 8707]).
//! * Clients authenticate with secrets, or with keys of theirs; public ones not at all.
//! * Dynamic registration and management of clients ([RFC 7591], [RFC 7592]), open or by invitation; clients
//!   that describe themselves; administration from Rust; [`Provider::lint`].
//! * Opaque access tokens, or JWTs ([RFC 9068]) for the APIs that take them; ID tokens and UserInfo signed in fourteen algorithms and encrypted in
//!   thirteen; signing keys that all nodes share, and that rotate while they run and clients keep up.
//! * The other half, for APIs: an [`AccessTokenVerifier`] of JWTs ([RFC 9068]) and, by introspection
//!   ([RFC 7662]), of opaque tokens, with challenges for scopes and step-up.
//! * Metadata ([OpenID Connect Discovery], [RFC 8414]) and a JWK Set, made from what is wired; WebFinger.
//! * One conditional write per protocol step on a store of five methods, so that many nodes answer as
//!   one, on any engine that can compare and set.
//!
//! # What it does not do yet
//!
//! Pushed requests; mutual TLS, tokens bound to keys; the device
//! and backchannel flows; stores other than those in memory and in a file; an adapter for actix. The metadata advertise
//! nothing that does not work.
//!
//! # What it leaves to the service
//!
//! Passwords and other proofs of who somebody is, the pages, TLS, limits on connections and attempts.
//! Outside of the protocol a well-kept library beats code of our own.
//!
//! # One authorization
//!
//! ```text
//!  browser or client               Provider                                    asks
//!  ──────────────────────────      ──────────────────────────────────────      ────────────────
//!  GET /authorize?client_id=…  ──▶ authorize     identify the client           Clients
//!                                                prove the way back
//!                                                validate the request
//!                                                decide ──────────┐            Store, Accounts
//!                                                │ all settled    │ to ask
//!  303 /interaction/{token}    ◀── Interact ◀────┼────────────────┘
//!  GET /interaction/{token}    ──▶ interaction   ┤ decide again                the host's page
//!  POST, the page's form       ──▶ resume        ┤ note the verdict,           Store
//!                                                │ decide again
//!                                                ▼
//!  303 to the client, ?code=…  ◀── Reply ◀────── commit the grant: one write   Store
//!
//!  POST /token, code, verifier ──▶ token         authenticate the client       Clients, Throttle
//!                                                check the grant, and          Store, Accounts
//!                                                what it stands on
//!                                                mint and sign                 Signer
//!  access token, ID token      ◀── Reply ◀────── commit the grant: one write   Store
//!
//!  GET /userinfo, access token ──▶ userinfo      open the token, check         Store
//!  claims                      ◀── Reply ◀────── what the scope asks for       Accounts
//! ```
//!
//! A refusal goes back to the client only once the way back is proven: before that it is a
//! [`PageError`], which has nowhere to go but the person's screen.
//!
//! # Quick start
//!
//! ```
//! use async_trait::async_trait;
//! use oidc_op::{
//!     Account, Accounts, Client, ClientId, ClientMetadata, ClientSecret, Clock, Config, HostError,
//!     Issuer, KeySet, Outcome, Provider, RedirectUri, Request, Secret, Secrets, SigningAlgorithm,
//!     StaticClients, Subject, SystemClock, SystemEntropy, store::MemoryStore,
//! };
//!
//! /// The people, as the service knows them.
//! #[derive(Debug)]
//! struct People;
//!
//! #[async_trait]
//! impl Accounts for People {
//!     async fn account(
//!         &self,
//!         subject: &Subject,
//!         _wanted: &[&str],
//!     ) -> Result<Option<Account>, HostError> {
//!         Ok((subject == "alice").then(Account::active))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut metadata = ClientMetadata::default();
//! metadata.redirect_uris.push(RedirectUri::new("https://app.example/callback")?);
//! let secret = ClientSecret::new("at least 128 random bits");
//! let app = Client::confidential(ClientId::new("app")?, secret, metadata)?;
//!
//! let config = Config::new(Issuer::new("https://id.example")?);
//! let keys = KeySet::generate(&[SigningAlgorithm::RS256], SystemClock.now())?;
//! let provider = Provider::builder(config)
//!     .store(MemoryStore::new())
//!     .clients(StaticClients::from_iter([app]))
//!     .accounts(People)
//!     .signer(keys)
//!     .secrets(Secrets::new(Secret::random(&SystemEntropy::new())?))
//!     .build()?;
//!
//! let request = Request::new("GET", "/.well-known/openid-configuration");
//! let Outcome::Reply(reply) = provider.dispatch(request).await else { unreachable!() };
//! assert_eq!(reply.status, 200);
//! let metadata: serde_json::Value = serde_json::from_slice(&reply.body)?;
//! assert_eq!(metadata["token_endpoint"], "https://id.example/token");
//! # Ok(())
//! # }
//! ```
//!
//! A service in production keeps its keys and secrets where a restart finds them again:
//! [`KeySet::expose_json`] and [`Secret::expose`] are for that. [`guide::embedding`] goes on from
//! here, with the pages.
//!
//! # The seams
//!
//! What a host implements, or takes ready-made; [`ProviderBuilder`] puts them together.
//!
//! | trait | the host answers | ready-made |
//! |---|---|---|
//! | [`store::Store`] | remember this | [`store::MemoryStore`] |
//! | [`Clients`] | which client is this identifier? | [`StaticClients`] |
//! | [`Accounts`] | is this person active, and what is true of them? | |
//! | [`Signer`] | sign these bytes; which keys may others check with? | [`KeySet`]; [`StoredKeys`] for many nodes |
//! | [`Fetch`] | get the document that a client has named, post to an address | `GuardedFetch`, with the feature `fetch` |
//! | [`SecretHashes`] | is this the secret that a person has chosen for a client? | `Argon2Secrets`, with the feature `argon2` |
//! | [`TokenSource`] | at an API: what does this access token say? | [`Introspection`], [`Provider`] |
//! | [`PasswordAuthenticator`] | are these a person's credentials? (password grant) | |
//! | [`ExchangePolicy`] | may this client exchange this token? | |
//! | [`TrustedIssuers`] | whose assertions count, and of whom do they speak? | |
//! | [`ExtensionGrant`] | what does this request of the host's own kind give? | |
//! | [`ClientPermissions`] | what may the owner of this client do? | |
//! | [`RegistrationPolicy`] | may this client be registered so? | without it, the rules of [`Config::registration`] alone |
//! | [`Publishers`] | whose software statements count? | without it, nobody's |
//! | [`Throttle`] | may this attempt go on? | `()`, which lets all pass |
//! | [`Clock`] | what time is it? | [`SystemClock`] |
//! | [`Entropy`] | bytes that nobody can predict | [`SystemEntropy`] |
//! | [`Observer`] | hear what happened | `()`, which forgets; [`TracingObserver`] |
//!
//! Asynchronous ones are declared with the `async-trait` crate, and so are their implementations.
//! The browser is behind no trait: where a person must act, an [`Interaction`] is handed out as a
//! value, and the host comes back with a [`Verdict`].
//!
//! # Features
//!
//! All are off by default. They add, and never change what is there.
//!
//! | feature | what |
//! |---|---|
//! | `http` | [`adapter::http`]: conversions between the `http` crate's types and the crate's own |
//! | `tower` | [`adapter::tower`]: a `Service` that any tower-based server can mount |
//! | `axum` | [`adapter::axum`]: a router that an application merges into its own, an extractor for access tokens |
//! | `fetch` | `GuardedFetch`: https only, no private addresses, no redirects, limits and a cache |
//! | `sqlite` | `SqliteStore`: a store in a file |
//! | `postgres` | `PostgresStore`: a store in PostgreSQL, for many nodes |
//! | `redis` | `RedisStore`: a store in Redis or Valkey |
//! | `argon2` | `Argon2Secrets`: client secrets that people have chosen, as argon2id hashes |
//! | `tracing` | [`TracingObserver`] |
//! | `full` | all of the above |
//! | `test-util` | [`test_util`], [`store::FaultyStore`] and [`store::contract`]: for tests only |
//! | `vendored` | builds OpenSSL from source, for machines without its headers and `pkg-config` |
//!
//! # Reading on
//!
//! * [`guide::embedding`]: the seams one by one, pages and interactions, proxies.
//! * [`guide::stores`]: which store, the contract of one, and how to write one.
//! * [`guide::nodes`]: many nodes as one provider, and a sizing on paper.
//! * [`guide::claims`]: what clients learn of people, and how a host says it.
//! * [`guide::resource_servers`]: how an API takes the provider's access tokens.
//! * [`guide::clients`]: where clients come from, registration, administration.
//! * [`guide::back_channel`]: refresh, the other grants, resources, introspection, revocation, back-channel logout.
//! * [`guide::logout`]: how people sign out, and how clients hear of it.
//! * [`guide::keys`]: signing keys and secrets, their rotation, and what a thief could do with them.
//! * [`guide::policy`]: the decisions taken where the specifications leave a choice.
//! * [`guide::deployments`]: five organisations that run an identity service with it.
//! * [`guide::design`]: the ideas that hold it together.
//!
//! [OpenID Connect Core]: https://openid.net/specs/openid-connect-core-1_0.html
//! [OpenID Connect Discovery]: https://openid.net/specs/openid-connect-discovery-1_0.html
//! [RP-Initiated Logout]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html
//! [Front-Channel Logout]: https://openid.net/specs/openid-connect-frontchannel-1_0.html
//! [Back-Channel Logout]: https://openid.net/specs/openid-connect-backchannel-1_0.html
//! [Session Management]: https://openid.net/specs/openid-connect-session-1_0.html
//! [RFC 7636]: https://www.rfc-editor.org/rfc/rfc7636
//! [RFC 7662]: https://www.rfc-editor.org/rfc/rfc7662
//! [RFC 8414]: https://www.rfc-editor.org/rfc/rfc8414
//! [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068
//! [RFC 7009]: https://www.rfc-editor.org/rfc/rfc7009
//! [RFC 7523]: https://www.rfc-editor.org/rfc/rfc7523
//! [RFC 8693]: https://www.rfc-editor.org/rfc/rfc8693
//! [RFC 7591]: https://www.rfc-editor.org/rfc/rfc7591
//! [RFC 7592]: https://www.rfc-editor.org/rfc/rfc7592
//! [RFC 8707]: https://www.rfc-editor.org/rfc/rfc8707
//! [RFC 9701]: https://www.rfc-editor.org/rfc/rfc9701
//! [RFC 9101]: https://www.rfc-editor.org/rfc/rfc9101
//! [RFC 9207]: https://www.rfc-editor.org/rfc/rfc9207
//! [RFC 9700]: https://www.rfc-editor.org/rfc/rfc9700
#![cfg_attr(not(feature = "http"), doc = "\n\n[`adapter::http`]: crate#features")]
#![cfg_attr(not(feature = "tower"), doc = "\n\n[`adapter::tower`]: crate#features")]
#![cfg_attr(not(feature = "axum"), doc = "\n\n[`adapter::axum`]: crate#features")]
#![cfg_attr(not(feature = "tracing"), doc = "\n\n[`TracingObserver`]: crate#features")]
#![cfg_attr(not(feature = "test-util"), doc = "\n\n[`test_util`]: crate#features")]
#![cfg_attr(not(feature = "test-util"), doc = "\n\n[`store::FaultyStore`]: crate#features")]
#![cfg_attr(not(feature = "test-util"), doc = "\n\n[`store::contract`]: crate#features")]
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
mod at_once;
mod authorize;
mod builder;
mod claims;
mod client;
mod config;
mod discovery;
mod dispatch;
mod env;
mod error;
mod fetch;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod grant;
pub mod guide;
mod jose;
mod lint;
mod logout;
mod mint;
mod people;
mod provider;
mod resource;
mod secret;
mod session;
mod steady;
pub mod store;
#[cfg(any(test, feature = "test-util"))]
pub mod test_util;
mod throttle;
mod token;
mod types;
mod waiting;
mod webfinger;
mod wire;
mod work;

pub use authorize::{Agreement, AskedClaim, Hints, Interaction, Need, Outcome, Verdict};
pub use builder::{BuildError, ProviderBuilder};
pub use claims::{
    Account, Accounts, AlwaysClaim, ClaimMapping, ClaimPlace, ClaimPolicy, ClaimRules, ClaimSource,
    ClaimSources, InvalidMapping, MappingProblem,
};
#[cfg(feature = "argon2")]
pub use client::Argon2Secrets;
pub use client::{
    AdministrationError, ApplicationType, AuthMethod, CheckedClient, Client, ClientMetadata,
    ClientPermissions, ClientSecret, Clients, GrantType, InitialAccess, InvalidMetadata,
    LocalisedClient, LocalisedMembers, LoginInitiation, Misfit, Publishers, RegisteredClient,
    RegisteredClients, Registration, RegistrationAccess, RegistrationPolicy, RegistrationRequest,
    RegistrationVerdict, SecretHashes, StaticClients, SubjectType, UnreadableClient,
};
pub use config::{AssertionAudience, Config, Lifetimes, Limits, Paths, Policy, RequestObjectMode};
#[cfg(feature = "tracing")]
pub use env::TracingObserver;
pub use env::{Clock, Entropy, EntropyError, Event, Observer, SystemClock, SystemEntropy, What};
pub use error::{
    AuthorizeError, BearerError, ErrorCode, HostError, InternalError, PageError, Reason,
    RedirectError, RegistrationError, TokenError,
};
pub use fetch::{Fetch, FetchError, FetchRequest, Fetched, NamedBy, PostRequest, is_special_use};
#[cfg(feature = "fetch")]
pub use fetch::{FetchPolicy, GuardedFetch, InvalidFetchPolicy};
pub use grant::{GrantId, HeldGrant, HeldGrants, InvalidGrantId, RefreshPolicy, Rotation};
pub use jose::{DecryptionKeys, Jwks};
pub use lint::{Finding, LintRule, Severity};
pub use logout::{LogoutConfirmation, LogoutVerdict, SignedOut};
pub use mint::{
    AccessTokenFormat, Actor, JwtEncryption, JwtFormat, KeyError, KeyProblem, KeyRecord,
    KeyRotation, KeySet, KeyState, PublishedKey, ResourceServer, SignError, Signer, SigningKey,
    StoredKeys, StoredKeysError,
};
pub use provider::Provider;
pub use resource::{
    AccessTokenVerifier, Introspection, IssuerKeys, TokenCache, TokenSource, VerifiedToken,
};
pub use secret::{Secret, SecretTooShort, Secrets};
pub use session::{
    HeldConsent, HeldConsents, HeldSessions, InvalidLogin, InvalidSessionId, Login, Session,
    SessionId, SubjectChange,
};
pub use throttle::{Attempt, AttemptKind, Throttle};
pub use time::Duration;
pub use token::{
    Assertion, Exchange, ExchangePolicy, ExtensionGrant, ExtensionRequest, Issuance,
    PasswordAuthenticator, PasswordCredentials, SubjectToken, TrustedIssuer, TrustedIssuers,
};
pub use types::{
    Acr, Authentication, ClientId, CodeChallenge, ContentEncryption, Display, InvalidIdentifier,
    InvalidIssuer, InvalidRedirectUri, InvalidScope, Issuer, JwsAlgorithm, KeyManagementAlgorithm,
    MacAlgorithm, Prompt, RedirectUri, Resource, ResponseMode, ResponseType, Scope,
    SigningAlgorithm, Subject, Timestamp, UnknownAlgorithm,
};
pub use wire::{Reply, Request};

/// The README's examples are tests too.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
