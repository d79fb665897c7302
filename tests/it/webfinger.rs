//! Issuer discovery (OpenID Connect Discovery §2, RFC 7033).

use oidc_op::{Config, Issuer, Outcome, Provider, Request};
use serde_json::json;

use crate::support::{Answer, Op, Setup, form};

const PATH: &str = "/.well-known/webfinger";
const ISSUER: &str = "http://openid.net/specs/connect/1.0/issuer";
const HOSTS: [&str; 4] =
    ["example.com", "example.com:8080", "shopping.example.com", "xn--exmple-cua.com"];

fn op() -> Op {
    let mut setup = Setup::new();
    setup.config.webfinger = HOSTS.map(str::to_owned).into();
    setup.build()
}

async fn ask(op: &Op, query: &[(&str, &str)]) -> Answer {
    op.send("GET", PATH, &form(query), &[], "").await
}

/// OIDC Discovery §2.2.1 to §2.2.4, request and answer as they stand there but for the issuer, and the
/// same of what a person types (§2.1.2).
#[tokio::test]
async fn the_examples_of_the_specification() {
    let op = op();
    for (query, subject) in [
        ("resource=acct%3Ajoe%40example.com", "acct:joe@example.com"),
        ("resource=https%3A%2F%2Fexample.com%2Fjoe", "https://example.com/joe"),
        ("resource=https%3A%2F%2Fexample.com%3A8080%2F", "https://example.com:8080/"),
        (
            "resource=acct%3Ajuliet%2540capulet.example%40shopping.example.com",
            "acct:juliet%40capulet.example@shopping.example.com",
        ),
        ("resource=joe%40example.com", "acct:joe@example.com"),
        ("resource=example.com%3A8080", "https://example.com:8080"),
        ("resource=https://Example.com:443/joe%23me", "https://Example.com:443/joe"),
    ] {
        let rel = "&rel=http%3A%2F%2Fopenid.net%2Fspecs%2Fconnect%2F1.0%2Fissuer";
        let answer = op.send("GET", PATH, &format!("{query}{rel}"), &[], "").await;
        assert_eq!(answer.status(), 200, "{query}");
        assert_eq!(answer.header("content-type"), Some("application/jrd+json"));
        let links = json!([{"rel": ISSUER, "href": "https://id.example"}]);
        assert_eq!(answer.json(), json!({"subject": subject, "links": links}), "{query}");
    }
}

/// RFC 7033 §4.2: absent or malformed is 400; what nothing is known about is 404. Both may be read by
/// scripts (§5).
#[tokio::test]
async fn other_resources() {
    let op = op();
    for (query, status) in [
        (vec![], 400),
        (vec![("rel", ISSUER)], 400),
        (vec![("resource", "")], 400),
        (vec![("resource", "acct:joe")], 400),
        (vec![("resource", "acct:joe@")], 400),
        (vec![("resource", "https://exa mple.com")], 400),
        (vec![("resource", "acct:joe@example.com"), ("resource", "acct:joe@example.com")], 400),
        (vec![("resource", "acct:joe@example.com"), ("resource", "")], 400),
        (vec![("resource", "acct:joe@id.example")], 404),
        (vec![("resource", "acct:joe@sub.example.com")], 404),
        (vec![("resource", "acct:joe@notexample.com")], 404),
        (vec![("resource", "acct:example.com@other.example")], 404),
        (vec![("resource", "https://other.example/example.com")], 404),
        (vec![("resource", "https://example.com@other.example/")], 404),
        (vec![("resource", "https://example.com:8443/")], 404),
        (vec![("resource", "https://shopping.example.com:8080/")], 404),
        (vec![("resource", "http://example.com/joe")], 404),
        (vec![("resource", "mailto:joe@example.com")], 404),
    ] {
        let answer = ask(&op, &query).await;
        assert_eq!(answer.status(), status, "{query:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{query:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{query:?}");
        if status == 400 {
            assert_eq!(answer.error(), "invalid_request", "{query:?}");
        }
    }
    let many = "rel=x&".repeat(101) + "resource=acct:joe@example.com";
    assert_eq!(op.send("GET", PATH, &many, &[], "").await.status(), 400);
}

/// RFC 7033 §4.3: only the relations that are asked for, all if none is.
#[tokio::test]
async fn relations() {
    let op = op();
    let avatar = "http://webfinger.net/rel/avatar";
    for (rels, links) in [
        (vec![], 1),
        (vec![ISSUER], 1),
        (vec![avatar, ISSUER], 1),
        (vec![ISSUER, avatar, ISSUER], 1),
        (vec![""], 1),
        (vec![avatar], 0),
        (vec![avatar, "http://openid.net/specs/connect/1.0/Issuer"], 0),
    ] {
        let mut query = vec![("resource", "acct:joe@example.com")];
        query.extend(rels.iter().map(|rel| ("rel", *rel)));
        let answer = ask(&op, &query).await;
        assert_eq!(answer.status(), 200, "{rels:?}");
        assert_eq!(answer.json()["links"].as_array().unwrap().len(), links, "{rels:?}");
        assert_eq!(answer.json()["subject"], "acct:joe@example.com", "{rels:?}");
    }
}

/// Nobody learns who has an account: whoever is asked about, the answer is the same but for the name.
#[tokio::test]
async fn nobody_is_enumerated() {
    let op = op();
    let answers = async |name: &str| {
        let subject = format!("acct:{name}@example.com");
        let answer = ask(&op, &[("resource", &subject)]).await;
        let mut json = answer.json();
        assert_eq!(json["subject"], *subject);
        json["subject"] = "".into();
        (answer.status(), json)
    };
    let known = answers("alice").await;
    for name in ["bob", "nobody-at-all", "a", "%61lice", "-"] {
        assert_eq!(answers(name).await, known, "{name}");
    }
}

/// As every public document: HEAD, OPTIONS, 405, caches, scripts of any origin (RFC 7033 §5).
#[tokio::test]
async fn it_is_a_public_document() {
    let op = op();
    let query = "resource=acct:joe@example.com";
    let get = op.send("GET", PATH, query, &[], "").await;
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("cache-control", "public, max-age=3600"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(get.header(name), Some(value));
    }
    let etag = get.header("etag").unwrap();
    let again = op.send("GET", PATH, query, &[("if-none-match", etag)], "").await;
    assert_eq!((again.status(), again.header("etag")), (304, Some(etag)));
    let other = op.send("GET", PATH, "resource=acct:al@example.com", &[], "").await;
    assert_ne!(other.header("etag"), Some(etag));

    let head = op.send("HEAD", PATH, query, &[], "").await;
    assert_eq!((head.status(), head.header("etag")), (200, Some(etag)));
    let preflight = op.send("OPTIONS", PATH, "", &[], "").await;
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, HEAD, OPTIONS"));
    for method in ["POST", "PUT", "DELETE"] {
        let refused = op.send(method, PATH, query, &[], "").await;
        assert_eq!((refused.status(), refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    }
}

/// It is at the root of the origin, wherever the issuer is; and only where it is configured.
#[tokio::test]
async fn it_is_at_the_root_or_not_at_all() {
    let mut setup = Setup::new();
    setup.config = Config::new(Issuer::new("https://id.example/realms/a").unwrap());
    setup.clients.clear();
    setup.config.webfinger = vec!["example.com".into()];
    let op = setup.build();
    assert!(op.provider.paths().contains(&PATH));
    let answer = ask(&op, &[("resource", "acct:joe@example.com")]).await;
    assert_eq!(answer.json()["links"][0]["href"], "https://id.example/realms/a");

    let op = Op::new();
    assert!(!op.provider.paths().contains(&PATH));
    let request = Request::new("GET", PATH).query("resource=acct:joe@id.example");
    assert!(matches!(op.provider.dispatch(request).await, Outcome::Elsewhere));
    assert_eq!(op.provider.webfinger(request).status, 404);
}

/// A host that no resource could match is found when the provider is built.
#[test]
fn hosts_are_checked() {
    for host in ["Example.com", "https://example.com", "example.com/", "example.com:443", "", "*"] {
        let mut config = Config::new(Issuer::new("https://id.example").unwrap());
        config.webfinger = vec!["example.com".into(), host.into()];
        let error = Provider::builder(config).build().unwrap_err();
        let found = error.findings().iter().filter(|f| f.starts_with("webfinger: "));
        assert_eq!(found.count(), 1, "{host:?}: {error}");
    }
}
