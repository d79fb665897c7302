//! What comes in: sizes, media types, and what is kept out of the log.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ROOT, Said, app, call, get, post, request, tables};
use crate::blackbox::{
    party,
    server::{Server, Setup},
};

/// Threat RG-03, of this API: other media types, odd JSON, too much of it.
#[tokio::test]
async fn bodies() {
    let server = super::start("manage-bodies");
    let sent = |media: Option<&str>, body: &str| {
        let mut sent = request(&server, Method::POST, "/clients").basic_auth(ROOT.0, Some(ROOT.1));
        if let Some(media) = media {
            sent = sent.header("content-type", media);
        }
        Said::of(sent.body(body.to_owned()))
    };
    let good = app("A").to_string();
    for media in ["application/json", "Application/JSON; charset=\"UTF-8\""] {
        sent(Some(media), &good).await.is(201);
    }
    for media in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=utf-16"),
        Some("application/jsonp"),
    ] {
        sent(media, &good).await.is_error(415, "invalid_request");
    }
    let encoded = request(&server, Method::POST, "/clients").basic_auth(ROOT.0, Some(ROOT.1));
    let encoded = encoded.header("content-encoding", "gzip").json(&app("A"));
    Said::of(encoded).await.is_error(415, "invalid_request");
    let deep = format!("{{\"jwks\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    for body in [
        "[]",
        "null",
        "1",
        "{",
        "{\"client_name\":\"a\",\"client_name\":\"b\"}",
        "{}{}",
        "\u{feff}{}",
        &deep,
    ] {
        sent(Some("application/json"), body).await.is_error(400, "invalid_request");
    }
    let large = json!({ "client_name": "x".repeat(70_000) }).to_string();
    let answer = sent(Some("application/json"), &large).await;
    answer.is_error(413, "invalid_request");
    // A body that is not there is an empty object, and an app needs an address.
    let none = request(&server, Method::POST, "/clients").basic_auth(ROOT.0, Some(ROOT.1));
    Said::of(none).await.names(400, "invalid_client_metadata", "redirect_uris");
}

/// Threat SL-01, of this API: at its loudest, the log holds no secret that was sent or told.
#[tokio::test]
async fn no_secret_is_in_the_log() {
    let tables = tables("[registration]\n");
    let setup = Setup { name: "manage-log", tables: &tables, log: "trace", ..Setup::default() };
    let server = Server::start(setup);
    let made = post(&server, ROOT, "/clients", app("A")).await.is(201);
    let path = format!("/clients/{}", made.text("client_id"));
    let rotated = post(&server, ROOT, &format!("{path}/secret"), Value::Null).await.is(200);
    let token =
        post(&server, ROOT, &format!("{path}/registration-token"), Value::Null).await.is(200);
    let initial = post(&server, ROOT, "/initial-access", Value::Null).await.is(201);
    let issued = super::token(&server, ROOT, "clients:read").await.1;
    let bearer = issued["access_token"].as_str().unwrap().to_owned();
    Said::of(request(&server, Method::GET, "/clients").bearer_auth(&bearer)).await.is(200);
    let withdrawn = json!({ "token": initial.text("token") });
    call(&server, ROOT, Method::DELETE, "/initial-access", withdrawn).await.is(204);
    let stray = "stray-secret-3141592653";
    let mut sent = app("A");
    sent["client_secret"] = stray.into();
    post(&server, ROOT, "/clients", sent).await.is(400);
    let sent = json!({ "token": stray });
    call(&server, ROOT, Method::DELETE, "/initial-access", sent).await.is(404);
    let sent = json!({ "redirect_uris": [stray], "jwks": stray });
    post(&server, ROOT, "/clients", sent).await.is(400);
    get(&server, (ROOT.0, stray), "/clients").await.is(401);
    let password = "erins-password-1618033988";
    let person = json!({ "username": "erin", "password": password });
    post(&server, ROOT, "/users", person).await.is(201);
    let person = json!({ "username": "alice", "password": stray, "claims": stray });
    post(&server, ROOT, "/users", person).await.is(400);
    party::get(server.url("/health")).await;

    let log = server.log();
    for line in ["client created", "client secret rotated", "initial access token issued", "DEBUG"]
    {
        assert!(log.contains(line), "no {line}:\n{log}");
    }
    for secret in [
        ROOT.1.to_owned(),
        made.text("client_secret"),
        rotated.text("client_secret"),
        token.text("registration_access_token"),
        initial.text("token"),
        bearer,
        password.to_owned(),
        stray.to_owned(),
    ] {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}
