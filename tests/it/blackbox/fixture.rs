//! The clients and people that every server knows.

use std::fmt::Write;

use serde_json::{Value, json};

/// A client, as it is registered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registered {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// `None` for a public client.
    pub(crate) secret: Option<&'static str>,
    pub(crate) auth: &'static str,
    pub(crate) alg: &'static str,
    pub(crate) first_party: bool,
}

/// A redirect URI that nobody listens at: a remembered consent serves only https.
pub(crate) const WEB: &str = "https://rp.example/cb";
/// A redirect URI on this machine; any port will do.
pub(crate) const LOCAL: &str = "http://127.0.0.1/cb";

pub(crate) const THIRD_PARTY: Registered = Registered {
    id: "third-party",
    name: "Third Party",
    secret: Some("third-party-secret-cNzWbX81e4R0Ty"),
    auth: "client_secret_basic",
    alg: "RS256",
    first_party: false,
};
pub(crate) const FIRST_PARTY: Registered = Registered {
    id: "first-party",
    name: "First Party",
    secret: Some("first-party-secret:with+%25&= 8Kd3m"),
    first_party: true,
    ..THIRD_PARTY
};
pub(crate) const POST: Registered = Registered {
    id: "post",
    name: "Poster",
    secret: Some("post-secret-9fTQ2xvLr7Zp0aHs"),
    auth: "client_secret_post",
    alg: "ES256",
    first_party: false,
};
pub(crate) const PUBLIC: Registered = Registered {
    id: "public",
    name: "Public App",
    secret: None,
    auth: "none",
    alg: "EdDSA",
    first_party: false,
};
/// Its name tries to be more than a name.
pub(crate) const HOSTILE: Registered = Registered {
    id: "hostile",
    name: "<img src=x onerror=alert(1)>\u{202e}\"'&lt;{{7*7}}",
    ..THIRD_PARTY
};

pub(crate) const CLIENTS: [Registered; 5] = [THIRD_PARTY, FIRST_PARTY, POST, PUBLIC, HOSTILE];

/// Login name and password.
pub(crate) type User = (&'static str, &'static str);

pub(crate) const ALICE: User = ("alice", "correct horse battery staple");
pub(crate) const BOB: User = ("bob", "p\u{e4}ssw\u{f6}rd with a sn\u{2603}wman");

/// The tables of the configuration.
pub(crate) fn tables() -> String {
    let mut toml = "[features]\nregistration = true\ndemo = true\n".to_owned();
    for client in CLIENTS {
        let Registered { id, name, auth, alg, first_party, .. } = client;
        let (name, id) = (json!(name), json!(id));
        let _ = write!(
            toml,
            "[[clients]]\nclient_id = {id}\nclient_name = {name}\n\
             redirect_uris = [{WEB:?}, {LOCAL:?}]\ntoken_endpoint_auth_method = {auth:?}\n\
             id_token_signed_response_alg = {alg:?}\nfirst_party = {first_party}\n"
        );
        if let Some(secret) = client.secret {
            let _ = writeln!(toml, "client_secret = {secret:?}");
        }
    }
    for ((login, password), name) in [(ALICE, "Alice"), (BOB, "Bob")] {
        let _ = write!(
            toml,
            "[[users]]\nusername = {login:?}\npassword = {password:?}\nsub = \"sub-of-{login}\"\n\
             claims = {{ name = \"{name} Example\", email = \"{login}@example.com\", \
             email_verified = true, phone_number = \"+1 555 0100\", phone_number_verified = true, \
             preferred_username = \"{login}\" }}\n"
        );
    }
    toml
}

/// The same for a script.
pub(crate) fn clients() -> Value {
    CLIENTS.into_iter().map(|client| client.json()).collect()
}

/// The same for a script.
pub(crate) fn user((login, password): User) -> Value {
    json!({
        "login": login,
        "password": password,
        "sub": format!("sub-of-{login}"),
        "email": format!("{login}@example.com"),
    })
}

impl Registered {
    pub(crate) fn json(&self) -> Value {
        json!({
            "client_id": self.id,
            "client_secret": self.secret,
            "auth": self.auth,
            "alg": self.alg,
        })
    }
}
