//! What is published for everybody: the metadata and the keys, checked as the OpenID Foundation's
//! config plan does it ([OIDC Discovery §3], [RFC 7517 §4]).
//!
//! [OIDC Discovery §3]: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
//! [RFC 7517 §4]: https://www.rfc-editor.org/rfc/rfc7517#section-4

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Response, Url};
use serde_json::{Map, Value, json};

use super::{
    fixture::{CLIENTS, THIRD_PARTY},
    party::get,
    peers::Script,
    server::{Server, Setup},
};

const AT: &str = "/.well-known/openid-configuration";

/// A document, which is JSON and says so.
async fn document(url: &str, media_type: &str) -> Map<String, Value> {
    let response: Response = get(url).await;
    assert_eq!(response.status(), 200, "{url}");
    let found = response.headers()["content-type"].to_str().unwrap();
    assert_eq!(found.split(';').next(), Some(media_type), "{url}");
    assert_eq!(response.headers()["access-control-allow-origin"], "*", "{url}");
    response.json().await.unwrap()
}

async fn metadata(server: &Server) -> Map<String, Value> {
    document(&server.url(AT), "application/json").await
}

/// The type that the value of a member has.
#[derive(Clone, Copy, Debug)]
enum Type {
    Text,
    Address,
    Texts,
    Locales,
    Boolean,
}

/// The members that the suite's schema knows (OIDC Discovery §3, RFC 8414 §2, RFC 9207 §3, RP-initiated
/// logout §2.1, front-channel logout §3, back-channel logout §2, session management §3.3, RFC 9126 §5,
/// RFC 9449 §5.1, RFC 9101 §10.5, OIDC prompt=create §4).
fn type_of(member: &str) -> Option<Type> {
    Some(match member {
        "issuer" => Type::Text,
        "ui_locales_supported" | "claims_locales_supported" => Type::Locales,
        "jwks_uri"
        | "check_session_iframe"
        | "service_documentation"
        | "op_policy_uri"
        | "op_tos_uri"
        | "authorization_endpoint"
        | "token_endpoint"
        | "userinfo_endpoint"
        | "registration_endpoint"
        | "revocation_endpoint"
        | "introspection_endpoint"
        | "end_session_endpoint"
        | "pushed_authorization_request_endpoint" => Type::Address,
        "claims_parameter_supported"
        | "request_parameter_supported"
        | "request_uri_parameter_supported"
        | "require_request_uri_registration"
        | "require_signed_request_object"
        | "require_pushed_authorization_requests"
        | "authorization_response_iss_parameter_supported"
        | "frontchannel_logout_supported"
        | "frontchannel_logout_session_supported"
        | "backchannel_logout_supported"
        | "backchannel_logout_session_supported" => Type::Boolean,
        "scopes_supported"
        | "response_types_supported"
        | "response_modes_supported"
        | "grant_types_supported"
        | "acr_values_supported"
        | "subject_types_supported"
        | "id_token_signing_alg_values_supported"
        | "id_token_encryption_alg_values_supported"
        | "id_token_encryption_enc_values_supported"
        | "userinfo_signing_alg_values_supported"
        | "userinfo_encryption_alg_values_supported"
        | "userinfo_encryption_enc_values_supported"
        | "request_object_signing_alg_values_supported"
        | "introspection_signing_alg_values_supported"
        | "introspection_encryption_alg_values_supported"
        | "introspection_encryption_enc_values_supported"
        | "request_object_encryption_alg_values_supported"
        | "request_object_encryption_enc_values_supported"
        | "token_endpoint_auth_methods_supported"
        | "token_endpoint_auth_signing_alg_values_supported"
        | "revocation_endpoint_auth_methods_supported"
        | "revocation_endpoint_auth_signing_alg_values_supported"
        | "introspection_endpoint_auth_methods_supported"
        | "introspection_endpoint_auth_signing_alg_values_supported"
        | "display_values_supported"
        | "prompt_values_supported"
        | "claim_types_supported"
        | "claims_supported"
        | "code_challenge_methods_supported"
        | "dpop_signing_alg_values_supported" => Type::Texts,
        _ => return None,
    })
}

pub(super) fn texts<'m>(metadata: &'m Map<String, Value>, member: &str) -> Vec<&'m str> {
    let values = metadata[member].as_array().unwrap_or_else(|| panic!("{member}: no array"));
    values.iter().map(|v| v.as_str().unwrap_or_else(|| panic!("{member}: {v}"))).collect()
}

/// The whole document is well-formed: known members, of their types, nothing empty, nothing twice.
pub(super) fn well_formed(metadata: &Map<String, Value>, issuer: &str) {
    for (member, value) in metadata {
        let known = type_of(member).unwrap_or_else(|| panic!("{member} is in no schema"));
        match known {
            Type::Text => assert!(value.is_string(), "{member}: {value}"),
            Type::Boolean => assert!(value.is_boolean(), "{member}: {value}"),
            Type::Address => {
                let address = value.as_str().unwrap_or_else(|| panic!("{member}: {value}"));
                let url: Url = address.parse().unwrap_or_else(|e| panic!("{member}: {e}"));
                let loopback = url.scheme() == "http" && url.host_str() == Some("localhost");
                assert!(url.scheme() == "https" || loopback, "{member}: {url}");
                assert!(address.starts_with(&format!("{issuer}/")), "{member}: {url}");
                assert_eq!((url.fragment(), url.query()), (None, None), "{member}: {url}");
            }
            Type::Texts | Type::Locales => {
                let all = texts(metadata, member);
                let different: BTreeSet<_> = all.iter().collect();
                assert_eq!(different.len(), all.len(), "{member}: {all:?}");
                assert!(all.iter().all(|text| !text.trim().is_empty()), "{member}: {all:?}");
                if matches!(known, Type::Locales) {
                    assert!(all.iter().all(|tag| is_language_tag(tag)), "{member}: {all:?}");
                }
            }
        }
    }
}

/// BCP 47, as far as its shape goes.
fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
    parts.next().is_some_and(|first| (2..=8).contains(&first.len()) && letters(first))
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

#[tokio::test]
async fn metadata_are_well_formed() {
    let server = Server::shared();
    let metadata = metadata(&server).await;
    well_formed(&metadata, &server.issuer);
    assert_eq!(metadata["issuer"], server.issuer);
    let issuer: Url = server.issuer.parse().unwrap();
    assert_eq!((issuer.query(), issuer.fragment()), (None, None));
    // RFC 8414 §3: the same document is at the place for OAuth.
    let other = server.url("/.well-known/oauth-authorization-server");
    assert_eq!(document(&other, "application/json").await, metadata);
}

/// OIDC Discovery §3: what is required, and what the dynamic plan wants to find.
#[tokio::test]
async fn metadata_hold_what_is_required() {
    let server = Server::shared();
    let metadata = metadata(&server).await;
    for member in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        assert!(metadata.contains_key(member), "{member}");
    }
    for (member, wanted) in [
        (
            "response_types_supported",
            &[
                "code",
                "id_token",
                "id_token token",
                "code id_token",
                "code token",
                "code id_token token",
            ][..],
        ),
        ("response_modes_supported", &["query", "fragment", "form_post"]),
        ("grant_types_supported", &["authorization_code", "implicit"]),
        ("subject_types_supported", &["public", "pairwise"]),
        ("id_token_signing_alg_values_supported", &["RS256", "ES256"]),
        ("userinfo_signing_alg_values_supported", &["RS256", "ES256"]),
        ("request_object_signing_alg_values_supported", &["RS256", "ES256"]),
        ("id_token_encryption_alg_values_supported", &["RSA-OAEP-256", "ECDH-ES"]),
        ("id_token_encryption_enc_values_supported", &["A128CBC-HS256", "A256GCM"]),
        ("token_endpoint_auth_methods_supported", &["client_secret_basic", "client_secret_post"]),
        ("scopes_supported", &["openid", "profile", "email", "phone"]),
        ("code_challenge_methods_supported", &["S256"]),
        ("prompt_values_supported", &["none", "login", "consent", "select_account"]),
        (
            "claims_supported",
            &["sub", "iss", "auth_time", "acr", "name", "email", "email_verified", "phone_number"],
        ),
    ] {
        let listed = texts(&metadata, member);
        for value in wanted {
            assert!(listed.contains(value), "{member}: {value} in {listed:?}");
        }
    }
    let yes = Value::Bool(true);
    for member in [
        "claims_parameter_supported",
        "request_parameter_supported",
        "authorization_response_iss_parameter_supported",
    ] {
        assert_eq!(metadata[member], yes, "{member}");
    }
    // Its default is true, so that it must be said if it is not so.
    assert!(metadata.contains_key("request_uri_parameter_supported"));
    // Each response type, in the order that the registry has it.
    let types = texts(&metadata, "response_types_supported");
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    let different: BTreeSet<_> = types.iter().map(|t| words(t)).collect();
    assert_eq!(different.len(), types.len(), "{types:?}");
    // What no policy allows is not offered.
    let algorithms = texts(&metadata, "id_token_signing_alg_values_supported");
    assert!(!algorithms.contains(&"none"), "{algorithms:?}");
}

/// What is listed works: the algorithms of the clients that the other tests sign in with.
#[tokio::test]
async fn metadata_list_what_clients_use() {
    let metadata = metadata(&Server::shared()).await;
    let listed = |member, value: &str| {
        let all = texts(&metadata, member);
        assert!(all.contains(&value), "{member}: {value} in {all:?}");
    };
    for client in CLIENTS {
        listed("id_token_signing_alg_values_supported", client.alg);
        listed("token_endpoint_auth_methods_supported", client.auth);
        if let Some(alg) = client.userinfo_alg {
            listed("userinfo_signing_alg_values_supported", alg);
        }
        if let Some((alg, enc)) = client.encryption {
            listed("id_token_encryption_alg_values_supported", alg);
            listed("id_token_encryption_enc_values_supported", enc);
        }
    }
}

/// RFC 7517 §4, §9.3: public keys only, each with a name of its own and the members of its type.
#[tokio::test]
async fn keys_are_public_and_named() {
    let server = Server::shared();
    let metadata = metadata(&server).await;
    let set = document(metadata["jwks_uri"].as_str().unwrap(), "application/jwk-set+json").await;
    let keys = set["keys"].as_array().unwrap();
    let mut names = BTreeSet::new();
    let mut signing = BTreeSet::new();
    for key in keys {
        let key = key.as_object().unwrap();
        let text = |member: &str| {
            key.get(member).and_then(Value::as_str).unwrap_or_else(|| panic!("{member}: {key:?}"))
        };
        let bytes = |member| URL_SAFE_NO_PAD.decode(text(member)).unwrap();
        assert!(!text("kid").is_empty());
        assert!(names.insert(text("kid")), "{} comes twice", text("kid"));
        for secret in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
            assert!(!key.contains_key(secret), "{secret} of {}", text("kid"));
        }
        let (alg, key_use) = (text("alg"), text("use"));
        match (text("kty"), key.get("crv").and_then(Value::as_str)) {
            ("RSA", None) => {
                assert!(bytes("n").len() >= 256, "{} bytes", bytes("n").len());
                assert_eq!(bytes("e"), [1, 0, 1]);
                assert!(alg.starts_with("RS") || alg.starts_with("PS"), "{alg}");
            }
            ("EC", Some(curve)) => {
                let (size, algs) = match curve {
                    "P-256" => (32, ["ES256", "ECDH-ES"]),
                    "secp256k1" => (32, ["ES256K", "ECDH-ES"]),
                    "P-384" => (48, ["ES384", "ECDH-ES"]),
                    "P-521" => (66, ["ES512", "ECDH-ES"]),
                    _ => panic!("{curve}"),
                };
                assert_eq!((bytes("x").len(), bytes("y").len()), (size, size));
                assert!(algs.iter().any(|known| alg.starts_with(known)), "{alg} on {curve}");
            }
            ("OKP", Some("Ed25519")) => {
                assert_eq!(bytes("x").len(), 32);
                assert!(matches!(alg, "EdDSA" | "Ed25519"), "{alg}");
            }
            other => panic!("{other:?}: the suite does not know such keys"),
        }
        if key_use == "sig" {
            signing.insert(alg);
        } else {
            assert_eq!(key_use, "enc");
        }
    }
    // Whatever is offered for ID Tokens there is a key for, and the other way round.
    let offered = texts(&metadata, "id_token_signing_alg_values_supported");
    let by_key = offered.into_iter().filter(|alg| !alg.starts_with("HS")).collect();
    assert_eq!(signing, by_key);
}

/// The suite asks over TLS, where everything is https; openid-client accepts it as it is.
#[tokio::test]
async fn over_tls_everything_is_https() {
    let server = Server::start(Setup { name: "discovery-tls", tls: true, ..Setup::default() });
    let given = json!({ "issuer": server.issuer, "client": THIRD_PARTY.json() });
    let found = Script::shared("openid-client.mjs").run("discovery", given);
    let metadata = found["document"].as_object().unwrap();
    well_formed(metadata, &server.issuer);
    assert_eq!(found["understood"]["issuer"], server.issuer);
    for (member, value) in metadata {
        let text = value.as_str().unwrap_or_default();
        assert!(!text.contains("http://"), "{member}: {text}");
    }
}
