//! Single claims, by name and in a language, which people may refuse one by one.

use serde_json::{Value, json};

use super::{ADA, Confidential, Deployment, GROUPS, is_error, registration::register, shared};
use crate::{
    blackbox::{
        party::form,
        visitor::{Page, Visitor},
    },
    support::{claims, decode},
};

const AT: &str = "https://directory.enterprise.example/cb";
const KANA: &str = "name#ja-Kana-JP";

/// Agrees to everything but one of the claims.
async fn agrees_but(visitor: &Visitor, page: &Page, refused: &str) -> Page {
    let (url, body) = page.filled_in("submit", &[]);
    let all = decode(&body);
    let is_refused = |name: &str, value: &str| name == "claim" && value == refused;
    assert!(all.iter().any(|(name, value)| is_refused(name, value)), "{refused}: {all:?}");
    let kept = all.iter().map(|(name, value)| (&**name, &**value));
    let kept: Vec<_> = kept.filter(|(name, value)| !is_refused(name, value)).collect();
    let headers = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    visitor.post(url, form(&kept), &headers).await
}

/// The ID token and UserInfo for a code.
async fn of(op: &Deployment, client: Confidential<'_>, page: &Page) -> [Value; 2] {
    let tokens = op.redeem(client, AT, page).await;
    let (status, person) = op.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(status, 200, "{person}");
    [claims(tokens["id_token"].as_str().unwrap()), person]
}

/// OIDC Core §5.2, §5.5, §5.5.1: each claim has a box of its own on the consent page; what is refused lacks
/// everywhere, essential or not, and is remembered until the client has people asked again.
#[tokio::test]
async fn people_refuse_single_claims() {
    let op = shared().await;
    let registered = register(&op, "Directory", AT).await;
    let text = |member: &str| registered[member].as_str().unwrap();
    let client = Confidential(text("client_id"), text("client_secret"));
    let wanted = json!({ KANA: null, GROUPS: null, "email": { "essential": true } });
    let parameter = json!({ "id_token": wanted, "userinfo": wanted }).to_string();
    let asks = |parameter: &str, prompt: &str| {
        let more = [("scope", "openid"), ("claims", parameter), ("prompt", prompt)];
        op.request(client.0, AT, &more)
    };
    let ask = |prompt: &str| asks(&parameter, prompt);
    let visitor = op.visitor();
    let login = visitor.open(ask("")).await;
    let credentials = [("login", ADA.0), ("password", ADA.1)];
    let page = visitor.submit(&login, "submit", &credentials).await;
    let fields = page.form("submit").fields;
    let mut boxes: Vec<_> =
        fields.iter().filter(|(name, _)| name == "claim").map(|(_, value)| &**value).collect();
    boxes.sort_unstable();
    assert_eq!(boxes, ["email", GROUPS, "name"], "{}", page.body);
    assert_eq!(page.body.matches("needed by the app").count(), 1, "{}", page.body);

    let page = agrees_but(&visitor, &page, "email").await;
    for said in of(&op, client, &page).await {
        assert_eq!(said.get("email"), None, "{said}");
        assert_eq!((&said[KANA], said.get("name")), (&json!("エイダ"), None), "{said}");
        assert_eq!(said[GROUPS], json!(["analysts"]), "{said}");
    }
    // remembered
    let page = visitor.open(ask("none")).await;
    for said in of(&op, client, &page).await {
        assert_eq!((said.get("email"), &said[KANA]), (None, &json!("エイダ")), "{said}");
    }
    // a claim more is a question more
    let more = json!({ "userinfo": { "phone_number": null } }).to_string();
    is_error(&visitor.open(asks(&more, "none")).await, "consent_required");
    // and asked again, she may say something else
    let page = visitor.open(ask("consent")).await;
    let page = agrees_but(&visitor, &page, GROUPS).await;
    for said in of(&op, client, &page).await {
        assert_eq!(said["email"], "ada@enterprise.example", "{said}");
        assert_eq!(said.get(GROUPS), None, "{said}");
    }
}

/// OIDC Core §5.2, §5.4: the company's own claim comes with a scope of its own, and people's names in the
/// languages that a client asks for.
#[tokio::test]
async fn scopes_and_languages() {
    let op = shared().await;
    let registered = register(&op, "Phone book", AT).await;
    let text = |member: &str| registered[member].as_str().unwrap();
    let client = Confidential(text("client_id"), text("client_secret"));
    for (scope, locales, name, groups) in [
        ("openid profile", "", "Ada Lovelace", false),
        ("openid profile groups", "de", "Ada Lovelace", true),
        ("openid profile groups", "ja-Kana-JP de", "エイダ", true),
    ] {
        let visitor = op.visitor();
        let more = [("scope", scope), ("claims_locales", locales)];
        let page = visitor.open(op.request(client.0, AT, &more)).await;
        let page = visitor.consent(page, ADA).await;
        let [id_token, person] = of(&op, client, &page).await;
        assert_eq!(person["name"], name, "{scope} {locales}: {person}");
        assert_eq!(person.get(GROUPS), groups.then(|| json!(["analysts"])).as_ref(), "{person}");
        assert_eq!((id_token.get("name"), id_token.get(GROUPS)), (None, None), "{id_token}");
    }
}
