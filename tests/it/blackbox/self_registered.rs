//! A client that registers itself at the example server, or is to be found at an address: over HTTP, with
//! what people are shown of it.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{
    fixture::{ALICE, WEB},
    party::{form, get, http},
    server::{Server, Setup},
    visitor::Visitor,
};

/// How the example server lets anybody register.
pub(crate) const REGISTRATION: &str = "[registration]\naccess = \"open\"\n";

fn server(name: &str) -> Server {
    Server::start(Setup { name, tables: REGISTRATION, ..Setup::default() })
}

/// OIDC Registration §3.1.
async fn register(server: &Server, more: &Value) -> Value {
    let metadata = get(server.url("/.well-known/openid-configuration")).await;
    let metadata: Value = metadata.json().await.unwrap();
    let endpoint = metadata["registration_endpoint"].as_str().unwrap();
    let mut sent = json!({ "client_name": "Newcomer", "redirect_uris": [WEB] });
    sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let response = http().post(endpoint).json(&sent).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    response.json().await.unwrap()
}

/// RFC 7592 §2.
async fn manage(method: Method, client: &Value, token: &str, body: Option<&Value>) -> Response {
    let uri = client["registration_client_uri"].as_str().unwrap();
    let request = http().request(method, uri).bearer_auth(token);
    let request = if let Some(body) = body { request.json(body) } else { request };
    request.send().await.unwrap()
}

fn authorize(client: &Value) -> String {
    let id = client["client_id"].as_str().unwrap();
    let request = [
        ("client_id", id),
        ("redirect_uri", WEB),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("code_challenge", super::party::CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    format!("/authorize?{}", form(&request))
}

/// OIDC Registration §2, `oidcc-registration-logo-uri`, `-policy-uri`, `-tos-uri`: on the page where
/// people sign in, and where they agree.
#[tokio::test]
async fn its_logo_and_links_are_on_the_pages() {
    let server = server("self-registered-pages");
    let (logo, policy, tos) =
        ("https://rp.example/logo.png", "https://rp.example/privacy", "https://rp.example/terms");
    let sent = json!({ "logo_uri": logo, "policy_uri": policy, "tos_uri": tos });
    let client = register(&server, &sent).await;
    let visitor = Visitor::new(&server);
    let login = visitor.open(authorize(&client)).await;
    assert!(login.asks_password());
    let password = [("login", ALICE.0), ("password", ALICE.1)];
    let consent = visitor.submit(&login, "submit", &password).await;
    assert!(consent.asks_consent());
    for page in [&login, &consent] {
        let allowed = page.header("content-security-policy").unwrap();
        assert!(allowed.contains("img-src https:"), "{allowed}");
        for part in [
            format!("<img class=\"avatar\" src=\"{logo}\""),
            format!("<a id=\"policy\" href=\"{policy}\""),
            format!("<a id=\"tos\" href=\"{tos}\""),
            "Newcomer".to_owned(),
        ] {
            assert!(page.body.contains(&part), "{part} in {}", page.body);
        }
    }
    assert!(visitor.submit(&consent, "submit", &[]).await.is_answer());
}

/// RFC 7592 §2: each method arrives, and only with the client's own token.
#[tokio::test]
async fn it_reads_changes_and_ends_its_registration() {
    let server = server("self-registered");
    let client = register(&server, &json!({})).await;
    let other = register(&server, &json!({})).await;
    let token = |client: &Value| client["registration_access_token"].as_str().unwrap().to_owned();
    let (own, others) = (token(&client), token(&other));

    let found = manage(Method::GET, &client, &own, None).await;
    assert_eq!(found.status(), StatusCode::OK);
    assert_eq!(found.json::<Value>().await.unwrap()["client_name"], "Newcomer");
    let new = json!({
        "client_id": client["client_id"], "client_name": "Regular", "redirect_uris": [WEB],
    });
    let changed = manage(Method::PUT, &client, &own, Some(&new)).await;
    assert_eq!(changed.status(), StatusCode::OK);
    let page = Visitor::new(&server).open(authorize(&client)).await;
    assert!(page.body.contains("Regular") && !page.body.contains("Newcomer"), "{}", page.body);

    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let refused = manage(method.clone(), &client, &others, Some(&new)).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "RG-07: {method}");
    }
    let ended = manage(Method::DELETE, &client, &own, None).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert_eq!(manage(Method::GET, &client, &own, None).await.status(), StatusCode::UNAUTHORIZED);
    let page = Visitor::new(&server).open(authorize(&client)).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert_eq!(manage(Method::GET, &other, &others, None).await.status(), StatusCode::OK);
}

/// Threat SS-05: who names clients by addresses without end has to wait; somebody else need not, and nobody's
/// secret is harder to show for it.
#[cfg(feature = "fetch")]
#[tokio::test]
async fn addresses_of_clients_are_limited_for_each_source() {
    let tables = "[policy]\nclient_documents = true\n[limits]\nclient_documents = 3\n\
                  [fetch]\nenabled = true\nallow = [\"127.0.0.1\"]\n";
    let server = Server::start(Setup { name: "described-flood", tables, ..Setup::default() });
    let from = |address: [u8; 4], id: &str| {
        let http = super::visitor::http().local_address(std::net::IpAddr::from(address));
        // Nobody listens there.
        let form = [("grant_type", "authorization_code"), ("code", "x"), ("client_id", id)];
        let request = http.build().unwrap().post(server.url("/token")).form(&form);
        async { request.send().await.unwrap() }
    };
    let mut statuses = Vec::new();
    for number in 0..5 {
        let id = format!("https://127.0.0.1:1/{number}.json");
        statuses.push(from([127, 0, 0, 9], &id).await.status().as_u16());
    }
    assert_eq!(statuses, [503, 503, 503, 429, 429]);
    assert_eq!(from([127, 0, 0, 10], "https://127.0.0.1:1/5.json").await.status(), 503);
    assert_eq!(
        from([127, 0, 0, 9], super::fixture::PUBLIC.id).await.status(),
        400,
        "invalid_grant"
    );
}
