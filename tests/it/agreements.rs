//! What people agree to, keep back, and have remembered (OIDC Core §3.1.2.4, §5.5.1).

use std::sync::Arc;

use oidc_op::{Agreement, AskedClaim, Need, Reason, Scope, Verdict, store::MemoryStore};
use serde_json::{Value, json};

use crate::{
    claims::{ask, known, of, rules, says},
    support::{ALICE, Answer, Ask, Browser, Op, Sent, Setup},
};

/// Sends the request, and answers the consent page with these refusals.
pub(crate) async fn consent(
    browser: &mut Browser,
    ask: &Ask,
    refused: &[&str],
) -> (Sent, Vec<AskedClaim>) {
    let mut answer = browser.authorize(&ask.pairs()).await;
    if answer.page().need == Need::Login {
        answer = browser.login(&answer.page().token.clone(), ALICE).await;
    }
    let page = answer.page();
    assert_eq!(page.need, Need::Consent);
    let mut agreement = Agreement::to_all(page);
    agreement.claims.as_mut().unwrap().retain(|name| !refused.contains(&&**name));
    agreement.remember = true;
    let (token, asked) = (page.token.clone(), page.claims.clone());
    (Sent::of(&browser.submit(&token, Verdict::Consent(agreement)).await), asked)
}

/// Nothing that the agreement does not name is released: a page that knows only of scopes lets no
/// single claim through, nor one of a scope that was taken out.
#[tokio::test]
async fn what_is_not_agreed_to_is_lacking() {
    let op = Op::new();
    let parameter = json!({"userinfo": {"phone_number": {"essential": true}, "email": null}});
    let ask = ask().with("scope", "openid email profile").with("claims", &parameter.to_string());
    for (claims, expected) in [
        (
            None,
            json!({"sub": ALICE, "name": ALICE, "given_name": ALICE, "family_name": "Example", "updated_at": 1_700_000_000}),
        ),
        (Some(vec!["name"]), json!({"sub": ALICE, "name": ALICE})),
        (Some(vec!["email"]), json!({"sub": ALICE, "email": "alice@example.org"})),
        (Some(vec!["email_verified", "address"]), json!({"sub": ALICE})),
        (Some(vec![]), json!({"sub": ALICE})),
    ] {
        let mut browser = Browser::new(&op);
        let answer = browser.authorize(&ask.pairs()).await;
        let answer = browser.login(&answer.page().token.clone(), ALICE).await;
        let mut agreement = Agreement::new(Scope::parse("openid profile").unwrap());
        agreement.claims = claims.clone().map(|names| names.into_iter().map(Into::into).collect());
        agreement.remember = true;
        let token = answer.page().token.clone();
        let sent = Sent::of(&browser.submit(&token, Verdict::Consent(agreement)).await);
        let (_, said) = of(&op, &ask, &sent).await;
        assert_eq!(said, expected, "{claims:?}");
    }
}

/// What a person keeps back is lacking, essential or not, asked for by the scope or singly; that is
/// remembered, and asked again only when the client asks for it.
#[tokio::test]
async fn refused_claims() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let parameter = json!({
        "userinfo": {"phone_number": {"essential": true}, "given_name": null, "sub": null},
        "id_token": {"phone_number": null, "email": {"essential": true}}
    });
    let ask = ask().with("scope", "openid email").with("claims", &parameter.to_string());
    let (sent, asked) = consent(&mut browser, &ask, &["phone_number", "email"]).await;
    let asked: Vec<_> = asked.iter().map(|a| (&*a.name, a.essential, a.single)).collect();
    assert_eq!(
        asked,
        [
            ("email", true, false),
            ("email_verified", false, false),
            ("phone_number", true, true),
            ("given_name", false, true)
        ],
        "each once, and nothing of the protocol's own"
    );
    let lacking = json!({"sub": ALICE, "given_name": ALICE, "email_verified": true});
    let (id, said) = of(&op, &ask, &sent).await;
    assert_eq!((id.get("phone_number"), id.get("email"), said), (None, None, lacking.clone()));

    // remembered
    let (id, said) = known(&op, &mut browser, &ask.clone().with("prompt", "none")).await;
    assert_eq!((id.get("phone_number"), id.get("email"), said), (None, None, lacking));
    // whoever asks for it: the scope, or by another name of it
    let tagged = json!({"userinfo": {"phone_number#de": null, "phone_number": null}}).to_string();
    let again = ask.clone().with("scope", "openid").with("claims", &tagged);
    let (_, said) = known(&op, &mut browser, &again.with("prompt", "none")).await;
    assert_eq!(said, json!({"sub": ALICE}));
    // asked again, they may say something else
    let (sent, _) =
        consent(&mut browser, &ask.clone().with("prompt", "consent"), &["given_name"]).await;
    let (id, said) = of(&op, &ask, &sent).await;
    assert_eq!(id["email"], "alice@example.org");
    assert_eq!(
        (said.get("given_name"), said["phone_number"].as_str()),
        (None, Some("+1 555 0100"))
    );
    let (_, said) = known(&op, &mut browser, &ask.clone().with("prompt", "none")).await;
    assert_eq!((said.get("given_name"), said["email"].as_str()), (None, Some("alice@example.org")));
}

/// More single claims than were agreed to: asked again. Fewer: not.
#[tokio::test]
async fn more_single_claims_need_consent() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let with = |names: &[&str]| {
        let wanted: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
        ask().with("claims", &json!({"userinfo": wanted}).to_string())
    };
    browser.ask(&with(&["name", "email"]), ALICE).await;
    for (names, silent) in [
        (&["name", "email"][..], true),
        (&["email"], true),
        (&[], true),
        (&["name#de"], true),
        (&["sub", "auth_time"], true),
        (&["name", "email", "phone_number"], false),
        (&["address"], false),
    ] {
        let sent = browser.quiet(&with(names).with("prompt", "none")).await;
        let error = sent.parameters.get("error").map(String::as_str);
        assert_eq!(error, (!silent).then_some("consent_required"), "{names:?}");
    }
    // a single claim that a scope brought before was agreed to as part of it, not by name
    let mut browser = Browser::new(&op);
    let scoped = Ask::of("q-client", "code").with("redirect_uri", "https://c.example/cb?a=1&b=2");
    browser.ask(&scoped, ALICE).await;
    let both = scoped.with("claims", &json!({"id_token": {"name": null}}).to_string());
    let sent = browser.quiet(&both.with("prompt", "none")).await;
    assert!(sent.parameters.contains_key("code"), "the scope asks for it anyway: {sent:?}");
}

/// Several scopes may ask for one claim. Whoever declines one of them has decided nothing of what
/// another one asks for; and of what a scope asks for newly, people are asked.
#[tokio::test]
async fn what_is_remembered_is_what_was_decided() {
    let store = Arc::new(MemoryStore::new());
    let with = |scopes: Value| {
        let mut setup = Setup { store: store.clone(), ..Setup::new() };
        setup.config.claims = rules(json!({"scopes": scopes}));
        let op = setup.build();
        says(&op, json!({"role": "admin", "badge": 7, "room": "B12"}));
        op
    };
    let op = with(json!({"work": ["role", "badge"], "team": ["role"]}));
    let mut browser = Browser::new(&op);
    let work = ask().with("scope", "openid work");
    let (_, asked) = consent(&mut browser, &work, &["role"]).await;
    assert_eq!(asked.len(), 2);

    // `team` is declined: that says nothing of `role`, which `work` asks for as well.
    let answer = browser.authorize(&ask().with("scope", "openid team").pairs()).await;
    let mut agreement = Agreement::new(Scope::parse("openid").unwrap());
    agreement.claims = Some(Vec::new());
    agreement.remember = true;
    browser.submit(&answer.page().token.clone(), Verdict::Consent(agreement)).await;
    let quiet = work.clone().with("prompt", "none");
    let (_, said) = known(&op, &mut browser, &quiet).await;
    assert_eq!(said, json!({"sub": ALICE, "badge": 7}), "role is still kept back");

    // The configuration lets `work` ask for more.
    let op = with(json!({"work": ["role", "badge", "room"], "team": ["role"]}));
    let mut elsewhere = Browser::new(&op);
    elsewhere.cookies = browser.cookies.clone();
    let answer = elsewhere.authorize(&quiet.pairs()).await;
    assert_eq!(Sent::of(&answer).get("error"), "consent_required");
    let (sent, _) = consent(&mut elsewhere, &work, &["role"]).await;
    let (_, said) = of(&op, &work, &sent).await;
    assert_eq!(said, json!({"sub": ALICE, "badge": 7, "room": "B12"}));
}

/// What a person has kept back from a client of the first party stays with them.
#[tokio::test]
async fn the_first_party_remembers_refusals() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let ask = Ask::of("first-party", "code")
        .with("redirect_uri", "https://first.example/cb")
        .with("scope", "openid email");
    consent(&mut browser, &ask.clone().with("prompt", "consent"), &["email"]).await;
    let (_, said) = known(&op, &mut browser, &ask).await;
    assert_eq!(said, json!({"sub": ALICE, "email_verified": true}));
}

/// A claim that is always said in one place is asked for like any other in the place where it is not.
#[tokio::test]
async fn always_in_one_place_is_asked_for_in_the_other() {
    let mut setup = Setup::new();
    setup.config.claims = rules(json!({"always": [
        {"name": "staff", "value": "yes", "place": "id_token"}, {"name": "managed"}
    ]}));
    let op = setup.build();
    says(&op, json!({"staff": "of the kitchen", "managed": true}));
    let parameter = json!({"userinfo": {"staff": null, "managed": null}}).to_string();
    let ask = ask().with("claims", &parameter);
    let (sent, asked) = consent(&mut Browser::new(&op), &ask, &["staff"]).await;
    assert_eq!(asked.iter().map(|claim| &*claim.name).collect::<Vec<_>>(), ["staff"]);
    let (id, said) = of(&op, &ask, &sent).await;
    assert_eq!((&id["staff"], said), (&json!("yes"), json!({"sub": ALICE, "managed": true})));
}

/// Less scope, fewer claims: what is asked singly stays.
#[tokio::test]
async fn less_scope_and_single_claims() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let parameter = json!({"userinfo": {"email": null}}).to_string();
    let ask = ask().with("scope", "openid profile phone").with("claims", &parameter);
    let answer = browser.authorize(&ask.pairs()).await;
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    let Answer::Page(page) = &answer else { panic!("{answer:?}") };
    let mut agreement = Agreement::to_all(page);
    agreement.scope = Scope::parse("phone").unwrap();
    let token = page.token.clone();
    let sent = browser.submit(&token, Verdict::Consent(agreement)).await;
    let (_, said) = of(&op, &ask, &Sent::of(&sent)).await;
    let names: Vec<_> = said.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(said["phone_number"].is_string() && said["email"].is_string());
}

/// A form that is sent twice says the same twice, or the first one stands.
#[tokio::test]
async fn another_form_changes_nothing() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&ask().with("scope", "openid email").pairs()).await;
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    let page = answer.page();
    let mut less = Agreement::to_all(page);
    less.claims = Some(Vec::new());
    let first = browser.submit(&page.token, Verdict::Consent(less.clone())).await;
    let all = Verdict::Consent(Agreement::to_all(page));
    browser.submit(&page.token, all).await.is_page_error(Reason::InteractionFinished);
    let again = browser.submit(&page.token, Verdict::Consent(less)).await;
    assert_eq!(again.parameter("code"), first.parameter("code"));
}

/// What was said of claims that are not asked about this time stays said.
#[tokio::test]
async fn what_was_said_before_stays() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let asking = |name: &str| {
        let parameter = json!({"userinfo": {name: null}}).to_string();
        ask().with("claims", &parameter)
    };
    consent(&mut browser, &asking("email"), &[]).await;
    consent(&mut browser, &asking("phone_number"), &["phone_number"]).await;
    consent(&mut browser, &asking("name"), &[]).await;
    for (name, said) in [("email", true), ("phone_number", false), ("name", true)] {
        let quiet = asking(name).with("prompt", "none");
        let (_, answer) = known(&op, &mut browser, &quiet).await;
        assert_eq!(answer.get(name).is_some(), said, "{name}");
    }
}
