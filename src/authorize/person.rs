use super::Sessions;
use crate::{
    claims,
    client::Client,
    error::Failure,
    provider::Core,
    session::{self, BrowserSessions, Consent, Current, Login, SignedIn, Standing},
    store::Batch,
    types::{ClientId, Subject, Timestamp},
    wire::Request,
};

/// Somebody is said to be signed in; not yet judged.
enum Claim {
    /// By a session of the provider's.
    Session(Current),
    /// By a host with sessions of its own, which vouches for now.
    Host(SignedIn),
}

/// A person who is signed in, with what decides about them.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) signed_in: SignedIn,
    /// Their session; none, if the host has that.
    session: Option<Current>,
    /// Their name at the client.
    pub(super) sub: Subject,
    pub(super) consent: Option<Consent>,
}

/// Who is at the browser.
#[derive(Debug)]
pub(super) struct Present {
    /// The one whom the request is about, if they are signed in.
    pub(super) person: Option<Person>,
    /// Everybody who is signed in here; none, if the host has the sessions.
    pub(super) sessions: Option<BrowserSessions>,
}

/// Whom a request is about, if several people are signed in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wish<'w> {
    /// The one whom it has been about so far: they, or nobody.
    pub(super) subject: Option<&'w Subject>,
    /// Whom the client expects, by their names at the client; anybody, if absent.
    pub(super) expected: Option<&'w [Subject]>,
}

impl Present {
    /// Who is at this browser: the one whom it has been about so far, if they are signed in; or else the one
    /// whom the client expects, and if they are not here, the current one.
    pub(super) async fn at(
        core: &Core,
        http: &Request<'_>,
        client: &Client,
        sessions: &Sessions,
        wish: Wish<'_>,
    ) -> Result<Self, Failure> {
        match sessions {
            Sessions::Own => {
                let sessions = BrowserSessions::of(core, http).await?;
                Self::among(core, client, sessions, wish).await
            }
            Sessions::Host(Some(login)) => Self::by_host(core, client, login).await,
            Sessions::Host(None) => Ok(Self { person: None, sessions: None }),
        }
    }

    /// One of these.
    pub(super) async fn among(
        core: &Core,
        client: &Client,
        sessions: BrowserSessions,
        wish: Wish<'_>,
    ) -> Result<Self, Failure> {
        let mut wished = None;
        for session in sessions.iter() {
            let fits = match (wish.subject, wish.expected) {
                (Some(subject), _) => session.subject() == subject,
                (None, Some(expected)) => {
                    expected.contains(&claims::sub(core, client, session.subject())?)
                }
                (None, None) => true,
            };
            if fits {
                wished = Some(session);
                break;
            }
        }
        // Once it is about somebody, nobody else answers for them unseen.
        let others = sessions.iter().filter(|other| {
            wish.subject.is_none() && wished.is_none_or(|wished| other.key != wished.key)
        });
        let mut person = None;
        for session in wished.into_iter().chain(others) {
            person = Person::load(core, client, Claim::Session(session.clone())).await?;
            if person.is_some() {
                break;
            }
        }
        Ok(Self { person, sessions: Some(sessions) })
    }

    /// The one whom the host says is signed in now.
    pub(super) async fn by_host(
        core: &Core,
        client: &Client,
        login: &Login,
    ) -> Result<Self, Failure> {
        let signed_in = SignedIn {
            subject: login.subject.clone(),
            subject_epoch: 0,
            auth: login.authentication(core.clock.now())?,
            session: None,
        };
        let person = Person::load(core, client, Claim::Host(signed_in)).await?;
        Ok(Self { person, sessions: None })
    }

    /// Everybody who is signed in here, the current one first.
    pub(super) fn accounts(&self) -> Vec<Subject> {
        match (&self.sessions, &self.person) {
            (Some(sessions), _) => sessions.subjects(),
            (None, Some(person)) => vec![person.signed_in.subject.clone()],
            (None, None) => Vec::new(),
        }
    }

    pub(super) fn subject(&self) -> Option<&Subject> {
        self.person.as_ref().map(|person| &person.signed_in.subject)
    }
}

impl Person {
    /// Loads what decides about them; none if the session is over or the account is not active.
    async fn load(core: &Core, client: &Client, claim: Claim) -> Result<Option<Self>, Failure> {
        let issuer = &core.config.issuer;
        let (mut signed_in, session) = match claim {
            Claim::Session(session) => (session.signed_in(), Some(session)),
            Claim::Host(signed_in) => (signed_in, None),
        };
        let mut batch = Batch::new(core);
        let standing = batch.add::<Standing>(Standing::key(issuer, &signed_in.subject));
        let consent = batch.add::<Consent>(Consent::key(issuer, &signed_in.subject, &client.id));
        let read = batch.read().await?;
        let standing = read.get(&standing)?.map(|record| record.body);
        let live = if let Some(session) = &session {
            session.record.body.live(standing.as_ref(), core.clock.now())
        } else {
            signed_in.subject_epoch = Standing::epoch(standing.as_ref());
            true
        };
        let account = core.account(&signed_in.subject, &[]).await?;
        if !live || !account.is_some_and(|account| account.active) {
            return Ok(None);
        }
        let consent = read.get(&consent)?.map(|record| record.body);
        let sub = claims::sub(core, client, &signed_in.subject)?;
        Ok(Some(Self { signed_in, session, sub, consent }))
    }

    /// Enters the client in the ledger of the person's session; answers whether that goes on.
    pub(super) async fn uses(
        &self,
        core: &Core,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        match &self.session {
            Some(session) => session::enter(core, session, client, now).await,
            None => Ok(true),
        }
    }
}
