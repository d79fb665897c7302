//! Redirect URIs: only those that are registered, byte for byte.

use oidc_op::Reason;
use serde_json::json;

use super::{
    ALL, checks, each,
    key::Key,
    party::{CALLBACK, passed},
};
use crate::support::Browser;

/// OIDC Core §3.1.2.1: it must be sent, even more so if there are two.
#[tokio::test]
async fn oidcc_ensure_redirect_uri_in_authorization_request() {
    each(&ALL, async |party| {
        let two = json!({ "redirect_uris": [CALLBACK, format!("{CALLBACK}/two")] });
        let client = party.register_with(Key::unnamed(), &two).await;
        let ask = party.ask(&client).with("redirect_uri", "");
        let answer = Browser::new(&party.op).authorize(&ask.pairs()).await;
        answer.is_page_error(Reason::RedirectUriMissing);
    })
    .await;
}

/// RFC 6749 §3.1.2: its own query stays.
#[tokio::test]
async fn oidcc_redirect_uri_query_ok() {
    each(&ALL, async |party| {
        let query = json!({ "redirect_uris": [format!("{CALLBACK}?bar=foo")] });
        let client = party.register_with(Key::unnamed(), &query).await;
        party.sign_in(&client).await;
    })
    .await;
}

#[tokio::test]
async fn oidcc_redirect_uri_query_mismatch() {
    each(&ALL, async |party| {
        let query = json!({ "redirect_uris": [format!("{CALLBACK}?bar=foo")] });
        let client = party.register_with(Key::unnamed(), &query).await;
        let ask = party.ask(&client).with("redirect_uri", &format!("{CALLBACK}?foo=bar"));
        let answer = Browser::new(&party.op).authorize(&ask.pairs()).await;
        answer.is_page_error(Reason::RedirectUriMismatch);
    })
    .await;
}

#[tokio::test]
async fn oidcc_redirect_uri_query_added() {
    each(&ALL, async |party| {
        let client = party.register().await;
        let ask = party.ask(&client).with("redirect_uri", &format!("{CALLBACK}?foo=bar"));
        let answer = Browser::new(&party.op).authorize(&ask.pairs()).await;
        answer.is_page_error(Reason::RedirectUriMismatch);
    })
    .await;
}

/// RFC 6749 §3.1.2: never a fragment.
#[tokio::test]
async fn oidcc_redirect_uri_regfrag() {
    each(&ALL, async |party| {
        let fragment = json!({ "redirect_uris": [format!("{CALLBACK}#foobar")] });
        let metadata = party.metadata_with(&Key::unnamed(), &fragment);
        let answer = party.send(&metadata).await;
        passed(checks::unregistered(&answer, &["invalid_redirect_uri", "invalid_client_metadata"]));
    })
    .await;
}
