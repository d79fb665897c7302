//! How a person is to be authenticated, and who: requested `acr` and `sub` (OIDC Core §5.5.1,
//! §5.5.1.1, RFC 9470 §4).

use oidc_op::{Acr, Login, Need, Subject, Verdict};
use serde_json::{Value, json};

use crate::support::{ALICE, Answer, Ask, BOB, Browser, FLOWS, Place, Sent, Setup, claims, keyed};

const STATE: Option<&str> = Some("af0ifjsldkj");

/// A host whose sign-in can satisfy `silver` and `gold`; perhaps one where `acr_values` binds.
fn setup(binds: bool) -> Setup {
    let mut setup = Setup::new();
    setup.config.acr_values = vec![Acr::new("gold"), Acr::new("silver")];
    setup.config.policy.acr_values_bind = binds;
    let all = json!({
        "response_types": FLOWS.map(|flow| flow.response_type),
        "grant_types": ["authorization_code", "implicit"]
    });
    let mut defaults = all.clone();
    defaults["default_acr_values"] = json!(["gold"]);
    setup.clients.push(keyed("keyed", &all));
    setup.clients.push(keyed("keyed-gold", &defaults));
    setup
}

/// Submits the login page, with a context class or none.
async fn login(browser: &mut Browser, answer: &Answer, who: &str, acr: &str) -> Answer {
    assert_eq!(answer.page().need, Need::Login);
    let mut login = Login::new(Subject::new(who).unwrap());
    login.acr = (!acr.is_empty()).then(|| Acr::new(acr));
    browser.submit(&answer.page().token.clone(), Verdict::Login(login)).await
}

fn essential(values: &Value) -> String {
    let mut acr = json!({"essential": true});
    if values.is_array() {
        acr["values"] = values.clone();
    }
    json!({"id_token": {"acr": acr}}).to_string()
}

/// An essential `acr`: a login may reach it; one that does not ends in an error, for every response
/// type, and never in less (threat AZ-10).
#[tokio::test]
async fn az_10_essential_acr() {
    let op = setup(false).build();
    for flow in FLOWS {
        let of = |values: Value| {
            Ask::of("keyed", flow.response_type).with("claims", &essential(&values))
        };
        for (values, reached, good) in [
            (json!(["gold"]), "gold", true),
            (json!(["silver", "gold"]), "gold", true),
            (json!(null), "anything", true),
            (json!(["gold"]), "silver", false),
            (json!(["gold"]), "", false),
            (json!(null), "", false),
        ] {
            let ask = of(values.clone());
            let mut browser = Browser::new(&op);
            let answer = browser.authorize(&ask.pairs()).await;
            assert!(answer.page().acr_binds);
            let answer = login(&mut browser, &answer, ALICE, reached).await;
            let what = format!("{} {values} {reached}", flow.response_type);
            if good {
                let sent = Sent::of(&browser.follow(answer, ALICE).await);
                assert!(!sent.parameters.contains_key("error"), "{what}: {sent:?}");
                if let Some(token) = sent.parameters.get("id_token") {
                    assert_eq!(claims(token)["acr"], reached, "{what}");
                }
            } else {
                let error = "unmet_authentication_requirements";
                Sent::of(&answer).is_error(error, flow.place(), STATE, &what);
                // and the session that it left behind does not serve another time
                let quiet = ask.with("prompt", "none");
                browser.quiet(&quiet).await.is_error("login_required", flow.place(), STATE, &what);
            }
        }
        // what nobody can satisfy ends before anybody is asked
        let hopeless = Browser::new(&op).quiet(&of(json!(["platinum"]))).await;
        hopeless.is_error("unmet_authentication_requirements", flow.place(), STATE, "hopeless");
    }
}

/// Step-up: a session that is not enough is asked for another login, and serves from then on.
#[tokio::test]
async fn step_up() {
    let op = setup(false).build();
    let mut browser = Browser::new(&op);
    let plain = Ask::of("keyed", "code");
    let answer = browser.authorize(&plain.pairs()).await;
    let answer = login(&mut browser, &answer, ALICE, "silver").await;
    browser.follow(answer, ALICE).await.parameter("code");
    op.wait(5);

    let gold = plain.clone().with("claims", &essential(&json!(["gold"])));
    let quiet = gold.clone().with("prompt", "none");
    browser.quiet(&quiet).await.is_error("login_required", Place::Query, STATE, "not enough");
    let answer = browser.authorize(&gold.pairs()).await;
    assert_eq!(answer.page().subject.as_ref().unwrap().as_str(), ALICE, "the same person, again");
    let answer = login(&mut browser, &answer, ALICE, "gold").await;
    let id = op.exchange(&gold, &answer.parameter("code")).await.member("id_token");
    let id = claims(&id);
    assert_eq!((id["acr"].as_str(), &id["auth_time"]), (Some("gold"), &id["iat"]));
    browser.quiet(&quiet).await.get("code");
}

/// `acr_values`, a voluntary `acr` and `default_acr_values` are wishes: a login is tried for them, and
/// less than them is an answer. Where the policy says that they bind, less is an error.
#[tokio::test]
async fn wishes() {
    let voluntary = json!({"id_token": {"acr": {"values": ["gold"]}}}).to_string();
    for binds in [false, true] {
        let op = setup(binds).build();
        for (client, name, value) in [
            ("keyed", "acr_values", "gold"),
            ("keyed", "acr_values", "unknown gold"),
            ("keyed", "claims", &*voluntary),
            ("keyed-gold", "display", "page"),
        ] {
            let ask = Ask::of(client, "code").with(name, value);
            let what = format!("{client} {name}={value} {binds}");
            for (reached, good) in [("gold", true), ("silver", !binds), ("", !binds)] {
                let mut browser = Browser::new(&op);
                let answer = browser.authorize(&ask.pairs()).await;
                assert_eq!(answer.page().acr_binds, binds, "{what}");
                let hints: Vec<_> =
                    answer.page().hints.acr_values.iter().map(Acr::as_str).collect();
                assert!(hints.contains(&"gold"), "{what}: {hints:?}");
                let answer = login(&mut browser, &answer, ALICE, reached).await;
                let sent = Sent::of(&browser.follow(answer, ALICE).await);
                if !good {
                    sent.is_error("unmet_authentication_requirements", Place::Query, STATE, &what);
                    continue;
                }
                let id = claims(&op.exchange(&ask, sent.get("code")).await.member("id_token"));
                let acr = id.get("acr").and_then(Value::as_str).unwrap_or_default();
                assert_eq!(acr, reached, "{what}: it says what was reached");
                // later: silent if it is met, or cannot be asked for; a page otherwise
                let quiet = browser.quiet(&ask.clone().with("prompt", "none")).await;
                quiet.get("code");
                let again = browser.authorize(&ask.pairs()).await;
                assert_eq!(matches!(again, Answer::Page(_)), reached != "gold", "{what} {reached}");
            }
        }
        // a class that nobody knows: no reason to ask, if it is a wish; hopeless, if it binds
        let ask = Ask::of("keyed", "code").with("acr_values", "unknown");
        let sent = Browser::new(&op).ask(&ask, ALICE).await;
        assert_eq!(sent.parameters.contains_key("code"), !binds);
        // `acr_values` comes before the default
        let ask = Ask::of("keyed-gold", "code").with("acr_values", "silver");
        let mut browser = Browser::new(&op);
        let answer = browser.authorize(&ask.pairs()).await;
        let answer = login(&mut browser, &answer, ALICE, "silver").await;
        browser.follow(answer, ALICE).await.parameter("code");
        browser.quiet(&ask.with("prompt", "none")).await.get("code");
    }
}

/// RFC 9470 §4: where classes ascend, whoever has signed in with a stronger one than is wished for is not
/// asked again; an essential one is exactly that (§5.5.1.1).
#[tokio::test]
async fn stronger_classes() {
    let wished = json!({"id_token": {"acr": {"values": ["silver"]}}}).to_string();
    for (ascends, binds) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut setup = setup(binds);
        setup.config.acr_values = ["bronze", "silver", "gold"].map(Acr::new).into();
        setup.config.policy.acr_values_ascend = ascends;
        let op = setup.build();
        for (name, value, had, serves) in [
            ("acr_values", "silver", "gold", ascends),
            ("acr_values", "silver", "silver", true),
            ("acr_values", "silver", "bronze", false),
            ("acr_values", "bronze", "gold", ascends),
            ("claims", &*wished, "gold", ascends),
            ("claims", &*essential(&json!(["silver"])), "gold", false),
            ("claims", &*essential(&json!(["bronze", "gold"])), "gold", true),
        ] {
            let what = format!("{name}={value} {had} {ascends} {binds}");
            let mut browser = Browser::new(&op);
            let first = Ask::of("keyed", "id_token");
            let answer = browser.authorize(&first.pairs()).await;
            let answer = login(&mut browser, &answer, ALICE, had).await;
            browser.follow(answer, ALICE).await;
            let ask = first.with(name, value);
            let answer = browser.authorize(&ask.pairs()).await;
            assert_eq!(matches!(answer, Answer::Reply(_)), serves, "{what}");
            if serves {
                let id = claims(Sent::of(&answer).get("id_token"));
                assert_eq!(id["acr"], had, "{what}: it says what was reached");
                continue;
            }
            // who signs in with a stronger one all the same is through, unless exactly this one binds
            let hints: Vec<_> = answer.page().hints.acr_values.iter().map(Acr::as_str).collect();
            assert!(!hints.contains(&"gold"), "{what}: nobody wished for it: {hints:?}");
            let bound = answer.page().acr_binds;
            let answer = login(&mut browser, &answer, ALICE, "gold").await;
            let sent = Sent::of(&answer);
            let through = !bound || (ascends && name == "acr_values");
            assert_eq!(sent.parameters.contains_key("id_token"), through, "{what}: {sent:?}");
        }
    }
    let mut twice = setup(false).config;
    twice.acr_values = ["silver", "gold", "silver"].map(Acr::new).into();
    assert!(twice.contradictions().is_empty());
    twice.policy.acr_values_ascend = true;
    assert_eq!(twice.contradictions(), ["acr_values: silver is there twice"]);
}

/// A requested `sub`: no answer is about somebody else (§5.5.1), for every response type.
#[tokio::test]
async fn requested_sub() {
    let op = setup(false).build();
    for flow in FLOWS {
        let of =
            |json: Value| Ask::of("keyed", flow.response_type).with("claims", &json.to_string());
        for (parameter, who) in [
            (json!({"id_token": {"sub": {"value": ALICE}}}), &[ALICE][..]),
            (json!({"userinfo": {"sub": {"value": ALICE}}}), &[ALICE]),
            (json!({"id_token": {"sub": {"values": [ALICE, BOB]}}}), &[ALICE, BOB]),
            (json!({"id_token": {"sub": null}}), &[ALICE, BOB]),
            (json!({"id_token": {"sub": {"essential": true}}}), &[ALICE, BOB]),
            (json!({"id_token": {"sub": {"value": "carol"}}}), &[]),
            (json!({"id_token": {"sub": {"values": []}}}), &[ALICE, BOB]),
            (
                json!({"id_token": {"sub": {"value": ALICE}}, "userinfo": {"sub": {"value": BOB}}}),
                &[],
            ),
        ] {
            for person in [ALICE, BOB] {
                let mut browser = Browser::new(&op);
                browser.ask(&Ask::of("keyed", flow.response_type), person).await;
                let ask = of(parameter.clone());
                let what = format!("{} {parameter} {person}", flow.response_type);
                let quiet = browser.quiet(&ask.clone().with("prompt", "none")).await;
                if who.contains(&person) {
                    assert!(!quiet.parameters.contains_key("error"), "{what}: {quiet:?}");
                    continue;
                }
                quiet.is_error("login_required", flow.place(), STATE, &what);
                // a page: the right person may sign in, and the wrong one hears no
                let answer = browser.authorize(&ask.pairs()).await;
                let answer = login(&mut browser, &answer, person, "").await;
                Sent::of(&answer).is_error("login_required", flow.place(), STATE, &what);
            }
        }
    }
    // a hint and a requested sub must agree
    let mut browser = Browser::new(&op);
    let ask = Ask::of("keyed", "code id_token");
    let hint = browser.ask(&ask, ALICE).await.get("id_token").to_owned();
    let quiet = ask.with("prompt", "none").with("id_token_hint", &hint);
    for (sub, good) in [(ALICE, true), (BOB, false)] {
        let parameter = json!({"id_token": {"sub": {"value": sub}}}).to_string();
        let sent = browser.quiet(&quiet.clone().with("claims", &parameter)).await;
        assert_eq!(sent.parameters.contains_key("code"), good, "{sub}");
    }
}
