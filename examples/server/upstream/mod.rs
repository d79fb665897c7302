//! Other OpenID Providers that people sign in with: this server as their relying party, by the crate
//! `openidconnect`.
//!
//! | file | what |
//! |---|---|
//! | `flow.rs` | to the provider, and back with an answer |
//! | `under_way.rs` | what the answer must fit |
//! | `discovery.rs`, `heard.rs` | what the provider says of itself |
//! | `claims.rs` | what it says of a person |
//! | `transport.rs` | how it is asked |
//! | `failure.rs` | what goes wrong |
//!
//! Its people are not kept: what is known of them goes with their session and what was given in it. Signing
//! out here is no signing out there.

mod claims;
mod discovery;
mod failure;
mod flow;
mod heard;
mod transport;
mod under_way;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use oidc_op::{
    Account, Accounts, Clock, HostError, Interaction, Issuer, Login, Secret, Subject, SystemClock,
    Timestamp,
};
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, CsrfToken, LanguageTag, LoginHint, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, Scope,
    core::{CoreAuthPrompt, CoreResponseType},
};
use tokio::time::timeout;
use url::Url;

pub(crate) use self::flow::routes;
use self::{
    claims::{Names, Verified},
    discovery::{Discovered, discover},
    failure::{Failure, Fault},
    heard::Heard,
    transport::{Endpoints, Transport},
    under_way::{Pending, UnderWay},
};
use crate::{
    config::{ConfigError, UpstreamEntry},
    users::Users,
};

/// How many bytes of randomness nobody guesses.
const RANDOM: u32 = 32;
/// How long everything together may take that is asked for one sign-in, and no more than two thirds of what a
/// request may take here: people see a page, not a broken connection.
const TOGETHER: Duration = Duration::from_secs(20);

/// How they are asked.
pub(crate) struct Way {
    http: Transport,
    together: Duration,
}

impl Way {
    /// The way to those of the configuration, if there are any, where a request may take so long.
    pub(crate) fn to(
        entries: &[UpstreamEntry],
        request: Duration,
    ) -> Result<Option<Self>, ConfigError> {
        let together = TOGETHER.min(request * 2 / 3);
        // One that does not answer has been given up, and is known to have been, before that.
        let http = Transport::to(entries, together / 4)?;
        Ok(http.map(|http| Self { http, together }))
    }
}

/// How long ago a sign-in may be if nobody asks for less.
const ANY_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// The upstream providers.
pub(crate) struct Upstreams {
    list: Vec<Upstream>,
    http: Transport,
    together: Duration,
    names: Names,
    under_way: UnderWay,
}

/// One of them.
pub(crate) struct Upstream {
    entry: UpstreamEntry,
    redirect_uri: String,
    issuer: Url,
    heard: Heard<Discovered>,
}

impl Upstreams {
    /// Those of the configuration. The secret names their people, always as before.
    pub(crate) fn new(
        entries: Vec<UpstreamEntry>,
        issuer: &Issuer,
        (way, secret): (Way, &Secret),
    ) -> Result<Self, ConfigError> {
        let upstream = |entry: UpstreamEntry| {
            let redirect_uri = format!("{}{}{}", issuer.origin(), issuer.path(), path(&entry.name));
            let issuer = Url::parse(entry.issuer.as_str())?;
            Ok(Upstream { redirect_uri, issuer, entry, heard: Heard::default() })
        };
        let list: Result<_, url::ParseError> = entries.into_iter().map(upstream).collect();
        let list = list.map_err(|e| ConfigError::new(format!("upstreams: {e}")))?;
        let Way { http, together } = way;
        let names = Names::new(secret);
        Ok(Self { list, http, together, names, under_way: UnderWay::default() })
    }

    fn named(&self, name: &str) -> Option<&Upstream> {
        self.list.iter().find(|upstream| upstream.entry.name == name)
    }

    /// The one that there is, if there is one only.
    fn only(&self) -> Option<&Upstream> {
        match &self.list[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The one whose person it is.
    pub(crate) fn of(&self, subject: &Subject) -> Option<&Upstream> {
        self.list.iter().find(|upstream| claims::is_subject(&upstream.entry.name, subject))
    }

    /// Where the person signs in ([OpenID Connect Core §3.1.2.1]).
    ///
    /// [OpenID Connect Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
    async fn begin(
        &self,
        upstream: &Upstream,
        token: &str,
        interaction: &Interaction,
    ) -> Result<String, Failure> {
        let discovered = self.in_time(self.discovered(upstream, None)).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scope = upstream.entry.scope.iter().filter(|token| *token != "openid");
        let mut request = discovered
            .client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                || CsrfToken::new_random_len(RANDOM),
                || Nonce::new_random_len(RANDOM),
            )
            .add_scopes(scope.map(|token| Scope::new(token.to_owned())))
            .set_pkce_challenge(challenge);
        if let Some(hint) = &interaction.hints.login_hint {
            request = request.set_login_hint(LoginHint::new(hint.to_string()));
        }
        for locale in &interaction.hints.ui_locales {
            request = request.add_ui_locale(LanguageTag::new(locale.to_string()));
        }
        let freshness = Freshness::of(interaction, SystemClock.now());
        if freshness.anew {
            request = request.add_prompt(CoreAuthPrompt::Login);
        }
        // With any, the provider owes an `auth_time` (OpenID Connect Core, section 2).
        request = request.set_max_age(freshness.max_age);
        let (address, state, nonce) = request.url();
        let pending = Pending {
            upstream: upstream.entry.name.clone(),
            token: token.into(),
            nonce,
            verifier,
            since: freshness.since,
        };
        self.under_way.begin(state.into_secret(), pending);
        Ok(address.into())
    }

    /// What is asked for, if it does not take too long.
    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let slow = |_| Failure::new(Fault::Slow, "everything together");
        timeout(self.together, asked).await.map_err(slow)?
    }

    /// Who comes back with this code, and what is known of them.
    async fn learn(
        &self,
        upstream: &Upstream,
        code: &str,
        pending: Pending,
    ) -> Result<Login, Failure> {
        let mut discovered = self.discovered(upstream, None).await?;
        let endpoints = upstream.endpoints(&self.http);
        let unfit = |_| Failure::new(Fault::Malformed, "discovery");
        let code = AuthorizationCode::new(code.to_owned());
        let tokens = discovered
            .client
            .exchange_code(code)
            .map_err(unfit)?
            .set_pkce_verifier(pending.verifier)
            .request_async(&endpoints)
            .await
            .map_err(|error| Failure::token(&error))?;
        let verified = match Verified::new(&discovered, &tokens, &pending.nonce) {
            Err(claims::Unverified::UnknownKey) => {
                discovered = self.discovered(upstream, Some(&discovered)).await?;
                Verified::new(&discovered, &tokens, &pending.nonce)
            }
            verified => verified,
        }?;
        verified.must_be_since(pending.since)?;
        let subject = self.names.subject(&upstream.entry, &verified.sub)?;
        let known = (verified, tokens.access_token());
        let login = Login::new(subject);
        claims::login(login, &upstream.entry, &endpoints, &discovered, known).await
    }

    /// What the provider says of itself, which must be something else than what does not fit.
    async fn discovered(
        &self,
        upstream: &Upstream,
        unfit: Option<&Arc<Discovered>>,
    ) -> Result<Arc<Discovered>, Failure> {
        let Upstream { entry, redirect_uri, heard, .. } = upstream;
        let endpoints = upstream.endpoints(&self.http);
        let ask = async {
            let said = discover(entry, redirect_uri, &endpoints).await;
            said.inspect_err(|failure| failure.log_silence(&entry.name))
        };
        heard.or_ask(unfit, ask).await
    }
}

/// How long ago the sign-in may have been.
struct Freshness {
    /// They are to sign in once more, whatever there was before.
    anew: bool,
    max_age: Duration,
    /// Not before; none, if an earlier sign-in will do.
    since: Option<Timestamp>,
}

impl Freshness {
    /// As the client asks ([OpenID Connect Core §3.1.2.1]). Who is signed in already is to prove it once more, or
    /// to become somebody else.
    ///
    /// [OpenID Connect Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
    fn of(interaction: &Interaction, now: Timestamp) -> Self {
        let asked =
            interaction.max_age.map(|most| u64::try_from(most.whole_seconds()).unwrap_or(0));
        if asked == Some(0) || interaction.subject.is_some() {
            return Self { anew: true, max_age: ANY_AGE, since: Some(now) };
        }
        let since = |most: u64| {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            Timestamp::from_unix(now.unix().saturating_sub(most))
        };
        let max_age = asked.map_or(ANY_AGE, Duration::from_secs);
        Self { anew: false, max_age, since: asked.map(since) }
    }
}

impl Upstream {
    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.entry.name
    }

    fn endpoints<'t>(&'t self, http: &'t Transport) -> Endpoints<'t> {
        Endpoints { http, issuer: &self.issuer }
    }
}

/// Where people come back to, below the issuer's path.
fn path(name: &str) -> String {
    format!("/upstream/{name}/callback")
}

/// Everybody who can be signed in: the people here, and whoever an upstream provider knows.
#[derive(Debug)]
pub(crate) struct Everybody {
    users: Arc<Users>,
    names: Vec<String>,
}

impl Everybody {
    pub(crate) fn new(users: &Arc<Users>, upstreams: Option<&Upstreams>) -> Self {
        let upstreams = upstreams.into_iter().flat_map(|upstreams| &upstreams.list);
        let names = upstreams.map(|upstream| upstream.name().to_owned()).collect();
        Self { users: Arc::clone(users), names }
    }
}

#[async_trait]
impl Accounts for Everybody {
    async fn account(
        &self,
        subject: &Subject,
        wanted: &[&str],
    ) -> Result<Option<Account>, HostError> {
        if self.names.iter().any(|name| claims::is_subject(name, subject)) {
            // Their claims came with their sign-in.
            return Ok(Some(Account::active()));
        }
        self.users.account(subject, wanted).await
    }
}
