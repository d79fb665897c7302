use serde_json::{Map, Value};

use crate::{
    error::Reason,
    types::{Acr, Subject},
    wire::json_object,
};

/// The `claims` parameter ([OIDC Core §5.5]): single claims, each for one place.
///
/// [OIDC Core §5.5]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClaimsParameter {
    pub(crate) id_token: Vec<RequestedClaim>,
    pub(crate) userinfo: Vec<RequestedClaim>,
    /// The person whom the client expects: any of these.
    pub(crate) sub: Option<Vec<Subject>>,
    /// The context class that the client wants.
    pub(crate) acr: Option<RequestedAcr>,
}

/// A claim that is asked for by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestedClaim {
    /// With its language tag, if it was asked for with one.
    pub(crate) name: Box<str>,
    pub(crate) essential: bool,
}

/// `acr` as a requested claim ([OIDC Core §5.5.1.1]).
///
/// [OIDC Core §5.5.1.1]: https://openid.net/specs/openid-connect-core-1_0.html#acrSemantics
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestedAcr {
    pub(crate) essential: bool,
    /// Any of these; whatever there is, if empty.
    pub(crate) values: Vec<Acr>,
}

/// Larger than any use of it.
const SIZE: usize = 8 * 1024;
/// More claims for one place than anybody knows of a person.
const COUNT: usize = 64;
/// More values than anybody wants one of.
const VALUES: usize = 32;
const NAME: usize = 255;

impl ClaimsParameter {
    /// Reads the parameter; members that it does not know are ignored.
    pub(crate) fn parse(text: &str) -> Result<Self, Reason> {
        Self::read(text).ok_or(Reason::ClaimsInvalid)
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > SIZE {
            return None;
        }
        let places = json_object(text.as_bytes())?;
        let mut parameter = Self::default();
        for (place, fill) in [
            ("id_token", Self::fill_id_token as fn(&mut Self, &Map<String, Value>) -> Option<()>),
            ("userinfo", Self::fill_userinfo),
        ] {
            match places.get(place) {
                None | Some(Value::Null) => {}
                Some(Value::Object(claims)) if claims.len() <= COUNT => {
                    fill(&mut parameter, claims)?;
                }
                Some(_) => return None,
            }
        }
        Some(parameter)
    }

    fn fill_id_token(&mut self, claims: &Map<String, Value>) -> Option<()> {
        for (name, request) in claims {
            let wish = Wish::read(request)?;
            if name == "acr" {
                let values = wish.values.iter().map(|value| value.as_str().map(Acr::new));
                self.acr = Some(RequestedAcr {
                    essential: wish.essential,
                    values: values.collect::<Option<_>>()?,
                });
            }
            self.expect(name, &wish)?;
            self.id_token.push(RequestedClaim::new(name, &wish)?);
        }
        Some(())
    }

    fn fill_userinfo(&mut self, claims: &Map<String, Value>) -> Option<()> {
        for (name, request) in claims {
            let wish = Wish::read(request)?;
            self.expect(name, &wish)?;
            self.userinfo.push(RequestedClaim::new(name, &wish)?);
        }
        Some(())
    }

    /// A requested `sub` says whom the client expects. What is no subject is nobody's.
    fn expect(&mut self, name: &str, wish: &Wish<'_>) -> Option<()> {
        if name != "sub" || wish.values.is_empty() {
            return Some(());
        }
        let values = wish.values.iter().map(|value| value.as_str());
        let values = values.collect::<Option<Vec<_>>>()?;
        let these: Vec<_> = values.into_iter().filter_map(|v| Subject::new(v).ok()).collect();
        self.sub = Some(match self.sub.take() {
            // Asked for in both places, it must be in both.
            Some(others) => others.into_iter().filter(|other| these.contains(other)).collect(),
            None => these,
        });
        Some(())
    }
}

impl RequestedClaim {
    fn new(name: &str, wish: &Wish<'_>) -> Option<Self> {
        // Visible ASCII: people read it on the consent page.
        let visible = name.bytes().all(|b| matches!(b, 0x21..=0x7E));
        let named = !name.is_empty() && name.len() <= NAME && visible;
        named.then(|| Self { name: name.into(), essential: wish.essential })
    }
}

/// What is said of one claim: `null`, or an object.
#[derive(Default)]
struct Wish<'w> {
    essential: bool,
    values: Vec<&'w Value>,
}

impl<'w> Wish<'w> {
    fn read(request: &'w Value) -> Option<Self> {
        let members = match request {
            Value::Null => return Some(Self::default()),
            Value::Object(members) => members,
            _ => return None,
        };
        let essential = match members.get("essential") {
            None => false,
            Some(essential) => essential.as_bool()?,
        };
        let values = match (members.get("value"), members.get("values")) {
            (None, None) => Vec::new(),
            (Some(value), None) => vec![value],
            (None, Some(Value::Array(values))) if values.len() <= VALUES => values.iter().collect(),
            _ => return None,
        };
        Some(Self { essential, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of OIDC Core §5.5.
    #[test]
    fn the_example_of_the_specification() {
        let parsed = ClaimsParameter::parse(
            r#"{"userinfo": {
                "given_name": {"essential": true}, "nickname": null,
                "email": {"essential": true}, "email_verified": {"essential": true},
                "picture": null, "http://example.info/claims/groups": null },
              "id_token": {
                "auth_time": {"essential": true},
                "acr": {"values": ["urn:mace:incommon:iap:silver"] } } }"#,
        )
        .unwrap();
        let names: Vec<_> = parsed.userinfo.iter().map(|c| (&*c.name, c.essential)).collect();
        assert_eq!(
            names,
            [
                ("given_name", true),
                ("nickname", false),
                ("email", true),
                ("email_verified", true),
                ("picture", false),
                ("http://example.info/claims/groups", false)
            ]
        );
        let acr = parsed.acr.unwrap();
        assert_eq!(
            (acr.essential, acr.values[0].as_str()),
            (false, "urn:mace:incommon:iap:silver")
        );
    }

    #[test]
    fn a_requested_sub() {
        for (text, expected) in [
            (r#"{"id_token":{"sub":{"value":"a"}}}"#, Some(vec!["a"])),
            (r#"{"userinfo":{"sub":{"values":["a","b"]}}}"#, Some(vec!["a", "b"])),
            (
                r#"{"id_token":{"sub":{"value":"a"}},"userinfo":{"sub":{"value":"b"}}}"#,
                Some(vec![]),
            ),
            (r#"{"id_token":{"sub":{"value":"ü"}}}"#, Some(vec![])),
            (r#"{"id_token":{"sub":null}}"#, None),
        ] {
            let sub = ClaimsParameter::parse(text).unwrap().sub;
            let sub = sub.map(|these| these.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(sub, expected.map(|e| e.into_iter().map(str::to_owned).collect()), "{text}");
        }
    }

    /// Threats AZ-10, HT-04; F-06: what is malformed, repeated, deep or large is refused.
    #[test]
    fn what_is_no_claims_request() {
        let deep =
            format!(r#"{{"userinfo":{{"a":{{"value":{}{}}}}}}}"#, "[".repeat(20), "]".repeat(20));
        let names: Vec<_> = (0..65).map(|i| format!("\"c{i}\":null")).collect();
        let many = format!(r#"{{"userinfo":{{{}}}}}"#, names.join(","));
        let large = format!(r#"{{"userinfo":{{"a":{{"value":"{}"}}}}}}"#, "x".repeat(SIZE));
        let long = format!(r#"{{"userinfo":{{"{}":null}}}}"#, "n".repeat(256));
        for wrong in [
            "",
            "x",
            "[]",
            "1",
            "null",
            "{",
            r#"{"userinfo":1}"#,
            r#"{"userinfo":[]}"#,
            r#"{"userinfo":{"a":1}}"#,
            r#"{"userinfo":{"a":true}}"#,
            r#"{"userinfo":{"a":{"essential":"yes"}}}"#,
            r#"{"userinfo":{"a":{"values":"x"}}}"#,
            r#"{"userinfo":{"a":{"value":1,"values":[1]}}}"#,
            r#"{"userinfo":{"":null}}"#,
            r#"{"userinfo":{"a":null,"a":null}}"#,
            r#"{"userinfo":{"a b":null}}"#,
            "{\"userinfo\":{\"\u{202E}liame\":null}}",
            r#"{"userinfo":{},"userinfo":{}}"#,
            r#"{"id_token":{"acr":{"value":1}}}"#,
            r#"{"id_token":{"sub":{"value":1}}}"#,
            &deep,
            &many,
            &large,
            &long,
        ] {
            assert_eq!(ClaimsParameter::parse(wrong), Err(Reason::ClaimsInvalid), "{wrong:.60}");
        }
        for fine in ["{}", r#"{"userinfo":null}"#, r#"{"other":1,"id_token":{"a":{"x":1}}}"#] {
            assert!(ClaimsParameter::parse(fine).is_ok(), "{fine}");
        }
    }
}
