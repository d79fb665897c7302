//! PK: Proof Key for Code Exchange.

use super::is_redirect;
use crate::support::{ALICE, Browser, CHALLENGE, Op, VERIFIER};

const WITHOUT: [(&str, &str); 2] = [("code_challenge", ""), ("code_challenge_method", "")];

#[tokio::test]
async fn pk_01_a_challenge_is_required() {
    let op = Op::new();
    for (client, uri) in [
        ("public-web", "https://public.example/cb"),
        ("native-scheme", "com.example.app:/cb"),
        ("conf-basic", "https://client.example/cb"),
    ] {
        let changes = [&WITHOUT[..], &[("client_id", client), ("redirect_uri", uri)]].concat();
        is_redirect(&op, &Op::request_with(&changes), "invalid_request", client).await;
    }
}

#[tokio::test]
async fn pk_02_only_s256() {
    let op = Op::new();
    for method in ["plain", "", "S512", "s256"] {
        let request = Op::request_with(&[("code_challenge_method", method)]);
        is_redirect(&op, &request, "invalid_request", method).await;
    }
    let metadata = op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json();
    assert_eq!(metadata["code_challenge_methods_supported"], serde_json::json!(["S256"]));
}

#[tokio::test]
async fn pk_03_wrong_verifiers_are_refused_and_burn_nothing() {
    let op = Op::new();
    let code = op.code().await;
    let padded = format!("{VERIFIER}=");
    let newline = format!("{VERIFIER}\n");
    let upper = VERIFIER.to_uppercase();
    for wrong in ["", &"a".repeat(43), &padded, &newline, &upper, CHALLENGE] {
        let redemption = Op::redemption(&code)
            .map(|(n, v)| if n == "code_verifier" { (n, wrong) } else { (n, v) });
        let answer = op.token("conf-basic", "conf-basic", &redemption).await;
        assert_eq!((answer.status(), answer.error()), (400, "invalid_grant".into()), "{wrong:?}");
    }
    let absent = &Op::redemption(&code)[..3];
    assert_eq!(op.token("conf-basic", "conf-basic", absent).await.error(), "invalid_grant");
    assert_eq!(op.redeem(&code).await.status(), 200, "the right one still works");
}

#[tokio::test]
async fn pk_04_downgrade() {
    let op = Op::new();
    let changes = [
        &WITHOUT[..],
        &[("client_id", "optional-pkce"), ("redirect_uri", "https://optional.example/cb")],
    ]
    .concat();
    let code = Browser::new(&op).code(&Op::request_with(&changes), ALICE).await;
    let mut redemption = Op::redemption(&code).to_vec();
    redemption.retain(|(name, _)| *name != "redirect_uri");
    redemption.push(("redirect_uri", "https://optional.example/cb"));
    let answer = op.token("optional-pkce", "optional-pkce", &redemption).await;
    assert_eq!(answer.error(), "invalid_grant", "a verifier without a challenge");
    redemption.retain(|(name, _)| *name != "code_verifier");
    assert_eq!(op.token("optional-pkce", "optional-pkce", &redemption).await.status(), 200);
}

#[tokio::test]
async fn pk_05_format_limits() {
    let op = Op::new();
    let long = "a".repeat(10_000);
    for wrong in
        ["short", &CHALLENGE[..42], &format!("{CHALLENGE}a"), &CHALLENGE.replace('-', "+"), &long]
    {
        let request = Op::request_with(&[("code_challenge", wrong)]);
        is_redirect(&op, &request, "invalid_request", wrong).await;
    }
    let code = op.code().await;
    for wrong in [&"a".repeat(42), &"a".repeat(129), &long, &"é".repeat(43), &" ".repeat(43)] {
        let redemption = Op::redemption(&code)
            .map(|(n, v)| if n == "code_verifier" { (n, wrong.as_str()) } else { (n, v) });
        let answer = op.token("conf-basic", "conf-basic", &redemption).await;
        assert_eq!(answer.error(), "invalid_grant");
    }
}
