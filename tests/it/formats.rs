//! In which form answers reach a client: signed with any algorithm, encrypted in any way, both, or
//! neither (OIDC Core §5.3.2, §10); and that exactly what is listed works.

use std::sync::Arc;

use oidc_op::{
    Client, ClientId, ClientMetadata, ClientSecret, ContentEncryption, JwsAlgorithm,
    KeyManagementAlgorithm, SigningAlgorithm,
};
use serde_json::{Value, json};

use crate::support::{
    ALICE, ALL_KEYS, Answer, Ask, Browser, Op, Sent, Setup, claims, header, keyed,
    keys::{self, KEPT, client_jwks, es256, opened, seal, seal_with, verified, verified_by_secret},
};

/// Every name of an algorithm that anybody might register.
const SIGNING: [&str; 18] = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "ES256K",
    "EdDSA",
    "HS256",
    "HS384",
    "HS512",
    "none",
    "Ed25519",
    "ML-DSA-44",
    "RS1",
];
const WRAPPING: [&str; 19] = [
    "RSA-OAEP",
    "RSA-OAEP-256",
    "ECDH-ES",
    "ECDH-ES+A128KW",
    "ECDH-ES+A192KW",
    "ECDH-ES+A256KW",
    "A128KW",
    "A192KW",
    "A256KW",
    "A128GCMKW",
    "A192GCMKW",
    "A256GCMKW",
    "dir",
    "RSA1_5",
    "RSA-OAEP-384",
    "RSA-OAEP-512",
    "PBES2-HS256+A128KW",
    "PBES2-HS512+A256KW",
    "HPKE-0",
];
const CONTENT: [&str; 8] = [
    "A128CBC-HS256",
    "A192CBC-HS384",
    "A256CBC-HS512",
    "A128GCM",
    "A192GCM",
    "A256GCM",
    "A128CTR",
    "XC20P",
];

/// A client that has registered this; nobody, if it cannot be.
fn registered(extra: &Value) -> Option<Client> {
    let mut json = json!({"redirect_uris": ["https://keyed.example/cb"], "jwks": client_jwks()});
    json.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let metadata: ClientMetadata = serde_json::from_value(json).ok()?;
    Client::confidential(ClientId::new("keyed").unwrap(), ClientSecret::kept(KEPT), metadata).ok()
}

async fn document(op: &Op) -> Value {
    op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json()
}

fn lists(document: &Value, member: &str, value: &str) -> bool {
    document[member].as_array().unwrap().iter().any(|listed| listed == value)
}

/// Alice's token answer and UserInfo answer at the client.
async fn answers(op: &Op) -> Option<(Answer, Answer)> {
    let ask = Ask::of("keyed", "code");
    let sent = Browser::new(op).ask(&ask, ALICE).await;
    let answer = op.exchange(&ask, sent.get("code")).await;
    if answer.status() != 200 {
        assert_eq!(answer.error(), "server_error");
        return None;
    }
    let userinfo = op.userinfo(&answer.member("access_token")).await;
    Some((answer, userinfo))
}

fn body(answer: &Answer) -> String {
    String::from_utf8(answer.reply().body.clone()).unwrap()
}

/// The claims of a signed answer; the signature is good.
fn read(token: &str, jwks: &Value) -> Value {
    match header(token)["alg"].as_str().unwrap() {
        "none" => {
            assert!(token.ends_with('.'), "RFC 7519 §6");
            claims(token)
        }
        alg if alg.starts_with("HS") => verified_by_secret(token).expect("the client's secret"),
        _ => verified(token, jwks).expect("a published key"),
    }
}

/// ID tokens and UserInfo answers: signed with an algorithm exactly when it is listed.
#[tokio::test]
async fn signed_as_listed() {
    type Wire = fn(&mut Setup);
    let (few, all): (Wire, Wire) = (|_| {}, |setup| setup.signer = Arc::new(ALL_KEYS.clone()));
    for (wire, unsigned) in [(few, false), (all, false), (all, true)] {
        for alg in SIGNING {
            let mut setup = Setup::new();
            setup.config.policy.unsigned = unsigned;
            wire(&mut setup);
            let members =
                json!({"id_token_signed_response_alg": alg, "userinfo_signed_response_alg": alg});
            let client = registered(&members);
            let known = client.is_some();
            setup.clients.extend(client);
            let op = setup.build();
            let document = document(&op).await;
            let listed = lists(&document, "id_token_signing_alg_values_supported", alg);
            assert_eq!(lists(&document, "userinfo_signing_alg_values_supported", alg), listed);
            if !known {
                assert!(!listed, "{alg}");
                continue;
            }
            let answers = answers(&op).await;
            assert_eq!(answers.is_some(), listed, "{alg} {unsigned}");
            let Some((answer, userinfo)) = answers else { continue };
            let jwks = op.jwks().await;
            let id = read(&answer.member("id_token"), &jwks);
            assert_eq!(header(&answer.member("id_token"))["alg"], alg);
            assert_eq!((&id["sub"], &id["aud"]), (&json!(ALICE), &json!("keyed")));
            assert_eq!(userinfo.header("content-type"), Some("application/jwt"));
            let said = read(&body(&userinfo), &jwks);
            assert_eq!(header(&body(&userinfo))["alg"], alg);
            assert_eq!(
                (&said["iss"], &said["aud"], &said["sub"], &said["name"]),
                (&json!("https://id.example"), &json!("keyed"), &json!(ALICE), &json!(ALICE)),
                "OIDC Core §5.3.2"
            );
            assert_eq!(said.get("exp"), None, "it cannot pass for an ID token");
        }
    }
}

/// `none` is never for what passes through the browser.
#[test]
fn unsigned_tokens_stay_off_the_front_channel() {
    for (response_type, good) in
        [("code", true), ("code token", true), ("code id_token", false), ("id_token", false)]
    {
        let mut grants = vec!["implicit"];
        grants.retain(|_| response_type != "code");
        grants.extend(response_type.contains("code").then_some("authorization_code"));
        let members = json!({
            "id_token_signed_response_alg": "none",
            "response_types": [response_type], "grant_types": grants
        });
        assert_eq!(registered(&members).is_some(), good, "{response_type}");
    }
}

/// Encrypted ID tokens and UserInfo answers: every `alg` with every `enc`, exactly those that are
/// listed; the client opens them with its key or its secret.
#[tokio::test]
async fn encrypted_as_listed() {
    let op = Op::new();
    let listed = document(&op).await;
    for alg in WRAPPING {
        for (position, enc) in CONTENT.into_iter().enumerate() {
            // each alg with two of the encs, and all of them with one
            let thorough = matches!(alg, "ECDH-ES" | "dir" | "RSA-OAEP-256");
            if !thorough && position != 0 && position != 5 && position != 6 {
                continue;
            }
            let mut works = true;
            for place in ["id_token", "userinfo"] {
                works &= lists(&listed, &format!("{place}_encryption_alg_values_supported"), alg)
                    && lists(&listed, &format!("{place}_encryption_enc_values_supported"), enc);
            }
            let client = registered(&json!({
                "id_token_encrypted_response_alg": alg, "id_token_encrypted_response_enc": enc,
                "userinfo_encrypted_response_alg": alg, "userinfo_encrypted_response_enc": enc
            }));
            assert_eq!(client.is_some(), works, "{alg} {enc}");
            let Some(client) = client else { continue };
            let mut setup = Setup::new();
            setup.clients.push(client);
            let op = setup.build();
            let (answer, userinfo) = answers(&op).await.unwrap();
            let what = format!("{alg} {enc}");

            let (inner, header) = opened(&answer.member("id_token"));
            assert_eq!((&header["alg"], &header["enc"]), (&json!(alg), &json!(enc)));
            assert_eq!(header["cty"], "JWT", "{what}: RFC 7519 §5.2");
            let id = verified(&inner, &op.jwks().await).unwrap_or_else(|| panic!("{what}"));
            assert_eq!(id["sub"], ALICE, "{what}");

            assert_eq!(userinfo.header("content-type"), Some("application/jwt"), "{what}");
            let (said, header) = opened(&body(&userinfo));
            assert_eq!(header.get("cty"), None, "{what}: claims, and no JWT");
            let said: Value = serde_json::from_str(&said).unwrap();
            assert_eq!((&said["sub"], &said["name"]), (&json!(ALICE), &json!(ALICE)), "{what}");
        }
    }
    assert_eq!(KeyManagementAlgorithm::ALL.len(), 13);
    assert_eq!(ContentEncryption::ALL.len(), 6);
}

/// Signed, then encrypted: for every signature, with a key and with the secret. Without `enc`, A128CBC-HS256.
#[tokio::test]
async fn nested() {
    for signing in SIGNING {
        let Ok(alg) = signing.parse::<JwsAlgorithm>() else { continue };
        for wrapping in ["ECDH-ES+A128KW", "RSA-OAEP", "A256GCMKW"] {
            let mut setup = Setup { signer: Arc::new(ALL_KEYS.clone()), ..Setup::full() };
            setup.clients.push(keyed(
                "keyed",
                &json!({
                    "id_token_signed_response_alg": alg, "userinfo_signed_response_alg": alg,
                    "id_token_encrypted_response_alg": wrapping,
                    "userinfo_encrypted_response_alg": wrapping
                }),
            ));
            let op = setup.build();
            let jwks = op.jwks().await;
            let (answer, userinfo) = answers(&op).await.unwrap();
            for token in [answer.member("id_token"), body(&userinfo)] {
                let (inner, header) = opened(&token);
                assert_eq!(
                    (&header["enc"], &header["cty"]),
                    (&json!("A128CBC-HS256"), &json!("JWT"))
                );
                let said = read(&inner, &jwks);
                assert_eq!((&said["aud"], &said["sub"]), (&json!("keyed"), &json!(ALICE)));
            }
            assert_eq!(userinfo.header("content-type"), Some("application/jwt"));
        }
    }
}

/// The answer through the browser is encrypted too.
#[tokio::test]
async fn encrypted_through_the_browser() {
    let mut setup = Setup::new();
    setup.clients.push(keyed(
        "keyed",
        &json!({
            "id_token_encrypted_response_alg": "ECDH-ES", "response_types": ["code id_token"],
            "grant_types": ["authorization_code", "implicit"]
        }),
    ));
    let op = setup.build();
    for mode in ["fragment", "form_post"] {
        let ask = Ask::of("keyed", "code id_token").with("response_mode", mode);
        let sent = Browser::new(&op).ask(&ask, ALICE).await;
        let id = verified(&opened(sent.get("id_token")).0, &op.jwks().await).unwrap();
        assert_eq!(id["c_hash"], keys::half_hash("RS256", sent.get("code")));
    }
}

/// Request objects: verified with an algorithm exactly when it is listed.
#[tokio::test]
async fn request_objects_as_listed() {
    let private: Value = serde_json::from_str(&ALL_KEYS.expose_json()).unwrap();
    let own = private["keys"].as_array().unwrap();
    for unsigned in [false, true] {
        for alg in SIGNING {
            let public: Vec<_> = own
                .iter()
                .map(|key| josekit::jwk::Jwk::from_map(key.as_object().unwrap().clone()).unwrap())
                .map(|key| Value::Object(key.to_public_key().unwrap().into()))
                .collect();
            let mut setup = Setup::new();
            setup.config.policy.unsigned = unsigned;
            let client =
                registered(&json!({"request_object_signing_alg": alg, "jwks": {"keys": public}}));
            let known = client.is_some();
            setup.clients.extend(client);
            let op = setup.build();
            let listed =
                lists(&document(&op).await, "request_object_signing_alg_values_supported", alg);
            if !known {
                assert!(!listed, "{alg}");
                continue;
            }
            let claims = json!({"state": "inner"});
            let object = match alg {
                "none" => keys::unsigned(&claims),
                alg if alg.starts_with("HS") => {
                    keys::sign(&json!({"alg": alg}), &claims, &*keys::hmac(alg, KEPT))
                }
                alg => {
                    let key = own.iter().find(|key| key["alg"] == alg).unwrap();
                    let key =
                        josekit::jwk::Jwk::from_map(key.as_object().unwrap().clone()).unwrap();
                    keys::sign(&json!({"alg": alg}), &claims, &*keys::signer(alg, &key))
                }
            };
            let ask = Ask::of("keyed", "code").with("request", &object).with("prompt", "none");
            let sent = Browser::new(&op).quiet(&ask).await;
            assert_eq!(sent.get("state") == "inner", listed, "{alg} {unsigned}: {sent:?}");
            let error = if listed { "login_required" } else { "invalid_request_object" };
            assert_eq!(sent.get("error"), error, "{alg}");
        }
    }
    assert_eq!(SigningAlgorithm::ALL.len(), 11);
}

/// Encrypted request objects: opened exactly when the algorithm is listed.
#[tokio::test]
async fn encrypted_request_objects_as_listed() {
    let object = es256(&json!({"state": "inner"}));
    for (setup, has_keys) in [(Setup::new(), false), (Setup::full(), true)] {
        let op = setup.build();
        let document = document(&op).await;
        let jwks = Setup::full().build().jwks().await;
        for alg in KeyManagementAlgorithm::ALL.iter().map(|alg| alg.as_str()) {
            let listed = lists(&document, "request_object_encryption_alg_values_supported", alg);
            let sealed = if let Some(by) = keys::secret_encrypter(alg) {
                seal_with(&object, &json!({}), &*by)
            } else {
                let kty = if alg.starts_with("RSA") { "RSA-OAEP-256" } else { "ECDH-ES" };
                let mut keys = jwks["keys"].as_array().unwrap().iter();
                let exact = keys.clone().find(|key| key["alg"] == alg);
                let mut to = exact.or_else(|| keys.find(|k| k["alg"] == kty)).unwrap().clone();
                to["alg"] = alg.into();
                seal(&object, &json!({}), &to)
            };
            let ask = Ask::of("ro", "code").with("request", &sealed).with("prompt", "none");
            let sent: Sent = Browser::new(&op).quiet(&ask).await;
            assert_eq!(sent.get("state") == "inner", listed, "{alg} {has_keys}: {sent:?}");
        }
    }
}
