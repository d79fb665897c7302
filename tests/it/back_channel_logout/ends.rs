//! Which ends clients hear of: all that somebody has brought about, whoever it was.

use oidc_op::SubjectChange;
use serde_json::json;

use super::{World, apps, logout_uri, subject, told, visit};
use crate::support::{ALICE, Ask, BOB, Browser, Place, Tokens};

#[derive(Clone, Copy, Debug)]
enum End {
    AtTheBrowser,
    ByThePerson,
    Everywhere,
    Changed(SubjectChange),
    RevokedThenEnded,
    RevokedThenSignedInAgain,
    BeyondTheLimit,
}

impl End {
    const ALL: [Self; 9] = [
        Self::AtTheBrowser,
        Self::ByThePerson,
        Self::Everywhere,
        Self::Changed(SubjectChange::Credentials),
        Self::Changed(SubjectChange::Disabled),
        Self::Changed(SubjectChange::Deleted),
        Self::RevokedThenEnded,
        Self::RevokedThenSignedInAgain,
        Self::BeyondTheLimit,
    ];

    async fn come(self, world: &World, browser: &mut Browser) {
        let (provider, alice) = (&world.op.provider, subject(ALICE));
        match self {
            Self::AtTheBrowser => drop(browser.sign_out().await),
            Self::ByThePerson => {
                let held = provider.sessions(&alice, None, 10).await.unwrap();
                let bob = subject(BOB);
                assert!(!provider.end_session_of(&bob, held.sessions[0].id).await.unwrap());
                assert!(provider.end_session_of(&alice, held.sessions[0].id).await.unwrap());
            }
            Self::Everywhere => assert_eq!(provider.end_sessions_of(&alice).await.unwrap(), 1),
            Self::Changed(change) => provider.subject_changed(&alice, change).await.unwrap(),
            Self::RevokedThenEnded => {
                provider.revoke_all(&alice).await.unwrap();
                assert_eq!(provider.end_sessions_of(&alice).await.unwrap(), 1);
            }
            Self::RevokedThenSignedInAgain => {
                provider.revoke_all(&alice).await.unwrap();
                world.op.wait(1);
                browser.sign_in(ALICE).await;
            }
            Self::BeyondTheLimit => browser.sign_in(BOB).await,
        }
    }
}

#[tokio::test]
async fn clients_hear_of_every_end() {
    for end in End::ALL {
        let world = World::with(apps(3), |setup| setup.config.limits.accounts = 1);
        let mut browser = world.browser(&["app-0", "app-1"], ALICE).await;
        let bob = world.browser(&["app-0", "app-2"], BOB).await;
        end.come(&world, &mut browser).await;
        assert!(world.receivers.take().is_empty(), "{end:?}");
        world.work_off().await;
        let got = world.receivers.take();
        let urls: Vec<_> = got.iter().map(|got| got.url.clone()).collect();
        assert_eq!(urls, [logout_uri("app-0"), logout_uri("app-1")], "{end:?}");
        assert!(got.iter().all(|got| got.claim("sub") == ALICE), "{end:?}");
        assert_eq!(bob.who().await.as_deref(), Some(BOB), "{end:?}");
        // Once more changes nothing.
        world.op.provider.end_sessions_of(&subject(ALICE)).await.unwrap();
        world.work_off().await;
        let urls = world.receivers.urls();
        let again = matches!(end, End::RevokedThenSignedInAgain);
        assert!(urls.is_empty(), "{end:?}: {urls:?} {again}");
    }
}

/// One that ends by itself is nobody's doing: its clients' sessions end by themselves too.
#[tokio::test]
async fn what_runs_out_is_not_told_of() {
    let world = World::new(apps(1));
    let browser = world.browser_everywhere(ALICE).await;
    world.op.wait(400 * 86_400);
    world.work_off().await;
    assert_eq!(browser.who().await, None);
    assert!(world.receivers.take().is_empty());
}

/// Threat LO-05, §2.7: what stands on the session ends with it: codes, and refresh tokens without
/// `offline_access`. What the person has given away for when they are not there goes on.
#[tokio::test]
async fn lo_05_what_stands_on_a_session_ends_with_it() {
    let refresh = json!({
        "grant_types": ["authorization_code", "refresh_token"],
        "id_token_signed_response_alg": "EdDSA"
    });
    let mut online = told("online", &refresh);
    online.refresh.online = true;
    let mut offline = told("refresh", &refresh);
    offline.refresh.online = true;
    let world = World::new(vec![online, offline]);
    let op = &world.op;
    let mut browser = Browser::new(op);
    let mut held = Vec::new();
    for (client, scope) in
        [("online", "openid"), ("refresh", "openid"), ("refresh", "openid offline_access")]
    {
        let ask = Ask::of(client, "code").with("scope", scope).with("prompt", "consent");
        let sent = browser.ask(&ask, ALICE).await;
        let answer = op.exchange(&ask, sent.get("code")).await;
        assert_eq!(answer.status(), 200, "{}", answer.json());
        held.push(Tokens::of(client, &answer));
    }
    let ask = Ask::of("online", "code");
    let unredeemed = browser.quiet(&ask).await.get("code").to_owned();
    for tokens in &mut held {
        *tokens = tokens.refreshed(op).await;
    }
    visit(&mut browser, "online", ALICE).await;

    browser.sign_out().await;
    for (tokens, lives) in held.iter().zip([false, false, true]) {
        let answer = op.refresh(tokens.client, &tokens.refresh).await;
        assert_eq!(answer.status() == 200, lives, "{}", tokens.client);
        if !lives {
            assert_eq!(answer.error(), "invalid_grant");
        }
    }
    assert_eq!(op.exchange(&ask, &unredeemed).await.error(), "invalid_grant");
    let answer = browser.quiet(&ask.with("prompt", "none")).await;
    answer.is_error("login_required", Place::Query, Some("af0ifjsldkj"), "signed out");
    world.work_off().await;
    assert_eq!(world.receivers.urls(), [logout_uri("online"), logout_uri("refresh")]);
}
