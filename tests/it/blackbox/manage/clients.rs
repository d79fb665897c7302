//! Clients, from the first day to the last.

use reqwest::Method;
use serde_json::{Value, json};

use super::{READER, ROOT, Said, acts, app, at_once, call, delete, get, post, put, request, start};
use crate::blackbox::{
    fixture::{ALICE, CLIENTS, THIRD_PARTY, WEB},
    party::{self, VERIFIER},
    server::Server,
    visitor::Visitor,
};

/// What acts for itself.
fn machine() -> Value {
    json!({ "client_name": "M", "response_types": [], "grant_types": ["client_credentials"] })
}

/// Makes one, and answers its name and its secret.
async fn made(server: &Server, members: Value) -> (String, String) {
    let made = post(server, ROOT, "/clients", members).await.is(201);
    (made.text("client_id"), made.json["client_secret"].as_str().unwrap_or_default().to_owned())
}

fn at(id: &str) -> String {
    format!("/clients/{id}")
}

/// Signs alice in at a client that a test has made, and redeems the code; answers the access token.
async fn sign_in(server: &Server, id: &str, secret: &str) -> Result<String, Value> {
    let visitor = Visitor::new(server);
    let mut url = reqwest::Url::parse(&server.url("/authorize")).unwrap();
    url.set_query(Some(&party::request(THIRD_PARTY, &[("client_id", id)])));
    let page = visitor.open(url).await;
    if !page.asks_password() {
        return Err(json!({ "page": page.body }));
    }
    // Threat RG-10: a name is not enough to know somebody by.
    assert!(page.body.contains("rp.example"), "{}", page.body);
    let page = visitor.submit(&page, "submit", &[("login", ALICE.0), ("password", ALICE.1)]).await;
    // What was agreed before may be remembered.
    let code = visitor.consent(page, ALICE).await.code();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", WEB),
        ("code_verifier", VERIFIER),
    ];
    let request = party::http().post(server.url("/token")).basic_auth(id, Some(secret));
    let response = request.form(&form).send().await.unwrap();
    let (status, json): (_, Value) = (response.status(), response.json().await.unwrap());
    if status == 200 { Ok(json["access_token"].as_str().unwrap().to_owned()) } else { Err(json) }
}

async fn userinfo(server: &Server, token: &str) -> u16 {
    let request = party::http().get(server.url("/userinfo")).bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

/// A client is made, signs somebody in, is disabled and enabled, loses its grants, and is deleted.
#[tokio::test]
async fn the_life_of_a_client() {
    let server = start("manage-life");
    let wanted =
        json!({ "client_name": "Made", "redirect_uris": [WEB], "contacts": ["a@b.example"] });
    let created = post(&server, ROOT, "/clients", wanted).await.is(201);
    let (id, secret) = (created.text("client_id"), created.text("client_secret"));
    assert!(id.starts_with("client_") && secret.len() == 64, "{created:?}");
    assert_eq!(created.headers["location"], format!("/manage/clients/{id}"));
    assert_eq!(created.json["client_secret_expires_at"], 0);
    let shown = get(&server, READER, &at(&id)).await.is(200);
    assert_eq!(shown.json.get("client_secret"), None, "{shown:?}");
    for (member, value) in [
        ("client_name", json!("Made")),
        ("redirect_uris", json!([WEB])),
        ("contacts", json!(["a@b.example"])),
        ("grant_types", json!(["authorization_code"])),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("enabled", json!(true)),
        ("static", json!(false)),
        ("first_party", json!(false)),
        ("manages_itself", json!(false)),
    ] {
        assert_eq!(shown.json[member], value, "{member}: {shown:?}");
    }
    assert!(shown.json["client_id_issued_at"].as_i64().unwrap() > 1_700_000_000);

    let token = sign_in(&server, &id, &secret).await.unwrap();
    assert_eq!(userinfo(&server, &token).await, 200);
    post(&server, ROOT, &format!("{}/disable", at(&id)), Value::Null).await.is(200);
    assert_eq!(userinfo(&server, &token).await, 401);
    assert!(sign_in(&server, &id, &secret).await.is_err());
    let enabled = post(&server, ROOT, &format!("{}/enable", at(&id)), Value::Null).await.is(200);
    assert_eq!(enabled.json["enabled"], true);
    assert_eq!(userinfo(&server, &token).await, 200);
    post(&server, ROOT, &format!("{}/revoke", at(&id)), Value::Null).await.is(204);
    assert_eq!(userinfo(&server, &token).await, 401);
    let token = sign_in(&server, &id, &secret).await.unwrap();
    assert_eq!(userinfo(&server, &token).await, 200);

    delete(&server, ROOT, &at(&id)).await.is(204);
    assert_eq!(userinfo(&server, &token).await, 401);
    get(&server, ROOT, &at(&id)).await.is_error(404, "not_found");
    delete(&server, ROOT, &at(&id)).await.is_error(404, "not_found");
    put(&server, ROOT, &at(&id), app("A")).await.is_error(404, "not_found");
}

/// What people have given to a client of the store is on their page, by its name.
#[tokio::test]
async fn people_see_the_app_by_its_name() {
    let server = start("manage-apps");
    let wanted = json!({ "client_name": "Made up", "redirect_uris": [WEB] });
    let (id, secret) = made(&server, wanted).await;
    sign_in(&server, &id, &secret).await.unwrap();
    let visitor = Visitor::new(&server);
    party::sign_in(&visitor, ALICE).await;
    let page = visitor.open("/apps").await;
    assert!(page.body.contains("Made up"), "{}", page.body);
}

/// PUT replaces all that is registered; settings that it does not name stay, and null puts them back.
#[tokio::test]
async fn metadata_are_replaced_whole() {
    let server = start("manage-put");
    let mut wanted = app("First");
    wanted["client_uri"] = "https://made.example/".into();
    wanted["require_pkce"] = false.into();
    wanted["owner"] = "sub-of-carol".into();
    wanted["claims"] = json!({ "deny": ["email"] });
    wanted["refresh"] = json!({ "rotation": "strict" });
    wanted["resources"] = json!(["https://orders.example/"]);
    let created = post(&server, ROOT, "/clients", wanted.clone()).await.is(201);
    let id = created.text("client_id");
    for (member, value) in wanted.as_object().unwrap() {
        let expected = if member == "refresh" { json!("strict") } else { value.clone() };
        let found = if member == "refresh" {
            &created.json["refresh"]["rotation"]
        } else {
            &created.json[member]
        };
        assert_eq!(*found, expected, "{member}: {created:?}");
    }
    let replaced = put(&server, ROOT, &at(&id), app("Second")).await.is(200);
    assert_eq!(replaced.json["client_name"], "Second");
    assert_eq!(replaced.json.get("client_uri"), None, "{replaced:?}");
    assert_eq!(replaced.json.get("client_secret"), None, "{replaced:?}");
    assert_eq!(replaced.json["owner"], "sub-of-carol");
    assert_eq!(replaced.json["require_pkce"], false);
    let mut cleared = app("Third");
    for setting in [
        "owner",
        "require_pkce",
        "claims",
        "refresh",
        "resources",
        "client_uri",
        "client_uri#de",
        "assertion_audience",
        "first_party",
        "password_grant",
        "enabled",
        "client_id",
    ] {
        cleared[setting] = Value::Null;
    }
    let replaced = put(&server, ROOT, &at(&id), cleared).await.is(200);
    for setting in ["owner", "require_pkce", "resources"] {
        assert_eq!(replaced.json.get(setting), None, "{replaced:?}");
    }
    assert_eq!(replaced.json["claims"], json!({}));
    // What was answered may be sent back.
    let again = put(&server, ROOT, &at(&id), replaced.json.clone()).await.is(200);
    assert_eq!(again.json, replaced.json);
    for (member, value) in [("enabled", json!(false)), ("client_id", json!("x"))] {
        let mut other = app("A");
        other[member] = value;
        put(&server, ROOT, &at(&id), other).await.names(400, "invalid_client_metadata", member);
    }
}

/// Nobody writes over what they have not seen, if they say what they have seen (RFC 9110 §13.1.1).
#[tokio::test]
async fn an_update_is_not_lost() {
    let server = start("manage-etag");
    let created = post(&server, ROOT, "/clients", app("A")).await.is(201);
    let (id, first) = (created.text("client_id"), created.headers["etag"].clone());
    let sent = |tag: &str, name: &str| {
        let sent = request(&server, Method::PUT, &at(&id)).basic_auth(ROOT.0, Some(ROOT.1));
        Said::of(sent.header("if-match", tag).json(&app(name)))
    };
    let first = first.to_str().unwrap();
    assert_eq!(get(&server, ROOT, &at(&id)).await.headers["etag"], first);
    let second = sent(first, "B").await.is(200).headers["etag"].to_str().unwrap().to_owned();
    assert_ne!(first, second);
    sent(first, "C").await.is_error(412, "precondition_failed");
    assert_eq!(get(&server, ROOT, &at(&id)).await.json["client_name"], "B");
    sent(&format!("{first}, {second}"), "D").await.is(200);
    sent("*", "E").await.is(200);
    let gone = request(&server, Method::DELETE, &at(&id)).basic_auth(ROOT.0, Some(ROOT.1));
    Said::of(gone.header("if-match", first)).await.is_error(412, "precondition_failed");

    // A state that differs by its secret only is another one, and whatever changes the client asks.
    let seen = get(&server, ROOT, &at(&id)).await.headers["etag"].to_str().unwrap().to_owned();
    let rotate = |tag: &str| {
        let path = format!("{}/secret", at(&id));
        let sent = request(&server, Method::POST, &path).basic_auth(ROOT.0, Some(ROOT.1));
        Said::of(sent.header("if-match", tag))
    };
    let rotated = rotate(&seen).await.is(200).headers["etag"].to_str().unwrap().to_owned();
    assert_ne!(rotated, seen);
    assert_eq!(get(&server, ROOT, &at(&id)).await.headers["etag"], *rotated);
    rotate(&seen).await.is_error(412, "precondition_failed");
    sent(&seen, "F").await.is_error(412, "precondition_failed");
    for (method, path) in
        [(Method::DELETE, ""), (Method::POST, "/disable"), (Method::POST, "/revoke")]
    {
        let path = format!("{}{path}", at(&id));
        let late = request(&server, method, &path).basic_auth(ROOT.0, Some(ROOT.1));
        Said::of(late.header("if-match", &seen)).await.is_error(412, "precondition_failed");
    }
    assert_eq!(get(&server, ROOT, &at(&id)).await.headers["etag"], *rotated);

    // Many at once, each on the same state: one of them is it.
    let tag = get(&server, ROOT, &at(&id)).await.headers["etag"].to_str().unwrap().to_owned();
    let names: Vec<_> = (0..8).map(|n| format!("racer {n}")).collect();
    let answers = at_once(names.iter().map(|name| sent(&tag, name))).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    let left = get(&server, ROOT, &at(&id)).await;
    assert_eq!(left.json["client_name"], won[0].json["client_name"]);
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 412)), "{answers:?}");
}

/// A secret is rotated: the one before is good for a while, or not at all.
#[tokio::test]
async fn secrets_rotate() {
    let server = start("manage-rotate");
    let (id, first) = made(&server, machine()).await;
    let rotate = |body: Value| {
        let path = format!("{}/secret", at(&id));
        let server = &server;
        async move { post(server, ROOT, &path, body).await }
    };
    assert_eq!(acts(&server, &id, &first).await, 200);
    let second = rotate(json!({ "overlap": 300 })).await.is(200).text("client_secret");
    assert_ne!(first, second);
    assert_eq!((acts(&server, &id, &first).await, acts(&server, &id, &second).await), (200, 200));
    let third = rotate(Value::Null).await.is(200);
    assert_eq!(third.json["client_secret_expires_at"], 0);
    let third = third.text("client_secret");
    assert_eq!((acts(&server, &id, &first).await, acts(&server, &id, &second).await), (401, 401));
    assert_eq!(acts(&server, &id, &third).await, 200);
    rotate(json!({ "overlap": -1 })).await.is_error(400, "invalid_request");
    rotate(json!({ "overlap": 99_999_999 })).await.names(400, "invalid_request", "overlap");
    rotate(json!({ "overlaps": 1 })).await.is_error(400, "invalid_request");
    rotate(json!({ "overlaps": null })).await.names(400, "invalid_request", "overlaps");
    let third = rotate(json!({ "overlap": null })).await.is(200).text("client_secret");

    // Two at once: each is told a secret, and the last one written is good.
    let [one, other] = &at_once([rotate(Value::Null), rotate(Value::Null)]).await[..] else {
        unreachable!()
    };
    let (one, other) = (one.text("client_secret"), other.text("client_secret"));
    assert_ne!(one, other);
    let good = [acts(&server, &id, &one).await, acts(&server, &id, &other).await];
    assert!(good == [200, 401] || good == [401, 200], "{good:?}");
    let racers = at_once((0..4).map(|_| rotate(json!({ "overlap": 60 })))).await;
    let mut good = 0;
    for racer in &racers {
        good += usize::from(acts(&server, &id, &racer.text("client_secret")).await == 200);
    }
    assert!((2..=4).contains(&good), "{good}");
    assert_eq!(acts(&server, &id, &third).await, 401);

    // Whoever has none gets none.
    let mut public = app("P");
    public["token_endpoint_auth_method"] = "none".into();
    let (id, secret) = made(&server, public).await;
    assert_eq!(secret, "");
    post(&server, ROOT, &format!("{}/secret", at(&id)), Value::Null)
        .await
        .is_error(409, "conflict");
}

/// A secret is made where one is needed: for a method, or as a key.
#[tokio::test]
async fn secrets_are_made_where_they_are_needed() {
    let server = start("manage-secrets");
    let mut members = app("A");
    members["token_endpoint_auth_method"] = "none".into();
    let (id, secret) = made(&server, members.clone()).await;
    assert_eq!(secret, "");
    members["token_endpoint_auth_method"] = "client_secret_basic".into();
    let confidential = put(&server, ROOT, &at(&id), members.clone()).await.is(200);
    assert_eq!(confidential.text("client_secret").len(), 64);
    // One that is only a digest is no key: there is a new one.
    members["id_token_signed_response_alg"] = "HS256".into();
    let keyed = put(&server, ROOT, &at(&id), members.clone()).await.is(200);
    assert_ne!(keyed.text("client_secret"), confidential.text("client_secret"));
    let again = put(&server, ROOT, &at(&id), members.clone()).await.is(200);
    assert_eq!(again.json.get("client_secret"), None, "{again:?}");
    members["id_token_signed_response_alg"] = Value::Null;
    members["token_endpoint_auth_method"] = "none".into();
    let public = put(&server, ROOT, &at(&id), members).await.is(200);
    assert_eq!(public.json.get("client_secret_expires_at"), None, "{public:?}");
    // The key is that of RFC 7517, appendix A.1.
    let hs = json!({
        "redirect_uris": ["https://made.example/cb"], "id_token_signed_response_alg": "HS512",
        "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [{
            "kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        }] },
    });
    assert_eq!(made(&server, hs).await.1.len(), 64);
}

/// Clients of the configuration are there to be seen.
#[tokio::test]
async fn static_clients_are_read_only() {
    let server = start("manage-static");
    let shown = get(&server, ROOT, "/clients/third-party").await.is(200);
    assert_eq!(
        (&shown.json["static"], &shown.json["client_name"]),
        (&json!(true), &json!("Third Party"))
    );
    let text = shown.json.to_string();
    assert!(!text.contains(THIRD_PARTY.secret.unwrap()), "{text}");
    for (method, path, body) in [
        (Method::PUT, "/clients/third-party", app("A")),
        (Method::DELETE, "/clients/third-party", Value::Null),
        (Method::POST, "/clients/third-party/secret", Value::Null),
        (Method::POST, "/clients/third-party/disable", Value::Null),
        (Method::POST, "/clients/third-party/enable", Value::Null),
        (Method::POST, "/clients/third-party/revoke", Value::Null),
        (Method::POST, "/clients/third-party/registration-token", Value::Null),
    ] {
        call(&server, ROOT, method, path, body).await.is_error(409, "conflict");
    }
    let mut squatter = app("A");
    squatter["client_id"] = "third-party".into();
    post(&server, ROOT, "/clients", squatter).await.is_error(409, "conflict");
}

/// Names that an administrator chooses: free ones, and none of a person (threat RG-10).
#[tokio::test]
async fn chosen_names() {
    let server = start("manage-names");
    for (name, status) in [
        ("my-app", 201),
        ("my-app", 409),
        ("sub-of-alice", 409),
        ("https://app.example/client.json", 400),
        ("a b", 400),
        ("", 400),
    ] {
        let mut wanted = app("A");
        wanted["client_id"] = name.into();
        let said = post(&server, ROOT, "/clients", wanted).await;
        assert_eq!(said.status, status, "{name:?}: {said:?}");
    }
    // Who takes the name of one that is gone inherits nothing of it.
    delete(&server, ROOT, "/clients/my-app").await.is(204);
    let mut wanted = json!({ "client_id": "my-app", "redirect_uris": [WEB] });
    let first = post(&server, ROOT, "/clients", wanted.clone()).await.is(201);
    let token = sign_in(&server, "my-app", &first.text("client_secret")).await.unwrap();
    delete(&server, ROOT, "/clients/my-app").await.is(204);
    wanted["client_name"] = "Another".into();
    post(&server, ROOT, "/clients", wanted).await.is(201);
    assert_eq!(userinfo(&server, &token).await, 401);
}

/// What does not fit, or is not known, is refused, and the member is named.
#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let server = start("manage-unfit");
    let (id, _) = made(&server, app("A")).await;
    let before = get(&server, ROOT, &at(&id)).await;
    for (member, value) in [
        ("redirect_uris", json!(["http://made.example/cb"])),
        ("redirect_uris", json!("https://made.example/cb")),
        ("grant_types", json!(["urn:example:grant"])),
        ("response_types", json!(["code code"])),
        ("logo_uri", json!("javascript:x")),
        ("logo", json!("x")),
        ("client_secret", json!("a-secret-of-my-own-with-many-letters")),
        ("id_token_signed_response_alg", json!("none")),
        ("first_party", json!("yes")),
        ("password_grant", json!(true)),
        ("owner", json!("sub-of-nobody")),
        ("resources", json!(["https://unknown.example/"])),
        ("claims", json!({ "denied": [] })),
        ("refresh", json!({ "rotation": "never" })),
        ("jwks", json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] })),
        ("logo", Value::Null),
        // What could never work here.
        ("scope", json!("openid unknown")),
        ("id_token_signed_response_alg", json!("ES256K")),
        ("jwks_uri", json!("https://made.example/jwks")),
    ] {
        let mut wanted = app("A");
        wanted[member] = value.clone();
        for (method, path) in [(Method::POST, "/clients".to_owned()), (Method::PUT, at(&id))] {
            let said = call(&server, ROOT, method, &path, wanted.clone()).await;
            said.names(400, "invalid_client_metadata", member);
        }
    }
    // Nothing was written, not even the same once more.
    let after = get(&server, ROOT, &at(&id)).await;
    assert_eq!(after.json, before.json);
    assert_eq!(after.headers["etag"], before.headers["etag"]);
}

/// All clients, a page at a time, each of them once.
#[tokio::test]
async fn paging() {
    let server = start("manage-paging");
    let names: Vec<_> = (0..250).map(|n| format!("app {n}")).collect();
    for some in names.chunks(25) {
        let sent = some.iter().map(|name| post(&server, ROOT, "/clients", app(name)));
        assert!(at_once(sent).await.iter().all(|said| said.status == 201));
    }
    for limit in [7, 50, 200] {
        let (mut all, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("/clients?limit={limit}&cursor={cursor}");
            let page = get(&server, READER, &path).await.is(200);
            let clients = page.json["clients"].as_array().unwrap();
            assert!(clients.len() <= limit, "{}", clients.len());
            all.extend(clients.iter().map(|c| (c["client_id"].clone(), c["client_name"].clone())));
            pages += 1;
            let Some(next) = page.json["next"].as_str() else { break };
            next.clone_into(&mut cursor);
        }
        assert!(pages > 250 / limit, "{pages}");
        let mut ids: Vec<_> = all.iter().map(|(id, _)| id.as_str().unwrap()).collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count, "a client is there twice");
        let listed = |name: &String| all.iter().any(|(_, listed)| listed == name.as_str());
        assert!(names.iter().all(listed), "a client is missing");
        assert!(CLIENTS.iter().all(|client| ids.contains(&client.id)), "{ids:?}");
    }
    for query in ["limit=0", "limit=201", "limit=x"] {
        let said = get(&server, READER, &format!("/clients?{query}")).await;
        said.names(400, "invalid_request", "limit");
    }
    // Nonsense, and what another store may have said.
    for cursor in ["x", "eHg", "Y3g", "c2dhcmJhZ2U", "cw"] {
        let said = get(&server, READER, &format!("/clients?cursor={cursor}")).await;
        said.names(400, "invalid_request", "cursor");
    }
}
