//! The back channel: a provider with clients of every grant, and genuine tokens of each kind. What is
//! made once per process is copied for each input, so that every run is the same.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock, Mutex},
};

use async_trait::async_trait;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64},
};
use oidc_op::{
    AccessTokenFormat, Account, Accounts, Assertion, Client, ClientId, ClientMetadata,
    ClientSecret, Config, Exchange, ExchangePolicy, ExtensionGrant, ExtensionRequest, HostError,
    Issuance, Jwks, JwtFormat, KeySet, Login, Outcome, PasswordAuthenticator, PasswordCredentials,
    Provider, Reply, Request, Resource, ResourceServer, Rotation, Scope, Secret, Secrets, Signer,
    SigningAlgorithm, StaticClients, Subject, Timestamp, TrustedIssuer, TrustedIssuers,
    store::{
        Cursor, Expect, Key, Kind as RecordKind, Label, Listing, Put, Record, Store, StoreError,
        Version, contract::block_on,
    },
    test_util::{SeededEntropy, TestClock},
};
use ring::hmac;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::op::{CHALLENGE, ISSUER, NOW, SIGNING, issuer};

pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const PARTNER: &str = "https://partner.example";
pub const API: &str = "https://api.example/";
pub const ORDERS: &str = "https://orders.example/";
pub const BOOKS: &str = "https://books.example/";
/// The password of everybody.
pub const PASSWORD: &str = "swordfish";
pub const DEVICE: &str = "https://id.example/grants/device";
pub const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client: its name, how it authenticates, and what it may use.
pub struct Party {
    pub id: &'static str,
    pub method: &'static str,
    pub grants: &'static [&'static str],
}

pub const PARTIES: [Party; 13] = [
    party("web", "client_secret_basic", &["authorization_code", "refresh_token"]),
    party("app", "none", &["authorization_code", "refresh_token"]),
    party("fixed", "client_secret_post", &["authorization_code", "refresh_token"]),
    party("service", "client_secret_basic", &["client_credentials"]),
    party("api", "client_secret_basic", &[]),
    party("orders", "client_secret_basic", &[]),
    party("exchanger", "client_secret_basic", &[EXCHANGE]),
    party("mac", "client_secret_jwt", &["client_credentials"]),
    party("keyed", "private_key_jwt", &["client_credentials"]),
    party("partner", "client_secret_basic", &[BEARER]),
    party("password", "client_secret_post", &["password", "refresh_token"]),
    party("device", "client_secret_basic", &[DEVICE, "refresh_token"]),
    party("disabled", "client_secret_basic", &["client_credentials"]),
];

const fn party(id: &'static str, method: &'static str, grants: &'static [&'static str]) -> Party {
    Party { id, method, grants }
}

pub fn party_of(id: &str) -> Option<&'static Party> {
    PARTIES.iter().find(|party| party.id == id)
}

/// Each has its own, long enough for HMAC.
pub fn secret(id: &str) -> String {
    format!("the secret of {id}, which nobody else knows; 64 bytes are enough of it")
}

pub fn redirect_uri(id: &str) -> String {
    format!("https://{id}.example/cb")
}

/// Signs for the partner, and for the client that has keys.
pub static FOREIGN: LazyLock<KeySet> = LazyLock::new(|| {
    use SigningAlgorithm::{ES256, EdDSA};
    KeySet::generate(&[ES256, EdDSA], Timestamp::from_unix(0)).unwrap()
});

fn foreign_jwks() -> Value {
    let published = FOREIGN.published(Timestamp::from_unix(NOW));
    json!({ "keys": published.into_iter().map(|key| key.jwk).collect::<Vec<_>>() })
}

/// What the host decides.
#[derive(Debug)]
struct Host;

#[async_trait]
impl Accounts for Host {
    async fn account(&self, _: &Subject, _: &[&str]) -> Result<Option<Account>, HostError> {
        Ok(Some(Account::active()))
    }
}

#[async_trait]
impl PasswordAuthenticator for Host {
    async fn authenticate(
        &self,
        credentials: &PasswordCredentials<'_>,
    ) -> Result<Option<Login>, HostError> {
        let right = credentials.username == "alice" && credentials.password == PASSWORD;
        Ok(right.then(|| Login::new(Subject::new("alice").unwrap())))
    }
}

#[async_trait]
impl ExchangePolicy for Host {
    async fn exchange(&self, exchange: &Exchange<'_>) -> Result<Option<Scope>, HostError> {
        Ok(Some(exchange.scope.clone()))
    }
}

#[async_trait]
impl TrustedIssuers for Host {
    async fn issuer(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError> {
        static KEYS: LazyLock<Jwks> =
            LazyLock::new(|| serde_json::from_value(foreign_jwks()).unwrap());
        Ok((issuer == PARTNER).then(|| TrustedIssuer::new(KEYS.clone())))
    }

    async fn subject(&self, assertion: &Assertion<'_>) -> Result<Option<Subject>, HostError> {
        Ok(Subject::new(assertion.subject).ok())
    }
}

#[async_trait]
impl ExtensionGrant for Host {
    fn grant_type(&self) -> &str {
        DEVICE
    }

    async fn grant(&self, request: &ExtensionRequest<'_>) -> Result<Option<Issuance>, HostError> {
        if request.parameter("device") != Some("a key") {
            return Ok(None);
        }
        let login = Login::new(Subject::new("alice").unwrap());
        let mut issuance = Issuance::of(login, request.scope.clone());
        issuance.renewable = true;
        Ok(Some(issuance))
    }
}

/// A store that can be copied.
#[derive(Debug, Default)]
struct Copied(Mutex<HashMap<Key, Record>>);

#[async_trait]
impl Store for Copied {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn put(&self, key: &Key, expect: Expect<'_>, record: Record) -> Result<Put, StoreError> {
        let mut records = self.0.lock().unwrap();
        let version = records.get(key).map(|known| known.version);
        let holds = match expect {
            Expect::Absent { .. } => version.is_none(),
            Expect::Version(expected) => version == Some(expected),
        };
        if !holds {
            return Ok(Put::Conflict);
        }
        records.insert(*key, record);
        Ok(Put::Done)
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<Put, StoreError> {
        let mut records = self.0.lock().unwrap();
        if records.get(key).is_none_or(|known| known.version != *version) {
            return Ok(Put::Conflict);
        }
        records.remove(key);
        Ok(Put::Done)
    }

    async fn list(
        &self,
        _: RecordKind,
        _: &Label,
        _: Option<&Cursor>,
        _: u32,
    ) -> Result<Listing, StoreError> {
        unreachable!("nothing that is fuzzed lists")
    }

    async fn purge(&self, _: Timestamp, _: u32) -> Result<u32, StoreError> {
        Ok(0)
    }
}

static CLIENTS: LazyLock<Arc<StaticClients>> = LazyLock::new(|| {
    let make = |party: &Party| {
        let code = party.grants.contains(&"authorization_code");
        let mut json = json!({
            "grant_types": party.grants,
            "response_types": if code { &["code"][..] } else { &[] },
            "token_endpoint_auth_method": party.method,
            "id_token_signed_response_alg": "EdDSA",
        });
        if code {
            json["redirect_uris"] = json!([redirect_uri(party.id)]);
        }
        if party.grants.contains(&"client_credentials") {
            json["scope"] = "read write".into();
        }
        if party.id == "keyed" {
            json["jwks"] = foreign_jwks();
        }
        let metadata: ClientMetadata = serde_json::from_value(json).unwrap();
        let id = ClientId::new(party.id).unwrap();
        let mut client = match party.method {
            "none" => Client::public(id, metadata),
            "private_key_jwt" => Client::keyed(id, metadata),
            _ => Client::confidential(id, ClientSecret::kept(&secret(party.id)), metadata),
        }
        .unwrap();
        client.first_party = true;
        client.enabled = party.id != "disabled";
        client.password_grant = party.id == "password";
        if party.id == "fixed" {
            client.refresh.rotation = Some(Rotation::Off);
        }
        client
    };
    Arc::new(PARTIES.iter().map(make).collect())
});

fn provider(store: Arc<Copied>, seed: u64) -> Provider {
    let mut config = Config::new(issuer());
    config.scopes = Scope::parse("read write").unwrap();
    let server = |name: &str, client: Option<&str>, jwt: Option<SigningAlgorithm>| {
        let mut server = ResourceServer::new(Resource::new(name).unwrap());
        server.client = client.map(|client| ClientId::new(client).unwrap());
        if let Some(algorithm) = jwt {
            server.format = AccessTokenFormat::Jwt(JwtFormat::signed(algorithm));
        }
        server
    };
    config.resources = vec![
        server(API, Some("api"), None),
        server(ORDERS, Some("orders"), Some(SigningAlgorithm::ES256)),
        server(BOOKS, None, Some(SigningAlgorithm::EdDSA)),
    ];
    Provider::builder(config)
        .store(store)
        .clients(Arc::clone(&*CLIENTS))
        .accounts(Host)
        .passwords(Host)
        .exchanges(Host)
        .issuers(Host)
        .extension(Host)
        .signer(SIGNING.clone())
        .secrets(Secrets::new(Secret::new([1; 32]).unwrap()))
        .clock(TestClock::at(Timestamp::from_unix(NOW)))
        .entropy(SeededEntropy::new(seed))
        .build()
        .unwrap()
}

pub type Words = BTreeSet<String>;

pub fn words(text: &str) -> Words {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Code,
    Refresh,
    Access,
}

/// What has been handed out.
#[derive(Clone, Debug)]
pub struct Token {
    pub text: String,
    pub kind: Kind,
    pub holder: &'static str,
    /// The grant; none of a client's own.
    pub line: Option<usize>,
    pub scope: Words,
    pub audience: Vec<String>,
    /// Whether it was revoked alone.
    pub dropped: bool,
}

/// A grant, as its client knows it.
#[derive(Clone, Debug)]
pub struct Line {
    pub client: &'static str,
    pub scope: Words,
    pub resources: Vec<String>,
    /// The refresh tokens, by their place among the tokens.
    pub generations: Vec<usize>,
    pub redeemed: bool,
    pub revoked: bool,
}

/// A provider, and what is known of it from its answers.
pub struct World {
    provider: Provider,
    store: Arc<Copied>,
    pub tokens: Vec<Token>,
    pub lines: Vec<Line>,
    /// ID tokens, and assertions that are good once.
    pub others: Vec<String>,
    pub used: Vec<String>,
}

pub const CLIENT_ASSERTION: usize = 0;
pub const GRANT_ASSERTION: usize = 1;

static BASE: LazyLock<World> = LazyLock::new(World::first);

impl World {
    /// A copy of the first one.
    pub fn new() -> Self {
        let records = BASE.store.0.lock().unwrap().clone();
        let store = Arc::new(Copied(Mutex::new(records)));
        Self {
            provider: provider(Arc::clone(&store), 2),
            store,
            tokens: BASE.tokens.clone(),
            lines: BASE.lines.clone(),
            others: BASE.others.clone(),
            used: Vec::new(),
        }
    }

    /// The one that all share: for what changes nothing.
    pub fn shared() -> &'static Self {
        &BASE
    }

    fn first() -> Self {
        let store = Arc::new(Copied::default());
        let mut world = Self {
            provider: provider(Arc::clone(&store), 1),
            store,
            tokens: Vec::new(),
            lines: Vec::new(),
            others: vec![
                by_secret("mac", &good_claims("mac", "mac")),
                by_key(SigningAlgorithm::EdDSA, &json!({}), &good_claims(PARTNER, "alice")),
            ],
            used: Vec::new(),
        };
        let all = "openid email read write offline_access";
        // Three generations each, and the codes come back too.
        for client in ["web", "app", "fixed"] {
            let line = world.redeemed(client, all, &[]);
            for _ in 0..2 {
                world.refreshed(line);
            }
        }
        world.redeemed("web", all, &[ORDERS, ISSUER]);
        world.redeemed("web", all, &[BOOKS, ISSUER]);
        world.redeemed("web", all, &[API]);
        world.code("web", all, &[]);
        world.code("app", "openid read offline_access", &[API]);
        for resource in [API, ORDERS] {
            let body =
                [("grant_type", "client_credentials"), ("scope", "read"), ("resource", resource)];
            let members = world.good("service", &body);
            world.access(&members, "service", None, &[resource.to_owned()]);
        }
        let subject = world.tokens[1].clone();
        assert_eq!(subject.kind, Kind::Access);
        let body = [
            ("grant_type", EXCHANGE),
            ("subject_token", &*subject.text),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("scope", "openid read"),
        ];
        let members = world.good("exchanger", &body);
        world.access(&members, "exchanger", subject.line, &[ISSUER.to_owned()]);
        world
    }

    /// A code of alice's.
    fn code(&mut self, client: &'static str, scope: &str, resources: &[&str]) -> usize {
        let uri = redirect_uri(client);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("client_id", client)
            .append_pair("redirect_uri", &uri)
            .append_pair("response_type", "code")
            .append_pair("scope", scope)
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256");
        for resource in resources {
            query.append_pair("resource", resource);
        }
        let query = query.finish();
        let login = Login::new(Subject::new("alice").unwrap());
        let request = Request::new("GET", "/authorize").query(&query);
        let outcome = match block_on(self.provider.authorize_as(request, Some(login.clone()))) {
            Ok(Outcome::Interact(page)) => {
                let pairs = page.headers.iter().filter(|(name, _)| *name == "set-cookie");
                let pairs: Vec<_> =
                    pairs.map(|(_, value)| value.split(';').next().unwrap()).collect();
                let cookie = pairs.join("; ");
                let headers = [("cookie", cookie.as_bytes()), ("origin", ISSUER.as_bytes())];
                let request = Request::new("POST", "/interaction").headers(&headers);
                let verdict = oidc_op::Verdict::Consent(oidc_op::Agreement::to_all(&page));
                block_on(self.provider.resume_as(request, &page.token, verdict, Some(login)))
            }
            outcome => outcome,
        };
        let Ok(Outcome::Reply(reply)) = outcome else { panic!("{outcome:?}") };
        let location = url::Url::parse(reply.header("location").unwrap()).unwrap();
        let (_, code) = location.query_pairs().find(|(name, _)| name == "code").unwrap();
        self.lines.push(Line {
            client,
            scope: words(scope),
            resources: resources.iter().map(|resource| (*resource).to_owned()).collect(),
            generations: Vec::new(),
            redeemed: false,
            revoked: false,
        });
        self.tokens.push(Token {
            text: code.into_owned(),
            kind: Kind::Code,
            holder: client,
            line: Some(self.lines.len() - 1),
            scope: words(scope),
            audience: Vec::new(),
            dropped: false,
        });
        self.lines.len() - 1
    }

    fn redeemed(&mut self, client: &'static str, scope: &str, resources: &[&str]) -> usize {
        let line = self.code(client, scope, resources);
        let code = self.tokens.last().unwrap().text.clone();
        let uri = redirect_uri(client);
        let body = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", &uri),
            ("code_verifier", VERIFIER),
        ];
        let members = self.good(client, &body);
        self.lines[line].redeemed = true;
        self.others.push(members["id_token"].as_str().unwrap().to_owned());
        let audience = self.audience(line);
        self.access(&members, client, Some(line), &audience);
        self.refresh(&members, line);
        line
    }

    fn refreshed(&mut self, line: usize) {
        let client = self.lines[line].client;
        let token = self.tokens[*self.lines[line].generations.last().unwrap()].text.clone();
        let members =
            self.good(client, &[("grant_type", "refresh_token"), ("refresh_token", &token)]);
        let audience = self.audience(line);
        self.access(&members, client, Some(line), &audience);
        self.refresh(&members, line);
    }

    fn good(&self, client: &'static str, body: &[(&str, &str)]) -> Map<String, Value> {
        let reply = self.post("/token", Some(client), body);
        assert_eq!(reply.status, 200, "{client}: {}", String::from_utf8_lossy(&reply.body));
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// Whom a token of the grant is for if nobody is named.
    pub fn audience(&self, line: usize) -> Vec<String> {
        match &*self.lines[line].resources {
            [] => vec![ISSUER.to_owned()],
            resources => resources.to_vec(),
        }
    }

    /// Remembers an access token.
    pub fn access(
        &mut self,
        members: &Map<String, Value>,
        holder: &'static str,
        line: Option<usize>,
        audience: &[String],
    ) {
        self.tokens.push(Token {
            text: members["access_token"].as_str().unwrap().to_owned(),
            kind: Kind::Access,
            holder,
            line,
            scope: words(members.get("scope").and_then(Value::as_str).unwrap_or_default()),
            audience: audience.to_vec(),
            dropped: false,
        });
    }

    /// Remembers a refresh token, if there is a new one.
    pub fn refresh(&mut self, members: &Map<String, Value>, line: usize) {
        let Some(text) = members.get("refresh_token").and_then(Value::as_str) else { return };
        if self.tokens.iter().any(|known| known.text == text) {
            return;
        }
        self.lines[line].generations.push(self.tokens.len());
        self.tokens.push(Token {
            text: text.to_owned(),
            kind: Kind::Refresh,
            holder: self.lines[line].client,
            line: Some(line),
            scope: self.lines[line].scope.clone(),
            audience: Vec::new(),
            dropped: false,
        });
    }

    /// The token that this is, byte by byte.
    ///
    /// With one exception: of a refresh token that says it was made with a secret that is not at hand any
    /// more, only the record can tell, by the digest of its 32 secret bytes. Which secret the newest one
    /// was made with the record remembers; of the one before it does not, so that one is the same under
    /// every foreign `kid`, with whatever tag.
    pub fn find(&self, kind: Kind, text: &str) -> Option<usize> {
        let same = |token: &Token| token.kind == kind && token.text == text;
        self.tokens.iter().position(same).or_else(|| {
            let read = (kind == Kind::Refresh).then(|| BASE64.decode(text).ok()).flatten()?;
            (0..self.tokens.len()).find(|at| {
                let token = &self.tokens[*at];
                let known = || BASE64.decode(&token.text).unwrap();
                token.kind == Kind::Refresh && self.age(*at) == 1 && is_foreign(&known(), &read)
            })
        })
    }

    /// How many steps back from the newest one a refresh token is.
    pub fn age(&self, token: usize) -> usize {
        let generations = &self.lines[self.tokens[token].line.unwrap()].generations;
        generations.iter().rev().position(|known| *known == token).unwrap()
    }

    /// Whether a refresh token would give another one: the newest, and, of a client that
    /// authenticates, the one before; the clock stands still.
    pub fn is_usable(&self, token: usize) -> bool {
        let Token { line, holder, .. } = &self.tokens[token];
        let window = usize::from(party_of(holder).unwrap().method != "none");
        !self.lines[line.unwrap()].revoked && self.age(token) <= window
    }

    /// Whether an access token is good.
    pub fn is_live(&self, token: usize) -> bool {
        let Token { line, dropped, .. } = &self.tokens[token];
        !dropped && line.is_none_or(|line| !self.lines[line].revoked)
    }

    /// Whether introspection says to this client that the text is good.
    pub fn is_active(&self, asker: &str, text: &str) -> bool {
        let refresh = self
            .find(Kind::Refresh, text)
            .is_some_and(|token| self.tokens[token].holder == asker && self.is_usable(token));
        let access = self.find(Kind::Access, text).is_some_and(|token| {
            let found = &self.tokens[token];
            let server = [("api", API), ("orders", ORDERS)].iter().any(|(client, resource)| {
                asker == *client && found.audience.iter().any(|name| name == resource)
            });
            self.is_live(token) && (found.holder == asker || server)
        });
        refresh || access
    }

    /// Whether UserInfo takes it.
    pub fn is_for_userinfo(&self, text: &str) -> bool {
        self.find(Kind::Access, text).is_some_and(|token| {
            let found = &self.tokens[token];
            let ours = found.audience.iter().any(|name| name == ISSUER);
            self.is_live(token) && ours && found.line.is_some() && found.scope.contains("openid")
        })
    }

    /// Whether it is an access token that is good for anything.
    pub fn is_good(&self, text: &str) -> bool {
        self.find(Kind::Access, text).is_some_and(|token| self.is_live(token))
    }

    /// Whether the host is told that it is.
    pub fn inspected(&self, text: &str) -> bool {
        block_on(self.provider.inspect(text)).unwrap().is_some()
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut all = vec![("content-type", &b"application/x-www-form-urlencoded"[..])];
        all.extend(headers.iter().map(|(name, value)| (*name, value.as_bytes())));
        let request = Request::new(method, path).headers(&all).body(body);
        let Outcome::Reply(reply) = block_on(self.provider.dispatch(request)) else {
            panic!("no reply")
        };
        crate::answer::is_well_formed(&reply);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(reply.status < 500, "{} {}", reply.status, String::from_utf8_lossy(&reply.body));
        reply
    }

    /// A form, with the credentials of a client that has a secret, or the name of one that is public.
    pub fn post(&self, path: &str, client: Option<&str>, body: &[(&str, &str)]) -> Reply {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(body);
        let mut authorization = None;
        if let Some(client) = client {
            match party_of(client).unwrap().method {
                "client_secret_basic" => authorization = Some(basic(client, &secret(client))),
                "client_secret_post" => {
                    form.append_pair("client_id", client)
                        .append_pair("client_secret", &secret(client));
                }
                _ => drop(form.append_pair("client_id", client)),
            }
        }
        let headers: Vec<_> =
            authorization.iter().map(|value| ("authorization", &**value)).collect();
        self.send("POST", path, &headers, form.finish().as_bytes())
    }

    /// Whether introspection says that it is good; anything else says nothing more.
    pub fn introspected(reply: &Reply) -> Option<Map<String, Value>> {
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        let members: Map<String, Value> = serde_json::from_slice(&reply.body).unwrap();
        if members["active"] == true {
            return Some(members);
        }
        assert_eq!(reply.body, br#"{"active":false}"#);
        None
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// `kind 1 ‖ kid 2 ‖ n 4 ‖ grant 16 ‖ secret 32 ‖ tag 17`: the same but for the tag, under another `kid`.
fn is_foreign(known: &[u8], read: &[u8]) -> bool {
    read.len() == 72
        && read[0] == known[0]
        && read[1..3] != known[1..3]
        && read[3..55] == known[3..55]
}

/// The credentials of a client (RFC 6749 §2.3.1).
pub fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

/// The claims of an assertion that is good for anything.
pub fn good_claims(iss: &str, sub: &str) -> Value {
    json!({
        "iss": iss, "sub": sub, "aud": ISSUER, "jti": "an assertion", "iat": NOW, "exp": NOW + 60,
    })
}

/// What is signed.
pub fn input(header: &[u8], payload: &[u8]) -> String {
    format!("{}.{}", BASE64.encode(header), BASE64.encode(payload))
}

/// Signed with a client's secret.
pub fn by_secret(id: &str, claims: &Value) -> String {
    let input = input(br#"{"alg":"HS256"}"#, claims.to_string().as_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret(id).as_bytes());
    format!("{input}.{}", BASE64.encode(hmac::sign(&key, input.as_bytes())))
}

/// Signed with a key of the partner's; the members are added to the header.
pub fn by_key(algorithm: SigningAlgorithm, members: &Value, claims: &Value) -> String {
    let mut header = json!({ "alg": algorithm.as_str() });
    header.as_object_mut().unwrap().extend(members.as_object().cloned().unwrap());
    signed(algorithm, &input(header.to_string().as_bytes(), claims.to_string().as_bytes()))
}

/// With the signature of the partner's.
pub fn signed(algorithm: SigningAlgorithm, input: &str) -> String {
    let key = FOREIGN.active(algorithm, Timestamp::from_unix(NOW)).unwrap();
    let signature = block_on(FOREIGN.sign(&key, input.as_bytes())).unwrap();
    format!("{input}.{}", BASE64.encode(signature))
}

/// An error that clients know (RFC 6749 §5.2, RFC 8707 §2).
pub fn error(reply: &Reply) -> String {
    let text = String::from_utf8_lossy(&reply.body);
    let members: Map<String, Value> = serde_json::from_slice(&reply.body).expect("an error");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let names: Vec<_> = members.keys().map(String::as_str).collect();
    assert_eq!(names, ["error", "error_description"], "{text}");
    let code = members["error"].as_str().unwrap();
    let status = match code {
        "invalid_client" => 401,
        "invalid_request"
        | "invalid_grant"
        | "invalid_scope"
        | "invalid_target"
        | "unauthorized_client"
        | "unsupported_grant_type" => 400,
        _ => panic!("{text}"),
    };
    let large = reply.status == 413 && code == "invalid_request";
    assert!(reply.status == status || large, "{} {text}", reply.status);
    let plain = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    assert!(members["error_description"].as_str().unwrap().bytes().all(plain));
    code.to_owned()
}
