//! The partner's people, who have no account here.

use super::{APP, APP_AT, start, text};
use crate::{blackbox::upstream::through, support::claims};

/// Whoever has no account signs in at the partner, agrees like everybody else, and their claims come from there.
#[tokio::test]
async fn people_of_the_partner() {
    let suite = start().await;
    let more = [("login_hint", "ada"), ("scope", "openid profile email offline_access")];
    let request = suite.request(APP.0, APP_AT, &[more[0], more[1], ("prompt", "consent")]);
    let visitor = suite.visitor();
    let page = visitor.open(request).await;
    assert!(page.asks_password() && page.body.contains("Continue with PartnerID"), "{}", page.body);
    let page = through(&visitor, &page, "PartnerID").await;
    assert!(page.asks_consent() && page.body.contains("Ada"), "{page:?}");
    let page = visitor.submit(&page, "submit", &[]).await;
    let tokens = suite.redeem(APP, APP_AT, &page).await;
    let sub = claims(text(&tokens, "id_token"))["sub"].as_str().unwrap().to_owned();
    assert!(sub.starts_with("PartnerID."), "{sub}");
    let (status, userinfo) = suite.userinfo(text(&tokens, "access_token")).await;
    assert_eq!((status, userinfo["sub"].as_str()), (200, Some(&*sub)), "{userinfo}");
    assert_eq!(userinfo["name"], "Ada <Lovelace>");
    assert_eq!(userinfo["email"], "ada@upstream.example");
    // Nobody here has that name, and nobody's PIN or link is hers.
    let (status, _) = suite
        .manage(reqwest::Method::POST, &format!("{sub}/login-token"), &serde_json::json!({}))
        .await;
    assert_eq!(status, 404);
    // The accounts of its own are still there.
    let page = suite.answered(&suite.visitor(), &[]).await;
    assert_eq!(claims(text(&suite.redeem(APP, APP_AT, &page).await, "id_token"))["sub"], "mia-77");
}
