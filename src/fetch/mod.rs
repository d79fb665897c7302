//! What clients name by URL: request objects and keys; and what a resource server asks of its issuer.
//!
//! A URL that a stranger chose is a way into the network of whoever follows it, so all of it goes
//! through one seam, and through one client that is guarded ([RFC 9101 §10.4], [RFC 8725bis §3.10]).
//!
//! [RFC 9101 §10.4]: https://www.rfc-editor.org/rfc/rfc9101#section-10.4
//! [RFC 8725bis §3.10]: https://datatracker.ietf.org/doc/html/draft-ietf-oauth-rfc8725bis#section-3.10

use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;

mod address;
#[cfg(feature = "fetch")]
mod budget;
#[cfg(feature = "fetch")]
mod cache;
#[cfg(feature = "fetch")]
mod connect;
#[cfg(feature = "fetch")]
mod exchange;
#[cfg(feature = "fetch")]
mod guarded;
#[cfg(feature = "fetch")]
mod policy;
mod post;
#[cfg(feature = "fetch")]
mod target;

pub use address::is_special_use;
#[cfg(feature = "fetch")]
pub use guarded::GuardedFetch;
#[cfg(feature = "fetch")]
pub use policy::{FetchPolicy, InvalidFetchPolicy};
pub use post::PostRequest;

/// Fetches documents that clients have named by URL, request objects and keys; and posts what an issuer or a
/// client is to be told.
///
/// `GuardedFetch`, behind the feature `fetch`, is ready-made. One of a host's own, say through an
/// egress proxy, answers for the same: https only, no redirects, no address of [special
/// use](is_special_use) (checked where the connection is made, not before), and limits on size, time
/// and number.
///
/// Tests hand out documents from memory:
///
/// ```
/// use async_trait::async_trait;
/// use oidc_op::{Fetch, FetchError, FetchRequest, Fetched};
///
/// #[derive(Debug)]
/// struct OneKeySet;
///
/// #[async_trait]
/// impl Fetch for OneKeySet {
///     async fn get(&self, request: &FetchRequest<'_>) -> Result<Fetched, FetchError> {
///         match request.url {
///             "https://client.example/jwks" => Ok(Fetched::new(*br#"{"keys":[]}"#, None)),
///             _ => Err(FetchError::Answer(404)),
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let request = FetchRequest::new("https://client.example/jwks", "application/json");
/// assert_eq!(&*OneKeySet.get(&request).await.unwrap().body, br#"{"keys":[]}"#);
/// # }
/// ```
#[async_trait]
pub trait Fetch: fmt::Debug + Send + Sync + 'static {
    /// The document at a URL.
    ///
    /// # Errors
    ///
    /// There is none to be had; see [`FetchError`]. Which of the cases it was is for the operator:
    /// told to a client, it would map the provider's network.
    async fn get(&self, request: &FetchRequest<'_>) -> Result<Fetched, FetchError>;

    /// Whether a URL could ever be fetched, as far as its text tells: asked before a client registers it,
    /// so that a mistake is known at once. What a name leads to is another question, which only
    /// [`get`](Self::get) can answer.
    ///
    /// By default everything that is not https, has user information, or names an address of
    /// [special use](is_special_use) or the machine itself is refused. Who lets some of these through
    /// says so here.
    ///
    /// # Errors
    ///
    /// [`FetchError::Refused`].
    fn admits(&self, url: &str) -> Result<(), FetchError> {
        admits(url)
    }

    /// What a server answers to what it is sent: 200, or 204 with nothing. Never from a cache, never
    /// sent twice.
    ///
    /// Who does not implement it can do without all that sends: introspection, logout tokens.
    /// `backchannel_logout_supported` in the metadata is true for every `Fetch` all the same.
    ///
    /// # Errors
    ///
    /// As those of [`get`](Self::get). [`FetchError::Unsupported`] unless it is implemented.
    async fn post(&self, request: &PostRequest<'_>) -> Result<Fetched, FetchError> {
        let _ = request;
        Err(FetchError::Unsupported)
    }
}

/// Whether a URL is https and names nothing of special use, as far as its text tells.
pub(crate) fn admits(url: &str) -> Result<(), FetchError> {
    address::admits(url, |_, address| !is_special_use(address))
}

#[async_trait]
impl<F: Fetch + ?Sized> Fetch for Arc<F> {
    async fn get(&self, request: &FetchRequest<'_>) -> Result<Fetched, FetchError> {
        (**self).get(request).await
    }

    fn admits(&self, url: &str) -> Result<(), FetchError> {
        (**self).admits(url)
    }

    async fn post(&self, request: &PostRequest<'_>) -> Result<Fetched, FetchError> {
        (**self).post(request).await
    }
}

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchRequest<'u> {
    /// An absolute https URL. A fragment is never sent.
    pub url: &'u str,
    /// The media types to ask for.
    pub accept: &'u str,
    /// Not from a cache, because what is there is not the version that was meant ([OpenID Connect
    /// Core §6.2]), or lacks a key. Only a wish: how often it is granted is limited, or strangers who
    /// make up names of keys would have every client's server asked for each.
    ///
    /// [OpenID Connect Core §6.2]: https://openid.net/specs/openid-connect-core-1_0.html#RequestUriParameter
    pub refresh: bool,
    /// Who has named the URL: what strangers name must not crowd out the rest.
    pub named_by: NamedBy,
}

impl<'u> FetchRequest<'u> {
    /// A document that somebody known has named, from a cache if it is there.
    pub fn new(url: &'u str, accept: &'u str) -> Self {
        Self { url, accept, refresh: false, named_by: NamedBy::Registered }
    }
}

/// Who has named what is to be fetched.
///
/// A [`Fetch`] with a limited number of places keeps some of them free of strangers, who may name as many
/// addresses as they like, each of which keeps it waiting. `GuardedFetch` gives them half of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NamedBy {
    /// A client that is registered, or the host itself.
    #[default]
    Registered,
    /// Anybody: a client that [describes itself](crate::Policy::client_documents), at its own address and in what
    /// stands there; or who wants to register one, or to change what it has registered.
    Stranger,
}

/// A document.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// Its bytes.
    pub body: Arc<[u8]>,
    /// What the server says that it is: `type/subtype` in lower case, without parameters.
    pub media_type: Option<String>,
}

impl Fetched {
    /// A document of these bytes; the value of its `Content-Type` field, as it stands there.
    ///
    /// ```
    /// use oidc_op::Fetched;
    ///
    /// let fetched = Fetched::new(*b"{}", Some("Application/JSON; charset=utf-8"));
    /// assert_eq!(fetched.media_type.as_deref(), Some("application/json"));
    /// ```
    pub fn new(body: impl Into<Arc<[u8]>>, content_type: Option<&str>) -> Self {
        let media_type = content_type
            .and_then(|value| value.split(';').next())
            .map(|media_type| media_type.trim().to_ascii_lowercase());
        Self { body: body.into(), media_type }
    }
}

impl fmt::Debug for Fetched {
    /// A request object may say a lot about a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("media_type", &self.media_type)
            .finish()
    }
}

/// Why there is no document.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL may not be fetched: its scheme, its address…
    #[error("the URL may not be fetched: {0}")]
    Refused(&'static str),
    /// The network, TLS, the time limit.
    #[error("the document could not be fetched")]
    Failed(#[source] Arc<dyn Error + Send + Sync>),
    /// The server answered with a status other than 200; a redirect is one of them. To what was
    /// posted, 204 is an answer too.
    #[error("the server answered with status {0}")]
    Answer(u16),
    /// The document is larger than the limit.
    #[error("the document is too large")]
    TooLarge,
    /// Too much is under way already, or was asked of that host.
    #[error("too many documents are being fetched")]
    Busy,
    /// This implementation of [`Fetch`] fetches, and does not [post](Fetch::post).
    #[error("nothing can be posted here")]
    Unsupported,
}

impl FetchError {
    /// The network, TLS or the time limit.
    ///
    /// ```
    /// use oidc_op::FetchError;
    ///
    /// assert!(matches!(FetchError::failed("the proxy is down"), FetchError::Failed(_)));
    /// ```
    pub fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(Arc::from(source.into()))
    }
}
