use std::{fmt, sync::Arc};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::ClaimSources;
use crate::{error::HostError, provider::Core, types::Subject};

/// Knows the people: whether an account is active, and what is true of its owner.
///
/// Asked at sign-in, at each token request and at UserInfo, so that a disabled account stops
/// getting tokens at once.
#[async_trait]
pub trait Accounts: fmt::Debug + Send + Sync + 'static {
    /// The account of the subject, with those of the wanted claims that the host knows; none if there
    /// is no such account.
    ///
    /// `wanted` holds claim names such as `email` ([OIDC Core §5.1]), without language tags; it is
    /// empty when only the state of the account matters. A host that has a claim in several languages
    /// answers all of them, as `name`, `name#fr` and `name#ja-Kana-JP` ([§5.2]); the best is chosen
    /// here. What was not wanted is dropped, and so is what is `null` or empty.
    ///
    /// Of a person who signed in with [claims of their own](crate::Login::claims) these are said where the answer
    /// does not have the name at all: one that is there, though `null` or empty, is the host's word that nothing
    /// is to be said. A host that knows nothing of a claim leaves it out. `email` and `email_verified` come from
    /// one of the two together, as do `phone_number` and `phone_number_verified`; so that one may be wanted
    /// because the other is.
    ///
    /// # Errors
    ///
    /// It cannot be found out now; the request fails with `server_error`, never as if the account
    /// were gone. The same happens if the claims of the answer have another `sub`: it is another person's.
    ///
    /// [OIDC Core §5.1]: https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
    /// [§5.2]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsLanguagesAndScripts
    async fn account(
        &self,
        subject: &Subject,
        wanted: &[&str],
    ) -> Result<Option<Account>, HostError>;
}

/// What a host says of one person.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Account {
    /// Whether the person may sign in and their clients may act.
    pub active: bool,
    /// Claims by name, with values of the types that [OIDC Core §5.1] demands.
    ///
    /// [OIDC Core §5.1]: https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
    pub claims: Map<String, Value>,
    /// Claims that others vouch for.
    pub sources: ClaimSources,
}

impl Account {
    /// An active account, with nothing known of its owner.
    pub fn active() -> Self {
        Self { active: true, ..Self::default() }
    }

    /// With these claims.
    #[must_use]
    pub fn claims(self, claims: Map<String, Value>) -> Self {
        Self { claims, ..self }
    }
}

impl fmt::Debug for Account {
    /// Claims are personal; only their names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("active", &self.active)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .field("sources", &self.sources)
            .finish()
    }
}

#[async_trait]
impl<A: Accounts + ?Sized> Accounts for Arc<A> {
    async fn account(
        &self,
        subject: &Subject,
        wanted: &[&str],
    ) -> Result<Option<Account>, HostError> {
        (**self).account(subject, wanted).await
    }
}

impl Core {
    /// The account of the subject, as the host knows it. If its claims say that it is another person's, that
    /// is a fault of the host's (threat RE-21).
    pub(crate) async fn account(
        &self,
        subject: &Subject,
        wanted: &[&str],
    ) -> Result<Option<Account>, HostError> {
        let account = self.accounts.account(subject, wanted).await?;
        let said = account.as_ref().and_then(|account| account.claims.get("sub")?.as_str());
        if said.is_some_and(|said| said != subject.as_str()) {
            return Err("the account is another person's".into());
        }
        Ok(account)
    }
}
