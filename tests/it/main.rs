//! The integration tests: one binary, a file per topic.
//!
//! `blackbox` drives the example server over HTTP, with relying parties written by others and a real
//! browser; everything else runs a provider in this process, on a clock and a source of randomness
//! of its own.

mod agreements;
mod assurance;
mod atomicity;
mod back_channel_logout;
mod blackbox;
mod checked_clients;
mod claims;
mod claims_bounds;
mod claims_of_a_login;
mod claims_properties;
mod code_flow;
mod direct;
#[cfg(feature = "fetch")]
mod dynamic;
#[cfg(feature = "fetch")]
mod fetch;
mod formats;
mod front_channel;
mod hosted;
mod interaction;
mod introspection;
mod keys;
mod logout;
mod lost_answers;
mod metadata;
mod model;
mod own_parameters;
mod parameters;
mod properties;
mod public_api;
mod redaction;
mod refresh;
mod registration;
mod reliability;
mod resource_server;
mod resources;
mod response_types;
mod returning;
mod revocation;
mod schema;
mod sessions;
mod store_clients;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod stores;
mod stories;
mod strangers;
mod support;
mod threats;
mod webfinger;
