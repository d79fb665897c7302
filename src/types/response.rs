use std::fmt;

use serde::{Deserialize, Serialize};

/// What an authorization answer carries: a set of `code`, `token` and `id_token`
/// ([OAuth 2.0 Multiple Response Type Encoding Practices §3]); the empty set is `none` (§4).
///
/// [OAuth 2.0 Multiple Response Type Encoding Practices §3]: https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResponseType {
    bits: u8,
}

impl ResponseType {
    const CODE_BIT: u8 = 1;
    const TOKEN_BIT: u8 = 2;
    const ID_TOKEN_BIT: u8 = 4;

    /// `code`: the authorization code flow.
    pub const CODE: Self = Self { bits: Self::CODE_BIT };
    /// `id_token`: the implicit flow without an access token.
    pub const ID_TOKEN: Self = Self { bits: Self::ID_TOKEN_BIT };
    /// `none`: the person is asked, and nothing is issued.
    pub const NONE: Self = Self { bits: 0 };
    /// Every response type, in the order in which metadata lists them.
    pub const ALL: [Self; 8] = [
        Self::CODE,
        Self::ID_TOKEN,
        Self { bits: 6 },
        Self { bits: 5 },
        Self { bits: 3 },
        Self { bits: 7 },
        Self { bits: 2 },
        Self::NONE,
    ];

    /// Reads the words in any order; an unknown or repeated word, or `none` among others, is no
    /// response type.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bits = 0;
        for word in text.split(' ') {
            let bit = match word {
                "code" => Self::CODE_BIT,
                "token" => Self::TOKEN_BIT,
                "id_token" => Self::ID_TOKEN_BIT,
                "none" if text == "none" => return Some(Self::NONE),
                _ => return None,
            };
            if bits & bit != 0 {
                return None;
            }
            bits |= bit;
        }
        Some(Self { bits })
    }

    /// A code comes back.
    pub const fn code(self) -> bool {
        self.bits & Self::CODE_BIT != 0
    }

    /// An access token comes back through the browser.
    pub const fn token(self) -> bool {
        self.bits & Self::TOKEN_BIT != 0
    }

    /// An ID token comes back through the browser.
    pub const fn id_token(self) -> bool {
        self.bits & Self::ID_TOKEN_BIT != 0
    }

    /// A token or an ID token comes back through the browser: the implicit and hybrid flows.
    pub const fn implicit(self) -> bool {
        self.token() || self.id_token()
    }

    /// Whether an access token comes of it, now or for the code ([OIDC Core §5.4]).
    ///
    /// [OIDC Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
    pub const fn yields_access_token(self) -> bool {
        self.code() || self.token()
    }

    /// Where the answer goes unless `response_mode` says otherwise: the query for `code` and
    /// `none`, the fragment as soon as a token is in it (§2.1, §5).
    pub const fn default_mode(self) -> ResponseMode {
        if self.implicit() { ResponseMode::Fragment } else { ResponseMode::Query }
    }

    /// The registered spelling, words in the order of the OpenID registry.
    pub const fn as_str(self) -> &'static str {
        match self.bits {
            1 => "code",
            2 => "token",
            3 => "code token",
            4 => "id_token",
            5 => "code id_token",
            6 => "id_token token",
            7 => "code id_token token",
            _ => "none",
        }
    }
}

impl TryFrom<String> for ResponseType {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("unknown response type")
    }
}

impl From<ResponseType> for String {
    fn from(value: ResponseType) -> Self {
        value.as_str().to_owned()
    }
}

impl fmt::Display for ResponseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ResponseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an authorization answer travels to the client ([OAuth 2.0 Multiple Response Type Encoding
/// Practices §2.1]; [Form Post Response Mode §2]).
///
/// [OAuth 2.0 Multiple Response Type Encoding Practices §2.1]: https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html#ResponseModes
/// [Form Post Response Mode §2]: https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In the fragment of the redirect URI.
    Fragment,
    /// In the body of a form that the browser posts to the redirect URI.
    FormPost,
}

impl ResponseMode {
    /// Every mode, in the order in which metadata lists them.
    pub const ALL: [Self; 3] = [Self::Query, Self::Fragment, Self::FormPost];

    /// Reads a registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiple Response Types §3–5: order does not matter, words do not repeat; threat AZ-05.
    #[test]
    fn words_are_a_set() {
        for (text, canonical, mode) in [
            ("code", "code", ResponseMode::Query),
            ("none", "none", ResponseMode::Query),
            ("token", "token", ResponseMode::Fragment),
            ("id_token", "id_token", ResponseMode::Fragment),
            ("token id_token", "id_token token", ResponseMode::Fragment),
            ("id_token code", "code id_token", ResponseMode::Fragment),
            ("token code", "code token", ResponseMode::Fragment),
            ("token id_token code", "code id_token token", ResponseMode::Fragment),
        ] {
            let parsed = ResponseType::parse(text).unwrap();
            assert_eq!((parsed.as_str(), parsed.default_mode()), (canonical, mode), "{text}");
            assert_eq!(ResponseType::parse(canonical), Some(parsed));
        }
        for (i, known) in ResponseType::ALL.into_iter().enumerate() {
            assert_eq!(ResponseType::parse(known.as_str()), Some(known));
            assert!(!ResponseType::ALL[..i].contains(&known));
        }
        for wrong in ["", "code code", "code  token", "Code", "none code", "code none", "foo"] {
            assert_eq!(ResponseType::parse(wrong), None, "{wrong:?}");
        }
    }
}
