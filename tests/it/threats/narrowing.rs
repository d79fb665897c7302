//! P-03, P-09, TK-02: what comes of one thing is never more than it, and never outlives what ended it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oidc_op::{
    AccessTokenFormat, AccessTokenVerifier, Account, Agreement, Client, ClientPermissions,
    Duration, HostError, JwtFormat, Reason, Resource, ResourceServer, Scope, SigningAlgorithm,
    Subject, Verdict, store::MemoryStore,
};
use serde_json::{Value, json};

use crate::support::{
    ALICE, Answer, Ask, BOB, Browser, DEVICE_KEY, Op, PARTNER, Setup, Tokens, claims, client, form,
    keys,
};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// A client that people know, and that may do all of it.
fn every(name: &str, extra: &Value) -> oidc_op::Client {
    let mut members =
        json!({"grant_types": ["authorization_code", "refresh_token", EXCHANGE, BEARER]});
    members.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    client(name, false, &[&format!("https://{name}.example/cb")], &members)
}

fn setup(extra: &Value) -> Setup {
    let mut setup = Setup::full();
    setup.clients.push(every("every", extra));
    *setup.policies.as_ref().unwrap().exchange.lock().unwrap() =
        Some(Scope::parse("openid profile email phone orders:read otp").unwrap());
    setup
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

async fn exchange(op: &Op, client: &str, kind: &str, token: &str, more: &[(&str, &str)]) -> Answer {
    let body =
        [&[("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", kind)], more]
            .concat();
    op.token_as(client, &body).await
}

/// An assertion of the partner's about Alice.
fn assertion(op: &Op, extra: &Value) -> String {
    let now = oidc_op::Clock::now(&op.clock).unix();
    let mut claims = json!({
        "iss": PARTNER, "sub": "partner:alice", "aud": "https://id.example", "exp": now + 60
    });
    claims.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    keys::es256(&claims)
}

async fn bearer(op: &Op, client: &str, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let body = [&[("grant_type", BEARER), ("assertion", assertion)], more].concat();
    op.token_as(client, &body).await
}

/// Alice agrees to `openid email` for good, and keeps her address back.
async fn agreed_without_address(op: &Op, client: &str) {
    let mut browser = Browser::new(op);
    let ask = Ask::of(client, "code").with("scope", "openid email");
    let answer = browser.authorize(&ask.pairs()).await;
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    let mut agreement = Agreement::to_all(answer.page());
    agreement.claims.as_mut().unwrap().retain(|name| **name != *"email");
    agreement.remember = true;
    let answer = browser.submit(&answer.page().token.clone(), Verdict::Consent(agreement)).await;
    assert!(!answer.parameter("code").is_empty());
}

/// What a client's own secret has signed proves nothing to the provider: with HS256 it could make an ID
/// token of anybody.
#[tokio::test]
async fn an_id_token_by_the_clients_own_secret_is_nobodys_word() {
    let mut setup = setup(&json!({}));
    setup.config.policy.introspect_id_tokens = true;
    let mut forger = keys_client();
    forger.first_party = true;
    setup.clients.push(forger);
    let op = setup.build();
    let now = oidc_op::Clock::now(&op.clock).unix();
    let forged = json!({
        "iss": "https://id.example", "aud": "forger", "sub": BOB, "iat": now, "exp": now + 60,
        "auth_time": now, "acr": "mfa"
    });
    let forged = keys::sign(&json!({"alg": "HS256"}), &forged, &*keys::hs256(keys::KEPT));
    let ask = async |path: &str, body: &[(&str, &str)]| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let basic = format!("Basic {}", STANDARD.encode(format!("forger:{}", keys::KEPT)));
        op.post(path, &form(body), &[("authorization", &basic)]).await
    };
    let body =
        [("grant_type", EXCHANGE), ("subject_token", &*forged), ("subject_token_type", ID_TOKEN)];
    assert_eq!(ask("/token", &body).await.error(), "invalid_request");
    assert_eq!(ask("/introspect", &[("token", &forged)]).await.json(), json!({"active": false}));
}

/// A first-party client whose ID tokens its own secret signs.
fn keys_client() -> oidc_op::Client {
    crate::support::keyed(
        "forger",
        &json!({"id_token_signed_response_alg": "HS256",
                "grant_types": ["authorization_code", EXCHANGE]}),
    )
}

/// What a person once kept back from a client it does not get by another grant either.
#[tokio::test]
async fn what_is_kept_back_stays_kept_back() {
    let op = setup(&json!({})).build();
    agreed_without_address(&op, "every").await;
    let assertion = assertion(&op, &json!({"jti": "1"}));
    let answer = bearer(&op, "every", &assertion, &[("scope", "openid email")]).await;
    assert_eq!(answer.status(), 200, "{}", answer.json());
    let said = op.userinfo(&answer.member("access_token")).await.json();
    assert_eq!(said["email_verified"], true);
    assert!(said.get("email").is_none(), "{said}");
}

/// Where nobody can be asked, only what was agreed to before is given; and it ends when that does.
#[tokio::test]
async fn an_id_token_gives_what_was_agreed_to() {
    let op = setup(&json!({})).build();
    let mut browser = Browser::new(&op);
    let ask = Ask::of("every", "code").with("scope", "openid email");
    let code = browser.ask(&ask, ALICE).await.get("code").to_owned();
    let tokens = Tokens::of("every", &op.exchange(&ask, &code).await);
    let given = exchange(&op, "every", ID_TOKEN, &tokens.id, &[]).await;
    assert_eq!(given.json()["scope"], "openid");
    for (wanted, status) in [("openid email", 200), ("openid profile", 400)] {
        let answer = exchange(&op, "every", ID_TOKEN, &tokens.id, &[("scope", wanted)]).await;
        assert_eq!(answer.status(), status, "{wanted}");
    }
    // another client's ID token, and one from before everything ended
    let other = exchange(&op, "exchanger", ID_TOKEN, &tokens.id, &[]).await;
    assert_eq!(other.error(), "invalid_request");
    let alice = Subject::new(ALICE).unwrap();
    op.provider.revoke_all(&alice).await.unwrap();
    let late = exchange(&op, "every", ID_TOKEN, &tokens.id, &[]).await;
    assert_eq!(late.error(), "invalid_request", "{}", late.json());
}

/// A resource that a client may not have is none that it gets by saying nothing.
#[tokio::test]
async fn the_default_resource_needs_permission_too() {
    let mut setup = Setup::full();
    setup.config.default_resource = Some(Resource::new("https://api.example/").unwrap());
    for client in &mut setup.clients {
        if matches!(client.id.as_str(), "implicit" | "refresh" | "cc-client") {
            client.resources = Some(Vec::new());
        }
    }
    let op = setup.build();
    for flow in [Ask::of("implicit", "token"), Ask::of("refresh", "code")] {
        let sent = Browser::new(&op).quiet(&flow.with("prompt", "none")).await;
        assert_eq!(sent.get("error"), "invalid_target");
    }
    let own = op.token_as("cc-client", &[("grant_type", "client_credentials")]).await;
    assert_eq!(own.error(), "invalid_target");
}

/// With a default resource, naming it is the same as naming none.
#[tokio::test]
async fn the_default_resource_by_its_name() {
    let mut setup = setup(&json!({}));
    setup.config.default_resource = Some(Resource::new("https://api.example/").unwrap());
    let op = setup.build();
    let first = op.tokens("refresh", ALICE).await;
    for resource in ["https://api.example/", "https://id.example"] {
        let body = [("resource", resource)];
        let answer = op.refresh_with("refresh", &first.refresh, &body).await;
        assert_eq!(answer.status(), 200, "{resource}: {}", answer.json());
        let said = op.introspect("refresh", &answer.member("access_token")).await.json();
        assert_eq!(said["aud"], resource);
    }
    let other = op.refresh_with("refresh", &first.refresh, &[("resource", "https://b.example/")]);
    assert_eq!(other.await.error(), "invalid_target");
    let child = exchange(&op, "exchanger", ACCESS_TOKEN, &first.access, &[]).await;
    assert_eq!(child.status(), 200, "{}", child.json());
    let said = op.introspect("rs1", &child.member("access_token")).await.json();
    assert_eq!(said["aud"], "https://api.example/");
}

/// A refresh token says that it is none to be taken for an access token.
#[tokio::test]
async fn a_refresh_token_is_no_bearer_token() {
    let op = Op::new();
    let tokens = op.tokens("refresh", ALICE).await;
    let said = op.introspect("refresh", &tokens.refresh).await.json();
    assert_eq!((&said["active"], &said["token_type"]), (&json!(true), &json!("refresh_token")));
    let said = op.introspect("refresh", &tokens.access).await.json();
    assert_eq!(said["token_type"], "Bearer");
}

/// An exchanged token covers what its holder may have, carries no single claim that somebody else asked
/// for, and cannot end what is not its holder's.
#[tokio::test]
async fn an_exchanged_token_is_its_holders() {
    let mut setup = setup(&json!({}));
    for client in &mut setup.clients {
        if client.id.as_str() == "exchanger" {
            client.metadata.scope = Some(scope("openid email"));
        }
    }
    let op = setup.build();
    let wanted = r#"{"userinfo": {"phone_number": null}}"#;
    let ask = Ask::of("refresh", "code")
        .with("scope", "openid profile email offline_access")
        .with("claims", wanted);
    let code = Browser::new(&op).ask(&ask, ALICE).await.get("code").to_owned();
    let owner = Tokens::of("refresh", &op.exchange(&ask, &code).await);
    assert_eq!(op.userinfo(&owner.access).await.json()["phone_number"], "+1 555 0100");

    let mut children = Vec::new();
    for _ in 0..9 {
        let child = exchange(&op, "exchanger", ACCESS_TOKEN, &owner.access, &[]).await;
        assert_eq!(child.json()["scope"], "openid email");
        children.push(child.member("access_token"));
    }
    let said = op.userinfo(&children[0]).await.json();
    assert_eq!(said["email"], "alice@example.org");
    assert!(said.get("phone_number").is_none() && said.get("name").is_none(), "{said}");
    for child in &children {
        assert_eq!(op.revoke("exchanger", child).await.status(), 200);
        assert_eq!(op.userinfo(child).await.status(), 401);
    }
    assert_eq!(op.userinfo(&owner.access).await.status(), 200, "the owner's lives on");
}

/// The epoch of the client that holds a token counts, not only that of the grant's.
#[tokio::test]
async fn the_holders_epoch_counts() {
    for jwt in [false, true] {
        let setup = setup(&json!({}));
        let (store, clock) = (setup.store.clone(), setup.clock.clone());
        let op = setup.build();
        let resource = "https://orders.example/";
        let resources: &[&str] = if jwt { &[resource] } else { &[] };
        let owner = op.tokens_for("refresh", ALICE, "openid orders:read", resources).await;
        let child = exchange(&op, "exchanger", ACCESS_TOKEN, &owner.access, &[]).await;
        let child = child.member("access_token");
        assert_eq!(child.contains('.'), jwt);
        assert_eq!(op.introspect("exchanger", &child).await.json()["active"], true);
        let mut raised = Setup { store, clock, seed: 9, ..Setup::full() };
        for client in &mut raised.clients {
            client.epoch = u32::from(client.id.as_str() == "exchanger");
        }
        let op = raised.build();
        assert_eq!(op.introspect("exchanger", &child).await.json(), json!({"active": false}));
        assert_eq!(op.introspect("refresh", &owner.access).await.json()["active"], true);
    }
}

/// P-09: a revocation is remembered for as long as anything lives that it has ended.
#[tokio::test]
async fn a_revocation_outlives_what_it_ended() {
    let mut setup = setup(&json!({}));
    let lifetimes = &mut setup.config.lifetimes;
    let hour = Duration::hours(1);
    (lifetimes.session, lifetimes.refresh_token, lifetimes.refresh_idle) = (hour, hour, hour);
    let mut slow = ResourceServer::new(Resource::new("https://slow.example/").unwrap());
    slow.lifetime = Some(Duration::hours(24));
    setup.config.resources.push(slow);
    setup.store = std::sync::Arc::new(MemoryStore::with_clock(setup.clock.clone()));
    let op = setup.build();
    let slow = ["https://slow.example/"];
    let tokens = op.tokens_for("refresh", ALICE, "openid", &slow).await;
    assert_eq!(op.introspect("refresh", &tokens.access).await.json()["active"], true);
    op.provider.revoke_all(&Subject::new(ALICE).unwrap()).await.unwrap();
    for _ in 0..23 {
        op.wait(3_600);
        op.provider.work(1_000).await.unwrap();
        assert_eq!(op.introspect("refresh", &tokens.access).await.json(), json!({"active": false}));
    }
}

/// An assertion gives one grant, however its signature is written, and none if it is older than what ended
/// the person's grants.
#[tokio::test]
async fn an_assertion_is_one_whatever_its_signature() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let op = setup(&json!({})).build();
    let first = assertion(&op, &json!({"jti": ""}));
    let second = {
        let (signed, _) = first.rsplit_once('.').unwrap();
        let signer = keys::signer("ES256", &keys::CLIENT_EC);
        let signature = signer.sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    assert_ne!(first, second, "ECDSA signs differently each time");
    let none = [("scope", "openid")];
    assert_eq!(bearer(&op, "trusted", &first, &none).await.status(), 200);
    assert_eq!(bearer(&op, "trusted", &second, &none).await.error(), "invalid_grant");
    let other = assertion(&op, &json!({"jti": "", "nbf": 1}));
    assert_eq!(bearer(&op, "trusted", &other, &none).await.status(), 200, "no name is no name");

    let now = oidc_op::Clock::now(&op.clock).unix();
    let old = assertion(&op, &json!({"jti": "old", "iat": now - 10}));
    op.provider.revoke_all(&Subject::new(ALICE).unwrap()).await.unwrap();
    assert_eq!(bearer(&op, "trusted", &old, &none).await.error(), "invalid_grant");
    op.wait(1);
    let new = assertion(&op, &json!({"jti": "new", "iat": now + 1}));
    assert_eq!(bearer(&op, "trusted", &new, &none).await.status(), 200);
}

/// The word of somebody else is asked for anew each time, whatever an administrator lets the client renew.
#[tokio::test]
async fn nobody_elses_word_is_renewed() {
    let mut setup = setup(&json!({}));
    for client in &mut setup.clients {
        client.refresh.online |= matches!(client.id.as_str(), "every" | "device");
        client.first_party |= client.id.as_str() == "every";
    }
    let op = setup.build();
    let by_code = op.tokens_for("every", ALICE, "openid", &[]).await;
    assert!(!by_code.refresh.is_empty(), "the session is what this one ends with");
    let assertion = assertion(&op, &json!({"jti": "1"}));
    let by_word = bearer(&op, "every", &assertion, &[("scope", "openid")]).await;
    let by_token = exchange(&op, "every", ID_TOKEN, &by_code.id, &[]).await;
    for answer in [by_word, by_token] {
        assert_eq!(answer.status(), 200, "{}", answer.json());
        assert!(answer.json().get("refresh_token").is_none(), "{}", answer.json());
    }
}

/// A wish that cannot be granted is refused before anything is written.
#[tokio::test]
async fn nothing_is_left_of_a_refused_exchange() {
    let (op, store) = setup(&json!({})).build_faulty();
    let tokens = op.tokens_for("every", ALICE, "openid", &[]).await;
    store.reset();
    let jwt = ("requested_token_type", "urn:ietf:params:oauth:token-type:jwt");
    for (kind, token) in [(ID_TOKEN, &tokens.id), (ACCESS_TOKEN, &tokens.access)] {
        let answer = exchange(&op, "every", kind, token, &[jwt]).await;
        assert_eq!(answer.error(), "invalid_request");
    }
    assert_eq!(store.calls().writes(), 0);
}

/// Tokens of a client that belongs to somebody are good while that somebody's account is active.
#[tokio::test]
async fn an_owners_account_counts_while_tokens_live() {
    let op = Setup::full().build();
    let own = op.token_as("owned", &[("grant_type", "client_credentials")]).await;
    let own = own.member("access_token");
    assert_eq!(op.introspect("owned", &own).await.json()["active"], true);
    op.host.disable(BOB);
    assert_eq!(op.introspect("owned", &own).await.json(), json!({"active": false}));
}

/// A grant of the host's own gives a client nothing for itself that the client could not have by itself.
#[tokio::test]
async fn an_extension_asks_the_owner_too() {
    let mut setup = Setup::full();
    for client in &mut setup.clients {
        if client.id.as_str() == "device" {
            client.owner = Some(Subject::new(BOB).unwrap());
        }
    }
    let op = setup.build();
    let own = [("grant_type", DEVICE_KEY), ("device", "self")];
    let given = op.token_as("device", &own).await.json()["scope"].clone();
    assert_eq!(given, "otp orders:read orders:write", "nothing of a person");
    *op.policies.permitted.lock().unwrap() = Some(scope("otp"));
    assert_eq!(op.token_as("device", &own).await.json()["scope"], "otp");
    op.host.disable(BOB);
    assert_eq!(op.token_as("device", &own).await.error(), "unauthorized_client");
}

/// TK-02: what the host says never takes the place of what the provider says of a token.
#[tokio::test]
async fn tk_02_introspection_says_active_itself() {
    let mut setup = Setup::new();
    for server in &mut setup.config.resources {
        server.claims = vec!["active".into(), "token_type".into(), "email".into()];
    }
    let op = setup.build();
    let Value::Object(known) = json!({"active": false, "token_type": "x", "email": "a@b.example"})
    else {
        unreachable!()
    };
    op.host.set(ALICE, Account::active().claims(known));
    let tokens = op.tokens_for("refresh", ALICE, "openid", &["https://api.example/"]).await;
    let said = op.introspect("rs1", &tokens.access).await.json();
    assert_eq!(
        (&said["active"], &said["token_type"], &said["email"]),
        (&json!(true), &json!("Bearer"), &json!("a@b.example"))
    );
}

/// An API hears of what is for it, and not what else a token is good for.
#[tokio::test]
async fn an_api_hears_its_own_part() {
    let mut setup = Setup::new();
    let api = |name: &str, token: &str, client: &str| {
        let mut server = ResourceServer::new(Resource::new(name).unwrap());
        server.scope = Some(scope(token));
        server.client = Some(client.to_owned().try_into().unwrap());
        server
    };
    let mut second = api("https://two.example/", "two", "rs2");
    second.claims = vec!["email".into()];
    setup.config.resources = vec![api("https://one.example/", "one", "rs1"), second];
    let op = setup.build();
    let both = ["https://one.example/", "https://two.example/"];
    let tokens = op.tokens_for("refresh", ALICE, "openid one two", &both).await;
    let one = op.introspect("rs1", &tokens.access).await.json();
    assert_eq!((&one["aud"], &one["scope"]), (&json!(both[0]), &json!("one")));
    assert!(one.get("email").is_none());
    let two = op.introspect("rs2", &tokens.access).await.json();
    assert_eq!((&two["aud"], &two["scope"]), (&json!(both[1]), &json!("two")));
    assert_eq!(two["email"], "alice@example.org");
    let own = op.introspect("refresh", &tokens.access).await.json();
    assert_eq!((&own["aud"], &own["scope"]), (&json!(both), &json!("one two")));
}

/// Whoever wishes for a JWT gets one or nothing, and one token is not for readers who cannot both read it.
#[tokio::test]
async fn a_jwt_that_was_wished_for() {
    let op = setup(&json!({})).build();
    let jwt = ("requested_token_type", "urn:ietf:params:oauth:token-type:jwt");
    let opaque = op.tokens("refresh", ALICE).await;
    let answer = exchange(&op, "exchanger", ACCESS_TOKEN, &opaque.access, &[jwt]).await;
    assert_eq!(answer.error(), "invalid_request");
    let orders = ["https://orders.example/"];
    let tokens = op.tokens_for("refresh", ALICE, "openid orders:read", &orders).await;
    let answer = exchange(&op, "exchanger", ACCESS_TOKEN, &tokens.access, &[jwt]).await;
    assert_eq!(answer.json()["issued_token_type"], jwt.1);
    assert_eq!(claims(&answer.member("access_token"))["client_id"], "exchanger");

    let mut setup = Setup::new();
    let keys = serde_json::from_value(keys::client_jwks()).unwrap();
    let mut sealed = ResourceServer::new(Resource::new("https://sealed.example/").unwrap());
    let mut format = JwtFormat::signed(SigningAlgorithm::ES256);
    format.encryption = Some(oidc_op::JwtEncryption::new(
        oidc_op::KeyManagementAlgorithm::EcdhEs,
        oidc_op::ContentEncryption::A128Gcm,
        keys,
    ));
    sealed.format = AccessTokenFormat::Jwt(format);
    setup.config.resources.push(sealed);
    let op = setup.build();
    let ask = [
        ("grant_type", "client_credentials"),
        ("resource", "https://sealed.example/"),
        ("resource", "https://id.example"),
    ];
    assert_eq!(op.token_as("cc-client", &ask).await.error(), "invalid_target");
}

/// Access while the person is away is had by its name only, and not by asking for nothing.
#[tokio::test]
async fn nobody_gets_offline_access_by_silence() {
    let op = Setup::full().build();
    let silent =
        [("grant_type", "password"), ("username", ALICE), ("password", ALICE), ("otp", "123")];
    let answer = op.token_as("password", &silent).await;
    let scope = answer.json()["scope"].as_str().unwrap().to_owned();
    assert!(scope.contains("openid") && !scope.contains("offline_access"), "{scope}");
    assert!(answer.json().get("refresh_token").is_none());
    let named = [&silent[..], &[("scope", "openid offline_access")]].concat();
    let answer = op.token_as("password", &named).await;
    assert!(answer.json().get("refresh_token").is_some(), "{}", answer.json());
}

/// RT-07: an administrator who takes the password grant away takes its refresh tokens too.
#[tokio::test]
async fn rt_07_a_password_grant_that_was_taken_away() {
    let setup = Setup::full();
    let (store, clock) = (setup.store.clone(), setup.clock.clone());
    let op = setup.build();
    let body = [
        ("grant_type", "password"),
        ("username", ALICE),
        ("password", ALICE),
        ("scope", "openid offline_access"),
    ];
    let refresh = op.token_as("password", &body).await.member("refresh_token");
    let mut taken = Setup { store, clock, seed: 9, ..Setup::full() };
    for client in &mut taken.clients {
        client.password_grant = false;
    }
    let taken = taken.build();
    assert_eq!(taken.introspect("password", &refresh).await.json(), json!({"active": false}));
    assert_eq!(taken.refresh("password", &refresh).await.error(), "invalid_grant");
    assert_eq!(op.refresh("password", &refresh).await.status(), 200, "and nothing was harmed");
}

/// What the host says of an owner's permissions, and how often it was asked.
#[derive(Clone, Debug, Default)]
struct Bounds {
    /// What may be done; everything if none, and nobody knows if it is `unknown`.
    may: Arc<Mutex<Option<&'static str>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl ClientPermissions for Bounds {
    async fn permitted(
        &self,
        owner: &Subject,
        client: &Client,
        scope: &Scope,
    ) -> Result<Scope, HostError> {
        self.asked.lock().unwrap().push(format!("{owner} {} {scope}", client.id));
        match *self.may.lock().unwrap() {
            Some("unknown") => Err("the directory is down".into()),
            Some(may) => Ok(Scope::parse(may).unwrap()),
            None => Ok(scope.clone()),
        }
    }
}

/// A client's own token that is out covers no more than its owner may do now: at introspection, by the client
/// and by the API, and where an API in the same process asks the provider.
#[tokio::test]
async fn tokens_of_a_client_shrink_with_its_owner() {
    let bounds = Bounds::default();
    let op = Setup::full().build_with(|builder| builder.permissions(bounds.clone()));
    let credentials = [("grant_type", "client_credentials")];
    for (resource, api) in [("https://api.example/", "rs1"), ("https://orders.example/", "rs2")] {
        *bounds.may.lock().unwrap() = None;
        let body = [&credentials[..], &[("resource", resource)]].concat();
        let token = op.token_as("owned", &body).await.member("access_token");
        let nobodys = op.token_as("cc-client", &body).await.member("access_token");
        let issuer = op.provider.config().issuer.clone();
        let verifier = AccessTokenVerifier::by_source(
            issuer,
            Resource::new(resource).unwrap(),
            op.provider.clone(),
        )
        .clock(op.clock.clone());
        for (may, expected) in [
            (None, "orders:read orders:write"),
            (Some("orders:read admin"), "orders:read"),
            (Some("orders:write"), "orders:write"),
            (Some("admin"), ""),
            (None, "orders:read orders:write"),
        ] {
            *bounds.may.lock().unwrap() = may;
            for asker in ["owned", api] {
                bounds.asked.lock().unwrap().clear();
                let said = op.introspect(asker, &token).await.json();
                // One that covers nothing any more is none.
                assert_eq!(said["active"], !expected.is_empty(), "{asker} {may:?}");
                let mut tokens: Vec<_> =
                    said["scope"].as_str().unwrap_or_default().split_whitespace().collect();
                tokens.retain(|token| token.starts_with("orders:"));
                tokens.sort_unstable();
                assert_eq!(tokens.join(" "), expected, "{asker} {may:?}");
                assert_eq!(bounds.asked.lock().unwrap().len(), 1, "asked once");
            }
            let verified = verifier.verify_token(&token).await;
            assert_eq!(verified.is_ok(), !expected.is_empty(), "{may:?}");
            for needed in ["orders:read", "orders:write"] {
                let granted = expected.contains(needed);
                let covers = verified.as_ref().is_ok_and(|token| token.require(needed).is_ok());
                assert_eq!(covers, granted, "{needed} {may:?}");
            }
            // whoever has no owner has no such bounds, and nobody is asked
            bounds.asked.lock().unwrap().clear();
            let verified = verifier.verify_token(&nobodys).await.unwrap();
            assert!(
                verified.require("orders:read").is_ok() && verified.require("orders:write").is_ok()
            );
            assert!(bounds.asked.lock().unwrap().is_empty());
        }
        // who cannot be asked has said nothing (threat IR-06)
        *bounds.may.lock().unwrap() = Some("unknown");
        let answer = op.introspect(api, &token).await;
        assert_eq!((answer.status(), &*answer.error()), (500, "server_error"));
        assert!(!answer.json().to_string().contains("directory"));
        let error = verifier.verify_token(&token).await.unwrap_err();
        assert_ne!(error.reason(), Some(Reason::BearerInvalid), "no verdict on the token");
    }
    *bounds.may.lock().unwrap() = None;
    let token = op.token_as("owned", &credentials).await.member("access_token");
    op.host.disable(BOB);
    assert_eq!(op.introspect("owned", &token).await.json(), json!({"active": false}));
}
