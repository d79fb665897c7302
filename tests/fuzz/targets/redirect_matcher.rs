//! F-03, F-19: what may be registered, what matches it, and the answer that goes there.
//!
//! An input is three lines: what is registered, what a request sends (nothing: the same; `~`: the
//! same with edits), and a value to carry.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oidc_op::{Client, ClientId, ClientMetadata, RedirectUri, fuzzing::respond};
use oidc_op_fuzz::{
    answer,
    edit::edited,
    op::{ISSUER, issuer},
    redirect::{authority, matches},
};
use serde_json::json;
use url::{Url, form_urlencoded};

type Pair = (String, String);

fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (registered, requested, carried) = (line(), line(), line());
    let Ok(registered) = str::from_utf8(registered) else { return };
    let Ok(uri) = RedirectUri::new(registered) else { return };
    let requested = match requested {
        [] => registered.to_owned(),
        [b'~', edits @ ..] => edited(registered, edits),
        bytes => match str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return,
        },
    };
    registration(registered, &uri);
    matching(registered, &uri, &requested);
    let carried = String::from_utf8_lossy(carried);
    answering(registered, uri, &requested, &carried);
});

/// RFC 6749 §3.1.2, RFC 8252 §7, §8.4.
fn registration(text: &str, uri: &RedirectUri) {
    assert_eq!(uri.as_str(), text);
    assert!(text.len() <= 2048 && text.bytes().all(|b| matches!(b, 0x21..=0x7E)));
    assert!(!text.contains(['#', '*']));
    let url = Url::parse(text).expect("an absolute URI");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    assert!(!authority(text).contains('@'), "{text}");
    match url.scheme() {
        "https" => assert!(url.has_host()),
        "http" => {
            assert!(matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost")), "{text}");
        }
        scheme => assert!(scheme.contains('.'), "{text}"),
    }
    assert_eq!(uri.is_https(), url.scheme() == "https", "{text}");
    // Wherever it is read, a location means the same.
    for base in ["https://id.example/authorize", "http://127.0.0.1:8080/authorize"] {
        assert_eq!(Url::parse(base).unwrap().join(text), Ok(url.clone()), "{text}");
    }
}

/// RFC 9700 §2.1, RFC 8252 §7.3.
fn matching(registered: &str, uri: &RedirectUri, requested: &str) {
    let expected = matches(registered, requested);
    assert_eq!(uri.matches(requested), expected, "{registered} ~ {requested}");
    if let Ok(other) = RedirectUri::new(requested) {
        assert_eq!(other.matches(registered), expected, "{requested} ~ {registered}");
    }
    if !expected || registered == requested {
        return;
    }
    // What matches without being the same differs in the port of a loopback literal.
    let parts = |uri: &str| {
        let mut url = Url::parse(uri).expect("what matches is a URI");
        assert!(matches!(url.host_str(), Some("127.0.0.1" | "[::1]")), "{uri}");
        url.set_port(None).unwrap();
        url
    };
    assert_eq!(parts(registered), parts(requested));
}

fn answering(registered: &str, uri: RedirectUri, requested: &str, carried: &str) {
    let metadata = json!({
        "application_type": "native", "response_types": ["code", "code id_token"],
        "grant_types": ["authorization_code", "implicit"],
    });
    let mut metadata: ClientMetadata = serde_json::from_value(metadata).unwrap();
    metadata.redirect_uris.push(uri);
    let client = Client::public(ClientId::new("c").unwrap(), metadata).unwrap();

    for (response_type, mode) in [
        ("code", None),
        ("code", Some("query")),
        ("code", Some("fragment")),
        ("code", Some("form_post")),
        ("code id_token", None),
        ("code id_token", Some("query")),
    ] {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("redirect_uri", requested).append_pair("state", carried);
        query.append_pair("response_type", response_type);
        if let Some(mode) = mode {
            query.append_pair("response_mode", mode);
        }
        let answer = [("code", "a code"), ("error_description", carried)];
        let reply = respond(&client, &issuer(), query.finish().as_bytes(), &answer);
        let known = matches(registered, requested);
        assert_eq!(reply.is_ok(), known, "{registered} ~ {requested}");
        let Ok(reply) = reply else { return };

        let is_form = mode == Some("form_post");
        // A page cannot hold a NUL.
        let carried = if is_form { carried.replace('\0', "\u{FFFD}") } else { carried.to_owned() };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut expected: Vec<Pair> =
            vec![pair("code", "a code"), pair("error_description", &carried)];
        expected.extend((!carried.is_empty()).then(|| pair("state", &carried)));
        expected.push(pair("iss", ISSUER));

        let sent = answer::sent(&reply, &[registered.to_owned()], ISSUER).unwrap();
        assert_eq!(sent.to, requested);
        assert_eq!(sent.parameters, expected);
        let by_fragment = mode == Some("fragment") || response_type != "code";
        assert_eq!((sent.by == '#', sent.by == 'P'), (by_fragment, is_form));

        // The same by the eyes of a browser.
        let Some(location) = reply.header("location") else { continue };
        let (to, base) = (Url::parse(location).unwrap(), Url::parse(requested).unwrap());
        let pairs = |text: Option<&str>| -> Vec<Pair> {
            form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned().collect()
        };
        let mut without = to.clone();
        without.set_fragment(None);
        if by_fragment {
            assert_eq!(without, base);
            assert_eq!(pairs(to.fragment()), expected);
        } else {
            let all: Vec<Pair> = pairs(base.query()).into_iter().chain(expected).collect();
            assert_eq!((pairs(to.query()), to.fragment()), (all, None));
            let mut bare = to.clone();
            bare.set_query(base.query());
            assert_eq!(bare, base);
        }
    }
}
