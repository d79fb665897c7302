//! What ID tokens and UserInfo say: what was agreed with the applications, and nothing else.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{
    BCRYPT, Deployment, PORTAL, PORTAL_AT, expected, implicit, imports, manages, members, shared,
};
use crate::{
    blackbox::{deployments::sent, party, visitor::Visitor},
    support::{claims, header},
};

/// What of the profile and of the e-mail scope is supported.
const SUPPORTED: [&str; 5] = ["name", "given_name", "family_name", "email", "email_verified"];

/// Somebody who is signed in at a browser, and their subject.
async fn somebody(op: &Deployment, username: &str) -> (Visitor, String) {
    let sub = imports(op, username, BCRYPT).await;
    let visitor = op.visitor();
    let page = visitor.open(op.request(PORTAL.0, PORTAL_AT, &[])).await;
    visitor.consent(page, (username, "password")).await.code();
    (visitor, sub)
}

/// The ID token and the access token, if there is one, that the portal gets in the fragment.
async fn asks(
    op: &Deployment,
    visitor: &Visitor,
    response_type: &str,
    more: &[(&str, &str)],
) -> (String, Option<String>) {
    let url = op.request(PORTAL.0, PORTAL_AT, &implicit(response_type, more));
    let page = visitor.open(url).await;
    assert!(page.location().unwrap().fragment().is_some(), "{page:?}");
    let mut answer = page.answer();
    assert!(!answer.contains_key("code"), "{answer:?}");
    (answer.remove("id_token").unwrap(), answer.remove("access_token"))
}

/// The set of members is the one that the applications were promised, for both response types.
#[tokio::test]
async fn id_tokens_have_exactly_these_members() {
    let shared = shared().await;
    let op = &shared.0;
    let (visitor, sub) = somebody(op, "exact").await;

    let (alone, none) = asks(op, &visitor, "id_token", &[]).await;
    assert_eq!(none, None);
    let said = claims(&alone);
    assert_eq!(members(&said), expected(&[]), "{said}");
    let times = ["iat", "nbf", "exp"].map(|name| said[name].as_i64().unwrap());
    assert!(times[0] == times[1] && times[1] < times[2], "{said}");
    let values = json!({
        "sub": sub, "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
        "email": "exact@old.example", "email_verified": true, "token_usage": "identity",
        "aud": PORTAL.0, "nonce": "n-0S6_WzA2Mj", "iss": op.issuer(),
        "iat": times[0], "nbf": times[0], "exp": times[2],
    });
    assert_eq!(said, values);
    let (status, keys) = sent(party::http().get(op.endpoint("jwks_uri"))).await;
    assert_eq!(status, 200);
    let kid = header(&alone)["kid"].clone();
    assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == kid), "{keys}");

    let (beside, token) = asks(op, &visitor, "id_token token", &[]).await;
    let (said, token) = (claims(&beside), token.unwrap());
    assert_eq!(members(&said), expected(&["at_hash"]), "{said}");
    let hash = digest(&SHA256, token.as_bytes());
    assert_eq!(said["at_hash"], URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]));

    let (status, said) = op.userinfo(&token).await;
    let mut values = SUPPORTED.map(|name| (name.to_owned(), values[name].clone())).to_vec();
    values.push(("sub".into(), json!(sub)));
    assert_eq!((status, said), (200, values.into_iter().collect()));
}

/// OIDC Core §3.1.2.1: who asks how long ago somebody signed in is told, and nothing else. So are those who
/// ask for what a sign-in was, by name.
#[tokio::test]
async fn who_asks_more_is_told_that() {
    let shared = shared().await;
    let op = &shared.0;
    let (visitor, _) = somebody(op, "more").await;
    let by_name = json!({ "id_token": { "sid": null, "amr": null } }).to_string();
    for (more, told) in [
        (&[("max_age", "60")][..], &["auth_time"][..]),
        (&[("max_age", "60"), ("prompt", "none")], &["auth_time"]),
        (&[("claims", &by_name)], &["sid", "amr"]),
        (&[("scope", "openid profile email roles")], &[]),
    ] {
        for (response_type, hash) in [("id_token", None), ("id_token token", Some("at_hash"))] {
            let (id_token, _) = asks(op, &visitor, response_type, more).await;
            let said = claims(&id_token);
            let told: Vec<_> = told.iter().copied().chain(hash).collect();
            assert_eq!(members(&said), expected(&told), "{response_type} {more:?}: {said}");
        }
    }
    let (id_token, _) =
        asks(op, &visitor, "id_token", &[("scope", "openid"), ("nonce", "n")]).await;
    let bare: BTreeSet<_> =
        expected(&[]).into_iter().filter(|name| !SUPPORTED.contains(name)).collect();
    assert_eq!(members(&claims(&id_token)), bare);
}

/// The profile knows more of people than is supported. Nobody learns it, however they ask; only the
/// management API, which brought it along, has it still.
#[tokio::test]
async fn what_is_not_supported_is_said_nowhere() {
    let shared = shared().await;
    let op = &shared.0;
    let (visitor, sub) = somebody(op, "countess").await;
    let (_, kept) = manages(op, Method::GET, &format!("/users/{sub}"), Value::Null).await;
    assert_eq!(kept["claims"]["nickname"], "Countess", "{kept}");

    let wanted = json!({ "nickname": { "essential": true }, "preferred_username": null });
    let parameter = json!({ "id_token": wanted, "userinfo": wanted }).to_string();
    let more = [("claims", &*parameter)];
    let (id_token, token) = asks(op, &visitor, "id_token token", &more).await;
    assert_eq!(members(&claims(&id_token)), expected(&["at_hash"]));

    let page = visitor.open(op.request(PORTAL.0, PORTAL_AT, &more)).await;
    let tokens = op.redeem(PORTAL, PORTAL_AT, &page).await;
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(members(&id_token), expected(&["at_hash"]), "{id_token}");

    let userinfo: BTreeSet<_> = SUPPORTED.into_iter().chain(["sub"]).collect();
    for token in [&token.unwrap(), tokens["access_token"].as_str().unwrap()] {
        let (status, said) = op.userinfo(token).await;
        assert_eq!((status, members(&said)), (200, userinfo.clone()), "{said}");
        let (status, said) = op.post("introspection_endpoint", PORTAL, &[("token", token)]).await;
        assert_eq!((status, &said["active"]), (200, &json!(true)), "{said}");
        assert!(!said.to_string().contains("Countess"), "{said}");
    }
    assert!(!op.metadata.to_string().contains("nickname"), "{}", op.metadata);
}
