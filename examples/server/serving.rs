//! What serves: sockets and TLS, what is done now and then, and how it ends.

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum_server::{Handle, Server, tls_rustls::RustlsConfig};
use oidc_op::{Clock, SystemClock};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{signal, time};
use tracing::{error, info};

use crate::{
    App,
    config::{self, ConfigError, Tls},
    layers,
};

pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Where this machine reaches a socket that may listen on all of its addresses.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// HTTP/1.1, with bounds on what a request may bring along.
pub(crate) fn careful(
    mut server: Server<SocketAddr>,
    handle: &Handle<SocketAddr>,
) -> Server<SocketAddr> {
    server.http_builder().http1().max_buf_size(64 * 1024).max_headers(100);
    server.http1_only().handle(handle.clone())
}

pub(crate) fn rustls_config(tls: &Tls) -> Result<RustlsConfig, ConfigError> {
    let wrong = |member: &str, path: &PathBuf, e: &dyn fmt::Display| {
        ConfigError::new(format!("tls.{member}: {}: {e}", config::shown(path)))
    };
    let chain = CertificateDer::pem_file_iter(&tls.certificate).and_then(Iterator::collect);
    let chain: Vec<_> = chain.map_err(|e| wrong("certificate", &tls.certificate, &e))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|e| wrong("key", &tls.key, &e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|e| ConfigError::new(format!("tls: {e}")))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

/// What must be done now and then, and what somebody who has signed out need not wait for.
pub(crate) async fn keep_house(app: Arc<App>) {
    let mut minutes = time::interval(Duration::from_secs(60));
    loop {
        tokio::select! {
            _ = minutes.tick() => sweep(&app).await,
            () = app.provider.work_waiting() => {}
        }
        work(&app).await;
    }
}

async fn sweep(app: &App) {
    app.limits.sweep();
    app.sign_ups.sweep(SystemClock.now());
    if let Some(demo) = &app.demo {
        demo.sweep();
    }
    if let Some(signing) = &app.signing {
        signing.rotate().await;
    }
}

async fn work(app: &App) {
    const AT_ONCE: u32 = 1000;
    loop {
        match app.provider.work(AT_ONCE).await {
            Ok(done) if done >= AT_ONCE => tokio::task::yield_now().await,
            Ok(_) => break,
            Err(error) => {
                error!(error = layers::chain(&error), "housekeeping failed");
                break;
            }
        }
    }
}

/// Waits for Ctrl-C or SIGTERM, then lets requests under way end.
pub(crate) async fn stop_when_told(handle: Handle<SocketAddr>) {
    let terminated = async {
        #[cfg(unix)]
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
        #[cfg(not(unix))]
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = signal::ctrl_c() => {}
        () = terminated => {}
    }
    info!("stopping");
    handle.graceful_shutdown(Some(Duration::from_secs(10)));
}
