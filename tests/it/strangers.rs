//! Addresses that strangers name are fetched as such, so that they cannot crowd out those of registered
//! clients (threat SS-05).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use oidc_op::{Fetch, FetchError, FetchRequest, Fetched, NamedBy};
use serde_json::{Value, json};

use crate::{
    registration::{Registered, setup, web_with},
    support::{Browser, Op, keys},
};

const DOCUMENT: &str = "https://app.example/client.json";
const KEYS: &str = "https://app.example/jwks";
const OBJECT: &str = "https://app.example/object.jwt";
const SECTOR: &str = "https://app.example/sector.json";

/// Documents, and who has named those that were asked for.
#[derive(Clone, Debug, Default)]
struct Web {
    documents: Arc<HashMap<&'static str, String>>,
    asked: Arc<Mutex<Vec<(String, NamedBy)>>>,
}

#[async_trait]
impl Fetch for Web {
    async fn get(&self, request: &FetchRequest<'_>) -> Result<Fetched, FetchError> {
        self.asked.lock().unwrap().push((request.url.to_owned(), request.named_by));
        let body = self.documents.get(request.url).ok_or(FetchError::Answer(404))?;
        Ok(Fetched::new(body.clone().into_bytes(), Some("application/json")))
    }
}

impl Web {
    /// What was asked for since the last time.
    fn asked(&self) -> Vec<(String, NamedBy)> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.dedup();
        asked
    }
}

/// What a client says of itself, whose keys and request objects are at its own addresses.
fn members() -> Value {
    web_with(&json!({
        "redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": KEYS, "request_uris": [OBJECT], "sector_identifier_uri": SECTOR,
    }))
}

fn op() -> (Op, Web) {
    let mut document = members();
    document["client_id"] = DOCUMENT.into();
    let documents = HashMap::from([
        (DOCUMENT, document.to_string()),
        (KEYS, keys::client_jwks().to_string()),
        (OBJECT, "no object".to_owned()),
        (SECTOR, json!(["https://app.example/cb"]).to_string()),
    ]);
    let web = Web { documents: Arc::new(documents), asked: Arc::default() };
    let mut setup = setup();
    setup.documents = None;
    setup.config.policy.client_documents = true;
    (setup.build_with(|builder| builder.fetch(web.clone())), web)
}

/// Has the client's keys and its request object fetched.
async fn be_used(client: &Registered, op: &Op) {
    assert!(client.is_known_by(op, "").await);
    let request = [("client_id", client.id()), ("request_uri", OBJECT)];
    Browser::new(op).authorize(&request).await;
}

/// Whoever may register at all decides about the sector's address; what is registered then is known.
#[tokio::test]
async fn addresses_of_registered_clients() {
    let (op, web) = op();
    let client = op.register(&members()).await;
    assert_eq!(web.asked(), [(SECTOR.to_owned(), NamedBy::Stranger)]);
    be_used(&client, &op).await;
    let known = [KEYS, OBJECT].map(|url| (url.to_owned(), NamedBy::Registered));
    assert_eq!(web.asked(), known);
}

/// All that a document names is the word of somebody whom nobody has let in.
#[tokio::test]
async fn addresses_of_clients_that_describe_themselves() {
    let (op, web) = op();
    let mut client = members();
    client["client_id"] = DOCUMENT.into();
    be_used(&Registered(client), &op).await;
    let asked = web.asked();
    for url in [DOCUMENT, SECTOR, KEYS, OBJECT] {
        assert!(asked.contains(&(url.to_owned(), NamedBy::Stranger)), "{url}: {asked:?}");
    }
    assert!(asked.iter().all(|(_, named_by)| *named_by == NamedBy::Stranger), "{asked:?}");
}
