//! A [`Service`] that any tower-based server can mount.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::{BodyExt, Collected, Full, LengthLimitError, Limited};
use tower_service::Service;

use super::http::{Pages, fields, request};
use crate::{Provider, Reply};

/// The provider as a service. What is not one of its paths is answered with 404.
///
/// ```no_run
/// # fn example(provider: oidc_op::Provider) {
/// use oidc_op::adapter::{http::Pages, tower::OidcService};
///
/// let service = OidcService::new(provider, Pages::at("/interaction/"));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OidcService {
    provider: Provider,
    pages: Pages,
}

impl OidcService {
    /// The provider, and where its pages are.
    pub fn new(provider: Provider, pages: Pages) -> Self {
        Self { provider, pages }
    }

    /// Reads the body, as far as the provider's limit goes, and answers.
    async fn answer<B>(self, incoming: http::Request<B>) -> Reply
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = incoming.into_parts();
        let limit = self.provider.config().limits.body;
        let body = if body.is_end_stream() {
            Ok(Bytes::new())
        } else {
            Limited::new(body, limit).collect().await.map(Collected::to_bytes)
        };
        let outcome = match body {
            Ok(body) => {
                let fields = fields(&parts.headers);
                self.provider.try_dispatch(request(&parts, &fields, &body)).await
            }
            Err(error) if error.is::<LengthLimitError>() => {
                self.provider.too_large(parts.uri.path())
            }
            Err(_) => return Reply::empty(400),
        };
        let answer = self.pages.answer(outcome.map_err(Into::into));
        answer.unwrap_or_else(|| Reply::empty(404))
    }
}

impl<B> Service<http::Request<B>> for OidcService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, incoming: http::Request<B>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(this.answer(incoming).await.into()) })
    }
}
