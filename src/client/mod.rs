//! Who asks: clients, what they have registered, and how they prove who they are.

mod authenticate;
mod metadata;
mod registry;

use std::{fmt, sync::Arc};

pub(crate) use authenticate::{AuthenticatedClient, authenticate};
pub use metadata::{ApplicationType, AuthMethod, ClientMetadata, GrantType, InvalidMetadata};
pub use registry::{Clients, StaticClients};

use crate::{secret::Digest, types::ClientId};

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
    /// What proves that it is the client; several while one is being replaced, none for a public one.
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
        metadata.check()?;
        if secrets.is_empty() != (metadata.token_endpoint_auth_method == AuthMethod::None) {
            return Err(InvalidMetadata::SecretAndMethod);
        }
        Ok(Self {
            id,
            secrets,
            metadata,
            epoch: 0,
            enabled: true,
            first_party: false,
            require_pkce: None,
        })
    }

    /// Whether it cannot keep a secret ([RFC 6749 §2.1]).
    ///
    /// [RFC 6749 §2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-2.1
    pub fn is_public(&self) -> bool {
        self.metadata.token_endpoint_auth_method == AuthMethod::None
    }

    /// The name to show to people; the identifier if it has registered none.
    pub fn name(&self) -> &str {
        self.metadata.client_name.as_deref().unwrap_or(self.id.as_str())
    }
}

/// A client secret, of which only the SHA-256 digest is kept.
///
/// # Security
///
/// Give it at least 128 bits of randomness: a digest does not protect a guessable secret.
#[derive(Clone)]
pub struct ClientSecret(Digest);

impl ClientSecret {
    /// Takes the secret's digest and forgets the secret.
    pub fn new(secret: &str) -> Self {
        Self(Digest::of(secret.as_bytes()))
    }

    fn fits(&self, presented: &Digest) -> bool {
        self.0.same(presented.as_bytes())
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(..)")
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
        assert_eq!(format!("{:?}", secret()), "ClientSecret(..)");
    }
}
