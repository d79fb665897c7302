//! How many wrong guesses are borne: passwords at the login page and from clients, client secrets at the
//! token endpoint, codes of people who sign up; and sign-ups, sign-ins elsewhere, registrations of clients
//! and addresses of clients from one place.
//!
//! Only what went wrong counts, so nobody is slowed down by being right. Guesses are counted by
//! account and source together, so that nobody locks somebody else out, and more generously by each
//! alone, against many sources and against many accounts.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use oidc_op::{Attempt, AttemptKind, Client, Throttle};
use tracing::info;

use crate::{config, layers::Capped, users::Users};

/// How many heaps there are of clients that the configuration does not name.
const HEAPS: u32 = 1024;

/// All that is counted.
#[derive(Debug)]
pub(crate) struct Limits {
    together: Failures<(String, Source)>,
    accounts: Failures<String>,
    sources: Failures<Source>,
    /// Codes of somebody whose password is known already: few, from wherever they come.
    codes: Failures<String>,
    clients: Failures<(String, Source)>,
    /// Whose secrets are worth guessing. Other names, those of the store's clients among them, are
    /// counted in a fixed number of heaps, so that inventing more of them takes no room.
    known_clients: HashSet<String>,
    sign_ups: Failures<Source>,
    upstream_sign_ins: Failures<Source>,
    client_registrations: Failures<Source>,
    client_documents: Failures<Source>,
}

impl Limits {
    pub(crate) fn new(limits: &config::Limits, clients: &[Client]) -> Self {
        let period = limits.period();
        Self {
            together: Failures::new(limits.login_failures, period),
            accounts: Failures::new(limits.login_failures_per_account, period),
            sources: Failures::new(limits.login_failures_per_source, period),
            codes: Failures::new(limits.code_failures, period),
            clients: Failures::new(limits.client_failures, period),
            known_clients: clients.iter().map(|client| client.id.to_string()).collect(),
            sign_ups: Failures::new(limits.sign_ups, period),
            upstream_sign_ins: Failures::new(limits.upstream_sign_ins, period),
            client_registrations: Failures::new(limits.client_registrations, period),
            client_documents: Failures::new(limits.client_documents, period),
        }
    }

    /// Whether a password may be tried at the account, or how long to wait.
    pub(crate) fn admit_login(&self, account: &str, peer: Option<IpAddr>) -> Result<(), Duration> {
        let source = Source::of(peer);
        self.together.admit(&(account.to_owned(), source))?;
        self.accounts.admit(&account.to_owned())?;
        self.sources.admit(&source)
    }

    /// The password was wrong.
    pub(crate) fn login_failed(&self, account: &str, peer: Option<IpAddr>) {
        let source = Source::of(peer);
        self.together.failed(&(account.to_owned(), source));
        self.accounts.failed(&account.to_owned());
        self.sources.failed(&source);
    }

    /// Whether a code may be tried at the account, or how long to wait. Only who knows the password
    /// can bring it so far.
    pub(crate) fn admit_code(&self, account: &str) -> Result<(), Duration> {
        self.codes.admit(&account.to_owned())
    }

    /// The password was right, and the code was wrong.
    pub(crate) fn code_failed(&self, account: &str) {
        self.codes.failed(&account.to_owned());
    }

    /// Whether a PIN may be tried at the account, or how long to wait: it is as short as a code. Whoever
    /// uses this up keeps nobody from their password.
    pub(crate) fn admit_pin(&self, account: &str) -> Result<(), Duration> {
        self.codes.admit(&format!("pin {account}"))
    }

    /// The PIN was wrong.
    pub(crate) fn pin_failed(&self, account: &str) {
        self.codes.failed(&format!("pin {account}"));
    }

    /// Whether a one-time token may be tried, or how long to wait: wrong ones count with the guesses at
    /// passwords of all accounts.
    pub(crate) fn admit_one_time(&self, peer: Option<IpAddr>) -> Result<(), Duration> {
        self.sources.admit(&Source::of(peer))
    }

    /// The one-time token was none.
    pub(crate) fn one_time_failed(&self, peer: Option<IpAddr>) {
        self.sources.failed(&Source::of(peer));
    }

    /// Whether an account may be asked for, or a code for one, or how long to wait.
    pub(crate) fn admit_sign_up(&self, peer: Option<IpAddr>) -> Result<(), Duration> {
        self.sign_ups.admit(&Source::of(peer))
    }

    /// An account was asked for, or a code for one.
    pub(crate) fn signed_up(&self, peer: Option<IpAddr>) {
        self.sign_ups.failed(&Source::of(peer));
    }

    /// Whether a code of a sign-up may be tried, or how long to wait: wrong ones count with the
    /// guesses at passwords of all accounts.
    pub(crate) fn admit_sign_up_code(&self, peer: Option<IpAddr>) -> Result<(), Duration> {
        self.sources.admit(&Source::of(peer))
    }

    /// The code was wrong.
    pub(crate) fn sign_up_code_failed(&self, peer: Option<IpAddr>) {
        self.sources.failed(&Source::of(peer));
    }

    /// Counts somebody who is sent to an upstream provider, or says how long to wait.
    pub(crate) fn count_upstream(&self, peer: Option<IpAddr>) -> Result<(), Duration> {
        self.upstream_sign_ins.count(&Source::of(peer))
    }

    /// Forgets whoever has all of their allowance back.
    pub(crate) fn sweep(&self) {
        self.together.sweep();
        self.accounts.sweep();
        self.sources.sweep();
        self.codes.sweep();
        self.clients.sweep();
        self.sign_ups.sweep();
        self.upstream_sign_ins.sweep();
        self.client_registrations.sweep();
        self.client_documents.sweep();
    }
}

impl Limits {
    fn client_and_source(&self, attempt: &Attempt<'_>) -> (String, Source) {
        let known = self.known_clients.get(attempt.name).cloned();
        (known.unwrap_or_else(|| heap(attempt.name)), Source::of(attempt.peer))
    }
}

/// The heap that a name belongs to. No name has a control character.
fn heap(name: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    let first: u32 =
        digest.as_ref().iter().take(2).fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    format!("\u{0}{}", first % HEAPS)
}

/// What the provider asks: guesses at client secrets, and at passwords that clients send, which count
/// with those of the sign-in page.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) limits: Arc<Limits>,
    pub(crate) users: Arc<Users>,
}

#[async_trait]
impl Throttle for Gate {
    async fn admit(&self, attempt: &Attempt<'_>) -> Result<(), Duration> {
        let limits = &self.limits;
        match attempt.kind {
            AttemptKind::Password => {}
            AttemptKind::Registration => {
                return limits.client_registrations.count(&Source::of(attempt.peer));
            }
            AttemptKind::ClientDocument => {
                return limits.client_documents.count(&Source::of(attempt.peer));
            }
            _ => return limits.clients.admit(&limits.client_and_source(attempt)),
        }
        let account = self.users.counted_as(attempt.name);
        limits.admit_login(&account, attempt.peer)?;
        // Codes go wrong only for those who have one, and they cannot do without here.
        limits.admit_code(&account)
    }

    async fn failed(&self, attempt: &Attempt<'_>) {
        let limits = &self.limits;
        if attempt.kind != AttemptKind::Password {
            return limits.clients.failed(&limits.client_and_source(attempt));
        }
        let account = self.users.logged_as(attempt.name);
        info!(account = ?Capped(&account), peer = ?attempt.peer, "password refused");
        limits.login_failed(&self.users.counted_as(attempt.name), attempt.peer);
    }
}

/// Where an attempt comes from: an IPv4 address, or the network that a household or a server has of
/// IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source(Option<IpAddr>);

impl Source {
    fn of(peer: Option<IpAddr>) -> Self {
        Self(peer.map(|peer| match peer.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address @ IpAddr::V4(_) => address,
        }))
    }
}

/// A leaky bucket of failures for each key, and until when those keys are shut whose bucket is full.
struct Failures<K: Eq + Hash + Clone> {
    buckets: Buckets<K>,
    /// How long until one more failure is borne.
    interval: Duration,
    shut: Mutex<HashMap<K, Instant>>,
}

type Buckets<K> =
    RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

impl<K: Eq + Hash + Clone> Failures<K> {
    /// So many failures at once, and as many again over each period.
    fn new(most: u32, period: Duration) -> Self {
        let most = NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN);
        let interval = (period / most.get()).max(Duration::from_millis(1));
        let quota = Quota::with_period(interval).unwrap_or(Quota::per_second(most));
        Self {
            buckets: RateLimiter::keyed(quota.allow_burst(most)).with_middleware(),
            interval,
            shut: Mutex::new(HashMap::new()),
        }
    }

    fn admit(&self, key: &K) -> Result<(), Duration> {
        let shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        match shut.get(key).map(|until| until.saturating_duration_since(Instant::now())) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(()),
        }
    }

    /// Where nothing is proven, every attempt counts.
    fn count(&self, key: &K) -> Result<(), Duration> {
        self.admit(key)?;
        self.failed(key);
        Ok(())
    }

    fn failed(&self, key: &K) {
        let wait = match self.buckets.check_key(key) {
            Ok(state) if state.remaining_burst_capacity() > 0 => return,
            Ok(_) => self.interval,
            Err(until) => until.wait_time_from(DefaultClock::default().now()),
        };
        let mut shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        shut.insert(key.clone(), Instant::now() + wait);
    }

    fn sweep(&self) {
        self.buckets.retain_recent();
        let now = Instant::now();
        let mut shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        shut.retain(|_, until| *until > now);
    }
}

impl<K: Eq + Hash + Clone> fmt::Debug for Failures<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failures").field("interval", &self.interval).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Threat UI-10.
    #[test]
    fn failures_shut_one_account_for_one_source() {
        let limits = Limits::new(&config::Limits { login_failures: 3, ..Default::default() }, &[]);
        let (here, there) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        for _ in 0..3 {
            assert_eq!(limits.admit_login("alice", here), Ok(()));
            limits.login_failed("alice", here);
        }
        let wait = limits.admit_login("alice", here).unwrap_err();
        assert!(wait > Duration::from_secs(90) && wait <= Duration::from_secs(100), "{wait:?}");
        assert_eq!(limits.admit_login("alice", there), Ok(()));
        assert_eq!(limits.admit_login("bob", here), Ok(()));
        limits.sweep();
        assert!(limits.admit_login("alice", here).is_err());
    }

    /// Threat UI-10: a code has six digits, so few wrong ones are borne, from everywhere together.
    #[test]
    fn codes_are_guessed_rarely() {
        let limits = Limits::new(&config::Limits::default(), &[]);
        for _ in 0..5 {
            assert_eq!(limits.admit_code("alice"), Ok(()));
            limits.code_failed("alice");
        }
        assert!(limits.admit_code("alice").is_err());
        assert_eq!(limits.admit_code("bob"), Ok(()));
    }

    #[test]
    fn spraying_and_distributed_guessing_end_too() {
        let limits = Limits::new(&config::Limits::default(), &[]);
        let peer = |n: u32| Some(IpAddr::from(n.to_be_bytes()));
        for n in 0..100 {
            limits.login_failed("alice", peer(n));
            limits.login_failed(&format!("user {n}"), peer(7777));
        }
        assert!(limits.admit_login("alice", peer(200)).is_err());
        assert!(limits.admit_login("bob", peer(7777)).is_err());
        assert_eq!(limits.admit_login("bob", peer(200)), Ok(()));
    }

    /// Threat RE-14: what is counted goes by a clock that nobody sets, and comes back.
    #[test]
    fn no_step_of_the_wall_clock_shuts_anybody_out() {
        fn is_monotonic<C: Clock<Instant = Instant>>(_: &C) {}
        is_monotonic(&DefaultClock::default());
        let config = config::Limits { period: 1, login_failures: 100, ..Default::default() };
        let limits = Limits::new(&config, &[]);
        while limits.admit_login("alice", None).is_ok() {
            limits.login_failed("alice", None);
        }
        let end = Instant::now() + Duration::from_secs(10);
        while limits.admit_login("alice", None).is_err() {
            assert!(Instant::now() < end, "never again");
        }
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        let source = |text: &str| Source::of(Some(text.parse().unwrap()));
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }
}
