//! Nothing is released before the person has agreed to it.

use super::{APP, APP_AT, MIA, agree_once, start};
use crate::support::claims;

/// Consent is asked for, and `consent_required` is said where nobody can be asked; what is remembered holds for
/// what was agreed to, and at the redirect URI that is nobody else's.
#[tokio::test]
async fn nothing_before_consent() {
    const LOOPBACK: &str = "http://localhost/cb";
    let suite = start().await;
    let visitor = suite.visitor();
    let ask = |redirect_uri: &'static str, scope: &'static str, prompt: &'static str| {
        let more = [("scope", scope), ("prompt", prompt), ("response_type", "code id_token token")];
        visitor.open(suite.request(APP.0, redirect_uri, &more))
    };
    assert_eq!(ask(APP_AT, "openid", "none").await.answer()["error"], "login_required");

    let page = ask(APP_AT, "openid email", "").await;
    let page = visitor.submit(&page, "submit", &[("login", MIA.0), ("password", MIA.1)]).await;
    assert!(page.asks_consent(), "{page:?}");
    // She is signed in, and has agreed to nothing yet.
    let answer = ask(APP_AT, "openid email", "none").await.answer();
    assert_eq!(answer["error"], "consent_required");
    assert!(["code", "id_token", "access_token"].iter().all(|part| !answer.contains_key(*part)));
    let refused = visitor.submit(&page, "cancel", &[]).await.answer();
    assert_eq!(refused["error"], "access_denied");
    assert_eq!(ask(APP_AT, "openid email", "none").await.answer()["error"], "consent_required");

    let page = agree_once(&visitor, &ask(APP_AT, "openid email", "").await).await;
    assert!(page.answer().contains_key("code"));
    assert_eq!(ask(APP_AT, "openid email", "none").await.answer()["error"], "consent_required");

    let page = ask(APP_AT, "openid email", "").await;
    let page = visitor.submit(&page, "submit", &[]).await;
    assert_eq!(claims(&page.answer()["id_token"])["sub"], "mia-77");
    assert!(ask(APP_AT, "openid email", "none").await.answer().contains_key("code"));
    assert!(ask(APP_AT, "openid", "none").await.answer().contains_key("code"));
    let more = ask(APP_AT, "openid email profile", "none").await.answer();
    assert_eq!(more["error"], "consent_required", "more than was agreed to");
    // Whatever runs on her device may listen there (RFC 8252 §8.6).
    let answer = ask(LOOPBACK, "openid email", "none").await.answer();
    assert_eq!(answer["error"], "consent_required");
    assert!(ask(LOOPBACK, "openid email", "").await.asks_consent());
}
