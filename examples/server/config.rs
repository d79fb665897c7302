//! The configuration: one TOML file, read whole or refused with one sentence.
//!
//! A refusal names the file and the line or the member, and never repeats the value of a secret.

use std::{
    fmt, fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration as StdDuration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{
    AuthMethod, Client, ClientId, ClientMetadata, ClientSecret, Config, Duration, Issuer, Scope,
    Secret, SigningAlgorithm, Subject,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value};

/// What the server does without `--config`.
const DEMO: &str = include_str!("demo.toml");

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
        let mut seen = Vec::new();
        for ClientEntry(client) in &self.clients {
            if seen.contains(&&client.id) {
                return twice("clients: client_id", client.id.as_str());
            }
            seen.push(&client.id);
        }
        let mut subs = Vec::new();
        for user in &self.users {
            if subs.contains(&&user.sub) {
                return twice("users: sub", user.sub.as_str());
            }
            subs.push(&user.sub);
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
        Ok(())
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
    Issuer::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
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
            Some((scheme, _)) => Err(D::Error::custom(format_args!(
                "a store of the kind {scheme:?} is not supported; \"memory:\" is"
            ))),
            None => Err(D::Error::custom("a store is written with its scheme, as in \"memory:\"")),
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

/// How many wrong guesses are borne, each within `period` seconds.
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
        }
    }
}

impl Limits {
    pub(crate) const fn period(&self) -> StdDuration {
        StdDuration::from_secs(self.period as u64)
    }

    fn smallest(&self) -> u32 {
        self.login_failures
            .min(self.login_failures_per_account)
            .min(self.login_failures_per_source)
            .min(self.client_failures)
            .min(self.registrations)
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

/// Where the secrets are; made in the data directory if absent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SecretSources {
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) token: Option<Vec<SecretSource>>,
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) storage: Option<Vec<SecretSource>>,
    pub(crate) pairwise: Option<SecretSource>,
}

/// `{ file = "…" }` or `{ value = "…" }`.
#[derive(Debug)]
pub(crate) enum SecretSource {
    File(PathBuf),
    Value(Secret),
}

impl SecretSource {
    fn from_toml(value: &toml::Value) -> Result<Self, &'static str> {
        const SHAPE: &str = "a secret is { file = \"…\" } or { value = \"…\" }";
        let table = value.as_table().filter(|table| table.len() == 1).ok_or(SHAPE)?;
        match table.iter().next() {
            Some((name, toml::Value::String(path))) if name == "file" => {
                Ok(Self::File(path.into()))
            }
            Some((name, toml::Value::String(text))) if name == "value" => {
                Ok(Self::Value(secret(text)?))
            }
            _ => Err(SHAPE),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By way of a `Value`: the errors of a typed parser quote what they have read.
        let value = toml::Value::deserialize(deserializer)?;
        Self::from_toml(&value).map_err(D::Error::custom)
    }
}

fn one_or_more<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<SecretSource>>, D::Error> {
    let value = toml::Value::deserialize(d)?;
    let list = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
    let sources: Result<_, _> = list.iter().map(SecretSource::from_toml).collect();
    sources.map(Some).map_err(D::Error::custom)
}

/// Reads a secret as the data directory and the file write it.
pub(crate) fn secret(text: &str) -> Result<Secret, &'static str> {
    const SHAPE: &str = "a secret is base64url of at least 32 bytes, without padding";
    Secret::new(URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| SHAPE)?).map_err(|_| SHAPE)
}

/// A text that is not to be seen, not even in an error of the parser.
#[derive(Clone)]
pub(crate) struct Hidden(String);

impl Hidden {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(..)")
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) if !text.is_empty() => Ok(Self(text)),
            _ => Err(D::Error::custom("must be a text that is not empty")),
        }
    }
}

/// A person.
#[derive(Debug)]
pub(crate) struct UserEntry {
    pub(crate) username: String,
    pub(crate) password: Password,
    pub(crate) sub: Subject,
    pub(crate) claims: Map<String, Value>,
    pub(crate) disabled: bool,
}

/// How a password is given.
#[derive(Clone, Debug)]
pub(crate) enum Password {
    Plain(Hidden),
    /// A PHC string.
    Hash(Hidden),
}

impl<'de> Deserialize<'de> for UserEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Members {
            username: String,
            password: Option<Hidden>,
            password_hash: Option<Hidden>,
            sub: Subject,
            #[serde(default)]
            claims: toml::Table,
            #[serde(default)]
            disabled: bool,
        }
        let members = Members::deserialize(deserializer)?;
        if members.username.trim().is_empty() {
            return Err(D::Error::custom("username is empty"));
        }
        let password = match (members.password, members.password_hash) {
            (Some(plain), None) => Password::Plain(plain),
            (None, Some(hash)) => Password::Hash(hash),
            _ => return Err(D::Error::custom("give either password or password_hash")),
        };
        let claims = members.claims.into_iter();
        let claims: Result<_, _> = claims
            .map(|(name, value)| Ok((name, claim(value).map_err(D::Error::custom)?)))
            .collect();
        Ok(Self {
            username: members.username,
            password,
            sub: members.sub,
            claims: claims?,
            disabled: members.disabled,
        })
    }
}

/// A claim as JSON; a date becomes its text.
fn claim(value: toml::Value) -> Result<Value, &'static str> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => {
            serde_json::Number::from_f64(number).ok_or("claims: a number must be finite")?.into()
        }
        toml::Value::Boolean(bit) => bit.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(list) => {
            Value::Array(list.into_iter().map(claim).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(table) => Value::Object(
            table
                .into_iter()
                .map(|(name, value)| Ok((name, claim(value)?)))
                .collect::<Result<_, &'static str>>()?,
        ),
    })
}

/// A client: its registered metadata by their RFC 7591 names, and settings of ours.
#[derive(Debug)]
pub(crate) struct ClientEntry(pub(crate) Client);

impl<'de> Deserialize<'de> for ClientEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClientVisitor).map(Self)
    }
}

struct ClientVisitor;

impl<'de> Visitor<'de> for ClientVisitor {
    type Value = Client;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table with the members of a client")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Client, A::Error> {
        let mut id: Option<ClientId> = None;
        let mut secret: Option<Hidden> = None;
        let (mut require_pkce, mut first_party, mut enabled) = (None, false, true);
        let mut metadata = toml::Table::new();
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "client_id" => id = Some(map.next_value()?),
                "client_secret" => secret = Some(map.next_value()?),
                "require_pkce" => require_pkce = Some(map.next_value()?),
                "first_party" => first_party = map.next_value()?,
                "enabled" => enabled = map.next_value()?,
                _ => {
                    let value = map.next_value_seed(Member(&name))?;
                    metadata.insert(name, value);
                }
            }
        }
        let id = id.ok_or_else(|| A::Error::missing_field("client_id"))?;
        let method_is_named = metadata.contains_key("token_endpoint_auth_method");
        let metadata: ClientMetadata = metadata.try_into().map_err(A::Error::custom)?;
        let client = match (secret, metadata.token_endpoint_auth_method) {
            (Some(secret), _) => {
                Client::confidential(id, ClientSecret::new(secret.expose()), metadata)
            }
            (None, AuthMethod::None) => Client::public(id, metadata),
            (None, _) => {
                let hint =
                    if method_is_named { "" } else { " (or token_endpoint_auth_method none)" };
                return Err(A::Error::custom(format_args!(
                    "client {id:?} has no client_secret{hint}"
                )));
            }
        };
        let mut client = client.map_err(A::Error::custom)?;
        client.require_pkce = require_pkce;
        client.first_party = first_party;
        client.enabled = enabled;
        Ok(client)
    }
}

/// One member of the metadata, checked alone, so that an error is reported at its line.
struct Member<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = toml::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<toml::Value, D::Error> {
        let Self(name) = self;
        if !ClientMetadata::MEMBERS.contains(&name) {
            return Err(D::Error::custom("a client has no such member"));
        }
        let value = toml::Value::deserialize(deserializer)?;
        let alone = toml::Table::from_iter([(name.to_owned(), value.clone())]);
        match alone.try_into::<ClientMetadata>() {
            Ok(_) => Ok(value),
            Err(error) => Err(D::Error::custom(error.message())),
        }
    }
}

/// Scopes of the host's own: a list of tokens, or a table from tokens to what they mean to people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scopes(Vec<(String, Option<String>)>);

impl Scopes {
    /// What a token means to people, if the file says so.
    pub(crate) fn meaning(&self, token: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == token)?.1.as_deref()
    }

    fn scope(&self) -> Scope {
        let tokens: Vec<_> = self.0.iter().map(|(token, _)| token.as_str()).collect();
        // Checked when it was read.
        Scope::parse(&tokens.join(" ")).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tokens: Option<Vec<_>> = match toml::Value::deserialize(deserializer)? {
            toml::Value::Array(list) => {
                list.iter().map(|token| Some((token.as_str()?.to_owned(), None))).collect()
            }
            toml::Value::Table(table) => table
                .into_iter()
                .map(|(token, meaning)| Some((token, Some(meaning.as_str()?.to_owned()))))
                .collect(),
            _ => None,
        };
        let tokens = tokens.ok_or_else(|| {
            D::Error::custom("a list of scope tokens, or a table from tokens to their meanings")
        })?;
        for (token, _) in &tokens {
            let alone = Scope::parse(token).map_err(D::Error::custom)?;
            if alone.iter().ne([token.as_str()]) {
                return Err(D::Error::custom(format_args!("{token:?} is not one scope token")));
            }
        }
        Ok(Self(tokens))
    }
}

/// An address, or all that share a prefix with one: `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Self { address, prefix })
    }

    pub(crate) fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let differ = a.to_bits() ^ b.to_bits();
                differ.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let differ = a.to_bits() ^ b.to_bits();
                differ.leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom("an IP address, or a network such as \"10.0.0.0/8\""))
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
        let sample = Settings::parse(include_str!("sample.toml"), Path::new("/x")).unwrap();
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
            ("trusted_proxies = [\"10.0.0.0/33\"]", "line 3, column 20: trusted_proxies: an IP"),
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

    #[test]
    fn networks_contain_addresses() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.200.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("::1", "::1", true),
            ("fd00::/8", "fd12::1", true),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{network:?} {address}");
        }
    }
}
