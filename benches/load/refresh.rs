//! `grant_type=refresh_token` with rotation and without an ID token; each connection has a grant of its
//! own, and uses the token that it got last.
//!
//! Bare: the tag of the token is checked and its digest taken, the next one is derived, tagged and its
//! digest taken, and an access token is sealed: three HMACs, two digests, one seal, and no store.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{Response, StatusCode},
    routing::post,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    hmac,
};
use serde_json::Value;

use crate::{
    bare::{self, Template, Vault},
    call::Call,
    server::{Scene, Stage, Work},
    world,
};

const EXPECT: &str = r#""refresh_token":""#;
/// Of a token, in bytes: all, what the tag is over, where the secret begins.
const LENGTH: usize = 72;
const TAGGED: usize = 55;
const SECRET: usize = 23;

struct Bare {
    vault: Vault,
    access_token: String,
    next: hmac::Key,
    tag: hmac::Key,
    template: Template,
}

pub(crate) async fn prepare(stage: &Stage) -> Scene {
    let mut library = Vec::new();
    for (person, cookie) in stage.cookies.iter().enumerate().take(stage.connections + 1) {
        let tokens = world::offline_tokens(&stage.provider, cookie, person).await;
        library.push(call(world::token_of(&tokens, "refresh_token")));
    }
    assert!(library.len() > stage.connections, "each connection needs a person of its own");
    let spare = library.pop().expect("there is one more");
    let reply = spare.ask(&stage.provider).await;
    let tokens: Value = serde_json::from_slice(&reply.body).expect("it is JSON");
    let tokens = ["access_token", "refresh_token"].map(|name| world::token_of(&tokens, name));
    let key = || hmac::Key::new(hmac::HMAC_SHA256, &bare::random::<32>());
    let state = Bare {
        vault: Vault::new(),
        access_token: tokens[0].to_owned(),
        next: key(),
        tag: key(),
        template: Template::around(reply, &tokens),
    };
    let bare = library.iter().map(|_| call(&state.tagged(&bare::random()))).collect();
    let router = Router::new().route("/token", post(token)).with_state(Arc::new(state));
    Scene { work: Work::Calls { library, bare }, bare: router }
}

fn call(refresh_token: &str) -> Call {
    Call::form("/token", world::refresh_form(refresh_token), EXPECT).chained(refresh_token.len())
}

impl Bare {
    fn tagged(&self, content: &[u8; TAGGED]) -> String {
        let mut bytes = [0; LENGTH];
        let tag = hmac::sign(&self.tag, content);
        bytes[..TAGGED].copy_from_slice(content);
        bytes[TAGGED..].copy_from_slice(&tag.as_ref()[..LENGTH - TAGGED]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The token after this one, if it is one of these.
    fn successor(&self, token: &str) -> Option<String> {
        let mut bytes = [0; LENGTH];
        URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok()?;
        let (content, tag) = bytes.split_first_chunk::<TAGGED>()?;
        if !hmac::sign(&self.tag, content).as_ref().starts_with(tag) {
            return None;
        }
        let before = digest(&SHA256, &content[SECRET..]);
        let mut content = *content;
        let next = hmac::sign(&self.next, &content);
        content[SECRET..].copy_from_slice(next.as_ref());
        let after = digest(&SHA256, &content[SECRET..]);
        (before.as_ref() != after.as_ref()).then(|| self.tagged(&content))
    }
}

async fn token(State(bare): State<Arc<Bare>>, body: Bytes) -> Result<Response<Body>, StatusCode> {
    let form = str::from_utf8(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let (_, token) = form.rsplit_once('=').ok_or(StatusCode::BAD_REQUEST)?;
    let successor = bare.successor(token).ok_or(StatusCode::BAD_REQUEST)?;
    Ok(bare.template.with(&[&bare.vault.seal_like(&bare.access_token), &successor]))
}
