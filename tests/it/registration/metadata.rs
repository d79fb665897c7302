//! What is registered, and what becomes of what is not said (RFC 7591 §2, OIDC Registration §2).

use super::*;
use crate::support::{Documents, claims, header, keys::client_jwks};

const SECTOR: &str = "https://rp.example/sector.json";

/// RFC 7591 §3.2.1, RFC 7592 §2.1: all that is registered is in the answer, and in every one after it.
#[tokio::test]
async fn each_member_is_answered_and_read_back() {
    let documents = Documents::default();
    documents.put(SECTOR, json!(["https://rp.example/cb", "https://rp.example/2"]).to_string());
    let mut setup = setup();
    setup.documents = Some(documents);
    let op = setup.build();
    let both = ["https://rp.example/cb", "https://rp.example/2"];
    for members in [
        json!({ "redirect_uris": both }),
        json!({ "redirect_uris": ["com.example.app:/cb"], "application_type": "native" }),
        json!({ "redirect_uris": ["http://127.0.0.1/cb", "http://[::1]/cb"], "application_type": "native" }),
        json!({
            "response_types": ["code", "code id_token", "id_token token"],
            "grant_types": ["authorization_code", "implicit", "refresh_token"]
        }),
        json!({ "response_types": ["none"], "grant_types": [] }),
        json!({ "contacts": ["ve7jtb@rp.example", "mary@rp.example"] }),
        json!({ "client_name": "My Example", "client_name#ja-Jpan-JP": "クライアント名" }),
        json!({ "logo_uri": "https://rp.example/logo.png", "logo_uri#fr": "https://rp.example/logo.fr.png" }),
        json!({ "client_uri": "https://rp.example/", "policy_uri": "https://rp.example/policy" }),
        json!({ "tos_uri": "https://rp.example/tos", "initiate_login_uri": "https://rp.example/login" }),
        json!({ "jwks_uri": "https://rp.example/jwks" }),
        json!({ "subject_type": "pairwise" }),
        json!({ "subject_type": "pairwise", "redirect_uris": both, "sector_identifier_uri": SECTOR }),
        json!({ "id_token_signed_response_alg": "ES256" }),
        json!({ "id_token_signed_response_alg": "none" }),
        json!({ "id_token_signed_response_alg": "HS512" }),
        json!({
            "id_token_encrypted_response_alg": "RSA-OAEP-256", "id_token_encrypted_response_enc": "A256GCM",
            "jwks_uri": "https://rp.example/jwks"
        }),
        json!({ "userinfo_signed_response_alg": "EdDSA" }),
        json!({ "userinfo_encrypted_response_alg": "dir", "userinfo_encrypted_response_enc": "A128GCM" }),
        json!({ "introspection_signed_response_alg": "ES256" }),
        json!({ "introspection_encrypted_response_alg": "A256KW", "introspection_encrypted_response_enc": "A128GCM" }),
        json!({ "request_object_signing_alg": "none" }),
        json!({ "request_object_signing_alg": "HS256", "require_signed_request_object": true }),
        json!({ "request_object_encryption_alg": "ECDH-ES", "request_object_encryption_enc": "A128GCM" }),
        json!({ "token_endpoint_auth_method": "none" }),
        json!({ "token_endpoint_auth_method": "client_secret_post" }),
        json!({ "token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "HS512" }),
        json!({
            "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "PS256",
            "jwks_uri": "https://rp.example/jwks"
        }),
        json!({ "default_max_age": 3600, "require_auth_time": true }),
        json!({ "default_acr_values": ["urn:mace:incommon:iap:silver", "1"] }),
        json!({ "request_uris": ["https://rp.example/rf.txt#qpXaRLh_n93TTR9F252ValdatUQvQiJi5BDub2BeznA"] }),
        json!({ "scope": "openid email offline_access" }),
        json!({ "software_id": "4NRB1-0XZABZI9E6-5SM3R", "software_version": "2.0.1" }),
        json!({ "post_logout_redirect_uris": ["https://rp.example/out"] }),
        json!({ "frontchannel_logout_uri": "https://rp.example/fc", "frontchannel_logout_session_required": true }),
        json!({ "backchannel_logout_uri": "https://rp.example/bc", "backchannel_logout_session_required": true }),
    ] {
        let client = op.register(&web_with(&members)).await;
        let read = client.read(&op).await;
        for (member, value) in members.as_object().unwrap() {
            assert_eq!(client.0[member], *value, "{member} in {}", client.0);
            assert_eq!(read.json()[member], *value, "{member}, read");
        }
        // RFC 7592 §2.2: what was read can be sent back, and changes nothing.
        let mut same = read.json();
        for own in [
            "registration_access_token",
            "registration_client_uri",
            "client_id_issued_at",
            "client_secret_expires_at",
        ] {
            same.as_object_mut().unwrap().remove(own);
        }
        let again = client.manage(&op, "PUT", &same).await;
        assert_eq!(again.json(), read.json(), "{members}");
    }
}

/// Keys come back as keys: all of them, and nothing private.
#[tokio::test]
async fn keys_are_read_back() {
    let op = setup().build();
    let sent = client_jwks();
    let client = op.register(&web_with(&json!({ "jwks": sent }))).await;
    let kids = |set: &Value| {
        let keys = set["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kids(&client.read(&op).await.json()["jwks"]), kids(&sent));
}

/// RFC 7591 §2, OIDC Registration §2: the defaults, which the answer says (RFC 7591 §3.2.1).
#[tokio::test]
async fn defaults() {
    let op = setup().build();
    let client = op.register(&web()).await;
    for (member, value) in [
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("grant_types", json!(["authorization_code"])),
        ("response_types", json!(["code"])),
        ("application_type", json!("web")),
        ("id_token_signed_response_alg", json!("RS256")),
        ("subject_type", json!("public")),
        ("client_secret_expires_at", json!(0)),
        ("client_id_issued_at", json!(1_800_000_000)),
    ] {
        assert_eq!(client.0[member], value, "{member}");
    }
    let members = client.0.as_object().unwrap();
    assert!(
        members.values().all(|value| !value.is_null() && *value != json!(false)),
        "{members:?}"
    );
    assert!(members["client_secret"].as_str().unwrap().len() >= 43, "256 bits at least");

    // RFC 7591 §2.1: what one of them is, when the other says something else.
    for (sent, grant_types, response_types) in [
        (json!({ "response_types": ["id_token"] }), json!(["implicit"]), json!(["id_token"])),
        (
            json!({ "response_types": ["code id_token"] }),
            json!(["authorization_code", "implicit"]),
            json!(["code id_token"]),
        ),
        (
            json!({ "grant_types": ["authorization_code", "refresh_token"] }),
            json!(["authorization_code", "refresh_token"]),
            json!(["code"]),
        ),
    ] {
        let client = op.register(&web_with(&sent)).await;
        assert_eq!(client.0["grant_types"], grant_types, "{sent}");
        assert_eq!(client.0["response_types"], response_types, "{sent}");
    }
}

/// `null` is as good as absent, and what is not understood is ignored (RFC 7591 §2, RFC 7592 §2.2).
#[tokio::test]
async fn null_and_unknown_members() {
    let op = setup().build();
    let client = op
        .register(&web_with(&json!({
            "client_name": null, "grant_types": null, "jwks": null, "scope": null, "contacts": null,
            "token_endpoint_auth_method": null, "require_auth_time": null, "software_statement": null,
            "tls_client_auth_subject_dn": "CN=x", "x-own": { "deep": [1] },
            // not a client's to choose
            "client_id": "mine", "client_secret": "chosen", "client_secret_expires_at": 9,
            "registration_access_token": "chosen", "first_party": true, "epoch": 7, "enabled": false
        })))
        .await;
    assert_eq!(client.0["grant_types"], json!(["authorization_code"]));
    for unknown in [
        "tls_client_auth_subject_dn",
        "x-own",
        "first_party",
        "epoch",
        "enabled",
        "jwks",
        "client_name",
    ] {
        assert!(client.0.get(unknown).is_none(), "{unknown} in {}", client.0);
    }
    assert_ne!(client.id(), "mine");
    assert_ne!(client.text("client_secret"), "chosen");
    assert!(!client.is_known_by(&op, "chosen").await);
    let registered = op.provider.registered_client(&client.client_id()).await.unwrap().unwrap();
    assert!(
        registered.client.enabled && !registered.client.first_party && registered.manages_itself()
    );
}

/// RFC 7591 §2: a server may leave out what it does not offer, and then says so.
#[tokio::test]
async fn what_is_not_offered_is_left_out() {
    let op = setup().build();
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let asked = json!({
        "grant_types": ["authorization_code", "client_credentials", "password", exchange, "https://elsewhere.example/grant"],
        "scope": "openid admin email"
    });
    let client = op.register(&web_with(&asked)).await;
    assert_eq!(client.0["grant_types"], json!(["authorization_code"]));
    assert_eq!(client.0["scope"], "openid email");
    let acting = [("grant_type", "client_credentials")];
    assert_eq!(client.post(&op, "/token", &acting).await.error(), "unauthorized_client");

    // Of no use at all.
    let machine = json!({ "grant_types": ["client_credentials"], "response_types": [] });
    let none = (400, "invalid_client_metadata".to_owned());
    let refused = op.try_register(&machine, None).await;
    assert_eq!((refused.status(), refused.error()), none);
    // A grant is left out with the last response type that it was for.
    let hybrid = json!({ "grant_types": ["authorization_code", "implicit"], "response_types": ["code", "code id_token"] });
    let narrow = |grants| move |rules: &mut oidc_op::Registration| rules.grant_types = grants;
    let code = setup_with(narrow(vec![oidc_op::GrantType::AuthorizationCode])).build();
    let client = code.register(&web_with(&hybrid)).await;
    let left = (&client.0["grant_types"], &client.0["response_types"]);
    assert_eq!(left, (&json!(["authorization_code"]), &json!(["code"])));

    // The host may offer more.
    let op =
        setup_with(|rules| rules.grant_types = vec![oidc_op::GrantType::ClientCredentials]).build();
    let client = op.register(&machine).await;
    assert_eq!(client.0["grant_types"], json!(["client_credentials"]));
    assert_eq!(client.post(&op, "/token", &acting).await.status(), 200);
    // and less: without the grant its response types make no sense either
    let refused = op.try_register(&web(), None).await;
    assert_eq!((refused.status(), refused.error()), none);
}

/// Each way to authenticate is one that a registered client can use, and no other works for it.
#[tokio::test]
async fn each_method_signs_in() {
    let op = setup().build();
    for method in [
        "none",
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
    ] {
        let mut members = json!({ "token_endpoint_auth_method": method, "grant_types": ["authorization_code", "refresh_token"] });
        if method == "private_key_jwt" {
            members["jwks"] = client_jwks();
        }
        let client = op.register(&web_with(&members)).await;
        let secret = !matches!(method, "none" | "private_key_jwt");
        assert_eq!(client.0.get("client_secret").is_some(), secret, "{method}");
        assert_eq!(client.0.get("client_secret_expires_at").is_some(), secret, "{method}");
        let tokens = client.tokens(&op).await;
        assert_eq!(op.userinfo(&tokens.member("access_token")).await.status(), 200, "{method}");
        let again = client.refresh(&op, &tokens.member("refresh_token")).await;
        assert_eq!(again.status(), 200, "{method} {}", again.json());
        let mut other = client.clone();
        other.0["token_endpoint_auth_method"] = "client_secret_basic".into();
        if method != "client_secret_basic" {
            assert!(
                !other
                    .is_known_by(&op, client.0["client_secret"].as_str().unwrap_or_default())
                    .await,
                "{method}"
            );
        }
    }
}

/// OIDC Core §10.1: the secret that was handed out is the key.
#[tokio::test]
async fn the_secret_is_a_key() {
    let op = setup().build();
    let client = op.register(&web_with(&json!({ "id_token_signed_response_alg": "HS256" }))).await;
    let id_token = client.tokens(&op).await.member("id_token");
    assert_eq!(header(&id_token)["alg"], "HS256");
    let (input, signature) = id_token.rsplit_once('.').unwrap();
    let again = keys::hs256(client.text("client_secret")).sign(input.as_bytes()).unwrap();
    assert_eq!(keys::b64(again), signature);
    assert_eq!(claims(&id_token)["aud"], client.id());
}

/// RFC 7591 §3.2.1, RFC 7592 §3: two that say the same are two, with different secrets and tokens.
#[tokio::test]
async fn each_registration_is_one_of_its_own() {
    let op = setup().build();
    let (one, other) = (op.register(&web()).await, op.register(&web()).await);
    for member in
        ["client_id", "client_secret", "registration_access_token", "registration_client_uri"]
    {
        assert_ne!(one.text(member), other.text(member), "{member}");
    }
    let answer = op.try_register(&web(), None).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
