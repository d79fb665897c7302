//! Threat RG-03: nothing is taken for what it is not.

use super::{InvalidMetadata as I, *};
use crate::{mint::KeyProblem, types::InvalidRedirectUri};

/// What a member is in JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Type {
    Text,
    Texts,
    Flag,
    Seconds,
    Keys,
}

/// Each member, with a value that is good.
fn members() -> Vec<(&'static str, Type, Value)> {
    use Type::{Flag, Keys, Seconds, Text, Texts};
    let uri = || json!("https://c.example/");
    let all = vec![
        ("redirect_uris", Texts, json!(["https://c.example/"])),
        ("token_endpoint_auth_method", Text, json!("none")),
        ("grant_types", Texts, json!(["refresh_token", "refresh_token"])),
        ("response_types", Texts, json!(["code", "code"])),
        ("application_type", Text, json!("web")),
        ("contacts", Texts, json!(["a", "a"])),
        ("subject_type", Text, json!("public")),
        ("id_token_signed_response_alg", Text, json!("ES256")),
        ("require_auth_time", Flag, json!(true)),
        ("default_acr_values", Texts, json!(["1"])),
        ("request_uris", Texts, json!(["https://c.example/"])),
        ("require_signed_request_object", Flag, json!(true)),
        ("post_logout_redirect_uris", Texts, json!(["https://c.example/"])),
        ("frontchannel_logout_session_required", Flag, json!(true)),
        ("backchannel_logout_session_required", Flag, json!(true)),
        ("client_name", Text, json!("Shop")),
        ("client_uri", Text, uri()),
        ("logo_uri", Text, uri()),
        ("policy_uri", Text, uri()),
        ("tos_uri", Text, uri()),
        ("initiate_login_uri", Text, uri()),
        ("scope", Text, json!("openid")),
        ("jwks", Keys, json!({"keys": []})),
        ("jwks_uri", Text, uri()),
        ("token_endpoint_auth_signing_alg", Text, json!("ES256")),
        ("sector_identifier_uri", Text, uri()),
        ("id_token_encrypted_response_alg", Text, json!("RSA-OAEP")),
        ("id_token_encrypted_response_enc", Text, json!("A128GCM")),
        ("userinfo_signed_response_alg", Text, json!("none")),
        ("userinfo_encrypted_response_alg", Text, json!("dir")),
        ("userinfo_encrypted_response_enc", Text, json!("A128GCM")),
        ("introspection_signed_response_alg", Text, json!("ES256")),
        ("introspection_encrypted_response_alg", Text, json!("ECDH-ES")),
        ("introspection_encrypted_response_enc", Text, json!("A128GCM")),
        ("request_object_signing_alg", Text, json!("HS256")),
        ("request_object_encryption_alg", Text, json!("ECDH-ES")),
        ("request_object_encryption_enc", Text, json!("A128GCM")),
        ("default_max_age", Seconds, json!(0)),
        ("frontchannel_logout_uri", Text, uri()),
        ("backchannel_logout_uri", Text, uri()),
        ("software_id", Text, json!("a")),
        ("software_version", Text, json!("1")),
    ];
    let names: Vec<_> = all.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, ClientMetadata::MEMBERS);
    all
}

fn alone(name: &str, value: &Value) -> Result<ClientMetadata, InvalidMetadata> {
    ClientMetadata::from_members(json!({ name: value }).as_object().unwrap())
}

#[test]
fn each_member_has_one_type() {
    for (name, of, good) in members() {
        let read = alone(name, &good).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written[name], good, "{name}");
        assert_eq!(alone(name, &Value::Null), Ok(ClientMetadata::default()), "{name}");

        let mut wrong = vec![
            json!(1.5),
            json!(-1),
            json!([[]]),
            json!([[good]]),
            json!([null]),
            json!(["code", null]),
            json!([1]),
            json!([true]),
            json!([{}]),
            json!({ "a": 1 }),
            json!({ "0": good }),
            // As serde would take an enum.
            json!({ good.as_str().unwrap_or("web"): null }),
        ];
        let others = [
            (Type::Text, json!("https://c.example/")),
            (Type::Texts, json!([])),
            (Type::Texts, json!([good])),
            (Type::Flag, json!(false)),
            (Type::Flag, json!(true)),
            (Type::Seconds, json!(0)),
            (Type::Keys, json!({})),
            (Type::Keys, json!({"keys": null})),
        ];
        wrong.extend(others.into_iter().filter(|(other, _)| *other != of).map(|(_, value)| value));
        for value in wrong {
            assert_eq!(alone(name, &value), Err(I::Member(name)), "{name}: {value}");
        }
    }
}

#[test]
fn values_that_there_are_not() {
    for (name, value) in [
        ("token_endpoint_auth_method", json!("tls_client_auth")),
        ("token_endpoint_auth_method", json!("None")),
        ("application_type", json!("WEB")),
        ("subject_type", json!("")),
        ("id_token_signed_response_alg", json!("rs256")),
        ("id_token_encrypted_response_alg", json!("RSA1_5")),
        ("id_token_encrypted_response_enc", json!("A128CBC")),
        ("grant_types", json!(["authorization_code", "magic"])),
        ("grant_types", json!([format!("urn:{}", "x".repeat(255))])),
        ("response_types", json!(["code code"])),
        ("response_types", json!([""])),
        ("scope", json!("a\u{7}b")),
        ("scope", json!("a ".repeat(1025))),
        ("default_max_age", json!(4_294_967_296_u64)),
        ("default_max_age", json!("60")),
        ("jwks", json!({"keys": {}})),
        ("jwks", json!({"keys": "https://c.example/jwks"})),
        ("jwks", json!({"keys": vec![json!({"kty": "AKP", "kid": "a"}); 33]})),
    ] {
        assert_eq!(alone(name, &value), Err(I::Member(name)), "{name}: {value:.60}");
    }
}

/// RFC 7591 §3.2.2: what is wrong with a redirect URI or a key is told, and nothing of it.
#[test]
fn some_refusals_say_more() {
    use InvalidRedirectUri::{Fragment, InsecureHttp, NotAUri, Scheme, UserInfo, Wildcard};
    for (uri, why) in [
        ("https://c.example/cb#foobar", Fragment),
        ("http://c.example/cb", InsecureHttp),
        ("", NotAUri),
        ("javascript:alert(1)", Scheme),
        ("https://u:p@c.example/", UserInfo),
        ("https://*.example/", Wildcard),
    ] {
        let found = alone("redirect_uris", &json!(["https://c.example/cb", uri]));
        assert_eq!(found, Err(I::RedirectUri(why)), "{uri}");
    }
    let known = json!({"kty": "AKP"});
    for (key, problem) in [
        (json!({"kty": "oct", "k": "c2VjcmV0"}), KeyProblem::Symmetric),
        (json!({"kty": "RSA", "d": "c2VjcmV0"}), KeyProblem::Private("d")),
        (json!({"kty": "RSA", "n": 1, "e": "AQAB"}), KeyProblem::Member("n")),
        (json!(1), KeyProblem::NotAnObject),
    ] {
        let found = alone("jwks", &json!({"keys": [known, key]}));
        assert_eq!(found, Err(I::Key { position: 2, problem }), "{key}");
    }
}

/// Threat RG-03, HT-08: however much there is of it.
#[test]
fn large_input_is_refused_as_quickly() {
    let many = |value: Value| vec![value; 100_000];
    for (name, of, good) in members() {
        if of == Type::Texts {
            let one = good.as_array().unwrap()[0].clone();
            let metadata = alone(name, &json!(many(one))).unwrap();
            assert!(metadata.check().is_err(), "{name}");
            assert_eq!(alone(name, &json!(many(Value::Null))), Err(I::Member(name)));
        }
        if of == Type::Text {
            let huge = alone(name, &json!("a".repeat(1 << 20))).and_then(|m| m.check());
            assert!(huge.is_err(), "{name}");
        }
    }
    let strange: Map<_, _> = (0..10_000).map(|i| (format!("x{i}"), json!({"a": [i]}))).collect();
    assert_eq!(ClientMetadata::from_members(&strange), Ok(ClientMetadata::default()));
}

/// RFC 8259 §4: one reader would believe the first, another the last.
#[test]
fn a_repeated_member_is_refused() {
    for text in [
        r#"{"client_name": "a", "client_name": "b"}"#,
        r#"{"client_name#fr": "a", "client_name#\u0066r": "b"}"#,
        r#"{"x": 1, "x": 2}"#,
        "[]",
        "null",
        "\"a\"",
    ] {
        assert!(serde_json::from_str::<ClientMetadata>(text).is_err(), "{text}");
    }
}

/// Whoever wrote the text is told what is wrong with it.
#[test]
fn serde_says_more() {
    for (text, said) in [
        (r#"{"application_type": "app"}"#, "application_type: unknown variant `app`, expected"),
        (r#"{"redirect_uris": ["http://x.example"]}"#, "redirect_uris: a redirect URI with"),
        (r#"{"default_max_age": "60"}"#, "default_max_age: invalid type: string \"60\""),
        (r#"{"jwks": {"keys": [{}]}}"#, "jwks: key 1 of the set: the member `kty`"),
        (r#"{"client_name#": "a"}"#, "client_name: behind the #"),
        (r#"{"grant_types": {}}"#, "grant_types: an object"),
    ] {
        let error = serde_json::from_str::<ClientMetadata>(text).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}
