use std::fmt;

use super::NamedBy;

/// What to send where: the form that an introspection is, a logout token.
///
/// ```
/// use oidc_op::PostRequest;
///
/// let url = "https://id.example/introspect";
/// let mut request = PostRequest::form(url, b"token=abc");
/// request.accept = "application/json";
/// assert_eq!(request.content_type, "application/x-www-form-urlencoded");
/// assert!(!format!("{request:?}").contains("abc"), "neither body nor credentials print");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostRequest<'p> {
    /// An absolute https URL. A fragment is never sent.
    pub url: &'p str,
    /// What the body is.
    pub content_type: &'p str,
    /// The media types to ask for; `*/*`.
    pub accept: &'p str,
    /// The value of the `Authorization` field, if there is to be one.
    pub authorization: Option<&'p str>,
    /// The body.
    pub body: &'p [u8],
    /// Who has named the address; somebody known.
    pub named_by: NamedBy,
}

impl<'p> PostRequest<'p> {
    /// A body of this media type, without credentials.
    pub const fn new(url: &'p str, content_type: &'p str, body: &'p [u8]) -> Self {
        Self {
            url,
            content_type,
            accept: "*/*",
            authorization: None,
            body,
            named_by: NamedBy::Registered,
        }
    }

    /// A form, already encoded, without credentials.
    pub const fn form(url: &'p str, body: &'p [u8]) -> Self {
        Self::new(url, "application/x-www-form-urlencoded", body)
    }
}

impl fmt::Debug for PostRequest<'_> {
    /// The body holds tokens, and the credentials are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostRequest")
            .field("url", &self.url)
            .field("content_type", &self.content_type)
            .field("accept", &self.accept)
            .field("authorization", &self.authorization.map(|_| ".."))
            .field("named_by", &self.named_by)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}
