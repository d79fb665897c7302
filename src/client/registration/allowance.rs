//! Who may register, and how many: initial access tokens ([RFC 7591 §3]), and the bound on those who
//! have none.
//!
//! [RFC 7591 §3]: https://www.rfc-editor.org/rfc/rfc7591#section-3

use serde::{Deserialize, Serialize};
use time::Duration;

use super::{Registration, RegistrationAccess};
use crate::{
    client::record::ATTEMPTS,
    error::{Failure, Reason, RegistrationError},
    provider::Core,
    secret::{Digest, Handle, HandleKind},
    store::{Commit, Expect, Key, Kind, Loaded, Readable, Step, Stored},
    types::Timestamp,
    wire::{Authorization, Request},
};

/// What an initial access token lets its holder do ([RFC 7591 §1.2]).
///
/// ```
/// use oidc_op::{Duration, InitialAccess};
///
/// let mut access = InitialAccess::once(Duration::DAY);
/// access.purpose = Some("partner:acme".into());
/// ```
///
/// [RFC 7591 §1.2]: https://www.rfc-editor.org/rfc/rfc7591#section-1.2
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InitialAccess {
    /// How many clients it registers, at least one; any number, if absent.
    pub uses: Option<u32>,
    /// How long it is good; longer than no time.
    pub lifetime: Duration,
    /// What it was issued for, in the host's own words: the [policy](crate::RegistrationPolicy) is told.
    pub purpose: Option<String>,
}

impl InitialAccess {
    /// For one client.
    pub fn once(lifetime: Duration) -> Self {
        Self { uses: Some(1), lifetime, purpose: None }
    }

    /// Whether anybody could ever register with it.
    pub(in crate::client) fn is_usable(&self) -> bool {
        self.uses != Some(0) && self.lifetime.is_positive()
    }
}

/// How many more may register: by one initial access token, or without any in a certain time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Allowance {
    v: u16,
    /// Of the token; none for those who have no token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<u32>,
    expires: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
}

impl Stored for Allowance {}

impl Readable for Allowance {
    fn schema(&self) -> u16 {
        self.v
    }
}

impl Allowance {
    fn is_open(&self, now: Timestamp) -> bool {
        now < self.expires && self.left != Some(0)
    }

    /// Whether this token opens it.
    fn admits(&self, token: &Handle, now: Timestamp) -> bool {
        let fits = |digest: &Digest| digest.same(token.digest().as_bytes());
        self.secret.as_ref().is_some_and(fits) && self.is_open(now)
    }
}

/// That somebody may register, and at whose expense. Only [`admit`] makes one.
pub(super) enum Admission {
    Token(Handle, Loaded<Allowance>),
    Anybody,
}

fn key_of_token(core: &Core, token: &Handle) -> Key {
    Key::new(Kind::Allowance, &core.config.issuer, &[b"token", token.id()])
}

/// Whether the sender may register at all; nothing is written yet.
pub(super) async fn admit(
    core: &Core,
    http: &Request<'_>,
    rules: &Registration,
    now: Timestamp,
) -> Result<Admission, RegistrationError> {
    match (http.authorization(), rules.access) {
        (Authorization::Bearer(text), _) => {
            let token = Handle::decode(HandleKind::InitialAccess, text);
            let token = token.ok_or_else(RegistrationError::bad_token)?;
            let found = core.load::<Allowance>(&key_of_token(core, &token)).await?;
            let found = found.filter(|found| found.body.admits(&token, now));
            Ok(Admission::Token(token, found.ok_or_else(RegistrationError::bad_token)?))
        }
        (Authorization::Absent, RegistrationAccess::Open) => {
            let window = Window::at(core, rules, now);
            let found = core.load::<Allowance>(&window.key).await?;
            window.left(found.as_ref(), rules, now)?;
            Ok(Admission::Anybody)
        }
        (Authorization::Absent, _) => Err(RegistrationError::no_token()),
        _ => Err(RegistrationError::bad_token()),
    }
}

impl Admission {
    pub(super) fn is_by_invitation(&self) -> bool {
        matches!(self, Self::Token(..))
    }

    /// What the token was issued for.
    pub(super) fn purpose(&self) -> Option<&str> {
        match self {
            Self::Token(_, found) => found.body.purpose.as_deref(),
            Self::Anybody => None,
        }
    }

    /// Takes one off. The last step before the client is written: if that fails, one is lost, and none
    /// is ever had twice.
    pub(super) async fn spend(
        self,
        core: &Core,
        rules: &Registration,
        now: Timestamp,
    ) -> Result<(), RegistrationError> {
        match self {
            Self::Token(token, _) => spend_token(core, &token, now).await,
            Self::Anybody => spend_cap(core, rules, now).await,
        }
    }
}

async fn spend_token(core: &Core, token: &Handle, now: Timestamp) -> Result<(), RegistrationError> {
    let key = key_of_token(core, token);
    for _ in 0..SPENDINGS {
        // As it is now: it may have been withdrawn while the rest was looked at.
        let found = core.load::<Allowance>(&key).await?;
        let found = found.filter(|found| found.body.admits(token, now));
        let found = found.ok_or_else(RegistrationError::bad_token)?;
        let Some(left) = found.body.left else { return Ok(()) };
        let body = Allowance { left: Some(left.saturating_sub(1)), ..found.body.clone() };
        if write(core, &key, Expect::Version(found.version), &body).await? {
            return Ok(());
        }
    }
    Err(contended())
}

/// How often somebody who spends tries again: many may count at once, and who loses every time is told
/// to come back.
const SPENDINGS: u8 = 4 * ATTEMPTS;

fn contended() -> RegistrationError {
    RegistrationError::throttled(std::time::Duration::from_secs(1))
}

/// Time is cut into windows as long as an unused client is kept, each with its count.
struct Window {
    key: Key,
    ends: Timestamp,
}

impl Window {
    fn at(core: &Core, rules: &Registration, now: Timestamp) -> Self {
        let length = rules.unused_lifetime.whole_seconds().max(1);
        let number = now.unix().div_euclid(length);
        let id: [&[u8]; 2] = [b"window", &number.to_be_bytes()];
        let ends = Timestamp::from_unix(number.saturating_add(1).saturating_mul(length));
        Self { key: Key::new(Kind::Allowance, &core.config.issuer, &id), ends }
    }

    /// How many more may come, at least one; a cap that was lowered since bounds what is left.
    fn left(
        &self,
        found: Option<&Loaded<Allowance>>,
        rules: &Registration,
        now: Timestamp,
    ) -> Result<u32, RegistrationError> {
        let left = found.map_or(rules.cap, |found| found.body.left.unwrap_or_default());
        match left.min(rules.cap) {
            0 => Err(RegistrationError::throttled(self.ends.since(now).unsigned_abs())),
            left => Ok(left),
        }
    }
}

async fn spend_cap(
    core: &Core,
    rules: &Registration,
    now: Timestamp,
) -> Result<(), RegistrationError> {
    let window = Window::at(core, rules, now);
    for _ in 0..SPENDINGS {
        let found = core.load::<Allowance>(&window.key).await?;
        let left = window.left(found.as_ref(), rules, now)?.saturating_sub(1);
        let body = Allowance {
            v: Allowance::SCHEMA,
            secret: None,
            left: Some(left),
            expires: window.ends,
            purpose: None,
        };
        let expect = match &found {
            Some(found) => Expect::Version(found.version),
            None => Expect::Absent { labels: &[] },
        };
        if write(core, &window.key, expect, &body).await? {
            return Ok(());
        }
    }
    Err(contended())
}

async fn write(
    core: &Core,
    key: &Key,
    expect: Expect<'_>,
    body: &Allowance,
) -> Result<bool, Failure> {
    let step = Step { key, expect, body, keep_until: body.expires };
    Ok(matches!(core.commit(step, ()).await?, Commit::Won(..)))
}

/// Makes an initial access token.
pub(crate) async fn issue(core: &Core, access: &InitialAccess) -> Result<String, Failure> {
    let token = Handle::random(HandleKind::InitialAccess, &*core.entropy)?;
    let body = Allowance {
        v: Allowance::SCHEMA,
        secret: Some(token.digest()),
        left: access.uses,
        expires: core.clock.now() + access.lifetime,
        purpose: access.purpose.clone(),
    };
    let expect = Expect::Absent { labels: &[] };
    if write(core, &key_of_token(core, &token), expect, &body).await? {
        Ok(token.encode())
    } else {
        // 128 random bits that were there before: the source of randomness repeats itself.
        Err(Reason::EntropyFailed.into())
    }
}

/// Ends an initial access token; answers whether it was good until now.
pub(crate) async fn withdraw(core: &Core, text: &str) -> Result<bool, Failure> {
    let Some(token) = Handle::decode(HandleKind::InitialAccess, text) else { return Ok(false) };
    let key = key_of_token(core, &token);
    for _ in 0..ATTEMPTS {
        let found = core.load::<Allowance>(&key).await?;
        let Some(found) = found.filter(|found| found.body.admits(&token, core.clock.now())) else {
            return Ok(false);
        };
        let body = Allowance { left: Some(0), ..found.body };
        if write(core, &key, Expect::Version(found.version), &body).await? {
            return Ok(true);
        }
    }
    Err(Reason::StoreFailed.into())
}
