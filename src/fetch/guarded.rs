use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use tokio::time::{Instant, timeout};

use super::{
    Fetch, FetchError, FetchPolicy, FetchRequest, Fetched, InvalidFetchPolicy, NamedBy,
    PostRequest,
    budget::Budget,
    cache::{Cache, Key},
    connect::{Connector, Resolve, SystemResolver},
    exchange::{Message, exchange},
    target::Target,
};

/// A [`Fetch`] over HTTPS that trusts nobody: neither who named the URL, nor who answers.
///
/// * Only https, with a certificate that the system's authorities vouch for.
/// * Only public addresses. What is checked is what is connected to, for each connection anew, so
///   neither a way of writing an address nor a name that changes its meaning gets around it. Any port
///   goes.
/// * No redirects, cookies, proxies or compression; no credentials but those of a
///   [`PostRequest`](super::PostRequest).
/// * Limits on size, time, number at once, and number per host and minute, as [`FetchPolicy`] says.
///   What failed counts as well, and is not remembered. Of what is counted, [strangers](NamedBy::Stranger) may use
///   up half: the rest is for clients that are registered.
/// * Documents are kept for a while. Who asks for one that is on its way waits for the same answer.
/// * What is posted is sent once, within the same limits; its answer is not kept. They suit what
///   strangers cause: who asks one known server for each request it serves, as
///   [`Introspection`](crate::Introspection) does, needs a client of its own with more
///   [`per_host_and_minute`](FetchPolicy::per_host_and_minute) and
///   [`concurrent_per_host`](FetchPolicy::concurrent_per_host).
///
/// It needs a Tokio runtime with I/O and time, and starts no task but the look-up of a name: a document
/// that nobody waits for any more is given up. Clones share everything.
///
/// In a network with a NAT64 prefix of its own, or with internal machines on public addresses, the
/// addresses do not tell: a firewall must.
///
/// ```no_run
/// use oidc_op::{Fetch, FetchPolicy, FetchRequest, GuardedFetch};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let fetch = GuardedFetch::new(&FetchPolicy::default())?;
/// let request = FetchRequest::new("https://client.example/jwks", "application/json");
/// let key_set = fetch.get(&request).await?.body;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct GuardedFetch(Arc<Guard>);

struct Guard {
    body: usize,
    timeout: Duration,
    connector: Connector,
    state: Mutex<State>,
}

struct State {
    cache: Cache,
    budget: Budget,
    /// What is on its way. Whoever waits keeps it going; the list does not.
    flights: HashMap<Key, (u64, WeakShared<Flying>)>,
    /// How many there have been.
    departed: u64,
}

type Answer = Result<Fetched, FetchError>;
type Flying = BoxFuture<'static, Answer>;

impl GuardedFetch {
    /// A client with this policy. Reads the certificates that the system trusts; where the variables
    /// `SSL_CERT_FILE` or `SSL_CERT_DIR` are set, those found there.
    ///
    /// # Errors
    ///
    /// The policy contradicts itself, or no certificate authority is trusted.
    pub fn new(policy: &FetchPolicy) -> Result<Self, InvalidFetchPolicy> {
        let resolver = SystemResolver::new(policy.concurrent.saturating_mul(4));
        Self::with_resolver(policy, Box::new(resolver))
    }

    fn with_resolver(
        policy: &FetchPolicy,
        resolver: Box<dyn Resolve>,
    ) -> Result<Self, InvalidFetchPolicy> {
        let state = State {
            cache: policy.cache()?,
            budget: policy.budget(),
            flights: HashMap::new(),
            departed: 0,
        };
        Ok(Self(Arc::new(Guard {
            body: policy.body,
            timeout: policy.time_limit()?,
            connector: Connector::new(resolver, policy.allowed()?, policy.tls()?),
            state: Mutex::new(state),
        })))
    }

    /// The document that is there already, or the flight that it comes with.
    fn board(&self, request: &FetchRequest<'_>) -> Result<Boarded, FetchError> {
        let target = Target::parse(request.url)?;
        let key = Key::new(request);
        let now = Instant::now();
        let mut state = self.0.state();
        if let Some(fetched) = state.cache.get(&key, request.refresh, now) {
            return Ok(Boarded::There(fetched));
        }
        if let Some(flying) = state.flights.get(&key).and_then(|(_, flight)| flight.upgrade()) {
            return Ok(Boarded::Flying(flying));
        }
        if !state.budget.admit(&target.name, request.named_by, now) {
            return Err(FetchError::Busy);
        }
        state.cache.asked(&key, now);
        state.departed = state.departed.wrapping_add(1);
        let flight = Flight {
            guard: Arc::clone(&self.0),
            number: state.departed,
            key: key.clone(),
            name: target.name.clone(),
            named_by: request.named_by,
        };
        let accept = request.accept.to_owned();
        let flying = async move { flight.fly(&target, &accept).await }.boxed().shared();
        if let Some(weak) = flying.downgrade() {
            let number = state.departed;
            state.flights.insert(key, (number, weak));
        }
        Ok(Boarded::Flying(flying))
    }
}

enum Boarded {
    There(Fetched),
    Flying(Shared<Flying>),
}

#[async_trait]
impl Fetch for GuardedFetch {
    async fn get(&self, request: &FetchRequest<'_>) -> Answer {
        match self.board(request)? {
            Boarded::There(fetched) => Ok(fetched),
            Boarded::Flying(flying) => flying.await,
        }
    }

    fn admits(&self, url: &str) -> Result<(), FetchError> {
        Target::parse(url)?;
        self.0.connector.admits(url)
    }

    async fn post(&self, request: &PostRequest<'_>) -> Answer {
        let target = Target::parse(request.url)?;
        let place = Place::taken(&self.0, &target, request.named_by)?;
        let (answer, _) = self.0.ask(&target, place.named_by, Message::Post(request)).await?;
        Ok(answer)
    }
}

impl Guard {
    /// None who holds the lock leaves something half done, so a poisoned one is as good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        target: &Target,
        named_by: NamedBy,
        message: Message<'_>,
    ) -> Result<(Fetched, Option<Duration>), FetchError> {
        let all = async {
            let stream = self.connector.connect(target, named_by, self.timeout).await?;
            exchange(stream, target, message, self.body).await
        };
        timeout(self.timeout, all).await.map_err(FetchError::failed)?
    }
}

/// A place in the budget for what is posted, which is free again however that ends.
struct Place<'g> {
    guard: &'g Guard,
    name: &'g str,
    named_by: NamedBy,
}

impl<'g> Place<'g> {
    fn taken(guard: &'g Guard, target: &'g Target, named_by: NamedBy) -> Result<Self, FetchError> {
        if !guard.state().budget.admit(&target.name, named_by, Instant::now()) {
            return Err(FetchError::Busy);
        }
        Ok(Self { guard, name: &target.name, named_by })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.guard.state().budget.done(self.name, self.named_by);
    }
}

/// A document on its way, and its place in the list and the budget, which it leaves however it ends.
struct Flight {
    guard: Arc<Guard>,
    number: u64,
    key: Key,
    name: String,
    named_by: NamedBy,
}

impl Flight {
    async fn fly(self, target: &Target, accept: &str) -> Answer {
        let message = Message::Get { accept };
        let (fetched, said) = self.guard.ask(target, self.named_by, message).await?;
        let (document, now) = (fetched.clone(), Instant::now());
        self.guard.state().cache.put(&self.key, document, self.named_by, said, now);
        Ok(fetched)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut state = self.guard.state();
        state.budget.done(&self.name, self.named_by);
        // One that was given up may have a successor already.
        if state.flights.get(&self.key).is_some_and(|&(number, _)| number == self.number) {
            state.flights.remove(&self.key);
        }
    }
}

impl fmt::Debug for GuardedFetch {
    /// Not which documents there are: their URLs may be known to few.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedFetch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::{
        super::connect::tests::{Scripted, Silent, policy},
        *,
    };

    fn get(url: &str) -> FetchRequest<'_> {
        FetchRequest::new(url, "application/json")
    }

    #[tokio::test]
    async fn ss_04_a_name_that_leads_elsewhere_the_next_moment_is_refused_then() {
        let answers: [&[&str]; 3] = [&["127.0.0.1"], &["10.0.0.1"], &["127.0.0.1", "10.0.0.1"]];
        let policy = policy(&["127.0.0.1"]);
        let fetch = GuardedFetch::with_resolver(&policy, Box::new(Scripted::new(&answers)));
        let fetch = fetch.unwrap();
        // a port that was free a moment ago: nobody is there
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let url = format!("https://rebinding.example:{port}/jwks");
        let error = fetch.get(&get(&url)).await.unwrap_err();
        assert!(matches!(error, FetchError::Failed(_)), "it was tried: {error:?}");
        for _ in 0..2 {
            let error = fetch.get(&get(&url)).await.unwrap_err();
            assert!(matches!(error, FetchError::Refused(_)), "{error:?}");
        }
    }

    #[tokio::test]
    async fn ss_05_a_look_up_ends_in_time() {
        let mut policy = policy(&[]);
        policy.timeout = time::Duration::milliseconds(20);
        let fetch = GuardedFetch::with_resolver(&policy, Box::new(Silent)).unwrap();
        let error = fetch.get(&get("https://client.example/")).await.unwrap_err();
        assert!(matches!(error, FetchError::Failed(_)), "{error:?}");
        assert!(fetch.0.state().flights.is_empty());
    }

    /// Who goes away frees the place, whether or not they ever waited; who stays gets the answer.
    #[tokio::test]
    async fn what_nobody_waits_for_is_given_up() {
        let mut policy = policy(&[]);
        policy.concurrent = 1;
        let fetch = GuardedFetch::with_resolver(&policy, Box::new(Silent)).unwrap();
        let (a, b) = ("https://client.example/a", "https://client.example/b");
        for _ in 0..2 {
            let Ok(Boarded::Flying(first)) = fetch.board(&get(a)) else { panic!("a flight") };
            let Ok(Boarded::Flying(second)) = fetch.board(&get(a)) else { panic!("a flight") };
            assert!(first.ptr_eq(&second));
            assert_eq!(second.clone().now_or_never().map(|_| ()), None);
            assert!(matches!(fetch.board(&get(b)), Err(FetchError::Busy)));
            drop(first);
            assert!(matches!(fetch.board(&get(b)), Err(FetchError::Busy)));
            drop(second);
            assert!(fetch.0.state().flights.is_empty());
        }
        assert!(matches!(fetch.board(&get(b)), Ok(Boarded::Flying(_))));
    }

    /// Fails, but not at once.
    #[derive(Debug)]
    struct Failing;

    #[async_trait]
    impl Resolve for Failing {
        async fn resolve(
            &self,
            _name: &str,
            _port: u16,
            _named_by: NamedBy,
        ) -> Result<Vec<SocketAddr>, FetchError> {
            tokio::task::yield_now().await;
            Err(FetchError::failed("no"))
        }
    }

    /// Who sends tokens with made-up key identifiers has the server asked once, not each time.
    #[tokio::test]
    async fn ss_05_a_refresh_that_fails_waits_for_its_time_too() {
        let policy = policy(&[]);
        let fetch = GuardedFetch::with_resolver(&policy, Box::new(Failing)).unwrap();
        let mut request = get("https://client.example/jwks");
        let document = Fetched::new(*b"{}", None);
        let earlier = Instant::now() - policy.refresh_after.unsigned_abs();
        let (key, by) = (Key::new(&request), request.named_by);
        fetch.0.state().cache.put(&key, document.clone(), by, None, earlier);
        request.refresh = true;
        let error = fetch.get(&request).await.unwrap_err();
        assert!(matches!(error, FetchError::Failed(_)), "it was asked: {error:?}");
        assert_eq!(fetch.get(&request).await.unwrap(), document);
    }

    /// Joining, giving up and succeeding each other in all orders: no place is lost, nobody hangs.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn places_are_free_again_after_any_race() {
        let mut policy = policy(&[]);
        (policy.concurrent, policy.concurrent_per_host) = (3, 2);
        policy.per_host_and_minute = u32::MAX;
        let fetch = GuardedFetch::with_resolver(&policy, Box::new(Failing)).unwrap();
        let mut tasks = Vec::new();
        for number in 0..64 {
            let fetch = fetch.clone();
            tasks.push(tokio::spawn(async move {
                let url = format!("https://{}.example/{}", number % 3, number % 5);
                let mut request = get(&url);
                for round in 0..50 {
                    let strange = round % 3 == 0;
                    request.named_by =
                        if strange { NamedBy::Stranger } else { NamedBy::Registered };
                    match (number + round) % 4 {
                        0 => drop(fetch.board(&request)), // gone before it has begun
                        1 => drop(fetch.get(&request).now_or_never()), // and just after
                        _ => assert!(fetch.get(&request).await.is_err()),
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let mut state = fetch.0.state();
        assert!(state.flights.is_empty());
        assert!(state.departed > 100, "{} flights", state.departed);
        for host in ["a", "a", "b"] {
            let admitted = state.budget.admit(host, NamedBy::Registered, Instant::now());
            assert!(admitted, "no place was lost");
        }
    }

    #[test]
    fn the_seam_is_one() {
        fn is_fetch<F: Fetch>() {}
        is_fetch::<GuardedFetch>();
        is_fetch::<Arc<dyn Fetch>>();
    }
}
