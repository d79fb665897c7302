mod core;

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

pub(crate) use self::core::Core;
use crate::{
    authorize::{self, Door, Outcome, Sessions, Verdict},
    builder::ProviderBuilder,
    claims, client,
    config::Config,
    discovery,
    env::What,
    error::{
        AuthorizeError, BearerError, InternalError, PageError, Reason, RegistrationError,
        TokenError,
    },
    logout::{self, LogoutVerdict},
    session::{self, Login},
    token::{self, Asker},
    webfinger,
    wire::{Cors, Reply, Request},
};

/// An OpenID Provider: one method per endpoint, and [`dispatch`](Self::dispatch) for adapters.
///
/// Cloning is cheap; all clones are the same provider. Every future is `Send`, and may be dropped at
/// any await point: each write has then happened whole or not at all, and asking again does the rest. The crate's front page has
/// a [quick start](crate#quick-start).
#[derive(Clone)]
pub struct Provider(Arc<Core>);

impl Provider {
    /// Begins a provider with this configuration.
    pub fn builder(config: Config) -> ProviderBuilder {
        ProviderBuilder::new(config)
    }

    pub(crate) fn from_core(core: Core) -> Self {
        Self(Arc::new(core))
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0
    }

    /// How it was configured.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The authorization endpoint, GET and POST ([OIDC Core §3.1.2]), with the provider's own
    /// sessions.
    ///
    /// # Errors
    ///
    /// [`AuthorizeError`] knows whether it may go back to the client.
    ///
    /// [OIDC Core §3.1.2]: https://openid.net/specs/openid-connect-core-1_0.html#AuthorizationEndpoint
    pub async fn authorize(&self, request: Request<'_>) -> Result<Outcome, AuthorizeError> {
        self.0.authorize(&request, Sessions::Own).await
    }

    /// The authorization endpoint for a host with sessions of its own: `login` is who it says is
    /// signed in, if anybody is. No session of the provider's is read or made.
    ///
    /// # Errors
    ///
    /// As [`authorize`](Self::authorize); a `login` that is [too much to keep](Login::check) is a `server_error`.
    ///
    /// # Security
    ///
    /// The host vouches for `login`, at each step anew: go on with
    /// [`interaction_as`](Self::interaction_as) and [`resume_as`](Self::resume_as).
    pub async fn authorize_as(
        &self,
        request: Request<'_>,
        login: Option<Login>,
    ) -> Result<Outcome, AuthorizeError> {
        self.0.authorize(&request, Sessions::Host(login)).await
    }

    /// An interaction once more, for showing its page: after a redirect to it, a reload, or the back
    /// button. If nothing is left to ask, the outcome is the answer to the client.
    ///
    /// # Errors
    ///
    /// A page, if the token is no good: expired, already finished, or begun in another browser.
    pub async fn interaction(
        &self,
        request: Request<'_>,
        token: &str,
    ) -> Result<Outcome, AuthorizeError> {
        self.0.refused(authorize::revisit(&self.0, &request, token, &Sessions::Own).await)
    }

    /// [`interaction`](Self::interaction) for a host with sessions of its own: `login` is who it says
    /// is signed in.
    ///
    /// # Errors
    ///
    /// As [`interaction`](Self::interaction).
    pub async fn interaction_as(
        &self,
        request: Request<'_>,
        token: &str,
        login: Option<Login>,
    ) -> Result<Outcome, AuthorizeError> {
        let sessions = Sessions::Host(login);
        self.0.refused(authorize::revisit(&self.0, &request, token, &sessions).await)
    }

    /// [`resume`](Self::resume) for a host with sessions of its own: `login` is who it says is signed
    /// in, apart from a [`Verdict::Login`], which says so itself.
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume).
    pub async fn resume_as(
        &self,
        request: Request<'_>,
        token: &str,
        verdict: Verdict,
        login: Option<Login>,
    ) -> Result<Outcome, AuthorizeError> {
        let sessions = Sessions::Host(login);
        let said = (Door::Form, verdict);
        self.0.refused(authorize::resume(&self.0, &request, token, said, &sessions).await)
    }

    /// Whether a form was sent from the page of this interaction, by the browser that began it.
    /// Changes nothing: ask before checking a password, so that nobody else can have one checked.
    ///
    /// # Errors
    ///
    /// A page, if it was not: the form is of another site, the token is no good, or the browser is
    /// another one.
    pub async fn check_form(&self, request: Request<'_>, token: &str) -> Result<(), PageError> {
        let checked = authorize::check_form(&self.0, &request, token).await;
        checked.inspect_err(|error| self.0.note(What::AuthorizationRefused, error.failure()))
    }

    /// Goes on with an interaction, with what the person decided on its page. The same form sent
    /// twice gives the same code.
    ///
    /// # Errors
    ///
    /// As [`interaction`](Self::interaction), and whatever then goes back to the client.
    ///
    /// # Security
    ///
    /// Call it only for a POST. `Verdict::Login` is believed: check the person's credentials first.
    pub async fn resume(
        &self,
        request: Request<'_>,
        token: &str,
        verdict: Verdict,
    ) -> Result<Outcome, AuthorizeError> {
        let said = (Door::Form, verdict);
        self.0.refused(authorize::resume(&self.0, &request, token, said, &Sessions::Own).await)
    }

    /// [`resume`](Self::resume) for somebody who was sent to another site to sign in, an OpenID Provider perhaps, and
    /// whom it has sent back: `request` is the GET that they come back with, at an address of the host's own.
    /// It is the browser that began the interaction, or nothing happens. Coming back twice gives the same code.
    ///
    /// The verdict says what became of the sign-in: [`Verdict::Login`], [`Verdict::Cancel`] or
    /// [`Verdict::Unavailable`]. Whatever else must be asked is the outcome: a page.
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume); for another verdict [`Reason::VerdictUnfit`], for another method
    /// [`Reason::MethodNotAllowed`].
    ///
    /// # Security
    ///
    /// Nothing here tells a redirect from a link that somebody else has made. Call it only if the request carries
    /// a `state` that the host made for this interaction, in this browser, and takes once
    /// ([OIDC Core §3.1.2.1]); otherwise an attacker can have the person signed in as somebody else.
    ///
    /// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
    pub async fn resume_returning(
        &self,
        request: Request<'_>,
        token: &str,
        verdict: Verdict,
    ) -> Result<Outcome, AuthorizeError> {
        let said = (Door::Redirect, verdict);
        self.0.refused(authorize::resume(&self.0, &request, token, said, &Sessions::Own).await)
    }

    /// [`resume_returning`](Self::resume_returning) for a host with sessions of its own: `login` is who it says is
    /// signed in, apart from a [`Verdict::Login`], which says so itself.
    ///
    /// # Errors
    ///
    /// As [`resume_returning`](Self::resume_returning).
    ///
    /// # Security
    ///
    /// As [`resume_returning`](Self::resume_returning).
    pub async fn resume_returning_as(
        &self,
        request: Request<'_>,
        token: &str,
        verdict: Verdict,
        login: Option<Login>,
    ) -> Result<Outcome, AuthorizeError> {
        let (said, sessions) = ((Door::Redirect, verdict), Sessions::Host(login));
        self.0.refused(authorize::resume(&self.0, &request, token, said, &sessions).await)
    }

    /// The logout endpoint, GET and POST ([RP-Initiated Logout §2]), for the provider's own sessions: a client sends a
    /// person here to sign out. With an ID token of theirs their session ends at once; otherwise the
    /// person is asked first.
    ///
    /// # Errors
    ///
    /// [`PageError`]: the request is not in order, and nothing has ended; or the store failed.
    ///
    /// [RP-Initiated Logout §2]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
    pub async fn end_session(&self, request: Request<'_>) -> Result<Outcome, PageError> {
        self.0.not_signed_out(logout::end_session(&self.0, &request).await)
    }

    /// The question whether to sign out once more, for showing its page: after a redirect to it, a reload, or
    /// the back button. [`Outcome::SignedOut`] if nothing is left to ask.
    ///
    /// # Errors
    ///
    /// A page, if the token is no good: expired, or of another browser.
    pub async fn logout_confirmation(
        &self,
        request: Request<'_>,
        token: &str,
    ) -> Result<Outcome, PageError> {
        self.0.not_signed_out(logout::revisit(&self.0, &request, token).await)
    }

    /// Does what the person decided when they were asked whether to sign out. The same form sent twice gives
    /// the same answer.
    ///
    /// After [`LogoutVerdict::Stay`] the outcome is an [`Outcome::SignedOut`] in which nobody
    /// [ended](crate::SignedOut::ended): the client hears nothing, since nothing happened.
    ///
    /// # Errors
    ///
    /// A page, and nothing has ended: the form is of another site or was not posted, the token is no good, the
    /// browser is another one. If the store failed, some of several sessions may have ended; the same form does the rest.
    pub async fn logout(
        &self,
        request: Request<'_>,
        token: &str,
        verdict: LogoutVerdict,
    ) -> Result<Outcome, PageError> {
        self.0.not_signed_out(logout::answer(&self.0, &request, token, verdict).await)
    }

    /// The token endpoint ([RFC 6749 §3.2]).
    ///
    /// # Errors
    ///
    /// [`TokenError`], with its JSON answer.
    ///
    /// [RFC 6749 §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2
    pub async fn token(&self, request: Request<'_>) -> Result<Reply, TokenError> {
        let answer = token::token(&self.0, &request).await;
        if let Err(error) = &answer {
            self.0.note(What::TokenRefused, error.failure());
        }
        answer.map(|reply| reply.with_cors(Cors::Any))
    }

    /// The introspection endpoint ([RFC 7662], [RFC 9701]): what is true of a token, for its client and for
    /// the APIs that it is for.
    ///
    /// # Errors
    ///
    /// [`TokenError`], with its JSON answer. A fault of the store is one, never an inactive token.
    ///
    /// [RFC 7662]: https://www.rfc-editor.org/rfc/rfc7662
    /// [RFC 9701]: https://www.rfc-editor.org/rfc/rfc9701
    pub async fn introspect(&self, request: Request<'_>) -> Result<Reply, TokenError> {
        let answer = token::introspect(&self.0, &request).await;
        answer.inspect_err(|error| self.0.note(What::TokenRefused, error.failure()))
    }

    /// The revocation endpoint ([RFC 7009]): a refresh token ends with its whole grant, an access token
    /// alone.
    ///
    /// # Errors
    ///
    /// [`TokenError`], with its JSON answer. A fault of the store is one, never a success.
    ///
    /// [RFC 7009]: https://www.rfc-editor.org/rfc/rfc7009
    pub async fn revoke(&self, request: Request<'_>) -> Result<Reply, TokenError> {
        let answer = token::revoke(&self.0, &request).await;
        let answer = answer.inspect_err(|error| self.0.note(What::TokenRefused, error.failure()));
        answer.map(|reply| reply.with_cors(Cors::Any))
    }

    /// What is true of an access token, for an API in the same process or on the same store: the members
    /// that introspection answers ([RFC 7662 §2.2]), or `None` if it is not good.
    ///
    /// # Errors
    ///
    /// It cannot be found out now.
    ///
    /// # Security
    ///
    /// It answers for every audience: compare `aud`.
    ///
    /// [RFC 7662 §2.2]: https://www.rfc-editor.org/rfc/rfc7662#section-2.2
    pub async fn inspect(&self, token: &str) -> Result<Option<Map<String, Value>>, InternalError> {
        let now = self.0.clock.now();
        Ok(token::look(&self.0, Asker::Host, token, now).await?)
    }

    /// The UserInfo endpoint, GET and POST ([OIDC Core §5.3]).
    ///
    /// # Errors
    ///
    /// [`BearerError`], with its challenge.
    ///
    /// [OIDC Core §5.3]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo
    pub async fn userinfo(&self, request: Request<'_>) -> Result<Reply, BearerError> {
        let answer = claims::userinfo(&self.0, &request).await;
        if let Err(failure) = answer.as_ref().map_err(BearerError::failure)
            && let Some(failure) = failure
        {
            self.0.note(What::BearerRefused, failure);
        }
        answer.map(|reply| reply.with_cors(Cors::Any))
    }

    /// The registration endpoint by POST, and by GET, PUT and DELETE what a client does with its own
    /// registration ([OIDC Dynamic Client Registration], [RFC 7591], [RFC 7592]).
    ///
    /// # Errors
    ///
    /// [`RegistrationError`], with its JSON answer; [`Reason::RegistrationDenied`] if there is no
    /// [`Config::registration`].
    ///
    /// [OIDC Dynamic Client Registration]: https://openid.net/specs/openid-connect-registration-1_0.html
    /// [RFC 7591]: https://www.rfc-editor.org/rfc/rfc7591
    /// [RFC 7592]: https://www.rfc-editor.org/rfc/rfc7592
    pub async fn registration(&self, request: Request<'_>) -> Result<Reply, RegistrationError> {
        let core = &*self.0;
        let rules = core.config.registration.as_ref().ok_or(Reason::RegistrationDenied)?;
        let answer = if request.method == "POST" {
            client::register(core, &request, rules).await
        } else {
            client::manage(core, &request, rules).await
        };
        answer.inspect_err(|error| {
            if let Some(failure) = error.failure() {
                core.note(What::RegistrationRefused, failure);
            }
        })
    }

    /// The provider's metadata ([OIDC Discovery §4], [RFC 8414 §3]), made from what is wired: what is
    /// listed there works, and what works is listed.
    ///
    /// [OIDC Discovery §4]: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
    /// [RFC 8414 §3]: https://www.rfc-editor.org/rfc/rfc8414#section-3
    pub fn metadata(&self, request: Request<'_>) -> Reply {
        discovery::metadata(&self.0, &request)
    }

    /// The JWK Set ([RFC 7517 §5]): the public keys that are announced, active or retiring now.
    ///
    /// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
    pub fn jwks(&self, request: Request<'_>) -> Reply {
        discovery::jwks(&self.0, &request)
    }

    /// The WebFinger endpoint ([OIDC Discovery §2], [RFC 7033]): that this provider is responsible for the
    /// people at one of [`Config::webfinger`]'s hosts. It does not know whether there is such a person.
    ///
    /// [OIDC Discovery §2]: https://openid.net/specs/openid-connect-discovery-1_0.html#IssuerDiscovery
    /// [RFC 7033]: https://www.rfc-editor.org/rfc/rfc7033
    pub fn webfinger(&self, request: Request<'_>) -> Reply {
        webfinger::answer(&self.0, &request)
    }

    /// The frame that clients ask whether somebody has signed in or out at this browser ([OIDC Session
    /// Management §3.2]); small, cached, and without any state of its own. There is such an endpoint if
    /// [`Policy::session_management`](crate::Policy::session_management) says so.
    ///
    /// [OIDC Session Management §3.2]: https://openid.net/specs/openid-connect-session-1_0.html#OPiframe
    pub fn check_session(&self) -> Reply {
        session::check_session(&self.0)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.0.config.issuer).finish_non_exhaustive()
    }
}
