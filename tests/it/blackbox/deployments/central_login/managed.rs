//! People whom the upstream provider manages: they sign in there, and are not kept here.

use reqwest::{Method, StatusCode};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{
    BCRYPT, Deployment, GUEST, GUEST_AT, PORTAL, PORTAL_AT, expected, implicit, imports, manages,
    members, shared, through,
};
use crate::{
    blackbox::{
        deployments::upstream::{GRACE, KEN},
        visitor::{Page, Visitor},
    },
    support::claims,
};

const GRACES: &str = "Grace &#60;Hopper&#62;";

/// What the portal learns of whoever is signed in: in the ID token alone, and from UserInfo.
async fn learns(op: &Deployment, visitor: &Visitor, scope: &str) -> [Value; 2] {
    let more = implicit("id_token", &[("scope", scope), ("prompt", "none")]);
    let answer = visitor.open(op.request(PORTAL.0, PORTAL_AT, &more)).await.answer();
    let page = visitor.open(op.request(PORTAL.0, PORTAL_AT, &[("scope", scope)])).await;
    let tokens = op.redeem(PORTAL, PORTAL_AT, &page).await;
    let (status, said) = op.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(status, 200, "{said}");
    [claims(&answer["id_token"]), said]
}

#[track_caller]
fn says(page: &Page, text: &str) {
    assert!(page.status == StatusCode::OK && page.body.contains(text), "{text}: {}", page.body);
}

/// What is said of them is what the upstream provider says, with a mark of whose they are; the groups are
/// for those who ask for them.
#[tokio::test]
async fn they_sign_in_there() {
    let shared = shared().await;
    let (op, there) = (&shared.0, &shared.1);
    let visitor = there.met_by(op.visitor());
    let request = op.request(PORTAL.0, PORTAL_AT, &implicit("id_token", &[]));
    let page = visitor.open(&request).await;
    assert!(page.asks_password(), "{}", page.body);
    says(&page, "Continue with InternalAzureAD");
    let answer = through(&visitor, &page, GRACE).await.answer();
    let first = claims(&answer["id_token"]);
    assert_eq!(members(&first), expected(&["managed"]), "{first}");
    let sub = first["sub"].as_str().unwrap();
    assert!(sub.starts_with("InternalAzureAD.") && !sub.contains("u-1906"), "{sub}");
    assert_eq!(first["token_usage"], "identity");

    let plain = json!({
        "sub": sub, "name": "Grace <Hopper>", "given_name": "Grace", "family_name": "Hopper",
        "email": "grace@upstream.example", "email_verified": true, "managed": "InternalAzureAD",
    });
    let mut with_role = plain.clone();
    with_role["role"] = json!(["admirals", "compilers"]);
    for (scope, more, person) in [
        ("openid profile email", &["managed"][..], &plain),
        ("openid profile email roles", &["managed", "role"], &with_role),
    ] {
        let [id_token, userinfo] = learns(op, &visitor, scope).await;
        assert_eq!(members(&id_token), expected(more), "{id_token}");
        for (name, value) in person.as_object().unwrap() {
            assert_eq!(id_token[name], *value, "{name}");
        }
        assert_eq!(userinfo, *person, "{scope}");
    }

    // In no group: there is nothing to say. Nor is it of those whom nobody manages.
    let visitor = there.met_by(op.visitor());
    let page = visitor.open(&request).await;
    through(&visitor, &page, KEN).await.answer();
    let [id_token, userinfo] = learns(op, &visitor, "openid roles").await;
    assert_eq!((&id_token["managed"], id_token.get("role")), (&json!("InternalAzureAD"), None));
    assert_eq!(userinfo, json!({ "sub": id_token["sub"], "managed": "InternalAzureAD" }));
    imports(op, "local", BCRYPT).await;
    let visitor = op.visitor();
    let page = visitor.open(&request).await;
    visitor.consent(page, ("local", "password")).await.answer();
    for said in learns(op, &visitor, "openid roles").await {
        assert_eq!((said.get("managed"), said.get("role")), (None, None), "{said}");
    }
}

/// The same person is the same subject, of whom there is no account: nobody can look one up, change it, or find it in
/// the file.
#[tokio::test]
async fn they_are_not_kept() {
    let shared = shared().await;
    let (op, there) = (&shared.0, &shared.1);
    let mut subs = Vec::new();
    for _ in 0..2 {
        let visitor = there.met_by(op.visitor());
        let page = visitor.open(op.request(PORTAL.0, PORTAL_AT, &[])).await;
        let page = through(&visitor, &page, GRACE).await;
        let tokens = op.redeem(PORTAL, PORTAL_AT, &page).await;
        subs.push(claims(tokens["id_token"].as_str().unwrap())["sub"].clone());
    }
    assert_eq!(subs[0], subs[1]);
    let path = format!("/users/{}", subs[0].as_str().unwrap());
    for (method, body) in [
        (Method::GET, Value::Null),
        (Method::PATCH, json!({ "disabled": true })),
        (Method::DELETE, Value::Null),
    ] {
        let (status, said) = manages(op, method.clone(), &path, body).await;
        assert_eq!((status, &said["error"]), (404, &json!("not_found")), "{method}: {said}");
    }
    let file = Connection::open(op.server.data().join("people.db")).unwrap();
    for table in ["people", "changes"] {
        let sql = format!(
            "SELECT count(*) FROM {table} WHERE sub LIKE 'InternalAzureAD.%' \
             OR record LIKE '%upstream.example%'"
        );
        let rows: u32 = file.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    // Nor does their password count here.
    let visitor = op.visitor();
    let page = visitor.open(op.request(PORTAL.0, PORTAL_AT, &[])).await;
    for login in [GRACE.0, "grace@upstream.example", subs[0].as_str().unwrap()] {
        let values = [("login", login), ("password", GRACE.1)];
        let page = visitor.submit(&page, "submit", &values).await;
        assert!(!page.is_answer() && page.body.contains("is not right"), "{login}: {page:?}");
    }
}

/// Pages name them as the upstream provider does, beside people whose accounts are here.
#[tokio::test]
async fn pages_name_them() {
    let shared = shared().await;
    let (op, there) = (&shared.0, &shared.1);
    let visitor = there.met_by(op.visitor());
    let page = visitor.open(op.request(GUEST.0, GUEST_AT, &[])).await;
    let consent = through(&visitor, &page, GRACE).await;
    assert!(consent.asks_consent(), "{consent:?}");
    says(&consent, GRACES);
    says(&consent, "grace@upstream.example");
    let page = visitor.submit(&consent, "submit", &[]).await;
    let tokens = op.redeem(GUEST, GUEST_AT, &page).await;
    let (_, said) = op.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(said["name"], "Grace <Hopper>", "{said}");
    for path in ["/", "/apps"] {
        says(&visitor.open(path).await, GRACES);
    }

    imports(op, "beside", BCRYPT).await;
    let page = visitor.open(op.request(PORTAL.0, PORTAL_AT, &[("prompt", "login")])).await;
    says(&page, GRACES);
    visitor.consent(page, ("beside", "password")).await.code();
    let more = [("prompt", "select_account")];
    let choice = visitor.open(op.request(PORTAL.0, PORTAL_AT, &more)).await;
    for name in [GRACES, "Ada Lovelace"] {
        assert_eq!(choice.body.matches(name).count(), 1, "{name}: {}", choice.body);
    }
}
