use std::fmt;

use serde_json::{Map, Value};
use time::Duration;

use crate::{
    error::{BearerError, Reason},
    types::{Resource, Scope, Timestamp},
};

/// An access token that is valid at this API now; only an
/// [`AccessTokenVerifier`](crate::AccessTokenVerifier) makes it.
///
/// It is valid, and that is all: what its client may do with it, [`require`](Self::require) tells,
/// and what its person may do with what is there, the API knows.
///
/// ```
/// use oidc_op::{BearerError, VerifiedToken};
///
/// fn orders(token: &VerifiedToken) -> Result<String, BearerError> {
///     token.require("orders:read")?;
///     Ok(format!("the orders of {}", token.subject().unwrap_or("nobody")))
/// }
/// ```
pub struct VerifiedToken {
    pub(super) resource: Resource,
    /// When it was verified.
    pub(super) at: Timestamp,
    pub(super) scope: Scope,
    pub(super) expires: Option<Timestamp>,
    pub(super) auth_time: Option<Timestamp>,
    pub(super) claims: Map<String, Value>,
}

impl VerifiedToken {
    /// On whose behalf. A client that acts for itself is its own subject ([RFC 9068 §2.2]), or has
    /// none.
    ///
    /// # Security
    ///
    /// Look at [`client_id`](Self::client_id) too before taking it for a person's: a client must not
    /// be able to have itself named like one ([RFC 9068 §5]).
    ///
    /// [RFC 9068 §2.2]: https://www.rfc-editor.org/rfc/rfc9068#section-2.2
    /// [RFC 9068 §5]: https://www.rfc-editor.org/rfc/rfc9068#section-5
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// The client that it was issued to; every JWT says it.
    pub fn client_id(&self) -> Option<&str> {
        self.text("client_id")
    }

    /// What was granted.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// All whom it is for, this API among them; empty if an introspection does not say.
    pub fn audience(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The end of its life; every JWT says it.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// When the person was authenticated.
    pub fn auth_time(&self) -> Option<Timestamp> {
        self.auth_time
    }

    /// How well the person was authenticated.
    pub fn acr(&self) -> Option<&str> {
        self.text("acr")
    }

    /// Who acts for the subject ([RFC 8693 §4.1]).
    ///
    /// [RFC 8693 §4.1]: https://www.rfc-editor.org/rfc/rfc8693#section-4.1
    pub fn actor(&self) -> Option<&Map<String, Value>> {
        self.claims.get("act")?.as_object()
    }

    /// Everything that it says.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Whether all of these space-separated scope tokens were granted.
    ///
    /// # Errors
    ///
    /// 403, with a challenge that names all of them ([RFC 6750 §3.1]).
    ///
    /// [RFC 6750 §3.1]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
    pub fn require(&self, scope: &str) -> Result<(), BearerError> {
        let mut tokens = scope.split(' ').filter(|token| !token.is_empty());
        if tokens.all(|token| self.scope.contains(token)) {
            return Ok(());
        }
        Err(self.refused(Reason::ScopeInsufficient).needing("scope", scope.to_owned()))
    }

    /// Whether the person was authenticated in one of these ways, if any are named, and not longer
    /// ago than this: step-up ([RFC 9470]).
    ///
    /// ```
    /// use oidc_op::{BearerError, Duration, VerifiedToken};
    ///
    /// fn pay(token: &VerifiedToken) -> Result<(), BearerError> {
    ///     token.require("payments")?;
    ///     token.require_authentication(&["urn:example:mfa"], Some(Duration::minutes(5)))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// 401, with a challenge that says what to ask the provider for.
    ///
    /// [RFC 9470]: https://www.rfc-editor.org/rfc/rfc9470
    pub fn require_authentication(
        &self,
        acr_values: &[&str],
        max_age: Option<Duration>,
    ) -> Result<(), BearerError> {
        let as_asked =
            acr_values.is_empty() || self.acr().is_some_and(|acr| acr_values.contains(&acr));
        let lately = |max_age| self.auth_time.is_some_and(|time| self.at <= time + max_age);
        if as_asked && max_age.is_none_or(lately) {
            return Ok(());
        }
        let mut error = self.refused(Reason::AuthenticationInsufficient);
        if !acr_values.is_empty() {
            error = error.needing("acr_values", acr_values.join(" "));
        }
        if let Some(max_age) = max_age {
            error = error.needing("max_age", max_age.whole_seconds().max(0).to_string());
        }
        Err(error)
    }

    fn refused(&self, reason: Reason) -> BearerError {
        BearerError::from(reason).at(self.resource.as_str())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }
}

impl fmt::Debug for VerifiedToken {
    /// Of the claims the names only: the values are about people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken")
            .field("scope", &self.scope)
            .field("expires", &self.expires)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
