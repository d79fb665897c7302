//! A provider without some of the response types: it refuses them, whoever has registered them, and says
//! so (OIDC Discovery §3, RFC 6749 §4.1.2.1; threat AZ-05).

use oidc_op::{
    Client, GrantType, LintRule, Registration, RegistrationAccess, ResponseType, Secret,
};
use serde_json::{Value, json};

use crate::support::{ALICE, Ask, Browser, FLOWS, Op, Setup, client, redirect_uri};

const STATE: Option<&str> = Some("af0ifjsldkj");

fn types(names: &[&str]) -> Vec<ResponseType> {
    names.iter().map(|name| ResponseType::parse(name).unwrap()).collect()
}

/// One client that has registered every response type, and those that there are.
fn setup(names: &[&str]) -> Setup {
    let mut setup = Setup::new();
    setup.config.response_types = types(names);
    setup.clients.push(all_types());
    setup
}

fn all_types() -> Client {
    let members = json!({
        "response_types": FLOWS.map(|flow| flow.response_type),
        "grant_types": ["authorization_code", "implicit", "refresh_token"]
    });
    client("all", false, &[&redirect_uri("all")], &members)
}

async fn document(op: &Op) -> Value {
    op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json()
}

/// What is not there is refused, where its answer would have gone; what is there is listed, with the
/// response modes, grant types and challenges that belong to it.
#[tokio::test]
async fn az_05_listed_and_there_is_the_same() {
    let (code, implicit) = ("authorization_code", "implicit");
    let every = FLOWS.map(|flow| flow.response_type);
    for (there, query, grants, pkce) in [
        (&every[..], true, &[code, implicit][..], true),
        (&["code"], true, &[code], true),
        (&["id_token token", "code", "id_token"], true, &[code, implicit], true),
        (&["code id_token", "code id_token token"], false, &[code, implicit], true),
        (&["id_token", "token"], false, &[implicit], false),
        (&["none"], true, &[], false),
    ] {
        let op = setup(there).build();
        let document = document(&op).await;
        assert_eq!(document["response_types_supported"], json!(there));
        let modes = document["response_modes_supported"].as_array().unwrap();
        assert_eq!(modes.contains(&json!("query")), query, "{there:?}");
        assert!(modes.contains(&json!("fragment")) && modes.contains(&json!("form_post")));
        // Only with a code comes a refresh token.
        let renewing: &[&str] = if grants.contains(&code) { &["refresh_token"] } else { &[] };
        let expected = [grants, renewing, &["client_credentials"]].concat();
        assert_eq!(document["grant_types_supported"], json!(expected), "{there:?}");
        let methods = document.get("code_challenge_methods_supported");
        assert_eq!(methods, pkce.then(|| json!(["S256"])).as_ref(), "{there:?}");
        for flow in FLOWS {
            for client in ["all", flow.client] {
                let what = format!("{client} {} of {there:?}", flow.response_type);
                let ask = Ask::of(client, flow.response_type).with("prompt", "none");
                let sent = Browser::new(&op).quiet(&ask).await;
                let error = if there.contains(&flow.response_type) {
                    "login_required"
                } else {
                    "unsupported_response_type"
                };
                sent.is_error(error, flow.place(), STATE, &what);
            }
        }
        // and the token endpoint takes codes exactly where there are some
        let body = [("grant_type", code), ("code", "x")];
        let refused = op.token_as("all", &body).await.error() == "unsupported_grant_type";
        assert_eq!(!refused, grants.contains(&code), "{there:?}");
    }
}

/// Those that are left work to the end.
#[tokio::test]
async fn what_is_left_works() {
    let there = ["code", "id_token token"];
    let op = setup(&there).build();
    for response_type in there {
        let ask = Ask::of("all", response_type).with("scope", "openid offline_access");
        let sent = Browser::new(&op).ask(&ask, ALICE).await;
        if response_type == "code" {
            let answer = op.exchange(&ask, sent.get("code")).await;
            let refreshed = op.refresh("all", &answer.member("refresh_token")).await;
            assert_eq!(refreshed.status(), 200, "{}", refreshed.json());
        } else {
            assert_eq!(op.userinfo(sent.get("access_token")).await.status(), 200);
        }
    }
}

/// AZ-05: what was begun before a response type was switched off does not end in it.
#[tokio::test]
async fn az_05_an_interaction_under_way() {
    let before = setup(&["code", "code token"]);
    let mut after = setup(&["code"]);
    (after.store, after.clock) = (before.store.clone(), before.clock.clone());
    let (before, after) = (before.build(), after.build());
    for (response_type, good) in [("code", true), ("code token", false)] {
        let ask = Ask::of("all", response_type);
        let mut browser = Browser::new(&before);
        let token = browser.authorize(&ask.pairs()).await.page().token.clone();
        let mut browser = browser.at(&after);
        let answer = browser.login(&token, ALICE).await;
        if good {
            browser.follow(answer, ALICE).await.parameter("code");
        } else {
            let sent = crate::support::Sent::of(&answer);
            let place = crate::support::Place::Fragment;
            sent.is_error("unsupported_response_type", place, STATE, response_type);
        }
    }
}

/// RFC 7591 §2: a registration is left with what there is, and refused if that is nothing.
#[tokio::test]
async fn registrations() {
    let mut setup = setup(&["code", "id_token"]);
    let mut rules = Registration::default();
    rules.access = RegistrationAccess::Open;
    rules.grant_types.push(GrantType::Implicit);
    setup.config.registration = Some(rules);
    setup.secrets.storage = vec![Secret::new([7; 32]).unwrap()];
    let op = setup.build();
    let both = &["authorization_code", "implicit"][..];
    for (asked, grants, left, left_grants) in [
        (&["code"][..], &["authorization_code"][..], &["code"][..], &["authorization_code"][..]),
        (&["code", "id_token token"], both, &["code"], &["authorization_code"]),
        (&["code", "code id_token"], both, &["code"], &["authorization_code"]),
        (&["id_token", "code token"], both, &["id_token"], &["implicit"]),
        (&["code", "id_token", "none"], both, &["code", "id_token"], both),
        (&["code id_token token"], both, &[], &[]),
        (&["token"], &["implicit"], &[], &[]),
    ] {
        let metadata = json!({
            "redirect_uris": ["https://rp.example/cb"],
            "response_types": asked, "grant_types": grants
        });
        let headers = [("content-type", "application/json")];
        let answer = op.send("POST", "/register", "", &headers, &metadata.to_string()).await;
        let json = answer.json();
        if left.is_empty() {
            assert_eq!((answer.status(), &*answer.error()), (400, "invalid_client_metadata"));
            let text = answer.member("error_description");
            assert!(text.starts_with("response_types: "), "{text}");
            continue;
        }
        assert_eq!(answer.status(), 201, "{json}");
        assert_eq!(
            (&json["response_types"], &json["grant_types"]),
            (&json!(left), &json!(left_grants))
        );
    }
}

/// A client of the host's that has registered more is found when somebody looks.
#[tokio::test]
async fn clients_that_do_not_fit() {
    let op = setup(&["code", "none"]).build();
    let members = |client: &Client| -> Vec<_> {
        op.provider.misfits(client).iter().map(|misfit| misfit.member).collect()
    };
    assert_eq!(members(&all_types()), ["grant_types", "response_types"]);
    let code = client("app", false, &["https://app.example/cb"], &json!({}));
    assert_eq!(members(&code), [""; 0]);
    let found = op.provider.lint().await.unwrap();
    let of_all = found.iter().filter(|finding| {
        finding.client.as_ref().is_some_and(|id| id.as_str() == "all")
            && finding.rule == LintRule::Misfit
    });
    let members: Vec<_> = of_all.map(|finding| finding.member).collect();
    assert_eq!(members, [Some("grant_types"), Some("response_types")]);
}

#[test]
fn contradictions() {
    for (names, found) in [
        (&[][..], "response_types: the list is empty"),
        (&["code", "id_token", "code"], "response_types: code is there twice"),
        (&["id_token token", "token id_token"], "response_types: id_token token is there twice"),
    ] {
        assert_eq!(setup(names).config.contradictions(), [found]);
    }
}
