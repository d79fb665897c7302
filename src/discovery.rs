//! What the provider says of itself: its metadata and its keys, made from what is wired.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    authorize::CONTINUE,
    client::{AuthMethod, GrantType, SubjectType},
    config::Paths,
    jose::DecryptionKeys,
    provider::Core,
    secret::Digest,
    types::{
        ClientId, ContentEncryption, Issuer, JwsAlgorithm, KeyManagementAlgorithm, ResponseMode,
        ResponseType, Scope,
    },
    wire::{Cors, Reply, Request},
};

/// The paths and addresses of the endpoints, worked out once.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) openid_configuration: String,
    pub(crate) oauth_authorization_server: String,
    pub(crate) authorize: String,
    pub(crate) token: String,
    pub(crate) userinfo: String,
    pub(crate) jwks: String,
    pub(crate) introspection: String,
    pub(crate) revocation: String,
    pub(crate) registration: String,
    pub(crate) check_session: String,
    pub(crate) end_session: String,
    origin: String,
}

impl Endpoints {
    pub(crate) fn new(issuer: &Issuer, paths: &Paths) -> Self {
        let base = issuer.path();
        Self {
            openid_configuration: format!("{base}/.well-known/openid-configuration"),
            // RFC 8414 §3.1: the well-known part comes before the issuer's path.
            oauth_authorization_server: format!("/.well-known/oauth-authorization-server{base}"),
            authorize: format!("{base}{}", paths.authorize),
            token: format!("{base}{}", paths.token),
            userinfo: format!("{base}{}", paths.userinfo),
            jwks: format!("{base}{}", paths.jwks),
            introspection: format!("{base}{}", paths.introspection),
            revocation: format!("{base}{}", paths.revocation),
            registration: format!("{base}{}", paths.registration),
            check_session: format!("{base}{}", paths.check_session),
            end_session: format!("{base}{}", paths.end_session),
            origin: issuer.origin().to_owned(),
        }
    }

    /// The absolute address of a path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Where a client finds its own registration.
    pub(crate) fn registration_of(&self, client: &ClientId) -> String {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", client.as_str())
            .finish();
        format!("{}?{query}", self.at(&self.registration))
    }

    /// Where a request that came by POST goes on.
    pub(crate) fn continue_at(&self, token: &str) -> String {
        format!("{}?{CONTINUE}={token}", self.at(&self.authorize))
    }
}

/// Provider metadata ([OIDC Discovery §3], [RFC 8414 §2]).
///
/// Closed values are listed exactly when they work; members whose absence would say something else
/// are always written.
///
/// [OIDC Discovery §3]: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
/// [RFC 8414 §2]: https://www.rfc-editor.org/rfc/rfc8414#section-2
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the registered members are what they are")]
struct Metadata<'m> {
    issuer: &'m str,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_session_iframe: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_session_endpoint: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    frontchannel_logout_supported: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    frontchannel_logout_session_supported: bool,
    scopes_supported: &'m Scopes<'m>,
    response_types_supported: &'m [ResponseType],
    response_modes_supported: Vec<ResponseMode>,
    grant_types_supported: Vec<GrantType>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    acr_values_supported: &'m [crate::types::Acr],
    subject_types_supported: Vec<&'static str>,
    id_token_signing_alg_values_supported: Vec<JwsAlgorithm>,
    id_token_encryption_alg_values_supported: &'static [KeyManagementAlgorithm],
    id_token_encryption_enc_values_supported: &'static [ContentEncryption],
    userinfo_signing_alg_values_supported: Vec<JwsAlgorithm>,
    userinfo_encryption_alg_values_supported: &'static [KeyManagementAlgorithm],
    userinfo_encryption_enc_values_supported: &'static [ContentEncryption],
    request_object_signing_alg_values_supported: Vec<JwsAlgorithm>,
    request_object_encryption_alg_values_supported: Vec<KeyManagementAlgorithm>,
    request_object_encryption_enc_values_supported: &'static [ContentEncryption],
    token_endpoint_auth_methods_supported: [AuthMethod; 5],
    token_endpoint_auth_signing_alg_values_supported: Vec<JwsAlgorithm>,
    introspection_endpoint_auth_methods_supported: Vec<AuthMethod>,
    introspection_endpoint_auth_signing_alg_values_supported: Vec<JwsAlgorithm>,
    introspection_signing_alg_values_supported: Vec<JwsAlgorithm>,
    introspection_encryption_alg_values_supported: &'static [KeyManagementAlgorithm],
    introspection_encryption_enc_values_supported: &'static [ContentEncryption],
    revocation_endpoint_auth_methods_supported: [AuthMethod; 5],
    revocation_endpoint_auth_signing_alg_values_supported: Vec<JwsAlgorithm>,
    claim_types_supported: &'static [&'static str],
    claims_supported: Vec<&'m str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    claims_locales_supported: &'m [Box<str>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ui_locales_supported: &'m [String],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    require_request_uri_registration: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_challenge_methods_supported: Option<[&'static str; 1]>,
    prompt_values_supported: Vec<&'static str>,
    display_values_supported: [&'static str; 4],
    authorization_response_iss_parameter_supported: bool,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    client_id_metadata_document_supported: bool,
}

/// A scope as metadata lists it.
struct Scopes<'s>(&'s Scope);

impl Serialize for Scopes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl<'m> Metadata<'m> {
    fn new(core: &'m Core, scopes: &'m Scopes<'m>, algorithms: Algorithms) -> Self {
        let (config, endpoints) = (&core.config, &core.endpoints);
        let signed = || JwsAlgorithm::signed().collect();
        let mut signed_by_us = algorithms.issued.clone();
        signed_by_us.retain(|algorithm| *algorithm != JwsAlgorithm::None);
        let mut claims = vec!["sub", "iss", "auth_time", "acr", "amr", "sid"];
        claims.extend(config.claims.listed());
        let mut subject_types = vec![SubjectType::Public.as_str()];
        subject_types.extend(core.pairwise.as_ref().map(|_| SubjectType::Pairwise.as_str()));
        let mut prompts = vec!["none", "login", "consent", "select_account"];
        prompts.extend(config.account_creation.then_some("create"));
        let own_sessions = !config.host_sessions;
        let back_channel = own_sessions && core.fetch.is_some();
        Self {
            issuer: config.issuer.as_str(),
            authorization_endpoint: endpoints.at(&endpoints.authorize),
            token_endpoint: endpoints.at(&endpoints.token),
            userinfo_endpoint: endpoints.at(&endpoints.userinfo),
            jwks_uri: endpoints.at(&endpoints.jwks),
            introspection_endpoint: endpoints.at(&endpoints.introspection),
            revocation_endpoint: endpoints.at(&endpoints.revocation),
            registration_endpoint: config
                .registration
                .as_ref()
                .map(|_| endpoints.at(&endpoints.registration)),
            check_session_iframe: (own_sessions && config.policy.session_management)
                .then(|| endpoints.at(&endpoints.check_session)),
            end_session_endpoint: own_sessions.then(|| endpoints.at(&endpoints.end_session)),
            frontchannel_logout_supported: own_sessions,
            frontchannel_logout_session_supported: own_sessions,
            scopes_supported: scopes,
            response_types_supported: &config.response_types,
            response_modes_supported: response_modes(core),
            grant_types_supported: grant_types(core),
            acr_values_supported: &config.acr_values,
            subject_types_supported: subject_types,
            id_token_signing_alg_values_supported: algorithms.issued.clone(),
            id_token_encryption_alg_values_supported: KeyManagementAlgorithm::ALL,
            id_token_encryption_enc_values_supported: ContentEncryption::ALL,
            userinfo_signing_alg_values_supported: algorithms.issued,
            userinfo_encryption_alg_values_supported: KeyManagementAlgorithm::ALL,
            userinfo_encryption_enc_values_supported: ContentEncryption::ALL,
            request_object_signing_alg_values_supported: algorithms.accepted,
            request_object_encryption_alg_values_supported: algorithms.opened,
            request_object_encryption_enc_values_supported: ContentEncryption::ALL,
            token_endpoint_auth_methods_supported: AuthMethod::ALL,
            token_endpoint_auth_signing_alg_values_supported: signed(),
            introspection_endpoint_auth_methods_supported: AuthMethod::ALL
                .into_iter()
                .filter(|method| *method != AuthMethod::None)
                .collect(),
            introspection_endpoint_auth_signing_alg_values_supported: signed(),
            introspection_signing_alg_values_supported: signed_by_us,
            introspection_encryption_alg_values_supported: KeyManagementAlgorithm::ALL,
            introspection_encryption_enc_values_supported: ContentEncryption::ALL,
            revocation_endpoint_auth_methods_supported: AuthMethod::ALL,
            revocation_endpoint_auth_signing_alg_values_supported: signed(),
            claim_types_supported: if config.claims.sources {
                &["normal", "aggregated", "distributed"]
            } else {
                &["normal"]
            },
            claims_supported: claims,
            claims_locales_supported: &config.claims.locales,
            ui_locales_supported: &config.ui_locales,
            claims_parameter_supported: true,
            request_parameter_supported: true,
            request_uri_parameter_supported: core.fetch.is_some(),
            require_request_uri_registration: core.fetch.is_some(),
            code_challenge_methods_supported: core
                .supports(&GrantType::AuthorizationCode)
                .then_some(["S256"]),
            prompt_values_supported: prompts,
            display_values_supported: ["page", "popup", "touch", "wap"],
            authorization_response_iss_parameter_supported: true,
            backchannel_logout_supported: back_channel,
            backchannel_logout_session_supported: back_channel,
            client_id_metadata_document_supported: config.policy.client_documents,
        }
    }
}

/// The response modes that some response type works with: tokens never travel in a query.
fn response_modes(core: &Core) -> Vec<ResponseMode> {
    let query = core.config.response_types.iter().any(|response_type| !response_type.implicit());
    let works = |mode: &ResponseMode| query || *mode != ResponseMode::Query;
    ResponseMode::ALL.into_iter().filter(works).collect()
}

/// The grant types that work here, the host's own included.
fn grant_types(core: &Core) -> Vec<GrantType> {
    let own = core.extensions.iter().map(|grant| GrantType::Extension(grant.grant_type().into()));
    let wired = |grant_type: &GrantType| core.supports(grant_type);
    GrantType::REGISTERED.into_iter().filter(wired).chain(own).collect()
}

/// What signs, verifies and decrypts here and now.
struct Algorithms {
    issued: Vec<JwsAlgorithm>,
    accepted: Vec<JwsAlgorithm>,
    opened: Vec<KeyManagementAlgorithm>,
}

impl Algorithms {
    fn of(core: &Core) -> Self {
        let now = core.clock.now();
        let unsigned = core.config.policy.unsigned.then_some(JwsAlgorithm::None);
        let makes = |algorithm: &JwsAlgorithm| match algorithm {
            JwsAlgorithm::Signature(algorithm) => core.signer.active(*algorithm, now).is_some(),
            JwsAlgorithm::Mac(_) | JwsAlgorithm::None => true,
        };
        let own = core.decryption.as_ref().map(DecryptionKeys::algorithms).unwrap_or_default();
        let opens = |algorithm: &KeyManagementAlgorithm| {
            algorithm.is_symmetric() || own.contains(algorithm)
        };
        Self {
            issued: JwsAlgorithm::signed().filter(makes).chain(unsigned).collect(),
            accepted: JwsAlgorithm::signed().chain(unsigned).collect(),
            opened: KeyManagementAlgorithm::ALL.iter().copied().filter(opens).collect(),
        }
    }
}

/// The metadata document, at both of its places.
pub(crate) fn metadata(core: &Core, http: &Request<'_>) -> Reply {
    let scopes = Scopes(&core.scopes);
    let metadata = Metadata::new(core, &scopes, Algorithms::of(core));
    cacheable(core, http, Reply::json(200, &metadata), "application/json")
}

/// The JWK Set ([RFC 7517 §5]).
///
/// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
pub(crate) fn jwks(core: &Core, http: &Request<'_>) -> Reply {
    #[derive(Serialize)]
    struct JwkSet {
        keys: Vec<Map<String, Value>>,
    }

    let signing = core.signer.published(core.clock.now()).into_iter().map(|key| key.jwk);
    let encryption = core.decryption.as_ref().map(DecryptionKeys::published).unwrap_or_default();
    let set = JwkSet { keys: signing.chain(encryption).collect() };
    cacheable(core, http, Reply::json(200, &set), "application/jwk-set+json")
}

/// Public documents may be cached and read by any script; an unchanged one is not sent again
/// ([RFC 9110 §13.1.2]).
///
/// [RFC 9110 §13.1.2]: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
pub(crate) fn cacheable(
    core: &Core,
    http: &Request<'_>,
    reply: Reply,
    media_type: &'static str,
) -> Reply {
    let etag = etag(&reply.body);
    let unchanged = http
        .header_all("if-none-match")
        .flat_map(|tags| tags.split(','))
        .any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag);
    let reply = if unchanged {
        Reply::empty(304)
    } else {
        let mut reply = reply;
        reply.headers.retain(|(name, _)| *name != "content-type");
        reply.with("content-type", media_type)
    };
    let seconds = core.config.lifetimes.metadata_cache.whole_seconds();
    reply.cached(format!("public, max-age={seconds}")).with("etag", etag).with_cors(Cors::Any)
}

fn etag(body: &[u8]) -> String {
    let digest = Digest::of(body);
    let short = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    format!("\"{:016x}\"", u64::from_be_bytes(short))
}
