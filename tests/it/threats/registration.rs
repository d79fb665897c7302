//! Registration: RG-01, RG-03, RG-04, RG-06, RG-07, RG-09, RG-10.

use std::collections::HashSet;

use oidc_op::{Duration, InitialAccess, RegistrationAccess};
use serde_json::{Value, json};

use crate::{
    registration::{Registered, implicit, sector, setup, setup_with, statements, web, web_with},
    support::{
        ALICE, Answer, Browser, Op, form,
        keys::{es256, unsigned},
    },
};

const METADATA: &str = "invalid_client_metadata";
const REDIRECT: &str = "invalid_redirect_uri";

async fn clients(op: &Op) -> usize {
    op.provider.registered_clients(None, 1_000).await.unwrap().clients.len()
}

#[tokio::test]
async fn rg_01_who_may_register() {
    // Off: there is no such endpoint; the host answers 404.
    let off = Op::new();
    for method in ["POST", "GET", "PUT", "DELETE", "OPTIONS"] {
        let answer = off.send(method, "/register", "client_id=x", &[], "{}").await;
        assert!(matches!(answer, Answer::Elsewhere), "{method}");
    }
    let op = setup_with(|rules| rules.access = RegistrationAccess::InitialAccessToken).build();
    let token = |uses, lifetime| {
        let mut access = InitialAccess::once(lifetime);
        access.uses = Some(uses);
        let op = op.clone();
        async move { op.provider.issue_initial_access(&access).await.unwrap() }
    };
    let used = token(1, Duration::HOUR).await;
    let registered = op.try_register(&web(), Some(&used)).await;
    assert_eq!(registered.status(), 201);
    let client = Registered(registered.json());
    let access = client.tokens(&op).await.member("access_token");
    let short = token(5, Duration::SECOND).await;
    op.wait(1);
    for (what, token) in [
        ("over-used", &*used),
        ("expired", &short),
        ("of a registration", client.text("registration_access_token")),
        ("an access token", &access),
        ("made up", "abc"),
    ] {
        let answer = op.try_register(&web(), Some(token)).await;
        assert_eq!((answer.status(), answer.error()), (401, "invalid_token".into()), "{what}");
        assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"), "{what}");
    }
    assert_eq!(op.try_register(&web(), None).await.status(), 401);
    assert_eq!(clients(&op).await, 1);
}

/// Each member with a value of each wrong type: refused or ignored, never believed, never a fault.
#[tokio::test]
async fn rg_03_types() {
    let op = setup_with(|rules| rules.cap = u32::MAX).build();
    let huge: Vec<_> = (0..2_000).map(|i| format!("https://rp.example/{i}")).collect();
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("x"),
        json!("https://rp.example/cb"),
        json!("x".repeat(20_000)),
        json!("\u{0}\u{1f}\u{202e}"),
        json!([]),
        json!([null]),
        json!([[]]),
        json!([["https://rp.example/cb"]]),
        json!(["x", null, "y"]),
        json!([1, "https://rp.example/cb"]),
        json!([{ "https://rp.example/cb": 1 }]),
        json!({}),
        json!({ "0": "https://rp.example/cb" }),
        json!({ "keys": {} }),
        json!({ "keys": [1] }),
        json!(huge),
    ];
    let more = ["software_statement", "client_id", "client_secret", "client_name#fr", "unknown"];
    let members = oidc_op::ClientMetadata::MEMBERS.iter().copied().chain(more);
    let mut refused = 0;
    for member in members {
        for value in &values {
            let answer = op.try_register(&web_with(&json!({ member: value })), None).await;
            let start: String = value.to_string().chars().take(60).collect();
            match answer.status() {
                201 => {
                    let json = answer.json();
                    assert!(
                        json["redirect_uris"].as_array().is_some_and(|uris| !uris.is_empty())
                            || member == "redirect_uris"
                            || json["grant_types"] == json!([]),
                        "{member} {start}"
                    );
                }
                400 => {
                    refused += 1;
                    assert!([METADATA, REDIRECT].contains(&&*answer.error()), "{member} {start}");
                    assert!(answer.reply().body.len() < 500, "{member} {start}");
                }
                other => panic!("{member} {start}: {other}"),
            }
        }
    }
    assert!(refused > 400, "{refused}");
    let headers = [("content-type", "application/json")];
    let name = format!("{{\"client_name\":\"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(op.send("POST", "/register", "", &headers, &name).await.status(), 413);
    let text = [("content-type", "text/plain")];
    assert_eq!(op.send("POST", "/register", "", &text, &web().to_string()).await.status(), 415);
    let twice =
        r#"{"redirect_uris":["https://rp.example/cb"],"redirect_uris":["https://evil.example/"]}"#;
    let answer = op.send("POST", "/register", "", &headers, twice).await;
    assert_eq!((answer.status(), answer.error()), (400, METADATA.into()));
}

#[tokio::test]
async fn rg_04_metadata_that_contradict_themselves() {
    let op = setup_with(|rules| {
        rules.grant_types.push(oidc_op::GrantType::ClientCredentials);
    })
    .build();
    let both = ["authorization_code", "implicit"];
    for members in [
        json!({ "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "client_credentials"] }),
        json!({ "token_endpoint_auth_method": "none", "grant_types": ["client_credentials"], "response_types": [] }),
        json!({ "jwks": { "keys": [] }, "jwks_uri": "https://rp.example/jwks" }),
        json!({ "id_token_signed_response_alg": "none", "response_types": ["code id_token"], "grant_types": both }),
        json!({ "id_token_signed_response_alg": "none", "response_types": ["id_token"], "grant_types": ["implicit"] }),
        json!({ "id_token_signed_response_alg": "none", "response_types": ["id_token token"], "grant_types": ["implicit"] }),
        json!({ "id_token_encrypted_response_alg": "RSA-OAEP-256" }),
        json!({ "userinfo_encrypted_response_alg": "ECDH-ES" }),
        json!({ "id_token_encrypted_response_enc": "A128GCM" }),
        json!({ "id_token_signed_response_alg": "HS256", "token_endpoint_auth_method": "none" }),
        json!({ "request_object_signing_alg": "ES256" }),
        json!({ "request_object_signing_alg": "none", "require_signed_request_object": true }),
        json!({ "token_endpoint_auth_method": "private_key_jwt" }),
        json!({ "token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "ES256" }),
        json!({ "token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "none" }),
        json!({ "response_types": ["code"], "grant_types": ["implicit"] }),
        json!({ "response_types": ["code token"], "grant_types": ["authorization_code"] }),
        json!({ "response_types": ["id_token"], "grant_types": ["authorization_code"] }),
        json!({ "subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"] }),
    ] {
        let answer = op.try_register(&web_with(&members), None).await;
        assert_eq!((answer.status(), answer.error()), (400, METADATA.into()), "{members}");
    }
    // A secret of the provider's own making is long enough for each.
    for alg in ["HS256", "HS384", "HS512"] {
        let client = op.register(&web_with(&json!({ "id_token_signed_response_alg": alg }))).await;
        assert!(client.text("client_secret").len() >= 64, "{alg}");
        client.tokens(&op).await;
    }
}

#[tokio::test]
async fn rg_06_sectors() {
    const A: &str = "https://a.example/cb";
    const B: &str = "https://b.example/cb";
    let refused = |document: Option<String>, metadata: Value, what: &'static str| async move {
        let (op, _) = sector::op_with(document.as_deref());
        let answer = op.try_register(&metadata, None).await;
        assert_eq!((answer.status(), answer.error()), (400, METADATA.into()), "{what}");
    };
    let with = sector::pairwise(&[A, B], Some(sector::SECTOR));
    refused(None, sector::pairwise(&[A, B], None), "no document for two hosts").await;
    refused(Some(json!([A]).to_string()), with.clone(), "one is missing").await;
    refused(Some(json!({ "a": A, "b": B }).to_string()), with.clone(), "no list").await;
    refused(Some(json!([A, B, 1]).to_string()), with.clone(), "not only text").await;
    refused(None, with.clone(), "there is none").await;
    let plain = sector::pairwise(&[A, B], Some("http://sector.example/uris.json"));
    refused(Some(json!([A, B]).to_string()), plain, "without TLS").await;
    let (op, _) = sector::op_with(Some(&json!([A, B]).to_string()));
    op.register(&with).await;
}

#[tokio::test]
async fn rg_07_registration_access_tokens() {
    let op = setup_with(|rules| rules.rotate_tokens = true).build();
    let (client, other) = (op.register(&web()).await, op.register(&web()).await);
    let uri = url::Url::parse(client.text("registration_client_uri")).unwrap();
    let query = uri.query().unwrap().to_owned();
    let own = client.text("registration_access_token").to_owned();
    let body = web_with(&json!({ "client_id": client.id() })).to_string();
    let json = ("content-type", "application/json");
    let nobody = "client_id=client_AAAAAAAAAAAAAAAAAAAAAA";
    let bearer = |token: &str| format!("Bearer {token}");
    let others = bearer(other.text("registration_access_token"));
    let in_query = format!("{query}&access_token={own}");
    let (right, upper, edited) =
        (bearer(&own), bearer(&own.to_uppercase()), bearer(&format!("{own}A")));
    let basic = "Basic Y2xpZW50OnNlY3JldA==";
    for method in ["GET", "PUT", "DELETE"] {
        for (what, query, headers) in [
            ("none", &*query, vec![]),
            ("of another client", &query, vec![("authorization", &*others)]),
            ("in the query", &in_query, vec![]),
            ("for nobody", nobody, vec![("authorization", &right)]),
            ("for no client", "", vec![("authorization", &right)]),
            ("for a client of the host's", "client_id=conf-basic", vec![("authorization", &right)]),
            ("for an impossible client", "client_id=%00", vec![("authorization", &right)]),
            ("changed", &query, vec![("authorization", &upper)]),
            ("prolonged", &query, vec![("authorization", &edited)]),
            ("empty", &query, vec![("authorization", "Bearer ")]),
            ("another scheme", &query, vec![("authorization", basic)]),
            ("twice", &query, vec![("authorization", &right), ("authorization", &right)]),
        ] {
            let headers = [&[json][..], &headers].concat();
            let answer = op.send(method, "/register", query, &headers, &body).await;
            assert_eq!(answer.status(), 401, "{method} {what}");
            assert!(
                answer.header("www-authenticate").unwrap().starts_with("Bearer "),
                "{method} {what}"
            );
            if headers.len() > 1 {
                // One answer for all of them.
                let expected = op
                    .send(
                        method,
                        "/register",
                        nobody,
                        &[json, ("authorization", "Bearer x")],
                        &body,
                    )
                    .await;
                assert_eq!(answer.reply(), expected.reply(), "{method} {what}");
            }
        }
    }
    for i in 0..500 {
        let guess = format!("{}{i:04}", &own[..own.len() - 4]);
        if guess != own {
            let answer = op
                .send("GET", "/register", &query, &[("authorization", &bearer(&guess))], "")
                .await;
            assert_eq!(answer.status(), 401);
        }
    }
    // The secret of the client and its tokens are others.
    let tokens = client.tokens(&op).await;
    for token in [client.text("client_secret"), &tokens.member("access_token")] {
        let answer =
            op.send("GET", "/register", &query, &[("authorization", &bearer(token))], "").await;
        assert_eq!(answer.status(), 401);
    }
    let rotated = client.after(&client.put(&op, &json!({})).await);
    assert_eq!(client.read(&op).await.status(), 401, "after the rotation");
    let access = tokens.member("access_token");
    assert_eq!(op.userinfo(&access).await.status(), 200);
    assert_eq!(rotated.manage(&op, "DELETE", &Value::Null).await.status(), 204);
    assert_eq!(rotated.read(&op).await.status(), 401, "after the deletion");
    assert_eq!(op.userinfo(&access).await.status(), 401);
    assert_eq!(other.read(&op).await.status(), 200);
}

#[tokio::test]
async fn rg_09_software_statements() {
    let op = statements::op();
    let claims = statements::stated(&json!({ "redirect_uris": ["https://vouched.example/cb"] }));
    let good = es256(&claims);
    let bad = |text: String, error: &'static str| {
        let op = op.clone();
        async move {
            let answer = op.refused(&web_with(&json!({ "software_statement": text }))).await;
            assert_eq!(answer, (400, error.into()));
        }
    };
    bad(unsigned(&claims), "invalid_software_statement").await;
    bad(format!("{}x", &good[..good.len() - 1]), "invalid_software_statement").await;
    let mut late = claims.clone();
    late["exp"] = 1_700_000_000.into();
    bad(es256(&late), "invalid_software_statement").await;
    let mut foreign = claims.clone();
    foreign["iss"] = "https://evil.example".into();
    bad(es256(&foreign), "unapproved_software_statement").await;
    let client = op.register(&web_with(&json!({ "software_statement": good }))).await;
    assert_eq!(client.0["redirect_uris"], json!(["https://vouched.example/cb"]));
}

#[tokio::test]
async fn rg_10_floods_and_squatters() {
    // 3,000 from nowhere: as many as may, and not one more, and what they have made goes by itself.
    let op = setup_with(|rules| rules.cap = 50).build();
    let mut ids = HashSet::new();
    for i in 0..3_000 {
        let answer = op.try_register(&web(), None).await;
        match answer.status() {
            201 => assert!(i < 50 && ids.insert(answer.member("client_id")), "{i}"),
            429 => assert!(i >= 50 && answer.header("retry-after").is_some(), "{i}"),
            other => panic!("{i}: {other}"),
        }
    }
    assert_eq!(clients(&op).await, 50);
    op.wait(86_400 + 1);
    while op.provider.work(1_000).await.unwrap() > 0 {}
    assert_eq!(clients(&op).await, 0);

    // Nobody chooses an identifier, and none is a person's.
    for id in &ids {
        assert!(id.starts_with("client_") && id.len() >= 22 + 7, "{id}");
    }
    let client = op.register(&web_with(&json!({ "client_id": ALICE }))).await;
    assert_ne!(client.id(), ALICE);

    // The name of a brand: people are asked, and the page knows where they will go.
    let op = setup().build();
    let brand = op.register(&web_with(&json!({ "client_name": "Well-Known Bank" }))).await;
    let mut browser = Browser::new(&op);
    browser.sign_in(ALICE).await;
    let page = browser.authorize(&brand.request()).await;
    let page = page.page();
    assert_eq!(page.need, oidc_op::Need::Consent);
    assert!(!page.client.first_party);
    assert_eq!(page.client.metadata.redirect_uris[0].as_str(), "https://rp.example/cb");
    let request = [&brand.request()[..], &[("prompt", "none")]].concat();
    let silent = op.send("GET", "/authorize", &form(&request), &[], "").await;
    assert_eq!(silent.parameter("error"), "login_required");
    let silent = browser.authorize(&request).await;
    assert_eq!(silent.parameter("error"), "consent_required");
    // A client that nobody has looked at is not let off anything else.
    let native = web_with(&json!({ "token_endpoint_auth_method": "none" }));
    for metadata in [web(), native, implicit("id_token token")] {
        let client = op.register(&metadata).await;
        let found = op.provider.registered_client(&client.client_id()).await.unwrap().unwrap();
        assert!(!found.client.first_party && !found.client.password_grant);
        assert_eq!(found.client.require_pkce, None);
    }
}

/// RG-10: a name must not turn around what stands beside it on a page, the host of the client say.
#[tokio::test]
async fn rg_10_names_that_nobody_can_read() {
    let op = setup().build();
    let named = |member: &str, name: &str| web_with(&json!({ member: name }));
    for name in ["\u{202e}knaB", "Ba\u{200b}nk", "\u{2066}Bank", "\u{feff}Bank"] {
        for member in ["client_name", "client_name#en"] {
            let refused = op.try_register(&named(member, name), None).await;
            assert_eq!(refused.error(), "invalid_client_metadata", "{member}: {name:?}");
        }
    }
    for name in ["\u{5d1}\u{5e0}\u{5e7}", "\u{1f468}\u{200d}\u{1f469}"] {
        op.register(&named("client_name", name)).await;
    }
}
