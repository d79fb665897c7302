//! The configuration: one TOML file, read whole or refused with one sentence.
//!
//! A refusal names the file and the line or the member, and never repeats the value of a secret.

mod clients;
mod network;
mod scopes;
mod secrets;
mod users;

use std::{
    collections::HashSet,
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration as StdDuration,
};

use oidc_op::{Config, Duration, Issuer, SigningAlgorithm};
use serde::{Deserialize, Deserializer, de::Error};

pub(crate) use self::{
    clients::ClientEntry,
    network::Network,
    scopes::Scopes,
    secrets::{Hidden, SecretSource, SecretSources, secret},
    users::{Password, UserEntry},
};

/// What the server does without `--config`.
const DEMO: &str = include_str!("../demo.toml");

/// Everything that the file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(deserialize_with = "issuer")]
    pub(crate) issuer: Issuer,
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<Tls>,
    #[serde(default)]
    store: StoreKind,
    #[serde(default = "default_data")]
    pub(crate) data: PathBuf,
    #[serde(default = "default_log")]
    pub(crate) log: String,
    #[serde(default)]
    pub(crate) trusted_proxies: Vec<Network>,
    #[serde(default)]
    pub(crate) scopes: Scopes,
    #[serde(default)]
    pub(crate) clients: Vec<ClientEntry>,
    #[serde(default)]
    pub(crate) users: Vec<UserEntry>,
    #[serde(default)]
    lifetimes: Lifetimes,
    #[serde(default)]
    policy: Policy,
    #[serde(default)]
    pub(crate) features: Features,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    pub(crate) secrets: SecretSources,
    #[serde(default)]
    pub(crate) keys: Keys,
    /// Whether this is the built-in configuration, whose passwords everybody may know.
    #[serde(skip)]
    pub(crate) built_in: bool,
}

/// Why the server does not start, in one line.
#[derive(Debug)]
pub(crate) struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Settings {
    /// The built-in demo.
    pub(crate) fn demo() -> Result<Self, ConfigError> {
        let settings = Self::parse(DEMO, Path::new("")).map_err(|e| named("demo.toml", &e))?;
        Ok(Self { built_in: true, ..settings })
    }

    /// The file's; its relative paths are relative to it.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|e| named(&name, &e))?;
        let directory = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, directory).map_err(|e| named(&name, &e))
    }

    fn parse(text: &str, directory: &Path) -> Result<Self, ConfigError> {
        let mut settings: Self = toml::from_str(text).map_err(|e| located(text, e))?;
        settings.resolve(directory);
        settings.check()?;
        Ok(settings)
    }

    fn resolve(&mut self, directory: &Path) {
        let secrets = &mut self.secrets;
        let lists = secrets.token.iter_mut().chain(&mut secrets.storage).flatten();
        let files = lists.chain(&mut secrets.pairwise).filter_map(|source| match source {
            SecretSource::File(path) => Some(path),
            SecretSource::Value(_) => None,
        });
        let tls = self.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]);
        for path in files.chain(tls).chain(&mut self.keys.file).chain([&mut self.data]) {
            *path = directory.join(&*path);
        }
    }

    /// What contradicts itself although each member is well-formed.
    fn check(&self) -> Result<(), ConfigError> {
        let twice = |what: &str, name: &str| {
            Err(ConfigError(format!("{what} {name:?} is there twice; each has its own")))
        };
        let (mut ids, mut subs) = (HashSet::new(), HashSet::new());
        for ClientEntry(client) in &self.clients {
            if !ids.insert(&client.id) {
                return twice("clients: client_id", client.id.as_str());
            }
        }
        for user in &self.users {
            if !subs.insert(&user.sub) {
                return twice("users: sub", user.sub.as_str());
            }
        }
        if self.tls.is_some() && !self.issuer.is_https() {
            return Err(ConfigError::new(
                "tls: browsers would be sent to the http address of `issuer`; make it https",
            ));
        }
        if !self.keys.algorithms().contains(&SigningAlgorithm::RS256) {
            return Err(ConfigError::new(
                "keys.algorithms: RS256 must be among them (OpenID Connect Core, section 15.1)",
            ));
        }
        if self.secrets.token.as_deref().is_some_and(<[_]>::is_empty) {
            return Err(ConfigError::new("secrets.token: the list is empty"));
        }
        if self.limits.period == 0 || self.limits.smallest() == 0 {
            return Err(ConfigError::new("limits: every number is at least 1"));
        }
        let StoreKind::Memory = self.store;
        match self.provider().contradictions().into_iter().next() {
            Some(finding) => Err(ConfigError(finding)),
            None => Ok(()),
        }
    }

    /// What the library wants to know.
    pub(crate) fn provider(&self) -> Config {
        let mut config = Config::new(self.issuer.clone());
        let (to, from) = (&mut config.lifetimes, &self.lifetimes);
        for (to, from) in [
            (&mut to.code, from.code),
            (&mut to.access_token, from.access_token),
            (&mut to.refresh_token, from.refresh_token),
            (&mut to.id_token, from.id_token),
            (&mut to.session, from.session),
            (&mut to.interaction, from.interaction),
            (&mut to.consent, from.consent),
            (&mut to.metadata_cache, from.metadata_cache),
        ] {
            if let Some(seconds) = from {
                *to = Duration::seconds(seconds.into());
            }
        }
        config.policy.require_pkce = self.policy.require_pkce;
        config.scopes = self.scopes.scope();
        config.ui_locales = vec!["en".into()];
        config.account_creation = self.features.registration;
        config
    }
}

fn named(name: &str, problem: &dyn fmt::Display) -> ConfigError {
    ConfigError(format!("{name}: {problem}"))
}

/// One line of the parser's finding: where, which member, what; never the text of the line itself,
/// which may be a secret.
fn located(text: &str, mut error: toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let message = error.message().replace('\n', "; ");
    error.set_input(None);
    let shown = error.to_string();
    let member = shown.rsplit_once("in `").and_then(|(_, rest)| rest.split('`').next());
    let member = member.map(|member| format!("{member}: ")).unwrap_or_default();
    ConfigError(format!("line {line}, column {column}: {member}{message}"))
}

fn default_data() -> PathBuf {
    "data".into()
}

fn default_log() -> String {
    "info".into()
}

fn issuer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Issuer, D::Error> {
    Issuer::new(String::deserialize(deserializer)?).map_err(Error::custom)
}

/// Where records are kept.
#[derive(Debug, Default)]
enum StoreKind {
    #[default]
    Memory,
}

impl<'de> Deserialize<'de> for StoreKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Only the scheme is repeated: the rest of a store's address may hold a password.
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some((scheme, _)) => Err(Error::custom(format_args!(
                "a store of the kind {scheme:?} is not supported; \"memory:\" is"
            ))),
            None => Err(Error::custom("a store is written with its scheme, as in \"memory:\"")),
        }
    }
}

/// The server's own certificate; without it a proxy speaks TLS.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The chain, as PEM.
    pub(crate) certificate: PathBuf,
    /// The private key, as PEM.
    pub(crate) key: PathBuf,
}

/// How long things live, in seconds; what is absent has the library's default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Lifetimes {
    code: Option<u32>,
    access_token: Option<u32>,
    refresh_token: Option<u32>,
    id_token: Option<u32>,
    session: Option<u32>,
    interaction: Option<u32>,
    consent: Option<u32>,
    metadata_cache: Option<u32>,
}

/// What is demanded of clients.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Policy {
    require_pkce: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { require_pkce: true }
    }
}

/// Parts of the server that are off unless asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Features {
    /// Whether people may create accounts.
    pub(crate) registration: bool,
    /// Whether the demo relying party is there.
    pub(crate) demo: bool,
}

/// How many wrong guesses are borne, each within `period` seconds, and how long a request may take.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Seconds after which all of an allowance is back.
    pub(crate) period: u32,
    /// At one account, from one source.
    pub(crate) login_failures: u32,
    /// At one account, from anywhere.
    pub(crate) login_failures_per_account: u32,
    /// From one source, at any account.
    pub(crate) login_failures_per_source: u32,
    /// At one client's secret, from one source.
    pub(crate) client_failures: u32,
    /// Accounts created from one source.
    pub(crate) registrations: u32,
    /// Seconds that a request may take, its body included; slow clients are hung up on soon after.
    pub(crate) request: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            period: 300,
            login_failures: 10,
            login_failures_per_account: 100,
            login_failures_per_source: 100,
            client_failures: 30,
            registrations: 20,
            request: 30,
        }
    }
}

impl Limits {
    pub(crate) const fn period(&self) -> StdDuration {
        StdDuration::from_secs(self.period as u64)
    }

    /// How long a request may take.
    pub(crate) const fn request(&self) -> StdDuration {
        StdDuration::from_secs(self.request as u64)
    }

    /// How long a connection may take from the first byte of a request to its answer, and idle
    /// before: a little longer, so that a slow request is answered rather than cut off.
    pub(crate) fn connection(&self) -> StdDuration {
        self.request() + self.request() / 6
    }

    fn smallest(&self) -> u32 {
        self.login_failures
            .min(self.login_failures_per_account)
            .min(self.login_failures_per_source)
            .min(self.client_failures)
            .min(self.registrations)
            .min(self.request)
    }
}

/// Where the signing keys are.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keys {
    /// A private JWK Set; made in the data directory if absent.
    pub(crate) file: Option<PathBuf>,
    algorithms: Option<Vec<SigningAlgorithm>>,
}

impl Keys {
    /// What there must be a key for.
    pub(crate) fn algorithms(&self) -> &[SigningAlgorithm] {
        use SigningAlgorithm::{ES256, EdDSA, PS256, RS256};
        match (&self.algorithms, &self.file) {
            (Some(algorithms), _) => algorithms,
            (None, Some(_)) => &[RS256],
            (None, None) => &[RS256, ES256, EdDSA, PS256],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "issuer = \"http://localhost:1\"\nlisten = \"127.0.0.1:1\"\n";

    fn refusal(rest: &str) -> String {
        let text = format!("{HEAD}{rest}");
        Settings::parse(&text, Path::new("")).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn the_demo_and_the_sample_load() {
        assert!(Settings::demo().unwrap().built_in);
        let sample = Settings::parse(include_str!("../sample.toml"), Path::new("/x")).unwrap();
        assert_eq!(sample.data, Path::new("/x/data"));
        assert_eq!(sample.clients.len(), 3);
    }

    #[test]
    fn refusals_name_the_line_and_the_member() {
        for (rest, names) in [
            ("x = 1", "line 3, column 1: unknown field `x`"),
            ("x = ", "line 3, column 5"),
            ("store = \"sqlite:/x?key=hush\"", "line 3, column 9: store: a store of the kind"),
            ("[lifetimes]\ncode = -1", "line 4, column 8: lifetimes.code: invalid value"),
            ("[features]\nmagic = true", "line 4, column 1: features: unknown field `magic`"),
            (
                "[[clients]]\nclient_id = \"a\"\nlogo = 1",
                "line 5, column 8: clients.logo: a client",
            ),
            (
                "[[clients]]\nredirect_uris = [\"http://x.example\"]",
                "clients.redirect_uris: a redir",
            ),
            ("[[clients]]\nclient_id = \"a\"\n", "line 3, column 1: clients: client \"a\" has no"),
            ("[[clients]]\n", "missing field `client_id`"),
            ("[[users]]\nusername = \"a\"\nsub = \"a\"\n", "give either password or password_hash"),
            ("[keys]\nalgorithms = [\"ES256\"]", "RS256 must be among"),
            ("[secrets]\ntoken = []", "secrets.token: the list is empty"),
            ("[limits]\nperiod = 0", "limits: every number"),
            ("trusted_proxies = [\"10.0.0.0/33\"]", "line 3, column 19: trusted_proxies: an IP"),
            ("scopes = [\"a b\"]", "scopes: \"a b\" is not one scope token"),
            ("[tls]\ncertificate = \"c\"\nkey = \"k\"", "tls: browsers"),
        ] {
            let text = refusal(rest);
            assert!(text.contains(names), "{rest:?}: {text}");
            assert!(!text.contains('\n'), "{text}");
        }
    }

    /// Threat SL-05: a refusal does not repeat a secret.
    #[test]
    fn refusals_keep_secrets() {
        for rest in [
            "[secrets]\ntoken = \"hush\"",
            "[secrets]\ntoken = { value = \"hush\" }",
            "[secrets]\npairwise = [{ value = \"hush\" }]",
            "[[users]]\npassword = 90210",
            "[[clients]]\nclient_secret = [\"hush\"]",
            "store = \"redis://:hush@host\"",
        ] {
            let text = refusal(rest);
            assert!(!text.contains("hush") && !text.contains("90210"), "{text}");
        }
    }
}
