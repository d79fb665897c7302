//! Everything goes well.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{delegating, login_page, main, sent_back, server, stub, through, upstream, userinfo};
use crate::blackbox::{
    fixture::{ALICE, FIRST_PARTY, THIRD_PARTY},
    party::{authorize, is_signed_in, tokens},
    server::{Server, Setup},
    visitor::Visitor,
};

fn payload(jwt: &Value) -> Value {
    let part = jwt.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The button leads there with what the specifications ask for; back again, the person is signed in, with
/// the claims that were mapped and asked for, and stays so.
#[tokio::test]
async fn the_button_signs_in() {
    let server = server();
    let visitor = Visitor::reading(&server, "nl");
    let request = [("scope", "openid profile email roles"), ("login_hint", "ada")];
    let page = visitor.open(authorize(FIRST_PARTY, &request)).await;
    assert!(page.asks_password() && page.body.contains("Continue with main"), "{}", page.body);
    let sent = visitor.submit(&page, "upstream-main", &[]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert_eq!(sent.header("cache-control"), Some("no-store"));
    let asked = stub::asked(&sent.location().unwrap());
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", stub::CLIENT),
        ("redirect_uri", &server.url("/upstream/main/callback")),
        ("scope", "openid profile groups"),
        ("code_challenge_method", "S256"),
        ("login_hint", "ada"),
        ("ui_locales", "nl"),
    ] {
        assert_eq!(asked[name], value, "{name}: {asked:?}");
    }
    assert!(!asked.contains_key("prompt"), "{asked:?}");
    for name in ["state", "nonce", "code_challenge"] {
        let text = asked[name].as_str().unwrap();
        assert!(crate::support::is_hard_to_guess(text), "{name}: {text}");
    }
    let answer = visitor.come_back(sent_back(&sent).await).await;
    let tokens = tokens(&server, FIRST_PARTY, &answer.code()).await;
    let id_token = payload(&tokens["id_token"]);
    let sub = id_token["sub"].as_str().unwrap();
    assert!(sub.starts_with("main.") && sub.len() == "main.".len() + 43, "{sub}");
    assert_eq!((&id_token["acr"], &id_token["amr"]), (&json!("urn:upstream"), &json!(["hwk"])));
    let times = [&id_token["iat"], &id_token["auth_time"]].map(|time| time.as_u64().unwrap());
    assert!((9..60).contains(&(times[0] - times[1])), "that of the upstream: {id_token}");
    let token = tokens["access_token"].as_str().unwrap();
    let said = crate::blackbox::party::http().get(server.url("/userinfo")).bearer_auth(token);
    let said: Value = said.send().await.unwrap().json().await.unwrap();
    let expected = json!({
        "sub": sub, "name": "Ada <Lovelace>", "email": "ada@upstream.example", "email_verified": true,
        "nickname": "Countess Ada", "role": ["analysts", "engineers"], "department": "Engines",
        "managed": "main",
    });
    assert_eq!(said, expected);

    assert!(is_signed_in(&visitor).await);
    let again = visitor.open(authorize(FIRST_PARTY, &[("scope", "openid")])).await;
    assert_eq!(userinfo(&server, FIRST_PARTY, &again).await, json!({ "sub": sub }));
    let elsewhere = Visitor::new(&server);
    let page = login_page(&elsewhere, "").await;
    let answer = through(&elsewhere, &page, "main").await;
    let theirs = userinfo(&server, FIRST_PARTY, &answer).await;
    assert_eq!(theirs["sub"], sub, "the same person");
    assert_eq!(theirs.get("role"), None, "not asked for");
    assert_eq!(theirs.get("address"), None, "not asked for");
    let visitor = Visitor::new(&server);
    let page = login_page(&visitor, "another person").await;
    let other = through(&visitor, &page, "main").await;
    assert_ne!(userinfo(&server, FIRST_PARTY, &other).await["sub"], sub);
}

/// Core §5.1: a claim of another form than clients expect is left out, and the operator is told which.
#[tokio::test]
async fn claims_have_the_form_that_clients_expect() {
    let server = server();
    let visitor = Visitor::new(&server);
    let page = login_page(&visitor, "forms").await;
    let answer = through(&visitor, &page, "main").await;
    let said = userinfo(&server, FIRST_PARTY, &answer).await;
    assert_eq!(said["name"], "Ada");
    assert_eq!((said.get("email"), said.get("email_verified")), (None, None), "{said}");
    let log = server.log();
    assert!(log.contains("left out: claims: email is an e-mail address"), "{log}");
    assert!(!log.contains("not an address"));
}

/// A provider that wants the secret in the body, says nothing of itself in its answer, and is asked for no
/// more than an ID token.
#[tokio::test]
async fn providers_differ() {
    let server = server();
    let visitor = Visitor::new(&server);
    let page = login_page(&visitor, "").await;
    let answer = through(&visitor, &page, "plain").await;
    let said = userinfo(&server, FIRST_PARTY, &answer).await;
    assert!(said["sub"].as_str().unwrap().starts_with("plain."));
    assert_eq!(said.as_object().unwrap().len(), 1, "{said}");

    let visitor = Visitor::new(&server);
    let page = login_page(&visitor, "azp of ours").await;
    through(&visitor, &page, "main").await.code();
}

/// OIDC Core §10.1.1: a provider that signs with another key now is asked for its keys again.
#[tokio::test]
async fn keys_change() {
    let server = server();
    for _ in 0..2 {
        let visitor = Visitor::new(&server);
        let page = login_page(&visitor, "").await;
        through(&visitor, &page, "rotates").await.code();
    }
}

/// Consent, the choice of an account, the start page, the page of apps and that of signing out name the
/// person as the upstream provider does; and nothing of them is kept as an account.
#[tokio::test]
async fn pages_name_people_from_elsewhere() {
    let server = server();
    let visitor = Visitor::new(&server);
    let named = "Ada &#60;Lovelace&#62;";
    let page = visitor.open(authorize(THIRD_PARTY, &[])).await;
    let consent = through(&visitor, &page, "main").await;
    assert_eq!(consent.redirects, [StatusCode::SEE_OTHER], "to the interaction");
    assert!(consent.asks_consent() && consent.body.contains(named), "{}", consent.body);
    assert!(consent.body.contains("ada@upstream.example"), "{}", consent.body);
    let answer = visitor.submit(&consent, "submit", &[]).await;
    assert_eq!(userinfo(&server, THIRD_PARTY, &answer).await["name"], "Ada <Lovelace>");

    for path in ["/", "/apps"] {
        let page = visitor.open(path).await;
        assert!(
            page.body.contains(named) && page.status == StatusCode::OK,
            "{path}: {}",
            page.body
        );
    }
    let again = visitor.open(authorize(FIRST_PARTY, &[("prompt", "login")])).await;
    assert!(again.body.contains("Confirm it") && again.body.contains(named), "{}", again.body);
    let sent = visitor.submit(&again, "upstream-main", &[]).await;
    let asked = stub::asked(&sent.location().unwrap());
    assert_eq!(asked["prompt"], "login", "an earlier sign-in there does not do");

    let second = visitor.open(authorize(FIRST_PARTY, &[("prompt", "login")])).await;
    visitor.consent(second, ALICE).await;
    let choice = visitor.open(authorize(FIRST_PARTY, &[("prompt", "select_account")])).await;
    for name in [named, "Alice Example"] {
        assert_eq!(choice.body.matches(name).count(), 1, "{name}: {}", choice.body);
    }
    let question = visitor.open("/end_session?client_id=first-party").await;
    assert!(question.body.contains(named), "{}", question.body);
}

/// What is known of them lasts as long as the session and what was given in it, also over a restart; and
/// whoever signs out is asked anew.
#[tokio::test]
async fn sessions_outlive_a_restart() {
    let tables = main();
    let setup = Setup {
        name: "upstream-restart",
        tables: &tables,
        store: "sqlite:op.db",
        ..Setup::default()
    };
    let server = Server::start(setup);
    let visitor = Visitor::new(&server);
    let page = login_page(&visitor, "").await;
    through(&visitor, &page, "main").await.code();
    let server = server.restarted("upstream-restart-2");
    let answer = visitor.open(authorize(FIRST_PARTY, &[])).await;
    assert_eq!(userinfo(&server, FIRST_PARTY, &answer).await["nickname"], "Countess Ada");
    let home = visitor.open("/").await;
    visitor.submit(&home, "sign-out", &[]).await;
    assert!(!is_signed_in(&visitor).await);
    assert!(login_page(&visitor, "").await.asks_password());
}

/// Without people of its own the server asks nobody for a password: the page is the upstream provider's.
#[tokio::test]
async fn without_people_of_its_own() {
    let server = delegating();
    let visitor = Visitor::new(&server);
    let sent = login_page(&visitor, "ada").await;
    assert!(sent.location().unwrap().path().ends_with("/main/authorize"), "{sent:?}");
    let interaction = sent.url.clone();
    let answer = visitor.come_back(sent_back(&sent).await).await;
    assert_eq!(userinfo(&server, FIRST_PARTY, &answer).await["nickname"], "Countess Ada");

    let again = visitor.open(authorize(FIRST_PARTY, &[("prompt", "login")])).await;
    assert_eq!(stub::asked(&again.location().unwrap())["prompt"], "login");
    let quiet = Visitor::new(&server).open(authorize(FIRST_PARTY, &[("prompt", "none")])).await;
    assert_eq!(quiet.answer()["error"], "login_required");

    // A password is not even looked at.
    let visitor = Visitor::new(&server);
    let sent = login_page(&visitor, "ada").await;
    let form = format!("action=login&login={}&password=correct+horse+battery+staple", ALICE.0);
    let refused = visitor.post(sent.url, form, &[]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("verdict_unfit"), "{}", refused.body);
    let stranger = Visitor::new(&server).open(&interaction).await;
    assert!(stranger.body.contains("browser_cookie_missing"), "{}", stranger.body);
}

/// Where there is a choice of providers the page has their buttons and no password; whoever would rather not
/// sign in goes back.
#[tokio::test]
async fn a_choice_of_providers() {
    let tables = format!("[sign_in]\nlocal = false\n{}{}", main(), upstream("plain", "post", ""));
    let (name, sign_up) = ("upstream-choice", "enabled = false");
    let server = Server::start(Setup { name, tables: &tables, sign_up, ..Setup::default() });
    let visitor = Visitor::new(&server);
    let page = login_page(&visitor, "").await;
    assert!(!page.asks_password() && page.status == StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("Continue with plain"), "{}", page.body);
    assert_eq!(visitor.submit(&page, "cancel", &[]).await.answer()["error"], "access_denied");
    let page = login_page(&visitor, "").await;
    through(&visitor, &page, "main").await.code();
}

/// Two tabs at once, and one that comes back late: each goes on with its own request.
#[tokio::test]
async fn tabs() {
    let server = server();
    let visitor = Visitor::new(&server);
    let mut sent = Vec::new();
    for _ in 0..2 {
        let page = login_page(&visitor, "").await;
        sent.push(visitor.submit(&page, "upstream-main", &[]).await);
    }
    let twice = visitor.submit(&login_page(&visitor, "").await, "upstream-plain", &[]).await;
    let mut codes = Vec::new();
    for sent in sent.iter().rev().chain([&twice]) {
        codes.push(visitor.come_back(sent_back(sent).await).await.code());
    }
    codes.dedup();
    assert_eq!(codes.len(), 3);
}
