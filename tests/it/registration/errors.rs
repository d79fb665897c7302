//! What is refused, and by which code (RFC 7591 §3.2.2, OIDC Registration §3.3).

use super::*;

const REDIRECT: &str = "invalid_redirect_uri";
const METADATA: &str = "invalid_client_metadata";

#[tokio::test]
async fn codes() {
    let op = setup().build();
    let long = format!("https://rp.example/{}", "x".repeat(3_000));
    let implicit = json!({ "response_types": ["id_token"], "grant_types": ["implicit"] });
    let implicit_at = |uri: &str| {
        let mut members = implicit.clone();
        members["redirect_uris"] = json!([uri]);
        members
    };
    for (members, error) in [
        (json!({ "redirect_uris": [] }), REDIRECT),
        (json!({ "redirect_uris": null }), REDIRECT),
        (json!({ "redirect_uris": ["/cb"] }), REDIRECT),
        (json!({ "redirect_uris": ["rp.example/cb"] }), REDIRECT),
        (json!({ "redirect_uris": ["https://rp.example/cb#"] }), REDIRECT),
        (json!({ "redirect_uris": ["https://rp.example/cb#fragment"] }), REDIRECT),
        (json!({ "redirect_uris": ["https://user@rp.example/cb"] }), REDIRECT),
        (json!({ "redirect_uris": ["https://*.rp.example/cb"] }), REDIRECT),
        (json!({ "redirect_uris": ["http://rp.example/cb"] }), REDIRECT),
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), REDIRECT),
        (json!({ "redirect_uris": ["data:text/html,x"] }), REDIRECT),
        (json!({ "redirect_uris": [long] }), REDIRECT),
        (json!({ "redirect_uris": ["https://rp.example/cb", "https://rp.example/cb"] }), REDIRECT),
        (json!({ "redirect_uris": ["https://rp.example/cb", "http://evil.example/"] }), REDIRECT),
        (json!({ "redirect_uris": ["com.example.app:/cb"] }), REDIRECT),
        (implicit_at("http://127.0.0.1/cb"), REDIRECT),
        (implicit_at("https://localhost/cb"), REDIRECT),
        (json!({ "token_endpoint_auth_method": "tls_client_auth" }), METADATA),
        (json!({ "token_endpoint_auth_method": "None" }), METADATA),
        (json!({ "grant_types": ["not a grant"] }), METADATA),
        (json!({ "response_types": ["code code"] }), METADATA),
        (json!({ "response_types": ["teapot"] }), METADATA),
        (json!({ "response_types": ["token"], "grant_types": ["authorization_code"] }), METADATA),
        (json!({ "grant_types": ["implicit"], "response_types": ["code"] }), METADATA),
        (json!({ "application_type": "service" }), METADATA),
        (json!({ "subject_type": "private" }), METADATA),
        (json!({ "scope": "a\"b" }), METADATA),
        (json!({ "default_max_age": -1 }), METADATA),
        (json!({ "default_max_age": "60" }), METADATA),
        (json!({ "jwks": { "keys": [] }, "jwks_uri": "https://rp.example/jwks" }), METADATA),
        (json!({ "jwks": { "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] } }), METADATA),
        (json!({ "jwks": "https://rp.example/jwks" }), METADATA),
        (json!({ "jwks_uri": "http://rp.example/jwks" }), METADATA),
        (json!({ "logo_uri": "javascript:alert(1)" }), METADATA),
        (json!({ "client_uri": "http://rp.example/" }), METADATA),
        (json!({ "policy_uri": "not a url" }), METADATA),
        (json!({ "tos_uri": "ftp://rp.example/" }), METADATA),
        (json!({ "initiate_login_uri": "http://rp.example/login" }), METADATA),
        (json!({ "request_uris": ["http://rp.example/ro"] }), METADATA),
        (json!({ "sector_identifier_uri": "http://rp.example/sector.json" }), METADATA),
        (json!({ "id_token_signed_response_alg": "RS257" }), METADATA),
        (json!({ "id_token_encrypted_response_alg": "RSA1_5" }), METADATA),
        (json!({ "id_token_encrypted_response_enc": "A128GCM" }), METADATA),
        (json!({ "userinfo_encrypted_response_enc": "A128GCM" }), METADATA),
        (json!({ "request_object_encryption_enc": "A128GCM" }), METADATA),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), METADATA),
        (json!({ "client_name": "a\u{0}b" }), METADATA),
        (json!({ "client_name": "x".repeat(10_000) }), METADATA),
        (json!({ "contacts": "mary@rp.example" }), METADATA),
        (json!({ "contacts": ["x".repeat(10_000)] }), METADATA),
        (json!({ "client_name#": "x" }), METADATA),
        (json!({ "require_auth_time": "yes" }), METADATA),
        (json!({ "software_id": 5 }), METADATA),
    ] {
        let answer = op.try_register(&web_with(&members), None).await;
        assert_eq!((answer.status(), &*answer.error()), (400, error), "{members}");
        is_an_error(&answer, &members.to_string());
        // RFC 7592 §2.2: an update is refused for the same.
        let client = op.register(&web()).await;
        let answer = client.put(&op, &members).await;
        assert_eq!((answer.status(), &*answer.error()), (400, error), "update: {members}");
        assert_eq!(client.read(&op).await.json()["redirect_uris"], web()["redirect_uris"]);
    }
}

/// RFC 7591 §3.2.2: an object of `error` and `error_description`, not to be cached; the description is
/// of the characters of RFC 6749 §5.2, and repeats nothing.
#[track_caller]
fn is_an_error(answer: &Answer, what: &str) {
    let json = answer.json();
    let members: Vec<_> = json.as_object().unwrap().keys().collect();
    assert_eq!(members, ["error", "error_description"], "{what}");
    let text = json["error_description"].as_str().unwrap();
    assert!(text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{text}");
    assert!(text.len() < 300, "{text}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
}

/// What was sent is not said again, wherever it stands.
#[tokio::test]
async fn nothing_is_repeated() {
    let op = setup().build();
    for member in [
        "client_name",
        "scope",
        "token_endpoint_auth_method",
        "grant_types",
        "redirect_uris",
        "jwks",
        "jwks_uri",
        "contacts",
        "subject_type",
        "id_token_signed_response_alg",
        "client_name#x",
        "default_max_age",
        "logo_uri",
        "sector_identifier_uri",
        "software_statement",
    ] {
        for value in [
            json!("canary\u{0}"),
            json!(["canary"]),
            json!({ "canary": "canary" }),
            json!([{ "canary": 1 }]),
        ] {
            let answer = op.try_register(&web_with(&json!({ member: value })), None).await;
            let text = String::from_utf8(answer.reply().body.clone()).unwrap();
            if answer.status() != 201 {
                assert_eq!(answer.status(), 400, "{member} {value}");
                assert!(!text.contains("canary"), "{text}");
            }
        }
    }
}

/// The description tells the developer which member it is.
#[tokio::test]
async fn the_member_is_named() {
    let op = setup().build();
    for (members, name) in [
        (json!({ "redirect_uris": ["http://rp.example/cb"] }), "redirect_uris"),
        (json!({ "jwks_uri": "http://rp.example/jwks" }), "jwks_uri"),
        (json!({ "default_max_age": "60" }), "default_max_age"),
        (json!({ "id_token_signed_response_alg": "PS512" }), "id_token_signed_response_alg"),
        (json!({ "sector_identifier_uri": "https://nobody.example/s" }), "sector_identifier_uri"),
    ] {
        let answer = op.try_register(&web_with(&members), None).await;
        assert!(answer.member("error_description").contains(name), "{}", answer.json());
    }
}
