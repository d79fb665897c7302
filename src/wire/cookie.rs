use std::fmt;

use super::Request;
use crate::{
    secret::{Digest, Handle, HandleKind},
    types::Issuer,
};

/// The names of an issuer's two cookies.
#[derive(Clone, Debug)]
pub(crate) struct CookieNames {
    /// Who is signed in.
    pub(crate) session: CookieName,
    /// Which browser this is; binds interactions to it.
    pub(crate) browser: CookieName,
}

/// A cookie that holds a [`Handle`].
#[derive(Clone)]
pub(crate) struct CookieName {
    name: String,
    kind: HandleKind,
    secure: bool,
}

impl CookieNames {
    /// `__Host-` names over TLS, so that no other host or path can plant one; plain ones on
    /// loopback http. Issuers that share a host by path each have their own (threat SE-01).
    pub(crate) fn new(issuer: &Issuer) -> Self {
        let prefix = if issuer.is_https() { "__Host-" } else { "" };
        let mut suffix = String::new();
        if !issuer.path().is_empty() {
            let digest = Digest::of(issuer.path().as_bytes());
            let short = digest.as_bytes().first_chunk().copied().unwrap_or_default();
            suffix = format!("_{:08x}", u32::from_be_bytes(short));
        }
        let name = |noun: &str, kind| CookieName {
            name: format!("{prefix}op_{noun}{suffix}"),
            kind,
            secure: issuer.is_https(),
        };
        Self {
            session: name("session", HandleKind::Session),
            browser: name("browser", HandleKind::Browser),
        }
    }
}

impl CookieName {
    /// The handle that the browser sent; a damaged cookie is none (threat SE-03).
    pub(crate) fn read(&self, request: &Request<'_>) -> Option<Handle> {
        self.values(request).find_map(|value| Handle::decode(self.kind, value))
    }

    /// Whether the browser sent the cookie, however damaged.
    pub(crate) fn was_sent(&self, request: &Request<'_>) -> bool {
        self.values(request).next().is_some()
    }

    fn values<'r>(&self, request: &Request<'r>) -> impl Iterator<Item = &'r str> {
        // Pair by pair, so that another host's cookie with strange bytes hides none of ours.
        request
            .header_bytes("cookie")
            .flat_map(|header| header.split(|byte| *byte == b';'))
            .filter_map(|pair| str::from_utf8(pair).ok())
            .filter_map(|pair| pair.trim_start().strip_prefix(&*self.name)?.strip_prefix('='))
    }
}

/// The `Set-Cookie` value that gives the browser a handle, or with `None` takes it back.
pub(crate) fn set_cookie(cookie: &CookieName, handle: Option<&Handle>) -> String {
    let secure = if cookie.secure { "; Secure" } else { "" };
    let (value, age) = match handle {
        Some(handle) => (handle.encode(), ""),
        None => (String::new(), "; Max-Age=0"),
    };
    format!("{}={value}; Path=/{secure}; HttpOnly; SameSite=Lax{age}", cookie.name)
}

impl fmt::Debug for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(issuer: &str) -> CookieNames {
        CookieNames::new(&Issuer::new(issuer).unwrap())
    }

    /// Threats SE-01, SE-03.
    #[test]
    fn attributes_and_names() {
        let handle = Handle::from_bytes(HandleKind::Session, [1; 47]);
        let https = set_cookie(&names("https://id.example").session, Some(&handle));
        assert!(https.starts_with("__Host-op_session=K"), "{https}");
        assert!(https.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"));
        let http = set_cookie(&names("http://localhost:1").session, None);
        assert_eq!(http, "op_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
        let (a, b) = (names("https://id.example/a"), names("https://id.example/b"));
        assert_ne!(a.session.name, b.session.name);
    }

    #[test]
    fn damaged_and_doubled_cookies() {
        let cookie = names("http://localhost:1").session;
        let text = Handle::from_bytes(HandleKind::Session, [1; 47]).encode();
        for (header, found) in [
            (format!("op_session={text}"), true),
            (format!("x=1; op_session=junk; op_session={text}"), true),
            (format!("op_session={}", &text[1..]), false),
            (format!("xop_session={text}"), false),
            ("op_session=".to_owned(), false),
            ("op_session".to_owned(), false),
        ] {
            let headers = [("cookie", header.as_bytes())];
            let request = Request::new("GET", "/").headers(&headers);
            assert_eq!(cookie.read(&request).is_some(), found, "{header}");
        }
    }
}
