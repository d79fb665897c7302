use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{Login, Standing, standing, subject_label};
use crate::{
    error::{Failure, Reason},
    provider::Core,
    secret::{Digest, Handle, HandleKind},
    store::{Commit, Expect, Key, Kind, Loaded, Readable, Step, StoreError, Stored},
    types::{Authentication, ClientId, Issuer, Subject, Timestamp},
    wire::Request,
};

/// A person signed in at one browser. The cookie is the record's id and a secret; signing in again
/// changes the secret and keeps the record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    v: u16,
    digest: Digest,
    pub(crate) subject: Subject,
    pub(crate) subject_epoch: i64,
    pub(crate) auth: Authentication,
    state: State,
    pub(crate) until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Active,
    Ended,
}

impl Stored for SessionRecord {}

impl Readable for SessionRecord {
    fn schema(&self) -> u16 {
        self.v
    }
}

impl SessionRecord {
    /// Whether the person is still signed in.
    pub(crate) fn live(&self, standing: Option<&Standing>, now: Timestamp) -> bool {
        self.state == State::Active
            && now < self.until
            && Standing::holds(standing, self.subject_epoch)
    }
}

/// Who is signed in, as a rule sees it.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) subject: Subject,
    pub(crate) subject_epoch: i64,
    pub(crate) auth: Authentication,
    /// The hash of the session's key; `None` for a host with sessions of its own.
    pub(crate) session: Option<Digest>,
}

/// The session that the browser's cookie opens; not yet judged.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) handle: Handle,
    key: Key,
    pub(crate) record: Loaded<SessionRecord>,
}

impl Current {
    pub(crate) fn signed_in(&self) -> SignedIn {
        let record = &self.record.body;
        SignedIn {
            subject: record.subject.clone(),
            subject_epoch: record.subject_epoch,
            auth: record.auth.clone(),
            session: Some(Digest::from(*self.key.hash())),
        }
    }
}

fn key(issuer: &Issuer, handle: &Handle) -> Key {
    Key::new(Kind::Session, issuer, &[handle.id()])
}

/// The key of the session that a grant stands on.
pub(crate) fn key_of(session: &Digest) -> Key {
    Key::from_parts(Kind::Session, *session.as_bytes())
}

/// The session as this client may know it ([Front-Channel Logout §3], `sid`): another client's
/// differs, and neither leads back to the cookie.
///
/// [Front-Channel Logout §3]: https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout
pub(crate) fn sid(session: &Digest, client: &ClientId) -> Box<str> {
    let digest = Digest::of_parts(&[b"sid\0", session.as_bytes(), client.as_str().as_bytes()]);
    let (short, _) = digest.as_bytes().split_at(18);
    URL_SAFE_NO_PAD.encode(short).into()
}

/// The session whose cookie the browser sent with the right secret.
pub(crate) async fn current(
    core: &Core,
    request: &Request<'_>,
) -> Result<Option<Current>, StoreError> {
    let Some(handle) = core.cookies.session.read(request) else { return Ok(None) };
    found(core, &[handle]).await
}

/// The session that one of these cookies opens; they are of one record.
async fn found(core: &Core, handles: &[Handle]) -> Result<Option<Current>, StoreError> {
    let Some(first) = handles.first() else { return Ok(None) };
    let key = key(&core.config.issuer, first);
    let Some(record) = core.load::<SessionRecord>(&key).await? else { return Ok(None) };
    let fits = |handle: &&Handle| record.body.digest.same(handle.digest().as_bytes());
    let handle = handles.iter().find(fits).copied();
    Ok(handle.map(|handle| Current { handle, key, record }))
}

/// Signs a person in at a browser: a new secret for the session that is theirs already, a new
/// session otherwise, and the end of somebody else's. `fresh` is the new cookie; doing it again with
/// the same one keeps the cookie, and tells of the newer authentication.
pub(crate) async fn sign_in(
    core: &Core,
    request: &Request<'_>,
    fresh: Handle,
    login: &Login,
    now: Timestamp,
) -> Result<Current, Failure> {
    let issuer = &core.config.issuer;
    let standing = standing(core, &login.subject).await?;
    let body = |handle: &Handle| SessionRecord {
        v: SessionRecord::SCHEMA,
        digest: handle.digest(),
        subject: login.subject.clone(),
        subject_epoch: Standing::epoch(standing.as_ref()),
        auth: login.authentication(now),
        state: State::Active,
        until: now + core.config.lifetimes.session,
    };
    let live = |theirs: &SessionRecord| theirs.live(standing.as_ref(), now);
    let current = match core.cookies.session.read(request) {
        // The second cookie is the one that this very form has brought already, when it comes twice.
        Some(sent) => found(core, &[sent, fresh.with_id(*sent.id())]).await?,
        None => None,
    };
    if let Some(current) = current {
        if current.record.body.subject == login.subject && live(&current.record.body) {
            let handle = fresh.with_id(*current.handle.id());
            let expect = Expect::Version(current.record.version);
            if let Some(current) = write(core, handle, expect, body(&handle), &live).await? {
                return Ok(current);
            }
        } else {
            end(core, current, now).await?;
        }
    }
    let labels = [subject_label(issuer, &login.subject)];
    for handle in [fresh, Handle::random(HandleKind::Session, &*core.entropy)?] {
        let expect = Expect::Absent { labels: &labels };
        if let Some(current) = write(core, handle, expect, body(&handle), &live).await? {
            return Ok(current);
        }
    }
    Err(Reason::StoreFailed.into())
}

/// Writes the session; if somebody was faster with the very same cookie, theirs serves, as long as it
/// is alive.
async fn write(
    core: &Core,
    handle: Handle,
    expect: Expect<'_>,
    body: SessionRecord,
    live: &(dyn Fn(&SessionRecord) -> bool + Sync),
) -> Result<Option<Current>, Failure> {
    let key = key(&core.config.issuer, &handle);
    let keep_until = keep_until(core, &body);
    let step = Step { key: &key, expect, body: &body, keep_until };
    match core.commit(step, ()).await? {
        Commit::Won(version, ()) => {
            Ok(Some(Current { handle, key, record: Loaded { body, version } }))
        }
        Commit::Lost => {
            let theirs = core.load::<SessionRecord>(&key).await?;
            let same = |theirs: &Loaded<SessionRecord>| {
                theirs.body.digest.same(handle.digest().as_bytes())
                    && theirs.body.subject == body.subject
                    && live(&theirs.body)
            };
            Ok(theirs.filter(same).map(|record| Current { handle, key, record }))
        }
    }
}

/// A session is kept until it ends, and for as long as its cookie could be derived again.
fn keep_until(core: &Core, body: &SessionRecord) -> Timestamp {
    body.until.max(body.auth.time + core.config.lifetimes.interaction)
}

/// Ends the session; it stays as a tombstone until it would have ended by itself.
pub(crate) async fn end(core: &Core, current: Current, now: Timestamp) -> Result<(), Failure> {
    let Current { key, mut record, .. } = current;
    for _ in 0..16 {
        if record.body.state == State::Ended || record.body.until <= now {
            return Ok(());
        }
        let body = SessionRecord { state: State::Ended, ..record.body };
        let expect = Expect::Version(record.version);
        let keep_until = keep_until(core, &body);
        let step = Step { key: &key, expect, body: &body, keep_until };
        if let Commit::Won(..) = core.commit(step, ()).await? {
            return Ok(());
        }
        match core.load(&key).await? {
            Some(again) => record = again,
            None => return Ok(()),
        }
    }
    Err(Reason::StoreFailed.into())
}
