//! Session Management, RP-Initiated, Front-Channel and Back-Channel Logout: a sign-out is one everywhere.

use std::{fs, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::{
    ADA, Deployment, WORKSTATION, asks_id_token, claims, form, header, id_token, is_error, party,
    registration::{asks, initial_access},
    sent, shared,
};
use crate::{
    back_channel_logout::https::Site,
    blackbox::visitor::{Page, Visitor},
};

/// Session Management §3.2: what the frame works out of the cookie that it reads, for a salt.
fn session_state(visitor: &Visitor, salt: &str) -> String {
    let cookies = visitor.cookies();
    let mut pairs = cookies.split("; ").filter_map(|cookie| cookie.split_once('='));
    let state = pairs.find(|(name, _)| *name == "op_state").map_or("", |(_, value)| value);
    let text = format!("{WORKSTATION} https://ws.enterprise.example {state} {salt}");
    format!("{}.{salt}", URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes())))
}

/// What an answer says of the session, which is as the frame finds it.
#[track_caller]
fn seen(visitor: &Visitor, page: &Page) -> String {
    let told = page.answer().remove("session_state").unwrap();
    let (_, salt) = told.rsplit_once('.').unwrap();
    assert_eq!(told, session_state(visitor, salt));
    told
}

async fn signs_in(op: &Deployment, visitor: &Visitor) -> Page {
    let page = visitor.open(asks_id_token(op, &[])).await;
    visitor.consent(page, ADA).await
}

fn end(op: &Deployment, request: &[(&str, &str)]) -> String {
    format!("{}?{}", op.endpoint("end_session_endpoint"), form(request))
}

/// The session is over when the workstation says so, with the ID token that it has: its frame is told, whoever
/// polls sees another state, and people come back to it.
#[tokio::test]
async fn at_the_workstations_wish() {
    let op = shared().await;
    let visitor = op.visitor();
    let page = signs_in(&op, &visitor).await;
    let token = id_token(&page);
    let before = seen(&visitor, &page);
    let (status, frame) = sent(party::http().get(op.endpoint("check_session_iframe"))).await;
    assert!(status == 200 && frame.as_str().unwrap().contains("<script"), "{frame}");
    assert_eq!(frame_answers(&visitor, &before), "unchanged");

    let bye = "https://ws.enterprise.example/bye";
    let elsewhere =
        [("id_token_hint", &*token), ("post_logout_redirect_uri", "https://evil.example/")];
    assert_eq!(visitor.open(end(&op, &elsewhere)).await.status, 400);
    let request =
        [("id_token_hint", &*token), ("post_logout_redirect_uri", bye), ("state", "so long")];
    let page = visitor.open(end(&op, &request)).await;
    assert!(page.status == 200 && page.body.contains("Sign-out success"), "{page:?}");
    let sid = claims(&token)["sid"].as_str().unwrap().to_owned();
    let told = form(&[("iss", op.issuer()), ("sid", &sid)]).replace('&', "&amp;");
    let told = format!("src=\"https://ws.enterprise.example/out?{told}\"");
    assert!(page.body.contains(&told), "{told}: {}", page.body);
    assert_eq!(page.body.matches("<iframe ").count(), 1, "{}", page.body);
    assert!(
        page.body.contains(&format!("id=\"continue\" href=\"{bye}?state=so+long\"")),
        "{}",
        page.body
    );

    let silent = visitor.open(asks_id_token(&op, &[("prompt", "none")])).await;
    is_error(&silent, "login_required");
    assert_ne!(seen(&visitor, &silent), before);
    assert_eq!(frame_answers(&visitor, &before), "changed");

    // without a hint people are asked; a no is a no
    let token = id_token(&signs_in(&op, &visitor).await);
    let page = visitor.open(end(&op, &[("client_id", WORKSTATION)])).await;
    assert!(page.url.path().starts_with("/logout/"), "{page:?}");
    let stayed = visitor.submit(&page, "stay", &[]).await;
    assert!(stayed.body.contains("id=\"stayed\""), "{}", stayed.body);
    let hint = [("prompt", "none"), ("id_token_hint", &*token)];
    id_token(&visitor.open(asks_id_token(&op, &hint)).await);
}

/// What the frame says to whoever shows it a state that it was told once.
fn frame_answers(visitor: &Visitor, told: &str) -> &'static str {
    let (_, salt) = told.rsplit_once('.').unwrap();
    if session_state(visitor, salt) == told { "unchanged" } else { "changed" }
}

/// A second start: a client hears of a sign-out at once, without a browser; and whoever registers needs to be
/// let in.
#[tokio::test]
async fn to_the_back_channel_and_with_protected_registration() {
    let mut site = Site::open();
    let place = tempfile::tempdir().unwrap();
    let ca = place.path().join("ca.der");
    fs::write(&ca, &site.tls.root).unwrap();
    let op = Deployment::start_changed("enterprise-op", &[], |config| {
        let mut set = |table: &str, member: &str, value: toml::Value| {
            config[table].as_table_mut().unwrap().insert(member.to_owned(), value);
        };
        set("registration", "access", "initial_access_token".into());
        set("fetch", "ca", ca.to_str().unwrap().into());
        set("fetch", "allow", vec!["localhost", "127.0.0.0/8"].into());
    })
    .await;

    let at = "https://courier.enterprise.example/cb";
    let body = json!({
        "client_name": "Courier", "redirect_uris": [at],
        "grant_types": ["implicit"], "response_types": ["id_token"],
        "backchannel_logout_uri": site.url("/204"),
        "backchannel_logout_session_required": true,
    });
    for token in [None, Some("of-somebodys-own")] {
        let (status, refused) = asks(&op, token, &body).await;
        assert_eq!(status, 401, "{refused}");
    }
    let (status, courier) = asks(&op, Some(&initial_access(&op).await), &body).await;
    assert_eq!(status, 201, "{courier}");

    let visitor = op.visitor();
    let workstation = id_token(&signs_in(&op, &visitor).await);
    let more = [
        ("response_type", "id_token"),
        ("scope", "openid"),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    let asked = visitor.open(op.request(courier["client_id"].as_str().unwrap(), at, &more)).await;
    let couriers = claims(&id_token(&visitor.consent(asked, ADA).await));
    let page = visitor.open(end(&op, &[("id_token_hint", &*workstation)])).await;
    assert!(page.body.contains("id=\"signed-out\""), "{page:?}");

    let arrives = tokio::time::timeout(Duration::from_secs(30), site.next());
    let (path, token) = arrives.await.expect("before the next minute");
    assert_eq!((&*path, &header(&token)["typ"]), ("/204", &json!("logout+jwt")));
    let told = claims(&token);
    for same in ["iss", "aud", "sub", "sid"] {
        assert!(told[same] == couriers[same] && !told[same].is_null(), "{same}: {told}");
    }
    assert_ne!(claims(&workstation)["sid"], couriers["sid"], "each knows it by a name of its own");
}
