use std::{collections::HashSet, net::IpAddr, sync::Arc};

use time::Duration;
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use url::Host;

use super::{
    address,
    budget::Budget,
    cache::{Bounds, Cache},
};

/// What a [`GuardedFetch`](super::GuardedFetch) lets through. Every member has a safe default;
/// assign those that differ.
///
/// ```
/// use oidc_op::{Duration, FetchPolicy};
///
/// let mut policy = FetchPolicy::default();
/// policy.timeout = Duration::seconds(2);
/// policy.allow.push("keys.internal.example".to_owned());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchPolicy {
    /// The largest document, in bytes; 64 KiB.
    pub body: usize,
    /// The time for all of it, from the name's look-up to the last byte; 5 s.
    pub timeout: Duration,
    /// How many documents may be under way at once; 8. Of this and the next two limits and of
    /// [`entries`](Self::entries), strangers get [half](super::NamedBy), rounded up.
    pub concurrent: usize,
    /// How many of them with the same host; 4.
    pub concurrent_per_host: usize,
    /// How many documents a host is asked for within a minute, those included that it did not give;
    /// 60.
    pub per_host_and_minute: u32,
    /// How long a document is kept at least, whatever the server says; 1 min. That goes for one which
    /// is not to be stored as well: a client may not have its provider ask for each request. Zero
    /// leaves it to the server.
    pub min_age: Duration,
    /// How long a document is kept at most; 1 h.
    pub max_age: Duration,
    /// How many documents are kept; 256. With all of them as large as they may be that is 16 MiB.
    pub entries: usize,
    /// How soon after a document has come it can be [refreshed](super::FetchRequest::refresh); 30 s.
    pub refresh_after: Duration,
    /// Certificate authorities to trust besides those of the operating system, each as DER or PEM.
    pub extra_roots: Vec<Vec<u8>>,
    /// Hosts that may have an address of [special use](super::is_special_use): a name as it stands in
    /// URLs, an address (`10.0.0.1`, `fd00::1`), or a network (`10.0.0.0/8`) that any name may lead
    /// into. None; everything else holds for them as well. Whoever answers for a name that stands here
    /// decides which machine is asked.
    pub allow: Vec<String>,
}

impl Default for FetchPolicy {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            timeout: Duration::seconds(5),
            concurrent: 8,
            concurrent_per_host: 4,
            per_host_and_minute: 60,
            min_age: Duration::minutes(1),
            max_age: Duration::hours(1),
            entries: 256,
            refresh_after: Duration::seconds(30),
            extra_roots: Vec::new(),
            allow: Vec::new(),
        }
    }
}

/// Why there is no client with a [`FetchPolicy`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFetchPolicy {
    /// One of the extra roots, counted from zero, is not a certificate.
    #[error("extra_roots: number {0} is not a certificate in DER or PEM")]
    Root(usize),
    /// The operating system trusts no certificate authority, and there are no extra roots.
    #[error("extra_roots: there are none, and the system has none either")]
    NoRoots,
    /// What is allowed is not a host, an address or a network.
    #[error("allow: {0} is not a host name, an IP address or a network")]
    Allow(String),
    /// A duration is negative or more than a year, or the least age is larger than the greatest.
    #[error("timeout, min_age, max_age, refresh_after: at most a year; min_age: at most max_age")]
    Durations,
}

impl FetchPolicy {
    pub(super) fn time_limit(&self) -> Result<std::time::Duration, InvalidFetchPolicy> {
        duration(self.timeout)
    }

    pub(super) fn cache(&self) -> Result<Cache, InvalidFetchPolicy> {
        let bounds = Bounds {
            min_age: duration(self.min_age)?,
            max_age: duration(self.max_age)?,
            refresh_after: duration(self.refresh_after)?,
            entries: self.entries,
        };
        if bounds.min_age > bounds.max_age {
            return Err(InvalidFetchPolicy::Durations);
        }
        Ok(Cache::new(bounds))
    }

    pub(super) fn budget(&self) -> Budget {
        Budget::new(self.concurrent, self.concurrent_per_host, self.per_host_and_minute)
    }

    pub(super) fn allowed(&self) -> Result<Allowed, InvalidFetchPolicy> {
        let mut allowed = Allowed::default();
        for text in &self.allow {
            if let Some(network) = network(text) {
                allowed.networks.push(network);
                continue;
            }
            match Host::parse(text) {
                Ok(Host::Domain(name)) => {
                    allowed.names.insert(name.trim_end_matches('.').to_owned());
                }
                Ok(Host::Ipv4(address)) => allowed.networks.push((address.into(), 32)),
                Ok(Host::Ipv6(address)) => allowed.networks.push((address.into(), 128)),
                Err(_) => return Err(InvalidFetchPolicy::Allow(text.clone())),
            }
        }
        Ok(allowed)
    }

    /// TLS as it is everywhere: 1.2 and 1.3, certificates checked against the roots of the system.
    ///
    /// Their verification stays in this process. The system's own one may ask servers that the
    /// certificate names, which would be a way around the guard.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, InvalidFetchPolicy> {
        let mut roots = RootCertStore::empty();
        // A system often has one that is damaged, or none at all in a container.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for (number, given) in self.extra_roots.iter().enumerate() {
            let certificates = certificates(given).ok_or(InvalidFetchPolicy::Root(number))?;
            for certificate in certificates {
                roots.add(certificate).map_err(|_| InvalidFetchPolicy::Root(number))?;
            }
        }
        if roots.is_empty() {
            return Err(InvalidFetchPolicy::NoRoots);
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| InvalidFetchPolicy::NoRoots)? // ring has ciphers for both
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// A duration for the network's clock, small enough to be added to it.
fn duration(duration: Duration) -> Result<std::time::Duration, InvalidFetchPolicy> {
    if duration > Duration::days(366) {
        return Err(InvalidFetchPolicy::Durations);
    }
    duration.try_into().map_err(|_| InvalidFetchPolicy::Durations)
}

/// All certificates in a PEM file, of which there is at least one, or the one in DER.
fn certificates(given: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    if !given.windows(10).any(|window| window == b"-----BEGIN") {
        return Some(vec![given.to_vec().into()]);
    }
    let found: Vec<_> = CertificateDer::pem_slice_iter(given).collect::<Result<_, _>>().ok()?;
    (!found.is_empty()).then_some(found)
}

/// A network in CIDR notation, or an address as a network of its own.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Some(longest), |length| length.parse().ok())?;
    (length <= longest).then_some((address, length))
}

/// The hosts that may have an address of special use.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    names: HashSet<String>,
    networks: Vec<(IpAddr, u8)>,
}

impl Allowed {
    /// Whether this host may have that address.
    pub(super) fn admits(&self, host: &str, address: IpAddr) -> bool {
        !address::is_special_use(address)
            || self.names.contains(host)
            || self.networks.iter().any(|&network| address::is_in_network(address, network))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::fetch::NamedBy::{Registered, Stranger};

    fn allowed(text: &str) -> Result<Allowed, InvalidFetchPolicy> {
        let mut policy = FetchPolicy::default();
        policy.allow.push(text.to_owned());
        policy.allowed()
    }

    #[test]
    fn the_allow_list_lifts_the_address_check_and_for_nobody_else() {
        for (allow, host, address, admitted) in [
            ("keys.internal", "keys.internal", "10.0.0.1", true),
            ("Keys.Internal.", "keys.internal", "10.0.0.1", true),
            ("keys.internal", "evil.keys.internal", "10.0.0.1", false),
            ("keys.internal", "evil.example", "10.0.0.1", false),
            ("10.0.0.0/8", "evil.example", "10.255.0.1", true),
            ("10.0.0.0/8", "evil.example", "::ffff:10.255.0.1", true),
            ("10.0.0.0/8", "evil.example", "127.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", "127.0.0.2", false),
            ("fd00::/8", "evil.example", "fd12::1", true),
            ("fd00::/8", "evil.example", "fe80::1", false),
            ("::1", "localhost", "::1", true),
            ("[::1]", "localhost", "::1", true),
            ("keys.internal", "public.example", "1.1.1.1", true),
        ] {
            let admits = allowed(allow).unwrap().admits(host, address.parse().unwrap());
            assert_eq!(admits, admitted, "{allow} {host} {address}");
        }
    }

    #[test]
    fn what_is_not_a_host_or_a_network_is_not_allowed() {
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0.0/x", "10.0.0.0/", "a b", "https://a/"] {
            let error = allowed(text).unwrap_err();
            assert_eq!(error, InvalidFetchPolicy::Allow(text.to_owned()), "{text}");
        }
    }

    /// Half of it must do for an app that describes itself: its keys, sector and request objects are at one host.
    #[test]
    fn half_of_what_a_host_is_asked_for_by_default_is_enough_for_strangers() {
        let (mut budget, now) = (FetchPolicy::default().budget(), Instant::now());
        for _ in 0..15 {
            assert!(budget.admit("a", Stranger, now) && budget.admit("a", Stranger, now));
            assert!(!budget.admit("a", Stranger, now), "a third at once");
            (0..2).for_each(|_| budget.done("a", Stranger));
        }
        assert!(!budget.admit("a", Stranger, now), "a 31st within the minute");
        assert!((0..4).all(|_| budget.admit("a", Registered, now)));
        assert!(!budget.admit("a", Registered, now), "a fifth at once");
    }

    #[test]
    fn durations_are_possible_ones() {
        let policy = FetchPolicy::default();
        assert!(policy.cache().is_ok() && policy.time_limit().is_ok());
        for (min_age, max_age) in [(61, 60), (-1, 60), (0, i64::MAX)] {
            let (min_age, max_age) = (Duration::seconds(min_age), Duration::seconds(max_age));
            let policy = FetchPolicy { min_age, max_age, ..FetchPolicy::default() };
            assert_eq!(policy.cache().unwrap_err(), InvalidFetchPolicy::Durations);
        }
    }

    #[test]
    fn roots_are_certificates() {
        for root in [&b""[..], b"junk", b"-----BEGIN CERTIFICATE-----", b"-----BEGIN X-----\n"] {
            let mut policy = FetchPolicy::default();
            policy.extra_roots.push(root.to_vec());
            assert_eq!(policy.tls().unwrap_err(), InvalidFetchPolicy::Root(0));
        }
    }
}
