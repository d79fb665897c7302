use std::{borrow::Cow, fmt};

use super::{ErrorCode, Failure, Reason, token};
use crate::wire::Reply;

/// A request to a protected resource that was refused ([RFC 6750 §3]): UserInfo, or an API of the
/// host's own behind an [`AccessTokenVerifier`](crate::AccessTokenVerifier).
///
/// [RFC 6750 §3]: https://www.rfc-editor.org/rfc/rfc6750#section-3
pub struct BearerError {
    /// `None` when there was no token at all: the answer then names no error (§3.1).
    failure: Option<Failure>,
    realm: Cow<'static, str>,
    /// What would do, as parameters of the challenge.
    needs: Vec<(&'static str, Cow<'static, str>)>,
}

impl BearerError {
    /// No token was sent.
    pub(crate) const ABSENT: Self =
        Self { failure: None, realm: Cow::Borrowed("userinfo"), needs: Vec::new() };

    /// The same, of another resource than UserInfo.
    #[must_use]
    pub(crate) fn at(self, realm: &str) -> Self {
        Self { realm: realm.to_owned().into(), ..self }
    }

    /// With what would do: the challenge names it.
    #[must_use]
    pub(crate) fn needing(
        mut self,
        name: &'static str,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.needs.push((name, value.into()));
        self
    }

    /// Why, with a stable code; `None` when no token was sent.
    pub fn reason(&self) -> Option<Reason> {
        self.failure.as_ref().map(|failure| failure.reason)
    }

    /// The answer, with the challenge in `WWW-Authenticate`.
    pub fn reply(&self) -> Reply {
        let Some(reason) = self.reason() else {
            return Reply::empty(401).with("www-authenticate", self.challenge(None));
        };
        let reply = Reply::json(token::status(reason), &token::ErrorBody::from(reason));
        match reason.error() {
            ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable => {
                token::with_retry(reply, reason)
            }
            _ => reply.with("www-authenticate", self.challenge(Some(reason))),
        }
    }

    /// The value of `WWW-Authenticate` ([RFC 6750 §3], [RFC 9470 §3]).
    ///
    /// [RFC 6750 §3]: https://www.rfc-editor.org/rfc/rfc6750#section-3
    /// [RFC 9470 §3]: https://www.rfc-editor.org/rfc/rfc9470#section-3
    fn challenge(&self, reason: Option<Reason>) -> String {
        let mut challenge = String::from("Bearer realm=");
        quote(&mut challenge, &self.realm);
        let error = reason.map(|reason| {
            [("error", reason.error().as_str()), ("error_description", reason.description())]
        });
        let needs = self.needs.iter().map(|(name, value)| (*name, &**value));
        for (name, value) in error.into_iter().flatten().chain(needs) {
            challenge.push_str(", ");
            challenge.push_str(name);
            challenge.push('=');
            quote(&mut challenge, value);
        }
        challenge
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

/// A `quoted-string` ([RFC 9110 §5.6.4]); what cannot be in one is left out.
///
/// [RFC 9110 §5.6.4]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.4
fn quote(to: &mut String, text: &str) {
    to.push('"');
    for character in text.chars().filter(|character| matches!(character, ' '..='~')) {
        if matches!(character, '"' | '\\') {
            to.push('\\');
        }
        to.push(character);
    }
    to.push('"');
}

// At UserInfo; `at` says where else.
impl<F: Into<Failure>> From<F> for BearerError {
    fn from(failure: F) -> Self {
        let failure = failure.into();
        let openid = failure.reason == Reason::OpenidScopeMissing;
        let error = Self { failure: Some(failure), ..Self::ABSENT };
        if openid { error.needing("scope", "openid") } else { error }
    }
}

impl fmt::Debug for BearerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BearerError({:?})", self.reason())
    }
}

impl fmt::Display for BearerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason().map_or("no access token was sent", Reason::description))
    }
}

impl std::error::Error for BearerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.failure.as_ref()?.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6750_section_3_challenges() {
        let api = "https://api.example/\"a\\b\"";
        for (error, status, challenge) in [
            (BearerError::ABSENT, 401, "Bearer realm=\"userinfo\""),
            (BearerError::ABSENT.at(api), 401, r#"Bearer realm="https://api.example/\"a\\b\"""#),
            (
                Reason::BearerInvalid.into(),
                401,
                "Bearer realm=\"userinfo\", error=\"invalid_token\", error_description=\"the access token is not valid\"",
            ),
            (
                Reason::OpenidScopeMissing.into(),
                403,
                "Bearer realm=\"userinfo\", error=\"insufficient_scope\", error_description=\"the access token lacks the scope openid\", scope=\"openid\"",
            ),
            (
                BearerError::from(Reason::AuthenticationInsufficient)
                    .at("urn:api")
                    .needing("acr_values", "a\r\n b\u{e4}")
                    .needing("max_age", "5"),
                401,
                "Bearer realm=\"urn:api\", error=\"insufficient_user_authentication\", error_description=\"a stronger or more recent authentication is needed here\", acr_values=\"a b\", max_age=\"5\"",
            ),
        ] {
            let reply = error.reply();
            assert_eq!((reply.status, reply.header("www-authenticate")), (status, Some(challenge)));
        }
    }

    /// A fault is no challenge: another token would not do either.
    #[test]
    fn what_cannot_be_known_now_can_be_tried_later() {
        let reply = BearerError::from(Reason::IssuerUnavailable).at("urn:api").reply();
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("5")));
        assert_eq!(reply.header("www-authenticate"), None);
    }
}
