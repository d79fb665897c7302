//! Scopes that say how somebody signs in.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{APP, APP_AT, MIA, OPERATOR, PHONE, start, text};
use crate::{
    blackbox::{
        deployments::Deployment,
        party,
        visitor::{Page, Visitor},
    },
    support::claims,
};

const PIN: &str = "openid urn:mobile:login:pin";
const LINK: &str = "openid urn:mobile:login:otp";

impl Deployment {
    /// What the management API answers about somebody.
    pub(super) async fn manage(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/manage/users/{path}", self.issuer());
        self.with_token(method, &url, &self.operator().await, Some(body)).await
    }

    /// A token with which she signs in once.
    async fn link(&self) -> String {
        let (status, issued) = self.manage(Method::POST, "mia-77/login-token", &json!({})).await;
        assert_eq!((status, &issued["expires_in"]), (201, &json!(300)), "{issued}");
        text(&issued, "token").to_owned()
    }

    /// The page that a request leads somebody to who follows a link.
    async fn follow(&self, visitor: &Visitor, token: &str, more: &[(&str, &str)]) -> Page {
        let usual = [("scope", LINK), ("login_otp", token), ("response_type", "id_token")];
        let kept = usual.iter().filter(|(name, _)| more.iter().all(|(n, _)| n != name));
        let pairs: Vec<_> = kept.chain(more).copied().collect();
        visitor.open(self.request(APP.0, APP_AT, &pairs)).await
    }
}

/// Whether the page has a word about a link.
fn complains(page: &Page) -> bool {
    page.asks_password() && page.body.contains("This link has been used, or is too old")
}

/// With the scope the PIN is asked for and nothing else will do; without it nobody gets in with a PIN.
#[tokio::test]
async fn a_scope_asks_for_the_pin() {
    let suite = start().await;
    for (scope, secret, asks_pin, in_) in [
        (PIN, "2718", true, true),
        (PIN, MIA.1, true, false),
        (PIN, "2719", true, false),
        (PIN, "", true, false),
        ("openid", MIA.1, false, true),
        ("openid", "2718", false, false),
    ] {
        let visitor = suite.visitor();
        let more = [("scope", scope), ("response_type", "id_token"), ("max_age", "600")];
        let page = visitor.open(suite.request(APP.0, APP_AT, &more)).await;
        let label = if asks_pin { ">PIN</label>" } else { ">Password</label>" };
        assert!(page.body.contains(label), "{scope}: {}", page.body);
        let page = visitor.submit(&page, "submit", &[("login", "mia"), ("password", secret)]).await;
        if !in_ {
            assert!(page.asks_password() && page.body.contains("is not right"), "{scope} {secret}");
            assert!(page.body.contains(label), "{scope} {secret}");
            continue;
        }
        let page = visitor.consent(page, MIA).await;
        let said = claims(&page.answer()["id_token"]);
        let amr = if asks_pin { "pin" } else { "pwd" };
        assert_eq!((&said["amr"], said.get("acr")), (&json!([amr]), None));
    }
}

/// The password grant is steered as the page is: by a scope that is named, of a client that has it.
#[tokio::test]
async fn the_password_grant_takes_the_pin() {
    let suite = start().await;
    for (scope, secret, right) in [
        (PIN, "2718", true),
        (PIN, MIA.1, false),
        ("openid", MIA.1, true),
        ("openid", "2718", false),
        ("", MIA.1, true),
        ("", "2718", false),
    ] {
        let pairs = [
            ("grant_type", "password"),
            ("username", "mia"),
            ("password", secret),
            ("scope", scope),
        ];
        let sent = if scope.is_empty() { &pairs[..3] } else { &pairs };
        let (status, tokens) = suite.post("token_endpoint", PHONE, sent).await;
        assert_eq!(status, if right { 200 } else { 400 }, "{scope:?} {secret}: {tokens}");
        if right && !scope.is_empty() {
            let amr = if scope == PIN { "pin" } else { "pwd" };
            assert_eq!(claims(text(&tokens, "id_token"))["amr"], json!([amr]));
        }
    }
}

/// A PIN is short, so few guesses are borne, wherever they are made; whoever makes them keeps nobody from the
/// password.
#[tokio::test]
async fn few_guesses_at_a_pin() {
    let suite = start().await;
    let guess = async |scope: &str, secret: &str| {
        let pairs = [
            ("grant_type", "password"),
            ("username", "mia"),
            ("password", secret),
            ("scope", scope),
        ];
        suite.post("token_endpoint", PHONE, &pairs).await.0
    };
    for wrong in ["0000", "0001", "0002", "0003", "0004"] {
        assert_eq!(guess(PIN, wrong).await, 400);
    }
    assert_eq!(guess(PIN, "2718").await, 400, "the right one comes too late");
    let visitor = suite.visitor();
    let page = visitor.open(suite.request(APP.0, APP_AT, &[("scope", PIN)])).await;
    let page = visitor.submit(&page, "submit", &[("login", "mia"), ("password", "2718")]).await;
    assert_eq!(page.status, 429, "{page:?}");
    assert_eq!(guess("openid", MIA.1).await, 200);
}

/// A new PIN ends what stands, is kept hashed, and survives a restart.
#[tokio::test]
async fn the_pin_can_be_another_one() {
    let mut suite = start().await;
    let sign_in = async |suite: &Deployment, pin: &str| {
        let pairs =
            [("grant_type", "password"), ("username", "mia"), ("password", pin), ("scope", PIN)];
        suite.post("token_endpoint", PHONE, &pairs).await
    };
    let (_, tokens) = sign_in(&suite, "2718").await;
    for wrong in ["123", "12345a", "", "123456789012345678901234567890123"] {
        let (status, said) = suite.manage(Method::PATCH, "mia-77", &json!({ "pin": wrong })).await;
        assert_eq!(status, 400, "{wrong}: {said}");
        assert!(wrong.is_empty() || !said.to_string().contains(wrong), "{said}");
    }
    let (status, said) = suite.manage(Method::PATCH, "mia-77", &json!({ "pin": "314159" })).await;
    assert_eq!((status, &said["has_pin"]), (200, &json!(true)), "{said}");
    assert!(!said.to_string().contains("314159"));
    assert_eq!(suite.userinfo(text(&tokens, "access_token")).await.0, 401);
    for round in 0..2 {
        assert_eq!(sign_in(&suite, "2718").await.0, 400, "{round}");
        // What is of the second of the change ends with it.
        let end = Instant::now() + Duration::from_secs(5);
        while round == 0 && sign_in(&suite, "314159").await.0 != 200 {
            assert!(Instant::now() < end, "the new PIN is none");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(sign_in(&suite, "314159").await.0, 200, "{round}");
        suite = suite.restarted("mobile-suite-again").await;
    }
    assert!(!suite.server.log().contains("314159"));
}

/// Whoever follows the link is signed in, and still agrees to what is asked; the link is good once.
#[tokio::test]
async fn a_link_signs_in_once() {
    let suite = start().await;
    let token = suite.link().await;
    let visitor = suite.visitor();
    let page = suite.follow(&visitor, &token, &[]).await;
    assert!(page.asks_consent() && page.body.contains("mia"), "{page:?}");
    let page = visitor.submit(&page, "submit", &[]).await;
    let said = claims(&page.answer()["id_token"]);
    assert_eq!((&said["sub"], &said["amr"]), (&json!("mia-77"), &json!(["otp"])));
    assert_eq!(said.get("acr"), None);
    // The session is one like others, for as long as it lasts.
    let page = suite.follow(&visitor, "", &[("prompt", "none")]).await;
    assert!(page.answer().contains_key("id_token"));

    let other = suite.visitor();
    let page = suite.follow(&other, &token, &[]).await;
    assert!(complains(&page), "{page:?}");
    let page = other.consent(page, MIA).await;
    assert_eq!(claims(&page.answer()["id_token"])["amr"], json!(["pwd"]));
    assert!(!suite.server.log().contains(&token));
}

/// What is no token, or none any more, or not asked for by the scope, or where nobody can be asked, signs in
/// nobody.
#[tokio::test]
async fn a_link_signs_in_nobody_else() {
    let suite = start().await;
    let visitor = suite.visitor();
    let answer = suite.follow(&visitor, &suite.link().await, &[("prompt", "none")]).await.answer();
    assert_eq!(answer["error"], "login_required");
    let token = suite.link().await;
    // A scope that does not have it, and a client that is not to have it: the parameter is nothing.
    for scope in ["openid", PIN] {
        let page = suite.follow(&visitor, &token, &[("scope", scope)]).await;
        assert!(page.asks_password() && !complains(&page), "{scope}: {page:?}");
    }
    for wrong in ["x", "mia-77", &token[1..], &token.to_ascii_lowercase()] {
        let page = suite.follow(&visitor, wrong, &[]).await;
        assert!(complains(&page), "{wrong}: {page:?}");
    }
    // Twice is an error, whatever it says.
    let url = suite.request(APP.0, APP_AT, &[("scope", LINK), ("login_otp", &token)]);
    let page = visitor.open(format!("{url}&login_otp=x")).await;
    assert_eq!(page.answer()["error"], "invalid_request");
    // A newer one ends an older one, and whoever is disabled follows none.
    let newer = suite.link().await;
    assert!(complains(&suite.follow(&visitor, &token, &[]).await));
    let (status, _) = suite.manage(Method::PATCH, "mia-77", &json!({ "disabled": true })).await;
    assert_eq!(status, 200);
    assert!(complains(&suite.follow(&visitor, &newer, &[]).await));
    let (status, _) = suite.manage(Method::PATCH, "mia-77", &json!({ "disabled": false })).await;
    assert_eq!(status, 200);
    assert!(complains(&suite.follow(&visitor, &newer, &[]).await), "it is used up");
    let page = suite.follow(&visitor, &suite.link().await, &[]).await;
    assert!(page.asks_consent(), "{page:?}");
}

/// The interaction belongs to the browser that began it: another one neither signs in by its address nor uses up
/// the link.
#[tokio::test]
async fn a_link_is_for_the_browser_that_follows_it() {
    let suite = start().await;
    let token = suite.link().await;
    let visitor = suite.visitor();
    let more = [("scope", LINK), ("login_otp", token.as_str())];
    let url = suite.request(APP.0, APP_AT, &more);
    let begun = visitor.send(Method::GET, url.parse().unwrap(), None, &[]).await;
    let interaction = begun.location().unwrap();
    let other = suite.visitor().open(&interaction).await;
    assert!(other.status == 400 && !other.is_answer(), "{other:?}");
    let scanned = party::http().head(interaction.clone()).send().await.unwrap();
    assert!(scanned.status().is_client_error() || scanned.status().is_success());
    let page = visitor.open(&interaction).await;
    assert!(page.asks_consent(), "{page:?}");
}

/// Who gives links out, for whom, and for how long.
#[tokio::test]
async fn links_are_given_out_by_the_operator() {
    let suite = start().await;
    for (path, body, status) in [
        ("mia-77/login-token", json!({ "lifetime": 0 }), 400),
        ("mia-77/login-token", json!({ "lifetime": 301 }), 400),
        ("mia-77/login-token", json!({ "lifetimes": 3 }), 400),
        ("nobody/login-token", json!({}), 404),
        ("mia-77/login-token", json!({ "lifetime": 1 }), 201),
        ("mia-77/login-token", Value::Null, 201),
    ] {
        let body = if body.is_null() { json!({}) } else { body };
        let (found, said) = suite.manage(Method::POST, path, &body).await;
        assert_eq!(found, status, "{path} {body}: {said}");
    }
    let url = format!("{}/manage/users/mia-77/login-token", suite.issuer());
    let nobodys = suite.with_token(Method::POST, &url, "no-token", Some(&json!({}))).await;
    assert_eq!(nobodys.0, 401);
    let resource = format!("{}/manage", suite.issuer());
    let pairs = [
        ("grant_type", "client_credentials"),
        ("resource", &*resource),
        ("scope", "clients:write"),
    ];
    let (_, tokens) = suite.post("token_endpoint", OPERATOR, &pairs).await;
    let less = text(&tokens, "access_token");
    assert_eq!(suite.with_token(Method::POST, &url, less, Some(&json!({}))).await.0, 403);
}
