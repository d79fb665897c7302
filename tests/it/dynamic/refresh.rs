//! Refresh tokens of two clients.

use serde_json::json;

use super::{
    WITH_CODE, checks, each,
    key::Key,
    party::{Party, Registered, passed},
    sign_in::SignedIn,
};

const SCOPE: &str = "openid offline_access";

/// A client that may refresh.
pub(crate) async fn register(
    party: &mut Party,
    key: Key,
    members: &serde_json::Value,
) -> Registered {
    let mut grant_types = party.metadata(&key)["grant_types"].clone();
    grant_types.as_array_mut().unwrap().push("refresh_token".into());
    let mut members = members.clone();
    members["grant_types"] = grant_types;
    party.register_with(key, &members).await
}

/// OIDC Core §11: asked for with `offline_access`, and only with the person's consent.
pub(crate) async fn sign_in(party: &Party, client: &Registered) -> SignedIn {
    let ask = party.ask(client).with("scope", SCOPE).with("prompt", "consent");
    party.sign_in_by(client, &ask).await
}

/// RFC 6749 §6, OIDC Core §12: a refresh tells the same story, and is the client's own.
#[tokio::test]
async fn oidcc_refresh_token() {
    each(&WITH_CODE, async |party| {
        assert!(party.lists("grant_types_supported", "refresh_token"));
        assert!(party.lists("scopes_supported", "offline_access"));
        let first = register(party, Key::unnamed(), &json!({})).await;
        let done = sign_in(party, &first).await;
        party.refresh(&first, &done, Some(SCOPE)).await;

        let second = register(party, Key::unnamed(), &json!({})).await;
        let done = sign_in(party, &second).await;
        let done = party.refresh(&second, &done, None).await;
        let body =
            [("grant_type", "refresh_token"), ("refresh_token", done.token("refresh_token"))];
        passed(checks::refused(&party.token(&first, &body).await, 400, "invalid_grant"));
        party.refresh(&second, &done, None).await;
    })
    .await;
}
