//! `enterprise-op.toml`, all of its page in the guide.
//!
//! | file | what |
//! |---|---|
//! | `workstation.rs` | every response type, client assertions, silent renewal |
//! | `assurance.rs` | stronger sign-ins on demand |
//! | `claims.rs` | single claims, which people may refuse |
//! | `exchange.rs` | an ID token for an access token |
//! | `registration.rs` | clients that register themselves |
//! | `logout.rs` | sessions that end everywhere |

mod assurance;
mod claims;
mod exchange;
mod logout;
mod registration;
mod workstation;

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

use josekit::{
    jwe,
    jwk::Jwk,
    jws::{EdDSA, JwsHeader},
    jwt::{self, JwtPayload},
};
use oidc_op::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{
    Confidential, Deployment,
    advertised::{CLAIMS, Expected, PROMPTS, exactly},
    sent,
};
use crate::{
    blackbox::{
        party::{self, VERIFIER, form},
        visitor::Page,
    },
    support::{claims, header},
};

const OPERATOR: Confidential<'_> =
    Confidential("operator", "operator-of-the-enterprise-op-1aB2cD3eF4");
const VAULT: Confidential<'_> = Confidential("vault", "vault-of-the-enterprise-op-3dE4fG5hI6jK7");
const VAULT_AT: &str = "https://vault.enterprise.example/cb";
const WORKSTATION: &str = "workstation";
const WORKSTATION_AT: &str = "https://ws.enterprise.example/cb";
const ADA: (&str, &str) = ("ada", "adas-password");
const BRONZE: &str = "urn:enterprise:bronze";
const GOLD: &str = "urn:enterprise:gold";
const GROUPS: &str = "https://enterprise.example/claims/groups";

/// The deployment that tests share which leave nothing behind that others could see.
async fn shared() -> Arc<Deployment> {
    static SHARED: tokio::sync::Mutex<Weak<Deployment>> =
        tokio::sync::Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let started = Arc::new(Deployment::start("enterprise-op", &[]).await);
    *shared = Arc::downgrade(&started);
    started
}

/// The address of a request of the workstation's for an ID token alone.
fn asks_id_token(op: &Deployment, more: &[(&str, &str)]) -> String {
    let implicit =
        [("response_type", "id_token"), ("code_challenge", ""), ("code_challenge_method", "")];
    op.request(WORKSTATION, WORKSTATION_AT, &[&implicit, more].concat())
}

/// The ID token of an answer.
#[track_caller]
fn id_token(page: &Page) -> String {
    let mut answer = page.answer();
    answer.remove("id_token").unwrap_or_else(|| panic!("no ID token: {answer:?}"))
}

#[track_caller]
fn is_error(page: &Page, error: &str) {
    let answer = page.answer();
    assert_eq!(answer.get("error").map(String::as_str), Some(error), "{answer:?}");
}

/// RFC 7523 §3: what the workstation authenticates with, once, by the private half of RFC 8037 A.1.
fn assertion(op: &Deployment) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let now = SystemClock.now().unix();
    let key = json!({
        "kty": "OKP", "crv": "Ed25519", "kid": "signs",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    });
    let key = Jwk::from_map(key.as_object().unwrap().clone()).unwrap();
    let mut payload = JwtPayload::new();
    for (name, value) in [
        ("iss", json!(WORKSTATION)),
        ("sub", json!(WORKSTATION)),
        ("aud", json!(op.issuer())),
        ("jti", json!(NUMBER.fetch_add(1, Ordering::Relaxed).to_string())),
        ("iat", json!(now)),
        ("exp", json!(now + 60)),
    ] {
        payload.set_claim(name, Some(value)).unwrap();
    }
    let mut header = JwsHeader::new();
    header.set_key_id("signs");
    let signer = EdDSA.signer_from_jwk(&key).unwrap();
    jwt::encode_with_signer(&payload, &header, &signer).unwrap()
}

/// A token request of the workstation's, with this assertion.
async fn with_assertion(op: &Deployment, assertion: &str, pairs: &[(&str, &str)]) -> (u16, Value) {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let proof = [("client_assertion_type", kind), ("client_assertion", assertion)];
    let all = [pairs, &proof].concat();
    sent(party::http().post(op.endpoint("token_endpoint")).form(&all)).await
}

/// What the workstation redeems a code with.
fn redeems(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", WORKSTATION_AT),
        ("code_verifier", VERIFIER),
    ]
}

/// A request of the operator's to the management API.
async fn manages(op: &Deployment, path: &str, body: &Value) -> Value {
    let api = format!("{}/manage", op.issuer());
    let pairs = [("grant_type", "client_credentials"), ("resource", &*api)];
    let (status, tokens) = op.post("token_endpoint", OPERATOR, &pairs).await;
    assert_eq!(status, 200, "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();
    let url = format!("{api}{path}");
    let (status, said) = op.with_token(reqwest::Method::POST, &url, token, Some(body)).await;
    assert_eq!(status, 201, "{said}");
    said
}

/// Somebody new, who has no second factor: how they sign in.
async fn hires<'n>(op: &Deployment, name: &'n str) -> (&'n str, &'static str) {
    let password = "a password of theirs";
    let body = json!({ "username": name, "password": password, "claims": { "name": name } });
    manages(op, "/users", &body).await;
    (name, password)
}

/// What is encrypted to the vault's key, RFC 7517 A.2.
fn opened(token: &str) -> String {
    let key = json!({
        "kty": "EC", "crv": "P-256", "kid": "opens",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
    });
    let key = Jwk::from_map(key.as_object().unwrap().clone()).unwrap();
    let by = jwe::ECDH_ES.decrypter_from_jwk(&key).unwrap();
    assert_eq!(header(token)["enc"], "A256GCM");
    String::from_utf8(jwe::deserialize_compact(token, &by).unwrap().0).unwrap()
}

/// OIDC Discovery §2 to §4: from the name that somebody types to the keys, as a client goes.
#[tokio::test]
async fn a_client_finds_the_way() {
    let op = shared().await;
    let rel = "http://openid.net/specs/connect/1.0/issuer";
    let find = async |resource: &str| {
        let query = form(&[("resource", resource), ("rel", rel)]);
        let url = format!("{}/.well-known/webfinger?{query}", op.issuer());
        sent(party::http().get(url)).await
    };
    let (status, found) = find("acct:ada@enterprise.example").await;
    assert_eq!(status, 200, "{found}");
    let links = json!([{ "rel": rel, "href": op.issuer() }]);
    assert_eq!(
        (&found["subject"], &found["links"]),
        (&json!("acct:ada@enterprise.example"), &links)
    );
    assert_eq!(find("acct:ada@elsewhere.example").await.0, 404);

    let issuer = found["links"][0]["href"].as_str().unwrap();
    let metadata = super::metadata(issuer).await;
    let (status, keys) = sent(party::http().get(metadata["jwks_uri"].as_str().unwrap())).await;
    assert_eq!(status, 200, "{keys}");
    let keys = keys["keys"].as_array().unwrap();
    let mut algorithms: Vec<_> = keys
        .iter()
        .filter(|key| key["use"] == "sig")
        .inspect(|key| assert!(key.get("d").is_none() && key["kid"].is_string(), "{key}"))
        .map(|key| key["alg"].as_str().unwrap())
        .collect();
    algorithms.sort_unstable();
    assert_eq!(algorithms, ["ES256", "EdDSA", "PS256", "RS256"]);
}

/// Whatever the vault gets is for its eyes only, and signed besides.
#[tokio::test]
async fn what_the_vault_gets_is_sealed() {
    let op = shared().await;
    let visitor = op.visitor();
    let page = visitor.open(op.request(VAULT.0, VAULT_AT, &[])).await;
    let page = visitor.consent(page, ADA).await;
    let tokens = op.redeem(VAULT, VAULT_AT, &page).await;
    let id_token = opened(tokens["id_token"].as_str().unwrap());
    assert_eq!(header(&id_token)["alg"], "RS256");
    assert_eq!(claims(&id_token)["sub"], "e-1815");
    let (status, userinfo) = op.userinfo(tokens["access_token"].as_str().unwrap()).await;
    let Value::String(userinfo) = userinfo else { panic!("{userinfo}") };
    let userinfo = opened(&userinfo);
    assert_eq!((status, header(&userinfo)["alg"].as_str()), (200, Some("PS256")));
    assert_eq!(claims(&userinfo)["email"], "ada@enterprise.example");
    assert_eq!(claims(&userinfo)["aud"], VAULT.0);
}

#[tokio::test]
async fn advertises_what_it_does() {
    let op = shared().await;
    exactly(
        &op,
        &Expected {
            endpoints: &[
                ("authorization_endpoint", "/authorize"),
                ("token_endpoint", "/token"),
                ("userinfo_endpoint", "/userinfo"),
                ("jwks_uri", "/jwks"),
                ("introspection_endpoint", "/introspect"),
                ("revocation_endpoint", "/revoke"),
                ("registration_endpoint", "/register"),
                ("check_session_iframe", "/check_session"),
                ("end_session_endpoint", "/end_session"),
            ],
            response_types: &[
                "code",
                "id_token",
                "id_token token",
                "code id_token",
                "code token",
                "code id_token token",
                "token",
                "none",
            ],
            grant_types: &[
                "authorization_code",
                "implicit",
                "refresh_token",
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ],
            scopes: &[
                "openid",
                "profile",
                "email",
                "address",
                "phone",
                "offline_access",
                "groups",
                "ledger",
                "clients:read",
                "clients:write",
                "users:read",
                "users:write",
                "keys:write",
            ],
            claims: &[&CLAIMS[..], &["https://enterprise.example/claims/groups"]].concat(),
            prompts: &PROMPTS,
            more: &[
                ("acr_values_supported", json!(["urn:enterprise:bronze", "urn:enterprise:gold"])),
                ("claims_locales_supported", json!(["en", "de", "ja"])),
                ("ui_locales_supported", json!(["en"])),
                ("request_uri_parameter_supported", json!(true)),
                ("backchannel_logout_supported", json!(true)),
                (
                    "id_token_signing_alg_values_supported",
                    json!(["RS256", "PS256", "ES256", "EdDSA", "HS256", "HS384", "HS512"]),
                ),
            ],
            client: VAULT,
            redirect_uri: VAULT_AT,
        },
    )
    .await;
}
