use serde::{Deserialize, Serialize};

use crate::types::Text;

/// How a client authenticates at the token endpoint ([RFC 7591 §2]).
///
/// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuthMethod {
    /// Not at all: a public client.
    None,
    /// With its secret in the `Authorization` header.
    #[default]
    ClientSecretBasic,
    /// With its secret in the body.
    ClientSecretPost,
    /// With an assertion that it makes with its secret ([OIDC Core §9]).
    ///
    /// [OIDC Core §9]: https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
    ClientSecretJwt,
    /// With an assertion that it signs with a private key; the provider knows no secret of it
    /// ([OIDC Core §9]).
    ///
    /// [OIDC Core §9]: https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
    PrivateKeyJwt,
}

impl AuthMethod {
    /// Every method, in the order in which metadata lists them.
    pub(crate) const ALL: [Self; 5] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::ClientSecretJwt,
        Self::PrivateKeyJwt,
        Self::None,
    ];
}

/// A way to obtain tokens ([RFC 7591 §2]).
///
/// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GrantType {
    /// With a code from the authorization endpoint.
    AuthorizationCode,
    /// From the authorization endpoint itself; the token endpoint does not know it.
    Implicit,
    /// With a refresh token ([RFC 6749 §6]).
    ///
    /// [RFC 6749 §6]: https://www.rfc-editor.org/rfc/rfc6749#section-6
    RefreshToken,
    /// The client acts for itself ([RFC 6749 §4.4]).
    ///
    /// [RFC 6749 §4.4]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4
    ClientCredentials,
    /// With the person's own password ([RFC 6749 §4.3]): only for clients of the provider's own
    /// organisation that an administrator has let use it.
    ///
    /// [RFC 6749 §4.3]: https://www.rfc-editor.org/rfc/rfc6749#section-4.3
    Password,
    /// With another token ([RFC 8693]).
    ///
    /// [RFC 8693]: https://www.rfc-editor.org/rfc/rfc8693
    TokenExchange,
    /// With the word of an issuer that the host trusts ([RFC 7523 §2.1]).
    ///
    /// [RFC 7523 §2.1]: https://www.rfc-editor.org/rfc/rfc7523#section-2.1
    JwtBearer,
    /// One of the host's own, by its absolute URI ([RFC 6749 §4.5]).
    ///
    /// [RFC 6749 §4.5]: https://www.rfc-editor.org/rfc/rfc6749#section-4.5
    Extension(Box<str>),
}

impl GrantType {
    /// Every registered one, in the order in which metadata lists them.
    pub(crate) const REGISTERED: [Self; 7] = [
        Self::AuthorizationCode,
        Self::Implicit,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::Password,
        Self::TokenExchange,
        Self::JwtBearer,
    ];

    /// The registered name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::Implicit => "implicit",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::Password => "password",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Extension(uri) => uri,
        }
    }

    /// Reads a name; what is neither registered nor an absolute URI is none.
    pub fn parse(text: &str) -> Option<Self> {
        let found = Self::REGISTERED.into_iter().find(|known| known.as_str() == text);
        let is_uri = text.len() <= 255 && text.is_ascii() && url::Url::parse(text).is_ok();
        found.or_else(|| is_uri.then(|| Self::Extension(text.into())))
    }
}

impl Serialize for GrantType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for GrantType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(|text: &str| {
            Self::parse(text).ok_or("a grant type is a registered name or an absolute URI")
        }))
    }
}

/// Where a client runs ([OIDC Dynamic Client Registration §2]).
///
/// [OIDC Dynamic Client Registration §2]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ApplicationType {
    /// On a web server.
    #[default]
    Web,
    /// On the person's device.
    Native,
}

/// By which name a client knows a person ([OIDC Core §8]).
///
/// [OIDC Core §8]: https://openid.net/specs/openid-connect-core-1_0.html#SubjectIDTypes
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SubjectType {
    /// By the same name as everybody.
    #[default]
    Public,
    /// By a name that only clients of its own sector know, so that nobody can join what two of them
    /// know.
    Pairwise,
}

impl SubjectType {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Pairwise => "pairwise",
        }
    }
}
