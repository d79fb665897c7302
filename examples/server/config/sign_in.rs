//! `[sign_in]`: how people sign in.

use oidc_op::{Client, Scope};
use serde::Deserialize;

use super::{ClientEntry, Settings};
use crate::sign_in::Method;

/// The longest time that a one-time token may be good for, in seconds.
const LONGEST: u32 = 3600;

/// The ways to sign in, and the scopes that choose one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignIn {
    /// Whether people of this server's own sign in on its page. Without them an upstream provider does it.
    pub(crate) local: bool,
    /// The scope with which a PIN is asked for instead of a password.
    pin: Option<String>,
    pub(crate) one_time_token: Option<OneTimeToken>,
}

/// A token in the address of an authorization request, which signs somebody in once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneTimeToken {
    /// The scope without which it is nothing.
    scope: String,
    /// The parameter that it is in.
    pub(crate) parameter: Box<str>,
    /// In seconds, at most.
    #[serde(default = "default_lifetime")]
    pub(crate) lifetime: u32,
}

const fn default_lifetime() -> u32 {
    300
}

impl Default for SignIn {
    fn default() -> Self {
        Self { local: true, pin: None, one_time_token: None }
    }
}

impl SignIn {
    /// Whether a scope can say how somebody signs in on the page.
    pub(crate) fn steers(&self) -> bool {
        self.pin.is_some()
    }

    /// What the page asks for, or who sends a name and a secret is to have sent.
    pub(crate) fn method(&self, client: &Client, scope: &Scope) -> Method {
        match &self.pin {
            Some(pin) if steers(pin, client, scope) => Method::Pin,
            _ => Method::Password,
        }
    }

    /// The parameter in which a one-time token of this client would be.
    pub(crate) fn one_time_parameter(&self, client: &Client, scope: &Scope) -> Option<&str> {
        let token = self.one_time_token.as_ref();
        let token = token.filter(|token| steers(&token.scope, client, scope));
        token.map(|token| &*token.parameter)
    }

    /// The parameters of authorization requests that are ours alone.
    pub(super) fn parameters(&self) -> Vec<Box<str>> {
        self.one_time_token.iter().map(|token| token.parameter.clone()).collect()
    }

    /// What contradicts the rest of the file.
    pub(super) fn finding(&self, settings: &Settings) -> Option<String> {
        if self.local {
            return None;
        }
        let needs = |member: &str| Some(format!("{member}: needs sign_in.local = true"));
        if settings.upstreams.is_empty() {
            return Some(
                "sign_in.local: without it people need one of [[upstreams]] to sign in".into(),
            );
        }
        if self.pin.is_some() || self.one_time_token.is_some() {
            return Some(
                "sign_in.local: without it nobody can use a PIN or a one-time token".into(),
            );
        }
        if settings.sign_up.enabled {
            return Some("sign_in.local: without it nobody can use an account of [sign_up]".into());
        }
        // Passwords of people whom the page would not let in.
        if settings.features.password_grant {
            return needs("features.password_grant");
        }
        let mut clients = settings.clients.iter();
        let at = clients.position(|ClientEntry(client)| client.password_grant)?;
        needs(&format!("clients[{at}].password_grant"))
    }

    /// The same of what scopes say.
    pub(super) fn steering_finding(&self, scopes: &Scope, manage: bool) -> Option<String> {
        let one_time = self.one_time_token.as_ref();
        let by_link = one_time.map(|token| &token.scope);
        for (member, scope) in [("pin", self.pin.as_ref()), ("one_time_token.scope", by_link)] {
            if let Some(scope) = scope.filter(|scope| !scopes.contains(scope)) {
                return Some(format!("sign_in.{member}: {scope:?} is none of `scopes`"));
            }
        }
        if self.pin.is_some() && self.pin.as_ref() == by_link {
            return Some("sign_in.one_time_token.scope: is that of the PIN".into());
        }
        let token = one_time?;
        if !(1..=LONGEST).contains(&token.lifetime) {
            return Some(format!("sign_in.one_time_token.lifetime: is 1 to {LONGEST} seconds"));
        }
        (!manage).then(|| "sign_in.one_time_token: nobody gives any out without [manage]".into())
    }
}

/// Whether the scope says how somebody signs in: only of a client that was given it by name. What a client that may
/// ask for anything asks for is no word about that.
fn steers(token: &str, client: &Client, scope: &Scope) -> bool {
    let own = client.metadata.scope.as_ref();
    scope.contains(token) && own.is_some_and(|own| own.contains(token))
}
