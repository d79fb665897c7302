//! The drill: a token secret has leaked and is dropped. Opaque access tokens die with it; sessions and
//! refresh tokens live on, so nobody signs in again.

use std::sync::Arc;

use oidc_op::{
    Reason, Secret, Secrets,
    store::{MemoryStore, Store},
    test_util::TestClock,
};
use serde_json::json;

use super::{is_refused, refusal, thefts};
use crate::support::{ALICE, Ask, Browser, Op, Setup, Tokens};

const OLD: u8 = 1;
const NEW: u8 = 2;

/// One deployment: what stays when the provider starts anew with other secrets.
struct Site {
    store: Arc<dyn Store>,
    clock: TestClock,
}

impl Site {
    fn new() -> Self {
        let clock = Setup::new().clock;
        Self { store: Arc::new(MemoryStore::with_clock(clock.clone())), clock }
    }

    /// A node with these secrets, the first of which makes.
    fn starts(&self, secrets: &[u8]) -> Op {
        let mut setup = Setup::new();
        setup.secrets = Secrets::default();
        setup.secrets.token = secrets.iter().map(|b| Secret::new([*b; 32]).unwrap()).collect();
        setup.seed = secrets.iter().fold(0, |seed, byte| seed * 256 + u64::from(*byte));
        Setup { store: self.store.clone(), clock: self.clock.clone(), ..setup }.build()
    }
}

/// The whole drill, for clients of each policy.
#[tokio::test]
async fn dropping_a_leaked_secret_signs_nobody_out() {
    for client in ["refresh", "public-refresh", "fixed"] {
        let site = Site::new();
        let before = site.starts(&[OLD]);
        let ask = Ask::of(client, "code").with("scope", "openid email offline_access");
        let mut browser = Browser::new(&before);
        let sent = browser.ask(&ask, ALICE).await;
        let busy = Tokens::of(client, &before.exchange(&ask, sent.get("code")).await);
        let quiet = before.tokens(client, ALICE).await;

        // The new one makes, the old one is still known.
        let both = site.starts(&[NEW, OLD]);
        assert_eq!(both.userinfo(&busy.access).await.status(), 200);
        let renewed = busy.refreshed(&both).await;
        if client == "fixed" {
            assert_eq!(renewed.refresh, busy.refresh);
        } else {
            assert_ne!(maker(&renewed.refresh), maker(&busy.refresh), "under the new secret");
        }
        assert_ne!(access_maker(&renewed.access), access_maker(&busy.access));
        for access in [&busy.access, &quiet.access, &renewed.access] {
            assert_eq!(both.userinfo(access).await.status(), 200);
        }

        // The old one is gone.
        let after = site.starts(&[NEW]);
        for access in [&busy.access, &quiet.access] {
            assert_eq!(after.userinfo(access).await.status(), 401, "{client}");
            let asker = if client.starts_with("public") { "refresh" } else { client };
            let introspected = after.introspect(asker, access).await;
            assert_eq!(introspected.json(), json!({"active": false}), "{client}");
            assert_eq!(after.provider.inspect(access).await.unwrap(), None, "{client}");
        }
        assert_eq!(after.userinfo(&renewed.access).await.status(), 200);
        let mut elsewhere = Browser::new(&after);
        elsewhere.cookies.clone_from(&browser.cookies);
        assert_eq!(elsewhere.who().await.as_deref(), Some(ALICE), "the session lives");
        if !client.starts_with("public") {
            let silent = elsewhere.quiet(&ask.clone().with("prompt", "none")).await;
            assert_eq!(after.exchange(&ask, silent.get("code")).await.status(), 200);
        }

        for tokens in [renewed, quiet] {
            let next = tokens.refreshed(&after).await;
            assert_eq!(after.userinfo(&next.access).await.status(), 200, "{client}");
            if client != "fixed" {
                assert_eq!(maker(&next.refresh), maker(&next.refreshed(&after).await.refresh));
                assert_ne!(maker(&next.refresh), maker(&busy.refresh), "under the new secret");
            }
        }
        assert_eq!(thefts(&after), 0, "{client}");
    }
}

/// A repetition whose secret is gone cannot give the same successor: it is refused, and the successor
/// that is out there goes on.
#[tokio::test]
async fn a_repetition_without_its_secret_is_refused_without_harm() {
    let site = Site::new();
    let before = site.starts(&[OLD]);
    let first = before.tokens("refresh", ALICE).await;
    let second = first.refreshed(&before).await;
    let both = site.starts(&[NEW, OLD]);
    assert_eq!(first.refreshed(&both).await.refresh, second.refresh, "by the secret of its making");

    let after = site.starts(&[NEW]);
    is_refused(&after.refresh("refresh", &first.refresh).await, "its secret is gone");
    assert_eq!(refusal(&after), Some(Reason::RefreshTokenLate));
    let third = second.refreshed(&after).await;
    assert_eq!(second.refreshed(&after).await.refresh, third.refresh, "repeats under the new one");
    assert_eq!(thefts(&after), 0);

    // Of an ancestor nobody can tell any more whether it was genuine: refused, and no harm done.
    is_refused(&after.refresh("refresh", &first.refresh).await, "an ancestor of before");
    assert_eq!(refusal(&after), Some(Reason::RefreshTokenUnknown));
    third.refreshed(&after).await;
    // As long as the old secret is known, it can.
    is_refused(&both.refresh("refresh", &first.refresh).await, "an ancestor");
    assert_eq!(thefts(&both), 1);
}

/// Whoever has the leaked secret, and saw a token once, has no successor of it: the store must agree.
/// A made-up token of the dropped secret finds nothing either.
#[tokio::test]
async fn a_token_of_a_dropped_secret_counts_only_if_the_record_has_it() {
    let site = Site::new();
    let before = site.starts(&[OLD]);
    let first = before.tokens("refresh", ALICE).await;
    let after = site.starts(&[NEW]);
    // After these characters comes the tag, which says nothing without its secret.
    for i in 5..73 {
        let mut forged = first.refresh.clone().into_bytes();
        forged[i] = if forged[i] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        is_refused(&after.refresh("refresh", &forged).await, &format!("changed at {i}"));
        assert_eq!(refusal(&after), Some(Reason::RefreshTokenUnknown));
    }
    assert_eq!(thefts(&after), 0);
    first.refreshed(&after).await;
}

/// The kind and the name of the secret that made a refresh token: three bytes, four characters.
fn maker(refresh: &str) -> &str {
    &refresh[..4]
}

/// An access token begins in the same way.
fn access_maker(access: &str) -> &str {
    &access[..4]
}
