//! RE: what goes wrong around the provider, and with its host.

mod callbacks;
mod clocks;
mod host;
mod lost_answers;
mod soak;
mod stolen_keys;
