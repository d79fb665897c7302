//! What is said of a person: scopes become names of claims, the host answers, and nothing else gets
//! through.

mod accounts;
mod scopes;
mod userinfo;

pub use accounts::{Account, Accounts};
pub(crate) use scopes::{STANDARD_SCOPES, claims_of, standard_claims};
pub(crate) use userinfo::userinfo;
