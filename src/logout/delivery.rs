use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use time::Duration;
use url::form_urlencoded;

use super::{
    back_channel::logout_token,
    outbox::{self, Announcement, Next},
    traffic::Traffic,
};
use crate::{
    at_once::at_once,
    env::{Event, What},
    error::{Failure, Reason},
    fetch::{Fetch, FetchError, PostRequest},
    provider::Core,
    secret::Digest,
    session::{self, Delivery, Ledger, SessionRecord},
    store::{Commit, Expect, Key, Kind, Loaded, Step, StoreError, Version},
    types::{ClientId, Timestamp},
};

/// Logout tokens under way at once, in all.
const AT_ONCE: usize = 16;
/// Sessions worked on at once, and clients of each.
const SESSIONS: usize = 8;
const CLIENTS: usize = 8;
/// Clients that are told in one turn of a session; then the others have theirs.
const TURN: usize = 64;
/// How long clients are turned to in one turn, so that what is under way then ends within the lease.
const TURN_TIME: Duration = Duration::seconds(20);
/// How long sessions are turned to in one round, so that other work is done as well.
const ROUND_TIME: Duration = Duration::seconds(30);
/// How often a token is offered to a fetcher that is busy, in one turn.
const PATIENCE: u32 = 16;
/// Announcements listed at once.
const PAGE: u32 = 100;

/// What was done, and the first thing that could not be.
#[derive(Debug, Default)]
pub(crate) struct Worked {
    /// Logout tokens sent, well or in vain, and announcements taken away.
    pub(crate) done: u32,
    pub(crate) fault: Option<Failure>,
}

impl Worked {
    fn and(self, other: Self) -> Self {
        Self { done: self.done.saturating_add(other.done), fault: self.fault.or(other.fault) }
    }
}

/// Tells clients of ended sessions, as far as it is due and at most of so many sessions
/// ([OIDC Back-Channel Logout §2.5]). What fails for one keeps nobody else from being told.
///
/// [OIDC Back-Channel Logout §2.5]: https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest
pub(crate) async fn deliver(core: &Core, limit: u32) -> Worked {
    let Some(fetch) = &core.fetch else { return Worked::default() };
    let round = Round {
        core,
        fetch: &**fetch,
        until: core.clock.now() + ROUND_TIME,
        left: AtomicU32::new(limit),
        more: AtomicBool::new(false),
        traffic: Traffic::new(AT_ONCE),
    };
    let worked = round.walk().await;
    if worked.done > 0 && round.more.into_inner() {
        core.waiting.wake();
    }
    worked
}

/// One look at everything that is announced.
struct Round<'r> {
    core: &'r Core,
    fetch: &'r dyn Fetch,
    until: Timestamp,
    /// How many more sessions may be worked on.
    left: AtomicU32,
    /// Whether something is due that this round has not come to.
    more: AtomicBool,
    traffic: Traffic,
}

impl Round<'_> {
    async fn walk(&self) -> Worked {
        let label = outbox::label(&self.core.config.issuer);
        let mut worked = Worked::default();
        // Where the last round stopped, so that nobody is always behind those who cannot be told; and once
        // more from the beginning.
        let mut after = self.core.round.take();
        let mut again = after.is_some();
        loop {
            let listed = self.core.store.list(Kind::Logout, &label, after.as_ref(), PAGE).await;
            let page = match listed {
                Ok(page) => page,
                Err(StoreError::Cursor) if after.is_some() => {
                    (after, again) = (None, false);
                    continue;
                }
                Err(cause) => {
                    return worked.and(Worked { done: 0, fault: Some(cause.into()) });
                }
            };
            let turns = page.keys.iter().map(|key| self.turn(key)).collect();
            worked = at_once(SESSIONS, turns).await.into_iter().fold(worked, Worked::and);
            match page.next {
                None if again && !self.is_over() => (after, again) = (None, false),
                None => {
                    if again {
                        self.more.store(true, SeqCst);
                    }
                    return worked;
                }
                Some(next) if self.is_over() => {
                    self.more.store(true, SeqCst);
                    self.core.round.stop_at(next);
                    return worked;
                }
                next => after = next,
            }
        }
    }

    fn is_over(&self) -> bool {
        self.left.load(SeqCst) == 0 || self.core.clock.now() >= self.until
    }

    async fn turn(&self, pointer: &Key) -> Worked {
        let mut done = 0;
        let fault = self.work_on(pointer, &mut done).await.err();
        Worked { done, fault }
    }

    /// load → decide → work, if it may still be begun.
    async fn work_on(&self, key: &Key, done: &mut u32) -> Result<(), Failure> {
        let core = self.core;
        let Some(pointer) = core.load::<Announcement>(key).await? else { return Ok(()) };
        let at = session::key_of(&pointer.body.session);
        let session = core.load::<SessionRecord>(&at).await?;
        let known = session.as_ref().map(|session| &session.body);
        let next = outbox::next(&pointer.body, known, core.clock.now());
        if matches!(next, Next::Wait) {
            return Ok(());
        }
        if self.is_over() || self.left.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_err() {
            self.more.store(true, SeqCst);
            return Ok(());
        }
        let worked = match (next, session) {
            (Next::Tell(leased, lease), Some(Loaded { version, .. })) => {
                self.tell((&at, version), *leased, lease, done).await
            }
            _ => Ok(true),
        };
        let all_told = worked.inspect_err(|_| {
            // What always fails must not use up what the others may have.
            self.left.fetch_add(1, SeqCst);
        })?;
        if all_told {
            // Not if it was announced once more.
            core.store.delete(key, &pointer.version).await?;
            *done = done.saturating_add(1);
        }
        Ok(())
    }

    /// Takes the lease, and tells the clients that are due; answers whether nobody is left to be told.
    async fn tell(
        &self,
        (key, version): (&Key, Version),
        leased: SessionRecord,
        lease: Timestamp,
        done: &mut u32,
    ) -> Result<bool, Failure> {
        let (core, now) = (self.core, self.core.clock.now());
        let Some(leased) = write(core, key, version, leased).await? else { return Ok(false) };
        let due: Vec<_> = leased.body.clients.due(now).take(TURN).collect();
        let turn = Turn { session: &Digest::from(*key.hash()), record: &leased.body, began: now };
        let told = due.iter().map(|due| self.attempt(turn, due.0, due.1)).collect();
        let told: Vec<_> = at_once(CLIENTS, told).await.into_iter().flatten().collect();
        *done = done.saturating_add(u32::try_from(told.len()).unwrap_or(u32::MAX));
        let clients = note(core, key, &leased, lease, &told).await?;
        if clients.due(core.clock.now()).next().is_some() {
            self.more.store(true, SeqCst);
        }
        match told.into_iter().find_map(|told| told.fault) {
            Some(fault) => Err(fault),
            None => Ok(clients.next().is_none()),
        }
    }

    /// Tells one client, and the operator what came of it; `None` if it is too late for this turn.
    async fn attempt(&self, turn: Turn<'_>, client: &ClientId, attempts: u8) -> Option<Told> {
        let clock = &self.core.clock;
        if turn.is_over(clock.now()) {
            return None;
        }
        let sent = self.send(turn, client).await;
        let now = clock.now();
        let ended = turn.record.ended_at().unwrap_or(now);
        let event = |what| Event::new(what).client(client).subject(&turn.record.subject);
        let failure = match sent {
            Ok(Sent::Delivered) => {
                self.core.observer.observe(&event(What::LogoutDelivered));
                return Some(Told::new(client, Delivery::Delivered, None));
            }
            Ok(Sent::TooLate) => return None,
            Ok(Sent::NobodyThere) => return Some(Told::new(client, Delivery::GivenUp, None)),
            Err(failure) => failure,
        };
        let is_busy = failure.cause_is(|error: &FetchError| matches!(error, FetchError::Busy));
        let delivery = if is_busy {
            Delivery::put_off(attempts, ended, now)
        } else {
            Delivery::in_vain(attempts, ended, now)
        };
        let given_up = delivery == Delivery::GivenUp;
        let reason = if given_up { Reason::LogoutGivenUp } else { failure.reason };
        let undelivered = event(What::LogoutUndelivered);
        self.core.observer.observe(&undelivered.refused(reason, failure.cause.as_deref()));
        Some(Told::new(client, delivery, is_ours(&failure).then_some(failure)))
    }

    /// load → mint → post. Whoever is gone meanwhile, or wants to hear nothing any more, is nobody.
    async fn send(&self, turn: Turn<'_>, id: &ClientId) -> Result<Sent, Failure> {
        let core = self.core;
        let client = core.client(id).await?.filter(|client| client.enabled);
        let uri = client.as_ref().and_then(|c| c.metadata.backchannel_logout_uri.as_deref());
        let (Some(client), Some(uri)) = (&client, uri) else { return Ok(Sent::NobodyThere) };
        let mut place = self.traffic.enter().await;
        // The others may have taken long; what begins now must end within the lease.
        if turn.is_over(core.clock.now()) {
            return Ok(Sent::TooLate);
        }
        let subject = &turn.record.subject;
        let token = logout_token(core, client, subject, turn.session, core.clock.now()).await?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("logout_token", &token)
            .finish();
        let mut request = PostRequest::form(uri, form.as_bytes());
        request.named_by = client.named_by;
        for offered in 1.. {
            let Err(failure) = self.fetch.post(&request).await else { break };
            let in_time = offered < PATIENCE && !turn.is_over(core.clock.now());
            let waits = matches!(failure, FetchError::Busy) && in_time;
            place = match if waits { place.after_another().await } else { None } {
                Some(again) => again,
                None => return Err(Failure::caused(Reason::LogoutDelayed, failure)),
            };
        }
        Ok(Sent::Delivered)
    }
}

/// A turn of one session.
#[derive(Clone, Copy)]
struct Turn<'t> {
    /// The hash of its key.
    session: &'t Digest,
    record: &'t SessionRecord,
    began: Timestamp,
}

impl Turn<'_> {
    fn is_over(self, now: Timestamp) -> bool {
        now >= self.began + TURN_TIME
    }
}

enum Sent {
    Delivered,
    NobodyThere,
    TooLate,
}

/// What came of one attempt.
struct Told {
    client: ClientId,
    delivery: Delivery,
    /// If it was the provider's own.
    fault: Option<Failure>,
}

impl Told {
    fn new(client: &ClientId, delivery: Delivery, fault: Option<Failure>) -> Self {
        Self { client: client.clone(), delivery, fault }
    }
}

/// Whether the client can do nothing about it.
fn is_ours(failure: &Failure) -> bool {
    use Reason::{EntropyFailed, HostFailed, SignerFailed, StoreFailed};
    matches!(failure.reason, EntropyFailed | HostFailed | SignerFailed | StoreFailed)
}

/// Writes down what came of a turn, whoever has written meanwhile, and frees the session; answers its
/// clients as they are then.
async fn note(
    core: &Core,
    key: &Key,
    leased: &Loaded<SessionRecord>,
    lease: Timestamp,
    told: &[Told],
) -> Result<Ledger, Failure> {
    let mut record = leased.clone();
    for _ in 0..16 {
        let mut clients = record.body.clients.clone();
        for told in told {
            clients.note(&told.client, told.delivery);
        }
        let body = record.body.told(clients.clone(), lease);
        if write(core, key, record.version, body).await?.is_some() {
            return Ok(clients);
        }
        match core.load(key).await? {
            Some(again) => record = again,
            None => return Ok(Ledger::default()),
        }
    }
    Err(Reason::StoreFailed.into())
}

/// The session after this write; `None` if somebody else was faster.
async fn write(
    core: &Core,
    key: &Key,
    version: Version,
    body: SessionRecord,
) -> Result<Option<Loaded<SessionRecord>>, Failure> {
    let keep_until = body.keep_until(&core.config.lifetimes);
    let step = Step { key, expect: Expect::Version(version), body: &body, keep_until };
    match core.commit(step, ()).await? {
        Commit::Won(version, ()) => Ok(Some(Loaded { body, version })),
        Commit::Lost => Ok(None),
    }
}
