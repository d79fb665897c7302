use oidc_op::{AssertionAudience, Clock, FetchPolicy, GuardedFetch};
use serde_json::{Value, json};

use super::{
    checks::{self, Check},
    key::Key,
    site::Site,
};
use crate::support::{Answer, Ask, Op, Setup, form};

pub(crate) const ISSUER: &str = "https://id.example";
/// Where answers go. Nobody is there: what would arrive is read off the provider's reply.
pub(crate) const CALLBACK: &str = "https://rp.example/test/a/callback";
pub(crate) const STATE: &str = "s-._~1/aZ";
pub(crate) const NONCE: &str = "n-._~2/bY";

/// The relying party of one module: its web server, the clients that it has registered, and the provider
/// that it tests, which is set up as for the certification.
pub(crate) struct Party {
    pub(crate) op: Op,
    pub(crate) site: Site,
    pub(crate) response_type: &'static str,
    pub(crate) document: Value,
    auth_method: &'static str,
    registered: Vec<Registered>,
}

/// A client, as it has registered.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    /// What it was answered.
    pub(crate) answer: Value,
    /// What it signs with.
    pub(crate) key: Key,
}

impl Registered {
    pub(crate) fn id(&self) -> &str {
        self.answer["client_id"].as_str().unwrap()
    }

    pub(crate) fn redirect_uri(&self) -> &str {
        self.answer["redirect_uris"][0].as_str().unwrap()
    }
}

#[track_caller]
pub(crate) fn passed<T>(check: Check<T>) -> T {
    check.unwrap_or_else(|problem| panic!("{problem}"))
}

impl Party {
    /// Looks at what the provider publishes, as every module does first.
    pub(crate) async fn begin(
        response_type: &'static str,
        auth_method: &'static str,
        change: impl Fn(&mut Setup, &mut FetchPolicy),
    ) -> Self {
        let site = Site::open();
        let (mut setup, mut policy) = (Setup::full(), site.policy());
        setup.documents = None;
        setup.policies = None;
        setup.config.policy.require_pkce = false;
        setup.config.policy.unsigned_unless_registered = true;
        setup.config.policy.assertion_audience = AssertionAudience::IssuerOrTokenEndpoint;
        super::open_registration(&mut setup);
        change(&mut setup, &mut policy);
        let fetch = GuardedFetch::new(&policy).unwrap();
        let op = setup.build_with(|builder| builder.fetch(fetch));
        let at = "/.well-known/openid-configuration";
        let document = op.send("GET", at, "", &[], "").await.json();
        passed(checks::metadata(&document, ISSUER));
        let methods = &document["token_endpoint_auth_methods_supported"];
        assert!(methods.as_array().unwrap().contains(&auth_method.into()), "{methods}");
        let party = Self { op, site, response_type, document, auth_method, registered: Vec::new() };
        passed(checks::keys(&party.op.jwks().await));
        party
    }

    /// Ends every registration, as each module does at last.
    pub(crate) async fn end(self) {
        for client in &self.registered {
            passed(checks::deleted(&self.manage("DELETE", client, "").await));
            assert_eq!(self.manage("GET", client, "").await.status(), 401, "RFC 7592 §2.3");
        }
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.response_type.split(' ').any(|found| found == word)
    }

    pub(crate) fn lists(&self, member: &str, value: &str) -> bool {
        self.document[member].as_array().is_some_and(|listed| listed.contains(&value.into()))
    }

    pub(crate) fn now(&self) -> i64 {
        self.op.clock.now().unix()
    }

    /// What a client sends of itself, unless its module is about that.
    pub(crate) fn metadata(&self, key: &Key) -> Value {
        let mut grant_types = Vec::new();
        if self.has("code") {
            grant_types.push("authorization_code");
        }
        if self.has("id_token") || self.has("token") {
            grant_types.push("implicit");
        }
        json!({
            "client_name": "Suite 2pQ9xT",
            "grant_types": grant_types,
            "jwks": key.set(),
            "token_endpoint_auth_method": self.auth_method,
            "response_types": [self.response_type],
            "redirect_uris": [CALLBACK],
            "contacts": ["certification@rp.example"],
        })
    }

    /// The same with these members instead; null takes one away.
    pub(crate) fn metadata_with(&self, key: &Key, changes: &Value) -> Value {
        let mut metadata = self.metadata(key);
        let members = metadata.as_object_mut().unwrap();
        members.extend(changes.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        metadata
    }

    /// Sends a registration, whatever comes of it.
    pub(crate) async fn send(&self, metadata: &Value) -> Answer {
        let endpoint = self.document["registration_endpoint"].as_str().unwrap();
        self.json("POST", endpoint, &[], &metadata.to_string()).await
    }

    /// Registers a client with a key of its own.
    pub(crate) async fn register(&mut self) -> Registered {
        self.register_with(Key::unnamed(), &json!({})).await
    }

    /// The same, with these members.
    pub(crate) async fn register_with(&mut self, key: Key, changes: &Value) -> Registered {
        let metadata = self.metadata_with(&key, changes);
        let answer = passed(checks::registered(&self.send(&metadata).await, &metadata));
        let client = Registered { answer, key };
        self.registered.push(client.clone());
        client
    }

    /// A request to the client's own address, with its token.
    pub(crate) async fn manage(&self, method: &str, client: &Registered, body: &str) -> Answer {
        let member = |name: &str| client.answer[name].as_str().unwrap().to_owned();
        let bearer = format!("Bearer {}", member("registration_access_token"));
        let headers = [("authorization", &*bearer), ("accept", "application/json;charset=UTF-8")];
        self.json(method, &member("registration_client_uri"), &headers, body).await
    }

    async fn json(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut all = headers.to_vec();
        if !body.is_empty() {
            all.push(("content-type", "application/json"));
        }
        let at = url.strip_prefix(ISSUER).unwrap_or_else(|| panic!("{url}"));
        let (path, query) = at.split_once('?').unwrap_or((at, ""));
        self.op.send(method, path, query, &all, body).await
    }

    /// What a client asks for, unless its module is about that.
    pub(crate) fn ask(&self, client: &Registered) -> Ask {
        Ask(Vec::new())
            .with("client_id", client.id())
            .with("redirect_uri", client.redirect_uri())
            .with("scope", "openid")
            .with("state", STATE)
            .with("nonce", NONCE)
            .with("response_type", self.response_type)
    }

    /// The same as a request object, and what stands beside it: what OAuth needs there
    /// (OIDC Core §6.1).
    pub(crate) fn ask_by_object(&self, client: &Registered) -> (Value, Ask) {
        let ask = self.ask(client);
        let object = ask.0.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        (Value::Object(object.collect()), ask.with("state", "").with("nonce", ""))
    }

    /// An assertion of the client for this audience.
    pub(crate) fn assertion(&self, client: &Registered, audience: &str) -> String {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let jti = format!("j{:019}", NUMBER.fetch_add(1, Ordering::SeqCst));
        let (id, now) = (client.id(), self.now());
        client.key.sign(&json!({
            "iss": id, "sub": id, "aud": audience, "jti": jti, "iat": now, "exp": now + 60,
        }))
    }

    /// A request to the token endpoint, which the client authenticates as it has registered to.
    pub(crate) async fn token(&self, client: &Registered, body: &[(&str, &str)]) -> Answer {
        let endpoint = self.document["token_endpoint"].as_str().unwrap();
        self.token_for(client, body, endpoint).await
    }

    /// The same; an assertion is meant for this audience.
    pub(crate) async fn token_for(
        &self,
        client: &Registered,
        body: &[(&str, &str)],
        audience: &str,
    ) -> Answer {
        if self.auth_method == "client_secret_basic" {
            let secret = client.answer["client_secret"].as_str().unwrap();
            return self.op.token(client.id(), secret, body).await;
        }
        let assertion = self.assertion(client, audience);
        let by_assertion = [
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ];
        self.op.post("/token", &form(&[body, &by_assertion].concat()), &[]).await
    }

    /// What a redemption sends.
    pub(crate) fn redemption<'r>(client: &'r Registered, code: &'r str) -> [(&'r str, &'r str); 3] {
        [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", client.redirect_uri()),
        ]
    }
}
