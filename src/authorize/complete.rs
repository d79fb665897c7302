use serde_json::Map;
use time::Duration;

use super::{Asked, decide::Approved};
use crate::{
    claims::{Account, GrantedClaims, OFFLINE_ACCESS, Target, Wanted},
    client,
    env::{Event, What},
    error::{AuthorizeError, Failure, PageError, Reason},
    grant::{Grant, Origin, Status, Ticket, TicketState},
    mint::{self, AccessTokenParts, Audience, IdTokenParts, StandsOn, id_token},
    provider::Core,
    secret::Handle,
    session::{sid, subject_label},
    store::{Commit, Expect, Readable, Step},
    types::{Resource, Timestamp},
    wire::Reply,
};

/// mint → commit → respond: makes what the response type names, writes the grant if a token stands
/// on it, then hands out what was made.
pub(super) async fn complete(
    core: &Core,
    asked: &Asked,
    approved: Approved,
    code: &Handle,
    derivable_until: Timestamp,
    now: Timestamp,
) -> Result<Reply, AuthorizeError> {
    let grant = authorize(core, asked, approved, code, derivable_until, now);
    let answer = mint(core, asked, &grant, code, now).await;
    let answer = answer.map_err(|failure| asked.fail(failure))?;
    // Before anything stands on the client.
    client::used(core, &asked.client).await.map_err(|failure| asked.fail(failure))?;
    let answer = if asked.request.response_type.yields_access_token() {
        commit(core, asked, &grant, answer, code, now).await?
    } else {
        answer
    };
    let event = Event::new(What::Authorized).client(&grant.client).subject(&grant.subject);
    core.observer.observe(&event);
    Ok(asked.return_to.send(&answer.parameters()))
}

/// The transition from nothing to a grant, with a pending code if one was asked for. It is kept for
/// as long as its code could be derived again, or a page that is sent once more would make it anew.
fn authorize(
    core: &Core,
    asked: &Asked,
    approved: Approved,
    code: &Handle,
    derivable_until: Timestamp,
    now: Timestamp,
) -> Grant {
    let (person, sub, terms) = approved.into_parts();
    let offline = terms.scope.contains(OFFLINE_ACCESS);
    let lifetimes = &core.config.lifetimes;
    let code_expires = now + lifetimes.code;
    let mut expires = code_expires.max(derivable_until);
    if asked.request.response_type.token() {
        // A page that is sent once more gets a token that lives from then on.
        let lifetime = asked.audience(core).map_or(lifetimes.access_token, |a| a.lifetime());
        expires = expires.max(now.max(derivable_until) + lifetime);
    }
    Grant {
        v: Grant::SCHEMA,
        origin: Origin::Authorization,
        made: now,
        client: asked.client.id.clone(),
        client_epoch: asked.client.epoch,
        sub,
        subject: person.subject,
        subject_epoch: person.subject_epoch,
        auth: person.auth,
        nonce: asked.request.nonce.clone(),
        sid: person.session.as_ref().map(|session| sid(session, &asked.client.id)),
        session: person.session,
        consent: terms.basis,
        scope: terms.scope,
        resources: asked.request.resources.clone(),
        claims: asked.granted_claims(terms.refused),
        ticket: asked.request.response_type.code().then(|| Ticket {
            digest: code.digest(),
            expires: code_expires,
            redirect_uri: asked.return_to.uri().into(),
            challenge: asked.request.challenge.clone(),
            state: TicketState::Pending,
        }),
        refresh: None,
        offline,
        access_epoch: 0,
        dropped: Vec::new(),
        status: Status::Active,
        expires,
    }
}

/// What goes back to the client, by the bits of the response type
/// ([OAuth 2.0 Multiple Response Type Encoding Practices §3–5], [OIDC Core §3.3.2.5]).
///
/// [OAuth 2.0 Multiple Response Type Encoding Practices §3–5]: https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html
/// [OIDC Core §3.3.2.5]: https://openid.net/specs/openid-connect-core-1_0.html#HybridAuthResponse
#[derive(Default)]
struct Answer {
    code: Option<String>,
    token: Option<FrontToken>,
    id_token: Option<String>,
}

/// An access token that passes through the browser ([RFC 6749 §4.2.2]).
///
/// [RFC 6749 §4.2.2]: https://www.rfc-editor.org/rfc/rfc6749#section-4.2.2
struct FrontToken {
    access_token: String,
    expires_in: String,
    scope: String,
}

impl Answer {
    fn parameters(&self) -> Vec<(&'static str, &str)> {
        let mut parameters = Vec::with_capacity(6);
        parameters.extend(self.code.as_deref().map(|code| ("code", code)));
        if let Some(token) = &self.token {
            parameters.extend([
                ("access_token", &*token.access_token),
                ("token_type", "Bearer"),
                ("expires_in", &token.expires_in),
                ("scope", &token.scope),
            ]);
        }
        parameters.extend(self.id_token.as_deref().map(|token| ("id_token", token)));
        parameters
    }
}

/// Everything that can fail before anything is written, in the order that gives `c_hash` and
/// `at_hash` what they hash: code, token, ID token.
async fn mint(
    core: &Core,
    asked: &Asked,
    grant: &Grant,
    code: &Handle,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let response_type = asked.request.response_type;
    let mut answer = Answer::default();
    if response_type.code() {
        answer.code = Some(code.encode());
    }
    if response_type.token() {
        answer.token = Some(front_token(core, asked, grant, code, now).await?);
    }
    if response_type.id_token() {
        let target = Target::IdToken { access_token: response_type.yields_access_token() };
        let rules = &core.config.claims;
        let wanted = Wanted::of(rules, &asked.client, &grant.scope, &grant.claims, target);
        let ask = wanted.ask();
        let claims = if ask.is_empty() {
            wanted.select(&Account::default())
        } else {
            let account = core.account_of(&grant.subject, &grant.auth, &ask).await?;
            let active = account.filter(|account| account.active);
            wanted.select(&active.ok_or(Reason::NotSignedIn)?)
        };
        let parts = IdTokenParts {
            code: answer.code.as_deref(),
            access_token: answer.token.as_ref().map(|token| &*token.access_token),
            state: asked.return_to.state(),
            nonce: grant.nonce.as_deref(),
            claims,
        };
        answer.id_token = Some(id_token(core, &asked.client, grant, parts, now).await?);
    }
    Ok(answer)
}

/// An access token for everything that was asked for.
async fn front_token(
    core: &Core,
    asked: &Asked,
    grant: &Grant,
    code: &Handle,
    now: Timestamp,
) -> Result<FrontToken, Failure> {
    let audience = asked.audience(core)?;
    let scope = audience.scope(&grant.scope);
    let lifetime = audience.lifetime();
    let mut claims = Map::new();
    if audience.jwt().is_some() {
        let rules = &core.config.claims;
        let wanted = Wanted::of(rules, &asked.client, &scope, &grant.claims, audience.target());
        let account = core.account_of(&grant.subject, &grant.auth, &wanted.ask()).await?;
        let active = account.filter(|account| account.active).ok_or(Reason::NotSignedIn)?;
        claims = wanted.select(&active);
    }
    let parts = AccessTokenParts {
        client: &asked.client,
        of: StandsOn::Grant { id: *code.id(), epoch: grant.access_epoch },
        grant: Some(grant.terms()),
        audience: &audience,
        scope: &scope,
        sub: grant.sub.as_str(),
        act: None,
        claims,
        lifetime,
    };
    Ok(FrontToken {
        access_token: mint::access_token(core, parts, now).await?,
        expires_in: lifetime.whole_seconds().to_string(),
        scope: scope.to_string(),
    })
}

impl Asked {
    /// The single claims of the grant. What else asks ID tokens to say something is noted by its name, for
    /// those that say no more than they are asked, be it of another node or later.
    fn granted_claims(&self, refused: Vec<Box<str>>) -> GrantedClaims {
        let request = &self.request;
        let mut claims = request.granted_claims(refused);
        if request.max_age.is_some() {
            claims.ask("auth_time");
        }
        if request.assurance.is_some() || !request.hints.acr_values.is_empty() {
            claims.ask("acr");
        }
        claims
    }

    /// Whom an access token is for that is made here.
    fn audience<'c>(&self, core: &'c Core) -> Result<Audience<'c>, Reason> {
        Audience::of(&core.config, self.request.resources.iter().map(Resource::as_str))
    }
}

/// Writes the grant. A form that was sent twice finds it there already and gets the same code, as
/// long as that has not been redeemed, and tokens of the same grant.
async fn commit(
    core: &Core,
    asked: &Asked,
    grant: &Grant,
    answer: Answer,
    code: &Handle,
    now: Timestamp,
) -> Result<Answer, AuthorizeError> {
    let issuer = &core.config.issuer;
    let key = Grant::key(issuer, code.id());
    let labels = [subject_label(issuer, &grant.subject)];
    let expect = Expect::Absent { labels: &labels };
    let step = Step { key: &key, expect, body: grant, keep_until: grant.expires };
    match core.commit(step, answer).await {
        Ok(Commit::Won(_, answer)) => Ok(answer),
        Ok(Commit::Lost) => {
            let there = core.load::<Grant>(&key).await;
            let there = there.map_err(|cause| asked.fail(cause))?.map(|there| there.body);
            let lifetime = asked.audience(core).map_or(Duration::ZERO, |a| a.lifetime());
            match there.filter(|there| is_same_answer((there, grant), code, lifetime, now)) {
                Some(there) => {
                    mint(core, asked, &there, code, now).await.map_err(|cause| asked.fail(cause))
                }
                None => Err(PageError::from(Reason::InteractionFinished).into()),
            }
        }
        Err(failure) => Err(asked.fail(failure)),
    }
}

/// Whether the grant that is there already is the one that this form would have made, with a code
/// that is still good, or for tokens that it outlives.
fn is_same_answer(
    (there, ours): (&Grant, &Grant),
    code: &Handle,
    lifetime: Duration,
    now: Timestamp,
) -> bool {
    let pending = |ticket: &Ticket| ticket.state == TicketState::Pending && now < ticket.expires;
    let good = match ours.ticket {
        Some(_) => there.ticket_of(code).is_some_and(pending),
        None => now + lifetime <= there.expires,
    };
    good && there.status == Status::Active
        && there.subject == ours.subject
        && there.client == ours.client
        && there.scope == ours.scope
        && there.claims == ours.claims
}
