use time::Duration;

use crate::{
    client::{Client, GrantType},
    provider::Core,
    types::Resource,
};

/// Who may register clients over HTTP, and what becomes of them
/// ([OIDC Dynamic Client Registration], [RFC 7591], [RFC 7592]).
///
/// Assign those members that differ. The defaults are the careful ones: only who has been given an
/// [initial access token](crate::Provider::issue_initial_access) may register.
///
/// ```
/// use oidc_op::{Config, Issuer, Registration, RegistrationAccess};
///
/// let mut registration = Registration::default();
/// registration.access = RegistrationAccess::Open;
/// let mut config = Config::new(Issuer::new("https://id.example").unwrap());
/// config.registration = Some(registration);
/// ```
///
/// [OIDC Dynamic Client Registration]: https://openid.net/specs/openid-connect-registration-1_0.html
/// [RFC 7591]: https://www.rfc-editor.org/rfc/rfc7591
/// [RFC 7592]: https://www.rfc-editor.org/rfc/rfc7592
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registration {
    /// Who may.
    pub access: RegistrationAccess,
    /// Whether a client needs a software statement of a trusted publisher
    /// ([`ProviderBuilder::publishers`](crate::ProviderBuilder::publishers)); no.
    pub require_statement: bool,
    /// The grants that a client may register for; `authorization_code`, `implicit` and
    /// `refresh_token`. Others that it asks for are left out of what is registered, as
    /// [RFC 7591 §2] allows, and the answer says so. Those with which a client acts for itself are for
    /// clients that somebody has looked at: list them only together with a
    /// [policy](crate::RegistrationPolicy).
    ///
    /// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
    pub grant_types: Vec<GrantType>,
    /// The APIs that the tokens of a client may be for, besides the provider itself; none. A
    /// [policy](crate::RegistrationPolicy) may let a client have more
    /// ([`Client::resources`](crate::Client::resources)).
    pub resources: Vec<Resource>,
    /// How long a client's secret is good; for ever, if absent. An update in the last quarter of that
    /// time gives it a new one, beside which the old one is good to its end.
    pub secret_lifetime: Option<Duration>,
    /// How long a client is kept that nobody has used; a day, at most a year. It is used, and kept for ever,
    /// once somebody has signed in to it, or, if it came with an initial access token, once it has
    /// authenticated. To authenticate keeps any other for as long again.
    pub unused_lifetime: Duration,
    /// How many clients may be registered without an initial access token within
    /// [`unused_lifetime`](Self::unused_lifetime): so a flood is bounded, whatever its sources; 1,000. Time is
    /// cut into pieces of that length, so where two of them meet it may be twice as many.
    pub cap: u32,
    /// Whether each update gives the client a new registration access token and ends the one before
    /// ([RFC 7592 §3]); no, since a client that misses one answer is then locked out of its own
    /// registration.
    ///
    /// [RFC 7592 §3]: https://www.rfc-editor.org/rfc/rfc7592#section-3
    pub rotate_tokens: bool,
}

/// Who may register clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistrationAccess {
    /// Who has an [initial access token](crate::Provider::issue_initial_access).
    #[default]
    InitialAccessToken,
    /// Anybody.
    ///
    /// # Security
    ///
    /// Names, logos and scopes are then what strangers say: give a [`Throttle`](crate::Throttle), show
    /// people the host of the redirect URI, and let a [policy](crate::RegistrationPolicy) decide if some
    /// scopes are not for everybody.
    ///
    /// Who has an initial access token is not counted against the
    /// [cap](Registration::cap).
    Open,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            access: RegistrationAccess::default(),
            require_statement: false,
            grant_types: vec![
                GrantType::AuthorizationCode,
                GrantType::Implicit,
                GrantType::RefreshToken,
            ],
            resources: Vec::new(),
            secret_lifetime: None,
            unused_lifetime: Duration::DAY,
            cap: 1_000,
            rotate_tokens: false,
        }
    }
}

impl Registration {
    /// Which APIs a client may have tokens for that nobody has looked at.
    pub(super) fn reach(&self, core: &Core, client: Client) -> Client {
        let own = Resource::new(core.config.issuer.as_str()).ok();
        Client {
            resources: Some(own.into_iter().chain(self.resources.clone()).collect()),
            ..client
        }
    }

    /// What contradicts itself, for [`Config::contradictions`](crate::Config::contradictions).
    pub(crate) fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        let year = Duration::days(366);
        if self.unused_lifetime < Duration::MINUTE || self.unused_lifetime > year {
            found.push("registration.unused_lifetime must be a minute to 366 days".into());
        }
        if self.secret_lifetime.is_some_and(|lifetime| lifetime < Duration::MINUTE) {
            found.push("registration.secret_lifetime must be at least a minute".into());
        }
        if self.grant_types.is_empty() {
            found.push("registration.grant_types: at least one".into());
        }
        found
    }
}
