//! Tokens with which somebody signs in once, by a link that a backend sends them.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::json;
use tracing::info;

use super::{
    address::Named,
    answer::{self, Problem},
    body,
};
use crate::{App, layers::Received, sign_in::NotIssued};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// In seconds.
    lifetime: Option<u32>,
}

/// POST: one for this person; an earlier one of theirs is good no more.
pub(super) async fn issue(
    State(app): State<Arc<App>>,
    Named(sub): Named,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "users:write").await?;
    caller.must_be_free()?;
    let nothing = "no one-time token signs anybody in here (sign_in.one_time_token)";
    let tokens = app.one_time.as_ref().ok_or_else(|| Problem::conflict(nothing))?;
    let user = app.account(&sub)?;
    let asked: Asked = body::read(&received)?;
    let seconds = asked.lifetime.unwrap_or(tokens.lifetime);
    if !(1..=tokens.lifetime).contains(&seconds) {
        return Err(Problem::request(format!("lifetime: is 1 to {} seconds", tokens.lifetime)));
    }
    if user.disabled {
        return Err(Problem::conflict("the person is disabled"));
    }
    let token = tokens.issue(user.subject.clone(), seconds);
    let token = token.map_err(|refused| match refused {
        NotIssued::Full => Problem::unavailable("too many one-time tokens are out"),
        NotIssued::NoRandomness => Problem::unavailable("there is no randomness for a token"),
    })?;
    info!(sub = %user.subject, by = %caller.client.id, "one-time token issued");
    Ok(answer::json(StatusCode::CREATED, &json!({ "token": token, "expires_in": seconds })))
}
