//! What is said of a person: scopes and single claims become names, the host answers, and nothing
//! else gets through. `release.rs` is the pipeline; the others are its parts.

mod accounts;
mod brought;
mod locales;
mod mapping;
mod pairwise;
mod parameter;
mod policy;
mod release;
mod rules;
mod scopes;
mod sources;
mod standard;
mod userinfo;

pub use accounts::{Account, Accounts};
pub(crate) use brought::brought;
pub(crate) use locales::{best as in_language, is_tag};
pub use mapping::{ClaimMapping, InvalidMapping, MappingProblem};
pub(crate) use pairwise::{Pairwise, sub};
pub(crate) use parameter::{ClaimsParameter, RequestedClaim};
pub(crate) use policy::untagged;
pub use policy::{AlwaysClaim, ClaimPlace, ClaimPolicy};
pub(crate) use release::{GrantedClaims, Target, Wanted, may_have};
pub use rules::ClaimRules;
pub(crate) use rules::is_claim;
pub(crate) use scopes::{OFFLINE_ACCESS, STANDARD_SCOPES};
pub use sources::{ClaimSource, ClaimSources};
use standard::is_reserved;
pub(crate) use userinfo::userinfo;
