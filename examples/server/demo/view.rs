//! What the demo has learned, as tables for its page.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{ResponseType, Timestamp};
use openidconnect::{OAuth2TokenResponse, core::CoreTokenResponse};
use serde_json::{Map, Value, json};

use crate::{
    layers::Form,
    pages::{LoginView, Row, Table, clean, initial},
};

/// The header and the claims of a JWT.
pub(super) fn decode(jwt: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = jwt.split('.').map(|part| {
        let json = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice(&json).ok()
    });
    Some((parts.next()??, parts.next()??))
}

/// Everything that was learned, and checked.
pub(super) struct Learned<'a> {
    pub(super) response_type: ResponseType,
    pub(super) answer: &'a Form,
    /// The header and the claims of the ID token.
    pub(super) head: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
    pub(super) tokens: Option<CoreTokenResponse>,
    pub(super) userinfo: Option<Map<String, Value>>,
    pub(super) subject: String,
}

/// The same for people.
pub(super) fn login(learned: &Learned<'_>) -> LoginView {
    let Learned { response_type, answer, head, claims, tokens, userinfo, subject } = learned;
    let said = userinfo.as_ref().unwrap_or(claims);
    let name = said.get("name").and_then(Value::as_str).map(clean);
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| subject.clone());
    let header = head.iter().flat_map(|(name, value)| rows(name, value));
    let header = header.map(|row| Row { note: Some("header".into()), ..row });
    let about = "Signed by the provider: who signed in, when and how, for this application only.";
    let mut id_token = table("id-token", "ID token", about, claims);
    id_token.rows.splice(0..0, header);
    let mut tables = vec![id_token];
    if let Some(given) = tokens {
        tables.push(self::tokens(given, "What the token endpoint gave for the code."));
    }
    if let Some(userinfo) = userinfo {
        let about = "What the UserInfo endpoint says to the bearer of the access token.";
        tables.push(table("userinfo", "UserInfo", about, userinfo));
    }
    if response_type.implicit() {
        let about = "What came back through the browser.";
        tables.push(table("answer", "Authorization response", about, &shown(answer)));
    }
    LoginView {
        initial: initial(&name),
        name,
        steps: steps(*response_type),
        bearer: tokens.is_some() || response_type.token(),
        renewable: tokens.as_ref().is_some_and(|tokens| tokens.refresh_token().is_some()),
        tables,
    }
}

/// An answer of the token endpoint.
pub(super) fn tokens(tokens: &CoreTokenResponse, about: &'static str) -> Table {
    table("tokens", "Token response", about, &token_response(tokens))
}

/// An answer of the introspection endpoint.
pub(super) fn introspection(said: &Map<String, Value>) -> Table {
    let about = "What the provider says of the access token now.";
    table("introspection", "Introspection", about, said)
}

/// What has been checked.
fn steps(response_type: ResponseType) -> Vec<&'static str> {
    [
        ("state", true),
        ("issuer", true),
        ("PKCE", response_type.code()),
        ("signature", true),
        ("audience", true),
        ("nonce", true),
        ("c_hash", response_type.code() && response_type.id_token()),
        ("at_hash", response_type.yields_access_token()),
        ("both ID tokens", response_type.code() && response_type.id_token()),
        ("sub", response_type.yields_access_token()),
    ]
    .into_iter()
    .filter_map(|(step, taken)| taken.then_some(step))
    .collect()
}

fn token_response(tokens: &CoreTokenResponse) -> Map<String, Value> {
    let scope = tokens
        .scopes()
        .map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "));
    let mut shown = Map::new();
    shown.insert("access_token".into(), shortened(tokens.access_token().secret()).into());
    shown.insert("token_type".into(), json!(tokens.token_type()));
    shown.insert("expires_in".into(), json!(tokens.expires_in().map(|time| time.as_secs())));
    let refresh_token = tokens.refresh_token().map(|token| shortened(token.secret()));
    shown.insert("refresh_token".into(), json!(refresh_token));
    shown.insert("scope".into(), json!(scope));
    shown
}

/// The parameters of the answer that there may be, as far as they are no secrets.
fn shown(answer: &Form) -> Map<String, Value> {
    const SECRET: [&str; 3] = ["code", "access_token", "id_token"];
    let names = ["code", "access_token", "id_token", "token_type", "expires_in", "scope", "iss"];
    let present = names.into_iter().filter(|name| answer.has(name));
    let value = |name| match (answer.one(name), SECRET.contains(&name)) {
        (secret, true) => shortened(secret),
        (text, false) => text.to_owned(),
    };
    present.map(|name| (name.to_owned(), value(name).into())).collect()
}

fn shortened(secret: &str) -> String {
    secret.chars().take(12).chain(['…']).collect()
}

fn table(
    id: &'static str,
    title: &'static str,
    about: &'static str,
    object: &Map<String, Value>,
) -> Table {
    let rows = object.iter().flat_map(|(name, value)| rows(name, value)).collect();
    Table { id, title, about, rows }
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
