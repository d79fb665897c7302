use std::{
    pin::pin,
    sync::{Arc, LazyLock, Mutex},
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    error::{BearerError, HostError, Reason},
    fetch::{Fetch, FetchError, FetchRequest, Fetched},
    jose::Jwks,
    mint::{KeySet, Signer},
    test_util::{Recorder, TestClock},
    types::{Issuer, Resource, SigningAlgorithm, Timestamp},
    wire::Request,
};
use Reason::{BearerAudience, BearerBound, BearerExpired, BearerInvalid, IssuerUnavailable};
use SigningAlgorithm::{ES256, EdDSA};
use time::Duration;

const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);
const ISSUER: &str = "https://id.example";
const ORDERS: &str = "https://orders.example";
const JWKS_URI: &str = "https://id.example/jwks";

static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::generate(&[ES256, EdDSA], NOW).unwrap());
static OTHERS: LazyLock<KeySet> = LazyLock::new(|| KeySet::generate(&[ES256], NOW).unwrap());

/// What the issuer publishes of these keys.
fn published(keys: &KeySet) -> String {
    let keys: Vec<_> = keys.published(NOW).into_iter().map(|key| Value::Object(key.jwk)).collect();
    json!({ "keys": keys }).to_string()
}

fn parts(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

fn sign(keys: &KeySet, input: &str, algorithm: SigningAlgorithm) -> String {
    let key = keys.active(algorithm, NOW).unwrap();
    let Poll::Ready(signature) =
        pin!(keys.sign(&key, input.as_bytes())).poll(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("signing did not happen inline")
    };
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap()))
}

/// A JWT by the key of the algorithm, with these members of the header replaced.
fn jwt_by(keys: &KeySet, header: &Value, claims: &Value) -> String {
    let kid = keys.active(ES256, NOW).unwrap().kid;
    let header = merged(json!({"alg": "ES256", "typ": "at+jwt", "kid": &*kid}), header);
    sign(keys, &parts(&header, claims), ES256)
}

fn jwt(claims: &Value) -> String {
    jwt_by(&KEYS, &json!({}), claims)
}

/// RFC 9068 §2.2: all that is required, and a scope.
fn good() -> Value {
    json!({
        "iss": ISSUER, "aud": ORDERS, "sub": "alice", "client_id": "app", "jti": "1",
        "iat": NOW.unix(), "exp": NOW.unix() + 600, "scope": "orders:read openid",
    })
}

/// With these members instead; null takes one away.
fn merged(mut value: Value, changes: &Value) -> Value {
    let members = value.as_object_mut().unwrap();
    for (name, change) in changes.as_object().unwrap() {
        match change {
            Value::Null => members.remove(name),
            change => members.insert(name.clone(), change.clone()),
        };
    }
    value
}

fn issuer() -> Issuer {
    Issuer::new(ISSUER).unwrap()
}

fn orders() -> Resource {
    Resource::new(ORDERS).unwrap()
}

fn by_keys() -> AccessTokenVerifier {
    let keys = Jwks::from_json(&published(&KEYS)).unwrap();
    AccessTokenVerifier::by_keys(issuer(), orders(), keys).clock(TestClock::at(NOW))
}

fn by(source: &Scripted) -> AccessTokenVerifier {
    AccessTokenVerifier::by_source(issuer(), orders(), source.clone()).clock(TestClock::at(NOW))
}

async fn reason(verifier: &AccessTokenVerifier, token: &str) -> Option<Reason> {
    verifier.verify_token(token).await.err().map(|error| error.reason().unwrap())
}

/// Says the same of every token, and counts.
#[derive(Clone, Debug)]
struct Scripted(Result<Option<Map<String, Value>>, &'static str>, Arc<Mutex<Vec<String>>>);

impl Scripted {
    fn saying(members: &Value) -> Self {
        Self(Ok(members.as_object().cloned()), Arc::default())
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.1.lock().unwrap())
    }
}

#[async_trait]
impl TokenSource for Scripted {
    async fn introspect(&self, token: &str) -> Result<Option<Map<String, Value>>, HostError> {
        self.1.lock().unwrap().push(token.to_owned());
        self.0.clone().map_err(HostError::from)
    }
}

/// The documents at the issuer, one after the other; the last one stays. None: it does not answer.
#[derive(Clone, Debug)]
struct Rotating(Arc<Mutex<Vec<Option<String>>>>, Arc<Mutex<Vec<bool>>>);

impl Rotating {
    fn new(documents: &[Option<&str>]) -> Self {
        let documents = documents.iter().rev().map(|text| text.map(str::to_owned)).collect();
        Self(Arc::new(Mutex::new(documents)), Arc::default())
    }

    fn verifier(&self) -> AccessTokenVerifier {
        let keys = IssuerKeys::at(JWKS_URI, self.clone());
        AccessTokenVerifier::by_keys(issuer(), orders(), keys).clock(TestClock::at(NOW))
    }

    /// Whether each was asked for anew.
    fn asked(&self) -> Vec<bool> {
        std::mem::take(&mut *self.1.lock().unwrap())
    }
}

#[async_trait]
impl Fetch for Rotating {
    async fn get(&self, request: &FetchRequest<'_>) -> Result<Fetched, FetchError> {
        assert_eq!(request.url, JWKS_URI);
        self.1.lock().unwrap().push(request.refresh);
        let mut documents = self.0.lock().unwrap();
        let last = documents.len() == 1;
        let document = if last { documents[0].clone() } else { documents.pop().unwrap() };
        let document = document.ok_or(FetchError::Answer(500))?;
        Ok(Fetched::new(document.into_bytes(), None))
    }
}

#[tokio::test]
async fn what_a_handler_learns() {
    let claims = json!({
        "aud": ["https://other.example", ORDERS], "auth_time": NOW.unix() - 60, "acr": "gold",
        "act": {"sub": "support"}, "department": "sales",
    });
    let token = by_keys().verify_token(&jwt(&merged(good(), &claims))).await.unwrap();
    assert_eq!((token.subject(), token.client_id()), (Some("alice"), Some("app")));
    assert_eq!(token.scope().to_string(), "orders:read openid");
    assert_eq!(token.audience(), ["https://other.example", ORDERS]);
    assert_eq!(token.expires(), Some(NOW + Duration::minutes(10)));
    assert_eq!(token.auth_time(), Some(NOW - Duration::MINUTE));
    assert_eq!(token.acr(), Some("gold"));
    assert_eq!(token.actor().unwrap()["sub"], "support");
    assert_eq!(token.claims()["department"], "sales");
    let debug = format!("{token:?}");
    assert!(debug.contains("department") && !debug.contains("sales") && !debug.contains("alice"));
}

/// RFC 9068 §4; threat TK-03: an ID token is none, nor is anything else that the issuer signs.
#[tokio::test]
async fn tk_03_only_the_type_of_access_tokens_passes() {
    for (typ, passes) in [
        (json!("at+jwt"), true),
        (json!("AT+JWT"), true),
        (json!("application/at+jwt"), true),
        (json!("Application/AT+jwt"), true),
        (Value::Null, false),
        (json!("JWT"), false),
        (json!("jwt"), false),
        (json!("logout+jwt"), false),
        (json!("at+jwt "), false),
        (json!("application/"), false),
        (json!(""), false),
    ] {
        let token = jwt_by(&KEYS, &json!({ "typ": typ }), &good());
        let expected = (!passes).then_some(BearerInvalid);
        assert_eq!(reason(&by_keys(), &token).await, expected, "{typ}");
    }
    let id_token = merged(good(), &json!({"aud": "app", "nonce": "n", "client_id": null}));
    let token = jwt_by(&KEYS, &json!({"typ": "JWT"}), &id_token);
    assert_eq!(reason(&by_keys(), &token).await, Some(BearerInvalid));
}

/// RFC 8725 §3.1; threats JW-01, JW-04: no secret, no nobody, no algorithm that was not asked for.
#[tokio::test]
async fn jw_01_algorithms_are_those_of_public_keys() {
    let header = |alg: &str| json!({"alg": alg, "typ": "at+jwt"});
    let verifier = by_keys();
    for alg in ["none", "None", "NONE", ""] {
        let token = format!("{}.", parts(&header(alg), &good()));
        assert_eq!(reason(&verifier, &token).await, Some(BearerInvalid), "{alg}");
    }
    let public = published(&KEYS);
    let x = KEYS.published(NOW)[0].jwk["x"].as_str().unwrap().to_owned();
    for secret in [public.as_bytes(), x.as_bytes(), b""] {
        let input = parts(&header("HS256"), &good());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(reason(&verifier, &token).await, Some(BearerInvalid));
    }
    let eddsa = sign(&KEYS, &parts(&header("EdDSA"), &good()), EdDSA);
    assert_eq!(reason(&verifier, &eddsa).await, None);
    let only = by_keys().algorithms(&[ES256]);
    assert_eq!(reason(&only, &eddsa).await, Some(BearerInvalid));
    assert_eq!(reason(&only, &jwt(&good())).await, None);
}

#[tokio::test]
async fn who_signed_it() {
    let other = jwt_by(&OTHERS, &json!({}), &good());
    assert_eq!(reason(&by_keys(), &other).await, Some(BearerInvalid), "unknown kid");
    let kid = KEYS.active(ES256, NOW).unwrap().kid;
    let posing = jwt_by(&OTHERS, &json!({ "kid": &*kid }), &good());
    assert_eq!(reason(&by_keys(), &posing).await, Some(BearerInvalid), "with another's name");
    let jwk = OTHERS.published(NOW)[0].jwk.clone();
    let own = jwt_by(&OTHERS, &json!({ "jwk": jwk, "kid": null }), &good());
    assert_eq!(reason(&by_keys(), &own).await, Some(BearerInvalid), "JW-05: brings its own key");
    let token = jwt(&good());
    let (head, signature) = token.rsplit_once('.').unwrap();
    let changed = if signature.starts_with('A') { 'B' } else { 'A' };
    for text in [
        &format!("{head}."),
        &format!("{head}.{changed}{}", &signature[1..]),
        &token[1..],
        "..",
        "a.b.c",
        "",
        "opaque",
        "a.b.c.d.e",
    ] {
        assert_eq!(reason(&by_keys(), text).await, Some(BearerInvalid), "{text}");
    }
    let long = merged(good(), &json!({"padding": "a".repeat(16 * 1024)}));
    assert_eq!(reason(&by_keys(), &jwt(&long)).await, Some(BearerInvalid));
}

/// RFC 9068 §2.2, §4, of a JWT; RFC 7662 §2.2, §4, of an answer, in which only what is there counts.
#[tokio::test]
async fn what_a_token_must_say() {
    let (now, never) = (NOW.unix(), Some(BearerInvalid));
    for (changes, of_jwt, introspected) in [
        (json!({}), None, None),
        // all that a JWT must have
        (json!({"iss": null}), never, None),
        (json!({"exp": null}), never, None),
        (json!({"aud": null}), never, None),
        (json!({"sub": null}), never, None),
        (json!({"client_id": null}), never, None),
        (json!({"iat": null}), never, None),
        (json!({"jti": null}), never, None),
        (json!({"scope": null}), None, None),
        // the issuer, byte for byte
        (json!({"iss": "https://id.example/"}), never, never),
        (json!({"iss": "https://ID.example"}), never, never),
        (json!({"iss": "https://evil.example"}), never, never),
        (json!({"iss": [ISSUER]}), never, never),
        // the audience
        (json!({"aud": [ORDERS]}), None, None),
        (json!({"aud": ["https://a.example", ORDERS]}), None, None),
        (json!({"aud": "https://a.example"}), Some(BearerAudience), Some(BearerAudience)),
        (json!({"aud": "https://orders.example/"}), Some(BearerAudience), Some(BearerAudience)),
        (json!({"aud": []}), Some(BearerAudience), Some(BearerAudience)),
        (json!({"aud": [ORDERS, 1]}), never, never),
        (json!({"aud": {}}), never, never),
        // times
        (json!({"exp": now + 1}), None, None),
        (json!({"exp": now, "iat": now - 1}), Some(BearerExpired), Some(BearerExpired)),
        (json!({"exp": "1700000600"}), never, never),
        (json!({"exp": 1e300}), never, never),
        (json!({"iat": now + 30}), None, None),
        (json!({"iat": now + 31}), never, never),
        (json!({"nbf": now + 30}), None, None),
        (json!({"nbf": now + 31}), never, never),
        (json!({"auth_time": "x"}), never, never),
        // shapes
        (json!({"sub": ""}), never, never),
        (json!({"sub": 1}), never, never),
        (json!({"client_id": ["app"]}), never, never),
        (json!({"jti": ""}), never, never),
        (json!({"scope": ["orders:read"]}), never, never),
        (json!({"scope": "a\"b"}), never, never),
        (json!({"acr": 1}), never, never),
        (json!({"act": "support"}), never, never),
        // RFC 7662 §2.2; a JWT says its type in the header
        (json!({"token_type": "bearer"}), None, None),
        (json!({"token_type": "refresh_token"}), None, never),
        (json!({"token_type": "N_A"}), None, never),
        (json!({"token_type": 1}), never, never),
        // RFC 9449 §7.2, RFC 8705 §3: bound to a key, whose proof nobody checks here
        (json!({"cnf": {"jkt": "x"}}), Some(BearerBound), Some(BearerBound)),
    ] {
        let claims = merged(good(), &changes);
        assert_eq!(reason(&by_keys(), &jwt(&claims)).await, of_jwt, "a JWT: {changes}");
        let source = Scripted::saying(&claims);
        assert_eq!(reason(&by(&source), "opaque").await, introspected, "introspected: {changes}");
    }
}

/// Which source a token goes to.
#[tokio::test]
async fn a_jwt_is_read_and_anything_else_is_asked_about() {
    let source = Scripted::saying(&json!({"sub": "bob"}));
    let token = jwt(&good());
    let both = by_keys().and_source(source.clone());
    assert_eq!(both.verify_token(&token).await.unwrap().subject(), Some("alice"));
    assert_eq!(reason(&both, "a.b.c").await, Some(BearerInvalid), "not asked about instead");
    assert!(source.asked().is_empty());
    assert_eq!(both.verify_token("opaque").await.unwrap().subject(), Some("bob"));
    assert_eq!(source.asked(), ["opaque"]);
    assert_eq!(by(&source).verify_token(&token).await.unwrap().subject(), Some("bob"));
    assert_eq!(source.asked(), [token], "a JWT too, if there are no keys");
    assert_eq!(reason(&by(&source), &"a".repeat(16 * 1024 + 1)).await, Some(BearerInvalid));
    assert!(source.asked().is_empty());
}

/// A fault is not the sender's: 503, and the operator learns why.
#[tokio::test]
async fn what_cannot_be_known_is_no_invalid_token() {
    let heard = Recorder::default();
    let inactive = Scripted(Ok(None), Arc::default());
    assert_eq!(reason(&by(&inactive), "opaque").await, Some(BearerInvalid));
    let broken = Scripted(Err("the cause"), Arc::default());
    let error = by(&broken).observer(heard.clone()).verify_token("opaque").await.unwrap_err();
    assert_eq!(error.reason(), Some(IssuerUnavailable));
    let reply = error.reply();
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("5")));
    assert!(!String::from_utf8(reply.body).unwrap().contains("cause"));
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the cause");
    assert_eq!(heard.take(), [(crate::What::BearerRefused, Some(IssuerUnavailable))]);
}

/// Unknown `kid`: the keys are fetched once more, and only then.
#[tokio::test]
async fn keys_rotate() {
    let (old, new) = (published(&OTHERS), published(&KEYS));
    let token = jwt(&good());
    for (documents, found, asked) in [
        (&[Some(&*new)][..], None, &[false][..]),
        (&[Some(&old), Some(&new)], None, &[false, true]),
        (&[Some(&old), Some(&old)], Some(BearerInvalid), &[false, true]),
        (&[None], Some(IssuerUnavailable), &[false]),
        (&[Some(&old), None], Some(IssuerUnavailable), &[false, true]),
        (&[Some("<html>")], Some(IssuerUnavailable), &[false]),
        (&[Some(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#)], Some(IssuerUnavailable), &[false]),
        (&[Some(r#"{"keys":[]}"#), Some(&new)], None, &[false, true]),
    ] {
        let fetch = Rotating::new(documents);
        assert_eq!(reason(&fetch.verifier(), &token).await, found, "{documents:?}");
        assert_eq!(fetch.asked(), asked, "{documents:?}");
    }
    // what no key could help is refused without a word to the issuer
    let fetch = Rotating::new(&[Some(&new)]);
    let verifier = fetch.verifier();
    let id_token = jwt_by(&KEYS, &json!({"typ": "JWT"}), &good());
    assert_eq!(reason(&verifier, &id_token).await, Some(BearerInvalid));
    assert!(fetch.asked().is_empty());
    // nor does a bad signature, or an expired token, have them fetched again
    let expired = merged(good(), &json!({"exp": NOW.unix() - 1}));
    assert_eq!(reason(&verifier, &jwt(&expired)).await, Some(BearerExpired));
    assert_eq!(fetch.asked(), [false]);
}

fn challenge(error: &BearerError) -> (u16, String) {
    let reply = error.reply();
    (reply.status, reply.header("www-authenticate").unwrap_or_default().to_owned())
}

/// RFC 6750 §2, §3.
#[tokio::test]
async fn where_the_token_stands() {
    let token = jwt(&good());
    let bearer = format!("Bearer {token}");
    let realm = "Bearer realm=\"https://orders.example\"";
    for (query, fields, status, error) in [
        ("", &[][..], 401, ""),
        ("", &["Basic aWQ6c2VjcmV0"], 401, ""),
        ("", &["DPoP abc"], 401, ""),
        ("", &["Bearer"], 400, "invalid_request"),
        ("", &["Bearer a b"], 400, "invalid_request"),
        ("", &[&*bearer, &*bearer], 400, "invalid_request"),
        ("", &["Bearer nonsense"], 401, "invalid_token"),
        ("access_token=abc", &[], 400, "invalid_request"),
        ("access_token=abc", &[&*bearer], 400, "invalid_request"),
    ] {
        let fields: Vec<_> =
            fields.iter().map(|value| ("authorization", value.as_bytes())).collect();
        let request = Request::new("GET", "/orders").query(query).headers(&fields);
        let (found, text) = challenge(&by_keys().verify(&request).await.unwrap_err());
        assert_eq!(found, status, "{query} {fields:?}");
        if error.is_empty() {
            assert_eq!(text, realm);
        } else {
            let start = format!("{realm}, error=\"{error}\", error_description=\"");
            assert!(text.starts_with(&start), "{text}");
        }
    }
    let fields = [("Authorization", bearer.as_bytes())];
    let request = Request::new("GET", "/orders").query("page=2").headers(&fields);
    assert!(by_keys().verify(&request).await.is_ok());
}

/// RFC 6750 §3.1.
#[tokio::test]
async fn scopes_are_required_by_name() {
    let token = by_keys().verify_token(&jwt(&good())).await.unwrap();
    for (scope, granted) in [
        ("orders:read", true),
        ("openid orders:read", true),
        ("", true),
        ("orders:write", false),
        ("orders:read orders:write", false),
        ("orders", false),
        ("ORDERS:READ", false),
    ] {
        let required = token.require(scope);
        assert_eq!(required.is_ok(), granted, "{scope}");
        let Err(error) = required else { continue };
        let text = format!(
            "Bearer realm=\"{ORDERS}\", error=\"insufficient_scope\", \
             error_description=\"the access token lacks a scope that is needed here\", \
             scope=\"{scope}\""
        );
        assert_eq!(challenge(&error), (403, text));
    }
    let none = merged(good(), &json!({"scope": null}));
    let token = by_keys().verify_token(&jwt(&none)).await.unwrap();
    assert!(token.require("openid").is_err());
}

/// RFC 9470 §3.
#[tokio::test]
async fn a_stronger_or_later_authentication_is_required() {
    let minutes = |n| Some(Duration::minutes(n));
    let claims = json!({"acr": "silver", "auth_time": NOW.unix() - 300});
    let token = by_keys().verify_token(&jwt(&merged(good(), &claims))).await.unwrap();
    for (acr_values, max_age, needs) in [
        (&[][..], None, ""),
        (&["silver"], minutes(5), ""),
        (&["gold", "silver"], None, ""),
        (&["gold"], None, ", acr_values=\"gold\""),
        (&["gold", "platinum"], minutes(5), ", acr_values=\"gold platinum\", max_age=\"300\""),
        (&[], minutes(4), ", max_age=\"240\""),
        (&[], minutes(-1), ", max_age=\"0\""),
    ] {
        let required = token.require_authentication(acr_values, max_age);
        assert_eq!(required.is_ok(), needs.is_empty(), "{acr_values:?} {max_age:?}");
        let Err(error) = required else { continue };
        let text = format!(
            "Bearer realm=\"{ORDERS}\", error=\"insufficient_user_authentication\", \
             error_description=\"a stronger or more recent authentication is needed here\"{needs}"
        );
        assert_eq!(challenge(&error), (401, text));
    }
    let token = by_keys().verify_token(&jwt(&good())).await.unwrap();
    assert!(token.require_authentication(&["silver"], None).is_err());
    assert!(token.require_authentication(&[], minutes(5)).is_err(), "nobody said when");
}

/// RFC 7662 §4: for a moment, not beyond `exp`, and only what is active.
#[tokio::test]
async fn a_cache_remembers_what_is_active() {
    let members = json!({"sub": "alice", "exp": NOW.unix() + 15});
    let source = Scripted::saying(&members);
    let clock = TestClock::at(NOW);
    let cache = |keep, entries| {
        TokenCache::new(source.clone(), Duration::seconds(keep), entries).clock(clock.clone())
    };
    let ask = async |cache: &TokenCache, tokens: &[&str]| {
        for token in tokens {
            let said = cache.introspect(token).await.unwrap();
            assert_eq!(said.map(Value::Object), Some(members.clone()));
        }
        source.asked()
    };
    let short = cache(10, 2);
    assert_eq!(ask(&short, &["a", "a", "b", "a", "b"]).await, ["a", "b"]);
    assert_eq!(ask(&short, &["c", "c", "a"]).await, ["c", "c"], "there is no room");
    let long = cache(600, 2);
    assert_eq!(ask(&long, &["a", "a"]).await, ["a"]);
    assert_eq!(ask(&cache(600, 0), &["a", "a"]).await, ["a", "a"]);
    clock.advance(Duration::seconds(9));
    assert_eq!(ask(&short, &["a"]).await, [""; 0]);
    clock.advance(Duration::SECOND);
    assert_eq!(ask(&short, &["a", "c", "a"]).await, ["a", "c"], "and what is old makes room");
    clock.advance(Duration::seconds(4));
    assert_eq!(ask(&long, &["a"]).await, [""; 0]);
    clock.advance(Duration::SECOND);
    assert_eq!(ask(&long, &["a", "a"]).await, ["a", "a"], "not beyond the token's life");
    clock.advance(Duration::seconds(-60));
    assert_eq!(ask(&short, &["a"]).await, ["a"], "a clock that is set back prolongs nothing");

    for said in [Ok(None), Err("no")] {
        let source = Scripted(said, Arc::default());
        let cache = TokenCache::new(source.clone(), Duration::MINUTE, 9).clock(clock.clone());
        for _ in 0..2 {
            assert!(!matches!(cache.introspect("a").await, Ok(Some(_))));
        }
        assert_eq!(source.asked(), ["a", "a"]);
    }
}
