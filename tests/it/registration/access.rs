//! Who may register: initial access tokens (RFC 7591 §1.2, §3), and everybody.

use oidc_op::{Attempt, Duration, InitialAccess, Reason, Request, Throttle, What};

use super::*;
use crate::support::races::together;

fn closed() -> Setup {
    setup_with(|rules| rules.access = RegistrationAccess::InitialAccessToken)
}

async fn issue(op: &Op, uses: Option<u32>, lifetime: Duration) -> String {
    let mut access = InitialAccess::once(lifetime);
    access.uses = uses;
    op.provider.issue_initial_access(&access).await.unwrap()
}

/// RFC 6750 §3.1: 401 and what is wrong with the token; no client, and nothing of why.
#[track_caller]
fn is_bad_token(answer: &Answer, what: &str) {
    assert_eq!((answer.status(), answer.error()), (401, "invalid_token".into()), "{what}");
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""));
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
}

async fn clients(op: &Op) -> usize {
    op.provider.registered_clients(None, 1_000).await.unwrap().clients.len()
}

#[tokio::test]
async fn without_a_token() {
    let op = closed().build();
    let answer = op.try_register(&web(), None).await;
    assert_eq!(answer.status(), 401);
    // RFC 6750 §3.1: nobody tried, so there is no error.
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer ") && !challenge.contains("error"), "{challenge}");
    assert_eq!(clients(&op).await, 0);
}

#[tokio::test]
async fn with_a_token_for_some_uses() {
    let op = closed().build();
    for uses in [1, 3] {
        let token = issue(&op, Some(uses), Duration::HOUR).await;
        for _ in 0..uses {
            assert_eq!(op.try_register(&web(), Some(&token)).await.status(), 201);
        }
        is_bad_token(&op.try_register(&web(), Some(&token)).await, "used up");
    }
    let token = issue(&op, None, Duration::HOUR).await;
    for _ in 0..20 {
        assert_eq!(op.try_register(&web(), Some(&token)).await.status(), 201);
    }
    assert_eq!(clients(&op).await, 24);
}

#[tokio::test]
async fn a_token_expires() {
    let op = closed().build();
    let token = issue(&op, Some(3), Duration::HOUR).await;
    op.wait(3_599);
    assert_eq!(op.try_register(&web(), Some(&token)).await.status(), 201);
    op.wait(1);
    is_bad_token(&op.try_register(&web(), Some(&token)).await, "expired");
    // and its record with it
    op.wait(2 * 3_600);
    assert_eq!(op.provider.work(100).await.unwrap(), 1);
    is_bad_token(&op.try_register(&web(), Some(&token)).await, "forgotten");
}

#[tokio::test]
async fn a_token_is_withdrawn() {
    let op = closed().build();
    for uses in [Some(3), None] {
        let token = issue(&op, uses, Duration::HOUR).await;
        let client = op.try_register(&web(), Some(&token)).await;
        assert!(op.provider.withdraw_initial_access(&token).await.unwrap());
        is_bad_token(&op.try_register(&web(), Some(&token)).await, "withdrawn");
        assert!(
            !op.provider.withdraw_initial_access(&token).await.unwrap(),
            "it was not good any more"
        );
        // what it has registered stays
        assert_eq!(Registered(client.json()).read(&op).await.status(), 200);
    }
    let used = issue(&op, Some(1), Duration::HOUR).await;
    op.try_register(&web(), Some(&used)).await;
    let expired = issue(&op, Some(1), Duration::SECOND).await;
    op.wait(1);
    for token in [&used, &expired, "nonsense", ""] {
        assert!(!op.provider.withdraw_initial_access(token).await.unwrap(), "{token}");
    }
}

/// Tokens of every other kind, and nearly this one.
#[tokio::test]
async fn tokens_of_another_kind() {
    for open in [false, true] {
        let mut setup = closed();
        if open {
            setup.config.registration.as_mut().unwrap().access = RegistrationAccess::Open;
        }
        let op = setup.build();
        let initial = issue(&op, None, Duration::HOUR).await;
        let client = Registered(op.try_register(&refreshing(), Some(&initial)).await.json());
        let tokens = client.tokens(&op).await;
        let foreign = closed();
        let foreign = Setup { seed: 9, ..foreign }.build();
        let foreign = issue(&foreign, None, Duration::HOUR).await;
        let (start, end) = initial.split_at(initial.len() - 2);
        let edited = format!("{start}{}", if end == "AA" { "BB" } else { "AA" });
        let before = clients(&op).await;
        for token in [
            client.text("registration_access_token"),
            client.text("client_secret"),
            client.id(),
            &tokens.member("access_token"),
            &tokens.member("refresh_token"),
            &tokens.member("id_token"),
            &foreign,
            &edited,
            start,
            &format!("{initial}A"),
            "x",
        ] {
            is_bad_token(&op.try_register(&web(), Some(token)).await, token);
        }
        // Other schemes, several headers, other places (RFC 6750 §2): never taken for nothing at all.
        let bearer = format!("Bearer {initial}");
        let body = web().to_string();
        let json = ("content-type", "application/json");
        for headers in [
            vec![json, ("authorization", "Basic YTpi")],
            vec![json, ("authorization", "Bearer")],
            vec![json, ("authorization", "Bearer ")],
            vec![json, ("authorization", "")],
            vec![json, ("authorization", &bearer), ("authorization", &bearer)],
            vec![json, ("authorization", &bearer), ("authorization", "Basic YTpi")],
        ] {
            let answer = op.send("POST", "/register", "", &headers, &body).await;
            assert_eq!(answer.status(), 401, "{headers:?}");
        }
        let query = format!("access_token={initial}");
        let answer = op.send("POST", "/register", &query, &[json], &body).await;
        assert_eq!(answer.status(), if open { 201 } else { 401 });
        assert_eq!(clients(&op).await, before + usize::from(open));
    }
}

/// What is refused costs nothing.
#[tokio::test]
async fn a_refusal_does_not_use_a_token_up() {
    let op = closed().build();
    let token = issue(&op, Some(1), Duration::HOUR).await;
    for metadata in [json!({}), json!([]), web_with(&json!({ "jwks_uri": "http://x.example/" }))] {
        assert_eq!(op.try_register(&metadata, Some(&token)).await.status(), 400);
    }
    assert_eq!(op.try_register(&web(), Some(&token)).await.status(), 201);
    is_bad_token(&op.try_register(&web(), Some(&token)).await, "used up");
}

/// Who may not register is not told what would be wrong with what they send.
#[tokio::test]
async fn a_stranger_is_turned_away_first() {
    let op = closed().build();
    for body in ["", "{", "[]", "{\"redirect_uris\":1}"] {
        let answer =
            op.send("POST", "/register", "", &[("content-type", "text/plain")], body).await;
        assert_eq!(answer.status(), 401, "{body}");
    }
}

/// 64 at once with one token of n uses are n clients, never more and never fewer (P-01 for registration).
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn race_of_64_registrations_with_one_token() {
    for round in 0..60 {
        for uses in [1, 5, 40] {
            let op = closed().build();
            let token: Arc<str> = issue(&op, Some(uses), Duration::HOUR).await.into();
            let answers = together((0..64).map(|_| {
                let (op, token) = (op.clone(), token.clone());
                async move { op.try_register(&web(), Some(&token)).await }
            }))
            .await;
            let mut ids = std::collections::HashSet::new();
            for answer in answers {
                match answer.status() {
                    201 => assert!(ids.insert(answer.member("client_id"))),
                    401 => assert_eq!(answer.error(), "invalid_token"),
                    other => panic!("round {round}, {uses} uses: {other} {}", answer.json()),
                }
            }
            assert_eq!(ids.len(), uses as usize, "round {round}");
            assert_eq!(clients(&op).await, uses as usize, "round {round}");
        }
    }
}

/// The host's own limit is asked first, and says how long to wait.
#[tokio::test]
async fn the_hosts_throttle_is_asked() {
    #[derive(Debug, Default)]
    struct Slow(std::sync::Mutex<Vec<String>>);

    #[async_trait::async_trait]
    impl Throttle for Slow {
        async fn admit(&self, attempt: &Attempt<'_>) -> Result<(), std::time::Duration> {
            let asked = format!("{:?} {:?} {:?}", attempt.kind, attempt.name, attempt.peer);
            let mut seen = self.0.lock().unwrap();
            seen.push(asked);
            if seen.len() > 1 { Err(std::time::Duration::from_secs(77)) } else { Ok(()) }
        }

        async fn failed(&self, _: &Attempt<'_>) {}
    }

    let throttle = Arc::new(Slow::default());
    let mut setup = setup();
    setup.throttle = throttle.clone();
    let (op, store) = faulty(setup);
    let client = op.register(&web()).await;
    store.reset();
    let answer = op.try_register(&web(), None).await;
    assert_eq!((answer.status(), answer.header("retry-after")), (429, Some("77")));
    assert_eq!(store.calls().total(), 0, "it costs nothing more");
    assert_eq!(*throttle.0.lock().unwrap(), ["Registration \"\" None"; 2]);
    assert_eq!(client.read(&op).await.status(), 200, "who manages itself is no stranger");
}

/// A host that calls the method while there is no registration registers nobody.
#[tokio::test]
async fn the_method_without_the_endpoint() {
    let op = Op::new();
    let body = web().to_string();
    let headers = [("content-type", &b"application/json"[..])];
    for method in ["POST", "GET", "PUT", "DELETE"] {
        let request = Request::new(method, "/register").headers(&headers).body(body.as_bytes());
        let error = op.provider.registration(request).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::RegistrationDenied), "{method}");
        assert_eq!(error.reply().status, 403, "{method}");
    }
    assert_eq!(clients(&op).await, 0);
}

/// Everybody may, and who has a token is known all the same.
#[tokio::test]
async fn open_to_everybody() {
    let op = setup().build();
    op.register(&web()).await;
    let token = issue(&op, Some(1), Duration::HOUR).await;
    assert_eq!(op.try_register(&web(), Some(&token)).await.status(), 201);
    is_bad_token(&op.try_register(&web(), Some(&token)).await, "used up, here too");
    let seen = op.recorder.take();
    assert_eq!(seen.last(), Some(&(What::RegistrationRefused, Some(Reason::BearerInvalid))));
}
