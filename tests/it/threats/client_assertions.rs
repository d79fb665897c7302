//! CA, JW: assertions, by which clients prove who they are (RFC 7521 §4.2, RFC 7523 §3, OIDC Core §9).

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use josekit::jwk::{
    Jwk,
    alg::ec::{EcCurve, EcKeyPair},
};
use oidc_op::{
    AssertionAudience, Reason, What,
    store::{Fault, Operation},
};
use ring::hmac as mac;
use serde_json::{Value, json};

use super::client_authentication::{ask, is_accepted, is_refused};
use crate::support::{
    Answer, Browser, Documents, Op, Setup,
    keys::{
        CLIENT_EC, CLIENT_RSA, KEPT, b64, client_jwks, hmac, hs256, seal, sign, sign_text, signer,
        unsigned,
    },
    races::together,
};

pub(super) const ASSERTION: [(&str, &str); 1] =
    [("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")];

const NOW: i64 = 1_800_000_000;
const HEADER: &str = r#"{"alg":"ES256","kid":"c-ec"}"#;
const JWKS_URI: &str = "https://remote.example/jwks";

/// Claims of an assertion that nobody has used.
fn claims(client: &str) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let jti = format!("jti-{}", NEXT.fetch_add(1, Ordering::SeqCst));
    json!({
        "iss": client, "sub": client, "aud": "https://id.example", "jti": jti,
        "iat": NOW, "exp": NOW + 60
    })
}

/// The same, with some claims changed, added, or (null) taken away.
fn claims_with(client: &str, changes: &Value) -> Value {
    let mut claims = claims(client);
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// An assertion as the client is registered to make them.
pub(super) fn assertion(client: &str) -> String {
    signed(client, &claims(client))
}

fn signed(client: &str, claims: &Value) -> String {
    match client {
        "conf-secretjwt" | "conf-anymac" => sign(&json!({"alg": "HS256"}), claims, &*hs256(KEPT)),
        _ => sign_text(HEADER, &claims.to_string(), &*signer("ES256", &CLIENT_EC)),
    }
}

/// Presents it at the token endpoint.
pub(super) async fn present(op: &Op, assertion: &str) -> Answer {
    ask(op, None, &[ASSERTION[0], ("client_assertion", assertion)]).await
}

async fn refused(op: &Op, assertion: &str, what: &str) {
    is_refused(&present(op, assertion).await, what);
}

async fn accepted(op: &Op, assertion: &str, what: &str) {
    is_accepted(&present(op, assertion).await, what);
}

/// OIDC Core §9: a whole sign-in by each of the methods, and a second assertion for a second request.
#[tokio::test]
async fn clients_prove_who_they_are() {
    let op = Op::new();
    for client in ["conf-pkjwt", "conf-anykey", "conf-secretjwt", "conf-anymac"] {
        let redirect_uri = crate::support::redirect_uri(client);
        let request = Op::request_with(&[("client_id", client), ("redirect_uri", &redirect_uri)]);
        let code = Browser::new(&op).code(&request, crate::support::ALICE).await;
        let mut body = Op::redemption(&code).to_vec();
        body[2].1 = &redirect_uri;
        let assertion = assertion(client);
        body.extend([ASSERTION[0], ("client_assertion", &assertion)]);
        let answer = op.post("/token", &crate::support::form(&body), &[]).await;
        assert_eq!(answer.status(), 200, "{client}: {:?}", answer.json());
    }
}

/// RFC 7523 §3: what must be in it.
#[tokio::test]
async fn claims_of_an_assertion() {
    let op = Op::new();
    for client in ["conf-pkjwt", "conf-secretjwt"] {
        for (changes, fits) in [
            (json!({}), true),
            (json!({"iss": null}), false),
            (json!({"sub": null}), false),
            (json!({"iss": "conf-basic"}), false),
            (json!({"sub": "conf-basic"}), false),
            (json!({"sub": "conf-anykey", "iss": "conf-anykey"}), client == "conf-pkjwt"),
            (json!({"aud": null}), false),
            (json!({"jti": null}), false),
            (json!({"jti": ""}), false),
            (json!({"jti": 1}), false),
            (json!({"exp": null}), false),
            (json!({"exp": NOW}), false),
            (json!({"exp": NOW + 1}), true),
            (json!({"exp": NOW + 3_630}), true),
            (json!({"exp": NOW + 3_631}), false),
            (json!({"iat": null}), true),
            (json!({"iat": NOW + 30}), true),
            (json!({"iat": NOW + 31}), false),
            (json!({"nbf": NOW + 30}), true),
            (json!({"nbf": NOW + 31}), false),
        ] {
            let what = format!("{client} {changes}");
            let answer = present(&op, &signed(client, &claims_with(client, &changes))).await;
            if fits { is_accepted(&answer, &what) } else { is_refused(&answer, &what) }
        }
    }
    let header = |typ: &str| json!({"alg": "ES256", "kid": "c-ec", "typ": typ});
    let typed = |typ| sign(&header(typ), &claims("conf-pkjwt"), &*signer("ES256", &CLIENT_EC));
    for typ in ["JWT", "jwt", "client-authentication+jwt"] {
        accepted(&op, &typed(typ), typ).await;
    }
    for typ in ["at+jwt", "oauth-authz-req+jwt", "dpop+jwt", ""] {
        refused(&op, &typed(typ), typ).await;
    }
}

/// RFC 7521 §4.2: the type is always there, and there is one.
#[tokio::test]
async fn assertion_types() {
    let op = Op::new();
    let made = assertion("conf-pkjwt");
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    for body in [
        &[("client_assertion", &*made)][..],
        &[("client_assertion", &*made), ("client_assertion_type", "")],
        &[("client_assertion", &*made), ("client_assertion_type", saml)],
        &ASSERTION,
        &[ASSERTION[0], ("client_id", "conf-pkjwt")],
        &[ASSERTION[0], ("client_id", "public-web")],
    ] {
        let answer = ask(&op, None, body).await;
        assert_eq!((answer.status(), &*answer.error()), (401, "invalid_client"), "{body:?}");
    }
    for (client, what) in
        [("conf-basic", "by secret"), ("public-web", "public"), ("nobody", "nobody")]
    {
        refused(&op, &signed("conf-pkjwt", &claims(client)), what).await;
        refused(&op, &signed("conf-secretjwt", &claims(client)), what).await;
    }
}

/// Replay: once, whoever presents it, until nobody can; another client's `jti` is its own.
#[tokio::test]
async fn ca_10_replay() {
    let op = Op::new();
    for client in ["conf-pkjwt", "conf-secretjwt"] {
        let named =
            |exp: i64| signed(client, &claims_with(client, &json!({"jti": "1", "exp": exp})));
        let made = named(NOW + 60);
        accepted(&op, &made, "the first time").await;
        op.recorder.take();
        refused(&op, &made, "the second time").await;
        let seen = op.recorder.take();
        assert_eq!(seen, [(What::TokenRefused, Some(Reason::AssertionReplayed))]);
        refused(&op, &named(NOW + 61), "another of the same name").await;
    }
    // a bad one does not use up the name
    let jti = json!({"jti": "2", "aud": "https://other.example"});
    refused(&op, &signed("conf-pkjwt", &claims_with("conf-pkjwt", &jti)), "aud").await;
    accepted(&op, &signed("conf-pkjwt", &claims_with("conf-pkjwt", &json!({"jti": "2"}))), "2")
        .await;
    op.wait(60);
    refused(&op, &assertion("conf-pkjwt"), "expired").await;
}

/// 32 parallel uses of one assertion, one success.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ca_10_race_of_32_uses_has_one_winner() {
    const RACERS: usize = 32;
    let op = Op::new();
    for _ in 0..50 {
        let made: Arc<str> = assertion("conf-secretjwt").into();
        let racers = (0..RACERS).map(|_| {
            let (op, made) = (op.clone(), made.clone());
            async move { present(&op, &made).await }
        });
        let mut winners = 0;
        for answer in together(racers).await {
            match answer.status() {
                400 => winners += 1,
                _ => is_refused(&answer, "a loser"),
            }
        }
        assert_eq!(winners, 1);
    }
}

/// A store that fails says nothing of the client: 503, and the assertion is no worse for it. If only the
/// store's answer is lost, it counts.
#[tokio::test]
async fn a_fault_at_the_marker_is_no_refusal() {
    for fault in [Fault::Refuse, Fault::LoseRequest] {
        let (op, store) = Setup::new().build_faulty();
        for client in ["conf-pkjwt", "conf-secretjwt"] {
            let made = assertion(client);
            store.reset();
            for nth in 1..=20 {
                store.fail_nth_of(Operation::Put, nth, fault);
            }
            let answer = present(&op, &made).await;
            let found = (answer.status(), &*answer.error());
            assert_eq!(found, (503, "temporarily_unavailable"), "{fault:?}");
            assert!(answer.header("retry-after").is_some());
            store.reset();
            accepted(&op, &made, "and once more").await;
            refused(&op, &made, "but no more than that").await;

            let made = assertion(client);
            store.reset();
            store.fail_nth_of(Operation::Put, 1, Fault::LoseAnswer);
            accepted(&op, &made, "marked, although the answer was lost").await;
            refused(&op, &made, "once").await;
        }
    }
}

/// The audience, as the policy or the client has it; the pure table is a unit test.
#[tokio::test]
async fn ca_09_audience() {
    use AssertionAudience::{CalledEndpoint, Issuer, IssuerOrTokenEndpoint};
    let token = "https://id.example/token";
    for (policy, own, strict) in [
        (Issuer, None, true),
        (IssuerOrTokenEndpoint, None, false),
        (CalledEndpoint, None, false),
        (IssuerOrTokenEndpoint, Some(Issuer), true),
        (Issuer, Some(IssuerOrTokenEndpoint), false),
    ] {
        let mut setup = Setup::new();
        setup.config.policy.assertion_audience = policy;
        for client in &mut setup.clients {
            client.assertion_audience = own;
        }
        let op = setup.build();
        for (aud, fits) in [
            (json!("https://id.example"), true),
            (json!(["https://id.example"]), !strict),
            (json!(token), !strict),
            (json!([token]), !strict),
            (json!(["https://id.example", "https://other.example"]), false),
            (json!(["https://id.example", token]), false),
            (json!("https://id.example/"), false),
            (json!("https://other.example"), false),
            (json!("https://other.example/token"), false),
            (json!("https://id.example/tenant"), false),
            (json!("https://id.example/authorize"), false),
            (json!([]), false),
            (json!(7), false),
        ] {
            let made = signed("conf-pkjwt", &claims_with("conf-pkjwt", &json!({"aud": aud})));
            let headers =
                [("content-type", "application/x-www-form-urlencoded"), ("host", "other.example")];
            let body = [ASSERTION[0], ("client_assertion", &made), ("code", "none")];
            let body = [&body[..], &[("grant_type", "authorization_code"), ("redirect_uri", "x")]];
            let body = crate::support::form(&body.concat());
            let answer = op.send("POST", "/token", "", &headers, &body).await;
            let what = format!("{policy:?} {own:?} {aud}");
            if fits { is_accepted(&answer, &what) } else { is_refused(&answer, &what) }
        }
    }
}

/// RFC 8725 §2.1, §3.1: the algorithm is the registered one, and chooses the kind of key.
#[tokio::test]
async fn ca_11_algorithm_confusion() {
    let op = Op::new();
    let claims = || claims("conf-pkjwt");
    refused(&op, &unsigned(&claims()), "none").await;
    for none in ["None", "NONE", "nOnE", ""] {
        let header = json!({"alg": none}).to_string();
        refused(&op, &format!("{}.{}.", b64(header), b64(claims().to_string())), none).await;
    }
    let jwk = client_jwks()["keys"][0].to_string();
    let pair = EcKeyPair::from_jwk(&CLIENT_EC).unwrap();
    let (der, pem) = (pair.to_der_public_key(), pair.to_pem_public_key());
    let x = CLIENT_EC.parameter("x").unwrap().as_str().unwrap();
    for client in ["conf-pkjwt", "conf-anykey", "conf-anymac"] {
        // by hand, as a library refuses an empty secret
        let confused = |secret: &[u8]| {
            let header = json!({"alg": "HS256", "kid": "c-ec"}).to_string();
            let input = format!("{}.{}", b64(header), b64(self::claims(client).to_string()));
            let tag = mac::sign(&mac::Key::new(mac::HMAC_SHA256, secret), input.as_bytes());
            format!("{input}.{}", b64(tag))
        };
        for secret in [jwk.as_bytes(), &der, &pem, x.as_bytes(), &[0; 64], &[0; 32], b""] {
            refused(&op, &confused(secret), "a public key as a secret").await;
        }
    }
    let rsa = |alg: &str| {
        sign(&json!({"alg": alg, "kid": "c-rsa"}), &claims(), &*signer(alg, &CLIENT_RSA))
    };
    refused(&op, &rsa("RS256"), "RS256 where ES256 is registered").await;
    let kid = json!({"alg": "ES256", "kid": "c-rsa"});
    refused(&op, &sign(&kid, &claims(), &*signer("ES256", &CLIENT_EC)), "a key of another kind")
        .await;
    // where none is registered, any of the right kind
    for alg in ["RS256", "PS512"] {
        let claims = self::claims("conf-anykey");
        let made = sign(&json!({"alg": alg, "kid": "c-rsa"}), &claims, &*signer(alg, &CLIENT_RSA));
        accepted(&op, &made, alg).await;
    }
    for (client, alg, fits) in [
        ("conf-anymac", "HS384", true),
        ("conf-anymac", "HS512", true),
        ("conf-secretjwt", "HS384", false),
        ("conf-pkjwt", "HS256", false),
    ] {
        let made = sign(&json!({"alg": alg}), &self::claims(client), &*hmac(alg, KEPT));
        let answer = present(&op, &made).await;
        if fits { is_accepted(&answer, alg) } else { is_refused(&answer, alg) }
    }
    let by_key = sign_text(
        HEADER,
        &self::claims("conf-secretjwt").to_string(),
        &*signer("ES256", &CLIENT_EC),
    );
    refused(&op, &by_key, "a key where a secret is registered").await;
}

/// RFC 7515 §4.1.2 to §4.1.6, RFC 8725 §3.10: keys come from the registration, never from a header.
#[tokio::test]
async fn ca_12_keys_of_the_header() {
    let documents = Documents::default();
    let op = Setup { documents: Some(documents.clone()), ..Setup::new() }.build();
    let stranger = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    let own = stranger.to_public_key().unwrap();
    let jwks = json!({"keys": [own.as_ref()]}).to_string();
    documents.put("https://evil.example/jwks", jwks);
    for (member, value) in [
        ("jwk", Value::Object(own.as_ref().clone())),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/x5u")),
        ("x5c", json!(["AAAA"])),
        ("x5t", json!("AAAA")),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("https://evil.example/jwks")),
        ("kid", json!("x".repeat(8_000))),
        ("kid", json!("x".repeat(40_000))),
        ("kid", json!(7)),
        ("kid", json!(null)),
    ] {
        let mut header = json!({"alg": "ES256", "kid": "c-ec"});
        header[member] = value;
        let by = |key: &Jwk| sign(&header, &claims("conf-pkjwt"), &*signer("ES256", key));
        refused(&op, &by(&stranger), member).await;
        if member == "kid" {
            refused(&op, &by(&CLIENT_EC), "an unknown kid").await;
        } else {
            accepted(&op, &by(&CLIENT_EC), "and does no harm").await;
        }
    }
    assert!(documents.asked().is_empty(), "nothing is fetched");
}

/// Keys at a `jwks_uri`: asked for once more for an unknown `kid`, and only then.
#[tokio::test]
async fn ca_13_jwks_uri() {
    let documents = Documents::default();
    let op = Setup { documents: Some(documents.clone()), ..Setup::new() }.build();
    let again = format!("{JWKS_URI} again");
    let with_kid = |kid: &str, key: &Jwk| {
        let header = json!({"alg": "ES256", "kid": kid});
        sign(&header, &claims("conf-remote"), &*signer("ES256", key))
    };
    refused(&op, &assertion("conf-remote"), "nothing there").await;
    assert_eq!(documents.asked(), [JWKS_URI]);

    documents.put(JWKS_URI, client_jwks().to_string());
    accepted(&op, &assertion("conf-remote"), "there").await;
    assert_eq!(documents.asked(), [JWKS_URI]);
    refused(&op, &with_kid("c-ec", &Jwk::generate_ec_key(EcCurve::P256).unwrap()), "forged").await;
    assert_eq!(documents.asked(), [JWKS_URI], "a wrong signature is no reason to look again");
    for n in 0..100 {
        refused(&op, &with_kid(&format!("random-{n}"), &CLIENT_EC), "unknown").await;
        assert_eq!(documents.asked(), [JWKS_URI, &again], "once more, no further");
    }

    // a new key is found; while it cannot be, those that are known keep working
    let mut rotated = client_jwks();
    rotated["keys"][0]["kid"] = "c-new".into();
    documents.put_newer(JWKS_URI, None);
    refused(&op, &with_kid("c-new", &CLIENT_EC), "not to be had").await;
    accepted(&op, &assertion("conf-remote"), "an old one").await;
    documents.put_newer(JWKS_URI, Some(rotated.to_string()));
    documents.asked();
    accepted(&op, &with_kid("c-new", &CLIENT_EC), "the new one").await;
    assert_eq!(documents.asked(), [JWKS_URI, &again]);
    accepted(&op, &with_kid("c-new", &CLIENT_EC), "and again").await;
    assert_eq!(documents.asked(), [JWKS_URI]);

    // what is no key set to be used
    let many: Vec<_> = (0..10_000).map(|_| client_jwks()["keys"][0].clone()).collect();
    for body in ["", "[]", "{", "<html>", r#"{"keys":1}"#, &json!({"keys": many}).to_string()] {
        documents.put_newer(JWKS_URI, Some(body.to_owned()));
        documents.put(JWKS_URI, body);
        op.recorder.take();
        refused(&op, &assertion("conf-remote"), "no key set").await;
        let seen = op.recorder.take();
        assert_eq!(seen, [(What::TokenRefused, Some(Reason::AssertionInvalid))]);
    }
    // and where nothing fetches
    refused(&Op::new(), &assertion("conf-remote"), "unwired").await;
}

/// The same keys serve request objects, and are encrypted to.
#[tokio::test]
async fn keys_elsewhere_serve_everything() {
    let documents = Documents::default();
    documents.put(JWKS_URI, client_jwks().to_string());
    let mut setup = Setup { documents: Some(documents.clone()), ..Setup::new() };
    let remote = setup.clients.iter_mut().find(|client| client.id == *"conf-remote").unwrap();
    remote.metadata.id_token_encrypted_response_alg = Some("ECDH-ES".parse().unwrap());
    let op = setup.build();
    let redirect_uri = crate::support::redirect_uri("conf-remote");
    let object = sign_text(HEADER, r#"{"scope":"openid"}"#, &*signer("ES256", &CLIENT_EC));
    let request = Op::request_with(&[
        ("client_id", "conf-remote"),
        ("redirect_uri", &redirect_uri),
        ("request", &object),
    ]);
    for there in [true, false] {
        let code = Browser::new(&op).code(&request, crate::support::ALICE).await;
        let mut body = Op::redemption(&code).to_vec();
        body[2].1 = &redirect_uri;
        let made = assertion("conf-remote");
        body.extend([ASSERTION[0], ("client_assertion", &made)]);
        if !there {
            // the assertion's key is in, the one to encrypt to is not
            let signs_only = json!({"keys": [client_jwks()["keys"][0]]});
            documents.put(JWKS_URI, signs_only.to_string());
        }
        let answer = op.post("/token", &crate::support::form(&body), &[]).await;
        if there {
            assert_eq!(answer.status(), 200, "{:?}", answer.json());
            assert_eq!(answer.member("id_token").split('.').count(), 5);
        } else {
            assert_eq!((answer.status(), &*answer.error()), (500, "server_error"));
            let seen = op.recorder.take();
            assert_eq!(seen.last(), Some(&(What::TokenRefused, Some(Reason::ClientUnfit))));
        }
    }
}

/// RFC 7515 §2, §5.2.
#[tokio::test]
async fn jw_01_jw_02_jw_03_the_form() {
    let op = Op::new();
    let good = assertion("conf-pkjwt");
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("{good}") };
    let json = json!({"protected": header, "payload": payload, "signature": signature});
    let last = char::from(signature.as_bytes()[85] + 1);
    for (text, what) in [
        (header.to_owned(), "one part"),
        (format!("{header}.{payload}"), "two parts"),
        (format!("{good}.x"), "four parts"),
        (format!("{good}.x.y.z"), "six parts"),
        (format!("{header}..{signature}"), "no payload"),
        (format!("{header}.{payload}."), "no signature"),
        ("..".to_owned(), "nothing"),
        (json.to_string(), "JSON serialisation"),
        (format!("{good}\n"), "a line end"),
        (format!(" {good}"), "a space"),
        (format!("{good}=="), "padding"),
        (format!("{header}.{payload}.{}{last}", &signature[..85]), "spare bits"),
        (".".repeat(60_000), "dots"),
        ("a".repeat(60_000), "letters"),
        (
            signed("conf-pkjwt", &claims_with("conf-pkjwt", &json!({"x": "y".repeat(13_000)}))),
            "17 KiB",
        ),
    ] {
        refused(&op, &text, what).await;
        // with a name beside it, the answer is the same
        let body = [ASSERTION[0], ("client_assertion", &*text), ("client_id", "conf-pkjwt")];
        is_refused(&ask(&op, None, &body).await, what);
    }
    for more in [
        r#""crit":["unknown"],"unknown":true"#,
        r#""crit":[]"#,
        r#""crit":["exp"],"exp":1"#,
        r#""crit":["alg"]"#,
        r#""crit":["b64"],"b64":false"#,
        r#""b64":false"#,
        r#""alg":"none""#,
    ] {
        let header = format!(r#"{{"alg":"ES256","kid":"c-ec",{more}}}"#);
        let text = claims("conf-pkjwt").to_string();
        refused(&op, &sign_text(&header, &text, &*signer("ES256", &CLIENT_EC)), more).await;
    }
    accepted(&op, &good, "the good one").await;
}

/// Whoever knows the provider's public key can encrypt: it takes a signature to be somebody.
#[tokio::test]
async fn jw_10_encryption_is_no_signature() {
    let op = Setup::full().build();
    let jwks = op.jwks().await;
    let to = jwks["keys"].as_array().unwrap().iter().find(|key| key["use"] == "enc").unwrap();
    for text in [claims("conf-pkjwt").to_string(), unsigned(&claims("conf-pkjwt"))] {
        refused(&op, &seal(&text, &json!({"cty": "JWT"}), to), "encrypted").await;
    }
}

/// No overflow, no panic, no way in.
#[tokio::test]
async fn jw_12_times_out_of_this_world() {
    let op = Op::new();
    for time in [
        "-1",
        "9223372036854775807",
        "9223372036854775808",
        "1e308",
        "1e3",
        "1.5",
        "\"1800000060\"",
        "null",
        "[]",
        "{}",
        "true",
        "253402300800",
    ] {
        for name in ["exp", "nbf", "iat"] {
            let mut claims = claims("conf-pkjwt");
            claims.as_object_mut().unwrap().remove(name);
            let text = claims.to_string();
            let text = format!(r#"{},"{name}":{time}}}"#, &text[..text.len() - 1]);
            let made = sign_text(HEADER, &text, &*signer("ES256", &CLIENT_EC));
            refused(&op, &made, &format!("{name}: {time}")).await;
        }
    }
    let backwards = json!({"iat": NOW + 20, "exp": NOW + 10});
    refused(&op, &signed("conf-pkjwt", &claims_with("conf-pkjwt", &backwards)), "exp < iat").await;
}
