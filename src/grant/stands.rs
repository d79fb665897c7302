use super::{ConsentBasis, Grant, GrantView};
use crate::{
    claims::Account,
    client::Client,
    error::{Failure, Reason},
    provider::Core,
    session::{Consent, SessionRecord, Standing, key_of, standing},
    store::Batch,
    types::{Subject, Timestamp},
};

/// What a grant stands on, as it is now.
pub(crate) struct Facts {
    standing: Option<Standing>,
    consent: Option<Consent>,
    session: Option<SessionRecord>,
    account: Option<Account>,
}

/// How much of it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standings {
    /// Client, subject, consent and session: before a first set of tokens.
    All,
    /// The same, but the session only if the grant ends with it: before any further set.
    Refresh,
}

impl Facts {
    /// Loads them. The account comes with the claims that are wanted of it.
    pub(crate) async fn load(
        core: &Core,
        grant: &Grant,
        standings: Standings,
        wanted: &[&str],
    ) -> Result<Self, Failure> {
        let issuer = &core.config.issuer;
        let mut batch = Batch::new(core);
        let standing = batch.add::<Standing>(Standing::key(issuer, &grant.subject));
        let remembered = matches!(grant.consent, ConsentBasis::Remembered(_));
        let consent = remembered
            .then(|| batch.add::<Consent>(Consent::key(issuer, &grant.subject, &grant.client)));
        let session = grant.session.as_ref().filter(|_| grant.needs_session(standings));
        let session = session.map(|s| batch.add::<SessionRecord>(key_of(s)));
        let read = batch.read().await?;
        let consent = consent.map(|slot| read.get(&slot)).transpose()?.flatten();
        let session = session.map(|slot| read.get(&slot)).transpose()?.flatten();
        Ok(Self {
            standing: read.get(&standing)?.map(|r| r.body),
            consent: consent.map(|r| r.body),
            session: session.map(|r| r.body),
            account: core.account_of(&grant.subject, &grant.auth, wanted).await?,
        })
    }

    /// Only those of the subject. The account comes with the claims that are wanted of it.
    pub(crate) async fn of_view(
        core: &Core,
        grant: &GrantView,
        wanted: &[&str],
    ) -> Result<Self, Failure> {
        let standing = standing(core, &grant.subject).await?;
        let account = core.account_of(&grant.subject, &grant.auth, wanted).await?;
        Ok(Self { standing, consent: None, session: None, account })
    }

    /// Those of a subject, whatever is said of them.
    pub(crate) async fn of_subject(core: &Core, subject: &Subject) -> Result<Self, Failure> {
        let standing = standing(core, subject).await?;
        let account = core.account(subject, &[]).await?;
        Ok(Self { standing, consent: None, session: None, account })
    }

    fn is_active(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.active)
    }

    /// Whether something that was said of the subject at this time can still be said: nothing has ended
    /// since what they had, not even in the same second.
    pub(crate) fn subject_stands(&self, said: i64) -> bool {
        let ended = Standing::epoch(self.standing.as_ref());
        self.is_active() && (ended == 0 || ended < said)
    }

    /// The account, for its claims.
    pub(crate) fn account(self) -> Option<Account> {
        self.account
    }
}

/// Whether client and subject still are what they were.
pub(super) fn lightly(
    client: &Client,
    (client_epoch, subject_epoch): (u32, i64),
    facts: &Facts,
) -> Result<(), Reason> {
    if !client.enabled || client.epoch != client_epoch {
        return Err(Reason::ClientChanged);
    }
    if !Standing::holds(facts.standing.as_ref(), subject_epoch) {
        return Err(Reason::SubjectChanged);
    }
    if facts.is_active() { Ok(()) } else { Err(Reason::SubjectInactive) }
}

impl Grant {
    fn needs_session(&self, standings: Standings) -> bool {
        match standings {
            Standings::All => true,
            Standings::Refresh => !self.offline,
        }
    }

    /// Whether everything that the grant stands on still lives; the first thing that does not is the
    /// reason.
    pub(crate) fn stands(
        &self,
        client: &Client,
        facts: &Facts,
        standings: Standings,
        now: Timestamp,
    ) -> Result<(), Reason> {
        lightly(client, (self.client_epoch, self.subject_epoch), facts)?;
        if let ConsentBasis::Remembered(epoch) = self.consent {
            let holds = |c: &Consent| c.live(now) && c.epoch() == epoch;
            if !facts.consent.as_ref().is_some_and(holds) {
                return Err(Reason::ConsentWithdrawn);
            }
        }
        if self.session.is_some() && self.needs_session(standings) {
            let live = |s: &SessionRecord| s.live(facts.standing.as_ref(), now);
            if !facts.session.as_ref().is_some_and(live) {
                return Err(Reason::SessionEnded);
            }
        }
        Ok(())
    }
}
