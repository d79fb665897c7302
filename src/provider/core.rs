use std::sync::Arc;

use crate::{
    authorize::{self, Outcome, Sessions},
    claims::{Accounts, Pairwise},
    client::{
        ClientPermissions, Clients, Decoded, GrantType, Publishers, RegistrationPolicy,
        SecretHashes,
    },
    config::Config,
    discovery::Endpoints,
    env::{Clock, Entropy, Event, Observer, What},
    error::{AuthorizeError, Failure, PageError},
    fetch::Fetch,
    jose::DecryptionKeys,
    logout::LastRound,
    mint::Signer,
    secret::{StorageKeys, TokenKeys},
    store::Store,
    throttle::Throttle,
    token::{ExchangePolicy, ExtensionGrant, PasswordAuthenticator, TrustedIssuers},
    types::{ResponseType, Scope},
    waiting::Waiting,
    wire::{CookieNames, Request},
};

/// Everything that an endpoint needs.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) endpoints: Endpoints,
    pub(crate) cookies: CookieNames,
    /// Every scope token that is known.
    pub(crate) scopes: Scope,
    /// The first makes, all are accepted; never empty.
    pub(crate) keys: Vec<TokenKeys>,
    /// The first seals at rest, all open; may be empty.
    pub(crate) storage: Vec<StorageKeys>,
    /// The salt of pairwise names, if there is one.
    pub(crate) pairwise: Option<Pairwise>,
    /// What opens JWTs that clients encrypt to the provider.
    pub(crate) decryption: Option<DecryptionKeys>,
    /// What reaches documents that clients name.
    pub(crate) fetch: Option<Arc<dyn Fetch>>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clients: Arc<dyn Clients>,
    /// Clients of the store, decoded.
    pub(crate) decoded: Decoded,
    /// What checks client secrets that people have chosen.
    pub(crate) secret_hashes: Option<Arc<dyn SecretHashes>>,
    pub(crate) accounts: Arc<dyn Accounts>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) throttle: Arc<dyn Throttle>,
    /// What bounds clients that have an owner.
    pub(crate) permissions: Option<Arc<dyn ClientPermissions>>,
    /// Who decides about registrations.
    pub(crate) registrations: Option<Arc<dyn RegistrationPolicy>>,
    /// Whose software statements count.
    pub(crate) publishers: Option<Arc<dyn Publishers>>,
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
    /// Work that should not wait for the next round.
    pub(crate) waiting: Waiting,
    /// Where clients were last told of the ends of sessions.
    pub(crate) round: LastRound,
}

impl Core {
    /// Whether a grant type is wired: what it needs is there.
    pub(crate) fn supports(&self, grant_type: &GrantType) -> bool {
        let some =
            |comes: fn(ResponseType) -> bool| self.config.response_types.iter().copied().any(comes);
        match grant_type {
            GrantType::AuthorizationCode => some(ResponseType::code),
            GrantType::Implicit => some(ResponseType::implicit),
            GrantType::ClientCredentials => true,
            // Something must have given one out.
            GrantType::RefreshToken => {
                some(ResponseType::code) || self.passwords.is_some() || !self.extensions.is_empty()
            }
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

    pub(super) async fn authorize(
        &self,
        request: &Request<'_>,
        sessions: Sessions,
    ) -> Result<Outcome, AuthorizeError> {
        self.refused(authorize::authorize(self, request, sessions).await)
    }

    pub(super) fn refused<T>(
        &self,
        answer: Result<T, AuthorizeError>,
    ) -> Result<T, AuthorizeError> {
        answer.inspect_err(|error| self.note(What::AuthorizationRefused, error.failure()))
    }

    pub(super) fn not_signed_out(
        &self,
        answer: Result<Outcome, PageError>,
    ) -> Result<Outcome, PageError> {
        answer.inspect_err(|error| self.note(What::LogoutRefused, error.failure()))
    }

    pub(super) fn note(&self, what: What, failure: &Failure) {
        let event = Event::new(what).refused(failure.reason, failure.cause.as_deref());
        self.observer.observe(&event);
    }
}
