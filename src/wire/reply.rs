use std::{borrow::Cow, fmt};

use serde::Serialize;

/// A whole answer: status, header fields, body.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header fields, names in lower case.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Whether scripts of other origins may read an answer (threat IR-09).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cors {
    /// Any origin, never with cookies.
    Any,
    /// None.
    No,
}

impl Reply {
    /// An answer without body that nobody may cache.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: vec![("cache-control", "no-store".into())], body: Vec::new() }
    }

    /// A redirect after which the browser uses GET ([RFC 9700 §4.12]).
    ///
    /// [RFC 9700 §4.12]: https://www.rfc-editor.org/rfc/rfc9700#section-4.12
    pub(crate) fn see_other(location: String) -> Self {
        Self::empty(303).with("location", location).with("referrer-policy", "no-referrer")
    }

    /// A page that nobody may cache or frame; for a host's own error page. Add the content security
    /// policy that its content needs with [`with`](Self::with).
    pub fn html(status: u16, body: String) -> Self {
        Self { body: body.into_bytes(), ..Self::empty(status) }
            .with("content-type", "text/html; charset=utf-8")
            .with("referrer-policy", "no-referrer")
            .with("x-frame-options", "DENY")
            .with("x-content-type-options", "nosniff")
    }

    /// JSON that nobody may cache.
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        let mut bytes = Vec::with_capacity(1024);
        match serde_json::to_writer(&mut bytes, body) {
            Ok(()) => {
                Self { body: bytes, ..Self::empty(status) }.with("content-type", "application/json")
            }
            Err(_) => Self::empty(500),
        }
    }

    /// JSON that is text already, and that nobody may cache.
    pub(crate) fn json_text(body: String) -> Self {
        Self { body: body.into_bytes(), ..Self::empty(200) }
            .with("content-type", "application/json")
    }

    /// A JWT that nobody may cache.
    pub(crate) fn jwt(token: String) -> Self {
        Self::jwt_as(token, "application/jwt")
    }

    /// The same, under a media type of its own.
    pub(crate) fn jwt_as(token: String, media_type: &'static str) -> Self {
        Self { body: token.into_bytes(), ..Self::empty(200) }.with("content-type", media_type)
    }

    /// With one more header field; the name in lower case.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Replaces what was said of caching.
    #[must_use]
    pub(crate) fn cached(mut self, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.retain(|(name, _)| *name != "cache-control");
        self.with("cache-control", value)
    }

    #[must_use]
    pub(crate) fn with_cors(self, cors: Cors) -> Self {
        match cors {
            Cors::Any => self.with("access-control-allow-origin", "*"),
            Cors::No => self,
        }
    }

    /// The first value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| &**v)
    }
}

impl fmt::Debug for Reply {
    /// Locations, cookies and bodies carry tokens; only their names and sizes are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("headers", &self.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>())
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}
