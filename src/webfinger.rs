//! Which provider is responsible for a person: WebFinger ([OIDC Discovery §2], [RFC 7033]).
//!
//! The answer is the same for every person of a host, so that nobody learns who has an account.
//!
//! [OIDC Discovery §2]: https://openid.net/specs/openid-connect-discovery-1_0.html#IssuerDiscovery
//! [RFC 7033]: https://www.rfc-editor.org/rfc/rfc7033

use serde::Serialize;
use url::Url;

use crate::{
    discovery::cacheable,
    error::{Reason, TokenError},
    provider::Core,
    wire::{Cors, Params, Reply, Request},
};

/// Where it is, whatever the issuer's path ([RFC 7033 §10.1]).
///
/// [RFC 7033 §10.1]: https://www.rfc-editor.org/rfc/rfc7033#section-10.1
pub(crate) const PATH: &str = "/.well-known/webfinger";

/// The relation that leads to the issuer.
const ISSUER: &str = "http://openid.net/specs/connect/1.0/issuer";

/// The answer to a query ([RFC 7033 §4.2]): 404 for what is not at one of the provider's hosts.
///
/// [RFC 7033 §4.2]: https://www.rfc-editor.org/rfc/rfc7033#section-4.2
pub(crate) fn answer(core: &Core, http: &Request<'_>) -> Reply {
    let query = match Query::parse(http) {
        Ok(query) => query,
        Err(reason) => return TokenError::from(reason).reply().with_cors(Cors::Any),
    };
    let resource = &query.resource;
    let ours = |host: &String| resource.authority.as_ref() == Some(host);
    if !core.config.webfinger.iter().any(ours) {
        return Reply::empty(404).with_cors(Cors::Any);
    }
    let link = Link { rel: ISSUER, href: core.config.issuer.as_str() };
    let descriptor = Descriptor {
        subject: &resource.uri,
        links: if query.wants_issuer { &[link] } else { &[] },
    };
    cacheable(core, http, Reply::json(200, &descriptor), "application/jrd+json")
        .with("x-content-type-options", "nosniff")
}

/// Whether the text names a host as resources are compared with it: `host` or `host:port`, in lower
/// case and in ASCII, without the port of https.
pub(crate) fn is_host(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    text.bytes().all(plain) && authority(text).as_deref() == Some(text)
}

/// What is said of a resource ([RFC 7033 §4.4]).
///
/// [RFC 7033 §4.4]: https://www.rfc-editor.org/rfc/rfc7033#section-4.4
#[derive(Serialize)]
struct Descriptor<'d> {
    subject: &'d str,
    links: &'d [Link<'d>],
}

#[derive(Serialize)]
struct Link<'l> {
    rel: &'l str,
    href: &'l str,
}

/// What is asked.
struct Query {
    resource: Resource,
    /// Whether the issuer is among the relations that are asked for, or all of them are
    /// ([RFC 7033 §4.3]).
    ///
    /// [RFC 7033 §4.3]: https://www.rfc-editor.org/rfc/rfc7033#section-4.3
    wants_issuer: bool,
}

impl Query {
    fn parse(http: &Request<'_>) -> Result<Self, Reason> {
        let params = Params::parse(&[http.query.as_bytes()]).bounded()?;
        let resource = params.one("resource")?.and_then(Resource::parse);
        let mut rels = params.all("rel").peekable();
        let wants_issuer = rels.peek().is_none() || rels.any(|rel| rel == ISSUER);
        Ok(Self { resource: resource.ok_or(Reason::WebFingerResource)?, wants_issuer })
    }
}

/// Whom or what a query is about.
#[derive(Debug, PartialEq, Eq)]
struct Resource {
    uri: String,
    /// The host, as [`is_host`] has it; none of a scheme that nothing is known about.
    authority: Option<String>,
}

impl Resource {
    /// Reads a resource, whether the client has normalised it or not ([OIDC Discovery §2.1.2]).
    ///
    /// [OIDC Discovery §2.1.2]: https://openid.net/specs/openid-connect-discovery-1_0.html#NormalizationSteps
    fn parse(text: &str) -> Option<Self> {
        if !is_uri_text(text) || text.starts_with(['=', '@', '!']) {
            return None;
        }
        let (whole, fragment) = match text.split_once('#') {
            Some((whole, fragment)) => (whole, Some(fragment)),
            None => (text, None),
        };
        if fragment.is_some_and(|fragment| fragment.contains('#')) {
            return None;
        }
        let uri = match (scheme(whole), whole.rsplit_once('@')) {
            (Some(_), _) => whole.to_owned(),
            (None, Some((user, host))) if fragment.is_none() && !host.contains(DELIMITERS) => {
                format!("acct:{}@{host}", user.replace('@', "%40"))
            }
            (None, _) => format!("https://{whole}"),
        };
        let (scheme, rest) = uri.split_once(':')?;
        let authority = match scheme.to_ascii_lowercase().as_str() {
            "acct" => Some(account_host(rest)?),
            "https" => Some(authority_of(rest)?),
            _ => None,
        };
        Some(Self { uri, authority })
    }
}

/// What ends a host.
const DELIMITERS: [char; 3] = [':', '/', '?'];

/// The scheme, if there is one: `example.com:8080` has none, although it looks as if
/// ([OIDC Discovery §2.1.2]).
///
/// [OIDC Discovery §2.1.2]: https://openid.net/specs/openid-connect-discovery-1_0.html#NormalizationSteps
fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let is_scheme =
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(inner);
    let port = rest.split(['/', '?']).next().unwrap_or_default();
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    (is_scheme && !is_port).then_some(scheme)
}

/// The host of `user@host` ([RFC 7565 §7]); it has no port.
///
/// [RFC 7565 §7]: https://www.rfc-editor.org/rfc/rfc7565#section-7
fn account_host(rest: &str) -> Option<String> {
    let (user, host) = rest.split_once('@')?;
    let user_part = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&b);
    let fits = !user.is_empty() && user.bytes().all(user_part) && !host.contains(DELIMITERS);
    authority(host).filter(|_| fits)
}

/// The authority of `//user@host:port/path?query`, without the user.
fn authority_of(rest: &str) -> Option<String> {
    let authority_and_user = rest.strip_prefix("//")?.split(['/', '?']).next()?;
    match authority_and_user.split_once('@') {
        Some((_, host)) => authority(host),
        None => authority(authority_and_user),
    }
}

/// A host with its port, in its one spelling.
fn authority(text: &str) -> Option<String> {
    if text.is_empty() || text.contains(['/', '\\', '?', '#', '@']) {
        return None;
    }
    let url = Url::parse(&format!("https://{text}")).ok()?;
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// Whether the text has only characters of URIs, and each `%` begins an octet ([RFC 3986 §2]).
///
/// [RFC 3986 §2]: https://www.rfc-editor.org/rfc/rfc3986#section-2
fn is_uri_text(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    let octet = |part: &str| {
        part.as_bytes().first_chunk::<2>().is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    text.bytes().all(plain) && text.split('%').skip(1).all(octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OIDC Discovery §2.1.2, with its examples and those of §2.2.
    #[test]
    fn normalises_as_the_specification_does() {
        for (text, uri, authority) in [
            ("joe@example.com", "acct:joe@example.com", "example.com"),
            ("Jane.Doe@example.com", "acct:Jane.Doe@example.com", "example.com"),
            ("joe@EXAMPLE.com", "acct:joe@EXAMPLE.com", "example.com"),
            (
                "juliet@capulet.example@shopping.example.com",
                "acct:juliet%40capulet.example@shopping.example.com",
                "shopping.example.com",
            ),
            ("example.com", "https://example.com", "example.com"),
            ("example.com/joe", "https://example.com/joe", "example.com"),
            ("example.com:8080", "https://example.com:8080", "example.com:8080"),
            ("example.com:8080/joe?a=b", "https://example.com:8080/joe?a=b", "example.com:8080"),
            ("joe@example.com:8080", "https://joe@example.com:8080", "example.com:8080"),
            ("joe@example.com/path", "https://joe@example.com/path", "example.com"),
            ("joe@example.com?a", "https://joe@example.com?a", "example.com"),
            ("joe@example.com#a", "https://joe@example.com", "example.com"),
            ("https://example.com", "https://example.com", "example.com"),
            ("https://example.com/joe", "https://example.com/joe", "example.com"),
            ("https://joe@example.com:8080", "https://joe@example.com:8080", "example.com:8080"),
            ("https://example.com:8080/", "https://example.com:8080/", "example.com:8080"),
            ("https://example.com:443/", "https://example.com:443/", "example.com"),
            ("https://example.com/joe#me", "https://example.com/joe", "example.com"),
            ("https://example.com/a:b@c", "https://example.com/a:b@c", "example.com"),
            ("HTTPS://Example.COM/joe", "HTTPS://Example.COM/joe", "example.com"),
            ("acct:joe@example.com", "acct:joe@example.com", "example.com"),
            ("ACCT:joe@example.com", "ACCT:joe@example.com", "example.com"),
            (
                "acct:juliet%40capulet.example@shopping.example.com",
                "acct:juliet%40capulet.example@shopping.example.com",
                "shopping.example.com",
            ),
            ("https://[::1]:8080/x", "https://[::1]:8080/x", "[::1]:8080"),
        ] {
            let resource = Resource::parse(text);
            let expected = Resource { uri: uri.into(), authority: Some(authority.into()) };
            assert_eq!(resource, Some(expected), "{text}");
        }
    }

    /// RFC 7033 §4.2: what is not a URI, or not one of its scheme.
    #[test]
    fn malformed_resources_are_refused() {
        for text in [
            "",
            "=joe",
            "@example",
            "!example",
            "acct:",
            "acct:joe",
            "acct:@example.com",
            "acct:joe@",
            "acct:joe@example.com:8080",
            "acct:joe@example.com/x",
            "acct:joe@example.com?x",
            "acct:a@b@example.com",
            "acct:a/b@example.com",
            "acct:joe@exam%20ple.com",
            "https:",
            "https:example.com",
            "https://",
            "https:///joe",
            "https://@/",
            "https://a@b@c/",
            "https://example.com:99999/",
            "https://example.com:x/",
            "https://exa mple.com/",
            "https://example.com/%zz",
            "https://example.com/%4",
            "https://example.com/a#b#c",
            "https://example.com\\joe",
            "acct:joe@ex\u{e4}mple.com",
            "joe@example.com\n",
            "@",
            ":",
            "/",
            "?",
            "//example.com/joe",
            "https://example.com/<script>",
            ":8080",
            "joe@",
            "[::1",
            "%",
        ] {
            assert_eq!(Resource::parse(text), None, "{text:?}");
        }
    }

    /// Other schemes may be well-formed; nothing is known about them (RFC 7033 §4.2).
    #[test]
    fn of_other_schemes_nothing_is_known() {
        for text in [
            "http://example.com/joe",
            "mailto:joe@example.com",
            "tel:+1-201-555-0123",
            "tel:5550123",
            "urn:a:b",
            "x:",
            "acct2:joe@example.com",
            "joe:secret@example.com",
            "file:///etc/passwd",
        ] {
            assert_eq!(Resource::parse(text).map(|r| r.authority), Some(None), "{text}");
        }
    }

    #[test]
    fn hosts_are_in_their_one_spelling() {
        for text in ["example.com", "example.com:8080", "xn--exmple-cua.com", "[::1]", "127.0.0.1"]
        {
            assert!(is_host(text), "{text}");
        }
        for text in [
            "",
            "Example.com",
            "example.com:443",
            "example.com/",
            "https://example.com",
            "a@example.com",
            "ex\u{e4}mple.com",
            "example.com:x",
            "exa mple.com",
            " example.com",
            "*",
            "127.1",
            "#",
            ":80",
        ] {
            assert!(!is_host(text), "{text}");
        }
    }

    proptest::proptest! {
        /// F-01: any text is read or refused; what is read is read again as it is.
        #[test]
        fn any_text_is_read_or_refused(text in "(acct:|https:|https://|)[a-c@:/?#%.=0-9é ]{0,20}") {
            if let Some(read) = Resource::parse(&text) {
                let one_spelling = |host: &str| authority(host).as_deref() == Some(host);
                proptest::prop_assert!(read.authority.as_deref().is_none_or(one_spelling));
                let again = Resource::parse(&read.uri);
                proptest::prop_assert_eq!(again, Some(read));
            }
        }
    }
}
