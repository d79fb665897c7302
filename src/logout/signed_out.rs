use std::{fmt, sync::Arc};

use crate::{
    authorize::Cookies,
    client::Client,
    types::Subject,
    wire::{FramesPage, Reply},
};

/// What became of a sign-out, for a page that says so.
///
/// The page must load [`frames`](Self::frames), each in a hidden `<iframe>`, under the policy of
/// [`content_security_policy`](Self::content_security_policy): in them clients hear of it ([OIDC
/// Front-Channel Logout §3]). [`reply`](Self::reply) is such a page, plain and ready-made.
///
/// # Security
///
/// Escape the addresses where they stand in attributes: their queries are whatever clients have
/// registered.
///
/// [OIDC Front-Channel Logout §3]: https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout
#[derive(Clone)]
#[non_exhaustive]
pub struct SignedOut {
    /// Who has signed out now; nobody, if there was nobody, or if they wanted to stay.
    pub ended: Vec<Subject>,
    /// Who is still signed in at this browser, the current account first.
    pub remaining: Vec<Subject>,
    /// Where clients are told by the browser.
    pub frames: Vec<String>,
    /// Where the person may go on: for a link, and never by itself. Where the page may go on by itself,
    /// the provider answers with one of its own.
    pub redirect: Option<String>,
    /// The client that asked for it; none, if nobody did or it did not say who it is.
    pub client: Option<Arc<Client>>,
    /// The languages for the page, best first, as BCP 47 tags.
    pub ui_locales: Vec<Box<str>>,
    /// Header fields that must go out with the page: cookies. The adapters add them.
    pub headers: Cookies,
}

impl SignedOut {
    /// The `Content-Security-Policy` of a page with these frames: it loads nothing but what comes from
    /// their origins. A page that needs more appends its own directives, `; style-src …`.
    pub fn content_security_policy(&self) -> String {
        FramesPage::policy(&self.frames)
    }

    /// A plain page that says it, with its frames and header fields.
    pub fn reply(&self) -> Reply {
        let (heading, text) = match (&*self.ended, &*self.remaining) {
            ([], [_, ..]) => ("You are still signed in", "Nothing has changed."),
            (_, []) => ("Sign-out success", "Nobody is signed in at this browser."),
            _ => ("Sign-out success", "Another account is still signed in at this browser."),
        };
        let frames = &self.frames;
        let page =
            FramesPage { heading, text, frames, link: self.redirect.as_deref(), goes_on: false };
        self.with_fields(page.reply())
    }

    /// The page that tells the clients, and then goes on by itself; without any to tell, it goes on at
    /// once ([RP-Initiated Logout §3]).
    ///
    /// [RP-Initiated Logout §3]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RedirectionAfterLogout
    pub(super) fn going_on(&self, location: String) -> Reply {
        if self.frames.is_empty() {
            return self.with_fields(Reply::see_other(location));
        }
        let page = FramesPage {
            heading: "Sign-out success",
            text: "You are going back to the application.",
            frames: &self.frames,
            link: Some(&location),
            goes_on: true,
        };
        self.with_fields(page.reply())
    }

    fn with_fields(&self, mut reply: Reply) -> Reply {
        reply.headers.extend(self.headers.iter().cloned());
        reply
    }
}

impl fmt::Debug for SignedOut {
    /// Addresses carry a `state` and a `sid`, header fields cookies; only their numbers are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedOut")
            .field("ended", &self.ended)
            .field("remaining", &self.remaining)
            .field("frames", &self.frames.len())
            .field("client", &self.client.as_ref().map(|client| &client.id))
            .finish_non_exhaustive()
    }
}
