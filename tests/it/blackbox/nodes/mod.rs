//! Three servers as one provider, behind a balancer: over PostgreSQL, and over Redis.

mod cluster;
mod load;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::cluster::{Cluster, MANAGE, ROOT};
use super::{
    back_channel::{self, introspect, refresh, userinfo},
    fixture::{ALICE, FIRST_PARTY, ORDERS_API, STRICT},
    party::{self, authorize},
    visitor::Visitor,
};
use crate::support::services::{Engine, Service};
use load::Load;

/// A server of the engine's, if its tests are to run.
#[track_caller]
fn started(engine: Engine) -> Option<Service> {
    engine.is_wanted().then(|| Service::start(engine))
}

/// The same test over each engine.
macro_rules! over_each_engine {
    ($($(#[$attribute:meta])* $name:ident;)*) => {
        #[cfg(feature = "postgres")]
        mod postgres {
            use super::Engine;
            $($(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(Engine::Postgres).await;
            })*
        }
        #[cfg(feature = "redis")]
        mod redis {
            use super::Engine;
            $($(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(Engine::Redis).await;
            })*
        }
    };
}

over_each_engine! {
    /// Login at one, the code at another, refresh at the third; what one has noticed, all know.
    a_flow_over_three_nodes;
    /// Threat RE-01: of 64 redemptions of one code, at all nodes at once, one succeeds. `OIDC_OP_ROUNDS` says how
    /// often it is tried.
    re_01_one_redemption_of_many;
    /// A node is killed under load: whatever was acknowledged is there, and nothing is there twice.
    a_node_that_dies_loses_nothing;
    /// Threat RE-12: keys rotate, and secrets are changed in two phases, while the nodes are started anew one after
    /// the other; no request fails.
    re_12_a_rolling_restart_fails_nobody;
    /// Threats RE-07, RE-08: the store is gone for ten seconds; everybody is told to come back, in time, and
    /// nobody that what they hold were invalid. Afterwards everything goes on.
    re_08_an_outage_of_the_store;
}

async fn a_flow_over_three_nodes(engine: Engine) {
    let Some(service) = started(engine) else { return };
    let cluster = Cluster::start(&service.url(), 3).await;
    let (front, server) = (&cluster.front, cluster.any());
    let visitor = Visitor::new(server);
    front.only(0);
    let wanted = [("scope", "openid email offline_access")];
    let page = visitor.open(authorize(STRICT, &wanted)).await;
    let code = visitor.consent(page, ALICE).await.code();
    front.only(1);
    let given = back_channel::redeem(server, STRICT, &code, &[]).await;
    front.only(2);
    let renewed = refresh(server, STRICT, &given.text("refresh_token")).await;
    let token = renewed.text("access_token");
    for node in 0..3 {
        front.only(node);
        assert_eq!(userinfo(server, &token).await, 200);
        assert_eq!(introspect(server, STRICT, &token).await["active"], true);
        assert!(party::is_signed_in(&visitor).await);
    }
    // the second use of a refresh token, at the one node that has seen nothing of it
    front.only(0);
    refresh(server, STRICT, &given.text("refresh_token")).await.is_error(400, "invalid_grant");
    for node in 0..3 {
        front.only(node);
        assert_eq!(userinfo(server, &token).await, 401);
        back_channel::redeem(server, STRICT, &code, &[]).await.is_error(400, "invalid_grant");
    }
    // a sign-out at one is one at all
    front.only(1);
    let page = visitor.open("/end_session").await;
    visitor.submit(&page, "submit", &[]).await;
    for node in 0..3 {
        front.only(node);
        assert!(!party::is_signed_in(&visitor).await);
    }
}

async fn re_01_one_redemption_of_many(engine: Engine) {
    const AT_ONCE: usize = 64;
    let Some(service) = started(engine) else { return };
    let rounds = std::env::var("OIDC_OP_ROUNDS").map_or(25, |rounds| rounds.parse().unwrap());
    let cluster = Arc::new(Cluster::start(&service.url(), 3).await);
    let visitor = Visitor::new(cluster.any());
    party::sign_in(&visitor, ALICE).await;
    for round in 0..rounds {
        let code: Arc<str> = visitor.open(authorize(FIRST_PARTY, &[])).await.code().into();
        let redemptions: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (cluster, code) = (Arc::clone(&cluster), Arc::clone(&code));
                tokio::spawn(async move {
                    back_channel::redeem(cluster.any(), FIRST_PARTY, &code, &[]).await
                })
            })
            .collect();
        let mut winners = 0;
        for redemption in redemptions {
            let answer = redemption.await.unwrap();
            match answer.status {
                200 => winners += 1,
                _ => answer.is_error(400, "invalid_grant"),
            }
        }
        assert_eq!(winners, 1, "round {round}");
    }
}

async fn a_node_that_dies_loses_nothing(engine: Engine) {
    let Some(service) = started(engine) else { return };
    let mut cluster = Cluster::start(&service.url(), 3).await;
    let load = Load::start(cluster.any(), 6).await;
    load.acknowledged(20).await;
    cluster.kill(1);
    load.acknowledged(20).await;
    let seen = load.stop().await;
    seen.holds(cluster.any()).await;
}

async fn re_12_a_rolling_restart_fails_nobody(engine: Engine) {
    let Some(service) = started(engine) else { return };
    let mut cluster = Cluster::start(&service.url(), 3).await;
    let load = Load::start(cluster.any(), 3).await;
    let before = load.signed_with().await;
    let form = [("grant_type", "client_credentials"), ("resource", MANAGE)];
    let token = party::http().post(cluster.any().url("/token")).basic_auth("root", Some(ROOT));
    let token: serde_json::Value = token.form(&form).send().await.unwrap().json().await.unwrap();
    let rotate = party::http().post(cluster.any().url("/manage/keys/rotate"));
    let rotated = rotate
        .bearer_auth(token["access_token"].as_str().unwrap())
        .json(&serde_json::json!({ "alg": "ES256", "announce": 5 }))
        .send()
        .await
        .unwrap();
    assert_eq!(rotated.status(), 200);

    cluster.new_secret("next");
    for token in [
        "token = [{ file = \"token.secret\" }, { file = \"next.secret\" }]",
        "token = [{ file = \"next.secret\" }, { file = \"token.secret\" }]",
    ] {
        cluster.roll(token).await;
    }
    // every node has read of the new key by now; in time they sign with it
    let end = Instant::now() + Duration::from_secs(30);
    while load.signed_with().await == before {
        assert!(Instant::now() < end, "nothing is signed with the new key");
    }
    let seen = load.stop().await;
    assert_eq!(seen.lost(), 0, "{seen:?}");
    seen.holds(cluster.any()).await;
    // only now what the first secret has made is no longer accepted
    cluster.roll("token = { file = \"next.secret\" }").await;
    let visitor = Visitor::new(cluster.any());
    let code = party::sign_in(&visitor, ALICE).await.code();
    party::tokens(cluster.any(), FIRST_PARTY, &code).await;
}

async fn re_08_an_outage_of_the_store(engine: Engine) {
    let Some(service) = started(engine) else { return };
    let cluster = Cluster::start(&service.url(), 3).await;
    let server = cluster.any();
    let visitor = Visitor::new(server);
    let wanted = [("scope", "openid email offline_access")];
    let given = back_channel::tokens(server, &visitor, STRICT, ALICE, &[]).await;
    let pending = visitor.open(authorize(STRICT, &wanted)).await.code();

    service.stop();
    let (stopped, mut asked) = (Instant::now(), 0);
    while stopped.elapsed() < Duration::from_secs(10) {
        let in_time = |began: Instant| {
            assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        };
        let began = Instant::now();
        let request = party::http().get(server.url("/userinfo"));
        let answer = request.bearer_auth(given.text("access_token")).send().await.unwrap();
        in_time(began);
        assert_eq!(answer.status(), 503, "{answer:?}");
        assert!(answer.headers().contains_key("retry-after"), "{answer:?}");
        let (access, refresh) = (given.text("access_token"), given.text("refresh_token"));
        for (path, form) in [
            ("/token", [("grant_type", "refresh_token"), ("refresh_token", &*refresh)]),
            ("/token", [("grant_type", "authorization_code"), ("code", &*pending)]),
            ("/introspect", [("token", &*access), ("token_type_hint", "access_token")]),
        ] {
            let began = Instant::now();
            let answer = back_channel::post(server, path, STRICT, &form).await;
            in_time(began);
            assert_eq!(answer.status, 503, "{path} {answer:?}");
            assert!(answer.retry_after.is_some(), "{path} {answer:?}");
        }
        let began = Instant::now();
        let page = visitor.open(authorize(STRICT, &[("prompt", "none")])).await;
        in_time(began);
        assert_eq!(page.answer()["error"], "temporarily_unavailable", "{page:?}");
        asked += 1;
    }
    assert!(asked > 0);
    service.resume();
    let end = Instant::now() + Duration::from_secs(20);
    while userinfo(server, &given.text("access_token")).await == 503 {
        assert!(Instant::now() < end, "the servers do not recover");
    }
    for node in 0..3 {
        cluster.front.only(node);
        let end = Instant::now() + Duration::from_secs(20);
        let works = loop {
            let status = userinfo(server, &given.text("access_token")).await;
            if status != 503 || Instant::now() > end {
                break status;
            }
        };
        assert_eq!(works, 200, "node {node}");
    }
    let renewed = refresh(server, STRICT, &given.text("refresh_token")).await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    let redeemed = back_channel::redeem(server, STRICT, &pending, &[]).await;
    assert_eq!(redeemed.status, 200, "{redeemed:?}");
    assert_eq!(
        introspect(server, ORDERS_API, &renewed.text("access_token")).await["active"],
        false
    );
    assert!(party::is_signed_in(&visitor).await);
}
