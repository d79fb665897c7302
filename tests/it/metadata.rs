//! Discovery says what is, and nothing else (P-20; OIDC Discovery §3, RFC 8414).

use oidc_op::{Config, Issuer};
use serde_json::json;

use crate::support::{Browser, Op, Setup};

#[tokio::test]
async fn the_document_is_what_is_wired() {
    let op = Op::new();
    let answer = op.send("GET", "/.well-known/openid-configuration", "", &[], "").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
    let document = answer.json();
    for (member, value) in [
        ("issuer", json!("https://id.example")),
        ("authorization_endpoint", json!("https://id.example/authorize")),
        ("token_endpoint", json!("https://id.example/token")),
        ("userinfo_endpoint", json!("https://id.example/userinfo")),
        ("jwks_uri", json!("https://id.example/jwks")),
        ("scopes_supported", json!(["openid", "profile", "email", "address", "phone"])),
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(["query", "fragment", "form_post"])),
        ("grant_types_supported", json!(["authorization_code"])),
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["RS256", "ES256", "EdDSA"])),
        (
            "token_endpoint_auth_methods_supported",
            json!(["client_secret_basic", "client_secret_post", "none"]),
        ),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("request_parameter_supported", json!(false)),
        ("request_uri_parameter_supported", json!(false)),
        ("authorization_response_iss_parameter_supported", json!(true)),
    ] {
        assert_eq!(document[member], value, "{member}");
    }
    let also = op.send("GET", "/.well-known/oauth-authorization-server", "", &[], "").await;
    assert_eq!(also.json(), document, "RFC 8414 §3");
}

/// Closed values work exactly when they are listed.
#[tokio::test]
async fn listed_is_accepted_and_accepted_is_listed() {
    let op = Op::new();
    let document = op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json();
    let listed = |member: &str, value: &str| {
        document[member].as_array().unwrap().iter().any(|listed| listed == value)
    };
    for response_type in ["code", "id_token", "token", "code id_token", "none", "foo"] {
        let request = Op::request_with(&[("response_type", response_type), ("prompt", "none")]);
        let answer = Browser::new(&op).authorize(&request).await;
        let refused = answer.header("location").unwrap().contains("unsupported_response_type");
        assert_eq!(!refused, listed("response_types_supported", response_type), "{response_type}");
    }
    for mode in ["query", "fragment", "form_post", "jwt", "web_message"] {
        let request = Op::request_with(&[("response_mode", mode), ("prompt", "none")]);
        let answer = Browser::new(&op).authorize(&request).await;
        let body = String::from_utf8_lossy(&answer.reply().body).into_owned();
        let text = format!("{:?}{body}", answer.header("location"));
        assert_eq!(
            text.contains("login_required"),
            listed("response_modes_supported", mode),
            "{mode}"
        );
    }
    for grant in
        ["authorization_code", "password", "implicit", "refresh_token", "client_credentials"]
    {
        let answer =
            op.token("conf-basic", "conf-basic", &[("grant_type", grant), ("code", "x")]).await;
        let refused = answer.error() == "unsupported_grant_type";
        assert_eq!(!refused, listed("grant_types_supported", grant), "{grant}");
    }
    for prompt in ["none", "login", "consent", "select_account", "create", "foo"] {
        let request = Op::request_with(&[("prompt", prompt)]);
        let answer = Browser::new(&op).authorize(&request).await;
        let refused = match answer {
            crate::support::Answer::Page(_) => false,
            answer => answer.parameter("error") == "invalid_request",
        };
        assert_eq!(!refused, listed("prompt_values_supported", prompt), "{prompt}");
    }
    let jwks = op.send("GET", "/jwks", "", &[], "").await.json();
    for key in jwks["keys"].as_array().unwrap() {
        let alg = key["alg"].as_str().unwrap();
        assert!(listed("id_token_signing_alg_values_supported", alg), "{alg}");
    }
}

/// JW-13: the key set shows public members only, each key by its own name, and may be cached.
#[tokio::test]
async fn the_key_set() {
    let op = Op::new();
    let answer = op.send("GET", "/jwks", "", &[], "").await;
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 3);
    let mut names = Vec::new();
    for key in &keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert_eq!(key.get(private), None);
        }
        assert_eq!(key["use"], "sig");
        names.push(key["kid"].as_str().unwrap());
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 3);

    let etag = answer.header("etag").unwrap();
    for (sent, status) in [(etag, 304), ("*", 304), ("\"other\"", 200)] {
        let again = op.send("GET", "/jwks", "", &[("if-none-match", sent)], "").await;
        assert_eq!(again.status(), status, "{sent}");
        assert_eq!(again.reply().body.is_empty(), status == 304);
    }
}

/// An issuer with a path: everything lies below it, but RFC 8414's document, which lies before it.
#[tokio::test]
async fn issuers_with_a_path() {
    let mut setup = Setup::new();
    setup.config = Config::new(Issuer::new("https://id.example/realms/a").unwrap());
    let op = setup.build();
    for path in [
        "/realms/a/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/realms/a",
    ] {
        let document = op.send("GET", path, "", &[], "").await.json();
        assert_eq!(document["issuer"], "https://id.example/realms/a");
        assert_eq!(document["token_endpoint"], "https://id.example/realms/a/token");
    }
    let elsewhere = op.send("GET", "/authorize", "", &[], "").await;
    assert!(matches!(elsewhere, crate::support::Answer::Elsewhere));
}

/// Key rotation: a key is published before it signs, and after it has stopped.
#[tokio::test]
async fn rotation_is_visible_in_time() {
    use oidc_op::{Duration, KeyRotation, KeySet, Signer, SigningAlgorithm::RS256, Timestamp};

    let now = Timestamp::from_unix(1_800_000_000);
    let before = KeySet::generate(&[RS256], Timestamp::from_unix(0)).unwrap();
    let rotation = KeyRotation::new(Duration::hours(2), Duration::hours(3));
    let keys = before.rotate(RS256, now, rotation).unwrap();
    let old = before.active(RS256, now).unwrap();
    let op = Setup { signer: std::sync::Arc::new(keys), ..Setup::new() }.build();

    let mut kids = Vec::new();
    for _ in 0..7 {
        let set = op.send("GET", "/jwks", "", &[], "").await.json();
        let published: Vec<_> =
            set["keys"].as_array().unwrap().iter().map(|k| k["kid"].clone()).collect();
        let id_token = op.redeem(&op.code().await).await.member("id_token");
        let kid = crate::support::header(&id_token)["kid"].clone();
        assert!(published.contains(&kid), "whoever signs is published");
        kids.push((published.len(), kid == json!(*old.kid)));
        op.wait(3_600);
    }
    let (two, one) = ((2, true), (2, false));
    assert_eq!(kids, [two, two, one, one, one, (1, false), (1, false)]);
}
