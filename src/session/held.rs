use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{BrowserSessions, SessionRecord, end, standing, subject_label};
use crate::{
    error::Failure,
    provider::Core,
    store::{Cursor, Key, Kind},
    types::{Authentication, ClientId, Subject, Timestamp},
    wire::Request,
};

/// Names a session to the person whose it is, on a page that lists them. It opens nothing: whoever has
/// it can neither use the session nor end it for somebody else.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 32]);

impl SessionId {
    pub(crate) fn of(key: &Key) -> Self {
        Self(*key.hash())
    }

    fn key(self) -> Key {
        Key::from_parts(Kind::Session, self.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// The text is not the name of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the name of a session")]
pub struct InvalidSessionId;

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        let mut bytes = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(32) => Ok(Self(bytes)),
            _ => Err(InvalidSessionId),
        }
    }
}

/// A browser session of the provider: a person signed in at one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Who is signed in.
    pub subject: Subject,
    /// When and how they were last authenticated.
    pub authentication: Authentication,
    /// When they first signed in.
    pub began: Timestamp,
    /// When it was last used to sign in to a client, to within a tenth of
    /// [`Lifetimes::session_idle`](crate::Lifetimes::session_idle).
    pub used: Timestamp,
    /// When it ends by itself, if it is not used before.
    pub expires: Timestamp,
    /// What the host calls the browser: [`Login::device`](crate::Login::device).
    pub device: Option<Box<str>>,
    /// The clients that it was used for, the first one first.
    pub clients: Vec<ClientId>,
}

impl Session {
    pub(crate) fn of(key: &Key, record: SessionRecord) -> Self {
        Self {
            id: SessionId::of(key),
            expires: record.expires(),
            subject: record.subject,
            authentication: record.auth,
            began: record.began,
            used: record.used,
            device: record.device,
            clients: record.clients.clients().cloned().collect(),
        }
    }
}

/// A page of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldSessions {
    /// The sessions, in no particular order; perhaps none although there is a next page.
    pub sessions: Vec<Session>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Cursor>,
}

/// The sessions at a browser whose people are still signed in, the current one first.
pub(crate) async fn present(core: &Core, http: &Request<'_>) -> Result<Vec<Session>, Failure> {
    let mut present = Vec::new();
    for session in BrowserSessions::of(core, http).await?.iter() {
        let standing = standing(core, session.subject()).await?;
        let account = core.account(session.subject(), &[]).await?;
        let record = &session.record.body;
        let live = record.live(standing.as_ref(), core.clock.now());
        if live && account.is_some_and(|account| account.active) {
            present.push(Session::of(&session.key, record.clone()));
        }
    }
    Ok(present)
}

/// The sessions of a person that are alive.
pub(crate) async fn held(
    core: &Core,
    subject: &Subject,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<HeldSessions, Failure> {
    let label = subject_label(&core.config.issuer, subject);
    let listing = core.store.list(Kind::Session, &label, after, limit).await?;
    let (standing, now) = (standing(core, subject).await?, core.clock.now());
    let mut sessions = Vec::new();
    for key in &listing.keys {
        let Some(loaded) = core.load::<SessionRecord>(key).await? else { continue };
        if loaded.body.live(standing.as_ref(), now) && loaded.body.subject == *subject {
            sessions.push(Session::of(key, loaded.body));
        }
    }
    Ok(HeldSessions { sessions, next: listing.next })
}

/// Ends one of a person's sessions; somebody else's stays. Answers whether there was one to end.
pub(crate) async fn end_held(
    core: &Core,
    subject: &Subject,
    id: SessionId,
) -> Result<bool, Failure> {
    let (key, now) = (id.key(), core.clock.now());
    let Some(loaded) = core.load::<SessionRecord>(&key).await? else { return Ok(false) };
    if loaded.body.subject != *subject || !loaded.body.open(now) {
        return Ok(false);
    }
    end(core, &key, now).await.map(|ended| ended.is_some())
}

/// Ends all sessions of a person, one after the other; those that cannot stand any more as well, so that
/// their clients are told.
pub(crate) async fn end_all(core: &Core, subject: &Subject) -> Result<u32, Failure> {
    let label = subject_label(&core.config.issuer, subject);
    let (mut after, mut ended, now) = (None, 0, core.clock.now());
    loop {
        let listing = core.store.list(Kind::Session, &label, after.as_ref(), 100).await?;
        for key in &listing.keys {
            let loaded = core.load::<SessionRecord>(key).await?;
            if loaded.is_some_and(|l| l.body.subject == *subject && l.body.open(now)) {
                end(core, key, core.clock.now()).await?;
                ended += 1;
            }
        }
        match listing.next {
            Some(next) => after = Some(next),
            None => return Ok(ended),
        }
    }
}
