//! What is said of people: scopes, single claims, refusals, policies (OIDC Core §5).

use oidc_op::{Account, ClaimMapping, ClaimRules, ClaimSource, Client};
use serde_json::{Value, json};

use crate::agreements::consent;
use crate::support::{ALICE, Ask, Browser, Op, Sent, Setup, claims, client, redirect_uri};

/// What a client gets to know: the ID token that comes of a request, and UserInfo.
pub(crate) async fn known(op: &Op, browser: &mut Browser, ask: &Ask) -> (Value, Value) {
    let sent = browser.ask(ask, ALICE).await;
    of(op, ask, &sent).await
}

pub(crate) async fn of(op: &Op, ask: &Ask, sent: &Sent) -> (Value, Value) {
    let answer = op.exchange(ask, sent.get("code")).await;
    let id = claims(&answer.member("id_token"));
    (id, op.userinfo(&answer.member("access_token")).await.json())
}

pub(crate) fn rules(json: Value) -> ClaimRules {
    serde_json::from_value(json).unwrap()
}

pub(crate) fn says(op: &Op, json: Value) {
    let Value::Object(claims) = json else { panic!("{json}") };
    op.host.set(ALICE, Account::active().claims(claims));
}

pub(crate) fn ask() -> Ask {
    Ask::of("conf-basic", "code").with("scope", "openid")
}

/// A scope of the host's own asks for a claim of the host's own; URLs are names like any other.
#[tokio::test]
async fn custom_scopes() {
    let mut setup = Setup::new();
    setup.config.claims = rules(json!({
        "scopes": {"roles": ["role"], "work": ["https://id.example/claims/department"], "profile": ["title"]}
    }));
    let op = setup.build();
    let department = "https://id.example/claims/department";
    says(&op, json!({"role": ["admin", "user"], department: "R&D", "title": "Dr", "name": "A"}));
    for (scope, names) in [
        ("openid", &[][..]),
        ("openid roles", &["role"]),
        ("openid work", &[department]),
        ("openid roles work profile", &["role", "name", department, "title"]),
    ] {
        let (id, said) = known(&op, &mut Browser::new(&op), &ask().with("scope", scope)).await;
        let said = said.as_object().unwrap();
        assert_eq!(said.len(), names.len() + 1, "{scope}: {said:?}");
        assert!(names.iter().all(|name| said.contains_key(*name)), "{scope}: {said:?}");
        assert!(!names.iter().any(|name| id.get(*name).is_some()), "{scope}: {id}");
    }
    let document = op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json();
    let listed = document["claims_supported"].as_array().unwrap();
    assert!([department, "role", "title"].iter().all(|name| listed.contains(&json!(name))));
    assert!(document["scopes_supported"].as_array().unwrap().contains(&json!("roles")));
}

/// Claims that nobody asks for: from the host, or a constant; each in its place. And `nbf`.
#[tokio::test]
async fn always_claims() {
    let mut setup = Setup::new();
    setup.config.claims = rules(json!({
        "always": [
            {"name": "managed"},
            {"name": "token_usage", "value": "identity", "place": "id_token"},
            {"name": "tier", "place": "userinfo"}
        ],
        "not_before": true
    }));
    let op = setup.build();
    says(&op, json!({"managed": false, "token_usage": "never mine", "tier": 3}));
    let (id, said) = known(&op, &mut Browser::new(&op), &ask()).await;
    assert_eq!((&id["managed"], &id["token_usage"]), (&json!(false), &json!("identity")));
    assert_eq!((id.get("tier"), &id["nbf"]), (None, &id["iat"]));
    assert_eq!(said, json!({"sub": ALICE, "managed": false, "tier": 3}));
    // partial support: what the host does not know is left out
    says(&op, json!({"managed": null, "tier": ""}));
    let (id, said) = known(&op, &mut Browser::new(&op), &ask()).await;
    assert_eq!((id.get("managed"), said), (None, json!({"sub": ALICE})));
}

/// A request for claims that the host does not know, or answers with nothing, still succeeds (§5.5.1).
#[tokio::test]
async fn partial_support() {
    let op = Op::new();
    says(&op, json!({"name": "", "email": null, "address": {}, "nickname": "al", "zoneinfo": [] }));
    let wanted = json!({
        "name": {"essential": true}, "email": null, "address": {"essential": true},
        "nickname": null, "zoneinfo": null, "unheard_of": {"essential": true}
    });
    let parameter = json!({"userinfo": wanted, "id_token": wanted}).to_string();
    let (id, said) = known(&op, &mut Browser::new(&op), &ask().with("claims", &parameter)).await;
    assert_eq!(said, json!({"sub": ALICE, "nickname": "al"}));
    assert_eq!(id["nickname"], "al");
    assert!(
        wanted.as_object().unwrap().keys().all(|name| name == "nickname" || id.get(name).is_none())
    );
}

/// A client with a policy.
fn ruled(policy: Value) -> Client {
    let mut client = client("ruled", false, &[&redirect_uri("ruled")], &json!({}));
    client.claims = serde_json::from_value(policy).unwrap();
    client
}

async fn under(policy: Value, ask: &Ask) -> (Value, Value, Vec<Box<str>>) {
    let mut setup = Setup::new();
    setup.clients.push(ruled(policy));
    let op = setup.build();
    let mut browser = Browser::new(&op);
    let (sent, asked) = consent(&mut browser, ask, &[]).await;
    let (id, said) = of(&op, ask, &sent).await;
    (id, said, asked.into_iter().map(|asked| asked.name).collect())
}

/// The administrator's word: which claims a client may have, and where.
#[tokio::test]
async fn policies() {
    let wanted = json!({"phone_number": {"essential": true}, "name#de": null});
    let parameter = json!({"userinfo": wanted, "id_token": wanted}).to_string();
    let ask = Ask::of("ruled", "code").with("scope", "openid email").with("claims", &parameter);
    for (policy, userinfo, id_token) in [
        (json!({}), &["email", "email_verified", "phone_number"][..], &["phone_number"][..]),
        (json!({"allow": ["email"]}), &["email"], &[]),
        (json!({"allow": []}), &[], &[]),
        (json!({"deny": ["phone_number"]}), &["email", "email_verified"], &[]),
        (
            json!({"allow": ["email", "phone_number"], "deny": ["email"]}),
            &["phone_number"],
            &["phone_number"],
        ),
        (
            json!({"scopes_in_id_token": true}),
            &["email", "email_verified", "phone_number"],
            &["email", "email_verified", "phone_number"],
        ),
        (
            json!({"scopes_in_id_token": true, "deny": ["email"]}),
            &["email_verified", "phone_number"],
            &["email_verified", "phone_number"],
        ),
    ] {
        let (id, said, asked) = under(policy.clone(), &ask).await;
        for name in ["email", "email_verified", "phone_number"] {
            assert_eq!(said.get(name).is_some(), userinfo.contains(&name), "{policy} {name}");
            assert_eq!(id.get(name).is_some(), id_token.contains(&name), "{policy} {name}");
            assert_eq!(
                asked.iter().any(|a| **a == *name),
                userinfo.contains(&name),
                "{policy} {name}"
            );
        }
    }
    // `scopes_in_id_token: false` holds where there is no UserInfo too
    let mut setup = Setup::new();
    let mut implicit = client(
        "ruled",
        false,
        &[&redirect_uri("ruled")],
        &json!({"response_types": ["id_token"], "grant_types": ["implicit"]}),
    );
    implicit.claims.scopes_in_id_token = Some(false);
    setup.clients.push(implicit);
    let op = setup.build();
    let sent = Browser::new(&op).ask(&Ask::of("ruled", "id_token"), ALICE).await;
    assert_eq!(claims(sent.get("id_token")).get("email"), None);
}

/// `name#ja-Kana-JP`: by `claims_locales`, and by name (§5.2).
#[tokio::test]
async fn languages() {
    let op = Op::new();
    says(
        &op,
        json!({
            "name": "Tanaka", "name#ja-Kana-JP": "タナカ", "name#ja-Hani-JP": "田中", "family_name#ja-Kana-JP": "K"
        }),
    );
    for (locales, parameter, expected) in [
        ("", "", json!({"name": "Tanaka"})),
        ("se", "", json!({"name": "Tanaka"})),
        ("ja-Kana-JP", "", json!({"name": "タナカ", "family_name": "K"})),
        ("fr ja-Hani-JP", "", json!({"name": "田中"})),
        (
            "",
            r#"{"userinfo":{"name#ja-Kana-JP":null}}"#,
            json!({"name": "Tanaka", "name#ja-Kana-JP": "タナカ"}),
        ),
    ] {
        let ask = ask().with("scope", "openid profile");
        let ask = ask.with("claims_locales", locales).with("claims", parameter);
        let (_, said) = known(&op, &mut Browser::new(&op), &ask).await;
        let mut expected = expected;
        expected["sub"] = ALICE.into();
        assert_eq!(said, expected, "{locales} {parameter}");
    }
}

/// Claims that others vouch for: of these, too, only what is wanted (§5.6.2).
#[tokio::test]
async fn aggregated_and_distributed() {
    let op = Op::new();
    let mut account = Account::active();
    account.claims.insert("email".into(), "a@example.org".into());
    account.sources.add(ClaimSource::aggregated("a.b.c"), ["address"]);
    account.sources.add(ClaimSource::aggregated("d.e.f"), ["phone_number", "shoe_size"]);
    let endpoint = "https://bank.example/claims".to_owned();
    let token = Some("ksj3n283dke".to_owned());
    account.sources.add(ClaimSource::distributed(endpoint, token), ["credit_score"]);
    op.host.set(ALICE, account);
    let wanted = json!({"userinfo": {"credit_score": null, "phone_number": null}}).to_string();
    let ask = ask().with("scope", "openid address email").with("claims", &wanted);
    let mut browser = Browser::new(&op);
    let (_, said) = known(&op, &mut browser, &ask).await;
    assert_eq!(said["_claim_names"], json!({"address": "src1", "credit_score": "src3"}));
    assert_eq!(said["_claim_sources"]["src1"], json!({"JWT": "a.b.c"}));
    assert_eq!(
        said["_claim_sources"]["src3"],
        json!({"endpoint": "https://bank.example/claims", "access_token": "ksj3n283dke"})
    );
    assert_eq!(said["email"], "a@example.org");
    // refused: not by reference either
    let (sent, _) =
        consent(&mut browser, &ask.clone().with("prompt", "consent"), &["credit_score"]).await;
    let (_, said) = of(&op, &ask, &sent).await;
    assert_eq!(said["_claim_names"], json!({"address": "src1"}));
    assert!(said["_claim_sources"].get("src3").is_none(), "nor its token");
}

/// A host that maps its own documents.
#[tokio::test]
async fn a_mapping_of_the_hosts() {
    let op = Op::new();
    let mapping: ClaimMapping = serde_json::from_value(json!({
        "name": {"join": ["/given", "/family"]},
        "email": {"first": ["/login/email", "/mails/0"]},
        "email_verified": "/login/proven",
        "updated_at": "/changed",
        "https://id.example/claims/managed": {"value": true, "when": "/upstream"}
    }))
    .unwrap();
    let document = json!({
        "given": "Ada", "family": "Lovelace", "mails": ["ada@example.org"],
        "login": {"proven": "true"}, "changed": "2023-11-14T22:13:20Z", "upstream": "ldap"
    });
    let names: Vec<_> = mapping.claims().collect();
    op.host.set(ALICE, Account::active().claims(mapping.apply(&document, &names)));
    let wanted = json!({"userinfo": {"https://id.example/claims/managed": null}}).to_string();
    let ask = ask().with("scope", "openid profile email").with("claims", &wanted);
    let (_, said) = known(&op, &mut Browser::new(&op), &ask).await;
    assert_eq!(
        said,
        json!({
            "sub": ALICE, "name": "Ada Lovelace", "email": "ada@example.org", "email_verified": true,
            "updated_at": 1_700_000_000, "https://id.example/claims/managed": true
        })
    );
}

/// A denied claim is never given, not even one that is given always ([`ClaimPolicy::deny`]).
///
/// [`ClaimPolicy::deny`]: oidc_op::ClaimPolicy::deny
#[tokio::test]
async fn a_policy_binds_always_claims() {
    let mut setup = Setup::new();
    let always = oidc_op::AlwaysClaim::new("managed");
    setup.config.claims.always.push(always);
    setup.clients.push(ruled(json!({"deny": ["managed"]})));
    let op = setup.build();
    says(&op, json!({"managed": true}));
    let ask = Ask::of("ruled", "code").with("scope", "openid");
    let (id, said) = known(&op, &mut Browser::new(&op), &ask).await;
    assert_eq!((id.get("managed"), said.get("managed")), (None, None), "never gets");
}
