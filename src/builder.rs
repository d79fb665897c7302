use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    claims::{Accounts, Pairwise},
    client::{
        ClientPermissions, Clients, Decoded, GrantType, Publishers, RegistrationPolicy,
        SecretHashes,
    },
    config::Config,
    discovery::Endpoints,
    env::{Clock, Entropy, Observer, SystemClock, SystemEntropy},
    fetch::Fetch,
    jose::DecryptionKeys,
    logout::LastRound,
    mint::{AccessTokenFormat, Signer},
    provider::{Core, Provider},
    secret::{Secrets, StorageKeys, TokenKeys, same_kid},
    steady::Steady,
    store::Store,
    throttle::Throttle,
    token::{ExchangePolicy, ExtensionGrant, PasswordAuthenticator, TrustedIssuers},
    types::{Scope, SigningAlgorithm},
    waiting::Waiting,
    wire::CookieNames,
};

/// Puts a [`Provider`] together.
///
/// `store`, `clients`, `accounts`, `signer` and `secrets` are needed and have no default: nothing
/// that must be kept or kept secret is made up. The crate's front page has a
/// [quick start](crate#quick-start).
///
/// ```
/// use oidc_op::{Config, Issuer, Provider};
///
/// let config = Config::new(Issuer::new("https://id.example").unwrap());
/// let error = Provider::builder(config).build().unwrap_err();
/// assert!(error.findings().contains(&"store is not set".to_owned()));
/// assert_eq!(error.findings().len(), 5, "all at once");
/// ```
#[derive(Debug)]
pub struct ProviderBuilder {
    config: Config,
    secrets: Secrets,
    store: Option<Arc<dyn Store>>,
    clients: Option<Arc<dyn Clients>>,
    accounts: Option<Arc<dyn Accounts>>,
    signer: Option<Arc<dyn Signer>>,
    decryption: Option<DecryptionKeys>,
    fetch: Option<Arc<dyn Fetch>>,
    secret_hashes: Option<Arc<dyn SecretHashes>>,
    throttle: Arc<dyn Throttle>,
    permissions: Option<Arc<dyn ClientPermissions>>,
    registrations: Option<Arc<dyn RegistrationPolicy>>,
    publishers: Option<Arc<dyn Publishers>>,
    passwords: Option<Arc<dyn PasswordAuthenticator>>,
    exchanges: Option<Arc<dyn ExchangePolicy>>,
    issuers: Option<Arc<dyn TrustedIssuers>>,
    extensions: Vec<Arc<dyn ExtensionGrant>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    observer: Arc<dyn Observer>,
}

/// Everything that is missing or contradicts itself, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError(Vec<String>);

impl BuildError {
    /// The findings, each a sentence that names the member.
    pub fn findings(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provider cannot be built: {}", self.0.join("; "))
    }
}

impl std::error::Error for BuildError {}

impl ProviderBuilder {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            secrets: Secrets::default(),
            store: None,
            clients: None,
            accounts: None,
            signer: None,
            decryption: None,
            fetch: None,
            secret_hashes: None,
            throttle: Arc::new(()),
            permissions: None,
            registrations: None,
            publishers: None,
            passwords: None,
            exchanges: None,
            issuers: None,
            extensions: Vec::new(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::new()),
            observer: Arc::new(()),
        }
    }

    /// Where records are kept; a store or an `Arc` of one. Needed.
    #[must_use]
    pub fn store(self, store: impl Store) -> Self {
        Self { store: Some(Arc::new(store)), ..self }
    }

    /// Who the clients are. Needed.
    #[must_use]
    pub fn clients(self, clients: impl Clients) -> Self {
        Self { clients: Some(Arc::new(clients)), ..self }
    }

    /// Who the people are. Needed.
    #[must_use]
    pub fn accounts(self, accounts: impl Accounts) -> Self {
        Self { accounts: Some(Arc::new(accounts)), ..self }
    }

    /// What signs tokens; it must have a key for RS256. Needed.
    #[must_use]
    pub fn signer(self, signer: impl Signer) -> Self {
        Self { signer: Some(Arc::new(signer)), ..self }
    }

    /// The host's secrets, of which at least one is for tokens. Needed.
    #[must_use]
    pub fn secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// The keys for JWTs that clients encrypt to the provider, such as request objects; none by
    /// default, and then only a client's secret can encrypt.
    #[must_use]
    pub fn decryption(self, keys: DecryptionKeys) -> Self {
        Self { decryption: Some(keys), ..self }
    }

    /// What reaches documents that clients name by their addresses; nothing does by default, and then
    /// `request_uri` is not supported, and no client can use keys that it publishes at its `jwks_uri`.
    ///
    /// # Security
    ///
    /// Strangers choose the addresses: it must not reach into the host's own network.
    #[must_use]
    pub fn fetch(self, fetch: impl Fetch) -> Self {
        Self { fetch: Some(Arc::new(fetch)), ..self }
    }

    /// What checks client secrets that people have chosen and that are hashed
    /// ([`ClientSecret::hashed`](crate::ClientSecret::hashed)); nothing does by default, and then they
    /// fit nothing.
    #[must_use]
    pub fn secret_hashes(self, hashes: impl SecretHashes) -> Self {
        Self { secret_hashes: Some(Arc::new(hashes)), ..self }
    }

    /// What limits attempts; nothing does by default.
    #[must_use]
    pub fn throttle(self, throttle: impl Throttle) -> Self {
        Self { throttle: Arc::new(throttle), ..self }
    }

    /// What bounds clients that have an owner; without it, only whether the owner is active.
    #[must_use]
    pub fn permissions(self, permissions: impl ClientPermissions) -> Self {
        Self { permissions: Some(Arc::new(permissions)), ..self }
    }

    /// Who decides about each registration of a client; without it, the
    /// [rules](crate::Config::registration) alone.
    #[must_use]
    pub fn registrations(self, policy: impl RegistrationPolicy) -> Self {
        Self { registrations: Some(Arc::new(policy)), ..self }
    }

    /// Whose software statements count; without it they are ignored.
    #[must_use]
    pub fn publishers(self, publishers: impl Publishers) -> Self {
        Self { publishers: Some(Arc::new(publishers)), ..self }
    }

    /// What checks people's passwords for the password grant; without it there is no such grant.
    #[must_use]
    pub fn passwords(self, passwords: impl PasswordAuthenticator) -> Self {
        Self { passwords: Some(Arc::new(passwords)), ..self }
    }

    /// What lets clients exchange tokens; without it nobody may.
    #[must_use]
    pub fn exchanges(self, exchanges: impl ExchangePolicy) -> Self {
        Self { exchanges: Some(Arc::new(exchanges)), ..self }
    }

    /// Whose assertions count in place of a person's consent; without it nobody's.
    #[must_use]
    pub fn issuers(self, issuers: impl TrustedIssuers) -> Self {
        Self { issuers: Some(Arc::new(issuers)), ..self }
    }

    /// A grant type of the host's own; there may be several.
    #[must_use]
    pub fn extension(mut self, grant: impl ExtensionGrant) -> Self {
        self.extensions.push(Arc::new(grant));
        self
    }

    /// What tells the time; the system's clock by default.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Where randomness comes from; the operating system by default.
    #[must_use]
    pub fn entropy(self, entropy: impl Entropy) -> Self {
        Self { entropy: Arc::new(entropy), ..self }
    }

    /// Who hears what happens; nobody by default.
    #[must_use]
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { observer: Arc::new(observer), ..self }
    }

    /// The provider, if everything fits together.
    ///
    /// # Errors
    ///
    /// Every contradiction at once: a seam that is missing, a lifetime out of range, no key for RS256
    /// ([OIDC Core §15.1]), two secrets of a list that cannot be told apart.
    ///
    /// [OIDC Core §15.1]: https://openid.net/specs/openid-connect-core-1_0.html#ImplementationConsiderations
    pub fn build(self) -> Result<Provider, BuildError> {
        let mut findings = self.config.contradictions();
        let issuer = &self.config.issuer;
        let keys: Vec<_> =
            self.secrets.token.iter().map(|secret| TokenKeys::derive(secret, issuer)).collect();
        if keys.is_empty() {
            findings.push("secrets.token needs at least one secret".into());
        }
        let storage: Vec<_> =
            self.secrets.storage.iter().map(|secret| StorageKeys::derive(secret, issuer)).collect();
        for (list, same) in [
            ("token", same_kid(keys.iter().map(|keys| keys.kid))),
            ("storage", same_kid(storage.iter().map(|keys| keys.kid))),
        ] {
            if same {
                findings.push(format!(
                    "secrets.{list} has two secrets with the same short name; replace one"
                ));
            }
        }
        findings.extend(self.key_findings());
        findings.extend(self.seam_findings());
        let (Some(store), Some(clients), Some(accounts), Some(signer), []) =
            (self.store, self.clients, self.accounts, self.signer, &*findings)
        else {
            return Err(BuildError(findings));
        };
        Ok(Provider::from_core(Core {
            endpoints: Endpoints::new(issuer, &self.config.paths),
            cookies: CookieNames::new(issuer),
            scopes: supported(&self.config),
            pairwise: self.secrets.pairwise.as_ref().map(|salt| Pairwise::new(salt.expose())),
            decryption: self.decryption,
            fetch: self.fetch,
            secret_hashes: self.secret_hashes,
            config: self.config,
            keys,
            storage,
            store,
            clients,
            decoded: Decoded::default(),
            accounts,
            signer,
            throttle: self.throttle,
            permissions: self.permissions,
            registrations: self.registrations,
            publishers: self.publishers,
            passwords: self.passwords,
            exchanges: self.exchanges,
            issuers: self.issuers,
            extensions: self.extensions,
            clock: Arc::new(Steady::over(self.clock)),
            entropy: self.entropy,
            observer: self.observer,
            waiting: Waiting::default(),
            round: LastRound::default(),
        }))
    }

    /// What the configuration asks of the keys, and they cannot do.
    fn key_findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        let now = self.clock.now();
        if let Some(signer) = &self.signer
            && signer.active(SigningAlgorithm::RS256, now).is_none()
        {
            findings.push("signer needs an active key for RS256".into());
        }
        for server in &self.config.resources {
            if let (Some(signer), AccessTokenFormat::Jwt(jwt)) = (&self.signer, &server.format)
                && signer.active(jwt.algorithm, now).is_none()
            {
                let (name, algorithm) = (&server.resource, jwt.algorithm);
                findings
                    .push(format!("signer has no active key for {algorithm}, needed by {name}"));
            }
        }
        if let (Some(signer), Some(decryption)) = (&self.signer, &self.decryption) {
            let kid = |jwk: &Map<String, Value>| jwk.get("kid").cloned();
            let signing: Vec<_> = signer.published(now).iter().map(|key| kid(&key.jwk)).collect();
            if decryption.published().iter().any(|jwk| signing.contains(&kid(jwk))) {
                findings.push("decryption and signer have keys with the same kid".into());
            }
        }
        findings
    }

    /// What is not wired, or does not go together with what is.
    fn seam_findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        for (i, grant) in self.extensions.iter().enumerate() {
            let uri = grant.grant_type();
            let own = matches!(GrantType::parse(uri), Some(GrantType::Extension(_)));
            let twice = self.extensions.iter().skip(i + 1).any(|other| other.grant_type() == uri);
            if !own || twice {
                findings.push(format!("extension: {uri:?} is no absolute URI of its own"));
            }
        }
        if let Some(registration) = &self.config.registration {
            if self.secrets.storage.is_empty() {
                findings.push(
                    "registration needs secrets.storage, for client secrets that are keys".into(),
                );
            }
            if registration.require_statement && self.publishers.is_none() {
                findings.push("registration.require_statement needs publishers".into());
            }
        }
        if self.config.policy.client_documents && self.fetch.is_none() {
            findings.push("policy.client_documents needs fetch".into());
        }
        for (name, missing) in [
            ("store", self.store.is_none()),
            ("clients", self.clients.is_none()),
            ("accounts", self.accounts.is_none()),
            ("signer", self.signer.is_none()),
        ] {
            if missing {
                findings.push(format!("{name} is not set"));
            }
        }
        findings
    }
}

/// The scopes that ask for claims, then the host's others.
fn supported(config: &Config) -> Scope {
    let own = config.claims.scope().union(&config.scopes);
    config
        .resources
        .iter()
        .filter_map(|server| server.scope.as_ref())
        .fold(own, |all, scope| all.union(scope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Issuer, JwtFormat, KeyManagementAlgorithm, KeySet, Resource, ResourceServer};

    /// RFC 9068 §2.1: what a resource server is to verify, somebody must sign.
    #[test]
    fn resources_need_keys() {
        let keys = KeySet::generate(&[SigningAlgorithm::EdDSA], SystemClock.now()).unwrap();
        for (algorithm, missing) in
            [(SigningAlgorithm::EdDSA, false), (SigningAlgorithm::ES256, true)]
        {
            let mut config = Config::new(Issuer::new("https://id.example").unwrap());
            let mut server = ResourceServer::new(Resource::new("https://a.example/").unwrap());
            server.format = AccessTokenFormat::Jwt(JwtFormat::signed(algorithm));
            config.resources.push(server);
            let found = ProviderBuilder::new(config).signer(keys.clone()).build().unwrap_err();
            let named = found.findings().iter().any(|f| f.contains("https://a.example/"));
            assert_eq!(named, missing);
        }
    }

    /// A secret of which two are in a list could not be told from the other.
    #[test]
    fn secrets_have_names_of_their_own() {
        let secret = |byte| crate::Secret::new([byte; 32]).unwrap();
        for (token, storage, named) in [
            (vec![secret(1), secret(2)], vec![secret(1), secret(2)], vec![]),
            (vec![secret(1), secret(2), secret(1)], vec![secret(1)], vec!["secrets.token"]),
            (vec![secret(1)], vec![secret(2), secret(2)], vec!["secrets.storage"]),
        ] {
            let config = Config::new(Issuer::new("https://id.example").unwrap());
            let secrets = Secrets { token, storage, pairwise: None };
            let found = ProviderBuilder::new(config).secrets(secrets).build().unwrap_err();
            let short = found.findings().iter().filter(|f| f.contains("short name"));
            let lists: Vec<_> = short.map(|f| f.split(' ').next().unwrap()).collect();
            assert_eq!(lists, named);
        }
    }

    /// OIDC Core §10.1.1, RFC 7517 §4.5: a `kid` names one key.
    #[test]
    fn kids_name_one_key() {
        let keys = KeySet::generate(&[SigningAlgorithm::EdDSA], SystemClock.now()).unwrap();
        let kid = keys.active(SigningAlgorithm::EdDSA, SystemClock.now()).unwrap().kid;
        let own = DecryptionKeys::generate(&[KeyManagementAlgorithm::EcdhEs]).unwrap();
        let mut json: Value = serde_json::from_str(&own.expose_json()).unwrap();
        json["keys"][0]["kid"] = (&*kid).into();
        let same = DecryptionKeys::from_json(&json.to_string()).unwrap();
        for (decryption, clash) in [(own, false), (same, true)] {
            let config = Config::new(Issuer::new("https://id.example").unwrap());
            let builder = ProviderBuilder::new(config).signer(keys.clone()).decryption(decryption);
            let found = builder.build().unwrap_err();
            assert_eq!(found.findings().iter().any(|f| f.contains("same kid")), clash);
        }
    }
}
