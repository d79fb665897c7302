//! Grants that begin at the token endpoint: no browser, no code.

mod client_credentials;
mod extension;
mod jwt_bearer;
mod password;
mod token_exchange;

use async_trait::async_trait;
use oidc_op::{
    Assertion, Client, ClientPermissions, Exchange, ExchangePolicy, ExtensionGrant,
    ExtensionRequest, HostError, Issuance, Login, PasswordAuthenticator, PasswordCredentials,
    Resource, Scope, Subject, TrustedIssuer, TrustedIssuers, store::FaultyStore,
};
use serde_json::{Value, json};

use crate::support::{Answer, DEVICE_KEY, Setup, client};

pub(crate) const CREDENTIALS: [(&str, &str); 1] = [("grant_type", "client_credentials")];
pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(crate) const A: &str = "https://a.example/";
pub(crate) const B: &str = "https://b.example/";
pub(crate) const API: &str = "https://api.example/";
/// Takes JWTs, and knows `orders:read` and `orders:write`.
pub(crate) const ORDERS: &str = "https://orders.example/";

/// A client of this name that uses these grants; with a redirect URI if one of them needs it.
pub(crate) fn user_of(name: &str, grant_types: &[&str], more: &Value) -> Client {
    let has_code = grant_types.contains(&"authorization_code");
    let response_types: &[&str] = if has_code { &["code"] } else { &[] };
    let mut members = json!({"grant_types": grant_types, "response_types": response_types});
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let uri = format!("https://{name}.example/cb");
    client(name, name.starts_with("public"), &[&uri], &members)
}

/// The resources of these names.
pub(crate) fn resources(names: &[&str]) -> Vec<Resource> {
    names.iter().map(|name| Resource::new(*name).unwrap()).collect()
}

#[track_caller]
pub(crate) fn is_refused(answer: &Answer, error: &str, what: &str) {
    assert_eq!((answer.status(), &*answer.error()), (400, error), "{what}: {}", answer.json());
    assert!(answer.json().get("access_token").is_none(), "{what}");
}

#[track_caller]
pub(crate) fn granted(answer: &Answer, what: &str) -> Value {
    assert_eq!(answer.status(), 200, "{what}: {}", answer.json());
    answer.json()
}

/// The tokens of a scope, in their order in the alphabet.
pub(crate) fn sorted(scope: &Value) -> Vec<&str> {
    let mut tokens: Vec<_> = scope.as_str().unwrap_or_default().split_whitespace().collect();
    tokens.sort_unstable();
    tokens
}

/// All that may be wired, on a store that fails on demand.
fn faulty() -> (Setup, FaultyStore) {
    Setup::full().faulty()
}

/// Another node: the same store, time, people and policies, with clients that were changed meanwhile.
fn node(of: &Setup, change: impl Fn(&mut Client)) -> Setup {
    let mut clients = of.clients.clone();
    clients.iter_mut().for_each(change);
    Setup {
        clients,
        store: of.store.clone(),
        clock: of.clock.clone(),
        host: of.host.clone(),
        policies: of.policies.clone(),
        seed: 2,
        ..Setup::full()
    }
}

/// Whatever it is asked, it cannot say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken;

#[async_trait]
impl PasswordAuthenticator for Broken {
    async fn authenticate(&self, _: &PasswordCredentials<'_>) -> Result<Option<Login>, HostError> {
        Err("the directory is down".into())
    }
}

#[async_trait]
impl ExchangePolicy for Broken {
    async fn exchange(&self, _: &Exchange<'_>) -> Result<Option<Scope>, HostError> {
        Err("the directory is down".into())
    }
}

#[async_trait]
impl TrustedIssuers for Broken {
    async fn issuer(&self, _: &str) -> Result<Option<TrustedIssuer>, HostError> {
        Err("the directory is down".into())
    }

    async fn subject(&self, _: &Assertion<'_>) -> Result<Option<Subject>, HostError> {
        Err("the directory is down".into())
    }
}

#[async_trait]
impl ClientPermissions for Broken {
    async fn permitted(&self, _: &Subject, _: &Client, _: &Scope) -> Result<Scope, HostError> {
        Err("the directory is down".into())
    }
}

#[async_trait]
impl ExtensionGrant for Broken {
    fn grant_type(&self) -> &str {
        DEVICE_KEY
    }

    async fn grant(&self, _: &ExtensionRequest<'_>) -> Result<Option<Issuance>, HostError> {
        Err("the directory is down".into())
    }
}

/// The host failed: no verdict on anything, nothing written.
#[track_caller]
fn is_host_fault(answer: &Answer, store: &FaultyStore) {
    assert_eq!((answer.status(), &*answer.error()), (500, "server_error"));
    assert!(!answer.json().to_string().contains("directory"), "the cause is the operator's");
    assert_eq!(store.calls().writes(), 0);
}
