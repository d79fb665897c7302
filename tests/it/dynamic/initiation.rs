//! The plan for login that a third party initiates (OIDC Core §4).

use serde_json::json;

use super::{ALL, checks, key::Key, party::passed, run};

/// OIDC Registration §3.2, §4.3: it is in the answer, and can be read again.
#[tokio::test]
async fn oidcc_3rd_party_init_login() {
    run(
        &ALL,
        "client_secret_basic",
        |_, _| {},
        async |party| {
            let uri = party.site.url("/initiate_login");
            let sent = json!({ "initiate_login_uri": uri });
            let client = party.register_with(Key::unnamed(), &sent).await;
            let found = passed(checks::read(&party.manage("GET", &client, "").await, &sent));
            assert_eq!(found["client_id"], client.id());
            party.sign_in(&client).await;
        },
    )
    .await;
}

#[tokio::test]
async fn oidcc_3rd_party_init_login_nohttps() {
    run(
        &ALL,
        "client_secret_basic",
        |_, _| {},
        async |party| {
            let plain = party.site.url("/initiate_login").replace("https:", "http:");
            let metadata =
                party.metadata_with(&Key::unnamed(), &json!({ "initiate_login_uri": plain }));
            let answer = party.send(&metadata).await;
            passed(checks::unregistered(&answer, &["invalid_client_metadata"]));
        },
    )
    .await;
}
