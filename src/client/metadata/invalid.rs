use crate::{error::ErrorCode, mint::KeyProblem, types::InvalidRedirectUri};

/// Why metadata cannot be accepted.
///
/// The text names the member, never repeats anything that was sent, and has only characters that an
/// `error_description` may have ([RFC 6749 §5.2]): a registration can be refused with it as it is.
///
/// [RFC 6749 §5.2]: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMetadata {
    /// A member that is not of its type, or has a value that there is not.
    #[error("{0}: the value is not of the right type, or not one that is known")]
    Member(&'static str),
    /// A redirect URI that nobody may have.
    #[error("redirect_uris: {0}")]
    RedirectUri(InvalidRedirectUri),
    /// A public key that must not be used.
    #[error("jwks: key {position} of the set: {problem}")]
    Key {
        /// Which key, counted from 1.
        position: usize,
        /// What is wrong with it.
        problem: KeyProblem,
    },
    /// A member in a language with something that is no language, or twice in the same one
    /// ([RFC 7591 §2.2]).
    ///
    /// [RFC 7591 §2.2]: https://www.rfc-editor.org/rfc/rfc7591#section-2.2
    #[error("{0}: behind the # is a BCP 47 language tag of at most 35 characters, each only once")]
    Language(&'static str),
    /// More languages than any page has.
    #[error("client_name, client_uri, logo_uri, policy_uri, tos_uri: at most 100 with a language")]
    Languages,
    /// More than anybody needs.
    #[error("{0}: at most {1}")]
    TooMany(&'static str, usize),
    /// Longer than anybody can read, or with something that is not to be read.
    #[error("{0}: at most {1} characters, all of them to be read")]
    Text(&'static str, usize),
    /// A client with a grant that redirects has nowhere to be redirected to.
    #[error("redirect_uris: at least one is needed by a grant type that redirects")]
    RedirectUrisMissing,
    /// More redirect URIs than anybody needs, or the same one twice.
    #[error("redirect_uris: at most 100, all different")]
    RedirectUris,
    /// A web client with a private-use scheme.
    #[error("redirect_uris: a private-use scheme needs application_type native")]
    NativeScheme,
    /// A web client that gets tokens through the browser at an address without TLS
    /// ([OIDC Dynamic Client Registration §2]).
    ///
    /// [OIDC Dynamic Client Registration §2]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
    #[error("redirect_uris: a web client of the implicit grant has https ones, not on localhost")]
    ImplicitRedirect,
    /// `response_types` and `grant_types` do not fit together.
    #[error(
        "response_types and grant_types do not fit together: code goes with authorization_code, \
         token and id_token with implicit; a client that never redirects has neither"
    )]
    ResponseAndGrant,
    /// Something that people are to click or see, or that is fetched, is not an https URL.
    #[error(
        "{0}: must be an https URL without user information, of at most 2048 characters, or 512 if \
         it is fetched"
    )]
    Uri(&'static str),
    /// A fragment, which is nothing that a server sees.
    #[error("{0}: has no fragment")]
    Fragment(&'static str),
    /// More addresses than anybody needs, or the same one twice.
    #[error("post_logout_redirect_uris: at most 100, all different")]
    PostLogoutRedirectUris,
    /// A web client with a private-use scheme.
    #[error("post_logout_redirect_uris: a private-use scheme needs application_type native")]
    PostLogoutScheme,
    /// A page of somebody else's ([OIDC Front-Channel Logout §2]).
    ///
    /// [OIDC Front-Channel Logout §2]: https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout
    #[error("frontchannel_logout_uri: scheme, host and port must be those of one of redirect_uris")]
    FrontChannelOrigin,
    /// Pairwise names need one sector, and the redirect URIs do not say which.
    #[error(
        "sector_identifier_uri: needed by pairwise subjects unless all redirect_uris have one host"
    )]
    Sector,
    /// `none` for a token that passes through the browser ([OIDC Core §2]).
    ///
    /// [OIDC Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
    #[error(
        "id_token_signed_response_alg: none is not for ID tokens that pass through the browser"
    )]
    UnsignedIdToken,
    /// `none` for an answer that is a JWT only to be signed.
    #[error("introspection_signed_response_alg: none is not for introspection")]
    UnsignedIntrospection,
    /// An `_enc` without its `_alg`.
    #[error("{0}: needs the _alg member beside it")]
    EncryptionAlg(&'static str),
    /// Signed request objects are demanded, and `none` is what they are signed with.
    #[error("request_object_signing_alg: none contradicts require_signed_request_object")]
    UnsignedRequestObject,
    /// A public key is needed, to encrypt to or to verify with.
    #[error("jwks or jwks_uri: needed by {0}, with a key that fits")]
    KeysMissing(&'static str),
    /// Keys in two places ([RFC 7591 §2]).
    ///
    /// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
    #[error("jwks and jwks_uri: one of them, not both")]
    KeysTwice,
    /// Assertions by an algorithm that the method does not have ([OIDC Core §9]).
    ///
    /// [OIDC Core §9]: https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
    #[error(
        "token_endpoint_auth_signing_alg: with the secret (HS256) for client_secret_jwt, with a key \
         (RS256, ES256) for private_key_jwt, and never none"
    )]
    AssertionAlgorithm,
    /// Grants of a client that proves who it is, for one that does not ([RFC 6749 §4.4]).
    ///
    /// [RFC 6749 §4.4]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4
    #[error(
        "grant_types: client_credentials and token exchange are not for a client whose \
         token_endpoint_auth_method is none"
    )]
    PublicClient,
    /// A secret for a public client, or none for one that proves with it who it is.
    #[error(
        "token_endpoint_auth_method: none is for clients without a secret, and they have only that \
         and private_key_jwt"
    )]
    SecretAndMethod,
    /// A use of the secret as a key needs the secret itself, not just its digest
    /// ([`ClientSecret::kept`](crate::ClientSecret::kept)).
    #[error(
        "{0}: the secret is the key here, so a client needs one as long as the algorithm's hash \
         (32 to 64 bytes), kept as it is; a public client has none"
    )]
    SecretNotKept(&'static str),
}

impl InvalidMetadata {
    /// As what a registration is refused ([RFC 7591 §3.2.2]).
    ///
    /// [RFC 7591 §3.2.2]: https://www.rfc-editor.org/rfc/rfc7591#section-3.2.2
    pub const fn error(&self) -> ErrorCode {
        match self {
            Self::RedirectUri(_)
            | Self::RedirectUrisMissing
            | Self::RedirectUris
            | Self::NativeScheme
            | Self::ImplicitRedirect => ErrorCode::InvalidRedirectUri,
            _ => ErrorCode::InvalidClientMetadata,
        }
    }
}
