use std::{fmt, sync::Arc};

use ring::digest;
use url::{Host, Url, form_urlencoded};

/// The issuer identifier: an `https` URL without query and fragment ([OIDC Core §2], `iss`).
///
/// It is compared and sent as the bytes that were given. `http` is accepted for a loopback host
/// only, so that a provider can be tried out on one machine. It may have a path.
///
/// ```
/// use oidc_op::Issuer;
///
/// assert!(Issuer::new("https://id.example/tenant").is_ok());
/// assert!(Issuer::new("http://localhost:8080").is_ok());
/// assert!(Issuer::new("http://id.example").is_err());
/// ```
///
/// [OIDC Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
#[derive(Clone)]
pub struct Issuer(Arc<Parts>);

/// What is asked of an issuer at every request, worked out once.
struct Parts {
    text: Box<str>,
    origin: Box<str>,
    path: Box<str>,
    encoded: Box<str>,
    digest: [u8; 32],
}

/// Why a text cannot be an [`Issuer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIssuer {
    /// Not an absolute URL with a host.
    #[error("an issuer is an absolute https URL")]
    NotAUrl,
    /// `http` on a host other than a loopback one, or another scheme.
    #[error("an issuer has the scheme https; http is for loopback hosts only")]
    Scheme,
    /// A query, fragment, user or password.
    #[error("an issuer has no query, no fragment and no user information")]
    Extra,
    /// Written in a form that differs from its canonical one (case, default port, dot segments).
    #[error("an issuer is written in canonical form: lower-case host, no default port")]
    NotCanonical,
}

impl Issuer {
    /// Checks an issuer identifier.
    ///
    /// # Errors
    ///
    /// See [`InvalidIssuer`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidIssuer> {
        let text = text.into();
        let url = Url::parse(&text).map_err(|_| InvalidIssuer::NotAUrl)?;
        let host = url.host().ok_or(InvalidIssuer::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            _ => return Err(InvalidIssuer::Scheme),
        }
        if url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(InvalidIssuer::Extra);
        }
        if url.as_str() != text && url.as_str().strip_suffix('/') != Some(&text) {
            return Err(InvalidIssuer::NotCanonical);
        }
        let mut sha = [0; 32];
        sha.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        Ok(Self(Arc::new(Parts {
            origin: url.origin().ascii_serialization().into(),
            path: url.path().trim_end_matches('/').into(),
            encoded: form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().into(),
            text: text.into(),
            digest: sha,
        })))
    }

    /// The identifier, byte for byte as it was given.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Scheme, host and port, as a browser sends them in `Origin`.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// The path without a trailing slash; empty for an issuer at the root.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Whether browsers reach it over TLS.
    pub fn is_https(&self) -> bool {
        self.0.text.starts_with("https:")
    }

    /// The identifier as the value of a parameter.
    pub(crate) fn encoded(&self) -> &str {
        &self.0.encoded
    }

    /// SHA-256 of the identifier; part of every derived key.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.0.digest
    }
}

/// `localhost` and the loopback addresses; never a name that merely resolves to one.
fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl PartialEq for Issuer {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Issuer {}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        use InvalidIssuer::{Extra, NotAUrl, NotCanonical, Scheme};
        for (text, expected) in [
            ("https://id.example", Ok(())),
            ("https://id.example/", Ok(())),
            ("https://id.example:8443/realms/a", Ok(())),
            ("http://127.0.0.1:8080", Ok(())),
            ("http://[::1]:8080", Ok(())),
            ("http://id.example", Err(Scheme)),
            ("http://localhost.evil.example", Err(Scheme)),
            ("ftp://id.example", Err(Scheme)),
            ("https://id.example?x", Err(Extra)),
            ("https://id.example#x", Err(Extra)),
            ("https://u@id.example", Err(Extra)),
            ("https://ID.example", Err(NotCanonical)),
            ("https://id.example:443", Err(NotCanonical)),
            ("https://id.example/a/../b", Err(NotCanonical)),
            ("id.example", Err(NotAUrl)),
        ] {
            assert_eq!(Issuer::new(text).map(|_| ()), expected, "{text}");
        }
    }

    #[test]
    fn splits_origin_and_path() {
        let issuer = Issuer::new("https://id.example:8443/realms/a").unwrap();
        assert_eq!((issuer.origin(), issuer.path()), ("https://id.example:8443", "/realms/a"));
        assert_eq!(Issuer::new("https://id.example/").unwrap().path(), "");
    }
}
