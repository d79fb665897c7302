//! The way to a provider on this machine that speaks plain HTTP, for trying things out. What the
//! library brings, `GuardedFetch`, speaks https only.

use std::time::Duration;

use async_trait::async_trait;
use oidc_op::{Fetch, FetchError, FetchRequest, Fetched, Issuer, PostRequest};
use reqwest::{RequestBuilder, StatusCode, header};

/// Asks the issuer, and nobody else. It keeps nothing, so each request asks.
#[derive(Debug)]
pub(crate) struct Loopback {
    http: reqwest::Client,
    origin: String,
}

impl Loopback {
    pub(crate) fn new(issuer: &Issuer) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()?;
        Ok(Self { http, origin: format!("{}/", issuer.origin()) })
    }

    /// Nowhere but the issuer's own origin: there, http is for loopback hosts only.
    fn look_at(&self, url: &str) -> Result<(), FetchError> {
        if url.starts_with(&self.origin) {
            Ok(())
        } else {
            Err(FetchError::Refused("it is not one of the issuer's"))
        }
    }
}

#[async_trait]
impl Fetch for Loopback {
    async fn get(&self, request: &FetchRequest<'_>) -> Result<Fetched, FetchError> {
        self.look_at(request.url)?;
        send(self.http.get(request.url).header(header::ACCEPT, request.accept)).await
    }

    async fn post(&self, request: &PostRequest<'_>) -> Result<Fetched, FetchError> {
        self.look_at(request.url)?;
        let mut post = self
            .http
            .post(request.url)
            .header(header::ACCEPT, request.accept)
            .header(header::CONTENT_TYPE, request.content_type)
            .body(request.body.to_vec());
        if let Some(credentials) = request.authorization {
            post = post.header(header::AUTHORIZATION, credentials);
        }
        send(post).await
    }
}

async fn send(request: RequestBuilder) -> Result<Fetched, FetchError> {
    let response = request.send().await.map_err(FetchError::failed)?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Answer(response.status().as_u16()));
    }
    let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
    let body = response.bytes().await.map_err(FetchError::failed)?;
    let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
    Ok(Fetched::new(&*body, content_type))
}
