//! The authorization code flow, as the sequence diagram of RFC 6749 §4.1 and OIDC Core §3.1 tells
//! it.

use oidc_op::{Need, Scope, What};
use serde_json::json;

use crate::support::{ALICE, Browser, Op, claims, header};

/// OIDC Core §3.1: sign in, agree, redeem, ask who it is.
#[tokio::test]
async fn a_person_signs_in_to_a_client() {
    let op = Op::new();
    let mut browser = Browser::new(&op);

    // (A) the client sends the browser, and the person has to sign in
    let answer = browser.authorize(&Op::request()).await;
    let page = answer.page();
    assert_eq!(page.need, Need::Login);
    assert_eq!(page.client.name(), "Basic");
    assert_eq!(page.return_host, "client.example");
    assert_eq!(page.subject, None);

    // (B) they do, and are asked what the client may have
    let answer = browser.login(&page.token.clone(), ALICE).await;
    let page = answer.page();
    assert_eq!(page.need, Need::Consent);
    assert_eq!(page.scope.to_string(), "openid profile email");
    assert_eq!(page.subject.as_ref().unwrap().as_str(), ALICE);

    // (C) they agree, and go back with a code
    let answer = browser.agree(&page.token.clone(), &page.scope.clone(), true).await;
    let (to, parameters) = answer.redirect();
    assert_eq!(to, "https://client.example/cb");
    assert_eq!(parameters.keys().collect::<Vec<_>>(), ["code", "iss", "state"]);
    assert_eq!(parameters["state"], "af0ifjsldkj");
    assert_eq!(parameters["iss"], "https://id.example", "RFC 9207 §2");

    // (D) the client redeems it
    let answer = op.redeem(&parameters["code"]).await;
    assert_eq!(answer.status(), 200, "{:?}", answer.json());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let json = answer.json();
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!(json["expires_in"], 600);
    assert_eq!(json["scope"], "openid profile email");

    // (E) and knows who it is
    let id_token = answer.member("id_token");
    assert_eq!(header(&id_token)["alg"], "RS256");
    let id = claims(&id_token);
    assert_eq!(id["iss"], "https://id.example");
    assert_eq!(id["sub"], ALICE);
    assert_eq!(id["aud"], "conf-basic");
    assert_eq!(id["nonce"], "n-0S6_WzA2Mj");
    assert_eq!(id["auth_time"], id["iat"]);
    assert_eq!(id["exp"].as_i64().unwrap() - id["iat"].as_i64().unwrap(), 600);
    assert!(id["at_hash"].is_string() && id["sid"].is_string());
    assert_eq!(id.get("email"), None, "claims of scopes belong to UserInfo (Core §5.4)");

    let userinfo = op.userinfo(&answer.member("access_token")).await;
    assert_eq!(userinfo.status(), 200);
    assert_eq!(
        userinfo.json(),
        json!({
            "sub": ALICE, "name": ALICE, "given_name": ALICE, "family_name": "Example",
            "updated_at": 1_700_000_000, "email": "alice@example.org", "email_verified": true
        }),
        "what the scope asks for, and nothing else"
    );
    let happened: Vec<_> = op.recorder.take().into_iter().map(|(what, _)| what).collect();
    assert_eq!(happened, [What::SignedIn, What::Authorized, What::CodeRedeemed]);
}

/// Single sign-on: the second time nobody is asked anything, and the story stays the same.
#[tokio::test]
async fn the_second_time_nobody_is_asked() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let first = browser.code(&Op::request(), ALICE).await;
    let first = claims(&op.redeem(&first).await.member("id_token"));

    op.wait(100);
    let second = browser.authorize(&Op::request()).await.parameter("code");
    let second = claims(&op.redeem(&second).await.member("id_token"));
    assert_eq!(second["auth_time"], first["auth_time"]);
    assert_eq!(second["sid"], first["sid"]);
    assert_eq!(second["iat"].as_i64().unwrap() - first["iat"].as_i64().unwrap(), 100);

    // another client: the same session, another `sid`, and consent is its own
    let request = Op::request_with(&[
        ("client_id", "first-party"),
        ("redirect_uri", "https://first.example/cb"),
    ]);
    let third = browser.authorize(&request).await.parameter("code");
    let redemption = Op::redemption(&third)
        .map(|(n, v)| if n == "redirect_uri" { (n, "https://first.example/cb") } else { (n, v) });
    let answer = op.token("first-party", "first-party", &redemption).await;
    assert_ne!(claims(&answer.member("id_token"))["sid"], first["sid"], "TK-05");
}

/// Every client authentication method and ID token algorithm that is advertised works.
#[tokio::test]
async fn methods_and_algorithms() {
    let op = Op::new();
    for (client, uri, alg) in [
        ("conf-post", "https://post.example/cb", "RS256"),
        ("public-web", "https://public.example/cb", "RS256"),
        ("native-scheme", "com.example.app:/cb", "RS256"),
        ("native-loopback", "http://127.0.0.1:49152/cb", "RS256"),
        ("q-client", "https://c.example/cb?a=1&b=2", "RS256"),
        ("es256", "https://es256.example/cb", "ES256"),
        ("eddsa", "https://eddsa.example/cb", "EdDSA"),
    ] {
        let mut browser = Browser::new(&op);
        let request = Op::request_with(&[("client_id", client), ("redirect_uri", uri)]);
        let code = browser.code(&request, ALICE).await;
        let mut redemption = Op::redemption(&code).to_vec();
        redemption.retain(|(name, _)| *name != "redirect_uri");
        redemption.push(("redirect_uri", uri));
        let answer = match client {
            "conf-post" | "public-web" | "native-scheme" | "native-loopback" => {
                redemption.push(("client_id", client));
                if client == "conf-post" {
                    redemption.push(("client_secret", client));
                }
                op.post("/token", &crate::support::form(&redemption), &[]).await
            }
            _ => op.token(client, client, &redemption).await,
        };
        assert_eq!(answer.status(), 200, "{client}: {:?}", answer.json());
        assert_eq!(header(&answer.member("id_token"))["alg"], alg, "{client}");
    }
}

/// RFC 6749 §3.3: less is granted than was asked, and the answer says so.
#[tokio::test]
async fn less_scope_than_asked() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    let less = Scope::parse("email").unwrap();
    let code = browser.agree(&answer.page().token.clone(), &less, true).await.parameter("code");
    let answer = op.redeem(&code).await;
    assert_eq!(answer.json()["scope"], "openid email", "openid cannot be taken out");
    let userinfo = op.userinfo(&answer.member("access_token")).await.json();
    assert_eq!(
        (userinfo.get("name"), userinfo["email"].as_str()),
        (None, Some("alice@example.org"))
    );

    // what was refused is asked again
    let answer = browser.authorize(&Op::request()).await;
    assert_eq!(answer.page().need, Need::Consent);
}

/// OAuth 2.0 without OpenID Connect: no `openid`, no ID token, no UserInfo.
#[tokio::test]
async fn without_openid_there_is_no_id_token() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let code = browser.code(&Op::request_with(&[("scope", "email")]), ALICE).await;
    let answer = op.redeem(&code).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json().get("id_token"), None);
    let userinfo = op.userinfo(&answer.member("access_token")).await;
    assert_eq!((userinfo.status(), userinfo.error()), (403, "insufficient_scope".into()));
}

/// OIDC Core §3.1.2.1, §3.1.2.6: `prompt` and `max_age`, each in its own line.
#[tokio::test]
async fn prompts_and_ages() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let none = Op::request_with(&[("prompt", "none")]);
    assert_eq!(browser.authorize(&none).await.parameter("error"), "login_required");

    let answer = browser.authorize(&Op::request()).await;
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    let answer = browser.agree(&answer.page().token.clone(), &Scope::default(), false).await;
    answer.parameter("code");
    assert_eq!(browser.authorize(&none).await.parameter("error"), "consent_required");

    browser.code(&Op::request(), ALICE).await;
    browser.authorize(&none).await.parameter("code");

    op.wait(10);
    for (changes, need) in [
        (&[("prompt", "login")][..], Some(Need::Login)),
        (&[("prompt", "consent")], Some(Need::Consent)),
        (&[("prompt", "select_account")], Some(Need::SelectAccount)),
        (&[("prompt", "create")], Some(Need::CreateAccount)),
        (&[("prompt", "login consent")], Some(Need::Login)),
        (&[("max_age", "0")], Some(Need::Login)),
        (&[("max_age", "9")], Some(Need::Login)),
        (&[("max_age", "10")], None),
        (&[("max_age", "99999999999999999999")], None),
    ] {
        let answer = browser.clone().authorize(&Op::request_with(changes)).await;
        match need {
            Some(need) => assert_eq!(answer.page().need, need, "{changes:?}"),
            None => assert!(!answer.parameter("code").is_empty(), "{changes:?}"),
        }
        if need.is_some() && changes[0].0 == "max_age" {
            let quiet = [changes, &[("prompt", "none")]].concat();
            let answer = browser.authorize(&Op::request_with(&quiet)).await;
            assert_eq!(answer.parameter("error"), "login_required");
        }
    }

    // a new login satisfies `prompt=login` and moves `auth_time`
    let request = Op::request_with(&[("prompt", "login"), ("max_age", "0")]);
    let code = browser.code(&request, ALICE).await;
    let id = claims(&op.redeem(&code).await.member("id_token"));
    assert_eq!(id["auth_time"], id["iat"]);
}

/// RFC 6749 §4.1.2.1: the person refuses.
#[tokio::test]
async fn refusing_is_access_denied() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&Op::request()).await;
    let token = answer.page().token.clone();
    let (to, parameters) = browser.submit(&token, oidc_op::Verdict::Cancel).await.redirect();
    assert_eq!(to, "https://client.example/cb");
    assert_eq!(parameters["error"], "access_denied");
    assert_eq!(parameters["state"], "af0ifjsldkj");
    assert_eq!(parameters["iss"], "https://id.example");
}

/// Response modes: query, fragment, and the form that posts itself.
#[tokio::test]
async fn response_modes() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    let fragment = browser.authorize(&Op::request_with(&[("response_mode", "fragment")])).await;
    assert!(fragment.header("location").unwrap().starts_with("https://client.example/cb#code="));

    let posted = browser.authorize(&Op::request_with(&[("response_mode", "form_post")])).await;
    let body = String::from_utf8(posted.reply().body.clone()).unwrap();
    assert_eq!(posted.status(), 200);
    assert!(body.contains("method=\"post\" action=\"https://client.example/cb\""));
    assert!(body.contains("name=\"state\" value=\"af0ifjsldkj\""));
    assert!(body.contains("<button"), "it works without JavaScript");

    let quiet = [("response_mode", "form_post"), ("prompt", "none"), ("max_age", "0")];
    let error = browser.authorize(&Op::request_with(&quiet)).await;
    let body = String::from_utf8(error.reply().body.clone()).unwrap();
    assert!(body.contains("name=\"error\" value=\"login_required\""), "errors too");
}

/// RFC 8707: resources are kept, and a redemption may not name others.
#[tokio::test]
async fn resources_are_kept() {
    let op = Op::new();
    let mut browser = Browser::new(&op);
    let mut request = Op::request();
    request.extend([("resource", "https://a.example/"), ("resource", "https://b.example/")]);
    for (resource, status) in [("https://b.example/", 200), ("https://c.example/", 400)] {
        let code = browser.code(&request, ALICE).await;
        let mut redemption = Op::redemption(&code).to_vec();
        redemption.push(("resource", resource));
        let answer = op.token("conf-basic", "conf-basic", &redemption).await;
        assert_eq!(answer.status(), status, "{resource}");
        if status == 400 {
            assert_eq!(answer.error(), "invalid_target");
            assert_eq!(op.redeem(&code).await.status(), 200, "and nothing is lost");
        }
    }
}
