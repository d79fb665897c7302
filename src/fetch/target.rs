use http::Uri;
use url::{Host, Position, Url};

use super::FetchError;

/// Longer than the URLs that are in use; it bounds the keys of the cache.
const LONGEST: usize = 2048;

/// Where a URL leads to, once it has been looked at: https, a host, nothing that is meant to confuse.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: Host<String>,
    pub(super) port: u16,
    /// The host as text, without the dot that makes a name absolute: what lists and budgets go by.
    pub(super) name: String,
    /// The host, and the port if it is not the usual one, for the `Host` field.
    pub(super) authority: String,
    /// Path and query; the fragment stays here.
    pub(super) path: Uri,
}

impl Target {
    /// Looks at a URL. Any port will do: the budget is per host, so that nobody can scan with it.
    pub(super) fn parse(text: &str) -> Result<Self, FetchError> {
        if text.len() > LONGEST {
            return Err(FetchError::Refused("it is longer than 2048 bytes"));
        }
        let Some(rest) = text
            .get(..8)
            .filter(|scheme| scheme.eq_ignore_ascii_case("https://"))
            .and_then(|_| text.get(8..))
        else {
            return Err(FetchError::Refused("only https is followed"));
        };
        // The parser is a browser's: it drops line breaks, and reads `\` as `/`. Registered URLs have
        // no such characters, so whoever reads them elsewhere reads the same.
        if !text.bytes().all(is_uri_character) {
            return Err(FetchError::Refused("it has characters that a URI cannot have"));
        }
        match rest.split(['/', '?', '#']).next() {
            None | Some("") => return Err(FetchError::Refused("it has no host")),
            Some(authority) if authority.contains('@') => {
                return Err(FetchError::Refused("it has user information"));
            }
            Some(_) => {}
        }
        let not_a_url = FetchError::Refused("it is not a URL");
        let Ok(url) = Url::parse(text) else { return Err(not_a_url) };
        let (Some(host), Some(name), Some(port)) =
            (url.host(), url.host_str(), url.port_or_known_default())
        else {
            return Err(not_a_url);
        };
        let Ok(path) = url[Position::BeforePath..Position::AfterQuery].parse() else {
            return Err(not_a_url);
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            name: name.trim_end_matches('.').to_owned(),
            authority: url[Position::BeforeHost..Position::AfterPort].to_owned(),
            path,
        })
    }
}

/// RFC 3986 §2.
fn is_uri_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fetch::is_special_use;

    fn refused(text: &str) -> &'static str {
        match Target::parse(text) {
            Err(FetchError::Refused(why)) => why,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_is_asked_and_where() {
        let target = Target::parse("HTTPS://Client.Example.:8443/a/../b?c=%20d#v2").unwrap();
        assert_eq!(target.host, Host::Domain("client.example.".to_owned()));
        assert_eq!((target.name.as_str(), target.port), ("client.example", 8443));
        assert_eq!(target.authority, "client.example.:8443");
        assert_eq!(target.path, "/b?c=%20d");
        let target = Target::parse("https://client.example").unwrap();
        assert_eq!((target.authority.as_str(), target.port), ("client.example", 443));
        assert_eq!(target.path, "/");
        let target = Target::parse("https://[2606:4700::1]:443/").unwrap();
        assert_eq!(target.authority, "[2606:4700::1]");
    }

    #[test]
    fn only_plain_https_urls_are_followed() {
        for (text, why) in [
            ("http://client.example/", "only https is followed"),
            ("ftp://client.example/", "only https is followed"),
            ("file:///etc/passwd", "only https is followed"),
            ("urn:ietf:params:oauth:request_uri:x", "only https is followed"),
            ("//client.example/", "only https is followed"),
            ("https:client.example", "only https is followed"),
            (" https://client.example/", "only https is followed"),
            ("", "only https is followed"),
            ("https://client.example\\@evil.example/", "it has characters that a URI cannot have"),
            ("https://client.exam\nple/", "it has characters that a URI cannot have"),
            ("https://client.example/\u{e9}", "it has characters that a URI cannot have"),
            ("https://client.example/ ", "it has characters that a URI cannot have"),
            ("https://evil@client.example/", "it has user information"),
            ("https://:secret@client.example/", "it has user information"),
            ("https://@client.example/", "it has user information"),
            ("https:///client.example/", "it has no host"),
            ("https://?x", "it has no host"),
            ("https://#x", "it has no host"),
            ("https://", "it has no host"),
            ("https://:443/", "it is not a URL"),
            ("https://client.example:99999/", "it is not a URL"),
            ("https://[::1/", "it is not a URL"),
            ("https://1.2.3.4.5/", "it is not a URL"),
        ] {
            assert_eq!(refused(text), why, "{text}");
        }
        let long = format!("https://client.example/{}", "a".repeat(LONGEST));
        assert_eq!(refused(&long), "it is longer than 2048 bytes");
    }

    /// SS-02: the many ways to write an address all end up as that address.
    #[test]
    fn ss_02_numbers_are_addresses() {
        for text in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0x7f000001/",
            "https://0177.1/",
            "https://017700000001/",
            "https://127.1/",
            "https://127.0.0.1./",
            "https://%31%32%37.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://0/",
            "https://[::]/",
        ] {
            let address = match Target::parse(text).unwrap().host {
                Host::Ipv4(address) => address.into(),
                Host::Ipv6(address) => address.into(),
                Host::Domain(name) => panic!("{text} is the name {name}"),
            };
            assert!(is_special_use(address), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(https://)?\\PC{0,40}") {
            let _ = Target::parse(&text);
        }

        #[test]
        fn f_21_a_number_never_stays_a_name(number in any::<u32>()) {
            let text = format!("https://{number}/");
            prop_assert!(matches!(Target::parse(&text).unwrap().host, Host::Ipv4(_)));
        }
    }
}
