//! The front channel: from a request to an answer, in this order.
//!
//! | step | file | on failure |
//! |---|---|---|
//! | identify | here | page |
//! | resolve | `request_object.rs` | redirect if the outer way back is proven, or else page |
//! | return | `return_to.rs` | page |
//! | validate | `request.rs`, `assurance.rs`, `hint.rs` | redirect |
//! | decide | `decide.rs` | a page of the host's, or a redirect for `prompt=none` |
//! | interact | `interaction.rs`, `pending.rs`, `resume.rs` | page |
//! | mint, commit | `complete.rs` | redirect |
//! | respond | `return_to.rs` | |

mod assurance;
mod complete;
mod decide;
mod hint;
mod interaction;
mod parameters;
mod pending;
mod person;
mod request;
mod request_object;
mod resume;
mod return_to;

use std::{borrow::Cow, net::IpAddr};

pub(crate) use hint::{IssuedIdToken, issued_id_token};
pub use interaction::{Agreement, AskedClaim, Hints, Interaction, Need, Verdict};
pub(crate) use parameters::parameter_contradictions;
pub(crate) use request::locales;
pub(crate) use resume::{Door, check_form, resume, revisit};
pub(crate) use return_to::ReturnTo;

use self::{
    complete::complete,
    decide::{Decision, Situation, decide, is_assured},
    pending::{Pending, Steps},
    person::{Present, Wish},
    request::AuthorizeRequest,
};
use crate::{
    client::{Client, KnownClient},
    error::{AuthorizeError, Failure, PageError, Reason, RedirectError},
    grant,
    logout::{LogoutConfirmation, SignedOut},
    provider::Core,
    secret::{Handle, HandleKind},
    session::Login,
    types::{ClientId, Subject, Timestamp},
    wire::{Params, Reply, Request},
};

/// What came of a request.
#[derive(Debug)]
pub enum Outcome {
    /// Send this.
    Reply(Reply),
    /// The person must act: show the page that the interaction needs.
    Interact(Box<Interaction>),
    /// A client wants the person to sign out: ask them.
    ConfirmLogout(Box<LogoutConfirmation>),
    /// The person has signed out, or wanted to stay: show a page that says so, with its frames.
    SignedOut(Box<SignedOut>),
    /// The path belongs to somebody else.
    Elsewhere,
}

/// Whose session decides who is signed in.
#[derive(Clone, Debug)]
pub(crate) enum Sessions {
    /// The provider's own, found by cookie.
    Own,
    /// The host's: this is who it says is signed in.
    Host(Option<Login>),
}

/// The one parameter of the crate's own: a request that came by POST and comes back by GET.
pub(crate) const CONTINUE: &str = "op_continue";

/// A cookie to set along with whatever is answered.
pub(crate) type Cookies = Vec<(&'static str, Cow<'static, str>)>;

/// A request that has passed everything that can be checked without knowing the person.
pub(crate) struct Asked {
    client: KnownClient,
    return_to: ReturnTo,
    request: AuthorizeRequest,
    /// Whom the client expects, by their names at the client; anybody, if absent.
    expected: Option<Vec<Subject>>,
}

/// The authorization endpoint ([RFC 6749 §3.1], [OIDC Core §3.1.2]).
///
/// [RFC 6749 §3.1]: https://www.rfc-editor.org/rfc/rfc6749#section-3.1
/// [OIDC Core §3.1.2]: https://openid.net/specs/openid-connect-core-1_0.html#AuthorizationEndpoint
pub(crate) async fn authorize(
    core: &Core,
    http: &Request<'_>,
    sessions: Sessions,
) -> Result<Outcome, AuthorizeError> {
    if !matches!(http.method, "GET" | "POST") {
        return Err(PageError::from(Reason::MethodNotAllowed).into());
    }
    if core.config.limits.exceeded_by(http) {
        return Err(PageError::from(Reason::BodyTooLarge).into());
    }
    let params = http.query_and_form().and_then(Params::bounded).map_err(PageError::from)?;
    if let Some(token) = params.one(CONTINUE).map_err(PageError::from)? {
        let pending = Pending::open(core, token).await.map_err(PageError::from)?;
        let kept = Params::parse(&[pending.query.as_bytes()]);
        let client = identify(core, &kept, http.peer).await?;
        let asked = Asked::validate(core, client, &kept)?;
        return asked.begin(core, http, &kept, sessions).await;
    }
    let client = identify(core, &params, http.peer).await?;
    let params = resolve(core, &client, params).await?;
    let asked = Asked::validate(core, client, &params)?;
    if http.method == "POST" && sessions.may_lack_cookies(core, http) {
        return come_back_by_get(core, &params).await.map_err(Into::into);
    }
    asked.begin(core, http, &params, sessions).await
}

/// What the request says once a request object has had its word. A failure goes back to the client
/// only if the parameters beside the object prove the way.
async fn resolve<'r>(
    core: &Core,
    client: &Client,
    params: Params<'r>,
) -> Result<Params<'r>, AuthorizeError> {
    match request_object::resolve(core, client, &params).await {
        Ok(None) => Ok(params),
        Ok(Some(resolved)) => Ok(resolved),
        Err(failure) => Err(match return_to(core, client, &params) {
            Ok(return_to) => RedirectError::new(return_to, failure).into(),
            Err(_) => PageError::from(failure).into(),
        }),
    }
}

/// The way back, if the parameters prove one.
fn return_to(core: &Core, client: &Client, params: &Params<'_>) -> Result<ReturnTo, Reason> {
    ReturnTo::verify(client, params, &core.config.issuer, core.config.policy)
}

/// Lax cookies do not come with a POST from another site: the request is kept, and the browser sent
/// to come back with a GET.
async fn come_back_by_get(core: &Core, params: &Params<'_>) -> Result<Outcome, PageError> {
    let pending = Pending::begin(core, params)?;
    let token = pending.seal(core).await?;
    Ok(Outcome::Reply(Reply::see_other(core.endpoints.continue_at(&token))))
}

impl Sessions {
    /// Whether somebody may be signed in whose cookie just did not come along.
    fn may_lack_cookies(&self, core: &Core, http: &Request<'_>) -> bool {
        match self {
            Self::Own => !core.cookies.session.was_sent(http),
            Self::Host(login) => login.is_none(),
        }
    }
}

/// The client that a request names ([RFC 6749 §4.1.2.1]: an unknown one is not redirected).
///
/// [RFC 6749 §4.1.2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
async fn identify(
    core: &Core,
    params: &Params<'_>,
    peer: Option<IpAddr>,
) -> Result<KnownClient, PageError> {
    named(core, params.one("client_id")?.ok_or(Reason::ClientIdMissing)?, peer).await
}

/// The client of this name, if it may be one.
pub(crate) async fn named(
    core: &Core,
    id: &str,
    peer: Option<IpAddr>,
) -> Result<KnownClient, PageError> {
    let id = ClientId::new(id).map_err(|_| Reason::ClientUnknown)?;
    let found = core.named_client(&id, peer).await.map_err(|failure| match failure.reason {
        // Whoever made up an address learns nothing of what is there (threat SS-08).
        Reason::ClientDocumentFailed => Failure { reason: Reason::ClientUnknown, ..failure },
        _ => failure,
    });
    let client = found?.ok_or(Reason::ClientUnknown)?;
    if client.enabled { Ok(client) } else { Err(Reason::ClientUnknown.into()) }
}

/// How the request got here.
enum Visit<'v> {
    /// Straight from the client.
    First(&'v Params<'v>),
    /// From a page, in the browser that began it.
    Again { pending: Pending, browser: Handle },
}

impl Visit<'_> {
    fn steps(&self) -> Steps {
        match self {
            Self::First(_) => Steps::default(),
            Self::Again { pending, .. } => pending.steps.clone(),
        }
    }

    /// The code to be: random, or, so that a form sent twice gives the same one, derived.
    fn code(&self, core: &Core) -> Result<Handle, Failure> {
        match self {
            Self::First(_) => Ok(Handle::random(HandleKind::Code, &*core.entropy)?),
            Self::Again { pending, browser } => {
                Ok(grant::code_of_interaction(pending.keys(core)?, pending.id(), browser))
            }
        }
    }

    /// Until when the code could be derived again: so long its grant must be kept, or a page that is
    /// sent once more would make it anew.
    fn derivable_until(&self) -> Timestamp {
        match self {
            Self::First(_) => Timestamp::MIN,
            Self::Again { pending, .. } => pending.until,
        }
    }

    /// What the next page must carry.
    fn wait(
        self,
        core: &Core,
        http: &Request<'_>,
        cookies: &mut Cookies,
    ) -> Result<Pending, Failure> {
        match self {
            Self::First(params) => {
                let mut pending = Pending::begin(core, params)?;
                pending.bind(core, http, cookies)?;
                Ok(pending)
            }
            Self::Again { pending, .. } => Ok(pending),
        }
    }
}

impl Asked {
    /// return → validate
    fn validate(
        core: &Core,
        client: KnownClient,
        params: &Params<'_>,
    ) -> Result<Self, AuthorizeError> {
        let return_to = return_to(core, &client, params).map_err(PageError::from)?;
        let request = AuthorizeRequest::parse(&client, params, &core.config, &core.scopes)
            .map_err(Failure::from)
            .and_then(|request| {
                let hint = request.id_token_hint.as_deref();
                let hinted = hint.map(|hint| hint::subject_of(core, &client, hint)).transpose()?;
                let expected = request.expected(hinted);
                Ok((request, expected))
            });
        match request {
            Ok((request, expected)) => Ok(Self { client, return_to, request, expected }),
            Err(failure) => Err(RedirectError::new(return_to, failure).into()),
        }
    }

    /// From here on, every failure goes back to the client.
    fn fail(&self, failure: impl Into<Failure>) -> AuthorizeError {
        RedirectError::new(self.return_to.clone(), failure).into()
    }

    /// A request straight from the client.
    async fn begin(
        self,
        core: &Core,
        http: &Request<'_>,
        params: &Params<'_>,
        sessions: Sessions,
    ) -> Result<Outcome, AuthorizeError> {
        let present = self.present(core, http, &sessions, &Steps::default()).await;
        let present = present.map_err(|failure| self.fail(failure))?;
        self.proceed(core, http, Visit::First(params), present, Cookies::new()).await
    }

    /// Who is at the browser.
    async fn present(
        &self,
        core: &Core,
        http: &Request<'_>,
        sessions: &Sessions,
        steps: &Steps,
    ) -> Result<Present, Failure> {
        Present::at(core, http, &self.client, sessions, self.wish(steps)).await
    }

    /// Whom it is about, if several people are signed in: the one of the page before, then the one whom
    /// the client expects.
    fn wish<'w>(&'w self, steps: &'w Steps) -> Wish<'w> {
        Wish { subject: steps.person.as_ref(), expected: self.expected.as_deref() }
    }

    /// Says what the client is told of who is signed in ([OIDC Session Management §2]). If the browser
    /// does not know that yet, because a session has ended elsewhere, it does from now on.
    ///
    /// [OIDC Session Management §2]: https://openid.net/specs/openid-connect-session-1_0.html#CreatingUpdatingSessions
    fn tell_session_state(
        &mut self,
        core: &Core,
        http: &Request<'_>,
        present: &Present,
        cookies: &mut Cookies,
    ) -> Result<(), Failure> {
        let wanted = core.config.policy.session_management && self.request.scope.contains("openid");
        if let Some(sessions) = present.sessions.as_ref().filter(|_| wanted) {
            let uri = self.return_to.uri();
            let state = sessions.state();
            let cookie = &core.cookies.state;
            // In pages of other sites the browser keeps the session to itself: that nobody is there is no news.
            let knows = core.cookies.session.was_sent(http);
            let told = cookie.read(http).unwrap_or_default() == state.as_str();
            if cookies.is_empty() && knows && !told {
                cookies.push(("set-cookie", cookie.set(state.as_str()).into()));
            }
            let state = state.for_client(&self.client.id, uri, &*core.entropy)?;
            self.return_to.tell_session_state(state);
        }
        Ok(())
    }

    /// decide → interact, or commit → respond
    async fn proceed(
        mut self,
        core: &Core,
        http: &Request<'_>,
        visit: Visit<'_>,
        mut present: Present,
        mut cookies: Cookies,
    ) -> Result<Outcome, AuthorizeError> {
        let now = core.clock.now();
        let steps = visit.steps();
        let rules = &core.config.claims;
        let told = self.tell_session_state(core, http, &present, &mut cookies);
        told.map_err(|failure| self.fail(failure))?;
        let decision = self.decide(core, &mut present, &steps, now).await;
        match decision.map_err(|failure| self.fail(failure))? {
            Decision::Proceed(approved) => {
                let code = visit.code(core).map_err(|failure| self.fail(failure))?;
                let kept = visit.derivable_until();
                let mut reply = complete(core, &self, approved, &code, kept, now).await?;
                reply.headers.append(&mut cookies);
                Ok(Outcome::Reply(reply))
            }
            Decision::Refuse(reason) => Err(self.fail(reason).with_headers(cookies)),
            Decision::Ask(need) if self.request.prompt.none() => {
                Err(self.fail(need.refusal()).with_headers(cookies))
            }
            Decision::Ask(need) => {
                let token = async {
                    let mut pending = visit.wait(core, http, &mut cookies)?;
                    // If they are signed in no more, it is still about them, until somebody signs in.
                    if let Some(subject) = present.subject() {
                        pending.steps.person = Some(subject.clone());
                    }
                    pending.seal(core).await
                };
                let token = token.await.map_err(|failure| self.fail(failure))?;
                Ok(Outcome::Interact(Box::new(Interaction {
                    token,
                    need,
                    return_host: self.return_to.host(),
                    remembers: is_assured(&self.client, self.return_to.uri()),
                    claims: AskedClaim::of(rules, &self.client, &self.request),
                    acr_binds: self.request.assurance.as_ref().is_some_and(|a| a.binds),
                    max_age: self.request.login_age(),
                    assurance: self.request.assurance,
                    client: self.client,
                    scope: self.request.scope,
                    resources: self.request.resources,
                    accounts: present.accounts(),
                    subject: present.person.map(|person| person.signed_in.subject),
                    hints: self.request.hints,
                    parameters: self.request.parameters,
                    headers: cookies,
                })))
            }
        }
    }

    /// What to do now. Before anything leaves, the client is entered in the ledger of the session, so that
    /// it is told when that ends; if it has ended meanwhile, nobody is signed in.
    async fn decide(
        &self,
        core: &Core,
        present: &mut Present,
        steps: &Steps,
        now: Timestamp,
    ) -> Result<Decision, Failure> {
        loop {
            let decision = decide(&Situation {
                client: &self.client,
                request: &self.request,
                redirect_uri: self.return_to.uri(),
                expected: self.expected.as_deref(),
                rules: &core.config.claims,
                person: present.person.as_ref(),
                steps,
                now,
            });
            let Some(person) = present.person.as_ref() else { return Ok(decision) };
            if !matches!(decision, Decision::Proceed(_))
                || person.uses(core, &self.client.id, now).await?
            {
                return Ok(decision);
            }
            present.person = None;
        }
    }
}
