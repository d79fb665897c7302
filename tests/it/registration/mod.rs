//! Clients that register themselves, and manage what they have registered (OIDC Dynamic Client
//! Registration 1.0, RFC 7591, RFC 7592).

mod life;

use oidc_op::{Registration, RegistrationAccess, Secret};
use serde_json::{Value, json};

use crate::support::{Answer, CHALLENGE, Op, Setup, VERIFIER};

/// A provider at which anybody may register, with everything wired.
pub(super) fn setup() -> Setup {
    let mut setup = Setup::full();
    let mut registration = Registration::default();
    registration.access = RegistrationAccess::Open;
    setup.config.registration = Some(registration);
    setup.secrets.storage = vec![Secret::new([7; 32]).unwrap()];
    setup
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
pub(super) struct Registered(Value);

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

    /// An authorization request of this client.
    pub(super) fn request(&self) -> Vec<(&str, &str)> {
        vec![
            ("client_id", self.id()),
            ("redirect_uri", self.0["redirect_uris"][0].as_str().unwrap()),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", "s"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]
    }

    /// A code, redeemed with the secret that the client was given.
    pub(super) async fn redeem(&self, op: &Op, code: &str) -> Answer {
        let uri = self.0["redirect_uris"][0].as_str().unwrap();
        let body = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", uri),
            ("code_verifier", VERIFIER),
        ];
        op.token(self.id(), self.text("client_secret"), &body).await
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
