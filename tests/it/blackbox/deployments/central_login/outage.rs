//! The upstream provider is not there: nobody signs in by it, and nobody who is signed in is any the worse.

use serde_json::json;

use super::{BCRYPT, Deployment, PORTAL, PORTAL_AT, imports, start, through};
use crate::blackbox::{
    deployments::upstream::{GRACE, KEN},
    visitor::{Page, Visitor},
};

#[track_caller]
fn is_unreachable(page: &Page) {
    assert_eq!(page.status.as_u16(), 502, "{}", page.body);
    assert!(page.body.contains("<p class=\"code\">upstream_unreachable</p>"), "{}", page.body);
}

/// Whether the portal hears of somebody without any page.
async fn is_signed_in(op: &Deployment, visitor: &Visitor) -> bool {
    let page = visitor.open(op.request(PORTAL.0, PORTAL_AT, &[("prompt", "none")])).await;
    let answer = page.answer();
    assert!(answer.contains_key("code") || answer["error"] == "login_required", "{answer:?}");
    answer.contains_key("code")
}

#[tokio::test]
async fn only_signing_in_needs_it() {
    let (op, there) = start().await;
    let request = op.request(PORTAL.0, PORTAL_AT, &[("scope", "openid profile roles")]);
    let grace = there.met_by(op.visitor());
    let page = grace.open(&request).await;
    let page = through(&grace, &page, GRACE).await;
    let tokens = op.redeem(PORTAL, PORTAL_AT, &page).await;
    let token = tokens["access_token"].as_str().unwrap();
    let known = op.userinfo(token).await;
    assert_eq!(known.1["role"], json!(["admirals", "compilers"]), "{known:?}");

    // Ken has just typed his password when it stops; he comes back with a code that nobody redeems.
    let (ken, ken_there) = (op.visitor(), there.met_by(Visitor::new(&there.0)));
    let page = ken.open(&request).await;
    let sent = ken.submit(&page, "upstream-InternalAzureAD", &[]).await.location().unwrap();
    let page = ken_there.open(&sent).await;
    let back = ken_there.consent(page, KEN).await.location().unwrap();
    tokio::task::spawn_blocking(|| drop(there)).await.unwrap();
    let problem = ken.come_back(back.clone()).await;
    is_unreachable(&problem);
    assert!(!is_signed_in(&op, &ken).await);
    assert_eq!(ken.come_back(back).await.status.as_u16(), 400, "an answer counts once");
    let answer = ken.submit(&problem, "back", &[]).await.answer();
    assert_eq!(answer["error"], "temporarily_unavailable", "{answer:?}");

    // Nor does it matter to whoever is signed in that this server starts anew meanwhile.
    assert_eq!(op.userinfo(token).await, known);
    assert!(is_signed_in(&op, &grace).await);
    let op = op.restarted("central-login-again").await;
    assert_eq!(op.userinfo(token).await, known);
    let page = grace.open(&request).await;
    let tokens = op.redeem(PORTAL, PORTAL_AT, &page).await;
    assert_eq!(op.userinfo(tokens["access_token"].as_str().unwrap()).await, known);

    let home = grace.open("/").await;
    grace.submit(&home, "sign-out", &[]).await;
    assert!(!is_signed_in(&op, &grace).await);
    let page = grace.open(&request).await;
    let problem = grace.submit(&page, "upstream-InternalAzureAD", &[]).await;
    is_unreachable(&problem);
    assert!(!is_signed_in(&op, &grace).await);
    assert!(op.server.log().contains("code=\"upstream_unreachable\""));
    // The accounts of this server's own do not depend on it.
    imports(&op, "local", BCRYPT).await;
    grace.consent(page, ("local", "password")).await.code();
}
