use serde::{Deserialize, Serialize};
use time::Duration;

use crate::{
    authorize,
    claims::ClaimRules,
    client::Registration,
    mint::ResourceServer,
    types::{Acr, Issuer, Resource, ResponseType, Scope},
    webfinger,
    wire::Request,
};

/// How the provider behaves. Every member has a safe default; assign those that differ.
///
/// ```
/// use oidc_op::{Config, Duration, Issuer};
///
/// let mut config = Config::new(Issuer::new("https://id.example").unwrap());
/// config.lifetimes.session = Duration::hours(2);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Who the provider is; see [`Issuer`].
    pub issuer: Issuer,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// Where the endpoints are, below the issuer's path.
    pub paths: Paths,
    /// What is demanded of clients.
    pub policy: Policy,
    /// The largest inputs that are looked at.
    pub limits: Limits,
    /// Scope tokens of the host's own that ask for no claims, besides `openid`, `profile`, `email`,
    /// `address`, `phone`, `offline_access` and those of [`claims`](Self::claims) and
    /// [`resources`](Self::resources).
    pub scopes: Scope,
    /// The response types that there are, in the order of the metadata: all eight. A client uses those of
    /// them that it has registered; every other one is refused as unknown, whoever has registered it.
    pub response_types: Vec<ResponseType>,
    /// Parameters of the host's own in authorization requests, by name, which its pages find at
    /// [`Interaction::parameter`](crate::Interaction::parameter); none. All that nobody knows are ignored.
    ///
    /// A name is 1 to 64 letters, digits and `-._~`, and none that a specification uses there.
    pub parameters: Vec<Box<str>>,
    /// The context classes that the host's sign-in can satisfy (`acr_values_supported`).
    pub acr_values: Vec<Acr>,
    /// The languages of the host's pages, as BCP 47 tags (`ui_locales_supported`).
    pub ui_locales: Vec<String>,
    /// Whether the host has a page where people create accounts, so that clients may send
    /// `prompt=create` ([Initiating User Registration §4]); no.
    ///
    /// [Initiating User Registration §4]: https://openid.net/specs/openid-connect-prompt-create-1_0.html
    pub account_creation: bool,
    /// Whether the host has sessions of its own ([`authorize_as`](crate::Provider::authorize_as)); no. Then clients
    /// cannot ask the provider to sign people out, watch for it or be told of it: there are no such endpoints.
    pub host_sessions: bool,
    /// What is said of people, and when.
    pub claims: ClaimRules,
    /// The APIs that access tokens may be for, which clients name by `resource` ([RFC 8707]). The
    /// provider itself, with UserInfo, is one that needs no mention: its name is the issuer.
    ///
    /// [RFC 8707]: https://www.rfc-editor.org/rfc/rfc8707
    pub resources: Vec<ResourceServer>,
    /// Which of them a token is for if the client names none; the provider itself, if absent. A client that
    /// may not have tokens for it must always name another one.
    pub default_resource: Option<Resource>,
    /// Whether clients may register themselves, and how; they may not, and there is no such endpoint.
    pub registration: Option<Registration>,
    /// The hosts for whose people the provider answers WebFinger queries ([OIDC Discovery §2]), each as
    /// `example.com` or `example.com:8443`, in lower case and in ASCII; none, and there is no such endpoint.
    ///
    /// Clients ask at `/.well-known/webfinger` of the host itself, which may redirect here
    /// ([RFC 7033 §7]). The answer is the same for whoever is asked about.
    ///
    /// [OIDC Discovery §2]: https://openid.net/specs/openid-connect-discovery-1_0.html#IssuerDiscovery
    /// [RFC 7033 §7]: https://www.rfc-editor.org/rfc/rfc7033#section-7
    pub webfinger: Vec<String>,
}

/// How long things live, in whole seconds. All are at least one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifetimes {
    /// An authorization code; 60 s, at most 10 min ([RFC 6749 §4.1.2]).
    ///
    /// [RFC 6749 §4.1.2]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
    pub code: Duration,
    /// An access token; 10 min, at most a day.
    pub access_token: Duration,
    /// All refresh tokens of a grant, from the first one on; 30 days, at most 3,660.
    pub refresh_token: Duration,
    /// A refresh token that is not used; 14 days, at most 3,660. Each use begins it anew.
    pub refresh_idle: Duration,
    /// An ID token; 10 min, at most a day.
    pub id_token: Duration,
    /// A browser session, from its last authentication; 24 h, at most 3,660 days.
    pub session: Duration,
    /// A browser session in which nobody signs in to a client; 8 h, at most 3,660 days. Refreshed tokens
    /// are no use of it.
    pub session_idle: Duration,
    /// A sign-in under way, from the first page to the last; 1 h, at most a day.
    pub interaction: Duration,
    /// A remembered consent; 365 days, at most 36,600.
    pub consent: Duration,
    /// How long clients may cache the metadata and the JWK Set; 1 h, at most 7 days. Announce a new
    /// signing key for longer than this before it signs ([`KeyRotation::announce`]).
    ///
    /// [`KeyRotation::announce`]: crate::KeyRotation::announce
    pub metadata_cache: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: Duration::seconds(60),
            access_token: Duration::minutes(10),
            refresh_token: Duration::days(30),
            refresh_idle: Duration::days(14),
            id_token: Duration::minutes(10),
            session: Duration::hours(24),
            session_idle: Duration::hours(8),
            interaction: Duration::hours(1),
            consent: Duration::days(365),
            metadata_cache: Duration::hours(1),
        }
    }
}

/// What is demanded of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a decision of its own")]
#[non_exhaustive]
pub struct Policy {
    /// Whether confidential clients must use PKCE too; yes ([RFC 9700 §2.1.1]). Public ones always
    /// must. A client's own [`require_pkce`](crate::Client::require_pkce) comes first.
    ///
    /// [RFC 9700 §2.1.1]: https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1
    pub require_pkce: bool,
    /// Whether `acr_values` binds: a request whose person cannot be authenticated in one of these
    /// context classes fails then, as [RFC 9470 §4] recommends. By default it does not, as
    /// [OIDC Core §3.1.2.1] says; the client reads in `acr` what it got. Either way the person is
    /// asked to sign in anew if a known class is not met yet. An essential `acr` of the `claims`
    /// parameter always binds.
    ///
    /// [RFC 9470 §4]: https://www.rfc-editor.org/rfc/rfc9470#section-4
    /// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
    pub acr_values_bind: bool,
    /// Whether [`Config::acr_values`] goes from the weakest class to the strongest; no. Then a client that
    /// wishes for one of them is content with a stronger one, also where a wish binds. An
    /// essential `acr` is not: [OIDC Core §5.5.1.1] wants one of the values that it names.
    ///
    /// [OIDC Core §5.5.1.1]: https://openid.net/specs/openid-connect-core-1_0.html#acrSemantics
    pub acr_values_ascend: bool,
    /// Whether only native applications may have redirect URIs with the scheme `http`, on loopback hosts; no:
    /// others may too, for development, unless tokens come through the browser ([OIDC Registration §2]). Where it
    /// is so, such a URI of another client cannot be registered, and counts as none that is.
    ///
    /// [OIDC Registration §2]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
    pub native_loopback_only: bool,
    /// Whether clients may register `none` for ID tokens that come from the token endpoint, for
    /// UserInfo and for request objects; no ([RFC 8725 §3.2]).
    ///
    /// [RFC 8725 §3.2]: https://www.rfc-editor.org/rfc/rfc8725#section-3.2
    pub unsigned: bool,
    /// Whether a client that has registered no `request_object_signing_alg` may send unsigned request
    /// objects, where they are allowed at all ([`unsigned`](Self::unsigned)); no. [OIDC Registration §2]
    /// says that it may use any algorithm, and the certification suite does; but then nobody learns that
    /// a signature was left out.
    ///
    /// [OIDC Registration §2]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
    pub unsigned_unless_registered: bool,
    /// What becomes of parameters beside a request object.
    pub request_object: RequestObjectMode,
    /// Whether clients may describe themselves: their identifier is an https URL, and what they would
    /// register is the JSON document there ([OAuth Client ID Metadata Document]); no. It needs
    /// [`Fetch`](crate::Fetch), strangers choose what is fetched, and the
    /// [`RegistrationPolicy`](crate::RegistrationPolicy), if there is one, decides about each. While the
    /// document cannot be had, requests of the client and of who holds its tokens are answered 503.
    ///
    /// # Security
    ///
    /// Anybody is a client then: show people the host of its identifier, and give a
    /// [`Throttle`](crate::Throttle). Whoever takes over the host takes over the client.
    ///
    /// [OAuth Client ID Metadata Document]: https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/
    pub client_documents: bool,
    /// Whether clients can watch, in a frame of the provider's, that somebody has signed in or out
    /// ([OIDC Session Management]); no. Most browsers keep cookies from frames in pages of other sites, so it works
    /// for clients of the provider's own site.
    ///
    /// [OIDC Session Management]: https://openid.net/specs/openid-connect-session-1_0.html
    pub session_management: bool,
    /// Whether introspection says anything of ID tokens, to the client that they were issued to; no.
    pub introspect_id_tokens: bool,
    /// Whom the assertions of clients must be meant for. A client's own
    /// [`assertion_audience`](crate::Client::assertion_audience) comes first.
    pub assertion_audience: AssertionAudience,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            require_pkce: true,
            acr_values_bind: false,
            acr_values_ascend: false,
            native_loopback_only: false,
            unsigned: false,
            unsigned_unless_registered: false,
            request_object: RequestObjectMode::default(),
            client_documents: false,
            session_management: false,
            introspect_id_tokens: false,
            assertion_audience: AssertionAudience::default(),
        }
    }
}

/// What becomes of parameters beside a request object. A client that
/// [must send a signed one](crate::ClientMetadata::require_signed_request_object) is always treated
/// as in `Jar`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestObjectMode {
    /// They hold where the object does not say otherwise ([OIDC Core §6.1]).
    ///
    /// [OIDC Core §6.1]: https://openid.net/specs/openid-connect-core-1_0.html#JWTRequests
    #[default]
    Oidc,
    /// They are ignored, and the object must name its client ([RFC 9101 §5]).
    ///
    /// [RFC 9101 §5]: https://www.rfc-editor.org/rfc/rfc9101#section-5
    Jar,
}

/// Whom the assertion of a client must be meant for: its `aud` ([RFC 7523 §3], point 3).
///
/// An assertion that names an endpoint can be asked for by a server that claims this endpoint to be
/// its own, and used here by it; one that names the issuer cannot ([RFC 7523bis]). Clients that
/// cannot do without are better given their [own setting](crate::Client::assertion_audience).
/// Somebody else beside the provider is refused in every case.
///
/// [RFC 7523 §3]: https://www.rfc-editor.org/rfc/rfc7523#section-3
/// [RFC 7523bis]: https://datatracker.ietf.org/doc/html/draft-ietf-oauth-rfc7523bis
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AssertionAudience {
    /// The issuer, as a text and not as a list.
    #[default]
    Issuer,
    /// The issuer or, at the token endpoint, its address; as a text or as a list of one.
    IssuerOrTokenEndpoint,
    /// These, or the address of the endpoint that is called.
    CalledEndpoint,
}

/// The largest inputs that are looked at, in bytes; and the most of what a browser can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The body of a request; 64 KiB. Adapters stop reading there.
    pub body: usize,
    /// The query of a request, and the token of a question whether to sign out; 32 KiB.
    pub query: usize,
    /// An interaction's token in a URL; a larger one is stored and named by a short one; 4 KiB.
    pub interaction: usize,
    /// How many people can be signed in at one browser; 4, at most 8. One more ends the session that was the
    /// current one the longest ago.
    pub accounts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 64 * 1024, query: 32 * 1024, interaction: 4 * 1024, accounts: 4 }
    }
}

impl Limits {
    /// Whether the request is larger than anything that is looked at.
    pub(crate) fn exceeded_by(&self, http: &Request<'_>) -> bool {
        http.body.len() > self.body || http.query.len() > self.query
    }
}

/// Where the endpoints are, below the issuer's path: a slash, then letters, digits and `-._~/`.
/// Discovery has fixed places.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Paths {
    /// The authorization endpoint; `/authorize`.
    pub authorize: String,
    /// The token endpoint; `/token`.
    pub token: String,
    /// The UserInfo endpoint; `/userinfo`.
    pub userinfo: String,
    /// The JWK Set; `/jwks`.
    pub jwks: String,
    /// The introspection endpoint; `/introspect`.
    pub introspection: String,
    /// The revocation endpoint; `/revoke`.
    pub revocation: String,
    /// The registration endpoint, and with a `client_id` the configuration of that client;
    /// `/register`.
    pub registration: String,
    /// The frame of [`Policy::session_management`]; `/check_session`.
    pub check_session: String,
    /// Where clients send people to sign out; `/end_session`.
    pub end_session: String,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            authorize: "/authorize".into(),
            token: "/token".into(),
            userinfo: "/userinfo".into(),
            jwks: "/jwks".into(),
            introspection: "/introspect".into(),
            revocation: "/revoke".into(),
            registration: "/register".into(),
            check_session: "/check_session".into(),
            end_session: "/end_session".into(),
        }
    }
}

impl Config {
    /// The defaults, for this issuer.
    pub fn new(issuer: Issuer) -> Self {
        Self {
            issuer,
            lifetimes: Lifetimes::default(),
            paths: Paths::default(),
            policy: Policy::default(),
            limits: Limits::default(),
            scopes: Scope::default(),
            response_types: ResponseType::ALL.to_vec(),
            parameters: Vec::new(),
            acr_values: Vec::new(),
            ui_locales: Vec::new(),
            account_creation: false,
            host_sessions: false,
            claims: ClaimRules::default(),
            resources: Vec::new(),
            default_resource: None,
            registration: None,
            webfinger: Vec::new(),
        }
    }

    /// The longest that anything handed out can live: how long a revocation must be remembered.
    pub(crate) fn longest_lifetime(&self) -> Duration {
        let Lifetimes { refresh_token, session, access_token, interaction, id_token, .. } =
            self.lifetimes;
        let resources = self.resources.iter().filter_map(|server| server.lifetime);
        let all = [refresh_token, session, access_token, interaction, id_token].into_iter();
        all.chain(resources).max().unwrap_or_default()
    }

    /// The resource server of this name.
    pub(crate) fn resource(&self, name: &str) -> Option<&ResourceServer> {
        self.resources.iter().find(|server| server.resource.as_str() == name)
    }

    /// Every contradiction, each as a sentence that names the member; none if all is well.
    ///
    /// [`ProviderBuilder::build`](crate::ProviderBuilder::build) refuses them; a host that wants to
    /// know before it makes keys asks here.
    pub fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        let lifetimes = &self.lifetimes;
        for (name, value, most) in [
            ("code", lifetimes.code, Duration::minutes(10)),
            ("access_token", lifetimes.access_token, Duration::days(1)),
            ("refresh_token", lifetimes.refresh_token, Duration::days(3660)),
            ("refresh_idle", lifetimes.refresh_idle, Duration::days(3660)),
            ("id_token", lifetimes.id_token, Duration::days(1)),
            ("session", lifetimes.session, Duration::days(3660)),
            ("session_idle", lifetimes.session_idle, Duration::days(3660)),
            ("interaction", lifetimes.interaction, Duration::days(1)),
            ("consent", lifetimes.consent, Duration::days(36600)),
            ("metadata_cache", lifetimes.metadata_cache, Duration::days(7)),
        ] {
            if value < Duration::SECOND || value > most {
                found.push(format!(
                    "lifetimes.{name} must be 1 to {} seconds",
                    most.whole_seconds()
                ));
            }
        }
        if self.host_sessions && self.policy.session_management {
            found.push("policy.session_management needs sessions of the provider's own".into());
        }
        if !(1..=8).contains(&self.limits.accounts) {
            found.push("limits.accounts must be 1 to 8".into());
        }
        found.extend(self.response_type_contradictions());
        found.extend(authorize::parameter_contradictions(&self.parameters));
        let twice = repeated(&self.parameters);
        found.extend(twice.map(|name| format!("parameters: {name:?} is there twice")));
        if self.policy.acr_values_ascend {
            let twice = repeated(&self.acr_values);
            found.extend(twice.map(|acr| format!("acr_values: {} is there twice", acr.as_str())));
        }
        found.extend(self.claims.contradictions());
        found.extend(self.resource_contradictions());
        found.extend(self.path_contradictions());
        found.extend(self.registration.iter().flat_map(Registration::contradictions));
        let hosts = self.webfinger.iter().filter(|host| !webfinger::is_host(host));
        found.extend(hosts.map(|host| format!("webfinger: {host:?} is no host in lower case")));
        found
    }

    fn response_type_contradictions(&self) -> Vec<String> {
        let types = &self.response_types;
        let mut found = Vec::new();
        if types.is_empty() {
            found.push("response_types: the list is empty".into());
        }
        found.extend(repeated(types).map(|t| format!("response_types: {t} is there twice")));
        found
    }

    fn resource_contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (i, server) in self.resources.iter().enumerate() {
            found.extend(server.contradictions(&format!("resources[{i}]")));
            let name = server.resource.as_str();
            if name == self.issuer.as_str() {
                found.push(format!("resources[{i}]: the provider itself needs no mention"));
            }
            for claim in server.claims.iter().filter(|claim| !self.claims.supports(claim)) {
                found.push(format!(
                    "resources[{i}].claims: {claim:?} is not among claims.supported"
                ));
            }
            if self.resources.iter().take(i).any(|other| other.resource == server.resource) {
                found.push(format!("resources[{i}]: {name} is there twice"));
            }
        }
        if self.default_resource.as_ref().is_some_and(|d| self.resource(d.as_str()).is_none()) {
            found.push("default_resource is none of the resources".into());
        }
        found
    }

    fn path_contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        let paths = &self.paths;
        let all = [
            ("authorize", &paths.authorize),
            ("token", &paths.token),
            ("userinfo", &paths.userinfo),
            ("jwks", &paths.jwks),
            ("introspection", &paths.introspection),
            ("revocation", &paths.revocation),
            ("registration", &paths.registration),
            ("check_session", &paths.check_session),
            ("end_session", &paths.end_session),
        ];
        for (i, (name, path)) in all.iter().enumerate() {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
            if !path.starts_with('/') || path.len() < 2 || !path.bytes().all(plain) {
                found.push(format!(
                    "paths.{name} must be a slash followed by letters, digits and -._~/"
                ));
            }
            if path.starts_with("/.well-known/") {
                found.push(format!("paths.{name} is where discovery has its places"));
            }
            if all.iter().skip(i + 1).any(|(_, other)| other == path) {
                found.push(format!("paths.{name} is used twice"));
            }
        }
        found
    }
}

/// What is in a list once more further on.
fn repeated<T: PartialEq>(list: &[T]) -> impl Iterator<Item = &T> {
    let again = |(i, item): &(usize, &T)| list.iter().skip(i + 1).any(|other| other == *item);
    list.iter().enumerate().filter(again).map(|(_, item)| item)
}
