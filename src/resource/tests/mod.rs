mod answers;
mod jwt;
mod sources;

use std::{
    pin::pin,
    sync::{Arc, LazyLock, Mutex},
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    error::{BearerError, HostError, Reason},
    fetch::{Fetch, FetchError, FetchRequest, Fetched},
    jose::Jwks,
    mint::{KeySet, Signer},
    test_util::{Recorder, TestClock},
    types::{Issuer, Resource, SigningAlgorithm, Timestamp},
    wire::Request,
};
use Reason::{BearerAudience, BearerBound, BearerExpired, BearerInvalid, IssuerUnavailable};
use SigningAlgorithm::{ES256, EdDSA};
use time::Duration;

const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);
const ISSUER: &str = "https://id.example";
const ORDERS: &str = "https://orders.example";
const JWKS_URI: &str = "https://id.example/jwks";

static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::generate(&[ES256, EdDSA], NOW).unwrap());
static OTHERS: LazyLock<KeySet> = LazyLock::new(|| KeySet::generate(&[ES256], NOW).unwrap());

/// What the issuer publishes of these keys.
fn published(keys: &KeySet) -> String {
    let keys: Vec<_> = keys.published(NOW).into_iter().map(|key| Value::Object(key.jwk)).collect();
    json!({ "keys": keys }).to_string()
}

fn parts(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

fn sign(keys: &KeySet, input: &str, algorithm: SigningAlgorithm) -> String {
    let key = keys.active(algorithm, NOW).unwrap();
    let Poll::Ready(signature) =
        pin!(keys.sign(&key, input.as_bytes())).poll(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("signing did not happen inline")
    };
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap()))
}

/// A JWT by the key of the algorithm, with these members of the header replaced.
fn jwt_by(keys: &KeySet, header: &Value, claims: &Value) -> String {
    let kid = keys.active(ES256, NOW).unwrap().kid;
    let header = merged(json!({"alg": "ES256", "typ": "at+jwt", "kid": &*kid}), header);
    sign(keys, &parts(&header, claims), ES256)
}

fn jwt(claims: &Value) -> String {
    jwt_by(&KEYS, &json!({}), claims)
}

/// RFC 9068 §2.2: all that is required, and a scope.
fn good() -> Value {
    json!({
        "iss": ISSUER, "aud": ORDERS, "sub": "alice", "client_id": "app", "jti": "1",
        "iat": NOW.unix(), "exp": NOW.unix() + 600, "scope": "orders:read openid",
    })
}

/// With these members instead; null takes one away.
fn merged(mut value: Value, changes: &Value) -> Value {
    let members = value.as_object_mut().unwrap();
    for (name, change) in changes.as_object().unwrap() {
        match change {
            Value::Null => members.remove(name),
            change => members.insert(name.clone(), change.clone()),
        };
    }
    value
}

fn issuer() -> Issuer {
    Issuer::new(ISSUER).unwrap()
}

fn orders() -> Resource {
    Resource::new(ORDERS).unwrap()
}

fn by_keys() -> AccessTokenVerifier {
    let keys = Jwks::from_json(&published(&KEYS)).unwrap();
    AccessTokenVerifier::by_keys(issuer(), orders(), keys).clock(TestClock::at(NOW))
}

fn by(source: &Scripted) -> AccessTokenVerifier {
    AccessTokenVerifier::by_source(issuer(), orders(), source.clone()).clock(TestClock::at(NOW))
}

async fn reason(verifier: &AccessTokenVerifier, token: &str) -> Option<Reason> {
    verifier.verify_token(token).await.err().map(|error| error.reason().unwrap())
}

/// Says the same of every token, and counts.
#[derive(Clone, Debug)]
struct Scripted(Result<Option<Map<String, Value>>, &'static str>, Arc<Mutex<Vec<String>>>);

impl Scripted {
    fn saying(members: &Value) -> Self {
        Self(Ok(members.as_object().cloned()), Arc::default())
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.1.lock().unwrap())
    }
}

#[async_trait]
impl TokenSource for Scripted {
    async fn introspect(&self, token: &str) -> Result<Option<Map<String, Value>>, HostError> {
        self.1.lock().unwrap().push(token.to_owned());
        self.0.clone().map_err(HostError::from)
    }
}

/// The documents at the issuer, one after the other; the last one stays. None: it does not answer.
#[derive(Clone, Debug)]
struct Rotating(Arc<Mutex<Vec<Option<String>>>>, Arc<Mutex<Vec<bool>>>);

impl Rotating {
    fn new(documents: &[Option<&str>]) -> Self {
        let documents = documents.iter().rev().map(|text| text.map(str::to_owned)).collect();
        Self(Arc::new(Mutex::new(documents)), Arc::default())
    }

    fn verifier(&self) -> AccessTokenVerifier {
        let keys = IssuerKeys::at(JWKS_URI, self.clone());
        AccessTokenVerifier::by_keys(issuer(), orders(), keys).clock(TestClock::at(NOW))
    }

    /// Whether each was asked for anew.
    fn asked(&self) -> Vec<bool> {
        std::mem::take(&mut *self.1.lock().unwrap())
    }
}

#[async_trait]
impl Fetch for Rotating {
    async fn get(&self, request: &FetchRequest<'_>) -> Result<Fetched, FetchError> {
        assert_eq!(request.url, JWKS_URI);
        self.1.lock().unwrap().push(request.refresh);
        let mut documents = self.0.lock().unwrap();
        let last = documents.len() == 1;
        let document = if last { documents[0].clone() } else { documents.pop().unwrap() };
        let document = document.ok_or(FetchError::Answer(500))?;
        Ok(Fetched::new(document.into_bytes(), None))
    }
}
