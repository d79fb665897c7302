use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::error::HostError;

/// Who knows what an access token says that cannot be read by itself ([RFC 7662 §2]).
///
/// [`Introspection`](crate::Introspection), which asks over HTTP, is ready-made; so is a
/// [`Provider`](crate::Provider) in the same process or on the same store, and a
/// [`TokenCache`](crate::TokenCache) before either or any other.
///
/// ```
/// use async_trait::async_trait;
/// use oidc_op::{HostError, TokenSource};
/// use serde_json::{Map, Value, json};
///
/// /// The token of a test.
/// #[derive(Debug)]
/// struct OneToken;
///
/// #[async_trait]
/// impl TokenSource for OneToken {
///     async fn introspect(&self, token: &str) -> Result<Option<Map<String, Value>>, HostError> {
///         let members = json!({"sub": "alice", "scope": "orders:read", "exp": 1_800_000_000});
///         Ok(members.as_object().filter(|_| token == "abc").cloned())
///     }
/// }
/// ```
///
/// [RFC 7662 §2]: https://www.rfc-editor.org/rfc/rfc7662#section-2
#[async_trait]
pub trait TokenSource: Debug + Send + Sync + 'static {
    /// The members of [RFC 7662 §2.2] if the token is active, and `None` if it is not. `active` itself
    /// may be missing. Times, issuer and audience are judged again by who asks.
    ///
    /// Of access tokens only: whoever took a refresh token, or a code, for one would let clients use
    /// it where it is not meant to be seen. Who cannot tell them apart says so in `token_type`, which
    /// is `Bearer` or missing.
    ///
    /// # Errors
    ///
    /// It cannot be known now: the request is answered with 503, and not as one with a wrong token.
    ///
    /// [RFC 7662 §2.2]: https://www.rfc-editor.org/rfc/rfc7662#section-2.2
    async fn introspect(&self, token: &str) -> Result<Option<Map<String, Value>>, HostError>;
}

#[async_trait]
impl<S: TokenSource + ?Sized> TokenSource for Arc<S> {
    async fn introspect(&self, token: &str) -> Result<Option<Map<String, Value>>, HostError> {
        (**self).introspect(token).await
    }
}
