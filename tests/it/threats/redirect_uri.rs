//! RU: redirect URI validation and open redirects. Registration is covered by the unit tests of
//! `RedirectUri` and `ClientMetadata`.

use oidc_op::{Client, ClientMetadata, LintRule, Misfit, Reason, RedirectUri, Registration};
use serde_json::json;

use super::{is_page400, is_redirect};
use crate::support::{ALICE, Answer, Browser, Op, Setup, client};

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

/// Loopback hosts without TLS, where the policy keeps them for native applications.
const LOOPBACK: [&str; 4] = [
    "http://localhost/cb",
    "http://127.0.0.1:3000/cb",
    "http://[::1]/cb",
    "HTTP://LOCALHOST:8080/cb",
];

fn loopback_setup(native_only: bool) -> Setup {
    let mut setup = Setup::full();
    setup.config.policy.native_loopback_only = native_only;
    let mut rules = Registration::default();
    rules.access = oidc_op::RegistrationAccess::Open;
    setup.config.registration = Some(rules);
    setup.secrets.storage = vec![oidc_op::Secret::new([7; 32]).unwrap()];
    setup
}

/// RU-15: a web client registers no `http` address, on loopback neither, where the policy says so; a native
/// one does, and nobody one on another host.
#[tokio::test]
async fn ru_15_registration_of_loopback_hosts() {
    for native_only in [false, true] {
        let op = loopback_setup(native_only).build();
        for (uri, web, native) in LOOPBACK
            .map(|uri| (uri, !native_only, true))
            .into_iter()
            .chain([("https://localhost/cb", true, true), ("http://x.example/cb", false, false)])
        {
            for (application_type, good) in [("web", web), ("native", native)] {
                let metadata = json!({
                    "redirect_uris": ["https://rp.example/cb", uri],
                    "application_type": application_type
                });
                let headers = [("content-type", "application/json")];
                let answer =
                    op.send("POST", "/register", "", &headers, &metadata.to_string()).await;
                let what = format!("{uri} {application_type} {native_only}: {}", answer.json());
                assert_eq!(answer.status(), if good { 201 } else { 400 }, "{what}");
                if !good {
                    assert_eq!(answer.error(), "invalid_redirect_uri", "{what}");
                }
            }
        }
    }
}

/// What such a client of the host's has registered nevertheless leads nowhere, and is found by a look over
/// the clients.
#[tokio::test]
async fn ru_18_loopback_hosts_of_web_clients_lead_nowhere() {
    for native_only in [false, true] {
        for application_type in ["web", "native"] {
            let uris = [&LOOPBACK[..], &["https://loop.example/cb"]].concat();
            let members = json!({ "application_type": application_type });
            let of_host: Client = client("loop", false, &uris, &members);
            let mut setup = loopback_setup(native_only);
            setup.clients = vec![of_host.clone()];
            let op = setup.build();
            let refused = native_only && application_type == "web";
            for uri in uris {
                let what = format!("{uri} {application_type} {native_only}");
                let is_http = uri.to_ascii_lowercase().starts_with("http:");
                for changes in [&[("prompt", "login")][..], &[("prompt", "nope")]] {
                    let known = [("client_id", "loop"), ("redirect_uri", uri)];
                    let request = Op::request_with(&[&known[..], changes].concat())
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .collect::<Vec<_>>();
                    let request: Vec<_> =
                        request.iter().map(|(name, value)| (&**name, &**value)).collect();
                    let answer = Browser::new(&op).authorize(&request).await;
                    match (refused && is_http, &answer) {
                        (true, _) => answer.is_page_error(Reason::RedirectUriMismatch),
                        (false, Answer::Page(_)) => assert_eq!(changes[0].1, "login", "{what}"),
                        (false, _) => assert_eq!(answer.parameter("error"), "invalid_request"),
                    }
                }
            }
            let misfits: Vec<Misfit> = op.provider.misfits(&of_host);
            let members: Vec<_> = misfits.iter().map(|misfit| misfit.member).collect();
            assert_eq!(members, if refused { &["redirect_uris"][..] } else { &[] });
            let found = op.provider.lint().await.unwrap();
            let found = found.iter().filter(|finding| finding.rule == LintRule::Misfit).count();
            assert_eq!(found, members.len());
        }
    }
}
