//! The way to the provider: its addresses, but over loopback.

use std::{fmt, net::SocketAddr, pin::Pin, time::Duration};

use axum::http::{Request, StatusCode, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use oidc_op::Issuer;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use url::form_urlencoded::{Serializer, byte_serialize};

/// The way to the provider.
pub(super) struct BackChannel {
    http: reqwest::Client,
    /// What the provider's addresses begin with.
    origin: String,
    /// Where it listens.
    address: SocketAddr,
}

impl<'c> AsyncHttpClient<'c> for BackChannel {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl BackChannel {
    pub(super) fn new(issuer: &Issuer, address: SocketAddr) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self { http, origin: issuer.origin().to_owned(), address })
    }

    /// Posts a form with `client_secret_basic` ([RFC 6749 §2.3.1]).
    ///
    /// [RFC 6749 §2.3.1]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
    pub(super) async fn post(
        &self,
        address: &str,
        (id, secret): (&str, &str),
        form: &[(&str, &str)],
    ) -> Result<(StatusCode, Vec<u8>), CallError> {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let basic = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
        let request = Request::post(address)
            .header(header::AUTHORIZATION, format!("Basic {basic}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Serializer::new(String::new()).extend_pairs(form).finish().into_bytes());
        let answer = self.send(request.map_err(|_| CallError::Elsewhere)?).await?;
        Ok((answer.status(), answer.into_body()))
    }

    /// Sends a request for one of the provider's addresses, over loopback.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        let (parts, body) = request.into_parts();
        let uri = parts.uri.to_string();
        let path = uri.strip_prefix(&*self.origin).ok_or(CallError::Elsewhere)?;
        let url = format!("http://{}{path}", self.address);
        let sent = self.http.request(parts.method, url).headers(parts.headers).body(body);
        // Without the address, which is not the one that anybody asked for.
        let response = sent.send().await.map_err(|e| CallError::Http(e.without_url()))?;
        let mut answer = HttpResponse::default();
        *answer.status_mut() = response.status();
        answer.headers_mut().clone_from(response.headers());
        let body = response.bytes().await.map_err(|e| CallError::Http(e.without_url()))?;
        *answer.body_mut() = body.into();
        Ok(answer)
    }
}

/// A request to the provider came to nothing.
#[derive(Debug)]
pub(super) enum CallError {
    /// The metadata name an address outside of the issuer's.
    Elsewhere,
    Http(reqwest::Error),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elsewhere => "the address is not one of the issuer's",
            Self::Http(_) => "the request failed",
        })
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Elsewhere => None,
            Self::Http(cause) => Some(cause),
        }
    }
}
