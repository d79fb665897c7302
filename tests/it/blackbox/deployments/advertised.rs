//! The metadata against what is done: neither more nor less.

use std::collections::BTreeSet;

use reqwest::Url;
use serde_json::Value;

use super::{Confidential, Deployment, sent};
use crate::blackbox::party;

/// The members that every provider here has, besides its endpoints.
const ALWAYS: [&str; 35] = [
    "issuer",
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "id_token_encryption_alg_values_supported",
    "id_token_encryption_enc_values_supported",
    "userinfo_signing_alg_values_supported",
    "userinfo_encryption_alg_values_supported",
    "userinfo_encryption_enc_values_supported",
    "request_object_signing_alg_values_supported",
    "request_object_encryption_alg_values_supported",
    "request_object_encryption_enc_values_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "introspection_signing_alg_values_supported",
    "introspection_encryption_alg_values_supported",
    "introspection_encryption_enc_values_supported",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "claim_types_supported",
    "claims_supported",
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_request_uri_registration",
    "code_challenge_methods_supported",
    "prompt_values_supported",
    "display_values_supported",
    "authorization_response_iss_parameter_supported",
    "backchannel_logout_supported",
];

/// The endpoints that there can be, where they are by default.
const ENDPOINTS: [(&str, &str); 10] = [
    ("authorization_endpoint", "/authorize"),
    ("token_endpoint", "/token"),
    ("userinfo_endpoint", "/userinfo"),
    ("jwks_uri", "/jwks"),
    ("introspection_endpoint", "/introspect"),
    ("revocation_endpoint", "/revoke"),
    ("registration_endpoint", "/register"),
    ("check_session_iframe", "/check_session"),
    ("end_session_endpoint", "/end_session"),
    ("pushed_authorization_request_endpoint", "/par"),
];

const RESPONSE_TYPES: [&str; 8] = [
    "code",
    "id_token",
    "id_token token",
    "code id_token",
    "code token",
    "code id_token token",
    "token",
    "none",
];

const GRANT_TYPES: [&str; 8] = [
    "authorization_code",
    "implicit",
    "refresh_token",
    "client_credentials",
    "password",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:device_code",
];

/// What a deployment is to advertise, and a client to try it with.
pub(super) struct Expected<'e> {
    /// The paths below the issuer.
    pub(super) endpoints: &'e [(&'e str, &'e str)],
    pub(super) response_types: &'e [&'e str],
    pub(super) grant_types: &'e [&'e str],
    pub(super) scopes: &'e [&'e str],
    /// Besides the protocol's own.
    pub(super) claims: &'e [&'e str],
    pub(super) prompts: &'e [&'e str],
    /// Members beside those that every provider has, and members of these, with their values.
    pub(super) more: &'e [(&'e str, Value)],
    pub(super) client: Confidential<'e>,
    pub(super) redirect_uri: &'e str,
}

/// Those of the standard scopes (OpenID Connect Core, section 5.1).
pub(super) const CLAIMS: [&str; 19] = [
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
    "email",
    "email_verified",
    "address",
    "phone_number",
    "phone_number_verified",
];

pub(super) const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

fn texts(value: &Value) -> BTreeSet<&str> {
    let texts = value.as_array().unwrap_or_else(|| panic!("no list: {value}"));
    let set: BTreeSet<_> = texts.iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(set.len(), texts.len(), "something is there twice: {value}");
    set
}

fn set<'t>(texts: &[&'t str]) -> BTreeSet<&'t str> {
    texts.iter().copied().collect()
}

/// Compares the document with what is expected, whole, and tries what it says.
pub(super) async fn exactly(deployment: &Deployment, expected: &Expected<'_>) {
    compare(deployment, expected);
    try_documents(deployment).await;
    try_endpoints(deployment).await;
    try_response_types(deployment, expected).await;
    try_grant_types(deployment, expected).await;
}

fn compare(deployment: &Deployment, expected: &Expected<'_>) {
    let metadata = deployment.metadata.as_object().unwrap();
    let has: BTreeSet<_> = metadata.keys().map(String::as_str).collect();
    let session = ["backchannel_logout_session_supported"];
    let logout = ["frontchannel_logout_supported", "frontchannel_logout_session_supported"];
    let endpoints = expected.endpoints.iter().map(|(member, _)| *member);
    let more = expected.more.iter().map(|(member, _)| *member);
    let wanted: BTreeSet<_> =
        ALWAYS.into_iter().chain(session).chain(logout).chain(endpoints).chain(more).collect();
    assert_eq!(has, wanted);

    for (member, path) in expected.endpoints {
        assert_eq!(metadata[*member], format!("{}{path}", deployment.issuer()), "{member}");
    }
    let protocol = set(&["sub", "iss", "auth_time", "acr", "amr", "sid"]);
    let claims: BTreeSet<_> = protocol.union(&set(expected.claims)).copied().collect();
    for (member, wanted) in [
        ("response_types_supported", set(expected.response_types)),
        ("grant_types_supported", set(expected.grant_types)),
        ("scopes_supported", set(expected.scopes)),
        ("claims_supported", claims),
        ("prompt_values_supported", set(expected.prompts)),
    ] {
        assert_eq!(texts(&metadata[member]), wanted, "{member}");
    }
    for (member, value) in expected.more {
        assert_eq!(metadata[*member], *value, "{member}");
    }
}

/// RFC 8414 §3.1: the same document where `OAuth` clients look for it, before the issuer's path; every address in
/// it is below the issuer, and nowhere above it is another document.
async fn try_documents(deployment: &Deployment) {
    let issuer: Url = deployment.issuer().parse().unwrap();
    let origin = issuer.origin().ascii_serialization();
    let path = issuer.path().trim_end_matches('/');
    let url = format!("{origin}/.well-known/oauth-authorization-server{path}");
    let (status, document) = sent(party::http().get(url)).await;
    assert_eq!((status, &document), (200, &deployment.metadata));
    let addresses = deployment.metadata.as_object().unwrap().iter();
    for (member, address) in addresses.filter_map(|(m, value)| Some((m, value.as_str()?))) {
        let below = address == deployment.issuer()
            || address.strip_prefix(deployment.issuer()).is_some_and(|rest| rest.starts_with('/'));
        assert!(below || !address.starts_with("http"), "{member}: {address}");
    }
    if !path.is_empty() {
        for known in ["openid-configuration", "oauth-authorization-server"] {
            let url = format!("{origin}/.well-known/{known}");
            assert_eq!(sent(party::http().get(url)).await.0, 404, "{known}");
        }
    }
}

/// What is listed is there, and nothing that is not listed is where it would be.
async fn try_endpoints(deployment: &Deployment) {
    let there = async |url: &str| {
        let (get, _) = sent(party::http().get(url)).await;
        let (post, _) = sent(party::http().post(url)).await;
        get != 404 || post != 404
    };
    let listed: Vec<_> = ENDPOINTS
        .iter()
        .filter_map(|(member, _)| deployment.metadata.get(member)?.as_str())
        .collect();
    for url in &listed {
        assert!(there(url).await, "{url}");
    }
    for (member, path) in ENDPOINTS {
        let url = format!("{}{path}", deployment.issuer());
        if !listed.contains(&url.as_str()) {
            assert!(!there(&url).await, "{member}: {url}");
        }
    }
}

async fn try_response_types(deployment: &Deployment, expected: &Expected<'_>) {
    for response_type in RESPONSE_TYPES {
        let more = [("response_type", response_type), ("prompt", "none")];
        let url = deployment.request(expected.client.0, expected.redirect_uri, &more);
        let answer = deployment.visitor().open(url).await.answer();
        let unsupported = answer.get("error").is_some_and(|e| e == "unsupported_response_type");
        let listed = expected.response_types.contains(&response_type);
        assert_eq!(unsupported, !listed, "{response_type}: {answer:?}");
    }
}

async fn try_grant_types(deployment: &Deployment, expected: &Expected<'_>) {
    for grant_type in GRANT_TYPES {
        let pairs = [("grant_type", grant_type)];
        let (status, answer) = deployment.post("token_endpoint", expected.client, &pairs).await;
        // The implicit grant has nothing to do with the endpoint.
        let listed = grant_type != "implicit" && expected.grant_types.contains(&grant_type);
        assert_eq!(answer["error"] == "unsupported_grant_type", !listed, "{grant_type}: {answer}");
        assert!(status == 400 || (listed && status == 200), "{grant_type}: {status} {answer}");
    }
}
