//! `grant_type=client_credentials`. Bare: the same seal, or the same signature.

use std::sync::Arc;

use axum::{Router, body::Bytes, extract::State, response::IntoResponse, routing::post};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{Clock, KeySet, Signer, SigningKey, SystemClock};
use serde_json::Value;

use crate::{
    bare::{Template, Vault},
    call::Call,
    server::{Scene, Stage, Work},
    world,
};

const EXPECT: &str = r#"{"access_token":""#;

/// Opaque tokens.
pub(crate) async fn opaque(stage: &Stage) -> Scene {
    struct Bare {
        vault: Vault,
        token: String,
        template: Template,
    }

    async fn token(State(bare): State<Arc<Bare>>, _body: Bytes) -> impl IntoResponse {
        bare.template.with(&[&bare.vault.seal_like(&bare.token)])
    }

    let call = Call::form("/token", world::client_form(), EXPECT);
    let (reply, given) = sample(stage, &call).await;
    let template = Template::around(reply, &[&given]);
    let bare = Bare { vault: Vault::new(), token: given, template };
    let router = Router::new().route("/token", post(token)).with_state(Arc::new(bare));
    Scene { work: Work::same(call), bare: router }
}

/// JWTs.
pub(crate) async fn jwt(stage: &Stage) -> Scene {
    struct Bare {
        signer: Arc<KeySet>,
        key: SigningKey,
        /// The JWT without its signature.
        input: String,
        template: Template,
    }

    async fn token(State(bare): State<Arc<Bare>>, _body: Bytes) -> impl IntoResponse {
        let signature = bare.signer.sign(&bare.key, bare.input.as_bytes()).await;
        let signature = URL_SAFE_NO_PAD.encode(signature.expect("the key is there"));
        bare.template.with(&[&signature])
    }

    let call = Call::form("/token", world::client_jwt_form(), EXPECT);
    let (reply, given) = sample(stage, &call).await;
    let (input, signature) = given.rsplit_once('.').expect("it is a JWT");
    let signer = stage.keys.clone();
    let bare = Bare {
        key: signer.active(stage.algorithm, SystemClock.now()).expect("it was made"),
        signer,
        input: input.to_owned(),
        template: Template::around(reply, &[signature]),
    };
    let router = Router::new().route("/token", post(token)).with_state(Arc::new(bare));
    Scene { work: Work::same(call), bare: router }
}

async fn sample(stage: &Stage, call: &Call) -> (oidc_op::Reply, String) {
    let reply = call.ask(&stage.provider).await;
    let tokens: Value = serde_json::from_slice(&reply.body).expect("it is JSON");
    (reply, world::token_of(&tokens, "access_token").to_owned())
}
