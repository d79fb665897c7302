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
    direct::{Basis, Direct},
    issue::Portion,
};
use crate::{
    authorize,
    claims::{self, Wanted},
    client::{AuthenticatedClient, Client, SubjectType},
    env::{Event, What},
    error::{Failure, HostError, Reason, TokenError},
    grant::Origin,
    jose::JoseFault,
    mint::{self, AccessToken, AccessTokenParts, Actor, Audience, client_as_subject},
    provider::Core,
    types::{Authentication, ClientId, Scope, Subject, Timestamp},
    wire::Params,
};

/// Decides whether a client may exchange a token; nothing is exchanged without its yes.
///
/// ```
/// use async_trait::async_trait;
/// use oidc_op::{Exchange, ExchangePolicy, HostError, Scope};
///
/// /// The gateway may turn its callers' tokens into tokens for the ledger.
/// #[derive(Debug)]
/// struct GatewayToLedger;
///
/// #[async_trait]
/// impl ExchangePolicy for GatewayToLedger {
///     async fn exchange(&self, exchange: &Exchange<'_>) -> Result<Option<Scope>, HostError> {
///         let fits = exchange.client.id == "gateway"
///             && exchange.audience == ["https://ledger.example/"];
///         Ok(fits.then(|| exchange.scope.clone()))
///     }
/// }
/// ```
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
    /// Whom the subject token is for: an access token's resources, an ID token's client.
    pub issued_for: &'e [&'e str],
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

/// More audiences than a request can mean.
const AUDIENCE_LIMIT: usize = 16;

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
    wants_jwt: bool,
}

impl<'p> ExchangeRequest<'p> {
    pub(super) fn parse(params: &'p Params<'_>) -> Result<Self, Reason> {
        let requested = params.one("requested_token_type")?;
        if requested.is_some_and(|requested| !matches!(requested, ACCESS_TOKEN | JWT)) {
            return Err(Reason::TokenTypeUnsupported);
        }
        let kind = params.one("subject_token_type")?.ok_or(Reason::SubjectTokenMissing)?;
        let subject = params.one("subject_token")?.ok_or(Reason::SubjectTokenMissing)?;
        if kind == JWT && !subject.contains('.') {
            return Err(Reason::SubjectTokenInvalid);
        }
        let actor = params.one("actor_token")?;
        match (actor, params.one("actor_token_type")?) {
            (None, None) | (Some(_), Some(ACCESS_TOKEN | JWT)) => {}
            // RFC 8693 §2.1: both or neither.
            (Some(_), None) | (None, Some(_)) => return Err(Reason::ActorTokenInvalid),
            (Some(_), Some(_)) => return Err(Reason::TokenTypeUnsupported),
        }
        let audiences: Vec<_> = params.all("audience").collect();
        if audiences.len() > AUDIENCE_LIMIT {
            return Err(Reason::ResourceInvalid);
        }
        Ok(Self {
            subject,
            subject_type: SubjectToken::parse(kind).ok_or(Reason::TokenTypeUnsupported)?,
            actor,
            asked: Asked::parse(params)?,
            audiences,
            wants_jwt: requested == Some(JWT),
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
        self.name_audiences(core);
        let actor = match self.actor {
            Some(text) => Some(actor(core, text, now).await?),
            None => None,
        };
        Ok(match self.subject_type {
            SubjectToken::AccessToken => {
                self.of_access_token(core, client, &**policy, actor, now).await?
            }
            SubjectToken::IdToken => self.of_id_token(core, client, &**policy, actor, now).await?,
        })
    }

    /// An `audience` names a resource server, by its resource or by its client ([RFC 8693 §2.1]).
    ///
    /// [RFC 8693 §2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.1
    fn name_audiences(&mut self, core: &'p Core) {
        let servers = &core.config.resources;
        for audience in &self.audiences {
            let of_client = servers.iter().find(|server| {
                server.client.as_ref().is_some_and(|client| client.as_str() == *audience)
            });
            let named = of_client.map_or(*audience, |server| server.resource.as_str());
            if !self.asked.resources.contains(&named) {
                self.asked.resources.push(named);
            }
        }
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
        let theirs = carried.audience(core).ok_or_else(invalid)?;
        let asked = self.asked.scope_within(&carried.scope(&theirs), client)?;
        let held = theirs.names();
        let resources = if self.asked.resources.is_empty() { &held } else { &self.asked.resources };
        let portion = Portion::of(core, client, grant.terms(), &asked, resources)?;
        self.can_be_had(&portion.audience)?;
        let act = chain(actor.clone(), carried.token.details.act.clone())?;
        let exchange = Exchange {
            client,
            subject: &grant.subject,
            subject_token: self.subject_type,
            issued_to: &carried.client.id,
            issued_for: &held,
            actor: act.as_ref(),
            delegation: actor.is_some(),
            scope: &portion.carried,
            audience: &portion.audience.names(),
        };
        let scope = permitted(policy, &exchange).await?;
        self.child(core, client, &carried, (portion.audience, scope, act), now).await
    }

    /// One more token of the grant, held by this client; it ends no later than the one that it came of.
    async fn child(
        &self,
        core: &Core,
        client: &Client,
        carried: &Carried,
        (audience, scope, act): (Audience<'_>, Scope, Option<Actor>),
        now: Timestamp,
    ) -> Result<TokenResponse, Failure> {
        let grant = carried.grant().ok_or(Reason::SubjectTokenInvalid)?;
        let granted = grant.claims.of_another();
        let rules = &core.config.claims;
        let in_jwt = |_| Wanted::of(rules, client, &scope, &granted, audience.target());
        let wanted = audience.jwt().map(in_jwt);
        let ask = wanted.as_ref().map(Wanted::ask).unwrap_or_default();
        let account = carried.account(core, &ask).await?;
        let account = account.ok_or(Reason::SubjectTokenInvalid)?;
        let ends = carried.token.expires().min(grant.expires);
        let lifetime = audience.lifetime().min(ends.since(now));
        let sub = claims::sub(core, client, &grant.subject)?;
        let parts = AccessTokenParts {
            client,
            of: carried.token.of,
            grant: Some(grant.terms()),
            audience: &audience,
            scope: &scope,
            sub: sub.as_str(),
            act,
            claims: wanted.map(|wanted| wanted.select(&account)).unwrap_or_default(),
            lifetime,
        };
        let access_token = mint::access_token(core, parts, now).await?;
        let event = Event::new(What::TokenIssued).client(&client.id).subject(&grant.subject);
        core.observer.observe(&event);
        Ok(self.answer(TokenResponse::of_access_token(access_token, lifetime, scope)))
    }

    /// A grant of its own: an ID token names a person, and no grant. It needs a client of the first party
    /// or a consent that was given before, and covers `openid` unless more is asked for.
    async fn of_id_token(
        self,
        core: &Core,
        client: &Client,
        policy: &dyn ExchangePolicy,
        actor: Option<Actor>,
        now: Timestamp,
    ) -> Result<TokenResponse, Failure> {
        let (subject, auth, since) = person_of_id_token(core, client, self.subject, now)?;
        let scope = self.asked.scope(core, client)?;
        let scope = scope.retain(|token| self.asked.scope.is_some() || token == "openid");
        let audience = self.asked.audience(core, client)?;
        self.can_be_had(&audience)?;
        let act = chain(actor.clone(), None)?;
        let exchange = Exchange {
            client,
            subject: &subject,
            subject_token: self.subject_type,
            issued_to: &client.id,
            issued_for: &[client.id.as_str()],
            actor: act.as_ref(),
            delegation: actor.is_some(),
            scope: &scope,
            audience: &audience.names(),
        };
        let scope = permitted(policy, &exchange).await?;
        let direct = Direct {
            origin: Origin::Exchange,
            auth,
            subject,
            since,
            consent: Basis::Given,
            scope,
            resources: self.asked.resources(core, client)?,
            renewable: false,
            act,
            single: None,
        };
        // RFC 8693 §2.2.2: a token of somebody who is gone is not valid.
        let issued = direct.issue(core, client).await.map_err(|failure| match failure.reason {
            Reason::SubjectInactive | Reason::SubjectChanged => Reason::SubjectTokenInvalid.into(),
            _ => failure,
        });
        Ok(self.answer(issued?))
    }

    /// A JWT is had only where the audience takes JWTs.
    fn can_be_had(&self, audience: &Audience<'_>) -> Result<(), Reason> {
        if self.wants_jwt && audience.jwt().is_none() {
            Err(Reason::TokenTypeUnsupported)
        } else {
            Ok(())
        }
    }

    /// With the type of what was issued ([RFC 8693 §2.2.1]).
    ///
    /// [RFC 8693 §2.2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.2.1
    fn answer(&self, response: TokenResponse) -> TokenResponse {
        let issued = if self.wants_jwt { JWT } else { ACCESS_TOKEN };
        TokenResponse { issued_token_type: Some(issued), ..response }
    }
}

/// What the host lets the token cover.
async fn permitted(policy: &dyn ExchangePolicy, exchange: &Exchange<'_>) -> Result<Scope, Failure> {
    let permitted = policy.exchange(exchange).await?.ok_or(Reason::ExchangeRefused)?;
    Ok(exchange.scope.intersection(&permitted))
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
            carried.account(core, &[]).await?.ok_or_else(invalid)?;
            let sub = carried.sub(core)?.ok_or_else(invalid)?;
            Ok(Actor::new(sub, client_id, None))
        }
    }
}

/// The person of an ID token, and when it was issued: to this client, signed by the provider, not expired.
/// A client that knows people by names of its sector cannot use it, since nobody can turn such a name back.
fn person_of_id_token(
    core: &Core,
    client: &Client,
    text: &str,
    now: Timestamp,
) -> Result<(Subject, Authentication, Timestamp), Failure> {
    let invalid = |fault: JoseFault| Failure::caused(Reason::SubjectTokenInvalid, fault);
    if client.metadata.subject_type != SubjectType::Public {
        return Err(Reason::SubjectTokenInvalid.into());
    }
    let token = authorize::issued_id_token(core, client, text).map_err(invalid)?;
    // What the client's own secret has signed, the client itself can have made.
    if !token.signed {
        return Err(invalid(JoseFault::Algorithm));
    }
    if token.expires <= now {
        return Err(invalid(JoseFault::Claims("exp")));
    }
    // Without it, nobody could tell how long ago it was: not as long as it may have been.
    let time = token.auth_time.ok_or_else(|| invalid(JoseFault::Claims("auth_time")))?;
    let auth = Authentication { acr: token.acr, amr: token.amr, ..Authentication::at(time) };
    Ok((token.sub, auth, token.issued))
}
