//! `[[upstreams]]`: OpenID Providers that people sign in with.

use oidc_op::{Acr, ClaimMapping, Issuer, Scope, Subject};
use serde::{Deserialize, Deserializer, de::Error};
use url::{Host, Url};

use super::{Hidden, UserEntry};

/// An OpenID Provider that people sign in with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamEntry {
    #[serde(deserialize_with = "name")]
    pub(crate) name: String,
    #[serde(deserialize_with = "super::issuer")]
    pub(crate) issuer: Issuer,
    pub(crate) client_id: String,
    /// Without one the client is a public one.
    pub(crate) client_secret: Option<Hidden>,
    #[serde(default = "default_scope")]
    pub(crate) scope: Scope,
    /// Whether its UserInfo is asked as well.
    #[serde(default = "yes")]
    pub(crate) userinfo: bool,
    pub(crate) person: Option<PersonEntry>,
    /// Over `{ id_token, userinfo, person }`.
    #[serde(default)]
    pub(crate) claims: ClaimMapping,
    /// The context class that signing in with it satisfies.
    pub(crate) acr: Option<Acr>,
}

/// An API that tells more of a person, by the access token of their sign-in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonEntry {
    #[serde(deserialize_with = "address")]
    pub(crate) url: String,
}

const fn yes() -> bool {
    true
}

fn default_scope() -> Scope {
    Scope::parse("openid profile email").unwrap_or_default()
}

/// It is a part of addresses and of subjects, and stands on a button.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if letters && (1..=32).contains(&name.len()) {
        Ok(name)
    } else {
        Err(Error::custom("must be a word of at most 32 letters, digits, - and _"))
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match Url::parse(&text) {
        Ok(url) if is_safe(&url) && url.fragment().is_none() && url.username().is_empty() => {
            Ok(text)
        }
        _ => Err(Error::custom("must be an https address; http is for loopback hosts only")),
    }
}

/// Whether nobody on the way reads along.
pub(crate) fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether it is this machine itself.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl UpstreamEntry {
    /// Whether somebody of this name would be one of the upstream's people.
    fn names(&self, subject: &Subject) -> bool {
        let rest = subject.as_str().strip_prefix(&*self.name);
        rest.is_some_and(|rest| rest.starts_with('.'))
    }

    /// What is wrong with it, among those before it.
    fn finding(&self, before: &[Self], acr_values: Option<&[Acr]>) -> Option<&'static str> {
        // They are told apart in addresses, which some people write in other cases.
        if before.iter().any(|other| other.name.eq_ignore_ascii_case(&self.name)) {
            return Some("name: another one has it");
        }
        if self.client_id.is_empty() {
            return Some("client_id: is empty");
        }
        if !self.scope.contains("openid") {
            return Some("scope: must have openid");
        }
        let unlisted = |acr| acr_values.is_some_and(|listed| !listed.contains(acr));
        self.acr.as_ref().is_some_and(unlisted).then_some("acr: is not among acr_values")
    }
}

/// The first thing that is wrong with any of them.
pub(super) fn finding(
    upstreams: &[UpstreamEntry],
    acr_values: Option<&[Acr]>,
    users: &[UserEntry],
) -> Option<String> {
    for (at, upstream) in upstreams.iter().enumerate() {
        let (before, _) = upstreams.split_at(at);
        if let Some(finding) = upstream.finding(before, acr_values) {
            return Some(format!("upstreams[{at}].{finding}"));
        }
    }
    let taken = |user: &UserEntry| upstreams.iter().any(|upstream| upstream.names(&user.sub));
    let at = users.iter().position(taken)?;
    Some(format!("users[{at}].sub: begins like the subjects of one of [[upstreams]]"))
}
