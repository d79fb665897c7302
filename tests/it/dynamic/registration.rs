//! What a client says of itself: for people, its keys, its sector.

use oidc_op::{ClientMetadata, Need};
use serde_json::json;

use super::{
    ALL, WITH_CODE, checks, each,
    key::Key,
    party::{CALLBACK, Party, passed},
};
use crate::support::{ALICE, Browser};

/// A member that people are to see is there on each page; the example's pages show it
/// (`blackbox/self_registered.rs`).
async fn shown(member: &str, path: &str, of: fn(&ClientMetadata) -> Option<&String>) {
    each(&ALL, async |party: &mut Party| {
        let uri = party.site.put(path, "text/html", "<h1>The relying party</h1>");
        let client = party.register_with(Key::unnamed(), &json!({ member: uri })).await;
        let mut browser = Browser::new(&party.op);
        let mut answer = browser.authorize(&party.ask(&client).pairs()).await;
        for need in [Need::Login, Need::Consent] {
            let page = answer.page();
            assert_eq!(page.need, need);
            assert_eq!(of(&page.client.metadata), Some(&uri), "{member} at {need:?}");
            let token = page.token.clone();
            if need == Need::Login {
                answer = browser.login(&token, ALICE).await;
            }
        }
        assert_eq!(party.site.hits(path), 0, "it is the browser that fetches it");
    })
    .await;
}

#[tokio::test]
async fn oidcc_registration_logo_uri() {
    shown("logo_uri", "/logo.png", |metadata| metadata.logo_uri.as_ref()).await;
}

#[tokio::test]
async fn oidcc_registration_policy_uri() {
    shown("policy_uri", "/policy", |metadata| metadata.policy_uri.as_ref()).await;
}

#[tokio::test]
async fn oidcc_registration_tos_uri() {
    shown("tos_uri", "/tos", |metadata| metadata.tos_uri.as_ref()).await;
}

/// The keys are where the client publishes them, and nowhere else.
#[tokio::test]
async fn oidcc_registration_jwks_uri() {
    each(&WITH_CODE, async |party| {
        let key = Key::named("k1");
        let uri = party.site.put_json("/jwks", &key.set());
        let by_uri = json!({ "jwks": null, "jwks_uri": uri });
        let client = party.register_with(key, &by_uri).await;
        party.sign_in(&client).await;
        assert_eq!(party.site.hits("/jwks"), 1);
    })
    .await;
}

/// OIDC Core §8.1: whoever answers for the sector has agreed, and its clients get names of its own.
#[tokio::test]
async fn oidcc_registration_sector_uri() {
    each(&ALL, async |party| {
        assert!(party.lists("subject_types_supported", "pairwise"));
        let uri = party.site.put_json("/redirect_uris.json", &json!([CALLBACK]));
        let sector = json!({ "subject_type": "pairwise", "sector_identifier_uri": uri });
        let client = party.register_with(Key::unnamed(), &sector).await;
        assert_eq!(party.site.hits("/redirect_uris.json"), 1);
        let done = party.sign_in(&client).await;
        assert!(!done.sub().contains("alice") && done.sub().len() >= 16, "{}", done.sub());
    })
    .await;
}

/// OIDC Registration §5: a sector that does not know of the client does not have it.
#[tokio::test]
async fn oidcc_registration_sector_bad() {
    each(&ALL, async |party| {
        assert!(party.lists("subject_types_supported", "pairwise"));
        let other = json!(["https://rp.example/test/a/other"]);
        let uri = party.site.put_json("/redirect_uris.json", &other);
        let sector = json!({ "subject_type": "pairwise", "sector_identifier_uri": uri });
        let metadata = party.metadata_with(&Key::unnamed(), &sector);
        let answer = party.send(&metadata).await;
        passed(checks::unregistered(&answer, &["invalid_client_metadata"]));
        assert_eq!(party.site.hits("/redirect_uris.json"), 1);
    })
    .await;
}
