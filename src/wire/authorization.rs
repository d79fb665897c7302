use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

/// What an `Authorization` header offers ([RFC 9110 §11.6.2]).
///
/// [RFC 9110 §11.6.2]: https://www.rfc-editor.org/rfc/rfc9110#section-11.6.2
pub(crate) enum Authorization<'r> {
    /// There is no such header.
    Absent,
    /// The credentials of a client.
    Basic(Basic),
    /// An access token.
    Bearer(&'r str),
    /// Another scheme.
    Other,
    /// Two headers, or one of the above that is damaged.
    Malformed,
}

/// Client credentials of the Basic scheme, decoded as [RFC 6749 §2.3.1] says.
///
/// [RFC 6749 §2.3.1]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
pub(crate) struct Basic {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl<'r> Authorization<'r> {
    /// Reads the values of the header.
    pub(crate) fn parse(mut values: impl Iterator<Item = &'r str>) -> Self {
        let Some(value) = values.next() else { return Self::Absent };
        if values.next().is_some() {
            return Self::Malformed;
        }
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        let credentials = rest.trim_start_matches(' ');
        if scheme.eq_ignore_ascii_case("basic") {
            Basic::parse(credentials).map_or(Self::Malformed, Self::Basic)
        } else if scheme.eq_ignore_ascii_case("bearer") {
            if is_token68(credentials) { Self::Bearer(credentials) } else { Self::Malformed }
        } else {
            Self::Other
        }
    }
}

impl Basic {
    fn parse(credentials: &str) -> Option<Self> {
        let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        Some(Self { id: form_decode(id)?, secret: form_decode(secret)? })
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Basic({:?}, ..)", self.id)
    }
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Basic(_) => "Basic(..)",
            Self::Bearer(_) => "Bearer(..)",
            Self::Other => "Other",
            Self::Malformed => "Malformed",
        })
    }
}

/// One value of `application/x-www-form-urlencoded`, strictly: a stray `%` or a control character
/// is an error.
fn form_decode(text: &str) -> Option<String> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(text.to_owned()).filter(|text| !text.contains(char::is_control));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |b: Option<u8>| char::from(b?).to_digit(16);
                u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))
}

/// `b64token` of [RFC 6750 §2.1].
///
/// [RFC 6750 §2.1]: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    !body.is_empty() && body.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(decoded: &str) -> Option<(String, String)> {
        let header = format!("Basic {}", STANDARD.encode(decoded));
        match Authorization::parse(std::iter::once(&*header)) {
            Authorization::Basic(Basic { id, secret }) => Some((id, secret)),
            _ => None,
        }
    }

    /// RFC 6749 §2.3.1; threat CA-03.
    #[test]
    fn basic_is_form_decoded_once() {
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(basic("id:secret"), pair("id", "secret"));
        assert_eq!(basic("a%3Ab:s%2Bt+u"), pair("a:b", "s+t u"));
        assert_eq!(basic("id:a:b:c"), pair("id", "a:b:c"));
        assert_eq!(basic("id:100%25"), pair("id", "100%"));
        for wrong in ["nocolon", "id:%zz", "id:%", "id:%4", "id:a\0b", "id:%00"] {
            assert_eq!(basic(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn headers_that_are_no_credentials() {
        for values in [
            &["Basic !!!"][..],
            &["Basic aWQ6c2VjcmV0-_"],
            &["Basic"],
            &["Bearer"],
            &["Bearer a b"],
            &["Bearer a", "Bearer a"],
        ] {
            let parsed = Authorization::parse(values.iter().copied());
            assert!(matches!(parsed, Authorization::Malformed), "{values:?}");
        }
        let other = Authorization::parse(std::iter::once("Digest x"));
        assert!(matches!(other, Authorization::Other));
        let bearer = Authorization::parse(["bEaReR  abc.DEF-_~+/="].into_iter());
        assert!(matches!(bearer, Authorization::Bearer("abc.DEF-_~+/=")));
    }
}
