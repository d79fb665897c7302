use std::sync::Arc;

use oidc_op::{Duration, FetchPolicy};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;

/// What a TLS server in this process shows: a certificate for localhost and 127.0.0.1, of an authority
/// that nobody else knows.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    /// The authority's certificate, as DER.
    pub(crate) root: Vec<u8>,
    pub(crate) config: Arc<ServerConfig>,
}

impl Tls {
    pub(crate) fn new() -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::from_params(&ca, &ca_key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                key.serialize_der().try_into().unwrap(),
            )
            .unwrap();
        Self { root: root.der().to_vec(), config: Arc::new(config) }
    }

    /// A policy that trusts this server and lets it have its address.
    pub(crate) fn policy(&self) -> FetchPolicy {
        let mut policy = FetchPolicy::default();
        policy.extra_roots.push(self.root.clone());
        policy.timeout = Duration::minutes(1); // this machine may be busy
        policy.allow = vec!["127.0.0.0/8".to_owned(), "::1".to_owned()];
        policy
    }
}
