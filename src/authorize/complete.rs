use super::{Asked, decide::Approved};
use crate::{
    env::{Event, What},
    error::{AuthorizeError, PageError, Reason},
    grant::{Grant, Origin, Status, Ticket, TicketState},
    provider::Core,
    secret::Handle,
    session::{sid, subject_label},
    store::{Commit, Expect, Step, Stored},
    types::Timestamp,
    wire::Reply,
};

/// commit → respond: writes the grant, then hands out the code.
///
/// A form that was sent twice finds its grant there already and gets the same code, as long as that
/// has not been redeemed.
pub(super) async fn complete(
    core: &Core,
    asked: &Asked,
    approved: Approved,
    code: &Handle,
    derivable_until: Timestamp,
    now: Timestamp,
) -> Result<Reply, AuthorizeError> {
    let issuer = &core.config.issuer;
    let grant = authorize(core, asked, approved, code, now);
    let keep_until = grant.expires.max(derivable_until);
    let grant = Grant { expires: keep_until, ..grant };
    let key = Grant::key(issuer, code.id());
    let labels = [subject_label(issuer, &grant.subject)];
    let expect = Expect::Absent { labels: &labels };
    let step = Step { key: &key, expect, body: &grant, keep_until };
    let code = match core.commit(step, code.encode()).await {
        Ok(Commit::Won(_, code)) => code,
        Ok(Commit::Lost) => {
            let there = core.load::<Grant>(&key).await;
            let there = there.map_err(|cause| asked.fail(cause))?;
            if !there.is_some_and(|there| is_same_answer(&there.body, &grant, code, now)) {
                return Err(PageError::from(Reason::InteractionFinished).into());
            }
            code.encode()
        }
        Err(failure) => return Err(asked.fail(failure)),
    };
    let event = Event::new(What::Authorized).client(&grant.client).subject(&grant.subject);
    core.observer.observe(&event);
    Ok(asked.return_to.send(&[("code", &code)]))
}

/// The transition from nothing to a grant with a pending code.
fn authorize(
    core: &Core,
    asked: &Asked,
    approved: Approved,
    code: &Handle,
    now: Timestamp,
) -> Grant {
    let (person, scope, consent) = approved.into_parts();
    let expires = now + core.config.lifetimes.code;
    Grant {
        v: Grant::SCHEMA,
        origin: Origin::Authorization,
        client: asked.client.id.clone(),
        client_epoch: asked.client.epoch,
        sub: person.subject.clone(),
        subject: person.subject,
        subject_epoch: person.subject_epoch,
        auth: person.auth,
        nonce: asked.request.nonce.clone(),
        sid: person.session.as_ref().map(|session| sid(session, &asked.client.id)),
        session: person.session,
        consent,
        scope,
        resources: asked.request.resources.clone(),
        ticket: asked.request.response_type.code().then(|| Ticket {
            digest: code.digest(),
            expires,
            redirect_uri: asked.return_to.uri().into(),
            challenge: asked.request.challenge.clone(),
            state: TicketState::Pending,
        }),
        access_epoch: 0,
        status: Status::Active,
        expires,
    }
}

/// Whether the grant that is there already is the one that this form would have made, with a code
/// that is still good.
fn is_same_answer(there: &Grant, ours: &Grant, code: &Handle, now: Timestamp) -> bool {
    there.status == Status::Active
        && there.subject == ours.subject
        && there.client == ours.client
        && there.scope == ours.scope
        && there
            .ticket_of(code)
            .is_some_and(|ticket| ticket.state == TicketState::Pending && now < ticket.expires)
}
