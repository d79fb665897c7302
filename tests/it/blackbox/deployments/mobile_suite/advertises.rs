//! The metadata.

use serde_json::json;

use super::{APP, APP_AT, suite};
use crate::blackbox::deployments::advertised::{CLAIMS, Expected, PROMPTS, exactly};

#[tokio::test]
async fn advertises_what_it_does() {
    let suite = suite().await;
    exactly(
        &suite,
        &Expected {
            endpoints: &[
                ("authorization_endpoint", "/authorize"),
                ("token_endpoint", "/token"),
                ("userinfo_endpoint", "/userinfo"),
                ("jwks_uri", "/jwks"),
                ("introspection_endpoint", "/introspect"),
                ("revocation_endpoint", "/revoke"),
                ("registration_endpoint", "/register"),
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
            ],
            grant_types: &[
                "authorization_code",
                "implicit",
                "refresh_token",
                "client_credentials",
                "password",
            ],
            scopes: &[
                "openid",
                "profile",
                "email",
                "address",
                "phone",
                "offline_access",
                "weather",
                "urn:mobile:login:pin",
                "urn:mobile:login:otp",
                "clients:read",
                "clients:write",
                "users:read",
                "users:write",
                "keys:write",
            ],
            claims: &CLAIMS,
            prompts: &PROMPTS,
            more: &[
                ("ui_locales_supported", json!(["en"])),
                ("response_modes_supported", json!(["query", "fragment", "form_post"])),
                (
                    "introspection_signing_alg_values_supported",
                    json!(["RS256", "PS256", "ES256", "EdDSA", "HS256", "HS384", "HS512"]),
                ),
                (
                    "id_token_signing_alg_values_supported",
                    json!(["RS256", "PS256", "ES256", "EdDSA", "HS256", "HS384", "HS512"]),
                ),
                ("request_uri_parameter_supported", json!(false)),
            ],
            client: APP,
            redirect_uri: APP_AT,
        },
    )
    .await;
}
