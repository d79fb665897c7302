//! What surrounds every request: who sends it, how long it may take, what is logged of it, and what a
//! person sees when no page was made for an answer.

use std::{
    any::Any,
    error::Error,
    fmt::{self, Write},
    net::{IpAddr, SocketAddr},
    panic,
    sync::Arc,
    time::Instant,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{ConnectInfo, FromRequest, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http_body_util::LengthLimitError;
use oidc_op::{
    Entropy, Interaction, Issuer, SystemEntropy,
    adapter::http::{Peer, fields, request},
};
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};
use tracing::{debug, error, warn};

use crate::{
    App,
    config::{self, Network},
    device,
    pages::OOPS,
    shedding::{Room, shed},
};

/// The largest form that a page of ours sends.
const FORM: usize = 64 * 1024;

tokio::task_local! {
    /// Names the request in the log and on the page that says that it failed.
    static ID: String;
}

/// Puts everything around the routes.
pub(crate) fn around(
    routes: Router,
    app: &Arc<App>,
    limits: &config::Limits,
    room: &Room,
) -> Router {
    let patience = limits.request();
    routes
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, patience))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(room.clone(), shed))
        .layer(middleware::from_fn_with_state(Arc::clone(app), frame))
}

/// The outermost layer.
async fn frame(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let id = correlation_id();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    if let Some(peer) = peer {
        let peer = believed(peer, request.headers(), &app.trusted_proxies);
        request.extensions_mut().insert(Peer(peer));
    }
    let method = request.method().clone();
    let path = without_token(request.uri().path(), &app.site.base);
    let page_wanted = !is_for_programs(&app, request.uri().path());
    let started = Instant::now();

    let mut response = ID.scope(id.clone(), next.run(request)).await;
    let status = response.status();
    if is_bare(&response) {
        response = dress(&app, &response, page_wanted, &id);
    }
    for (name, value) in always(&app.issuer) {
        response.headers_mut().entry(name).or_insert(value);
    }
    let (took, path) = (started.elapsed(), Capped(&path));
    if status.is_server_error() {
        warn!(id, %method, ?path, status = status.as_u16(), ?took, "request failed");
    } else {
        debug!(id, %method, ?path, status = status.as_u16(), ?took, "request");
    }
    response
}

/// Fields for every answer that does not say otherwise.
fn always(issuer: &Issuer) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let local = ["https://localhost", "https://127.0.0.1", "https://[::1]"];
    let public = issuer.is_https() && !local.iter().any(|host| issuer.origin().starts_with(host));
    let hsts = public.then_some((header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"));
    [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::REFERRER_POLICY, "no-referrer")]
        .into_iter()
        .chain(hsts)
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
}

/// An error without a word to it: no route, no such method, too slow, a panic. Not a challenge, which says
/// nothing to whoever sent no credentials (RFC 6750 §3.1).
fn is_bare(response: &Response) -> bool {
    let status = response.status();
    status != StatusCode::UNAUTHORIZED
        && (status.is_client_error() || status.is_server_error())
        && HttpBody::size_hint(response.body()).exact() == Some(0)
}

/// Gives an error without a word its words, and keeps its header fields.
fn dress(app: &App, bare: &Response, page_wanted: bool, id: &str) -> Response {
    let status = bare.status();
    let (text, error) = match status {
        StatusCode::NOT_FOUND => ("There is no such page.", "not_found"),
        StatusCode::METHOD_NOT_ALLOWED => ("The method is not supported here.", "invalid_request"),
        StatusCode::PAYLOAD_TOO_LARGE => ("The request is too large.", "invalid_request"),
        StatusCode::SERVICE_UNAVAILABLE => {
            ("The service is busy. Try again in a moment.", "temporarily_unavailable")
        }
        status if status.is_server_error() => {
            ("The service met an internal error.", "server_error")
        }
        _ => ("The request could not be understood.", "invalid_request"),
    };
    let mut dressed = if page_wanted {
        let failed = status.is_server_error();
        let code = if failed { format!("{error} · {id}") } else { error.to_owned() };
        app.site.error(status, OOPS, text, None, &code)
    } else {
        let body = serde_json::json!({ "error": error, "error_description": text, "id": id });
        (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    };
    for (name, value) in bare.headers() {
        if *name != header::CONTENT_LENGTH && !dressed.headers().contains_key(name) {
            dressed.headers_mut().append(name, value.clone());
        }
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let retry = HeaderValue::from_static("5");
        dressed.headers_mut().entry(header::RETRY_AFTER).or_insert(retry);
    }
    dressed
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    dressed
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Reports a panic as one event, where the default would write several lines.
pub(crate) fn report_panics() {
    panic::set_hook(Box::new(|info| {
        let id = ID.try_with(Clone::clone).unwrap_or_default();
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).map(Capped);
        error!(id, ?text, "panicked at {place}");
    }));
}

fn correlation_id() -> String {
    let mut bytes = [0; 8];
    // Without randomness the name is not unique, which only the reader of the log will mind.
    let _ = SystemEntropy::new().fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

/// The address to count by: the peer's, or if that is a proxy of ours, the last one that it and other
/// proxies of ours have not written about themselves.
fn believed(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
    let mut client = peer.to_canonical();
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    let hops: Vec<_> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    for hop in hops.into_iter().rev() {
        if !is_proxy(client) {
            break;
        }
        let Some(address) = address(hop) else { break };
        client = address;
    }
    client
}

/// An address, perhaps with a port, as proxies write it.
fn address(hop: &str) -> Option<IpAddr> {
    let address = hop.parse().ok().or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

/// The path, for the log: the token of an interaction is left out.
fn without_token(path: &str, base: &str) -> String {
    let rest = path.strip_prefix(base).and_then(|path| path.strip_prefix("/interaction/"));
    match rest {
        Some(_) => format!("{base}/interaction/…"),
        None => path.to_owned(),
    }
}

/// Whether it is one of the provider's endpoints, of which only the first shows pages to people, or of the
/// server's own APIs.
fn is_for_programs(app: &App, path: &str) -> bool {
    let manages = |base: &str| path.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
    app.provider.paths().iter().skip(1).any(|endpoint| *endpoint == path)
        || app.manage.as_ref().is_some_and(|manage| manages(&manage.base))
        || app.profile.as_ref().is_some_and(|profile| profile.base == path)
}

/// HEAD where GET does something: it does nothing.
pub(crate) async fn nothing() -> StatusCode {
    StatusCode::OK
}

/// Text of a stranger's, for the log: control characters escaped, and not too long.
pub(crate) struct Capped<'t>(pub(crate) &'t str);

impl fmt::Debug for Capped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 200;
        let mut end = self.0.len().min(MOST);
        while !self.0.is_char_boundary(end) {
            end -= 1;
        }
        let (shown, rest) = self.0.split_at(end);
        fmt::Debug::fmt(shown, f)?;
        if rest.is_empty() { Ok(()) } else { write!(f, "… ({} bytes)", self.0.len()) }
    }
}

/// A request with its whole body.
pub(crate) struct Received {
    pub(crate) parts: Parts,
    body: Bytes,
}

impl<S: Sync> FromRequest<S> for Received {
    type Rejection = StatusCode;

    async fn from_request(incoming: Request<Body>, _state: &S) -> Result<Self, StatusCode> {
        let (parts, body) = incoming.into_parts();
        let body = to_bytes(body, FORM).await.map_err(|error| {
            let too_large = error.source().is_some_and(<dyn Error>::is::<LengthLimitError>);
            if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST }
        })?;
        Ok(Self { parts, body })
    }
}

impl Received {
    pub(crate) fn fields(&self) -> Vec<(&str, &[u8])> {
        fields(&self.parts.headers)
    }

    /// The request as the provider reads it.
    pub(crate) fn request<'r>(&'r self, fields: &'r [(&'r str, &'r [u8])]) -> oidc_op::Request<'r> {
        request(&self.parts, fields, &self.body)
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn peer(&self) -> Option<IpAddr> {
        self.parts.extensions.get::<Peer>().map(|Peer(address)| *address)
    }

    pub(crate) fn query(&self) -> Form {
        Form::parse(self.parts.uri.query().unwrap_or_default().as_bytes())
    }

    /// The form in the body; none if it is something else, or not plain UTF-8.
    pub(crate) fn form(&self) -> Option<Form> {
        let headers = &self.parts.headers;
        let mut types = headers.get_all(header::CONTENT_TYPE).iter();
        let (Some(content_type), None) = (types.next(), types.next()) else { return None };
        let mut parts = content_type.to_str().ok()?.split(';').map(str::trim);
        let is_form = parts.next()?.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
                value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        });
        let plain = !headers.contains_key(header::CONTENT_ENCODING);
        (is_form && is_utf8 && plain).then(|| Form::parse(&self.body))
    }

    /// Whether a page of ours sent it. Such pages send no referrer, so browsers write `null` for
    /// their origin; `Sec-Fetch-Site` decides then, and after it the cookies, which are `SameSite`.
    pub(crate) fn is_from(&self, issuer: &Issuer) -> bool {
        let all = |name: &str, fits: &dyn Fn(&[u8]) -> bool| {
            self.parts.headers.get_all(name).iter().all(|value| fits(value.as_bytes()))
        };
        all("origin", &|o| o == b"null" || o == issuer.origin().as_bytes())
            && all("sec-fetch-site", &|s| s == b"same-origin" || s == b"none")
    }

    /// Whether a page sent it that does not say which: one in a frame that is shut in, say. Where no cookie
    /// and no token of a form tells, that is no page of ours.
    pub(crate) fn is_from_nowhere(&self) -> bool {
        self.parts.headers.get_all("origin").iter().any(|origin| origin.as_bytes() == b"null")
    }

    /// What the person reads, best first ([RFC 9110 §12.5.4]).
    ///
    /// [RFC 9110 §12.5.4]: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
    pub(crate) fn languages(&self) -> Vec<Box<str>> {
        let headers = self.parts.headers.get_all(header::ACCEPT_LANGUAGE).iter();
        languages(headers.filter_map(|value| value.to_str().ok()))
    }

    /// What to call the browser.
    pub(crate) fn device(&self) -> String {
        let user_agent = self.parts.headers.get(header::USER_AGENT);
        device::name(user_agent.and_then(|value| value.to_str().ok()).unwrap_or_default())
    }

    /// What the browser says that the person reads, after what the client says.
    pub(crate) fn add_languages(&self, interaction: &mut Interaction) {
        interaction.hints.ui_locales.extend(self.languages());
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let headers = self.parts.headers.get_all(header::COOKIE).iter();
        let pairs = headers.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(';'));
        pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(n, _)| *n == name).map(|p| p.1)
    }
}

/// The first few of the languages with a weight, the heaviest first.
fn languages<'h>(values: impl Iterator<Item = &'h str>) -> Vec<Box<str>> {
    let ranges = values.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().filter(|tag| (1..=35).contains(&tag.len()) && *tag != "*")?;
        let weight = match parts.next() {
            None => 1.0,
            Some(q) => q.strip_prefix("q=")?.parse::<f32>().ok().filter(|q| *q > 0.0)?,
        };
        Some((tag, weight))
    });
    let mut ranges: Vec<_> = ranges.take(10).collect();
    ranges.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    ranges.into_iter().map(|(tag, _)| tag.into()).collect()
}

/// The fields of a form.
#[derive(Debug)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// A field that is there once; empty otherwise.
    pub(crate) fn one(&self, name: &str) -> &str {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none()).unwrap_or_default()
    }

    /// All values of a field.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether the field is there at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

/// A text with the names of an error and of everything beneath it, on one line; drivers say much twice.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let beneath = error.to_string();
        if !text.contains(&beneath) {
            let _ = write!(text, ": {beneath}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Threat HT-01: such headers are believed of our own proxies only.
    #[test]
    fn the_last_stranger_is_the_client() {
        let proxies: [Network; 2] = ["10.0.0.0/8", "::1"].map(|n| {
            toml::from_str::<std::collections::HashMap<String, Network>>(&format!("n = {n:?}"))
                .unwrap()["n"]
        });
        for (peer, forwarded, client) in [
            ("192.0.2.1", &["198.51.100.1"][..], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6", "198.51.100.1, 10.2.3.4"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", HeaderValue::from_static(value));
            }
            let found = believed(peer.parse().unwrap(), &headers, &proxies);
            assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
    }

    /// Threat SL-04.
    #[test]
    fn a_stranger_cannot_forge_a_line_of_the_log() {
        assert_eq!(format!("{:?}", Capped("a\r\n\u{1b}[31m")), "\"a\\r\\n\\u{1b}[31m\"");
        assert!(format!("{:?}", Capped(&"ü".repeat(10_000))).len() < 260);
        assert_eq!(without_token("/op/interaction/secret", "/op"), "/op/interaction/…");
        assert_eq!(without_token("/op/jwks", "/op"), "/op/jwks");
    }

    /// RFC 9110 §12.4.2, §12.5.4.
    #[test]
    fn languages_by_their_weight() {
        for (values, expected) in [
            (&[][..], ""),
            (&["fr-CA"], "fr-CA"),
            (&["fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5"], "fr-CH fr en de"),
            (&["en;q=0.2 , de ; q=0.9", "fr"], "fr de en"),
            (&["en, de"], "en de"),
            (&["en;q=0, de;q=NaN, fr;q=x, it;level=1, , es;q="], ""),
        ] {
            assert_eq!(languages(values.iter().copied()).join(" "), expected, "{values:?}");
        }
        let many = "en,".repeat(1000);
        assert_eq!(languages([&*many].into_iter()).len(), 10);
    }

    #[test]
    fn a_repeated_field_says_nothing() {
        let form = Form::parse(b"a=1&b=2&b=3&scope=x&scope=y");
        assert_eq!((form.one("a"), form.one("b"), form.one("c")), ("1", "", ""));
        assert_eq!(form.all("scope").collect::<Vec<_>>(), ["x", "y"]);
        assert!(form.has("b") && !form.has("c"));
    }
}
