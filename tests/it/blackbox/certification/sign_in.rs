//! What the suite's modules do with alice, who signs in over HTTP; the numbers are those of the rows of the plan
//! Basic in the notes on the suite.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::{
    super::{
        answer,
        party::{form, http},
        visitor::{Page, Visitor},
    },
    *,
};
use crate::{dynamic::site::Site, support::keys::unsigned};

const CALLBACK: &str = "https://localhost.emobix.co.uk:8443/test/a/x/callback";
const STATE: &str = "s-._~1aZ";
const NONCE: &str = "n-._~2bY";

/// The claims of a scope (OIDC Core §5.4).
const SCOPES: [(&str, &str); 4] = [
    (
        "profile",
        "name family_name given_name middle_name nickname preferred_username profile picture website \
         gender birthdate zoneinfo locale updated_at",
    ),
    ("email", "email email_verified"),
    ("address", "address"),
    ("phone", "phone_number phone_number_verified"),
];

fn claims_of(scope: &str) -> BTreeSet<&'static str> {
    let asked = SCOPES.iter().filter(|(name, _)| scope.split(' ').any(|word| word == *name));
    asked.flat_map(|(_, claims)| claims.split_whitespace()).collect()
}

/// What the file says of the person.
fn alice() -> Value {
    let user = file()["users"][0].clone();
    serde_json::to_value(&user["claims"]).unwrap()
}

/// A client that has registered itself for a module.
struct Registered(Value);

impl Registered {
    async fn new(server: &Server, more: Value) -> Self {
        let mut sent = json!({
            "client_name": "basic x1y2", "redirect_uris": [CALLBACK], "response_types": ["code"],
            "grant_types": ["authorization_code", "refresh_token"],
        });
        sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let endpoint = at(server, &metadata(server).await["registration_endpoint"]);
        let response = http().post(endpoint).json(&sent).send().await.unwrap();
        let status = response.status();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        Self(answer)
    }

    fn id(&self) -> &str {
        self.0["client_id"].as_str().unwrap()
    }

    /// An authorization request; what is in `more` replaces what would be there, and goes away if empty.
    fn request(&self, more: &[(&str, &str)]) -> String {
        let usual = [
            ("client_id", self.id()),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", STATE),
            ("nonce", NONCE),
        ];
        let kept = usual.iter().filter(|(name, _)| more.iter().all(|(n, _)| n != name));
        let sent: Vec<_> =
            kept.chain(more).copied().filter(|(_, value)| !value.is_empty()).collect();
        format!("/authorize?{}", form(&sent))
    }

    /// What the token endpoint answers to the client.
    async fn token(&self, server: &Server, body: &[(&str, &str)]) -> Response {
        let request = http().post(server.url("/token"));
        request
            .basic_auth(self.id(), self.0["client_secret"].as_str())
            .form(body)
            .send()
            .await
            .unwrap()
    }

    async fn redeem(&self, server: &Server, code: &str) -> Response {
        let body =
            [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        self.token(server, &body).await
    }

    /// Alice signs in and agrees; the tokens.
    async fn tokens(&self, server: &Server, visitor: &Visitor, more: &[(&str, &str)]) -> Value {
        let page = visitor.open(self.request(more)).await;
        let page = visitor.consent(page, ("alice", "wonderland")).await;
        let response = self.redeem(server, &read(&page)["code"]).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    }
}

/// The answer that has come back to the client.
#[track_caller]
fn read(page: &Page) -> BTreeMap<String, String> {
    let location = page.location().unwrap_or_else(|| panic!("not an answer: {page:?}"));
    assert!(location.as_str().starts_with(&format!("{CALLBACK}?")), "{location}");
    answer::read(&location, ISSUER, &[Some(STATE.to_owned())]).unwrap()
}

/// What an ID token says. Its signature is checked elsewhere.
fn payload(tokens: &Value) -> Value {
    let token = tokens["id_token"].as_str().unwrap();
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn userinfo(server: &Server, tokens: &Value) -> Response {
    let token = tokens["access_token"].as_str().unwrap();
    http().get(server.url("/userinfo")).bearer_auth(token).send().await.unwrap()
}

async fn is_error(response: Response, status: u16, error: &str) {
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let found = response.status().as_u16();
    let answer: Value = response.json().await.unwrap();
    assert_eq!((found, &answer["error"]), (status, &error.into()), "{answer}");
}

/// A page that says what is wrong, and goes nowhere.
#[track_caller]
fn is_error_page(page: &Page) {
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(!page.is_answer() && page.header("refresh").is_none(), "{page:?}");
    assert!(page.body.contains("<h1 id=\"error\">"), "{}", page.body);
    assert!(!page.body.contains("localhost.emobix.co.uk:8443"), "{}", page.body);
}

/// Rows 1, 5, 9 to 13: each scope has its claims at UserInfo, all of them, and none in the ID token.
#[tokio::test]
async fn scopes_have_their_claims_at_userinfo() {
    let server = start("certification-scopes");
    let client = Registered::new(&server, json!({})).await;
    let visitor = Visitor::new(&server);
    let alice = alice();
    let all = ["profile", "email", "address", "phone", "profile email address phone"];
    for scope in [""].into_iter().chain(all) {
        let scope = format!("openid {scope}");
        let tokens = client.tokens(&server, &visitor, &[("scope", scope.trim())]).await;
        assert_eq!(tokens["token_type"], "Bearer");
        let id_token = payload(&tokens);
        assert_eq!((&id_token["iss"], &id_token["nonce"]), (&ISSUER.into(), &NONCE.into()));
        assert_eq!(
            (&id_token["aud"], &id_token["sub"]),
            (&client.id().into(), &"248289761001".into())
        );
        let allowed = "iss sub aud exp iat auth_time nonce at_hash acr amr sid azp jti";
        for name in id_token.as_object().unwrap().keys() {
            assert!(allowed.split(' ').any(|allowed| allowed == name), "{scope}: {name}");
        }
        let response = userinfo(&server, &tokens).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/json");
        let mut expected = json!({ "sub": "248289761001" });
        for name in claims_of(&scope) {
            assert!(!alice[name].is_null(), "the file lacks {name}");
            expected[name] = alice[name].clone();
        }
        assert_eq!(response.json::<Value>().await.unwrap(), expected, "{scope}");
    }
    assert_eq!(claims_of(all[4]).len(), alice.as_object().unwrap().len(), "nothing is left");
}

/// Row 33: an unsigned request object at an address of the client's, whose fragment is no hash.
#[tokio::test]
async fn an_unsigned_request_object_by_reference_works() {
    let site = Site::open();
    let place = tempfile::tempdir().unwrap();
    let authority = place.path().join("authority.der");
    fs::write(&authority, site.authority()).unwrap();
    let server = start_trusting("certification-request-uri", authority.to_str().unwrap());
    let uri = site.url("/requesturi/x7Kd0pQz#Zm9vYmFyIGJhcmZvbyBmb29iYXI");
    let client = Registered::new(&server, json!({ "request_uris": [uri] })).await;
    let object = json!({
        "client_id": client.id(), "redirect_uri": CALLBACK, "response_type": "code",
        "scope": "openid email", "state": STATE, "nonce": NONCE,
    });
    site.put("/requesturi/x7Kd0pQz", "application/jwt", &unsigned(&object));
    let beside = [("redirect_uri", ""), ("state", ""), ("nonce", ""), ("request_uri", &*uri)];
    let visitor = Visitor::new(&server);
    let tokens = client.tokens(&server, &visitor, &beside).await;
    assert!(
        site.hits("/requesturi/x7Kd0pQz") >= 1,
        "and once more, as the fragment names another version"
    );
    assert_eq!(payload(&tokens)["nonce"], NONCE);
    let claims: Value = userinfo(&server, &tokens).await.json().await.unwrap();
    assert_eq!(claims["email"], "alice@example.com", "the scope is that of the object");
}

/// Row 30, and oidcc-redirect-uri-query-added, -query-mismatch, oidcc-ensure-redirect-uri-in-authorization-request:
/// a page, and no redirect.
#[tokio::test]
async fn an_unregistered_redirect_uri_gets_a_page() {
    let server = start("certification-redirect");
    let query = format!("{CALLBACK}?bar=foo");
    let client = Registered::new(&server, json!({ "redirect_uris": [CALLBACK, query] })).await;
    let visitor = Visitor::new(&server);
    for wrong in ["/4fT9xQ", "?foo=bar", "?bar=foo&x=y", "#x"] {
        let uri = format!("{CALLBACK}{wrong}");
        is_error_page(&visitor.open(client.request(&[("redirect_uri", &uri)])).await);
    }
    is_error_page(&visitor.open(client.request(&[("redirect_uri", "")])).await);
    assert!(visitor.open(client.request(&[])).await.asks_password(), "and the right one works");
}

/// Rows 28 and 29: the second redemption is refused, and the first one's access token ends.
#[tokio::test]
async fn a_replayed_code_is_refused() {
    let server = start("certification-replay");
    let client = Registered::new(&server, json!({})).await;
    let visitor = Visitor::new(&server);
    let page = visitor.open(client.request(&[])).await;
    let code = read(&visitor.consent(page, ("alice", "wonderland")).await)["code"].clone();
    let tokens: Value = client.redeem(&server, &code).await.json().await.unwrap();
    assert_eq!(userinfo(&server, &tokens).await.status(), StatusCode::OK);
    is_error(client.redeem(&server, &code).await, 400, "invalid_grant").await;
    assert_eq!(userinfo(&server, &tokens).await.status(), StatusCode::UNAUTHORIZED);
}

/// Row 37: a client's refresh token is its own, and good for it afterwards all the same.
#[tokio::test]
async fn another_clients_refresh_token_is_refused() {
    let server = start("certification-refresh");
    let visitor = Visitor::new(&server);
    let offline = [("scope", "openid offline_access"), ("prompt", "consent")];
    let first = Registered::new(&server, json!({})).await;
    let second = Registered::new(&server, json!({})).await;
    assert!(first.tokens(&server, &visitor, &offline).await["refresh_token"].is_string());
    let tokens = second.tokens(&server, &visitor, &offline).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let body = [("grant_type", "refresh_token"), ("refresh_token", token)];
    is_error(first.token(&server, &body).await, 400, "invalid_grant").await;
    let refreshed = second.token(&server, &body).await;
    assert_eq!(refreshed.status(), StatusCode::OK);
    assert_eq!(refreshed.headers()["cache-control"], "no-store");
    let newer = payload(&refreshed.json().await.unwrap());
    let older = payload(&tokens);
    for same in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(newer[same], older[same], "{same}");
    }
}
