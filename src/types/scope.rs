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
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(Vec<Box<str>>);

/// A scope with a character that no token may have, or with more than 64 tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scope is at most 64 space-separated tokens of visible ASCII without quote and backslash"
)]
pub struct InvalidScope;

impl Scope {
    /// The most tokens that a scope may name; keeps every set operation cheap.
    const LIMIT: usize = 64;

    /// Reads space-separated tokens; repetitions and spare spaces are dropped.
    ///
    /// # Errors
    ///
    /// [`InvalidScope`].
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let mut tokens = Vec::<Box<str>>::new();
        for token in text.split(' ').filter(|token| !token.is_empty()) {
            if !token.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)) {
                return Err(InvalidScope);
            }
            if tokens.iter().any(|known| **known == *token) {
                continue;
            }
            if tokens.len() == Self::LIMIT {
                return Err(InvalidScope);
            }
            tokens.push(token.into());
        }
        Ok(Self(tokens))
    }

    /// Whether the token is in the set.
    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().any(|known| **known == *token)
    }

    /// Whether every token of this set is in the other one.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|token| other.contains(token))
    }

    /// The tokens of this set that are in the other one too.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.retain(|token| other.contains(token))
    }

    /// The tokens of this set for which `keep` holds.
    #[must_use]
    pub fn retain(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|token| keep(token)).cloned().collect())
    }

    /// The tokens of this set, then those of the other one that are new.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut tokens = self.0.clone();
        tokens.extend(other.0.iter().filter(|token| !self.contains(token)).cloned());
        Self(tokens)
    }

    /// The tokens.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|token| &**token)
    }

    /// Whether no token is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        scope.0.join(" ")
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, token) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
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
        assert!(Scope::parse(&"openid ".repeat(9_000)).is_ok());
    }
}
