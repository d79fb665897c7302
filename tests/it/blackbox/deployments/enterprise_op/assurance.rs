//! A password is bronze, a password and a code are gold: stronger sign-ins on demand.

use oidc_op::{Clock, SystemClock};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use super::{ADA, BRONZE, GOLD, asks_id_token, hires, id_token, is_error, shared};

/// The code that ada's authenticator shows.
fn code() -> String {
    let secret = Secret::try_from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
    let codes = Builder::new().with_secret(secret).build().unwrap();
    codes.generate(u64::try_from(SystemClock.now().unix()).unwrap()).to_string()
}

/// OIDC Core §5.5.1.1: the ID token is of one of these classes, or there is none.
fn essential(class: &str) -> String {
    json!({ "id_token": { "acr": { "essential": true, "values": [class] } } }).to_string()
}

fn how(id_token: &str) -> (Value, Value) {
    let claims = crate::support::claims(id_token);
    (claims["acr"].clone(), claims["amr"].clone())
}

/// RFC 9470 §4, OIDC Core §3.1.2.1: somebody signed in by a password alone is asked for a code when a client
/// wants more, and for nothing afterwards (`acr_values_ascend`).
#[tokio::test]
async fn stepping_up() {
    let op = shared().await;
    let visitor = op.visitor();
    let gold = essential(GOLD);
    let silent_gold = asks_id_token(&op, &[("claims", &gold), ("prompt", "none")]);
    let page = visitor.open(asks_id_token(&op, &[("acr_values", BRONZE)])).await;
    assert!(page.asks_password() && !page.body.contains("name=\"code\""), "{}", page.body);
    let first = id_token(&visitor.consent(page, ADA).await);
    assert_eq!(how(&first), (json!(BRONZE), json!(["pwd"])));
    is_error(&visitor.open(&silent_gold).await, "login_required");

    let page = visitor.open(asks_id_token(&op, &[("acr_values", GOLD)])).await;
    assert!(page.asks_password() && page.body.contains("name=\"code\""), "{}", page.body);
    let now = code();
    let wrong = if now == "000000" { "000001" } else { "000000" };
    let with = |code| [("login", ADA.0), ("password", ADA.1), ("code", code)];
    let again = visitor.submit(&page, "submit", &with(wrong)).await;
    assert!(!again.is_answer() && again.body.contains("is not right"), "{}", again.body);
    let page = visitor.submit(&again, "submit", &with(&now)).await;
    let stepped = id_token(&visitor.consent(page, ADA).await);
    assert_eq!(how(&stepped), (json!(GOLD), json!(["pwd", "otp"])));
    assert_eq!(crate::support::claims(&stepped)["sub"], "e-1815");

    // a stronger class will do for a wish, without a page, and not for what must be
    for more in [("claims", &*gold), ("acr_values", BRONZE), ("max_age", "3600")] {
        let silent = id_token(&visitor.open(asks_id_token(&op, &[more])).await);
        assert_eq!(how(&silent), (json!(GOLD), json!(["pwd", "otp"])), "{more:?}");
    }
    id_token(&visitor.open(&silent_gold).await);
    let bronze = [("claims", &*essential(BRONZE)), ("prompt", "none")];
    is_error(&visitor.open(asks_id_token(&op, &bronze)).await, "login_required");
}

/// OIDC Core §5.5.1.1: a login that is of another class than the one that must be is an error, and so is a class
/// that there is none of, of which nobody is asked. As a wish, either is borne.
#[tokio::test]
async fn the_wrong_class() {
    let op = shared().await;
    let visitor = op.visitor();
    let carol = hires(&op, "carol").await;
    for wish in ["urn:enterprise:platinum", GOLD] {
        let page = op.visitor();
        let asked = page.open(asks_id_token(&op, &[("acr_values", wish)])).await;
        let token = id_token(&page.consent(asked, carol).await);
        assert_eq!(how(&token), (json!(BRONZE), json!(["pwd"])), "{wish}");
    }
    let page = visitor.open(asks_id_token(&op, &[("claims", &essential(GOLD))])).await;
    is_error(&visitor.consent(page, carol).await, "unmet_authentication_requirements");
    let silent = [("claims", &*essential(BRONZE)), ("prompt", "none")];
    let hopeless = visitor.open(asks_id_token(&op, &[("claims", &essential("platinum"))])).await;
    is_error(&hopeless, "unmet_authentication_requirements");
    let token = id_token(&visitor.open(asks_id_token(&op, &silent)).await);
    assert_eq!(how(&token).0, BRONZE, "she is signed in all the same");
}
