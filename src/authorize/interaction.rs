use std::{fmt, sync::Arc};

use super::{Cookies, request::AuthorizeRequest};
use crate::{
    claims::{ClaimRules, RequestedClaim, is_reserved, untagged},
    client::Client,
    session::Login,
    types::{Acr, Display, Resource, Scope, Subject},
};

/// A page that the person must see before the request can go on.
///
/// The host shows it, and comes back with [`Provider::resume`](crate::Provider::resume) and what the
/// person decided. The token is the whole memory of it: put it into the page's address, and into its
/// form. It is of use only in the browser that began the request.
#[non_exhaustive]
pub struct Interaction {
    /// What names the interaction; letters, digits, `-` and `_`.
    pub token: String,
    /// What the person must do.
    pub need: Need,
    /// Who asks.
    pub client: Arc<Client>,
    /// Where the answer will go, for people: a host, or the scheme of an app.
    pub return_host: String,
    /// What the client asks for.
    pub scope: Scope,
    /// The resource servers that it wants to use ([RFC 8707 §2]).
    ///
    /// [RFC 8707 §2]: https://www.rfc-editor.org/rfc/rfc8707#section-2
    pub resources: Vec<Resource>,
    /// The claims that would be released, each once: those that the scope asks for, and single ones.
    pub claims: Vec<AskedClaim>,
    /// Whether the request fails unless the login satisfies one of
    /// [`Hints::acr_values`] ([OIDC Core §5.5.1.1]).
    ///
    /// [OIDC Core §5.5.1.1]: https://openid.net/specs/openid-connect-core-1_0.html#acrSemantics
    pub acr_binds: bool,
    /// Whether a remembered consent will serve this client next time: not one whose identity cannot
    /// be assured ([RFC 8252 §8.6]).
    ///
    /// [RFC 8252 §8.6]: https://www.rfc-editor.org/rfc/rfc8252#section-8.6
    pub remembers: bool,
    /// Who is signed in, if somebody is.
    pub subject: Option<Subject>,
    /// What the client wishes for the page.
    pub hints: Hints,
    /// Header fields that must go out with the page: cookies. The adapters add them.
    pub headers: Cookies,
}

impl fmt::Debug for Interaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interaction")
            .field("need", &self.need)
            .field("client", &self.client.id)
            .field("scope", &self.scope)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// A claim that a client asks for ([OIDC Core §5.4], [§5.5]).
///
/// [OIDC Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
/// [§5.5]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AskedClaim {
    /// Its name, without a language tag.
    pub name: Box<str>,
    /// Whether the client says that it cannot do its work without. The person may refuse it all the
    /// same.
    pub essential: bool,
    /// Whether it was asked for by name, and not by the scope.
    pub single: bool,
}

impl AskedClaim {
    /// What a request asks for, as far as the client may have it.
    pub(super) fn of(rules: &ClaimRules, client: &Client, request: &AuthorizeRequest) -> Vec<Self> {
        let mut asked: Vec<Self> = Vec::with_capacity(24);
        let mut add = |name: &str, essential: bool, single: bool| {
            let name = untagged(name);
            if is_reserved(name) || !client.claims.permits(name) {
                return;
            }
            match asked.iter_mut().find(|asked| *asked.name == *name) {
                Some(known) => known.essential |= essential,
                None => asked.push(Self { name: name.into(), essential, single }),
            }
        };
        for name in rules.claims_of(&request.scope) {
            add(name, false, false);
        }
        for RequestedClaim { name, essential } in
            request.claims.id_token.iter().chain(&request.claims.userinfo)
        {
            add(name, *essential, true);
        }
        asked
    }

    /// The names of those that a request asks for singly: nearly always none.
    pub(super) fn single(
        rules: &ClaimRules,
        client: &Client,
        request: &AuthorizeRequest,
    ) -> Vec<Box<str>> {
        if request.claims.id_token.is_empty() && request.claims.userinfo.is_empty() {
            return Vec::new();
        }
        let asked = Self::of(rules, client, request).into_iter();
        asked.filter(|claim| claim.single).map(|claim| claim.name).collect()
    }
}

/// What the person must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Need {
    /// Prove who they are; again, if [`Interaction::subject`] is there.
    Login,
    /// Agree to what the client asks for, or refuse.
    Consent,
    /// Confirm the account, or sign in with another one.
    SelectAccount,
    /// Create an account, which also signs in.
    CreateAccount,
}

/// What the person decided.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// They have authenticated, or created an account. It is believed: check the credentials first.
    Login(Login),
    /// They agree to this scope, which may be less than was asked; to be remembered or not.
    Consent {
        /// What they agree to. `openid` cannot be taken out.
        scope: Scope,
        /// The claims that they keep back, by the names of [`Interaction::claims`]. The answer then
        /// simply lacks them ([OIDC Core §5.5.1]).
        ///
        /// [OIDC Core §5.5.1]: https://openid.net/specs/openid-connect-core-1_0.html#IndividualClaimsRequests
        refused: Vec<Box<str>>,
        /// Whether to ask again next time.
        remember: bool,
    },
    /// They go on with the account that is signed in.
    SelectAccount,
    /// They refuse; the client hears `access_denied`.
    Cancel,
}

/// What a client wishes for the pages ([OIDC Core §3.1.2.1]); never refused.
///
/// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hints {
    /// Who is expected to sign in: a name to put into the form.
    pub login_hint: Option<Box<str>>,
    /// The languages for pages, best first, as BCP 47 tags.
    pub ui_locales: Vec<Box<str>>,
    /// The languages for claims, best first.
    pub claims_locales: Vec<Box<str>>,
    /// The context classes that the client would like, best first: by the `claims` parameter, by
    /// `acr_values`, or by default.
    pub acr_values: Vec<Acr>,
    /// The kind of page.
    pub display: Display,
}
