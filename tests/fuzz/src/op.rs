//! A provider with clients of every kind. Each input has a new one, so that every run is the same.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use oidc_op::{
    Account, Accounts, Client, ClientId, ClientMetadata, ClientSecret, Config, DecryptionKeys,
    HostError, Issuer, KeyManagementAlgorithm, KeySet, Provider, RequestObjectMode, Scope, Secret,
    Secrets, SigningAlgorithm, StaticClients, Subject, Timestamp,
    store::MemoryStore,
    test_util::{SeededEntropy, TestClock},
};
use serde_json::{Value, json};

pub const ISSUER: &str = "https://id.example";
pub const NOW: i64 = 1_800_000_000;
/// Of every confidential client.
pub const SECRET: &str = "a secret that is long enough for sixty-four bytes of HMAC, and kept.";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Every parameter of an authorization request that the provider knows.
pub const RECOGNISED: [&str; 20] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "response_mode",
    "nonce",
    "display",
    "prompt",
    "max_age",
    "ui_locales",
    "login_hint",
    "id_token_hint",
    "acr_values",
    "claims",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "registration",
    "claims_locales",
];

/// Keys are slow to make: once per process. Nothing that a target looks at depends on which.
pub static SIGNING: LazyLock<KeySet> = LazyLock::new(|| {
    use SigningAlgorithm::{ES256, EdDSA, RS256};
    KeySet::generate(&[RS256, ES256, EdDSA], Timestamp::from_unix(0)).unwrap()
});

pub static DECRYPTION: LazyLock<DecryptionKeys> = LazyLock::new(|| {
    use KeyManagementAlgorithm::{EcdhEs, EcdhEsA128Kw, RsaOaep256};
    DecryptionKeys::generate(&[RsaOaep256, EcdhEs, EcdhEsA128Kw]).unwrap()
});

#[derive(Debug)]
struct Everybody;

#[async_trait]
impl Accounts for Everybody {
    async fn account(&self, _: &Subject, _: &[&str]) -> Result<Option<Account>, HostError> {
        Ok(Some(Account::active()))
    }
}

pub fn issuer() -> Issuer {
    Issuer::new(ISSUER).unwrap()
}

pub fn client(name: &str, public: bool, redirect_uris: &[&str], extra: &Value) -> Client {
    let mut json = json!({ "redirect_uris": redirect_uris });
    json.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap_or_default());
    let metadata: ClientMetadata = serde_json::from_value(json).unwrap();
    let id = ClientId::new(name).unwrap();
    if public {
        Client::public(id, metadata).unwrap()
    } else {
        Client::confidential(id, ClientSecret::kept(SECRET), metadata).unwrap()
    }
}

/// The clients: `web` and the ones after it differ in where answers go, those from `mac` on in how
/// they make request objects.
pub static CLIENTS: LazyLock<Vec<Client>> = LazyLock::new(|| {
    let all = json!({
        "response_types": ["code", "id_token", "code id_token", "code token", "id_token token",
            "code id_token token", "token", "none"],
        "grant_types": ["authorization_code", "implicit"],
    });
    let native = json!({ "application_type": "native" });
    let mut first_party = client(
        "first",
        false,
        &["https://first.example/cb", "https://first.example/cb?a=1", "https://first.example/cb?"],
        &all,
    );
    first_party.first_party = true;
    first_party.require_pkce = Some(false);
    let mut disabled = client("disabled", true, &["https://disabled.example/cb"], &json!({}));
    disabled.enabled = false;
    let object = |name: &str, extra: &Value| {
        let uris = ["https://object.example/in", "https://object.example/out"];
        let mut client = client(name, false, &uris, extra);
        client.require_pkce = Some(false);
        client.first_party = true;
        client
    };
    vec![
        client("web", false, &["https://web.example/cb", "https://web.example/cb/"], &all),
        first_party,
        client("native", true, &["http://127.0.0.1/cb", "http://[::1]/cb?x=1"], &native),
        client("app", true, &["com.example.app:/cb", "com.example.app:/cb&a=%26"], &native),
        disabled,
        object("mac", &json!({ "request_object_signing_alg": "HS256" })),
        object("plain", &json!({ "request_object_signing_alg": "none" })),
        object("any", &json!({})),
        object("strict", &json!({ "require_signed_request_object": true })),
    ]
});

/// The redirect URIs of a client.
pub fn registered(id: &str) -> Vec<String> {
    let client = CLIENTS.iter().find(|client| client.id.as_str() == id);
    let uris = client.map(|client| &*client.metadata.redirect_uris).unwrap_or_default();
    uris.iter().map(|uri| uri.as_str().to_owned()).collect()
}

pub fn provider(mode: RequestObjectMode, large: bool) -> Provider {
    static STATIC: LazyLock<Arc<StaticClients>> =
        LazyLock::new(|| Arc::new(CLIENTS.iter().cloned().collect()));
    let clock = TestClock::at(Timestamp::from_unix(NOW));
    let mut config = Config::new(issuer());
    config.account_creation = true;
    config.policy.unsigned = true;
    config.policy.request_object = mode;
    config.scopes = Scope::parse("read write").unwrap();
    if large {
        config.limits.interaction = usize::MAX;
    }
    Provider::builder(config)
        .store(MemoryStore::with_clock(clock.clone()))
        .clients(Arc::clone(&*STATIC))
        .accounts(Everybody)
        .signer(SIGNING.clone())
        .decryption(DECRYPTION.clone())
        .secrets(Secrets::new(Secret::new([1; 32]).unwrap()))
        .clock(clock)
        .entropy(SeededEntropy::new(1))
        .build()
        .unwrap()
}
