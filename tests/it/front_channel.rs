//! Tokens that pass through the browser: how long they live, what ends them, and what becomes of a
//! form that is sent twice (OIDC Core §3.2, §3.3).

use async_trait::async_trait;
use oidc_op::{
    Account, Accounts, Agreement, Duration, HostError, Login, Provider, Reason, Request,
    SigningAlgorithm, StaticClients, Subject, Verdict, What, store::Fault,
};
use serde_json::json;

use crate::support::{
    ALICE, Answer, Ask, BOB, Browser, FLOWS, Flow, Op, Place, Sent, Setup, claims, form,
    keys::{self, es256},
};

fn with_token() -> impl Iterator<Item = Flow> {
    FLOWS.into_iter().filter(|flow| flow.has("token"))
}

/// As long as `expires_in` says, whether or not a code beside it was redeemed, and no longer.
#[tokio::test]
async fn they_live_as_long_as_they_say() {
    for flow in with_token() {
        for redeemed in [false, true] {
            let op = Op::new();
            let ask = flow.ask();
            let sent = Browser::new(&op).ask(&ask, ALICE).await;
            if let (true, Some(code)) = (redeemed, sent.parameters.get("code")) {
                assert_eq!(op.exchange(&ask, code).await.status(), 200);
            }
            op.wait(599);
            let token = sent.get("access_token");
            assert_eq!(op.userinfo(token).await.status(), 200, "{flow:?} {redeemed}");
            op.wait(1);
            assert_eq!(op.userinfo(token).await.error(), "invalid_token", "{flow:?} {redeemed}");
        }
    }
}

/// They stand on what all tokens stand on: the person, the account, the client, the code beside them.
#[tokio::test]
async fn what_ends_them() {
    for flow in with_token() {
        for end in ["disabled", "revoked", "replayed"] {
            let op = Op::new();
            let ask = flow.ask();
            let sent = Browser::new(&op).ask(&ask, ALICE).await;
            let others = Browser::new(&op).ask(&ask, BOB).await;
            op.wait(1);
            match (end, sent.parameters.get("code")) {
                ("disabled", _) => op.host.disable(ALICE),
                ("revoked", _) => {
                    op.provider.revoke_all(&Subject::new(ALICE).unwrap()).await.unwrap();
                }
                (_, Some(code)) => {
                    assert_eq!(op.exchange(&ask, code).await.status(), 200);
                    assert_eq!(op.exchange(&ask, code).await.error(), "invalid_grant");
                    let last = op.recorder.take().pop().unwrap();
                    assert_eq!(last, (What::TokenRefused, Some(Reason::CodeReplayed)));
                }
                (_, None) => continue,
            }
            let what = format!("{flow:?} {end}");
            assert_eq!(
                op.userinfo(sent.get("access_token")).await.error(),
                "invalid_token",
                "{what}"
            );
            assert_eq!(
                op.userinfo(others.get("access_token")).await.status(),
                200,
                "{what}: BOB's"
            );
        }
    }
}

/// A form sent twice, the back button, a reload: the same code, tokens of the same grant, and after a
/// revocation nothing.
#[tokio::test]
async fn a_form_sent_twice() {
    for flow in FLOWS {
        let op = Op::new();
        let mut browser = Browser::new(&op);
        let answer = browser.authorize(&flow.ask().pairs()).await;
        let login = answer.page().token.clone();
        let answer = browser.login(&login, ALICE).await;
        let (consent, scope) = (answer.page().token.clone(), answer.page().scope.clone());
        let first = Sent::of(&browser.agree(&consent, &scope, true).await);
        let mut all = vec![first.clone()];
        all.push(Sent::of(&browser.agree(&consent, &scope, true).await));
        all.push(Sent::of(&browser.open(&consent).await));
        all.push(Sent::of(&browser.open(&login).await));
        for sent in &all {
            assert_eq!(sent.names(), first.names(), "{flow:?}");
            assert_eq!(sent.parameters.get("code"), first.parameters.get("code"), "{flow:?}");
            if let Some(token) = sent.parameters.get("access_token") {
                assert_eq!(op.userinfo(token).await.json()["sub"], ALICE, "{flow:?}");
            }
            if let Some(token) = sent.parameters.get("id_token") {
                let (id, other) = (claims(token), claims(first.get("id_token")));
                for name in ["sub", "nonce", "auth_time", "sid", "c_hash", "s_hash"] {
                    assert_eq!(id.get(name), other.get(name), "{flow:?}");
                }
            }
        }
        if let Some(code) = first.parameters.get("code") {
            assert_eq!(op.exchange(&flow.ask(), code).await.status(), 200);
            browser.open(&consent).await.is_page_error(Reason::InteractionFinished);
        }
        // somebody else at the same browser gets nothing of it: an error, or an answer of their own
        let answer = browser.login(&login, BOB).await;
        let answer = browser.follow(answer, BOB).await;
        if flow.has("code") || flow.has("token") {
            answer.is_page_error(Reason::InteractionFinished);
        } else if flow.has("id_token") {
            assert_eq!(claims(Sent::of(&answer).get("id_token"))["sub"], BOB);
        }
    }
}

/// A page that is sent once more late gives a token that lives from then on, however long tokens live.
#[tokio::test]
async fn a_form_sent_late() {
    for flow in with_token() {
        let mut setup = Setup::new();
        setup.config.lifetimes.access_token = Duration::hours(2);
        setup.config.lifetimes.code = Duration::minutes(10);
        let op = setup.build();
        let mut browser = Browser::new(&op);
        let answer = browser.authorize(&flow.ask().pairs()).await;
        let answer = browser.login(&answer.page().token.clone(), ALICE).await;
        let (consent, scope) = (answer.page().token.clone(), answer.page().scope.clone());
        browser.agree(&consent, &scope, true).await;
        op.wait(if flow.has("code") { 599 } else { 3_599 });
        let sent = Sent::of(&browser.agree(&consent, &scope, true).await);
        op.wait(7_199);
        assert_eq!(op.userinfo(sent.get("access_token")).await.status(), 200, "{flow:?}");
        op.wait(1);
        assert_eq!(op.userinfo(sent.get("access_token")).await.status(), 401, "{flow:?}");
    }
}

/// Every call of the store, in every way it can fail: the client gets all of the answer or none of
/// it, and what it gets is good (P-10). The commit is last, so no token is out before its grant is.
#[tokio::test]
async fn faults_at_each_store_call_of_an_answer() {
    for flow in FLOWS {
        for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
            for nth in 1.. {
                let (op, store) = Setup::new().build_faulty();
                let (ask, mut browser) = (flow.ask(), Browser::new(&op));
                browser.ask(&ask, ALICE).await;
                store.reset();
                store.fail_nth(nth, fault);
                let sent = Sent::of(&browser.authorize(&ask.pairs()).await);
                let faulted = store.calls().total() >= nth;
                store.reset();
                let what = format!("{flow:?} {fault:?} at call {nth}");
                if let Some(error) = sent.parameters.get("error") {
                    assert_eq!(error, "temporarily_unavailable", "{what}");
                    assert_eq!(sent.names(), ["error", "error_description", "iss", "state"]);
                } else {
                    for word in ["code", "id_token"] {
                        assert_eq!(sent.parameters.contains_key(word), flow.has(word), "{what}");
                    }
                    if flow.has("token") {
                        let token = sent.get("access_token");
                        assert_eq!(op.userinfo(token).await.status(), 200, "{what}");
                    }
                    if flow.has("code") {
                        let answer = op.exchange(&ask, sent.get("code")).await;
                        assert_eq!(answer.status(), 200, "{what}");
                    }
                }
                if !faulted {
                    break;
                }
            }
        }
    }
}

/// What cannot be signed is not answered, and no grant is written for it.
#[tokio::test]
async fn a_signer_without_the_key() {
    for flow in FLOWS.into_iter().filter(|flow| flow.has("id_token")) {
        let mut setup = Setup::new();
        for client in &mut setup.clients {
            client.metadata.id_token_signed_response_alg = SigningAlgorithm::PS512.into();
        }
        let (op, store) = setup.build_faulty();
        let mut browser = Browser::new(&op);
        let answer = browser.authorize(&flow.ask().pairs()).await;
        let answer = browser.login(&answer.page().token.clone(), ALICE).await;
        store.reset();
        let mut agreement = Agreement::to_all(answer.page());
        agreement.remember = false;
        let verdict = Verdict::Consent(agreement);
        let answer = browser.submit(&answer.page().token.clone(), verdict).await;
        let what = format!("{flow:?}");
        Sent::of(&answer).is_error("server_error", Place::Fragment, Some("af0ifjsldkj"), &what);
        assert_eq!(store.calls().put, 0, "{flow:?}");
    }
}

/// An account that closes between the decision and the answer is in no ID token.
#[tokio::test]
async fn an_account_that_closes_just_now() {
    /// Knows the person, but will not say anything of them any more.
    #[derive(Debug)]
    struct Closing;

    #[async_trait]
    impl Accounts for Closing {
        async fn account(
            &self,
            _: &Subject,
            wanted: &[&str],
        ) -> Result<Option<Account>, HostError> {
            let mut account = Account::active();
            account.active = wanted.is_empty();
            Ok(Some(account))
        }
    }

    let setup = Setup::new();
    let mut client =
        setup.clients.into_iter().find(|client| client.id.as_str() == "implicit").unwrap();
    client.first_party = true;
    let provider = Provider::builder(setup.config)
        .store(setup.store)
        .clients(StaticClients::from_iter([client]))
        .accounts(Closing)
        .signer(setup.signer)
        .secrets(setup.secrets)
        .clock(setup.clock)
        .build()
        .unwrap();
    let ask = Ask::of("implicit", "id_token");
    let query = form(&ask.pairs());
    let login = Some(Login::new(Subject::new(ALICE).unwrap()));
    let request = Request::new("GET", "/authorize").query(&query);
    let answer = Answer::from(provider.authorize_as(request, login).await);
    Sent::of(&answer).is_error("login_required", Place::Fragment, Some("af0ifjsldkj"), "closed");
}

/// OAuth 2.0 without OpenID Connect: a token, and no UserInfo for it.
#[tokio::test]
async fn a_token_without_openid() {
    let op = Op::new();
    let ask = Ask::of("implicit", "token").with("scope", "email");
    let sent = Browser::new(&op).ask(&ask, ALICE).await;
    assert_eq!(sent.get("scope"), "email");
    let userinfo = op.userinfo(sent.get("access_token")).await;
    assert_eq!((userinfo.status(), userinfo.error()), (403, "insufficient_scope".into()));
}

/// Less scope than was asked: the answer through the browser says so (RFC 6749 §4.2.2).
#[tokio::test]
async fn less_scope_than_asked() {
    for flow in with_token() {
        let op = Op::new();
        let mut browser = Browser::new(&op);
        let answer = browser.authorize(&flow.ask().pairs()).await;
        let answer = browser.login(&answer.page().token.clone(), ALICE).await;
        let less = oidc_op::Scope::parse("email").unwrap();
        let sent = Sent::of(&browser.agree(&answer.page().token.clone(), &less, true).await);
        assert_eq!(sent.get("scope"), "openid email", "{flow:?}");
        let said = op.userinfo(sent.get("access_token")).await.json();
        assert_eq!((said.get("name"), said["email_verified"].as_bool()), (None, Some(true)));
    }
}

/// A request object with numbers, objects and lists in it, by POST, through the pages, and for a
/// response type that answers in a form.
#[tokio::test]
async fn a_request_object_through_the_pages() {
    let op = Setup::full().build();
    let mut object = json!({
        "max_age": 100, "resource": ["https://a.example/", "https://id.example"],
        "claims": {"userinfo": {"phone_number": {"essential": true}}}, "response_mode": "form_post"
    });
    for (name, value) in Ask::of("jar", "code").pairs() {
        object[name] = value.into();
    }
    // RFC 9101 §5: nothing but the client and the object
    let least = form(&[("client_id", "jar"), ("request", &es256(&object))]);
    let mut browser = Browser::new(&op);
    let answer = browser.authorize_by_post("", &least).await;
    let (_, parameters) = answer.redirect();
    let query = form(&[("op_continue", &parameters["op_continue"])]);
    let answer = browser.call("GET", &query, &[], "", None).await;
    assert_eq!(answer.page().resources.len(), 2);
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    let asked: Vec<_> = answer.page().claims.iter().filter(|c| c.single).collect();
    assert!(asked.len() == 1 && asked[0].essential && &*asked[0].name == "phone_number");
    let sent = Sent::of(&browser.follow(answer, ALICE).await);
    assert_eq!(sent.place, Place::Form);
    let answer = op.exchange(&Ask::of("jar", "code"), sent.get("code")).await;
    let said = op.userinfo(&answer.member("access_token")).await.json();
    assert_eq!(said["phone_number"], "+1 555 0100");

    // a bad object, and nothing beside it that proves a way back: a page
    for bad in ["x".to_owned(), keys::unsigned(&object), es256(&json!({"client_id": "jar"}))] {
        let least = form(&[("client_id", "jar"), ("request", &bad)]);
        let answer = Browser::new(&op).call("GET", &least, &[], "", None).await;
        assert_eq!((answer.status(), answer.header("location")), (400, None));
    }
}

/// A client whose ID tokens are unsigned: anybody could make a hint, so none is trusted.
#[tokio::test]
async fn az_11_an_unsigned_hint_is_nobodys() {
    let mut setup = Setup::full();
    setup
        .clients
        .push(crate::support::keyed("keyed", &json!({"id_token_signed_response_alg": "none"})));
    let op = setup.build();
    let mut browser = Browser::new(&op);
    let ask = Ask::of("keyed", "code");
    let sent = browser.ask(&ask, ALICE).await;
    let own = op.exchange(&ask, sent.get("code")).await.member("id_token");
    assert_eq!(crate::support::header(&own), json!({"alg": "none"}));
    let quiet = ask.with("prompt", "none").with("id_token_hint", &own);
    browser.quiet(&quiet).await.is_error(
        "invalid_request",
        Place::Query,
        Some("af0ifjsldkj"),
        "none",
    );
}
