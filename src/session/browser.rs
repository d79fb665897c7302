use super::{
    Authenticated, Login, SessionRecord, Standing, end, standing, state::BrowserState,
    subject_label,
};
use crate::{
    authorize::Cookies,
    error::{Failure, Reason},
    provider::Core,
    secret::{Digest, Handle, HandleKind},
    store::{Batch, Commit, Expect, Key, Kind, Loaded, Step, StoreError},
    types::{Authentication, ClientId, Issuer, Subject, Timestamp},
    wire::{Request, set_cookie},
};

/// Who is signed in, as a rule sees it.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) subject: Subject,
    pub(crate) subject_epoch: i64,
    pub(crate) auth: Authentication,
    /// The hash of the session's key; `None` for a host with sessions of its own.
    pub(crate) session: Option<Digest>,
}

/// A session that the browser's cookie opens, neither ended nor run out; whether the person still
/// stands is not judged yet.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    handle: Handle,
    pub(crate) key: Key,
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

    pub(crate) fn subject(&self) -> &Subject {
        &self.record.body.subject
    }
}

/// The accounts that are signed in at a browser; the first one is the current one.
///
/// Each is a session of its own: they share nothing but the cookie.
#[derive(Clone, Debug, Default)]
pub(crate) struct BrowserSessions(Vec<Current>);

impl BrowserSessions {
    /// Those whose sessions the browser's cookie opens.
    pub(crate) async fn of(core: &Core, request: &Request<'_>) -> Result<Self, StoreError> {
        let sent = core.cookies.session.read_all(request, core.config.limits.accounts);
        Self::opened(core, &sent, |_| None).await
    }

    /// Those that these handles open, each with its own secret or with another one that goes as well.
    async fn opened(
        core: &Core,
        sent: &[Handle],
        other: impl Fn(&Handle) -> Option<Handle>,
    ) -> Result<Self, StoreError> {
        if sent.is_empty() {
            return Ok(Self::default());
        }
        let issuer = &core.config.issuer;
        let mut batch = Batch::new(core);
        let slots: Vec<_> = sent
            .iter()
            .map(|handle| (*handle, batch.add::<SessionRecord>(key(issuer, handle))))
            .collect();
        let read = batch.read().await?;
        let now = core.clock.now();
        let mut accounts: Vec<Current> = Vec::with_capacity(slots.len());
        for (sent, slot) in slots {
            let Some(record) = read.get(&slot)? else { continue };
            let fits = |handle: &Handle| record.body.has_secret(&handle.digest());
            let handle = [Some(sent), other(&sent)].into_iter().flatten().find(fits);
            let known = accounts.iter().any(|known| known.handle.id() == sent.id());
            if let Some(handle) = handle.filter(|_| record.body.open(now) && !known) {
                accounts.push(Current { handle, key: key(issuer, &sent), record });
            }
        }
        Ok(Self(accounts))
    }

    /// The account that is used unless somebody asks for another one.
    pub(crate) fn current(&self) -> Option<&Current> {
        self.0.first()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Current> {
        self.0.iter()
    }

    pub(crate) fn subjects(&self) -> Vec<Subject> {
        self.0.iter().map(|account| account.subject().clone()).collect()
    }

    /// With the one that is wanted as the current one; unchanged, if it is not among them.
    #[must_use]
    pub(crate) fn with_first(mut self, is_wanted: impl Fn(&Current) -> bool) -> Self {
        // Stable: the others keep their order.
        self.0.sort_by_key(|session| !is_wanted(session));
        self
    }

    /// Without these sessions.
    #[must_use]
    pub(crate) fn without(mut self, sessions: &[Key]) -> Self {
        self.0.retain(|account| !sessions.contains(&account.key));
        self
    }

    /// What anybody may know of them.
    pub(crate) fn state(&self) -> BrowserState {
        BrowserState::of(self.0.iter().map(|account| *account.key.hash()))
    }

    /// The cookies that make the browser know them.
    pub(crate) fn cookies(&self, core: &Core) -> Cookies {
        let handles = self.0.iter().map(|account| &account.handle);
        let mut cookies: Cookies =
            vec![("set-cookie", set_cookie(&core.cookies.session, handles).into())];
        if core.config.policy.session_management {
            let state = core.cookies.state.set(self.state().as_str());
            cookies.push(("set-cookie", state.into()));
        }
        cookies
    }
}

fn key(issuer: &Issuer, handle: &Handle) -> Key {
    Key::new(Kind::Session, issuer, &[handle.id()])
}

/// The key of the session that a grant stands on.
pub(crate) fn key_of(session: &Digest) -> Key {
    Key::from_parts(Kind::Session, *session.as_bytes())
}

/// Signs a person in at a browser: a new secret for the session that is theirs already, or else a
/// new session beside those of others. `fresh` is the new handle; doing it again with the same one
/// keeps the cookie, and tells of the newer authentication. The person is the first of the accounts, and
/// the client whose request it is for is in their ledger.
pub(crate) async fn sign_in(
    core: &Core,
    request: &Request<'_>,
    fresh: Handle,
    login: &Login,
    client: Option<&ClientId>,
) -> Result<BrowserSessions, Failure> {
    let most = core.config.limits.accounts;
    let sent = core.cookies.session.read_all(request, most);
    // The other handle is the one that this very form has brought already, when it comes twice.
    let again = |sent: &Handle| Some(fresh.with_id(*sent.id()));
    let mut accounts = BrowserSessions::opened(core, &sent, again).await?.0;
    let now = core.clock.now();
    let auth = login.authentication(now)?;
    let standing = standing(core, &login.subject).await?;
    let visit = SignIn { core, login, auth, client, standing, now };
    let own = accounts.iter().position(|account| *account.subject() == login.subject);
    let own = own.map(|own| accounts.remove(own));
    let current = match own {
        Some(own) if visit.can_use(&own.record.body) => match visit.renew(&own, fresh).await? {
            Some(current) => current,
            None => visit.begin(fresh).await?,
        },
        Some(over) => {
            end(core, &over.key, now).await?;
            visit.begin(fresh).await?
        }
        None => visit.begin(fresh).await?,
    };
    accounts.insert(0, current);
    for surplus in accounts.drain(most.min(accounts.len())..) {
        end(core, &surplus.key, now).await?;
    }
    Ok(BrowserSessions(accounts))
}

/// A person who signs in now.
struct SignIn<'s> {
    core: &'s Core,
    login: &'s Login,
    auth: Authentication,
    client: Option<&'s ClientId>,
    standing: Option<Standing>,
    now: Timestamp,
}

impl SignIn<'_> {
    fn person(&self) -> Authenticated<'_> {
        Authenticated {
            subject: &self.login.subject,
            subject_epoch: Standing::epoch(self.standing.as_ref()),
            auth: self.auth.clone(),
            device: self.login.device.as_deref(),
            client: self.client,
        }
    }

    fn is_live(&self, record: &SessionRecord) -> bool {
        record.live(self.standing.as_ref(), self.now)
    }

    /// Whether it is alive, with room for the client.
    fn can_use(&self, record: &SessionRecord) -> bool {
        let clients = &record.clients;
        let fits = |client: &ClientId| !clients.is_full() || clients.contains(client);
        self.is_live(record) && self.client.is_none_or(fits)
    }

    /// Gives their session another secret, though a client is entered meanwhile; `None` if it has ended or
    /// got another secret meanwhile.
    async fn renew(&self, own: &Current, fresh: Handle) -> Result<Option<Current>, Failure> {
        let handle = fresh.with_id(*own.handle.id());
        let lifetimes = &self.core.config.lifetimes;
        let mut record = own.record.clone();
        for _ in 0..16 {
            let expect = Expect::Version(record.version);
            let body = record.body.again(handle.digest(), self.person(), lifetimes, self.now);
            if let Some(current) = self.write(handle, expect, body).await? {
                return Ok(Some(current));
            }
            // Left behind, it would end without its clients being told when they sign out here.
            match self.core.load::<SessionRecord>(&own.key).await? {
                Some(again)
                    if again.body.has_secret(&own.handle.digest()) && self.can_use(&again.body) =>
                {
                    record = again;
                }
                _ => return Ok(None),
            }
        }
        Err(Reason::StoreFailed.into())
    }

    /// Begins another session, with this handle if it is free.
    async fn begin(&self, fresh: Handle) -> Result<Current, Failure> {
        let core = self.core;
        let labels = [subject_label(&core.config.issuer, &self.login.subject)];
        for handle in [fresh, Handle::random(HandleKind::Session, &*core.entropy)?] {
            let lifetimes = &core.config.lifetimes;
            let body = SessionRecord::begin(handle.digest(), self.person(), lifetimes, self.now);
            let expect = Expect::Absent { labels: &labels };
            if let Some(current) = self.write(handle, expect, body).await? {
                return Ok(current);
            }
        }
        Err(Reason::StoreFailed.into())
    }

    /// Writes the session; if somebody was faster with the very same cookie, theirs serves, as long as
    /// it is alive.
    async fn write(
        &self,
        handle: Handle,
        expect: Expect<'_>,
        body: SessionRecord,
    ) -> Result<Option<Current>, Failure> {
        let core = self.core;
        let key = key(&core.config.issuer, &handle);
        let keep_until = body.keep_until(&core.config.lifetimes);
        let step = Step { key: &key, expect, body: &body, keep_until };
        match core.commit(step, ()).await? {
            Commit::Won(version, ()) => {
                Ok(Some(Current { handle, key, record: Loaded { body, version } }))
            }
            Commit::Lost => {
                let theirs = core.load::<SessionRecord>(&key).await?;
                let same = |theirs: &Loaded<SessionRecord>| {
                    theirs.body.has_secret(&handle.digest())
                        && theirs.body.subject == body.subject
                        && self.is_live(&theirs.body)
                };
                Ok(theirs.filter(same).map(|record| Current { handle, key, record }))
            }
        }
    }
}

/// Enters a client in the ledger of the session, before anything that stands on it leaves. Answers
/// whether the session goes on: it may have ended meanwhile, and one that was used with too many clients
/// ends here.
pub(crate) async fn enter(
    core: &Core,
    account: &Current,
    client: &ClientId,
    now: Timestamp,
) -> Result<bool, Failure> {
    let lifetimes = &core.config.lifetimes;
    let mut record = account.record.clone();
    for _ in 0..16 {
        let session = &record.body;
        if !session.open(now) {
            return Ok(false);
        }
        if session.clients.is_full() && !session.clients.contains(client) {
            end(core, &account.key, now).await?;
            return Ok(false);
        }
        let Some(body) = session.used(client, lifetimes, now) else { return Ok(true) };
        let keep_until = body.keep_until(lifetimes);
        let expect = Expect::Version(record.version);
        let step = Step { key: &account.key, expect, body: &body, keep_until };
        if let Commit::Won(..) = core.commit(step, ()).await? {
            return Ok(true);
        }
        match core.load(&account.key).await? {
            Some(again) => record = again,
            None => return Ok(false),
        }
    }
    Err(Reason::StoreFailed.into())
}
