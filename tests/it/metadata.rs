//! Discovery says what is, and nothing else (P-20; OIDC Discovery §3, RFC 8414).

use oidc_op::{Config, Issuer};
use serde_json::json;

use crate::support::{Ask, Browser, FLOWS, Op, Setup, keys};

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
        (
            "scopes_supported",
            json!([
                "openid",
                "profile",
                "email",
                "address",
                "phone",
                "offline_access",
                "otp",
                "orders:read",
                "orders:write"
            ]),
        ),
        (
            "response_types_supported",
            json!([
                "code",
                "id_token",
                "id_token token",
                "code id_token",
                "code token",
                "code id_token token",
                "token",
                "none"
            ]),
        ),
        ("response_modes_supported", json!(["query", "fragment", "form_post"])),
        (
            "grant_types_supported",
            json!(["authorization_code", "implicit", "refresh_token", "client_credentials"]),
        ),
        ("introspection_endpoint", json!("https://id.example/introspect")),
        ("revocation_endpoint", json!("https://id.example/revoke")),
        ("subject_types_supported", json!(["public"])),
        (
            "id_token_signing_alg_values_supported",
            json!(["RS256", "ES256", "EdDSA", "HS256", "HS384", "HS512"]),
        ),
        ("claim_types_supported", json!(["normal"])),
        ("claims_parameter_supported", json!(true)),
        (
            "token_endpoint_auth_methods_supported",
            json!([
                "client_secret_basic",
                "client_secret_post",
                "client_secret_jwt",
                "private_key_jwt",
                "none"
            ]),
        ),
        (
            "token_endpoint_auth_signing_alg_values_supported",
            json!([
                "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
                "ES256K", "EdDSA", "HS256", "HS384", "HS512"
            ]),
        ),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("request_parameter_supported", json!(true)),
        ("request_uri_parameter_supported", json!(false)),
        ("require_request_uri_registration", json!(false)),
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
    let known = FLOWS.map(|flow| (flow.client, flow.response_type));
    let unknown = ["foo", "code code", "code none", "Code", "device"].map(|text| ("hybrid", text));
    for (client, response_type) in known.into_iter().chain(unknown) {
        let ask = Ask::of(client, response_type).with("prompt", "none");
        let refused = Browser::new(&op).quiet(&ask).await.get("error") != "login_required";
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
        ["authorization_code", "password", "refresh_token", "client_credentials", "implicit"]
    {
        let answer =
            op.token("conf-basic", "conf-basic", &[("grant_type", grant), ("code", "x")]).await;
        let refused = answer.error() == "unsupported_grant_type";
        // implicit is the authorization endpoint's (OIDC Discovery §3), and never known here
        let here = listed("grant_types_supported", grant) && grant != "implicit";
        assert_eq!(!refused, here, "{grant}");
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

/// What is wired decides what is listed: each line wires one thing more.
#[tokio::test]
async fn wiring_is_what_is_listed() {
    type Wire = fn(&mut Setup);
    let none: Wire = |_| {};
    let unsigned: Wire = |setup| setup.config.policy.unsigned = true;
    let pairwise: Wire = |setup| setup.secrets.pairwise = Setup::full().secrets.pairwise;
    let fetch: Wire = |setup| setup.documents = Setup::full().documents;
    let opens: Wire = |setup| setup.decryption = Setup::full().decryption;
    let sources: Wire = |setup| setup.config.claims.sources = true;
    let policies: Wire = |setup| setup.policies = Setup::full().policies;
    let no_accounts: Wire = |setup| setup.config.account_creation = false;
    for (wire, differs) in [
        (none, &[][..]),
        (
            unsigned,
            &[
                "id_token_signing_alg_values_supported",
                "userinfo_signing_alg_values_supported",
                "request_object_signing_alg_values_supported",
            ],
        ),
        (pairwise, &["subject_types_supported"]),
        (
            fetch,
            &[
                "request_uri_parameter_supported",
                "require_request_uri_registration",
                "backchannel_logout_supported",
                "backchannel_logout_session_supported",
            ],
        ),
        (opens, &["request_object_encryption_alg_values_supported"]),
        (sources, &["claim_types_supported"]),
        (policies, &["grant_types_supported"]),
        (no_accounts, &["prompt_values_supported"]),
    ] {
        let document = |op: Op| async move {
            op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json()
        };
        let mut setup = Setup::new();
        wire(&mut setup);
        let (before, after) = (document(Op::new()).await, document(setup.build()).await);
        let members = after.as_object().unwrap();
        assert_eq!(members.len(), before.as_object().unwrap().len());
        let changed: Vec<_> =
            members.iter().filter(|(name, value)| before[&***name] != **value).collect();
        let names: Vec<_> = changed.iter().map(|(name, _)| &***name).collect();
        assert_eq!(names, differs);
        for (name, value) in changed {
            let none = value.as_array().is_some_and(|listed| listed.contains(&json!("none")));
            let wanted = name.contains("signing_alg") || name == "prompt_values_supported";
            assert_eq!(none, wanted, "{name}");
        }
    }
}

/// `request_uri` works exactly when it is listed.
#[tokio::test]
async fn request_uri_needs_a_fetch() {
    let object = keys::es256(&json!({"state": "inner"}));
    for wired in [false, true] {
        let mut setup = Setup::new();
        if wired {
            let documents = crate::support::Documents::default();
            documents.put("https://ro.example/object", object.clone());
            setup.documents = Some(documents);
        }
        let op = setup.build();
        let document =
            op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json();
        assert_eq!(document["request_uri_parameter_supported"], wired);
        let ask = Ask::of("ro", "code").with("prompt", "none");
        let ask = ask.with("request_uri", "https://ro.example/object");
        let answer = Browser::new(&op).quiet(&ask).await;
        let expected = if wired {
            ("login_required", "inner")
        } else {
            ("request_uri_not_supported", "af0ifjsldkj")
        };
        assert_eq!((answer.get("error"), answer.get("state")), expected);
    }
}

/// Subject types: a pairwise client works exactly when it is listed.
#[tokio::test]
async fn pairwise_needs_a_salt() {
    for (setup, listed) in [(Setup::new(), false), (Setup::full(), true)] {
        let op = setup.build();
        let document =
            op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json();
        let types = document["subject_types_supported"].as_array().unwrap().clone();
        assert_eq!(types.contains(&json!("pairwise")), listed);
        let mut browser = Browser::new(&op);
        let answer = browser.ask(&Ask::of("pairwise-a", "code"), crate::support::ALICE).await;
        assert_eq!(answer.parameters.contains_key("code"), listed, "{answer:?}");
        if !listed {
            assert_eq!(answer.get("error"), "server_error", "the host's mistake");
        }
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
    let mut setup = Setup { signer: std::sync::Arc::new(keys), ..Setup::new() };
    setup.config.resources.clear(); // their tokens need other keys
    let op = setup.build();

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
