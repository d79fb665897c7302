//! The book: how to embed the provider, and why it is built the way it is.
//!
//! | chapter | what it answers |
//! |---|---|
//! | [`embedding`] | How does a service become a provider: seams, routes, pages, sessions, proxies? |
//! | [`stores`] | Which store, what does it promise, how is one written, and how is it tested? |
//! | [`nodes`] | How do many nodes answer as one, what does an operator do, how large will it be? |
//! | [`clients`] | Where do clients come from, how do they register themselves, how are they administered? |
//! | [`claims`] | What do clients learn of people, where, and how does a host say it? |
//! | [`back_channel`] | What do clients and APIs do without a browser: refresh, other grants, resources, introspection, revocation, back-channel logout? |
//! | [`logout`] | How do people sign out, and how do clients hear of it? |
//! | [`resource_servers`] | How does an API take the provider's access tokens? |
//! | [`keys`] | Which keys and secrets are there, how do they rotate, what could a thief do? |
//! | [`policy`] | What was decided where the specifications leave a choice? |
//! | [`deployments`] | What do five organisations make of it, file by file? |
//! | [`design`] | Which ideas hold it together, and why these? |
//!
//! The chapters hold only text. The code in them is compiled and run with the tests.

#[doc = include_str!("embedding.md")]
#[cfg_attr(feature = "axum", doc = "\n\n[`router`]: crate::adapter::axum::router")]
#[cfg_attr(not(feature = "axum"), doc = "\n\n[`router`]: crate#features")]
#[cfg_attr(feature = "tower", doc = "\n\n[`OidcService`]: crate::adapter::tower::OidcService")]
#[cfg_attr(not(feature = "tower"), doc = "\n\n[`OidcService`]: crate#features")]
#[cfg_attr(feature = "http", doc = "\n\n[`Pages`]: crate::adapter::http::Pages")]
#[cfg_attr(not(feature = "http"), doc = "\n\n[`Pages`]: crate#features")]
#[cfg_attr(feature = "http", doc = "\n\n[`Peer`]: crate::adapter::http::Peer")]
#[cfg_attr(not(feature = "http"), doc = "\n\n[`Peer`]: crate#features")]
#[cfg_attr(feature = "tracing", doc = "\n\n[`TracingObserver`]: crate::TracingObserver")]
#[cfg_attr(not(feature = "tracing"), doc = "\n\n[`TracingObserver`]: crate#features")]
#[cfg_attr(feature = "test-util", doc = "\n\n[`test_util`]: crate::test_util")]
#[cfg_attr(not(feature = "test-util"), doc = "\n\n[`test_util`]: crate#features")]
pub mod embedding {}

#[doc = include_str!("stores.md")]
#[cfg_attr(feature = "test-util", doc = "\n\n[`contract`]: crate::store::contract")]
#[cfg_attr(not(feature = "test-util"), doc = "\n\n[`contract`]: crate#features")]
#[cfg_attr(feature = "test-util", doc = "\n\n[`FaultyStore`]: crate::store::FaultyStore")]
#[cfg_attr(not(feature = "test-util"), doc = "\n\n[`FaultyStore`]: crate#features")]
pub mod stores {}

#[doc = include_str!("nodes.md")]
#[cfg_attr(feature = "tracing", doc = "\n\n[`TracingObserver`]: crate::TracingObserver")]
#[cfg_attr(not(feature = "tracing"), doc = "\n\n[`TracingObserver`]: crate#features")]
pub mod nodes {}

#[doc = include_str!("clients.md")]
pub mod clients {}

#[doc = include_str!("claims.md")]
pub mod claims {}

#[doc = include_str!("back_channel.md")]
pub mod back_channel {}

#[doc = include_str!("logout.md")]
#[cfg_attr(feature = "http", doc = "\n\n[`Pages`]: crate::adapter::http::Pages")]
#[cfg_attr(not(feature = "http"), doc = "\n\n[`Pages`]: crate#features")]
pub mod logout {}

#[doc = include_str!("resource_servers.md")]
pub mod resource_servers {}

#[doc = include_str!("keys.md")]
pub mod keys {}

#[doc = include_str!("policy.md")]
pub mod policy {}

pub mod deployments;

#[doc = include_str!("design.md")]
#[cfg_attr(feature = "http", doc = "\n\n[`Pages`]: crate::adapter::http::Pages")]
#[cfg_attr(not(feature = "http"), doc = "\n\n[`Pages`]: crate#features")]
pub mod design {}
