//! A person: what is known of them, and what they are called.

use std::{fmt, sync::Arc};

use oidc_op::{ClaimMapping, ClaimSources, Clock, Scope, Subject, SystemClock};
use serde_json::{Map, Value};

use super::{
    Change, PasswordHash,
    logins::{canonical, phone},
};
use crate::{
    config::{ConfigError, Password, UserEntry},
    second_factor::SecondFactor,
};

/// A person with an account.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) subject: Subject,
    pub(crate) username: String,
    /// Without one they cannot sign in with a password.
    pub(super) password: Option<PasswordHash>,
    /// Without one they cannot sign in with a PIN.
    pub(super) pin: Option<PasswordHash>,
    pub(crate) disabled: bool,
    pub(crate) claims: Map<String, Value>,
    pub(super) sources: ClaimSources,
    pub(super) second_factor: Option<SecondFactor>,
    /// What their clients may do at most; anything, if absent.
    pub(crate) permissions: Option<Scope>,
    pub(super) origin: Origin,
}

/// Where a person is known from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// The configuration, and what has changed since.
    Configuration { file: Arc<Said>, changed: Change },
    /// They, or a backend, have created the account.
    Created,
}

/// What the configuration itself says of a person.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) disabled: bool,
    pub(super) claims: Map<String, Value>,
}

impl User {
    /// What to call them.
    pub(crate) fn name(&self) -> &str {
        self.claims.get("name").and_then(Value::as_str).unwrap_or(&self.username)
    }

    pub(crate) fn email(&self) -> Option<&str> {
        self.claims.get("email").and_then(Value::as_str)
    }

    /// Whether the code is right, of those who have a second factor; whoever has none has nothing to
    /// prove by it.
    pub(crate) fn prove(&self, code: &str, form: &str) -> Proof {
        match &self.second_factor {
            None => Proof::Nothing,
            Some(factor) if factor.accept(code, form, SystemClock.now()) => Proof::Right,
            Some(_) => Proof::Wrong,
        }
    }

    pub(crate) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    pub(crate) fn has_pin(&self) -> bool {
        self.pin.is_some()
    }

    /// Whether they are not in the configuration.
    pub(crate) fn is_created(&self) -> bool {
        matches!(self.origin, Origin::Created)
    }

    pub(crate) fn has_second_factor(&self) -> bool {
        self.second_factor.is_some()
    }

    /// Whether the login is their user name, or an address or a number that is known to be theirs.
    pub(crate) fn is_called(&self, login: &str) -> bool {
        let is_true = |claim: &str| self.claims.get(claim) == Some(&Value::Bool(true));
        let login = canonical(login);
        let email = self.email().filter(|_| is_true("email_verified"));
        login == canonical(&self.username)
            || email.is_some_and(|email| canonical(email) == login)
            || self.phone().is_some_and(|number| phone(&login).as_ref() == Some(&number))
    }

    /// Their verified phone number.
    pub(super) fn phone(&self) -> Option<String> {
        let verified = self.claims.get("phone_number_verified") == Some(&Value::Bool(true));
        let number = self.claims.get("phone_number").and_then(Value::as_str);
        number.filter(|_| verified).and_then(phone)
    }

    pub(super) fn logins(&self) -> impl Iterator<Item = String> {
        let email = self.email().map(canonical);
        let username = canonical(&self.username);
        let email = email.filter(|email| *email != username);
        [username].into_iter().chain(email)
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// What a code says of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Right,
    Wrong,
    /// They have no second factor.
    Nothing,
}

impl User {
    pub(super) fn from_entry(
        entry: &UserEntry,
        mapping: Option<&ClaimMapping>,
    ) -> Result<Self, ConfigError> {
        let UserEntry { username, password, sub, disabled, .. } = entry;
        let file = Said { disabled: *disabled, claims: claims(entry, mapping) };
        let password = match password {
            Password::Plain(password) => PasswordHash::of(password.expose())
                .map_err(|e| ConfigError::new(format!("users: argon2: {e}")))?,
            Password::Hash(hash) => PasswordHash::parse(hash.expose()).ok_or_else(|| {
                ConfigError::new(format!(
                    "users: password_hash of {username:?} is not {}",
                    PasswordHash::EXPECTED
                ))
            })?,
        };
        let pin = entry.pin.as_ref().map(|pin| PasswordHash::of(pin.expose())).transpose();
        Ok(Self {
            subject: sub.clone(),
            username: username.trim().to_owned(),
            password: Some(password),
            pin: pin.map_err(|e| ConfigError::new(format!("users: argon2: {e}")))?,
            disabled: *disabled,
            claims: file.claims.clone(),
            sources: entry.sources.clone(),
            second_factor: entry.second_factor.clone(),
            permissions: entry.permissions.clone(),
            origin: Origin::Configuration { file: file.into(), changed: Change::default() },
        })
    }
}

/// The claims that stand in the file; before them, those that the mapping finds in the document.
fn claims(entry: &UserEntry, mapping: Option<&ClaimMapping>) -> Map<String, Value> {
    let mut claims = match (mapping, &entry.document) {
        (Some(mapping), Some(document)) => {
            mapping.apply(document, &mapping.claims().collect::<Vec<_>>())
        }
        _ => Map::new(),
    };
    claims.extend(entry.claims.clone());
    claims
}
