//! `central-login.toml`, all of its page in the guide.
//!
//! | file | what |
//! |---|---|
//! | `accounts.rs` | people who are imported, and what becomes of their old password hashes |
//! | `tokens.rs` | what ID tokens and UserInfo say, and what nobody says |
//! | `managed.rs` | people whom the upstream provider manages |
//! | `outage.rs` | the upstream provider is not there |

mod accounts;
mod managed;
mod outage;
mod tokens;

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Confidential, Deployment,
    advertised::{Expected, PROMPTS, exactly},
    upstream::{self, Upstream},
};
use crate::blackbox::visitor::{Page, Visitor};

const PORTAL: Confidential<'_> = Confidential("portal", "portal-of-the-central-login-5gH6iJ7");
const PORTAL_AT: &str = "https://portal.central.example/cb";
const MIGRATION: Confidential<'_> =
    Confidential("migration", "migration-of-the-central-login-3dE4f");
/// An application of somebody else's, which people are asked about; it stands in no file.
const GUEST: Confidential<'_> = Confidential("guest", "guest-of-the-central-login-8pQ9rS0t");
const GUEST_AT: &str = "https://guest.example/cb";

/// What is registered at the upstream provider.
const THERE: &str = "[[clients]]\nclient_id = \"central-login\"\n\
    client_secret = \"central-login-at-the-upstream-1aB2c\"\nfirst_party = true\n\
    redirect_uris = [\"https://login.central.example/upstream/InternalAzureAD/callback\"]\n";

/// What everybody's ID token has.
const MEMBERS: [&str; 13] = [
    "sub",
    "name",
    "given_name",
    "family_name",
    "email",
    "email_verified",
    "token_usage",
    "aud",
    "nonce",
    "nbf",
    "exp",
    "iat",
    "iss",
];

/// `password`, as bcrypt makes it.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm";

/// The deployment, and the provider where some of its people sign in.
async fn start() -> (Deployment, Upstream) {
    upstream::start("central-login", THERE, &[], |config| {
        let guest = format!(
            "client_id = {:?}\nclient_secret = {:?}\nredirect_uris = [{GUEST_AT:?}]",
            GUEST.0, GUEST.1
        );
        let guest: toml::Table = guest.parse().unwrap();
        config["clients"].as_array_mut().unwrap().push(guest.into());
    })
    .await
}

/// The same, shared by tests which leave nothing behind that others could see.
async fn shared() -> Arc<(Deployment, Upstream)> {
    static SHARED: tokio::sync::Mutex<Weak<(Deployment, Upstream)>> =
        tokio::sync::Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let started = Arc::new(start().await);
    *shared = Arc::downgrade(&started);
    started
}

/// A request of the migration's to the management API.
async fn manages(op: &Deployment, method: Method, path: &str, body: Value) -> (u16, Value) {
    let api = format!("{}/manage", op.issuer());
    let pairs = [("grant_type", "client_credentials"), ("resource", &*api)];
    let (status, tokens) = op.post("token_endpoint", MIGRATION, &pairs).await;
    assert_eq!(status, 200, "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();
    let body = Some(body).filter(|body| !body.is_null());
    op.with_token(method, &format!("{api}{path}"), token, body.as_ref()).await
}

/// Brings somebody along, whom it knows by this name; answers their subject.
async fn imports(op: &Deployment, username: &str, password_hash: &str) -> String {
    let person = json!({
        "username": username, "password_hash": password_hash, "email_verified": true,
        "claims": {
            "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
            "nickname": "Countess", "email": format!("{username}@old.example"),
        },
    });
    let (status, said) = manages(op, Method::POST, "/users", person).await;
    assert_eq!((status, &said["has_password"]), (201, &json!(true)), "{said}");
    said["sub"].as_str().unwrap().to_owned()
}

/// The parameters of the portal's request for an ID token, alone or with an access token.
fn implicit<'p>(response_type: &'p str, more: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
    let usual =
        [("response_type", response_type), ("code_challenge", ""), ("code_challenge_method", "")];
    [&usual, more].concat()
}

/// The names of an object's members.
fn members(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// What every ID token has, and what this one has besides.
fn expected<'m>(more: &[&'m str]) -> BTreeSet<&'m str> {
    MEMBERS.into_iter().chain(more.iter().copied()).collect()
}

/// The button of the upstream provider, and the password there.
async fn through(visitor: &Visitor, page: &Page, person: (&str, &str)) -> Page {
    let page = visitor.submit(page, "upstream-InternalAzureAD", &[]).await;
    assert!(page.url.path().starts_with("/up/") && page.asks_password(), "{page:?}");
    visitor.submit(&page, "submit", &[("login", person.0), ("password", person.1)]).await
}

#[tokio::test]
async fn advertises_what_it_does() {
    let shared = shared().await;
    exactly(
        &shared.0,
        &Expected {
            endpoints: &[
                ("authorization_endpoint", "/oidc/authorize"),
                ("token_endpoint", "/oidc/token"),
                ("userinfo_endpoint", "/api/userinfo"),
                ("jwks_uri", "/oidc/jwks"),
                ("introspection_endpoint", "/oidc/introspect"),
                ("revocation_endpoint", "/oidc/revoke"),
                ("end_session_endpoint", "/oidc/logout"),
            ],
            response_types: &["code", "id_token", "id_token token"],
            grant_types: &["authorization_code", "implicit", "refresh_token", "client_credentials"],
            scopes: &[
                "openid",
                "profile",
                "email",
                "offline_access",
                "roles",
                "clients:read",
                "clients:write",
                "users:read",
                "users:write",
                "keys:write",
            ],
            claims: &[
                "name",
                "given_name",
                "family_name",
                "email",
                "email_verified",
                "role",
                "token_usage",
                "managed",
            ],
            prompts: &PROMPTS,
            more: &[("ui_locales_supported", json!(["en"]))],
            client: PORTAL,
            redirect_uri: PORTAL_AT,
        },
    )
    .await;
}
