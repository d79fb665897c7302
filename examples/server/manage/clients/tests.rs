//! What a client at the API cannot bring about: a server that has changed, a store that fails.

use std::net::{Ipv4Addr, SocketAddr};

use oidc_op::{
    ClientMetadata, Subject,
    store::{MemoryStore, Store},
};
use tempfile::TempDir;

use super::{change::fits, *};
use crate::{Settings, assemble};

/// The demo on this store.
async fn app(store: Arc<dyn Store>) -> (Arc<App>, TempDir) {
    let data = tempfile::tempdir().unwrap();
    let mut settings = Settings::demo().unwrap();
    settings.data = data.path().join("data");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let app = assemble(settings, address, &mut Some(store)).await;
    let app = app.map_err(|_| "not assembled").unwrap();
    (app, data)
}

fn client(members: &Value) -> Client {
    let mut all = json!({
        "redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none",
    });
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let metadata: ClientMetadata = serde_json::from_value(all).unwrap();
    Client::public(ClientId::new("a").unwrap(), metadata).unwrap()
}

/// A server that fetches nothing any more: what has nothing to do with that may be changed, and what has only
/// for what works.
#[tokio::test]
async fn what_has_never_worked_is_no_excuse_for_more_of_it() {
    let (app, _data) = app(Arc::new(MemoryStore::new())).await;
    let (there, other) = ("https://a.example/jwks", "https://b.example/jwks");
    let before = client(&json!({ "jwks_uri": there, "client_name": "A" }));
    for (after, well) in [
        (json!({ "jwks_uri": there, "client_name": "B" }), true),
        (json!({ "client_name": "A" }), true),
        (json!({ "jwks_uri": other, "client_name": "A" }), false),
        (json!({ "jwks_uri": there, "request_uris": ["https://a.example/r"] }), false),
        (json!({ "jwks_uri": there, "scope": "openid unknown" }), false),
    ] {
        let fit = fits(&app.provider, Some(&before), &client(&after));
        assert_eq!(fit.is_ok(), well, "{after}: {fit:?}");
    }
    assert!(fits(&app.provider, None, &before).is_err(), "of a new one, nothing is excused");
}

/// Whose a client is cannot be told then: who reaches those of one owner alone learns of no other.
#[cfg(feature = "test-util")]
#[tokio::test]
async fn a_client_that_cannot_be_read_is_there_for_free_callers_only() {
    use oidc_op::store::{Fault, FaultyStore};

    let store = FaultyStore::new(MemoryStore::new());
    let (app, _data) = app(Arc::new(store.clone())).await;
    app.provider.create_client(client(&json!({}))).await.unwrap();
    let free = Caller { client: client(&json!({})) };
    let mut bounded = Caller { client: client(&json!({})) };
    bounded.client.owner = Some(Subject::new("sub-of-carol").unwrap());
    assert!(app.find(&free, "a").await.is_ok());
    for (caller, id, status) in [
        (&free, "a", StatusCode::SERVICE_UNAVAILABLE),
        (&bounded, "a", StatusCode::NOT_FOUND),
        (&bounded, "b", StatusCode::NOT_FOUND),
    ] {
        for fault in [Fault::Unreadable, Fault::LoseRequest] {
            store.reset();
            store.fail_all(fault);
            let problem = app.find(caller, id).await.err().unwrap();
            assert!(problem.is(status), "{id} {fault:?}: {problem:?}");
        }
    }
}
