use std::{borrow::Cow, fmt, net::IpAddr};

use super::{Params, authorization::Authorization};
use crate::error::Reason;

/// A request as it arrived, borrowed from whatever server received it.
///
/// The adapters make it; a host without one fills it in itself.
///
/// ```
/// use oidc_op::Request;
///
/// let headers: [(&str, &[u8]); 1] = [("accept", b"application/json")];
/// let request = Request::new("GET", "/.well-known/openid-configuration").headers(&headers);
/// assert_eq!(request.method, "GET");
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Request<'r> {
    /// The method, in upper case.
    pub method: &'r str,
    /// The path of the request target, still percent-encoded, as the issuer's clients see it.
    pub path: &'r str,
    /// The query, without the question mark, still percent-encoded.
    pub query: &'r str,
    /// The header fields; repeated ones are repeated here too.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The whole body.
    pub body: &'r [u8],
    /// The address of the peer, for throttling. Behind a proxy the host decides what to believe.
    pub peer: Option<IpAddr>,
}

impl<'r> Request<'r> {
    /// A request without query, headers and body.
    pub const fn new(method: &'r str, path: &'r str) -> Self {
        Self { method, path, query: "", headers: &[], body: &[], peer: None }
    }

    /// With this query.
    #[must_use]
    pub const fn query(self, query: &'r str) -> Self {
        Self { query, ..self }
    }

    /// With these header fields.
    #[must_use]
    pub const fn headers(self, headers: &'r [(&'r str, &'r [u8])]) -> Self {
        Self { headers, ..self }
    }

    /// With this body.
    #[must_use]
    pub const fn body(self, body: &'r [u8]) -> Self {
        Self { body, ..self }
    }

    /// From this peer.
    #[must_use]
    pub const fn peer(self, peer: IpAddr) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// The values of a header field.
    pub(crate) fn header_bytes(&self, name: &str) -> impl Iterator<Item = &'r [u8]> {
        self.headers
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    /// The values of a header field as text; one that is not text is empty.
    pub(crate) fn header_all(&self, name: &str) -> impl Iterator<Item = &'r str> {
        self.header_bytes(name).map(|value| str::from_utf8(value).unwrap_or_default())
    }

    /// The value of a header field that occurs once.
    pub(crate) fn header(&self, name: &str) -> Option<&'r str> {
        let mut values = self.header_all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// What the `Authorization` header offers.
    pub(crate) fn authorization(&self) -> Authorization<'r> {
        Authorization::parse(self.header_all("authorization"))
    }

    /// A form of another site than this origin is refused. Pages that send no referrer make browsers say
    /// `null`, so `Sec-Fetch-Site`, and whatever the form itself proves, decide then.
    pub(crate) fn must_come_from(&self, origin: &str) -> Result<(), Reason> {
        let origins = self.header_all("origin").all(|o| o == "null" || o == origin);
        let site = self.header_all("sec-fetch-site").all(|s| matches!(s, "same-origin" | "none"));
        if origins && site { Ok(()) } else { Err(Reason::CrossOrigin) }
    }

    /// The parameters of a body that must be a form ([RFC 6749 §3.2]).
    ///
    /// [RFC 6749 §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2
    pub(crate) fn form(&self) -> Result<Params<'r>, Reason> {
        self.must_be_form()?;
        Ok(Params::parse(&[self.body]))
    }

    /// The parameters of the query and, for POST, of the body as well, so that one which stands in
    /// both is seen as repeated.
    pub(crate) fn query_and_form(&self) -> Result<Params<'r>, Reason> {
        if self.method != "POST" {
            return Ok(Params::parse(&[self.query.as_bytes()]));
        }
        self.must_be_form()?;
        Ok(Params::parse(&[self.query.as_bytes(), self.body]))
    }

    /// A body that must be JSON ([RFC 7591 §3.1]).
    ///
    /// [RFC 7591 §3.1]: https://www.rfc-editor.org/rfc/rfc7591#section-3.1
    pub(crate) fn json(&self) -> Result<&'r [u8], Reason> {
        if self.is_plain() && self.header("content-type").is_some_and(is_json) {
            Ok(self.body)
        } else {
            Err(Reason::MediaTypeOfJson)
        }
    }

    /// Without a content coding.
    fn is_plain(&self) -> bool {
        self.header_all("content-encoding").all(|c| c.eq_ignore_ascii_case("identity"))
    }

    fn must_be_form(&self) -> Result<(), Reason> {
        if self.is_plain() && self.header("content-type").is_some_and(is_form) {
            Ok(())
        } else {
            Err(Reason::MediaType)
        }
    }
}

fn is_form(content_type: &str) -> bool {
    is_in_utf_8(content_type, "application/x-www-form-urlencoded")
}

fn is_json(content_type: &str) -> bool {
    is_in_utf_8(content_type, "application/json")
}

/// Of this media type, if with a charset then UTF-8.
fn is_in_utf_8(content_type: &str, media_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|t| t.eq_ignore_ascii_case(media_type))
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
                value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

impl fmt::Debug for Request<'_> {
    /// Query, headers and body may hold credentials; only their sizes are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |bytes: usize| Cow::from(format!("{bytes} bytes"));
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &size(self.query.len()))
            .field("headers", &self.headers.len())
            .field("body", &size(self.body.len()))
            .field("peer", &self.peer)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 §3.2; threats GX-03, HT-05.
    #[test]
    fn only_a_plain_form_is_a_form() {
        for (fields, ok) in [
            (&[("content-type", "application/x-www-form-urlencoded")][..], true),
            (&[("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")], true),
            (&[("content-type", "application/x-www-form-urlencoded; charset=utf-16")], false),
            (&[("content-type", "application/x-www-form-urlencoded; charset=utf-7")], false),
            (&[("content-type", "application/json")], false),
            (&[("content-type", "multipart/form-data; boundary=x")], false),
            (&[], false),
            (
                &[
                    ("content-type", "application/x-www-form-urlencoded"),
                    ("content-type", "application/x-www-form-urlencoded"),
                ],
                false,
            ),
            (
                &[
                    ("content-type", "application/x-www-form-urlencoded"),
                    ("content-encoding", "gzip"),
                ],
                false,
            ),
        ] {
            let headers: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
            let request = Request::new("POST", "/token").headers(&headers).body(b"a=1");
            assert_eq!(request.form().is_ok(), ok, "{fields:?}");
        }
    }

    #[test]
    fn debug_shows_no_content() {
        let headers: [(&str, &[u8]); 1] = [("authorization", b"Bearer hush")];
        let request = Request::new("POST", "/token")
            .query("code=hush")
            .headers(&headers)
            .body(b"secret=hush");
        assert!(!format!("{request:?}").contains("hush"));
    }
}
