use std::{fmt, sync::Arc};

use time::Duration;

use super::{Cookies, assurance::Assurance, parameters::OwnParameters, request::AuthorizeRequest};
use crate::{
    claims::{ClaimRules, RequestedClaim, may_have, untagged},
    client::Client,
    session::{DecidedClaims, Login},
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
    /// The claims that are asked for and that the client may have, each once: those of the scope, and
    /// single ones. Whether the host knows them shows only in the answer. What is [always said](crate::AlwaysClaim) cannot be kept back, and is not among them.
    pub claims: Vec<AskedClaim>,
    /// Whether the request fails unless the login [satisfies](Self::satisfied_by) what it asks for
    /// ([OIDC Core §5.5.1.1]).
    ///
    /// [OIDC Core §5.5.1.1]: https://openid.net/specs/openid-connect-core-1_0.html#acrSemantics
    pub acr_binds: bool,
    /// How old the sign-in may be that the client gets to hear of, at the time when the page is first shown;
    /// zero if the person must sign in anew ([OIDC Core §3.1.2.1], `prompt=login` and `max_age`). Who signs in on a
    /// page of the host's does so now. A host that lets another provider do it passes this on: a
    /// [`Login::time`] before it is refused.
    ///
    /// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
    pub max_age: Option<Duration>,
    /// Whether a remembered consent will serve this client next time: not one whose identity cannot
    /// be assured ([RFC 8252 §8.6]).
    ///
    /// [RFC 8252 §8.6]: https://www.rfc-editor.org/rfc/rfc8252#section-8.6
    pub remembers: bool,
    /// Whom the page is for, if they are signed in.
    pub subject: Option<Subject>,
    /// Everybody who is signed in at this browser: the accounts to choose from for
    /// [`Need::SelectAccount`], the current one first.
    pub accounts: Vec<Subject>,
    /// What the client wishes for the page.
    pub hints: Hints,
    pub(super) assurance: Option<Assurance>,
    pub(super) parameters: OwnParameters,
    /// Header fields that must go out with the page: cookies. The adapters add them.
    pub headers: Cookies,
}

impl Interaction {
    /// Whether a sign-in of this context class does for what the client asks: by `acr_values`, by the claim `acr`, or
    /// by its registration, and where classes [ascend](crate::Policy::acr_values_ascend) also by a stronger one.
    pub fn satisfied_by(&self, acr: &Acr) -> bool {
        self.assurance.as_ref().is_none_or(|assurance| assurance.is_met_by(Some(acr)))
    }

    /// What the request says by a parameter of the host's own, one of [`Config::parameters`]: at every page of it,
    /// from the first to the last. If there is a page: whoever is signed in and has agreed may see none, unless
    /// the client adds `prompt=login`.
    ///
    /// # Security
    ///
    /// It is the word of whoever made the link, not of the person who followed it, and it stood in an
    /// address. If it signs somebody in, let it be good once and not for long, and show them as whom.
    ///
    /// [`Config::parameters`]: crate::Config::parameters
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        parameters.find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }
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
    /// Its name, without a language tag: visible ASCII, but the client's own words if it is
    /// [`single`](Self::single).
    pub name: Box<str>,
    /// Whether the client says that it cannot do its work without. The person may refuse it all the
    /// same.
    pub essential: bool,
    /// Whether it was asked for by name, and not by the scope.
    pub single: bool,
}

impl AskedClaim {
    /// What a request asks for, each once.
    pub(super) fn of(rules: &ClaimRules, client: &Client, request: &AuthorizeRequest) -> Vec<Self> {
        let mut asked: Vec<Self> = Vec::with_capacity(24);
        for (name, single) in Self::asked(rules, client, request) {
            let essential = single.is_some_and(|claim| claim.essential);
            match asked.iter_mut().find(|asked| *asked.name == *name) {
                Some(known) => known.essential |= essential,
                None => {
                    asked.push(Self { name: name.into(), essential, single: single.is_some() });
                }
            }
        }
        asked
    }

    /// The names of what a request asks for; one that is asked for twice may come twice.
    pub(super) fn names<'r>(
        rules: &'r ClaimRules,
        client: &'r Client,
        request: &'r AuthorizeRequest,
    ) -> impl Iterator<Item = &'r str> {
        Self::asked(rules, client, request).map(|(name, _)| name)
    }

    /// By the scope, then singly: as far as the client may have it, and unless it is said anyway.
    fn asked<'r>(
        rules: &'r ClaimRules,
        client: &'r Client,
        request: &'r AuthorizeRequest,
    ) -> impl Iterator<Item = (&'r str, Option<&'r RequestedClaim>)> {
        let single = request.claims.id_token.iter().chain(&request.claims.userinfo);
        let single = single.map(|claim| (untagged(&claim.name), Some(claim)));
        let scoped = rules.claims_of(&request.scope).map(|name| (name, None));
        scoped.chain(single).filter(|(name, _)| !rules.says(name) && may_have(rules, client, name))
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
    /// Choose one of the accounts, or sign in with another one.
    SelectAccount,
    /// Create an account, which also signs in.
    CreateAccount,
}

/// What the person decided.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// They have authenticated, or created an account. It is believed: check the credentials first. One that is
    /// [too much to keep](Login::check) ends in `server_error`, one that is
    /// [older than the client accepts](Interaction::max_age) in `login_required`.
    Login(Login),
    /// They agree to what was asked, or to less.
    Consent(Agreement),
    /// They go on with this account, one of [`Interaction::accounts`].
    SelectAccount(Subject),
    /// They refuse; the client hears `access_denied`.
    Cancel,
    /// They cannot be signed in now, as whoever must do it does not answer; the client hears
    /// `temporarily_unavailable`.
    Unavailable,
}

/// What a person agrees to; nothing that is not named here is released.
///
/// ```
/// use oidc_op::{Agreement, Scope, Verdict};
///
/// let mut agreement = Agreement::new(Scope::parse("openid email").unwrap());
/// agreement.claims = Some(vec!["email".into()]); // but not whether it is verified
/// agreement.remember = true;
/// let verdict = Verdict::Consent(agreement);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreement {
    /// Which scope, of that in [`Interaction::scope`]. `openid` cannot be taken out.
    pub scope: Scope,
    /// Which claims, of those in [`Interaction::claims`]. If absent, those that the agreed scope asks
    /// for, and no single ones. The answer simply lacks the others, essential or not
    /// ([OIDC Core §5.5.1]).
    ///
    /// [OIDC Core §5.5.1]: https://openid.net/specs/openid-connect-core-1_0.html#IndividualClaimsRequests
    pub claims: Option<Vec<Box<str>>>,
    /// Whether it holds for next time as well.
    pub remember: bool,
}

impl Agreement {
    /// To this scope and the claims that it asks for, this time.
    pub fn new(scope: Scope) -> Self {
        Self { scope, claims: None, remember: false }
    }

    /// To everything that an interaction asks for, this time: for a page that shows all of it.
    pub fn to_all(interaction: &Interaction) -> Self {
        let claims = interaction.claims.iter().map(|claim| claim.name.clone()).collect();
        Self { claims: Some(claims), ..Self::new(interaction.scope.clone()) }
    }

    /// What this decides of each claim that would be released: those of the agreed scope, and single
    /// ones. Of a claim that only a declined scope asked for, it decides nothing.
    pub(super) fn decide(
        &self,
        rules: &ClaimRules,
        client: &Client,
        request: &AuthorizeRequest,
    ) -> DecidedClaims {
        let scoped = |name: &str| rules.claims_of(&self.scope).any(|claim| claim == name);
        let requested = |name: &str| {
            let mut claims = request.claims.id_token.iter().chain(&request.claims.userinfo);
            claims.any(|claim| untagged(&claim.name) == name)
        };
        let agreed = |name: &str| match &self.claims {
            Some(claims) => claims.iter().any(|claim| **claim == *name),
            None => scoped(name),
        };
        let asked = AskedClaim::of(rules, client, request).into_iter().map(|claim| claim.name);
        let decided = asked.filter(|name| scoped(name) || requested(name));
        let (agreed, refused) = decided.partition(|name| agreed(name));
        DecidedClaims { agreed, refused }
    }
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
