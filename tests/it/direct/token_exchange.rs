//! One token for another ([RFC 8693]).
//!
//! [RFC 8693]: https://www.rfc-editor.org/rfc/rfc8693

use oidc_op::{Client, GrantType, Issuer, Resource, Scope, Subject};
use serde_json::{Value, json};

use super::{
    A, API, B, Broken, CREDENTIALS, EXCHANGE, ORDERS, faulty, granted, is_host_fault, is_refused,
    node, resources, sorted, user_of,
};
use crate::support::{
    ALICE, Answer, BOB, Op, Setup, claims, keyed,
    keys::{self, KEPT, hs256},
};

const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const EVERYTHING: &str = "openid email orders:read orders:write";

/// What a policy that says yes says it to.
fn permit(op: &Op, scope: &str) {
    *op.policies.exchange.lock().unwrap() = Some(Scope::parse(scope).unwrap());
}

fn asked(op: &Op) -> Vec<String> {
    std::mem::take(&mut op.policies.asked.lock().unwrap())
}

fn op() -> Op {
    let op = Setup::full().build();
    permit(&op, EVERYTHING);
    op
}

fn subject(token: &str) -> [(&str, &str); 3] {
    [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ACCESS)]
}

async fn exchange(op: &Op, token: &str, more: &[(&str, &str)]) -> Answer {
    op.token_as("exchanger", &[&subject(token), more].concat()).await
}

async fn exchange_id(op: &Op, client: &str, token: &str) -> Answer {
    let body = [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ID)];
    op.token_as(client, &body).await
}

async fn exchange_id_for(op: &Op, client: &str, token: &str, scope: &str) -> Answer {
    let (token, kind) = (("subject_token", token), ("subject_token_type", ID));
    op.token_as(client, &[("grant_type", EXCHANGE), token, kind, ("scope", scope)]).await
}

/// The child of a token, which must be granted.
async fn child(op: &Op, token: &str, more: &[(&str, &str)]) -> String {
    let answer = exchange(op, token, more).await;
    granted(&answer, "a child");
    answer.member("access_token")
}

async fn seen_by(op: &Op, client: &str, token: &str) -> Value {
    op.introspect(client, token).await.json()
}

/// Alice's token at `refresh`, for these resources.
async fn alice(op: &Op, resources: &[&str]) -> String {
    op.tokens_for("refresh", ALICE, EVERYTHING, resources).await.access
}

/// RFC 8693 §2.2.2: nothing without somebody who says yes, and they know what they say it to.
#[tokio::test]
async fn only_with_a_policy() {
    let op = Op::new();
    let token = op.tokens("refresh", ALICE).await.access;
    for client in ["exchanger", "conf-basic"] {
        let answer = op.token_as(client, &subject(&token)).await;
        is_refused(&answer, "unsupported_grant_type", client);
    }
    let op = Setup::full().build();
    let token = alice(&op, &[A, B]).await;
    is_refused(&exchange(&op, &token, &[]).await, "invalid_request", "it says no");
    let heard = asked(&op);
    let [heard] = &*heard else { panic!("{heard:?}") };
    assert!(heard.starts_with("exchanger alice refresh "), "{heard}");
    assert!(heard.ends_with(&format!(" {A} {B} false")), "{heard}");

    permit(&op, "email");
    let actor = op.token_as("cc-client", &CREDENTIALS).await.member("access_token");
    let narrow = [
        ("scope", "email"),
        ("resource", B),
        ("actor_token", &*actor),
        ("actor_token_type", ACCESS),
    ];
    child(&op, &token, &narrow).await;
    assert_eq!(asked(&op), [format!("exchanger alice refresh email {B} true")]);
    for client in ["conf-basic", "refresh", "public-refresh"] {
        let answer = op.token_as(client, &subject(&token)).await;
        is_refused(&answer, "unauthorized_client", client);
    }
    assert!(asked(&op).is_empty(), "who may not use the grant is not even asked about");
}

/// A public client may say that it is anybody.
#[tokio::test]
async fn not_for_public_clients() {
    let mut setup = Setup::full();
    // Metadata that are checked say no such thing; a host may have its own.
    let mut public = user_of("public-exchanger", &[], &json!({}));
    public.metadata.grant_types.push(GrantType::TokenExchange);
    setup.clients.push(public);
    let op = setup.build();
    permit(&op, EVERYTHING);
    let token = alice(&op, &[]).await;
    let answer = op.token_as("public-exchanger", &subject(&token)).await;
    is_refused(&answer, "unauthorized_client", "public");
    assert!(asked(&op).is_empty());
}

/// RFC 8693 §1.1, §2.2.1: impersonation. The members of the answer, and what is said of the token.
#[tokio::test]
async fn impersonation() {
    let op = op();
    let token = alice(&op, &[]).await;
    op.wait(100);
    let answer = exchange(&op, &token, &[("requested_token_type", ACCESS)]).await;
    let json = granted(&answer, "impersonation");
    let mut members: Vec<_> = json.as_object().unwrap().keys().map(|name| &**name).collect();
    members.sort_unstable();
    let expected = ["access_token", "expires_in", "issued_token_type", "scope", "token_type"];
    assert_eq!(members, expected, "no refresh token, no ID token");
    assert_eq!(json["issued_token_type"], ACCESS);
    assert_eq!((&json["token_type"], &json["expires_in"]), (&json!("Bearer"), &json!(500)));
    assert_eq!(sorted(&json["scope"]), sorted(&EVERYTHING.into()));

    let text = answer.member("access_token");
    let said = seen_by(&op, "exchanger", &text).await;
    assert_eq!((&said["active"], &said["sub"]), (&json!(true), &json!(ALICE)));
    assert_eq!((&said["client_id"], &said["act"]), (&json!("exchanger"), &Value::Null));
    assert_eq!((&said["auth_time"], &said["iat"]), (&json!(1_800_000_000), &json!(1_800_000_100)));
    assert_eq!(seen_by(&op, "refresh", &text).await, json!({"active": false}), "not its business");
    let info = op.userinfo(&text).await.json();
    assert_eq!((&info["sub"], &info["email"]), (&json!(ALICE), &json!("alice@example.org")));
}

/// RFC 8693 §1.1, §4.1: delegation. The present actor is outside, earlier ones inside, and none is
/// forgotten.
#[tokio::test]
async fn delegation() {
    let op = op();
    let token = alice(&op, &[]).await;
    let service = op.token_as("cc-client", &CREDENTIALS).await.member("access_token");
    let bob = op.tokens("refresh", BOB).await.access;
    let by = |actor| [("actor_token", actor), ("actor_token_type", ACCESS)];
    let service_act = json!({"sub": "cc-client", "client_id": "cc-client"});

    let first = child(&op, &token, &by(&*service)).await;
    assert_eq!(seen_by(&op, "exchanger", &first).await["act"], service_act);
    let second = child(&op, &first, &by(&*bob)).await;
    let nested = json!({"sub": BOB, "client_id": "refresh", "act": service_act});
    let said = seen_by(&op, "exchanger", &second).await;
    assert_eq!((&said["act"], &said["sub"]), (&nested, &json!(ALICE)));
    let third = child(&op, &second, &[]).await;
    assert_eq!(seen_by(&op, "exchanger", &third).await["act"], nested, "nobody slips out of it");

    let third = child(&op, &third, &by(&*service)).await;
    let fourth = child(&op, &third, &by(&*bob)).await;
    let deep = &seen_by(&op, "exchanger", &fourth).await["act"];
    assert_eq!(deep["act"]["act"]["act"], service_act);
    let fifth = exchange(&op, &fourth, &by(&*service)).await;
    is_refused(&fifth, "invalid_request", "a fifth actor");
    child(&op, &fourth, &[]).await;
}

/// The same in a JWT, whose chain is read back from it.
#[tokio::test]
async fn delegation_in_a_jwt() {
    let op = op();
    let token = alice(&op, &[ORDERS]).await;
    let service = op.token_as("cc-client", &CREDENTIALS).await.member("access_token");
    let by = |actor| [("actor_token", actor), ("actor_token_type", JWT)];
    let first = child(&op, &token, &by(&*service)).await;
    let jwt = claims(&first);
    assert_eq!((&jwt["sub"], &jwt["client_id"]), (&json!(ALICE), &json!("exchanger")));
    assert_eq!(jwt["act"], json!({"sub": "cc-client", "client_id": "cc-client"}));
    let bob = op.tokens("refresh", BOB).await.access;
    let second = claims(&child(&op, &first, &by(&*bob)).await);
    assert_eq!(
        (&second["act"]["sub"], &second["act"]["act"]["sub"]),
        (&json!(BOB), &json!("cc-client"))
    );
    assert_eq!(seen_by(&op, "rs2", &first).await["act"], jwt["act"]);
}

/// Never more than the subject token: the request narrows, and then the policy.
#[tokio::test]
async fn it_only_narrows() {
    let op = op();
    let wide = alice(&op, &[A, B, API]).await;
    permit(&op, "email orders:read admin");
    let json = granted(&exchange(&op, &wide, &[]).await, "by the policy");
    assert_eq!(sorted(&json["scope"]), ["email", "orders:read"]);
    let narrow = [("scope", "orders:read openid"), ("resource", B), ("audience", "rs1")];
    let answer = exchange(&op, &wide, &narrow).await;
    assert_eq!(sorted(&granted(&answer, "narrowed")["scope"]), ["orders:read"]);
    let text = answer.member("access_token");
    let said = seen_by(&op, "exchanger", &text).await;
    assert_eq!((&said["aud"], &said["scope"]), (&json!([B, API]), &json!("orders:read")));
    assert_eq!(seen_by(&op, "rs1", &text).await["active"], true, "audience is by client, too");

    permit(&op, EVERYTHING);
    for (more, error, what) in [
        (&[("scope", "openid phone")][..], "invalid_scope", "never granted"),
        (&[("scope", "orders:read openid")], "invalid_scope", "narrowed away before"),
        (&[("scope", "a\"b")], "invalid_scope", "malformed"),
        (&[("resource", ORDERS)], "invalid_target", "not granted"),
        (&[("audience", "rs2")], "invalid_target", "not granted, by client"),
        (&[("audience", "nobody")], "invalid_target", "unknown"),
        (&[("resource", "https://x.example/")], "invalid_target", "unknown"),
        (&[("resource", B), ("audience", ORDERS)], "invalid_target", "one of them is not"),
    ] {
        is_refused(&exchange(&op, &text, more).await, error, what);
    }
    let alone = op.tokens_for("refresh", ALICE, "openid email", &[]).await.access;
    let answer = exchange(&op, &alone, &[("resource", A)]).await;
    is_refused(&answer, "invalid_target", "for the provider alone");
}

/// A client has its own resources, whatever the grant was for.
#[tokio::test]
async fn resources_of_the_client() {
    let mut setup = Setup::full();
    let mut bounded = user_of("bounded", &[EXCHANGE], &json!({}));
    bounded.resources = Some(resources(&[A]));
    setup.clients.push(bounded);
    let op = setup.build();
    permit(&op, EVERYTHING);
    let wide = alice(&op, &[A, B]).await;
    for (more, fits) in [(&[][..], false), (&[("resource", B)], false), (&[("resource", A)], true)]
    {
        let answer = op.token_as("bounded", &[&subject(&wide), more].concat()).await;
        if fits {
            granted(&answer, "its own");
        } else {
            is_refused(&answer, "invalid_target", &format!("{more:?}"));
        }
    }
}

/// RFC 8707 §2: a token for the default resource can be exchanged as it is.
#[tokio::test]
async fn the_default_resource() {
    for name in [API, ORDERS] {
        let mut setup = Setup::full();
        setup.config.default_resource = Some(Resource::new(name).unwrap());
        let op = setup.build();
        permit(&op, EVERYTHING);
        let token = alice(&op, &[]).await;
        let text = child(&op, &token, &[]).await;
        assert_eq!(seen_by(&op, "exchanger", &text).await["aud"], name);
        let again = child(&op, &text, &[("resource", name)]).await;
        assert_eq!(seen_by(&op, "exchanger", &again).await["aud"], name);
        is_refused(&exchange(&op, &token, &[("resource", A)]).await, "invalid_target", name);
    }
}

/// RFC 8693 §2.1, §2.2.2: the shapes of requests, and tokens that are none.
#[tokio::test]
async fn what_is_refused() {
    let op = op();
    let tokens = op.tokens("refresh", ALICE).await;
    let service = op.token_as("cc-client", &CREDENTIALS).await.member("access_token");
    let (good, id, refresh) = (&*tokens.access, &*tokens.id, &*tokens.refresh);
    let (grant, token, kind) =
        (("grant_type", EXCHANGE), ("subject_token", good), ("subject_token_type", ACCESS));
    let (actor, actor_kind) = (("actor_token", &*service), ("actor_token_type", ACCESS));
    for (body, what) in [
        (&[grant, token][..], "no type"),
        (&[grant, kind], "no token"),
        (&[grant, token, ("subject_token_type", "access_token")], "an unknown type"),
        (&[grant, token, ("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")], "SAML"),
        (
            &[
                grant,
                ("subject_token", refresh),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
            ],
            "a refresh token",
        ),
        (&[grant, ("subject_token", refresh), kind], "a refresh token as an access token"),
        (&[grant, ("subject_token", id), kind], "an ID token as an access token"),
        (&[grant, ("subject_token", id), ("subject_token_type", JWT)], "an ID token as a JWT"),
        (&[grant, token, ("subject_token_type", ID)], "an access token as an ID token"),
        (&[grant, ("subject_token", "garbage"), kind], "garbage"),
        (&[grant, ("subject_token", "a.b.c"), kind], "garbage with dots"),
        (&[grant, ("subject_token", &good[1..]), kind], "a part"),
        (&[grant, ("subject_token", &*service), kind], "of a client: it speaks of nobody"),
        (&[grant, token, token, kind], "two tokens"),
        (&[grant, token, kind, kind], "two types"),
        (&[grant, token, kind, actor], "an actor without a type"),
        (&[grant, token, kind, actor_kind], "a type without an actor"),
        (&[grant, token, kind, actor, ("actor_token_type", ID)], "an actor by ID token"),
        (&[grant, token, kind, actor_kind, ("actor_token", "garbage")], "a garbage actor"),
        (&[grant, token, kind, actor_kind, ("actor_token", refresh)], "a refresh token as actor"),
        (&[grant, token, kind, ("requested_token_type", ID)], "an ID token wanted"),
        (
            &[
                grant,
                token,
                kind,
                ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
            ],
            "a refresh token wanted",
        ),
        (&[grant, token, kind, ("requested_token_type", "x")], "an unknown type wanted"),
    ] {
        is_refused(&op.token_as("exchanger", body).await, "invalid_request", what);
    }
    assert!(asked(&op).is_empty(), "nobody is asked about what is wrong anyway");
    let wish = exchange(&op, good, &[("requested_token_type", JWT)]).await;
    is_refused(&wish, "invalid_request", "a JWT for somebody who takes opaque ones");
    asked(&op);
    for more in [&[("requested_token_type", ACCESS)][..], &[actor, actor_kind], &[]] {
        granted(&exchange(&op, good, more).await, "right");
    }
    let foreign = {
        let mut setup = Setup::full();
        setup.config.issuer = Issuer::new("https://other.example").unwrap();
        let other = setup.build();
        let answer = other
            .token_as("device", &[("grant_type", crate::support::DEVICE_KEY), ("device", ALICE)]);
        answer.await.member("access_token")
    };
    is_refused(&exchange(&op, &foreign, &[]).await, "invalid_request", "another issuer's");
    op.provider.revoke_all(&Subject::new(ALICE).unwrap()).await.unwrap();
    is_refused(&exchange(&op, good, &[]).await, "invalid_request", "revoked");
    let bob = op.tokens("refresh", BOB).await.access;
    let dead = [("actor_token", good), ("actor_token_type", ACCESS)];
    is_refused(&exchange(&op, &bob, &dead).await, "invalid_request", "a dead actor");
    op.wait(600);
    is_refused(&exchange(&op, &bob, &[]).await, "invalid_request", "expired");
}

/// A child lives as long as what it comes of, and no longer: by generations, for both forms.
#[tokio::test]
async fn a_child_dies_with_the_grant() {
    let inactive = json!({"active": false});
    for resources in [&[][..], &[ORDERS]] {
        // the grant is revoked
        let op = op();
        let tokens = op
            .tokens_for("refresh", ALICE, &format!("{EVERYTHING} offline_access"), resources)
            .await;
        let one = child(&op, &tokens.access, &[]).await;
        let two = child(&op, &one, &[]).await;
        let own = child(&op, &tokens.access, &[]).await;
        for text in [&one, &two, &own] {
            assert_eq!(seen_by(&op, "exchanger", text).await["active"], true);
        }
        op.revoke("exchanger", &own).await;
        assert_eq!(seen_by(&op, "exchanger", &own).await, inactive, "its client is done with it");
        op.revoke("refresh", &one).await;
        assert_eq!(
            seen_by(&op, "exchanger", &one).await["active"],
            true,
            "whose client is another"
        );
        assert_eq!(seen_by(&op, "refresh", &tokens.access).await["active"], true);
        assert_eq!(op.revoke("refresh", &tokens.refresh).await.status(), 200);
        for text in [&one, &two] {
            assert_eq!(seen_by(&op, "exchanger", text).await, inactive, "revoked");
            is_refused(&exchange(&op, text, &[]).await, "invalid_request", "revoked");
        }

        // the subject token ends
        let token = alice(&op, resources).await;
        op.wait(450);
        let answer = exchange(&op, &token, &[]).await;
        assert_eq!(granted(&answer, "late")["expires_in"], 150);
        let one = answer.member("access_token");
        op.wait(100);
        let answer = exchange(&op, &one, &[]).await;
        assert_eq!(granted(&answer, "later")["expires_in"], 50, "a child of a child");
        let two = answer.member("access_token");
        op.wait(49);
        assert_eq!(seen_by(&op, "exchanger", &two).await["active"], true);
        op.wait(1);
        assert_eq!(seen_by(&op, "exchanger", &two).await, inactive, "expired");

        // the person goes
        let token = alice(&op, resources).await;
        let one = child(&op, &token, &[]).await;
        op.host.disable(ALICE);
        assert_eq!(seen_by(&op, "exchanger", &one).await, inactive, "disabled");
        is_refused(&exchange(&op, &one, &[]).await, "invalid_request", "disabled");
        is_refused(&exchange(&op, &token, &[]).await, "invalid_request", "disabled");
    }
}

/// Of the two clients either may go, or begin anew.
#[tokio::test]
async fn a_child_dies_with_its_clients() {
    for resources in [&[][..], &[ORDERS]] {
        let setup = Setup::full();
        let without = |name: &'static str| {
            node(&setup, move |client: &mut Client| client.enabled &= client.id.as_str() != name)
        };
        let raised = node(&setup, |client| {
            if client.id.as_str() == "refresh" {
                client.epoch += 1;
            }
        });
        let (grants, exchangers) = (without("refresh").build(), without("exchanger").build());
        let (raised, unchanged) = (raised.build(), node(&setup, |_| {}).build());
        let op = setup.build();
        permit(&op, EVERYTHING);
        let text = child(&op, &alice(&op, resources).await, &[]).await;
        for (node, active, what) in [
            (&unchanged, true, "nothing happened"),
            (&grants, false, "the client of the grant is disabled"),
            (&exchangers, false, "the client of the token is disabled"),
            (&raised, false, "the client of the grant began anew"),
        ] {
            let said = node.provider.inspect(&text).await.unwrap();
            assert_eq!(said.is_some(), active, "{what}");
        }
        assert_eq!(unchanged.userinfo(&text).await.status() == 200, resources.is_empty());
        for node in [&grants, &exchangers, &raised] {
            assert_eq!(node.userinfo(&text).await.status(), 401);
        }
    }
}

/// OIDC Core §8.1: each client has its own name for a person.
#[tokio::test]
async fn pairwise_names() {
    let mut setup = Setup::full();
    setup.clients.push(user_of("pair-x", &[EXCHANGE], &json!({"subject_type": "pairwise"})));
    let op = setup.build();
    permit(&op, EVERYTHING);
    for resources in [&[][..], &[ORDERS]] {
        let body = alice(&op, resources).await;
        let answer = op.token_as("pair-x", &subject(&body)).await;
        granted(&answer, "pairwise");
        let text = answer.member("access_token");
        let sub = seen_by(&op, "pair-x", &text).await["sub"].as_str().unwrap().to_owned();
        assert_ne!(sub, ALICE);
        if resources.is_empty() {
            assert_eq!(op.userinfo(&text).await.json()["sub"], *sub);
        } else {
            assert_eq!(claims(&text)["sub"], *sub);
        }
        // and back: a client that knows people by their public name hears that
        assert_eq!(seen_by(&op, "exchanger", &child(&op, &text, &[]).await).await["sub"], ALICE);
    }
}

#[tokio::test]
async fn a_host_that_fails() {
    let (setup, store) = faulty();
    let op = setup.build_with(|b| b.exchanges(Broken));
    let token = alice(&op, &[]).await;
    store.reset();
    is_host_fault(&exchange(&op, &token, &[]).await, &store);
}

/// An ID token names a person to its own client; what comes of it is a grant of its own.
#[tokio::test]
async fn of_an_id_token() {
    let op = id_tokens().build();
    permit(&op, "openid email offline_access");
    let tokens = op.tokens_for("both-x", ALICE, "openid email", &[]).await;
    asked(&op);
    let bare = exchange_id(&op, "both-x", &tokens.id).await;
    assert_eq!(granted(&bare, "bare")["scope"], "openid", "no more than is asked for");
    let answer = exchange_id_for(&op, "both-x", &tokens.id, "openid email").await;
    let json = granted(&answer, "its own");
    assert_eq!((&json["issued_token_type"], &json["expires_in"]), (&json!(ACCESS), &json!(600)));
    assert_eq!(sorted(&json["scope"]), ["email", "openid"], "no offline_access");
    assert!(json.get("refresh_token").is_none() && json.get("id_token").is_none());
    assert!(asked(&op)[0].starts_with("both-x alice both-x "));
    let text = answer.member("access_token");
    assert_eq!(op.userinfo(&text).await.json()["email"], "alice@example.org");
    let said = seen_by(&op, "both-x", &text).await;
    assert_eq!((&said["sub"], &said["auth_time"]), (&json!(ALICE), &json!(1_800_000_000)));
    op.provider.revoke_all(&Subject::new(ALICE).unwrap()).await.unwrap();
    assert_eq!(op.userinfo(&text).await.status(), 401);
}

/// One that does not say when the person was authenticated would make them look fresh.
#[tokio::test]
async fn of_an_id_token_that_says_when() {
    let mut setup = id_tokens();
    setup.config.claims.lean_id_tokens = true;
    let grants = ["authorization_code", EXCHANGE];
    setup.clients.push(user_of("timed-x", &grants, &json!({"require_auth_time": true})));
    let op = setup.build();
    permit(&op, EVERYTHING);
    let lean = op.tokens_for("both-x", ALICE, "openid", &[]).await.id;
    assert_eq!(claims(&lean).get("auth_time"), None);
    is_refused(&exchange_id(&op, "both-x", &lean).await, "invalid_request", "when?");
    let timed = op.tokens_for("timed-x", ALICE, "openid", &[]).await.id;
    granted(&exchange_id(&op, "timed-x", &timed).await, "it says when");
}

fn id_tokens() -> Setup {
    let mut setup = Setup::full();
    let grants = ["authorization_code", EXCHANGE];
    let mut with = |name: &str, more: &Value| setup.clients.push(user_of(name, &grants, more));
    with("both-x", &json!({}));
    with("other-x", &json!({}));
    with("pair-x", &json!({"subject_type": "pairwise"}));
    with("none-x", &json!({"id_token_signed_response_alg": "none"}));
    setup.clients.push(keyed(
        "keyed-x",
        &json!({"id_token_signed_response_alg": "HS256", "grant_types": grants}),
    ));
    setup
}

/// RFC 8693 §2.1: only one's own, while it is good, and of a person who is there.
#[tokio::test]
async fn id_tokens_that_are_refused() {
    let op = id_tokens().build();
    permit(&op, EVERYTHING);
    let own = op.tokens_for("both-x", ALICE, "openid", &[]).await;
    for (client, token, what) in [
        ("other-x", &*own.id, "another client's"),
        ("exchanger", &own.id, "another client's"),
        ("both-x", &own.access, "an access token"),
        ("both-x", &own.id[1..], "a part"),
        ("both-x", "a.b.c", "garbage"),
    ] {
        is_refused(&exchange_id(&op, client, token).await, "invalid_request", what);
    }
    let pairwise = op.tokens_for("pair-x", ALICE, "openid", &[]).await.id;
    is_refused(&exchange_id(&op, "pair-x", &pairwise).await, "invalid_request", "pairwise");

    // the same second: it came before, for all that anybody knows
    op.provider.revoke_all(&Subject::new(ALICE).unwrap()).await.unwrap();
    is_refused(&exchange_id(&op, "both-x", &own.id).await, "invalid_request", "revoke_all");
    op.wait(1);
    let new = op.tokens_for("both-x", ALICE, "openid", &[]).await.id;
    is_refused(&exchange_id(&op, "both-x", &own.id).await, "invalid_request", "and it stays so");
    granted(&exchange_id(&op, "both-x", &new).await, "a new one");
    op.wait(599);
    granted(&exchange_id(&op, "both-x", &new).await, "still good");
    op.wait(1);
    is_refused(&exchange_id(&op, "both-x", &new).await, "invalid_request", "expired");
    let new = op.tokens_for("both-x", ALICE, "openid", &[]).await.id;
    op.host.disable(ALICE);
    is_refused(&exchange_id(&op, "both-x", &new).await, "invalid_request", "disabled");
}

/// What a client can make itself proves nothing: unsigned, or signed with its own secret.
#[tokio::test]
async fn id_tokens_of_the_clients_own_making() {
    let op = id_tokens().build();
    permit(&op, EVERYTHING);
    for client in ["none-x", "keyed-x"] {
        let forged = json!({
            "iss": "https://id.example", "sub": BOB, "aud": client,
            "iat": 1_800_000_000, "exp": 1_800_000_500, "auth_time": 1_800_000_000
        });
        let unsigned = keys::unsigned(&forged);
        let by_secret = keys::sign(&json!({"alg": "HS256"}), &forged, &*hs256(KEPT));
        for token in [unsigned, by_secret] {
            let body =
                [("grant_type", EXCHANGE), ("subject_token", &token), ("subject_token_type", ID)];
            let secret = if client == "keyed-x" { KEPT } else { client };
            let answer = op.token(client, secret, &body).await;
            is_refused(&answer, "invalid_request", client);
        }
    }
    assert!(asked(&op).is_empty());
}
