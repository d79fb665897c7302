//! Introspection by the client of any of the people's access tokens. Bare: the token is opened, and the
//! answer is ready.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};

use crate::{
    bare::{self, Vault},
    call::Call,
    server::{Scene, Stage, Work},
    world,
};

struct Bare {
    vault: Vault,
    answer: (HeaderMap, Bytes),
}

pub(crate) async fn prepare(stage: &Stage) -> Scene {
    let vault = Vault::new();
    let (mut library, mut bare) = (Vec::new(), Vec::new());
    let call = |token: &str, person| {
        let sub = format!(r#""sub":"{}""#, world::subject(person));
        Call::form("/introspect", world::about_form(token), &sub)
    };
    for (person, cookie) in stage.cookies.iter().enumerate() {
        let tokens = world::tokens(&stage.provider, cookie, person).await;
        let token = world::token_of(&tokens, "access_token");
        library.push(call(token, person));
        bare.push(call(&vault.seal_like(token), 0));
    }
    let answer = bare::parts(library[0].ask(&stage.provider).await);
    let state = Arc::new(Bare { vault, answer });
    let router = Router::new().route("/introspect", post(introspect)).with_state(state);
    Scene { work: Work::Calls { library, bare }, bare: router }
}

async fn introspect(
    State(bare): State<Arc<Bare>>,
    body: Bytes,
) -> Result<(HeaderMap, Bytes), StatusCode> {
    let token = str::from_utf8(&body).ok().and_then(|form| form.strip_prefix("token="));
    token.and_then(|token| bare.vault.open(token)).ok_or(StatusCode::BAD_REQUEST)?;
    Ok(bare.answer.clone())
}
