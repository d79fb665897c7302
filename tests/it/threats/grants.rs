//! GX: other grants, and the hygiene of the token endpoint. GX-05 and GX-07 are told with their grants,
//! in `direct`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    direct::{A, B, BEARER, CREDENTIALS, EXCHANGE, granted, is_refused, resources, user_of},
    support::{ALICE, Answer, DEVICE_KEY, Op, Setup, form},
};

const FORM: &str = "application/x-www-form-urlencoded";

/// RFC 6749 §5.2, RFC 9700 §2.4: what does not exist, what is off, what is not this client's.
#[tokio::test]
async fn gx_01_grant_types() {
    let (full, bare) = (Setup::full().build(), Op::new());
    for (body, error, what) in [
        (&[][..], "invalid_request", "missing"),
        (&[("grant_type", "")], "invalid_request", "empty"),
        (&[CREDENTIALS[0], CREDENTIALS[0]], "invalid_request", "repeated"),
        (&[CREDENTIALS[0], ("grant_type", "password")], "invalid_request", "two of them"),
        (&[("grant_type", "magic")], "unsupported_grant_type", "unknown"),
        (&[("grant_type", "https://id.example/magic")], "unsupported_grant_type", "an unknown URI"),
        (&[("grant_type", "Client_Credentials")], "unsupported_grant_type", "the wrong case"),
        (&[("grant_type", " client_credentials")], "unsupported_grant_type", "a space before"),
        (&[("grant_type", "client_credentials\0")], "unsupported_grant_type", "NUL"),
        (&[("grant_type", "client_credentials password")], "unsupported_grant_type", "a list"),
        (&[("grant_type", "implicit")], "unsupported_grant_type", "of another endpoint"),
        (&[("grant_type", "none")], "unsupported_grant_type", "none"),
    ] {
        for op in [&full, &bare] {
            is_refused(&op.token_as("cc-client", body).await, error, what);
        }
    }
    let everything = [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "password",
        EXCHANGE,
        BEARER,
        DEVICE_KEY,
    ];
    for (client, own) in [
        ("cc-client", &["client_credentials"][..]),
        ("conf-basic", &["authorization_code"]),
        ("implicit", &[]),
        ("rs1", &[]),
        ("refresh", &["authorization_code", "refresh_token"]),
        ("exchanger", &[EXCHANGE]),
        ("device", &[DEVICE_KEY, "refresh_token"]),
    ] {
        for name in everything {
            let answer = full.token_as(client, &[("grant_type", name)]).await;
            let refused = answer.status() == 400 && answer.error() == "unauthorized_client";
            assert_eq!(refused, !own.contains(&name), "{client} {name}: {}", answer.json());
            let off = everything[3..].contains(&name);
            let answer = bare.token_as(client, &[("grant_type", name)]).await;
            let refused = answer.status() == 400 && answer.error() == "unsupported_grant_type";
            assert_eq!(refused, off, "{client} {name}: {}", answer.json());
        }
    }
    // who it is comes first: nobody scans for grants without credentials
    let answer = full.token("cc-client", "wrong", &[("grant_type", "magic")]).await;
    assert_eq!((answer.status(), &*answer.error()), (401, "invalid_client"));
}

/// RFC 6749 §4.4.3, RFC 8707 §2: a client has nothing of a person's.
#[tokio::test]
async fn gx_02_client_credentials() {
    let mut setup = Setup::full();
    let more = json!({"scope": "openid offline_access email orders:read"});
    let mut client = user_of("gx", &["client_credentials", "refresh_token"], &more);
    client.resources = Some(resources(&[A]));
    setup.clients.push(client);
    let op = setup.build();
    for (more, error) in [
        (("scope", "orders:write"), "invalid_scope"),
        (("scope", "orders:read orders:write"), "invalid_scope"),
        (("scope", "openid"), "invalid_scope"),
        (("scope", "orders:read offline_access"), "invalid_scope"),
        (("resource", B), "invalid_target"),
        (("resource", "https://x.example/"), "invalid_target"),
    ] {
        is_refused(&op.token_as("gx", &[CREDENTIALS[0], more]).await, error, more.1);
    }
    for more in [("scope", "orders:read"), ("resource", A), ("nonce", "n")] {
        let json = granted(&op.token_as("gx", &[CREDENTIALS[0], more]).await, more.1);
        assert_eq!(json["scope"], "orders:read");
        assert!(json.get("refresh_token").is_none() && json.get("id_token").is_none(), "{json}");
    }
}

/// RFC 6749 §3.2, RFC 7662 §2.1, RFC 7009 §2.1: one form, in the body of one POST.
#[tokio::test]
async fn gx_03_media_types_and_methods() {
    let op = Setup::full().build();
    let token = op.token_as("cc-client", &CREDENTIALS).await.member("access_token");
    let basic = format!("Basic {}", STANDARD.encode("cc-client:cc-client"));
    let (token_form, credentials) = (form(&[("token", &token)]), form(&CREDENTIALS));
    let json_text = json!({"grant_type": "client_credentials", "token": token}).to_string();
    let parts = "--x\r\ncontent-disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--x--";
    for (path, body, allow) in [
        ("/token", &credentials, "POST, OPTIONS"),
        ("/introspect", &token_form, "POST"),
        ("/revoke", &token_form, "POST, OPTIONS"),
    ] {
        for (media_type, body) in [
            (Some("application/json"), &*json_text),
            (Some("application/json"), body),
            (Some("multipart/form-data; boundary=x"), parts),
            (Some("text/plain"), body),
            (Some("application/x-www-form-urlencoded; charset=utf-16"), body),
            (Some(""), body),
            (None, body),
        ] {
            let mut headers = vec![("authorization", &*basic)];
            headers.extend(media_type.map(|media_type| ("content-type", media_type)));
            let answer = op.send("POST", path, "", &headers, body).await;
            let found = (answer.status(), &*answer.error());
            assert_eq!(found, (415, "invalid_request"), "{path} {media_type:?}");
        }
        let headers = [("authorization", &*basic), ("content-type", FORM)];
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "post"] {
            for (query, body) in [(&**body, ""), ("", &**body)] {
                let answer = op.send(method, path, query, &headers, body).await;
                assert_eq!(
                    (answer.status(), answer.header("allow")),
                    (405, Some(allow)),
                    "{method} {path}"
                );
                assert!(answer.reply().body.is_empty());
            }
        }
        let answer = op.send("POST", path, body, &headers, "").await;
        assert_eq!((answer.status(), &*answer.error()), (400, "invalid_request"), "{path}: query");
        let twice = format!("{body}&{body}");
        let answer = op.send("POST", path, "", &headers, &twice).await;
        assert_eq!((answer.status(), &*answer.error()), (400, "invalid_request"), "{path}: twice");
        let twice = format!("{body}&client_id=cc-client&client_id=cc-client");
        let answer = op.send("POST", path, "", &headers, &twice).await;
        assert_eq!((answer.status(), &*answer.error()), (400, "invalid_request"), "{path}: client");
        let said = op.introspect("cc-client", &token).await.json();
        assert_eq!(said["active"], true, "nothing of all that revoked it");
        assert_eq!(op.send("POST", path, "", &headers, body).await.status(), 200, "{path}: right");
    }
}

#[track_caller]
fn is_clean(answer: &Answer, what: &str) {
    let fields = |name| answer.reply().headers.iter().filter(move |(n, _)| *n == name).count();
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!((fields("cache-control"), fields("set-cookie")), (1, 0), "{what}");
    if answer.reply().body.is_empty() {
        return;
    }
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
    assert_eq!(fields("content-type"), 1, "{what}");
    let json = answer.json();
    if json.get("access_token").is_some() {
        assert_eq!((answer.status(), &json["token_type"]), (200, &json!("Bearer")), "{what}");
        assert!(json["expires_in"].is_u64() && json["expires_in"] != 0, "{what}: {json}");
        assert!(json["scope"].is_string(), "{what}: {json}");
        assert!(json.get("error").is_none(), "{what}");
        let null = |value: &Value| value.is_null() || value == "";
        assert!(!json.as_object().unwrap().values().any(null), "{what}: {json}");
    }
}

/// RFC 6749 §5.1, §5.2, OIDC Core §3.1.3.3: nobody keeps any of it.
#[tokio::test]
async fn gx_04_headers_of_all_answers() {
    let op = Setup::full().build();
    *op.policies.exchange.lock().unwrap() = Some(oidc_op::Scope::parse("openid email").unwrap());
    let tokens = op.tokens("refresh", ALICE).await;
    let password = [
        ("grant_type", "password"),
        ("username", ALICE),
        ("password", ALICE),
        ("scope", "openid offline_access"),
    ];
    let wrong =
        [("grant_type", "password"), ("username", ALICE), ("password", "x"), ("scope", "openid")];
    let exchange = [
        ("grant_type", EXCHANGE),
        ("subject_token", &*tokens.access),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    for (client, body, status) in [
        ("cc-client", &CREDENTIALS[..], 200),
        ("password", &password, 200),
        ("exchanger", &exchange, 200),
        ("device", &[("grant_type", DEVICE_KEY), ("device", ALICE)], 200),
        ("refresh", &[("grant_type", "refresh_token"), ("refresh_token", &*tokens.refresh)], 200),
        ("password", &wrong, 400),
        ("cc-client", &password, 400),
        ("cc-client", &[("grant_type", "magic")], 400),
        ("exchanger", &[("grant_type", EXCHANGE)], 400),
        ("trusted", &[("grant_type", BEARER), ("assertion", "x")], 400),
        ("refresh", &[("grant_type", "refresh_token"), ("refresh_token", "x")], 400),
        (
            "refresh",
            &[("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", "x")],
            400,
        ),
        ("nobody", &CREDENTIALS, 401),
    ] {
        let answer = op.token_as(client, body).await;
        assert_eq!(answer.status(), status, "{client} {body:?}");
        is_clean(&answer, &format!("{client} {body:?}"));
    }
    for (path, body) in [
        ("/introspect", &[("token", &*tokens.access)][..]),
        ("/introspect", &[("token", "x")]),
        ("/introspect", &[]),
        ("/revoke", &[("token", &*tokens.access)]),
        ("/revoke", &[("token", "x")]),
        ("/revoke", &[]),
    ] {
        for client in ["refresh", "nobody"] {
            is_clean(&op.post_as(path, client, body).await, &format!("{path} {client} {body:?}"));
        }
    }
    for path in ["/token", "/introspect", "/revoke"] {
        let json = [("content-type", "application/json")];
        is_clean(&op.send("POST", path, "", &json, "{}").await, path);
        is_clean(&op.send("GET", path, "", &[], "").await, path);
    }
}
