//! Signing out: at a client's wish (RP-Initiated Logout 1.0), and what other clients hear of it through the
//! browser (Front-Channel Logout 1.0).

mod conformance;
mod endpoint;
mod faults;
mod frames;
mod question;
mod races;

use oidc_op::Client;
use serde_json::json;

use crate::support::{Answer, Ask, Browser, Op, Setup, claims, client, redirect_uri};

/// Where `shop` wants people to come back to.
pub(crate) const OUT: &str = "https://shop.example/out";
pub(crate) const OUT_WITH_QUERY: &str = "https://shop.example/out?a=1";

/// A provider with clients that want to hear of sign-outs: `shop` by a frame with `iss` and `sid`, `news` by a
/// frame without, `mute` not at all.
pub(crate) fn setup() -> Setup {
    let mut setup = Setup::full();
    setup.clients.extend(clients());
    setup
}

fn clients() -> [Client; 3] {
    let with = |name: &str, members: serde_json::Value| {
        let mut all = json!({
            "response_types": ["code", "code id_token"],
            "grant_types": ["authorization_code", "implicit", "refresh_token"]
        });
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        client(name, false, &[&redirect_uri(name)], &all)
    };
    [
        with(
            "shop",
            json!({
                "client_name": "Shop",
                "post_logout_redirect_uris": [OUT, OUT_WITH_QUERY],
                "frontchannel_logout_uri": "https://shop.example/bye?x=%20y",
                "frontchannel_logout_session_required": true
            }),
        ),
        with("news", json!({"frontchannel_logout_uri": "https://news.example/bye"})),
        with("mute", json!({"post_logout_redirect_uris": ["https://mute.example/out"]})),
    ]
}

/// Signs in at a client, if nobody is signed in, and answers its ID token.
pub(crate) async fn id_token(browser: &mut Browser, client: &str, who: &str) -> String {
    let ask = Ask::of(client, "code id_token");
    browser.ask(&ask, who).await.get("id_token").to_owned()
}

/// The `sid` of an ID token.
pub(crate) fn sid(id_token: &str) -> String {
    claims(id_token)["sid"].as_str().unwrap().to_owned()
}

/// Whether nobody is signed in: `prompt=none` fails.
pub(crate) async fn is_signed_out(browser: &mut Browser) -> bool {
    let ask = Ask::of("shop", "code").with("prompt", "none");
    let sent = browser.quiet(&ask).await;
    sent.parameters.get("error").is_some_and(|error| error == "login_required")
}

/// Where a page goes on by itself, and its frames, as a parser of HTML finds them.
pub(crate) fn going_on(answer: &Answer) -> (Option<String>, Vec<String>) {
    let html = answer.html();
    let unescape = |text: &str| text.replace("&quot;", "\"").replace("&amp;", "&");
    let until_quote = |rest: &str| unescape(rest.split('"').next().unwrap());
    let frames = html.split("<iframe ").skip(1).map(|rest| {
        let (attributes, _) = rest.split_once('>').unwrap();
        until_quote(attributes.split_once("src=\"").unwrap().1)
    });
    let to = html.split_once("id=\"continue\" href=\"").map(|(_, rest)| until_quote(rest));
    (to.filter(|_| html.contains("<script>")), frames.collect())
}

/// A page of ours: nobody may frame, cache or sniff it, and it may load what it says.
#[track_caller]
pub(crate) fn is_protected(answer: &Answer) {
    let header = |name: &str| answer.header(name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("x-frame-options"), "DENY");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "no-referrer");
    let policy = header("content-security-policy");
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(directive), "{directive} in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
}

/// A provider, and Alice signed in at `shop`, with her ID token.
async fn signed_in() -> (Op, Browser, String) {
    let op = setup().build();
    let mut browser = Browser::new(&op);
    let hint = id_token(&mut browser, "shop", crate::support::ALICE).await;
    op.recorder.take();
    (op, browser, hint)
}
