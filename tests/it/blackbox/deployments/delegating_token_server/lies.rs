//! An upstream provider that says what is not so: a page with a code, and nobody is signed in.

use std::sync::{Arc, Weak};

use super::{
    CLASSIC, CLASSIC_AT, Deployment, EVERYTHING, FILE, UPSTREAM, came_to_nothing, is_error,
};
use crate::blackbox::{
    upstream::{
        sent_back,
        stub::{CLIENT, SECRET, STUB},
    },
    visitor::{Page, Visitor},
};

/// The deployment with the stub as its upstream provider; shared.
async fn deceived() -> Arc<Deployment> {
    static SHARED: tokio::sync::Mutex<Weak<Deployment>> =
        tokio::sync::Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let elsewhere = [(UPSTREAM, &*STUB.issuer("main"))];
    let started = Deployment::start_changed(FILE, &elsewhere, |config| {
        let upstream = &mut config["upstreams"][0];
        upstream["client_id"] = CLIENT.into();
        upstream["client_secret"] = SECRET.into();
    });
    let started = Arc::new(started.await);
    *shared = Arc::downgrade(&started);
    started
}

/// Sends somebody there, who will be lied to like this.
async fn begin(op: &Deployment, visitor: &Visitor, lie: &str) -> Page {
    let more = [("scope", EVERYTHING), ("login_hint", lie)];
    visitor.open(op.request(CLASSIC.0, CLASSIC_AT, &more)).await
}

/// OIDC Core §3.1.3.7, RFC 9207 §2.4: each has its code, and the application hears that nobody can be signed in
/// now.
#[tokio::test]
async fn every_lie_has_a_code() {
    let op = deceived().await;
    for (lie, status, code) in [
        ("denied", 403, "upstream_denied"),
        ("error", 502, "upstream_refused"),
        ("nothing", 502, "upstream_malformed"),
        ("wrong iss", 502, "upstream_token_issuer"),
        ("no iss", 502, "upstream_token_issuer"),
        ("token refused", 502, "upstream_refused"),
        ("token down", 502, "upstream_unreachable"),
        ("token garbled", 502, "upstream_malformed"),
        ("token slow", 504, "upstream_slow"),
        ("no id token", 502, "upstream_malformed"),
        ("issuer", 502, "upstream_token_issuer"),
        ("audience", 502, "upstream_token_audience"),
        ("audiences", 502, "upstream_token_audience"),
        ("nonce", 502, "upstream_token_nonce"),
        ("no nonce", 502, "upstream_token_nonce"),
        ("expired", 502, "upstream_token_expired"),
        ("at_hash", 502, "upstream_token_signature"),
        ("signature", 502, "upstream_token_signature"),
        ("unknown key", 502, "upstream_token_signature"),
        ("none", 502, "upstream_token_signature"),
        ("person of somebody", 502, "person_unavailable"),
    ] {
        let visitor = op.visitor();
        let sent = begin(&op, &visitor, lie).await;
        let problem = visitor.come_back(sent_back(&sent).await).await;
        came_to_nothing(&op, &visitor, &problem, (status, code, lie)).await;
        assert!(op.server.log().contains(&format!("code=\"{code}\"")), "{lie}");
        let error =
            if code == "upstream_denied" { "access_denied" } else { "temporarily_unavailable" };
        is_error(&visitor.submit(&problem, "back", &[]).await, error);
    }
    // The truth would have done.
    let visitor = op.visitor();
    let sent = begin(&op, &visitor, "").await;
    let page = visitor.come_back(sent_back(&sent).await).await;
    assert!(page.asks_consent() && page.body.contains("Countess Ada"), "{}", page.body);
    assert!(!op.server.log().contains("eyJ"));
}

/// One that cannot even be asked, or is not who it says: nobody is sent anywhere.
#[tokio::test]
async fn a_provider_that_is_not_there() {
    let others = ["liar", "garbled", "keyless", "dead"];
    let elsewhere = [(UPSTREAM, &*STUB.issuer("main"))];
    let op = Deployment::start_changed(FILE, &elsewhere, |config| {
        let upstreams = config["upstreams"].as_array_mut().unwrap();
        let main = upstreams.remove(0);
        for name in others {
            let mut other = main.clone();
            other["name"] = name.into();
            let nowhere = "http://127.0.0.1:1".to_owned();
            other["issuer"] = if name == "dead" { nowhere } else { STUB.issuer(name) }.into();
            upstreams.push(other);
        }
    })
    .await;
    for name in others {
        let visitor = op.visitor();
        let page = begin(&op, &visitor, "").await;
        let problem = visitor.submit(&page, &format!("upstream-{name}"), &[]).await;
        let code = if name == "dead" { "upstream_unreachable" } else { "upstream_malformed" };
        came_to_nothing(&op, &visitor, &problem, (502, code, name)).await;
        is_error(&visitor.submit(&problem, "back", &[]).await, "temporarily_unavailable");
    }
}

/// Threat: login CSRF, replay. An answer counts once, and in the browser that was sent.
#[tokio::test]
async fn an_answer_counts_once() {
    let op = deceived().await;
    let visitor = op.visitor();
    let back = sent_back(&begin(&op, &visitor, "").await).await;
    assert!(visitor.come_back(back.clone()).await.asks_consent());
    let twice = visitor.come_back(back).await;
    assert!(twice.status == 400 && twice.body.contains("state_unknown"), "{twice:?}");

    let attacker = op.visitor();
    for (busy, why) in [(false, "browser_cookie_missing"), (true, "browser_cookie_wrong")] {
        let victim = op.visitor();
        let back = sent_back(&begin(&op, &attacker, "").await).await;
        if busy {
            begin(&op, &victim, "").await;
        }
        let refused = victim.come_back(back).await;
        assert!(refused.body.contains(why), "{}", refused.body);
        let quiet = victim.open(op.request(CLASSIC.0, CLASSIC_AT, &[("prompt", "none")])).await;
        is_error(&quiet, "login_required");
    }
}
