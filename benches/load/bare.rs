//! The bare router: the same three requests without any protocol.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Response, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{Clock, KeySet, Reply, Signer, SigningAlgorithm, SigningKey, SystemClock};
use serde::Deserialize;

/// The library's replies of one flow.
pub(crate) struct Samples {
    pub(crate) authorize: Reply,
    pub(crate) token: Reply,
    pub(crate) userinfo: Reply,
}

/// Replies as a handler needs them.
struct Bare {
    signer: Arc<KeySet>,
    key: SigningKey,
    /// What is signed: an ID token without its signature.
    input: String,
    authorize: HeaderMap,
    token: HeaderMap,
    /// The body of a token reply around the signature.
    before: String,
    after: String,
    userinfo: (HeaderMap, Bytes),
}

/// Answers with the samples, and signs once for each token reply.
pub(crate) fn router(samples: Samples, signer: Arc<KeySet>, algorithm: SigningAlgorithm) -> Router {
    #[derive(Deserialize)]
    struct Tokens<'t> {
        id_token: &'t str,
    }

    let (token, body) = parts(samples.token);
    let body = str::from_utf8(&body).expect("JSON is UTF-8");
    let tokens: Tokens<'_> = serde_json::from_str(body).expect("it is JSON");
    let (input, signature) = tokens.id_token.rsplit_once('.').expect("it is a JWT");
    let (before, after) = body.split_once(signature).expect("it is in there");
    let bare = Bare {
        key: signer.active(algorithm, SystemClock.now()).expect("it was made"),
        signer,
        input: input.to_owned(),
        authorize: parts(samples.authorize).0,
        token,
        before: before.to_owned(),
        after: after.to_owned(),
        userinfo: parts(samples.userinfo),
    };
    Router::new()
        .route("/authorize", get(authorize))
        .route("/token", post(token_signed))
        .route("/userinfo", get(userinfo))
        .with_state(Arc::new(bare))
}

fn parts(reply: Reply) -> (HeaderMap, Bytes) {
    let (parts, body) = Response::<Bytes>::from(reply).into_parts();
    (parts.headers, body)
}

async fn authorize(State(bare): State<Arc<Bare>>) -> impl IntoResponse {
    (StatusCode::SEE_OTHER, bare.authorize.clone())
}

async fn token_signed(State(bare): State<Arc<Bare>>, _body: Bytes) -> impl IntoResponse {
    let signature = bare.signer.sign(&bare.key, bare.input.as_bytes()).await;
    let signature = signature.expect("the key is there");
    let mut body = String::with_capacity(bare.before.len() + signature.len() * 2);
    body.push_str(&bare.before);
    URL_SAFE_NO_PAD.encode_string(signature, &mut body);
    body.push_str(&bare.after);
    (bare.token.clone(), body)
}

async fn userinfo(State(bare): State<Arc<Bare>>) -> impl IntoResponse {
    bare.userinfo.clone()
}
