//! Clients that register themselves, as the configuration lets them.

use oidc_op::{Clock, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};

use super::{ROOT, Said, app, call, get, post, tables};
use crate::blackbox::{
    party,
    server::{Server, Setup},
};

fn start(name: &str, registration: &str) -> Server {
    let tables = tables(&format!("[registration]\n{registration}\n"));
    Server::start(Setup { name, tables: &tables, ..Setup::default() })
}

async fn register(server: &Server, token: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = party::http().post(server.url("/register")).json(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

/// An initial access token of the API registers as many clients as it is for, until it is withdrawn.
#[tokio::test]
async fn initial_access_tokens() {
    let server = start("manage-initial", "");
    assert_eq!(register(&server, None, &app("A")).await.0, 401);
    let issued = post(&server, ROOT, "/initial-access", json!({ "uses": 2, "purpose": "a test" }));
    let issued = issued.await.is(201);
    assert_eq!((&issued.json["uses"], &issued.json["expires_in"]), (&json!(2), &json!(86400)));
    let token = issued.text("token");
    let (status, first) = register(&server, Some(&token), &app("Registered")).await;
    assert_eq!(status, 201, "{first}");
    assert_eq!(register(&server, Some(&token), &app("B")).await.0, 201);
    assert_eq!(register(&server, Some(&token), &app("C")).await.0, 401);

    let id = first["client_id"].as_str().unwrap();
    let shown = get(&server, ROOT, &format!("/clients/{id}")).await.is(200);
    assert_eq!(shown.json["manages_itself"], true);
    assert_eq!(shown.json["client_name"], "Registered");
    assert!(shown.json["unused_until"].is_i64(), "{shown:?}");
    assert!(!shown.json.to_string().contains(first["client_secret"].as_str().unwrap()));

    let issued = post(&server, ROOT, "/initial-access", json!({ "lifetime": 60 })).await.is(201);
    let token = issued.text("token");
    let withdraw =
        || call(&server, ROOT, Method::DELETE, "/initial-access", json!({ "token": token }));
    withdraw().await.is(204);
    withdraw().await.is_error(404, "not_found");
    assert_eq!(register(&server, Some(&token), &app("D")).await.0, 401);
    for body in [
        json!({ "uses": 0 }),
        json!({ "lifetime": 0 }),
        json!({ "lifetime": 99_999_999 }),
        json!({ "uses": "many" }),
        json!({ "use": 1 }),
        json!({ "use": null }),
        json!({ "purpose": "x".repeat(256) }),
    ] {
        post(&server, ROOT, "/initial-access", body).await.is_error(400, "invalid_request");
    }
}

/// Who has lost the registration access token gets another one from an administrator; a client that was
/// made here may manage itself from then on.
#[tokio::test]
async fn registration_tokens_rotate() {
    let server = start("manage-regtoken", "access = \"open\"");
    let (status, registered) = register(&server, None, &app("A")).await;
    assert_eq!(status, 201, "{registered}");
    let made = post(&server, ROOT, "/clients", app("Made")).await.is(201).json;
    for client in [&registered, &made] {
        let id = client["client_id"].as_str().unwrap();
        let path = format!("/clients/{id}/registration-token");
        let rotated = post(&server, ROOT, &path, Value::Null).await.is(200);
        let uri = rotated.text("registration_client_uri");
        let read = |token: String| async {
            let request = party::http().get(&uri).bearer_auth(token);
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(read(rotated.text("registration_access_token")).await, 200);
        if let Some(before) = client["registration_access_token"].as_str() {
            assert_eq!(client["registration_client_uri"], uri.as_str());
            assert_eq!(read(before.to_owned()).await, 401);
        }
    }
    let path = format!("/clients/{}", made["client_id"].as_str().unwrap());
    assert_eq!(get(&server, ROOT, &path).await.json["manages_itself"], true);
}

/// Without registration there is nothing to have a token for.
#[tokio::test]
async fn without_registration_there_are_no_such_tokens() {
    let server = super::start("manage-noreg");
    post(&server, ROOT, "/initial-access", Value::Null).await.is_error(409, "conflict");
    let id = post(&server, ROOT, "/clients", app("A")).await.is(201).text("client_id");
    let path = format!("/clients/{id}/registration-token");
    post(&server, ROOT, &path, Value::Null).await.is_error(409, "conflict");
}

/// What the table says is what holds.
#[tokio::test]
async fn the_table_is_obeyed() {
    let rules = "access = \"open\"\ncap = 3\nsecret_lifetime = 3600\nunused_lifetime = 600\n\
                 rotate_tokens = true\ngrant_types = [\"authorization_code\"]\n[paths]\n\
                 registration = \"/clients/new\"\n";
    let server = start("manage-rules", rules);
    let metadata = party::get(server.url("/.well-known/openid-configuration")).await;
    let metadata: Value = metadata.json().await.unwrap();
    let endpoint = server.url("/clients/new");
    assert_eq!(metadata["registration_endpoint"], endpoint);
    let register = |body: Value| {
        let endpoint = endpoint.clone();
        async move {
            let response = party::http().post(endpoint).json(&body).send().await.unwrap();
            (response.status().as_u16(), response.json::<Value>().await.unwrap())
        }
    };
    let mut wanted = app("A");
    wanted["grant_types"] = json!(["authorization_code", "refresh_token", "client_credentials"]);
    let (status, registered) = register(wanted).await;
    assert_eq!(status, 201, "{registered}");
    assert_eq!(registered["grant_types"], json!(["authorization_code"]));
    let issued = registered["client_id_issued_at"].as_i64().unwrap();
    assert_eq!(registered["client_secret_expires_at"], issued + 3600);
    let id = registered["client_id"].as_str().unwrap();
    let shown = get(&server, ROOT, &format!("/clients/{id}")).await.is(200);
    assert_eq!(shown.json["unused_until"], issued + 600);
    let uri = registered["registration_client_uri"].as_str().unwrap();
    let token = registered["registration_access_token"].as_str().unwrap();
    let mut update = app("B");
    update["client_id"] = id.into();
    let updated = party::http().put(uri).bearer_auth(token).json(&update).send().await.unwrap();
    let updated: Value = updated.json().await.unwrap();
    assert_ne!(updated["registration_access_token"], token, "{updated}");
    assert!(updated["registration_access_token"].is_string(), "{updated}");
    // A secret that an administrator gives it is good for as long; one of a client that could not get
    // another by itself, for ever.
    let before = SystemClock.now().unix();
    let path = format!("/clients/{id}/secret");
    let rotated = post(&server, ROOT, &path, Value::Null).await.is(200);
    let expires = rotated.json["client_secret_expires_at"].as_i64().unwrap();
    assert!((before + 3600..=SystemClock.now().unix() + 3600).contains(&expires), "{rotated:?}");
    let shown = get(&server, ROOT, &format!("/clients/{id}")).await.is(200);
    assert_eq!(shown.json["client_secret_expires_at"], expires);
    let made = post(&server, ROOT, "/clients", app("M")).await.is(201);
    assert_eq!(made.json["client_secret_expires_at"], 0);
    let path = format!("/clients/{}/secret", made.text("client_id"));
    let rotated = post(&server, ROOT, &path, Value::Null).await.is(200);
    assert_eq!(rotated.json["client_secret_expires_at"], 0);
    for status in [201, 201, 429] {
        assert_eq!(register(app("C")).await.0, status);
    }
}

/// Software that a publisher vouches for, by keys in the file or beside it (threat RG-09).
#[tokio::test]
async fn statements_of_publishers() {
    use josekit::{
        jwk::{Jwk, alg::ec::EcCurve},
        jws::{ES256, JwsHeader},
        jwt::{self, JwtPayload},
    };
    let place = tempfile::tempdir().unwrap();
    let key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    let public = json!({ "keys": [key.to_public_key().unwrap().as_ref()] });
    let file = place.path().join("publisher.json");
    std::fs::write(&file, public.to_string()).unwrap();
    let table = format!(
        "access = \"open\"\nrequire_statement = true\n[[registration.publishers]]\n\
         issuer = \"https://directory.example\"\njwks_file = {file:?}\nalgorithms = [\"ES256\"]\n"
    );
    let server = start("manage-statements", &table);
    let statement = |issuer: &str, key: &Jwk| {
        let mut payload = JwtPayload::new();
        payload.set_issuer(issuer);
        payload.set_claim("client_name", Some("Vouched for".into())).unwrap();
        let signer = ES256.signer_from_jwk(key).unwrap();
        jwt::encode_with_signer(&payload, &JwsHeader::new(), &signer).unwrap()
    };
    let with = |statement: String| {
        let mut wanted = app("Says itself");
        wanted["software_statement"] = statement.into();
        wanted
    };
    let good = with(statement("https://directory.example", &key));
    let (status, registered) = register(&server, None, &good).await;
    assert_eq!((status, &registered["client_name"]), (201, &json!("Vouched for")), "{registered}");
    let other = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    for (wanted, error) in [
        (app("A"), "invalid_software_statement"),
        (with(statement("https://directory.example", &other)), "invalid_software_statement"),
        (with(statement("https://other.example", &key)), "unapproved_software_statement"),
    ] {
        let (status, refused) = register(&server, None, &wanted).await;
        assert_eq!(status, 400, "{refused}");
        assert!(
            refused["error"] == error || wanted.get("software_statement").is_none(),
            "{refused}"
        );
    }
}

/// Threat RG-10: whoever registers too often has to wait; somebody else need not.
#[tokio::test]
async fn registrations_are_limited_for_each_source() {
    let tables = tables("[registration]\naccess = \"open\"\n[limits]\nclient_registrations = 3\n");
    let server = Server::start(Setup { name: "manage-flood", tables: &tables, ..Setup::default() });
    let from = |address: [u8; 4]| {
        let http = crate::blackbox::visitor::http().local_address(std::net::IpAddr::from(address));
        let request = http.build().unwrap().post(server.url("/register")).json(&app("A"));
        async { request.send().await.unwrap() }
    };
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let response = from([127, 0, 0, 9]).await;
        let throttled = response.status() == 429;
        assert_eq!(response.headers().contains_key("retry-after"), throttled);
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [201, 201, 201, 429, 429]);
    assert_eq!(from([127, 0, 0, 10]).await.status(), 201);
    // Neither is held against the secrets of clients.
    Said::of(super::request(&server, Method::GET, "/clients").basic_auth(ROOT.0, Some(ROOT.1)))
        .await
        .is(200);
}
