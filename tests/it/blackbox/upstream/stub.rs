//! An OpenID Provider that signs everybody in at once, and does wrong what it is told to: by the
//! `login_hint` of the request, so that one of it serves all tests at the same time.

use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use axum::{
    Form, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use josekit::{
    jwk::{Jwk, alg::ec::EcCurve},
    jws::{ES256, JwsHeader},
    jwt::{self, JwtPayload},
};
use reqwest::Url;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use url::form_urlencoded::{Serializer, parse};

pub(crate) const CLIENT: &str = "our-client";
/// Basic encodes what is in it.
pub(crate) const SECRET: &str = "our secret:with+%25 at the upstream";

/// The provider, for as long as the tests run. Each first segment of a path is an issuer.
pub(crate) struct Stub {
    pub(super) origin: String,
}

type Parameters = HashMap<String, String>;

struct Inner {
    origin: String,
    key: Jwk,
    other: Jwk,
    /// The authorization requests whose codes are not redeemed, by code.
    codes: Mutex<HashMap<String, Parameters>>,
    /// Whether the issuer of this name has shown its first key.
    rotated: AtomicBool,
    /// What is done wrong for whoever has the access token.
    tokens: Mutex<HashMap<String, String>>,
}

/// The one that all tests use.
pub(crate) static STUB: LazyLock<Stub> = LazyLock::new(Stub::start);

impl Stub {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let key = |kid: &str| {
            let mut key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
            key.set_key_id(kid);
            key.set_key_use("sig");
            key.set_algorithm("ES256");
            key
        };
        let inner = Arc::new(Inner {
            origin: origin.clone(),
            key: key("one"),
            other: key("one"),
            codes: Mutex::default(),
            rotated: AtomicBool::new(false),
            tokens: Mutex::default(),
        });
        let routes = Router::new()
            .route("/{issuer}/.well-known/openid-configuration", get(metadata))
            .route("/{issuer}/jwks", get(jwks))
            .route("/{issuer}/authorize", get(authorize))
            .route("/{issuer}/token", post(token))
            .route("/{issuer}/userinfo", get(userinfo))
            .route("/{issuer}/person", get(person))
            .with_state(inner);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, routes).await.unwrap();
            });
        });
        Self { origin }
    }

    /// An issuer of it.
    pub(crate) fn issuer(&self, name: &str) -> String {
        format!("{}/{name}", self.origin)
    }
}

async fn metadata(State(stub): State<Arc<Inner>>, Path(issuer): Path<String>) -> Response {
    let is = format!("{}/{issuer}", stub.origin);
    let says = if issuer == "liar" { "https://somebody.example" } else { &is };
    let methods = if issuer == "post" { "client_secret_post" } else { "client_secret_basic" };
    let algorithm = if issuer == "mac" { "HS256" } else { "ES256" };
    if issuer == "slow" {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let authorize = if issuer == "script" { "javascript:x" } else { &format!("{is}/authorize") };
    if issuer == "garbled" {
        return "<html>".into_response();
    }
    said(&json!({
        "issuer": says,
        "authorization_endpoint": authorize,
        "token_endpoint": format!("{is}/token"),
        "userinfo_endpoint": format!("{is}/userinfo"),
        "jwks_uri": format!("{is}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [algorithm],
        "token_endpoint_auth_methods_supported": [methods],
        "authorization_response_iss_parameter_supported": issuer != "post",
    }))
}

fn said(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

async fn jwks(State(stub): State<Arc<Inner>>, Path(issuer): Path<String>) -> Response {
    if issuer == "keyless" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut key = stub.key.to_public_key().unwrap();
    let rotated = issuer == "rotates" && stub.rotated.swap(true, Ordering::Relaxed);
    key.set_key_id(if rotated { "two" } else { "one" });
    said(&json!({ "keys": [key] }))
}

/// Sends everybody back at once.
async fn authorize(
    State(stub): State<Arc<Inner>>,
    Path(issuer): Path<String>,
    Query(mut asked): Query<Parameters>,
) -> Redirect {
    let is = format!("{}/{issuer}", stub.origin);
    let wrong = asked.get("login_hint").cloned().unwrap_or_default();
    let mut answer = vec![("state", asked["state"].clone())];
    match &*wrong {
        "denied" => answer.push(("error", "access_denied".into())),
        "error" => answer.push(("error", "invalid_scope\nFORGED <script>".into())),
        "nothing" => {}
        _ => {
            let code = random();
            answer.push(("code", code.clone()));
            asked.insert("issuer".into(), is.clone());
            stub.codes.lock().unwrap().insert(code, asked.clone());
        }
    }
    match &*wrong {
        "no iss" => {}
        "wrong iss" => answer.push(("iss", "https://somebody.example".into())),
        _ if issuer == "post" => {}
        _ => answer.push(("iss", is)),
    }
    let query = Serializer::new(String::new()).extend_pairs(answer).finish();
    Redirect::to(&format!("{}?{query}", asked["redirect_uri"]))
}

/// RFC 6749 §4.1.3, RFC 7636 §4.6: a code counts once, for whom it was made.
async fn token(
    State(stub): State<Arc<Inner>>,
    Path(issuer): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Parameters>,
) -> Response {
    let refused =
        |error: &str| (StatusCode::BAD_REQUEST, said(&json!({ "error": error }))).into_response();
    if !is_ours(&issuer, &headers, &form) {
        return refused("invalid_client");
    }
    let Some(asked) = form.get("code").and_then(|code| stub.codes.lock().unwrap().remove(code))
    else {
        return refused("invalid_grant");
    };
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, form["code_verifier"].as_bytes()));
    let fits = asked["code_challenge"] == challenge
        && asked["code_challenge_method"] == "S256"
        && asked["redirect_uri"] == form["redirect_uri"]
        && asked["issuer"] == format!("{}/{issuer}", stub.origin);
    if !fits {
        return refused("invalid_grant");
    }
    let wrong = asked.get("login_hint").cloned().unwrap_or_default();
    match &*wrong {
        "token refused" => return refused("temporarily_unavailable"),
        "token down" => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "token garbled" => return "eyJ-secret".into_response(),
        "token slow" => tokio::time::sleep(Duration::from_secs(60)).await,
        _ => {}
    }
    let access_token = random();
    let mut body = json!({ "access_token": access_token, "token_type": "Bearer" });
    if wrong != "no id token" {
        body["id_token"] = id_token(&stub, &asked, &wrong, &access_token).into();
    }
    stub.tokens.lock().unwrap().insert(access_token, wrong);
    said(&body)
}

fn is_ours(issuer: &str, headers: &HeaderMap, form: &Parameters) -> bool {
    if issuer == "post" {
        return form["client_id"] == CLIENT && form["client_secret"] == SECRET;
    }
    let plain = |text: &str| parse(format!("x={text}").as_bytes()).next().unwrap().1.into_owned();
    let field = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let basic = field.and_then(|value| value.strip_prefix("Basic ")).unwrap_or_default();
    let text = String::from_utf8(STANDARD.decode(basic).unwrap_or_default()).unwrap_or_default();
    text.split_once(':').is_some_and(|(id, secret)| plain(id) == CLIENT && plain(secret) == SECRET)
}

fn id_token(stub: &Inner, asked: &Parameters, wrong: &str, access_token: &str) -> String {
    let now = now();
    let hash = digest(&SHA256, access_token.as_bytes());
    let mut claims = json!({
        "iss": asked["issuer"], "aud": CLIENT, "sub": "upstream-sub-1", "nonce": asked["nonce"],
        "iat": now, "exp": now + 300, "auth_time": now - 10, "amr": ["hwk"], "acr": "upstream:gold",
        "at_hash": URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]), "department": "Engines",
    });
    let mut key = &stub.key;
    match wrong {
        "issuer" => claims["iss"] = "https://somebody.example".into(),
        "audience" => claims["aud"] = "somebody".into(),
        "azp" => claims["azp"] = "somebody".into(),
        "azp of ours" => claims["azp"] = CLIENT.into(),
        "audiences" => claims["aud"] = json!([CLIENT, "somebody"]),
        "nonce" => claims["nonce"] = "another".into(),
        "no nonce" => drop(claims.as_object_mut().unwrap().remove("nonce")),
        "expired" => claims["exp"] = (now - 300).into(),
        "at_hash" => claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA".into(),
        "old" => claims["auth_time"] = (now - 4000).into(),
        "no auth_time" => drop(claims.as_object_mut().unwrap().remove("auth_time")),
        "another person" => claims["sub"] = "upstream-sub-2".into(),
        "signature" => key = &stub.other,
        "none" => {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            return format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims));
        }
        _ => {}
    }
    let mut signer = ES256.signer_from_jwk(key).unwrap();
    if wrong == "unknown key" || asked["issuer"].ends_with("/rotates") {
        signer.set_key_id("two");
    }
    let Value::Object(claims) = claims else { unreachable!() };
    let payload = JwtPayload::from_map(claims).unwrap();
    jwt::encode_with_signer(&payload, &JwsHeader::new(), &signer).unwrap()
}

async fn userinfo(State(stub): State<Arc<Inner>>, headers: HeaderMap) -> Response {
    let Some(wrong) = stub.bearer(&headers) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let sub = match &*wrong {
        "userinfo refused" => return StatusCode::FORBIDDEN.into_response(),
        "userinfo garbled" => return "[]".into_response(),
        "userinfo large" => return "x".repeat(300 * 1024).into_response(),
        "userinfo of somebody" | "another person" => "upstream-sub-2",
        _ => "upstream-sub-1",
    };
    let name = match &*wrong {
        "another person" => "Charles",
        "userinfo much" => &*"Ada ".repeat(2_500),
        _ => "Ada <Lovelace>",
    };
    if wrong == "forms" {
        return said(&json!({
            "sub": sub, "name": "Ada", "email": "not an address", "email_verified": "perhaps",
            "groups": "any",
        }));
    }
    said(&json!({
        "sub": sub, "name": name, "email": "ada@upstream.example", "email_verified": true,
        "groups": ["analysts", "engineers"],
    }))
}

async fn person(State(stub): State<Arc<Inner>>, headers: HeaderMap) -> Response {
    let Some(wrong) = stub.bearer(&headers) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match &*wrong {
        "person down" => StatusCode::BAD_GATEWAY.into_response(),
        "person gone" => StatusCode::NOT_FOUND.into_response(),
        "person garbled" => "\"Ada\"".into_response(),
        "person of somebody" => said(&json!({ "sub": "upstream-sub-2" })),
        _ => said(&json!({
            "display_name": "Countess Ada",
            "address": { "street": "St James's Square", "number": 12, "city": "London" },
        })),
    }
}

impl Inner {
    fn bearer(&self, headers: &HeaderMap) -> Option<String> {
        let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        self.tokens.lock().unwrap().get(token).cloned()
    }
}

/// What an address of the stub was asked with.
pub(super) fn asked(url: &Url) -> Map<String, Value> {
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect()
}

fn now() -> i64 {
    oidc_op::Clock::now(&oidc_op::SystemClock).unix()
}

fn random() -> String {
    let mut bytes = [0; 16];
    oidc_op::Entropy::fill(&oidc_op::SystemEntropy::new(), &mut bytes).unwrap();
    URL_SAFE_NO_PAD.encode(bytes)
}
