//! What the demo has learned, as tables for its page.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::Timestamp;
use openidconnect::{OAuth2TokenResponse, core::CoreTokenResponse};
use serde_json::{Map, Value, json};

use crate::pages::{LoginView, Row, Table, clean, initial};

/// The header and the claims of a JWT.
pub(super) fn decode(jwt: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = jwt.split('.').map(|part| {
        let json = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice(&json).ok()
    });
    Some((parts.next()??, parts.next()??))
}

/// Everything that was learned.
pub(super) fn login(
    tokens: &CoreTokenResponse,
    head: &Map<String, Value>,
    claims: &Map<String, Value>,
    userinfo: &Map<String, Value>,
    subject: &str,
) -> LoginView {
    let name = userinfo.get("name").and_then(Value::as_str).map(clean);
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| subject.to_owned());
    let secret = tokens.access_token().secret();
    let shown: String = secret.chars().take(12).collect();
    let scope = tokens
        .scopes()
        .map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "));
    let answer = json!({
        "access_token": format!("{shown}…"),
        "token_type": tokens.token_type(),
        "expires_in": tokens.expires_in().map(|time| time.as_secs()),
        "scope": scope,
    });
    let table = |id, title, about, object: &Map<String, Value>| Table {
        id,
        title,
        about,
        rows: object.iter().flat_map(|(name, value)| rows(name, value)).collect(),
    };
    let header = head.iter().flat_map(|(name, value)| rows(name, value));
    let header = header.map(|row| Row { note: Some("header".into()), ..row });
    let about = "Signed by the provider: who signed in, when and how, for this application only.";
    let mut id_token = table("id-token", "ID token", about, claims);
    id_token.rows.splice(0..0, header);
    let about = "What the token endpoint gave for the code.";
    let tokens =
        table("tokens", "Token response", about, answer.as_object().unwrap_or(&Map::new()));
    let about = "What the UserInfo endpoint says to the bearer of the access token.";
    let userinfo = table("userinfo", "UserInfo", about, userinfo);
    LoginView {
        initial: initial(&name),
        name,
        steps: vec!["state", "issuer", "PKCE", "signature", "audience", "nonce", "at_hash", "sub"],
        tables: vec![id_token, tokens, userinfo],
    }
}

/// The rows of a member: one, with a time in words as well, or one for each member of an object.
fn rows(name: &str, value: &Value) -> Vec<Row> {
    let value = match value {
        Value::Null => return Vec::new(),
        Value::Object(object) => {
            let inner = object.iter();
            return inner.flat_map(|(inner, v)| rows(&format!("{name}.{inner}"), v)).collect();
        }
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let is_time = matches!(name, "iat" | "exp" | "nbf" | "auth_time" | "updated_at");
    let time = value.parse().ok().filter(|_| is_time).map(Timestamp::from_unix);
    vec![Row { name: name.to_owned(), value, note: time.map(|time| time.to_string()) }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jwts_are_taken_apart() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let claims = r#"{"iat":0,"address":{"country":"x","region":null}}"#;
        let jwt = format!("{}.{}.x", part(r#"{"alg":"RS256"}"#), part(claims));
        let (head, claims) = decode(&jwt).unwrap();
        assert_eq!(head["alg"], "RS256");
        let rows: Vec<_> = claims.iter().flat_map(|(name, value)| rows(name, value)).collect();
        assert_eq!((&*rows[0].name, &*rows[0].value), ("iat", "0"));
        assert_eq!(rows[0].note.as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!((&*rows[1].name, &*rows[1].value, rows.len()), ("address.country", "x", 2));
        assert!(decode("a.b").is_none());
    }
}
