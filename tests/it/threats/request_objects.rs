//! RO: request objects, by value and by reference (OIDC Core §6, RFC 9101).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jwk::{Jwk, alg::ec::EcCurve};
use oidc_op::RequestObjectMode;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::support::{
    ALICE, Ask, Browser, Documents, FLOWS, Op, Place, Setup, client, keyed,
    keys::{self, CLIENT_EC, CLIENT_RSA, es256, sign, signer},
};

const STATE: Option<&str> = Some("af0ifjsldkj");

/// The request with this object ends at the client with this error.
async fn is_refused(op: &Op, client: &str, object: &str, error: &str, what: &str) {
    let ask = Ask::of(client, "code").with("request", object);
    Browser::new(op).quiet(&ask).await.is_error(error, Place::Query, STATE, what);
}

/// The request with this object is as good as any other.
async fn is_taken(op: &Op, client: &str, object: &str, what: &str) {
    let ask = Ask::of(client, "code").with("request", object).with("prompt", "none");
    let answer = Browser::new(op).quiet(&ask).await;
    assert_eq!(answer.get("error"), "login_required", "{what}: {answer:?}");
}

/// Who must send signed objects, and sends none, or an unsigned one (RFC 9101 §10.5).
#[tokio::test]
async fn ro_06_signed_objects_are_required() {
    let op = Setup::full().build();
    for response_type in ["code", ""] {
        let ask = Ask::of("jar", response_type);
        let answer = Browser::new(&op).quiet(&ask).await;
        answer.is_error("invalid_request", Place::Query, STATE, "plain");
    }
    let object = json!({"client_id": "jar", "response_type": "code"});
    let unsigned = keys::unsigned(&object);
    is_refused(&op, "jar", &unsigned, "invalid_request_object", "unsigned").await;
    let mut full = object;
    for (name, value) in Ask::of("jar", "code").pairs() {
        full[name] = value.into();
    }
    full["prompt"] = "none".into();
    is_taken(&op, "jar", &es256(&full), "signed").await;
}

/// RFC 9101 §6, §7: each line changes one thing of an object that is good.
#[tokio::test]
async fn ro_08_what_is_wrong_with_an_object() {
    let mut setup = Setup::full();
    setup.clients.push(client("plain", false, &["https://plain.example/cb"], &json!({})));
    let op = setup.build();
    let good = json!({
        "iss": "ro", "aud": "https://id.example", "client_id": "ro", "response_type": "code",
        "iat": 1_800_000_000, "nbf": 1_800_000_000, "exp": 1_800_000_060, "jti": "1"
    });
    is_taken(&op, "ro", &es256(&good), "the good one").await;
    is_taken(&op, "ro", &es256(&good), "again: a reload (§10.2 leaves it to the person)").await;
    let many = json!(["https://other.example", "https://id.example"]);
    for (name, value) in [
        ("aud", &many),
        ("iss", &Value::Null),
        ("aud", &Value::Null),
        ("client_id", &Value::Null),
        ("exp", &Value::Null),
        ("nbf", &json!(1_800_000_030)),
        ("iat", &json!(1_800_000_030)),
        ("exp", &json!(1_800_000_001)),
        ("unknown", &json!([{}])),
    ] {
        let mut claims = good.clone();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
        is_taken(&op, "ro", &es256(&claims), &format!("{name}: {value}")).await;
    }
    for (name, value) in [
        ("iss", json!("clientB")),
        ("iss", json!(1)),
        ("aud", json!("https://other.example")),
        ("aud", json!(["https://id.example/"])),
        ("aud", json!([1])),
        ("client_id", json!("clientB")),
        ("client_id", json!(["ro"])),
        ("sub", json!("ro")),
        ("exp", json!(1_800_000_000)),
        ("nbf", json!(1_800_000_031)),
        ("iat", json!(1_800_000_031)),
        ("request", json!("x")),
        ("request_uri", json!("https://ro.example/object")),
        ("response_type", json!("code token")),
        ("state", json!(["x"])),
        ("scope", json!(true)),
        ("nonce", json!({"a": 1})),
        ("max_age", json!([1])),
        ("claims", json!([])),
        ("resource", json!([1])),
    ] {
        let mut claims = good.clone();
        claims[name] = value.clone();
        let what = format!("{name}: {value}");
        is_refused(&op, "ro", &es256(&claims), "invalid_request_object", &what).await;
    }
    // the keys and the algorithm
    let stranger = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    let [header, payload, signature] =
        <[String; 3]>::try_from(es256(&good).split('.').map(str::to_owned).collect::<Vec<_>>())
            .unwrap();
    let evil = keys::b64(json!({"scope": "openid profile email phone"}).to_string());
    for (client, object, what) in [
        ("ro", sign(&json!({"alg": "ES256"}), &good, &*signer("ES256", &stranger)), "another key"),
        ("ro", format!("{header}.{evil}.{signature}"), "tampered"),
        ("ro", format!("{header}.{payload}."), "the signature cut off"),
        ("ro", keys::unsigned(&good), "none, and nothing registered"),
        ("ro-es256", keys::unsigned(&json!({})), "none instead of ES256"),
        ("ro-none", es256(&json!({})), "ES256 instead of none"),
        ("ro-rs256", es256(&json!({})), "ES256 instead of RS256"),
        ("ro-es256", rsa("RS256"), "RS256 instead of ES256"),
        ("ro-rs256", rsa("PS256"), "PS256 instead of RS256"),
        ("ro-es256", mac(keys::KEPT), "the secret instead of a key"),
        ("ro-hs256", es256(&json!({})), "a key instead of the secret"),
        ("ro-hs256", mac("another secret that is long enough to be one"), "another secret"),
        ("plain", es256(&json!({})), "a client without keys"),
        ("conf-basic", mac("conf-basic"), "a secret that is not kept"),
    ] {
        is_refused(&op, client, &object, "invalid_request_object", what).await;
    }
    for (client, object) in [
        ("ro-rs256", rsa("RS256")),
        ("ro", rsa("PS256")),
        ("ro-hs256", mac(keys::KEPT)),
        ("ro", mac(keys::KEPT)),
        ("ro-none", keys::unsigned(&json!({}))),
        ("ro-es256", es256(&json!({}))),
    ] {
        is_taken(&op, client, &object, client).await;
    }
}

fn rsa(alg: &str) -> String {
    sign(&json!({"alg": alg, "kid": "c-rsa"}), &json!({}), &*signer(alg, &CLIENT_RSA))
}

fn mac(secret: &str) -> String {
    let secret = format!("{secret:0<32}");
    sign(&json!({"alg": "HS256"}), &json!({}), &*keys::hs256(secret))
}

/// RFC 8725 §3.1: a public key is no secret, in none of its spellings.
#[tokio::test]
async fn ro_08_a_public_key_as_secret() {
    let op = Setup::full().build();
    let jwks = op.jwks().await;
    let mut texts = vec![CLIENT_EC.to_public_key().unwrap().to_string()];
    texts.push(CLIENT_RSA.to_public_key().unwrap().to_string());
    texts.push(jwks["keys"][0].to_string());
    texts.push(jwks["keys"][0]["n"].as_str().unwrap().to_owned());
    texts.push(keys::client_jwks().to_string());
    for client in ["ro", "ro-es256", "ro-rs256", "ro-hs256", "jar"] {
        for text in &texts {
            let claims = json!({"client_id": client, "response_type": "code"});
            let object =
                sign(&json!({"alg": "HS256", "kid": "c-ec"}), &claims, &*keys::hs256(text));
            is_refused(&op, client, &object, "invalid_request_object", client).await;
        }
    }
}

/// RFC 9101 §10.8: another kind of JWT is no request object.
#[tokio::test]
async fn ro_08_another_kind_of_token() {
    let op = Setup::full().build();
    let object = |typ: &str| {
        let header = json!({"alg": "ES256", "kid": "c-ec", "typ": typ});
        sign(&header, &json!({}), &*signer("ES256", &CLIENT_EC))
    };
    for typ in ["JWT", "jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"] {
        is_taken(&op, "ro", &object(typ), typ).await;
    }
    for typ in ["at+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "client-authentication+jwt", ""]
    {
        is_refused(&op, "ro", &object(typ), "invalid_request_object", typ).await;
    }
    // an ID token of the provider's own
    let ask = Ask::of("hybrid", "code id_token");
    let id_token = Browser::new(&op).ask(&ask, ALICE).await.get("id_token").to_owned();
    is_refused(&op, "ro", &id_token, "invalid_request_object", "an ID token").await;
}

/// In the mode of OIDC Core §6.1 the object holds, and what it does not say comes from beside it; in
/// that of RFC 9101 §5, only the object counts.
#[tokio::test]
async fn ro_10_precedence() {
    let inner = |client: &str| {
        let mut claims = json!({"state": "inner", "nonce": "inner"});
        for (name, value) in Ask::of(client, "code").pairs() {
            if !["state", "nonce", "scope"].contains(&name) {
                claims[name] = value.into();
            }
        }
        claims
    };
    for (mode, client, jar) in [
        (RequestObjectMode::Oidc, "ro", false),
        (RequestObjectMode::Jar, "ro", true),
        (RequestObjectMode::Oidc, "jar", true),
    ] {
        let mut setup = Setup::full();
        setup.config.policy.request_object = mode;
        let op = setup.build();
        let ask = Ask::of(client, "code").with("request", &es256(&inner(client)));
        let answer = Browser::new(&op).ask(&ask, ALICE).await;
        assert_eq!(answer.get("state"), "inner");
        if jar {
            assert_eq!(answer.get("error"), "invalid_scope", "the scope beside it does not count");
        } else {
            let id = op.exchange(&ask, answer.get("code")).await.member("id_token");
            assert_eq!(crate::support::claims(&id)["nonce"], "inner");
        }
        // and the object says all: what stands beside it changes nothing
        let mut full = inner(client);
        full["scope"] = "openid".into();
        full["redirect_uri"] = ask.value("redirect_uri").unwrap().into();
        let ask = Ask::of(client, "code")
            .with("request", &es256(&full))
            .with("redirect_uri", "https://evil.example/cb")
            .with("state", "outer")
            .with("scope", "openid email")
            .with("response_mode", "form_post");
        let answer = Browser::new(&op).ask(&ask, ALICE).await;
        assert_eq!(
            (answer.to.as_str(), answer.get("state")),
            (full["redirect_uri"].as_str().unwrap(), "inner")
        );
        assert_eq!(answer.place, if jar { Place::Query } else { Place::Form }, "{mode:?}");
        // an object that names no client
        let mut nameless = full.clone();
        nameless.as_object_mut().unwrap().remove("client_id");
        let ask = Ask::of(client, "code").with("request", &es256(&nameless)).with("prompt", "none");
        let error = Browser::new(&op).quiet(&ask).await.get("error").to_owned();
        assert_eq!(error, if jar { "invalid_request_object" } else { "login_required" });
    }
}

/// `request` with `request_uri`; references that are not registered, that lead nowhere, or that
/// nobody can follow.
#[tokio::test]
async fn ro_10_by_reference() {
    let documents = Documents::default();
    let object = es256(&json!({"state": "inner"}));
    documents.put("https://ro.example/object", format!("{object}\r\n"));
    documents.put("https://ro.example/other", object.clone());
    documents.put("https://evil.example/object", object.clone());
    let op = Setup { documents: Some(documents.clone()), ..Setup::full() }.build();
    let asked = |uri: &str| Ask::of("ro", "code").with("prompt", "none").with("request_uri", uri);
    let version = URL_SAFE_NO_PAD.encode(digest(&SHA256, object.as_bytes()));
    let exact = format!("https://ro.example/other#{version}");
    let (once, twice) = (
        ["https://ro.example/other"],
        ["https://ro.example/other", "https://ro.example/other again"],
    );
    for (uri, fetched) in [
        ("https://ro.example/object", &["https://ro.example/object"][..]),
        ("https://ro.example/other", &once),
        // A fragment is the hash of the version that is meant; another one is a client's own affair.
        (&exact, &once),
        ("https://ro.example/other#", &twice),
        ("https://ro.example/other#v2", &twice),
        ("https://ro.example/object?x=1", &[]),
        ("https://ro.example/object/", &[]),
        ("https://RO.example/object", &[]),
        ("https://evil.example/object", &[]),
        ("http://169.254.169.254/", &[]),
        ("urn:ietf:params:oauth:request_uri:x", &[]),
        ("#", &[]),
    ] {
        let answer = Browser::new(&op).quiet(&asked(uri)).await;
        if fetched.is_empty() {
            answer.is_error("invalid_request_uri", Place::Query, STATE, uri);
        } else {
            answer.is_error("login_required", Place::Query, Some("inner"), uri);
        }
        assert_eq!(documents.asked(), fetched, "{uri}");
    }
    let both = asked("https://ro.example/object").with("request", &object);
    Browser::new(&op).quiet(&both).await.is_error("invalid_request", Place::Query, STATE, "both");

    documents.put("https://ro.example/object", [0xFF, 0xFE]);
    let answer = Browser::new(&op).quiet(&asked("https://ro.example/object")).await;
    answer.is_error("invalid_request_object", Place::Query, STATE, "bytes");
    let away = Setup { documents: Some(Documents::default()), ..Setup::full() }.build();
    let answer = Browser::new(&away).quiet(&asked("https://ro.example/object")).await;
    answer.is_error("invalid_request_uri", Place::Query, STATE, "cannot be fetched");
    let without = Op::new();
    let answer = Browser::new(&without).quiet(&asked("https://ro.example/object")).await;
    answer.is_error("request_uri_not_supported", Place::Query, STATE, "no fetch");
}

/// Errors about an object go where the request's own answers would go, for each response type; and to
/// a page if nothing proves the way.
#[tokio::test]
async fn ro_10_where_errors_go() {
    let mut setup = Setup::full();
    setup.clients.push(keyed(
        "keyed",
        &json!({
            "response_types": FLOWS.map(|flow| flow.response_type),
            "grant_types": ["authorization_code", "implicit"]
        }),
    ));
    let op = setup.build();
    for flow in FLOWS {
        let ask = Ask::of("keyed", flow.response_type).with("request", "bad");
        let answer = Browser::new(&op).quiet(&ask).await;
        answer.is_error("invalid_request_object", flow.place(), STATE, flow.response_type);
        let posted = ask.clone().with("response_mode", "form_post");
        let answer = Browser::new(&op).quiet(&posted).await;
        answer.is_error("invalid_request_object", Place::Form, STATE, flow.response_type);
        let astray = ask.with("redirect_uri", "https://evil.example/");
        super::is_page400(&op, &astray.pairs(), flow.response_type).await;
        // everything inside, and signed
        let mut claims = json!({"prompt": "none"});
        for (name, value) in Ask::of("keyed", flow.response_type).pairs() {
            claims[name] = value.into();
        }
        let ask = Ask::of("keyed", flow.response_type).with("request", &es256(&claims));
        let answer = Browser::new(&op).quiet(&ask).await;
        answer.is_error("login_required", flow.place(), STATE, flow.response_type);
    }
}

/// An object outlives the pages: what it said holds after the login, and it may have expired by then.
#[tokio::test]
async fn an_object_is_resolved_once() {
    let op = Setup::full().build();
    let object = es256(&json!({"nonce": "inner", "exp": 1_800_000_010}));
    let ask = Ask::of("ro", "code").with("request", &object);
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&ask.pairs()).await;
    op.wait(60);
    let answer = browser.follow(answer, ALICE).await;
    let id = op.exchange(&ask, &answer.parameter("code")).await.member("id_token");
    assert_eq!(crate::support::claims(&id)["nonce"], "inner");
    let again = Browser::new(&op).quiet(&ask).await;
    again.is_error("invalid_request_object", Place::Query, STATE, "a new request with it");
}

/// OIDC Registration §2: "The default, if omitted, is that any algorithm supported by the OP and the RP
/// MAY be used". That is a policy of its own.
#[tokio::test]
async fn ro_08_unsigned_objects_of_clients_that_have_registered_nothing() {
    let mut setup = Setup::full();
    setup.config.policy.unsigned_unless_registered = true;
    let op = setup.build();
    let object = keys::unsigned(&json!({}));
    is_taken(&op, "ro", &object, "nothing registered").await;
    for client in ["ro-es256", "jar"] {
        is_refused(&op, client, &object, "invalid_request_object", client).await;
    }
    let mut setup = Setup::full();
    setup.config.policy.unsigned_unless_registered = true;
    setup.config.policy.unsigned = false;
    setup.clients.retain(|client| client.id.as_str() == "ro");
    is_refused(&setup.build(), "ro", &object, "invalid_request_object", "nothing unsigned").await;
}
