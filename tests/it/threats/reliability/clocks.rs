//! RE-14: the wall clock steps, and comes to the ends of what it can show.
//!
//! The provider takes a step back of five seconds or less for none, so that what has expired stays so. A longer
//! one it believes: what had expired is good again until the same time comes by once more. What was used or taken
//! back is written down, and stays so whatever the clock shows.

use std::sync::Arc;

use oidc_op::{
    Clock, Duration, Timestamp,
    store::{MemoryStore, Store},
    test_util::TestClock,
};
use serde_json::json;

use crate::support::{ALICE, Answer, Ask, BOB, Browser, Op, Setup, Tokens, claims};

const NOW: i64 = 1_800_000_000;
const TEN_YEARS: i64 = 3_653 * 86_400;
const END_OF_9999: i64 = 253_402_300_799;
/// After this no date fits into a token.
const LAST: i64 = (1 << 40) - 1;

/// A provider whose clock steps, on a store that may have another one.
fn stepping() -> (Op, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::with_clock(TestClock::at(Timestamp::from_unix(NOW))));
    let shared: Arc<dyn Store> = store.clone();
    (Setup { store: shared, ..Setup::full() }.build(), store)
}

/// Sets the clock, whatever it shows.
fn set(op: &Op, to: i64) {
    op.clock.advance(Duration::seconds(to.wrapping_sub(op.clock.now().unix())));
    assert_eq!(op.clock.now().unix(), to);
}

/// A whole story at one time: signing in, all kinds of tokens, and what they are good for.
async fn story(op: &Op, at: i64) {
    let first = op.tokens("refresh", BOB).await;
    let second = first.refreshed(op).await;
    let id = claims(&second.id);
    assert_eq!((&id["iat"], &id["exp"]), (&json!(at), &json!(at + 600)), "{at}");
    let said = op.introspect("refresh", &second.access).await.json();
    assert_eq!((&said["active"], &said["exp"]), (&json!(true), &json!(at + 600)), "{at}");
    assert_eq!(op.userinfo(&second.access).await.status(), 200, "{at}");
    let orders = "https://orders.example/";
    let body = [("grant_type", "client_credentials"), ("resource", orders)];
    let jwt = op.token_as("cc-client", &body).await.member("access_token");
    assert_eq!(claims(&jwt)["exp"], json!(at + 600), "{at}");
    assert_eq!(op.introspect("rs2", &jwt).await.json()["active"], true, "{at}");
    assert_eq!(op.revoke("refresh", &second.refresh).await.status(), 200, "{at}");
    assert_eq!(op.userinfo(&second.access).await.status(), 401, "{at}");
    let mut browser = Browser::new(op);
    browser.sign_in(BOB).await;
    assert_eq!(browser.who().await.as_deref(), Some(BOB), "{at}");
    browser.sign_out().await;
    assert_eq!(browser.who().await, None, "{at}");
}

/// An hour or ten years either way, and the times at which 32 bits, and four digits of a year, are at an end:
/// all goes on as usual.
#[tokio::test]
async fn re_14_the_clock_steps_and_all_goes_on() {
    let (op, _) = stepping();
    for at in [
        NOW + 3_600,
        NOW - 3_600,
        NOW - TEN_YEARS,
        NOW + TEN_YEARS,
        i64::from(i32::MAX),
        i64::from(i32::MAX) + 1,
        i64::from(u32::MAX),
        i64::from(u32::MAX) + 1,
        END_OF_9999,
        END_OF_9999 + 1,
        LAST - 600,
        NOW,
    ] {
        set(&op, at);
        story(&op, at).await;
    }
}

/// What was there before the clock went wrong.
struct Before {
    tokens: Tokens,
    code: String,
    browser: Browser,
    page: (Browser, String),
}

impl Before {
    async fn of(op: &Op) -> Self {
        let mut browser = Browser::new(op);
        let tokens = op.tokens("refresh", ALICE).await;
        let code = browser.ask(&Ask::of("es256", "code"), ALICE).await.get("code").to_owned();
        let mut other = Browser::new(op);
        let page = other.authorize(&Op::request()).await.page().token.clone();
        Self { tokens, code, browser, page: (other, page) }
    }

    /// Everything that is there to be done, wherever it may lead.
    async fn poke(&mut self, op: &Op) -> Vec<Answer> {
        let mut answers = vec![
            op.userinfo(&self.tokens.access).await,
            op.introspect("refresh", &self.tokens.access).await,
            op.introspect("refresh", &self.tokens.refresh).await,
            op.token_as("cc-client", &[("grant_type", "client_credentials")]).await,
            op.send("GET", "/jwks", "", &[], "").await,
            op.send("GET", "/.well-known/openid-configuration", "", &[], "").await,
            op.redeem("no code at all").await,
        ];
        let mut fresh = Browser::new(op);
        let page = fresh.authorize(&Op::request()).await;
        if let Answer::Page(page) = &page {
            answers.push(fresh.login(&page.token, ALICE).await);
        }
        answers.push(page);
        let silent = Ask::of("es256", "code").with("prompt", "none").with("max_age", "60");
        answers.push(self.browser.clone().authorize(&silent.pairs()).await);
        answers.push(self.page.0.clone().open(&self.page.1).await);
        answers.push(self.browser.clone().end_session(&[]).await);
        self.browser.who().await;
        answers
    }

    /// All of it is as good as it was.
    async fn stands(mut self, op: &Op, what: &str) {
        assert_eq!(op.userinfo(&self.tokens.access).await.status(), 200, "{what}");
        self.tokens.refreshed(op).await;
        let answer = op.exchange(&Ask::of("es256", "code"), &self.code).await;
        assert_eq!(answer.status(), 200, "{what}: {}", answer.json());
        assert_eq!(self.browser.who().await.as_deref(), Some(ALICE), "{what}");
        self.page.0.open(&self.page.1).await.page();
    }
}

/// No time breaks anything: every answer is one, and when the clock is right again, so is all else. A purge by the
/// wrong clock takes nothing that lives.
#[tokio::test]
async fn re_14_no_time_breaks_anything() {
    for at in [
        i64::MIN,
        i64::MIN + 1,
        -LAST,
        -1,
        0,
        1,
        NOW - TEN_YEARS,
        NOW - 3_600,
        NOW + 3_600,
        NOW + TEN_YEARS,
        i64::from(u32::MAX) + 1,
        END_OF_9999,
        LAST,
        LAST + 1,
        i64::MAX - 1,
        i64::MAX,
    ] {
        let (op, store) = stepping();
        let mut before = Before::of(&op).await;
        let records = store.len();
        set(&op, at);
        for answer in before.poke(&op).await {
            if let Answer::Reply(reply) = &answer {
                let status = reply.status;
                assert!([200, 303, 400, 401, 500].contains(&status), "{at}: {answer:?}");
            }
        }
        for _ in 0..3 {
            // The store refuses a node that is far ahead.
            assert_eq!(op.provider.work(1_000).await.is_ok(), at <= NOW + 3_600, "{at}");
        }
        assert!(store.len() >= records, "{at}");
        set(&op, NOW);
        before.stands(&op, &at.to_string()).await;
    }
}

/// A time that no token can hold gives none, rather than one that is good for thousands of years once the clock is
/// right again.
#[tokio::test]
async fn re_14_a_token_is_issued_at_its_own_time_or_not_at_all() {
    let (op, _) = stepping();
    for at in [i64::MIN, -LAST - 1 + NOW, -LAST, -1, LAST + 1, 2 * LAST, i64::MAX] {
        set(&op, at);
        let answer = op.token_as("cc-client", &[("grant_type", "client_credentials")]).await;
        assert_eq!((answer.status(), &*answer.error()), (500, "server_error"), "{at}");
        set(&op, NOW);
        story(&op, NOW).await;
    }
}

/// What has expired stays so when the clock is set back a little.
#[tokio::test]
async fn re_14_what_has_expired_stays_so() {
    for back in 1..=5 {
        let (op, _) = stepping();
        let before = Before::of(&op).await;
        for (lives, what) in [(60, "the code"), (600, "the access token"), (3_600, "the page")] {
            set(&op, NOW + lives);
            for _ in 0..2 {
                match what {
                    "the code" => {
                        let answer = op.exchange(&Ask::of("es256", "code"), &before.code).await;
                        assert_eq!(answer.error(), "invalid_grant", "{what}, {back} s back");
                    }
                    "the access token" => {
                        let token = &before.tokens.access;
                        assert_eq!(op.userinfo(token).await.status(), 401, "{what}, {back} s back");
                        let said = op.introspect("refresh", token).await.json();
                        assert_eq!(said, json!({"active": false}), "{what}, {back} s back");
                    }
                    _ => {
                        let answer = before.page.0.clone().open(&before.page.1).await;
                        assert_eq!(answer.status(), 400, "{what}, {back} s back");
                    }
                }
                set(&op, NOW + lives - back);
            }
        }
    }
}

/// When the clock is set back by more, what had expired is good until its time comes by again; what was used or
/// taken back is not.
#[tokio::test]
async fn re_14_what_was_used_stays_so() {
    for back in [6, 3_600, TEN_YEARS] {
        let (op, _) = stepping();
        let mut before = Before::of(&op).await;
        let ask = Ask::of("es256", "code");
        assert_eq!(op.exchange(&ask, &before.code).await.status(), 200);
        let second = before.tokens.refreshed(&op).await;
        let revoked = op.tokens("refresh", BOB).await;
        assert_eq!(op.revoke("refresh", &revoked.access).await.status(), 200);
        before.browser.sign_out().await;
        set(&op, NOW + 600);
        assert_eq!(op.userinfo(&second.access).await.status(), 401, "expired");

        set(&op, NOW + 600 - back);
        assert_eq!(op.userinfo(&second.access).await.status(), 200, "{back} s back");
        assert_eq!(op.userinfo(&revoked.access).await.status(), 401, "{back} s back");
        assert_eq!(op.exchange(&ask, &before.code).await.error(), "invalid_grant", "{back} s back");
        assert_eq!(before.browser.who().await, None, "{back} s back");
        // Within its window, which is open once more, a token gives the successor that it has; never another.
        let again = op.refresh("refresh", &before.tokens.refresh).await;
        if again.status() == 200 {
            assert_eq!(again.member("refresh_token"), second.refresh, "{back} s back");
        }
        set(&op, NOW + 600);
        assert_eq!(op.userinfo(&second.access).await.status(), 401, "its time has come again");
    }
}
