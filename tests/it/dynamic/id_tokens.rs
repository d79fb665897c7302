//! Sign-ins from beginning to end: what is issued, and how it is signed.

use serde_json::json;

use super::{ALL, WITH_CODE, each, key::Key, party::Party, run};

/// Discovery, registration, the flow, UserInfo, and the end of the registration.
#[tokio::test]
async fn oidcc_server() {
    each(&ALL, async |party| {
        let client = party.register().await;
        let done = party.sign_in(&client).await;
        assert_eq!(done.front.is_some(), party.has("id_token"));
        assert_eq!(done.back.is_some(), party.has("code"));
        assert_eq!(done.sub(), "alice");
    })
    .await;
}

/// OIDC Discovery §3, §4.3, RFC 7517 §4; the rest of it every module looks at.
#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    each(&["code"], async |party| {
        for member in ["registration_endpoint", "userinfo_endpoint", "token_endpoint"] {
            let endpoint = party.document[member].as_str().unwrap();
            assert!(endpoint.starts_with("https://id.example/"), "{member}: {endpoint}");
        }
        for response_type in ALL {
            assert!(party.lists("response_types_supported", response_type), "{response_type}");
        }
        for (member, value) in [
            ("grant_types_supported", "refresh_token"),
            ("token_endpoint_auth_methods_supported", "client_secret_basic"),
            ("subject_types_supported", "pairwise"),
        ] {
            assert!(party.lists(member, value), "{member}: {value}");
        }
        assert_eq!(party.document["request_uri_parameter_supported"], true);
    })
    .await;
}

#[tokio::test]
async fn oidcc_idtoken_rs256() {
    each(&ALL, async |party| {
        let rs256 = json!({ "id_token_signed_response_alg": "RS256" });
        let client = party.register_with(Key::unnamed(), &rs256).await;
        party.sign_in(&client).await;
    })
    .await;
}

/// OIDC Core §10.1: who says nothing gets RS256, and the key by its name.
#[tokio::test]
async fn oidcc_idtoken_signature() {
    run(
        &ALL,
        "client_secret_basic",
        |_, _| {},
        async |party| {
            assert!(party.op.jwks().await["keys"].as_array().unwrap().len() > 1);
            let client = party.register().await;
            party.sign_in(&client).await;
        },
    )
    .await;
}

/// OIDC Core §2: never through the browser.
#[tokio::test]
async fn oidcc_idtoken_unsigned() {
    for auth_method in ["client_secret_basic", "private_key_jwt"] {
        run(
            &["code", "code token"],
            auth_method,
            |_, _| {},
            async |party| {
                assert!(party.lists("id_token_signing_alg_values_supported", "none"));
                let none = json!({ "id_token_signed_response_alg": "none" });
                let client = party.register_with(Key::unnamed(), &none).await;
                party.sign_in(&client).await;
            },
        )
        .await;
    }
}

/// OIDC Core §5.3.2.
#[tokio::test]
async fn oidcc_userinfo_rs256() {
    let with_token = ALL.into_iter().filter(|response_type| *response_type != "id_token");
    each(&with_token.collect::<Vec<_>>(), async |party| {
        assert!(party.lists("userinfo_signing_alg_values_supported", "RS256"));
        let rs256 = json!({ "userinfo_signed_response_alg": "RS256" });
        let client = party.register_with(Key::unnamed(), &rs256).await;
        party.sign_in(&client).await;
    })
    .await;
}

/// OIDC Core §9, RFC 7523 §3: an assertion may be meant for the issuer; for somebody else it may not.
#[tokio::test]
async fn oidcc_ensure_client_assertion_with_iss_aud_succeeds() {
    each(&WITH_CODE, async |party| {
        let client = party.register().await;
        let mut codes = Vec::new();
        for _ in 0..2 {
            codes.push(party.answer(&client, &party.ask(&client)).await["code"].clone());
        }
        for (code, audience, status) in
            [(&codes[0], "https://id.example", 200), (&codes[1], "https://other.example", 401)]
        {
            let body = Party::redemption(&client, code);
            let answer = party.token_for(&client, &body, audience).await;
            assert_eq!(answer.status(), status, "{audience}: {}", answer.json());
        }
    })
    .await;
}
