use std::{pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Body, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{FetchError, Fetched, PostRequest, cache, target::Target};

/// The largest header section, in bytes.
const HEADER: usize = 16 * 1024;

/// The most fields in it.
const FIELDS: usize = 64;

/// What is asked of a server.
#[derive(Clone, Copy)]
pub(super) enum Message<'m> {
    /// A document of these media types.
    Get { accept: &'m str },
    /// An answer to this.
    Post(&'m PostRequest<'m>),
}

impl Message<'_> {
    fn request(self, target: &Target) -> http::Result<Request<Full<Bytes>>> {
        let request = Request::builder()
            .uri(target.path.clone())
            .header(header::HOST, &target.authority)
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::USER_AGENT, "oidc-op")
            .header(header::CONNECTION, "close");
        let post = match self {
            Self::Get { accept } => {
                return request.header(header::ACCEPT, accept).body(Full::default());
            }
            Self::Post(post) => post,
        };
        let mut request = request
            .method(Method::POST)
            .header(header::ACCEPT, post.accept)
            .header(header::CONTENT_TYPE, post.content_type);
        if let Some(credentials) = post.authorization {
            let mut credentials = HeaderValue::from_str(credentials)?;
            credentials.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, credentials);
        }
        request.body(Full::new(Bytes::copy_from_slice(post.body)))
    }

    /// Whether this status is that of an answer. Who has nothing to say to a post may say so.
    fn is_answered_by(self, status: StatusCode) -> bool {
        status == StatusCode::OK
            || (matches!(self, Self::Post(_)) && status == StatusCode::NO_CONTENT)
    }
}

/// Asks one thing on a connection that is closed after it, and nothing else: no redirect is
/// followed, no cookie is kept, nothing is unpacked. Also answers how long the server wants the
/// document to be kept, if it says so.
pub(super) async fn exchange<S>(
    stream: S,
    target: &Target,
    message: Message<'_>,
    limit: usize,
) -> Result<(Fetched, Option<Duration>), FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = message.request(target).map_err(FetchError::failed)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEADER)
        .max_headers(FIELDS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(FetchError::failed)?;
    let answer = pin!(async {
        let response = sender.send_request(request).await.map_err(FetchError::failed)?;
        if !message.is_answered_by(response.status()) {
            return Err(FetchError::Answer(response.status().as_u16()));
        }
        read(response, limit).await
    });
    // The connection moves only while it is looked at. It may end before all that came is read.
    match select(answer, pin!(connection)).await {
        Either::Left((document, _)) => document,
        Either::Right((_, answer)) => answer.await,
    }
}

/// The document, if it is one that can be read.
async fn read(
    response: Response<Incoming>,
    limit: usize,
) -> Result<(Fetched, Option<Duration>), FetchError> {
    let (head, mut body) = response.into_parts();
    let encodings = texts(&head.headers, header::CONTENT_ENCODING);
    if encodings.into_iter().any(|encoding| !encoding.trim().eq_ignore_ascii_case("identity")) {
        return Err(FetchError::failed("the document is encoded, which was not asked for"));
    }
    // A length that is announced only saves the reading; what counts is what comes.
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(FetchError::TooLarge);
    }
    let mut document = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(FetchError::failed)?;
        let Some(data) = frame.data_ref() else { continue };
        if data.len() > limit.saturating_sub(document.len()) {
            return Err(FetchError::TooLarge);
        }
        document.extend_from_slice(data);
    }
    let cache_control = texts(&head.headers, header::CACHE_CONTROL);
    let age = texts(&head.headers, header::AGE).first().copied();
    let freshness = cache::freshness(cache_control.into_iter(), age);
    let content_type = texts(&head.headers, header::CONTENT_TYPE).first().copied();
    Ok((Fetched::new(document, content_type), freshness))
}

/// The values of a field; one that is not text is as good as an empty one.
fn texts(fields: &HeaderMap, name: header::HeaderName) -> Vec<&str> {
    fields.get_all(name).iter().map(|value| value.to_str().unwrap_or("")).collect()
}
