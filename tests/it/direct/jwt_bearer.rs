//! The word of an issuer that the host trusts ([RFC 7523 §2.1]); the threats are those of GX-05.
//!
//! [RFC 7523 §2.1]: https://www.rfc-editor.org/rfc/rfc7523#section-2.1

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jwk::{Jwk, alg::ec::EcCurve};
use oidc_op::{
    ClientId, Reason, Subject,
    store::{Fault, Operation},
};
use serde_json::{Value, json};

use super::{
    A, BEARER, Broken, ORDERS, faulty, granted, is_host_fault, is_refused, sorted, user_of,
};
use crate::support::{
    ALICE, Answer, BOB, Op, PARTNER, Setup, claims,
    keys::{CLIENT_EC, CLIENT_RSA, KEPT, client_jwks, es256, hs256, sign, signer, unsigned},
    races::together,
};

const NOW: i64 = 1_800_000_000;

/// What the partner says of Alice, changed; null takes a member away.
fn word(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": PARTNER, "sub": "partner:alice", "aud": "https://id.example", "iat": NOW,
        "exp": NOW + 60
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    claims
}

async fn present(op: &Op, client: &str, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let body = [("grant_type", BEARER), ("assertion", assertion)];
    op.token_as(client, &[&body[..], more].concat()).await
}

async fn say(op: &Op, changes: &Value) -> Answer {
    present(op, "trusted", &es256(&word(changes)), &[("scope", "openid email")]).await
}

/// RFC 7521 §4.1: tokens for Alice, and nothing to renew them with.
#[tokio::test]
async fn an_assertion_gives_an_access_token() {
    let op = Setup::full().build();
    let assertion = es256(&word(&json!({"jti": "1", "iat": NOW - 20})));
    let scope = [("scope", "openid email offline_access")];
    let answer = present(&op, "trusted", &assertion, &scope).await;
    let json = granted(&answer, "an assertion");
    assert!(json.get("refresh_token").is_none() && json.get("id_token").is_none(), "{json}");
    assert_eq!(sorted(&json["scope"]), ["email", "openid"]);
    let text = answer.member("access_token");
    let info = op.userinfo(&text).await.json();
    assert_eq!((&info["sub"], &info["email"]), (&json!(ALICE), &json!("alice@example.org")));
    let said = op.introspect("trusted", &text).await.json();
    assert_eq!((&said["auth_time"], &said["client_id"]), (&json!(NOW - 20), &json!("trusted")));
    op.provider.revoke_all(&Subject::new(ALICE).unwrap()).await.unwrap();
    assert_eq!(op.userinfo(&text).await.status(), 401);

    let more = [("scope", "openid orders:read"), ("resource", ORDERS)];
    op.wait(1);
    let undated = es256(&word(&json!({"jti": "2", "iat": null})));
    let answer = present(&op, "trusted", &undated, &more).await;
    is_refused(&answer, "invalid_grant", "as old as it may be");
    let later = es256(&word(&json!({"jti": "3", "iat": NOW + 1})));
    let answer = present(&op, "trusted", &later, &more).await;
    granted(&answer, "a JWT");
    let jwt = claims(&answer.member("access_token"));
    assert_eq!((&jwt["sub"], &jwt["scope"]), (&json!(ALICE), &json!("orders:read")));
}

/// RFC 7523 §3: each member.
#[tokio::test]
async fn gx_05_what_an_assertion_says() {
    let op = Setup::full().build();
    let token_endpoint = "https://id.example/token";
    for (n, (changes, fits)) in [
        (json!({}), true),
        (json!({"aud": token_endpoint}), true),
        (json!({"aud": "https://id.example/"}), false),
        (json!({"aud": "https://id.example/authorize"}), false),
        (json!({"aud": "https://other.example"}), false),
        (json!({"aud": ["https://id.example", "https://other.example"]}), false),
        (json!({"aud": ["https://id.example", token_endpoint]}), false),
        (json!({"aud": []}), false),
        (json!({"aud": null}), false),
        (json!({"aud": 7}), false),
        (json!({"exp": null}), false),
        (json!({"exp": NOW}), false),
        (json!({"exp": NOW - 1}), false),
        (json!({"exp": NOW + 1}), true),
        (json!({"exp": NOW + 3_630}), true),
        (json!({"exp": NOW + 3_631}), false),
        (json!({"exp": "1800000060"}), false),
        (json!({"exp": 1e300}), false),
        (json!({"nbf": NOW + 30}), true),
        (json!({"nbf": NOW + 31}), false),
        (json!({"iat": NOW + 30}), true),
        (json!({"iat": NOW + 31}), false),
        (json!({"iat": NOW + 20, "exp": NOW + 10}), false),
        (json!({"iat": null}), true),
        (json!({"iss": "https://stranger.example"}), false),
        (json!({"iss": null}), false),
        (json!({"iss": "trusted"}), false),
        (json!({"sub": null}), false),
        (json!({"sub": ""}), false),
        (json!({"sub": "alice"}), false),
        (json!({"sub": "partner:"}), false),
        (json!({"sub": "partner:nobody"}), false),
        (json!({"sub": "partner:carol"}), false),
    ]
    .into_iter()
    .enumerate()
    {
        op.host.disable("carol");
        let mut named = changes.clone();
        named["jti"] = n.to_string().into();
        let answer = say(&op, &named).await;
        if fits {
            granted(&answer, &changes.to_string());
        } else {
            is_refused(&answer, "invalid_grant", &changes.to_string());
        }
    }
}

/// Threat GX-05, RFC 8725 §3.1: who made it.
#[tokio::test]
async fn gx_05_signatures() {
    let op = Setup::full().build();
    let claims = |n: i32| word(&json!({"jti": n.to_string()}));
    let stranger = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    let public = client_jwks()["keys"][0].to_string();
    let own = signer("ES256", &CLIENT_EC);
    let signed = |header: Value, n, by: &dyn josekit::jws::JwsSigner| sign(&header, &claims(n), by);
    let good = signed(json!({"alg": "ES256", "kid": "c-ec"}), 0, &*own);
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (head, _) = input.split_once('.').unwrap();
    let other = crate::support::keys::b64(word(&json!({"sub": "partner:bob"})).to_string());
    for (assertion, what) in [
        (unsigned(&claims(1)), "none"),
        (unsigned(&claims(1)).replace("none", "None"), "None"),
        (signed(json!({"alg": "HS256"}), 2, &*hs256(&public)), "the public key as a secret"),
        (signed(json!({"alg": "HS256", "kid": "c-ec"}), 2, &*hs256(KEPT)), "a secret"),
        (
            signed(json!({"alg": "ES256", "kid": "c-ec"}), 3, &*signer("ES256", &stranger)),
            "a stranger's",
        ),
        (signed(json!({"alg": "ES256", "kid": "c-rsa"}), 4, &*own), "another key's name"),
        (signed(json!({"alg": "ES256", "kid": "nobody"}), 5, &*own), "nobody's name"),
        (signed(json!({"alg": "RS256", "kid": "c-ec"}), 6, &*own), "another algorithm"),
        (signed(json!({"alg": "ES256", "kid": "c-ec", "typ": "at+jwt"}), 7, &*own), "another type"),
        (signed(json!({"alg": "ES256", "kid": "c-ec", "crit": ["x"], "x": 1}), 8, &*own), "crit"),
        (
            signed(
                json!({"alg": "ES256", "jwk": Value::Object(stranger.to_public_key().unwrap().into())}),
                9,
                &*signer("ES256", &stranger),
            ),
            "the key in the header",
        ),
        (format!("{head}.{other}.{signature}"), "somebody else's words"),
        (format!("{input}."), "no signature"),
        (input.to_owned(), "two parts"),
        ("garbage".to_owned(), "garbage"),
    ] {
        let answer = present(&op, "trusted", &assertion, &[]).await;
        is_refused(&answer, "invalid_grant", what);
    }
    for (assertion, what) in [
        (good, "the partner's"),
        (signed(json!({"alg": "ES256"}), 10, &*own), "without a name"),
        (signed(json!({"alg": "ES256", "kid": "c-ec", "typ": "JWT"}), 11, &*own), "with a type"),
        (
            signed(json!({"alg": "PS256", "kid": "c-rsa"}), 12, &*signer("PS256", &CLIENT_RSA)),
            "by another of its keys",
        ),
    ] {
        granted(&present(&op, "trusted", &assertion, &[("scope", "openid")]).await, what);
    }
}

/// The same signature in other words: of r and s, n - s is as good as s.
fn twin(assertion: &str) -> String {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
        0x25, 0x51,
    ];
    let (input, signature) = assertion.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0;
    for (n, s) in N.iter().zip(&mut bytes[32..]).rev() {
        let difference = i16::from(*n) - i16::from(*s) - borrow;
        borrow = i16::from(difference < 0);
        *s = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// RFC 7523 §3, point 7: one use, by its name or, without one, by what is signed.
#[tokio::test]
async fn gx_05_replay() {
    let op = Setup::full().build();
    let scope = [("scope", "openid")];
    let named = es256(&word(&json!({"jti": "once"})));
    granted(&present(&op, "trusted", &named, &scope).await, "the first time");
    let again = es256(&word(&json!({"jti": "once", "exp": NOW + 600})));
    op.recorder.take();
    for (assertion, what) in [(&named, "the same"), (&again, "the same name")] {
        is_refused(&present(&op, "trusted", assertion, &scope).await, "invalid_grant", what);
        let reason = op.recorder.take().last().unwrap().1;
        assert_eq!(reason, Some(Reason::GrantAssertionReplayed), "{what}");
    }
    let nameless = es256(&word(&json!({})));
    granted(&present(&op, "trusted", &nameless, &scope).await, "without a name");
    for (assertion, what) in [(&nameless, "the same text"), (&twin(&nameless), "its twin")] {
        is_refused(&present(&op, "trusted", assertion, &scope).await, "invalid_grant", what);
        let reason = op.recorder.take().last().unwrap().1;
        assert_eq!(reason, Some(Reason::GrantAssertionReplayed), "{what}");
    }
    let other = es256(&word(&json!({"exp": NOW + 61})));
    granted(&present(&op, "trusted", &twin(&other), &scope).await, "a twin is a signature");
    op.wait(60);
    is_refused(&present(&op, "trusted", &named, &scope).await, "invalid_grant", "expired");
}

/// What is refused for another reason is not used up.
#[tokio::test]
async fn a_refusal_burns_nothing() {
    let op = Setup::full().build();
    let assertion = es256(&word(&json!({"jti": "kept"})));
    for (client, more, error) in [
        ("trusted", &[("scope", "openid unknown")][..], "invalid_scope"),
        ("trusted", &[("resource", "https://x.example/")], "invalid_target"),
        ("trusted", &[("resource", A), ("resource", ORDERS)], "invalid_target"),
        ("untrusted", &[("scope", "openid")], "invalid_grant"),
        ("conf-basic", &[], "unauthorized_client"),
    ] {
        is_refused(&present(&op, client, &assertion, more).await, error, client);
    }
    let missing = op.token_as("trusted", &[("grant_type", BEARER)]).await;
    is_refused(&missing, "invalid_request", "no assertion");
    granted(&present(&op, "trusted", &assertion, &[("scope", "openid")]).await, "still good");
    let answer = Op::new().token_as("trusted", &[("grant_type", BEARER)]).await;
    is_refused(&answer, "unsupported_grant_type", "no issuer is trusted");
}

/// RFC 7521 §4.1: nobody can be asked here, so a client of others needs a consent that was given before,
/// covers all that it asks for, and has not been taken back.
#[tokio::test]
async fn gx_05_consent() {
    let mut setup = Setup::full();
    setup.clients.push(user_of("agreed", &["authorization_code", BEARER], &json!({})));
    let op = setup.build();
    let mut n = 0;
    let mut next = |sub: &str| {
        n += 1;
        es256(&word(&json!({"jti": n.to_string(), "sub": format!("partner:{sub}")})))
    };
    let scope = [("scope", "openid email")];
    is_refused(&present(&op, "untrusted", &next(ALICE), &scope).await, "invalid_grant", "never");
    is_refused(&present(&op, "agreed", &next(ALICE), &scope).await, "invalid_grant", "not yet");
    op.tokens_for("agreed", ALICE, "openid email", &[]).await;
    let answer = present(&op, "agreed", &next(ALICE), &scope).await;
    granted(&answer, "remembered");
    granted(&present(&op, "agreed", &next(ALICE), &[("scope", "openid")]).await, "less");
    for (who, scope, what) in [
        (ALICE, "openid email phone", "more than she agreed to"),
        (ALICE, "openid email otp", "more than she agreed to"),
        (BOB, "openid email", "somebody else"),
    ] {
        let answer = present(&op, "agreed", &next(who), &[("scope", scope)]).await;
        is_refused(&answer, "invalid_grant", what);
    }
    let client = ClientId::new("agreed").unwrap();
    op.provider.withdraw_consent(&Subject::new(ALICE).unwrap(), &client).await.unwrap();
    is_refused(&present(&op, "agreed", &next(ALICE), &scope).await, "invalid_grant", "withdrawn");
}

/// A fault at the marker is no verdict, and burns nothing unless it was written.
#[tokio::test]
async fn store_faults() {
    let (setup, store) = faulty();
    let op = setup.build();
    let scope = [("scope", "openid")];
    for (n, fault) in [Fault::Refuse, Fault::LoseRequest].into_iter().enumerate() {
        let assertion = es256(&word(&json!({"jti": format!("marker {n}")})));
        store.reset();
        store.fail_nth_of(Operation::Put, 1, fault);
        let answer = present(&op, "trusted", &assertion, &scope).await;
        assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("5")), "{fault:?}");
        store.reset();
        granted(&present(&op, "trusted", &assertion, &scope).await, "usable again");
    }
    // the grant was written, and the writer finds out: it goes on
    store.reset();
    store.fail_nth_of(Operation::Put, 1, Fault::LoseAnswer);
    let assertion = es256(&word(&json!({"jti": "lost"})));
    granted(&present(&op, "trusted", &assertion, &scope).await, "its own mark");
    store.reset();
    is_refused(&present(&op, "trusted", &assertion, &scope).await, "invalid_grant", "used");
    // the grant itself remembers: there is one write, and nothing between
    store.reset();
    let assertion = es256(&word(&json!({"jti": "one"})));
    granted(&present(&op, "trusted", &assertion, &scope).await, "one");
    assert_eq!(store.calls().of(Operation::Put), 1);

    let (setup, store) = faulty();
    let op = setup.build_with(|b| b.issuers(Broken));
    is_host_fault(&present(&op, "trusted", &assertion, &scope).await, &store);
}

/// P-01: 32 uses at once, one success; with a name and without.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn gx_05_a_race_has_one_winner() {
    const RACERS: usize = 32;
    let op = Setup::full().build();
    for round in 0..40 {
        let jti = if round % 2 == 0 { json!(round.to_string()) } else { Value::Null };
        let assertion: Arc<str> =
            es256(&word(&json!({"jti": jti, "exp": NOW + 60 + round}))).into();
        let racers = (0..RACERS).map(|_| {
            let (op, assertion) = (op.clone(), assertion.clone());
            async move { present(&op, "trusted", &assertion, &[("scope", "openid")]).await }
        });
        let mut won = 0;
        for answer in together(racers).await {
            match answer.status() {
                200 => won += 1,
                _ => is_refused(&answer, "invalid_grant", "lost"),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
}
