//! CA: how clients prove who they are. What is in assertions is in `client_assertions`.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use oidc_op::{
    Attempt, AttemptKind, Client, ClientId, ClientSecret, HostError, Reason, SecretHashes, Throttle,
};
use serde_json::json;

use super::client_assertions::{ASSERTION, assertion, present};
use crate::support::{Answer, Op, Setup, client, form};

/// Whoever has proven who it is hears that the code is not valid.
#[track_caller]
pub(super) fn is_accepted(answer: &Answer, what: &str) {
    assert_eq!((answer.status(), &*answer.error()), (400, "invalid_grant"), "{what}");
}

/// Whoever has not hears the same, whatever was wrong.
#[track_caller]
pub(super) fn is_refused(answer: &Answer, what: &str) {
    assert_eq!((answer.status(), &*answer.error()), (401, "invalid_client"), "{what}");
    let description = Reason::CredentialsWrong.description();
    assert_eq!(answer.member("error_description"), description, "{what}: no oracle");
}

/// A token request that only who the client is decides.
pub(super) async fn ask(op: &Op, basic: Option<&str>, body: &[(&str, &str)]) -> Answer {
    let code = [("grant_type", "authorization_code"), ("code", "none"), ("redirect_uri", "x")];
    let body = form(&[&code[..], body].concat());
    let basic = basic.map(|pair| format!("Basic {}", STANDARD.encode(pair)));
    let headers: Vec<_> = basic.iter().map(|basic| ("authorization", basic.as_str())).collect();
    op.post("/token", &body, &headers).await
}

/// RFC 6749 §2.3, RFC 7521 §4.2: one method, one client.
#[tokio::test]
async fn ca_01_two_methods() {
    let op = Op::new();
    let made = assertion("conf-pkjwt");
    let [kind, text] = [ASSERTION[0], ("client_assertion", &*made)];
    let secret = ("client_secret", "conf-post");
    for (basic, body, what) in [
        (Some("conf-basic:conf-basic"), &[("client_secret", "conf-basic")][..], "Basic, secret"),
        (Some("conf-basic:conf-basic"), &[kind, text], "Basic, assertion"),
        (Some("conf-basic:conf-basic"), &[text], "Basic, assertion of no type"),
        (Some("conf-basic:conf-basic"), &[kind], "Basic, type of no assertion"),
        (Some("conf-basic:conf-basic"), &[("client_id", "conf-post")], "two names"),
        (None, &[("client_id", "conf-post"), secret, kind, text], "secret, assertion"),
        (None, &[secret, kind, text], "secret, assertion, no name"),
    ] {
        let answer = ask(&op, basic, body).await;
        assert_eq!((answer.status(), &*answer.error()), (400, "invalid_request"), "{what}");
    }
    let other = [("client_id", "conf-post"), kind, text];
    is_refused(&ask(&op, None, &other).await, "another name beside it");
    let twice = [kind, text, text];
    assert_eq!(ask(&op, None, &twice).await.error(), "invalid_request", "twice");
    // nothing of that has used it up
    is_accepted(&ask(&op, None, &[("client_id", "conf-pkjwt"), kind, text]).await, "the name");
}

/// RFC 6749 §2.3.1: credentials are not for URIs.
#[tokio::test]
async fn ca_02_credentials_in_the_uri() {
    let op = Op::new();
    let made = assertion("conf-pkjwt");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    for query in [
        &[("client_id", "conf-post"), ("client_secret", "conf-post")][..],
        &[ASSERTION[0], ("client_assertion", &*made)],
    ] {
        let body = "grant_type=authorization_code&code=none&redirect_uri=x";
        let answer = op.send("POST", "/token", &form(query), &headers, body).await;
        assert_eq!((answer.status(), &*answer.error()), (401, "invalid_client"));
    }
}

/// RFC 6749 §2.3.1, §5.2, RFC 7617 §2.
#[tokio::test]
async fn ca_03_basic_headers() {
    let mut setup = Setup::new();
    setup.clients.push(secretive("colon", vec![ClientSecret::new("a:b c%d+é")], "basic"));
    let op = setup.build();
    let encoded = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let good = encoded("conf-basic:conf-basic");
    for (header, what) in [
        ("Basic !!!!".to_owned(), "no base64"),
        (format!("Basic {}-_", STANDARD.encode("conf-basic:conf-basi")), "base64url"),
        (encoded("conf-basic:conf-basic\0"), "NUL"),
        (encoded("conf-basic"), "no colon"),
        (encoded("conf-basic:%zz"), "a stray %"),
        ("Basic".to_owned(), "nothing"),
        (good.replace("Basic ", "Digest "), "another scheme"),
    ] {
        let body = "grant_type=authorization_code&code=none&redirect_uri=x";
        let answer = op.post("/token", body, &[("authorization", &header)]).await;
        assert_eq!((answer.status(), &*answer.error()), (401, "invalid_client"), "{what}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic "), "{what}");
    }
    let body = "grant_type=authorization_code&code=none&redirect_uri=x";
    let twice = [("authorization", &*good), ("authorization", &*good)];
    assert_eq!(op.post("/token", body, &twice).await.status(), 401, "two headers");
    for good in [good.replace("Basic", "bAsIc"), good.replace("Basic ", "Basic   ")] {
        is_accepted(&op.post("/token", body, &[("authorization", &good)]).await, &good);
    }
    for (pair, fits) in [
        ("colon:a%3Ab+c%25d%2B%C3%A9", true),
        ("colon:a:b+c%25d%2B%C3%A9", true),
        ("colon:a%253Ab+c%25d%2B%C3%A9", false),
    ] {
        let answer = ask(&op, Some(pair), &[]).await;
        if fits { is_accepted(&answer, pair) } else { is_refused(&answer, pair) }
    }
}

fn secretive(name: &str, secrets: Vec<ClientSecret>, method: &str) -> Client {
    let method = json!({"token_endpoint_auth_method": format!("client_secret_{method}")});
    let mut client = client(name, false, &["https://c.example/cb"], &method);
    client.secrets = secrets;
    client
}

/// No secret is not the empty secret, and not a public client either.
#[tokio::test]
async fn ca_04_no_secret() {
    let op = Op::new();
    for name in ["conf-basic", "conf-post", "conf-pkjwt", "conf-secretjwt"] {
        is_refused(&ask(&op, Some(&format!("{name}:")), &[]).await, name);
        is_refused(&ask(&op, None, &[("client_id", name)]).await, name);
        let empty = [("client_id", name), ("client_secret", "")];
        is_refused(&ask(&op, None, &empty).await, name);
        let answer = ask(&op, None, &[("client_secret", name)]).await;
        assert_eq!((answer.status(), &*answer.error()), (401, "invalid_client"), "{name}");
    }
    is_accepted(&ask(&op, None, &[("client_id", "public-web")]).await, "a public one");
    is_refused(&ask(&op, Some("public-web:"), &[]).await, "with an empty one");
    is_refused(&ask(&op, Some("public-web:x"), &[]).await, "with any");
}

/// Compares by equality, and counts how often it is asked.
#[derive(Debug, Default)]
struct Hashes(AtomicUsize);

#[async_trait]
impl SecretHashes for Hashes {
    async fn verify(&self, hash: Option<&str>, presented: &str) -> Result<bool, HostError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(hash.is_none_or(|hash| hash == format!("$test${presented}")))
    }
}

/// Same status, same body, same headers, and one hash each.
#[tokio::test]
async fn ca_06_one_answer_and_one_amount_of_work() {
    let hashes = Arc::new(Hashes::default());
    let setup = || {
        let mut setup = Setup::new();
        let mut disabled = secretive("off", vec![ClientSecret::new("off")], "basic");
        disabled.enabled = false;
        setup.clients.push(disabled);
        setup.clients.push(secretive("human", vec![ClientSecret::hashed("$test$sesame")], "basic"));
        setup
    };
    let hashing = Setup { secret_hashes: Some(hashes.clone()), ..setup() }.build();
    for op in [setup().build(), hashing.clone()] {
        let mut seen = Vec::new();
        for pair in
            ["nobody:x", "off:off", "off:x", "conf-basic:x", "human:x", "conf-post:conf-post"]
        {
            let answer = ask(&op, Some(pair), &[]).await;
            is_refused(&answer, pair);
            let reply = answer.reply();
            seen.push((reply.status, reply.body.clone(), reply.headers.clone()));
        }
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
    }
    assert_eq!(hashes.0.load(Ordering::SeqCst), 6, "one each");
    is_accepted(&ask(&hashing, Some("conf-basic:conf-basic"), &[]).await, "a digest");
    assert_eq!(hashes.0.load(Ordering::SeqCst), 6, "and none for a digest that fits");
    is_accepted(&ask(&hashing, Some("human:sesame"), &[]).await, "a hash");

    // without anything that knows hashes they fit nothing, and the operator hears why
    let op = setup().build();
    is_refused(&ask(&op, Some("human:sesame"), &[]).await, "no hashes");
    let seen = op.recorder.take();
    assert_eq!(seen.last().unwrap().1, Some(Reason::SecretHashesMissing));
}

/// While a secret is being replaced, both are good; then only the new one.
#[tokio::test]
async fn secrets_rotate() {
    let secrets = || {
        vec![
            ClientSecret::new("old"),
            ClientSecret::hashed("$test$new"),
            ClientSecret::new("newer"),
        ]
    };
    for (from, good, bad) in
        [(0, &["old", "new", "newer"][..], &[][..]), (1, &["new", "newer"], &["old"])]
    {
        let mut setup = Setup::new();
        setup.secret_hashes = Some(Arc::new(Hashes::default()));
        setup.clients.push(secretive("rotating", secrets().split_off(from), "post"));
        let op = setup.build();
        for (presented, fits) in
            good.iter().map(|s| (s, true)).chain(bad.iter().map(|s| (s, false)))
        {
            let body = [("client_id", "rotating"), ("client_secret", presented)];
            let answer = ask(&op, None, &body).await;
            if fits { is_accepted(&answer, presented) } else { is_refused(&answer, presented) }
        }
    }
}

/// A disabled client is nobody, whatever it proves.
#[tokio::test]
async fn ca_14_disabled_clients() {
    let mut setup = Setup::new();
    for client in &mut setup.clients {
        client.enabled = false;
    }
    let op = setup.build();
    is_refused(&ask(&op, Some("conf-basic:conf-basic"), &[]).await, "Basic");
    let post = [("client_id", "conf-post"), ("client_secret", "conf-post")];
    is_refused(&ask(&op, None, &post).await, "post");
    is_refused(&ask(&op, None, &[("client_id", "public-web")]).await, "public");
    for name in ["conf-pkjwt", "conf-secretjwt"] {
        is_refused(&present(&op, &assertion(name)).await, name);
    }
}

/// Remembers what it was asked, and closes after a number of failures.
#[derive(Debug, Default)]
struct Doorman(Mutex<Vec<String>>);

#[async_trait]
impl Throttle for Doorman {
    async fn admit(&self, attempt: &Attempt<'_>) -> Result<(), Duration> {
        let mut seen = self.0.lock().unwrap();
        seen.push(format!("{:?} {}", attempt.kind, attempt.name));
        let failures = seen.iter().filter(|line| line.starts_with("failed")).count();
        if failures < 3 { Ok(()) } else { Err(Duration::from_secs(7)) }
    }

    async fn failed(&self, attempt: &Attempt<'_>) {
        let kind = if attempt.kind == AttemptKind::ClientSecret { "secret" } else { "assertion" };
        self.0.lock().unwrap().push(format!("failed {kind} {}", attempt.name));
    }
}

/// CA-07: the host's throttle is asked before and told after, of secrets and assertions alike.
#[tokio::test]
async fn ca_07_attempts_are_limited() {
    let doorman = Arc::new(Doorman::default());
    let op = Setup { throttle: doorman.clone(), ..Setup::new() }.build();
    let good = assertion("conf-pkjwt");
    ask(&op, None, &[("client_id", "public-web")]).await;
    is_refused(&ask(&op, Some("conf-basic:x"), &[]).await, "wrong");
    is_accepted(&present(&op, &good).await, "right");
    is_refused(&present(&op, &good).await, "replayed");
    is_refused(&ask(&op, Some("nobody:x"), &[]).await, "unknown");
    for answer in [present(&op, &good).await, ask(&op, Some("conf-basic:conf-basic"), &[]).await] {
        assert_eq!((answer.status(), answer.header("retry-after")), (429, Some("7")));
    }
    let seen = doorman.0.lock().unwrap();
    let expected = [
        "ClientSecret conf-basic",
        "failed secret conf-basic",
        "ClientAssertion conf-pkjwt",
        "ClientAssertion conf-pkjwt",
        "failed assertion conf-pkjwt",
        "ClientSecret nobody",
        "failed secret nobody",
        "ClientAssertion conf-pkjwt",
        "ClientSecret conf-basic",
    ];
    assert_eq!(*seen, expected);
}

/// What is kept of secrets does not print.
#[test]
fn secrets_do_not_print() {
    let secrets = vec![
        ClientSecret::new("sesame"),
        ClientSecret::kept("sesame"),
        ClientSecret::hashed("$test$sesame"),
    ];
    let client = secretive("c", secrets, "basic");
    assert_eq!(client.id, ClientId::new("c").unwrap());
    let printed = format!("{client:?}");
    assert!(!printed.contains("sesame") && printed.contains("ClientSecret(..)"), "{printed}");
}
