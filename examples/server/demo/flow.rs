//! The ways in which the demo can ask for an answer.

use oidc_op::ResponseType;
use openidconnect::{AuthenticationFlow, core::CoreResponseType};

/// The response types that the demo has registered, the usual one first.
pub(crate) const RESPONSE_TYPES: [&str; 5] =
    ["code", "code id_token", "id_token", "id_token token", "code id_token token"];

/// The scope tokens that the demo asks for besides `openid`, unless it is told otherwise.
pub(crate) const DEMO_SCOPES: [&str; 5] =
    ["profile", "email", "address", "phone", "offline_access"];

/// What a person has chosen on the demo's page.
#[derive(Clone, Debug)]
pub(super) struct Wishes {
    pub(super) scopes: Vec<String>,
    pub(super) prompt: String,
    /// The context classes that the person would like to reach.
    pub(super) acr_values: String,
    pub(super) response_type: ResponseType,
    pub(super) form_post: bool,
}

/// The response type of this name; the usual one if it is not one of the demo's.
pub(super) fn response_type(name: &str) -> ResponseType {
    let known = RESPONSE_TYPES.contains(&name).then(|| ResponseType::parse(name));
    known.flatten().unwrap_or(ResponseType::CODE)
}

/// The same in the words of the `openidconnect` crate.
pub(super) fn authentication_flow(
    response_type: ResponseType,
) -> AuthenticationFlow<CoreResponseType> {
    match (response_type.code(), response_type.implicit()) {
        (true, false) => AuthenticationFlow::AuthorizationCode,
        (false, _) => AuthenticationFlow::Implicit(response_type.token()),
        (true, true) => {
            let mut parts = vec![CoreResponseType::Code, CoreResponseType::IdToken];
            if response_type.token() {
                parts.push(CoreResponseType::Token);
            }
            AuthenticationFlow::Hybrid(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_registered_is_asked_for() {
        for (name, found) in [
            ("", "code"),
            ("code", "code"),
            ("code id_token token", "code id_token token"),
            ("code token", "code"),
            ("nonsense", "code"),
        ] {
            assert_eq!(response_type(name).as_str(), found, "{name}");
        }
    }
}
