//! The tables of authorization requests, a row for each response type.

use std::collections::BTreeSet;

use super::{APP, APP_AT, MIA, agree_once, start, suite};
use crate::blackbox::{
    deployments::Deployment,
    party::CHALLENGE,
    visitor::{Page, Visitor},
};
use crate::support::claims;

/// A response type, and what comes in an answer to it besides `state` and `iss`.
struct Row {
    response_type: &'static str,
    comes: &'static [&'static str],
}

const ROWS: [Row; 7] = [
    Row { response_type: "code", comes: &["code"] },
    Row { response_type: "id_token", comes: &["id_token"] },
    Row {
        response_type: "id_token token",
        comes: &["id_token", "access_token", "token_type", "expires_in", "scope"],
    },
    Row { response_type: "code id_token", comes: &["code", "id_token"] },
    Row {
        response_type: "code token",
        comes: &["code", "access_token", "token_type", "expires_in", "scope"],
    },
    Row {
        response_type: "code id_token token",
        comes: &["code", "id_token", "access_token", "token_type", "expires_in", "scope"],
    },
    Row { response_type: "token", comes: &["access_token", "token_type", "expires_in", "scope"] },
];

impl Row {
    fn has(&self, part: &str) -> bool {
        self.comes.contains(&part)
    }

    /// Where the answer is: what is none comes in the query, as an answer with a code alone does.
    fn in_fragment(&self) -> bool {
        self.response_type != "code"
    }

    /// What the table demands, and recommends.
    fn request(&self) -> Vec<(&'static str, &'static str)> {
        let mut pairs = vec![("response_type", self.response_type), ("scope", "openid email")];
        if !self.has("code") {
            pairs.extend([("code_challenge", ""), ("code_challenge_method", "")]);
        }
        pairs
    }

    /// The same with some that are otherwise; an empty one is not sent.
    fn but(&self, changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
        let mut pairs = self.request();
        pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        pairs.extend(changes);
        pairs
    }

    #[track_caller]
    fn read(&self, page: &Page, state: Option<&str>) {
        let answer = page.answer();
        let names: BTreeSet<_> = answer.keys().map(String::as_str).collect();
        let around = state.map(|_| "state").into_iter().chain(["iss"]);
        let expected: BTreeSet<_> = self.comes.iter().copied().chain(around).collect();
        assert_eq!(names, expected, "{}", self.response_type);
        assert_eq!(answer.get("state").map(String::as_str), state, "{}", self.response_type);
        let location = page.location().unwrap();
        assert_eq!(location.fragment().is_some(), self.in_fragment(), "{location}");
        assert!(location.as_str().starts_with(APP_AT), "{location}");
    }
}

/// Somebody who is signed in and has agreed for good.
async fn mia(suite: &Deployment) -> Visitor {
    let visitor = suite.visitor();
    let more = [("scope", "openid email"), ("prompt", "consent")];
    let page = visitor.open(suite.request(APP.0, APP_AT, &more)).await;
    let page = visitor.submit(&page, "submit", &[("login", MIA.0), ("password", MIA.1)]).await;
    assert!(page.asks_consent(), "{page:?}");
    let page = visitor.submit(&page, "submit", &[("remember", "yes")]).await;
    assert!(page.is_answer(), "{page:?}");
    visitor
}

/// A request with nothing but what must be there, sent by somebody who is not signed in, leads to the sign-in,
/// the consent and the answer.
#[tokio::test]
async fn what_is_demanded_is_enough() {
    let suite = start().await;
    for row in ROWS {
        for state in [Some("af0ifjsldkj"), None] {
            let bare = [("code_challenge", ""), ("code_challenge_method", "")];
            let nonce = ("nonce", if row.has("id_token") { "n-0S6_WzA2Mj" } else { "" });
            let changes = [bare[0], bare[1], nonce, ("state", state.unwrap_or_default())];
            let visitor = suite.visitor();
            let page = visitor.open(suite.request(APP.0, APP_AT, &row.but(&changes))).await;
            assert!(page.asks_password(), "{}: {page:?}", row.response_type);
            let page =
                visitor.submit(&page, "submit", &[("login", MIA.0), ("password", MIA.1)]).await;
            assert!(page.asks_consent(), "{}: {page:?}", row.response_type);
            let page = agree_once(&visitor, &page).await;
            row.read(&page, state);
            if let Some(id_token) = page.answer().get("id_token") {
                let said = claims(id_token);
                assert_eq!(said["nonce"], "n-0S6_WzA2Mj", "{}", row.response_type);
                assert_eq!(said["sub"], "mia-77");
                assert_eq!(said.get("at_hash").is_some(), row.has("access_token"));
                assert_eq!(said.get("c_hash").is_some(), row.has("code"));
            }
        }
    }
}

/// Without a way back the person hears of it; with one, the client does, and gets its `state`.
#[tokio::test]
async fn what_is_missing_is_named() {
    let suite = suite().await;
    let visitor = mia(&suite).await;
    for row in ROWS {
        for (missing, code) in
            [("client_id", "client_id_missing"), ("redirect_uri", "redirect_uri_missing")]
        {
            let request = suite.request(APP.0, APP_AT, &row.but(&[(missing, "")]));
            let page = visitor.open(request).await;
            assert_eq!(page.status, 400, "{}, {missing}", row.response_type);
            assert!(
                !page.is_answer() && page.body.contains(code),
                "{}: {page:?}",
                row.response_type
            );
        }
        let id_token = row.has("id_token");
        for (missing, error) in [
            ("response_type", "invalid_request"),
            ("scope", "invalid_scope"),
            ("nonce", if id_token { "invalid_request" } else { "" }),
        ] {
            for state in [Some("af0ifjsldkj"), None] {
                let changes = [(missing, ""), ("state", state.unwrap_or_default())];
                let request = suite.request(APP.0, APP_AT, &row.but(&changes));
                let page = visitor.open(request).await;
                if error.is_empty() {
                    row.read(&page, state);
                    continue;
                }
                let answer = page.answer();
                let what = format!("{}, {missing}: {answer:?}", row.response_type);
                assert_eq!(answer["error"], error, "{what}");
                assert!(answer["error_description"].contains(missing), "{what}");
                assert_eq!(answer.get("state").map(String::as_str), state, "{what}");
                // Without the type nobody knows where the answer belongs; the query is the rule then.
                let in_fragment = missing != "response_type" && row.in_fragment();
                let location = page.location().unwrap();
                assert_eq!(location.fragment().is_some(), in_fragment, "{what}");
            }
        }
        // An ID token is only for a request of OpenID Connect.
        let request =
            suite.request(APP.0, APP_AT, &row.but(&[("scope", "email"), ("prompt", "none")]));
        let answer = visitor.open(request).await.answer();
        let error = answer.get("error").map(String::as_str);
        assert_eq!(error, id_token.then_some("invalid_scope"), "{}: {answer:?}", row.response_type);
    }
}

/// Each optional parameter of OpenID Connect Core §3.1.2.1 alone, to a type that takes it and with one that
/// makes no sense.
#[tokio::test]
async fn what_is_optional_may_be_there() {
    let suite = suite().await;
    let visitor = mia(&suite).await;
    let page =
        suite.answered(&visitor, &[("response_type", "id_token"), ("scope", "openid")]).await;
    let hint: &'static str = page.answer()["id_token"].clone().leak();
    for row in ROWS {
        for optional in [
            ("response_mode", if row.in_fragment() { "fragment" } else { "query" }),
            ("display", "touch"),
            ("display", "hologram"),
            ("prompt", "none"),
            ("max_age", "3600"),
            ("ui_locales", "de-CH en"),
            ("claims_locales", "ja"),
            ("id_token_hint", hint),
            ("login_hint", "mia@mobile.example"),
            ("acr_values", "urn:mobile:something"),
            ("login_otp_of_another_service", "1234"),
            ("nonce", "another-nonce"),
        ] {
            let request = suite.request(APP.0, APP_AT, &row.but(&[optional]));
            let page = visitor.open(request).await;
            row.read(&page, Some("xyz"));
        }
        if row.has("code") {
            let changes = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
            let request = suite.request(APP.0, APP_AT, &row.but(&changes));
            row.read(&visitor.open(request).await, Some("xyz"));
        }
        let page = suite.request(APP.0, APP_AT, &row.but(&[("response_mode", "form_post")]));
        let page = visitor.open(page).await;
        assert!(!page.is_answer() && page.body.contains(APP_AT), "{}: {page:?}", row.response_type);
        for part in ["code", "id_token", "access_token", "state"] {
            let there = page.body.contains(&format!("name=\"{part}\""));
            assert_eq!(there, part == "state" || row.has(part), "{}: {part}", row.response_type);
        }
        for prompt in ["login", "consent", "select_account"] {
            let request = suite.request(APP.0, APP_AT, &row.but(&[("prompt", prompt)]));
            let page = visitor.open(request).await;
            let asks = (page.asks_password(), page.asks_consent());
            let expected = (prompt == "login", prompt == "consent");
            assert!(!page.is_answer() && asks == expected, "{}: {prompt}", row.response_type);
        }
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let suite = suite().await;
    let visitor = mia(&suite).await;
    for row in ROWS {
        for (wrong, error) in [
            (("response_mode", "pigeon"), "invalid_request"),
            (("response_mode", "query"), if row.in_fragment() { "invalid_request" } else { "" }),
            (("prompt", "none login"), "invalid_request"),
            (("prompt", "create"), "invalid_request"),
            (("max_age", "-1"), "invalid_request"),
            (("max_age", "soon"), "invalid_request"),
            (("id_token_hint", "no.id.token"), "invalid_request"),
            (("claims", "no JSON"), "invalid_request"),
            (("resource", "https://elsewhere.example/"), "invalid_target"),
            (("registration", "{}"), "registration_not_supported"),
            (("request_uri", "https://app.mobile.example/r"), "request_uri_not_supported"),
        ] {
            let request = suite.request(APP.0, APP_AT, &row.but(&[wrong]));
            let page = visitor.open(request).await;
            if error.is_empty() {
                row.read(&page, Some("xyz"));
                continue;
            }
            let answer = page.answer();
            let what = format!("{}, {wrong:?}: {answer:?}", row.response_type);
            assert_eq!(
                (answer["error"].as_str(), answer["state"].as_str()),
                (error, "xyz"),
                "{what}"
            );
        }
        let request = suite.request(APP.0, APP_AT, &row.request());
        let page = visitor.open(format!("{request}&scope=openid")).await;
        assert_eq!(page.answer()["error"], "invalid_request", "{}", row.response_type);
        for wrong in [
            "https://app.mobile.example/cb/",
            "http://localhost/other",
            "http://app.mobile.example/cb",
        ] {
            let page = visitor.open(suite.request(APP.0, wrong, &row.request())).await;
            assert!(!page.is_answer() && page.status == 400, "{}: {page:?}", row.response_type);
        }
    }
}

/// An eighth type is known to the library, and is none here.
#[tokio::test]
async fn there_are_seven_types() {
    let suite = suite().await;
    let visitor = mia(&suite).await;
    for response_type in ["none", "code none", "password", "CODE", "code code"] {
        let more = [("response_type", response_type)];
        let page = visitor.open(suite.request(APP.0, APP_AT, &more)).await;
        let answer = page.answer();
        assert_eq!(answer["error"], "unsupported_response_type", "{response_type}");
    }
    // A set has no order.
    let more = [("response_type", "token id_token code"), ("scope", "openid email")];
    let page = visitor.open(suite.request(APP.0, APP_AT, &more)).await;
    assert!(page.answer().contains_key("id_token"));
}
