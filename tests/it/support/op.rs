use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use async_trait::async_trait;
use oidc_op::{
    Account, Accounts, Client, Config, DecryptionKeys, Duration, HostError, Issuer,
    KeyManagementAlgorithm, KeySet, Provider, ProviderBuilder, Request, Secret, SecretHashes,
    Secrets, Signer, SigningAlgorithm, StaticClients, Subject, Throttle, Timestamp,
    store::{FaultyStore, MemoryStore, Store},
    test_util::{Recorder, SeededEntropy, TestClock},
};
use serde_json::{Map, Value, json};

use super::{Answer, Browser, CHALLENGE, Documents, Policies, VERIFIER, clients::clients, form};

pub(crate) const ALICE: &str = "alice";
pub(crate) const BOB: &str = "bob";

/// Making RSA keys is slow; one set serves all tests.
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    use SigningAlgorithm::{ES256, EdDSA, RS256};
    KeySet::generate(&[RS256, ES256, EdDSA], Timestamp::from_unix(0)).unwrap()
});

/// One key for each algorithm that there is.
pub(crate) static ALL_KEYS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::generate(&SigningAlgorithm::ALL, Timestamp::from_unix(0)).unwrap());

/// Keys that open what is encrypted to the provider.
pub(crate) static OPENERS: LazyLock<DecryptionKeys> = LazyLock::new(|| {
    use KeyManagementAlgorithm::{EcdhEs, EcdhEsA256Kw, RsaOaep256};
    DecryptionKeys::generate(&[EcdhEs, EcdhEsA256Kw, RsaOaep256]).unwrap()
});

/// The people, as the host knows them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host(Arc<Mutex<HashMap<String, Account>>>);

pub(crate) fn host() -> Host {
    let host = Host::default();
    for name in [ALICE, BOB] {
        let claims = json!({
            "name": name, "given_name": name, "family_name": "Example", "email": format!("{name}@example.org"),
            "email_verified": true, "phone_number": "+1 555 0100", "phone_number_verified": false,
            "address": {"country": "NL"}, "updated_at": 1_700_000_000, "secret_claim": "never asked for"
        });
        let Value::Object(claims) = claims else { unreachable!() };
        host.set(name, Account::active().claims(claims));
    }
    host
}

impl Host {
    pub(crate) fn set(&self, subject: &str, account: Account) {
        self.0.lock().unwrap().insert(subject.to_owned(), account);
    }

    pub(crate) fn disable(&self, subject: &str) {
        self.set(subject, {
            let mut account = Account::active().claims(Map::new());
            account.active = false;
            account
        });
    }
}

#[async_trait]
impl Accounts for Host {
    async fn account(
        &self,
        subject: &Subject,
        _wanted: &[&str],
    ) -> Result<Option<Account>, HostError> {
        Ok(self.0.lock().unwrap().get(subject.as_str()).cloned())
    }
}

/// What a provider under test is made of.
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) clients: Vec<Client>,
    pub(crate) secrets: Secrets,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) clock: TestClock,
    pub(crate) host: Host,
    pub(crate) seed: u64,
    pub(crate) decryption: Option<DecryptionKeys>,
    pub(crate) documents: Option<Documents>,
    /// What the host decides in the back channel, if all of its grants are wired.
    pub(crate) policies: Option<Policies>,
    pub(crate) secret_hashes: Option<Arc<dyn SecretHashes>>,
    pub(crate) throttle: Arc<dyn Throttle>,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let clock = TestClock::at(Timestamp::from_unix(1_800_000_000));
        let mut config = Config::new(Issuer::new("https://id.example").unwrap());
        config.account_creation = true;
        super::back_channel::wire(&mut config);
        Self {
            config,
            clients: clients(),
            secrets: Secrets::new(Secret::new([1; 32]).unwrap()),
            store: Arc::new(MemoryStore::with_clock(clock.clone())),
            signer: Arc::new(KEYS.clone()),
            clock,
            host: host(),
            seed: 1,
            decryption: None,
            documents: None,
            policies: None,
            secret_hashes: None,
            throttle: Arc::new(()),
        }
    }

    /// Everything that may be wired: unsigned tokens, pairwise names, keys to open what is encrypted,
    /// documents by URL.
    pub(crate) fn full() -> Self {
        let mut setup = Self::new();
        setup.config.policy.unsigned = true;
        setup.secrets.pairwise = Some(Secret::new([2; 32]).unwrap());
        setup.decryption = Some(OPENERS.clone());
        setup.documents = Some(Documents::default());
        setup.policies = Some(Policies::default());
        setup
    }

    pub(crate) fn build(self) -> Op {
        self.build_with(|builder| builder)
    }

    /// The same, with other seams than these.
    pub(crate) fn build_with(self, wire: impl FnOnce(ProviderBuilder) -> ProviderBuilder) -> Op {
        let recorder = Recorder::default();
        let mut builder = Provider::builder(self.config)
            .store(self.store)
            .clients(self.clients.into_iter().collect::<StaticClients>())
            .accounts(self.host.clone())
            .signer(self.signer)
            .secrets(self.secrets)
            .clock(self.clock.clone())
            .entropy(SeededEntropy::new(self.seed))
            .throttle(self.throttle)
            .observer(recorder.clone());
        if let Some(keys) = self.decryption {
            builder = builder.decryption(keys);
        }
        if let Some(documents) = self.documents {
            builder = builder.fetch(documents);
        }
        let policies = self.policies.clone().unwrap_or_default();
        if let Some(policies) = self.policies {
            builder = builder
                .passwords(policies.clone())
                .exchanges(policies.clone())
                .issuers(policies.clone())
                .permissions(policies.clone())
                .extension(policies);
        }
        if let Some(hashes) = self.secret_hashes {
            builder = builder.secret_hashes(hashes);
        }
        let provider = wire(builder).build().unwrap();
        Op { provider, clock: self.clock, host: self.host, recorder, policies }
    }

    /// The same on a store that counts its calls, and fails or waits when it is told to.
    pub(crate) fn faulty(self) -> (Self, FaultyStore) {
        let store = FaultyStore::new(Arc::clone(&self.store));
        (Self { store: Arc::new(store.clone()), ..self }, store)
    }

    pub(crate) fn build_faulty(self) -> (Op, FaultyStore) {
        let (setup, store) = self.faulty();
        (setup.build(), store)
    }
}

/// A provider under test.
#[derive(Clone)]
pub(crate) struct Op {
    pub(crate) provider: Provider,
    pub(crate) clock: TestClock,
    pub(crate) host: Host,
    pub(crate) recorder: Recorder,
    pub(crate) policies: Policies,
}

impl Op {
    pub(crate) fn new() -> Self {
        Setup::new().build()
    }

    /// A valid authorization request of `conf-basic`.
    pub(crate) fn request() -> Vec<(&'static str, &'static str)> {
        vec![
            ("client_id", "conf-basic"),
            ("redirect_uri", "https://client.example/cb"),
            ("response_type", "code"),
            ("scope", "openid profile email"),
            ("state", "af0ifjsldkj"),
            ("nonce", "n-0S6_WzA2Mj"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]
    }

    /// The same, with some parameters changed, added, or (empty) taken away.
    pub(crate) fn request_with<'p>(changes: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
        let mut request = Self::request();
        for (name, value) in changes {
            request.retain(|(known, _)| known != name);
            if !value.is_empty() {
                request.push((name, value));
            }
        }
        request
    }

    /// Alice's code for `conf-basic`, by way of the pages, in a browser of her own.
    pub(crate) async fn code(&self) -> String {
        let mut browser = Browser::new(self);
        browser.code(&Self::request(), ALICE).await
    }

    /// A request to the token endpoint with the credentials of a client that uses Basic.
    pub(crate) async fn token(&self, id: &str, secret: &str, body: &[(&str, &str)]) -> Answer {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        self.post("/token", &form(body), &[("authorization", &basic)]).await
    }

    /// Redeems a code of `conf-basic`.
    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        self.token("conf-basic", "conf-basic", &Self::redemption(code)).await
    }

    /// What a redemption of a code of [`Op::request`] sends.
    pub(crate) fn redemption(code: &str) -> [(&str, &str); 4] {
        [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", "https://client.example/cb"),
            ("code_verifier", VERIFIER),
        ]
    }

    pub(crate) async fn userinfo(&self, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.send("GET", "/userinfo", "", &[("authorization", &bearer)], "").await
    }

    /// Posts a form without cookies.
    pub(crate) async fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        self.send("POST", path, "", &all, body).await
    }

    /// Sends any request through `dispatch`.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        let request =
            Request::new(method, path).query(query).headers(&headers).body(body.as_bytes());
        Answer::from(self.provider.dispatch(request).await)
    }

    /// Moves the clock.
    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.advance(Duration::seconds(seconds));
    }
}
