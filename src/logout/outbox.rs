use serde::{Deserialize, Serialize};

use crate::{
    error::{Failure, Reason},
    provider::Core,
    secret::Digest,
    session::Ledger,
    store::{Expect, Key, Kind, Label, Readable, Step, Stored},
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

/// What announcements are listed by.
pub(super) fn label(issuer: &Issuer) -> Label {
    Label::new("due", issuer, b"")
}

/// Says that clients of this session are to be told, however often.
pub(crate) async fn announce(core: &Core, session: &Key, now: Timestamp) -> Result<(), Failure> {
    let issuer = &core.config.issuer;
    let key = Key::new(Kind::Logout, issuer, &[session.hash()]);
    let body =
        Announcement { v: Announcement::SCHEMA, session: Digest::from(*session.hash()), made: now };
    let labels = [label(issuer)];
    let expect = Expect::Absent { labels: &labels };
    let keep_until = now + Ledger::TOLD_WITHIN * 2;
    let step = Step { key: &key, expect, body: &body, keep_until };
    // It may be there already.
    core.commit(step, ()).await.map(|_| ())
}

/// The clients of a session that want to be told by the back channel, if anything can be sent at all.
pub(crate) async fn to_be_told(core: &Core, clients: &Ledger) -> Result<Vec<ClientId>, Failure> {
    let mut told = Vec::new();
    if core.fetch.is_none() {
        return Ok(told);
    }
    for id in clients.clients() {
        let wants = match core.client(id).await {
            Ok(client) => client.is_some_and(|c| c.metadata.backchannel_logout_uri.is_some()),
            // What it wants shows when somebody answers there again.
            Err(failure) if failure.reason == Reason::ClientDocumentFailed => true,
            Err(failure) => return Err(failure),
        };
        if wants {
            told.push(id.clone());
        }
    }
    Ok(told)
}
