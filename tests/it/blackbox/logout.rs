//! Signing out at a client's wish, on the example server's pages.

use std::sync::Arc;

use reqwest::StatusCode;

use super::{
    fixture::{ALICE, BOB},
    party::{form, is_signed_in, sign_in},
    server::{Server, Setup, Shared},
    visitor::{Page, Visitor},
};

const OUT: &str = "https://shop.example:8443/out";

/// A server with clients that want to hear of sign-outs.
pub(super) fn server() -> Arc<Server> {
    static SHARED: Shared = Shared::new(std::sync::Weak::new());
    let tables = clients("https://shop.example:8443", "https://news.example:9443");
    Server::share(&SHARED, Setup { name: "logout", tables: &tables, ..Setup::default() })
}

/// The same two clients at these addresses.
pub(super) fn clients(shop: &str, news: &str) -> String {
    let client = |name: &str, origin: &str, more: &str| {
        format!(
            "[[clients]]\nclient_id = \"fc-{name}\"\nclient_name = \"{name}\"\n\
             client_secret = \"{name}-secret-5kQzT7vXw1cNzWbX81e4\"\nfirst_party = true\n\
             redirect_uris = [\"{origin}/cb\"]\nresponse_types = [\"code\", \"id_token\"]\n\
             grant_types = [\"authorization_code\", \"implicit\"]\n{more}\n"
        )
    };
    let told = format!(
        "post_logout_redirect_uris = [\"{shop}/out\"]\n\
         frontchannel_logout_uri = \"{shop}/bye?x=1\"\nfrontchannel_logout_session_required = true"
    );
    let bare = format!("frontchannel_logout_uri = \"{news}/bye\"");
    client("shop", shop, &told) + &client("news", news, &bare)
}

/// The demo signs out as any relying party does: with its ID token, and back to its start page.
#[tokio::test]
async fn the_demo_signs_out() {
    let server = Server::start(Setup { name: "demo-logout", ..Setup::default() });
    let visitor = Visitor::new(&server);
    let page = visitor.open("/demo/login").await;
    let home = visitor.consent(page, ALICE).await;
    assert!(home.body.contains("Hello, "), "{}", home.body);
    assert!(is_signed_in(&visitor).await);
    let (url, body) = home.filled_in("sign-out", &[]);
    let headers = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    let answer = visitor.post(url, body, &headers).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let to = answer.location().unwrap();
    assert_eq!(to.path(), "/end_session");
    let sent: Vec<_> = to.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(sent, ["id_token_hint", "client_id", "post_logout_redirect_uri"]);
    let home = visitor.open(to).await;
    assert_eq!(home.url.query(), Some("signed-out"));
    assert!(home.body.contains("id=\"signed-out\""), "{}", home.body);
    assert!(!is_signed_in(&visitor).await);
}

async fn asked(visitor: &Visitor, request: &[(&str, &str)]) -> Page {
    let page = visitor.open(format!("/end_session?{}", form(request))).await;
    assert!(page.url.path().starts_with("/logout/"), "{page:?}");
    assert_eq!(page.status, StatusCode::OK);
    page
}

/// The question says who asks and whom it is about; the client hears of a yes and not of a no.
#[tokio::test]
async fn the_question() {
    let server = server();
    let visitor = Visitor::new(&server);
    sign_in(&visitor, BOB).await;
    let request =
        [("client_id", "fc-shop"), ("post_logout_redirect_uri", OUT), ("state", "\"><i>&")];
    let page = asked(&visitor, &request).await;
    for words in ["<bdi>shop</bdi>", "Bob Example", "Sign out?"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(!page.body.contains("sign-out-all"), "he is alone");
    let stayed = visitor.submit(&page, "stay", &[]).await;
    assert!(stayed.body.contains("id=\"stayed\""), "{}", stayed.body);
    assert!(is_signed_in(&visitor).await);
    let answer = visitor.submit(&page, "submit", &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location().unwrap().as_str(), format!("{OUT}?state=%22%3E%3Ci%3E%26"));
    assert!(!is_signed_in(&visitor).await);
    // the same form again: the same answer
    let again = visitor.submit(&page, "submit", &[]).await;
    assert_eq!(again.location(), answer.location());
    let wrong = visitor.submit(&page, "submit", &[("action", "else")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}

/// Whoever is signed out without a way back reads so, and the page has the frames and nothing else.
#[tokio::test]
async fn the_page_of_a_sign_out() {
    let server = server();
    let visitor = Visitor::new(&server);
    for client in ["fc-shop", "fc-news"] {
        let origin = if client == "fc-shop" { "shop.example:8443" } else { "news.example:9443" };
        let redirect_uri = format!("https://{origin}/cb");
        let request = [
            ("client_id", client),
            ("redirect_uri", &redirect_uri),
            ("response_type", "id_token"),
            ("scope", "openid"),
            ("nonce", "n"),
            ("state", "xyz"),
        ];
        let page = visitor.open(format!("/authorize?{}", form(&request))).await;
        let answer = visitor.consent(page, ALICE).await;
        assert!(answer.answer().contains_key("id_token"), "{answer:?}");
    }
    let page = asked(&visitor, &[]).await;
    let page = visitor.submit(&page, "submit", &[]).await;
    assert!(page.body.contains("Sign-out success"), "{}", page.body);
    assert_eq!(page.body.matches("<iframe ").count(), 2, "{}", page.body);
    assert_eq!(page.body.matches("<iframe hidden sandbox=\"").count(), 2, "{}", page.body);
    assert!(page.body.contains("src=\"https://news.example:9443/bye\""), "{}", page.body);
    let policy = page.header("content-security-policy").unwrap();
    let sources = "frame-src https://shop.example:8443 https://news.example:9443;";
    assert!(policy.contains(sources) && policy.contains("style-src 'sha256-"), "{policy}");
    assert!(!is_signed_in(&visitor).await);
}

/// What is not in order is an error page of the server's.
#[tokio::test]
async fn errors() {
    let server = server();
    let visitor = Visitor::new(&server);
    sign_in(&visitor, ALICE).await;
    for request in [
        &[("id_token_hint", "junk")][..],
        &[("post_logout_redirect_uri", OUT)],
        &[("client_id", "fc-shop"), ("post_logout_redirect_uri", "https://evil.example/")],
        &[("client_id", "nobody")],
    ] {
        let page = visitor.open(format!("/end_session?{}", form(request))).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{request:?}");
        assert!(page.body.contains("Oops! Something went wrong"), "{}", page.body);
        assert!(!page.body.contains("evil"), "{}", page.body);
    }
    let page = visitor.open("/logout/nonsense").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(is_signed_in(&visitor).await);
}
