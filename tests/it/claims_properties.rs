//! Whatever is asked, agreed, refused and allowed: what is said is what all of them leave.

use std::collections::BTreeSet;

use oidc_op::{Account, Agreement, Need, Scope, Verdict};
use proptest::{collection, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::{
    properties::RUNTIME,
    support::{ALICE, Ask, Browser, Sent, Setup, claims, client},
};

/// OIDC Core §5.4, written again; and a scope of the host's own.
fn claims_of(scope: &str) -> &'static [&'static str] {
    match scope {
        "profile" => &["name", "given_name", "nickname"],
        "email" => &["email", "email_verified"],
        "roles" => &["role"],
        _ => &[],
    }
}

const NAMES: [&str; 10] = [
    "name",
    "given_name",
    "nickname",
    "email",
    "email_verified",
    "role",
    "secret",
    "sub",
    "aud",
    "name#de",
];

fn some_names() -> impl Strategy<Value = BTreeSet<&'static str>> {
    collection::btree_set(select(NAMES.to_vec()), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// P-15: what is said is requested ∩ consented ∩ allowed, exactly: a host that knows all, and more.
    #[test]
    fn never_more_than_asked_agreed_and_allowed(
        scopes in collection::btree_set(select(vec!["profile", "email", "roles"]), 0..3),
        agreed in collection::btree_set(select(vec!["profile", "email", "roles"]), 0..3),
        (userinfo, id_token, refused) in (some_names(), some_names(), some_names()),
        allow in prop::option::of(some_names()),
        deny in some_names(),
        in_id_token in prop::option::of(any::<bool>()),
        alone: bool,
    ) {
        let response_type = if alone { "id_token" } else { "code id_token token" };
        let mut setup = Setup::new();
        setup.config.claims.scopes.insert("roles".into(), vec!["role".into()]);
        let mut ruled = client("ruled", false, &["https://ruled.example/cb"], &json!({
            "response_types": [response_type],
            "grant_types": if alone { json!(["implicit"]) } else { json!(["implicit", "authorization_code"]) }
        }));
        let set = |names: &BTreeSet<&'static str>| names.iter().map(|name| (*name).into()).collect();
        ruled.claims.allow = allow.as_ref().map(set);
        ruled.claims.deny = set(&deny);
        ruled.claims.scopes_in_id_token = in_id_token;
        setup.clients.push(ruled);
        let op = setup.build();
        // With another `sub` it would be another person's account (RE-21).
        let others = NAMES.iter().filter(|name| **name != "sub");
        let known: serde_json::Map<_, _> =
            others.map(|name| ((*name).to_owned(), json!("evil"))).collect();
        op.host.set(ALICE, Account::active().claims(known));

        let wish = |names: &BTreeSet<&'static str>| -> Value {
            names.iter().map(|name| ((*name).to_owned(), Value::Null)).collect::<serde_json::Map<_, _>>().into()
        };
        let parameter = json!({"userinfo": wish(&userinfo), "id_token": wish(&id_token)}).to_string();
        let mut scope: Vec<_> = scopes.iter().copied().collect();
        scope.push("openid");
        let ask = Ask::of("ruled", response_type).with("scope", &scope.join(" ")).with("claims", &parameter);
        let mut browser = Browser::new(&op);
        let sent = RUNTIME.block_on(async {
            let answer = browser.authorize(&ask.pairs()).await;
            let answer = browser.login(&answer.page().token.clone(), ALICE).await;
            assert_eq!(answer.page().need, Need::Consent);
            let agreed: Vec<_> = agreed.iter().copied().chain(["openid"]).collect();
            let mut agreement = Agreement::to_all(answer.page());
            agreement.scope = Scope::parse(&agreed.join(" ")).unwrap();
            agreement.claims.as_mut().unwrap().retain(|name| !refused.contains(&**name));
            agreement.remember = true;
            let verdict = Verdict::Consent(agreement);
            Sent::of(&browser.submit(&answer.page().token.clone(), verdict).await)
        });

        let plain = |name: &str| name.split('#').next().unwrap().to_owned();
        let may = |name: &&str| {
            let name = plain(name);
            !["sub", "aud"].contains(&&*name)
                && !refused.contains(&*name)
                && allow.as_ref().is_none_or(|allow| allow.contains(&*name))
                && !deny.iter().any(|denied| plain(denied) == name)
        };
        let scoped: BTreeSet<_> =
            scopes.intersection(&agreed).flat_map(|scope| claims_of(scope)).copied().collect();
        let expected = |single: &BTreeSet<&'static str>, by_scope: bool| -> BTreeSet<String> {
            let scoped = scoped.iter().filter(|_| by_scope);
            scoped.chain(single).copied().filter(|name| may(name)).map(str::to_owned).collect()
        };
        let said = |value: &Value| -> BTreeSet<String> {
            let members = value.as_object().unwrap().iter();
            members.filter(|(_, value)| **value == "evil").map(|(name, _)| name.clone()).collect()
        };
        let front = claims(sent.get("id_token"));
        let by_scope = in_id_token.unwrap_or(alone);
        prop_assert_eq!(said(&front), expected(&id_token, by_scope));
        prop_assert_eq!(&front["sub"], ALICE);
        if !alone {
            let answer = RUNTIME.block_on(op.userinfo(sent.get("access_token")));
            prop_assert_eq!(said(&answer.json()), expected(&userinfo, true));
            let answer = RUNTIME.block_on(op.exchange(&ask, sent.get("code")));
            prop_assert_eq!(said(&claims(&answer.member("id_token"))), expected(&id_token, by_scope));
        }
    }
}
