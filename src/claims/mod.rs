//! What is said of a person: scopes become names of claims, the host answers, and nothing else gets
//! through.

mod accounts;
mod locales;
mod mapping;
mod scopes;
mod standard;
mod userinfo;

pub use accounts::{Account, Accounts};
pub use mapping::{ClaimMapping, InvalidMapping, MappingProblem};
pub(crate) use scopes::{STANDARD_SCOPES, claims_of, standard_claims};
pub(crate) use userinfo::userinfo;
