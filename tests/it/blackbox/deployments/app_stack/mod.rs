//! `app-stack.toml`, all of its page in the guide.
//!
//! | file | what |
//! |---|---|
//! | `people.rs` | how people come to an account, and what they sign in by |
//! | `site.rs` | every response type of the web site |
//! | `app.rs` | the app's redirect URIs, its backend, and its user's own profile |
//! | `grants.rs` | passwords for a client that an administrator lets, and a client within its owner's bounds |
//! | `realms.rs` | nothing of the one issuer counts at the other one, also after a restart |

mod app;
mod grants;
mod people;
mod realms;
mod site;

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};

use openidconnect::{
    ClientId, IssuerUrl,
    core::{CoreIdTokenVerifier, CoreJsonWebKeySet, CoreProviderMetadata},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Confidential, Deployment,
    advertised::{CLAIMS, Expected, PROMPTS, exactly},
    sent,
};
use crate::blackbox::{
    party::{self, VERIFIER, form},
    relying_party,
    sign_up::PASSWORD,
    visitor::{Page, Visitor},
};

const OPERATOR: Confidential<'_> = Confidential("operator", "operator-of-the-app-stack-1aB2cD3eF4");
const SITE: Confidential<'_> = Confidential("site", "site-of-the-app-stack-5gH6iJ7kL8mN9o");
const SITE_AT: &str = "https://www.app-stack.example/cb";
const APP: &str = "app";
const CLAIMED: &str = "https://app.app-stack.example/cb";
const ADMIN_TOOL: Confidential<'_> =
    Confidential("admin-tool", "admin-tool-of-the-stack-9fG0hI1jK2lM");
const CONSOLE: Confidential<'_> = Confidential("console", "console-of-the-stack-3nO4pQ5rS6tU7vW");
const CONSOLE_AT: &str = "https://console.app-stack.example/cb";

/// Both issuers of one server.
struct Stack {
    people: Deployment,
    admins: Deployment,
}

impl Stack {
    async fn start() -> Self {
        let people = Deployment::start_changed("app-stack", &[], |config| {
            let limits = [("sign_ups", 1000), ("login_failures_per_source", 1000)];
            let limits = limits.map(|(name, most)| (name.to_owned(), most.into()));
            config.insert("limits".into(), toml::Table::from_iter(limits).into());
        })
        .await;
        let admins = people.realm("/admins").await;
        Self { people, admins }
    }

    async fn restarted(self, name: &'static str) -> Self {
        drop(self.admins);
        let people = self.people.restarted(name).await;
        let admins = people.realm("/admins").await;
        Self { people, admins }
    }

    /// A browser that knows both.
    fn visitor(&self) -> Visitor {
        self.people
            .visitor()
            .knows(self.admins.issuer(), self.admins.endpoint("authorization_endpoint"))
    }
}

/// The server that tests share which leave nothing behind that others could see.
async fn shared() -> Arc<Stack> {
    static SHARED: tokio::sync::Mutex<Weak<Stack>> = tokio::sync::Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let started = Arc::new(Stack::start().await);
    *shared = Arc::downgrade(&started);
    started
}

#[track_caller]
fn is_error(page: &Page, error: &str) {
    let answer = page.answer();
    assert_eq!(answer.get("error").map(String::as_str), Some(error), "{answer:?}");
}

/// A request to the management API of a realm, with a client's secret.
async fn manages(
    op: &Deployment,
    by: Confidential<'_>,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let url = format!("{}/manage{path}", op.issuer());
    let request = party::http().request(method, url).basic_auth(by.0, Some(by.1));
    sent(match body {
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

/// Somebody whom a backend registers among the people: how they sign in, and what they are called.
async fn registers(op: &Deployment, person: &Value) -> String {
    let (status, made) = manages(op, OPERATOR, Method::POST, "/users", Some(person)).await;
    assert_eq!(status, 201, "{made}");
    made["sub"].as_str().unwrap().to_owned()
}

/// Somebody new among the people.
async fn somebody<'n>(op: &Deployment, name: &'n str) -> (&'n str, &'static str) {
    let claims = json!({ "name": name, "email": format!("{name}@people.example") });
    let person = json!({
        "username": name, "password": PASSWORD, "claims": claims, "email_verified": true,
    });
    registers(op, &person).await;
    (name, PASSWORD)
}

/// The tokens for a code of a public client.
async fn redeems(op: &Deployment, client: &str, redirect_uri: &str, code: &str) -> (u16, Value) {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    sent(party::http().post(op.endpoint("token_endpoint")).form(&pairs)).await
}

/// What the crate `openidconnect` takes ID tokens by: the issuer's own word, found as a client finds it.
struct Judge {
    issuer: IssuerUrl,
    keys: CoreJsonWebKeySet,
}

impl Judge {
    async fn of(op: &Deployment) -> Self {
        let issuer = IssuerUrl::new(op.issuer().to_owned()).unwrap();
        let found =
            CoreProviderMetadata::discover_async(issuer.clone(), &relying_party::send).await;
        Self { issuer, keys: found.unwrap().jwks().clone() }
    }

    /// A client that takes nothing but its own ID tokens.
    fn verifier(&self, client: &str) -> CoreIdTokenVerifier<'_> {
        let id = ClientId::new(client.to_owned());
        CoreIdTokenVerifier::new_public_client(id, self.issuer.clone(), self.keys.clone())
    }
}

const ENDPOINTS: [(&str, &str); 7] = [
    ("authorization_endpoint", "/authorize"),
    ("token_endpoint", "/token"),
    ("userinfo_endpoint", "/userinfo"),
    ("jwks_uri", "/jwks"),
    ("introspection_endpoint", "/introspect"),
    ("revocation_endpoint", "/revoke"),
    ("end_session_endpoint", "/end_session"),
];

/// The scopes of both.
const SCOPES: [&str; 11] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
    "clients:read",
    "clients:write",
    "users:read",
    "users:write",
    "keys:write",
];

#[tokio::test]
async fn advertises_what_it_does() {
    let stack = shared().await;
    let own = ["orders:read", "orders:write", "profile:read", "profile:write"];
    let more = [
        ("ui_locales_supported", json!(["en"])),
        ("request_uri_parameter_supported", json!(false)),
        ("backchannel_logout_supported", json!(false)),
    ];
    exactly(
        &stack.people,
        &Expected {
            endpoints: &ENDPOINTS,
            response_types: &[
                "code",
                "id_token",
                "id_token token",
                "code id_token",
                "code token",
                "code id_token token",
            ],
            grant_types: &[
                "authorization_code",
                "implicit",
                "refresh_token",
                "client_credentials",
                "password",
            ],
            scopes: &[&SCOPES[..], &own].concat(),
            claims: &CLAIMS,
            prompts: &[&PROMPTS[..], &["create"]].concat(),
            more: &more,
            client: SITE,
            redirect_uri: SITE_AT,
        },
    )
    .await;
    exactly(
        &stack.admins,
        &Expected {
            endpoints: &ENDPOINTS,
            response_types: &["code"],
            grant_types: &["authorization_code", "refresh_token", "client_credentials"],
            scopes: &SCOPES,
            claims: &CLAIMS,
            prompts: &PROMPTS,
            more: &more,
            client: CONSOLE,
            redirect_uri: CONSOLE_AT,
        },
    )
    .await;
}

/// OIDC Discovery §2: whoever is somebody at the host is one of the people. Below the staff's path there is no such
/// question, and no page of the people's: neither their profile nor a form to sign up.
#[tokio::test]
async fn what_only_people_have() {
    let stack = shared().await;
    let rel = "http://openid.net/specs/connect/1.0/issuer";
    let query = form(&[("resource", "acct:erin@app-stack.example"), ("rel", rel)]);
    let origin = format!("http://localhost:{}", stack.people.server.port);
    let url = format!("{origin}/.well-known/webfinger?{query}");
    let (status, found) = sent(party::http().get(url)).await;
    let links = json!([{ "rel": rel, "href": stack.people.issuer() }]);
    assert_eq!((status, &found["links"]), (200, &links), "{found}");
    for (op, there) in [(&stack.people, 401), (&stack.admins, 404)] {
        let url = format!("{}/profile", op.issuer());
        assert_eq!(sent(party::http().get(url)).await.0, there, "{}", op.issuer());
    }
    let asked = stack.admins.request(CONSOLE.0, CONSOLE_AT, &[("prompt", "create")]);
    is_error(&stack.visitor().open(asked).await, "invalid_request");
    let login = stack.visitor().open(stack.admins.request(CONSOLE.0, CONSOLE_AT, &[])).await;
    assert!(login.asks_password() && !login.body.contains("?page=create"), "{}", login.body);
    let login = stack.visitor().open(stack.people.request(SITE.0, SITE_AT, &[])).await;
    assert!(login.asks_password() && login.body.contains("?page=create"), "{}", login.body);
}

/// All that tells one key from another.
async fn keys(op: &Deployment) -> BTreeSet<String> {
    let (status, set) = sent(party::http().get(op.endpoint("jwks_uri"))).await;
    assert_eq!(status, 200);
    let keys = set["keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["use"] == "sig"), "{set}");
    let members = keys.iter().flat_map(|key| ["kid", "n", "x"].map(|member| &key[member]));
    members.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[tokio::test]
async fn no_key_is_shared() {
    let stack = shared().await;
    let (people, admins) = (keys(&stack.people).await, keys(&stack.admins).await);
    assert!(people.len() >= 4 && admins.len() >= 4, "{people:?} {admins:?}");
    assert!(people.is_disjoint(&admins), "{people:?} {admins:?}");
}
