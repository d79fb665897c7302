//! `enterprise-op.toml`.

use josekit::{jwe, jwk::Jwk};
use serde_json::{Value, json};

use super::{
    Confidential, Deployment,
    advertised::{Expected, PROMPTS, exactly},
};
use crate::support::{claims, header};

const VAULT: Confidential<'_> = Confidential("vault", "vault-of-the-enterprise-op-3dE4fG5hI6jK7");
const VAULT_AT: &str = "https://vault.enterprise.example/cb";
const ADA: (&str, &str) = ("ada", "adas-password");

/// What is encrypted to the vault's key, RFC 7517 A.2.
fn opened(token: &str) -> String {
    let key = json!({
        "kty": "EC", "crv": "P-256", "kid": "opens",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
    });
    let key = Jwk::from_map(key.as_object().unwrap().clone()).unwrap();
    let by = jwe::ECDH_ES.decrypter_from_jwk(&key).unwrap();
    assert_eq!(header(token)["enc"], "A256GCM");
    String::from_utf8(jwe::deserialize_compact(token, &by).unwrap().0).unwrap()
}

/// Whatever the vault gets is for its eyes only, and signed besides.
#[tokio::test]
async fn what_the_vault_gets_is_sealed() {
    let op = Deployment::start("enterprise-op", &[]).await;
    let visitor = op.visitor();
    let page = visitor.open(op.request(VAULT.0, VAULT_AT, &[])).await;
    let page = visitor.consent(page, ADA).await;
    let tokens = op.redeem(VAULT, VAULT_AT, &page).await;
    let id_token = opened(tokens["id_token"].as_str().unwrap());
    assert_eq!(header(&id_token)["alg"], "RS256");
    assert_eq!(claims(&id_token)["sub"], "e-1815");
    let (status, userinfo) = op.userinfo(tokens["access_token"].as_str().unwrap()).await;
    let Value::String(userinfo) = userinfo else { panic!("{userinfo}") };
    let userinfo = opened(&userinfo);
    assert_eq!((status, header(&userinfo)["alg"].as_str()), (200, Some("PS256")));
    assert_eq!(claims(&userinfo)["email"], "ada@enterprise.example");
    assert_eq!(claims(&userinfo)["aud"], VAULT.0);
}

#[tokio::test]
async fn advertises_what_it_does() {
    let op = Deployment::start("enterprise-op", &[]).await;
    exactly(
        &op,
        &Expected {
            endpoints: &[
                ("authorization_endpoint", "/authorize"),
                ("token_endpoint", "/token"),
                ("userinfo_endpoint", "/userinfo"),
                ("jwks_uri", "/jwks"),
                ("introspection_endpoint", "/introspect"),
                ("revocation_endpoint", "/revoke"),
                ("registration_endpoint", "/register"),
                ("check_session_iframe", "/check_session"),
                ("end_session_endpoint", "/end_session"),
            ],
            response_types: &[
                "code",
                "id_token",
                "id_token token",
                "code id_token",
                "code token",
                "code id_token token",
                "token",
                "none",
            ],
            grant_types: &[
                "authorization_code",
                "implicit",
                "refresh_token",
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ],
            scopes: &[
                "openid",
                "profile",
                "email",
                "address",
                "phone",
                "offline_access",
                "groups",
                "ledger",
                "clients:read",
                "clients:write",
                "users:read",
                "users:write",
                "keys:write",
            ],
            claims: &[
                "name",
                "family_name",
                "given_name",
                "middle_name",
                "nickname",
                "preferred_username",
                "profile",
                "picture",
                "website",
                "gender",
                "birthdate",
                "zoneinfo",
                "locale",
                "updated_at",
                "email",
                "email_verified",
                "address",
                "phone_number",
                "phone_number_verified",
                "https://enterprise.example/claims/groups",
            ],
            prompts: &PROMPTS,
            more: &[
                ("acr_values_supported", json!(["urn:enterprise:bronze", "urn:enterprise:gold"])),
                ("claims_locales_supported", json!(["en", "de", "ja"])),
                ("ui_locales_supported", json!(["en"])),
                ("request_uri_parameter_supported", json!(true)),
                ("backchannel_logout_supported", json!(true)),
                (
                    "id_token_signing_alg_values_supported",
                    json!(["RS256", "PS256", "ES256", "EdDSA", "HS256", "HS384", "HS512"]),
                ),
            ],
            client: VAULT,
            redirect_uri: VAULT_AT,
        },
    )
    .await;
}
