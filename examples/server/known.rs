//! Who it is that a page speaks of: one of the people here, or somebody whom an upstream provider knows.

use oidc_op::{InternalError, Session, Subject};
use serde_json::{Map, Value};

use crate::{App, layers::Received, users::User};

/// A person, as pages name them.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) subject: Subject,
    /// What to call them.
    pub(crate) name: String,
    /// What tells them from others of the same name: their user name, if they have one here.
    pub(crate) called: String,
    pub(crate) email: Option<String>,
    /// Whether they sign in here, by what they are called.
    pub(crate) local: bool,
}

impl Known {
    /// One of the people here.
    pub(crate) fn user(user: &User) -> Self {
        Self {
            subject: user.subject.clone(),
            name: user.name().to_owned(),
            called: user.username.clone(),
            email: user.email().map(str::to_owned),
            local: true,
        }
    }

    /// One of the upstream provider's of this name, by what came with their sign-in.
    fn elsewhere(subject: &Subject, upstream: &str, claims: &Map<String, Value>) -> Self {
        let claim = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let called = claim("preferred_username").or_else(|| claim("email"));
        let called = called.unwrap_or_else(|| upstream.to_owned());
        Self {
            subject: subject.clone(),
            name: claim("name").unwrap_or_else(|| called.clone()),
            called,
            email: claim("email"),
            local: false,
        }
    }
}

impl App {
    /// Who is signed in at this browser.
    pub(crate) async fn person(&self, received: &Received) -> Result<Option<Known>, InternalError> {
        let fields = received.fields();
        let session = self.provider.session(received.request(&fields)).await?;
        Ok(session.and_then(|session| self.known_by(&session)))
    }

    /// Those of these whom there is something known of; what upstream providers know is found in the sessions
    /// of this browser only.
    pub(crate) async fn known(
        &self,
        received: &Received,
        subjects: &[Subject],
    ) -> Result<Vec<Known>, InternalError> {
        let is_elsewhere = |subject| {
            self.upstreams.as_ref().is_some_and(|upstreams| upstreams.of(subject).is_some())
        };
        let mut sessions = Vec::new();
        if subjects.iter().any(is_elsewhere) {
            let fields = received.fields();
            sessions = self.provider.accounts(received.request(&fields)).await?;
        }
        let known = |subject: &Subject| match self.users.by_subject(subject) {
            Some(user) => Some(Known::user(&user)),
            None => self.known_by(sessions.iter().find(|session| session.subject == *subject)?),
        };
        Ok(subjects.iter().filter_map(known).collect())
    }

    fn known_by(&self, session: &Session) -> Option<Known> {
        let subject = &session.subject;
        if let Some(user) = self.users.by_subject(subject) {
            return Some(Known::user(&user));
        }
        let upstream = self.upstreams.as_ref()?.of(subject)?;
        Some(Known::elsewhere(subject, upstream.name(), &session.authentication.claims))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_from_elsewhere_have_a_name() {
        for (claims, name, called) in [
            (json!({"name": "Ada", "email": "ada@x.example"}), "Ada", "ada@x.example"),
            (json!({"preferred_username": "ada"}), "ada", "ada"),
            (json!({"email": "ada@x.example"}), "ada@x.example", "ada@x.example"),
            (json!({"name": 1, "address": {"country": "NL"}}), "PartnerID", "PartnerID"),
        ] {
            let Value::Object(claims) = claims else { unreachable!() };
            let subject = Subject::new("PartnerID.x").unwrap();
            let known = Known::elsewhere(&subject, "PartnerID", &claims);
            assert_eq!((&*known.name, &*known.called, known.local), (name, called, false));
        }
    }
}
