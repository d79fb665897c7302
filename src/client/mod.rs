//! Who asks: clients, what they have registered, and how they prove who they are.

mod administration;
#[cfg(feature = "argon2")]
mod argon2;
mod assertion;
mod authenticate;
mod checked;
mod choices;
mod decoded;
mod document;
mod fit;
mod hashes;
mod inbound;
mod initiate;
mod keys;
mod lookup;
mod metadata;
mod permissions;
mod record;
mod registered;
mod registration;
mod registry;
mod secret;

use std::sync::Arc;

pub use administration::{AdministrationError, RegisteredClients};
#[cfg(feature = "argon2")]
pub use argon2::Argon2Secrets;
pub(crate) use authenticate::{AuthenticatedClient, authenticate};
pub use checked::CheckedClient;
pub use choices::{ApplicationType, AuthMethod, GrantType, SubjectType};
pub(crate) use decoded::Decoded;
pub use fit::Misfit;
pub(crate) use fit::{may_redirect, misfits};
pub use hashes::SecretHashes;
pub(crate) use inbound::unsealed;
pub use initiate::LoginInitiation;
pub(crate) use keys::{KeyFault, verified, with_keys};
pub(crate) use metadata::Format;
pub use metadata::{ClientMetadata, InvalidMetadata, LocalisedClient, LocalisedMembers};
pub use permissions::ClientPermissions;
pub use record::UnreadableClient;
pub(crate) use record::{Unused, seen, used};
pub use registered::RegisteredClient;
pub use registration::{
    InitialAccess, Publishers, Registration, RegistrationAccess, RegistrationPolicy,
    RegistrationRequest, RegistrationVerdict,
};
pub(crate) use registration::{manage, register};
pub use registry::{Clients, StaticClients};
pub use secret::ClientSecret;

use crate::{
    claims::ClaimPolicy,
    config::AssertionAudience,
    fetch::NamedBy,
    grant::RefreshPolicy,
    types::{ClientId, Resource, Subject, Timestamp},
};

/// A client of the provider: what it has registered, and what the administrator has set.
///
/// ```
/// use oidc_op::{Client, ClientId, ClientMetadata, ClientSecret, RedirectUri};
///
/// let mut metadata = ClientMetadata::default();
/// metadata.redirect_uris.push(RedirectUri::new("https://app.example/cb").unwrap());
/// let secret = ClientSecret::new("correct horse battery staple");
/// let mut client = Client::confidential(ClientId::new("app").unwrap(), secret, metadata).unwrap();
/// client.first_party = true;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Client {
    /// Its identifier.
    pub id: ClientId,
    /// What proves that it is the client; several while one is being replaced, none for a public one
    /// and for one that has only [keys](Self::keyed).
    pub secrets: Vec<ClientSecret>,
    /// What it has registered, checked.
    pub metadata: ClientMetadata,
    /// Raised to end every grant that the client holds.
    pub epoch: u32,
    /// A disabled client is treated as unknown.
    pub enabled: bool,
    /// Run by the same organisation as the provider: people are not asked for consent.
    pub first_party: bool,
    /// Whether it must use PKCE; `None` follows [`Policy::require_pkce`](crate::Policy). A public
    /// client must always.
    pub require_pkce: Option<bool>,
    /// Whom its assertions must be meant for; `None` follows
    /// [`Policy::assertion_audience`](crate::Policy).
    pub assertion_audience: Option<AssertionAudience>,
    /// Which claims it may have, and where.
    pub claims: ClaimPolicy,
    /// Which refresh tokens it gets.
    pub refresh: RefreshPolicy,
    /// The APIs that its tokens may be for; all of [`Config::resources`](crate::Config::resources), if
    /// absent.
    pub resources: Option<Vec<Resource>>,
    /// Whether it may send people's passwords ([`GrantType::Password`]); only one of the
    /// [first party](Self::first_party) ever may.
    pub password_grant: bool,
    /// Whose permissions bound what it may do for itself ([`ClientPermissions`]); nobody's, if absent.
    ///
    /// [`ClientPermissions`]: crate::ClientPermissions
    pub owner: Option<Subject>,
    /// Until when it must have been used, or it is forgotten; never, once it has been.
    pub(crate) unused: Option<Unused>,
    /// Whose word it is that the addresses are its own: a stranger's, if it describes itself.
    pub(crate) named_by: NamedBy,
}

impl Client {
    /// A client that can keep a secret.
    ///
    /// # Errors
    ///
    /// The metadata contradict themselves, or are those of a public client.
    pub fn confidential(
        id: ClientId,
        secret: ClientSecret,
        metadata: ClientMetadata,
    ) -> Result<Self, InvalidMetadata> {
        Self::new(id, vec![secret], metadata)
    }

    /// A client that proves with its keys who it is, and has no secret. Its authentication method
    /// becomes `private_key_jwt` if it is the default.
    ///
    /// # Errors
    ///
    /// The metadata contradict themselves, have no keys, or are those of a client with a secret.
    pub fn keyed(id: ClientId, mut metadata: ClientMetadata) -> Result<Self, InvalidMetadata> {
        let method = &mut metadata.token_endpoint_auth_method;
        if *method == AuthMethod::default() {
            *method = AuthMethod::PrivateKeyJwt;
        }
        if *method == AuthMethod::None {
            return Err(InvalidMetadata::SecretAndMethod);
        }
        Self::new(id, Vec::new(), metadata)
    }

    /// A client that cannot keep a secret: an app, or a page that runs in the browser. Its
    /// authentication method becomes `none`.
    ///
    /// # Errors
    ///
    /// The metadata contradict themselves.
    pub fn public(id: ClientId, metadata: ClientMetadata) -> Result<Self, InvalidMetadata> {
        let metadata = ClientMetadata { token_endpoint_auth_method: AuthMethod::None, ..metadata };
        Self::new(id, Vec::new(), metadata)
    }

    fn new(
        id: ClientId,
        secrets: Vec<ClientSecret>,
        metadata: ClientMetadata,
    ) -> Result<Self, InvalidMetadata> {
        let client = Self { secrets, ..Self::unchecked(id, metadata) };
        client.check()?;
        Ok(client)
    }

    /// What a client is before anybody has looked at it.
    fn unchecked(id: ClientId, metadata: ClientMetadata) -> Self {
        Self {
            id,
            secrets: Vec::new(),
            metadata,
            epoch: 0,
            enabled: true,
            first_party: false,
            require_pkce: None,
            assertion_audience: None,
            claims: ClaimPolicy::default(),
            refresh: RefreshPolicy::default(),
            resources: None,
            password_grant: false,
            owner: None,
            unused: None,
            named_by: NamedBy::Registered,
        }
    }

    /// Whether what it has registered fits together, and its secrets with it.
    fn check(&self) -> Result<(), InvalidMetadata> {
        let Self { metadata, secrets, .. } = self;
        metadata.check()?;
        let agree = match metadata.token_endpoint_auth_method {
            AuthMethod::None => secrets.is_empty(),
            // One that it has is for other uses.
            AuthMethod::PrivateKeyJwt => true,
            _ => !secrets.is_empty(),
        };
        if !agree {
            return Err(InvalidMetadata::SecretAndMethod);
        }
        for (member, size) in metadata.symmetric_uses() {
            let fits = |secret: &ClientSecret| secret.key().is_some_and(|key| key.len() >= size);
            if secrets.is_empty() || !secrets.iter().all(fits) {
                return Err(InvalidMetadata::SecretNotKept(member));
            }
        }
        Ok(())
    }

    /// Whether it cannot keep a secret ([RFC 6749 §2.1]).
    ///
    /// [RFC 6749 §2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-2.1
    pub fn is_public(&self) -> bool {
        self.metadata.token_endpoint_auth_method == AuthMethod::None
    }

    /// Its secrets as keys: those that are kept and have not expired, the first one first.
    pub(crate) fn secret_keys(&self, now: Timestamp) -> Vec<&[u8]> {
        let living = self.secrets.iter().filter(|secret| secret.lives(now));
        living.filter_map(ClientSecret::key).collect()
    }

    /// Whether its tokens may be for this API.
    pub(crate) fn may_reach(&self, resource: &str) -> bool {
        let named = |allowed: &Vec<Resource>| allowed.iter().any(|r| r.as_str() == resource);
        self.resources.as_ref().is_none_or(named)
    }

    /// The name to show to people, in no particular language; the identifier if it has registered
    /// none. [`localised`](Self::localised) knows languages.
    pub fn name(&self) -> &str {
        let name = self.metadata.client_name.as_deref();
        name.filter(|name| !name.trim().is_empty()).unwrap_or(self.id.as_str())
    }
}

/// A client whose registration was just looked up and is in force.
pub(crate) type KnownClient = Arc<Client>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::RedirectUri;

    #[test]
    fn secret_and_method_agree() {
        let id = || ClientId::new("c").unwrap();
        let secret = || ClientSecret::new("s");
        let metadata = |method| ClientMetadata {
            redirect_uris: vec![RedirectUri::new("https://c.example/cb").unwrap()],
            token_endpoint_auth_method: method,
            ..ClientMetadata::default()
        };
        let refused = Client::confidential(id(), secret(), metadata(AuthMethod::None)).unwrap_err();
        assert_eq!(refused, InvalidMetadata::SecretAndMethod);
        let public = Client::public(id(), metadata(AuthMethod::ClientSecretPost)).unwrap();
        assert!(public.is_public());

        // OIDC Core §9: with keys there need be no secret, and may be one.
        let keys = |method| ClientMetadata {
            jwks_uri: Some("https://c.example/jwks".into()),
            ..metadata(method)
        };
        let method = |client: Client| client.metadata.token_endpoint_auth_method;
        let keyed = |metadata| Client::keyed(id(), metadata).map(method);
        let (jwt, refused) = (AuthMethod::PrivateKeyJwt, Err(refused));
        assert_eq!(keyed(keys(AuthMethod::default())), Ok(jwt));
        assert_eq!(keyed(keys(jwt)), Ok(jwt));
        assert_eq!(keyed(keys(AuthMethod::None)), refused);
        assert_eq!(keyed(keys(AuthMethod::ClientSecretPost)), refused);
        assert_eq!(keyed(keys(AuthMethod::ClientSecretJwt)), refused);
        let missing = InvalidMetadata::KeysMissing("token_endpoint_auth_method");
        assert_eq!(keyed(metadata(jwt)), Err(missing));
        let both = Client::confidential(id(), secret(), keys(jwt)).unwrap();
        assert!(!both.is_public());
    }

    /// OIDC Core §16.19: a key is as long as the hash.
    #[test]
    fn symmetric_uses_need_the_secret_itself() {
        let made = |alg: &str, secret: ClientSecret| {
            let metadata = serde_json::json!({
                "redirect_uris": ["https://c.example/cb"], "id_token_signed_response_alg": alg
            });
            let metadata = serde_json::from_value(metadata).unwrap();
            Client::confidential(ClientId::new("c").unwrap(), secret, metadata).map(|_| ())
        };
        let refused = Err(InvalidMetadata::SecretNotKept("id_token_signed_response_alg"));
        let asserting = |alg: Option<&str>, secret: ClientSecret| {
            let metadata = ClientMetadata {
                redirect_uris: vec![RedirectUri::new("https://c.example/cb").unwrap()],
                token_endpoint_auth_method: AuthMethod::ClientSecretJwt,
                token_endpoint_auth_signing_alg: alg.map(|alg| alg.parse().unwrap()),
                ..ClientMetadata::default()
            };
            Client::confidential(ClientId::new("c").unwrap(), secret, metadata).is_ok()
        };
        for (alg, size, ok) in [
            (None, 31, false),
            (None, 32, true),
            (Some("HS256"), 32, true),
            (Some("HS512"), 63, false),
            (Some("HS512"), 64, true),
        ] {
            assert_eq!(asserting(alg, ClientSecret::kept(&"s".repeat(size))), ok, "{alg:?} {size}");
            assert!(!asserting(alg, ClientSecret::new(&"s".repeat(size))), "{alg:?} {size}");
        }
        let long = "s".repeat(48);
        assert_eq!(made("HS256", ClientSecret::new(&long)), refused);
        assert_eq!(made("HS256", ClientSecret::kept(&long[..31])), refused);
        assert_eq!(made("HS256", ClientSecret::kept(&long[..32])), Ok(()));
        assert_eq!(made("HS384", ClientSecret::kept(&long)), Ok(()));
        assert_eq!(made("HS512", ClientSecret::kept(&long)), refused);

        // OIDC Core §10.1: a public client has no secret to keep.
        let metadata = ClientMetadata {
            redirect_uris: vec![RedirectUri::new("https://c.example/cb").unwrap()],
            id_token_signed_response_alg: "HS256".parse().unwrap(),
            ..ClientMetadata::default()
        };
        let public = Client::public(ClientId::new("c").unwrap(), metadata);
        assert_eq!(public.map(|_| ()), refused);
    }
}
