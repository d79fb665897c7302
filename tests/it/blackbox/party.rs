//! A client that does by hand what a relying party does, so that a test sees every byte.

use reqwest::{Client, Response, Url};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{
    fixture::{FIRST_PARTY, Registered, User, WEB},
    server::Server,
    visitor::{self, Page, Visitor},
};

/// RFC 7636 Appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Encodes parameters.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The query of an authorization request; what is in `more` replaces what would be there.
pub(crate) fn request(client: Registered, more: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", client.id),
        ("redirect_uri", WEB),
        ("scope", "openid profile email"),
        ("state", "xyz"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.iter().filter(|(name, _)| more.iter().all(|(n, _)| n != name));
    form(&kept.chain(more).copied().collect::<Vec<_>>())
}

/// The address of an authorization request.
pub(crate) fn authorize(client: Registered, more: &[(&str, &str)]) -> String {
    format!("/authorize?{}", request(client, more))
}

/// Signs in with a client that needs no consent.
pub(crate) async fn sign_in(visitor: &Visitor, user: User) -> Page {
    let page = visitor.open(authorize(FIRST_PARTY, &[])).await;
    visitor.consent(page, user).await
}

/// Whether the browser is signed in, asked without a page.
pub(crate) async fn is_signed_in(visitor: &Visitor) -> bool {
    let page = visitor.open(authorize(FIRST_PARTY, &[("prompt", "none")])).await;
    let answer = page.answer();
    match answer.get("error").map(String::as_str) {
        None => answer.contains_key("code"),
        Some("login_required") => false,
        Some(error) => panic!("{error}"),
    }
}

/// Redeems a code with `client_secret_basic`.
pub(crate) async fn redeem(server: &Server, client: Registered, code: &str) -> Response {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let (id, secret): (String, String) = (encode(client.id), encode(client.secret.unwrap()));
    http()
        .post(server.url("/token"))
        .basic_auth(id, Some(secret))
        .form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", WEB),
            ("code_verifier", VERIFIER),
        ])
        .send()
        .await
        .unwrap()
}

/// The tokens for a code.
pub(crate) async fn tokens(server: &Server, client: Registered, code: &str) -> Value {
    let response = redeem(server, client, code).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

pub(crate) async fn get(url: impl AsRef<str>) -> Response {
    http().get(Url::parse(url.as_ref()).unwrap()).send().await.unwrap()
}

pub(crate) fn http() -> Client {
    visitor::http().build().unwrap()
}

/// The control request: the server is alive, and as sane as before.
pub(crate) async fn still_works(server: &Server) {
    let metadata = get(server.url("/.well-known/openid-configuration")).await;
    assert_eq!(metadata.status(), 200);
    let metadata: Value = metadata.json().await.unwrap();
    assert_eq!(metadata["issuer"], server.issuer);
}
