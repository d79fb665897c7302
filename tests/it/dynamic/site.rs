use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    http::{StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use axum_server::tls_rustls::RustlsConfig;
use oidc_op::FetchPolicy;
use serde_json::Value;

use crate::support::Tls;

/// The relying party's web server, at `https://localhost:PORT`: it runs for as long as the test does.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    origin: String,
    tls: Tls,
    documents: Arc<Mutex<HashMap<String, Document>>>,
}

#[derive(Debug)]
struct Document {
    media_type: &'static str,
    text: String,
    hits: usize,
}

impl Site {
    /// Opens it, with nothing there.
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let site = Self { origin, tls: Tls::new(), documents: Arc::default() };
        let config = RustlsConfig::from_config(Arc::clone(&site.tls.config));
        let own = site.clone();
        let routes = Router::new().fallback(move |uri: Uri| async move { own.answer(&uri) });
        let server = axum_server::from_tcp_rustls(listener, config).unwrap();
        tokio::spawn(server.serve(routes.into_make_service()));
        site
    }

    fn answer(&self, uri: &Uri) -> Response {
        let mut documents = self.documents.lock().unwrap();
        let Some(document) = documents.get_mut(uri.path()) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        document.hits += 1;
        ([(CONTENT_TYPE, document.media_type)], document.text.clone()).into_response()
    }

    /// An address here.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Puts a document there, or another one in its place; answers its address.
    pub(crate) fn put(&self, path: &str, media_type: &'static str, text: &str) -> String {
        let mut documents = self.documents.lock().unwrap();
        let hits = documents.get(path).map_or(0, |document| document.hits);
        documents.insert(path.to_owned(), Document { media_type, text: text.to_owned(), hits });
        self.url(path)
    }

    /// The same of JSON.
    pub(crate) fn put_json(&self, path: &str, document: &Value) -> String {
        self.put(path, "application/json", &document.to_string())
    }

    /// How often a document was asked for.
    pub(crate) fn hits(&self, path: &str) -> usize {
        self.documents.lock().unwrap().get(path).map_or(0, |document| document.hits)
    }

    /// The certificate of the authority that vouches for this server, as DER.
    pub(crate) fn authority(&self) -> &[u8] {
        &self.tls.root
    }

    /// A policy that trusts this server and lets it have its address.
    pub(crate) fn policy(&self) -> FetchPolicy {
        self.tls.policy()
    }
}
