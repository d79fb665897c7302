//! What a look over the provider and its clients finds.

mod client;
mod rule;

use std::fmt;

use time::Duration;

pub use rule::{LintRule, Severity};

use crate::{
    client::{GrantType, Registration, RegistrationAccess, UnreadableClient},
    config::AssertionAudience,
    error::InternalError,
    provider::{Core, Provider},
    store::Key,
    types::ClientId,
};

/// Something that a host had better know, about the provider or one of its clients.
///
/// Displayed it is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What is the matter.
    pub rule: LintRule,
    /// Whose; if absent, the provider's own, or that of a [record](Self::record) that does not even tell its name.
    pub client: Option<ClientId>,
    /// The member that it is about, if it is one.
    pub member: Option<&'static str>,
    /// The record of the store that cannot be read, if that is what is the matter.
    pub record: Option<Key>,
}

impl Finding {
    fn of_provider(rule: LintRule) -> Self {
        Self { rule, client: None, member: None, record: None }
    }

    fn of_unreadable(unreadable: &UnreadableClient) -> Self {
        let (client, record) = (unreadable.id.clone(), Some(unreadable.key));
        Self { client, record, ..Self::of_provider(LintRule::ClientUnreadable) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.rule.severity())?;
        if let Some(client) = &self.client {
            write!(f, "client {client:?}: ")?;
        }
        if let Some(member) = self.member {
            write!(f, "{member}: ")?;
        }
        if let Some(record) = &self.record {
            write!(f, "{record:?}: ")?;
        }
        write!(f, "{} ({}, {})", self.rule.text(), self.rule.code(), self.rule.section())
    }
}

impl Provider {
    /// Looks over the configuration and every client, of the host ([`Clients::all`]) and of the store, for
    /// what is weaker than it could be, and for what cannot work: at the start of a service, or in a test of
    /// its configuration. Nothing of it keeps the provider from running.
    ///
    /// ```
    /// use oidc_op::{InternalError, Provider, Severity};
    ///
    /// async fn report(provider: &Provider) -> Result<(), InternalError> {
    ///     for finding in provider.lint().await? {
    ///         if finding.rule.severity() > Severity::Note {
    ///             eprintln!("{finding}");
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The clients could not be had.
    ///
    /// [`Clients::all`]: crate::Clients::all
    pub async fn lint(&self) -> Result<Vec<Finding>, InternalError> {
        let core = self.core();
        let mut found = provider(core);
        for client in core.clients.all().await? {
            found.extend(client::findings(core, &client, false));
        }
        let mut after = None;
        loop {
            let page = self.registered_clients(after.as_ref(), 100).await?;
            for registered in &page.clients {
                let own = registered.manages_itself();
                found.extend(client::findings(core, &registered.client, own));
            }
            found.extend(page.unreadable.iter().map(Finding::of_unreadable));
            let Some(next) = page.next else { return Ok(found) };
            after = Some(next);
        }
    }
}

/// What there is to say of the provider itself.
fn provider(core: &Core) -> Vec<Finding> {
    let (config, policy) = (&core.config, &core.config.policy);
    let undecided = core.registrations.is_none();
    let registration = config.registration.as_ref().filter(|_| undecided);
    let acts_for_itself = |grant_type: &GrantType| {
        !matches!(
            grant_type,
            GrantType::AuthorizationCode | GrantType::Implicit | GrantType::RefreshToken
        )
    };
    let open = |rules: &Registration| rules.access == RegistrationAccess::Open;
    let grants = |rules: &Registration| rules.grant_types.iter().any(acts_for_itself);
    [
        (LintRule::IssuerWithoutTls, !config.issuer.is_https()),
        (LintRule::PkceOptional, !policy.require_pkce),
        (LintRule::UnsignedAllowed, policy.unsigned),
        (LintRule::AudienceOfEndpoint, policy.assertion_audience != AssertionAudience::Issuer),
        (LintRule::LongAccessToken, config.lifetimes.access_token > Duration::HOUR),
        (LintRule::OpenRegistration, registration.is_some_and(open)),
        (LintRule::RegisteredGrants, registration.is_some_and(grants)),
        (LintRule::OpenDocuments, policy.client_documents && undecided),
    ]
    .into_iter()
    .filter(|(_, holds)| *holds)
    .map(|(rule, _)| Finding::of_provider(rule))
    .collect()
}
