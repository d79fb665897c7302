//! Conversions between the `http` crate's types and the crate's own.
//!
//! ```
//! use oidc_op::adapter::http::{fields, request};
//!
//! let (parts, body) =
//!     http::Request::get("/authorize?client_id=app").body(Vec::new()).unwrap().into_parts();
//! let fields = fields(&parts.headers);
//! let request = request(&parts, &fields, &body);
//! assert_eq!((request.path, request.query), ("/authorize", "client_id=app"));
//! ```

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, request::Parts};

use crate::{AuthorizeError, Outcome, PageError, Reply, Request, SignedOut};

/// The address of the peer, as an extension of the request.
///
/// The server, or the layer that knows which proxies to trust, puts it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The header fields of a request, borrowed.
pub fn fields(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

/// A request, borrowed from its parts.
pub fn request<'r>(
    parts: &'r Parts,
    fields: &'r [(&'r str, &'r [u8])],
    body: &'r [u8],
) -> Request<'r> {
    let request = Request::new(parts.method.as_str(), parts.uri.path())
        .query(parts.uri.query().unwrap_or_default())
        .headers(fields)
        .body(body);
    match parts.extensions.get::<Peer>() {
        Some(Peer(address)) => request.peer(*address),
        None => request,
    }
}

impl<B: From<Vec<u8>>> From<Reply> for Response<B> {
    fn from(reply: Reply) -> Self {
        let mut response = Response::new(reply.body.into());
        *response.status_mut() =
            StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.reserve(reply.headers.len());
        for (name, value) in reply.headers {
            // What the crate writes is always a legal field; a host's addition that is not is dropped.
            let value = match value {
                Cow::Borrowed(text) => HeaderValue::from_str(text),
                Cow::Owned(text) => HeaderValue::try_from(text),
            };
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), value) {
                headers.append(name, value);
            }
        }
        response
    }
}

/// The host's pages, as an adapter needs to know them: where an interaction is shown, where people are
/// asked whether to sign out, and how an error and a sign-out are shown.
///
/// ```
/// use oidc_op::adapter::http::Pages;
///
/// let pages = Pages::at("/interaction/").confirmations("/sign-out/");
/// ```
#[derive(Clone)]
pub struct Pages {
    interaction: Arc<str>,
    confirmation: Arc<str>,
    error: Arc<dyn Fn(&PageError) -> Reply + Send + Sync>,
    signed_out: Arc<dyn Fn(&SignedOut) -> Reply + Send + Sync>,
}

impl Pages {
    /// Interactions are shown at this path followed by their token, and the question whether to sign out at
    /// `logout/` beside it; errors and sign-outs on the built-in pages.
    pub fn at(interaction: impl Into<Arc<str>>) -> Self {
        let interaction = interaction.into();
        let page = interaction.trim_end_matches('/');
        let beside = match page.rsplit_once('/') {
            // A host alone has nothing beside it.
            Some((parent, _)) if parent.ends_with(":/") => page,
            Some((parent, _)) => parent,
            None => "",
        };
        Self {
            confirmation: format!("{beside}/logout/").into(),
            interaction,
            error: Arc::new(PageError::reply),
            signed_out: Arc::new(SignedOut::reply),
        }
    }

    /// People are asked whether to sign out at this path followed by the question's token.
    #[must_use]
    pub fn confirmations(self, confirmation: impl Into<Arc<str>>) -> Self {
        Self { confirmation: confirmation.into(), ..self }
    }

    /// Errors are shown like this.
    #[must_use]
    pub fn errors(self, page: impl Fn(&PageError) -> Reply + Send + Sync + 'static) -> Self {
        Self { error: Arc::new(page), ..self }
    }

    /// Sign-outs are shown like this; the header fields of the [`SignedOut`] are added.
    #[must_use]
    pub fn sign_outs(self, page: impl Fn(&SignedOut) -> Reply + Send + Sync + 'static) -> Self {
        Self { signed_out: Arc::new(page), ..self }
    }

    /// What to answer: the provider's reply, a redirect to the page of an interaction or a question, the page
    /// of a sign-out, or an error. `None` if the path is somebody else's.
    pub fn answer(&self, outcome: Result<Outcome, AuthorizeError>) -> Option<Reply> {
        match outcome {
            Ok(Outcome::Reply(reply)) => Some(reply),
            Ok(Outcome::Interact(interaction)) => {
                let location = format!("{}{}", self.interaction, interaction.token);
                let mut reply = Reply::see_other(location);
                reply.headers.extend(interaction.headers);
                Some(reply)
            }
            Ok(Outcome::ConfirmLogout(confirmation)) => {
                Some(Reply::see_other(format!("{}{}", self.confirmation, confirmation.token)))
            }
            Ok(Outcome::SignedOut(signed_out)) => {
                let mut reply = (self.signed_out)(&signed_out);
                let there = reply.headers.clone();
                let missing = signed_out.headers.into_iter().filter(|field| !there.contains(field));
                reply.headers.extend(missing);
                Some(reply)
            }
            Ok(Outcome::Elsewhere) => None,
            Err(AuthorizeError::Page(error)) => Some((self.error)(&error)),
            Err(AuthorizeError::Redirect(error)) => Some(error.reply()),
        }
    }
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages")
            .field("interaction", &self.interaction)
            .field("confirmation", &self.confirmation)
            .finish_non_exhaustive()
    }
}
