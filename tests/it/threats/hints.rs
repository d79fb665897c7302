//! AZ-11: `id_token_hint` (OIDC Core §3.1.2.1, §3.1.2.2): it proves nothing but a name, and only if
//! the provider has issued it to this client.

use std::sync::Arc;

use oidc_op::{KeySet, SigningAlgorithm, Timestamp};
use serde_json::{Value, json};

use crate::support::{
    ALICE, Ask, BOB, Browser, FLOWS, Flow, Op, Place, Setup, claims, header, keyed,
    keys::{self, CLIENT_EC, b64, hs256, seal, sign, signer},
};

/// A client whose UserInfo answers are JWTs, and that may ask for all.
fn setup() -> Setup {
    let mut setup = Setup::full();
    let all = json!({
        "userinfo_signed_response_alg": "RS256",
        "response_types": FLOWS.map(|flow| flow.response_type),
        "grant_types": ["authorization_code", "implicit"]
    });
    setup.clients.push(keyed("keyed", &all));
    setup
}

/// An ID token of somebody at a client.
async fn id_token(op: &Op, client: &str, who: &str) -> String {
    let ask = Ask::of(client, "code id_token");
    Browser::new(op).ask(&ask, who).await.get("id_token").to_owned()
}

/// Nobody but the right person is let through silently, for every response type.
#[tokio::test]
async fn az_11_whose_hint() {
    let op = setup().build();
    let (own, others) = (id_token(&op, "keyed", ALICE).await, id_token(&op, "keyed", BOB).await);
    for Flow { response_type, .. } in FLOWS {
        let mut browser = Browser::new(&op);
        let ask = Ask::of("keyed", response_type);
        let place = browser.ask(&ask, ALICE).await.place;
        let quiet = ask.clone().with("prompt", "none");
        let right = browser.quiet(&quiet.clone().with("id_token_hint", &own)).await;
        assert!(!right.parameters.contains_key("error"), "{response_type}: {right:?}");
        let wrong = browser.quiet(&quiet.with("id_token_hint", &others)).await;
        wrong.is_error("login_required", place, Some("af0ifjsldkj"), response_type);

        // where pages may be shown, the other person may sign in, and nobody else
        let loud = ask.with("id_token_hint", &others);
        let answer = browser.authorize(&loud.pairs()).await;
        let token = answer.page().token.clone();
        let refused = browser.clone().login(&token, ALICE).await;
        let refused = crate::support::Sent::of(&refused);
        refused.is_error("login_required", place, Some("af0ifjsldkj"), response_type);
    }
    let mut browser = Browser::new(&op);
    let loud = Ask::of("keyed", "code id_token").with("id_token_hint", &others);
    let answer = browser.ask(&loud, BOB).await;
    assert_eq!(claims(answer.get("id_token"))["sub"], BOB);
}

/// Expired or signed with a key that has retired, it is still genuine.
#[tokio::test]
async fn az_11_an_expired_one_is_good() {
    let op = setup().build();
    let hint = id_token(&op, "keyed", ALICE).await;
    op.wait(100_000);
    let mut browser = Browser::new(&op);
    let ask = Ask::of("keyed", "code");
    browser.ask(&ask, ALICE).await;
    let quiet = ask.with("prompt", "none").with("id_token_hint", &hint);
    assert_eq!(browser.quiet(&quiet).await.names(), ["code", "iss", "state"]);
}

/// Each line is a hint that is not an ID token of this provider for this client.
#[tokio::test]
async fn az_11_what_is_no_hint() {
    let op = setup().build();
    let mut browser = Browser::new(&op);
    let sent = browser.ask(&Ask::of("keyed", "code id_token token"), ALICE).await;
    let good = sent.get("id_token").to_owned();
    let access_token = sent.get("access_token").to_owned();
    let userinfo = op.userinfo(&access_token).await;
    assert_eq!(userinfo.header("content-type"), Some("application/jwt"));
    let userinfo = String::from_utf8(userinfo.reply().body.clone()).unwrap();
    let parts: Vec<_> = good.split('.').collect();
    let said = claims(&good);
    let with = |name: &str, value: Value| {
        let mut said = said.clone();
        said[name] = value;
        said
    };
    let forger = KeySet::generate(&[SigningAlgorithm::RS256], Timestamp::from_unix(0)).unwrap();
    let mut elsewhere = Setup { signer: Arc::new(forger), ..setup() };
    elsewhere.config.resources.clear(); // their tokens need other keys
    let elsewhere = elsewhere.build();
    let jwks = op.jwks().await;
    let own_kid = json!({"alg": "RS256", "kid": header(&good)["kid"]});
    let rsa =
        |header: &Value, claims: &Value| sign(header, claims, &*signer("RS256", &keys::CLIENT_RSA));
    let public = jwks["keys"].as_array().unwrap().iter().find(|key| key["alg"] == "RS256").unwrap();
    let mac = json!({"alg": "HS256", "kid": public["kid"]});
    for (hint, what) in [
        (id_token(&elsewhere, "keyed", ALICE).await, "another provider's keys"),
        (id_token(&op, "hybrid", ALICE).await, "another client's"),
        (rsa(&own_kid, &said), "signed by the client, with the provider's kid"),
        (
            sign(&json!({"alg": "ES256"}), &said, &*signer("ES256", &CLIENT_EC)),
            "signed by the client",
        ),
        (keys::unsigned(&said), "none"),
        (
            format!("{}.{}.{}", b64(r#"{"alg":"none"}"#), parts[1], parts[2]),
            "none, with a signature",
        ),
        (format!("{}.{}.", parts[0], parts[1]), "cut off"),
        (
            format!("{}.{}.{}", parts[0], b64(with("sub", json!(BOB)).to_string()), parts[2]),
            "tampered",
        ),
        (sign(&mac, &said, &*hs256(public["n"].as_str().unwrap())), "the public key as a secret"),
        (sign(&json!({"alg": "HS256"}), &said, &*hs256(keys::KEPT)), "the secret, not registered"),
        (access_token, "an access token"),
        (userinfo, "a UserInfo answer"),
        (ALICE.to_owned(), "a name"),
        (said.to_string(), "claims"),
        ("..".to_owned(), "dots"),
        ("x".repeat(20_000), "long"),
    ] {
        let ask = Ask::of("keyed", "code").with("prompt", "none").with("id_token_hint", &hint);
        let answer = browser.quiet(&ask).await;
        answer.is_error("invalid_request", Place::Query, Some("af0ifjsldkj"), what);
    }
}

/// The claims of a hint that is genuine in its signature: a client with HS256 can make any.
#[tokio::test]
async fn az_11_claims_of_a_hint() {
    let op = Setup::full().build();
    let mut browser = Browser::new(&op);
    browser.ask(&Ask::of("hs256", "code"), ALICE).await;
    let good = json!({
        "iss": "https://id.example", "aud": "hs256", "sub": ALICE,
        "iat": 1_800_000_000, "exp": 1_800_000_600
    });
    let made = |claims: &Value, typ: &str| {
        sign(&json!({"alg": "HS256", "typ": typ}), claims, &*hs256(keys::KEPT))
    };
    let ask =
        |hint: &str| Ask::of("hs256", "code").with("prompt", "none").with("id_token_hint", hint);
    let answer = browser.quiet(&ask(&made(&good, "JWT"))).await;
    assert_eq!(answer.names(), ["code", "iss", "state"], "{answer:?}");
    // encrypted to the provider, as OIDC Core §3.1.2.1 allows
    let jwks = op.jwks().await;
    let to = jwks["keys"].as_array().unwrap().iter().find(|key| key["alg"] == "ECDH-ES").unwrap();
    let sealed = seal(&made(&good, "JWT"), &json!({"cty": "JWT"}), to);
    assert_eq!(browser.quiet(&ask(&sealed)).await.names(), ["code", "iss", "state"]);
    for (name, value) in [
        ("iss", json!("https://other.example")),
        ("iss", json!("https://id.example/")),
        ("iss", Value::Null),
        ("aud", json!("conf-basic")),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("sub", Value::Null),
        ("sub", json!(1)),
        ("sub", json!("")),
        ("exp", Value::Null),
        ("iat", Value::Null),
        ("exp", json!("soon")),
        ("iat", json!(-1)),
    ] {
        let mut claims = good.clone();
        match &value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
        let answer = browser.quiet(&ask(&made(&claims, "JWT"))).await;
        let what = format!("{name}: {value}");
        answer.is_error("invalid_request", Place::Query, Some("af0ifjsldkj"), &what);
    }
    for typ in ["at+jwt", "logout+jwt", "oauth-authz-req+jwt", "secevent+jwt"] {
        let answer = browser.quiet(&ask(&made(&good, typ))).await;
        answer.is_error("invalid_request", Place::Query, Some("af0ifjsldkj"), typ);
    }
    let stranger = sign(&json!({"alg": "HS256"}), &good, &*hs256("x".repeat(64)));
    let answer = browser.quiet(&ask(&stranger)).await;
    answer.is_error("invalid_request", Place::Query, Some("af0ifjsldkj"), "another secret");
}
