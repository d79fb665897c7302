use std::{borrow::Cow, fmt};

use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::error::Reason;

/// The parameters of a request.
///
/// Parsing never fails: an empty value counts as absent and a repeated parameter is an error where
/// it is used ([RFC 6749 §3.1]).
///
/// [RFC 6749 §3.1]: https://www.rfc-editor.org/rfc/rfc6749#section-3.1
#[derive(Clone, Default)]
pub(crate) struct Params<'r> {
    pairs: Vec<(Cow<'r, str>, Cow<'r, str>)>,
    too_many: bool,
}

impl<'r> Params<'r> {
    /// More parameters than any request has; keeps looking one up cheap (threat HT-04).
    const LIMIT: usize = 100;

    /// Decodes `application/x-www-form-urlencoded` parts, one after the other.
    pub(crate) fn parse(parts: &[&'r [u8]]) -> Self {
        let mut pairs = Vec::with_capacity(16);
        for part in parts {
            for pair in part.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
                if pairs.len() == Self::LIMIT {
                    return Self { pairs, too_many: true };
                }
                pairs.extend(plain(pair).or_else(|| form_urlencoded::parse(pair).next()));
            }
        }
        Self { pairs, too_many: false }
    }

    /// Refuses a request with more parameters than were looked at.
    pub(crate) fn bounded(self) -> Result<Self, Reason> {
        if self.too_many { Err(Reason::TooManyParameters) } else { Ok(self) }
    }

    /// The value of a parameter that may occur once.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Reason> {
        let mut values = self.values(name);
        let value = values.next();
        if values.next().is_some() {
            return Err(Reason::ParameterRepeated);
        }
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// The values of a parameter that may occur several times.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).filter(|value| !value.is_empty())
    }

    /// The members of a request object that are parameters ([OIDC Core §6.1]): text, numbers, and JSON
    /// where the parameter is JSON; `resource` may be a list. None if one of them is something else.
    ///
    /// [OIDC Core §6.1]: https://openid.net/specs/openid-connect-core-1_0.html#JWTRequests
    pub(crate) fn of_object(object: &Map<String, Value>, names: &[&str]) -> Option<Self> {
        let mut pairs = Vec::with_capacity(object.len());
        for (name, value) in object.iter().filter(|(name, _)| names.contains(&name.as_str())) {
            let mut push = |value: String| pairs.push((name.clone().into(), value.into()));
            match value {
                Value::String(text) => push(text.clone()),
                Value::Number(number) => push(number.to_string()),
                Value::Object(_) if matches!(name.as_str(), "claims" | "registration") => {
                    push(value.to_string());
                }
                Value::Array(items) if name == "resource" => {
                    for item in items {
                        push(item.as_str()?.to_owned());
                    }
                }
                _ => return None,
            }
        }
        (pairs.len() <= Self::LIMIT).then_some(Self { pairs, too_many: false })
    }

    /// These, but where the object names a parameter, only what the object says of it.
    pub(crate) fn overridden_by(&self, object: Params<'r>) -> Self {
        let inside = |name: &str| object.pairs.iter().any(|(known, _)| known == name);
        let carrier = |name: &str| matches!(name, "request" | "request_uri");
        let outside = self.pairs.iter().filter(|(name, _)| !inside(name) && !carrier(name));
        let mut pairs: Vec<_> = outside.cloned().collect();
        pairs.extend(object.pairs);
        Self { pairs, too_many: false }
    }

    /// The parameters with these names, encoded again, for keeping a request.
    pub(crate) fn keep(&self, names: &[&str]) -> String {
        let kept = self.pairs.iter().filter(|(name, _)| names.contains(&&**name));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(n, _)| n == name).map(|(_, value)| &**value)
    }
}

/// A pair in which nothing is encoded.
fn plain(pair: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    if pair.iter().fold(false, |any, b| any | matches!(b, b'%' | b'+' | 0x80..)) {
        return None;
    }
    let pair = str::from_utf8(pair).ok()?;
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    Some((name.into(), value.into()))
}

impl fmt::Debug for Params<'_> {
    /// Values may be credentials; only the names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 §3.1; threats AZ-01, AZ-04.
    #[test]
    fn empty_is_absent_and_repeated_is_an_error() {
        let params = Params::parse(&[b"a=1&b=&c=1&c=1&d=", b"d=2&e=%20%2B+"]);
        assert_eq!(params.one("a"), Ok(Some("1")));
        assert_eq!(params.one("b"), Ok(None));
        assert_eq!(params.one("c"), Err(Reason::ParameterRepeated));
        assert_eq!(params.one("d"), Err(Reason::ParameterRepeated), "query and body");
        assert_eq!(params.one("e"), Ok(Some(" + ")));
        assert_eq!(params.one("f"), Ok(None));
        assert_eq!(params.all("c").count(), 2);
    }

    proptest::proptest! {
        /// F-01: the short cut for plain pairs reads what the library reads.
        #[test]
        fn reads_what_the_library_reads(body in "[a-c=&+%2 é\0]{0,40}") {
            let expected: Vec<_> = form_urlencoded::parse(body.as_bytes()).collect();
            proptest::prop_assert_eq!(Params::parse(&[body.as_bytes()]).pairs, expected);
        }

        #[test]
        fn reads_any_bytes_as_the_library_does(body: Vec<u8>) {
            let expected: Vec<_> = form_urlencoded::parse(&body).collect();
            proptest::prop_assert_eq!(Params::parse(&[&body]).pairs, expected);
        }
    }

    #[test]
    fn keeps_only_what_is_named() {
        let params = Params::parse(&[b"state=%0d%0a%26&x=1&resource=a&resource=b"]);
        assert_eq!(params.keep(&["state", "resource"]), "state=%0D%0A%26&resource=a&resource=b");
    }

    /// OIDC Core §6.1: the object's word counts, and the object itself is gone.
    #[test]
    fn an_object_overrides() {
        let outer = Params::parse(&[b"a=1&a=2&b=3&request=x&request_uri=y&resource=r"]);
        let Value::Object(object) = serde_json::json!({
            "a": "4", "c": 5, "resource": ["s", "t"], "claims": {"userinfo": {}}, "jti": "ignored"
        }) else {
            unreachable!()
        };
        let names = ["a", "b", "c", "resource", "claims"];
        let merged = outer.overridden_by(Params::of_object(&object, &names).unwrap());
        let pairs: Vec<_> = merged.pairs.iter().map(|(n, v)| (&**n, &**v)).collect();
        let claims = r#"{"userinfo":{}}"#;
        assert_eq!(
            pairs,
            [
                ("b", "3"),
                ("a", "4"),
                ("c", "5"),
                ("resource", "s"),
                ("resource", "t"),
                ("claims", claims)
            ]
        );
        for wrong in [
            serde_json::json!({"a": null}),
            serde_json::json!({"a": ["x"]}),
            serde_json::json!({"resource": [1]}),
            serde_json::json!({"a": {}}),
        ] {
            assert!(Params::of_object(wrong.as_object().unwrap(), &names).is_none(), "{wrong}");
        }
    }

    /// Threat HT-04.
    #[test]
    fn many_parameters_are_refused() {
        let many = |n: usize| "a=1&".repeat(n).into_bytes();
        assert!(Params::parse(&[&many(100)]).bounded().is_ok());
        assert_eq!(
            Params::parse(&[&many(10_000)]).bounded().map(|_| ()),
            Err(Reason::TooManyParameters)
        );
    }
}
