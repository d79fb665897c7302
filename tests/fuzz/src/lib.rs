//! What the targets share: a provider, an independent reading of its answers, and edits of tokens.

pub mod answer;
pub mod back;
pub mod edit;
pub mod op;
pub mod redirect;
