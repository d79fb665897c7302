//! What a person finds on the page of their apps and devices, and takes back there.

use std::collections::BTreeSet;

use oidc_op::{ClientId, GrantId, Reason, Scope, Subject, Timestamp, What};

use super::{is_refused, refusal};
use crate::support::{ALICE, Ask, BOB, Browser, Op};

fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

async fn held(op: &Op, who: &str) -> Vec<oidc_op::HeldGrant> {
    let page = op.provider.grants(&subject(who), None, 100).await.unwrap();
    assert_eq!(page.next, None);
    page.grants
}

#[tokio::test]
async fn a_grant_as_its_owner_reads_it() {
    let op = Op::new();
    let start = Timestamp::from_unix(1_800_000_000);
    let a = "https://a.example/";
    let tokens = op.tokens_for("refresh", ALICE, "email offline_access", &[a]).await;
    op.wait(100);
    tokens.refreshed(&op).await;
    let [grant] = &held(&op, ALICE).await[..] else { panic!("one grant") };
    assert_eq!(grant.client.as_str(), "refresh");
    assert_eq!(grant.scope, Scope::parse("email offline_access").unwrap());
    assert_eq!(grant.resources, [oidc_op::Resource::new(a).unwrap()]);
    assert_eq!((grant.made, grant.used), (start, later(start, 100)));
    assert_eq!(grant.expires, later(start, 100 + 14 * 86_400));
    assert!(grant.renewable && grant.offline);
    assert!(held(&op, BOB).await.is_empty());

    let text = grant.id.to_string();
    assert_eq!(text.parse::<GrantId>().unwrap(), grant.id);
    for wrong in ["", &text[1..], &format!("{text}A"), &format!("{text}="), &text.replace('A', "*")]
    {
        assert!(wrong == text || wrong.parse::<GrantId>().is_err(), "{wrong}");
    }
    // Its name opens nothing.
    is_refused(&op.refresh("refresh", &text).await, "a name is no token");
}

/// Somebody else's name for it changes nothing, even when they know it.
#[tokio::test]
async fn a_grant_ends_by_its_owner_alone() {
    let op = Op::new();
    let tokens = op.tokens("refresh", ALICE).await;
    let other = op.tokens("public-refresh", ALICE).await;
    let bobs = op.tokens("refresh", BOB).await;
    let id = held(&op, ALICE).await.into_iter().find(|g| g.client.as_str() == "refresh");
    let id = id.unwrap().id;
    op.recorder.take();
    assert!(!op.provider.revoke_grant(&subject(BOB), id).await.unwrap());
    assert!(op.recorder.take().is_empty());
    let tokens = tokens.refreshed(&op).await;

    op.recorder.take();
    assert!(op.provider.revoke_grant(&subject(ALICE), id).await.unwrap());
    assert_eq!(op.recorder.take(), [(What::GrantRevoked, None)]);
    assert!(!op.provider.revoke_grant(&subject(ALICE), id).await.unwrap(), "it has ended");
    assert!(op.recorder.take().is_empty());
    is_refused(&op.refresh("refresh", &tokens.refresh).await, "taken back");
    assert_eq!(refusal(&op), Some(Reason::GrantRevoked));
    assert_eq!(op.userinfo(&tokens.access).await.status(), 401);
    let left: Vec<_> = held(&op, ALICE).await.into_iter().map(|grant| grant.client).collect();
    assert_eq!(left, [ClientId::new("public-refresh").unwrap()]);
    other.refreshed(&op).await;
    bobs.refreshed(&op).await;
    let unknown: GrantId = "A".repeat(43).parse().unwrap();
    assert!(!op.provider.revoke_grant(&subject(ALICE), unknown).await.unwrap());
}

/// Only what stands: no code that is still to be redeemed, nothing revoked, expired, or of a session or
/// consent that is over.
#[tokio::test]
async fn what_has_ended_is_not_listed() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let ask = Ask::of("online", "code").with("scope", "openid");
    let sent = browser.ask(&ask, ALICE).await;
    assert!(held(&op, ALICE).await.is_empty(), "not redeemed yet");
    op.exchange(&ask, sent.get("code")).await;
    let [online] = &held(&op, ALICE).await[..] else { panic!("one grant") };
    assert!(online.renewable && !online.offline);
    browser.sign_out().await;
    assert!(held(&op, ALICE).await.is_empty(), "signed out");

    let tokens = op.tokens("refresh", ALICE).await;
    assert_eq!(held(&op, ALICE).await.len(), 1);
    op.revoke("refresh", &tokens.refresh).await;
    assert!(held(&op, ALICE).await.is_empty(), "revoked by the client");

    op.tokens("refresh", ALICE).await;
    op.wait(15 * 86_400);
    assert!(held(&op, ALICE).await.is_empty(), "expired");

    op.tokens("refresh", ALICE).await;
    op.host.disable(ALICE);
    assert!(held(&op, ALICE).await.is_empty(), "disabled");
}

#[tokio::test]
async fn pages_of_grants_miss_none() {
    let op = Op::new();
    for _ in 0..7 {
        op.tokens("refresh", ALICE).await;
    }
    for limit in [1, 3, 7, 100] {
        let mut found = BTreeSet::new();
        let mut after = None;
        loop {
            let page = op.provider.grants(&subject(ALICE), after.as_ref(), limit).await.unwrap();
            assert!(page.grants.len() <= limit as usize);
            for grant in page.grants {
                assert!(found.insert(grant.id.to_string()), "each once");
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), 7, "pages of {limit}");
    }
}

/// Taking a consent back ends every refresh token that stands on it, at this client only; agreeing again
/// revives none.
#[tokio::test]
async fn a_withdrawn_consent_ends_its_refresh_tokens() {
    let op = Op::new();
    let phone = op.tokens("refresh", ALICE).await;
    let laptop = op.tokens("refresh", ALICE).await;
    let other = op.tokens("public-refresh", ALICE).await;
    let bobs = op.tokens("refresh", BOB).await;
    let consents = async || {
        let page = op.provider.consents(&subject(ALICE), None, 100).await.unwrap();
        let mut clients: Vec<_> =
            page.consents.iter().map(|held| held.client.as_str().to_owned()).collect();
        clients.sort_unstable();
        clients
    };
    assert_eq!(consents().await, ["public-refresh", "refresh"]);
    let page = op.provider.consents(&subject(ALICE), None, 100).await.unwrap();
    let held = page.consents.iter().find(|held| held.client.as_str() == "refresh").unwrap();
    assert_eq!(held.scope, Scope::parse("openid email offline_access").unwrap());
    assert!(held.claims.iter().any(|claim| **claim == *"email") && held.refused.is_empty());

    let client = ClientId::new("refresh").unwrap();
    op.provider.withdraw_consent(&subject(ALICE), &client).await.unwrap();
    assert_eq!(consents().await, ["public-refresh"]);
    for tokens in [&phone, &laptop] {
        is_refused(&op.refresh("refresh", &tokens.refresh).await, "withdrawn");
        assert_eq!(refusal(&op), Some(Reason::ConsentWithdrawn));
        assert_eq!(op.userinfo(&tokens.access).await.status(), 200, "until it ends");
    }
    let other = other.refreshed(&op).await;
    bobs.refreshed(&op).await;
    assert_eq!(self::held(&op, ALICE).await.len(), 1);

    let again = op.tokens("refresh", ALICE).await;
    again.refreshed(&op).await;
    for tokens in [&phone, &laptop] {
        is_refused(&op.refresh("refresh", &tokens.refresh).await, "a new consent begins anew");
    }
    other.refreshed(&op).await;
}

/// One write ends all of it; what comes after that is not touched.
#[tokio::test]
async fn revoke_all_ends_every_grant() {
    let op = Op::new();
    let mut all = Vec::new();
    for client in ["refresh", "public-refresh", "fixed", "online"] {
        all.push(op.tokens(client, ALICE).await);
    }
    let bobs = op.tokens("refresh", BOB).await;
    op.provider.revoke_all(&subject(ALICE)).await.unwrap();
    assert!(held(&op, ALICE).await.is_empty());
    for tokens in &all {
        is_refused(&op.refresh(tokens.client, &tokens.refresh).await, "revoked");
        assert_eq!(refusal(&op), Some(Reason::SubjectChanged));
        assert_eq!(op.userinfo(&tokens.access).await.status(), 401);
    }
    bobs.refreshed(&op).await;
    op.tokens("refresh", ALICE).await.refreshed(&op).await;
    assert_eq!(held(&op, ALICE).await.len(), 1);
}

fn later(time: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_unix(time.unix() + seconds)
}
