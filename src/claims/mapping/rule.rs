use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{MappingProblem, shape::shape};
use crate::claims::standard::{Kind, says_something};

/// Where the value of a claim comes from. It is written down as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Rule {
    /// What stands at this place of the document.
    Pointer(Pointer),
    /// Texts, one after the other, without those that are missing.
    Join {
        join: Vec<Self>,
        #[serde(skip_serializing_if = "is_space")]
        separator: Box<str>,
    },
    /// The first that is there.
    First { first: Vec<Self> },
    /// An object.
    Members { members: BTreeMap<Box<str>, Self> },
    /// The same for everybody, or for everybody who has something at a place of the document.
    Constant {
        value: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        when: Option<Pointer>,
    },
}

impl Rule {
    /// What the rule makes of the document, if it is something that the claim may hold.
    pub(super) fn answer(&self, document: &Value, kind: Kind) -> Option<Value> {
        match self {
            Self::Pointer(pointer) => shape(pointer.find(document)?, kind),
            Self::Join { join, separator } => {
                let texts = join.iter().filter_map(|rule| rule.text(document));
                let pieces: Vec<_> = texts.map(|text| text.trim().to_owned()).collect();
                shape(&Value::String(pieces.join(separator)), kind)
            }
            Self::First { first } => first.iter().find_map(|rule| rule.answer(document, kind)),
            Self::Members { members } => {
                let inner = if kind == Kind::Address { Kind::Text } else { kind };
                let known = members.iter().filter_map(|(name, rule)| {
                    Some((String::from(&**name), rule.answer(document, inner)?))
                });
                shape(&Value::Object(known.collect()), kind)
            }
            Self::Constant { value, when } => {
                let holds = when.as_ref().is_none_or(|when| when.holds(document));
                holds.then(|| shape(value, kind)).flatten()
            }
        }
    }

    fn text(&self, document: &Value) -> Option<String> {
        match self.answer(document, Kind::Text)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

/// A place in a document ([RFC 6901]).
///
/// [RFC 6901]: https://www.rfc-editor.org/rfc/rfc6901
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Pointer(Box<str>);

impl Pointer {
    /// The empty pointer, to the whole document, is refused: it was forgotten rather than meant.
    pub(super) fn parse(text: String) -> Result<Self, MappingProblem> {
        let escaped = |rest: &str| rest.starts_with(['0', '1']);
        if !text.starts_with('/') || !text.split('~').skip(1).all(escaped) {
            return Err(MappingProblem::Pointer);
        }
        Ok(Self(text.into()))
    }

    fn find<'d>(&self, document: &'d Value) -> Option<&'d Value> {
        document.pointer(&self.0)
    }

    /// Whether something is there that is not `false`.
    fn holds(&self, document: &Value) -> bool {
        let found = self.find(document);
        found.is_some_and(|value| says_something(value) && *value != Value::Bool(false))
    }
}

fn is_space(separator: &str) -> bool {
    separator == " "
}
