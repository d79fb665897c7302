//! The example server from outside: over HTTP, with relying parties of others and a browser.
//!
//! | file | what |
//! |---|---|
//! | `relying_party.rs` | the crate `openidconnect` |
//! | `openid_client.rs` | the npm package `openid-client` |
//! | `authlib.rs` | the `PyPI` package `Authlib` |
//! | `oidc_agent.rs` | the program `oidc-agent` |
//! | `browser.rs` | headless Chromium |
//! | `back_channel.rs` | the token endpoint, introspection and revocation |
//! | `apps.rs` | the page of apps and devices |
//! | `languages.rs` | what pages show of a client, to people of several languages |
//! | `logout.rs` | signing out at a client's wish |
//! | `sign_up/` | creating an account, with codes |
//! | `people.rs` | who is still there after a restart, and what people sign in by |
//! | `profile.rs` | what a person's app reads and changes of them |
//! | `manage/` | the management API, and clients that register themselves |
//! | `upstream/` | people who sign in with another OpenID Provider |
//! | `self_registered.rs` | a client that registers itself |
//! | `discovery.rs` | the metadata and the keys that are published |
//! | `logout_tokens.rs` | what clients hear of a logout |
//! | `certification/` | the configuration that the certification suite runs against |
//! | `deployments/` | the files of whole identity services |
//! | `threats/` | rows of the catalogue that concern the HTTP layer, the pages and the log |
//! | `nodes/` | several servers as one provider |
//! | `process.rs` | start and end of the server |
//!
//! Every authorization answer passes through `answer.rs`, or through `lib/conformance.mjs` in a script.
//!
//! `tests/setup` installs what they need. Logs and pictures are in `target/test-output`.

mod answer;
mod apps;
mod authlib;
mod back_channel;
mod browser;
mod certification;
mod deployments;
mod discovery;
mod fixture;
mod html;
mod languages;
mod logout;
#[cfg(feature = "fetch")]
mod logout_tokens;
mod manage;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod nodes;
mod oidc_agent;
mod openid_client;
mod party;
mod peers;
mod people;
mod process;
mod profile;
mod raw;
mod relying_party;
mod self_registered;
mod server;
mod sign_up;
mod threats;
mod upstream;
mod visitor;
