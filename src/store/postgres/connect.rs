//! From an address to connections.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod,
};
use tokio_postgres::{
    Config, NoTls,
    config::{Host, SslMode, TargetSessionAttrs},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{PostgresError, PostgresOptions, session};
use crate::store::{Cause, tls};

/// Connections that are made when they are needed, each with the session settings that the store relies on.
pub(super) fn pool(options: &PostgresOptions) -> Result<Pool, PostgresError> {
    let Address { mut config, roots } = Address::parse(&options.url)?;
    // Whoever may only read is a standby, or as good as one.
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    // One that cannot be reached leaves time for those after it.
    let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
    let share = options.deadline / u32::try_from(hosts + 1).unwrap_or(u32::MAX);
    if config.get_connect_timeout().is_none_or(|asked| *asked > share) {
        config.connect_timeout(share.max(Duration::from_millis(1)));
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(options.deadline);
    }
    if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
        config.keepalives_idle(Duration::from_secs(30));
    }
    let how = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = if uses_tls(&config) {
        config.ssl_mode(SslMode::Require);
        let named = roots.map(fs::read).transpose();
        let named = named.map_err(|error| PostgresError::Roots(error.into()))?;
        let tls = tls::client(options.roots.as_deref().or(named.as_deref()));
        let tls = tls.map_err(PostgresError::Roots)?;
        Manager::from_config(config, MakeRustlsConnect::new(tls), how)
    } else {
        config.ssl_mode(SslMode::Disable);
        Manager::from_config(config, NoTls, how)
    };
    let settings: Arc<str> = session::settings(options).into();
    let set = Hook::async_fn(move |connection: &mut deadpool_postgres::ClientWrapper, _| {
        let settings = Arc::clone(&settings);
        Box::pin(
            async move { connection.batch_execute(&settings).await.map_err(HookError::Backend) },
        )
    });
    Pool::builder(manager)
        .max_size(options.connections.into())
        .post_create(set)
        .build()
        .map_err(|error| PostgresError::Connect(error.into()))
}

/// Why there is no connection, in the words of whoever knows.
pub(super) fn reason(error: PoolError) -> Cause {
    match error {
        PoolError::Backend(error) => error.into(),
        error => error.into(),
    }
}

/// What an address says.
struct Address {
    config: Config,
    roots: Option<PathBuf>,
}

impl Address {
    /// With two of libpq's words that the driver does not know: whenever there is TLS, everything is verified.
    fn parse(url: &str) -> Result<Self, PostgresError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(PostgresError::Address("it does not begin with postgres://".into()));
        }
        let (server, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut rest, mut roots) = (Vec::new(), None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", "verify-ca" | "verify-full")) => rest.push("sslmode=require"),
                Some(("sslrootcert", _)) => {
                    // A plus is a plus in a path.
                    let pair = pair.replace('+', "%2B");
                    let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
                    roots = decoded.map(|(_, path)| PathBuf::from(path.as_ref()));
                }
                _ => rest.push(pair),
            }
        }
        let config = format!("{server}?{}", rest.join("&")).parse();
        let config = config.map_err(|e: tokio_postgres::Error| PostgresError::Address(e.into()))?;
        Ok(Self { config, roots })
    }
}

/// Whether the connection is to be encrypted: always, unless it is said that the network is trusted, or there
/// is none.
fn uses_tls(config: &Config) -> bool {
    let stays_here = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    };
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let all_stay =
        hosts.iter().all(stays_here) && addresses.iter().all(std::net::IpAddr::is_loopback);
    match config.get_ssl_mode() {
        SslMode::Disable => false,
        SslMode::Prefer => !all_stay || (hosts.is_empty() && addresses.is_empty()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypts(url: &str) -> bool {
        uses_tls(&Address::parse(url).unwrap().config)
    }

    #[test]
    fn only_what_stays_here_or_is_said_to_be_trusted_goes_in_the_clear() {
        for here in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
            assert!(!encrypts(&format!("postgres://op@{here}/op")), "{here}");
            assert!(encrypts(&format!("postgres://op@{here}/op?sslmode=verify-full")), "{here}");
        }
        for there in ["db.example", "192.0.2.1", "localhost,db.example"] {
            assert!(encrypts(&format!("postgres://op@{there}/op")), "{there}");
            assert!(encrypts(&format!("postgres://op@{there}/op?sslmode=prefer")), "{there}");
            assert!(!encrypts(&format!("postgres://op@{there}/op?sslmode=disable")), "{there}");
        }
        assert!(encrypts("postgres://op@/op?hostaddr=192.0.2.7"));
        assert!(encrypts("postgres://op@localhost/op?hostaddr=192.0.2.7"));
        assert!(!encrypts("postgres://op@/op?hostaddr=127.0.0.1"));
        assert!(encrypts("postgres://op@/op"));
    }

    #[test]
    fn the_words_of_libpq_are_understood() {
        let url = "postgresql://op:pw@db.example:5433/op?sslmode=verify-ca\
                   &sslrootcert=%2Fetc%2Fop%2Froot+1.pem&application_name=op";
        let Address { config, roots } = Address::parse(url).unwrap();
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
        assert_eq!(roots.as_deref(), Some(std::path::Path::new("/etc/op/root+1.pem")));
        assert_eq!(config.get_application_name(), Some("op"));
        assert_eq!(config.get_ports(), [5433]);
        for wrong in
            ["postgres://op:geheim@db.example/op?colour=blue", "host=db.example password=geheim"]
        {
            let wrong = Address::parse(wrong).err().unwrap();
            assert!(!format!("{wrong:?}").contains("geheim"), "{wrong:?}");
        }
    }
}
