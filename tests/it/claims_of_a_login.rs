//! Claims that a sign-in brings along ([`Login::claims`]): kept with it, and said as if the host knew them.
//!
//! [`Login::claims`]: oidc_op::Login::claims

use async_trait::async_trait;
use oidc_op::{
    Account, Accounts, GrantType, HostError, InvalidLogin, Login, Need, PasswordAuthenticator,
    PasswordCredentials, Reason, Request, SessionId, Subject, SubjectChange, Verdict, store::Kind,
};
use serde_json::{Map, Value, json};

use crate::{
    agreements::consent,
    claims::{of, rules, says},
    resources::{ISSUER, ORDERS},
    support::{
        ALICE, Answer, Ask, Browser, Op, Sent, Setup, Write, claims, client, form, redirect_uri,
    },
};

/// What the upstream has said of her.
fn upstream() -> Value {
    json!({
        "name": "Alice Upstream", "email": "alice@upstream.example", "email_verified": true,
        "role": ["admin"], "sub": "somebody-else", "auth_time": 1, "nickname": ""
    })
}

fn login(claims: &Value) -> Login {
    let mut login = Login::new(Subject::new(ALICE).unwrap());
    login.claims = map(claims);
    login
}

fn map(json: &Value) -> Map<String, Value> {
    json.as_object().unwrap().clone()
}

/// People of whom the host knows nothing but that they are there.
fn unknown_people() -> Setup {
    let mut setup = Setup::full();
    setup.config.claims = rules(json!({"scopes": {"roles": ["role"]}}));
    setup.host.set(ALICE, Account::active());
    setup
}

/// Signs in with these claims, and agrees to everything.
async fn signed_in(browser: &mut Browser, ask: &Ask, claims: &Value) -> Sent {
    let mut answer = browser.authorize(&ask.pairs()).await;
    while let Answer::Page(page) = &answer {
        let token = page.token.clone();
        answer = match page.need {
            Need::Login => browser.submit(&token, Verdict::Login(login(claims))).await,
            _ => browser.agree_to_all(page).await,
        };
    }
    Sent::of(&answer)
}

fn ask(client: &str, response_type: &str, scope: &str) -> Ask {
    Ask::of(client, response_type).with("scope", scope)
}

fn said(json: &Value) -> Value {
    let names = ["name", "email", "email_verified", "role", "nickname", "sub"];
    let said = map(json).into_iter().filter(|(name, _)| names.contains(&&**name));
    said.collect::<Map<_, _>>().into()
}

/// Wherever claims stand: in ID tokens, at UserInfo, in JWTs and at introspection, after a refresh.
#[tokio::test]
async fn they_are_said_wherever_claims_are() {
    let op = unknown_people().build();
    let everything = json!({
        "sub": ALICE, "name": "Alice Upstream", "email": "alice@upstream.example",
        "email_verified": true, "role": ["admin"]
    });
    let front = ask("implicit", "id_token", "openid profile email roles");
    let sent = signed_in(&mut Browser::new(&op), &front, &upstream()).await;
    let id = claims(sent.get("id_token"));
    assert_eq!(said(&id), everything);
    assert_eq!(id["auth_time"], 1_800_000_000, "a name of the protocol's own");

    let mut browser = Browser::new(&op);
    let parameter = json!({"id_token": {"role": null}, "userinfo": {"role": null}}).to_string();
    let mut back = ask("refresh", "code", "openid profile email offline_access orders:read");
    back = back.with("claims", &parameter);
    for resource in [ISSUER, ORDERS] {
        back.0.push(("resource".into(), resource.into()));
    }
    let sent = signed_in(&mut browser, &back, &upstream()).await;
    let answer = op.exchange(&back, sent.get("code")).await;
    assert_eq!(said(&claims(&answer.member("id_token"))), json!({"sub": ALICE, "role": ["admin"]}));
    let refresh = answer.member("refresh_token");
    let answer = op.refresh_with("refresh", &refresh, &[("resource", ISSUER)]).await;
    assert_eq!(said(&claims(&answer.member("id_token"))), json!({"sub": ALICE, "role": ["admin"]}));
    assert_eq!(said(&op.userinfo(&answer.member("access_token")).await.json()), everything);
    let answer = op.refresh_with("refresh", &refresh, &[("resource", ORDERS)]).await;
    let jwt = answer.member("access_token");
    let for_orders = json!({"sub": ALICE, "email": "alice@upstream.example"});
    assert_eq!(said(&claims(&jwt)), for_orders);
    assert_eq!(said(&op.introspect("rs2", &jwt).await.json()), for_orders);

    // a JWT that comes at once
    let mut at_once = ask("implicit", "token", "openid email orders:read");
    at_once = at_once.with("resource", ORDERS);
    let sent = signed_in(&mut browser, &at_once, &json!({})).await;
    assert_eq!(said(&claims(sent.get("access_token"))), for_orders, "by the same session");
}

/// What the host says comes first, at once, also of tokens that are out; with every language of it.
#[tokio::test]
async fn the_host_has_the_last_word() {
    let op = unknown_people().build();
    let ask = ask("conf-basic", "code", "openid profile email roles").with("claims_locales", "fr");
    let brought = json!({"name": "U", "name#fr": "Ü", "email": "u@example.org", "role": "admin"});
    let sent = signed_in(&mut Browser::new(&op), &ask, &brought).await;
    let access = op.exchange(&ask, sent.get("code")).await.member("access_token");
    for (host, expected) in [
        (json!({}), json!({"name": "Ü", "email": "u@example.org", "role": "admin"})),
        (json!({"name": "H"}), json!({"name": "H", "email": "u@example.org", "role": "admin"})),
        (json!({"name#de": "D"}), json!({"email": "u@example.org", "role": "admin"})),
        (
            json!({"role": null, "email": "h@example.org"}),
            json!({"name": "Ü", "email": "h@example.org"}),
        ),
        (json!({"role": [], "email": " ", "name#de": {}}), json!({})),
        (
            json!({"role": ["none"]}),
            json!({"name": "Ü", "email": "u@example.org", "role": ["none"]}),
        ),
    ] {
        says(&op, host.clone());
        let mut expected = expected;
        expected["sub"] = ALICE.into();
        assert_eq!(op.userinfo(&access).await.json(), expected, "{host}");
    }
    op.host.disable(ALICE);
    assert_eq!(op.userinfo(&access).await.status(), 401);
}

/// A host that knows one thing of everybody, and answers no more than it is asked.
#[derive(Debug)]
struct Terse(&'static str, Value);

#[async_trait]
impl Accounts for Terse {
    async fn account(&self, _: &Subject, wanted: &[&str]) -> Result<Option<Account>, HostError> {
        let Self(name, value) = self;
        let mut account = Account::active();
        if wanted.contains(name) {
            account.claims.insert((*name).into(), value.clone());
        }
        Ok(Some(account))
    }
}

/// Whoever is verified elsewhere has not verified the address that the host knows, and the other way round:
/// else people could take over accounts of each other's at clients. Also where only one of the two is asked for.
#[tokio::test]
async fn who_says_an_address_says_whether_it_is_verified() {
    let brought = json!({
        "email": "u@example.org", "email_verified": true, "phone_number": "+1",
        "phone_number_verified": true
    });
    let ask = ask("conf-basic", "code", "openid email phone");
    let known = |except: &str| {
        let mut known = brought.clone();
        known["sub"] = ALICE.into();
        for name in [except.to_owned(), format!("{except}_verified")] {
            known.as_object_mut().unwrap().remove(&name);
        }
        known
    };
    for (name, value, pair) in [
        ("email", json!("h@example.org"), "email"),
        ("email_verified", json!(false), "email"),
        ("phone_number", json!("+2"), "phone_number"),
        ("phone_number_verified", json!(true), "phone_number"),
        ("email", Value::Null, "email"),
    ] {
        let op =
            unknown_people().build_with(|builder| builder.accounts(Terse(name, value.clone())));
        let (one, other) = (pair.to_owned(), format!("{pair}_verified"));
        let asked = if name == one { &other } else { &one };
        let singly = json!({"id_token": {asked.as_str(): null}}).to_string();
        let ask = ask.clone().with("claims", &singly);
        let sent = signed_in(&mut Browser::new(&op), &ask, &brought).await;
        let (id, said) = of(&op, &ask, &sent).await;
        assert_eq!((id.get(&one), id.get(&other)), (None, None), "{name}: {id}");
        let mut expected = known(pair);
        if !value.is_null() {
            expected[name] = value;
        }
        assert_eq!(said, expected, "{name}");
    }
}

/// Scopes, refusals, policies, the bound of what is supported and claims that are always said: all as for
/// any claim.
#[tokio::test]
async fn the_same_rules_hold() {
    let rule = json!({"scopes": {"roles": ["role"]}, "always": [{"name": "managed"}],
                      "supported": ["name", "email", "role"]});
    let brought = json!({"name": "U", "email": "u@example.org", "role": "r", "managed": "up", "nickname": "n"});
    for (policy, scope, refused, expected) in [
        (json!({}), "openid", &[][..], json!({"managed": "up"})),
        (
            json!({}),
            "openid profile roles",
            &[],
            json!({"name": "U", "role": "r", "managed": "up"}),
        ),
        (json!({}), "openid profile roles", &["role"], json!({"name": "U", "managed": "up"})),
        (json!({"deny": ["name", "managed"]}), "openid profile roles", &[], json!({"role": "r"})),
    ] {
        let mut setup = unknown_people();
        setup.config.claims = rules(rule.clone());
        let mut ruled = client("ruled", false, &[&redirect_uri("ruled")], &json!({}));
        ruled.claims = serde_json::from_value(policy.clone()).unwrap();
        setup.clients.push(ruled);
        let op = setup.build();
        let mut browser = Browser::new(&op);
        let single = json!({"userinfo": {"nickname": {"essential": true}}}).to_string();
        let ask = ask("ruled", "code", scope).with("claims", &single);
        let first = ask.clone().with("scope", "openid");
        signed_in(&mut browser, &first, &brought).await;
        let (sent, _) = consent(&mut browser, &ask.with("prompt", "consent"), refused).await;
        let (_, known) = of(&op, &first, &sent).await;
        let mut expected = expected;
        expected["sub"] = ALICE.into();
        assert_eq!(known, expected, "{policy} {scope} {refused:?}");
    }
}

/// Each sign-in brings its own: a later one changes what comes of the session, and not what was granted.
#[tokio::test]
async fn a_later_sign_in_brings_its_own() {
    let op = unknown_people().build();
    let mut browser = Browser::new(&op);
    let ask = ask("conf-basic", "code", "openid roles");
    let mut tokens = Vec::new();
    for (prompt, brought, expected) in [
        ("", json!({"role": "first"}), json!({"sub": ALICE, "role": "first"})),
        ("none", json!({"role": "nobody asks"}), json!({"sub": ALICE, "role": "first"})),
        ("login", json!({"role": "second"}), json!({"sub": ALICE, "role": "second"})),
        ("login", json!({}), json!({"sub": ALICE})),
    ] {
        let sent = signed_in(&mut browser, &ask.clone().with("prompt", prompt), &brought).await;
        let access = op.exchange(&ask, sent.get("code")).await.member("access_token");
        tokens.push((access, expected));
    }
    for (access, expected) in tokens {
        assert_eq!(op.userinfo(&access).await.json(), expected);
    }
}

async fn accounts(op: &Op, browser: &Browser) -> Vec<(SessionId, Map<String, Value>)> {
    let cookies: Vec<_> = browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let cookies = cookies.join("; ");
    let headers = [("cookie", cookies.as_bytes())];
    let request = Request::new("GET", "/").headers(&headers);
    let sessions = op.provider.accounts(request).await.unwrap();
    sessions.into_iter().map(|session| (session.id, session.authentication.claims)).collect()
}

/// Pages can show who is signed in; what the store holds of it ends with the session and with the grant.
#[tokio::test]
async fn they_end_with_session_and_grant() {
    let (op, ledger) = unknown_people().build_on_ledger();
    let mut browser = Browser::new(&op);
    let ask = ask("conf-basic", "code", "openid profile");
    let sent =
        signed_in(&mut browser, &ask, &json!({"name": "U", "sub": "x", "email": null})).await;
    let kept = r#""claims":{"name":"U"}"#;
    for kind in [Kind::Session, Kind::Grant] {
        assert!(ledger.body(kind).contains(kept), "{}", ledger.body(kind));
    }
    let here = accounts(&op, &browser).await;
    assert_eq!(here.len(), 1);
    assert_eq!(here[0].1, map(&json!({"name": "U"})));

    op.exchange(&ask, sent.get("code")).await;
    assert!(ledger.body(Kind::Grant).contains(kept), "redeemed");
    op.exchange(&ask, sent.get("code")).await;
    let revoked = ledger.body(Kind::Grant);
    assert!(revoked.contains("Revoked") && !revoked.contains("\"U\""), "{revoked}");
    op.provider.end_session_of(&Subject::new(ALICE).unwrap(), here[0].0).await.unwrap();
    let ended = ledger.body(Kind::Session);
    assert!(ended.contains("Ended") && !ended.contains("\"U\""), "{ended}");
}

/// When an account is deleted, nothing stays of what its sign-ins brought along.
#[tokio::test]
async fn they_end_with_the_account() {
    let (op, ledger) = unknown_people().build_on_ledger();
    let brought = json!({"name": "U"});
    let ask = ask("conf-basic", "code", "openid profile");
    let sent = signed_in(&mut Browser::new(&op), &ask, &brought).await;
    op.exchange(&ask, sent.get("code")).await;
    // another browser, a code that is never redeemed
    signed_in(&mut Browser::new(&op), &ask, &brought).await;
    ledger.take();
    let alice = Subject::new(ALICE).unwrap();
    op.provider.subject_changed(&alice, SubjectChange::Deleted).await.unwrap();
    let written = ledger.take();
    for (kind, state) in [(Kind::Session, "Ended"), (Kind::Grant, "Revoked")] {
        let now = written.iter().filter(|write| write.done && write.key.kind() == kind);
        let now: Vec<_> = now.map(Write::body).collect();
        assert_eq!(now.len(), 2, "{now:?}");
        assert!(now.iter().all(|body| body.contains(state) && !body.contains("\"U\"")), "{now:?}");
    }
}

/// More than can be kept is a fault of the host's: nobody is signed in, and nothing is cut off.
#[tokio::test]
async fn too_much_is_refused() {
    let op = unknown_people().build();
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let large = json!({"name": "x".repeat(8 * 1024)});
    for (brought, fault) in [
        (json!({"name": deep}), Some(InvalidLogin::Depth)),
        (large, Some(InvalidLogin::Size)),
        (json!({"name": "x".repeat(8_000)}), None),
    ] {
        let good = fault.is_none();
        assert_eq!(login(&brought).check().err(), fault, "it can be known before");
        let mut browser = Browser::new(&op);
        let answer = browser.authorize(&ask("conf-basic", "code", "openid").pairs()).await;
        let token = answer.page().token.clone();
        let answer = browser.submit(&token, Verdict::Login(login(&brought))).await;
        if good {
            assert_eq!(answer.page().need, Need::Consent);
        } else {
            assert_eq!(answer.parameter("error"), "server_error");
        }
        assert_eq!(browser.who().await.is_some(), good);

        let request = form(&Op::request());
        let request = Request::new("GET", "/authorize").query(&request);
        let answer: Answer = op.provider.authorize_as(request, Some(login(&brought))).await.into();
        match answer {
            Answer::Page(page) => assert!(good && page.need == Need::Consent),
            answer => assert_eq!((answer.parameter("error"), good), ("server_error".into(), false)),
        }
    }
    let headers = [("origin", &b"https://id.example"[..])];
    let request = Request::new("POST", "/sign-in").headers(&headers);
    let large = login(&json!({"name": "x".repeat(8 * 1024)}));
    let failed = op.provider.sign_in(request, &large).await.unwrap_err();
    assert_eq!(failed.reason(), Reason::HostFailed);
}

/// A host with sessions of its own says them each time.
#[tokio::test]
async fn of_a_hosts_own_session() {
    let op = unknown_people().build();
    let pairs = Op::request_with(&[
        ("client_id", "first-party"),
        ("redirect_uri", "https://first.example/cb"),
    ]);
    let query = form(&pairs);
    let request = Request::new("GET", "/authorize").query(&query);
    let login = login(&json!({"name": "U", "name#de": "Ü"}));
    let answer: Answer = op.provider.authorize_as(request, Some(login)).await.into();
    let ask = Ask(pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect());
    let answer = op.exchange(&ask, &answer.parameter("code")).await;
    let known = op.userinfo(&answer.member("access_token")).await.json();
    assert_eq!(known, json!({"sub": ALICE, "name": "U"}));
}

/// Everybody's password is right, and says where they are from.
#[derive(Debug)]
struct Directory;

#[async_trait]
impl PasswordAuthenticator for Directory {
    async fn authenticate(
        &self,
        credentials: &PasswordCredentials<'_>,
    ) -> Result<Option<Login>, HostError> {
        let size = if credentials.password == "large" { 9_000 } else { 2 };
        Ok(Some(login(&json!({"role": "r".repeat(size)}))))
    }
}

/// By the password grant, and not by the exchange of an ID token, which is all that is left of a sign-in.
#[tokio::test]
async fn without_a_browser() {
    let mut setup = unknown_people();
    setup.clients.iter_mut().filter(|client| client.id.as_str() == "password").for_each(|client| {
        let exchange = GrantType::TokenExchange;
        client.metadata.grant_types.push(exchange);
    });
    let op = setup.build_with(|builder| builder.passwords(Directory));
    *op.policies.exchange.lock().unwrap() = Some(oidc_op::Scope::parse("openid roles").unwrap());
    let grant = |password| {
        [
            ("grant_type", "password"),
            ("username", "a"),
            ("password", password),
            ("scope", "openid roles"),
        ]
    };
    let answer = op.token_as("password", &grant("small")).await;
    let known = op.userinfo(&answer.member("access_token")).await.json();
    assert_eq!(known, json!({"sub": ALICE, "role": "rr"}));
    let id = answer.member("id_token");
    let exchange = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", &*id),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("scope", "openid roles"),
    ];
    let answer = op.token_as("password", &exchange).await;
    let known = op.userinfo(&answer.member("access_token")).await.json();
    assert_eq!(known, json!({"sub": ALICE}));
    let answer = op.token_as("password", &grant("large")).await;
    assert_eq!((answer.status(), answer.error()), (500, "server_error".into()));
}
