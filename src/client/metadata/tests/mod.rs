mod contradictions;
mod languages;
mod logout;
mod malformed;
mod properties;
mod refusals;
mod texts;

use serde_json::{Value, json};

use super::*;

const JWKS_URI: &str = "https://c.example/jwks";

/// Metadata with these members besides a redirect URI.
fn read(members: &Value) -> Result<ClientMetadata, InvalidMetadata> {
    let mut all = json!({"redirect_uris": ["https://c.example/cb"]});
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    ClientMetadata::from_members(all.as_object().unwrap())
}

/// What is wrong with them, read or checked.
fn refusal(members: &Value) -> Option<InvalidMetadata> {
    read(members).and_then(|metadata| metadata.check()).err()
}

/// An address of this many characters.
fn uri_of(length: usize) -> String {
    format!("https://c.example/{}", "x".repeat(length - 18))
}

/// So many texts that differ.
fn numbered(count: usize, head: &str) -> Vec<String> {
    (0..count).map(|i| format!("{head}{i}")).collect()
}

/// The public key of RFC 8037 A.2.
fn ed25519() -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    })
}

/// RFC 7591 §2: what is registered can be read back.
#[test]
fn members_round_trip() {
    let members = json!({
        "redirect_uris": ["https://c.example/cb"], "subject_type": "pairwise",
        "response_types": ["id_token code"], "grant_types": ["implicit", "authorization_code"],
        "id_token_signed_response_alg": "HS256", "userinfo_signed_response_alg": "none",
        "id_token_encrypted_response_alg": "dir", "id_token_encrypted_response_enc": "A128GCM",
        "client_name": "Shop", "client_name#ja-Jpan-JP": "クライアント名", "client_name#DE": "Laden"
    });
    let metadata = read(&members).unwrap();
    assert_eq!(metadata.response_types[0].as_str(), "code id_token");
    let again = serde_json::to_value(&metadata).unwrap();
    for (name, value) in members.as_object().unwrap() {
        let same = name == "response_types" || again[name] == *value;
        assert!(same && ClientMetadata::is_member(name), "{name}: {}", again[name]);
    }
    assert_eq!(serde_json::from_value::<ClientMetadata>(again.clone()).unwrap(), metadata);
    assert_eq!(read(&again), Ok(metadata));
    assert!(again.as_object().unwrap().keys().all(|name| ClientMetadata::is_member(name)));
}

/// RFC 7591 §2, §2.1: the defaults follow from each other.
#[test]
fn grants_and_response_types_follow_from_each_other() {
    let code = ["authorization_code", "refresh_token"];
    for (members, grants, types) in [
        (json!({}), json!(["authorization_code"]), json!(["code"])),
        (json!({"grant_types": null}), json!(["authorization_code"]), json!(["code"])),
        (json!({"response_types": ["code"]}), json!(["authorization_code"]), json!(["code"])),
        (json!({"response_types": ["token"]}), json!(["implicit"]), json!(["token"])),
        (json!({"response_types": ["id_token"]}), json!(["implicit"]), json!(["id_token"])),
        (
            json!({"response_types": ["id_token", "code"]}),
            json!(["authorization_code", "implicit"]),
            json!(["id_token", "code"]),
        ),
        (
            json!({"response_types": ["code token"]}),
            json!(["authorization_code", "implicit"]),
            json!(["code token"]),
        ),
        (json!({"response_types": ["none"]}), json!([]), json!(["none"])),
        (json!({"response_types": []}), json!([]), json!([])),
        (json!({"grant_types": code}), json!(code), json!(["code"])),
        (json!({"grant_types": []}), json!([]), json!([])),
        (json!({"grant_types": ["client_credentials"]}), json!(["client_credentials"]), json!([])),
        // Both are given: nothing is added to either.
        (json!({"grant_types": [], "response_types": ["code"]}), json!([]), json!(["code"])),
    ] {
        let found = serde_json::to_value(read(&members).unwrap()).unwrap();
        assert_eq!(
            (&found["grant_types"], &found["response_types"]),
            (&grants, &types),
            "{members}"
        );
    }
    // A client without a browser says no more than what it is.
    let job = json!({"redirect_uris": null, "grant_types": ["client_credentials"]});
    assert_eq!(refusal(&job), None);
    assert_eq!(refusal(&json!({"response_types": ["id_token token"]})), None);
    let implicit = json!({"grant_types": ["implicit"]});
    assert_eq!(refusal(&implicit), Some(InvalidMetadata::ResponseAndGrant));
}
