//! What comes in: one JSON object.

use std::fmt;

use axum::http::{StatusCode, header};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Map, Value, map};

use super::answer::Problem;
use crate::layers::Received;

/// The members of the body; none if there is no body at all.
pub(crate) fn object(received: &Received) -> Result<Map<String, Value>, Problem> {
    let body = received.body();
    if body.is_empty() {
        return Ok(Map::new());
    }
    if !is_json(received) {
        let text = "the body must be application/json, in UTF-8, and not encoded";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", text));
    }
    let object: Result<Object, _> = serde_json::from_slice(body);
    let text = "the body must be one JSON object without repeated members";
    object.map(|Object(members)| members).map_err(|_| Problem::request(text))
}

/// The body as this type; of the members that it has, one that is null is absent.
pub(crate) fn read<T: DeserializeOwned>(received: &Received) -> Result<T, Problem> {
    let read = T::deserialize(Members(object(received)?));
    // What the parser says may repeat what was sent, and this may be a secret: nobody but the sender
    // is told.
    read.map_err(|problem| Problem::request(problem.to_string()))
}

fn is_json(received: &Received) -> bool {
    let headers = &received.parts.headers;
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else { return false };
    let Ok(text) = content_type.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    json && utf8 && !headers.contains_key(header::CONTENT_ENCODING)
}

/// Leaves out what is null for a type that says which members it has; others are seen, and refused.
struct Members(Map<String, Value>);

impl<'de> Deserializer<'de> for Members {
    type Error = serde_json::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let Self(mut members) = self;
        members.retain(|name, value| !(value.is_null() && fields.contains(&&**name)));
        visitor.visit_map(Each { members: members.into_iter(), value: None })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        Value::Object(self.0).deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The members one by one; what is wrong with the value of one begins with its name.
struct Each {
    members: map::IntoIter,
    value: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Each {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Self::Error> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        let key = seed.deserialize(name.as_str().into_deserializer())?;
        self.value = Some((name, value));
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Self::Error> {
        let (name, value) = self.value.take().ok_or_else(|| Error::custom("no name before it"))?;
        let named = |problem: Self::Error| Error::custom(format_args!("{name}: {problem}"));
        seed.deserialize(value).map_err(named)
    }
}

/// An object in which no member stands twice, so that nobody reads another one than we do.
struct Object(Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member is there twice"));
                    }
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        text: Option<String>,
        number: u8,
    }

    /// What is wrong names the member, and null is as good as nothing.
    #[test]
    fn problems_name_the_member() {
        let read = |body: Value| {
            let Value::Object(members) = body else { unreachable!() };
            Asked::deserialize(Members(members))
        };
        let asked = read(json!({ "text": null, "number": 7 })).unwrap();
        assert_eq!((asked.text, asked.number), (None, 7));
        for (body, says) in [
            (json!({ "text": 7, "number": 7 }), "text: invalid type"),
            (json!({ "text": "", "number": "7" }), "number: invalid type"),
            (json!({ "number": 256 }), "number: invalid value"),
            (json!({ "text": "" }), "missing field `number`"),
            (json!({ "number": null }), "missing field `number`"),
            (json!({ "number": 7, "texts": null }), "unknown field `texts`"),
        ] {
            let problem = read(body).unwrap_err().to_string();
            assert!(problem.starts_with(says), "{problem}");
        }
    }
}
