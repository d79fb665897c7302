//! How a web framework reaches the provider, each way behind a feature of its name.
//!
//! | feature | what |
//! |---|---|
//! | `http` | conversions between the `http` crate's types and the crate's own |
//! | `tower` | a `Service` that any tower-based server can mount |
//! | `axum` | a router that an application merges into its own, and an extractor for access tokens |

#[cfg(feature = "axum")]
pub mod axum;
pub mod http;
#[cfg(feature = "tower")]
pub mod tower;
