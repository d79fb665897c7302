//! The configuration: one TOML file, read whole or refused with one sentence.
//!
//! A refusal names the file and the line or the member, and never repeats the value of a secret.

mod check;
mod claims;
mod clients;
mod exchange;
mod fetch;
mod keys;
mod lifetimes;
mod limits;
mod manage;
mod member;
mod network;
mod offers;
mod paths;
mod place;
mod policy;
mod profile;
mod realms;
mod registration;
mod resources;
mod scopes;
mod secrets;
mod sign_in;
mod sign_up;
mod sources;
mod store;
mod trusted_issuers;
mod upstreams;
mod users;

use std::{
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use oidc_op::{
    Acr, ClaimSources, Config, GrantType, Issuer, Resource, ResponseType, SigningAlgorithm,
};
use serde::{Deserialize, Deserializer, de::Error};

pub(crate) use self::{
    claims::Claims,
    clients::{ClientEntry, ClientMembers, ClientSettings, with_secret},
    exchange::ExchangeRule,
    fetch::FetchEntry,
    keys::Keys,
    limits::Limits,
    manage::ManageEntry,
    network::Network,
    offers::Offers,
    place::Source,
    profile::ProfileEntry,
    registration::Registration,
    resources::ResourceEntry,
    scopes::Scopes,
    secrets::{Hidden, SecretSource, SecretSources, secret},
    sign_in::SignIn,
    sign_up::{SignUp, Wanted},
    trusted_issuers::TrustedIssuerEntry,
    upstreams::{UpstreamEntry, is_loopback, is_safe},
    users::{PIN, Password, UserEntry, is_pin},
};
use self::{lifetimes::Lifetimes, paths::Paths, policy::Policy, store::StoreEntry};
use crate::assurance::Assurance;

/// What the server does without `--config`.
const DEMO: &str = include_str!("../demo.toml");

/// Everything that the file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(deserialize_with = "issuer")]
    pub(crate) issuer: Issuer,
    /// Where all of them are served; only realms have none of their own.
    listen: Option<SocketAddr>,
    pub(crate) tls: Option<Tls>,
    #[serde(default)]
    pub(crate) store: StoreEntry,
    /// Kinds of records that are kept in other stores.
    #[serde(default)]
    pub(crate) stores: store::Elsewhere,
    #[serde(default = "default_data")]
    pub(crate) data: PathBuf,
    #[serde(default = "default_log")]
    pub(crate) log: String,
    #[serde(default)]
    pub(crate) trusted_proxies: Vec<Network>,
    /// The response types that there are; all, if absent.
    response_types: Option<Vec<ResponseType>>,
    /// The context class that signing in with a password satisfies.
    acr: Option<Acr>,
    /// The one that a second factor satisfies.
    acr_mfa: Option<Acr>,
    /// All that are advertised; the two above, if absent.
    acr_values: Option<Vec<Acr>>,
    #[serde(default = "default_ui_locales")]
    ui_locales: Vec<String>,
    /// The hosts whose people sign in here.
    #[serde(default)]
    webfinger: Vec<String>,
    #[serde(default)]
    pub(crate) scopes: Scopes,
    #[serde(default)]
    pub(crate) claims: Claims,
    #[serde(default)]
    pub(crate) resources: Vec<ResourceEntry>,
    /// Which of them a token is for if the client names none.
    default_resource: Option<Resource>,
    #[serde(default)]
    pub(crate) clients: Vec<ClientEntry>,
    #[serde(default)]
    pub(crate) exchange: Vec<ExchangeRule>,
    #[serde(default)]
    pub(crate) trusted_issuers: Vec<TrustedIssuerEntry>,
    #[serde(default)]
    pub(crate) users: Vec<UserEntry>,
    #[serde(default)]
    lifetimes: Lifetimes,
    #[serde(default)]
    paths: Paths,
    #[serde(default)]
    policy: Policy,
    /// Whether clients register themselves, and how.
    pub(crate) registration: Option<Registration>,
    /// Whether there is a management API.
    pub(crate) manage: Option<ManageEntry>,
    /// Whether people's apps read and change their profile.
    pub(crate) profile: Option<ProfileEntry>,
    #[serde(default)]
    pub(crate) features: Features,
    #[serde(default)]
    pub(crate) sign_in: SignIn,
    #[serde(default)]
    pub(crate) sign_up: SignUp,
    /// Providers that people sign in with.
    #[serde(default)]
    pub(crate) upstreams: Vec<UpstreamEntry>,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    pub(crate) secrets: SecretSources,
    #[serde(default)]
    pub(crate) keys: Keys,
    #[serde(default)]
    pub(crate) fetch: FetchEntry,
    /// Further issuers.
    #[serde(default)]
    realms: Vec<Self>,
    /// Whether this is the built-in configuration, whose passwords everybody may know.
    #[serde(skip)]
    pub(crate) built_in: bool,
    #[serde(skip)]
    pub(crate) source: Source,
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
        let settings = Self::parse(Source::new("demo.toml", DEMO), Path::new(""))?;
        Ok(Self { built_in: true, ..settings })
    }

    /// The file's; its relative paths are relative to it.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|e| ConfigError(format!("{}: {e}", path.display())))?;
        Self::parse(Source::of(path, &text), path.parent().unwrap_or(Path::new("")))
    }

    fn parse(source: Source, directory: &Path) -> Result<Self, ConfigError> {
        let mut settings: Self =
            toml::from_str(source.text()).map_err(|error| source.misread(error))?;
        settings.resolve(directory);
        settings.hand_down();
        let checked = settings.check().and_then(|()| settings.check_realms(&source));
        checked.map_err(|error| source.locate(&error))?;
        Ok(Self { source, ..settings })
    }

    fn resolve(&mut self, directory: &Path) {
        let secrets = &mut self.secrets;
        let lists = secrets.token.iter_mut().chain(&mut secrets.storage).flatten();
        let files = lists.chain(&mut secrets.pairwise).filter_map(|source| match source {
            SecretSource::File(path) => Some(path),
            SecretSource::Value(_) => None,
        });
        let tls = self.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]);
        let keys = self.keys.file.iter_mut().chain(&mut self.keys.decryption);
        for path in files.chain(tls).chain(keys).chain(&mut self.fetch.ca).chain([&mut self.data]) {
            *path = directory.join(&*path);
        }
        for store in [&mut self.store].into_iter().chain(self.stores.values_mut()) {
            store.relative_to(directory);
        }
        if let Some(registration) = &mut self.registration {
            registration.resolve(directory);
        }
        let manage = self.manage.as_ref().and_then(|manage| manage.server(&self.issuer));
        self.resources.extend(manage);
        let profile = self.profile.as_ref().and_then(|profile| profile.server(&self.issuer));
        self.resources.extend(profile);
        for realm in &mut self.realms {
            realm.resolve(directory);
        }
    }

    /// Where the server listens.
    pub(crate) fn listen(&self) -> Result<SocketAddr, ConfigError> {
        self.listen.ok_or_else(|| ConfigError::new("listen: is missing; 127.0.0.1:8080, say"))
    }

    /// What clients can have here.
    pub(crate) fn offers(&self) -> Offers {
        let grant_types = [
            (GrantType::Password, self.password_grant()),
            (GrantType::TokenExchange, !self.exchange.is_empty()),
            (GrantType::JwtBearer, !self.trusted_issuers.is_empty()),
        ];
        let grant_types = grant_types.into_iter().filter(|(_, is)| *is).map(|(grant, _)| grant);
        Offers {
            grant_types: grant_types.collect(),
            response_types: self.response_types(),
            unsigned: self.policy.unsigned == Some(true),
            native_loopback_only: self.policy.native_loopback_only == Some(true),
            resources: self.resources.iter().map(|entry| entry.0.resource.clone()).collect(),
        }
    }

    fn response_types(&self) -> Vec<ResponseType> {
        self.response_types.clone().unwrap_or_else(|| ResponseType::ALL.to_vec())
    }

    /// What there must be a signing key for.
    pub(crate) fn algorithms(&self) -> Vec<SigningAlgorithm> {
        let mut algorithms = self.keys.algorithms().to_vec();
        for algorithm in self.resources.iter().filter_map(ResourceEntry::algorithm) {
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        algorithms
    }

    /// Whether clients may come to send people's passwords: by a feature, or because one in the file may.
    pub(crate) fn password_grant(&self) -> bool {
        self.features.password_grant || self.clients.iter().any(|entry| entry.0.password_grant)
    }

    /// Those that somebody can satisfy, each once.
    fn classes(&self) -> Vec<Acr> {
        let upstream = self.upstreams.iter().filter_map(|upstream| upstream.acr.as_ref());
        let mut classes = Vec::new();
        for acr in self.acr.iter().chain(&self.acr_mfa).chain(upstream) {
            if !classes.contains(acr) {
                classes.push(acr.clone());
            }
        }
        classes
    }

    /// The context classes that a sign-in here can satisfy.
    pub(crate) fn assurance(&self) -> Assurance {
        Assurance { password: self.acr.clone(), second_factor: self.acr_mfa.clone() }
    }

    /// What the library wants to know.
    pub(crate) fn provider(&self) -> Config {
        let mut config = Config::new(self.issuer.clone());
        self.lifetimes.write(&mut config.lifetimes);
        self.paths.write(&mut config.paths);
        self.policy.write(&mut config.policy);
        config.limits.accounts = self.limits.accounts.into();
        config.resources = self.resources.iter().map(|entry| entry.0.clone()).collect();
        config.default_resource.clone_from(&self.default_resource);
        config.scopes = self.scopes.scope();
        config.parameters = self.sign_in.parameters();
        config.response_types = self.response_types();
        config.claims.clone_from(&self.claims.rules);
        config.claims.sources |=
            self.users.iter().any(|user| user.sources != ClaimSources::default());
        if config.claims.supported.is_none() {
            config.claims.supported = self.known_claims();
        }
        config.acr_values = self.acr_values.clone().unwrap_or_else(|| self.classes());
        config.ui_locales.clone_from(&self.ui_locales);
        config.webfinger.clone_from(&self.webfinger);
        config.account_creation = self.sign_up.enabled;
        config.registration = self.registration.as_ref().map(Registration::rules);
        config
    }

    /// With a mapping it is known which claims there can be: its own, those that somebody has, those
    /// that accounts are created with or upstreams bring along, those that people write themselves, and those that
    /// scopes or APIs of ours ask for. Not where a client may say anything of people, over the management API.
    fn known_claims(&self) -> Option<Vec<Box<str>>> {
        if self.manage.is_some() {
            return None;
        }
        let mapped = self.claims.mapping.as_ref()?.claims();
        let scopes = self.claims.rules.scopes.values().flatten().map(|name| &**name);
        let apis = self.resources.iter().flat_map(|entry| &entry.0.claims).map(|name| &**name);
        let given = self
            .users
            .iter()
            .flat_map(|user| user.claims.keys().map(String::as_str).chain(user.sources.claims()));
        let written = self.profile.iter().flat_map(ProfileEntry::claims);
        let given = given.chain(self.sign_up.claims()).chain(written);
        let mut known = Vec::<Box<str>>::new();
        let brought = self.upstreams.iter().flat_map(|upstream| upstream.claims.claims());
        for name in mapped.chain(scopes).chain(apis).chain(given).chain(brought) {
            let name = name.split_once('#').map_or(name, |(name, _)| name);
            if !known.iter().any(|known| **known == *name) {
                known.push(name.into());
            }
        }
        Some(known)
    }
}

fn default_ui_locales() -> Vec<String> {
    vec!["en".into()]
}

/// A path for people; not if somebody has put a secret in its place.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if text.contains(['\n', '{']) || secret(name).is_ok() {
        return "what is named there is no file".into();
    }
    text
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

/// The server's own certificate; without it a proxy speaks TLS.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The chain, as PEM.
    pub(crate) certificate: PathBuf,
    /// The private key, as PEM.
    pub(crate) key: PathBuf,
}

/// Parts of the server that are off unless asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Features {
    /// Whether the demo relying party is there.
    pub(crate) demo: bool,
    /// Whether there is the password grant, for the clients that an administrator gives it to.
    pub(crate) password_grant: bool,
}

#[cfg(test)]
mod tests;
