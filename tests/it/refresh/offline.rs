//! Who gets a refresh token: `offline_access` ([OIDC Core §11]) needs a person's consent, a code and a
//! client that may refresh; without it, only by an administrator's word and while the session lasts.
//!
//! [OIDC Core §11]: https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess

use oidc_op::{Client, Need, Reason, Scope};
use serde_json::json;

use super::{is_refused, refresher, refusal};
use crate::support::{ALICE, Answer, Ask, Browser, Op, Place, Sent, Setup, Tokens, client};

const OFFLINE: &str = "openid email offline_access";

/// The person reads of it on the page, and may leave it unticked: the client then gets the rest, and no
/// refresh token.
#[tokio::test]
async fn consent_decides() {
    for ticked in [true, false] {
        let op = Op::new();
        let ask = Ask::of("refresh", "code").with("scope", OFFLINE);
        let mut browser = Browser::new(&op);
        let page = browser.authorize(&ask.pairs()).await;
        let page = browser.login(&page.page().token, ALICE).await;
        assert_eq!(page.page().need, Need::Consent);
        assert!(page.page().scope.contains("offline_access"));
        let agreed = if ticked { OFFLINE } else { "openid email" };
        let agreed = Scope::parse(agreed).unwrap();
        let answer = browser.agree(&page.page().token, &agreed, true).await;
        let answer = op.exchange(&ask, &answer.parameter("code")).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(has_offline(&answer), ticked);
        assert_eq!(answer.json().get("refresh_token").is_some(), ticked);

        // What was left out once is asked again; what was given is not.
        let page = browser.authorize(&ask.pairs()).await;
        assert_eq!(matches!(page, Answer::Page(_)), !ticked);
        let silent = browser.quiet(&ask.clone().with("prompt", "none")).await;
        let error = silent.parameters.get("error").map(String::as_str);
        assert_eq!(error, (!ticked).then_some("consent_required"));
    }
}

/// Ignored where it means nothing: for a client without the grant type, and without a code.
#[tokio::test]
async fn ignored_without_a_code_and_without_the_grant_type() {
    let everything = json!({
        "response_types": ["code", "token", "id_token token", "code token", "code id_token"],
        "grant_types": ["authorization_code", "implicit", "refresh_token"]
    });
    let op = || of(client("every", false, &["https://every.example/cb"], &everything));
    for (id, response_type, offline) in [
        ("every", "code", true),
        ("every", "code token", true),
        ("every", "code id_token", true),
        ("every", "token", false),
        ("every", "id_token token", false),
        ("conf-basic", "code", false),
        ("hybrid", "code token", false),
    ] {
        let op = op();
        let ask = Ask::of(id, response_type).with("scope", OFFLINE);
        let mut browser = Browser::new(&op);
        let page = browser.authorize(&ask.pairs()).await;
        let page = browser.login(&page.page().token, ALICE).await;
        let asked = page.page().scope.contains("offline_access");
        assert_eq!(asked, offline, "{id} {response_type}: nobody is asked for nothing");
        let sent = Sent::of(&browser.follow(page, ALICE).await);
        if response_type.contains("token") && response_type != "code id_token" {
            let scope = sent.get("scope").contains("offline_access");
            assert_eq!(scope, offline, "{id} {response_type}");
        }
        if response_type.contains("code") {
            let answer = op.exchange(&ask, sent.get("code")).await;
            assert_eq!(answer.json().get("refresh_token").is_some(), offline, "{id}");
            assert_eq!(has_offline(&answer), offline, "{id}");
        } else {
            assert!(!sent.parameters.contains_key("refresh_token"), "RFC 6749 §4.2.2");
        }
    }
    let ask = Ask::of("every", "token").with("scope", "offline_access");
    let sent = Browser::new(&op()).quiet(&ask).await;
    sent.is_error("invalid_scope", Place::Fragment, Some("af0ifjsldkj"), "and nothing is left");
}

/// A client of the provider's own organisation gets it unasked.
#[tokio::test]
async fn a_first_party_client_gets_it() {
    let mut own = refresher("own", None);
    own.first_party = true;
    let op = of(own);
    let ask = Ask::of("own", "code").with("scope", OFFLINE);
    let mut browser = Browser::new(&op);
    let page = browser.authorize(&ask.pairs()).await;
    let answer = browser.login(&page.page().token, ALICE).await;
    let answer = op.exchange(&ask, &answer.parameter("code")).await;
    let tokens = Tokens::of("own", &answer);
    browser.sign_out().await;
    tokens.refreshed(&op).await;
}

/// Without the scope there is no refresh token, except for a client of which an administrator says so;
/// then it ends with the session, and one for offline access does not.
#[tokio::test]
async fn online_tokens_end_with_the_session() {
    let op = Op::new();
    let ask = |client: &str, scope: &str| Ask::of(client, "code").with("scope", scope);
    let mut browser = Browser::new(&op);
    let sent = browser.ask(&ask("refresh", "openid email"), ALICE).await;
    let answer = op.exchange(&ask("refresh", "openid email"), sent.get("code")).await;
    assert!(answer.json().get("refresh_token").is_none(), "not for everybody");

    let tokens = |client: &'static str, scope: &'static str| {
        let (op, ask) = (op.clone(), ask(client, scope));
        let mut browser = browser.clone();
        async move {
            let sent = browser.ask(&ask, ALICE).await;
            Tokens::of(client, &op.exchange(&ask, sent.get("code")).await)
        }
    };
    let online = tokens("online", "openid email").await;
    let offline = tokens("online", OFFLINE).await;
    let (online, offline) = (online.refreshed(&op).await, offline.refreshed(&op).await);
    browser.sign_out().await;
    is_refused(&op.refresh("online", &online.refresh).await, "signed out");
    assert_eq!(refusal(&op), Some(Reason::SessionEnded));
    assert_eq!(op.introspect("online", &online.refresh).await.json(), json!({"active": false}));
    offline.refreshed(&op).await;
}

/// The session's own end counts, and a repetition needs it as well.
#[tokio::test]
async fn online_tokens_end_when_the_session_expires() {
    let op = Op::new();
    let tokens = op.tokens_for("online", ALICE, "openid email", &[]).await;
    op.wait(8 * 3_600 - 1);
    let next = tokens.refreshed(&op).await;
    op.wait(1);
    for token in [&tokens, &next] {
        is_refused(&op.refresh("online", &token.refresh).await, "the session is over");
        assert_eq!(refusal(&op), Some(Reason::SessionEnded));
    }
}

/// Where a browser has room for one account, a sign-in by somebody else ends the session, and what
/// stands on it.
#[tokio::test]
async fn online_tokens_end_when_somebody_else_signs_in() {
    let mut setup = Setup::new();
    setup.config.limits.accounts = 1;
    let op = setup.build();
    let ask = Ask::of("online", "code").with("scope", "openid");
    let mut browser = Browser::new(&op);
    let sent = browser.ask(&ask, ALICE).await;
    let tokens = Tokens::of("online", &op.exchange(&ask, sent.get("code")).await);
    browser.sign_in(ALICE).await;
    let tokens = tokens.refreshed(&op).await;
    browser.sign_in(crate::support::BOB).await;
    is_refused(&op.refresh("online", &tokens.refresh).await, "the session is Bob's");
}

fn has_offline(answer: &Answer) -> bool {
    answer.json()["scope"].as_str().unwrap().split(' ').any(|word| word == "offline_access")
}

fn of(client: Client) -> Op {
    let mut setup = Setup::new();
    setup.clients.push(client);
    setup.build()
}
