//! Client authentication at the endpoints that clients call themselves ([RFC 6749 §2.3], [§3.2.1],
//! [OIDC Core §9]).
//!
//! [RFC 6749 §2.3]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3
//! [§3.2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2.1
//! [OIDC Core §9]: https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication

use std::{borrow::Cow, net::IpAddr};

use super::{AuthMethod, Client, KnownClient, assertion::Assertion, secret};
use crate::{
    error::{ErrorCode, Failure, Reason, TokenError},
    provider::Core,
    throttle::{Attempt, AttemptKind},
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

/// Who sent the request; `called` is the path of the endpoint that it was sent to.
pub(crate) async fn authenticate(
    core: &Core,
    request: &Request<'_>,
    params: &Params<'_>,
    called: &str,
) -> Result<AuthenticatedClient, TokenError> {
    let authorization = request.authorization();
    let by_header = !matches!(authorization, Authorization::Absent);
    let challenge = |failure: Failure| {
        let error = TokenError::from(failure);
        if by_header { error.with_challenge() } else { error }
    };

    let credentials = Credentials::parse(authorization, params).map_err(challenge)?;
    let attempt = credentials.attempt(request.peer);
    if let Some(attempt) = &attempt {
        core.throttle.admit(attempt).await.map_err(TokenError::throttled)?;
    }
    let client = core.named_client(&credentials.id, request.peer).await?;
    let checked = credentials.check(core, client, called).await;
    if let (Err(failure), Some(attempt)) = (&checked, &attempt)
        && failure.reason.error() == ErrorCode::InvalidClient
    {
        core.throttle.failed(attempt).await;
    }
    let client = checked.map_err(challenge)?;
    if !client.is_public() {
        super::seen(core, &client).await?;
    }
    Ok(client)
}

/// What a request offers as proof, by exactly one method.
struct Credentials<'p> {
    id: ClientId,
    proof: Proof<'p>,
}

enum Proof<'p> {
    /// None: it is a public client.
    Nothing,
    Secret(AuthMethod, Cow<'p, str>),
    Assertion(Assertion<'p>),
}

impl<'p> Credentials<'p> {
    /// Reads them; using two methods at once is an error (§2.3).
    fn parse(authorization: Authorization<'_>, params: &'p Params<'_>) -> Result<Self, Failure> {
        let (id, secret) = (params.one("client_id")?, params.one("client_secret")?);
        let assertion = Assertion::parse(params);
        let asserted = !matches!(assertion, Ok(None));
        let (id, proof) = match authorization {
            Authorization::Basic(basic) => {
                if asserted || secret.is_some() || id.is_some_and(|id| id != basic.id) {
                    return Err(Reason::CredentialsTwice.into());
                }
                let proof = Proof::Secret(AuthMethod::ClientSecretBasic, basic.secret.into());
                (Cow::from(basic.id), proof)
            }
            Authorization::Absent => {
                let id = id.map(Cow::from);
                let missing = Reason::CredentialsMissing;
                match (assertion?, secret) {
                    (Some(_), Some(_)) => return Err(Reason::CredentialsTwice.into()),
                    (Some(assertion), None) => {
                        let id = id.or_else(|| assertion.unvouched_client().map(Cow::from));
                        (id.ok_or(missing)?, Proof::Assertion(assertion))
                    }
                    (None, Some(secret)) => {
                        let proof = Proof::Secret(AuthMethod::ClientSecretPost, secret.into());
                        (id.ok_or(missing)?, proof)
                    }
                    (None, None) => (id.ok_or(missing)?, Proof::Nothing),
                }
            }
            Authorization::Bearer(_) | Authorization::Other | Authorization::Malformed => {
                return Err(Reason::CredentialsMalformed.into());
            }
        };
        let id = ClientId::new(&*id).map_err(|_| Reason::CredentialsWrong)?;
        Ok(Self { id, proof })
    }

    fn method(&self) -> AuthMethod {
        match &self.proof {
            Proof::Nothing => AuthMethod::None,
            Proof::Secret(method, _) => *method,
            Proof::Assertion(assertion) => assertion.method,
        }
    }

    /// What the host's throttle decides about, if there is anything to try.
    fn attempt(&self, peer: Option<IpAddr>) -> Option<Attempt<'_>> {
        let kind = match self.proof {
            Proof::Nothing => return None,
            Proof::Secret(..) => AttemptKind::ClientSecret,
            Proof::Assertion(_) => AttemptKind::ClientAssertion,
        };
        Some(Attempt::client(kind, self.id.as_str(), peer))
    }

    /// One answer for an unknown client, a disabled one, another method and a wrong secret (threat
    /// CA-06).
    async fn check(
        &self,
        core: &Core,
        client: Option<KnownClient>,
        called: &str,
    ) -> Result<AuthenticatedClient, Failure> {
        let method = self.method();
        let fits = |client: &KnownClient| {
            client.enabled && client.metadata.token_endpoint_auth_method == method
        };
        let client = client.filter(fits);
        match &self.proof {
            Proof::Nothing => {}
            Proof::Secret(_, presented) => {
                secret::check(core, client.as_deref(), presented).await?;
            }
            Proof::Assertion(assertion) => {
                assertion.check(core, client.as_deref(), called).await?;
            }
        }
        client.map(AuthenticatedClient).ok_or(Reason::CredentialsWrong.into())
    }
}
