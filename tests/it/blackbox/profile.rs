//! What a person's app reads and changes of them.

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

use super::{
    fixture::{ALICE, BOB, MACHINE, PAIRWISE, Registered, THIRD_PARTY, TRUSTED, User},
    party::{self, VERIFIER, authorize},
    server::{Server, Setup, refuse},
    visitor::Visitor,
};

const TABLE: &str = "[profile]\npath = \"/me\"\nwritable = [\"name\", \"nickname\", \"picture\"]\n";

fn start(name: &str) -> Server {
    Server::start(Setup { name, tables: TABLE, ..Setup::default() })
}

struct Said {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Said {
    #[track_caller]
    fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.json);
        self.json
    }

    #[track_caller]
    fn is_error(&self, status: u16, error: &str) {
        let found = (self.status, self.json["error"].as_str());
        assert_eq!(found, (status, Some(error)), "{}", self.json);
    }

    fn challenge(&self) -> &str {
        self.headers["www-authenticate"].to_str().unwrap()
    }
}

fn request(server: &Server, method: Method, token: &str) -> RequestBuilder {
    party::http().request(method, server.url("/me")).bearer_auth(token)
}

async fn said(request: RequestBuilder) -> Said {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    assert_eq!(headers["cache-control"], "no-store");
    let json = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
    Said { status, headers, json }
}

async fn get(server: &Server, token: &str) -> Said {
    said(request(server, Method::GET, token)).await
}

async fn patch(server: &Server, token: &str, body: Value) -> Said {
    said(request(server, Method::PATCH, token).json(&body)).await
}

/// An access token of the person's for the API, or for the provider itself.
async fn token(server: &Server, client: Registered, user: User, scope: &str, api: bool) -> String {
    let visitor = Visitor::new(server);
    let resource = server.url("/me");
    let mut wanted = vec![("scope", scope)];
    if api {
        wanted.push(("resource", &resource));
    }
    let redirect_uri = client.redirect_uris[0];
    wanted.push(("redirect_uri", redirect_uri));
    let page = visitor.open(authorize(client, &wanted)).await;
    let code = visitor.consent(page, user).await.code();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    let asked = party::http().post(server.url("/token")).basic_auth(client.id, client.secret);
    let tokens: Value = asked.form(&form).send().await.unwrap().json().await.unwrap();
    let token = tokens["access_token"].as_str();
    token.unwrap_or_else(|| panic!("{tokens}")).to_owned()
}

/// An app shows the profile of its user, who changes it; other clients hear of it at once, and other people
/// are as they were.
#[tokio::test]
async fn people_change_their_own_profile() {
    let server = start("profile");
    let both = "openid profile:read profile:write";
    let alice = token(&server, THIRD_PARTY, ALICE, both, true).await;
    let bob = token(&server, THIRD_PARTY, BOB, both, true).await;
    let before = get(&server, &alice).await.is(200);
    assert_eq!(before["sub"], "sub-of-alice");
    assert_eq!(
        (&before["name"], &before["email"]),
        (&json!("Alice Example"), &json!("alice@example.com"))
    );
    let bobs = get(&server, &bob).await.is(200);
    assert_eq!(bobs["sub"], "sub-of-bob");

    let change = json!({ "name": "Alice Liddell", "name#de": "Alice L.", "nickname": "Al" });
    let after = patch(&server, &alice, change).await.is(200);
    assert_eq!((&after["name"], &after["nickname"]), (&json!("Alice Liddell"), &json!("Al")));
    assert!(after["updated_at"].is_i64() && after["name#de"] == "Alice L.", "{after}");
    assert_eq!(after["email_verified"], true);
    let after = patch(&server, &alice, json!({ "nickname": null })).await.is(200);
    assert_eq!(after.get("nickname"), None);
    assert_eq!(get(&server, &alice).await.is(200), after);
    assert_eq!(get(&server, &bob).await.is(200), bobs);

    let other = token(&server, TRUSTED, ALICE, "openid profile", false).await;
    let claims = party::http().get(server.url("/userinfo")).bearer_auth(other).send().await;
    let claims: Value = claims.unwrap().json().await.unwrap();
    assert_eq!(claims["name"], "Alice Liddell");
}

/// What shows who somebody is stays what it is, and nobody else can be named; nothing is changed by halves.
#[tokio::test]
async fn what_is_not_theirs_stays() {
    let server = start("profile-bounds");
    let alice = token(&server, TRUSTED, ALICE, "openid profile:read profile:write", true).await;
    let before = get(&server, &alice).await.is(200);
    for member in [
        "email",
        "email#de",
        "email_verified",
        "phone_number",
        "phone_number_verified",
        "sub",
        "preferred_username",
        "updated_at",
        "permissions",
        "disabled",
        "claims",
        "website",
        "",
        "\u{1b}[31m",
    ] {
        for value in [json!("bob@example.com"), json!(true), Value::Null] {
            let change = json!({ "name": "Mallory", member: value });
            patch(&server, &alice, change).await.is_error(403, "access_denied");
        }
    }
    for (wrong, status) in [
        (json!({ "name": 1 }), 400),
        (json!({ "name": "Mallory", "picture": "javascript:alert(1)" }), 400),
        (json!({ "name": "x".repeat(17 * 1024) }), 400),
        (json!(["name"]), 400),
        (json!("name"), 400),
    ] {
        patch(&server, &alice, wrong).await.is_error(status, "invalid_request");
    }
    let text = request(&server, Method::PATCH, &alice).body("name=Mallory");
    said(text).await.is_error(415, "invalid_request");
    let named = party::http().patch(server.url("/me?sub=sub-of-bob")).bearer_auth(&alice);
    let named = named.json(&json!({ "nickname": "Al" }));
    assert_eq!(said(named).await.is(200)["sub"], "sub-of-alice");
    let mut after = patch(&server, &alice, json!({ "nickname": null })).await.is(200);
    after.as_object_mut().unwrap().remove("updated_at");
    assert_eq!(after, before);
}

/// Tokens for something else, of somebody else, or with less in them, will not do.
#[tokio::test]
async fn tokens_are_of_people_and_for_this() {
    let dolly =
        "[[users]]\nusername = \"dolly\"\npassword = \"dolly-password\"\nsub = \"machine\"\n";
    let tables = format!("{TABLE}{dolly}");
    let setup = Setup { name: "profile-tokens", tables: &tables, ..Setup::default() };
    let server = Server::start(setup);
    let name = || json!({ "name": "Al" });
    let reads = token(&server, TRUSTED, ALICE, "openid profile:read", true).await;
    get(&server, &reads).await.is(200);
    let lacking = patch(&server, &reads, name()).await;
    lacking.is_error(403, "insufficient_scope");
    assert!(lacking.challenge().contains("scope=\"profile:write\""), "{}", lacking.challenge());
    let writes = token(&server, TRUSTED, ALICE, "openid profile:write", true).await;
    get(&server, &writes).await.is_error(403, "insufficient_scope");
    let told = patch(&server, &writes, name()).await.is(204);
    assert_eq!(told, Value::Null, "who may not see is told nothing");
    assert_eq!(get(&server, &reads).await.is(200)["name"], "Al");

    let nobody = said(party::http().get(server.url("/me"))).await;
    assert_eq!(nobody.status, 401);
    assert!(nobody.challenge().starts_with("Bearer"), "{}", nobody.challenge());
    get(&server, "wrong").await.is_error(401, "invalid_token");
    let elsewhere = token(&server, TRUSTED, ALICE, "openid profile email", false).await;
    get(&server, &elsewhere).await.is_error(401, "invalid_token");
    // It knows her by another name.
    let pairwise = token(&server, PAIRWISE, ALICE, "openid profile:read", true).await;
    get(&server, &pairwise).await.is_error(403, "access_denied");
    // A client's own, even if a person is called like it.
    let resource = server.url("/me");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", MACHINE.id),
        ("client_secret", MACHINE.secret.unwrap()),
        ("scope", "profile:read profile:write"),
        ("resource", &resource),
    ];
    let issued = party::http().post(server.url("/token")).form(&form).send().await.unwrap();
    let issued: Value = issued.json().await.unwrap();
    let own = issued["access_token"].as_str().unwrap_or_else(|| panic!("{issued}"));
    get(&server, own).await.is_error(403, "access_denied");
    // One that has ended.
    let revoked = party::http().post(server.url("/revoke"));
    let revoked =
        revoked.basic_auth(TRUSTED.id, TRUSTED.secret).form(&[("token", &*reads)]).send().await;
    assert_eq!(revoked.unwrap().status(), 200);
    get(&server, &reads).await.is_error(401, "invalid_token");
}

/// What is not configured is not there; what cannot be is refused with its member.
#[tokio::test]
async fn as_it_is_configured() {
    let server = Server::shared();
    assert_eq!(party::get(server.url("/profile")).await.status(), 404);
    let metadata = party::get(server.url("/.well-known/openid-configuration")).await;
    assert!(!metadata.text().await.unwrap().contains("profile:read"));
    let rest = "issuer = \"http://localhost:1\"\nlisten = \"127.0.0.1:1\"\ndata = \"{data}\"\n";
    for (table, names) in [
        ("[profile]\nwritable = [\"email\"]\n", "line 5, column 13: profile.writable[0]: email"),
        ("[profile]\npath = \"/token\"\n", "line 5, column 1: profile.path: /token is taken"),
        ("[profile]\nread = true\n", "line 5"),
    ] {
        let (code, said) = refuse(&format!("{rest}{table}"));
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(names) && said.lines().count() == 1, "{said}");
    }
}
