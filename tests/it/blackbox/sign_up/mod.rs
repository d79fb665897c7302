//! Creating an account, with codes that show whose an e-mail address and a phone number are. The codes
//! are where the demo has them: in the log.

mod others;
mod people;
mod server;

use std::sync::{Arc, Weak};

use serde_json::Value;

use super::{
    fixture::FIRST_PARTY,
    party::{self, authorize},
    server::{Server, Setup, Shared},
    visitor::{Page, Visitor},
};

/// What the demo asks for.
pub(crate) const VERIFIED: &str = "enabled = true\nphone = \"optional\"\n\
                                   verify = [\"email\", \"phone\"]\ndelivery = \"log\"\n";
/// The password of everybody who signs up.
pub(crate) const PASSWORD: &str = "a password of my own";

/// A server that verifies what people give. Tests share it, each with names, addresses and numbers of
/// its own.
pub(crate) fn verifying() -> Arc<Server> {
    static SHARED: Shared = Shared::new(Weak::new());
    let limits = "[limits]\nsign_ups = 1000\nlogin_failures_per_source = 1000\n";
    let setup = Setup { name: "sign-up", sign_up: VERIFIED, tables: limits, ..Setup::default() };
    Server::share(&SHARED, setup)
}

/// The page where an account is created.
pub(crate) async fn form(visitor: &Visitor) -> Page {
    let asked = [("prompt", "create"), ("scope", "openid profile email phone")];
    let page = visitor.open(authorize(FIRST_PARTY, &asked)).await;
    assert!(page.body.contains("name=\"again\""), "{page:?}");
    page
}

/// Fills it in, with an e-mail address that nobody else has.
pub(crate) async fn fill_in(visitor: &Visitor, page: &Page, username: &str, phone: &str) -> Page {
    let email = format!("{username}@{username}.example");
    visitor.submit(page, "submit", &filled(username, &email, phone)).await
}

/// The fields of the form.
pub(crate) fn filled<'f>(
    username: &'f str,
    email: &'f str,
    phone: &'f str,
) -> [(&'static str, &'f str); 6] {
    [
        ("name", "Nora Newcomer"),
        ("username", username),
        ("password", PASSWORD),
        ("again", PASSWORD),
        ("email", email),
        ("phone", phone),
    ]
}

/// Where the page says that a code was sent.
#[track_caller]
pub(crate) fn sent_to(page: &Page) -> &str {
    let rest = page.body.split("id=\"sent-to\"><bdi>").nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no code is awaited: {page:?}"));
    rest.split("</bdi>").next().unwrap()
}

/// All codes that were sent there, in order.
pub(crate) fn codes(server: &Server, to: &str) -> Vec<String> {
    let sent = format!("demo only: verification code for {to}: ");
    let log = server.log();
    let codes = log.lines().filter_map(|line| line.split_once(&sent)).map(|(_, code)| code);
    codes.map(str::to_owned).collect()
}

/// The last one, as the person of this page reads it.
#[track_caller]
pub(crate) fn code(server: &Server, page: &Page) -> String {
    let code = codes(server, sent_to(page)).pop();
    let code = code.unwrap_or_else(|| panic!("no code was sent: {}", server.log()));
    assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
    code
}

/// A code that is not this one.
pub(crate) fn another(code: &str, by: u32) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + by) % 1_000_000)
}

pub(crate) async fn enter(visitor: &Visitor, page: &Page, code: &str) -> Page {
    visitor.submit(page, "submit", &[("code", code)]).await
}

/// What the page says is wrong.
#[track_caller]
pub(crate) fn problem(page: &Page) -> &str {
    let rest = page.body.split("id=\"error\" role=\"alert\">").nth(1);
    let rest = rest.unwrap_or_else(|| panic!("nothing is wrong: {page:?}"));
    rest.split("</p>").next().unwrap()
}

/// What `UserInfo` says of who has come back with this answer.
async fn userinfo(server: &Server, answer: &Page) -> Value {
    let tokens = party::tokens(server, FIRST_PARTY, &answer.code()).await;
    let token = tokens["access_token"].as_str().unwrap();
    let answer = party::http().get(server.url("/userinfo")).bearer_auth(token).send().await;
    answer.unwrap().json().await.unwrap()
}

/// Somebody else's browser, and a password that is right if the account is there.
async fn has_account(server: &Server, username: &str) -> bool {
    let visitor = Visitor::new(server);
    let page = visitor.open(authorize(FIRST_PARTY, &[])).await;
    visitor
        .submit(&page, "submit", &[("login", username), ("password", PASSWORD)])
        .await
        .is_answer()
}
