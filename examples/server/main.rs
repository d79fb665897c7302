//! A complete OpenID Provider: the `oidc-op` crate on axum and tokio, with people, pages, limits, and
//! a demo relying party to try it with.
//!
//! ```sh
//! cargo run --example server --features axum,tracing,sqlite
//! ```
//!
//! starts the demo; `--config FILE` starts what the file says. `sample.toml` explains every member.
//!
//! | file | what |
//! |---|---|
//! | `config/` | the configuration: one TOML file, or one sentence about what is wrong with it |
//! | `assemble.rs` | what it becomes |
//! | `data.rs` | keys and secrets, made at the first start |
//! | `signing.rs` | signing keys that several servers share |
//! | `users/`, `limits.rs` | the people, and how often a password may be guessed |
//! | `second_factor.rs`, `assurance.rs` | codes beside passwords, and what a sign-in is worth |
//! | `sign_in/` | scopes that say how somebody signs in |
//! | `passwords.rs`, `policies.rs` | what is decided at the token endpoint |
//! | `sign_up/` | how people get an account, and the codes that show whose an address is |
//! | `upstream/`, `known.rs` | people who sign in with another OpenID Provider |
//! | `interaction/`, `logout.rs`, `apps.rs`, `pages/` | where people act, and what they see |
//! | `manage/` | the management API |
//! | `profile.rs` | what a person's app reads and changes of them |
//! | `demo/` | the start page and the demo relying party |
//! | `serving.rs`, `layers.rs`, `patience.rs`, `shedding.rs` | what surrounds every request and every connection |

mod apps;
mod assemble;
mod assurance;
mod config;
mod data;
mod demo;
mod device;
mod interaction;
mod known;
mod layers;
mod limits;
mod logout;
mod manage;
mod pages;
mod passwords;
mod patience;
mod policies;
mod profile;
mod second_factor;
mod serving;
mod shedding;
mod sign_in;
mod sign_up;
mod signing;
mod upstream;
mod users;

use std::{
    io::{self, IsTerminal},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use axum::{Router, http::StatusCode, routing::get};
use axum_server::{Handle, tls_rustls::RustlsAcceptor};
use oidc_op::{Issuer, Provider, Severity, StaticClients, adapter::http::Pages};
use tokio::{runtime::Runtime, task::JoinSet};
use tracing::{debug, error, field, info, warn};
use tracing_subscriber::EnvFilter;

use crate::{
    assemble::{assemble, routes},
    config::{ConfigError, Network, Settings},
    demo::Demo,
    limits::Limits,
    manage::Manage,
    pages::Site,
    patience::PatientAcceptor,
    profile::Profile,
    serving::{bind, careful, keep_house, reachable, rustls_config, stop_when_told},
    shedding::Room,
    sign_in::OneTimeTokens,
    sign_up::SignUps,
    signing::Signing,
    upstream::Upstreams,
    users::Users,
};

const HELP: &str = "\
An OpenID Provider to try out, to test against, and to learn from.

Usage: server [--config FILE]

  --config FILE  what to do, as TOML; the file sample.toml explains every member.
                 Without it: a demo at http://localhost:8080/
  --help         this text

RUST_LOG says what is logged, before the configuration does.
";

/// Everything that a request needs.
pub(crate) struct App {
    pub(crate) provider: Provider,
    pub(crate) pages: Pages,
    pub(crate) site: Arc<Site>,
    pub(crate) issuer: Issuer,
    pub(crate) clients: StaticClients,
    pub(crate) users: Arc<Users>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) sign_ups: SignUps,
    /// Other providers that people sign in with.
    pub(crate) upstreams: Option<Upstreams>,
    /// Tokens that sign in once, if there are such.
    pub(crate) one_time: Option<OneTimeTokens>,
    pub(crate) demo: Option<Demo>,
    /// The signing keys, if they are in the store.
    pub(crate) signing: Option<Signing>,
    pub(crate) manage: Option<Manage>,
    pub(crate) profile: Option<Profile>,
    pub(crate) trusted_proxies: Vec<Network>,
}

/// Why the server ends other than by being asked to.
enum Stop {
    /// It was told something that cannot be.
    Configuration(ConfigError),
    /// The machine would not let it.
    Machine(String),
}

impl Stop {
    /// Of the issuer with this number: the first is the file's own, the others are realms of it.
    fn at(self, issuer: usize) -> Self {
        match (self, issuer.checked_sub(1)) {
            (Self::Configuration(finding), Some(realm)) => {
                ConfigError::new(format!("realms[{realm}].{finding}")).into()
            }
            (stop, _) => stop,
        }
    }
}

impl From<ConfigError> for Stop {
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error)
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Configuration(text)) => {
            eprintln!("server: {text}");
            ExitCode::from(2)
        }
        Err(Stop::Machine(text)) => {
            eprintln!("server: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Stop> {
    let arguments = Arguments::parse().map_err(|e| ConfigError::new(e.to_string()))?;
    let config = match arguments {
        Arguments::Help => {
            print!("{HELP}");
            return Ok(());
        }
        Arguments::Run { config } => config,
    };
    let settings = match &config {
        Some(path) => Settings::load(path)?,
        None => Settings::demo()?,
    };
    // Some is only found out when everything is put together.
    let source = settings.source.clone();
    start(settings).map_err(|stop| match stop {
        Stop::Configuration(finding) => Stop::Configuration(source.locate(&finding)),
        stop @ Stop::Machine(_) => stop,
    })
}

fn start(settings: Settings) -> Result<(), Stop> {
    log_to_stdout(&settings.log)?;
    layers::report_panics();
    let machine = |e: io::Error| Stop::Machine(format!("the async runtime: {e}"));
    Runtime::new().map_err(machine)?.block_on(serve(settings))
}

enum Arguments {
    Help,
    Run { config: Option<PathBuf> },
}

impl Arguments {
    fn parse() -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;
        let mut config = None;
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(Self::Help),
                Short('c') | Long("config") if config.is_none() => {
                    config = Some(parser.value()?.into());
                }
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(Self::Run { config })
    }
}

/// One event per line; what strangers write is escaped where it is logged.
fn log_to_stdout(directives: &str) -> Result<(), ConfigError> {
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.is_empty());
    let (name, directives) = match &asked {
        Some(asked) => (EnvFilter::DEFAULT_ENV, asked.as_str()),
        None => ("log", directives),
    };
    let filter =
        EnvFilter::try_new(directives).map_err(|e| ConfigError::new(format!("{name}: {e}")))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(io::stdout().is_terminal()).init();
    Ok(())
}

/// Puts everything together and serves until told to stop.
async fn serve(settings: Settings) -> Result<(), Stop> {
    let tls = settings.tls.as_ref().map(rustls_config).transpose()?;
    let listen = settings.listen()?;
    let listener = bind(listen).map_err(|e| Stop::Machine(format!("listen: {listen}: {e}")))?;
    let inner = match (settings.features.demo, &tls) {
        (true, Some(_)) => {
            // TLS is for the world; the demo asks the provider over a door of its own.
            let inner = bind((Ipv4Addr::LOCALHOST, 0).into());
            Some(inner.map_err(|e| Stop::Machine(format!("features.demo: loopback: {e}")))?)
        }
        _ => None,
    };
    let local = |listener: &TcpListener| reachable(listener.local_addr().unwrap_or(listen));
    let asked_at = local(inner.as_ref().unwrap_or(&listener));
    let built_in = settings.built_in;
    let connection = settings.limits.connection();
    let room = Room::of(settings.limits.concurrent_requests);
    let (mut store, mut apps, mut service) = (None, Vec::new(), Router::new());
    for (at, realm) in settings.into_realms().into_iter().enumerate() {
        let (limits, codes_in_log) = (realm.limits, realm.sign_up.codes_in_log());
        let app = assemble(realm, asked_at, &mut store).await;
        let app = app.map_err(|stop| stop.at(at))?;
        if codes_in_log && !built_in {
            warn!("sign_up.delivery is log: whoever reads this log can verify any address");
        }
        let mut routes = routes(&app);
        if apps.is_empty() {
            // What is no issuer's.
            routes = routes.route(shedding::HEALTH, get(async || "ok\n"));
            routes = routes.fallback(async || StatusCode::NOT_FOUND);
        }
        service = service.merge(layers::around(routes, &app, &limits, &room));
        apps.push(app);
    }
    if built_in {
        warn!("this is a demo: its passwords are no secret");
    }

    let handle = Handle::new();
    tokio::spawn(stop_when_told(handle.clone()));
    for app in &apps {
        look_over(&app.provider).await;
        tokio::spawn(keep_house(Arc::clone(app)));
        announce(app, &listener);
    }
    let mut servers = JoinSet::new();
    let patience = PatientAcceptor(connection);
    let from = |listener| axum_server::from_tcp(listener).map(|s| careful(s, &handle));
    let machine = |e: io::Error| Stop::Machine(format!("serving: {e}"));
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    let server = from(listener).map_err(machine)?;
    match tls {
        Some(config) => {
            let acceptor = RustlsAcceptor::new(config).acceptor(patience);
            servers.spawn(server.acceptor(acceptor).serve(service.clone()));
        }
        None => drop(servers.spawn(server.acceptor(patience).serve(service.clone()))),
    }
    if let Some(inner) = inner {
        servers.spawn(from(inner).map_err(machine)?.acceptor(patience).serve(service));
    }
    while let Some(ended) = servers.join_next().await {
        ended.map_err(io::Error::from).and_then(|served| served).map_err(machine)?;
    }
    info!("stopped");
    Ok(())
}

/// Says what the library finds weak, or broken, in the configuration and in the clients.
async fn look_over(provider: &Provider) {
    match provider.lint().await {
        Ok(findings) => {
            for finding in findings {
                if finding.rule.severity() > Severity::Note {
                    warn!("{finding}");
                } else {
                    debug!("{finding}");
                }
            }
        }
        Err(error) => error!(error = layers::chain(&error), "the clients could not be looked over"),
    }
}

/// Tells whoever reads the log where to go.
fn announce(app: &App, listener: &TcpListener) {
    let issuer = app.issuer.as_str();
    let address = listener.local_addr().ok().map(field::display);
    info!(issuer, address, "listening");
    for (login, password) in app.site.demo_people() {
        info!("sign in as {login} with the password {password}");
    }
    info!("open {}{}/", app.issuer.origin(), app.issuer.path());
}

#[cfg(test)]
mod tests {
    use oidc_op::store::Store;

    use super::*;

    /// Threat HT-09: whoever panics, the others live, and nobody learns what went wrong but the log.
    #[tokio::test]
    async fn a_panic_is_an_answer() {
        async fn boom() -> StatusCode {
            panic!("the cause")
        }
        let data = tempfile::tempdir().unwrap();
        let mut settings = Settings::demo().unwrap();
        settings.data = data.path().join("data");
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let store: Arc<dyn Store> = Arc::new(oidc_op::store::MemoryStore::new());
        let app = assemble(settings, address, &mut Some(store)).await;
        let app = app.map_err(|_| "not assembled").unwrap();
        let booming = Router::new().route("/boom", get(boom)).route("/token", get(boom));
        let routes = booming.route("/", get(async || "fine"));
        let service = layers::around(routes, &app, &config::Limits::default(), &Room::of(9));
        let server = axum_server::from_tcp(listener).unwrap();
        tokio::spawn(server.serve(service.into_make_service_with_connect_info::<SocketAddr>()));

        let get = async |path: &str| reqwest::get(format!("http://{address}{path}")).await.unwrap();
        for (path, media, says) in [
            ("/boom", "text/html; charset=utf-8", "Oops! Something went wrong"),
            ("/token", "application/json", "\"error\":\"server_error\""),
        ] {
            let answer = get(path).await;
            assert_eq!(answer.status(), 500, "{path}");
            assert_eq!(answer.headers()["content-type"], media, "{path}");
            assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
            let text = answer.text().await.unwrap();
            assert!(text.contains(says) && !text.contains("the cause"), "{text}");
        }
        assert_eq!(get("/").await.text().await.unwrap(), "fine");
    }

    /// Keys in the store: none in the data directory, and they rotate while the server runs.
    #[tokio::test]
    async fn keys_in_the_store_rotate() {
        let data = tempfile::tempdir().unwrap();
        let text = format!(
            "issuer = \"http://localhost:1\"\nlisten = \"127.0.0.1:1\"\ndata = {:?}\n\
             [keys]\nstore = true\nrotate = 86400\nalgorithms = [\"RS256\", \"ES256\"]\n",
            data.path().join("data")
        );
        let file = data.path().join("server.toml");
        std::fs::write(&file, text).unwrap();
        let settings = Settings::load(&file).unwrap();
        let address = settings.listen().unwrap();
        let store: Arc<dyn Store> = Arc::new(oidc_op::store::MemoryStore::new());
        let app = assemble(settings, address, &mut Some(store)).await;
        let app = app.map_err(|_| "not assembled").unwrap();
        let made = std::fs::read_dir(data.path().join("data")).unwrap();
        assert!(made.flatten().all(|file| file.file_name() != "keys.json"));
        let jwks = || {
            let reply = app.provider.jwks(oidc_op::Request::new("GET", "/jwks"));
            let set: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            let keys = set["keys"].as_array().unwrap().iter();
            keys.filter(|key| key["use"] == "sig").count()
        };
        assert_eq!(jwks(), 2);
        let signing = app.signing.as_ref().unwrap();
        signing.rotate().await;
        assert_eq!(jwks(), 2, "they are fresh");
        let es256 = oidc_op::SigningAlgorithm::ES256;
        signing.keys.rotate(es256, oidc_op::KeyRotation::default()).await.unwrap();
        assert_eq!(jwks(), 3);
    }
}
