//! The clients of the threat catalogue (§2), as far as they exist.

use oidc_op::{Client, ClientId, ClientMetadata, ClientSecret};
use serde_json::{Value, json};

use super::keys::{KEPT, client_jwks};

/// A client by name; confidential ones have their name as their secret.
pub(crate) fn client(name: &str, public: bool, redirect_uris: &[&str], extra: &Value) -> Client {
    let metadata = metadata(redirect_uris, extra);
    let id = ClientId::new(name).unwrap();
    if public {
        Client::public(id, metadata).unwrap()
    } else {
        Client::confidential(id, ClientSecret::new(name), metadata).unwrap()
    }
}

/// A confidential client at its [`redirect_uri`] that has registered keys, and whose secret is
/// [`KEPT`].
pub(crate) fn keyed(name: &str, extra: &Value) -> Client {
    let mut members = json!({ "jwks": client_jwks() });
    members.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap_or_default());
    let metadata = metadata(&[&redirect_uri(name)], &members);
    Client::confidential(ClientId::new(name).unwrap(), ClientSecret::kept(KEPT), metadata).unwrap()
}

fn metadata(redirect_uris: &[&str], extra: &Value) -> ClientMetadata {
    let mut json = json!({ "redirect_uris": redirect_uris });
    json.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap_or_default());
    serde_json::from_value(json).unwrap()
}

/// The redirect URI of a fixture.
pub(crate) fn redirect_uri(client: &str) -> String {
    match client {
        "conf-basic" | "clientB" => "https://client.example/cb".to_owned(),
        other => format!("https://{}.example/cb", other.trim_start_matches("conf-")),
    }
}

/// Everything that passes through the browser.
const HYBRID: [&str; 4] = ["code", "code id_token", "code token", "code id_token token"];
const IMPLICIT: [&str; 3] = ["id_token", "id_token token", "token"];

pub(super) fn clients() -> Vec<Client> {
    let cb = |host: &str| format!("https://{host}.example/cb");
    let native = json!({"application_type": "native"});
    let mut first_party = client("first-party", false, &[&cb("first")], &json!({}));
    first_party.first_party = true;
    let mut optional = client("optional-pkce", false, &[&cb("optional")], &json!({}));
    optional.require_pkce = Some(false);
    let mut all = vec![
        client("conf-basic", false, &[&cb("client")], &json!({"client_name": "Basic"})),
        client(
            "conf-post",
            false,
            &[&cb("post")],
            &json!({"token_endpoint_auth_method": "client_secret_post"}),
        ),
        client("public-web", true, &[&cb("public")], &json!({})),
        client("native-loopback", true, &["http://127.0.0.1/cb", "http://[::1]/cb"], &native),
        client("native-scheme", true, &["com.example.app:/cb"], &native),
        client("q-client", false, &["https://c.example/cb?a=1&b=2"], &json!({})),
        client("es256", false, &[&cb("es256")], &json!({"id_token_signed_response_alg": "ES256"})),
        client("eddsa", false, &[&cb("eddsa")], &json!({"id_token_signed_response_alg": "EdDSA"})),
        client("clientB", false, &[&cb("client")], &json!({})),
        first_party,
        optional,
    ];
    all.extend(of_all_flows());
    all.extend(of_request_objects());
    all.extend(super::back_channel::clients());
    all.extend(of_assertions());
    all
}

fn of_all_flows() -> Vec<Client> {
    let cb = |host: &str| format!("https://{host}.example/cb");
    let implicit = json!({"response_types": IMPLICIT, "grant_types": ["implicit"]});
    let hybrid =
        json!({"response_types": HYBRID, "grant_types": ["authorization_code", "implicit"]});
    let every = json!({
        "response_types": ([&HYBRID[..], &IMPLICIT, &["none"]].concat()),
        "grant_types": ["authorization_code", "implicit"]
    });
    let of_sector = |host: &str| {
        let mut members = every.clone();
        members["subject_type"] = "pairwise".into();
        members["sector_identifier_uri"] = format!("https://{host}.example/sector.json").into();
        members
    };
    vec![
        client("implicit", false, &[&cb("implicit")], &implicit),
        client("public-implicit", true, &[&cb("public-implicit")], &implicit),
        client("hybrid", false, &[&cb("hybrid")], &hybrid),
        client(
            "none-type",
            false,
            &[&cb("none-type")],
            &json!({"response_types": ["none"], "grant_types": []}),
        ),
        client("pairwise-a", false, &[&cb("pairwise-a")], &{
            let mut members = every.clone();
            members["subject_type"] = "pairwise".into();
            members
        }),
        client(
            "pairwise-a2",
            false,
            &[&cb("pairwise-a2"), &cb("a2-too")],
            &of_sector("pairwise-a"),
        ),
        client("pairwise-b", false, &[&cb("pairwise-b")], &of_sector("pairwise-b")),
    ]
}

fn of_assertions() -> Vec<Client> {
    let with_keys = |name: &str, extra: &Value| {
        let metadata = metadata(&[&redirect_uri(name)], extra);
        Client::keyed(ClientId::new(name).unwrap(), metadata).unwrap()
    };
    let jwks_uri = "https://remote.example/jwks";
    let mut with_secret = json!({"token_endpoint_auth_method": "client_secret_jwt"});
    let any_mac = keyed("conf-anymac", &with_secret);
    with_secret["token_endpoint_auth_signing_alg"] = "HS256".into();
    vec![
        with_keys(
            "conf-pkjwt",
            &json!({"jwks": client_jwks(), "token_endpoint_auth_signing_alg": "ES256"}),
        ),
        with_keys("conf-anykey", &json!({"jwks": client_jwks()})),
        with_keys("conf-remote", &json!({"jwks_uri": jwks_uri})),
        keyed("conf-secretjwt", &with_secret),
        any_mac,
    ]
}

fn of_request_objects() -> Vec<Client> {
    let uris = ["https://ro.example/object", "https://ro.example/other#v1"];
    vec![
        keyed(
            "jar",
            &json!({"require_signed_request_object": true, "request_object_signing_alg": "ES256", "request_uris": uris}),
        ),
        keyed("ro", &json!({"request_uris": uris})),
        keyed("ro-es256", &json!({"request_object_signing_alg": "ES256"})),
        keyed("ro-rs256", &json!({"request_object_signing_alg": "RS256"})),
        keyed("ro-hs256", &json!({"request_object_signing_alg": "HS256"})),
        keyed("ro-none", &json!({"request_object_signing_alg": "none", "request_uris": uris})),
        keyed(
            "ro-sealed",
            &json!({
                "request_object_encryption_alg": "ECDH-ES",
                "request_object_encryption_enc": "A128CBC-HS256"
            }),
        ),
        keyed("hs256", &json!({"id_token_signed_response_alg": "HS256"})),
    ]
}
