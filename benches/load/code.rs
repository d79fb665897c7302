//! The code flow. Bare: the same three requests without any protocol, the second with one signature.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{Clock, KeySet, Outcome, Provider, Reply, Request, Signer, SigningKey, SystemClock};
use serde_json::Value;

use crate::{
    bare::{self, Template},
    server::{Scene, Stage, Work},
    world,
};

struct Bare {
    signer: Arc<KeySet>,
    key: SigningKey,
    /// What is signed: an ID token without its signature.
    input: String,
    authorize: HeaderMap,
    token: Template,
    userinfo: (HeaderMap, Bytes),
}

pub(crate) async fn prepare(stage: &Stage) -> Scene {
    let [authorize, token, userinfo] = sample(&stage.provider, &stage.cookies[0]).await;
    let tokens: Value = serde_json::from_slice(&token.body).expect("it is JSON");
    let id_token = world::token_of(&tokens, "id_token");
    let (input, signature) = id_token.rsplit_once('.').expect("it is a JWT");
    let signer = stage.keys.clone();
    let bare = Bare {
        key: signer.active(stage.algorithm, SystemClock.now()).expect("it was made"),
        signer,
        input: input.to_owned(),
        authorize: bare::parts(authorize).0,
        token: Template::around(token, &[signature]),
        userinfo: bare::parts(userinfo),
    };
    let router = Router::new()
        .route("/authorize", get(authorize_bare))
        .route("/token", post(token_signed))
        .route("/userinfo", get(userinfo_bare))
        .with_state(Arc::new(bare));
    Scene { work: Work::Flow { cookies: stage.cookies.clone() }, bare: router }
}

async fn authorize_bare(State(bare): State<Arc<Bare>>) -> impl IntoResponse {
    (StatusCode::SEE_OTHER, bare.authorize.clone())
}

async fn token_signed(State(bare): State<Arc<Bare>>, _body: Bytes) -> impl IntoResponse {
    let signature = bare.signer.sign(&bare.key, bare.input.as_bytes()).await;
    let signature = URL_SAFE_NO_PAD.encode(signature.expect("the key is there"));
    bare.token.with(&[&signature])
}

async fn userinfo_bare(State(bare): State<Arc<Bare>>) -> impl IntoResponse {
    bare.userinfo.clone()
}

/// One flow of the library, whose replies the bare router imitates.
async fn sample(provider: &Provider, cookie: &str) -> [Reply; 3] {
    let query = world::authorize_query(0);
    let headers = [("cookie", cookie.as_bytes())];
    let request = Request::new("GET", "/authorize").query(&query).headers(&headers);
    let authorize = answer(provider, request).await;
    let code = authorize.header("location").and_then(world::code_of).expect("there is a code");

    let (form, basic) = (world::token_form(code, &world::verifier(0)), world::basic());
    let headers = [world::FORM, ("authorization", basic.as_bytes())];
    let request = Request::new("POST", "/token").headers(&headers).body(form.as_bytes());
    let token = answer(provider, request).await;

    let tokens: Value = serde_json::from_slice(&token.body).expect("it is JSON");
    let bearer = format!("Bearer {}", world::token_of(&tokens, "access_token"));
    let headers = [("authorization", bearer.as_bytes())];
    let userinfo = answer(provider, Request::new("GET", "/userinfo").headers(&headers)).await;
    [authorize, token, userinfo]
}

async fn answer(provider: &Provider, request: Request<'_>) -> Reply {
    match provider.dispatch(request).await {
        Outcome::Reply(reply) if reply.status < 400 => reply,
        other => panic!("{}: {other:?}", request.path),
    }
}
