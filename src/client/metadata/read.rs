//! Metadata as they come: a JSON object, member by member.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{ClientMetadata, InvalidMetadata, LocalisedMembers};
use crate::{
    client::GrantType,
    jose::Jwks,
    mint::KeyError,
    types::{RedirectUri, ResponseType},
};

/// A member that could not be read.
pub(super) struct Unread {
    /// For whoever sent it.
    pub(super) error: InvalidMetadata,
    /// For whoever has the text at hand, which it may repeat.
    pub(super) detail: String,
}

impl ClientMetadata {
    /// Reads the members of a JSON object ([RFC 7591 §2], [OIDC Dynamic Client Registration §2]).
    ///
    /// A member that is absent or `null` has its default, and one that is not known is ignored. The
    /// defaults of `grant_types` and `response_types` follow from each other: the grants that the given
    /// response types need; `code` if one of the given grants is `authorization_code`, else nothing.
    ///
    /// Whether the members fit together, [`check`](Self::check) says, and so does whatever makes a
    /// [`Client`](crate::Client) of them.
    ///
    /// ```
    /// use oidc_op::{ClientMetadata, InvalidMetadata};
    ///
    /// let sent = serde_json::json!({"grant_types": ["client_credentials"], "client_name": null});
    /// let metadata = ClientMetadata::from_members(sent.as_object().unwrap())?;
    /// assert!(metadata.response_types.is_empty() && metadata.check().is_ok());
    ///
    /// let sent = serde_json::json!({"redirect_uris": "https://app.example/cb"});
    /// let refused = ClientMetadata::from_members(sent.as_object().unwrap());
    /// assert_eq!(refused, Err(InvalidMetadata::Member("redirect_uris")));
    /// # Ok::<(), InvalidMetadata>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A member that is not of its type, or is malformed: [`InvalidMetadata::Member`], or a variant
    /// that says more. It is named, and nothing of it is repeated.
    ///
    /// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
    /// [OIDC Dynamic Client Registration §2]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
    pub fn from_members(members: &Map<String, Value>) -> Result<Self, InvalidMetadata> {
        Self::read(members).map_err(|unread| unread.error)
    }

    fn read(members: &Map<String, Value>) -> Result<Self, Unread> {
        let mut metadata = Self::read_each(members)?;
        let given = |name| present(members, name).is_some();
        match (given("grant_types"), given("response_types")) {
            (false, true) => metadata.grant_types = needed_by(&metadata.response_types),
            (true, false) if !metadata.may(&GrantType::AuthorizationCode) => {
                metadata.response_types.clear();
            }
            _ => {}
        }
        Ok(metadata)
    }

    /// Whether a member of this name is understood: one of [`MEMBERS`](Self::MEMBERS), or one of
    /// those for people with a `#` and what should be a language.
    pub fn is_member(name: &str) -> bool {
        Self::MEMBERS.contains(&name) || LocalisedMembers::split(name).is_some()
    }
}

/// The grants that these response types need ([RFC 7591 §2.1]).
///
/// [RFC 7591 §2.1]: https://www.rfc-editor.org/rfc/rfc7591#section-2.1
fn needed_by(response_types: &[ResponseType]) -> Vec<GrantType> {
    let some = |carries: fn(ResponseType) -> bool| response_types.iter().copied().any(carries);
    let code = some(ResponseType::code).then_some(GrantType::AuthorizationCode);
    let implicit = some(ResponseType::implicit).then_some(GrantType::Implicit);
    code.into_iter().chain(implicit).collect()
}

fn present<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    members.get(name).filter(|value| !value.is_null())
}

/// One member, if it is there.
pub(super) fn member<T: DeserializeOwned>(
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<T>, Unread> {
    let Some(value) = present(members, name) else { return Ok(None) };
    // There are no objects but this one; serde would take `{"web": null}` for "web".
    let read = if value.is_object() && name != "jwks" {
        Err(Error::custom("an object, where there is none"))
    } else {
        T::deserialize(value)
    };
    read.map(Some).map_err(|error: serde_json::Error| Unread {
        error: refusal(name, value),
        detail: format!("{name}: {error}"),
    })
}

/// What can be said of a member that could not be read, without a word of it.
fn refusal(name: &'static str, value: &Value) -> InvalidMetadata {
    let found = match name {
        "redirect_uris" => {
            let uris = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let texts: Option<Vec<_>> = uris.iter().map(Value::as_str).collect();
            let wrong = |uri: &str| RedirectUri::new(uri).err();
            texts.unwrap_or_default().into_iter().find_map(wrong).map(InvalidMetadata::RedirectUri)
        }
        "jwks" => match value.as_object().map(Jwks::from_members) {
            Some(Err(KeyError::Refused { position, problem })) => {
                Some(InvalidMetadata::Key { position, problem })
            }
            _ => None,
        },
        _ => None,
    };
    found.unwrap_or(InvalidMetadata::Member(name))
}

impl<'de> Deserialize<'de> for ClientMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = deserializer.deserialize_map(Members)?;
        Self::read(&members).map_err(|unread| D::Error::custom(unread.detail))
    }
}

/// An object without a repeated member, of which two readers may believe different ones.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the metadata of a client")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate field {name:?}")));
            }
            members.insert(name, value);
        }
        Ok(members)
    }
}
