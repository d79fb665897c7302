//! What is said of tokens: introspection ([RFC 7662]), its answers as JWTs ([RFC 9701]), and
//! `Provider::inspect`.
//!
//! [RFC 7662]: https://www.rfc-editor.org/rfc/rfc7662
//! [RFC 9701]: https://www.rfc-editor.org/rfc/rfc9701

use oidc_op::{Clock, Scope, SigningAlgorithm};
use serde_json::{Value, json};

use crate::{
    resources::{API, ISSUER, ORDERS, ask_for},
    support::{
        ALICE, ALL_KEYS, Answer, Ask, BOB, Browser, Op, Setup, client, form, header, keyed,
        keys::{KEPT, opened, verified, verified_by_secret},
    },
};

/// RFC 7662 §2.2: all that is said of a token that is not good, whatever the reason.
pub(crate) const INACTIVE: &[u8] = br#"{"active":false}"#;
pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "application/token-introspection+jwt";

/// Another node of the same provider, on the same store, with something changed.
pub(crate) fn node(first: &Setup, change: impl FnOnce(&mut Setup)) -> Op {
    let mut other = Setup {
        config: first.config.clone(),
        clients: first.clients.clone(),
        store: first.store.clone(),
        clock: first.clock.clone(),
        host: first.host.clone(),
        policies: first.policies.clone(),
        seed: first.seed + 1,
        ..Setup::full()
    };
    change(&mut other);
    other.build()
}

/// Exchanges an access token for one of `exchanger`'s own, for what the policy says.
pub(crate) async fn exchanged(op: &Op, subject: &str, more: &[(&str, &str)]) -> Answer {
    *op.policies.exchange.lock().unwrap() = Some(Scope::parse("openid email orders:read").unwrap());
    let body = [
        &[
            ("grant_type", EXCHANGE),
            ("subject_token", subject),
            ("subject_token_type", ACCESS_TOKEN),
        ],
        more,
    ]
    .concat();
    op.token_as("exchanger", &body).await
}

/// A client's own token.
pub(crate) async fn own_token(op: &Op, resource: Option<&str>) -> String {
    let mut body = vec![("grant_type", "client_credentials"), ("scope", "orders:read")];
    body.extend(resource.map(|resource| ("resource", resource)));
    let answer = op.token_as("cc-client", &body).await;
    assert_eq!(answer.status(), 200, "{}", answer.json());
    answer.member("access_token")
}

/// RFC 7662 §2.2, RFC 9470 §6.2: the members of each kind of token, all of them and no others.
#[tokio::test]
async fn members_of_each_kind() {
    let op = Setup::full().build();
    let now = op.clock.now().unix();
    let person = |scope: &str, aud: &str| {
        json!({
            "active": true, "iss": ISSUER, "client_id": "refresh", "sub": ALICE, "aud": aud,
            "scope": scope, "token_type": "Bearer", "iat": now, "exp": now + 600, "auth_time": now
        })
    };
    let with = |mut said: Value, more: Value| {
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        said
    };
    let scope = "openid email offline_access";
    let plain = op.tokens_for("refresh", ALICE, scope, &[]).await;
    let opaque = op.tokens_for("refresh", ALICE, "openid offline_access", &[API]).await;
    let jwt = op.tokens_for("refresh", ALICE, "openid orders:read", &[ORDERS]).await;
    let own = |aud: &str| {
        json!({
            "active": true, "iss": ISSUER, "client_id": "cc-client", "sub": "cc-client",
            "scope": "orders:read", "aud": aud, "token_type": "Bearer", "iat": now, "exp": now + 600
        })
    };
    let child = exchanged(&op, &plain.access, &[]).await.member("access_token");
    let actor = own_token(&op, None).await;
    let acting = [("actor_token", &*actor), ("actor_token_type", ACCESS_TOKEN)];
    let delegated = exchanged(&op, &plain.access, &acting).await.member("access_token");
    let of_child = with(person("openid email", ISSUER), json!({"client_id": "exchanger"}));
    let by_client = json!({"act": {"sub": "cc-client", "client_id": "cc-client"}});
    for (what, asker, token, expected) in [
        ("opaque", "refresh", &plain.access, person(scope, ISSUER)),
        ("for an API", "rs1", &opaque.access, person("openid offline_access", API)),
        (
            "a JWT",
            "rs2",
            &jwt.access,
            with(person("orders:read", ORDERS), json!({"email": "alice@example.org"})),
        ),
        ("a client's", "cc-client", &actor, own(ISSUER)),
        ("a client's for an API", "rs1", &own_token(&op, Some(API)).await, own(API)),
        ("a client's JWT", "rs2", &own_token(&op, Some(ORDERS)).await, own(ORDERS)),
        ("exchanged", "exchanger", &child, of_child.clone()),
        ("delegated", "exchanger", &delegated, with(of_child, by_client)),
        (
            "a refresh token",
            "refresh",
            &plain.refresh,
            json!({
                "active": true, "iss": ISSUER, "client_id": "refresh", "sub": ALICE, "scope": scope,
                "token_type": "refresh_token", "exp": now + 14 * 86_400
            }),
        ),
    ] {
        let answer = op.introspect(asker, token).await;
        assert_eq!(answer.status(), 200, "{what}");
        assert_eq!(answer.json(), expected, "{what}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        // the host hears the same of access tokens, and nothing of others
        let inspected = op.provider.inspect(token).await.unwrap().map(Value::Object);
        assert_eq!(inspected, (what != "a refresh token").then_some(expected), "{what}");
    }
}

/// RFC 7662 §2.2, §4: the client that it was issued to hears of a token, and the API that it is for;
/// everybody else hears what is said of no token at all.
#[tokio::test]
async fn who_hears_of_a_token() {
    let op = Setup::full().build();
    let for_provider = op.tokens("refresh", ALICE).await;
    let for_api = op.tokens_for("refresh", ALICE, "openid offline_access", &[API]).await;
    let for_orders = op.tokens_for("refresh", ALICE, "openid orders:read", &[ORDERS]).await;
    let child = exchanged(&op, &for_api.access, &[]).await.member("access_token");
    for (token, hear) in [
        (&for_provider.access, &["refresh"][..]),
        (&for_provider.refresh, &["refresh"]),
        (&for_api.access, &["refresh", "rs1"]),
        (&for_api.refresh, &["refresh"]),
        (&for_orders.access, &["refresh", "rs2"]),
        (&child, &["exchanger", "rs1"]),
        (&own_token(&op, None).await, &["cc-client"]),
        (&own_token(&op, Some(API)).await, &["cc-client", "rs1"]),
        (&own_token(&op, Some(ORDERS)).await, &["cc-client", "rs2"]),
    ] {
        for asker in ["refresh", "rs1", "rs2", "cc-client", "exchanger", "online", "conf-basic"] {
            let answer = op.introspect(asker, token).await;
            if hear.contains(&asker) {
                assert_eq!(answer.json()["active"], true, "{asker} {token}");
            } else {
                assert_eq!((answer.status(), &*answer.reply().body), (200, INACTIVE), "{asker}");
            }
        }
    }
}

/// RFC 7662 §2.1: the hint is one; the token is found without it, and whatever it says.
#[tokio::test]
async fn hints_are_hints() {
    let op = Setup::full().build();
    let tokens = op.tokens("refresh", ALICE).await;
    for token in [&tokens.access, &tokens.refresh] {
        for hint in ["access_token", "refresh_token", "id_token", "unheard_of", ""] {
            let body = [("token", &**token), ("token_type_hint", hint)];
            let answer = op.post_as("/introspect", "refresh", &body).await;
            assert_eq!(answer.json()["active"], true, "{hint}");
        }
    }
}

/// A token that covers less than its grant says so.
#[tokio::test]
async fn a_narrowed_scope() {
    let op = Setup::full().build();
    let tokens = op.tokens("refresh", ALICE).await;
    let narrow = op.refresh_with("refresh", &tokens.refresh, &[("scope", "openid")]).await;
    let said = op.introspect("refresh", &narrow.member("access_token")).await.json();
    assert_eq!(said["scope"], "openid");
    let said = op.introspect("refresh", &narrow.member("refresh_token")).await.json();
    assert_eq!(said["scope"], "openid email offline_access", "RFC 6749 §6: that of the grant");
    let said = op.introspect("refresh", &tokens.access).await.json();
    assert_eq!(said["scope"], "openid email offline_access");
}

/// A refresh token is good where the token endpoint would take it.
#[tokio::test]
async fn generations_of_a_refresh_token() {
    let op = Setup::full().build();
    for client in ["refresh", "fixed"] {
        let first = op.tokens(client, ALICE).await;
        let second = first.refreshed(&op).await;
        let says = async |token: &str| op.introspect(client, token).await.json()["active"].clone();
        assert_eq!(says(&second.refresh).await, true, "{client}");
        assert_eq!(says(&first.refresh).await, true, "{client}: within the window");
        op.wait(31);
        assert_eq!(says(&first.refresh).await, client == "fixed", "{client}: after it");
        assert_eq!(says(&second.refresh).await, true, "{client}: and asking did no harm");
        op.wait(14 * 86_400);
        assert_eq!(says(&second.refresh).await, false, "{client}: nobody used it");
    }
}

/// A refresh token falls with its consent, its session, its client's policy: what the token endpoint
/// would find.
#[tokio::test]
async fn a_refresh_token_that_stands_on_nothing() {
    let op = Setup::full().build();
    let alice = oidc_op::Subject::new(ALICE).unwrap();
    let kept = op.tokens("refresh", ALICE).await;
    let client = oidc_op::ClientId::new("refresh").unwrap();
    op.provider.withdraw_consent(&alice, &client).await.unwrap();
    assert_eq!(op.introspect("refresh", &kept.refresh).await.reply().body, INACTIVE);
    assert_eq!(op.refresh("refresh", &kept.refresh).await.error(), "invalid_grant");

    let ask = Ask::of("online", "code");
    let mut browser = Browser::new(&op);
    let sent = browser.ask(&ask, ALICE).await;
    let token = op.exchange(&ask, sent.get("code")).await.member("refresh_token");
    assert_eq!(op.introspect("online", &token).await.json()["active"], true);
    browser.sign_out().await;
    assert_eq!(op.introspect("online", &token).await.reply().body, INACTIVE);
}

/// ID tokens are nobody's bearer tokens; they are introspected only where the policy says so, by the
/// client that they are for.
#[tokio::test]
async fn id_tokens() {
    for allowed in [false, true] {
        let mut setup = Setup::full();
        setup.config.policy.introspect_id_tokens = allowed;
        let op = setup.build();
        let now = op.clock.now().unix();
        let tokens = op.tokens("refresh", ALICE).await;
        let said = op.introspect("refresh", &tokens.id).await;
        if allowed {
            let expected = json!({
                "active": true, "iss": ISSUER, "client_id": "refresh", "sub": ALICE,
                "aud": "refresh", "iat": now, "exp": now + 600, "auth_time": now,
                "token_type": "id_token"
            });
            assert_eq!(said.json(), expected, "it says that it is none to be presented");
        } else {
            assert_eq!(said.reply().body, INACTIVE);
        }
        for asker in ["rs1", "online"] {
            assert_eq!(op.introspect(asker, &tokens.id).await.reply().body, INACTIVE, "{asker}");
        }
        assert_eq!(op.provider.inspect(&tokens.id).await.unwrap(), None);
        let (body, last) = tokens.id.split_at(tokens.id.len() - 4);
        let changed = format!("{body}{}", if last == "AAAA" { "BBBB" } else { "AAAA" });
        assert_eq!(op.introspect("refresh", &changed).await.reply().body, INACTIVE);
        op.wait(600);
        assert_eq!(op.introspect("refresh", &tokens.id).await.reply().body, INACTIVE);
    }
    // nobody vouches for somebody who is gone, or for what came before everything ended
    for gone in [true, false] {
        let mut setup = Setup::full();
        setup.config.policy.introspect_id_tokens = true;
        let op = setup.build();
        let tokens = op.tokens("refresh", ALICE).await;
        if gone {
            op.host.disable(ALICE);
        } else {
            let alice = oidc_op::Subject::new(ALICE).unwrap();
            op.provider.revoke_all(&alice).await.unwrap();
        }
        assert_eq!(op.introspect("refresh", &tokens.id).await.reply().body, INACTIVE);
    }
}

/// What an API says that it takes.
async fn accepting(op: &Op, client: &str, secret: &str, accept: &[&str], token: &str) -> Answer {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let basic = format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")));
    let mut headers = vec![("authorization", &*basic)];
    headers.extend(accept.iter().map(|accept| ("accept", *accept)));
    op.post("/introspect", &form(&[("token", token)]), &headers).await
}

/// RFC 9701 §4: a JWT only for whoever says that it takes one.
#[tokio::test]
async fn a_jwt_for_whoever_takes_it() {
    let op = Setup::full().build();
    let token = op.tokens_for("refresh", ALICE, "openid", &[API]).await.access;
    for (accept, jwt) in [
        (&[][..], false),
        (&["*/*"], false),
        (&["application/json"], false),
        (&["application/jwt"], false),
        (&["application/token-introspection"], false),
        (&[JWT], true),
        (&["application/json, application/token-introspection+jwt;q=0.5"], true),
        (&["Application/Token-Introspection+JWT"], true),
        (&["application/json", JWT], true),
    ] {
        let answer = accepting(&op, "rs1", "rs1", accept, &token).await;
        assert_eq!(answer.status(), 200, "{accept:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{accept:?}");
        let expected = if jwt { JWT } else { "application/json" };
        assert_eq!(answer.header("content-type"), Some(expected), "{accept:?}");
        assert_eq!(answer.reply().body.starts_with(b"{"), !jwt, "{accept:?}");
    }
    // an error is never a JWT
    let answer = accepting(&op, "rs1", "wrong", &[JWT], &token).await;
    assert_eq!((answer.status(), answer.error()), (401, "invalid_client".into()));
}

/// RFC 9701 §5, §6: signed and encrypted as the API has registered. The token's members are inside of
/// `token_introspection`, so that nobody takes the answer for a token (§8.1).
#[tokio::test]
async fn jwt_answers() {
    let as_api = |name: &str, extra: &Value| {
        let mut members = json!({"response_types": [], "grant_types": []});
        members.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        if name == "keyed-api" { keyed(name, &members) } else { client(name, false, &[], &members) }
    };
    let mut rows: Vec<(String, Value)> = SigningAlgorithm::ALL
        .iter()
        .map(|alg| (alg.as_str().to_owned(), json!({"introspection_signed_response_alg": alg})))
        .collect();
    rows.push(("RS256".into(), json!({})));
    rows.push(("HS256".into(), json!({"introspection_signed_response_alg": "HS256"})));
    for alg in ["RSA-OAEP-256", "ECDH-ES", "A128KW"] {
        let sealed = json!({
            "introspection_signed_response_alg": "ES256",
            "introspection_encrypted_response_alg": alg,
            "introspection_encrypted_response_enc": "A256GCM"
        });
        rows.push(("ES256".into(), sealed));
    }
    for (alg, extra) in rows {
        let mut setup = Setup { signer: std::sync::Arc::new(ALL_KEYS.clone()), ..Setup::full() };
        setup.clients.push(as_api("keyed-api", &extra));
        for server in &mut setup.config.resources {
            if server.resource.as_str() == API {
                server.client = Some("keyed-api".to_owned().try_into().unwrap());
            }
        }
        let op = setup.build();
        let now = op.clock.now().unix();
        let token = op.tokens_for("refresh", ALICE, "openid", &[API]).await.access;
        let plain = accepting(&op, "keyed-api", KEPT, &[], &token).await.json();
        assert_eq!(plain["active"], true);
        for (asked, inner) in [(&*token, plain), ("garbage", json!({"active": false}))] {
            let answer = accepting(&op, "keyed-api", KEPT, &[JWT], asked).await;
            let mut jwt = String::from_utf8(answer.reply().body.clone()).unwrap();
            if let Some(expected) = extra.get("introspection_encrypted_response_alg") {
                let outer = header(&jwt);
                assert_eq!((&outer["alg"], &outer["enc"]), (expected, &json!("A256GCM")));
                assert_eq!(outer["cty"], "JWT");
                jwt = opened(&jwt).0;
            }
            let head = header(&jwt);
            assert_eq!(
                (&head["typ"], &head["alg"]),
                (&json!("token-introspection+jwt"), &json!(alg))
            );
            let said = match &*alg {
                "HS256" => verified_by_secret(&jwt),
                _ => verified(&jwt, &op.jwks().await),
            };
            let expected = json!({
                "iss": ISSUER, "aud": "keyed-api", "iat": now, "token_introspection": inner
            });
            assert_eq!(said, Some(expected), "{alg} {extra}");
            // it is no token of any kind
            assert_eq!(op.userinfo(&jwt).await.status(), 401);
            let again = accepting(&op, "keyed-api", KEPT, &[], &jwt).await;
            assert_eq!(again.reply().body, INACTIVE);
        }
    }
}

/// A pairwise name is that of the client which holds the token, whoever asks.
#[tokio::test]
async fn whose_name_is_said() {
    let op = Setup::full().build();
    let ask = ask_for("pairwise-a", "code id_token token", "openid", &[API]);
    for who in [ALICE, BOB] {
        let sent = Browser::new(&op).ask(&ask, who).await;
        let sub = crate::support::claims(sent.get("id_token"))["sub"].clone();
        for asker in ["rs1", "pairwise-a"] {
            let said = op.introspect(asker, sent.get("access_token")).await.json();
            assert_eq!(said["sub"], sub, "{asker}");
            assert!(!said.to_string().contains(who), "{said}");
        }
    }
}
