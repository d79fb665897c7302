//! UserInfo, with a token of any of the people. Bare: the token is opened, and the answer is ready.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    routing::get,
};

use crate::{
    bare::{self, Vault},
    call::Call,
    server::{Scene, Stage, Work},
    world,
};

struct Bare {
    vault: Vault,
    userinfo: (HeaderMap, Bytes),
}

pub(crate) async fn prepare(stage: &Stage) -> Scene {
    let vault = Vault::new();
    let (mut library, mut bare) = (Vec::new(), Vec::new());
    for (person, cookie) in stage.cookies.iter().enumerate() {
        let tokens = world::tokens(&stage.provider, cookie, person).await;
        let token = world::token_of(&tokens, "access_token");
        let sub = |person| format!(r#""sub":"{}""#, world::subject(person));
        library.push(Call::bearer("/userinfo", token, &sub(person)));
        bare.push(Call::bearer("/userinfo", &vault.seal_like(token), &sub(0)));
    }
    let userinfo = bare::parts(library[0].ask(&stage.provider).await);
    let state = Arc::new(Bare { vault, userinfo });
    let router = Router::new().route("/userinfo", get(userinfo_of)).with_state(state);
    Scene { work: Work::Calls { library, bare }, bare: router }
}

async fn userinfo_of(
    State(bare): State<Arc<Bare>>,
    headers: HeaderMap,
) -> Result<(HeaderMap, Bytes), StatusCode> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|text| text.strip_prefix("Bearer "));
    token.and_then(|token| bare.vault.open(token)).ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(bare.userinfo.clone())
}
