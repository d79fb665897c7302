//! RU: redirect URI validation and open redirects. Registration is covered by the unit tests of
//! `RedirectUri` and `ClientMetadata`.

use oidc_op::{ClientMetadata, RedirectUri};

use super::{is_page400, is_redirect};
use crate::support::{ALICE, Browser, Op};

async fn refuses(client: &str, variants: &[&str]) {
    let op = Op::new();
    for uri in variants {
        let request = Op::request_with(&[("client_id", client), ("redirect_uri", uri)]);
        is_page400(&op, &request, uri).await;
    }
}

#[tokio::test]
async fn ru_01_userinfo_confusion() {
    refuses(
        "conf-basic",
        &[
            "https://client.example@evil.example/cb",
            "https://client.example:443@evil.example/cb",
            "https://evil@client.example/cb",
            "http://127.0.0.1:80@evil.example/cb",
        ],
    )
    .await;
}

#[tokio::test]
async fn ru_03_path_tricks() {
    refuses(
        "conf-basic",
        &[
            "https://client.example/cb/../evil",
            "https://client.example/cb/..%2fevil",
            "https://client.example/cb/%2e%2e/evil",
            "https://client.example/cb/..;/evil",
            "https://client.example/cb%252f..",
            "https://client.example/./cb",
            "https://client.example//cb",
            "https://client.example/cb/",
            "https://client.example/cb%20",
            "https://client.example/cb ",
        ],
    )
    .await;
}

#[tokio::test]
async fn ru_05_query_changes() {
    refuses(
        "q-client",
        &[
            "https://c.example/cb",
            "https://c.example/cb?a=1",
            "https://c.example/cb?b=2&a=1",
            "https://c.example/cb?a=1&b=2&c=3",
            "https://c.example/cb?a=%31&b=2",
            "https://c.example/cb?a=1&b=2&",
        ],
    )
    .await;
    let op = Op::new();
    let request = Op::request_with(&[
        ("client_id", "q-client"),
        ("redirect_uri", "https://c.example/cb?a=1&b=2"),
    ]);
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&request).await;
    let answer = browser.follow(answer, ALICE).await;
    let location = answer.header("location").unwrap();
    assert!(location.starts_with("https://c.example/cb?a=1&b=2&code="), "bytes are kept");
}

#[tokio::test]
async fn ru_06_case_and_default_parts() {
    refuses(
        "conf-basic",
        &[
            "HTTPS://client.example/cb",
            "https://Client.Example/cb",
            "https://client.example/CB",
            "https://client.example:443/cb",
            "https://client.example./cb",
            "https://client.example",
        ],
    )
    .await;
}

#[tokio::test]
async fn ru_07_fragments() {
    let variants = [
        "https://client.example/cb#x",
        "https://client.example/cb#",
        "https://client.example/cb%23x",
    ];
    refuses("conf-basic", &variants).await;
    assert!(RedirectUri::new(variants[0]).is_err() && RedirectUri::new(variants[1]).is_err());
    assert!(RedirectUri::new(variants[2]).is_ok(), "%23 is data, not a fragment");
}

#[tokio::test]
async fn ru_08_look_alike_hosts() {
    refuses(
        "conf-basic",
        &[
            "https://client.example.evil.test/cb",
            "https://evilclient.example/cb",
            "https://clientXexample/cb",
            "https://client-example/cb",
        ],
    )
    .await;
}

#[tokio::test]
async fn ru_10_idn() {
    refuses(
        "conf-basic",
        &[
            "https://clïent.example/cb",
            "https://client\u{3002}example/cb",
            "https://client%2eexample/cb",
            "https://xn--client-.example/cb",
        ],
    )
    .await;
}

#[tokio::test]
async fn ru_11_dangerous_schemes() {
    let variants = [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://client.example/x",
    ];
    refuses("conf-basic", &variants).await;
    for uri in variants {
        assert!(RedirectUri::new(uri).is_err(), "{uri:?}");
        for member in ["client_uri", "logo_uri", "policy_uri", "tos_uri"] {
            let json = serde_json::json!({"redirect_uris": ["https://c.example/cb"], member: uri});
            let metadata: ClientMetadata = serde_json::from_value(json).unwrap();
            assert!(metadata.check().unwrap_err().to_string().starts_with(member));
        }
    }
}

#[tokio::test]
async fn ru_13_loopback_ports() {
    refuses(
        "native-loopback",
        &[
            "http://localhost:80/cb",
            "http://127.0.0.2:80/cb",
            "http://127.1:80/cb",
            "http://0x7f000001/cb",
            "http://[::ffff:127.0.0.1]/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:70000/cb",
            "http://u@127.0.0.1:80/cb",
            "http://127.0.0.1:80/other",
            "http://127.0.0.1:80/cb?x",
            "https://127.0.0.1:80/cb",
        ],
    )
    .await;
    let op = Op::new();
    for uri in ["http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]:49152/cb"] {
        let request = Op::request_with(&[("client_id", "native-loopback"), ("redirect_uri", uri)]);
        let code = Browser::new(&op).code(&request, ALICE).await;
        let mut redemption = Op::redemption(&code).to_vec();
        redemption.push(("client_id", "native-loopback"));
        for (sent, status) in [("http://127.0.0.1/cb", 400), (uri, 200)] {
            redemption.retain(|(name, _)| *name != "redirect_uri");
            redemption.push(("redirect_uri", sent));
            let answer = op.post("/token", &crate::support::form(&redemption), &[]).await;
            assert_eq!(answer.status(), status, "the same URI, port and all: {sent} for {uri}");
        }
    }
}

#[tokio::test]
async fn ru_14_private_use_schemes() {
    refuses(
        "native-scheme",
        &["com.example.app://cb", "com.example.app:cb", "com.example.app:/cb/", "com.example:/cb"],
    )
    .await;
    assert!(RedirectUri::new("myapp:/cb").is_err(), "a scheme without a dot");
}

#[test]
fn ru_15_registration_of_patterns() {
    let many: Vec<_> = (0..1_000).map(|i| format!("https://c.example/{i}")).collect();
    for uris in [
        serde_json::json!(["https://*.example.com/cb"]),
        serde_json::json!(["https://example.com/*"]),
        serde_json::json!(["*"]),
        serde_json::json!(["http://example.com/cb"]),
        serde_json::json!([]),
        serde_json::json!(["https://c.example/cb", "https://c.example/cb"]),
        serde_json::json!([1]),
        serde_json::json!("https://c.example/cb"),
        serde_json::json!(many),
    ] {
        let metadata = serde_json::from_value::<ClientMetadata>(
            serde_json::json!({ "redirect_uris": uris.clone() }),
        );
        let refused = metadata.map_or(true, |metadata| metadata.check().is_err());
        assert!(refused, "{uris}");
    }
}

/// Policy: static clients are trusted, so their errors are redirected without a sign-in; and only
/// ever to what they have registered (P-05).
#[tokio::test]
async fn ru_18_provoked_errors_go_only_to_registered_uris() {
    let op = Op::new();
    for (change, error) in [
        (("prompt", "nope"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("scope", "unknown"), "invalid_scope"),
    ] {
        is_redirect(&op, &Op::request_with(&[change]), error, change.0).await;
        let elsewhere = [change, ("redirect_uri", "https://evil.example/")];
        is_page400(&op, &Op::request_with(&elsewhere), change.0).await;
    }
}
