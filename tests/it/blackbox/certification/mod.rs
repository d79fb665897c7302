//! `examples/deployments/certification.toml`: what the certification suite's plans run against. The suite is
//! not here; this checks what it finds before its first sign-in, that registration takes what it sends, and, in
//! `sign_in.rs`, what comes of it when somebody signs in.

#[cfg(feature = "fetch")]
mod sign_in;

use std::{collections::BTreeSet, fs, path::Path};

use josekit::jwk::Jwk;
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    discovery::{texts, well_formed},
    party,
    server::{Server, tls},
};

const ISSUER: &str = "https://localhost.emobix.co.uk:9443";

/// What is in the file.
fn file() -> toml::Table {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deployments/certification.toml");
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The file, with other places for what it names. The server speaks plain HTTP, as behind a proxy; its own
/// certificate is tested by `process.rs`.
fn start(name: &str) -> Server {
    start_trusting(name, &tls().0)
}

/// The same; it fetches from servers that this authority, a file, vouches for.
fn start_trusting(name: &str, authority: &str) -> Server {
    let mut config = file();
    assert!(config.remove("tls").is_some());
    Server::start_with(name, "debug", |port, place| {
        let mut config = config.clone();
        config.insert("listen".into(), format!("127.0.0.1:{port}").into());
        config.insert("data".into(), place.join("data").to_str().unwrap().into());
        config["fetch"].as_table_mut().unwrap().insert("ca".into(), authority.into());
        config.to_string()
    })
}

/// An address of the provider as the server knows it.
fn at(server: &Server, address: &Value) -> String {
    let path = address.as_str().unwrap().strip_prefix(ISSUER).unwrap();
    server.url(path)
}

async fn metadata(server: &Server) -> Map<String, Value> {
    let answer = party::get(server.url("/.well-known/openid-configuration")).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// §1.6 and §1.7 of the notes on the suite: what oidcc-discovery-endpoint-verification wants, and what the
/// plans look for before they try something.
#[tokio::test]
async fn discovery_is_as_the_plans_want_it() {
    let server = start("certification");
    let metadata = metadata(&server).await;
    well_formed(&metadata, ISSUER);
    assert_eq!(metadata["issuer"], ISSUER);
    for (member, value) in &metadata {
        if member.ends_with("_endpoint") || member == "jwks_uri" {
            assert!(value.as_str().unwrap().starts_with("https://"), "{member}: {value}");
        }
    }
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "registration_endpoint",
        "jwks_uri",
    ] {
        assert!(metadata.contains_key(endpoint), "{endpoint}");
    }
    for (member, wanted) in [
        (
            "response_types_supported",
            "code|id_token|id_token token|code id_token|code token|code id_token token",
        ),
        ("response_modes_supported", "query|fragment|form_post"),
        ("grant_types_supported", "authorization_code|implicit|refresh_token|client_credentials"),
        ("subject_types_supported", "public|pairwise"),
        ("id_token_signing_alg_values_supported", "RS256|none"),
        ("userinfo_signing_alg_values_supported", "RS256|none"),
        ("request_object_signing_alg_values_supported", "RS256|none"),
        (
            "token_endpoint_auth_methods_supported",
            "client_secret_basic|client_secret_post|client_secret_jwt|private_key_jwt|none",
        ),
        ("scopes_supported", "openid|profile|email|address|phone|offline_access"),
        ("code_challenge_methods_supported", "S256"),
        ("acr_values_supported", "urn:example:password|urn:example:mfa"),
        ("claims_supported", "sub|name|email|email_verified|phone_number|address|birthdate"),
    ] {
        let listed = texts(&metadata, member);
        for value in wanted.split('|') {
            assert!(listed.contains(&value), "{member}: {value} in {listed:?}");
        }
    }
    for member in [
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
    ] {
        assert_eq!(metadata[member], true, "{member}");
    }
    let keys: Value = party::get(at(&server, &metadata["jwks_uri"])).await.json().await.unwrap();
    let keys = keys["keys"].as_array().unwrap();
    let names: BTreeSet<_> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(names.len(), keys.len());
    assert!(keys.iter().any(|key| key["alg"] == "RS256"), "{keys:?}");
}

/// What a module registers, reads, and deletes at its end; and what it wants to be refused.
#[tokio::test]
async fn registration_is_as_the_plans_want_it() {
    let server = start("certification-clients");
    let endpoint = at(&server, &metadata(&server).await["registration_endpoint"]);
    let mut key = Jwk::generate_rsa_key(2048).unwrap();
    key.set_key_id("k");
    key.set_key_use("sig");
    let key = key.to_public_key().unwrap();
    let callback = "https://localhost.emobix.co.uk:8443/test/a/x/callback";
    let usual = json!({
        "client_name": "basic x1y2", "contacts": ["certification@example.com"],
        "grant_types": ["authorization_code", "refresh_token", "implicit"],
        "response_types": ["code"], "redirect_uris": [callback],
        "token_endpoint_auth_method": "client_secret_basic", "jwks": { "keys": [key.as_ref()] },
    });
    let register = |more: Value| {
        let mut sent = usual.clone();
        sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let request = party::http().post(&endpoint).json(&sent);
        async move {
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["content-type"], "application/json");
            (response.status(), response.json::<Value>().await.unwrap())
        }
    };
    let all = ["code", "id_token", "id_token token", "code id_token", "code token"];
    for response_type in all.into_iter().chain(["code id_token token"]) {
        // The suite registers the grants that its response type needs.
        let code = response_type.contains("code").then_some("authorization_code");
        let implicit = response_type.contains("token").then_some("implicit");
        let grants: Vec<_> = code.into_iter().chain(implicit).collect();
        let more = json!({ "response_types": [response_type], "grant_types": grants });
        let (status, registered) = register(more).await;
        assert_eq!(status, StatusCode::CREATED, "{response_type}: {registered}");
        assert_eq!(registered["client_secret_expires_at"], 0);
        let uri = registered["registration_client_uri"].as_str().unwrap();
        assert!(uri.starts_with("https://"), "{uri}");
        let token = registered["registration_access_token"].as_str().unwrap();
        let uri = at(&server, &uri.into());
        let read = party::http().get(&uri).bearer_auth(token).send().await.unwrap();
        assert_eq!(read.status(), 200);
        let deleted = party::http().delete(&uri).bearer_auth(token).send().await.unwrap();
        assert_eq!(deleted.status(), 204);
    }
    let code = json!(["authorization_code"]);
    for (more, error) in [
        (json!({ "id_token_signed_response_alg": "none" }), ""),
        (json!({ "id_token_signed_response_alg": "RS256" }), ""),
        (json!({ "userinfo_signed_response_alg": "RS256" }), ""),
        (json!({ "request_object_signing_alg": "RS256" }), ""),
        (json!({ "subject_type": "pairwise" }), ""),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), ""),
        (json!({ "token_endpoint_auth_method": "client_secret_post" }), ""),
        (json!({ "jwks": null, "jwks_uri": "https://localhost.emobix.co.uk:8443/jwks" }), ""),
        (json!({ "request_uris": ["https://localhost.emobix.co.uk:8443/r.jwt#x"] }), ""),
        (json!({ "initiate_login_uri": "https://localhost.emobix.co.uk:8443/login" }), ""),
        (json!({ "logo_uri": "https://localhost.emobix.co.uk:8443/logo.png" }), ""),
        (
            json!({ "initiate_login_uri": "http://localhost.emobix.co.uk:8443/login" }),
            "invalid_client_metadata",
        ),
        (json!({ "redirect_uris": [format!("{callback}#foobar")] }), "invalid_redirect_uri"),
        // Nobody is there who would list the redirect URI.
        (
            json!({ "sector_identifier_uri": "https://127.0.0.1:1/sector.json" }),
            "invalid_client_metadata",
        ),
    ] {
        let mut more = more;
        more["grant_types"] = code.clone();
        let (status, answer) = register(more.clone()).await;
        let works = error.is_empty();
        assert_eq!(status == StatusCode::CREATED, works, "{more}: {answer}");
        if works {
            for (member, value) in more.as_object().unwrap().iter().filter(|(_, v)| !v.is_null()) {
                assert_eq!(answer[member], *value, "{member}");
            }
        } else {
            assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
            assert_eq!(answer["error"], error, "{more}");
        }
    }
}

/// The log says at the start what is weaker here than it should be, and finds nothing broken.
#[tokio::test]
async fn its_weaknesses_are_in_the_log() {
    let server = start("certification-lint");
    let log = server.log();
    for (level, code) in [
        ("WARN", "pkce_optional"),
        ("WARN", "unsigned_allowed"),
        ("WARN", "registered_grants"),
        ("DEBUG", "open_registration"),
        ("DEBUG", "audience_of_endpoint"),
    ] {
        let mut lines = log.lines().filter(|line| line.contains(&format!("({code}, ")));
        let line = lines.next().unwrap_or_else(|| panic!("no {code}:\n{log}"));
        assert!(line.contains(level) && lines.next().is_none(), "{line}");
    }
    assert!(!log.contains("error: "), "{log}");
    assert!(!log.contains("issuer_without_tls"), "{log}");
}

/// oidcc-server-rotate-keys: what the human does between two steps, as the file says it.
#[tokio::test]
async fn keys_rotate_as_the_file_says() {
    let server = start("certification-keys");
    let kids = async || {
        let keys: Value = party::get(server.url("/jwks")).await.json().await.unwrap();
        let keys = keys["keys"].as_array().unwrap().iter();
        let rs256 = keys.filter(|key| key["alg"] == "RS256");
        rs256.map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = kids().await;
    let body = json!({ "alg": "RS256", "announce": 0, "retire": 0 });
    let rotated = reqwest::Client::new()
        .post(server.url("/manage/keys/rotate"))
        .basic_auth("operator", Some("operator-of-the-certification"))
        .json(&body);
    assert_eq!(rotated.send().await.unwrap().status(), StatusCode::OK);
    let after = kids().await;
    assert_eq!((before.len(), after.len()), (1, 1), "the new one is there, the old one is gone");
    assert_ne!(before, after);
}
