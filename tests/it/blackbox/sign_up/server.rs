//! What the server is told, and what it forgets.

use reqwest::{Method, StatusCode, Url};

use super::{
    PASSWORD, VERIFIED, code, codes, enter, fill_in, filled, form, problem, userinfo, verifying,
};
use crate::blackbox::{
    fixture::FIRST_PARTY,
    party::{self, authorize},
    server::{Server, Setup, refuse},
    visitor::Visitor,
};

/// A restart forgets sign-ups, and says so; the request of the client is still there.
#[tokio::test]
async fn a_restart_in_between() {
    let setup = Setup { name: "sign-up-before", sign_up: VERIFIED, ..Setup::default() };
    let server = Server::start(setup);
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let waiting = fill_in(&visitor, &page, "anna", "").await;
    let old = code(&server, &waiting);
    // Meanwhile the visitor sees that its connections are closed.
    let server = tokio::task::spawn_blocking(move || server.restarted("sign-up-after"));
    let server = server.await.unwrap();
    for lost in [
        enter(&visitor, &waiting, &old).await,
        visitor.submit(&waiting, "again", &[]).await,
        visitor.open(waiting.url.as_str()).await,
    ] {
        assert!(problem(&lost).contains("Start again"), "{}", problem(&lost));
        assert!(lost.body.contains("name=\"again\""), "{}", lost.body);
    }
    let lost = visitor.open(waiting.url.as_str()).await;
    let waiting = fill_in(&visitor, &lost, "anna", "").await;
    let answer = enter(&visitor, &waiting, &code(&server, &waiting)).await;
    assert!(answer.answer().contains_key("code"));
}

/// The form says what is wrong with it, next to where it is.
#[tokio::test]
async fn a_form_that_is_not_right() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let right = filled("bea", "bea@bea.example", "");
    for (field, value, says) in [
        ("name", " ", "name"),
        ("username", "b", "user name"),
        ("password", "short", "8 characters"),
        ("again", "another password", "not the same"),
        ("email", "", "e-mail"),
        ("email", "bea", "e-mail"),
        ("phone", "bea", "phone"),
    ] {
        let fields = right.map(|(n, v)| (n, if n == field { value } else { v }));
        let refused = visitor.submit(&page, "submit", &fields).await;
        assert_eq!(refused.status, StatusCode::OK);
        assert!(problem(&refused).contains(says), "{field}: {}", problem(&refused));
        let input = refused.body.split(&format!("<input id=\"{field}\"")).nth(1).unwrap();
        let input = input.split('>').next().unwrap();
        assert!(input.contains("aria-invalid=\"true\"") && input.contains("autofocus"), "{input}");
        assert!(!refused.body.contains(PASSWORD), "{field}");
    }
    assert_eq!(codes(&server, "b…@bea.example"), [""; 0]);
    let cancelled = visitor.submit(&page, "cancel", &[]).await;
    assert_eq!(cancelled.answer()["error"], "access_denied");
}

/// What is not configured is not there: neither the fields, nor the page, nor its forms.
#[tokio::test]
async fn as_much_as_is_configured() {
    let bare = "enabled = true\nemail = \"no\"\n";
    let server = Server::start(Setup { name: "sign-up-bare", sign_up: bare, ..Setup::default() });
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    assert!(!page.body.contains("name=\"email\"") && !page.body.contains("name=\"phone\""));
    let answer = fill_in(&visitor, &page, "carl", "+1 555 0181").await;
    let said = userinfo(&server, &answer).await;
    assert_eq!(said["preferred_username"], "carl");
    assert!(said.get("email").is_none() && said.get("phone_number").is_none(), "{said}");

    let off = "enabled = false\n";
    let server = Server::start(Setup { name: "sign-up-off", sign_up: off, ..Setup::default() });
    let visitor = Visitor::new(&server);
    let login = visitor.open(authorize(FIRST_PARTY, &[])).await;
    assert!(!login.body.contains("?page=create"), "{}", login.body);
    for action in ["create", "verify", "send-again"] {
        let (url, _) = login.filled_in("submit", &[]);
        let body = party::form(
            &[&filled("dora", "dora@example.net", "")[..], &[("action", action)]].concat(),
        );
        let answer = visitor.post(url.clone(), body, &[("sec-fetch-site", "same-origin")]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{action}: {answer:?}");
        let page = visitor.send(Method::GET, with_page(url, action), None, &[]).await;
        assert!(!page.body.contains("name=\"again\"") && !page.body.contains("id=\"sent-to\""));
    }
}

fn with_page(mut url: Url, page: &str) -> Url {
    url.set_query(Some(&format!("page={page}")));
    url
}

/// A server that would verify without a way to send codes does not start, and says why in a line.
#[test]
fn no_verification_without_a_delivery() {
    let config = "issuer = \"http://localhost:1\"\nlisten = \"127.0.0.1:0\"\ndata = \"{data}\"\n\
                  [sign_up]\nenabled = true\nverify = [\"email\"]\n";
    let (code, said) = refuse(config);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("sign_up.verify") && said.contains("sign_up.delivery"), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
}
