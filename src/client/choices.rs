use serde::{Deserialize, Serialize};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantType {
    /// With a code from the authorization endpoint.
    AuthorizationCode,
    /// From the authorization endpoint itself; the token endpoint does not know it.
    Implicit,
}

impl GrantType {
    /// Every grant, in the order in which metadata lists them.
    pub(crate) const ALL: [Self; 2] = [Self::AuthorizationCode, Self::Implicit];

    /// Reads a `grant_type` of the token endpoint.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "authorization_code" => Some(Self::AuthorizationCode),
            _ => None,
        }
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
