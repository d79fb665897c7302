use std::fmt;

use serde::{Deserialize, Serialize};

/// A set of scope tokens, in the order in which they were first named ([RFC 6749 §3.3]).
///
/// ```
/// use oidc_op::Scope;
///
/// let asked = Scope::parse("openid email openid").unwrap();
/// assert_eq!(asked.to_string(), "openid email");
/// assert!(asked.contains("email"));
/// ```
///
/// [RFC 6749 §3.3]: https://www.rfc-editor.org/rfc/rfc6749#section-3.3
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Scope(Box<str>);

/// A scope with a character that no token may have, with more than 64 tokens, or longer than 2,048
/// characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scope is at most 64 space-separated tokens of visible ASCII without quote and backslash"
)]
pub struct InvalidScope;

impl Scope {
    /// The most tokens that a scope may name, and the most characters: every set operation is cheap.
    const LIMIT: usize = 64;
    const LENGTH: usize = 2048;

    /// Reads space-separated tokens; repetitions and spare spaces are dropped.
    ///
    /// # Errors
    ///
    /// [`InvalidScope`].
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let allowed = |b: u8| matches!(b, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if text.len() > Self::LENGTH || !text.bytes().all(allowed) {
            return Err(InvalidScope);
        }
        let mut scope = String::with_capacity(text.len().min(512));
        let mut count = 0;
        for token in text.split_ascii_whitespace() {
            if contains(&scope, token) {
                continue;
            }
            if count == Self::LIMIT {
                return Err(InvalidScope);
            }
            count += 1;
            push(&mut scope, token);
        }
        Ok(Self(scope.into()))
    }

    /// Whether the token is in the set.
    pub fn contains(&self, token: &str) -> bool {
        contains(&self.0, token)
    }

    /// Whether every token of this set is in the other one.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0 == other.0 || self.iter().all(|token| other.contains(token))
    }

    /// The tokens of this set that are in the other one too.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.retain(|token| other.contains(token))
    }

    /// The tokens of this set for which `keep` holds.
    #[must_use]
    pub fn retain(&self, keep: impl Fn(&str) -> bool) -> Self {
        let mut scope = String::with_capacity(self.0.len());
        for token in self.iter().filter(|token| keep(token)) {
            push(&mut scope, token);
        }
        Self(scope.into())
    }

    /// The tokens of this set, then those of the other one that are new.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut scope = String::from(&*self.0);
        for token in other.iter().filter(|token| !self.contains(token)) {
            push(&mut scope, token);
        }
        Self(scope.into())
    }

    /// The tokens.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_ascii_whitespace()
    }

    /// Whether no token is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn contains(scope: &str, token: &str) -> bool {
    scope.split_ascii_whitespace().any(|known| known == token)
}

fn push(scope: &mut String, token: &str) {
    if !scope.is_empty() {
        scope.push(' ');
    }
    scope.push_str(token);
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(super::text::Text(Self::parse))
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0.into()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 §3.3 and Appendix A.4.
    #[test]
    fn tokens_are_visible_ascii_without_quote_and_backslash() {
        assert_eq!(Scope::parse(" a  b a ").unwrap().to_string(), "a b");
        assert!(Scope::parse("").unwrap().is_empty());
        for wrong in ["a\"b", "a\\b", "a\tb", "ä", "a\u{7f}"] {
            assert_eq!(Scope::parse(wrong), Err(InvalidScope), "{wrong:?}");
        }
    }

    /// HT-08: the set cannot be made large enough to matter.
    #[test]
    fn is_bounded() {
        let many = |n: usize| (0..n).map(|i| format!("s{i}")).collect::<Vec<_>>().join(" ");
        assert!(Scope::parse(&many(64)).is_ok());
        assert_eq!(Scope::parse(&many(65)), Err(InvalidScope));
        assert!(Scope::parse(&"openid ".repeat(290)).is_ok());
        assert_eq!(Scope::parse(&"openid ".repeat(9_000)), Err(InvalidScope));
    }
}
