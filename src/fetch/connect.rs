use std::{
    fmt::Debug,
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};
use url::Host;

use super::{FetchError, NamedBy, address, budget::share, policy::Allowed, target::Target};

/// How many of a name's addresses are tried.
const ATTEMPTS: usize = 6;

/// Finds a name's addresses.
#[async_trait]
pub(super) trait Resolve: Debug + Send + Sync + 'static {
    async fn resolve(
        &self,
        name: &str,
        port: u16,
        named_by: NamedBy,
    ) -> Result<Vec<SocketAddr>, FetchError>;
}

/// The system's resolver. A look-up blocks a thread for as long as a name server likes, also when
/// nobody waits for it any more, so their number is limited, and of those strangers may have half.
#[derive(Debug)]
pub(super) struct SystemResolver {
    all: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

/// A place among all, and for a stranger one among theirs.
type Place = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

impl SystemResolver {
    pub(super) fn new(concurrent: usize) -> Self {
        let concurrent = concurrent.min(Semaphore::MAX_PERMITS);
        let places = |many| Arc::new(Semaphore::new(many));
        Self { all: places(concurrent), strangers: places(share(concurrent)) }
    }

    fn place(&self, named_by: NamedBy) -> Result<Place, FetchError> {
        let one = |places: &Arc<Semaphore>| {
            Arc::clone(places).try_acquire_owned().map_err(|_| FetchError::Busy)
        };
        let of_strangers = match named_by {
            NamedBy::Registered => None,
            NamedBy::Stranger => Some(one(&self.strangers)?),
        };
        Ok((one(&self.all)?, of_strangers))
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(
        &self,
        name: &str,
        port: u16,
        named_by: NamedBy,
    ) -> Result<Vec<SocketAddr>, FetchError> {
        let place = self.place(named_by)?;
        let name = name.to_owned();
        let look_up = move || {
            let addresses = (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
            drop(place);
            addresses
        };
        let addresses = tokio::task::spawn_blocking(look_up).await.map_err(FetchError::failed)?;
        addresses.map_err(FetchError::failed)
    }
}

/// Makes connections, and only to where they may lead.
#[derive(Debug)]
pub(super) struct Connector {
    resolver: Box<dyn Resolve>,
    allowed: Allowed,
    tls: Arc<ClientConfig>,
}

impl Connector {
    pub(super) fn new(
        resolver: Box<dyn Resolve>,
        allowed: Allowed,
        tls: Arc<ClientConfig>,
    ) -> Self {
        Self { resolver, allowed, tls }
    }

    /// Whether the address that stands in a URL, if one does, may be connected to.
    pub(super) fn admits(&self, url: &str) -> Result<(), FetchError> {
        address::admits(url, |name, address| self.allowed.admits(name, address))
    }

    /// A connection to the host, who has shown its certificate.
    pub(super) async fn connect(
        &self,
        target: &Target,
        named_by: NamedBy,
        within: Duration,
    ) -> Result<TlsStream<TcpStream>, FetchError> {
        let addresses = self.addresses(target, named_by).await?;
        let stream = reach(addresses, within).await?;
        let name = match &target.host {
            Host::Domain(_) => ServerName::try_from(target.name.clone()),
            Host::Ipv4(address) => Ok((*address).into()),
            Host::Ipv6(address) => Ok((*address).into()),
        };
        let name = name.map_err(FetchError::failed)?;
        let tls = TlsConnector::from(Arc::clone(&self.tls));
        tls.connect(name, stream).await.map_err(FetchError::failed)
    }

    /// The host's addresses, all of them fit to connect to. This is the only look-up: what is checked
    /// here is what is connected to, so a name that leads elsewhere the next moment gains nothing
    /// (DNS rebinding). A name that has one forbidden address among others is up to something.
    async fn addresses(
        &self,
        target: &Target,
        named_by: NamedBy,
    ) -> Result<Vec<SocketAddr>, FetchError> {
        let addresses = match &target.host {
            Host::Domain(name) => self.resolver.resolve(name, target.port, named_by).await?,
            Host::Ipv4(address) => vec![(*address, target.port).into()],
            Host::Ipv6(address) => vec![(*address, target.port).into()],
        };
        if addresses.iter().all(|address| self.allowed.admits(&target.name, address.ip())) {
            Ok(addresses)
        } else {
            Err(FetchError::Refused("its address is of special use"))
        }
    }
}

/// The first of the addresses that answers. None may use up the time of the others, and some is
/// left for what follows.
async fn reach(addresses: Vec<SocketAddr>, within: Duration) -> Result<TcpStream, FetchError> {
    let mut failed = FetchError::failed("the name has no address");
    let shares = u32::try_from(addresses.len().min(ATTEMPTS)).unwrap_or(u32::MAX).saturating_add(1);
    for address in addresses.into_iter().take(ATTEMPTS) {
        match timeout(within / shares, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = FetchError::failed(error),
            Err(elapsed) => failed = FetchError::failed(elapsed),
        }
    }
    Err(failed)
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        collections::VecDeque,
        future::pending,
        net::{IpAddr, TcpListener},
        sync::Mutex,
    };

    use super::*;
    use crate::fetch::FetchPolicy;

    /// Answers with one list of addresses after the other, whatever the name; the last one stays.
    #[derive(Debug)]
    pub(in crate::fetch) struct Scripted(Mutex<VecDeque<Vec<IpAddr>>>);

    impl Scripted {
        pub(in crate::fetch) fn new(answers: &[&[&str]]) -> Self {
            let parse = |answer: &&[&str]| answer.iter().map(|a| a.parse().unwrap()).collect();
            Self(Mutex::new(answers.iter().map(parse).collect()))
        }
    }

    #[async_trait]
    impl Resolve for Scripted {
        async fn resolve(
            &self,
            _name: &str,
            port: u16,
            _named_by: NamedBy,
        ) -> Result<Vec<SocketAddr>, FetchError> {
            let mut answers = self.0.lock().unwrap();
            let answer = answers.pop_front().expect("looked up once more");
            Ok(answer.into_iter().map(|address| (address, port).into()).collect())
        }
    }

    /// Never answers.
    #[derive(Debug)]
    pub(in crate::fetch) struct Silent;

    #[async_trait]
    impl Resolve for Silent {
        async fn resolve(
            &self,
            _name: &str,
            _port: u16,
            _named_by: NamedBy,
        ) -> Result<Vec<SocketAddr>, FetchError> {
            pending().await
        }
    }

    /// A policy that can do TLS, though nobody's certificate will do.
    pub(in crate::fetch) fn policy(allow: &[&str]) -> FetchPolicy {
        let mut policy = FetchPolicy::default();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        policy.extra_roots.push(made.cert.der().to_vec());
        policy.allow = allow.iter().map(|&host| host.to_owned()).collect();
        policy
    }

    fn connector(answers: &[&[&str]], allow: &[&str]) -> Connector {
        let (policy, script) = (policy(allow), Box::new(Scripted::new(answers)));
        Connector::new(script, policy.allowed().unwrap(), policy.tls().unwrap())
    }

    fn target(url: &str) -> Target {
        Target::parse(url).unwrap()
    }

    #[tokio::test]
    async fn ss_04_each_connection_goes_to_an_address_of_its_own_check() {
        let connector = connector(&[&["93.184.216.34"], &["10.0.0.1"]], &[]);
        let target = target("https://rebinding.example/");
        let addresses = connector.addresses(&target, NamedBy::Registered).await.unwrap();
        assert_eq!(addresses, ["93.184.216.34:443".parse().unwrap()]);
        let error = connector.addresses(&target, NamedBy::Registered).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused(_)), "{error:?}");
    }

    #[tokio::test]
    async fn ss_04_one_private_address_among_public_ones_is_one_too_many() {
        for answer in [
            &["93.184.216.34", "10.0.0.1"][..],
            &["169.254.169.254", "93.184.216.34"],
            &["2606:4700::1", "::ffff:127.0.0.1"],
            &["fd00::1"],
            &["0.0.0.0"],
        ] {
            let connector = connector(&[answer], &[]);
            let target = target("https://evil.example/");
            let error = connector.addresses(&target, NamedBy::Stranger).await.unwrap_err();
            assert!(matches!(error, FetchError::Refused(_)), "{answer:?}: {error:?}");
        }
    }

    /// The script has one answer: a second look-up between check and connection would fail the test.
    #[tokio::test]
    async fn ss_04_what_is_connected_to_is_what_was_checked() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connector = connector(&[&["127.0.0.1"]], &["127.0.0.1"]);
        let target = target(&format!("https://client.example:{port}/"));
        let accepted = tokio::task::spawn_blocking(move || listener.accept().unwrap().1);
        let connected = connector.connect(&target, NamedBy::Registered, Duration::from_secs(5));
        let error = connected.await.unwrap_err();
        assert!(matches!(error, FetchError::Failed(_)), "nobody speaks TLS there: {error:?}");
        assert_eq!(accepted.await.unwrap().ip(), "127.0.0.1".parse::<IpAddr>().unwrap());
    }

    #[tokio::test]
    async fn the_next_address_is_tried() {
        let listener = TcpListener::bind("127.0.0.2:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let addresses = ["127.0.0.1", "127.0.0.2"];
        let addresses = addresses.map(|address| (address.parse::<IpAddr>().unwrap(), port).into());
        let stream = reach(addresses.to_vec(), Duration::from_secs(5)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
        let error = reach(Vec::new(), Duration::from_secs(5)).await.unwrap_err();
        assert!(matches!(error, FetchError::Failed(_)));
    }

    #[tokio::test]
    async fn look_ups_are_limited() {
        let resolver = SystemResolver::new(0);
        let error = resolver.resolve("localhost", 443, NamedBy::Registered).await.unwrap_err();
        assert!(matches!(error, FetchError::Busy));
        let resolver = SystemResolver::new(1);
        for _ in 0..2 {
            let found = resolver.resolve("localhost", 443, NamedBy::Stranger).await;
            let addresses = found.unwrap();
            assert!(addresses.iter().all(|address| address.ip().is_loopback()), "{addresses:?}");
        }
    }

    /// Threat SS-05: whoever names a slow name and goes away leaves a look-up behind, but not in the way of
    /// those for registered clients.
    #[test]
    fn ss_05_strangers_take_half_of_the_look_ups() {
        let resolver = SystemResolver::new(4);
        let place = |named_by| resolver.place(named_by);
        let strange: Vec<_> = (0..2).map(|_| place(NamedBy::Stranger).unwrap()).collect();
        assert!(matches!(place(NamedBy::Stranger), Err(FetchError::Busy)));
        let known: Vec<_> = (0..2).map(|_| place(NamedBy::Registered).unwrap()).collect();
        assert!(matches!(place(NamedBy::Registered), Err(FetchError::Busy)));
        drop(strange);
        assert!(place(NamedBy::Stranger).is_ok());
        drop(known);
    }
}
