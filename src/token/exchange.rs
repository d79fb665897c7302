//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` ([RFC 8693]).
//!
//! A token that comes of another access token is carried by the same grant: it covers no more, and dies
//! with it. One that comes of an ID token begins a grant of its own.
//!
//! [RFC 8693]: https://www.rfc-editor.org/rfc/rfc8693

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use super::{
    TokenResponse,
    asked::Asked,
    carried::{Carried, Carrier},
    direct::Direct,
    issue::narrowed,
};
use crate::{
    authorize,
    claims::{self, Wanted},
    client::{AuthenticatedClient, Client, SubjectType},
    env::{Event, What},
    error::{Failure, HostError, Reason, TokenError},
    grant::{ConsentBasis, Origin},
    mint::{self, AccessToken, AccessTokenParts, Actor, client_as_subject},
    provider::Core,
    session::{Standing, standing},
    types::{Authentication, ClientId, JwsAlgorithm, Scope, Subject, Timestamp},
    wire::Params,
};

/// Decides whether a client may exchange a token; nothing is exchanged without its yes.
#[async_trait]
pub trait ExchangePolicy: fmt::Debug + Send + Sync + 'static {
    /// Of the scope that is asked for, what the new token may cover; `None` refuses.
    ///
    /// # Errors
    ///
    /// It cannot be found out now; the request fails with `server_error`.
    ///
    /// # Security
    ///
    /// Whoever may exchange any token may act as anybody who has ever used a service of theirs: say yes
    /// to clients by name, for audiences by name.
    async fn exchange(&self, exchange: &Exchange<'_>) -> Result<Option<Scope>, HostError>;
}

#[async_trait]
impl<P: ExchangePolicy + ?Sized> ExchangePolicy for Arc<P> {
    async fn exchange(&self, exchange: &Exchange<'_>) -> Result<Option<Scope>, HostError> {
        (**self).exchange(exchange).await
    }
}

/// A token that a client wants for another one.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchange<'e> {
    /// The client, authenticated.
    pub client: &'e Client,
    /// The person of whom both tokens speak, by the host's name for them.
    pub subject: &'e Subject,
    /// What kind of token speaks of them.
    pub subject_token: SubjectToken,
    /// The client that the subject token was issued to.
    pub issued_to: &'e ClientId,
    /// Who is to act for the person, and who acted before; without an actor of the request's own this is
    /// impersonation ([RFC 8693 §1.1]).
    ///
    /// [RFC 8693 §1.1]: https://www.rfc-editor.org/rfc/rfc8693#section-1.1
    pub actor: Option<&'e Actor>,
    /// Whether the actor is of the request's own: delegation.
    pub delegation: bool,
    /// What the token would cover.
    pub scope: &'e Scope,
    /// Whom the token would be for: resources, the provider itself by its issuer.
    pub audience: &'e [&'e str],
}

/// A kind of token that speaks of a person ([RFC 8693 §3]).
///
/// [RFC 8693 §3]: https://www.rfc-editor.org/rfc/rfc8693#section-3
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectToken {
    /// An access token of the provider's, opaque or a JWT.
    AccessToken,
    /// An ID token that was issued to the very client.
    IdToken,
}

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

impl SubjectToken {
    fn parse(text: &str) -> Option<Self> {
        match text {
            ACCESS_TOKEN | JWT => Some(Self::AccessToken),
            ID_TOKEN => Some(Self::IdToken),
            _ => None,
        }
    }
}

/// A token, perhaps one of an actor, and what is wanted for them ([RFC 8693 §2.1]).
///
/// [RFC 8693 §2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.1
pub(super) struct ExchangeRequest<'p> {
    subject: &'p str,
    subject_type: SubjectToken,
    actor: Option<&'p str>,
    asked: Asked<'p>,
    audiences: Vec<&'p str>,
}

impl<'p> ExchangeRequest<'p> {
    pub(super) fn parse(params: &'p Params<'_>) -> Result<Self, Reason> {
        let requested = params.one("requested_token_type")?;
        if requested.is_some_and(|requested| !matches!(requested, ACCESS_TOKEN | JWT)) {
            return Err(Reason::TokenTypeUnsupported);
        }
        let kind = params.one("subject_token_type")?.ok_or(Reason::SubjectTokenMissing)?;
        let actor = params.one("actor_token")?;
        match (actor, params.one("actor_token_type")?) {
            (None, None) => {}
            // RFC 8693 §2.1: both or neither.
            (Some(_), None) | (None, Some(_)) => return Err(Reason::ActorTokenInvalid),
            (Some(_), Some(kind)) if matches!(kind, ACCESS_TOKEN | JWT) => {}
            (Some(_), Some(_)) => return Err(Reason::TokenTypeUnsupported),
        }
        Ok(Self {
            subject: params.one("subject_token")?.ok_or(Reason::SubjectTokenMissing)?,
            subject_type: SubjectToken::parse(kind).ok_or(Reason::TokenTypeUnsupported)?,
            actor,
            asked: Asked::parse(params)?,
            audiences: params.all("audience").collect(),
        })
    }

    pub(super) async fn exchange(
        mut self,
        core: &Core,
        client: &AuthenticatedClient,
    ) -> Result<TokenResponse, TokenError> {
        let policy = core.exchanges.as_ref().ok_or(Reason::GrantTypeUnsupported)?;
        if client.is_public() {
            return Err(Reason::GrantTypeNotAllowed.into());
        }
        let now = core.clock.now();
        self.name_audiences(core)?;
        let actor = match self.actor {
            Some(text) => Some(actor(core, text, now).await?),
            None => None,
        };
        let response = match self.subject_type {
            SubjectToken::AccessToken => {
                self.of_access_token(core, client, &**policy, actor, now).await?
            }
            SubjectToken::IdToken => self.of_id_token(core, client, &**policy, actor, now).await?,
        };
        core.observer.observe(&Event::new(What::TokenIssued).client(&client.id));
        Ok(TokenResponse { issued_token_type: Some(ACCESS_TOKEN), ..response })
    }

    /// An `audience` names a resource server, by its resource or by its client ([RFC 8693 §2.1]).
    ///
    /// [RFC 8693 §2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.1
    fn name_audiences(&mut self, core: &'p Core) -> Result<(), Reason> {
        let servers = &core.config.resources;
        for audience in &self.audiences {
            let of_client = servers.iter().find(|server| {
                server.client.as_ref().is_some_and(|client| client.as_str() == *audience)
            });
            let named = of_client.map_or(*audience, |server| server.resource.as_str());
            self.asked.resources.push(named);
        }
        Ok(())
    }

    /// A child of the same grant: one more token, and no record.
    async fn of_access_token(
        self,
        core: &Core,
        client: &Client,
        policy: &dyn ExchangePolicy,
        actor: Option<Actor>,
        now: Timestamp,
    ) -> Result<TokenResponse, Failure> {
        let invalid = || Failure::from(Reason::SubjectTokenInvalid);
        let token = AccessToken::read(core, self.subject).ok_or_else(invalid)?;
        let carried = Carried::find(core, token, now).await?.ok_or_else(invalid)?;
        let Carrier::Grant { grant, .. } = &carried.carrier else { return Err(invalid()) };
        let held = carried.scope(core);
        let asked = self.asked.scope.as_ref().unwrap_or(&held);
        if !asked.is_subset(&held) {
            return Err(Reason::ScopeNotGranted.into());
        }
        let theirs = carried.audience(core).ok_or_else(invalid)?;
        let names = if self.asked.resources.is_empty() {
            theirs.names()
        } else {
            self.asked.resources.clone()
        };
        let (audience, scope) = narrowed(core, client, grant, (asked, &names))?;
        let act = chain(actor.clone(), carried.token.details.act.clone())?;
        let exchange = Exchange {
            client,
            subject: &grant.subject,
            subject_token: self.subject_type,
            issued_to: &carried.client.id,
            actor: act.as_ref(),
            delegation: actor.is_some(),
            scope: &scope,
            audience: &audience.names(),
        };
        let permitted = policy.exchange(&exchange).await?.ok_or(Reason::ExchangeRefused)?;
        let scope = scope.intersection(&permitted);

        let wanted = audience.jwt().map(|_| {
            Wanted::of(&core.config.claims, client, &scope, &grant.claims, audience.target())
        });
        let ask = wanted.as_ref().map(Wanted::ask).unwrap_or_default();
        let account = carried.account(core, &ask, now).await?.ok_or_else(invalid)?;
        let lifetime = audience
            .lifetime()
            .min(carried.token.expires().since(now))
            .min(grant.expires.since(now));
        let sub = claims::sub(core, client, &grant.subject)?;
        let parts = AccessTokenParts {
            client: &client.id,
            of: carried.token.of,
            grant: Some(grant),
            audience: &audience,
            scope: &scope,
            sub: sub.as_str(),
            act,
            claims: wanted.map(|wanted| wanted.select(&account)).unwrap_or_default(),
            lifetime,
        };
        let access_token = mint::access_token(core, parts, now).await?;
        Ok(TokenResponse::of_access_token(access_token, lifetime, scope))
    }

    /// A grant of its own: an ID token names a person, and no grant.
    async fn of_id_token(
        self,
        core: &Core,
        client: &Client,
        policy: &dyn ExchangePolicy,
        actor: Option<Actor>,
        now: Timestamp,
    ) -> Result<TokenResponse, Failure> {
        let (subject, auth) = person_of_id_token(core, client, self.subject, now).await?;
        let scope = self.asked.scope(core, client)?;
        let scope = scope.retain(|token| token != claims::OFFLINE_ACCESS);
        let audience = self.asked.audience(core, client)?;
        let act = chain(actor.clone(), None)?;
        let exchange = Exchange {
            client,
            subject: &subject,
            subject_token: self.subject_type,
            issued_to: &client.id,
            actor: act.as_ref(),
            delegation: actor.is_some(),
            scope: &scope,
            audience: &audience.names(),
        };
        let permitted = policy.exchange(&exchange).await?.ok_or(Reason::ExchangeRefused)?;
        let direct = Direct {
            origin: Origin::Exchange,
            auth,
            subject,
            consent: ConsentBasis::Exempt,
            scope: scope.intersection(&permitted),
            resources: self.asked.resources(core, client)?,
            renewable: false,
            act,
        };
        direct.issue(core, client).await.map_err(|failure| match failure.reason {
            Reason::SubjectInactive => Reason::SubjectTokenInvalid.into(),
            _ => failure,
        })
    }
}

/// The present actor outside, the earlier ones inside; none is ever forgotten.
fn chain(actor: Option<Actor>, before: Option<Actor>) -> Result<Option<Actor>, Reason> {
    let chain = match actor {
        Some(actor) => Some(Actor::new(actor.sub, actor.client_id, before)),
        None => before,
    };
    match &chain {
        Some(chain) if chain.depth() > Actor::MAX_DEPTH => Err(Reason::ActorsTooMany),
        _ => Ok(chain),
    }
}

/// Who the actor token speaks of: a person, or a client that acts for itself.
async fn actor(core: &Core, text: &str, now: Timestamp) -> Result<Actor, Failure> {
    let invalid = || Failure::from(Reason::ActorTokenInvalid);
    let token = AccessToken::read(core, text).ok_or_else(invalid)?;
    let carried = Carried::find(core, token, now).await?.ok_or_else(invalid)?;
    let client_id = Some(carried.client.id.clone());
    match &carried.carrier {
        Carrier::Client => {
            let sub = client_as_subject(&carried.client.id).ok_or_else(invalid)?;
            Ok(Actor::new(sub, client_id, None))
        }
        Carrier::Grant { .. } => {
            carried.account(core, &[], now).await?.ok_or_else(invalid)?;
            let sub = carried.sub(core)?.ok_or_else(invalid)?;
            Ok(Actor::new(sub, client_id, None))
        }
    }
}

/// The person of an ID token: issued to this client, not expired, and later than whatever ended all that
/// the person had, by a second, since it does not say more. A client that knows people by names of its
/// sector cannot use it, since nobody can turn such a name back; nor can one whose ID tokens are signed
/// with its own secret, since it could make one for anybody.
async fn person_of_id_token(
    core: &Core,
    client: &Client,
    text: &str,
    now: Timestamp,
) -> Result<(Subject, Authentication), Failure> {
    let invalid = || Failure::from(Reason::SubjectTokenInvalid);
    let metadata = &client.metadata;
    let ours = matches!(metadata.id_token_signed_response_alg, JwsAlgorithm::Signature(_));
    if metadata.subject_type != SubjectType::Public || !ours {
        return Err(invalid());
    }
    let token = authorize::issued_id_token(core, client, text)
        .map_err(|fault| Failure::caused(Reason::SubjectTokenInvalid, fault))?;
    if token.expires <= now {
        return Err(invalid());
    }
    let standing = standing(core, &token.sub).await?;
    if !Standing::holds(standing.as_ref(), token.issued.unix().saturating_sub(1)) {
        return Err(invalid());
    }
    let time = token.auth_time.unwrap_or(token.issued);
    Ok((token.sub, Authentication { acr: token.acr, amr: token.amr, ..Authentication::at(time) }))
}
