//! The password grant ([RFC 6749 §4.3]), for those who turn it on.
//!
//! [RFC 6749 §4.3]: https://www.rfc-editor.org/rfc/rfc6749#section-4.3

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use oidc_op::{
    Account, Attempt, AttemptKind, HostError, Login, PasswordAuthenticator, PasswordCredentials,
    Subject, Throttle, store::Fault,
};
use serde_json::json;

use super::{
    A, B, Broken, ORDERS, faulty, granted, is_host_fault, is_refused, resources, sorted, user_of,
};
use crate::support::{ALICE, Answer, BOB, Op, Setup, claims};

/// Signs in as `password`; everybody's password is their name.
async fn sign_in(op: &Op, name: &str, password: &str, more: &[(&str, &str)]) -> Answer {
    let body = [("grant_type", "password"), ("username", name), ("password", password)];
    op.token_as("password", &[&body[..], more].concat()).await
}

/// RFC 9700 §2.4: nobody has it by accident.
#[tokio::test]
async fn off_unless_turned_on() {
    let answer = sign_in(&Op::new(), ALICE, ALICE, &[]).await;
    is_refused(&answer, "unsupported_grant_type", "no authenticator");
    let mut setup = Setup::full();
    let mut others_app = user_of("others-app", &["password"], &json!({}));
    others_app.password_grant = true;
    let mut not_let = user_of("not-let", &["password"], &json!({}));
    not_let.first_party = true;
    let mut unregistered = user_of("unregistered", &["client_credentials"], &json!({}));
    (unregistered.first_party, unregistered.password_grant) = (true, true);
    setup.clients.extend([others_app, not_let, unregistered]);
    let op = setup.build();
    for client in ["others-app", "not-let", "unregistered", "conf-basic"] {
        let body = [("grant_type", "password"), ("username", ALICE), ("password", ALICE)];
        is_refused(&op.token_as(client, &body).await, "unauthorized_client", client);
    }
    let answer = sign_in(&op, ALICE, ALICE, &[("scope", "openid")]).await;
    granted(&answer, "the one that may");
}

/// RFC 6749 §4.3.2, OIDC Core §2: what comes of it.
#[tokio::test]
async fn a_person_by_name_or_address() {
    let op = Setup::full().build();
    op.wait(77);
    let scope = [("scope", "openid email")];
    for name in [ALICE, "alice@example.org"] {
        let json = granted(&sign_in(&op, name, ALICE, &scope).await, name);
        assert_eq!((&json["token_type"], &json["expires_in"]), (&json!("Bearer"), &json!(600)));
        assert_eq!(sorted(&json["scope"]), ["email", "openid"]);
        assert!(json.get("refresh_token").is_none(), "no offline_access");
        let id = claims(json["id_token"].as_str().unwrap());
        assert_eq!(id["sub"], ALICE);
        assert_eq!(id["aud"], "password");
        assert_eq!((&id["auth_time"], &id["iat"]), (&json!(1_800_000_077), &json!(1_800_000_077)));
        for absent in ["nonce", "sid", "email", "name"] {
            assert!(id.get(absent).is_none(), "{absent}");
        }
        let token = json["access_token"].as_str().unwrap();
        let info = op.userinfo(token).await.json();
        assert_eq!((&info["sub"], &info["email"]), (&json!(ALICE), &json!("alice@example.org")));
        assert!(info.get("name").is_none(), "no scope asked for it");
    }
    let json = granted(&sign_in(&op, ALICE, ALICE, &[("scope", "otp"), ("otp", "123")]).await, "");
    assert!(json.get("id_token").is_none(), "no openid");
}

/// The `claims` parameter is of the authorization endpoint: claims come by scope here.
#[tokio::test]
async fn claims_come_by_scope() {
    let op = Setup::full().build();
    let wanted = json!({"id_token": {"name": null}, "userinfo": {"name": null}}).to_string();
    let more = [("scope", "openid phone"), ("claims", &*wanted)];
    let json = granted(&sign_in(&op, ALICE, ALICE, &more).await, "claims");
    assert!(claims(json["id_token"].as_str().unwrap()).get("name").is_none());
    let info = op.userinfo(json["access_token"].as_str().unwrap()).await.json();
    assert!(info.get("name").is_none() && info["phone_number"] == "+1 555 0100", "{info}");
}

/// OIDC Core §11: with `offline_access` a refresh token that rotates.
#[tokio::test]
async fn offline_access_can_be_renewed() {
    let op = Setup::full().build();
    let offline = [("scope", "openid offline_access")];
    let first = granted(&sign_in(&op, ALICE, ALICE, &offline).await, "offline");
    let token = first["refresh_token"].as_str().unwrap();
    op.wait(100);
    let second = granted(&op.refresh("password", token).await, "rotated");
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let id = claims(second["id_token"].as_str().unwrap());
    assert_eq!((&id["sub"], &id["auth_time"]), (&json!(ALICE), &json!(1_800_000_000)));
    op.wait(100);
    is_refused(&op.refresh("password", token).await, "invalid_grant", "reused");
    let next = second["refresh_token"].as_str().unwrap();
    is_refused(&op.refresh("password", next).await, "invalid_grant", "revoked by that");
}

/// What is wrong with the request is said; what is wrong with the person is not.
#[tokio::test]
async fn malformed_requests() {
    let mut setup = Setup::full();
    for client in &mut setup.clients {
        if client.id.as_str() == "password" {
            client.metadata.scope = Some(oidc_op::Scope::parse("openid otp").unwrap());
            client.resources = Some(resources(&[A, ORDERS]));
        }
    }
    let op = setup.build();
    let (grant, name, word) =
        (("grant_type", "password"), ("username", ALICE), ("password", ALICE));
    for (body, error, what) in [
        (&[grant, word][..], "invalid_request", "no name"),
        (&[grant, name], "invalid_request", "no password"),
        (&[grant, ("username", ""), word], "invalid_request", "an empty name"),
        (&[grant, name, ("password", "")], "invalid_request", "an empty password"),
        (&[grant, name, name, word], "invalid_request", "two names"),
        (&[grant, name, word, word], "invalid_request", "two passwords"),
        (&[grant, name, word, ("scope", "openid email")], "invalid_scope", "not registered"),
        (&[grant, name, word, ("scope", "op\"en")], "invalid_scope", "malformed"),
        (&[grant, name, word, ("resource", B)], "invalid_target", "not open to the client"),
        (&[grant, name, word, ("resource", "https://x.example/")], "invalid_target", "unknown"),
        (&[grant, name, word, ("resource", A), ("resource", ORDERS)], "invalid_target", "differ"),
    ] {
        is_refused(&op.token_as("password", body).await, error, what);
    }
}

/// RFC 8707 §2: for one API, in the form that it takes.
#[tokio::test]
async fn for_a_resource() {
    let op = Setup::full().build();
    let more = [("resource", ORDERS), ("scope", "openid orders:read email")];
    let json = granted(&sign_in(&op, ALICE, ALICE, &more).await, "a JWT");
    assert_eq!(json["scope"], "orders:read");
    let token = json["access_token"].as_str().unwrap();
    let jwt = claims(token);
    assert_eq!((&jwt["aud"], &jwt["sub"]), (&json!(ORDERS), &json!(ALICE)));
    assert_eq!(
        (&jwt["email"], &jwt["auth_time"]),
        (&json!("alice@example.org"), &json!(1_800_000_000))
    );
    assert_eq!(op.introspect("rs2", token).await.json()["active"], true);
    assert_eq!(op.introspect("rs1", token).await.json(), json!({"active": false}));
    assert_eq!(op.userinfo(token).await.status(), 401);
}

/// A further factor, by a scope and a parameter of the host's own.
#[tokio::test]
async fn a_further_factor() {
    let op = Setup::full().build();
    for (more, fits) in [
        (&[("scope", "openid otp"), ("otp", "123")][..], true),
        (&[("scope", "openid otp"), ("otp", "124")], false),
        (&[("scope", "openid otp")], false),
        (&[("scope", "openid otp"), ("otp", "123"), ("otp", "123")], false),
        (&[("scope", "openid")], true),
        // whoever asks for everything asks for that too
        (&[], false),
    ] {
        let answer = sign_in(&op, ALICE, ALICE, more).await;
        if fits {
            granted(&answer, &format!("{more:?}"));
        } else {
            is_refused(&answer, "invalid_grant", &format!("{more:?}"));
        }
    }
}

/// Notes what it hears of passwords; shut, it lets nobody in.
#[derive(Debug, Default)]
struct Doorman {
    heard: Mutex<Vec<String>>,
    shut: Mutex<bool>,
}

impl Doorman {
    fn note(&self, what: &str, attempt: &Attempt<'_>) {
        if attempt.kind == AttemptKind::Password {
            self.heard.lock().unwrap().push(format!("{what} {}", attempt.name));
        }
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

#[async_trait]
impl Throttle for Doorman {
    async fn admit(&self, attempt: &Attempt<'_>) -> Result<(), Duration> {
        self.note("admit", attempt);
        let shut = attempt.kind == AttemptKind::Password && *self.shut.lock().unwrap();
        if shut { Err(Duration::from_secs(31)) } else { Ok(()) }
    }

    async fn failed(&self, attempt: &Attempt<'_>) {
        self.note("failed", attempt);
    }
}

/// Threat GX-07: a name that nobody has, a wrong password, a closed account, an account that is gone:
/// one answer to the byte, and the throttle hears the same of each.
#[tokio::test]
async fn gx_07_no_names_are_told() {
    let doorman = Arc::new(Doorman::default());
    let op = Setup { throttle: doorman.clone(), ..Setup::full() }.build();
    op.host.set("carol", Account::active());
    op.host.disable("carol");
    let scope = [("scope", "openid")];
    let mut answers = Vec::new();
    for (name, password, what) in [
        ("nobody", "x", "a name that nobody has"),
        (ALICE, "x", "a wrong password"),
        ("carol", "x", "a closed account, a wrong password"),
        ("carol", "carol", "a closed account, the right password"),
        ("gone", "gone", "right for an account that is gone"),
    ] {
        let answer = sign_in(&op, name, password, &scope).await;
        is_refused(&answer, "invalid_grant", what);
        assert_eq!(doorman.heard(), [format!("admit {name}"), format!("failed {name}")], "{what}");
        answers.push(answer.reply().clone());
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    granted(&sign_in(&op, ALICE, ALICE, &scope).await, "right");
    assert_eq!(doorman.heard(), ["admit alice"], "what is right is no failure");

    *doorman.shut.lock().unwrap() = true;
    for (name, password) in [(ALICE, ALICE), (ALICE, "x"), ("nobody", "x")] {
        let answer = sign_in(&op, name, password, &scope).await;
        assert_eq!((answer.status(), answer.header("retry-after")), (429, Some("31")));
        assert!(answer.json().get("access_token").is_none());
    }
    assert!(!doorman.heard().iter().any(|line| line.starts_with("failed")), "nothing was checked");
}

/// A directory that is down is no wrong password, and no failure of the person's.
#[tokio::test]
async fn a_host_that_fails() {
    let (setup, store) = faulty();
    let doorman = Arc::new(Doorman::default());
    let op = Setup { throttle: doorman.clone(), ..setup }.build_with(|b| b.passwords(Broken));
    is_host_fault(&sign_in(&op, ALICE, ALICE, &[("scope", "openid")]).await, &store);
    assert_eq!(doorman.heard(), ["admit alice"]);
}

/// One write; every call of the store in every way it can fail: tokens that work, or 503.
#[tokio::test]
async fn faults_at_each_store_call() {
    let (setup, store) = faulty();
    let op = setup.build();
    let scope = [("scope", "openid offline_access")];
    granted(&sign_in(&op, ALICE, ALICE, &scope).await, "no fault");
    assert_eq!(store.calls().writes(), 1, "the grant");
    let mut swept = 0;
    for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
        for nth in 1.. {
            store.reset();
            store.fail_nth(nth, fault);
            let answer = sign_in(&op, ALICE, ALICE, &scope).await;
            let faulted = store.calls().total() >= nth;
            store.reset();
            match answer.status() {
                200 => {
                    assert_eq!(op.userinfo(&answer.member("access_token")).await.status(), 200);
                    let renewed = op.refresh("password", &answer.member("refresh_token")).await;
                    granted(&renewed, "what is handed out works");
                }
                503 => assert!(faulted && answer.json().get("access_token").is_none()),
                other => panic!("{fault:?} at call {nth}: {other} {}", answer.json()),
            }
            swept += 1;
            if !faulted {
                assert_eq!(answer.status(), 200);
                break;
            }
        }
    }
    assert!(swept > 12, "{swept}");
}

/// A password reset ends it, and a new sign-in begins anew.
#[tokio::test]
async fn revoke_all_ends_it() {
    let op = Setup::full().build();
    let scope = [("scope", "openid offline_access")];
    let old = granted(&sign_in(&op, ALICE, ALICE, &scope).await, "before");
    let bobs = granted(&sign_in(&op, BOB, BOB, &scope).await, "another person");
    op.provider.revoke_all(&Subject::new(ALICE).unwrap()).await.unwrap();
    let (access, refresh) = (old["access_token"].as_str().unwrap(), old["refresh_token"].as_str());
    assert_eq!(op.userinfo(access).await.status(), 401);
    assert_eq!(op.introspect("password", access).await.json(), json!({"active": false}));
    is_refused(&op.refresh("password", refresh.unwrap()).await, "invalid_grant", "revoked");
    // in the same second it cannot be told whether the password was checked before or after
    is_refused(&sign_in(&op, ALICE, ALICE, &scope).await, "invalid_grant", "at once");
    op.wait(1);
    let new = granted(&sign_in(&op, ALICE, ALICE, &scope).await, "after");
    for json in [&new, &bobs] {
        assert_eq!(op.userinfo(json["access_token"].as_str().unwrap()).await.status(), 200);
    }
}

/// Keeps what is printed of the credentials, with all that they say.
#[derive(Debug)]
struct Printer(Arc<Mutex<String>>);

#[async_trait]
impl PasswordAuthenticator for Printer {
    async fn authenticate(
        &self,
        credentials: &PasswordCredentials<'_>,
    ) -> Result<Option<Login>, HostError> {
        assert_eq!((credentials.username, credentials.password), (ALICE, "sesame-open"));
        assert_eq!(credentials.parameter("password"), Some("sesame-open"));
        *self.0.lock().unwrap() = format!("{credentials:?} {credentials:#?}");
        Ok(Some(Login::new(Subject::new(ALICE).unwrap())))
    }
}

/// P-11: a password does not print, not even by way of the other parameters.
#[tokio::test]
async fn passwords_do_not_print() {
    let printed = Arc::default();
    let op = Setup::full().build_with(|b| b.passwords(Printer(Arc::clone(&printed))));
    granted(&sign_in(&op, ALICE, "sesame-open", &[("otp", "987654")]).await, "signed in");
    let printed = printed.lock().unwrap();
    assert!(printed.contains("PasswordCredentials") && printed.contains("openid"), "{printed}");
    for secret in ["sesame", "987654"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
