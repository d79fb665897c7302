//! TLS to a server elsewhere.

use std::sync::Arc;

use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::Cause;

/// 1.2 and 1.3, the server's certificate verified against those of authorities in PEM, or of the machine's if
/// none are given. The cryptography of the process is left alone: that is not a library's to choose.
pub(super) fn client(given: Option<&[u8]>) -> Result<ClientConfig, Cause> {
    let mut roots = RootCertStore::empty();
    match given {
        None => {
            // A system often has one that is damaged.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                roots.add(certificate?)?;
            }
            if roots.is_empty() {
                return Err("there is no certificate".into());
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_that_are_named_are_there() {
        for none in [&b""[..], b"PEM"] {
            assert!(client(Some(none)).is_err());
        }
        let damaged = "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n";
        assert!(client(Some(damaged.as_bytes())).is_err());
    }
}
