/// A [`ClaimMapping`](super::ClaimMapping) that could not be made: which claim, where in its rule, and
/// what is wrong there.
///
/// ```
/// use oidc_op::{ClaimMapping, MappingProblem};
/// use serde_json::json;
///
/// let json = json!({"name": {"join": ["/first", "last"]}});
/// let error = ClaimMapping::new(json.as_object().unwrap().clone()).unwrap_err();
/// assert_eq!(error.claim(), "name");
/// assert_eq!(error.at(), "/join/1");
/// assert_eq!(error.problem(), &MappingProblem::Pointer);
/// assert!(error.to_string().starts_with(r#"the claim "name", at /join/1: a JSON Pointer "#));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim {claim:?}{}{at}: {problem}", if at.is_empty() { "" } else { ", at " })]
pub struct InvalidMapping {
    claim: Box<str>,
    at: Box<str>,
    problem: MappingProblem,
}

impl InvalidMapping {
    pub(super) fn new(claim: impl Into<Box<str>>, flaw: impl Into<Flaw>) -> Self {
        let Flaw { at, problem } = flaw.into();
        Self { claim: claim.into(), at: at.into(), problem }
    }

    /// The name of the claim, as it was written.
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// Where in the claim's rule, as a path such as `/members/locality`; empty for the rule itself.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// What is wrong.
    pub fn problem(&self) -> &MappingProblem {
        &self.problem
    }
}

/// What is wrong with one rule of a mapping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingProblem {
    /// A name that is empty, or longer than 255 characters.
    #[error("a claim's name has 1 to 255 characters")]
    Name,
    /// A claim about a token, such as `sub` or `exp`.
    #[error("this claim is said by the provider alone")]
    Reserved,
    /// What follows the `#` is no language tag ([OIDC Core §5.2]).
    ///
    /// [OIDC Core §5.2]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsLanguagesAndScripts
    #[error("what follows the # of a claim's name is a BCP 47 language tag, such as ja-Kana-JP")]
    Tag,
    /// The claim has a rule already; the case of language tags does not tell claims apart.
    #[error("this claim has two rules")]
    Repeated,
    /// Neither a string nor an object with one of the members that make a rule.
    #[error(
        "a rule is a JSON Pointer, or an object with one of `join`, `first`, `members` and `value`"
    )]
    Rule,
    /// A member that belongs to no such rule.
    #[error("this rule has no member {0:?}")]
    Unknown(Box<str>),
    /// Not a JSON Pointer ([RFC 6901 §3]), or the one to the whole document.
    ///
    /// [RFC 6901 §3]: https://www.rfc-editor.org/rfc/rfc6901#section-3
    #[error("a JSON Pointer starts with /, and has ~0 for ~ and ~1 for / in a name")]
    Pointer,
    /// A separator that is no string.
    #[error("a separator is a string")]
    Separator,
    /// Nothing to join, to choose from or to put together, or not of the right type.
    #[error(
        "`join` and `first` are arrays of rules, and `members` is an object of rules; not empty"
    )]
    Empty,
    /// Rules in rules in rules.
    #[error("rules nest at most 8 deep")]
    Depth,
    /// Members for a claim that is no object, or text for one that is.
    #[error("this rule makes another type of value than the claim has")]
    Type,
    /// An address has six members ([OIDC Core §5.1.1]).
    ///
    /// [OIDC Core §5.1.1]: https://openid.net/specs/openid-connect-core-1_0.html#AddressClaim
    #[error(
        "an address has the members formatted, street_address, locality, region, postal_code and country"
    )]
    AddressMember,
    /// A constant that the claim could never be sent with.
    #[error("this value is empty, or not of the type of the claim")]
    Value,
}

/// A problem on its way out of the rule that has it.
#[derive(Debug)]
pub(super) struct Flaw {
    at: String,
    problem: MappingProblem,
}

impl Flaw {
    /// One step further out.
    pub(super) fn within(self, step: &str) -> Self {
        Self { at: format!("/{step}{}", self.at), ..self }
    }
}

impl From<MappingProblem> for Flaw {
    fn from(problem: MappingProblem) -> Self {
        Self { at: String::new(), problem }
    }
}
