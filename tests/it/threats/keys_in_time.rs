//! CA-14: keys that clients, issuers and APIs have registered with `exp` or `nbf`.

use async_trait::async_trait;
use josekit::jwk::{Jwk, alg::ec::EcCurve};
use oidc_op::{
    AccessTokenFormat, Assertion, Client, ClientId, HostError, Jwks, JwtEncryption, JwtFormat,
    Reason, Subject, TrustedIssuer, TrustedIssuers, What,
};
use serde_json::{Value, json};

use super::{
    client_assertions::{ASSERTION, present},
    client_authentication::{is_accepted, is_refused},
};
use crate::support::{
    ALICE, Ask, Browser, Documents, Op, Setup, form,
    keys::{CLIENT_EC, client_jwks, sign, signer},
};

const NOW: i64 = 1_800_000_000;
const JWKS_URI: &str = "https://timed.example/jwks";
const CALLBACK: &str = "https://timed.example/cb";

/// The keys of clients, the first of which, which signs, and the third, which is encrypted to, have
/// these members besides.
fn timed(times: &Value) -> Value {
    let mut keys = client_jwks();
    for position in [0, 2] {
        let key = keys["keys"][position].as_object_mut().unwrap();
        key.extend(times.as_object().unwrap().clone());
    }
    keys
}

/// A client that is nothing without its keys.
fn client(members: &Value) -> Client {
    let mut all = json!({
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt",
        "request_object_signing_alg": "ES256"
    });
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let metadata = serde_json::from_value(all).unwrap();
    Client::keyed(ClientId::new("timed").unwrap(), metadata).unwrap()
}

fn op(members: &Value) -> Op {
    let mut setup = Setup::new();
    setup.clients.push(client(members));
    setup.build()
}

/// An assertion that is made now.
fn assertion(jti: &str, now: i64) -> String {
    let claims = json!({
        "iss": "timed", "sub": "timed", "aud": "https://id.example", "jti": jti,
        "iat": now, "exp": now + 60
    });
    sign(&json!({"alg": "ES256", "kid": "c-ec"}), &claims, &*signer("ES256", &CLIENT_EC))
}

/// RFC 7523 §3: a signature by a key that is not to be used is none.
#[tokio::test]
async fn ca_14_assertions_by_a_key_out_of_its_time() {
    for (times, before, after) in [
        (json!({}), true, true),
        (json!({"exp": NOW + 100}), true, false),
        (json!({"exp": NOW}), false, false),
        (json!({"nbf": NOW + 100}), false, true),
        (json!({"nbf": NOW + 100, "exp": NOW + 100}), false, false),
    ] {
        let op = op(&json!({"jwks": timed(&times)}));
        for (jti, now, good) in [("1", NOW, before), ("2", NOW + 100, after)] {
            op.recorder.take();
            let answer = present(&op, &assertion(jti, now)).await;
            if good {
                is_accepted(&answer, &times.to_string());
            } else {
                is_refused(&answer, &times.to_string());
                let seen = op.recorder.take();
                assert_eq!(seen, [(What::TokenRefused, Some(Reason::AssertionInvalid))], "{times}");
            }
            op.wait(100);
        }
    }
}

/// Keys elsewhere are looked at again when theirs has expired: there may be a newer one.
#[tokio::test]
async fn ca_14_an_expired_key_is_looked_for_again() {
    let documents = Documents::default();
    documents.put(JWKS_URI, timed(&json!({"exp": NOW + 100})).to_string());
    let mut setup = Setup { documents: Some(documents.clone()), ..Setup::new() };
    setup.clients.push(client(&json!({"jwks_uri": JWKS_URI})));
    let op = setup.build();
    is_accepted(&present(&op, &assertion("1", NOW)).await, "in time");
    op.wait(100);
    documents.put_newer(JWKS_URI, None);
    is_refused(&present(&op, &assertion("2", NOW + 100)).await, "expired");
    documents.put_newer(JWKS_URI, Some(timed(&json!({"exp": NOW + 200})).to_string()));
    is_accepted(&present(&op, &assertion("3", NOW + 100)).await, "renewed");
    op.wait(100);
    is_refused(&present(&op, &assertion("4", NOW + 200)).await, "expired again");
}

/// OIDC Core §6.1: request objects by it are refused as well.
#[tokio::test]
async fn ca_14_request_objects_by_an_expired_key() {
    let op = op(&json!({"jwks": timed(&json!({"exp": NOW + 100}))}));
    let claims = json!({"scope": "openid"});
    let header = json!({"alg": "ES256", "kid": "c-ec"});
    let object = sign(&header, &claims, &*signer("ES256", &CLIENT_EC));
    for error in ["login_required", "invalid_request_object"] {
        let ask = Ask::of("timed", "code").with("prompt", "none").with("request", &object);
        assert_eq!(Browser::new(&op).quiet(&ask).await.get("error"), error);
        op.wait(100);
    }
}

/// OIDC Core §10.2: nothing is encrypted to it, and nothing leaves unencrypted instead.
#[tokio::test]
async fn ca_14_nothing_is_encrypted_to_an_expired_key() {
    // Whoever reads has a key that expires, whoever signs has not.
    let mut keys = client_jwks();
    keys["keys"][2]["exp"] = json!(NOW + 100);
    let op = op(&json!({"jwks": keys, "id_token_encrypted_response_alg": "ECDH-ES"}));
    for (jti, now, good) in [("1", NOW, true), ("2", NOW + 100, false)] {
        let request = Op::request_with(&[("client_id", "timed"), ("redirect_uri", CALLBACK)]);
        let header = json!({"alg": "ES256", "kid": "c-ec"});
        let object = sign(&header, &json!({"scope": "openid"}), &*signer("ES256", &CLIENT_EC));
        let request = [&request[..], &[("request", &*object)]].concat();
        let code = Browser::new(&op).code(&request, ALICE).await;
        let mut body = Op::redemption(&code).to_vec();
        body[2].1 = CALLBACK;
        let made = assertion(jti, now);
        body.extend([ASSERTION[0], ("client_assertion", &made)]);
        op.recorder.take();
        let answer = op.post("/token", &form(&body), &[]).await;
        if good {
            assert_eq!(answer.status(), 200, "{:?}", answer.json());
            assert_eq!(answer.member("id_token").split('.').count(), 5);
        } else {
            assert_eq!((answer.status(), &*answer.error()), (500, "server_error"));
            let seen = op.recorder.take();
            assert_eq!(seen.last(), Some(&(What::TokenRefused, Some(Reason::ClientUnfit))));
        }
        op.wait(100);
    }
}

/// RFC 9068: neither are the tokens of an API.
#[tokio::test]
async fn ca_14_nor_to_that_of_an_api() {
    let mut key = Jwk::generate_ec_key(EcCurve::P256).unwrap().to_public_key().unwrap();
    key.set_parameter("exp", Some(json!(NOW + 100))).unwrap();
    let keys: Jwks = serde_json::from_value(json!({"keys": [key]})).unwrap();
    let mut setup = Setup::full();
    let resource = &mut setup.config.resources[0];
    let mut format = JwtFormat::signed(oidc_op::SigningAlgorithm::ES256);
    format.encryption =
        Some(JwtEncryption::new("ECDH-ES".parse().unwrap(), "A128GCM".parse().unwrap(), keys));
    resource.format = AccessTokenFormat::Jwt(format);
    resource.scope = None;
    let name = resource.resource.as_str().to_owned();
    let op = setup.build();
    for status in [200, 500] {
        let body = [("grant_type", "client_credentials"), ("resource", &*name)];
        let answer = op.token_as("cc-client", &body).await;
        assert_eq!(answer.status(), status, "{:?}", answer.json());
        op.wait(100);
    }
}

/// An issuer whose key is good for a while.
#[derive(Debug)]
struct Partner;

#[async_trait]
impl TrustedIssuers for Partner {
    async fn issuer(&self, _issuer: &str) -> Result<Option<TrustedIssuer>, HostError> {
        let keys = serde_json::from_value(timed(&json!({"exp": NOW + 100}))).unwrap();
        Ok(Some(TrustedIssuer::new(keys)))
    }

    async fn subject(&self, _assertion: &Assertion<'_>) -> Result<Option<Subject>, HostError> {
        Ok(Some(Subject::new(ALICE).unwrap()))
    }
}

/// RFC 7523 §3: nor is the word of an issuer good, once its key has expired.
#[tokio::test]
async fn ca_14_the_word_of_an_issuer() {
    let op = Setup::full().build_with(|builder| builder.issuers(Partner));
    for (now, status) in [(NOW, 200), (NOW + 100, 400)] {
        let claims = json!({
            "iss": "https://partner.example", "sub": "a", "aud": "https://id.example",
            "jti": now.to_string(), "iat": now, "exp": now + 60
        });
        let header = json!({"alg": "ES256", "kid": "c-ec"});
        let assertion = sign(&header, &claims, &*signer("ES256", &CLIENT_EC));
        let grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let body = [("grant_type", grant_type), ("assertion", &assertion)];
        let answer = op.token_as("trusted", &body).await;
        assert_eq!(answer.status(), status, "{:?}", answer.json());
        op.wait(100);
    }
}
