//! The `PyPI` package `Authlib` as relying party and API: `tests/peers/authlib_peer.py`.

use serde_json::{Value, json};

use super::{
    fixture::{
        ALICE, FIRST_PARTY, HOUSE, KEYED, KEYED_LAX, LENIENT, MACED, MACED_LAX, MACHINE, ORDERS,
        ORDERS_API, PARTNER, PARTNER_ISSUER, POST, PUBLIC, REPORTS, Registered, STRICT,
        THIRD_PARTY, WEB, partner_jwk, user,
    },
    peers::Script,
    server::{Server, Setup},
    visitor::Visitor,
};

/// One client at the shared server, and what its scenarios are given.
struct Party {
    server: std::sync::Arc<Server>,
    given: Value,
}

impl Party {
    fn new(client: Registered, scope: &str) -> Self {
        let server = Server::shared();
        let given = json!({
            "issuer": server.issuer,
            "client": client.json(),
            "scope": scope,
            "redirect_uri": WEB,
            "user": user(ALICE),
            "api": ORDERS_API.json(),
            "orders": ORDERS,
            "reports": REPORTS,
        });
        Self { server, given }
    }

    /// Adds to what is given.
    fn with(mut self, more: &Value) -> Self {
        for (name, value) in more.as_object().unwrap() {
            self.given[name] = value.clone();
        }
        self
    }

    /// Runs a scenario.
    #[track_caller]
    fn run(&self, scenario: &str) -> Value {
        Script::shared("authlib_peer.py").run(scenario, self.given.clone())
    }

    /// Authlib asks, alice signs in and agrees, and the scenario begins with the answer.
    async fn signed_in(self) -> Self {
        let begun = self.run("begin");
        let visitor = Visitor::new(&self.server);
        let page = visitor.open(begun["url"].as_str().unwrap()).await;
        let page = visitor.consent(page, ALICE).await;
        let answer = page.answer();
        assert_eq!(
            answer["iss"], self.server.issuer,
            "RFC 9207 §2, which Authlib does not look at"
        );
        assert!(answer.contains_key("code"), "{answer:?}");
        let callback = page.location().unwrap().to_string();
        self.with(&json!({ "begun": begun, "callback": callback }))
    }
}

/// Compares these members, and no others.
#[track_caller]
fn members(found: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(found[name], *value, "{name}: {found}");
    }
}

/// The whole flow: discovery, PKCE, the ID Token, UserInfo, and what Authlib sees if it is wrong.
async fn sign_in(client: Registered) {
    let sign_in = Party::new(client, "openid profile email").signed_in().await;
    let found = sign_in.run("sign_in");
    let expected = json!({
        "scope": "openid profile email",
        "state": "mismatching_state",
        "nonce": "invalid_claim: nonce",
        "at_hash": "invalid_claim: at_hash",
        "aud": "invalid_claim: aud",
        "signature": "bad_signature: ",
        "again": "invalid_grant",
    });
    members(&found, &expected);
    assert_eq!(found["claims"]["sub"], "sub-of-alice");
    assert!(found["claims"]["auth_time"].is_number() && found["claims"]["at_hash"].is_string());
    assert!(found["expires_in"].as_i64().is_some_and(|seconds| seconds > 0));

    let found = Party::new(client, "openid profile email").signed_in().await.run("userinfo");
    let expected = json!({
        "sub": "sub-of-alice",
        "name": "Alice Example",
        "preferred_username": "alice",
        "email": "alice@example.com",
        "email_verified": true,
    });
    assert_eq!(found["userinfo"], expected);
}

#[tokio::test]
async fn client_secret_basic() {
    sign_in(THIRD_PARTY).await;
}

#[tokio::test]
async fn client_secret_post() {
    sign_in(POST).await;
}

#[tokio::test]
async fn public_client() {
    sign_in(PUBLIC).await;
}

#[tokio::test]
async fn private_key_jwt() {
    sign_in(KEYED_LAX).await;
}

#[tokio::test]
async fn client_secret_jwt() {
    sign_in(MACED_LAX).await;
}

/// RFC 6749 §2.3.1: a secret is encoded before it is in a header. Authlib leaves that to others.
#[test]
fn a_secret_is_encoded_in_the_header() {
    let found = Party::new(FIRST_PARTY, "openid").run("secret_as_it_is");
    assert_eq!(found, json!({ "as it is": "invalid_client", "encoded": "invalid_grant" }));
}

/// RFC 7636 §4.6.
#[tokio::test]
async fn the_wrong_verifier_is_refused() {
    for client in [THIRD_PARTY, PUBLIC] {
        let party = Party::new(client, "openid").signed_in().await;
        assert_eq!(party.run("wrong_verifier"), "invalid_grant", "{}", client.id);
    }
}

const OFFLINE: &str = "openid email offline_access";

/// RFC 6749 §6, OIDC Core §12.2: when asked, and by itself once an access token has ended.
#[tokio::test]
async fn refresh_tokens_rotate() {
    let found = Party::new(STRICT, OFFLINE).signed_in().await.run("refresh");
    let expected = json!({
        "different": 3,
        "updated": 2,
        "scopes": [OFFLINE, OFFLINE, OFFLINE],
        "narrower": "openid",
        "reused": "invalid_grant",
        "after": "invalid_grant",
    });
    members(&found, &expected);
    assert_eq!(found["userinfo"]["email"], "alice@example.com");
}

/// RFC 6749 §4.4, RFC 7662 §2.2, RFC 7009 §2.2.1 with a wrong hint, RFC 9068 §4.
#[test]
fn client_credentials_for_two_apis() {
    let found = Party::new(MACHINE, "").run("client_credentials");
    let scope = "orders:read orders:write";
    let expected = json!({
        "token": { "scope": scope, "expires_in": 300, "refresh_token": Value::Null },
        "revoked": { "active": false },
        "other scope": "insufficient_scope",
        "other api": "invalid_token",
        "elsewhere": "invalid_target",
    });
    members(&found, &expected);
    let expected = json!({
        "active": true, "sub": "machine", "client_id": "machine", "aud": ORDERS, "scope": scope,
    });
    members(&found["introspection"], &expected);
    let expected = json!({
        "sub": "machine", "client_id": "machine", "aud": REPORTS, "scope": "orders:read",
    });
    members(&found["jwt"], &expected);
}

/// RFC 7009 §2.1, §2.2: an access token ends alone, a refresh token with all that came of it.
#[tokio::test]
async fn tokens_are_given_back() {
    let found = Party::new(LENIENT, OFFLINE).signed_in().await.run("revocation");
    assert_eq!(found["seen"], json!([[true, true], [false, true], [false, false]]), "{found}");
    assert_eq!(found["refresh"], "invalid_grant");
}

/// RFC 7523 §2.2, `assertion_audience`: what is meant for the token endpoint is good nowhere else.
#[tokio::test]
async fn assertions_at_every_endpoint() {
    for client in [KEYED_LAX, MACED_LAX] {
        let party = Party::new(client, OFFLINE).signed_in().await;
        let expected = json!({
            "for the token endpoint": [401, 401], "active": true, "after": { "active": false },
        });
        assert_eq!(party.run("assertions"), expected, "{}", client.id);
    }
}

/// RFC 7523 §3, `assertion_audience`.
#[test]
fn assertions_that_are_refused() {
    for (client, token_endpoint) in [
        (KEYED_LAX, Value::Null),
        (MACED_LAX, Value::Null),
        (KEYED, json!("invalid_client")),
        (MACED, json!("invalid_client")),
    ] {
        let found = Party::new(client, "").run("refused_assertions");
        let refused = found.as_object().unwrap();
        for (change, answer) in refused {
            let expected = match &**change {
                "issuer" => Value::Null,
                "nothing" | "once" => token_endpoint.clone(),
                _ => json!("invalid_client"),
            };
            assert_eq!(*answer, expected, "{} {change}: {found}", client.id);
        }
        assert_eq!(refused.len(), 10);
    }
}

/// RFC 6749 §4.3.
#[test]
fn passwords_of_people() {
    let found = Party::new(HOUSE, OFFLINE).run("password");
    members(&found, &json!({ "sub": "sub-of-alice", "wrong": "invalid_grant" }));
    assert_eq!(found["userinfo"]["email"], "alice@example.com");
}

/// RFC 8693 §2.1, §2.2.2, RFC 9068 §4.
#[tokio::test]
async fn tokens_are_exchanged() {
    // Of two resources Authlib can send both when it asks a person, and one for a token.
    let asked = json!({
        "parameters": { "resource": [ORDERS, REPORTS] },
        "more": { "resource": ORDERS },
    });
    let party = Party::new(STRICT, "openid orders:read").with(&asked).signed_in().await;
    let found = party.run("token_exchange");
    let expected = json!({
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "scope": "orders:read",
        "no_rule": "invalid_request",
        "forged": "invalid_request",
    });
    members(&found, &expected);
    let expected = json!({
        "sub": "sub-of-alice",
        "client_id": "orders-api",
        "aud": REPORTS,
        "email": "alice@example.com",
    });
    members(&found["jwt"], &expected);
}

/// RFC 7523 §2.1.
#[test]
fn assertions_of_a_trusted_issuer() {
    let partner = json!({ "partner": PARTNER_ISSUER, "key": partner_jwk() });
    let found = Party::new(PARTNER, "openid email").with(&partner).run("jwt_bearer");
    let expected = json!({
        "sub": "sub-of-bob", "again": "invalid_grant", "without a secret": "invalid_client",
    });
    assert_eq!(found, expected);
}

/// RFC 8414, OIDC Discovery §3: the metadata pass Authlib's checks, over TLS.
#[test]
fn metadata_over_tls() {
    let server = Server::start(Setup { name: "authlib-tls", tls: true, ..Setup::default() });
    let given = json!({ "issuer": server.issuer, "client": THIRD_PARTY.json() });
    let found = Script::shared("authlib_peer.py").run("discovery", given);
    assert_eq!(found["issuer"], server.issuer);
    assert!(found["without TLS"].as_str().is_some_and(|said| said.contains("https")), "{found}");
}
