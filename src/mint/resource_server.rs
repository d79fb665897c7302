use time::Duration;

use crate::{
    jose::Jwks,
    types::{
        ClientId, ContentEncryption, KeyManagementAlgorithm, Resource, Scope, SigningAlgorithm,
    },
};

/// An API that accepts access tokens of the provider ([RFC 8707 §2]); [`Config::resources`] lists
/// them.
///
/// ```
/// use oidc_op::{AccessTokenFormat, JwtFormat, Resource, ResourceServer, Scope, SigningAlgorithm};
///
/// let mut api = ResourceServer::new(Resource::new("https://api.example/").unwrap());
/// api.scope = Some(Scope::parse("orders:read orders:write").unwrap());
/// api.format = AccessTokenFormat::Jwt(JwtFormat::signed(SigningAlgorithm::ES256));
/// ```
///
/// [`Config::resources`]: crate::Config::resources
/// [RFC 8707 §2]: https://www.rfc-editor.org/rfc/rfc8707#section-2
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceServer {
    /// By which clients name it, and the `aud` of its tokens.
    pub resource: Resource,
    /// The scope tokens that mean something there; its tokens carry no others. All, if absent.
    pub scope: Option<Scope>,
    /// What its tokens look like.
    pub format: AccessTokenFormat,
    /// How long its tokens live, at most a day; [`Lifetimes::access_token`] if absent.
    ///
    /// [`Lifetimes::access_token`]: crate::Lifetimes::access_token
    pub lifetime: Option<Duration>,
    /// As which client it introspects tokens ([RFC 7662 §2.1]); if absent, it cannot.
    ///
    /// [RFC 7662 §2.1]: https://www.rfc-editor.org/rfc/rfc7662#section-2.1
    pub client: Option<ClientId>,
    /// The claims of the person that its tokens carry, in the JWT itself or at introspection, whatever
    /// the scope; what the person keeps back, or the client may not have, they do not.
    pub claims: Vec<Box<str>>,
    /// Whether its tokens carry the claims that their scope asks for.
    pub scope_claims: bool,
}

impl ResourceServer {
    /// An API that takes opaque tokens with any scope.
    pub fn new(resource: Resource) -> Self {
        Self {
            resource,
            scope: None,
            format: AccessTokenFormat::default(),
            lifetime: None,
            client: None,
            claims: Vec::new(),
            scope_claims: false,
        }
    }
}

/// What access tokens look like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessTokenFormat {
    /// They say nothing to anybody but the provider: the API introspects them.
    #[default]
    Opaque,
    /// The API reads them itself ([RFC 9068]).
    ///
    /// [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068
    Jwt(JwtFormat),
}

/// How JWT access tokens are secured ([RFC 9068 §2]).
///
/// [RFC 9068 §2]: https://www.rfc-editor.org/rfc/rfc9068#section-2
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwtFormat {
    /// What signs them.
    pub algorithm: SigningAlgorithm,
    /// For whom they are encrypted then, if at all.
    pub encryption: Option<JwtEncryption>,
}

impl JwtFormat {
    /// Signed, and readable by whoever has one.
    pub const fn signed(algorithm: SigningAlgorithm) -> Self {
        Self { algorithm, encryption: None }
    }
}

/// Encryption to a key of an API ([RFC 7516]).
///
/// The provider cannot read such a token itself: it can neither be introspected nor revoked alone,
/// only with its grant.
///
/// [RFC 7516]: https://www.rfc-editor.org/rfc/rfc7516
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwtEncryption {
    /// How the key of the content is wrapped; one of the asymmetric algorithms.
    pub algorithm: KeyManagementAlgorithm,
    /// With what the content is encrypted.
    pub content: ContentEncryption,
    /// The API's keys.
    pub keys: Jwks,
}

impl JwtEncryption {
    /// To one of these keys.
    pub const fn new(
        algorithm: KeyManagementAlgorithm,
        content: ContentEncryption,
        keys: Jwks,
    ) -> Self {
        Self { algorithm, content, keys }
    }
}

impl ResourceServer {
    /// Every contradiction, each as a sentence that names the member of the server, which is called `this`.
    pub(crate) fn contradictions(&self, this: &str) -> Vec<String> {
        let name = self.resource.as_str();
        let mut found = Vec::new();
        if self.lifetime.is_some_and(|l| l < Duration::SECOND || l > Duration::days(1)) {
            found.push(format!("{this}.lifetime: that of {name} must be 1 to 86400 seconds"));
        }
        if let AccessTokenFormat::Jwt(JwtFormat { encryption: Some(encryption), .. }) = &self.format
            && encryption.algorithm.is_symmetric()
        {
            found.push(format!(
                "{this}.encryption: tokens for {name} cannot be encrypted with a secret"
            ));
        }
        for claim in self.claims.iter().filter(|claim| !crate::claims::is_claim(claim)) {
            found.push(format!("{this}.claims: {claim:?} cannot be a claim of tokens for {name}"));
        }
        found
    }
}
