//! The signing keys, where the store keeps them.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use oidc_op::{
    Clock, Duration, KeyRotation, Signer, SigningAlgorithm, StoredKeysError, SystemClock,
};
use serde::Deserialize;
use serde_json::json;
use tracing::{error, info};

use super::{
    access::Caller,
    address::Named,
    answer::{self, Problem},
    body,
};
use crate::{
    App,
    layers::{Received, chain},
    signing::{Signing, off_the_runtime},
};

/// The longest that a key may be announced, or retired.
const LONGEST: u32 = 366 * 24 * 60 * 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    alg: SigningAlgorithm,
    announce: Option<u32>,
    retire: Option<u32>,
}

impl App {
    /// Lets whoever may change keys pass, if anybody can.
    async fn admit_to_keys(&self, received: &Received) -> Result<(Caller, &Signing), Problem> {
        let caller = self.admit(received, "keys:write").await?;
        caller.must_be_free()?;
        let text = "the signing keys are in a file, and are changed there (keys.store)";
        let signing = self.signing.as_ref().ok_or_else(|| Problem::conflict(text))?;
        Ok((caller, signing))
    }
}

/// POST: the key that signs with an algorithm gets a successor.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    received: Received,
) -> Result<Response, Problem> {
    let (caller, signing) = app.admit_to_keys(&received).await?;
    let Asked { alg, announce, retire } = body::read(&received)?;
    if announce.max(retire).is_some_and(|seconds| seconds > LONGEST) {
        return Err(Problem::request(format!("announce, retire: at most {LONGEST} seconds")));
    }
    let now = SystemClock.now();
    if signing.keys.active(alg, now).is_none() {
        return Err(Problem::conflict("nothing signs with this algorithm here"));
    }
    let mut rotation = KeyRotation::default();
    for (to, from) in [(&mut rotation.announce, announce), (&mut rotation.retire, retire)] {
        *to = from.map_or(*to, |seconds| Duration::seconds(seconds.into()));
    }
    let keys = signing.keys.clone();
    finish(async move { keys.rotate(alg, rotation).await }).await?;
    info!(%alg, by = %caller.client.id, "signing key rotated");
    Ok(shown(signing, alg))
}

/// DELETE: a key is trusted no more, and another one signs at once if it was the one that did.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Named(kid): Named,
    received: Received,
) -> Result<Response, Problem> {
    let (caller, signing) = app.admit_to_keys(&received).await?;
    let published = signing.keys.published(SystemClock.now());
    if !published.iter().any(|key| *key.key.kid == *kid) {
        return Err(Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such key"));
    }
    let (keys, dropped) = (signing.keys.clone(), kid.clone());
    finish(async move { keys.without(&dropped).await }).await?;
    info!(kid, by = %caller.client.id, "signing key dropped");
    Ok(answer::done())
}

/// What signs with an algorithm now, and what anybody may check with.
fn shown(signing: &Signing, alg: SigningAlgorithm) -> Response {
    let now = SystemClock.now();
    let active = signing.keys.active(alg, now).map(|key| key.kid.to_string());
    let published = signing.keys.published(now);
    let published = published.iter().filter(|key| key.key.algorithm == alg);
    let published: Vec<_> = published.map(|key| &*key.key.kid).collect();
    let body = json!({ "alg": alg.to_string(), "active": active, "published": published });
    answer::json(StatusCode::OK, &body)
}

/// Changes the keys. Whether it has happened may not be known: nobody is told what is not so.
async fn finish(
    change: impl Future<Output = Result<(), StoredKeysError>> + Send + 'static,
) -> Result<(), Problem> {
    let failed = match off_the_runtime(change).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(failed)) => chain(&failed),
        Err(failed) => failed.to_string(),
    };
    error!(error = failed, "the signing keys could not be changed");
    let text = "the keys cannot be changed now, or it is not known whether they were";
    Err(Problem::unavailable(text))
}
