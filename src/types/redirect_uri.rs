use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// A registered redirection endpoint: an absolute URI without fragment ([RFC 6749 §3.1.2]).
///
/// A request names one byte for byte ([RFC 9700 §2.1]); only the port of a loopback address may
/// differ ([RFC 8252 §7.3]). `https` for web clients, `http` for loopback hosts only, and
/// private-use schemes with a dot for native apps ([RFC 8252 §7.1]).
///
/// ```
/// use oidc_op::RedirectUri;
///
/// let native = RedirectUri::new("http://127.0.0.1/cb").unwrap();
/// assert!(native.matches("http://127.0.0.1:49152/cb"));
/// assert!(!native.matches("http://127.0.0.1:49152/cb/"));
/// assert!(RedirectUri::new("http://client.example/cb").is_err());
/// ```
///
/// [RFC 6749 §3.1.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2
/// [RFC 9700 §2.1]: https://www.rfc-editor.org/rfc/rfc9700#section-2.1
/// [RFC 8252 §7.1]: https://www.rfc-editor.org/rfc/rfc8252#section-7.1
/// [RFC 8252 §7.3]: https://www.rfc-editor.org/rfc/rfc8252#section-7.3
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri {
    text: Box<str>,
    /// What follows the port of a loopback address literal; `None` for every other URI.
    loopback_tail: Option<(&'static str, Box<str>)>,
}

/// Why a text cannot be registered as a [`RedirectUri`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRedirectUri {
    /// Not an absolute URI of visible ASCII characters, or longer than 2,048 of them.
    #[error("a redirect URI is an absolute URI of at most 2048 visible ASCII characters")]
    NotAUri,
    /// A fragment, even an empty one.
    #[error("a redirect URI has no fragment")]
    Fragment,
    /// A user or password before the host.
    #[error("a redirect URI has no user information")]
    UserInfo,
    /// An asterisk: there are no patterns.
    #[error("a redirect URI is exact: it has no wildcard")]
    Wildcard,
    /// `http` on a host other than a loopback one.
    #[error("a redirect URI with the scheme http has a loopback host")]
    InsecureHttp,
    /// A scheme that runs code or reads files, or a private-use one without a dot.
    #[error(
        "a redirect URI has the scheme https, http on loopback, or a private-use one with a dot"
    )]
    Scheme,
}

const LOOPBACK_LITERALS: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

impl RedirectUri {
    /// Checks a URI for registration.
    ///
    /// # Errors
    ///
    /// See [`InvalidRedirectUri`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidRedirectUri> {
        let text = text.into();
        if text.len() > 2048 || !text.bytes().all(|b| matches!(b, 0x21..=0x7E)) {
            return Err(InvalidRedirectUri::NotAUri);
        }
        let url = Url::parse(&text).map_err(|_| InvalidRedirectUri::NotAUri)?;
        if text.contains('#') {
            return Err(InvalidRedirectUri::Fragment);
        }
        let authority = authority(&text);
        if authority.is_some_and(|authority| authority.contains('@')) {
            return Err(InvalidRedirectUri::UserInfo);
        }
        if text.contains('*') {
            return Err(InvalidRedirectUri::Wildcard);
        }
        // `https:host/…` would be a path of whatever page it stands on, and so would a backslash.
        let names_a_host = authority.is_some_and(|authority| !authority.is_empty());
        if matches!(url.scheme(), "http" | "https") && (!names_a_host || text.contains('\\')) {
            return Err(InvalidRedirectUri::NotAUri);
        }
        match url.scheme() {
            "https" => {}
            "http" if url.host().as_ref().is_some_and(is_loopback) => {}
            "http" => return Err(InvalidRedirectUri::InsecureHttp),
            scheme if scheme.contains('.') => {}
            _ => return Err(InvalidRedirectUri::Scheme),
        }
        let loopback_tail = LOOPBACK_LITERALS.into_iter().find_map(|literal| {
            let tail = after_port(text.strip_prefix(literal)?)?;
            Some((literal, tail.into()))
        });
        Ok(Self { text: text.into(), loopback_tail })
    }

    /// The URI, byte for byte as it was registered.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a requested URI is this one.
    pub fn matches(&self, requested: &str) -> bool {
        if *self.text == *requested {
            return true;
        }
        let Some((literal, tail)) = &self.loopback_tail else { return false };
        requested.strip_prefix(literal).and_then(after_port) == Some(tail)
    }

    /// Whether answers go to a loopback host without TLS; no other host may have that.
    pub(crate) fn is_http(&self) -> bool {
        self.text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"))
    }

    /// Whether answers go to a host that its owner can prove: `https`. Everything else is an app
    /// on the person's own device ([RFC 8252 §8.6]).
    ///
    /// [RFC 8252 §8.6]: https://www.rfc-editor.org/rfc/rfc8252#section-8.6
    pub fn is_https(&self) -> bool {
        self.text.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }
}

/// What stands between `//` and the path ([RFC 3986 §3.2]); none, if there is no `//` after the scheme.
///
/// [RFC 3986 §3.2]: https://www.rfc-editor.org/rfc/rfc3986#section-3.2
fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(':')?;
    rest.strip_prefix("//")?.split(['/', '?', '#']).next()
}

/// Drops an optional port (`:1` to `:65535`) from what follows a host.
fn after_port(rest: &str) -> Option<&str> {
    let Some(rest) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest);
    };
    let end = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (port, tail) = rest.split_at_checked(end)?;
    let canonical = !port.starts_with('0') && port.parse::<u16>().is_ok();
    (canonical && (tail.is_empty() || tail.starts_with(['/', '?']))).then_some(tail)
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.octets() == [127, 0, 0, 1],
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl TryFrom<String> for RedirectUri {
    type Error = InvalidRedirectUri;

    fn try_from(text: String) -> Result<Self, InvalidRedirectUri> {
        Self::new(text)
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.text.into()
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9700 §2.1; threats RU-01, RU-03, RU-05, RU-06, RU-08: bytes, nothing but bytes.
    #[test]
    fn matching_is_on_bytes() {
        let uri = RedirectUri::new("https://client.example/cb?a=1&b=2").unwrap();
        assert!(uri.matches("https://client.example/cb?a=1&b=2"));
        for wrong in [
            "https://client.example/cb",
            "https://client.example/cb?b=2&a=1",
            "https://client.example/cb?a=1&b=2&c=3",
            "https://client.example:443/cb?a=1&b=2",
            "HTTPS://client.example/cb?a=1&b=2",
            "https://client.example./cb?a=1&b=2",
            "https://client.example@evil.example/cb?a=1&b=2",
            "https://client.example/./cb?a=1&b=2",
        ] {
            assert!(!uri.matches(wrong), "{wrong}");
        }
    }

    /// RFC 8252 §7.3, §8.3; threat RU-13.
    #[test]
    fn only_the_port_of_a_loopback_literal_varies() {
        for (registered, requested, matches) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb", true),
            ("http://127.0.0.1/cb", "http://127.0.0.1:65535/cb", true),
            ("http://127.0.0.1:8080/cb", "http://127.0.0.1/cb", true),
            ("http://[::1]/cb", "http://[::1]:49152/cb", true),
            ("http://127.0.0.1", "http://127.0.0.1:80", true),
            ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:080/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:70000/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:/cb", false),
            ("http://127.0.0.1/cb", "http://localhost:80/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.2:80/cb", false),
            ("http://127.0.0.1/cb", "http://127.1:80/cb", false),
            ("http://127.0.0.1/cb", "http://0x7f000001/cb", false),
            ("http://127.0.0.1/cb", "http://[::ffff:127.0.0.1]/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80/cb?x=1", false),
            ("http://127.0.0.1/cb", "https://127.0.0.1:80/cb", false),
            ("http://localhost/cb", "http://localhost:8080/cb", false),
            ("https://127.0.0.1/cb", "https://127.0.0.1:8443/cb", false),
        ] {
            let uri = RedirectUri::new(registered).unwrap();
            assert_eq!(uri.matches(requested), matches, "{registered} ~ {requested}");
        }
    }

    /// RFC 7591 §5, RFC 8252 §7.1, §8.4; threats RU-07, RU-10, RU-11, RU-14, RU-15.
    #[test]
    fn registration_refuses_what_could_mislead() {
        use InvalidRedirectUri::{Fragment, InsecureHttp, NotAUri, Scheme, UserInfo, Wildcard};
        for (text, expected) in [
            ("https://client.example/cb", Ok(())),
            ("https://client.example/cb%23x", Ok(())),
            ("http://localhost:3000/cb", Ok(())),
            ("com.example.app:/cb", Ok(())),
            ("https://client.example/cb#", Err(Fragment)),
            ("https://client.example/cb#x", Err(Fragment)),
            ("https://u:p@client.example/cb", Err(UserInfo)),
            ("https://@client.example/cb", Err(UserInfo)),
            ("com.example.app://@host/cb", Err(UserInfo)),
            ("com.example.app://a\\@host/cb", Err(UserInfo)),
            ("https://client.example/@cb", Ok(())),
            ("https:client.example/cb", Err(NotAUri)),
            ("https:/client.example/cb", Err(NotAUri)),
            ("https:///client.example/cb", Err(NotAUri)),
            ("https:\\\\client.example/cb", Err(NotAUri)),
            ("https://client.example\\cb", Err(NotAUri)),
            ("http:127.0.0.1/cb", Err(NotAUri)),
            ("https:host.example/http://127.0.0.1/cb", Err(NotAUri)),
            ("com.example.app:/cb//@x", Ok(())),
            ("https://*.client.example/cb", Err(Wildcard)),
            ("https://client.example/*", Err(Wildcard)),
            ("*", Err(NotAUri)),
            ("", Err(NotAUri)),
            ("/cb", Err(NotAUri)),
            ("https://clïent.example/cb", Err(NotAUri)),
            ("https://client\u{3002}example/cb", Err(NotAUri)),
            ("https://client.example/c b", Err(NotAUri)),
            ("https://client.example/\tcb", Err(NotAUri)),
            ("https://xn--a.example/cb", Err(NotAUri)),
            ("http://client.example/cb", Err(InsecureHttp)),
            ("http://127.0.0.2/cb", Err(InsecureHttp)),
            ("javascript:alert(1)", Err(Scheme)),
            ("JaVaScRiPt:alert(1)", Err(Scheme)),
            ("data:text/html,x", Err(Scheme)),
            ("vbscript:x", Err(Scheme)),
            ("file:///etc/passwd", Err(Scheme)),
            ("blob:https://client.example/x", Err(Scheme)),
            ("myapp:/cb", Err(Scheme)),
        ] {
            assert_eq!(RedirectUri::new(text).map(|_| ()), expected, "{text:?}");
        }
    }
}
