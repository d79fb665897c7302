//! What the provider promises of grants: numbers and rules, without a wire, a store or a secret.
//!
//! Who people and clients are is an index into [`PEOPLE`] and [`CLIENTS`]; times are seconds.

use std::collections::BTreeSet;

use crate::support::{ALICE, BOB};

pub(super) const PEOPLE: [&str; 2] = [ALICE, BOB];

/// The clients, and what becomes of a refresh token that was used.
pub(super) const CLIENTS: [(&str, Rotation); 5] = [
    ("refresh", Rotation::Window(30)),
    ("public-refresh", Rotation::Strict),
    ("strict", Rotation::Strict),
    ("fixed", Rotation::Off),
    ("online", Rotation::Window(30)),
];

/// The only one that gets refresh tokens without `offline_access`.
pub(super) const ONLINE: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rotation {
    Off,
    Strict,
    Window(i64),
}

pub(super) const DAY: i64 = 86_400;
const CODE: i64 = 60;
const ACCESS: i64 = 600;
const SESSION: i64 = DAY;
const SESSION_IDLE: i64 = 8 * 3_600;
const IDLE: i64 = 14 * DAY;
const RENEWABLE: i64 = 30 * DAY;
/// How far the clocks of two nodes may be apart.
const SKEW: i64 = 5;
/// How long a redeemed code is kept at least, to know it again.
const REPLAY: i64 = 600;

/// A store of numbers.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) people: [Person; 2],
    pub(super) grants: Vec<Grant>,
    pub(super) access: Vec<Access>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Person {
    pub(super) disabled: bool,
    /// How often everything of theirs was revoked.
    revocations: u32,
    /// How often they took back what each client may have.
    withdrawals: [u32; CLIENTS.len()],
    /// Those of their one browser; only the last can be alive.
    sessions: Vec<Session>,
}

#[derive(Clone, Debug)]
struct Session {
    until: i64,
    idle_until: i64,
    clients: Vec<usize>,
    revocations: u32,
    ended: bool,
}

/// What one person gave one client at one sign-in.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) who: usize,
    pub(super) client: usize,
    pub(super) scope: &'static str,
    // What it stands on.
    revocations: u32,
    withdrawals: u32,
    session: usize,
    /// Revoked, for whatever reason: for ever.
    over: bool,
    code: Code,
    refresh: Option<Refresh>,
    /// When no token of it can be alive any more.
    kept: i64,
}

#[derive(Clone, Debug)]
struct Code {
    until: i64,
    redeemed: Option<i64>,
    /// It is not known any more.
    forgotten: bool,
}

#[derive(Clone, Debug)]
struct Refresh {
    /// The generation of the current token; the first is 1.
    n: usize,
    rotated_at: i64,
    idle_until: i64,
    until: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) grant: usize,
    pub(super) scope: &'static str,
    pub(super) expires: i64,
    dropped: bool,
    /// The grant does not count it among the dropped ones any more.
    swept: bool,
}

/// What the token endpoint must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Tokens(Tokens),
    Refused(&'static str),
}

/// A set of tokens; the access token is the last one of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) grant: usize,
    pub(super) scope: &'static str,
    pub(super) expires_in: i64,
    /// Which generation of refresh token comes along.
    pub(super) refresh: Option<usize>,
}

const INVALID_GRANT: Verdict = Verdict::Refused("invalid_grant");

pub(super) fn words(scope: &str) -> BTreeSet<&str> {
    scope.split(' ').collect()
}

impl Model {
    pub(super) fn at(now: i64) -> Self {
        Self { now, people: Default::default(), grants: Vec::new(), access: Vec::new() }
    }

    /// Somebody signs in, or is signed in still, and agrees. Answers the grant.
    pub(super) fn authorize(&mut self, who: usize, client: usize, scope: &'static str) -> usize {
        let (now, person) = (self.now, &mut self.people[who]);
        let revocations = person.revocations;
        if !person.sessions.last().is_some_and(|session| session.live(revocations, now)) {
            person.sessions.push(Session {
                until: now + SESSION,
                idle_until: now + SESSION_IDLE,
                clients: Vec::new(),
                revocations,
                ended: false,
            });
        }
        if let Some(session) = person.sessions.last_mut() {
            session.used(client, now);
        }
        self.grants.push(Grant {
            who,
            client,
            scope,
            revocations,
            withdrawals: person.withdrawals[client],
            session: person.sessions.len() - 1,
            over: false,
            code: Code { until: now + CODE, redeemed: None, forgotten: false },
            refresh: None,
            kept: 0,
        });
        self.grants.len() - 1
    }

    /// A code counts once, and only in the hands of its client; the second time is a theft.
    pub(super) fn redeem(&mut self, grant: usize, caller: usize, verifier: bool) -> Verdict {
        let (now, stands) = (self.now, self.stands(grant) && self.session_lives(grant));
        let it = &mut self.grants[grant];
        if it.client != caller || !verifier || it.code.forgotten || it.over {
            return INVALID_GRANT;
        }
        if it.code.redeemed.is_some() {
            it.over = true;
            return INVALID_GRANT;
        }
        if now >= it.code.until || !stands {
            return INVALID_GRANT;
        }
        it.code.redeemed = Some(now);
        it.kept = now + ACCESS;
        if it.offline() || it.client == ONLINE {
            let until = now + RENEWABLE;
            it.refresh = Some(Refresh { n: 1, rotated_at: now, idle_until: now + IDLE, until });
            it.kept = now + IDLE;
        }
        let scope = it.scope;
        self.issue(grant, scope)
    }

    /// Theft is found before anything else; then come the ends, the scope, and what the grant stands on.
    pub(super) fn refresh(
        &mut self,
        grant: usize,
        n: usize,
        caller: usize,
        asked: Option<&'static str>,
    ) -> Verdict {
        let (now, stands) = (self.now, self.may_go_on(grant));
        let it = &mut self.grants[grant];
        let Some(refresh) = &mut it.refresh else { unreachable!("it has refresh tokens") };
        if it.client != caller || it.over {
            return INVALID_GRANT;
        }
        let age = refresh.n - n;
        let elapsed = now - refresh.rotated_at;
        match (age, CLIENTS[caller].1) {
            (0, _) => {}
            (1, Rotation::Window(window)) if elapsed <= window => {}
            (1, Rotation::Window(window)) if elapsed <= window + SKEW => return INVALID_GRANT,
            _ => {
                it.over = true;
                return INVALID_GRANT;
            }
        }
        if !refresh.live(now) {
            return INVALID_GRANT;
        }
        let scope = asked.unwrap_or(it.scope);
        if !words(scope).is_subset(&words(it.scope)) {
            return Verdict::Refused("invalid_scope");
        }
        if !stands {
            return INVALID_GRANT;
        }
        let idle_until = (now + IDLE).min(refresh.until);
        let rotates = CLIENTS[caller].1 != Rotation::Off;
        let written = if rotates {
            age == 0
        } else {
            // What changes little is not written down.
            idle_until - refresh.idle_until > IDLE / 10 || it.kept < now + ACCESS
        };
        if written {
            refresh.idle_until = idle_until;
            if rotates {
                (refresh.n, refresh.rotated_at) = (refresh.n + 1, now);
            }
            it.kept = it.kept.max(now + ACCESS).max(idle_until);
            it.code.forgotten |= it.code.redeemed.is_some_and(|at| now >= at + REPLAY);
        }
        self.issue(grant, scope)
    }

    fn issue(&mut self, grant: usize, scope: &'static str) -> Verdict {
        let it = &self.grants[grant];
        let expires_in = ACCESS.min(it.kept - self.now);
        let expires = self.now + expires_in;
        self.access.push(Access { grant, scope, expires, dropped: false, swept: false });
        let refresh = it.refresh.as_ref().map(|refresh| refresh.n);
        Verdict::Tokens(Tokens { grant, scope, expires_in, refresh })
    }

    /// A refresh token ends with its grant, whichever generation it is of.
    pub(super) fn revoke_refresh(&mut self, grant: usize, caller: usize) {
        self.grants[grant].over |= self.grants[grant].client == caller;
    }

    /// An access token ends alone; when eight such are alive, the next one takes all with it.
    pub(super) fn revoke_access(&mut self, access: usize, caller: usize) {
        let (now, grant) = (self.now, self.access[access].grant);
        let carried = !self.grants[grant].over && !self.access[access].dropped;
        if self.grants[grant].client != caller || !carried || now >= self.access[access].expires {
            return;
        }
        let siblings = || (0..self.access.len()).filter(|i| self.access[*i].grant == grant);
        let counts = |i: &usize| {
            let it = &self.access[*i];
            it.dropped && !it.swept && now < it.expires
        };
        if siblings().filter(counts).count() < 8 {
            self.access[access].dropped = true;
            return;
        }
        for i in siblings().collect::<Vec<_>>() {
            (self.access[i].dropped, self.access[i].swept) = (true, true);
        }
    }

    pub(super) fn revoke_all(&mut self, who: usize) {
        self.people[who].revocations += 1;
    }

    pub(super) fn withdraw(&mut self, who: usize, client: usize) {
        self.people[who].withdrawals[client] += 1;
    }

    pub(super) fn sign_out(&mut self, who: usize) {
        if let Some(session) = self.people[who].sessions.last_mut() {
            session.ended = true;
        }
    }

    /// Whether an access token opens anything.
    pub(super) fn access_is_good(&self, access: usize) -> bool {
        let Access { grant, expires, dropped, .. } = self.access[access];
        self.now < expires
            && !dropped
            && !self.grants[grant].over
            && self.person_stands(&self.grants[grant])
    }

    /// Until when a refresh token can be used, if it can.
    pub(super) fn refresh_is_good(&self, grant: usize, n: usize) -> Option<i64> {
        let it = &self.grants[grant];
        let refresh = it.refresh.as_ref()?;
        let usable = match (refresh.n - n, CLIENTS[it.client].1) {
            (0, _) => true,
            (1, Rotation::Window(window)) => self.now - refresh.rotated_at <= window,
            _ => false,
        };
        let good = usable && !it.over && refresh.live(self.now) && self.may_go_on(grant);
        good.then_some(refresh.idle_until)
    }

    /// Person and consent.
    fn stands(&self, grant: usize) -> bool {
        let grant = &self.grants[grant];
        let withdrawals = self.people[grant.who].withdrawals[grant.client];
        self.person_stands(grant) && grant.withdrawals == withdrawals
    }

    /// The same, and the session, if the grant ends with that.
    fn may_go_on(&self, grant: usize) -> bool {
        self.stands(grant) && (self.grants[grant].offline() || self.session_lives(grant))
    }

    fn person_stands(&self, grant: &Grant) -> bool {
        let person = &self.people[grant.who];
        !person.disabled && person.revocations == grant.revocations
    }

    fn session_lives(&self, grant: usize) -> bool {
        let grant = &self.grants[grant];
        let person = &self.people[grant.who];
        person.sessions[grant.session].live(person.revocations, self.now)
    }
}

impl Session {
    /// A use is written down for a client's first time, or when it is worth the write.
    fn used(&mut self, client: usize, now: i64) {
        let idle_until = now + SESSION_IDLE;
        let known = self.clients.contains(&client);
        if !known || idle_until - self.idle_until > SESSION_IDLE / 10 {
            self.idle_until = idle_until.max(self.idle_until);
        }
        if !known {
            self.clients.push(client);
        }
    }

    fn live(&self, revocations: u32, now: i64) -> bool {
        !self.ended && now < self.until.min(self.idle_until) && self.revocations == revocations
    }
}

impl Grant {
    fn offline(&self) -> bool {
        words(self.scope).contains("offline_access")
    }
}

impl Refresh {
    fn live(&self, now: i64) -> bool {
        now < self.idle_until && now < self.until
    }
}
