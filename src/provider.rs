use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    authorize::{self, Outcome, Sessions, Verdict},
    builder::ProviderBuilder,
    claims::{self, Accounts, Pairwise},
    client::{ClientPermissions, Clients, GrantType, SecretHashes},
    config::Config,
    discovery::{self, Endpoints},
    env::{Clock, Entropy, Event, Observer, What},
    error::{AuthorizeError, BearerError, Failure, InternalError, PageError, TokenError},
    fetch::Fetch,
    grant::{self, GrantId, HeldGrants},
    jose::DecryptionKeys,
    mint::Signer,
    secret::{Handle, HandleKind, TokenKeys},
    session::{self, HeldConsents, Login, Session, SubjectChange},
    store::{Cursor, Store},
    throttle::Throttle,
    token::{self, Asker, ExchangePolicy, ExtensionGrant, PasswordAuthenticator, TrustedIssuers},
    types::{ClientId, Scope, Subject},
    wire::{CookieNames, Cors, Reply, Request, set_cookie},
};

/// An OpenID Provider: one method per endpoint, and [`dispatch`](Self::dispatch) for adapters.
///
/// Cloning is cheap; all clones are the same provider. Every future is `Send`, and may be dropped at
/// any await point: each write has then happened whole or not at all, and asking again does the rest. The crate's front page has
/// a [quick start](crate#quick-start).
#[derive(Clone)]
pub struct Provider(Arc<Core>);

/// Everything that an endpoint needs.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) endpoints: Endpoints,
    pub(crate) cookies: CookieNames,
    /// Every scope token that is known.
    pub(crate) scopes: Scope,
    /// The first makes, all are accepted; never empty.
    pub(crate) keys: Vec<TokenKeys>,
    /// The salt of pairwise names, if there is one.
    pub(crate) pairwise: Option<Pairwise>,
    /// What opens JWTs that clients encrypt to the provider.
    pub(crate) decryption: Option<DecryptionKeys>,
    /// What reaches documents that clients name.
    pub(crate) fetch: Option<Arc<dyn Fetch>>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clients: Arc<dyn Clients>,
    /// What checks client secrets that people have chosen.
    pub(crate) secret_hashes: Option<Arc<dyn SecretHashes>>,
    pub(crate) accounts: Arc<dyn Accounts>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) throttle: Arc<dyn Throttle>,
    /// What bounds clients that have an owner.
    pub(crate) permissions: Option<Arc<dyn ClientPermissions>>,
    /// What checks people's passwords for the password grant.
    pub(crate) passwords: Option<Arc<dyn PasswordAuthenticator>>,
    /// What lets tokens be exchanged.
    pub(crate) exchanges: Option<Arc<dyn ExchangePolicy>>,
    /// Whose word counts in place of a person's.
    pub(crate) issuers: Option<Arc<dyn TrustedIssuers>>,
    /// Grant types of the host's own.
    pub(crate) extensions: Vec<Arc<dyn ExtensionGrant>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) observer: Arc<dyn Observer>,
}

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
    /// As [`authorize`](Self::authorize).
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
        self.0.refused(authorize::resume(&self.0, &request, token, verdict, &sessions).await)
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
        self.0.refused(authorize::resume(&self.0, &request, token, verdict, &Sessions::Own).await)
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

    /// Who is signed in at this browser.
    ///
    /// # Errors
    ///
    /// The store failed; nobody is declared signed out because of that.
    pub async fn session(&self, request: Request<'_>) -> Result<Option<Session>, InternalError> {
        let core = &*self.0;
        let Some(current) = session::current(core, &request).await? else { return Ok(None) };
        let record = current.record.body;
        let standing = session::standing(core, &record.subject).await?;
        let account = core.accounts.account(&record.subject, &[]).await?;
        if !account.is_some_and(|account| account.active) {
            return Ok(None);
        }
        Ok(record.live(standing.as_ref(), core.clock.now()).then_some(Session {
            subject: record.subject,
            authentication: record.auth,
            expires: record.until,
        }))
    }

    /// Signs a person in at this browser, outside of any request of a client; answers the header
    /// fields to send along. Somebody else's session at this browser ends.
    ///
    /// # Errors
    ///
    /// The store or the source of randomness failed.
    ///
    /// # Security
    ///
    /// `login` is believed: check the person's credentials first. Unlike [`resume`](Self::resume) it
    /// looks at no `Origin`: protect the form against other sites, or they sign people in to an
    /// account that is not theirs.
    pub async fn sign_in(
        &self,
        request: Request<'_>,
        login: &Login,
    ) -> Result<authorize::Cookies, InternalError> {
        let core = &*self.0;
        let fresh = Handle::random(HandleKind::Session, &*core.entropy)?;
        let current = session::sign_in(core, &request, fresh, login, core.clock.now()).await?;
        core.observer.observe(&Event::new(What::SignedIn).subject(&login.subject));
        Ok(vec![("set-cookie", set_cookie(&core.cookies.session, Some(&current.handle)).into())])
    }

    /// Signs out whoever is signed in at this browser, and ends the session's unredeemed codes and the
    /// refresh tokens that are not for offline access; answers the header fields to send along. Access tokens that are out already live to their end.
    ///
    /// # Errors
    ///
    /// The store failed; the session is then still there.
    ///
    /// # Security
    ///
    /// It looks at no `Origin`: call it for a POST, and protect the form against other sites.
    pub async fn sign_out(
        &self,
        request: Request<'_>,
    ) -> Result<authorize::Cookies, InternalError> {
        let core = &*self.0;
        if let Some(current) = session::current(core, &request).await? {
            let subject = current.record.body.subject.clone();
            session::end(core, current, core.clock.now()).await?;
            core.observer.observe(&Event::new(What::SignedOut).subject(&subject));
        }
        Ok(vec![("set-cookie", set_cookie(&core.cookies.session, None).into())])
    }

    /// Ends every session and grant of a person, access tokens included: after a password change, or
    /// when the account is closed. One write, whatever they hold.
    ///
    /// # Errors
    ///
    /// The store failed; nothing may have changed.
    pub async fn revoke_all(&self, subject: &Subject) -> Result<(), InternalError> {
        let core = &*self.0;
        Ok(session::revoke_all(core, subject, core.clock.now()).await?)
    }

    /// What a person has given to clients and not taken back, at most `limit` at once: for a page of
    /// their apps and devices.
    ///
    /// # Errors
    ///
    /// The store or the host failed.
    pub async fn grants(
        &self,
        subject: &Subject,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<HeldGrants, InternalError> {
        Ok(grant::held(&self.0, subject, after, limit).await?)
    }

    /// Ends one of a person's grants with all its tokens, and answers whether there was one to end.
    /// Somebody else's stays as it is.
    ///
    /// # Errors
    ///
    /// The store failed; nothing may have changed.
    pub async fn revoke_grant(
        &self,
        subject: &Subject,
        grant: GrantId,
    ) -> Result<bool, InternalError> {
        let core = &*self.0;
        let ended = grant::revoke_held(core, subject, grant).await?;
        if let Some(ended) = &ended {
            let event = Event::new(What::GrantRevoked);
            core.observer.observe(&event.client(&ended.client).subject(subject));
        }
        Ok(ended.is_some())
    }

    /// What a person has agreed to and not taken back, at most `limit` at once.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn consents(
        &self,
        subject: &Subject,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<HeldConsents, InternalError> {
        Ok(session::consents(&self.0, subject, after, limit).await?)
    }

    /// Tells of a change of a person's account. Their sessions and grants end, as with
    /// [`revoke_all`](Self::revoke_all); when the account is gone, what they have agreed to as well.
    ///
    /// # Errors
    ///
    /// The store failed; ask again.
    pub async fn subject_changed(
        &self,
        subject: &Subject,
        change: SubjectChange,
    ) -> Result<(), InternalError> {
        self.revoke_all(subject).await?;
        if change == SubjectChange::Deleted {
            let mut after = None;
            loop {
                let page = self.consents(subject, after.as_ref(), 100).await?;
                for consent in &page.consents {
                    self.withdraw_consent(subject, &consent.client).await?;
                }
                let Some(next) = page.next else { break };
                after = Some(next);
            }
        }
        self.0.observer.observe(&Event::new(What::SubjectChanged).subject(subject));
        Ok(())
    }

    /// Takes back what a person has agreed that a client may have, and with it every unredeemed code
    /// and every refresh token that stands on it. Access tokens that are out already live to their end; to
    /// end these too, use [`revoke_all`](Self::revoke_all) or [`revoke_grant`](Self::revoke_grant). A consent that was not remembered leaves nothing to take
    /// back.
    ///
    /// # Errors
    ///
    /// The store failed; nothing may have changed.
    pub async fn withdraw_consent(
        &self,
        subject: &Subject,
        client: &ClientId,
    ) -> Result<(), InternalError> {
        let core = &*self.0;
        Ok(session::withdraw(core, subject, client, core.clock.now()).await?)
    }

    /// Does up to `limit` records' worth of housekeeping, and answers how many it did: call it every
    /// minute or so, on any number of nodes.
    ///
    /// # Errors
    ///
    /// The store failed; it will be done another time.
    pub async fn work(&self, limit: u32) -> Result<u32, InternalError> {
        Ok(self.0.store.purge(self.0.clock.now(), limit).await?)
    }
}

impl Core {
    /// Whether a grant type is wired: what it needs is there.
    pub(crate) fn supports(&self, grant_type: &GrantType) -> bool {
        match grant_type {
            GrantType::AuthorizationCode
            | GrantType::Implicit
            | GrantType::RefreshToken
            | GrantType::ClientCredentials => true,
            GrantType::Password => self.passwords.is_some(),
            GrantType::TokenExchange => self.exchanges.is_some(),
            GrantType::JwtBearer => self.issuers.is_some(),
            GrantType::Extension(uri) => {
                self.extensions.iter().any(|grant| grant.grant_type() == &**uri)
            }
        }
    }

    /// The keys that make.
    pub(crate) fn first_keys(&self) -> &TokenKeys {
        #[expect(clippy::indexing_slicing, reason = "build() refuses an empty list")]
        &self.keys[0]
    }

    async fn authorize(
        &self,
        request: &Request<'_>,
        sessions: Sessions,
    ) -> Result<Outcome, AuthorizeError> {
        self.refused(authorize::authorize(self, request, sessions).await)
    }

    fn refused<T>(&self, answer: Result<T, AuthorizeError>) -> Result<T, AuthorizeError> {
        answer.inspect_err(|error| self.note(What::AuthorizationRefused, error.failure()))
    }

    fn note(&self, what: What, failure: &Failure) {
        let event = Event::new(what).refused(failure.reason, failure.cause.as_deref());
        self.observer.observe(&event);
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.0.config.issuer).finish_non_exhaustive()
    }
}
