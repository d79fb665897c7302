//! Client authentication at the token endpoint ([RFC 6749 §2.3], [§3.2.1]).
//!
//! [RFC 6749 §2.3]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3
//! [§3.2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2.1

use super::{AuthMethod, Client, ClientSecret, KnownClient};
use crate::{
    error::{Failure, Reason, TokenError},
    provider::Core,
    secret::Digest,
    throttle::Attempt,
    types::ClientId,
    wire::{Authorization, Params, Request},
};

/// A client that has proven who it is, or, if it is public, has said so. Only
/// [`authenticate`] makes one.
#[derive(Clone, Debug)]
pub(crate) struct AuthenticatedClient(KnownClient);

impl std::ops::Deref for AuthenticatedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

/// What a request offers as proof, by exactly one method.
struct Credentials {
    id: ClientId,
    method: AuthMethod,
    secret: Option<Digest>,
}

pub(crate) async fn authenticate(
    core: &Core,
    request: &Request<'_>,
    params: &Params<'_>,
) -> Result<AuthenticatedClient, TokenError> {
    let authorization = request.authorization();
    let by_header = !matches!(authorization, Authorization::Absent);
    let challenge = |error: TokenError| if by_header { error.with_challenge() } else { error };

    let credentials =
        Credentials::parse(authorization, params).map_err(|reason| challenge(reason.into()))?;
    let attempt = Attempt::client(credentials.id.as_str(), request.peer);
    if credentials.secret.is_some() {
        core.throttle.admit(&attempt).await.map_err(TokenError::throttled)?;
    }
    let client = core.clients.client(&credentials.id).await?;
    match credentials.verify(client) {
        Ok(client) => Ok(client),
        Err(reason) => {
            if credentials.secret.is_some() {
                core.throttle.failed(&attempt).await;
            }
            Err(challenge(Failure::from(reason).into()))
        }
    }
}

impl Credentials {
    /// Reads them; using two methods at once is an error (§2.3).
    fn parse(authorization: Authorization<'_>, params: &Params<'_>) -> Result<Self, Reason> {
        let (id, secret) = (params.one("client_id")?, params.one("client_secret")?);
        let client_id = |id: &str| ClientId::new(id).map_err(|_| Reason::CredentialsWrong);
        match authorization {
            Authorization::Basic(basic) => {
                if secret.is_some() || id.is_some_and(|id| id != basic.id) {
                    return Err(Reason::CredentialsTwice);
                }
                Ok(Self {
                    id: client_id(&basic.id)?,
                    method: AuthMethod::ClientSecretBasic,
                    secret: Some(Digest::of(basic.secret.as_bytes())),
                })
            }
            Authorization::Absent => Ok(Self {
                id: client_id(id.ok_or(Reason::CredentialsMissing)?)?,
                method: if secret.is_some() {
                    AuthMethod::ClientSecretPost
                } else {
                    AuthMethod::None
                },
                secret: secret.map(|secret| Digest::of(secret.as_bytes())),
            }),
            Authorization::Bearer(_) | Authorization::Other | Authorization::Malformed => {
                Err(Reason::CredentialsMalformed)
            }
        }
    }

    /// One answer and one amount of work for an unknown client, a disabled one, another method and
    /// a wrong secret (threat CA-06).
    fn verify(&self, client: Option<KnownClient>) -> Result<AuthenticatedClient, Reason> {
        let client = client.filter(|client| client.enabled);
        let nobody = [ClientSecret::nobodys()];
        let secrets = client.as_ref().map_or(&nobody[..], |client| &client.secrets);
        let fits = self.secret.as_ref().is_none_or(|presented| {
            secrets.iter().fold(false, |found, secret| found | secret.fits(presented))
        });
        client
            .filter(|client| fits && client.metadata.token_endpoint_auth_method == self.method)
            .map(AuthenticatedClient)
            .ok_or(Reason::CredentialsWrong)
    }
}
