//! Clients that register themselves, and manage what they have registered (OIDC Dynamic Client
//! Registration 1.0, RFC 7591, RFC 7592).

mod access;
mod administration;
mod documents;
mod errors;
mod events;
mod faults;
mod fit;
mod http;
mod life;
mod lint;
mod management;
mod metadata;
mod policy;
mod races;
mod secrets;
pub(super) mod sector;
pub(super) mod statements;
mod unused;

use std::sync::Arc;

use oidc_op::{
    ClientId, Registration, RegistrationAccess, Secret,
    store::{FaultyStore, MemoryStore},
};
use serde_json::{Value, json};

use crate::support::{ALICE, Answer, Browser, CHALLENGE, Op, Setup, VERIFIER, form, keys};

/// A provider at which anybody may register, with everything wired.
pub(super) fn setup() -> Setup {
    setup_with(|_| ())
}

/// The same by other rules.
pub(super) fn setup_with(change: impl FnOnce(&mut Registration)) -> Setup {
    let mut setup = Setup::full();
    let mut registration = Registration::default();
    registration.access = RegistrationAccess::Open;
    change(&mut registration);
    setup.config.registration = Some(registration);
    setup.secrets.storage = vec![Secret::new([7; 32]).unwrap()];
    setup
}

/// On a store that counts its calls, and fails or waits when it is told to.
pub(super) fn faulty(setup: Setup) -> (Op, FaultyStore) {
    setup.build_faulty()
}

impl Op {
    /// Sends metadata to the registration endpoint.
    pub(super) async fn register(&self, metadata: &Value) -> Registered {
        let answer = self.try_register(metadata, None).await;
        assert_eq!(answer.status(), 201, "{}", answer.json());
        Registered(answer.json())
    }

    pub(super) async fn try_register(&self, metadata: &Value, token: Option<&str>) -> Answer {
        self.send_json("POST", "", token, metadata).await
    }

    /// What is refused: the status, and the error code (RFC 7591 §3.2.2).
    pub(super) async fn refused(&self, metadata: &Value) -> (u16, String) {
        let answer = self.try_register(metadata, None).await;
        (answer.status(), answer.error())
    }

    async fn send_json(
        &self,
        method: &str,
        query: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Answer {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        self.send(method, "/register", query, &headers, &body.to_string()).await
    }
}

/// What a registration has answered.
#[derive(Clone, Debug)]
pub(super) struct Registered(pub(super) Value);

impl Registered {
    #[track_caller]
    pub(super) fn text(&self, member: &str) -> &str {
        self.0[member].as_str().unwrap_or_else(|| panic!("{member} in {}", self.0))
    }

    pub(super) fn id(&self) -> &str {
        self.text("client_id")
    }

    /// Sends a request to the client's own configuration, with its token.
    pub(super) async fn manage(&self, op: &Op, method: &str, body: &Value) -> Answer {
        let uri = url::Url::parse(self.text("registration_client_uri")).unwrap();
        assert_eq!(uri.path(), "/register");
        let token = self.text("registration_access_token");
        op.send_json(method, uri.query().unwrap(), Some(token), body).await
    }

    /// What is registered now.
    pub(super) async fn read(&self, op: &Op) -> Answer {
        self.manage(op, "GET", &Value::Null).await
    }

    /// Replaces what is registered by the least that there must be and these members.
    pub(super) async fn put(&self, op: &Op, members: &Value) -> Answer {
        let mut metadata = web_with(members);
        metadata["client_id"] = self.id().into();
        self.manage(op, "PUT", &metadata).await
    }

    /// The same, which is accepted: from then on with what the answer says, and with the secret and the
    /// token that were there before if it has none.
    #[track_caller]
    pub(super) fn after(&self, answer: &Answer) -> Self {
        assert_eq!(answer.status(), 200, "{}", answer.json());
        let mut after = answer.json();
        for kept in ["client_secret", "registration_access_token"] {
            if after.get(kept).is_none() && after.get("client_secret_expires_at").is_some() {
                after[kept] = self.0[kept].clone();
            }
        }
        Self(after)
    }

    pub(super) fn client_id(&self) -> ClientId {
        ClientId::new(self.id()).unwrap()
    }

    fn method(&self) -> &str {
        self.text("token_endpoint_auth_method")
    }

    /// An authorization request of this client.
    pub(super) fn request(&self) -> Vec<(&str, &str)> {
        vec![
            ("client_id", self.id()),
            ("redirect_uri", self.redirect_uri()),
            ("response_type", self.0["response_types"][0].as_str().unwrap()),
            ("scope", "openid email offline_access"),
            ("state", "s"),
            ("nonce", "n"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]
    }

    fn redirect_uri(&self) -> &str {
        self.0["redirect_uris"][0].as_str().unwrap()
    }

    /// Alice signs in here, in a browser of her own.
    pub(super) async fn code(&self, op: &Op) -> String {
        Browser::new(op).code(&self.request(), ALICE).await
    }

    /// A code, redeemed with the secret that the client was given.
    pub(super) async fn redeem(&self, op: &Op, code: &str) -> Answer {
        let body = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri()),
            ("code_verifier", VERIFIER),
        ];
        self.post(op, "/token", &body).await
    }

    /// Alice signs in, and the client gets its tokens.
    pub(super) async fn tokens(&self, op: &Op) -> Answer {
        let answer = self.redeem(op, &self.code(op).await).await;
        assert_eq!(answer.status(), 200, "{}", answer.json());
        answer
    }

    pub(super) async fn refresh(&self, op: &Op, token: &str) -> Answer {
        let body = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post(op, "/token", &body).await
    }

    /// A request to an endpoint for clients, with the proof that goes with the client's method.
    pub(super) async fn post(&self, op: &Op, path: &str, body: &[(&str, &str)]) -> Answer {
        let secret = self.0["client_secret"].as_str().unwrap_or_default();
        self.post_with(op, path, secret, body).await
    }

    /// The same with another secret.
    async fn post_with(&self, op: &Op, path: &str, secret: &str, body: &[(&str, &str)]) -> Answer {
        let assertion;
        let mut body = body.to_vec();
        match self.method() {
            "none" => body.push(("client_id", self.id())),
            "client_secret_post" => {
                body.extend([("client_id", self.id()), ("client_secret", secret)]);
            }
            "client_secret_basic" => {
                use base64::{Engine, engine::general_purpose::STANDARD};
                let basic = STANDARD.encode(format!("{}:{secret}", self.id()));
                let basic = format!("Basic {basic}");
                return op.post(path, &form(&body), &[("authorization", &basic)]).await;
            }
            method => {
                assertion = self.assertion(op, method, secret);
                body.extend([
                    (
                        "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    ),
                    ("client_assertion", &assertion),
                ]);
            }
        }
        op.post(path, &form(&body), &[]).await
    }

    fn assertion(&self, op: &Op, method: &str, secret: &str) -> String {
        use oidc_op::Clock;
        use std::sync::atomic::{AtomicUsize, Ordering};
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let now = op.clock.now().unix();
        let claims = json!({
            "iss": self.id(), "sub": self.id(), "aud": "https://id.example", "iat": now, "exp": now + 60,
            "jti": NEXT.fetch_add(1, Ordering::Relaxed).to_string()
        });
        if method == "private_key_jwt" {
            return keys::es256(&claims);
        }
        keys::sign(&json!({ "alg": "HS256" }), &claims, &*keys::hs256(secret))
    }

    /// Whether the token endpoint knows the client by this secret.
    pub(super) async fn is_known_by(&self, op: &Op, secret: &str) -> bool {
        let body = [("grant_type", "refresh_token"), ("refresh_token", "nonsense")];
        let answer = self.post_with(op, "/token", secret, &body).await;
        match answer.status() {
            400 => true,
            401 => {
                assert_eq!(answer.error(), "invalid_client");
                false
            }
            other => panic!("{other} {}", answer.json()),
        }
    }
}

/// The least that a client must say.
pub(super) fn web() -> Value {
    json!({ "redirect_uris": ["https://rp.example/cb"] })
}

/// The same and more.
pub(super) fn web_with(members: &Value) -> Value {
    let mut metadata = web();
    metadata.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    metadata
}

/// A client whose refresh tokens are wanted.
pub(super) fn refreshing() -> Value {
    web_with(&json!({ "grant_types": ["authorization_code", "refresh_token"] }))
}

/// A client of the implicit grant.
pub(super) fn implicit(response_type: &str) -> Value {
    web_with(&json!({
        "response_types": [response_type], "grant_types": ["implicit"],
        "token_endpoint_auth_method": "none"
    }))
}
