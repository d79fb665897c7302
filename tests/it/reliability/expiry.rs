use oidc_op::{Duration, InitialAccess, store::Kind};
use serde_json::json;

use super::{
    journal::{Journal, State},
    steps::setup,
};
use crate::support::{ALICE, Answer, Ask, Browser, Op};

/// RE-15: nobody has purged for a month, then for more than a year. Every record is still there, and what has
/// expired is refused by its time.
#[tokio::test]
async fn re_15_what_has_expired_is_refused_although_it_is_there() {
    let journal = Journal::from(State::new());
    let mut wired = setup(journal.clone());
    wired.config.registration.as_mut().unwrap().secret_lifetime = Some(Duration::days(10));
    let op = wired.build();
    let ask = Ask::of("refresh", "code").with("scope", "openid email offline_access");
    let mut browser = Browser::new(&op);
    let tokens = op.tokens("refresh", ALICE).await;
    let renewed = op.tokens("public-refresh", ALICE).await;
    let code = browser.ask(&ask, ALICE).await.get("code").to_owned();
    let large = ask.clone().with("state", &"s".repeat(8_000));
    let (page, stored_page) = (Shown::of(&op, &ask).await, Shown::of(&op, &large).await);
    let question = browser.end_session(&[]).await.confirmation().token.clone();
    browser.open_confirmation(&question).await.confirmation();
    let own = op.token_as("cc-client", &[("grant_type", "client_credentials")]).await;
    let own = own.member("access_token");
    let entry =
        op.provider.issue_initial_access(&InitialAccess::once(Duration::DAY)).await.unwrap();
    let client = register(&op, None).await.json();
    let before = journal.state();

    // What lives longest is still good where only the rest has had its time.
    op.wait(9 * 86_400);
    let renewed = renewed.refreshed(&op).await;
    op.wait(9 * 86_400);
    let renewed = renewed.refreshed(&op).await;
    op.wait(13 * 86_400);
    refuses(&op.exchange(&ask, &code).await, "a code");
    refuses(&op.refresh("refresh", &tokens.refresh).await, "a refresh token that nobody used");
    refuses(&op.refresh("public-refresh", &renewed.refresh).await, "the last of its family");
    for token in [&tokens.access, &renewed.access] {
        assert_eq!(op.userinfo(token).await.status(), 401);
    }
    for (by, token) in
        [("refresh", &tokens.access), ("refresh", &tokens.refresh), ("cc-client", &own)]
    {
        assert_eq!(op.introspect(by, token).await.json(), json!({"active": false}));
    }
    assert_eq!(browser.who().await, None, "the session");
    let silent = browser.quiet(&ask.clone().with("prompt", "none")).await;
    assert_eq!(silent.get("error"), "login_required");
    for mut page in [page, stored_page] {
        let answer = page.open().await;
        assert!(matches!(&answer, Answer::Reply(reply) if reply.status == 400), "{answer:?}");
    }
    let answer = browser.open_confirmation(&question).await;
    assert!(matches!(&answer, Answer::Reply(reply) if reply.status == 400), "{answer:?}");
    assert_eq!(register(&op, Some(&entry)).await.status(), 401, "an initial access token");
    let [id, secret] = ["client_id", "client_secret"].map(|name| client[name].as_str().unwrap());
    let body = [("grant_type", "authorization_code"), ("code", "x")];
    assert_eq!(op.token(id, secret, &body).await.error(), "invalid_client", "a secret");

    // A consent is remembered for a year.
    let asked = |op: &Op| {
        let (mut browser, ask) = (Browser::new(op), ask.clone());
        async move {
            let page = browser.authorize(&ask.pairs()).await.page().token.clone();
            matches!(browser.login(&page, ALICE).await, Answer::Page(_))
        }
    };
    assert!(!asked(&op).await, "a consent is there");
    op.wait(366 * 86_400);
    assert!(asked(&op).await, "a consent has expired");

    let after = journal.state();
    for key in before.keys() {
        assert!(after.contains_key(key), "{key:?} was there all the time");
    }
    for kind in [Kind::Grant, Kind::Session, Kind::Consent, Kind::Interaction, Kind::Client] {
        assert!(before.keys().any(|key| key.kind() == kind), "{kind:?}");
    }
}

/// A page, and the browser that shows it.
struct Shown(Browser, String);

impl Shown {
    async fn of(op: &Op, ask: &Ask) -> Self {
        let mut browser = Browser::new(op);
        let token = browser.authorize(&ask.pairs()).await.page().token.clone();
        let mut page = Self(browser, token);
        page.open().await.page();
        page
    }

    async fn open(&mut self) -> Answer {
        self.0.open(&self.1).await
    }
}

pub(super) async fn register(op: &Op, token: Option<&str>) -> Answer {
    let body = json!({"redirect_uris": ["https://rp.example/cb"]}).to_string();
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    op.send("POST", "/register", "", &headers, &body).await
}

#[track_caller]
fn refuses(answer: &Answer, what: &str) {
    assert_eq!((answer.status(), &*answer.error()), (400, "invalid_grant"), "{what}");
}
