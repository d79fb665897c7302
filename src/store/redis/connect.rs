//! How a connection is made: by the driver, or with TLS by the store itself.

use std::{io, sync::Arc};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, RedisResult,
    aio::MultiplexedConnection, io::tcp::socket2::SockRef,
};
use tokio::{net::TcpStream, task::AbortHandle};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::RedisError;
use crate::store::tls;

/// The way to a server.
///
/// The driver's TLS takes the cryptography of the whole process, which is not a library's to choose, and reads the
/// machine's authorities each time, even where others are named, and fails if one of them is damaged.
pub(super) enum Way {
    Driver(Client),
    Tls { server: ConnectionInfo, name: ServerName<'static>, tls: TlsConnector },
}

/// What carries out the requests of a connection that was not made by the driver; it ends when nobody has that.
pub(super) struct Carrier(Option<AbortHandle>);

impl Way {
    pub(super) fn new(server: ConnectionInfo, roots: Option<&[u8]>) -> Result<Self, RedisError> {
        match server.addr() {
            ConnectionAddr::TcpTls { insecure: true, .. } => Err(RedisError::Address),
            ConnectionAddr::TcpTls { host, .. } => {
                let name = host.clone().try_into().map_err(|_| RedisError::Address)?;
                let tls = tls::client(roots).map_err(RedisError::Roots)?;
                Ok(Self::Tls { name, tls: Arc::new(tls).into(), server })
            }
            _ => Client::open(server).map(Self::Driver).map_err(|_| RedisError::Address),
        }
    }

    /// Where the server is, for the operator.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Driver(client) => client.get_connection_info().addr().to_string(),
            Self::Tls { server, .. } => server.addr().to_string(),
        }
    }

    pub(super) async fn connect(
        &self,
        config: AsyncConnectionConfig,
    ) -> RedisResult<(MultiplexedConnection, Carrier)> {
        match self {
            Self::Driver(client) => {
                let made = client.get_multiplexed_async_connection_with_config(&config).await?;
                Ok((made, Carrier(None)))
            }
            Self::Tls { server, name, tls } => {
                let stream = tls.connect(name.clone(), reach(server).await?).await?;
                let server = server.redis_settings();
                let made = MultiplexedConnection::new_with_config(server, stream, config).await?;
                let (connection, carrying) = made;
                Ok((connection, Carrier(Some(tokio::spawn(carrying).abort_handle()))))
            }
        }
    }
}

/// A connection to the address of the server that answers first.
async fn reach(server: &ConnectionInfo) -> io::Result<TcpStream> {
    let ConnectionAddr::TcpTls { host, port, .. } = server.addr() else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let mut tries = tokio::task::JoinSet::new();
    for address in tokio::net::lookup_host((host.as_str(), *port)).await? {
        tries.spawn(TcpStream::connect(address));
    }
    let mut failed = io::ErrorKind::NotFound.into();
    while let Some(tried) = tries.join_next().await {
        match tried? {
            Ok(stream) => return set(stream, server),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// The same settings as for a connection that the driver makes.
fn set(stream: TcpStream, server: &ConnectionInfo) -> io::Result<TcpStream> {
    let settings = server.tcp_settings();
    stream.set_nodelay(settings.nodelay())?;
    let socket = SockRef::from(&stream);
    if let Some(alive) = settings.keepalive() {
        socket.set_tcp_keepalive(alive)?;
    }
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(settings.user_timeout())?;
    Ok(stream)
}

impl Drop for Carrier {
    fn drop(&mut self) {
        if let Some(carrying) = &self.0 {
            carrying.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use redis::IntoConnectionInfo;
    use tokio_rustls::rustls::crypto::CryptoProvider;

    use super::*;

    #[test]
    fn the_cryptography_of_the_process_is_left_alone() {
        let server = "rediss://127.0.0.1".into_connection_info().unwrap();
        assert!(matches!(Way::new(server, None), Ok(Way::Tls { .. })));
        assert!(CryptoProvider::get_default().is_none());
    }
}
