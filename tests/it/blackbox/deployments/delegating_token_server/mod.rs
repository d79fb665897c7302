//! `delegating-token-server.toml`, all of its page in the guide: a second example server is the upstream provider,
//! with a Person API beside it; a stub lies in its place.
//!
//! | file | what |
//! |---|---|
//! | `walk.rs` | from the application to the upstream provider and back, and what lasts when that is gone |
//! | `tabs.rs` | several sign-ins of one browser at once |
//! | `grants.rs` | what each client may ask for, and what nobody may |
//! | `lies.rs` | an upstream provider that says what is not so |
//! | `directory.rs` | a Person API that says nothing of use |
//! | `person.rs` | the Person API |

mod directory;
mod grants;
mod lies;
mod person;
mod tabs;
mod walk;

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

use serde_json::{Value, json};

use self::person::{FAULTS, PersonApi};
use super::{
    Confidential, Deployment,
    advertised::{Expected, PROMPTS, exactly},
    upstream::{self, GRACE, KEN, UPSTREAM, Upstream},
};
use crate::blackbox::visitor::{Page, Visitor};

const FILE: &str = "delegating-token-server";
const CLASSIC: Confidential<'_> = Confidential("classic", "classic-of-the-token-server-3eF4gH5i");
const CLASSIC_AT: &str = "https://classic.example/cb";
const SCRIPT: &str = "script";
const SCRIPT_AT: &str = "https://script.example/cb";
const EVERYTHING: &str = "openid profile email phone address";

/// What is registered at the upstream provider.
const THERE: &str = "[[clients]]\nclient_id = \"token-server\"\n\
    client_secret = \"token-server-at-the-upstream-1aB2cD\"\nfirst_party = true\n\
    redirect_uris = [\"https://tokens.delegating.example/upstream/main/callback\"]\n";

/// The deployment, and whom it depends on.
struct Delegation {
    op: Deployment,
    upstream: Upstream,
    people: PersonApi,
}

impl Delegation {
    async fn start() -> Self {
        let faulty = FAULTS.map(|sub| {
            let password = faulty(sub).1;
            format!("[[users]]\nusername = {sub:?}\npassword = {password:?}\nsub = {sub:?}\n")
        });
        let there = format!("{THERE}{}", faulty.concat());
        let people = RefCell::new(None);
        let (op, upstream) = upstream::start(FILE, &there, &[], |config| {
            let upstream = &mut config["upstreams"][0];
            let beside = PersonApi::beside(upstream["issuer"].as_str().unwrap());
            upstream["person"]["url"] = beside.url.clone().into();
            people.replace(Some(beside));
        })
        .await;
        Self { op, upstream, people: people.into_inner().unwrap() }
    }

    /// A browser that goes to either provider.
    fn visitor(&self) -> Visitor {
        self.upstream.met_by(self.op.visitor())
    }

    /// Signs in where the application sends the browser to, and is back with the application or a page of ours.
    async fn sign_in(&self, visitor: &Visitor, request: &str, person: (&str, &str)) -> Page {
        let page = visitor.open(request).await;
        self.at_the_upstream(&page);
        visitor.submit(&page, "submit", &[("login", person.0), ("password", person.1)]).await
    }

    /// The page is the upstream provider's, which asks for a password.
    #[track_caller]
    fn at_the_upstream(&self, page: &Page) {
        let there = page.url.as_str().starts_with(&self.upstream.0.issuer);
        assert!(there && page.asks_password(), "{page:?}");
    }
}

/// The one that tests share which leave nothing behind that others could see.
async fn shared() -> Arc<Delegation> {
    static SHARED: tokio::sync::Mutex<Weak<Delegation>> =
        tokio::sync::Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let started = Arc::new(Delegation::start().await);
    *shared = Arc::downgrade(&started);
    started
}

/// How somebody signs in at the upstream provider of whom the Person API says nothing of use.
fn faulty(sub: &str) -> (&str, &'static str) {
    (sub, "the password of a fault")
}

/// What the script asks for, which has no code to protect.
fn asks_script(op: &Deployment, response_type: &str, more: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", response_type),
        ("scope", EVERYTHING),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    op.request(SCRIPT, SCRIPT_AT, &[&usual, more].concat())
}

#[track_caller]
fn is_error(page: &Page, error: &str) {
    let answer = page.answer();
    assert_eq!(answer.get("error").map(String::as_str), Some(error), "{answer:?}");
}

/// A page that says what went wrong, and nobody is signed in.
async fn came_to_nothing(
    op: &Deployment,
    visitor: &Visitor,
    problem: &Page,
    (status, code, what): (u16, &str, &str),
) {
    assert_eq!(problem.status.as_u16(), status, "{what}: {}", problem.body);
    assert!(problem.body.contains(&format!("<p class=\"code\">{code}</p>")), "{what}: {problem:?}");
    assert!(!problem.is_answer() && !problem.asks_password(), "{what}: {problem:?}");
    // That of the upstream provider has a name of its own.
    assert!(!visitor.cookies().contains("op_session="), "{what}: {}", visitor.cookies());
    let quiet = visitor.open(op.request(CLASSIC.0, CLASSIC_AT, &[("prompt", "none")])).await;
    is_error(&quiet, "login_required");
}

/// What a person's own document is mapped to, for this subject.
fn mapped(sub: &Value, name: &str, more: Value) -> Value {
    let mut claims = json!({
        "sub": sub, "name": name, "given_name": name, "family_name": name, "nickname": name,
        "preferred_username": name,
    });
    let (Value::Object(all), Value::Object(more)) = (&mut claims, more) else { unreachable!() };
    all.extend(more);
    claims
}

/// What is said of Grace.
fn grace(sub: &Value) -> Value {
    mapped(
        sub,
        "Grace Hopper",
        json!({
            "gender": "female", "birthdate": "1906-12-09", "locale": "en-US",
            "email": "grace@upstream.example", "phone_number": "+1 555 0119",
            "address": {
                "street_address": "Main Street 12 B", "postal_code": "22202",
                "locality": "Arlington", "country": "US",
            },
        }),
    )
}

/// What is said of Ken, of whom less is known.
fn ken(sub: &Value) -> Value {
    mapped(
        sub,
        "Ken",
        json!({
            "email": "ken@upstream.example",
            "address": { "street_address": "Side Road 7", "postal_code": "7974" },
        }),
    )
}

#[tokio::test]
async fn advertises_what_it_does() {
    let shared = shared().await;
    exactly(
        &shared.op,
        &Expected {
            endpoints: &[
                ("authorization_endpoint", "/authorize"),
                ("token_endpoint", "/token"),
                ("userinfo_endpoint", "/userinfo"),
                ("jwks_uri", "/jwks"),
                ("introspection_endpoint", "/introspect"),
                ("revocation_endpoint", "/revoke"),
                ("end_session_endpoint", "/end_session"),
            ],
            response_types: &["code", "id_token", "id_token token", "token"],
            grant_types: &["authorization_code", "implicit", "refresh_token", "client_credentials"],
            scopes: &["openid", "profile", "email", "address", "phone", "offline_access"],
            claims: &[
                "name",
                "given_name",
                "family_name",
                "nickname",
                "preferred_username",
                "gender",
                "birthdate",
                "locale",
                "email",
                "phone_number",
                "address",
            ],
            prompts: &PROMPTS,
            more: &[("ui_locales_supported", json!(["en"]))],
            client: CLASSIC,
            redirect_uri: CLASSIC_AT,
        },
    )
    .await;
}
