//! Two issuers, one process, one store: nothing of the one counts at the other one. Whoever is asked has the same
//! name there, and the same `sub`; the client has the same name and the same redirect URI.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ADMIN_TOOL, CONSOLE, CONSOLE_AT, Confidential, Deployment, OPERATOR, SITE, SITE_AT, Stack,
    form, is_error, manages, party, sent,
};
use crate::blackbox::visitor::{Page, Visitor};

const ERIN: (&str, &str) = ("erin", "erins-password");
const ERIN_OF_THE_STAFF: (&str, &str) = ("erin", "another-password");

/// A client as it is at one of the two.
#[derive(Clone, Copy)]
struct At<'s> {
    op: &'s Deployment,
    client: Confidential<'s>,
    redirect_uri: &'s str,
}

impl At<'_> {
    fn asks(&self, more: &[(&str, &str)]) -> String {
        self.asks_for("openid profile email offline_access", more)
    }

    fn asks_for(&self, scope: &str, more: &[(&str, &str)]) -> String {
        let all = [&[("scope", scope)], more].concat();
        self.op.request(self.client.0, self.redirect_uri, &all)
    }

    /// An answer without a page: whether somebody is signed in.
    async fn knows(&self, visitor: &Visitor) -> bool {
        let page = visitor.open(self.asks_for("openid", &[("prompt", "none")])).await;
        let answer = page.answer();
        match answer.get("error").map(String::as_str) {
            None | Some("consent_required") => true,
            Some("login_required") => false,
            Some(error) => panic!("{error}"),
        }
    }

    async fn sign_in(&self, visitor: &Visitor, who: (&str, &str)) -> Page {
        let page = visitor.open(self.asks(&[("prompt", "login consent")])).await;
        let page = visitor.consent(page, who).await;
        assert!(page.answer().contains_key("code"), "{page:?}");
        page
    }

    async fn tokens(&self, page: &Page) -> Held {
        let tokens = self.op.redeem(self.client, self.redirect_uri, page).await;
        let text = |member: &str| tokens[member].as_str().unwrap().to_owned();
        Held { access: text("access_token"), refresh: text("refresh_token"), id: text("id_token") }
    }

    async fn post(&self, member: &str, pairs: &[(&str, &str)]) -> (u16, Value) {
        self.op.post(member, self.client, pairs).await
    }

    /// Whether it is told that the token is good.
    async fn is_active(&self, token: &str) -> bool {
        let (status, said) = self.post("introspection_endpoint", &[("token", token)]).await;
        assert!(status == 200 && (said["active"] == true || said == json!({ "active": false })));
        said["active"] == true
    }
}

struct Held {
    access: String,
    refresh: String,
    id: String,
}

/// A client of this name at the other issuer too, of which it gets another secret.
async fn namesake(op: &Deployment, by: Confidential<'_>, name: &str, redirect_uri: &str) -> String {
    let client = json!({
        "client_id": name, "client_name": name, "redirect_uris": [redirect_uri],
        "post_logout_redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let (status, made) = manages(op, by, Method::POST, "/clients", Some(&client)).await;
    assert_eq!(status, 201, "{made}");
    made["client_secret"].as_str().unwrap().to_owned()
}

/// The answer to a code of the one at the other one, whatever else is right.
async fn takes_no_code(here: At<'_>, there: At<'_>, page: &Page) {
    let code = page.code();
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", here.redirect_uri),
        ("code_verifier", super::VERIFIER),
    ];
    let (status, said) = there.post("token_endpoint", &pairs).await;
    assert_eq!((status, &said["error"]), (400, &json!("invalid_grant")), "{said}");
}

/// Everything that somebody holds of the one, shown to the other one, which has never heard of it.
async fn takes_nothing(here: At<'_>, there: At<'_>, visitor: &Visitor, held: &Held) {
    let to = there.op.issuer();
    assert_eq!(here.op.userinfo(&held.access).await.0, 200);
    assert_eq!(there.op.userinfo(&held.access).await.0, 401, "{to}");
    for token in [&held.access, &held.refresh] {
        assert!(here.is_active(token).await);
        assert!(!there.is_active(token).await, "{to}");
        let (status, said) = there.post("revocation_endpoint", &[("token", token)]).await;
        assert_eq!(status, 200, "{said}");
        assert!(here.is_active(token).await, "revoked at {to}");
    }
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", &*held.refresh)];
    let (status, said) = there.post("token_endpoint", &pairs).await;
    assert_eq!((status, &said["error"]), (400, &json!("invalid_grant")), "{to}: {said}");
    for path in ["/profile", "/manage/users/erin-1f0c", "/manage/clients"] {
        let url = format!("{to}{path}");
        let (status, said) = there.op.with_token(Method::GET, &url, &held.access, None).await;
        let there = if path == "/profile" && to.ends_with("/admins") { 404 } else { 401 };
        assert_eq!(status, there, "{url}: {said}");
    }
    // as a hint, and to sign out with
    let hinted = |at: &At<'_>| at.asks(&[("prompt", "none"), ("id_token_hint", &held.id)]);
    is_error(&visitor.open(hinted(&there)).await, "invalid_request");
    assert!(visitor.open(hinted(&here)).await.answer().contains_key("code"));
    let out = form(&[("id_token_hint", &held.id)]);
    let page = visitor.open(format!("{}?{out}", there.op.endpoint("end_session_endpoint"))).await;
    assert_eq!(page.status, 400, "{}", page.body);
    assert!(here.knows(visitor).await && there.knows(visitor).await, "both are as they were");
}

/// Whether this cookie alone makes somebody known.
async fn counts(at: At<'_>, name: &str, value: &str) -> bool {
    let url = at.asks_for("openid", &[("prompt", "none")]).parse().unwrap();
    let cookie = format!("{name}={value}");
    let page = at.op.visitor().send(Method::GET, url, None, &[("cookie", &cookie)]).await;
    page.answer().get("error").is_none_or(|error| error != "login_required")
}

/// A browser sends the cookies of both to both, for they are one host's. Each knows its own by name, and the other
/// one's is worth nothing under that name either.
async fn take_no_cookie(people: At<'_>, admins: At<'_>, visitor: &Visitor) {
    let cookies = visitor.cookies();
    let pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
    let mut sessions: Vec<_> = pairs.filter(|(name, _)| name.starts_with("op_session")).collect();
    assert_eq!(sessions.len(), 2, "{cookies}");
    if !counts(people, sessions[0].0, sessions[0].1).await {
        sessions.reverse();
    }
    let [(name, value), (other, others)] = sessions[..] else { unreachable!("they are two") };
    for (cookie, content, here, there) in [
        (name, value, true, false),
        (other, others, false, true),
        (name, others, false, false),
        (other, value, false, false),
    ] {
        let known = (counts(people, cookie, content).await, counts(admins, cookie, content).await);
        assert_eq!(known, (here, there), "{cookie}");
    }
}

/// A form that the one has begun is none of the other's.
async fn takes_no_interaction(here: At<'_>, there: At<'_>, password: &str) {
    let visitor = here.op.visitor().knows(there.op.issuer(), "");
    let page = visitor.open(here.asks(&[])).await;
    assert!(page.asks_password(), "{page:?}");
    let (url, body) = page.filled_in("submit", &[("login", ERIN.0), ("password", password)]);
    let elsewhere = url.as_str().replacen(here.op.issuer(), there.op.issuer(), 1);
    assert_ne!(elsewhere, url.as_str());
    let opened = visitor.open(&elsewhere).await;
    assert_eq!(opened.status, 400, "{}", opened.body);
    let headers = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    let sent = visitor.post(elsewhere.parse().unwrap(), body.clone(), &headers).await;
    assert!(matches!(sent.status.as_u16(), 400 | 403) && !sent.is_answer(), "{}", sent.body);
    assert!(!there.knows(&visitor).await && !here.knows(&visitor).await);
}

/// Whoever administers the one has nothing to say at the other one, neither by a secret nor by a token.
async fn takes_no_administrator(
    here: &Deployment,
    own: Confidential<'_>,
    there: &Deployment,
    others: Confidential<'_>,
) {
    let path = "/users/erin-1f0c";
    assert_eq!(manages(here, own, Method::GET, path, None).await.0, 200);
    assert_eq!(manages(there, own, Method::GET, path, None).await.0, 401);
    let resource = format!("{}/manage", here.issuer());
    let pairs = [("grant_type", "client_credentials"), ("resource", &*resource)];
    let (status, tokens) = here.post("token_endpoint", own, &pairs).await;
    assert_eq!(status, 200, "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();
    let url = |op: &Deployment| format!("{}/manage{path}", op.issuer());
    assert_eq!(here.with_token(Method::GET, &url(here), token, None).await.0, 200);
    assert_eq!(there.with_token(Method::GET, &url(there), token, None).await.0, 401);
    let change = json!({ "disabled": true });
    let said = there.with_token(Method::PATCH, &url(there), token, Some(&change)).await;
    assert_eq!(said.0, 401, "{}", said.1);
    let (status, said) = there.post("token_endpoint", others, &pairs).await;
    assert_eq!((status, &said["error"]), (400, &json!("invalid_target")), "{said}");
    let (status, said) = there.post("token_endpoint", own, &pairs).await;
    assert_eq!((status, &said["error"]), (401, &json!("invalid_client")), "{said}");
}

/// The people's and the staff's, in one browser: what each has given out is shown to the other one; then once more
/// after a restart. At last the one signs out, and the other one does not notice.
#[tokio::test]
async fn nothing_crosses() {
    let mut stack = Stack::start().await;
    let console = namesake(&stack.people, OPERATOR, CONSOLE.0, CONSOLE_AT).await;
    let site = namesake(&stack.admins, ADMIN_TOOL, SITE.0, SITE_AT).await;
    let visitor = stack.visitor();
    let mut first = None;
    for round in ["app-stack-again", "app-stack-once-more"] {
        let people = At { op: &stack.people, client: SITE, redirect_uri: SITE_AT };
        let admins = At { op: &stack.admins, client: CONSOLE, redirect_uri: CONSOLE_AT };
        let sites = At { op: &stack.admins, client: Confidential(SITE.0, &site), ..people };
        let consoles =
            At { op: &stack.people, client: Confidential(CONSOLE.0, &console), ..admins };
        if first.is_none() {
            // the one's password is none of the other's, nor is the one's sign-in
            let page = people.sign_in(&visitor, ERIN).await;
            takes_no_code(people, sites, &page).await;
            assert!(people.knows(&visitor).await && !admins.knows(&visitor).await);
            let page_there = visitor.open(admins.asks(&[])).await;
            assert!(page_there.asks_password(), "{page_there:?}");
            let with = [("login", ERIN.0), ("password", ERIN.1)];
            let refused = visitor.submit(&page_there, "submit", &with).await;
            assert!(refused.body.contains("is not right"), "{}", refused.body);
            assert!(!admins.knows(&visitor).await);
            let page_there = admins.sign_in(&visitor, ERIN_OF_THE_STAFF).await;
            takes_no_code(admins, consoles, &page_there).await;
            first = Some((people.tokens(&page).await, admins.tokens(&page_there).await));
        }
        assert!(people.knows(&visitor).await && admins.knows(&visitor).await, "{round}");
        let (of_people, of_admins) = first.as_ref().unwrap();
        takes_nothing(people, sites, &visitor, of_people).await;
        takes_nothing(admins, consoles, &visitor, of_admins).await;
        take_no_cookie(people, admins, &visitor).await;
        takes_no_interaction(people, admins, ERIN.1).await;
        takes_no_interaction(admins, people, ERIN_OF_THE_STAFF.1).await;
        takes_no_administrator(people.op, OPERATOR, admins.op, ADMIN_TOOL).await;
        takes_no_administrator(admins.op, ADMIN_TOOL, people.op, OPERATOR).await;
        stack = stack.restarted(round).await;
    }

    let people = At { op: &stack.people, client: SITE, redirect_uri: SITE_AT };
    let admins = At { op: &stack.admins, client: CONSOLE, redirect_uri: CONSOLE_AT };
    let (of_people, of_admins) = first.unwrap();
    let out = |at: &At<'_>, token: &str, bye: &str| {
        let request = form(&[("id_token_hint", token), ("post_logout_redirect_uri", bye)]);
        format!("{}?{request}", at.op.endpoint("end_session_endpoint"))
    };
    let bye = "https://www.app-stack.example/bye";
    let page = visitor.open(out(&people, &of_people.id, bye)).await;
    assert!(page.status == 200 || page.is_answer(), "{page:?}");
    assert!(!people.knows(&visitor).await && admins.knows(&visitor).await);
    people.sign_in(&visitor, ERIN).await;
    let bye = "https://console.app-stack.example/bye";
    let page = visitor.open(out(&admins, &of_admins.id, bye)).await;
    assert!(page.status == 200 || page.is_answer(), "{page:?}");
    assert!(people.knows(&visitor).await && !admins.knows(&visitor).await);

    // Whoever is shut out at the one is as welcome as ever at the other one.
    admins.sign_in(&visitor, ERIN_OF_THE_STAFF).await;
    let shut = json!({ "disabled": true });
    let at = "/users/erin-1f0c";
    let (status, said) = manages(people.op, OPERATOR, Method::PATCH, at, Some(&shut)).await;
    assert_eq!(status, 200, "{said}");
    assert!(!people.knows(&visitor).await && admins.knows(&visitor).await);
    let (status, made) = manages(
        people.op,
        OPERATOR,
        Method::POST,
        "/users",
        Some(&json!({ "username": "pia", "password": "a password of hers" })),
    )
    .await;
    assert_eq!(status, 201, "{made}");
    let url = format!("/users/{}", made["sub"].as_str().unwrap());
    assert_eq!(manages(people.op, OPERATOR, Method::GET, &url, None).await.0, 200);
    assert_eq!(manages(admins.op, ADMIN_TOOL, Method::GET, &url, None).await.0, 404);
    let nobody = stack.visitor();
    let page = nobody.open(admins.asks(&[])).await;
    let with = [("login", "pia"), ("password", "a password of hers")];
    let page = nobody.submit(&page, "submit", &with).await;
    assert!(page.body.contains("is not right"), "{}", page.body);
    let (status, health) =
        sent(party::http().get(format!("http://localhost:{}/health", stack.people.server.port)))
            .await;
    assert_eq!((status, health), (200, json!("ok\n")));
}
