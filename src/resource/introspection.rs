use std::{fmt, sync::Arc};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::TokenSource;
use crate::{
    error::HostError,
    fetch::{Fetch, PostRequest},
    types::ClientId,
    wire,
};

/// A [`TokenSource`] that asks the provider's introspection endpoint, for each request anew
/// ([RFC 7662]).
///
/// The API is a client of the provider, and authenticates with `client_secret_basic`.
///
/// ```
/// use oidc_op::{ClientId, Fetch, Introspection};
///
/// fn source(fetch: impl Fetch) -> Result<Introspection, Box<dyn std::error::Error>> {
///     let (id, secret) = (ClientId::new("orders-api")?, "at least 128 random bits");
///     Ok(Introspection::new("https://id.example/introspect", &id, secret, fetch))
/// }
/// ```
///
/// [RFC 7662]: https://www.rfc-editor.org/rfc/rfc7662
#[derive(Clone)]
pub struct Introspection {
    endpoint: Arc<str>,
    /// The value of the header field.
    credentials: Arc<str>,
    fetch: Arc<dyn Fetch>,
}

impl Introspection {
    /// The endpoint, the API's credentials there, and what reaches it, which must be able to
    /// [post](Fetch::post).
    ///
    /// `GuardedFetch` with the default policy lets too few requests through; see there.
    pub fn new(
        endpoint: impl Into<Arc<str>>,
        client: &ClientId,
        secret: &str,
        fetch: impl Fetch,
    ) -> Self {
        let credentials = basic(client.as_str(), secret).into();
        Self { endpoint: endpoint.into(), credentials, fetch: Arc::new(fetch) }
    }
}

#[async_trait]
impl TokenSource for Introspection {
    async fn introspect(&self, token: &str) -> Result<Option<Map<String, Value>>, HostError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("token_type_hint", "access_token")
            .finish();
        let mut request = PostRequest::form(&self.endpoint, form.as_bytes());
        request.accept = "application/json";
        request.authorization = Some(&self.credentials);
        let answer = self.fetch.post(&request).await?;
        let members = wire::json_object(&answer.body).ok_or("the answer is no JSON object")?;
        match members.get("active") {
            Some(Value::Bool(true)) => Ok(Some(members)),
            Some(Value::Bool(false)) => Ok(None),
            _ => Err("the answer does not say whether the token is active".into()),
        }
    }
}

/// The credentials as the `Authorization` field holds them, form-encoded before ([RFC 6749 §2.3.1]).
///
/// [RFC 6749 §2.3.1]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Authorization;

    /// RFC 6749 §2.3.1: what is sent is read back by the provider.
    #[test]
    fn credentials_are_form_encoded_first() {
        for (id, secret) in [("orders", "secret"), ("a:b c", "100% +/=\u{e4}")] {
            let header = basic(id, secret);
            match Authorization::parse(std::iter::once(&*header)) {
                Authorization::Basic(read) => {
                    assert_eq!((&*read.id, &*read.secret), (id, secret));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(basic("orders", "secret"), "Basic b3JkZXJzOnNlY3JldA==");
    }
}
