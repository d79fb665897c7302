use std::fmt;

use super::Request;
use crate::{
    secret::{Digest, Handle, HandleKind},
    types::Issuer,
};

/// The names of an issuer's cookies.
#[derive(Clone, Debug)]
pub(crate) struct CookieNames {
    /// Who is signed in.
    pub(crate) session: CookieName,
    /// Which browser this is; binds interactions to it.
    pub(crate) browser: CookieName,
    /// Whether somebody else has signed in or out, for scripts of the provider's.
    pub(crate) state: StateCookie,
}

/// A cookie that holds [`Handle`]s: one, or those of several accounts with dots between them.
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
            state: StateCookie {
                name: format!("{prefix}op_state{suffix}"),
                secure: issuer.is_https(),
            },
        }
    }
}

/// A cookie that scripts read: the login state of a browser as anybody may know it ([OIDC Session
/// Management §3.3]).
///
/// [OIDC Session Management §3.3]: https://openid.net/specs/openid-connect-session-1_0.html#OPiframe
#[derive(Clone)]
pub(crate) struct StateCookie {
    name: String,
    secure: bool,
}

impl StateCookie {
    /// As scripts find it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The state that the browser sent.
    pub(crate) fn read<'r>(&self, request: &Request<'r>) -> Option<&'r str> {
        values(&self.name, request).next()
    }

    /// The `Set-Cookie` value for this state; with an empty one it is taken back.
    ///
    /// The frame that reads it stands in pages of other sites, so over TLS it is sent along there too.
    pub(crate) fn set(&self, state: &str) -> String {
        let site = if self.secure { "; Secure; SameSite=None" } else { "; SameSite=Lax" };
        let age = if state.is_empty() { "; Max-Age=0" } else { "" };
        format!("{}={state}; Path=/{site}{age}", self.name)
    }
}

impl fmt::Debug for StateCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl CookieName {
    /// The handle that the browser sent, if it holds one; a damaged cookie is none (threat SE-03).
    pub(crate) fn read(&self, request: &Request<'_>) -> Option<Handle> {
        values(&self.name, request).find_map(|value| Handle::decode(self.kind, value))
    }

    /// The handles that the browser sent, at most so many; damaged ones are none (threat SE-03).
    pub(crate) fn read_all(&self, request: &Request<'_>, most: usize) -> Vec<Handle> {
        let handles = |value: &str| -> Vec<Handle> {
            let texts = value.split('.').take(most);
            texts.filter_map(|text| Handle::decode(self.kind, text)).collect()
        };
        values(&self.name, request)
            .map(handles)
            .find(|handles| !handles.is_empty())
            .unwrap_or_default()
    }

    /// Whether the browser sent the cookie, however damaged.
    pub(crate) fn was_sent(&self, request: &Request<'_>) -> bool {
        values(&self.name, request).next().is_some()
    }
}

/// What the browser sent under a name.
fn values<'r>(name: &str, request: &Request<'r>) -> impl Iterator<Item = &'r str> {
    // Pair by pair, so that another host's cookie with strange bytes hides none of ours.
    request
        .header_bytes("cookie")
        .flat_map(|header| header.split(|byte| *byte == b';'))
        .filter_map(|pair| str::from_utf8(pair).ok())
        .filter_map(move |pair| pair.trim_start().strip_prefix(name)?.strip_prefix('='))
}

/// The `Set-Cookie` value that gives the browser these handles; with none it is taken back.
pub(crate) fn set_cookie<'h>(
    cookie: &CookieName,
    handles: impl IntoIterator<Item = &'h Handle>,
) -> String {
    let secure = if cookie.secure { "; Secure" } else { "" };
    let value = handles.into_iter().map(Handle::encode).collect::<Vec<_>>().join(".");
    let age = if value.is_empty() { "; Max-Age=0" } else { "" };
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

    /// The cookie for scripts reaches the frame in pages of other sites, and shows nobody a handle.
    #[test]
    fn the_state_is_for_scripts() {
        let state = names("https://id.example").state;
        assert_eq!(state.set("abc"), "__Host-op_state=abc; Path=/; Secure; SameSite=None");
        let state = names("http://localhost:1").state;
        assert_eq!(state.set(""), "op_state=; Path=/; SameSite=Lax; Max-Age=0");
    }

    #[test]
    fn several_accounts_share_a_cookie() {
        let cookie = names("http://localhost:1").session;
        let handles = [1, 2, 3].map(|n| Handle::from_bytes(HandleKind::Session, [n; 47]));
        let set = set_cookie(&cookie, &handles);
        let (sent, _) = set.split_once(';').unwrap();
        let read = |header: &str, most| {
            let headers = [("cookie", header.as_bytes())];
            cookie.read_all(&Request::new("GET", "/").headers(&headers), most)
        };
        assert_eq!(read(sent, 4), handles);
        assert_eq!(read(sent, 2), handles[..2]);
        let damaged = sent.replacen("=K", "=x", 1);
        assert_eq!(read(&damaged, 4), handles[1..]);
        assert_eq!(read(&format!("op_session=junk; {sent}"), 4), handles);
        assert_eq!(read("op_session=..", 4), []);
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
