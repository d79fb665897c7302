//! No secret is seen in `Debug` or in an error (P-11, SL-05).

use std::fmt::Write;

use oidc_op::{KeySet, Login, Outcome, Request, Secret, Secrets, Subject, Verdict};

use crate::support::{ALICE, Browser, Op, Setup, form};

/// Every public value of a whole sign-in is printed; what was handed out is in none of it.
#[tokio::test]
async fn sl_05_a_whole_sign_in_prints_no_secret() {
    let setup = Setup::new();
    let mut printed = format!("{:?} {:?}", setup.secrets, setup.signer);
    write!(printed, "{:?} {:?} {:?}", setup.clients, setup.config, setup.store).unwrap();
    let op = setup.build();
    let mut browser = Browser::new(&op);
    let mut secrets = vec!["hunter2-of-the-client".to_owned()];

    let query = form(&Op::request());
    let request = Request::new("GET", "/authorize").query(&query);
    let outcome = op.provider.authorize(request).await.unwrap();
    write!(printed, "{outcome:?} {request:?} {:?}", op.provider).unwrap();
    let Outcome::Interact(interaction) = &outcome else { panic!("{outcome:?}") };
    secrets.push(interaction.token.clone());

    let answer = browser.authorize(&Op::request()).await;
    write!(printed, "{answer:?}").unwrap();
    let login = Verdict::Login(Login::new(Subject::new(ALICE).unwrap()));
    let answer = browser.submit(&answer.page().token.clone(), login).await;
    let page = answer.page();
    secrets.push(page.token.clone());
    let (token, scope) = (page.token.clone(), page.scope.clone());
    write!(printed, "{answer:?}").unwrap();
    let answer = browser.agree(&token, &scope, true).await;
    write!(printed, "{answer:?}").unwrap();
    let code = answer.parameter("code");
    secrets.extend(browser.cookies.values().cloned());

    let body = form(&Op::redemption(&code));
    let headers: [(&str, &[u8]); 2] = [
        ("content-type", b"application/x-www-form-urlencoded"),
        ("authorization", b"Basic Y29uZi1iYXNpYzpodW50ZXIyLW9mLXRoZS1jbGllbnQ="),
    ];
    let request = Request::new("POST", "/token").headers(&headers).body(body.as_bytes());
    let error = op.provider.token(request).await.unwrap_err();
    write!(printed, "{request:?} {error:?} {error} {:?}", error.reply()).unwrap();
    let answer = op.redeem(&code).await;
    write!(printed, "{answer:?}").unwrap();
    secrets.extend([code, answer.member("access_token"), answer.member("id_token")]);

    let first = op.tokens("refresh", ALICE).await;
    let headers: [(&str, &[u8]); 2] = [
        ("content-type", b"application/x-www-form-urlencoded"),
        ("authorization", b"Basic cmVmcmVzaDpyZWZyZXNo"),
    ];
    for (path, body) in [
        ("/token", format!("grant_type=refresh_token&refresh_token={}", first.refresh)),
        ("/introspect", format!("token={}", first.access)),
        ("/revoke", format!("token={}", first.refresh)),
    ] {
        let request = Request::new("POST", path).headers(&headers).body(body.as_bytes());
        let outcome = op.provider.dispatch(request).await;
        write!(printed, "{request:?} {outcome:?}").unwrap();
    }
    let inspected = op.provider.grants(&Subject::new(ALICE).unwrap(), None, 10).await.unwrap();
    write!(printed, "{inspected:?}").unwrap();
    secrets.extend([first.access, first.refresh, first.id]);

    for secret in &secrets {
        assert!(!printed.contains(secret.as_str()), "{secret} in {printed}");
    }
    assert!(printed.contains("conf-basic"), "something was printed");
}

/// What is said of a person is theirs: names of claims are seen, and no more.
#[tokio::test]
async fn sl_05_what_a_sign_in_brought_is_not_printed() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let mut login = Login::new(Subject::new(ALICE).unwrap());
    login.claims.insert("nickname".into(), "hush-hush".into());
    login.claims.insert("address".into(), serde_json::json!({"locality": "Hushington"}));
    let mut printed = format!("{login:?} {:?}", Verdict::Login(login.clone()));
    let answer = browser.authorize(&Op::request()).await;
    let token = answer.page().token.clone();
    let answer = browser.submit(&token, Verdict::Login(login.clone())).await;
    write!(printed, "{answer:?}").unwrap();
    let answer = browser.agree_to_all(answer.page()).await;
    let tokens = op.redeem(&answer.parameter("code")).await;
    let inspected = op.provider.inspect(&tokens.member("access_token")).await.unwrap();
    write!(printed, "{answer:?} {tokens:?} {inspected:?}").unwrap();
    let alice = Subject::new(ALICE).unwrap();
    let sessions = op.provider.sessions(&alice, None, 10).await.unwrap();
    assert_eq!(sessions.sessions[0].authentication.claims["nickname"], "hush-hush");
    let grants = op.provider.grants(&alice, None, 10).await.unwrap();
    write!(printed, "{sessions:?} {grants:?} {:?} {:?}", op.provider, op.recorder).unwrap();
    // and too much of it is refused without a word of it
    login.claims.insert("name".into(), "hush-".repeat(2_000).into());
    let request = Request::new("POST", "/sign-in").headers(&[]);
    let refused = op.provider.sign_in(request, &login).await.unwrap_err();
    write!(printed, "{refused:?} {refused}").unwrap();
    assert!(printed.contains("nickname") && !printed.to_lowercase().contains("hush"), "{printed}");
}

/// Private keys and secrets leave only through a method whose name says so.
#[test]
fn sl_05_keys_and_secrets_are_exposed_by_name_only() {
    let keys =
        KeySet::generate(&[oidc_op::SigningAlgorithm::ES256], oidc_op::Timestamp::from_unix(0))
            .unwrap();
    let json: serde_json::Value = serde_json::from_str(&keys.expose_json()).unwrap();
    let private = json["keys"][0]["d"].as_str().unwrap();
    assert!(!format!("{keys:?}").contains(private));
    let secret = Secret::new(*b"0123456789abcdef0123456789abcdef").unwrap();
    assert!(!format!("{secret:?} {:?}", Secrets::new(secret.clone())).contains("0123"));
}
