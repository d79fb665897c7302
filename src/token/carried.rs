use std::borrow::Cow;

use crate::{
    claims::{self, Account, GrantedClaims},
    client::KnownClient,
    error::Failure,
    grant::{Facts, Grant, GrantView},
    mint::{AccessToken, Audience, StandsOn},
    provider::Core,
    store::{Marked, is_marked},
    types::{Resource, Scope, Subject, Timestamp},
};

/// An access token that is good now: unexpired, not revoked, and carried by a grant or by a client that
/// is there. What its grant stands on is judged by [`account`](Self::account).
pub(crate) struct Carried {
    pub(crate) token: AccessToken,
    /// To whom it was issued.
    pub(crate) client: KnownClient,
    pub(crate) carrier: Carrier,
}

/// What carries an access token.
pub(crate) enum Carrier {
    Grant {
        grant: Box<GrantView>,
        /// The client of the grant; a token that was exchanged is another's.
        owner: KnownClient,
    },
    /// The client itself.
    Client,
}

impl Carried {
    /// Finds what carries the token; none if nothing does any more.
    pub(crate) async fn find(
        core: &Core,
        token: AccessToken,
        now: Timestamp,
    ) -> Result<Option<Self>, Failure> {
        if token.expires() <= now {
            return Ok(None);
        }
        let enabled = |client: Option<KnownClient>| client.filter(|client| client.enabled);
        match token.of {
            StandsOn::Grant { id, epoch } => {
                let key = Grant::key(&core.config.issuer, &id);
                let Some(loaded) = core.load::<GrantView>(&key).await? else { return Ok(None) };
                let grant = Box::new(loaded.body);
                if !grant.carries(&token, epoch, now) {
                    return Ok(None);
                }
                let Some(owner) = enabled(core.client(&grant.client).await?) else {
                    return Ok(None);
                };
                let holder = match &token.details.cid {
                    Some(holder) if *holder != grant.client => {
                        if is_marked(core, Marked::Token(&token.id)).await? {
                            return Ok(None);
                        }
                        let holder = enabled(core.client(holder).await?);
                        holder.filter(|holder| token.details.cep == Some(holder.epoch))
                    }
                    _ => Some(owner.clone()),
                };
                let carrier = Carrier::Grant { grant, owner };
                Ok(holder.map(|client| Self { token, client, carrier }))
            }
            StandsOn::Client { epoch } => {
                let Some(id) = &token.details.cid else { return Ok(None) };
                let client = enabled(core.client(id).await?);
                let Some(client) = client.filter(|client| client.epoch == epoch) else {
                    return Ok(None);
                };
                if is_marked(core, Marked::Token(&token.id)).await? {
                    return Ok(None);
                }
                if let Some(owner) = &client.owner {
                    let account = core.account(owner, &[]).await?;
                    if !account.is_some_and(|account| account.active) {
                        return Ok(None);
                    }
                }
                Ok(Some(Self { token, client, carrier: Carrier::Client }))
            }
        }
    }

    /// The grant, if there is a person in it.
    pub(crate) fn grant(&self) -> Option<&GrantView> {
        match &self.carrier {
            Carrier::Grant { grant, .. } => Some(grant),
            Carrier::Client => None,
        }
    }

    /// What the token covers for this audience: its own scope, never more than its grant's.
    pub(crate) fn scope(&self, audience: &Audience<'_>) -> Scope {
        let own = self.token.details.scope.as_ref();
        let granted = match (own, self.grant()) {
            (Some(own), Some(grant)) => own.intersection(&grant.scope),
            (Some(own), None) => own.clone(),
            (None, Some(grant)) => grant.scope.clone(),
            (None, None) => Scope::default(),
        };
        audience.scope(&granted)
    }

    /// Whom the token is for: its own audience, never more than its grant's; none if that is not known
    /// any more.
    pub(crate) fn audience<'c>(&self, core: &'c Core) -> Option<Audience<'c>> {
        let granted = self.grant().map(|grant| &*grant.resources).unwrap_or_default();
        let issuer = core.config.issuer.as_str();
        let may = |name: &&str| {
            let of_grant = |grant: &GrantView| {
                granted.iter().any(|resource| resource.as_str() == *name)
                    || (*name == issuer && grant.scope.contains("openid"))
            };
            granted.is_empty() || self.grant().is_none_or(of_grant)
        };
        let names: Vec<_> = match &self.token.details.aud {
            Some(own) => own.iter().map(|name| &**name).filter(may).collect(),
            None => granted.iter().map(Resource::as_str).collect(),
        };
        if names.is_empty() && self.token.details.aud.is_some() {
            return None;
        }
        Audience::of(&core.config, names).ok()
    }

    /// The claims that the grant carries besides those of its scope. Single ones were asked for by its own
    /// client; for another, which holds an exchanged token, only what the person keeps back counts.
    pub(crate) fn claims(&self) -> Cow<'_, GrantedClaims> {
        match &self.carrier {
            Carrier::Client => Cow::Owned(GrantedClaims::default()),
            Carrier::Grant { grant, .. } if grant.client == self.client.id => {
                Cow::Borrowed(&grant.claims)
            }
            Carrier::Grant { grant, .. } => Cow::Owned(grant.claims.of_another()),
        }
    }

    /// The person's account, with the claims that are wanted; none if the grant does not stand any more.
    pub(crate) async fn account(
        &self,
        core: &Core,
        wanted: &[&str],
    ) -> Result<Option<Account>, Failure> {
        let Carrier::Grant { grant, owner } = &self.carrier else { return Ok(None) };
        let facts = Facts::of_view(core, grant, wanted).await?;
        match grant.stands(owner, &facts) {
            Ok(()) => Ok(facts.account()),
            Err(_) => Ok(None),
        }
    }

    /// Whom the token speaks of, by the name that its client knows; the client itself, if it is its own.
    pub(crate) fn sub(&self, core: &Core) -> Result<Option<Subject>, Failure> {
        match &self.carrier {
            Carrier::Grant { grant, .. } if grant.client == self.client.id => {
                Ok(Some(grant.sub.clone()))
            }
            Carrier::Grant { grant, .. } => {
                claims::sub(core, &self.client, &grant.subject).map(Some)
            }
            Carrier::Client => Ok(crate::mint::client_as_subject(&self.client.id)),
        }
    }
}
