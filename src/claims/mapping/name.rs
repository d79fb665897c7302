use std::fmt;

use serde::{Serialize, Serializer};

use super::MappingProblem;
use crate::claims::{locales, standard};

/// The name of a claim and, after a `#`, the language of its value ([OIDC Core §5.2]).
///
/// [OIDC Core §5.2]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsLanguagesAndScripts
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) base: Box<str>,
    pub(super) tag: Option<Box<str>>,
}

impl Name {
    const LENGTH: usize = 255;

    pub(super) fn parse(text: &str) -> Result<Self, MappingProblem> {
        let (base, tag) = match text.split_once('#') {
            Some((base, tag)) => (base, Some(tag)),
            None => (text, None),
        };
        if base.is_empty() || text.chars().count() > Self::LENGTH {
            return Err(MappingProblem::Name);
        }
        if standard::is_reserved(text) {
            return Err(MappingProblem::Reserved);
        }
        if tag.is_some_and(|tag| !locales::is_tag(tag)) {
            return Err(MappingProblem::Tag);
        }
        Ok(Self { base: base.into(), tag: tag.map(Into::into) })
    }

    /// Whether both name the same claim: language tags differ by more than case.
    pub(super) fn is(&self, other: &Self) -> bool {
        let same = |(one, other): (&str, &str)| one.eq_ignore_ascii_case(other);
        self.base == other.base
            && self.tag.is_some() == other.tag.is_some()
            && self.tag.as_deref().zip(other.tag.as_deref()).is_none_or(same)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)?;
        self.tag.as_deref().map_or(Ok(()), |tag| write!(f, "#{tag}"))
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
