use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use oidc_op::{Fetch, FetchError, FetchRequest, Fetched};

/// Documents that clients name by URL, in memory. Remembers what was asked; what is not there fails.
#[derive(Clone, Debug, Default)]
pub(crate) struct Documents(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    documents: HashMap<String, Vec<u8>>,
    /// What is there from the next refresh on; none if that fails.
    newer: HashMap<String, Option<Vec<u8>>>,
    asked: Vec<String>,
}

impl Documents {
    pub(crate) fn put(&self, url: &str, body: impl Into<Vec<u8>>) {
        self.0.lock().unwrap().documents.insert(url.to_owned(), body.into());
    }

    /// Puts another version there, which a cache does not have until it is refreshed; or nothing.
    pub(crate) fn put_newer(&self, url: &str, body: Option<String>) {
        let body = body.map(String::into_bytes);
        self.0.lock().unwrap().newer.insert(url.to_owned(), body);
    }

    /// The addresses that were asked for since the last time, with `again` if not from a cache.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }
}

#[async_trait]
impl Fetch for Documents {
    async fn get(&self, request: &FetchRequest<'_>) -> Result<Fetched, FetchError> {
        let mut shelf = self.0.lock().unwrap();
        let again = if request.refresh { " again" } else { "" };
        shelf.asked.push(format!("{}{again}", request.url));
        if request.refresh
            && let Some(newer) = shelf.newer.get(request.url).cloned()
        {
            let newer = newer.ok_or(FetchError::Answer(503))?;
            shelf.documents.insert(request.url.to_owned(), newer);
        }
        let body = shelf.documents.get(request.url).ok_or(FetchError::Answer(404))?;
        Ok(Fetched::new(body.clone(), Some("application/oauth-authz-req+jwt")))
    }
}
