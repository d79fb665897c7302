//! RT: refresh tokens.

use oidc_op::{Client, ClientId, Reason, Scope, Subject, What};

use crate::support::{ALICE, Answer, BOB, Op, Setup, Tokens, claims, form};

#[track_caller]
fn is_token_error(answer: &Answer, status: u16, error: &str, what: &str) {
    assert_eq!((answer.status(), answer.error()), (status, error.into()), "{what}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
}

/// R1 → R2; R1 once more; then nothing of the family works, to the newest token. (CVE-2022-3916)
#[tokio::test]
async fn rt_01_replay_of_a_rotated_token_ends_the_family() {
    for generations in 1..4 {
        let op = Op::new();
        let first = op.tokens("public-refresh", ALICE).await;
        let mut family = vec![first.clone()];
        for _ in 0..generations {
            op.wait(100);
            family.push(family.last().unwrap().refreshed(&op).await);
        }
        assert_eq!(op.userinfo(&family[generations].access).await.status(), 200);
        op.recorder.take();
        let replay = op.refresh("public-refresh", &first.refresh).await;
        is_token_error(&replay, 400, "invalid_grant", "the replay");
        let seen = op.recorder.take();
        assert_eq!(seen[0], (What::RefreshTokenReused, None));
        assert_eq!(seen[1], (What::TokenRefused, Some(Reason::RefreshTokenReused)));
        for tokens in family.iter().rev() {
            let answer = op.refresh("public-refresh", &tokens.refresh).await;
            is_token_error(&answer, 400, "invalid_grant", "the family");
            assert_eq!(op.userinfo(&tokens.access).await.status(), 401);
        }
    }
}

/// A token belongs to its client: whoever else has it learns and changes nothing. (CVE-2026-53512,
/// CVE-2026-55672)
#[tokio::test]
async fn rt_04_a_token_belongs_to_its_client() {
    let op = Op::new();
    let of = async |client: &'static str| op.tokens(client, ALICE).await;
    let (confidential, public) = (of("refresh").await, of("public-refresh").await);
    let asks = |token: &str, more: &[(&str, &str)]| {
        form(&[&[("grant_type", "refresh_token"), ("refresh_token", token)], more].concat())
    };
    let used = confidential.refreshed(&op).await;
    for (token, client, error) in [
        (&used.refresh, "online", "invalid_grant"),
        (&used.refresh, "fixed", "invalid_grant"),
        (&used.refresh, "public-refresh", "invalid_grant"),
        // not even one whose reuse would be theft
        (&confidential.refresh, "online", "invalid_grant"),
        (&public.refresh, "refresh", "invalid_grant"),
        (&used.refresh, "conf-basic", "unauthorized_client"),
    ] {
        let answer = op.refresh(client, token).await;
        is_token_error(&answer, 400, error, client);
        assert_eq!(op.introspect("online", token).await.json()["active"], false, "{client}");
        assert_eq!(op.revoke(client, token).await.status(), 200, "{client}");
    }
    for (token, more, error) in [
        (&used.refresh, &[("client_id", "refresh")][..], "invalid_client"),
        (
            &used.refresh,
            &[("client_id", "refresh"), ("client_secret", "refresh")],
            "invalid_client",
        ),
        (&used.refresh, &[("client_id", "refresh"), ("client_secret", "x")], "invalid_client"),
        (&used.refresh, &[], "invalid_client"),
        (&public.refresh, &[], "invalid_client"),
        (&public.refresh, &[("client_id", "nobody")], "invalid_client"),
    ] {
        let answer = op.post("/token", &asks(token, more), &[]).await;
        is_token_error(&answer, 401, error, &format!("{more:?}"));
    }
    // A code, an access token and an ID token are none; nor is half of one, or two.
    for wrong in [&used.access, &used.id, &used.refresh[..95], &format!("{}A", used.refresh)] {
        is_token_error(&op.refresh("refresh", wrong).await, 400, "invalid_grant", wrong);
    }
    let twice = [("refresh_token", &*used.refresh)];
    let twice = op.refresh_with("refresh", &used.refresh, &twice).await;
    is_token_error(&twice, 400, "invalid_request", "twice");
    let none = op.token_as("refresh", &[("grant_type", "refresh_token")]).await;
    is_token_error(&none, 400, "invalid_request", "none");
    assert!(!op.recorder.take().iter().any(|(what, _)| *what == What::RefreshTokenReused));
    used.refreshed(&op).await;
    public.refreshed(&op).await;
}

/// More than was granted is refused, and nothing happens; less is for the access token alone.
/// (CVE-2026-93999, CVE-2024-52287)
#[tokio::test]
async fn rt_05_nothing_grows() {
    let (a, b) = ("https://a.example/", "https://b.example/");
    for client in ["refresh", "public-refresh", "fixed"] {
        let op = Op::new();
        let first = op.tokens_for(client, ALICE, "openid email offline_access", &[a]).await;
        let narrow = [("scope", "openid"), ("resource", a)];
        let answer = op.refresh_with(client, &first.refresh, &narrow).await;
        let tokens = Tokens::of(client, &answer);
        for (more, error) in [
            (&[("scope", "openid profile")][..], "invalid_scope"),
            (&[("scope", "openid email offline_access profile")], "invalid_scope"),
            (&[("scope", "openid unknown")], "invalid_scope"),
            (&[("scope", "otp")], "invalid_scope"),
            (&[("scope", "OpenID")], "invalid_scope"),
            (&[("scope", "openid \"email\"")], "invalid_scope"),
            (&[("resource", b)], "invalid_target"),
            (&[("resource", a), ("resource", b)], "invalid_target"),
            (&[("resource", "https://a.example")], "invalid_target"),
            (&[("resource", "https://a.example/path")], "invalid_target"),
            (&[("resource", "https://unknown.example/")], "invalid_target"),
            (&[("scope", "openid"), ("resource", b)], "invalid_target"),
        ] {
            let answer = op.refresh_with(client, &tokens.refresh, more).await;
            is_token_error(&answer, 400, error, &format!("{client} {more:?}"));
        }
        let wide = op.refresh(client, &tokens.refresh).await;
        assert_eq!(wide.status(), 200, "{client}: refusals burn nothing");
        let token = op.provider.inspect(&wide.member("access_token")).await.unwrap().unwrap();
        let scope = wide.member("scope");
        for word in ["openid", "email", "offline_access"] {
            assert!(scope.contains(word), "{client}: {word} is back");
        }
        assert_eq!((&token["aud"], &token["client_id"]), (&a.into(), &client.into()));
    }
}

/// Every refresh looks at what holds now; what comes back is good again, if it is not gone for good.
/// (CVE-2026-43983, CVE-2025-64521)
#[tokio::test]
async fn rt_07_policy_is_live() {
    for client in ["refresh", "public-refresh", "fixed", "online"] {
        let site = Site::new();
        let tokens = site.op(|_| ()).tokens_for(client, ALICE, "openid offline_access", &[]).await;
        for (what, change, status, error) in [
            ("disabled", (|c| c.enabled = false) as fn(&mut Client), 401, "invalid_client"),
            ("its grants ended", |c| c.epoch += 1, 400, "invalid_grant"),
            ("offline_access taken away", without_offline, 400, "invalid_grant"),
            ("grant type taken away", without_refresh, 400, "unauthorized_client"),
        ] {
            let op = site.op(change);
            let answer = op.refresh(client, &tokens.refresh).await;
            is_token_error(&answer, status, error, &format!("{client}: {what}"));
        }
        let op = site.op(|_| ());
        let tokens = tokens.refreshed(&op).await;
        op.host.disable(ALICE);
        let answer = op.refresh(client, &tokens.refresh).await;
        is_token_error(&answer, 400, "invalid_grant", "disabled");
        assert_eq!(op.userinfo(&tokens.access).await.status(), 401);
        op.host.set(ALICE, oidc_op::Account::active());
        let tokens = tokens.refreshed(&op).await;

        op.provider.revoke_all(&Subject::new(ALICE).unwrap()).await.unwrap();
        let answer = op.refresh(client, &tokens.refresh).await;
        is_token_error(&answer, 400, "invalid_grant", "the password was changed");
        assert_eq!(op.userinfo(&tokens.access).await.status(), 401);

        let tokens = op.tokens(client, BOB).await;
        let id = ClientId::new(client).unwrap();
        op.provider.withdraw_consent(&Subject::new(BOB).unwrap(), &id).await.unwrap();
        let answer = op.refresh(client, &tokens.refresh).await;
        is_token_error(&answer, 400, "invalid_grant", "consent withdrawn");
    }
}

/// The policy that gives a client refresh tokens without `offline_access` is looked at as well; and a
/// scope that an administrator took away is not in the next access token.
#[tokio::test]
async fn rt_07_the_clients_rights_are_live() {
    let site = Site::new();
    let tokens = site.op(|_| ()).tokens_for("online", ALICE, "openid email", &[]).await;
    let op = site.op(|client| client.refresh.online = false);
    let answer = op.refresh("online", &tokens.refresh).await;
    is_token_error(&answer, 400, "invalid_grant", "online no more");
    let op = site.op(|client| client.metadata.scope = Some(Scope::parse("openid").unwrap()));
    let answer = op.refresh("online", &tokens.refresh).await;
    assert_eq!(answer.json()["scope"], "openid");
    let answer = op.refresh_with("online", &tokens.refresh, &[("scope", "openid email")]).await;
    assert_eq!(answer.json()["scope"], "openid", "and cannot be asked back");
    let op = site.op(|_| ());
    let answer = op.refresh("online", &Tokens::of("online", &answer).refresh).await;
    let scope = answer.member("scope");
    assert!(scope.contains("email"), "the grant has not shrunk: {scope}");
}

/// OIDC Core §12.2, decoded.
#[tokio::test]
async fn rt_10_the_id_token_of_a_refresh() {
    for client in ["refresh", "public-refresh", "fixed"] {
        let op = Op::new();
        let first = op.tokens(client, ALICE).await;
        op.wait(77);
        let second = first.refreshed(&op).await;
        let (before, after) = (claims(&first.id), claims(&second.id));
        for same in ["iss", "sub", "aud", "auth_time"] {
            assert!(before[same] == after[same] && !after[same].is_null(), "{client}: {same}");
        }
        assert_eq!(after["iat"].as_i64(), before["iat"].as_i64().map(|iat| iat + 77), "{client}");
        assert_eq!(after["exp"].as_i64(), before["exp"].as_i64().map(|exp| exp + 77), "{client}");
        assert!(before.get("nonce").is_some() && after.get("nonce").is_none(), "{client}");
        assert_ne!(before["at_hash"], after["at_hash"], "{client}: of its own access token");
    }
}

fn without_offline(client: &mut Client) {
    client.metadata.scope = Some(Scope::parse("openid email").unwrap());
}

fn without_refresh(client: &mut Client) {
    client.metadata.grant_types.retain(|grant_type| grant_type.as_str() != "refresh_token");
}

/// One deployment, of which the clients' registrations change.
struct Site(Setup, std::cell::Cell<u64>);

impl Site {
    fn new() -> Self {
        Self(Setup::new(), std::cell::Cell::new(1))
    }

    fn op(&self, change: fn(&mut Client)) -> Op {
        let Self(site, seed) = self;
        seed.set(seed.get() + 1);
        let mut setup = Setup::new();
        setup.clients.iter_mut().for_each(change);
        let (store, clock, host) = (site.store.clone(), site.clock.clone(), site.host.clone());
        Setup { store, clock, host, seed: seed.get(), ..setup }.build()
    }
}
