//! How far a caller reaches that has an owner.

use serde_json::{Value, json};

use super::{CAROLS, DAVES, ROOT, app, call, delete, get, post, put, start};

/// Each sees and changes the clients of its owner; there are no others for it.
#[tokio::test]
async fn foreign_clients_are_not_there() {
    let server = start("manage-owners");
    let carols = post(&server, CAROLS, "/clients", app("Carol's")).await.is(201);
    let daves = post(&server, DAVES, "/clients", app("Dave's")).await.is(201);
    let nobodys = post(&server, ROOT, "/clients", app("Nobody's")).await.is(201);
    assert_eq!(carols.json["owner"], "sub-of-carol");
    assert_eq!(nobodys.json.get("owner"), None);
    let ids = [&carols, &daves, &nobodys].map(|said| said.text("client_id"));
    let listed = get(&server, CAROLS, "/clients?limit=200").await.is(200);
    let clients = listed.json["clients"].as_array().unwrap();
    let names: Vec<_> = clients.iter().map(|c| c["client_id"].as_str().unwrap()).collect();
    assert_eq!(names, ["carols", &ids[0]]);

    for foreign in [&ids[1], &ids[2], "third-party", "owned", "client_nobody"] {
        for (method, path, body) in [
            ("GET", "", Value::Null),
            ("PUT", "", app("Mine")),
            ("DELETE", "", Value::Null),
            ("POST", "/secret", Value::Null),
            ("POST", "/enable", Value::Null),
            ("POST", "/disable", Value::Null),
            ("POST", "/revoke", Value::Null),
            ("POST", "/registration-token", Value::Null),
        ] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let path = format!("/clients/{foreign}{path}");
            call(&server, CAROLS, method, &path, body).await.is_error(404, "not_found");
        }
    }
    for (id, admin) in [(&ids[1], DAVES), (&ids[2], ROOT)] {
        let left = get(&server, admin, &format!("/clients/{id}")).await.is(200);
        assert_eq!(
            (&left.json["enabled"], left.json["client_name"] == "Mine"),
            (&json!(true), false)
        );
    }
    let own = format!("/clients/{}", ids[0]);
    assert_eq!(put(&server, CAROLS, &own, app("New")).await.is(200).json["owner"], "sub-of-carol");
    post(&server, CAROLS, &format!("{own}/secret"), Value::Null).await.is(200);
    post(&server, CAROLS, &format!("{own}/disable"), Value::Null).await.is(200);
    delete(&server, CAROLS, &own).await.is(204);
    get(&server, ROOT, &own).await.is_error(404, "not_found");
    // One that was given away is gone.
    let lent = post(&server, CAROLS, "/clients", app("Lent")).await.is(201).text("client_id");
    let mut given = app("Lent");
    given["owner"] = "sub-of-dave".into();
    put(&server, ROOT, &format!("/clients/{lent}"), given).await.is(200);
    get(&server, CAROLS, &format!("/clients/{lent}")).await.is_error(404, "not_found");
    get(&server, DAVES, &format!("/clients/{lent}")).await.is(200);
}

/// What is an administrator's to set stays as it is.
#[tokio::test]
async fn bounds_hold() {
    let server = start("manage-bounds");
    let own = post(&server, CAROLS, "/clients", app("Carol's")).await.is(201).text("client_id");
    let own = format!("/clients/{own}");
    for (member, value) in [
        ("owner", json!("sub-of-dave")),
        ("first_party", json!(true)),
        ("password_grant", json!(true)),
        ("sector_identifier_uri", json!("https://sector.example/s.json")),
        ("grant_types", json!(["authorization_code", "client_credentials"])),
        ("grant_types", json!(["authorization_code", "password"])),
        (
            "grant_types",
            json!(["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"]),
        ),
    ] {
        let mut wanted = app("A");
        wanted[member] = value;
        post(&server, CAROLS, "/clients", wanted.clone()).await.names(403, "access_denied", member);
        put(&server, CAROLS, &own, wanted).await.names(403, "access_denied", member);
    }
    let mut named = app("A");
    named["client_id"] = "my-name".into();
    post(&server, CAROLS, "/clients", named).await.names(403, "access_denied", "client_id");
    let mut free = app("A");
    free["owner"] = Value::Null;
    put(&server, CAROLS, &own, free).await.names(403, "access_denied", "owner");

    // What an administrator has set stays, and may be sent back.
    let mut more = app("A");
    more["first_party"] = true.into();
    more["grant_types"] = json!(["authorization_code", "client_credentials"]);
    put(&server, ROOT, &own, more.clone()).await.is(200);
    more["client_name"] = "B".into();
    let kept = put(&server, CAROLS, &own, more).await.is(200);
    assert_eq!((&kept.json["first_party"], &kept.json["client_name"]), (&json!(true), &json!("B")));
    let mut less = app("A");
    less["first_party"] = false.into();
    put(&server, CAROLS, &own, less).await.names(403, "access_denied", "first_party");

    // Of a client that people are not asked about, nothing moves that matters.
    let mut more = kept.json.clone();
    for (member, value) in [
        ("redirect_uris", json!(["https://elsewhere.example/cb"])),
        ("grant_types", json!(["authorization_code", "client_credentials", "implicit"])),
        ("scope", json!("openid email profile phone")),
        ("jwks_uri", json!("https://elsewhere.example/jwks")),
    ] {
        let mut wanted = app("B");
        wanted["first_party"] = true.into();
        wanted["grant_types"] = more["grant_types"].take();
        more["grant_types"] = wanted["grant_types"].clone();
        if member == "grant_types" {
            wanted["response_types"] = json!(["code", "id_token"]);
        }
        wanted[member] = value;
        put(&server, CAROLS, &own, wanted).await.is(403);
    }

    // What an administrator has set stays as it is.
    let other = post(&server, CAROLS, "/clients", app("Other")).await.is(201).text("client_id");
    let other = format!("/clients/{other}");
    let mut bounded = app("Other");
    bounded["owner"] = "sub-of-carol".into();
    bounded["claims"] = json!({ "deny": ["email"] });
    bounded["require_pkce"] = true.into();
    bounded["resources"] = json!([]);
    put(&server, ROOT, &other, bounded.clone()).await.is(200);
    put(&server, CAROLS, &other, bounded.clone()).await.is(200);
    for member in ["claims", "require_pkce", "resources"] {
        let mut wanted = bounded.clone();
        wanted[member] = Value::Null;
        put(&server, CAROLS, &other, wanted).await.names(403, "access_denied", member);
    }
    post(&server, ROOT, &format!("{other}/disable"), Value::Null).await.is(200);
    post(&server, CAROLS, &format!("{other}/enable"), Value::Null).await.is(403);
    let still = put(&server, CAROLS, &other, bounded).await.is(200);
    assert_eq!(still.json["enabled"], json!(false));
    post(&server, CAROLS, &format!("{other}/registration-token"), Value::Null).await.is(403);

    // Dave's clients may act for themselves, within what he may.
    let machine = json!({ "response_types": [], "grant_types": ["client_credentials"] });
    post(&server, CAROLS, "/clients", machine.clone()).await.names(403, "access_denied", "grant");
    let made = post(&server, DAVES, "/clients", machine).await.is(201);
    let (id, secret) = (made.text("client_id"), made.text("client_secret"));
    assert_eq!(super::acts(&server, &id, &secret).await, 200);
}

/// A client that somebody has made is no administrator, whatever it may ask for.
#[tokio::test]
async fn made_clients_do_not_manage() {
    let server = start("manage-escalation");
    let machine = json!({ "response_types": [], "grant_types": ["client_credentials"] });
    for admin in [DAVES, ROOT] {
        let made = post(&server, admin, "/clients", machine.clone()).await.is(201);
        let (id, secret): (&'static str, &'static str) =
            (made.text("client_id").leak(), made.text("client_secret").leak());
        get(&server, (id, secret), "/clients").await.is_error(403, "access_denied");
        let (status, issued) = super::token(&server, (id, secret), "clients:read").await;
        assert_eq!(status, 200, "{issued}");
        let bearer = issued["access_token"].as_str().unwrap();
        let sent = super::request(&server, reqwest::Method::GET, "/clients").bearer_auth(bearer);
        super::Said::of(sent).await.is_error(403, "access_denied");
    }
}

/// What concerns everybody is for those whom nobody owns.
#[tokio::test]
async fn owned_callers_do_not_speak_for_all() {
    let server = start("manage-all");
    let initial = json!({ "uses": 1 });
    post(&server, CAROLS, "/initial-access", initial).await.is_error(403, "access_denied");
    let person = json!({ "username": "erin" });
    post(&server, CAROLS, "/users", person).await.is_error(403, "access_denied");
    let rotation = json!({ "alg": "RS256" });
    post(&server, CAROLS, "/keys/rotate", rotation).await.is_error(403, "access_denied");
    delete(&server, CAROLS, "/keys/x").await.is_error(403, "access_denied");
}
