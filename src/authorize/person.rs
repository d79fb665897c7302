use super::Sessions;
use crate::{
    claims,
    client::Client,
    error::Failure,
    provider::Core,
    session::{self, Consent, Current, Login, SignedIn, Standing},
    store::Batch,
    types::Subject,
    wire::Request,
};

/// Somebody is said to be signed in; not yet judged.
pub(super) enum Claim {
    /// By the provider's own session.
    Session(Current),
    /// By a host with sessions of its own, which vouches for now.
    Host(SignedIn),
}

/// A person who is signed in, with what decides about them.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) signed_in: SignedIn,
    /// Their name at the client.
    pub(super) sub: Subject,
    pub(super) consent: Option<Consent>,
}

impl Claim {
    /// Who is said to be signed in at this browser.
    pub(super) async fn of(
        core: &Core,
        http: &Request<'_>,
        sessions: &Sessions,
    ) -> Result<Option<Self>, Failure> {
        match sessions {
            Sessions::Own => Self::of_browser(core, http).await,
            Sessions::Host(login) => Ok(login.as_ref().map(|login| Self::by_host(login, core))),
        }
    }

    /// What the browser's cookie claims.
    async fn of_browser(core: &Core, http: &Request<'_>) -> Result<Option<Self>, Failure> {
        Ok(session::current(core, http).await?.map(Self::Session))
    }

    /// What the host claims now.
    pub(super) fn by_host(login: &Login, core: &Core) -> Self {
        let signed_in = SignedIn {
            subject: login.subject.clone(),
            subject_epoch: 0,
            auth: login.authentication(core.clock.now()),
            session: None,
        };
        Self::Host(signed_in)
    }
}

impl Person {
    /// Who is signed in at this browser, if anybody is.
    pub(super) async fn at(
        core: &Core,
        http: &Request<'_>,
        client: &Client,
        sessions: &Sessions,
    ) -> Result<Option<Self>, Failure> {
        match Claim::of(core, http, sessions).await? {
            Some(claim) => Self::load(core, client, claim).await,
            None => Ok(None),
        }
    }

    /// Loads what decides about them; none if the session is over or the account is not active.
    pub(super) async fn load(
        core: &Core,
        client: &Client,
        claim: Claim,
    ) -> Result<Option<Self>, Failure> {
        let issuer = &core.config.issuer;
        let mut signed_in = match &claim {
            Claim::Session(current) => current.signed_in(),
            Claim::Host(signed_in) => signed_in.clone(),
        };
        let mut batch = Batch::new(core);
        let standing = batch.add::<Standing>(Standing::key(issuer, &signed_in.subject));
        let consent = batch.add::<Consent>(Consent::key(issuer, &signed_in.subject, &client.id));
        let read = batch.read().await?;
        let standing = read.get(&standing)?.map(|record| record.body);
        let live = match claim {
            Claim::Session(current) => {
                current.record.body.live(standing.as_ref(), core.clock.now())
            }
            Claim::Host(_) => {
                signed_in.subject_epoch = Standing::epoch(standing.as_ref());
                true
            }
        };
        let account = core.accounts.account(&signed_in.subject, &[]).await?;
        if !live || !account.is_some_and(|account| account.active) {
            return Ok(None);
        }
        let consent = read.get(&consent)?.map(|record| record.body);
        let sub = claims::sub(core, client, &signed_in.subject)?;
        Ok(Some(Self { signed_in, sub, consent }))
    }
}
