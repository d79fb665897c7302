//! The clients and people that every server knows.

use std::{fmt::Write, sync::OnceLock};

use josekit::jwk::{Jwk, alg::ec::EcCurve};
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
    pub(crate) redirect_uris: &'static [&'static str],
    /// More members of its metadata, as TOML.
    pub(crate) more: &'static str,
    /// The algorithm of its UserInfo answers; none for plain JSON.
    pub(crate) userinfo_alg: Option<&'static str>,
    /// `alg` and `enc` of its ID Tokens, which are encrypted to its key of that `alg`.
    pub(crate) encryption: Option<(&'static str, &'static str)>,
    /// Whether its requests are signed with its key.
    pub(crate) signs: bool,
    /// Whether it knows people by names of its own.
    pub(crate) pairwise: bool,
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
    redirect_uris: &[WEB, LOCAL],
    more: "",
    userinfo_alg: None,
    encryption: None,
    signs: false,
    pairwise: false,
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
    ..THIRD_PARTY
};
pub(crate) const PUBLIC: Registered = Registered {
    id: "public",
    name: "Public App",
    secret: None,
    auth: "none",
    alg: "EdDSA",
    ..THIRD_PARTY
};
/// It speaks several languages.
pub(crate) const SHOP: Registered = Registered {
    id: "shop",
    name: "Shop",
    more: r#""client_name#fr" = "Boutique <été>"
"client_name#de-CH" = "Lädeli"
client_uri = "https://shop.example/"
"client_uri#fr" = "https://shop.example/fr/?a&b"
"logo_uri#fr" = "https://shop.example/fr.png"
policy_uri = "https://shop.example/privacy"
tos_uri = "https://shop.example/terms"
"tos_uri#fr" = "https://shop.example/fr/terms"
initiate_login_uri = "https://shop.example/login"
"#,
    ..THIRD_PARTY
};
/// Its name tries to be more than a name.
pub(crate) const HOSTILE: Registered = Registered {
    id: "hostile",
    name: "<img src=x onerror=alert(1)>\u{202e}\"'&lt;{{7*7}}",
    ..THIRD_PARTY
};
/// How a page writes it: as text, without what would turn the text around.
pub(crate) const HOSTILE_SHOWN: &str =
    "&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#38;lt;{{7*7}}";

/// Every response type. A web client would need https for it, and not on localhost (OIDC
/// Registration §2); an app may be at a loopback address.
const ALL_TYPES: &str = r#"application_type = "native"
grant_types = ["authorization_code", "implicit"]
response_types = ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token", "token"]
"#;
/// It may ask for everything, and people are asked.
pub(crate) const APP: Registered = Registered {
    id: "app",
    name: "App",
    secret: Some("app-secret-4Gm0cXq7TzWb1LkE"),
    more: ALL_TYPES,
    ..THIRD_PARTY
};
/// It may ask for everything, and nobody is asked.
pub(crate) const TRUSTED: Registered =
    Registered { id: "trusted", name: "Trusted App", alg: "EdDSA", first_party: true, ..APP };
/// It sends signed request objects, and nothing else.
pub(crate) const SIGNER: Registered =
    Registered { id: "signer", name: "Signer", alg: "ES256", signs: true, ..TRUSTED };
/// Its ID Tokens are encrypted, and its UserInfo answers signed.
pub(crate) const SEALED_RSA: Registered = Registered {
    id: "sealed-rsa",
    name: "Sealed with RSA",
    alg: "RS256",
    userinfo_alg: Some("ES256"),
    encryption: Some(("RSA-OAEP-256", "A256GCM")),
    ..TRUSTED
};
/// The same with another algorithm, and the content encryption that is the default.
pub(crate) const SEALED_EC: Registered = Registered {
    id: "sealed-ec",
    name: "Sealed with ECDH",
    alg: "ES256",
    userinfo_alg: Some("RS256"),
    encryption: Some(("ECDH-ES", "A128CBC-HS256")),
    ..TRUSTED
};
/// It knows people by names of its sector's own.
pub(crate) const PAIRWISE: Registered = Registered {
    id: "pairwise",
    name: "Pairwise",
    redirect_uris: &[LOCAL],
    pairwise: true,
    ..TRUSTED
};

/// It gets refresh tokens, of which each may be used once.
pub(crate) const STRICT: Registered = Registered {
    id: "strict",
    name: "Strict App",
    more: "grant_types = [\"authorization_code\", \"refresh_token\"]\n\
           refresh = { rotation = \"strict\" }\n",
    ..POST
};
/// The same with a while in which a lost answer can be asked for again.
pub(crate) const LENIENT: Registered = Registered {
    id: "lenient",
    name: "Lenient App",
    more: "grant_types = [\"authorization_code\", \"refresh_token\"]\n\
           refresh = { rotation = { window = 300 } }\n",
    ..STRICT
};
/// It acts for itself.
pub(crate) const MACHINE: Registered = Registered {
    id: "machine",
    name: "Machine",
    redirect_uris: &[],
    more: "response_types = []\ngrant_types = [\"client_credentials\"]\n\
           client_secrets = [\"the-secret-before-5kQzT7vXw1\"]\n",
    ..POST
};
/// It acts for itself, as far as alice may.
pub(crate) const OWNED: Registered = Registered {
    id: "owned",
    name: "Alice's Machine",
    more: "response_types = []\ngrant_types = [\"client_credentials\"]\n\
           owner = \"sub-of-alice\"\n",
    ..MACHINE
};
/// It sends people's passwords.
pub(crate) const HOUSE: Registered = Registered {
    id: "house",
    name: "House Terminal",
    first_party: true,
    more: "response_types = []\ngrant_types = [\"password\", \"refresh_token\"]\n\
           password_grant = true\n",
    ..MACHINE
};
/// It would like to.
pub(crate) const STRANGER: Registered = Registered {
    id: "stranger",
    name: "Strange Terminal",
    more: "response_types = []\ngrant_types = [\"password\"]\n",
    ..HOUSE
};
/// An API: it introspects, and exchanges tokens of [`STRICT`] for tokens of [`REPORTS`].
pub(crate) const ORDERS_API: Registered = Registered {
    id: "orders-api",
    name: "Orders API",
    more: "response_types = []\n\
           grant_types = [\"urn:ietf:params:oauth:grant-type:token-exchange\"]\n",
    ..MACHINE
};
/// It comes with the word of [`PARTNER_ISSUER`].
pub(crate) const PARTNER: Registered = Registered {
    id: "partner",
    name: "Partner",
    more: "response_types = []\n\
           grant_types = [\"urn:ietf:params:oauth:grant-type:jwt-bearer\"]\n",
    first_party: true,
    ..MACHINE
};

/// It signs assertions with its key, for the issuer and nobody else.
pub(crate) const KEYED: Registered = Registered {
    id: "keyed",
    name: "Keyed App",
    secret: None,
    auth: "private_key_jwt",
    more: ACTS_FOR_ALL,
    ..POST
};
/// It makes them with its secret.
pub(crate) const MACED: Registered = Registered {
    id: "maced",
    name: "Maced App",
    secret: Some("maced-secret-of-32-characters-1Xq"),
    auth: "client_secret_jwt",
    ..KEYED
};
/// Like [`KEYED`], but its assertions may be meant for the token endpoint, as older software has it.
pub(crate) const KEYED_LAX: Registered =
    Registered { id: "keyed-lax", name: "Older Keyed App", more: ACTS_FOR_ALL_LAX, ..KEYED };
/// Like [`MACED`], and so are its.
pub(crate) const MACED_LAX: Registered = Registered {
    id: "maced-lax",
    name: "Older Maced App",
    secret: Some("maced-lax-secret-of-32-characters-7"),
    more: ACTS_FOR_ALL_LAX,
    ..MACED
};
const ACTS_FOR_ALL: &str =
    "grant_types = [\"authorization_code\", \"refresh_token\", \"client_credentials\"]\n";
const ACTS_FOR_ALL_LAX: &str = "grant_types = [\"authorization_code\", \"refresh_token\", \"client_credentials\"]\n\
     assertion_audience = \"issuer_or_token_endpoint\"\n";

/// The resource of [`ORDERS_API`], which takes opaque tokens, and another one, which takes JWTs.
pub(crate) const ORDERS: &str = "https://orders.example/";
pub(crate) const REPORTS: &str = "https://reports.example/";
/// An issuer that may name bob, and signs with [`partner_key`].
pub(crate) const PARTNER_ISSUER: &str = "https://partner.example";

pub(crate) const CLIENTS: [Registered; 24] = [
    THIRD_PARTY,
    FIRST_PARTY,
    POST,
    PUBLIC,
    SHOP,
    HOSTILE,
    APP,
    TRUSTED,
    SIGNER,
    SEALED_RSA,
    SEALED_EC,
    PAIRWISE,
    STRICT,
    LENIENT,
    MACHINE,
    OWNED,
    HOUSE,
    STRANGER,
    ORDERS_API,
    PARTNER,
    KEYED,
    MACED,
    KEYED_LAX,
    MACED_LAX,
];

/// Login name and password.
pub(crate) type User = (&'static str, &'static str);

pub(crate) const ALICE: User = ("alice", "correct horse battery staple");
pub(crate) const BOB: User = ("bob", "p\u{e4}ssw\u{f6}rd with a sn\u{2603}wman");

/// The tables of the configuration.
pub(crate) fn tables() -> String {
    let mut toml = "[features]\ndemo = true\n".to_owned();
    for client in CLIENTS {
        let Registered { id, name, auth, alg, first_party, redirect_uris, more, .. } = client;
        let (name, id) = (json!(name), json!(id));
        let _ = write!(
            toml,
            "[[clients]]\nclient_id = {id}\nclient_name = {name}\n\
             redirect_uris = {redirect_uris:?}\ntoken_endpoint_auth_method = {auth:?}\n\
             id_token_signed_response_alg = {alg:?}\nfirst_party = {first_party}\n{more}\n{}",
            client.formats()
        );
        if let Some(secret) = client.secret {
            let _ = writeln!(toml, "client_secret = {secret:?}");
        }
    }
    toml += &back_channel();
    for ((login, password), name, phone) in [(ALICE, "Alice", "0100"), (BOB, "Bob", "0101")] {
        let permissions = if login == ALICE.0 { "orders:read" } else { "orders:read orders:write" };
        let _ = write!(
            toml,
            "[[users]]\nusername = {login:?}\npassword = {password:?}\nsub = \"sub-of-{login}\"\n\
             permissions = {permissions:?}\n\
             claims = {{ name = \"{name} Example\", email = \"{login}@example.com\", \
             email_verified = true, phone_number = \"+1 555 {phone}\", phone_number_verified = true, \
             preferred_username = \"{login}\" }}\n"
        );
    }
    toml
}

/// APIs, and who may do what with tokens.
fn back_channel() -> String {
    let key = public(partner_key());
    format!(
        "[[resources]]\nresource = {ORDERS:?}\nscope = \"orders:read orders:write\"\n\
         client = \"orders-api\"\nlifetime = 300\n\
         [[resources]]\nresource = {REPORTS:?}\nscope = \"orders:read\"\nformat = \"jwt\"\n\
         algorithm = \"ES256\"\nclaims = [\"email\"]\n\
         [[exchange]]\nclient = \"orders-api\"\nfrom = [\"strict\"]\naudience = [{REPORTS:?}]\n\
         scope = \"orders:read\"\n\
         [[trusted_issuers]]\nissuer = {PARTNER_ISSUER:?}\njwks = [{key}]\n\
         subjects = {{ \"b.builder\" = \"sub-of-bob\" }}\n"
    )
}

/// What the trusted issuer signs with.
pub(crate) fn partner_key() -> &'static Jwk {
    key("ES256")
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
    /// The same for a script, with the private keys.
    pub(crate) fn json(&self) -> Value {
        let encryption = self.encryption.map(|(alg, enc)| json!({ "alg": alg, "enc": enc }));
        json!({
            "client_id": self.id,
            "client_secret": self.secret,
            "auth": self.auth,
            "alg": self.alg,
            "userinfoAlg": self.userinfo_alg,
            "encryption": encryption,
            "decryption": self.encryption.map(|(alg, _)| private(key(alg))),
            "signing": self.signs.then(|| private(key("ES256"))),
            "assertion": self.has_key().then(|| private(key("ES256"))),
        })
    }

    /// Whether a key is what it authenticates with.
    fn has_key(&self) -> bool {
        self.auth == "private_key_jwt"
    }

    /// The members that say how answers and requests are secured.
    fn formats(&self) -> String {
        let mut toml = String::new();
        if self.pairwise {
            toml += "subject_type = \"pairwise\"\n";
            toml += "sector_identifier_uri = \"https://rp.example/sector.json\"\n";
        }
        if let Some(alg) = self.userinfo_alg {
            let _ = writeln!(toml, "userinfo_signed_response_alg = {alg:?}");
        }
        let mut keys = Vec::new();
        if let Some((alg, enc)) = self.encryption {
            let _ = writeln!(toml, "id_token_encrypted_response_alg = {alg:?}");
            if enc != "A128CBC-HS256" {
                let _ = writeln!(toml, "id_token_encrypted_response_enc = {enc:?}");
            }
            keys.push(key(alg));
        }
        if self.signs {
            toml +=
                "request_object_signing_alg = \"ES256\"\nrequire_signed_request_object = true\n";
        }
        if self.signs || self.has_key() {
            keys.push(key("ES256"));
        }
        if !keys.is_empty() {
            let keys = keys.into_iter().map(public).collect::<Vec<_>>().join(", ");
            let _ = writeln!(toml, "jwks = {{ keys = [{keys}] }}");
        }
        toml
    }
}

/// The key that the clients of this run have for an algorithm.
fn key(alg: &str) -> &'static Jwk {
    static KEYS: OnceLock<[Jwk; 3]> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let mut keys = [
            (Jwk::generate_rsa_key(2048).unwrap(), "RSA-OAEP-256", "enc"),
            (Jwk::generate_ec_key(EcCurve::P256).unwrap(), "ECDH-ES", "enc"),
            (Jwk::generate_ec_key(EcCurve::P256).unwrap(), "ES256", "sig"),
        ];
        for (key, alg, key_use) in &mut keys {
            key.set_algorithm(*alg);
            key.set_key_use(*key_use);
            key.set_key_id(format!("client-{alg}"));
        }
        keys.map(|(key, ..)| key)
    });
    keys.iter().find(|key| key.algorithm() == Some(alg)).unwrap()
}

/// What the trusted issuer signs with, for a script.
pub(crate) fn partner_jwk() -> Value {
    private(partner_key())
}

fn private(key: &Jwk) -> Value {
    serde_json::to_value(key.as_ref()).unwrap()
}

/// An inline table of TOML.
fn public(key: &Jwk) -> String {
    let key = key.to_public_key().unwrap();
    let members = key.as_ref().iter().map(|(name, value)| format!("{name} = {value}"));
    format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
}
