//! The way to upstream providers: one connection for each request, without redirects, proxies, or patience.
//!
//! HTTPS with the authorities of this machine (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others); plain HTTP
//! only on loopback.

use std::{error::Error, fmt, io, pin::Pin, sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderValue, Request, StatusCode, Uri, header},
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::config::{ConfigError, UpstreamEntry, is_loopback, is_safe};

/// The largest answer that is read.
const LARGEST: usize = 256 * 1024;

/// The way to upstream providers.
pub(crate) struct Transport {
    tls: TlsConnector,
    /// How long one request may take, from the name of the host to the last byte of the answer.
    patience: Duration,
}

/// A request that came to nothing.
#[derive(Debug)]
pub(super) enum CallError {
    /// Others could read along there.
    Unsafe,
    Slow,
    TooLarge,
    /// The server says that it has failed.
    Status(StatusCode),
    Connect(io::Error),
    Http(hyper::Error),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Transport {
    /// The way to these; none, if there are none.
    pub(crate) fn to(
        entries: &[UpstreamEntry],
        patience: Duration,
    ) -> Result<Option<Self>, ConfigError> {
        if entries.is_empty() {
            return Ok(None);
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        must_vouch(&roots, entries)?;
        Self::trusting(roots, patience).map(Some)
    }

    fn trusting(roots: RootCertStore, patience: Duration) -> Result<Self, ConfigError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| ConfigError::new(format!("upstreams: TLS: {e}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), patience })
    }

    /// What is there, for whoever has this access token ([RFC 6750 §2.1]).
    ///
    /// [RFC 6750 §2.1]: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
    pub(super) async fn get(&self, address: &str, token: &str) -> Result<HttpResponse, CallError> {
        let request = Request::get(address)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::ACCEPT, "application/json")
            .body(Vec::new());
        self.send(request.map_err(|_| CallError::Unsafe)?).await
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        timeout(self.patience, self.exchange(request)).await.map_err(|_| CallError::Slow)?
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| CallError::Unsafe)?;
        if !is_safe(&url) {
            return Err(CallError::Unsafe);
        }
        let stream = self.connect(&url).await.map_err(CallError::Connect)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(CallError::Http)?;
        // Ends with this request, however that ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let request = addressed(request, &url).ok_or(CallError::Unsafe)?;
        let (head, body) =
            sender.send_request(request).await.map_err(CallError::Http)?.into_parts();
        if head.status.is_server_error() {
            return Err(CallError::Status(head.status));
        }
        let body = Limited::new(body, LARGEST).collect().await.map_err(too_large_or_broken)?;
        Ok(HttpResponse::from_parts(head, body.to_bytes().into()))
    }

    async fn connect(&self, url: &Url) -> io::Result<Box<dyn Stream>> {
        let unfit = || io::Error::from(io::ErrorKind::InvalidInput);
        let host = url.host_str().map(|host| host.trim_matches(['[', ']'])).ok_or_else(unfit)?;
        let port = url.port_or_known_default().ok_or_else(unfit)?;
        let stream = TcpStream::connect((host, port)).await?;
        if url.scheme() == "http" {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| unfit())?;
        Ok(Box::new(self.tls.connect(name, stream).await?))
    }
}

/// Refuses upstream providers whom nobody could vouch for.
fn must_vouch(roots: &RootCertStore, entries: &[UpstreamEntry]) -> Result<(), ConfigError> {
    let addresses = |entry: &UpstreamEntry| {
        let person = entry.person.iter().map(|person| person.url.clone());
        person.chain([entry.issuer.as_str().to_owned()]).any(|url| url.starts_with("https:"))
    };
    match entries.iter().position(addresses) {
        Some(at) if roots.is_empty() => Err(ConfigError::new(format!(
            "upstreams[{at}].issuer: this machine trusts no certificate authority; name some by SSL_CERT_FILE"
        ))),
        _ => Ok(()),
    }
}

/// The way to what an upstream provider says that it has. This machine is nobody else's to point at, and
/// plain HTTP is for an issuer that has no better.
pub(super) struct Endpoints<'t> {
    pub(super) http: &'t Transport,
    pub(super) issuer: &'t Url,
}

impl Endpoints<'_> {
    pub(super) fn may_be(&self, url: &Url) -> bool {
        let as_safe = url.scheme() == "https" || url.scheme() == self.issuer.scheme();
        is_safe(url) && as_safe && (!is_loopback(url) || is_loopback(self.issuer))
    }

    pub(super) async fn get(&self, address: &str, token: &str) -> Result<HttpResponse, CallError> {
        let url = Url::parse(address).ok().filter(|url| self.may_be(url));
        url.ok_or(CallError::Unsafe)?;
        self.http.get(address, token).await
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        let url = Url::parse(&request.uri().to_string()).ok().filter(|url| self.may_be(url));
        url.ok_or(CallError::Unsafe)?;
        self.http.send(request).await
    }
}

/// The request as a server reads it: a path, and the host beside it.
fn addressed(request: HttpRequest, url: &Url) -> Option<Request<Full<Bytes>>> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query()?.clone();
    let host = url.host_str()?;
    let host = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    head.uri = Uri::from(path);
    head.headers.insert(header::HOST, HeaderValue::from_str(&host).ok()?);
    head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Some(Request::from_parts(head, Full::new(body.into())))
}

fn too_large_or_broken(error: Box<dyn Error + Send + Sync>) -> CallError {
    match error.downcast::<hyper::Error>() {
        Ok(error) => CallError::Http(*error),
        Err(error) if error.is::<LengthLimitError>() => CallError::TooLarge,
        Err(error) => CallError::Connect(io::Error::other(error)),
    }
}

impl<'c> AsyncHttpClient<'c> for Endpoints<'_> {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status(status) => return write!(f, "the answer is {status}"),
            Self::Unsafe => "the address is not one to be asked: it is neither https nor on loopback, or less safe than the issuer",
            Self::Slow => "no answer in time",
            Self::TooLarge => "the answer is too large",
            Self::Connect(_) => "no connection",
            Self::Http(_) => "the request failed",
        })
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect(cause) => Some(cause),
            Self::Http(cause) => Some(cause),
            Self::Unsafe | Self::Slow | Self::TooLarge | Self::Status(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::HeaderMap, routing::get};
    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn transport(patience: Duration) -> Transport {
        Transport::trusting(RootCertStore::empty(), patience).unwrap()
    }

    async fn site() -> String {
        let said = async |headers: HeaderMap| {
            let field = |name: &str| headers[name].to_str().unwrap().to_owned();
            format!("{} {}", field("host"), field("authorization"))
        };
        let routes = Router::new()
            .route("/", get(said))
            .route("/largest", get(async || "x".repeat(LARGEST)))
            .route("/larger", get(async || "x".repeat(LARGEST + 1)))
            .route("/away", get(async || (StatusCode::FOUND, [("location", "/")])))
            .route("/failed", get(async || StatusCode::SERVICE_UNAVAILABLE))
            .route("/never", get(async || std::future::pending::<()>().await));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, routes).into_future());
        address
    }

    #[tokio::test]
    async fn answers_are_bounded() {
        let (site, http) = (site().await, transport(PATIENCE));
        let answer = http.get(&site, "token").await.unwrap();
        let host = site.strip_prefix("http://").unwrap();
        assert_eq!(answer.body(), format!("{host} Bearer token").as_bytes());
        let get = async |path: &str| http.get(&format!("{site}{path}"), "t").await;
        assert_eq!(get("/largest").await.unwrap().body().len(), LARGEST);
        assert!(matches!(get("/larger").await, Err(CallError::TooLarge)));
        assert_eq!(get("/away").await.unwrap().status(), 302, "nothing is followed");
        assert!(matches!(get("/failed").await, Err(CallError::Status(_))));
        let hasty = transport(Duration::from_millis(50));
        let slow = hasty.get(&format!("{site}/never"), "t").await;
        assert!(matches!(slow, Err(CallError::Slow)), "{slow:?}");
    }

    /// What a provider says that it has is as safe as the provider, and not on this machine unless it is itself.
    #[tokio::test]
    async fn endpoints_are_as_safe_as_the_issuer() {
        let (site, http) = (site().await, transport(PATIENCE));
        let public = ["https://up.example/x", "https://10.0.0.1/", "https://else.example:8443/"];
        let (tls, plain) =
            (["https://localhost/x", "https://[::1]/"], ["http://127.0.0.1:9/x", &*site]);
        let never = ["http://up.example/", "javascript:alert(1)", "ftp://localhost/"];
        for (issuer, with_tls, with_plain) in [
            ("https://up.example", false, false),
            ("https://localhost:8443/op", true, false),
            ("http://127.0.0.1:8080", true, true),
        ] {
            let issuer = Url::parse(issuer).unwrap();
            let endpoints = Endpoints { http: &http, issuer: &issuer };
            let fit = |all: &[&str]| {
                let fit: Vec<_> =
                    all.iter().map(|url| endpoints.may_be(&Url::parse(url).unwrap())).collect();
                assert_eq!(fit.iter().min(), fit.iter().max(), "{issuer} {all:?}");
                fit[0]
            };
            let fits = [fit(&public), fit(&tls), fit(&plain), fit(&never)];
            assert_eq!(fits, [true, with_tls, with_plain, false], "{issuer}");
            let asked = [
                endpoints.get(&site, "t").await,
                endpoints.call(Request::get(&site).body(Vec::new()).unwrap()).await,
            ];
            for answer in asked {
                let refused = matches!(answer, Err(CallError::Unsafe));
                assert_eq!(refused, !with_plain, "{issuer}: {answer:?}");
            }
        }
    }

    /// Without any authority each sign-in would fail.
    #[test]
    fn somebody_must_vouch() {
        let entry = |issuer: &str, more: &str| -> UpstreamEntry {
            let text = format!("name = \"a\"\nissuer = \"{issuer}\"\nclient_id = \"us\"\n{more}");
            toml::from_str(&text).unwrap()
        };
        let mut some = RootCertStore::empty();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        some.add(made.cert.der().clone()).unwrap();
        let local = "http://127.0.0.1:1";
        for (second, fits) in [
            (entry("https://up.example", ""), false),
            (entry(local, "person = { url = \"https://up.example/me\" }"), false),
            (entry(local, ""), true),
        ] {
            let entries = [entry(local, ""), second];
            let refused = must_vouch(&RootCertStore::empty(), &entries).err();
            let told = refused.as_ref().map(ToString::to_string).unwrap_or_default();
            assert_eq!(told.contains("upstreams[1].issuer"), !fits, "{told}");
            assert!(must_vouch(&some, &entries).is_ok());
        }
    }

    /// Nothing is sent where others could read along, or to whom nobody vouches for.
    #[tokio::test]
    async fn tokens_travel_safely() {
        let http = transport(PATIENCE);
        for address in [
            "http://example.com/",
            "ftp://localhost/",
            "http://10.0.0.1/",
            "//x/",
            "http://127.1@x",
        ] {
            let answer = http.get(address, "t").await;
            assert!(matches!(answer, Err(CallError::Unsafe)), "{address}: {answer:?}");
        }
        let nobody = http.get("http://127.0.0.1:1/", "t").await;
        assert!(matches!(nobody, Err(CallError::Connect(_))), "{nobody:?}");

        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = made.signing_key.serialize_der().try_into().unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let config = axum_server::tls_rustls::RustlsConfig::from_config(Arc::new(config));
        let server = axum_server::from_tcp_rustls(listener, config).unwrap();
        let routes = Router::new().route("/", get(async || "safe"));
        tokio::spawn(server.serve(routes.into_make_service()));

        let stranger = http.get(&address, "t").await;
        assert!(matches!(stranger, Err(CallError::Connect(_))), "{stranger:?}");
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let trusting = Transport::trusting(roots, PATIENCE).unwrap();
        assert_eq!(trusting.get(&address, "t").await.unwrap().body(), b"safe");
        let elsewhere = address.replace("localhost", "127.0.0.1");
        assert!(matches!(trusting.get(&elsewhere, "t").await, Err(CallError::Connect(_))));
    }
}
