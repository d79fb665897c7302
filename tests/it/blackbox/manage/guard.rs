//! Who may use the API.

use reqwest::Method;
use serde_json::Value;

use super::{
    DAVES, OFF, OUTSIDER, POSTER, READER, RESOURCE, ROOT, Said, app, get, post, request, start,
    token,
};
use crate::blackbox::{
    fixture::{ALICE, Registered, TRUSTED, WEB},
    party,
    server::{Server, Setup, refuse},
    visitor::Visitor,
};

/// Every route, with the scope that it needs.
const ROUTES: [(&str, &str, &str); 25] = [
    ("GET", "/clients", "clients:read"),
    ("POST", "/clients", "clients:write"),
    ("GET", "/clients/x", "clients:read"),
    ("PUT", "/clients/x", "clients:write"),
    ("DELETE", "/clients/x", "clients:write"),
    ("POST", "/clients/x/enable", "clients:write"),
    ("POST", "/clients/x/disable", "clients:write"),
    ("POST", "/clients/x/revoke", "clients:write"),
    ("POST", "/clients/x/secret", "clients:write"),
    ("POST", "/clients/x/registration-token", "clients:write"),
    ("POST", "/initial-access", "clients:write"),
    ("DELETE", "/initial-access", "clients:write"),
    ("GET", "/clients?limit=1", "clients:read"),
    ("POST", "/users", "users:write"),
    ("GET", "/users/x", "users:read"),
    ("PATCH", "/users/x", "users:write"),
    ("DELETE", "/users/x", "users:write"),
    ("POST", "/keys/rotate", "keys:write"),
    ("DELETE", "/keys/x", "keys:write"),
    // No UTF-8: whoever may not ask is told so first.
    ("GET", "/clients/%FF", "clients:read"),
    ("PUT", "/clients/%FF", "clients:write"),
    ("POST", "/clients/%FF/secret", "clients:write"),
    ("DELETE", "/keys/%FF", "keys:write"),
    ("GET", "/users/%FF", "users:read"),
    ("DELETE", "/users/%FF", "users:write"),
];

fn route(server: &Server, (method, path): (&str, &str)) -> reqwest::RequestBuilder {
    request(server, Method::from_bytes(method.as_bytes()).unwrap(), path)
}

/// Without credentials, with wrong ones, and with those of a scope that does not suffice: on every route.
#[tokio::test]
async fn every_route_is_guarded() {
    let server = start("manage-guard");
    let (status, issued) = token(&server, ROOT, "users:write").await;
    assert_eq!(status, 200, "{issued}");
    let users = issued["access_token"].as_str().unwrap().to_owned();
    let (_, issued) = token(&server, ROOT, "clients:read clients:write keys:write").await;
    let others = issued["access_token"].as_str().unwrap().to_owned();
    for (method, path, scope) in ROUTES {
        let narrow = if scope == "users:write" { &others } else { &users };
        let sent = || route(&server, (method, path));
        let nobody = Said::of(sent()).await.is(401);
        let challenges = nobody.challenges();
        let [bearer, basic] = &challenges[..] else { panic!("{nobody:?}") };
        assert_eq!(bearer, &format!("Bearer realm=\"{RESOURCE}\""), "{method} {path}");
        assert_eq!(basic, &format!("Basic realm=\"{RESOURCE}\", charset=\"UTF-8\""));

        let wrong = Said::of(sent().bearer_auth("wrong")).await;
        wrong.is_error(401, "invalid_token");
        assert!(wrong.challenges()[0].contains("error=\"invalid_token\""), "{wrong:?}");
        assert_eq!(wrong.challenges().len(), 2, "{wrong:?}");
        let wrong = Said::of(sent().basic_auth(ROOT.0, Some("wrong"))).await;
        wrong.is_error(401, "invalid_client");
        assert_eq!(wrong.challenges().len(), 2, "{wrong:?}");

        let lacking = Said::of(sent().bearer_auth(narrow)).await;
        lacking.is_error(403, "insufficient_scope");
        assert!(lacking.challenges()[0].contains(&format!("scope=\"{scope}\"")), "{lacking:?}");
        if scope != "clients:read" {
            let lacking = Said::of(sent().basic_auth(READER.0, Some(READER.1))).await;
            lacking.is_error(403, "insufficient_scope");
            assert!(lacking.challenges()[0].contains(&format!("scope=\"{scope}\"")), "{lacking:?}");
        }
        let foreign = Said::of(sent().basic_auth(OUTSIDER.0, Some(OUTSIDER.1))).await;
        foreign.is_error(403, "access_denied");
    }
}

/// A token will do as well as the secret; one for somebody else, or of somebody else, will not.
#[tokio::test]
async fn tokens_are_for_the_api() {
    let server = start("manage-tokens");
    let list = || request(&server, Method::GET, "/clients");
    let (_, good) = token(&server, ROOT, "clients:read").await;
    let good = good["access_token"].as_str().unwrap();
    Said::of(list().bearer_auth(good)).await.is(200);
    let twice = list().bearer_auth(good).basic_auth(ROOT.0, Some(ROOT.1));
    assert!(Said::of(twice).await.status >= 400);
    let in_query = request(&server, Method::GET, &format!("/clients?access_token={good}"));
    assert_eq!(Said::of(in_query).await.status, 400);

    // For the provider itself.
    let form = [("grant_type", "client_credentials")];
    let asked = party::http().post(server.url("/token")).basic_auth(ROOT.0, Some(ROOT.1));
    let other: Value = asked.form(&form).send().await.unwrap().json().await.unwrap();
    let other = other["access_token"].as_str().unwrap();
    Said::of(list().bearer_auth(other)).await.is_error(401, "invalid_token");
    // Of a client that is none of the API's.
    let (status, outside) = token(&server, OUTSIDER, "clients:read").await;
    assert_eq!(status, 200, "{outside}");
    let outside = outside["access_token"].as_str().unwrap();
    Said::of(list().bearer_auth(outside)).await.is_error(403, "access_denied");
    // Of a person, who has let a client do it.
    let visitor = Visitor::new(&server);
    let wanted = [("scope", "openid clients:read"), ("resource", RESOURCE)];
    let page = visitor.open(party::authorize(TRUSTED, &wanted)).await;
    let code = visitor.consent(page, ALICE).await.code();
    let tokens = party::tokens(&server, TRUSTED, &code).await;
    assert!(tokens["scope"].as_str().unwrap().contains("clients:read"), "{tokens}");
    let persons = tokens["access_token"].as_str().unwrap();
    Said::of(list().bearer_auth(persons)).await.is_error(403, "access_denied");
}

/// Not even of a person who is called like a client that may use the API, with a token of that client
/// (RFC 9068 §5).
#[tokio::test]
async fn a_person_is_no_client() {
    const DOUBLE: Registered = Registered {
        id: "double",
        secret: Some("double-secret-Kq7v2Zb9Ws4n"),
        more: "grant_types = [\"authorization_code\", \"client_credentials\"]\n",
        ..TRUSTED
    };
    let more = format!(
        "[[clients]]\nclient_id = \"double\"\nclient_secret = {:?}\nredirect_uris = [{WEB:?}]\n\
         grant_types = [\"authorization_code\", \"client_credentials\"]\nfirst_party = true\n\
         [[users]]\nusername = \"dolly\"\npassword = \"dolly-password\"\nsub = \"double\"\n",
        DOUBLE.secret.unwrap()
    );
    let tables = super::tables(&more).replace("\"poster\"]", "\"poster\", \"double\"]");
    let server =
        Server::start(Setup { name: "manage-double", tables: &tables, ..Default::default() });
    get(&server, (DOUBLE.id, DOUBLE.secret.unwrap()), "/clients").await.is(200);
    let visitor = Visitor::new(&server);
    let wanted = [("scope", "openid clients:read"), ("resource", RESOURCE)];
    let page = visitor.open(party::authorize(DOUBLE, &wanted)).await;
    let code = visitor.consent(page, ("dolly", "dolly-password")).await.code();
    let tokens = party::tokens(&server, DOUBLE, &code).await;
    let token = tokens["access_token"].as_str().unwrap();
    let sent = request(&server, Method::GET, "/clients").bearer_auth(token);
    Said::of(sent).await.is_error(403, "access_denied");
}

/// All that holds of clients at the token endpoint holds of the secret here.
#[tokio::test]
async fn secrets_are_taken_to_the_token_endpoint() {
    let server = start("manage-basic");
    get(&server, READER, "/clients").await.is(200);
    get(&server, OFF, "/clients").await.is_error(401, "invalid_client");
    get(&server, POSTER, "/clients").await.is_error(401, "invalid_client");
    get(&server, ("nobody", "secret"), "/clients").await.is_error(401, "invalid_client");
    // Dave may not do it, so his client may not.
    let listed = token(&server, DAVES, "keys:write").await;
    assert_eq!((listed.0, &listed.1["error"]), (400, &"invalid_scope".into()), "{listed:?}");
    // Guessing ends.
    for _ in 0..30 {
        let answer = get(&server, (ROOT.0, "a-guess"), "/clients").await;
        if answer.status == 429 {
            break;
        }
        answer.is_error(401, "invalid_client");
    }
    let shut = get(&server, ROOT, "/clients").await;
    shut.is_error(429, "temporarily_unavailable");
    assert!(shut.headers.contains_key("retry-after"), "{shut:?}");
    get(&server, READER, "/clients").await.is(200);
}

/// A browser that has kept the secret does not send it for pages of others (threat UI-02).
#[tokio::test]
async fn pages_of_others_get_nothing() {
    let server = start("manage-cross");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for (method, path) in [("POST", "/clients"), ("GET", "/clients"), ("DELETE", "/clients/x")]
        {
            let sent = route(&server, (method, path)).basic_auth(ROOT.0, Some(ROOT.1));
            Said::of(sent.header(name, value)).await.is_error(403, "access_denied");
        }
    }
    let preflight = request(&server, Method::OPTIONS, "/clients")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST");
    Said::of(preflight).await.is(405);
}

/// Without the table there is nothing there.
#[tokio::test]
async fn it_is_off_unless_configured() {
    let server = Server::shared();
    let answer = party::get(server.url("/manage/clients")).await;
    assert_eq!(answer.status(), 404);
}

/// Elsewhere, if that is wanted; its tokens are for its address then.
#[tokio::test]
async fn the_path_may_be_another() {
    let tables = super::tables("")
        .replace("[manage]\n", "[manage]\npath = \"/back/office\"\nlifetime = 60\n")
        .replace(&format!("resource = {RESOURCE:?}\n"), "");
    let setup = Setup { name: "manage-path", tables: &tables, ..Default::default() };
    let server = Server::start(setup);
    let at = |path: &str| party::http().get(server.url(path)).basic_auth(ROOT.0, Some(ROOT.1));
    Said::of(at("/back/office/clients")).await.is(200);
    assert_eq!(at("/manage/clients").send().await.unwrap().status(), 404);
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", "clients:read"),
        ("resource", &server.url("/back/office")),
    ];
    let asked = party::http().post(server.url("/token")).basic_auth(ROOT.0, Some(ROOT.1));
    let issued: Value = asked.form(&form).send().await.unwrap().json().await.unwrap();
    assert_eq!(issued["expires_in"], 60, "{issued}");
    let bearer = issued["access_token"].as_str().unwrap();
    let sent = party::http().get(server.url("/back/office/clients")).bearer_auth(bearer);
    Said::of(sent).await.is(200);
}

/// What the table says must be possible.
#[test]
fn refused_configurations() {
    let head = "issuer = \"http://localhost:1\"\nlisten = \"127.0.0.1:0\"\ndata = \"{data}\"\n";
    let client = "[[clients]]\nclient_id = \"a\"\nclient_secret = \"s\"\nresponse_types = []\n";
    let acts = "grant_types = [\"client_credentials\"]\n";
    for (text, names) in [
        ("[manage]\n".to_owned(), "missing field `clients`"),
        ("[manage]\nclients = []\n".to_owned(), "manage.clients: the list is empty"),
        ("[manage]\nclients = [\"a\"]\n".to_owned(), "manage.clients: \"a\" is no client"),
        (
            format!("[manage]\nclients = [\"a\"]\n{client}grant_types = []\n"),
            "needs the grant type client_credentials",
        ),
        (format!("[manage]\nclients = [\"a\"]\npath = \"x\"\n{client}{acts}"), "manage.path must"),
        (
            format!("[manage]\nclients = [\"a\"]\npath = \"/apps/x\"\n{client}{acts}"),
            "manage.path: /apps/x is taken",
        ),
        (
            format!("[manage]\nclients = [\"a\"]\npath = \"/token\"\n{client}{acts}"),
            "manage.path: /token is taken",
        ),
        ("[registration]\naccess = \"anybody\"\n".to_owned(), "registration.access"),
        (
            "[registration]\nrequire_statement = true\n".to_owned(),
            "registration.require_statement: needs",
        ),
        (
            "[[registration.publishers]]\nissuer = \"https://p.example\"\n".to_owned(),
            "give either jwks or jwks_file",
        ),
        (
            "[[registration.publishers]]\nissuer = \"https://p.example\"\njwks_file = \"none\"\n"
                .to_owned(),
            "registration.publishers: jwks_file",
        ),
        ("[registration]\nunused_lifetime = 1\n".to_owned(), "registration.unused_lifetime"),
    ] {
        let (code, said) = refuse(&format!("{head}{text}"));
        assert_eq!(code, Some(2), "{text}: {said}");
        assert!(said.contains(names), "{text}: {said}");
        assert_eq!(said.trim().lines().count(), 1, "{said}");
    }
}

/// What is not there, or not with this method, is said in JSON.
#[tokio::test]
async fn strange_addresses() {
    let server = start("manage-strange");
    for (method, path, status) in
        [("PATCH", "/clients", 405), ("GET", "/nowhere", 404), ("PUT", "/initial-access", 405)]
    {
        let sent = route(&server, (method, path)).basic_auth(ROOT.0, Some(ROOT.1));
        let said = Said::of(sent).await.is(status);
        assert!(said.json["error"].is_string(), "{said:?}");
    }
    for (method, path) in [
        ("GET", "/clients/%FF"),
        ("PUT", "/clients/%C3%28"),
        ("DELETE", "/clients/%FF"),
        ("POST", "/clients/%FF/enable"),
        ("POST", "/clients/%FF/secret"),
    ] {
        let sent = route(&server, (method, path)).basic_auth(ROOT.0, Some(ROOT.1));
        Said::of(sent).await.is_error(404, "not_found");
    }
    post(&server, ROOT, "/clients", app("A")).await.is(201);
}
