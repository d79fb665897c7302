//! The threat catalogue: each row that concerns what exists is a test named by its id. Rows that
//! need a real server or browser are in `blackbox`.

mod authorization;
mod back_channel_logout;
mod client_assertions;
mod client_authentication;
mod codes;
mod cookies;
mod grants;
mod hints;
mod http;
mod introspection;
mod jose;
mod keys_in_time;
mod logout;
mod narrowing;
#[cfg(feature = "fetch")]
mod outbound;
mod pages;
mod pkce;
mod realms;
mod redirect_uri;
mod refresh_tokens;
mod registration;
mod reliability;
mod request_objects;
mod secrets;
mod tokens;

use crate::support::{ALICE, Answer, Browser, Op};

/// The request ends on a page of the provider's own, before and after the person has signed in.
async fn is_page400(op: &Op, request: &[(&str, &str)], what: &str) {
    let mut signed_in = Browser::new(op);
    signed_in.sign_in(ALICE).await;
    for browser in [&mut Browser::new(op), &mut signed_in] {
        let answer = browser.authorize(request).await;
        let Answer::Reply(reply) = &answer else { panic!("{what}: {answer:?}") };
        assert_eq!(reply.status, 400, "{what}");
        assert_eq!(reply.header("location"), None, "{what}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
    }
}

/// The request ends at the client with this error, its `state` and `iss`.
async fn is_redirect(op: &Op, request: &[(&str, &str)], error: &str, what: &str) {
    let answer = Browser::new(op).authorize(request).await;
    let Answer::Reply(_) = &answer else { panic!("{what}: {answer:?}") };
    let (_, parameters) = answer.redirect();
    assert_eq!(parameters.get("error").map(String::as_str), Some(error), "{what}");
    assert_eq!(parameters.get("iss").map(String::as_str), Some("https://id.example"), "{what}");
    let state = request.iter().find(|(name, _)| *name == "state").map(|(_, value)| *value);
    assert_eq!(parameters.get("state").map(String::as_str), state, "{what}");
}
