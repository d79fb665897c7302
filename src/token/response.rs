use std::fmt::Write;

use time::Duration;

use crate::{types::Scope, wire::Reply};

/// A successful answer ([RFC 6749 §5.1], [OIDC Core §3.1.3.3], [RFC 8693 §2.2.1]).
///
/// [RFC 6749 §5.1]: https://www.rfc-editor.org/rfc/rfc6749#section-5.1
/// [OIDC Core §3.1.3.3]: https://openid.net/specs/openid-connect-core-1_0.html#TokenResponse
/// [RFC 8693 §2.2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.2.1
pub(super) struct TokenResponse {
    pub(super) access_token: String,
    pub(super) expires_in: i64,
    pub(super) refresh_token: Option<String>,
    pub(super) id_token: Option<String>,
    pub(super) issued_token_type: Option<&'static str>,
    pub(super) scope: Scope,
}

impl TokenResponse {
    /// An access token, and nothing else.
    pub(super) fn of_access_token(access_token: String, lifetime: Duration, scope: Scope) -> Self {
        Self {
            access_token,
            expires_in: lifetime.whole_seconds(),
            refresh_token: None,
            id_token: None,
            issued_token_type: None,
            scope,
        }
    }

    /// Written without an escaping serializer, which would look at every character of the tokens:
    /// tokens are base64url, and no scope has a quote or a backslash.
    pub(super) fn reply(&self) -> Reply {
        let Self { access_token, expires_in, refresh_token, id_token, issued_token_type, scope } =
            self;
        let mut body = String::with_capacity(1536);
        let _ = write!(
            body,
            r#"{{"access_token":"{access_token}","token_type":"Bearer","expires_in":{expires_in}"#
        );
        let members = [
            ("refresh_token", refresh_token.as_deref()),
            ("id_token", id_token.as_deref()),
            ("issued_token_type", *issued_token_type),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                let _ = write!(body, r#","{name}":"{value}""#);
            }
        }
        // An empty scope has no syntax (RFC 6749 §3.3).
        if !scope.is_empty() {
            let _ = write!(body, r#","scope":"{scope}""#);
        }
        body.push('}');
        Reply::json_text(body)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_answer_is_json() {
        let scope = Scope::parse("openid !#$%&'()*+,-./:;<=>?@[]^_`{|}~").unwrap();
        let mut response =
            TokenResponse::of_access_token("a-_".into(), Duration::minutes(10), scope.clone());
        let read = |response: &TokenResponse| -> Value {
            serde_json::from_slice(&response.reply().body).unwrap()
        };
        let scope = scope.to_string();
        let expected = json!({
            "access_token": "a-_", "token_type": "Bearer", "expires_in": 600, "scope": scope
        });
        assert_eq!(read(&response), expected);
        response.id_token = Some("h.p.s".into());
        response.refresh_token = Some("r".into());
        response.issued_token_type = Some("urn:x");
        response.scope = Scope::default();
        let all = read(&response);
        assert_eq!((&all["id_token"], &all["refresh_token"]), (&json!("h.p.s"), &json!("r")));
        assert_eq!((all.get("scope"), &all["issued_token_type"]), (None, &json!("urn:x")));
    }
}
