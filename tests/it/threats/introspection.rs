//! IR: introspection, revocation and UserInfo, and whoever tries them.

use std::sync::Arc;

use oidc_op::{
    Limits,
    store::{Fault, FaultyStore, MemoryStore},
};
use serde_json::json;

use crate::{
    introspection::{INACTIVE, exchanged, node, own_token},
    resources::{A, API, ISSUER, ORDERS, ask_for, tokens_of},
    support::{ALICE, Answer, BOB, Browser, Op, Setup, claims, form},
};

/// RFC 7662 §2.1: nobody looks for tokens without saying who they are; and only by POST, in the body.
#[tokio::test]
async fn ir_01_credentials_and_methods() {
    let op = Setup::full().build();
    let tokens = op.tokens("refresh", ALICE).await;
    let body = form(&[("token", &tokens.access)]);
    let basic = ("authorization", "Basic cmVmcmVzaDpyZWZyZXNo");
    let bearer = format!("Bearer {}", own_token(&op, None).await);
    let with = |more: &str| format!("{body}&{more}");
    for path in ["/introspect", "/revoke"] {
        for (body, headers, what) in [
            (body.clone(), &[][..], "nobody"),
            (body.clone(), &[("authorization", "Basic cmVmcmVzaDp3cm9uZw==")], "a wrong secret"),
            (body.clone(), &[("authorization", "Basic bm9ib2R5Om5vYm9keQ==")], "unknown"),
            (body.clone(), &[("authorization", &*bearer)], "a token instead"),
            (with("client_id=refresh"), &[], "a name alone"),
            (with("client_id=refresh&client_secret=wrong"), &[], "a wrong secret in the body"),
        ] {
            let answer = op.post(path, &body, headers).await;
            let found = (answer.status(), answer.error());
            assert_eq!(found, (401, "invalid_client".into()), "{path}: {what}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}: {what}");
            let challenged = answer.header("www-authenticate").is_some();
            assert!(headers.is_empty() || challenged, "{path}: {what}");
        }
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            let answer = op.send(method, path, &body, &[basic], "").await;
            assert_eq!(answer.status(), 405, "{path}: {method}");
            assert!(answer.header("allow").unwrap().starts_with("POST"), "{path}");
        }
        let form_type = ("content-type", "application/x-www-form-urlencoded");
        for (query, sent, kind, status) in [
            (&*body, "", form_type, 400),
            ("", "", form_type, 400),
            ("", "token=", form_type, 400),
            ("", &*with("token=x"), form_type, 400),
            ("", &*body, ("content-type", "application/json"), 415),
        ] {
            let answer = op.send("POST", path, query, &[basic, kind], sent).await;
            assert_eq!(answer.status(), status, "{path}: {query} {sent}");
            assert_eq!(answer.error(), "invalid_request", "{path}: {query} {sent}");
        }
    }
    assert_eq!(op.userinfo(&tokens.access).await.status(), 200, "and nothing was revoked");
}

/// A public client has nothing to prove itself by: it hears of no token, and revokes its own.
#[tokio::test]
async fn ir_01_public_clients() {
    let op = Setup::full().build();
    let tokens = tokens_of(&op, "public-refresh", "openid offline_access", &[]).await;
    for token in [&tokens.access, &tokens.refresh, "garbage"] {
        let answer = op.introspect("public-refresh", token).await;
        assert_eq!((answer.status(), answer.error()), (401, "invalid_client".into()));
    }
    assert_eq!(op.revoke("public-refresh", &tokens.access).await.status(), 200);
    assert_eq!(op.userinfo(&tokens.access).await.status(), 401);
    assert_eq!(op.revoke("public-refresh", &tokens.refresh).await.status(), 200);
    assert_eq!(op.refresh("public-refresh", &tokens.refresh).await.error(), "invalid_grant");
}

/// RFC 7662 §2.2: of a token that is dead, foreign or none, nothing is said, byte by byte, so that the
/// answer is no oracle for what there is. And the host hears of none of them.
#[tokio::test]
async fn ir_03_dead_tokens() {
    let setup = Setup::full();
    let strict = node(&setup, |setup| {
        setup
            .clients
            .iter_mut()
            .filter(|c| c.id.as_str() == "online")
            .for_each(|c| c.enabled = false);
    });
    let raised = node(&setup, |setup| {
        setup.clients.iter_mut().filter(|c| c.id.as_str() == "online").for_each(|c| c.epoch += 1);
    });
    let another_provider = node(&setup, |setup| {
        setup.store = Arc::new(MemoryStore::with_clock(setup.clock.clone()));
        setup.secrets = oidc_op::Secrets::new(oidc_op::Secret::new([9; 32]).unwrap());
    });
    let op = setup.build();
    let tokens = |op: &Op, client: &'static str| {
        let op = op.clone();
        async move { op.tokens_for(client, ALICE, "openid offline_access", &[API]).await }
    };
    let of_online = tokens(&op, "online").await;
    let good = tokens(&op, "refresh").await;
    let revoked = tokens(&op, "refresh").await;
    op.revoke("refresh", &revoked.refresh).await;
    let dropped = tokens(&op, "refresh").await.access;
    op.revoke("refresh", &dropped).await;
    let foreign = another_provider.tokens("refresh", ALICE).await;
    let code = {
        let ask = ask_for("refresh", "code", "openid", &[API]);
        Browser::new(&op).ask(&ask, ALICE).await.get("code").to_owned()
    };
    let jti = {
        let jwt = op.tokens_for("refresh", ALICE, "openid", &[ORDERS]).await.access;
        claims(&jwt)["jti"].as_str().unwrap().to_owned()
    };
    let mut shortened = good.access.clone();
    shortened.pop();
    let lengthened = format!("{}A", good.access);
    let padded = format!("{}=", good.access);
    let mut rows: Vec<(&Op, &str)> = vec![
        (&op, &revoked.access),
        (&op, &revoked.refresh),
        (&op, &dropped),
        (&op, &foreign.access),
        (&op, &foreign.refresh),
        (&op, &foreign.id),
        (&op, &good.id),
        (&op, &code),
        (&op, &jti),
        (&op, &shortened),
        (&op, &lengthened),
        (&op, &padded),
        (&op, "garbage"),
        (&op, "a.b.c"),
        (&op, "..."),
        (&op, "\u{0}\u{ff}é"),
        (&strict, &of_online.access),
        (&strict, &of_online.refresh),
        (&raised, &of_online.access),
        (&raised, &of_online.refresh),
    ];
    assert_eq!(op.introspect("rs1", &of_online.access).await.json()["active"], true);
    assert_eq!(op.introspect("refresh", &good.refresh).await.json()["active"], true);
    let headers = op.introspect("rs1", "garbage").await.reply().headers.clone();
    for (op, token) in rows.drain(..) {
        for asker in ["refresh", "rs1", "rs2"] {
            let answer = op.introspect(asker, token).await;
            assert_eq!(
                (answer.status(), &*answer.reply().body),
                (200, INACTIVE),
                "{asker} {token}"
            );
            assert_eq!(answer.reply().headers, headers, "{asker} {token}");
        }
        assert_eq!(op.provider.inspect(token).await.unwrap(), None, "{token}");
        assert_eq!(op.userinfo(token).await.status(), if token.is_ascii() { 401 } else { 400 });
    }
    // as time goes by
    let before = own_token(&op, Some(API)).await;
    op.wait(599);
    for token in [&good.access, &before] {
        assert_eq!(op.introspect("rs1", token).await.json()["active"], true);
    }
    op.wait(1);
    for token in [&good.access, &before] {
        assert_eq!(op.introspect("rs1", token).await.reply().body, INACTIVE);
    }
    // a person who is disabled
    let tokens = tokens(&op, "refresh").await;
    op.host.disable(ALICE);
    for (asker, token) in [("rs1", &tokens.access), ("refresh", &tokens.refresh)] {
        assert_eq!(op.introspect(asker, token).await.reply().body, INACTIVE);
    }
}

/// A token of a megabyte is too large to be looked at; where the host lets it in, it is none.
#[tokio::test]
async fn ir_03_a_token_of_a_megabyte() {
    for (body, status) in [(64 * 1024, 413), (2 * 1024 * 1024, 200)] {
        let mut setup = Setup::full();
        setup.config.limits = {
            let mut limits = Limits::default();
            limits.body = body;
            limits
        };
        let op = setup.build();
        for unit in ["A", "a.", ".", "eyJhbGciOiJub25lIn0."] {
            let token = unit.repeat(1024 * 1024 / unit.len());
            let answer = op.introspect("rs1", &token).await;
            assert_eq!(answer.status(), status, "{unit}");
            assert!(status == 413 || answer.reply().body == INACTIVE, "{unit}");
            assert_eq!(op.revoke("rs1", &token).await.status(), status, "{unit}");
            assert_eq!(op.provider.inspect(&token).await.unwrap(), None, "{unit}");
            assert_eq!(op.userinfo(&token).await.status(), 401, "{unit}");
        }
    }
}

/// A disabled person or client between the two ends of an exchange: the child falls with either.
#[tokio::test]
async fn ir_03_a_child_stands_on_both_clients() {
    for (disabled, status) in [("nobody", 200), ("refresh", 401), ("exchanger", 401)] {
        let setup = Setup::full();
        let later = node(&setup, |setup| {
            for client in &mut setup.clients {
                client.enabled = client.id.as_str() != disabled;
            }
        });
        let op = setup.build();
        let parent = op.tokens_for("refresh", ALICE, "openid email", &[API, ISSUER]).await;
        let child = exchanged(&op, &parent.access, &[]).await.member("access_token");
        assert_eq!(op.userinfo(&child).await.status(), 200);
        assert_eq!(later.userinfo(&child).await.status(), status, "{disabled}");
        let said = later.introspect("rs1", &child).await;
        assert_eq!(said.json()["active"], status == 200, "{disabled}");
        // and with the person
        op.host.disable(ALICE);
        assert_eq!(op.userinfo(&child).await.status(), 401);
        assert_eq!(op.introspect("exchanger", &child).await.reply().body, INACTIVE);
    }
}

/// What can be asked about tokens, by a client that is right.
fn faulty() -> (Op, FaultyStore) {
    Setup::full().build_faulty()
}

#[track_caller]
fn is_unavailable(answer: &Answer, what: &str) {
    answer.is_unavailable(what);
    assert_eq!(answer.header("www-authenticate"), None, "{what}");
}

/// RFC 7009 §2.2.1: each call of the store, in each way it can fail: 200 is said only of what has
/// happened, and what has not can be asked for again.
#[tokio::test]
async fn ir_06_a_fault_is_no_success() {
    let mut failed = 0;
    for what in ["refresh", "access", "jwt", "own", "child"] {
        for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
            for nth in 1.. {
                let (op, store) = faulty();
                let resource = if what == "jwt" { ORDERS } else { API };
                let tokens =
                    op.tokens_for("refresh", ALICE, "openid offline_access", &[resource]).await;
                let (client, token) = match what {
                    "refresh" => ("refresh", tokens.refresh.clone()),
                    "own" => ("cc-client", own_token(&op, None).await),
                    "child" => {
                        let answer = exchanged(&op, &tokens.access, &[]).await;
                        ("exchanger", answer.member("access_token"))
                    }
                    _ => ("refresh", tokens.access.clone()),
                };
                let active = op.introspect(client, &token).await.json()["active"] == true;
                assert!(active, "{what}");
                store.reset();
                store.fail_nth(nth, fault);
                let answer = op.revoke(client, &token).await;
                let faulted = store.calls().total() >= nth;
                store.reset();
                let row = format!("{what}: {fault:?} at call {nth}");
                if answer.status() != 200 {
                    failed += 1;
                    is_unavailable(&answer, &row);
                    assert_eq!(op.revoke(client, &token).await.status(), 200, "{row}: again");
                }
                assert_eq!(op.introspect(client, &token).await.reply().body, INACTIVE, "{row}");
                if !faulted {
                    break;
                }
            }
        }
    }
    assert!(failed >= 5 * 4 + 5, "{failed}");
}

/// An outage is no verdict: each call of the store at UserInfo and at introspection, for each kind of
/// token. "Not active" or `invalid_token` would end sessions that are good.
#[tokio::test]
async fn ir_06_an_outage_is_no_verdict() {
    let mut failed = 0;
    for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable] {
        let (op, store) = faulty();
        let of_refresh = op.tokens("refresh", ALICE).await;
        let jwt = op.tokens_for("refresh", ALICE, "openid", &[ORDERS, ISSUER]).await.access;
        let child = exchanged(&op, &of_refresh.access, &[]).await.member("access_token");
        let own = own_token(&op, None).await;
        for (client, token, at_userinfo) in [
            ("refresh", &of_refresh.access, 200),
            ("refresh", &of_refresh.refresh, 401),
            ("refresh", &jwt, 200),
            ("exchanger", &child, 200),
            ("cc-client", &own, 403),
        ] {
            for nth in 1.. {
                store.reset();
                store.fail_nth(nth, fault);
                let told = op.userinfo(token).await;
                let userinfo_faulted = store.calls().total() >= nth;
                store.reset();
                store.fail_nth(nth, fault);
                let said = op.introspect(client, token).await;
                let faulted = store.calls().total() >= nth;
                store.reset();
                store.fail_nth(nth, fault);
                let inspected = op.provider.inspect(token).await;
                let inspect_faulted = store.calls().total() >= nth;
                store.reset();
                let row = format!("{fault:?} at call {nth} for {client}");
                if userinfo_faulted {
                    is_unavailable(&told, &row);
                    failed += 1;
                } else {
                    assert_eq!(told.status(), at_userinfo, "{row}");
                }
                if faulted {
                    is_unavailable(&said, &row);
                    failed += 1;
                } else {
                    assert_eq!(said.json()["active"], true, "{row}");
                }
                assert_eq!(inspected.is_err(), inspect_faulted, "{row}");
                if !faulted && !userinfo_faulted {
                    break;
                }
            }
        }
    }
    assert!(failed >= 4 * 5 * 2, "{failed}");
}

/// RFC 6750 §2, §3.1, OIDC Core §5.3.1: who may ask UserInfo, and what the others are told.
#[tokio::test]
async fn ir_07_tokens_at_userinfo() {
    let op = Setup::full().build();
    let scope = "openid email offline_access orders:read";
    let tokens = op.tokens("refresh", ALICE).await;
    let elsewhere = op.tokens_for("refresh", ALICE, scope, &[A]).await.access;
    let jwt_elsewhere = op.tokens_for("refresh", ALICE, scope, &[ORDERS]).await.access;
    let no_openid = {
        let ask = ask_for("refresh", "code", "email", &[]);
        let sent = Browser::new(&op).ask(&ask, ALICE).await;
        op.exchange(&ask, sent.get("code")).await.member("access_token")
    };
    let expired = tokens.access.clone();
    op.wait(600);
    let tokens = tokens.refreshed(&op).await;
    for (what, token, status, error) in [
        ("expired", &*expired, 401, "invalid_token"),
        ("for another audience", &elsewhere, 401, "invalid_token"),
        ("a JWT for another audience", &jwt_elsewhere, 401, "invalid_token"),
        ("without openid", &no_openid, 401, "invalid_token"),
        ("a client's own", &own_token(&op, None).await, 403, "insufficient_scope"),
        ("a client's JWT", &own_token(&op, Some(ORDERS)).await, 401, "invalid_token"),
        ("an ID token", &tokens.id, 401, "invalid_token"),
        ("a refresh token", &tokens.refresh, 401, "invalid_token"),
        ("garbage", "garbage", 401, "invalid_token"),
    ] {
        let answer = op.userinfo(token).await;
        assert_eq!((answer.status(), &*answer.error()), (status, error), "{what}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains(&format!("error=\"{error}\"")), "{what}: {challenge}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    }
    let good = format!("Bearer {}", tokens.access);
    let in_form = form(&[("access_token", &tokens.access)]);
    let auth = ("authorization", &*good);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for (method, query, headers, body, status) in [
        ("GET", "", &[auth][..], "", 200),
        ("POST", "", &[auth], "", 200),
        ("POST", "", &[kind], &*in_form, 200),
        ("GET", "", &[], "", 401),
        ("GET", "", &[("authorization", "Basic cmVmcmVzaDpyZWZyZXNo")], "", 401),
        ("GET", &*in_form, &[], "", 400),
        ("GET", &*in_form, &[auth], "", 400),
        ("POST", "", &[auth, kind], &*in_form, 400),
        ("GET", "", &[auth, auth], "", 400),
    ] {
        let answer = op.send(method, "/userinfo", query, headers, body).await;
        assert_eq!(answer.status(), status, "{method} {query} {headers:?} {body}");
        match status {
            200 => assert_eq!(answer.json()["sub"], ALICE),
            400 => assert_eq!(answer.error(), "invalid_request"),
            _ => {
                let challenge = answer.header("www-authenticate").unwrap();
                assert!(!challenge.contains("error"), "RFC 6750 §3.1: {challenge}");
                assert!(answer.reply().body.is_empty());
            }
        }
    }
}

/// Two people in turn: each token says its own, under the name that its ID token has, and nobody keeps
/// it (OIDC Core §5.3.2).
#[tokio::test]
async fn ir_08_two_people_in_turn() {
    let op = Setup::full().build();
    let mut held = Vec::new();
    for (client, resources) in
        [("refresh", &[][..]), ("refresh", &[ORDERS, ISSUER]), ("pairwise-a", &[])]
    {
        for who in [ALICE, BOB] {
            let ask = ask_for(client, "code", "openid email orders:read", resources);
            let sent = Browser::new(&op).ask(&ask, who).await;
            held.push((who, op.exchange(&ask, sent.get("code")).await));
        }
    }
    for _ in 0..2 {
        for (who, answer) in &held {
            let told = op.userinfo(&answer.member("access_token")).await;
            assert_eq!(told.header("cache-control"), Some("no-store"));
            let id = claims(&answer.member("id_token"));
            let email = format!("{who}@example.org");
            let expected = json!({"sub": id["sub"], "email": email, "email_verified": true});
            assert_eq!(told.json(), expected);
        }
    }
}
