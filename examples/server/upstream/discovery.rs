//! What an upstream provider says of itself, and this server as its client.

use openidconnect::{
    AdditionalProviderMetadata, AuthType, ClientId, ClientSecret, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, ProviderMetadata, RedirectUrl,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
        CoreGrantType, CoreIdTokenVerifier, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};

use super::{
    failure::{Failure, Fault},
    transport::Endpoints,
};
use crate::config::UpstreamEntry;

/// Whoever holds the private key has signed: not what the client's secret could have signed as well.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

pub(super) type RelyingParty = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What the crate's own metadata leave out.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct More {
    /// [RFC 9207 §3].
    ///
    /// [RFC 9207 §3]: https://www.rfc-editor.org/rfc/rfc9207#section-3
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// An upstream provider, as it describes itself.
pub(super) struct Discovered {
    pub(super) client: RelyingParty,
    algorithms: Vec<CoreJwsSigningAlgorithm>,
    /// Whether each answer of it names it.
    pub(super) names_itself: bool,
}

impl Discovered {
    pub(super) fn verifier(&self) -> CoreIdTokenVerifier<'_> {
        self.client.id_token_verifier().set_allowed_algs(self.algorithms.iter().cloned())
    }
}

/// The provider's metadata and keys, fetched afresh.
pub(super) async fn discover(
    entry: &UpstreamEntry,
    redirect_uri: &str,
    endpoints: &Endpoints<'_>,
) -> Result<Discovered, Failure> {
    let unfit = |_| Failure::new(Fault::Malformed, "discovery");
    let issuer = IssuerUrl::new(entry.issuer.as_str().to_owned()).map_err(unfit)?;
    let redirect_uri = RedirectUrl::new(redirect_uri.to_owned()).map_err(unfit)?;
    let metadata = Metadata::discover_async(issuer, endpoints).await;
    let metadata = metadata.map_err(|error| Failure::discovery(&error))?;
    // The others are asked from here, and refused there.
    if !endpoints.may_be(metadata.authorization_endpoint().url()) {
        return Err(Failure::new(Fault::Malformed, "discovery").because("authorization_endpoint"));
    }
    let offered = metadata.id_token_signing_alg_values_supported();
    let algorithms = ALGORITHMS.into_iter().filter(|algorithm| offered.contains(algorithm));
    let algorithms: Vec<_> = algorithms.collect();
    let names_itself =
        metadata.additional_metadata().authorization_response_iss_parameter_supported;
    let auth_type = auth_type(metadata.token_endpoint_auth_methods_supported());
    let secret = entry.client_secret.as_ref();
    let secret = secret.map(|secret| ClientSecret::new(secret.expose().to_owned()));
    let id = ClientId::new(entry.client_id.clone());
    let client = CoreClient::from_provider_metadata(metadata, id, secret)
        .set_auth_type(auth_type)
        .set_redirect_uri(redirect_uri);
    if client.token_uri().is_none() {
        return Err(Failure::new(Fault::Malformed, "discovery").because("no token endpoint"));
    }
    Ok(Discovered { client, algorithms, names_itself })
}

/// Basic, unless the provider knows only the other way ([OpenID Connect Discovery §3]).
///
/// [OpenID Connect Discovery §3]: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
fn auth_type(offered: Option<&Vec<CoreClientAuthMethod>>) -> AuthType {
    let offers = |method| offered.is_some_and(|offered| offered.contains(&method));
    let post = offers(CoreClientAuthMethod::ClientSecretPost);
    if post && !offers(CoreClientAuthMethod::ClientSecretBasic) {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    }
}
