use super::interaction::Vouched;
use crate::{
    client::Client,
    error::Failure,
    provider::Core,
    session::{self, Consent, Current, Login, SignedIn, Standing},
    store::Batch,
    wire::Request,
};

/// Somebody is said to be signed in; not yet judged.
pub(super) enum Claim {
    /// By the provider's own session.
    Session(Current),
    /// By a host with sessions of its own. It vouches for now, or has done so at an epoch.
    Host { signed_in: SignedIn, epoch: Option<i64> },
}

/// A person who is signed in, with what decides about them.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) signed_in: SignedIn,
    pub(super) consent: Option<Consent>,
}

impl Claim {
    /// What the browser's cookie claims.
    pub(super) async fn of_browser(
        core: &Core,
        http: &Request<'_>,
    ) -> Result<Option<Self>, Failure> {
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
        Self::Host { signed_in, epoch: None }
    }

    /// What the host claimed when the last page was made.
    pub(super) fn vouched(vouched: &Vouched) -> Self {
        let signed_in = SignedIn {
            subject: vouched.subject.clone(),
            subject_epoch: vouched.epoch,
            auth: vouched.auth.clone(),
            session: None,
        };
        Self::Host { signed_in, epoch: Some(vouched.epoch) }
    }
}

impl Person {
    /// Loads what decides about them; none if the session is over or the account is not active.
    pub(super) async fn load(
        core: &Core,
        client: &Client,
        claim: Claim,
    ) -> Result<Option<Self>, Failure> {
        let issuer = &core.config.issuer;
        let mut signed_in = match &claim {
            Claim::Session(current) => current.signed_in(issuer),
            Claim::Host { signed_in, .. } => signed_in.clone(),
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
            Claim::Host { epoch: Some(epoch), .. } => Standing::holds(standing.as_ref(), epoch),
            Claim::Host { epoch: None, .. } => {
                signed_in.subject_epoch = Standing::epoch(standing.as_ref());
                true
            }
        };
        let account = core.accounts.account(&signed_in.subject, &[]).await?;
        if !live || !account.is_some_and(|account| account.active) {
            return Ok(None);
        }
        let consent = read.get(&consent)?.map(|record| record.body);
        Ok(Some(Self { signed_in, consent }))
    }
}
