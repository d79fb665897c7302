use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use time::Duration;

use crate::{
    at_once::at_once,
    error::{Failure, Reason},
    provider::Core,
    secret::Digest,
    session::{Ledger, SessionRecord},
    store::{Commit, Cursor, Expect, Key, Kind, Label, Readable, Step, Stored},
    types::{ClientId, Issuer, Timestamp},
};

/// Where there are clients to be told: a session that has ended or is about to.
///
/// The session itself is the outbox; this only leads to it, since what a session is listed by is
/// fixed when it begins. It is written before the session ends, so that no crash hides one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Announcement {
    v: u16,
    /// The hash of the session's key.
    pub(super) session: Digest,
    pub(super) made: Timestamp,
}

impl Stored for Announcement {}

impl Readable for Announcement {
    fn schema(&self) -> u16 {
        self.v
    }
}

/// Where the last round of deliveries stopped, if it did not come to the end.
#[derive(Debug, Default)]
pub(crate) struct LastRound(Mutex<Option<Cursor>>);

impl LastRound {
    pub(super) fn take(&self) -> Option<Cursor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn stop_at(&self, next: Cursor) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }
}

/// What announcements are listed by.
pub(super) fn label(issuer: &Issuer) -> Label {
    Label::new("due", issuer, b"")
}

/// What is to be done about an announcement.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing, or nothing yet.
    Wait,
    /// Clients are to be told now: the session, leased until then.
    Tell(Box<SessionRecord>, Timestamp),
    /// It has done its service, or is one of an end that never came.
    Forget,
}

/// How long an end may take after it was announced. What has not come then never will: whoever wanted to
/// write it is gone.
const PENDING: Duration = Duration::minutes(10);

/// How long other nodes leave a session alone that one works on.
pub(super) const LEASE: Duration = Duration::seconds(60);

/// What is to be done about an announcement, with the session as it is now.
pub(super) fn next(
    announcement: &Announcement,
    session: Option<&SessionRecord>,
    now: Timestamp,
) -> Next {
    let Some(session) = session.filter(|session| session.ended_at().is_some()) else {
        let pending = now < announcement.made + PENDING;
        return if pending { Next::Wait } else { Next::Forget };
    };
    match session.clients.next() {
        None => Next::Forget,
        Some(due) if now < due => Next::Wait,
        Some(_) => session
            .leased(LEASE, now)
            .map_or(Next::Wait, |leased| Next::Tell(Box::new(leased), now + LEASE)),
    }
}

/// Says that clients of this session are to be told, however often. What was said before is said anew, so that
/// nobody who thinks it out of date takes it away meanwhile.
pub(crate) async fn announce(core: &Core, session: &Key) -> Result<(), Failure> {
    // As late as can be: whoever works waits for the end from then on.
    let (issuer, now) = (&core.config.issuer, core.clock.now());
    let key = Key::new(Kind::Logout, issuer, &[session.hash()]);
    let body =
        Announcement { v: Announcement::SCHEMA, session: Digest::from(*session.hash()), made: now };
    let labels = [label(issuer)];
    let keep_until = now + Ledger::TOLD_WITHIN * 2;
    let mut expect = Expect::Absent { labels: &labels };
    for _ in 0..16 {
        let step = Step { key: &key, expect, body: &body, keep_until };
        if let Commit::Won(..) = core.commit(step, ()).await? {
            return Ok(());
        }
        expect = match core.load::<Announcement>(&key).await? {
            Some(known) => Expect::Version(known.version),
            None => Expect::Absent { labels: &labels },
        };
    }
    Err(Reason::StoreFailed.into())
}

/// The clients of a session that want to be told by the back channel, if anything can be sent at all. In
/// doubt they do: what a client wants is looked up again when it is told, and nobody waits for a client
/// in order to sign out (threat LO-07).
pub(crate) async fn to_be_told(core: &Core, clients: &Ledger) -> Vec<ClientId> {
    if core.fetch.is_none() {
        return Vec::new();
    }
    let asked = clients.clients().map(|id| wants_to_be_told(core, id)).collect();
    at_once(16, asked).await.into_iter().flatten().collect()
}

async fn wants_to_be_told(core: &Core, id: &ClientId) -> Option<ClientId> {
    let wants = match core.known_client(id).await {
        Ok(Some(client)) => client.metadata.backchannel_logout_uri.is_some(),
        Ok(None) => core.may_describe_itself(id),
        Err(_) => true,
    };
    wants.then(|| id.clone())
}
