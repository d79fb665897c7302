//! Which claims there are at all ([`ClaimRules::supported`]), and ID tokens that say no more of a sign-in
//! than was asked for ([`ClaimRules::lean_id_tokens`]).
//!
//! [`ClaimRules::supported`]: oidc_op::ClaimRules::supported
//! [`ClaimRules::lean_id_tokens`]: oidc_op::ClaimRules::lean_id_tokens

use oidc_op::{Acr, ClaimRules, ClaimSource, Login, Need, Provider, Subject, Verdict};
use serde_json::{Value, json};

use crate::{
    agreements::consent,
    claims::{known, of, rules, says},
    support::{ALICE, Answer, Ask, Browser, FLOWS, Op, Sent, Setup, claims, keyed},
};

fn bounded() -> ClaimRules {
    rules(json!({
        "scopes": {"roles": ["role"]},
        "always": [{"name": "managed"}],
        "supported": ["name", "email", "email_verified", "role"]
    }))
}

/// Nothing else is asked of the host, shown to people, said, or advertised, though the host knows it.
#[tokio::test]
async fn what_is_not_supported_is_nobodys() {
    let mut setup = Setup::new();
    setup.config.claims = bounded();
    let op = setup.build();
    let mut account = oidc_op::Account::active();
    let Value::Object(all) = json!({
        "name": "A", "name#fr": "Â", "nickname": "Al", "nickname#fr": "Âl", "email": "a@example.org",
        "phone_number": "+1 555 0100", "role": "admin", "managed": true, "shoe_size": 44
    }) else {
        unreachable!()
    };
    account.claims = all;
    account.sources.add(ClaimSource::aggregated("a.b.c"), ["birthdate"]);
    op.host.set(ALICE, account);
    let wanted = json!({
        "nickname": {"essential": true}, "nickname#fr": null, "name#fr": null, "shoe_size": null,
        "birthdate": null
    });
    let parameter = json!({"userinfo": wanted, "id_token": wanted}).to_string();
    let scope = "openid profile email phone address roles";
    let ask = Ask::of("conf-basic", "code").with("scope", scope).with("claims", &parameter);
    let (sent, asked) = consent(&mut Browser::new(&op), &ask, &[]).await;
    let asked: Vec<_> = asked.iter().map(|claim| &*claim.name).collect();
    assert_eq!(asked, ["name", "email", "email_verified", "role"]);
    let (id, said) = of(&op, &ask, &sent).await;
    assert_eq!(
        said,
        json!({"sub": ALICE, "name": "A", "name#fr": "Â", "email": "a@example.org", "role": "admin",
               "managed": true})
    );
    let people: Vec<_> = ["name", "name#fr", "nickname", "nickname#fr", "shoe_size", "managed"]
        .into_iter()
        .filter(|name| id.get(*name).is_some())
        .collect();
    assert_eq!((people, id.get("_claim_names")), (vec!["name#fr", "managed"], None));
}

/// A standard scope of which nothing is left is none: not advertised, not granted.
#[tokio::test]
async fn scopes_of_which_nothing_is_left() {
    let mut setup = Setup::new();
    setup.config.claims = bounded();
    let op = setup.build();
    let document = op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json();
    let scopes: Vec<_> = document["scopes_supported"].as_array().unwrap().iter().collect();
    for (scope, there) in [
        ("openid", true),
        ("profile", true),
        ("email", true),
        ("offline_access", true),
        ("roles", true),
        ("address", false),
        ("phone", false),
    ] {
        assert_eq!(scopes.contains(&&json!(scope)), there, "{scope}");
    }
    let of_people: Vec<_> = document["claims_supported"].as_array().unwrap()[6..].to_vec();
    assert_eq!(json!(of_people), json!(["name", "email", "email_verified", "role", "managed"]));
    let ask = Ask::of("conf-basic", "code").with("scope", "openid profile phone address");
    let sent = Browser::new(&op).ask(&ask, ALICE).await;
    let answer = op.exchange(&ask, sent.get("code")).await;
    assert_eq!(answer.member("scope"), "openid profile");
    let nothing = Ask::of("conf-basic", "code").with("scope", "phone");
    let sent = Sent::of(&Browser::new(&op).authorize(&nothing.pairs()).await);
    assert_eq!(sent.get("error"), "invalid_scope");
}

/// A resource server that is to learn what nobody knows contradicts the rules; one within them is asked for.
#[tokio::test]
async fn resource_servers_are_within_it() {
    let mut setup = Setup::new();
    setup.config.claims = rules(json!({"supported": ["name"]}));
    let orders =
        setup.config.resources.iter().position(|server| !server.claims.is_empty()).unwrap();
    let found = Provider::builder(setup.config.clone()).build().unwrap_err();
    let says = format!("resources[{orders}].claims: \"email\" is not among claims.supported");
    let named = |f: &&String| **f == says;
    assert_eq!(found.findings().iter().filter(named).count(), 1, "{found}");
    setup.config.claims.supported.as_mut().unwrap().push("email".into());
    let found = Provider::builder(setup.config).build().unwrap_err();
    assert_eq!(found.findings().iter().filter(named).count(), 0, "{found}");
}

/// Everybody's ID tokens are lean here; one client has registered that it wants to know more.
fn lean(lean: bool) -> Op {
    lean_setup(lean).build()
}

fn lean_setup(lean: bool) -> Setup {
    let mut setup = Setup::new();
    setup.config.claims.lean_id_tokens = lean;
    setup.config.acr_values = vec![Acr::new("gold")];
    let all = json!({
        "response_types": FLOWS.map(|flow| flow.response_type),
        "grant_types": ["authorization_code", "implicit", "refresh_token"]
    });
    for (name, more) in [
        ("keyed", json!({})),
        ("keyed-time", json!({"require_auth_time": true})),
        ("keyed-age", json!({"default_max_age": 3600})),
        ("keyed-acr", json!({"default_acr_values": ["tin"]})),
        (
            "keyed-front",
            json!({"frontchannel_logout_uri": "https://keyed-front.example/out",
                               "frontchannel_logout_session_required": true}),
        ),
        (
            "keyed-back",
            json!({"backchannel_logout_uri": "https://keyed-back.example/out",
                              "backchannel_logout_session_required": true}),
        ),
        ("keyed-told", json!({"frontchannel_logout_uri": "https://keyed-told.example/out"})),
        ("keyed-plain", json!({"backchannel_logout_uri": "https://keyed-plain.example/out"})),
    ] {
        let mut members = all.clone();
        members.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        setup.clients.push(keyed(name, &members));
    }
    setup
}

/// Signs in with everything that can be said of it, and agrees.
async fn signed_in(browser: &mut Browser, ask: &Ask) -> Sent {
    let mut answer = browser.authorize(&ask.pairs()).await;
    while let Answer::Page(page) = &answer {
        let token = page.token.clone();
        answer = if page.need == Need::Login {
            let mut login = Login::new(Subject::new(ALICE).unwrap());
            (login.acr, login.amr) = (Some(Acr::new("gold")), vec!["pwd".into()]);
            browser.submit(&token, Verdict::Login(login)).await
        } else {
            browser.agree_to_all(page).await
        };
    }
    Sent::of(&answer)
}

/// The members of an ID token, sorted.
fn members(token: &str) -> String {
    let claims = claims(token);
    let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(" ")
}

/// OIDC Core §2: what an ID token must say, and what was asked for; nothing else.
#[tokio::test]
async fn lean_id_tokens_say_what_was_asked_for() {
    let singly = |name: &str| json!({"id_token": {name: null}}).to_string();
    let (amr, acr, s_hash) = (singly("amr"), singly("acr"), singly("s_hash"));
    let (time, sid) = (singly("auth_time"), singly("sid"));
    let elsewhere = json!({"userinfo": {"amr": null, "auth_time": null}}).to_string();
    for (client, name, value, more) in [
        ("keyed", "", "", &[][..]),
        ("keyed", "max_age", "3600", &["auth_time"]),
        ("keyed", "max_age", "0", &["auth_time"]),
        ("keyed", "acr_values", "gold", &["acr"]),
        ("keyed", "acr_values", "tin", &["acr"]),
        ("keyed", "claims", &acr, &["acr"]),
        ("keyed", "claims", &amr, &["amr"]),
        ("keyed", "claims", &time, &["auth_time"]),
        ("keyed", "claims", &sid, &["sid"]),
        ("keyed", "claims", &s_hash, &["s_hash"]),
        ("keyed", "claims", &elsewhere, &[]),
        ("keyed-time", "", "", &["auth_time"]),
        ("keyed-age", "", "", &["auth_time"]),
        ("keyed-age", "max_age", "60", &["auth_time"]),
        ("keyed-acr", "", "", &["acr"]),
        ("keyed-front", "", "", &["sid"]),
        ("keyed-back", "", "", &["sid"]),
        ("keyed-told", "", "", &["sid"]),
        ("keyed-plain", "", "", &["sid"]),
    ] {
        let ask = Ask::of(client, "id_token").with("scope", "openid").with(name, value);
        for (lean_id_tokens, all) in
            [(true, more), (false, &["acr", "amr", "auth_time", "s_hash", "sid"])]
        {
            let op = lean(lean_id_tokens);
            let sent = signed_in(&mut Browser::new(&op), &ask).await;
            let mut expected = ["aud", "exp", "iat", "iss", "nonce", "sub"].to_vec();
            expected.extend(all);
            expected.sort_unstable();
            let what = format!("{client} {name}={value} {lean_id_tokens}");
            assert_eq!(members(sent.get("id_token")), expected.join(" "), "{what}");
        }
    }
}

/// At the token endpoint as well, again at each refresh; with the hashes that bind what comes along.
#[tokio::test]
async fn lean_id_tokens_of_every_kind() {
    let op = lean(true);
    let ask = Ask::of("keyed", "code id_token token").with("scope", "openid offline_access");
    for (name, value, more) in [("", "", ""), ("max_age", "3600", "auth_time ")] {
        let ask = ask.clone().with(name, value).with("prompt", "consent");
        let sent = signed_in(&mut Browser::new(&op), &ask).await;
        let front = members(sent.get("id_token"));
        assert_eq!(front, format!("at_hash aud {more}c_hash exp iat iss nonce sub"));
        let answer = op.exchange(&ask, sent.get("code")).await;
        let redeemed = members(&answer.member("id_token"));
        assert_eq!(redeemed, format!("at_hash aud {more}exp iat iss nonce sub"));
        let refresh = answer.member("refresh_token");
        let body = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
        let answer = op.token("keyed", crate::support::keys::KEPT, &body).await;
        let refreshed = members(&answer.member("id_token"));
        assert_eq!(refreshed, format!("at_hash aud {more}exp iat iss sub"));
    }
}

/// What else knows of the sign-in still does: the age and the class of it, and its end.
#[tokio::test]
async fn lean_id_tokens_change_nothing_else() {
    let op = lean(true);
    let mut browser = Browser::new(&op);
    let ask = Ask::of("keyed", "code").with("scope", "openid");
    let sent = signed_in(&mut browser, &ask).await;
    let answer = op.exchange(&ask, sent.get("code")).await;
    let (id, access) = (answer.member("id_token"), answer.member("access_token"));
    let seen = op.provider.inspect(&access).await.unwrap().unwrap();
    assert_eq!(seen["auth_time"], 1_800_000_000);
    // the hint still names the person, but not the session: they are asked
    let hinted = ask.clone().with("prompt", "none").with("id_token_hint", &id);
    assert!(browser.quiet(&hinted).await.parameters.contains_key("code"));
    let answer = browser.end_session(&[("id_token_hint", &id)]).await;
    assert_eq!(answer.confirmation().accounts[0].as_str(), ALICE);
    // and a request for somebody fresh is still judged by the session
    op.wait(10);
    let stale = ask.with("prompt", "none").with("max_age", "5");
    assert_eq!(browser.quiet(&stale).await.get("error"), "login_required");
}

/// While nodes get another configuration one after the other: what was asked for at one is said by the next,
/// and by name nobody else is told of it.
#[tokio::test]
async fn lean_id_tokens_of_a_grant_of_before() {
    let before = lean_setup(false);
    let store = before.store.clone();
    let (before, after) = (before.build(), Setup { store, seed: 2, ..lean_setup(true) }.build());
    says(&after, json!({"auth_time": 1, "acr": "mine"}));
    for (name, value, more) in
        [("", "", ""), ("max_age", "3600", " auth_time"), ("acr_values", "gold", " acr")]
    {
        let ask = Ask::of("keyed", "code").with("scope", "openid").with(name, value);
        let sent = signed_in(&mut Browser::new(&before), &ask).await;
        let (id, said) = of(&after, &ask, &sent).await;
        let told: Vec<_> = ["auth_time", "acr", "amr", "sid"]
            .into_iter()
            .filter(|name| id.get(*name).is_some())
            .collect();
        assert_eq!(told, more.split_whitespace().collect::<Vec<_>>(), "{id}");
        assert_ne!((&id["auth_time"], &id["acr"]), (&json!(1), &json!("mine")));
        assert_eq!(said, json!({"sub": ALICE}));
    }
}

/// A host's claims are where they were.
#[tokio::test]
async fn lean_id_tokens_say_what_the_host_says() {
    let op = lean(true);
    says(&op, json!({"name": "A", "auth_time": 1, "sid": "mine"}));
    let parameter = json!({"id_token": {"name": null, "sid": null}}).to_string();
    let ask = Ask::of("conf-basic", "code").with("scope", "openid").with("claims", &parameter);
    let (id, _) = known(&op, &mut Browser::new(&op), &ask).await;
    assert_eq!((&id["name"], id.get("auth_time")), (&json!("A"), None));
    assert_ne!(id["sid"], json!("mine"));
}
